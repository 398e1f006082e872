//! Holds what a run found against what is known of the endpoint.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use super::failure::Failure;
use super::judging::CUT_SHORT;
use super::status::{Reason, Status};
use super::{Options, Row};
use crate::check::{self, Fault, Level, Signature};
use crate::plan::baseline::{Baseline, Known, Passed};
use crate::profile::record::{Record, Refined};

/// What a run is held against.
#[derive(Debug)]
pub struct Memory<'m> {
    /// What is known.
    pub baseline: &'m Baseline,
    /// The name of the endpoint, where it has one.
    pub target: Option<&'m str>,
}

impl Row {
    /// What tells one fault of the rule from another, whatever the values were: the kind of fault, and where it is, with
    /// array positions and the number of the event left out. The place is a hash, since it may be in the endpoint's words.
    pub fn signature_of(&self, failure: &Failure) -> String {
        self.signed(&failure.signature())
    }

    /// The signature of every kind of fault; one, of the failure as such, where no place was named.
    pub fn signatures(&self) -> Vec<String> {
        if self.failures.is_empty() {
            let (place, fault) = (String::new(), Fault::Other.to_string());
            return vec![self.signed(&Signature { place, fault })];
        }
        self.failures.iter().map(|failure| self.signature_of(failure)).collect()
    }

    fn signed(&self, signature: &Signature) -> String {
        let text = [self.check.id, &signature.place, &signature.fault].join("\n");
        format!("{}-{:08x}", signature.fault, xxh3_64(text.as_bytes()) >> 32)
    }

    /// What baselines of an older form hold of a fault: the place and the statuses that came, and not the kind.
    fn coarse_signature(&self, failure: Option<&Failure>) -> String {
        let finding = failure.map(|failure| &failure.finding);
        let place = Signature::general(finding.map_or("", |finding| &finding.pointer));
        let framing = if finding.is_some_and(|finding| finding.event.is_some()) { "event" } else { "body" };
        let said = finding.map_or_else(|| self.reason.to_string(), |finding| finding.detail.clone());
        let text = [self.check.id, framing, &place, &statuses(&said)].join("\n");
        format!("{:08x}", xxh3_64(text.as_bytes()) >> 32)
    }

    /// What is known of each kind of fault, with its signature.
    fn known_by<'k>(&self, known: &[&'k Known]) -> Vec<(String, Option<&'k Known>)> {
        let of = |signature: String, failure: Option<&Failure>| {
            let coarse = self.coarse_signature(failure);
            let covers = |known: &&&Known| {
                known
                    .signature
                    .as_ref()
                    .is_none_or(|own| *own == if known.is_coarse() { &coarse } else { &signature }.as_str())
            };
            // An entry of this very kind comes before one that covers more.
            let exact = known.iter().find(|known| known.signature.as_ref() == Some(&signature));
            let found = exact.or_else(|| known.iter().find(covers)).copied();
            (signature, found)
        };
        let signatures = self.signatures().into_iter().enumerate();
        signatures.map(|(number, signature)| of(signature, self.failures.get(number))).collect()
    }

    /// Whether the rule is broken here, whatever that means for the verdict.
    pub fn is_broken(&self) -> bool {
        matches!(self.status, Status::Fail | Status::Warn | Status::Flaky | Status::Follows(_))
    }
}

/// The HTTP statuses that a text speaks of.
fn statuses(text: &str) -> String {
    let behind = text.split("status ").skip(1);
    behind.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>()).collect::<Vec<_>>().join(" ")
}

