//! What a rule says of an exchange.

use super::finding::Finding;
use super::{Across, Check, Fault, Level, Signature};
use crate::exchange::Reading;
use crate::wire::Contract;

/// What a rule says of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It holds, or says nothing, and this is worth reporting.
    Noted(String),
    /// It does not apply, for this reason.
    Skip(&'static str),
    /// It is broken, at the rule's level or at one of its own.
    Broken {
        /// A level other than the rule's, where the catalogue says so.
        level: Option<Level>,
        /// Where and how; never empty.
        findings: Vec<Finding>,
    },
}

/// Most kinds of fault that one rule reports of one reply, and of one probe.
pub const DISTINCT: usize = 8;
/// So many findings of a reply are compared; a hostile one may have any number.
const LOOKED_AT: usize = 256;

impl Verdict {
    /// Broken at the rule's own level, in one place.
    pub(crate) fn broken(pointer: impl Into<String>, detail: impl Into<String>) -> Verdict {
        Verdict::Broken { level: None, findings: vec![Finding::new(pointer, detail)] }
    }

    /// Broken, but less binding than the rule: a warning.
    pub(crate) fn warning(pointer: impl Into<String>, detail: impl Into<String>) -> Verdict {
        Verdict::Broken { level: Some(Level::Should), findings: vec![Finding::new(pointer, detail)] }
    }

    /// Broken if there is any finding, at the rule's own level.
    pub(crate) fn of(findings: Vec<Finding>) -> Verdict {
        if findings.is_empty() { Verdict::Pass } else { Verdict::Broken { level: None, findings } }
    }

    /// Broken if there is any finding, with the first finding of each signature, at most [`DISTINCT`] of them.
    pub(crate) fn distinct(findings: impl IntoIterator<Item = Finding>) -> Verdict {
        Verdict::of(distinct(findings))
    }

    /// Pass if the rule holds, else broken in that place.
    pub(crate) fn holds(rule: bool, pointer: &str, detail: impl FnOnce() -> String) -> Verdict {
        if rule { Verdict::Pass } else { Verdict::broken(pointer, detail()) }
    }

    /// The same, with the kind of fault named for every finding that has none.
    #[must_use]
    pub(crate) fn kind(mut self, fault: &Fault) -> Verdict {
        if let Verdict::Broken { findings, .. } = &mut self {
            for finding in findings {
                finding.fault.get_or_insert_with(|| fault.clone());
            }
        }
        self
    }

    /// The same, and a broken one at this level where it has none of its own.
    #[must_use]
    pub fn or_at(mut self, level: Level) -> Verdict {
        if let Verdict::Broken { level: own, .. } = &mut self {
            own.get_or_insert(level);
        }
        self
    }

    /// The same where the rule has that level, unless what it found is less than it: a profile may lower that, too.
    #[must_use]
    pub fn at(self, level: Level) -> Verdict {
        match self {
            Verdict::Broken { level: own, findings } => {
                Verdict::Broken { level: Some(own.map_or(level, |own| own.max(level))), findings }
            }
            Verdict::Pass | Verdict::Noted(_) | Verdict::Skip(_) => self,
        }
    }

    /// The same, with every finding at the reply to that request.
    #[must_use]
    pub fn found_at(self, reading: &Reading<'_>) -> Verdict {
        match self {
            Verdict::Broken { level, findings } => {
                Verdict::Broken { level, findings: findings.into_iter().map(|finding| finding.at(reading)).collect() }
            }
            Verdict::Pass | Verdict::Noted(_) | Verdict::Skip(_) => self,
        }
    }

    /// Broken over the run as a whole, which no single reply shows.
    pub fn across(check: &Check, level: Level, detail: String) -> Verdict {
        let fault = match check.across {
            Some(Across::Unique(..) | Across::Distinct(..)) => Fault::Repeated,
            Some(Across::Constant(..)) => Fault::Changed,
            Some(Across::Varied(..)) | None => Fault::WrongValue,
        };
        Verdict::Broken { level: Some(level), findings: vec![Finding::new("", detail).kind(fault)] }
    }

    /// Whether it breaks a rule as a MUST of a contract.
    pub fn breaks_must(&self, check: &Check, contract: &Contract) -> bool {
        let Verdict::Broken { level, .. } = self else { return false };
        level.or_else(|| check.level(contract)) == Some(Level::Must)
    }
}

/// The first finding of each signature, at most [`DISTINCT`] of them, among the first [`LOOKED_AT`].
pub(crate) fn distinct(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut kept: Vec<(Signature, Finding)> = Vec::new();
    for finding in findings.into_iter().take(LOOKED_AT) {
        let signature = finding.signature();
        if kept.iter().all(|(known, _)| *known != signature) {
            kept.push((signature, finding));
        }
        if kept.len() == DISTINCT {
            break;
        }
    }
    kept.into_iter().map(|(_, finding)| finding).collect()
}
