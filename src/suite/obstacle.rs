//! What kept an endpoint from being judged, whole or in part: it refused the plain request, or it stopped answering.

use super::status::Reason;
use crate::exchange::{Exchange, Outcome};
use crate::run::preflight::Refusal;

/// What kept an endpoint from being judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The plain request, without which nothing else says anything, was refused.
    Refused(Refusal),
    /// It answered, and then no more.
    FellSilent,
}

/// Why a rule was not judged whose probe would have come after the endpoint fell silent.
pub(super) const SILENT: &str = "not sent: the endpoint had stopped answering";

impl Obstacle {
    /// It in words.
    pub fn reasons(&self) -> Vec<Reason> {
        match self {
            Obstacle::Refused(refusal) => {
                let [came, means, cure] = refusal.lines();
                vec![Reason::quoting(came), Reason::ours(means), Reason::ours(cure)]
            }
            Obstacle::FellSilent => vec![Reason::ours(
                "the endpoint stopped answering: two requests in a row had no answer in time, and a plain one after them \
                 had none either",
            )],
        }
    }
}

/// How many requests in a row may have no answer in time.
const IN_A_ROW: u32 = 2;

/// Counts the requests in a row that had no answer in time.
#[derive(Debug, Default)]
pub(super) struct Patience {
    silent: u32,
}

impl Patience {
    /// A request ended. Whether to go on.
    pub(super) fn sees(&mut self, exchange: &Exchange) -> bool {
        self.silent = if exchange.outcome == Outcome::Timeout { self.silent + 1 } else { 0 };
        !self.is_over()
    }

    /// Whether the endpoint is to be asked if it is still there.
    pub(super) fn is_over(&self) -> bool {
        self.silent >= IN_A_ROW
    }
}
