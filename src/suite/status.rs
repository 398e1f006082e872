//! What became of a rule in a conformance run.

use std::fmt;

use super::failure::{self, Failure, by_kind};
use crate::check::{Level, Verdict};

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    Pass,
    /// A MUST is broken, or what is to be treated like one.
    Fail,
    /// A SHOULD is broken.
    Warn,
    /// A MAY is broken, or there is something worth reporting.
    Info,
    /// It did not apply, or the endpoint cleanly refused what it takes.
    Skip,
    /// What it takes is missing because that rule failed.
    Blocked(&'static str),
    /// It is broken, and only on replies on which that rule is, whose consequence it is.
    Follows(&'static str),
    /// It is broken, and the baseline knows.
    Known,
    /// It holds although the baseline lists it as broken.
    Stale,
    /// It passed when the baseline was written and now does not apply, is blocked or gone.
    Lost,
    /// It held in some tries and not in others.
    Flaky,
    /// The endpoint gave no answer that says anything.
    Error,
}

impl Status {
    /// Name in files and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Status::Pass => "PASS",
            Status::Fail => "FAIL",
            Status::Warn => "WARN",
            Status::Info => "INFO",
            Status::Skip => "SKIP",
            Status::Blocked(_) | Status::Follows(_) => "BLOCKED",
            Status::Known => "XFAIL",
            Status::Stale => "STALE",
            Status::Lost => "LOST",
            Status::Flaky => "FLAKY",
            Status::Error => "ERROR",
        }
    }

    /// Every name, the gravest first.
    pub const NAMES: [&'static str; 11] =
        ["FAIL", "LOST", "ERROR", "FLAKY", "WARN", "STALE", "XFAIL", "BLOCKED", "SKIP", "INFO", "PASS"];
}

/// How grave a status is, by its name: 0 is the gravest.
pub fn rank(name: &str) -> usize {
    Status::NAMES.iter().position(|known| *known == name).unwrap_or(usize::MAX)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a status is as it is; empty where a rule simply holds. What quotes the endpoint stands apart, so that it can be
/// withheld.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// In our words, or in the user's.
    pub ours: String,
    /// In words that may be the endpoint's.
    pub quoted: String,
}

impl Reason {
    /// A reason in our own words.
    pub fn ours(ours: impl Into<String>) -> Reason {
        Reason { ours: ours.into(), quoted: String::new() }
    }

    /// A reason that quotes the endpoint.
    pub(super) fn quoting(quoted: impl Into<String>) -> Reason {
        Reason { ours: String::new(), quoted: quoted.into() }
    }

    /// The same with words of ours in front.
    pub(super) fn under(self, head: String) -> Reason {
        let ours = if self.ours.is_empty() { head } else { format!("{head}: {}", self.ours) };
        Reason { ours, ..self }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.ours.is_empty() || self.quoted.is_empty() { "" } else { ": " };
        write!(f, "{}{between}{}", self.ours, self.quoted)
    }
}

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) status: Status,
    pub(super) reason: Reason,
    /// Where and how it is broken.
    pub(super) failures: Vec<Failure>,
}

impl Found {
    pub(super) fn new(status: Status, reason: impl Into<String>) -> Found {
        Found { status, reason: Reason::ours(reason), failures: Vec::new() }
    }

    /// What became of a rule, in words that may be the endpoint's.
    pub(super) fn quoting(status: Status, quoted: impl Into<String>) -> Found {
        Found { status, reason: Reason::quoting(quoted), failures: Vec::new() }
    }

    /// The same as the consequence of another rule.
    pub(super) fn following(self, root: &'static str) -> Found {
        let mut found = self;
        found.see(root);
        found
    }

    /// Names the rule that it follows from.
    pub(super) fn see(&mut self, root: &'static str) {
        self.status = Status::Follows(root);
        self.reason.ours = format!("see {root}");
    }

    /// Whether it is broken for a reason of its own, so that it counts.
    pub(super) fn counts(&self) -> bool {
        matches!(self.status, Status::Fail | Status::Warn)
    }

    /// A verdict at the level that the rule has here.
    pub(super) fn of(verdict: Verdict, level: Level) -> Found {
        match verdict.at(level) {
            Verdict::Pass => Found::new(Status::Pass, ""),
            Verdict::Noted(text) => Found::quoting(Status::Info, text),
            Verdict::Skip(reason) => Found::new(Status::Skip, reason),
            Verdict::Broken { level: own, findings } => {
                let said = findings.first().map(|finding| finding.detail.clone()).unwrap_or_default();
                Found { failures: by_kind(findings), ..Found::quoting(broken(own.unwrap_or(level)), said) }
            }
        }
    }
}

impl Found {
    /// The same, with the faults of another that has the same status, so that one does not hide the other.
    pub(super) fn with(mut self, other: Found) -> Found {
        if self.status == other.status {
            failure::join(&mut self.failures, other.failures);
        }
        self
    }
}

/// What a broken rule of that level is.
fn broken(level: Level) -> Status {
    match level {
        Level::Must => Status::Fail,
        Level::Should => Status::Warn,
        Level::May => Status::Info,
    }
}

/// Joins several tries. A rule of the protocol must hold in all of them, one that depends on the model in most.
pub(super) fn join(tries: Vec<Found>, by_model: bool) -> Found {
    let held = tries.iter().filter(|found| matches!(found.status, Status::Pass)).count();
    let is_broken = |found: &Found| matches!(found.status, Status::Fail | Status::Warn);
    let broken = tries.iter().filter(|found| is_broken(found)).count();
    let count = tries.len();
    if by_model && held > 0 && 2 * held >= held + broken {
        return Found::new(Status::Pass, if broken > 0 { format!("held in {held} of {count}") } else { String::new() });
    }
    if held > 0 && broken > 0 {
        let first = tries.into_iter().filter(is_broken).reduce(Found::with);
        let mut first = first.unwrap_or_else(|| Found::new(Status::Flaky, ""));
        first.reason = first.reason.under(format!("broken in {broken} of {count}"));
        return Found { status: Status::Flaky, ..first };
    }
    tries
        .into_iter()
        .reduce(
            |first, next| {
                if rank(next.status.name()) < rank(first.status.name()) { next.with(first) } else { first.with(next) }
            },
        )
        .unwrap_or_else(|| Found::new(Status::Skip, "not tried"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(statuses: &[Status]) -> Vec<Found> {
        statuses.iter().map(|status| Found::new(status.clone(), "why")).collect()
    }

    #[test]
    fn protocol_rules_must_hold_always_and_model_rules_mostly() {
        let mixed = tries(&[Status::Pass, Status::Fail, Status::Pass]);
        assert_eq!(join(mixed.clone(), false).status, Status::Flaky);
        assert_eq!(join(mixed, true).status, Status::Pass);
        assert_eq!(join(tries(&[Status::Fail, Status::Fail, Status::Pass]), true).status, Status::Flaky);
        assert_eq!(join(tries(&[Status::Fail, Status::Fail]), true).status, Status::Fail);
        assert_eq!(join(tries(&[Status::Skip, Status::Pass]), false).status, Status::Skip);
        assert_eq!(join(tries(&[Status::Error, Status::Pass]), false).status, Status::Error);
    }
}
