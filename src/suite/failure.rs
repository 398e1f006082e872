//! The faults of one rule, each kind once.

use crate::check::{Finding, Signature};

/// One kind of fault of a rule: its first finding, and at how many replies it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The first finding of this kind.
    pub finding: Finding,
    /// Replies with this fault.
    pub count: usize,
}

/// Kinds of faults that are kept of a rule.
pub const KINDS: usize = 16;

impl Failure {
    /// What tells it from other faults of the rule.
    pub fn signature(&self) -> Signature {
        self.finding.signature()
    }
}

/// The findings of one verdict by kind, in their order. Two findings of one kind at one reply count once.
pub(super) fn by_kind(findings: Vec<Finding>) -> Vec<Failure> {
    let mut kinds: Vec<(Failure, Option<u64>)> = Vec::new();
    for finding in findings {
        let signature = finding.signature();
        match kinds.iter().position(|(known, _)| known.signature() == signature) {
            Some(place) if finding.seq.is_some() && kinds[place].1 != finding.seq => {
                kinds[place].0.count += 1;
                kinds[place].1 = finding.seq;
            }
            None if kinds.len() < KINDS => {
                let seq = finding.seq;
                kinds.push((Failure { finding, count: 1 }, seq));
            }
            Some(_) | None => {}
        }
    }
    kinds.into_iter().map(|(failure, _)| failure).collect()
}

/// Adds the faults of another verdict on the same rule.
pub(super) fn join(kept: &mut Vec<Failure>, others: Vec<Failure>) {
    for other in others {
        let signature = other.signature();
        match kept.iter().position(|known| known.signature() == signature) {
            Some(place) => kept[place].count += other.count,
            None if kept.len() < KINDS => kept.push(other),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Fault;

    fn finding(seq: u64, pointer: &str, fault: Fault) -> Finding {
        let (pointer, detail) = (pointer.to_owned(), "said".to_owned());
        Finding { seq: Some(seq), event: None, pointer, detail, fault: Some(fault) }
    }

    #[test]
    fn each_kind_is_kept_once_and_counts_replies() {
        let first = by_kind(vec![
            finding(1, "/choices/0", Fault::Missing),
            finding(1, "/choices/1", Fault::Missing),
            finding(2, "/choices/0", Fault::Missing),
            finding(2, "/choices/0", Fault::Repeated),
        ]);
        let counts = |kept: &[Failure]| kept.iter().map(|f| (f.finding.seq, f.count)).collect::<Vec<_>>();
        assert_eq!(counts(&first), [(Some(1), 2), (Some(2), 1)]);
        let mut both = first;
        join(&mut both, by_kind(vec![finding(3, "/choices/7", Fault::Repeated), finding(3, "", Fault::Missing)]));
        assert_eq!(counts(&both), [(Some(1), 2), (Some(2), 2), (Some(3), 1)]);
    }
}
