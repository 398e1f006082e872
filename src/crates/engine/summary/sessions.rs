//! Sessions of several turns: how many came to their end, and their requests by turn.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::goal_parts::share;
use super::seconds::Found;
use super::splits::Split;
use crate::exchange::{NoHistory, Reading};
use crate::wire::api::history::NotSent;

/// Turns that have figures of their own; those behind them are counted with the last.
pub const TURNS: u64 = 32;

/// Where fewer sessions than this are complete, a run says so first, whatever else became of it.
const COMPLETE: f64 = 0.99;

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
    /// That ended before their last turn, since an answer calls tools.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub called: u64,
    /// That ended before their last turn, since an answer says nothing: reasoning only, or no text at all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub silent: u64,
    /// Requests of the measured part by turn, from 1.
    pub turns: BTreeMap<u64, Split>,
}

impl Sessions {
    /// Adds an exchange of a session of so many turns, of the warm-up too.
    pub(super) fn record(&mut self, reading: &Reading<'_>, turns: u64) {
        let turn = reading.exchange.ticket.turn;
        self.begun += u64::from(turn == 0);
        match reading.as_history() {
            Err(NoHistory::Failed) => self.failed += u64::from(reading.outcome.is_accountable()),
            _ if turn + 1 == turns => self.complete += 1,
            Err(NoHistory::NotSent(NotSent::Calls)) => self.called += 1,
            Err(NoHistory::NotSent(NotSent::Silent)) => self.silent += 1,
            Ok(_) => {}
        }
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
        self.called += other.called;
        self.silent += other.silent;
        for (turn, split) in other.turns {
            self.turns.entry(turn).or_default().merge(&split);
        }
    }

    /// Sessions that came to an end of their own, at their last turn or before.
    pub fn ended(&self) -> u64 {
        self.complete + self.failed + self.called + self.silent
    }

    /// Sessions that the end of the run cut, or an answer that we did not read.
    pub fn cut(&self) -> u64 {
        self.begun.saturating_sub(self.ended())
    }

    /// Complete / ended; none where none ended.
    pub fn complete_fraction(&self) -> Option<f64> {
        share(self.complete, self.ended())
    }

    /// That sessions do not complete, in words, where that is more than a few.
    pub fn shortfall(&self) -> Option<String> {
        let complete = self.complete_fraction().filter(|complete| *complete < COMPLETE)?;
        let Sessions { failed, called, silent, .. } = self;
        let ended = self.ended();
        let percent = complete * 100.0;
        Some(format!(
            "{percent:.1} % of {ended} sessions were complete: {failed} ended by a turn that failed, {called} by an answer \
             that calls tools, {silent} by one that says nothing; a goal on sessions_complete says how many must be"
        ))
    }

    /// Whether there was none.
    pub fn is_none(&self) -> bool {
        self.begun == 0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
