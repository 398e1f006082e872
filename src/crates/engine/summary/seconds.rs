//! The run second by second: what was due, what arrived, what ended, how slow it was.
//!
//! A request belongs to the second in which it was **due**, with its outcome and its times; a token to the second in
//! which it arrived; a token gap to the second in which it ended, and to each second that it lasted through. The warm-up
//! has an axis of its own, so that a second in which it ends holds nothing of it.
//!
//! A row without its distributions takes about 250 bytes; a distribution takes 8 for each of its buckets, of which a row
//! of n samples has at most n, and about 1 once the row is half a minute old.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::{Axis, Sum};
use super::micros;
use super::sketch::Sketch;
use crate::exchange::{Gap, Outcome, Reading};

/// The run second by second.
pub type Seconds = Axis<Row>;

/// What happened in a row's time. What is 0 is left out of files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    /// Requests due.
    #[serde(skip_serializing_if = "none")]
    pub due: u64,
    /// Of those due, that ended ok, whenever that was.
    #[serde(skip_serializing_if = "none")]
    pub due_ok: u64,
    /// Of those due, that got an HTTP answer, of whatever status.
    #[serde(skip_serializing_if = "none")]
    pub due_answered: u64,
    /// Of those due, that failed: refused, broken, timed out, or unanswered when the grace period ended.
    #[serde(skip_serializing_if = "none")]
    pub due_failed: u64,
    /// Of those due, ok with no MUST broken that is not known, and within the limits for a single request.
    #[serde(skip_serializing_if = "none")]
    pub due_good: u64,
    /// Of those due, dropped above the cap.
    #[serde(skip_serializing_if = "none")]
    pub missed: u64,
    /// Of those due, given up since a limit of the user or an interruption ended the run, or answered and not read.
    #[serde(skip_serializing_if = "none")]
    pub cut: u64,
    /// Of those that failed or were missed, requests for a stream: each is a first token that never came.
    #[serde(skip_serializing_if = "none")]
    pub due_silent: u64,
    /// Requests sent.
    #[serde(skip_serializing_if = "none")]
    pub sent: u64,
    /// Exchanges that ended ok.
    #[serde(skip_serializing_if = "none")]
    pub ok: u64,
    /// Exchanges that ended and were not ok.
    #[serde(skip_serializing_if = "none")]
    pub failed: u64,
    /// Of those that ended ok, good: no MUST broken that is not known, within the limits for a single request.
    #[serde(skip_serializing_if = "none")]
    pub good: u64,
    /// Of those that ended ok, late: no such MUST broken, but beyond a limit for a single request.
    #[serde(skip_serializing_if = "none")]
    pub late: u64,
    /// Replies with status 200 that ended.
    #[serde(skip_serializing_if = "none")]
    pub status_200: u64,
    /// Of these, replies that broke a MUST.
    #[serde(skip_serializing_if = "none")]
    pub violations: u64,
    /// Arrivals with content.
    #[serde(skip_serializing_if = "none")]
    pub arrivals: u64,
    /// Output tokens that arrived, in thousandths.
    #[serde(skip_serializing_if = "none")]
    pub output_millitokens: u64,
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
    /// Token gaps that ended, of exchanges that failed later.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub token_gap_failed: Sketch,
    /// Token gaps of exchanges that ended ok which lasted through the whole row and ended behind it, by their length.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub gap_lasting: Sketch,
    /// The same of exchanges that failed later.
    #[serde(skip_serializing_if = "Sketch::is_empty")]
    pub gap_lasting_failed: Sketch,
    /// Failed streams that were given up: each is a gap that never ended.
    #[serde(skip_serializing_if = "none")]
    pub gap_infinite: u64,
    /// Such gaps that lasted through the whole row and behind it.
    #[serde(skip_serializing_if = "none")]
    pub gap_infinite_lasting: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn none(count: &u64) -> bool {
    *count == 0
}

/// What was found of an exchange beside its outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Ok and no MUST broken that is not known.
    pub(super) kept: bool,
    /// The same, and within the limits for a single request.
    pub(super) good: bool,
    /// Status 200 and a MUST broken.
    pub(super) violating: bool,
}

impl Row {
    /// Requests that were due and whose fate is the endpoint's.
    pub fn accountable(&self) -> u64 {
        self.due_ok + self.due_failed + self.missed
    }

    /// Exchanges that ended.
    pub fn ended(&self) -> u64 {
        self.ok + self.failed
    }
}

impl Seconds {
    /// Adds an exchange, with its output tokens in thousandths by the instants at which they came.
    pub(super) fn record(&mut self, reading: &Reading<'_>, found: Found, deliveries: &[(Duration, u64)]) {
        let outcome = reading.outcome;
        if outcome == Outcome::Unsent {
            return;
        }
        self.record_due(reading, found);
        let exchange = reading.exchange;
        if let Some(sent) = exchange.sent {
            let row = self.at(micros(sent));
            row.sent += 1;
            row.lateness.record(exchange.lateness().unwrap_or_default());
            self.spread(micros(sent), micros(exchange.ended), |row, us| row.in_flight_us += us);
            self.record_end(reading, found);
            self.record_arrivals(deliveries);
        }
        self.record_gaps(reading);
    }

