//! What a conformance run comes to.

use super::gateway::Origin;
use super::status::{Reason, Status};
use super::{Conformance, Row};
use crate::check::Level;
use crate::check::probe;

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything that must hold did.
    Pass,
    /// Something that must hold did not.
    Fail,
    /// The run says nothing: no answer, nothing asserted, or a MUST that could not be judged.
    Invalid,
}

impl Verdict {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Invalid => "invalid",
        }
    }

    /// The verdict of that name.
    pub fn named(name: &str) -> Option<Verdict> {
        [Verdict::Pass, Verdict::Fail, Verdict::Invalid].into_iter().find(|verdict| verdict.name() == name)
    }
}

impl Row {
    /// Whether it makes the run fail: a MUST is broken, something that held is lost, or with `strict` anything that is
    /// no more than a warning. What a gateway only passes through is not its own fault.
    pub fn fails(&self, strict: bool) -> bool {
        if self.origin == Some(Origin::PassedThrough) {
            return false;
        }
        match self.status {
            Status::Fail | Status::Lost => true,
            Status::Flaky => strict || self.level == Level::Must,
            Status::Warn | Status::Stale => strict,
            Status::Pass
            | Status::Info
            | Status::Skip
            | Status::Blocked(_)
            | Status::Follows(_)
            | Status::Known
            | Status::Error => false,
        }
    }
}

/// What is asked of a user whose endpoint lets a wrong key in.
pub const ANY_KEY: &str = "the endpoint takes any key; if it is meant to, as vLLM and llama.cpp without a key are, say so with --without keys";

impl Conformance {
    /// Whether the endpoint was shown a key that nobody knows, and let it in.
    pub fn takes_any_key(&self) -> bool {
        let mut both = self.sent.iter().zip(&self.exchanges);
        both.any(|(sent, exchange)| sent.probe == probe::wrong_key() && exchange.status() == Some(200))
    }
}

/// The verdict on a run and why it is not a pass.
pub fn of(run: &Conformance, strict: bool) -> (Verdict, Vec<Reason>) {
    let errors: Vec<&Row> =
        run.rows.iter().filter(|row| row.status == Status::Error && row.level == Level::Must).collect();
    let asserted = run.rows.iter().any(|row| !matches!(row.status, Status::Skip | Status::Blocked(_) | Status::Error));
    let answered = run.exchanges.iter().any(|exchange| exchange.head.is_some());
    let mut reasons = Vec::new();
    if let Some(obstacle) = &run.obstacle {
        reasons.extend(obstacle.reasons());
    }
    let unjudged = |row: &&Row| row.reason.clone().under(format!("{} could not be judged", row.check.id));
    reasons.extend(errors.iter().map(unjudged));
    if !asserted && run.obstacle.is_none() {
        reasons.push(Reason::ours("nothing was asserted"));
    }
    if run.interrupted {
        reasons.push(Reason::ours("interrupted before all was sent"));
    }
    if run.interrupted || run.obstacle.is_some() || !errors.is_empty() || !asserted || !answered {
        return (Verdict::Invalid, reasons);
    }
    let failed: Vec<&Row> = run.rows.iter().filter(|row| row.fails(strict)).collect();
    reasons.extend(failed.iter().map(|row| Reason::ours(format!("{}: {}", row.check.id, row.check.rule))));
    if !failed.is_empty() && run.takes_any_key() {
        reasons.push(Reason::ours(ANY_KEY));
    }
    (if failed.is_empty() { Verdict::Pass } else { Verdict::Fail }, reasons)
}
