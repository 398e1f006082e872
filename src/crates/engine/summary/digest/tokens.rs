//! Token counts: what usage states, what a tokenizer of ours counts, and what was asked for.

use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::TokenSource;
use crate::plan::goal::Scalar;
use crate::summary::Summary;
use crate::summary::counts::Asked;
use crate::summary::trust::cached_share;

/// Token counts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Tokens {
    /// Of the prompts; null where no reply states them.
    pub prompt: Option<f64>,
    /// Generated; null where nothing was counted.
    pub completion: Option<f64>,
    /// Of the prompts, from a cache; null where no prompt tokens are stated.
    pub cached_share: Option<f64>,
    /// Of the completion, reasoning, as usage states it; null where no reply states its usage.
    pub reasoning: Option<f64>,
    /// Events with content of streams that state their usage.
    pub events: u64,
    /// Tokens that those streams state and deliver, for each such event; null where there is none.
    pub per_event: Option<f64>,
    /// Replies that claim more tokens than their text can hold: above 4 for each character and 64.
    pub implausible: u64,
    /// Answers counted by a tokenizer of ours, beside what their usage states; null where none were.
    pub recount: Option<Recounted>,
    /// Where the counts come from: `usage`, `tokenizer`, `events` (one for each event with content), `mixed` or `none`.
    pub source: String,
    /// Replies whose usage contradicts itself and their text, so their tokens are not counted.
    pub withheld: u64,
    /// Prompts that were made to have a length; null where none were.
    pub asked_prompts: Option<AskedTokens>,
    /// Answers that were to have a length; null where none were.
    pub asked_answers: Option<AskedTokens>,
}

/// Answers counted by a tokenizer of ours.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Recounted {
    /// The tokenizer.
    pub tokenizer: String,
    /// Replies that ended ok with usage.
    pub replies: u64,
    /// Tokens that we count in what they delivered.
    pub counted: u64,
    /// Tokens that their usage states and that they delivered.
    pub stated: f64,
    /// How much more is stated than counted, as a share of what is counted; null where nothing was counted.
    pub difference: Option<f64>,
    /// Replies that claim above 4 times what we count and 64.
    pub overclaiming: u64,
}

impl Recounted {
    fn of(summary: &Summary) -> Option<Recounted> {
        let recount = &summary.delivered.recount;
        Some(Recounted {
            tokenizer: summary.meta.tokenizer.clone().filter(|_| !recount.is_none())?,
            replies: recount.replies,
            counted: recount.tokens,
            stated: recount.stated_millitokens as f64 / 1000.0,
            difference: recount.difference(),
            overclaiming: recount.overclaiming,
        })
    }
}

/// Lengths that were asked for, beside what usage states, on average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct AskedTokens {
    /// Exchanges that asked for a length and ended ok with usage.
    pub exchanges: u64,
    /// Tokens asked for.
    pub asked: f64,
    /// Tokens stated.
    pub stated: f64,
}

impl AskedTokens {
    fn of(counts: Asked) -> Option<AskedTokens> {
        let each = |total: f64| total / counts.exchanges as f64;
        (counts.exchanges > 0).then(|| AskedTokens {
            exchanges: counts.exchanges,
            asked: each(counts.tokens as f64),
            stated: each(counts.stated_millitokens as f64 / 1000.0),
        })
    }
}

impl Tokens {
    pub(super) fn of(summary: &Summary) -> Tokens {
        let counts = &summary.counts;
        let sources = [
            (TokenSource::Usage, counts.tokens_from_usage),
            (TokenSource::Tokenizer, counts.tokens_from_tokenizer),
            (TokenSource::Events, counts.tokens_from_events),
        ];
        let used: Vec<TokenSource> =
            sources.into_iter().filter(|(_, count)| *count > 0).map(|(source, _)| source).collect();
        let source = match used.as_slice() {
            [] => "none",
            [source] => source.name(),
            _ => "mixed",
        };
        Tokens {
            prompt: summary.scalar(Scalar::PromptCount),
            completion: summary.scalar(Scalar::CompletionCount),
            cached_share: cached_share(summary),
            reasoning: (counts.tokens_from_usage > 0).then(|| summary.delivered.reasoning_millitokens as f64 / 1000.0),
            events: summary.delivered.events,
            per_event: summary.delivered.tokens_per_event(),
            implausible: summary.delivered.implausible,
            recount: Recounted::of(summary),
            source: source.to_owned(),
            withheld: counts.contradictory_usage,
            asked_prompts: AskedTokens::of(counts.asked_prompts),
            asked_answers: AskedTokens::of(counts.asked_answers),
        }
    }
}
