//! What was delivered, against the tokens that replies claim.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::milli;
use crate::exchange::{Outcome, Reading, TokenSource};

/// The most tokens that a character can take: tokenizers fall back to bytes, and a character has at most 4.
pub const TOKENS_PER_CHARACTER: u64 = 4;
/// Tokens that a reply may claim beyond that, for marks that are never shown and for the template's own.
pub const TOKENS_UNSEEN: u64 = 64;

/// What exchanges that ended ok delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// Reasoning tokens that usage states, in thousandths.
    pub reasoning_millitokens: u64,
    /// Events with content of streams that state their usage.
    pub events: u64,
    /// Tokens that those streams state and deliver, in thousandths: reasoning that is kept back is not in them.
    pub streamed_millitokens: u64,
    /// Replies that state their usage.
    pub claims: u64,
    /// Of these, replies that claim more tokens than their text can hold: above 4 for each character and 64.
    pub implausible: u64,
    /// Tokens that the implausible ones claim, in thousandths.
    pub claimed_millitokens: u64,
    /// Characters that they delivered.
    pub claimed_characters: u64,
    /// Replies whose tokens were counted by a tokenizer of ours, too.
    #[serde(default, skip_serializing_if = "Recount::is_none")]
    pub recount: Recount,
}

/// Times what our tokenizer counts that a reply may claim: tokenizers differ, and one that is not the model's may find
/// half as many tokens in a text as the model has, or fewer in some scripts.
pub const TIMES_COUNTED: u64 = 4;

/// What replies that ended ok claim, and what a tokenizer of ours counts in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recount {
    /// Replies.
    pub replies: u64,
    /// Tokens that we count in what they delivered.
    pub tokens: u64,
    /// Tokens that their usage states and that they delivered, in thousandths.
    pub stated_millitokens: u64,
    /// Of these, replies that claim above 4 times what we count and 64.
    pub overclaiming: u64,
    /// Tokens that we count in those.
    pub overclaiming_tokens: u64,
    /// Tokens that those claim, in thousandths.
    pub overclaimed_millitokens: u64,
}

impl Recount {
    /// Whether nothing was counted.
    pub fn is_none(&self) -> bool {
        self.replies == 0
    }

    /// How much more usage states than we count, as a share of what we count: 0.1 is a tenth more, -0.1 a tenth less.
    pub fn difference(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.stated_millitokens as f64 / 1000.0 / self.tokens as f64 - 1.0)
    }

    /// Share of the replies that claim far more than we count.
    pub fn overclaiming_share(&self) -> f64 {
        self.overclaiming as f64 / self.replies.max(1) as f64
    }

    fn record(&mut self, counted: u64, stated_millitokens: u64) {
        self.replies += 1;
        self.tokens += counted;
        self.stated_millitokens += stated_millitokens;
        if stated_millitokens > 1000 * (TIMES_COUNTED * counted + TOKENS_UNSEEN) {
            self.overclaiming += 1;
            self.overclaiming_tokens += counted;
            self.overclaimed_millitokens += stated_millitokens;
        }
    }

    fn merge(&mut self, other: Recount) {
        self.replies += other.replies;
        self.tokens += other.tokens;
        self.stated_millitokens += other.stated_millitokens;
        self.overclaiming += other.overclaiming;
        self.overclaiming_tokens += other.overclaiming_tokens;
        self.overclaimed_millitokens += other.overclaimed_millitokens;
    }
}

impl Delivered {
    /// Adds an exchange of the measured part.
    pub(super) fn record(&mut self, reading: &Reading<'_>) {
        let (Some(tokens), Outcome::Ok) = (reading.tokens(), reading.outcome) else { return };
        if tokens.source != TokenSource::Usage {
            return;
        }
        self.reasoning_millitokens += milli(reading.stated_reasoning());
        let delivered = milli(tokens.delivered);
        if reading.stream().is_some() {
            self.events += reading.content_events();
            self.streamed_millitokens += delivered;
        }
        if let Some(counted) = reading.counted() {
            self.recount.record(counted, delivered);
        }
        let characters = reading.delivered_characters();
        self.claims += 1;
        if delivered > 1000 * (TOKENS_PER_CHARACTER * characters + TOKENS_UNSEEN) {
            self.implausible += 1;
            self.claimed_millitokens += delivered;
            self.claimed_characters += characters;
        }
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: &Delivered) {
        self.reasoning_millitokens += other.reasoning_millitokens;
        self.events += other.events;
        self.streamed_millitokens += other.streamed_millitokens;
        self.claims += other.claims;
        self.implausible += other.implausible;
        self.claimed_millitokens += other.claimed_millitokens;
        self.claimed_characters += other.claimed_characters;
        self.recount.merge(other.recount);
    }

    /// Tokens for each event with content, of streams that state their usage: 1 where every token comes alone.
    pub fn tokens_per_event(&self) -> Option<f64> {
        (self.events > 0).then(|| self.streamed_millitokens as f64 / 1000.0 / self.events as f64)
    }

    /// Share of the replies with usage that claim more tokens than their text can hold.
    pub fn implausible_share(&self) -> f64 {
        self.implausible as f64 / self.claims.max(1) as f64
    }
}
