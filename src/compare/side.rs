//! What is compared with what: a run, or the repetitions of one.

use super::quantity::{Quantity, Unit};
use crate::plan::goal::{Metric, Scalar};
use crate::summary::Summary;
use crate::wire::plain;

/// One side of a comparison.
#[derive(Debug, Clone)]
pub struct Side {
    /// What the user calls it.
    pub name: String,
    /// Its repetitions, at least one, in the order in which they were made.
    pub runs: Vec<Summary>,
}

impl Side {
    /// A side of these runs.
    ///
    /// # Panics
    /// If there is no run.
    pub fn new(name: impl Into<String>, mut runs: Vec<Summary>) -> Side {
        assert!(!runs.is_empty(), "a side has at least one run");
        runs.sort_by_key(|run| run.meta.started_unix_ms);
        Side { name: plain::line(&name.into()), runs }
    }

    /// Its first run, which stands for the plan of all.
    pub fn first(&self) -> &Summary {
        &self.runs[0]
    }

    /// The value of a metric in each run that has one.
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.value(metric)).collect()
    }

    /// Whether there is anything to compare: a rate of nothing, such as of tokens that no reply has, is no figure.
    pub fn has(&self, quantity: Quantity) -> bool {
        self.values(quantity.metric).iter().any(|value| quantity.unit() != Unit::PerS || *value > 0.0)
    }

    /// How many requests a share is a share of, over all runs.
    pub fn requests(&self, share: Scalar) -> u64 {
        let of = |run: &Summary| match share {
            Scalar::ViolationRate => run.counts.status_200,
            Scalar::ErrorRate => run.count(&["ok"]) + run.failed(),
            Scalar::GoodFraction | Scalar::MissedFraction => run.accountable(),
            Scalar::SessionsComplete => run.sessions.ended(),
            Scalar::Requests
            | Scalar::GoodRequests
            | Scalar::OutputTokens
            | Scalar::TotalTokens
            | Scalar::PromptCount
            | Scalar::CompletionCount
            | Scalar::CachedFraction
            | Scalar::Cost
            | Scalar::CostPerRequest => run.planned(),
        };
        self.runs.iter().map(of).sum()
    }

    /// Share of the prompt tokens that came from a cache, over all runs; none where no prompt tokens are stated, or fewer
    /// than are called cached.
    pub fn cached_share(&self) -> Option<f64> {
        let of = |count: fn(&Summary) -> u64| self.runs.iter().map(count).sum::<u64>();
        let prompt = of(|run| run.counts.prompt_millitokens);
        let cached = of(|run| run.counts.cached_millitokens);
        (prompt > 0 && cached <= prompt).then(|| cached as f64 / prompt as f64)
    }
}

/// Whether the runs of two sides were made in turn, each pair next to one another in time (ABAB or ABBA), so that
/// whatever drifts meanwhile drifts for both.
pub fn in_turn(base: &Side, new: &Side) -> bool {
    let sides = [(base, false), (new, true)];
    let mut order: Vec<(u64, bool)> = sides
        .into_iter()
        .flat_map(|(side, is_new)| side.runs.iter().map(move |run| (run.meta.started_unix_ms, is_new)))
        .collect();
    order.sort_unstable();
    base.runs.len() == new.runs.len() && order.chunks(2).all(|pair| pair.len() == 2 && pair[0].1 != pair[1].1)
}
