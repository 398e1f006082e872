//! What is meant: a run with nothing left to decide.
//!
//! A [`Plan`] comes from a profile and holds values only. It knows no clock, no I/O and no file format.

use std::collections::BTreeMap;
use std::time::Duration;

pub mod baseline;
pub mod case;
pub mod goal;
pub mod order;
pub mod schedule;
pub mod secret;
pub mod target;
pub mod terms;

use baseline::Known;
use case::Case;
use goal::Goal;
use schedule::Load;
use target::Target;

/// A run with nothing left to decide.
#[derive(Debug)]
pub struct Plan {
    /// Name of the profile.
    pub profile: String,
    /// What the user calls this run, in every report of it.
    pub labels: BTreeMap<String, String>,
    /// Where requests go.
    pub target: Target,
    /// When they go.
    pub load: Load,
    /// What they are; never empty.
    pub cases: Vec<Case>,
    /// What must hold for the run to pass.
    pub goals: Vec<Goal>,
    /// Limits that a single request must keep to count as good in the goodput, where any are set.
    pub goodput: Option<Goodput>,
    /// Whether repeated prompts are meant.
    pub reuse: bool,
    /// The root of every random choice: same plan, same seed, same run.
    pub seed: u64,
    /// What ends the run early.
    pub limits: Limits,
    /// Violations that are known and no failure.
    pub baseline: Vec<Known>,
}

/// Limits for a single request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Goodput {
    /// due -> first token.
    pub first_token: Option<Duration>,
    /// The longest gap between tokens.
    pub token_gap: Option<Duration>,
    /// Time per output token.
    pub time_per_output_token: Option<Duration>,
    /// due -> ended.
    pub response_time: Option<Duration>,
}

/// What ends a run early, labelled so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// No request is sent after this time.
    pub time: Option<Duration>,
    /// No more than this many requests are sent.
    pub requests: Option<u64>,
    /// No request is sent once replies have cost this many tokens, prompt and completion together.
    pub tokens: Option<u64>,
}

impl Plan {
    /// The case of a ticket: drawn by weight from the seed and the ticket's number.
    pub fn case_of(&self, seq: u64) -> usize {
        let total: u64 = self.cases.iter().map(|case| u64::from(case.weight)).sum();
        let mut draw = case::draw(self.seed, seq, "case") % total.max(1);
        for (index, case) in self.cases.iter().enumerate() {
            match draw.checked_sub(u64::from(case.weight)) {
                Some(rest) => draw = rest,
                None => return index,
            }
        }
        0
    }
}
