//! How the highest load that holds the goals is looked for, and what it may cost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Limits;
use super::goal::Goal;

/// How to search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchTerms {
    /// The first load that is tried, in requests per second or as a concurrency; the profile's own load without it.
    pub from: Option<f64>,
    /// The highest load that is tried.
    pub to: f64,
    /// How near the highest load that holds and the lowest that does not are brought together, as a share.
    pub precision: f64,
    /// How long the measured part of a stage is at least.
    pub stage: Duration,
    /// The same of a stage that confirms the answer.
    pub confirm: Duration,
    /// Pause between stages.
    pub cooldown: Duration,
    /// Goals of single cases, by name, beside those of the whole profile.
    pub goals: BTreeMap<String, Vec<Goal>>,
    /// What the whole search may use.
    pub limits: Limits,
    /// What its tokens may cost.
    pub cost: Option<f64>,
    /// What a token costs.
    pub price: TokenPrice,
}

/// What a million tokens cost, in whatever currency the user counts in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TokenPrice {
    /// Of prompts.
    pub input: f64,
    /// Of answers.
    pub output: f64,
}

impl TokenPrice {
    /// What so many tokens cost.
    pub fn of(self, input: f64, output: f64) -> f64 {
        (self.input * input + self.output * output) / 1e6
    }
}

/// What the built-in endpoint is, in the words of `proofload serve`, so that a search has something to find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuiltinTerms {
    /// `--capacity`
    pub capacity: Option<String>,
    /// `--rate-limit`
    pub rate_limit: Option<String>,
    /// `--quirk`
    pub quirks: Vec<String>,
    /// `--quirk-above-in-flight`
    pub quirk_above_in_flight: u64,
}
