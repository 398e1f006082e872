//! Holds what a run found against what is known of the endpoint.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

use super::judging::CUT_SHORT;
use super::status::{Reason, Status};
use super::{Options, Row};
use crate::check::{self, Level};
use crate::plan::baseline::{Baseline, Known, Passed};
use crate::profile::record::Record;

/// What a run is held against.
#[derive(Debug)]
pub struct Memory<'m> {
    /// What is known.
    pub baseline: &'m Baseline,
    /// The name of the endpoint, where it has one.
    pub target: Option<&'m str>,
}

impl Row {
    /// What tells this failure of the rule from another one, whatever the values were: where it is broken, with array
    /// indices and the number of the event left out, and which statuses came.
    pub fn signature(&self) -> String {
        let first = self.findings.first();
        let step = |step: &str| if step.parse::<u64>().is_ok() { "*".to_owned() } else { step.to_owned() };
        let place: Vec<String> = first.map_or("", |finding| &finding.pointer).split('/').map(step).collect();
        let framing = if first.is_some_and(|finding| finding.event.is_some()) { "event" } else { "body" };
        let text = [self.check.id, framing, &place.join("/"), &statuses(&self.reason.to_string())].join("\n");
        format!("{:08x}", xxh3_64(text.as_bytes()) >> 32)
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
            reason: Reason::ours("it held when the baseline was written and is not judged any more"),
            findings: Vec::new(),
            seq: None,
            origin: None,
        }));
    }

    fn hold_row(&self, row: &mut Row, passed: Option<&Passed>) {
        let mut known = self.known_of(row.check.id).peekable();
        let held = passed.is_some_and(|passed| passed.checks.contains(&row.check.id));
        let is_new = passed.is_some_and(|passed| is_newer(row.check.since(), &passed.version));
        let said = std::mem::take(&mut row.reason);
        let (status, reason) = match &row.status {
            Status::Fail | Status::Warn | Status::Flaky => {
                row.reason.clone_from(&said);
                let signature = row.signature();
                let is_this = |known: &&Known| known.signature.as_ref().is_none_or(|own| *own == signature);
                match known.find(is_this) {
                    Some(known) => (Status::Known, said.under(format!("known: {}", words(known)))),
                    None if is_new && row.status != Status::Warn => (
                        Status::Warn,
                        said.under(format!("new since {}, and not in the baseline yet", row.check.since())),
                    ),
                    None => (row.status.clone(), said),
                }
            }
            Status::Pass if known.peek().is_some() => {
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
        let is_known = |row: &Row| {
            let signature = row.signature();
            self.known_of(row.check.id).any(|known| known.signature.as_ref().is_none_or(|own| *own == signature))
        };
        let failed = rows.iter().filter(|row| row.fails(strict) && !is_known(row));
        Record {
            target: self.target,
            version,
            today,
            judged: of(|row| row.status != Status::Error),
            passed: of(|row| row.status == Status::Pass),
            failed: failed.map(|row| (row.check.id, row.signature())).collect(),
        }
    }
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

    fn row(status: Status, pointer: &str, reason: &str) -> Row {
        let finding = Finding { seq: None, event: None, pointer: pointer.to_owned(), detail: reason.to_owned() };
        Row {
            check: find("resp-schema").expect("a rule"),
            level: Level::Must,
            status,
            reason: Reason::quoting(reason),
            findings: vec![finding],
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
    fn a_signature_knows_place_and_status_and_no_values() {
        let of = |pointer: &str, reason: &str| row(Status::Fail, pointer, reason).signature();
        assert_eq!(of("/choices/0/index", "expected 0, got 7"), of("/choices/3/index", "expected 3, got 9"));
        assert_ne!(of("/choices/0/index", ""), of("/choices/0/message", ""));
        assert_ne!(of("", "expected 4xx, got status 200: ok"), of("", "expected 4xx, got status 500: no"));
        assert_eq!(of("", "expected 4xx, got status 500: a"), of("", "broken in 2 of 3: got status 500: b"));
    }

    #[test]
    fn what_is_known_is_no_failure_and_what_holds_again_is_stale() {
        let fail = || row(Status::Fail, "/choices/0", "no");
        let signature = fail().signature();
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
