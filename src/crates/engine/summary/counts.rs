//! Counts of a run beside its outcomes: integers only, so that parts add up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exchange::{Outcome, Reading, TokenSource};

/// Counts of the measured part beside the outcomes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Ok, no MUST broken that is not known, and within the limits for a single request.
    pub good: u64,
    /// Ok and no MUST broken that is not known, but beyond a limit for a single request.
    pub late: u64,
    /// Replies with status 200.
    pub status_200: u64,
    /// Replies with status 200 that broke a MUST.
    pub violating: u64,
    /// Exchanges whose bodies were dropped unread, since the judges could not keep up, whatever their status; successes
    /// among them have the outcome `unjudged`.
    pub unjudged: u64,
    /// Replies with any HTTP status, those of the warm-up included.
    pub answered: u64,
    /// Streams, those of the warm-up included, that stayed open behind `[DONE]`, so that the client closed a connection.
    #[serde(default)]
    pub lingering: u64,
    /// Exchanges, those of the warm-up included, for which at least one rule was judged to hold or to be broken.
    pub asserted: u64,
    /// Requests sent by the end of the window, but for our own lateness.
    pub sent_in_time: u64,
    /// Exchanges that ended within the window with an HTTP reply.
    pub completed_in_window: u64,
    /// Of these, good.
    pub good_in_window: u64,
    /// Output tokens that arrived within the window, whenever their exchange began or ended, in thousandths.
    pub output_millitokens_in_window: u64,
    /// Prompt tokens of exchanges completed within the window, in thousandths.
    pub prompt_millitokens_in_window: u64,
    /// Requests in flight at the beginning of the window, those of the warm-up.
    pub in_flight_at_begin: u64,
    /// Requests in flight at the end of the window.
    pub in_flight_at_end: u64,
    /// Prompt tokens, in thousandths (some endpoints state fractions).
    pub prompt_millitokens: u64,
    /// Completion tokens, in thousandths.
    pub completion_millitokens: u64,
    /// Prompt tokens from a cache, in thousandths.
    pub cached_millitokens: u64,
    /// Exchanges whose tokens come from usage.
    pub tokens_from_usage: u64,
    /// Exchanges whose tokens were counted by a tokenizer, since they state none.
    pub tokens_from_tokenizer: u64,
    /// Exchanges whose tokens were counted from events.
    pub tokens_from_events: u64,
    /// Exchanges whose usage contradicts itself, so that no figure is made of it.
    pub contradictory_usage: u64,
    /// Prompts that were made to have a length, and what usage says of them.
    pub asked_prompts: Asked,
    /// Answers that were to have a length, and what usage says of them.
    pub asked_answers: Asked,
    /// Requests that went out alone before the load; they are in no other figure.
    #[serde(default)]
    pub preflight: u64,
    /// How long closed loads waited after refused connections, summed over their concurrency, in microseconds.
    #[serde(default)]
    pub paused_us: u64,
}

impl Counts {
    /// Adds the counts of another part of the run.
    pub(super) fn merge(&mut self, other: &Counts) {
        self.good += other.good;
        self.late += other.late;
        self.status_200 += other.status_200;
        self.violating += other.violating;
        self.unjudged += other.unjudged;
        self.answered += other.answered;
        self.lingering += other.lingering;
        self.asserted += other.asserted;
        self.sent_in_time += other.sent_in_time;
        self.completed_in_window += other.completed_in_window;
        self.good_in_window += other.good_in_window;
        self.output_millitokens_in_window += other.output_millitokens_in_window;
        self.prompt_millitokens_in_window += other.prompt_millitokens_in_window;
        self.in_flight_at_begin += other.in_flight_at_begin;
        self.in_flight_at_end += other.in_flight_at_end;
        self.prompt_millitokens += other.prompt_millitokens;
        self.completion_millitokens += other.completion_millitokens;
        self.cached_millitokens += other.cached_millitokens;
        self.tokens_from_usage += other.tokens_from_usage;
        self.tokens_from_tokenizer += other.tokens_from_tokenizer;
        self.tokens_from_events += other.tokens_from_events;
        self.contradictory_usage += other.contradictory_usage;
        self.asked_prompts.merge(other.asked_prompts);
        self.asked_answers.merge(other.asked_answers);
        self.preflight += other.preflight;
        self.paused_us += other.paused_us;
    }

    /// Whether any reply states the tokens of its prompt. No prompt has none, so that 0 is no count.
    pub fn tell_prompts(&self) -> bool {
        self.prompt_millitokens > 0
    }

    /// Whether the tokens of any answer were counted, by whomever.
    pub fn tell_answers(&self) -> bool {
        self.tokens_from_usage + self.tokens_from_tokenizer + self.tokens_from_events > 0
    }

    /// Adds the tokens of an exchange, where it says any.
    pub(super) fn record_tokens(&mut self, reading: &Reading<'_>) {
        self.contradictory_usage += u64::from(reading.is_contradictory());
        let Some(tokens) = reading.tokens() else { return };
        self.prompt_millitokens += milli(tokens.prompt);
        self.completion_millitokens += milli(tokens.completion);
        self.cached_millitokens += milli(tokens.cached);
        match tokens.source {
            TokenSource::Usage => self.tokens_from_usage += 1,
            TokenSource::Tokenizer => self.tokens_from_tokenizer += 1,
            TokenSource::Events => self.tokens_from_events += 1,
        }
        if tokens.source == TokenSource::Usage && reading.outcome == Outcome::Ok {
            let lengths = reading.exchange.asked.lengths;
            self.asked_prompts.record(lengths.input, tokens.prompt);
            self.asked_answers.record(lengths.output, tokens.completion);
        }
    }
}

/// Lengths that were asked for, beside those that came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Exchanges that asked for a length and ended ok with usage.
    pub exchanges: u64,
    /// Tokens that they asked for.
    pub tokens: u64,
    /// Tokens that their usage states, in thousandths.
    pub stated_millitokens: u64,
}

impl Asked {
    fn record(&mut self, asked: Option<u64>, stated: f64) {
        let Some(asked) = asked else { return };
        self.exchanges += 1;
        self.tokens += asked;
        self.stated_millitokens += milli(stated);
    }

    fn merge(&mut self, other: Asked) {
        self.exchanges += other.exchanges;
        self.tokens += other.tokens;
        self.stated_millitokens += other.stated_millitokens;
    }
}

/// Thousandths of a count that an endpoint states; nonsense counts as none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a range that fits")]
pub(super) fn milli(count: f64) -> u64 {
    if count.is_finite() { (count.clamp(0.0, 1e12) * 1000.0).round() as u64 } else { 0 }
}