    fn record_due(&mut self, reading: &Reading<'_>, found: Found) {
        let (exchange, outcome) = (reading.exchange, reading.outcome);
        let due = self.at(micros(exchange.ticket.due));
        let is_lost = outcome.is_accountable() && outcome != Outcome::Ok;
        due.due += 1;
        due.due_ok += u64::from(outcome == Outcome::Ok);
        due.due_answered += u64::from(exchange.head.is_some());
        due.due_failed += u64::from(outcome.failed());
        due.due_good += u64::from(found.good);
        due.missed += u64::from(outcome == Outcome::Missed);
        due.cut += u64::from(!outcome.is_accountable());
        due.due_silent += u64::from(is_lost && exchange.asked.wanted.stream);
        if outcome == Outcome::Ok {
            due.response_time.record(exchange.response_time());
            if let Some(first) = reading.first_token() {
                due.first_token.record(first.saturating_sub(exchange.ticket.due));
            }
        }
    }

    fn record_end(&mut self, reading: &Reading<'_>, found: Found) {
        let ended = self.at(micros(reading.exchange.ended));
        ended.ok += u64::from(reading.outcome == Outcome::Ok);
        ended.failed += u64::from(reading.outcome.failed());
        ended.good += u64::from(found.good);
        ended.late += u64::from(found.kept && !found.good);
        ended.status_200 += u64::from(reading.exchange.status() == Some(200));
        ended.violations += u64::from(found.violating);
    }

    fn record_arrivals(&mut self, deliveries: &[(Duration, u64)]) {
        let width_us = self.width_us();
        for row in deliveries.chunk_by(|(a, _), (b, _)| micros(*a) / width_us == micros(*b) / width_us) {
            let tokens = row.iter().map(|(_, millitokens)| millitokens).sum::<u64>();
            let at = self.at(micros(row[0].0));
            at.arrivals += row.len() as u64;
            at.output_millitokens += tokens;
        }
    }

    fn record_gaps(&mut self, reading: &Reading<'_>) {
        let outcome = reading.outcome;
        if !outcome.is_accountable() {
            return;
        }
        let ok = outcome == Outcome::Ok;
        let width_us = self.width_us();
        for gaps in reading.gaps().chunk_by(|a, b| micros(a.end) / width_us == micros(b.end) / width_us) {
            let row = self.at(micros(gaps[0].end));
            let ended = if ok { &mut row.token_gap } else { &mut row.token_gap_failed };
            for gap in gaps {
                ended.record(gap.length);
            }
        }
        for gap in reading.gaps().iter().filter(|gap| micros(gap.length) > width_us) {
            let lasting: fn(&mut Row) -> &mut Sketch =
                if ok { |row| &mut row.gap_lasting } else { |row| &mut row.gap_lasting_failed };
            self.each_row_within(gap, |row| lasting(row).record(gap.length));
        }
        if !ok && reading.exchange.asked.wanted.stream {
            self.record_endless(reading);
        }
    }

    /// The gap of a failed stream that never ended: from its last content, or else from its beginning, until it was
    /// given up.
    fn record_endless(&mut self, reading: &Reading<'_>) {
        let exchange = reading.exchange;
        let begin = reading.last_token().or(exchange.sent).unwrap_or(exchange.ticket.due);
        let end = exchange.ended.max(begin);
        self.at(micros(end)).gap_infinite += 1;
        self.each_row_within(&Gap { end, length: end.saturating_sub(begin) }, |row| row.gap_infinite_lasting += 1);
    }

    /// The rows that a gap lasts through from before their beginning until behind their end.
    fn each_row_within(&mut self, gap: &Gap, mut add: impl FnMut(&mut Row)) {
        let width_us = self.width_us();
        let begin = micros(gap.end.saturating_sub(gap.length)).div_ceil(width_us);
        for number in begin..micros(gap.end) / width_us {
            add(self.at(number * width_us));
        }
    }
}

impl Sum for Row {
    fn add(&mut self, other: &Row) {
        let counts = other.counts();
        self.counts_mut().into_iter().zip(counts).for_each(|(ours, theirs)| *ours += theirs);
        let sketches = other.sketches();
        self.sketches_mut().into_iter().zip(sketches).for_each(|(ours, theirs)| ours.merge(theirs));
    }

    fn settle(&mut self) {
        self.sketches_mut().into_iter().for_each(Sketch::settle);
    }
}

/// The fields of a row by kind, so that none is forgotten where all of a kind are treated alike.
macro_rules! fields {
    ($($own:ident),+; $($sketch:ident),+) => {
        impl Row {
            fn counts(&self) -> impl IntoIterator<Item = u64> + use<> {
                let Row { $($own,)+ $($sketch: _,)+ } = self;
                [$(*$own),+]
            }

            fn counts_mut(&mut self) -> impl IntoIterator<Item = &mut u64> {
                let Row { $($own,)+ $($sketch: _,)+ } = self;
                [$($own),+]
            }

            fn sketches(&self) -> impl IntoIterator<Item = &Sketch> {
                [$(&self.$sketch),+]
            }

            fn sketches_mut(&mut self) -> impl IntoIterator<Item = &mut Sketch> {
                let Row { $($sketch,)+ $($own: _,)+ } = self;
                [$($sketch),+]
            }
        }
    };
}

fields! {
    due, due_ok, due_answered, due_failed, due_good, missed, cut, due_silent, sent, ok, failed, good, late, status_200, violations,
    arrivals, output_millitokens, in_flight_us, gap_infinite, gap_infinite_lasting;
    lateness, response_time, first_token, token_gap, token_gap_failed, gap_lasting, gap_lasting_failed
}
