//! Sessions of several turns: how many came to their end, and their requests by turn.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::seconds::Found;
use super::splits::Split;
use crate::exchange::{Outcome, Reading};

/// Turns that have figures of their own; those behind them are counted with the last.
pub const TURNS: u64 = 32;

/// Sessions of several turns, and their requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// Whose first turn was planned, those of the warm-up included.
    pub begun: u64,
    /// Whose last turn ended ok.
    pub complete: u64,
    /// That ended with a turn that failed or was missed.
    pub failed: u64,
    /// Requests of the measured part by turn, from 1.
    pub turns: BTreeMap<u64, Split>,
}

impl Sessions {
    /// Adds an exchange of a session of so many turns, of the warm-up too.
    pub(super) fn record(&mut self, reading: &Reading<'_>, turns: u64) {
        let ok = reading.outcome == Outcome::Ok;
        let turn = reading.exchange.ticket.turn;
        self.begun += u64::from(turn == 0);
        self.complete += u64::from(ok && turn + 1 == turns);
        self.failed += u64::from(!ok && reading.outcome.is_accountable());
    }

    /// Adds an exchange of the measured part to the figures of its turn.
    pub(super) fn record_turn(&mut self, reading: &Reading<'_>, found: Found) {
        let turn = (reading.exchange.ticket.turn + 1).min(TURNS);
        self.turns.entry(turn).or_default().record(reading, found);
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: Sessions) {
        self.begun += other.begun;
        self.complete += other.complete;
        self.failed += other.failed;
        for (turn, split) in other.turns {
            self.turns.entry(turn).or_default().merge(&split);
        }
    }

    /// Sessions that the end of the run cut, or that could not go on, since an answer called tools.
    pub fn cut(&self) -> u64 {
        self.begun.saturating_sub(self.complete + self.failed)
    }

    /// Whether there was none.
    pub fn is_none(&self) -> bool {
        self.begun == 0
    }
}
