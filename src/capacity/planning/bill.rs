//! What a month costs, in lines that add up.

use schemars::JsonSchema;
use serde::Serialize;

use super::Unplannable;
use super::price::TokenCost;
use super::scenario::Row;
use crate::capacity::answer::Answer;
use crate::plan::capacity::TokenPrice;

/// Hours of a month: a twelfth of a year of 365 days.
pub const HOURS_A_MONTH: f64 = 730.0;
const SECONDS_AN_HOUR: f64 = 3600.0;

/// A line of the bill of a month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Charge {
    /// What is paid for.
    pub what: Paid,
    /// How much of it, in the unit of `what`.
    pub quantity: f64,
    /// What one costs.
    pub each: f64,
    /// What all of it costs.
    pub monthly: f64,
}

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paid {
    /// Hours in which a replica serves.
    Serving,
    /// Hours in which a replica starts and does not serve yet.
    Starting,
    /// Millions of prompt tokens.
    PromptTokens,
    /// Millions of completion tokens.
    CompletionTokens,
    /// Requests, at what the metadata of the replies says that one costs.
    Requests,
}

impl Paid {
    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Paid::Serving => "serving",
            Paid::Starting => "starting",
            Paid::PromptTokens => "prompt_tokens",
            Paid::CompletionTokens => "completion_tokens",
            Paid::Requests => "requests",
        }
    }

    /// In words, with the unit.
    pub fn words(self) -> &'static str {
        match self {
            Paid::Serving => "replica-hours, serving",
            Paid::Starting => "replica-hours, starting up",
            Paid::PromptTokens => "million prompt tokens",
            Paid::CompletionTokens => "million completion tokens",
            Paid::Requests => "requests, by their metadata",
        }
    }
}

/// What a replica costs and what a request costs on top.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    replica_h: f64,
    tokens: Option<TokenCost>,
    input_tokens: f64,
    output_tokens: f64,
    /// What a request costs by the metadata; 0 where that is not asked for.
    by_metadata: f64,
}

impl Prices {
    /// # Errors
    /// If metadata is to say what requests cost, and says nothing.
    pub(super) fn of(answer: &Answer, replica_h: f64, tokens: Option<TokenCost>) -> Result<Prices, Unplannable> {
        let by_metadata = match tokens {
            Some(TokenCost::Metadata) => answer.cost_per_request.ok_or(Unplannable::NoCosts)?,
            Some(TokenCost::Priced(_)) | None => 0.0,
        };
        let (input_tokens, output_tokens) = (answer.input_tokens, answer.output_tokens);
        Ok(Prices { replica_h, tokens, input_tokens, output_tokens, by_metadata })
    }

    /// What so much costs: replica-hours that serve and that start, and requests.
    pub(super) fn charges(&self, serving_h: f64, starting_h: f64, requests: f64) -> Vec<Charge> {
        let charge = |what, quantity: f64, each: f64| Charge { what, quantity, each, monthly: quantity * each };
        let mut charges =
            vec![charge(Paid::Serving, serving_h, self.replica_h), charge(Paid::Starting, starting_h, self.replica_h)];
        match self.tokens {
            Some(TokenCost::Priced(TokenPrice { input, output })) => charges.extend([
                charge(Paid::PromptTokens, requests * self.input_tokens / 1e6, input),
                charge(Paid::CompletionTokens, requests * self.output_tokens / 1e6, output),
            ]),
            Some(TokenCost::Metadata) => charges.push(charge(Paid::Requests, requests, self.by_metadata)),
            None => {}
        }
        charges
    }
}

/// What charges come to.
pub(super) fn sum(charges: &[Charge]) -> f64 {
    charges.iter().map(|charge| charge.monthly).sum()
}

/// The same lines over all rows.
pub(super) fn total(rows: &[Row], prices: &Prices) -> Vec<Charge> {
    let of = |part: fn(&Row) -> f64| rows.iter().map(part).sum::<f64>();
    prices.charges(of(|row| row.serving_h), of(|row| row.starting_h), of(Row::requests))
}

impl Row {
    /// Requests of a month.
    pub fn requests(&self) -> f64 {
        self.mean_per_s * SECONDS_AN_HOUR * self.month_h
    }
}
