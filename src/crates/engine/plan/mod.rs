//! What is meant: a run with nothing left to decide.
//!
//! A [`Plan`] comes from a profile and holds values only. It knows no clock, no I/O and no file format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub mod abort;
pub mod baseline;
pub mod capacity;
pub mod case;
pub mod goal;
pub mod order;
pub mod prompt;
pub mod renamed;
pub mod schedule;
pub mod scrape;
pub mod secret;
pub mod target;
pub mod terms;

use crate::check::Level;
use crate::exchange::Ticket;
use abort::Abort;
use baseline::Known;
use case::Case;
use goal::Goal;
use prompt::tokenizer::Tokenizer;
use schedule::{Issue, Load, OverCap, Shard, Warmup};
use target::Target;

/// A run with nothing left to decide.
#[derive(Debug)]
pub struct Plan {
    /// Name of the profile.
    pub profile: String,
    /// The profile as it held, for people: flags are in it, secrets are not.
    pub effective: String,
    /// What the user calls this run, in every report of it.
    pub labels: BTreeMap<String, String>,
    /// Where requests go.
    pub target: Target,
    /// When they go: one load, or several side by side; never empty.
    pub loads: Vec<Load>,
    /// The part of the plan that this process carries out.
    pub shard: Shard,
    /// What they are; never empty.
    pub cases: Vec<Case>,
    /// What must hold for the run to pass.
    pub goals: Vec<Goal>,
    /// Limits that a single request must keep to count as good in the goodput, where any are set.
    pub goodput: Option<Goodput>,
    /// Whether repeated prompts are meant.
    pub reuse: bool,
    /// The root of every random choice but the text: same plan and same seed, same lengths, order and times.
    pub seed: u64,
    /// What makes the text of tags and made prompts another one in each run; none where prompts are meant to repeat, so
    /// that the text comes from the seed.
    pub salt: Option<u64>,
    /// Requests that have gone out alone before it.
    pub preflight: u64,
    /// What ends the run early.
    pub limits: Limits,
    /// The model's tokenizer, where answers are to be counted beside usage.
    pub tokenizer: Option<Arc<Tokenizer>>,
    /// What tokens cost, where the plan says so.
    pub price: Option<Price>,
    /// What ends it because it goes wrong.
    pub aborts: Vec<Abort>,
    /// Violations that are known and no failure.
    pub baseline: Vec<Known>,
    /// Levels other than the catalogue's, by rule; none where a rule is not judged at all.
    pub levels: BTreeMap<&'static str, Option<Level>>,
    /// The keys of the profile that decide what is sent, when, and how it is counted, with their values.
    pub keys: BTreeMap<String, String>,
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

/// What tokens cost, per million, in a currency of the user's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Of prompts.
    pub input: f64,
    /// Of answers.
    pub output: f64,
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
    /// The root of what is random in a load's times: loads are independent, and the first has the seed of the run.
    pub fn seed_of(&self, load: usize) -> u64 {
        self.seed.wrapping_add((load as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// The number in the plan of the ticket that begins a load's session, from the session's number in its load. Its later
    /// turns have the numbers behind it that are the load's.
    pub fn seq_of(&self, load: usize, nth: u64) -> u64 {
        let longest = self.loads[load].cases.iter().filter_map(|case| self.cases.get(*case)).map(Case::longest).max();
        nth * longest.unwrap_or(1) * self.loads.len() as u64 + load as u64
    }

    /// The ticket of a load's issue, which begins a session.
    pub fn ticket(&self, load: usize, issue: Issue) -> Ticket {
        let seq = self.seq_of(load, issue.nth);
        let Issue { nth, due, slot, warmup } = issue;
        Ticket { seq, load, nth, turn: 0, session: seq, slot, case: self.case_of(load, seq), due, warmup }
    }

    /// The ticket of the turn behind another, which is due then; none where the load has ended by then.
    pub fn next_turn(&self, ticket: &Ticket, due: Duration) -> Option<Ticket> {
        let load = &self.loads[ticket.load];
        let warmup = match load.warmup {
            Warmup::Until(time) => due < time,
            Warmup::First(_) => ticket.warmup,
        };
        let (seq, turn) = (ticket.seq + self.loads.len() as u64, ticket.turn + 1);
        load.duration.is_none_or(|end| due < end).then_some(Ticket { seq, turn, due, warmup, ..*ticket })
    }

    /// The case of a load's ticket: drawn by weight from the seed and the ticket's number.
    pub fn case_of(&self, load: usize, seq: u64) -> usize {
        let cases = &self.loads[load].cases;
        let weight = |case: &usize| u64::from(self.cases[*case].weight);
        let mut draw = case::draw(self.seed, seq, "case") % cases.iter().map(weight).sum::<u64>().max(1);
        for case in cases {
            match draw.checked_sub(weight(case)) {
                Some(rest) => draw = rest,
                None => return *case,
            }
        }
        cases.first().copied().unwrap_or(0)
    }

    /// What is this process's own of a number of requests that are in the plan.
    pub fn share(&self, count: u64) -> u64 {
        self.shard.share(count)
    }

    /// How long requests are sent, where the plan says so.
    pub fn length(&self) -> Option<Duration> {
        self.loads.iter().map(Load::length).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// When the last request is expected to be due, where that can be said.
    pub fn expected_end(&self) -> Option<Duration> {
        self.loads.iter().map(Load::expected_end).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The longest grace period.
    pub fn grace(&self) -> Duration {
        self.loads.iter().map(|load| load.grace).max().unwrap_or_default()
    }

    /// How long the longest warm-up lasts, as far as time tells.
    pub fn warmup(&self) -> Duration {
        let until = |load: &Load| match load.warmup {
            Warmup::Until(time) => time,
            Warmup::First(_) => Duration::ZERO,
        };
        self.loads.iter().map(until).max().unwrap_or_default()
    }

    /// Requests per second of its open loads together, where it has any.
    pub fn rate(&self) -> Option<f64> {
        self.loads.iter().filter_map(Load::rate).reduce(|a, b| a + b)
    }

    /// Whether a cap on requests in flight may leave some unsent.
    pub fn can_miss(&self) -> bool {
        let drops = |load: &Load| load.cap.as_ref().is_some_and(|cap| cap.policy == OverCap::Drop);
        self.loads.iter().any(drops)
    }

    /// Its loads in words.
    pub fn describe(&self) -> String {
        let described = |load: &Load| match &load.name {
            Some(name) => format!("{name}: {}", load.describe()),
            None => load.describe(),
        };
        let loads = self.loads.iter().map(described).collect::<Vec<_>>().join("; ");
        let longest = self.cases.iter().map(Case::longest).max().unwrap_or(1);
        if longest > 1 { format!("{loads}; each begins a session of up to {longest} turns") } else { loads }
    }
}
