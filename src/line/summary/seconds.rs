//! The run second by second: what was due, what ended, how slow it was.
//!
//! A row without its distributions takes about 120 bytes; a distribution takes 8 for each of its buckets, of which a row
//! of n samples has at most n, and about 1 once the row is half a minute old. A run of an hour at 50 requests a second,
//! some 2 million tokens, comes to about 3 MB of file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::{Axis, Sum};
use super::sketch::Sketch;
use super::{micros, milli};
use crate::exchange::{Outcome, Reading};
use crate::plan::goal::Measure;

/// The run second by second.
pub type Seconds = Axis<Row>;

/// What happened in a row's time. What is 0 is left out of files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    /// Requests due.
    #[serde(skip_serializing_if = "none")]
    pub due: u64,
    /// Of these, warm-up.
    #[serde(skip_serializing_if = "none")]
    pub warmup: u64,
    /// Of those due, dropped above the cap.
    #[serde(skip_serializing_if = "none")]
    pub missed: u64,
    /// Of those due in the measured part, ended ok.
    #[serde(skip_serializing_if = "none")]
    pub due_ok: u64,
    /// Of those due in the measured part, failed, timeouts and unfinished ones included.
    #[serde(skip_serializing_if = "none")]
    pub due_failed: u64,
    /// Of those due in the measured part, ok, with no MUST broken, and within the limits of the goodput.
    #[serde(skip_serializing_if = "none")]
    pub due_good: u64,
    /// Requests sent.
    #[serde(skip_serializing_if = "none")]
    pub sent: u64,
    /// Exchanges that ended ok.
    #[serde(skip_serializing_if = "none")]
    pub ok: u64,
    /// Exchanges that ended of their own and not ok.
    #[serde(skip_serializing_if = "none")]
    pub failed: u64,
    /// Of those ok, without a broken MUST that is not known.
    #[serde(skip_serializing_if = "none")]
    pub good: u64,
    /// Replies with status 200 that ended.
    #[serde(skip_serializing_if = "none")]
    pub status_200: u64,
    /// Replies with status 200 that ended and had broken a MUST.
    #[serde(skip_serializing_if = "none")]
    pub violations: u64,
    /// Completion tokens of exchanges that ended, in thousandths.
    #[serde(skip_serializing_if = "none")]
    pub completion_millitokens: u64,
    /// Time that requests spent in flight, sent to ended, all together; over the row's length, the mean in flight.
    #[serde(skip_serializing_if = "none")]
    pub in_flight_us: u64,
    /// How late we were with requests that were sent.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub lateness: Sketch,
    /// Response times of requests that were due and ended ok.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub response_time: Sketch,
    /// First tokens of requests that were due and ended ok.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub first_token: Sketch,
    /// Token gaps that ended, of exchanges that ended ok.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub token_gap: Sketch,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn none(count: &u64) -> bool {
    *count == 0
}

/// What the summary found of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Ok and no MUST broken that is not known.
    pub(super) good: bool,
    /// Good, and within the limits of the goodput.
    pub(super) within: bool,
    /// Status 200 and a MUST broken.
    pub(super) violating: bool,
}

impl Row {
    /// The distribution of a measure, where seconds keep it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "few of the measures are kept so")]
    pub fn times(&self, measure: Measure) -> Option<&Sketch> {
        match measure {
            Measure::ResponseTime => Some(&self.response_time),
            Measure::FirstToken => Some(&self.first_token),
            Measure::TokenGap => Some(&self.token_gap),
            _ => None,
        }
    }
}

impl Seconds {
    /// Adds an exchange, warm-up or not.
    pub(super) fn record(&mut self, reading: &Reading<'_>, standing: Standing) {
        let exchange = reading.exchange;
        let outcome = reading.outcome;
        if outcome == Outcome::Unsent {
            return;
        }
        let due = self.at(micros(exchange.ticket.due));
        due.due += 1;
        due.warmup += u64::from(exchange.ticket.warmup);
        due.missed += u64::from(outcome == Outcome::Missed);
        if !exchange.ticket.warmup {
            due.due_ok += u64::from(outcome == Outcome::Ok);
            due.due_failed += u64::from(outcome.failed() || outcome == Outcome::Unfinished);
            due.due_good += u64::from(standing.within);
        }
        let Some(sent) = exchange.sent else { return };
        let row = self.at(micros(sent));
        row.sent += 1;
        row.lateness.record(exchange.lateness().unwrap_or_default());
        self.spread(micros(sent), micros(exchange.ended), |row, us| row.in_flight_us += us);
        let ended = self.at(micros(exchange.ended));
        ended.ok += u64::from(outcome == Outcome::Ok);
        ended.failed += u64::from(outcome.failed());
        ended.good += u64::from(standing.good);
        ended.status_200 += u64::from(exchange.status() == Some(200));
        ended.violations += u64::from(standing.violating);
        ended.completion_millitokens += reading.tokens().map_or(0, |tokens| milli(tokens.completion));
        if outcome == Outcome::Ok {
            self.record_times(reading);
        }
    }

    fn record_times(&mut self, reading: &Reading<'_>) {
        let exchange = reading.exchange;
        let due = self.at(micros(exchange.ticket.due));
        due.response_time.record(exchange.response_time());
        if let Some(first) = reading.first_token() {
            due.first_token.record(first.saturating_sub(exchange.ticket.due));
        }
        for (end, gap) in reading.gaps() {
            self.at(micros(*end)).token_gap.record(*gap);
        }
    }
}

impl Sum for Row {
    fn add(&mut self, other: &Row) {
        self.due += other.due;
        self.warmup += other.warmup;
        self.missed += other.missed;
        self.due_ok += other.due_ok;
        self.due_failed += other.due_failed;
        self.due_good += other.due_good;
        self.sent += other.sent;
        self.ok += other.ok;
        self.failed += other.failed;
        self.good += other.good;
        self.status_200 += other.status_200;
        self.violations += other.violations;
        self.completion_millitokens += other.completion_millitokens;
        self.in_flight_us += other.in_flight_us;
        self.lateness.merge(&other.lateness);
        self.response_time.merge(&other.response_time);
        self.first_token.merge(&other.first_token);
        self.token_gap.merge(&other.token_gap);
    }

    fn settle(&mut self) {
        [&mut self.lateness, &mut self.response_time, &mut self.first_token, &mut self.token_gap]
            .into_iter()
            .for_each(Sketch::settle);
    }
}
