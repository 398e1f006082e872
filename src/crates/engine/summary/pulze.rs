//! What Pulze's metadata says of a run: provider calls that were repeated unseen, money, warnings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::distinct::Texts;
use super::evidence::Evidence;
use crate::exchange::Reading;
use crate::wire::json::{At, Members, Value};

/// What the metadata of the replies of the measured part adds up to. Money is in integer billionths of a dollar, so that
/// sums do not depend on their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pulze {
    /// Replies with metadata.
    pub replies: u64,
    /// Of these, replies for which a provider was called again.
    pub retried: u64,
    /// How often providers were called again; a client sees but one slow reply.
    pub retries: u64,
    /// What the replies cost.
    pub cost_nanodollars: i64,
    /// What they saved against the benchmark model; below 0 where they cost more.
    pub savings_nanodollars: i64,
    /// Warnings, by their text.
    pub warnings: Texts,
}

/// A reply that claims to have cost more dollars than this counts as that.
const DEAREST: f64 = 1_000.0;

impl Pulze {
    /// Adds an exchange of the measured part.
    pub(super) fn record(&mut self, reading: &Reading<'_>, evidence: &Evidence<'_>) {
        let Some(metadata) = reading.metadata() else { return };
        let retries = metadata.member("retries").and_then(Value::as_u64).unwrap_or(0);
        self.replies += 1;
        self.retried += u64::from(retries > 0);
        self.retries = self.retries.saturating_add(retries);
        self.cost_nanodollars += nanodollars(metadata, "costs");
        self.savings_nanodollars += nanodollars(metadata, "cost_savings");
        if let Some(warning) = metadata.member("warning").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            self.warnings.add(&evidence.clean(warning), reading.exchange.ticket.seq);
        }
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: &Pulze) {
        self.replies += other.replies;
        self.retried += other.retried;
        self.retries = self.retries.saturating_add(other.retries);
        self.cost_nanodollars += other.cost_nanodollars;
        self.savings_nanodollars += other.savings_nanodollars;
        self.warnings.merge(&other.warnings);
    }
}

/// The total of one of the two blocks of money, whose members are named after the tokens that they are the price of.
#[expect(clippy::cast_possible_truncation, reason = "clamped to a range that fits")]
fn nanodollars(metadata: &Value, block: &str) -> i64 {
    let dollars =
        metadata.get(block).and_then(|block| block.member("total_tokens")).and_then(Value::as_f64).unwrap_or(0.0);
    (dollars.clamp(-DEAREST, DEAREST) * 1e9).round() as i64
}

/// The model that answered, with its provider, as the metadata names it.
pub(super) fn namespace<'r>(reading: &'r Reading<'_>) -> Option<&'r str> {
    reading.metadata()?.at("/model/namespace")?.as_str().filter(|name| !name.is_empty())
}