impl Memory<'_> {
    /// Changes statuses by what is known: what is known to be broken, what holds though it is listed, what is lost, and
    /// what is newer than the baseline.
    pub fn hold(&self, rows: &mut Vec<Row>, options: &Options) {
        let passed = self.baseline.passed(self.target);
        for row in rows.iter_mut() {
            self.hold_row(row, passed);
        }
        let Some(passed) = passed.filter(|_| options.only.is_none()) else { return };
        let judged: BTreeSet<&str> = rows.iter().map(|row| row.check.id).collect();
        let gone = passed.checks.iter().filter(|id| !judged.contains(**id)).filter_map(|id| check::find(id));
        let within = gone.filter(|check| check.tier.depth <= options.depth && !options.levels.contains_key(check.id));
        rows.extend(within.map(|check| Row {
            check,
            level: Level::May,
            status: Status::Lost,
            reason: Reason::ours("it held when the baseline was written and is no longer judged"),
            failures: Vec::new(),
            seq: None,
            origin: None,
        }));
    }

    fn hold_row(&self, row: &mut Row, passed: Option<&Passed>) {
        let known: Vec<&Known> = self.known_of(row.check.id).collect();
        let held = passed.is_some_and(|passed| passed.checks.contains(&row.check.id));
        let is_new = passed.is_some_and(|passed| is_newer(row.check.since(), &passed.version));
        let said = std::mem::take(&mut row.reason);
        let (status, reason) = match &row.status {
            Status::Fail | Status::Warn | Status::Flaky => {
                row.reason.clone_from(&said);
                let kinds = row.known_by(&known);
                let unknown = kinds.iter().position(|(_, known)| known.is_none());
                match unknown {
                    None => (Status::Known, said.under(in_words(&kinds))),
                    Some(first) if kinds.len() > 1 && kinds.iter().any(|(_, known)| known.is_some()) => {
                        let new = row.failures.get(first).map(|failure| failure.finding.detail.clone());
                        let count = kinds.iter().filter(|(_, known)| known.is_none()).count();
                        let ours = format!("{count} of {} kinds of fault are not in the baseline", kinds.len());
                        (row.status.clone(), Reason { ours, quoted: new.unwrap_or_default() })
                    }
                    Some(_) if is_new && row.status != Status::Warn => (
                        Status::Warn,
                        said.under(format!("new since {}, and not in the baseline yet", row.check.since())),
                    ),
                    Some(_) => (row.status.clone(), said),
                }
            }
            Status::Pass if !known.is_empty() => {
                (Status::Stale, Reason::ours("it holds, but the baseline lists it as broken"))
            }
            Status::Skip | Status::Blocked(_) if held && said.ours != CUT_SHORT => {
                (Status::Lost, said.under(format!("it held when the baseline was written; now {}", row.status.name())))
            }
            Status::Pass
            | Status::Info
            | Status::Skip
            | Status::Blocked(_)
            | Status::Follows(_)
            | Status::Known
            | Status::Stale
            | Status::Lost
            | Status::Error => (row.status.clone(), said),
        };
        (row.status, row.reason) = (status, reason);
    }

    fn known_of(&self, check: &'static str) -> impl Iterator<Item = &Known> {
        self.baseline.known.iter().filter(move |known| known.check == check && known.is_of(self.target))
    }

    /// What these rows, before they were held against anything, add to the baseline.
    pub fn record<'r>(&'r self, rows: &[Row], strict: bool, version: &'r str, today: &'r str) -> Record<'r> {
        let of =
            |wanted: fn(&Row) -> bool| rows.iter().filter(move |row| wanted(row)).map(|row| row.check.id).collect();
        let (mut failed, mut refined) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| row.fails(strict)) {
            let known: Vec<&Known> = self.known_of(row.check.id).collect();
            for (signature, known) in row.known_by(&known) {
                match known {
                    None => failed.push((row.check.id, signature)),
                    Some(known) if known.is_coarse() => refined.extend(known.signature.clone().map(|old| Refined {
                        check: row.check.id,
                        old,
                        new: signature,
                    })),
                    Some(_) => {}
                }
            }
        }
        Record {
            target: self.target,
            version,
            today,
            judged: of(|row| row.status != Status::Error),
            passed: of(|row| row.status == Status::Pass),
            failed,
            refined,
        }
    }
}

/// What is known of the kinds of fault of a rule, each reason once.
fn in_words(kinds: &[(String, Option<&Known>)]) -> String {
    let known = || kinds.iter().filter_map(|(_, known)| *known);
    let mut reasons: Vec<String> = known().map(words).collect();
    reasons.dedup();
    let coarse = known().any(Known::is_coarse);
    let coarse = if coarse { " (the entry is of an older form and covers any fault at this place)" } else { "" };
    format!("known: {}{coarse}", reasons.join("; "))
}

fn words(known: &Known) -> String {
    known.ticket.as_ref().map_or_else(|| known.reason.clone(), |ticket| format!("{} ({ticket})", known.reason))
}

/// Whether a version comes after another.
fn is_newer(version: &str, than: &str) -> bool {
    let numbers = |text: &str| text.split(['.', '-']).map_while(|part| part.parse::<u64>().ok()).collect::<Vec<_>>();
    numbers(version) > numbers(than)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Finding, find};

    fn failure(pointer: &str, detail: &str, fault: Fault) -> Failure {
        let (pointer, detail) = (pointer.to_owned(), detail.to_owned());
        Failure { finding: Finding { seq: None, event: None, pointer, detail, fault: Some(fault) }, count: 1 }
    }

    fn row(status: Status, pointer: &str, reason: &str) -> Row {
        Row {
            check: find("resp-schema").expect("a rule"),
            level: Level::Must,
            status,
            reason: Reason::quoting(reason),
            failures: vec![failure(pointer, reason, Fault::Missing)],
            seq: None,
            origin: None,
        }
    }

    fn known(signature: Option<String>, target: Option<&str>) -> Known {
        Known {
            check: "resp-schema",
            reason: "the gateway".to_owned(),
            ticket: Some("T-1".to_owned()),
            signature,
            target: target.map(str::to_owned),
            expires: None,
        }
    }

    fn held(row: Row, baseline: &Baseline) -> Row {
        let mut row = row;
        let memory = Memory { baseline, target: Some("staging") };
        memory.hold_row(&mut row, baseline.passed(Some("staging")));
        row
    }

    fn passed(version: &str) -> Vec<Passed> {
        vec![Passed { target: Some("staging".into()), version: version.into(), checks: vec!["resp-schema"] }]
    }

    #[test]
    fn a_signature_knows_place_and_kind_and_no_values() {
        let of = |pointer: &str, detail: &str, fault: Fault| {
            let row = Row { failures: vec![failure(pointer, detail, fault)], ..row(Status::Fail, "", detail) };
            row.signatures().concat()
        };
        let index = |place, detail| of(place, detail, Fault::WrongValue);
        assert_eq!(index("/choices/0/index", "expected 0, got 7"), index("/choices/3/index", "expected 3, got 9"));
        assert_ne!(index("/choices/0/index", ""), index("/choices/0/message", ""));
        assert_ne!(of("", "no [DONE]", Fault::Missing), of("", "[DONE] twice", Fault::Repeated));
        assert_ne!(of("", "got 200", Fault::Status(200)), of("", "got 500", Fault::Status(500)));
        assert!(of("", "", Fault::Missing).starts_with("missing-"));
    }

    #[test]
    fn one_known_fault_excuses_no_other_of_the_rule() {
        let both = || Row {
            failures: vec![failure("", "no end", Fault::Missing), failure("", "two ends", Fault::Repeated)],
            ..row(Status::Fail, "", "no end")
        };
        let [first, second] = <[String; 2]>::try_from(both().signatures()).expect("two kinds");
        let one = Baseline { known: vec![known(Some(first.clone()), None)], passed: Vec::new() };
        let found = held(both(), &one);
        assert_eq!(found.status, Status::Fail);
        assert_eq!(found.reason.to_string(), "1 of 2 kinds of fault are not in the baseline: two ends");
        let entries = [first.clone(), second.clone()].map(|signature| known(Some(signature), None)).to_vec();
        assert_eq!(held(both(), &Baseline { known: entries, passed: Vec::new() }).status, Status::Known);
        let memory = Memory { baseline: &one, target: None };
        assert_eq!(memory.record(&[both()], false, "0.1.0", "2026-11-30").failed, [("resp-schema", second)]);
    }

    #[test]
    fn an_entry_of_the_older_form_covers_its_place_and_is_written_anew() {
        let broken = || Row {
            failures: vec![failure("/id", "no", Fault::Missing), failure("/id", "empty", Fault::WrongValue)],
            ..row(Status::Fail, "/id", "no")
        };
        let old = broken().coarse_signature(broken().failures.first());
        let baseline = Baseline { known: vec![known(Some(old.clone()), None)], passed: Vec::new() };
        let found = held(broken(), &baseline);
        assert_eq!((found.status, found.reason.ours.contains("older form")), (Status::Known, true));
        let memory = Memory { baseline: &baseline, target: None };
        let record = memory.record(&[broken()], false, "0.1.0", "2026-11-30");
        let refined: Vec<(&str, &str)> = record.refined.iter().map(|r| (r.old.as_str(), r.new.as_str())).collect();
        let new = broken().signatures();
        assert_eq!((record.failed.len(), refined), (0, vec![(old.as_str(), new[0].as_str()), (&old, &new[1])]));
    }

    #[test]
    fn what_is_known_is_no_failure_and_what_holds_again_is_stale() {
        let fail = || row(Status::Fail, "/choices/0", "no");
        let signature = fail().signatures().concat();
        for (entry, status) in [
            (known(None, None), Status::Known),
            (known(Some(signature.clone()), Some("staging")), Status::Known),
            (known(Some("00000000".into()), None), Status::Fail),
            (known(Some(signature), Some("production")), Status::Fail),
        ] {
            let baseline = Baseline { known: vec![entry], passed: Vec::new() };
            assert_eq!(held(fail(), &baseline).status, status, "{baseline:?}");
        }
        let baseline = Baseline { known: vec![known(None, None)], passed: Vec::new() };
        assert_eq!(held(row(Status::Pass, "", ""), &baseline).status, Status::Stale);
        assert!(held(fail(), &baseline).reason.ours.contains("T-1"));
    }

    #[test]
    fn what_held_and_is_not_judged_is_lost_but_an_error_tells_nothing() {
        let baseline = Baseline { known: Vec::new(), passed: passed("0.1.0") };
        for (status, becomes) in [
            (Status::Skip, Status::Lost),
            (Status::Blocked("auth-valid-accepted"), Status::Lost),
            (Status::Error, Status::Error),
            (Status::Fail, Status::Fail),
        ] {
            assert_eq!(held(row(status, "", "why"), &baseline).status, becomes);
        }
    }

    #[test]
    fn a_rule_that_is_newer_than_the_baseline_warns() {
        let older = Baseline { known: Vec::new(), passed: passed("0.0.9") };
        let found = held(row(Status::Fail, "", "no"), &older);
        assert_eq!((found.status, found.reason.ours.starts_with("new since 0.1.0")), (Status::Warn, true));
        assert!(is_newer("0.10.0", "0.9.3") && !is_newer("0.1.0", "0.1.0") && is_newer("0.2.0-rc1", "0.1.9"));
    }
}
