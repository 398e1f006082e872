//! What an exchange adds to a measure.

use std::time::Duration;

use super::timing::Populations;
use crate::exchange::{Outcome, Reading};
use crate::plan::goal::Measure;

/// What an exchange has of a measure.
enum Sample {
    /// A time of the endpoint, where there is one; and whether its lack is a failure, as of the first token of a whole
    /// reply it is not.
    Endpoint(Option<Duration>, bool),
    /// A time of the client, which has nothing to do with what became of the exchange.
    Client(Option<Duration>),
    /// The gaps of a stream.
    Gaps,
}

impl Populations {
    /// Adds what an exchange has of a measure.
    ///
    /// An exchange that failed, was missed or was unanswered when the grace period ended is infinitely slow in `all`, in
    /// each measure that applies to it; the time that it took to fail is in `failed`. One that a limit of the user or an
    /// interruption cut is in no population of these. Of a **failed stream** the token gaps that ended count as they are,
    /// and the end that never came is one infinite gap. What the client did (lateness, queued, connect) is finite whatever
    /// became of the exchange; of one that is not ok it is in `failed`.
    pub(super) fn record(&mut self, measure: Measure, reading: &Reading<'_>) {
        match sample(measure, reading) {
            Sample::Endpoint(time, applies) => self.record_endpoint(reading.outcome, time, applies),
            Sample::Client(time) => self.record_client(reading.outcome, time),
            Sample::Gaps => self.record_gaps(reading),
        }
    }

    fn record_endpoint(&mut self, outcome: Outcome, time: Option<Duration>, applies: bool) {
        if outcome == Outcome::Ok {
            self.ok.record_some(time);
        } else if outcome.is_accountable() && applies {
            self.infinite += 1;
            self.failed.record_some(time.filter(|_| outcome.ended()));
        }
    }

    fn record_client(&mut self, outcome: Outcome, time: Option<Duration>) {
        self.failed_in_all = true;
        let timing = if outcome == Outcome::Ok { &mut self.ok } else { &mut self.failed };
        timing.record_some(time);
    }

    fn record_gaps(&mut self, reading: &Reading<'_>) {
        self.failed_in_all = true;
        if !reading.outcome.is_accountable() {
            return;
        }
        let ok = reading.outcome == Outcome::Ok;
        self.infinite += u64::from(!ok && reading.exchange.asked.wanted.stream);
        let timing = if ok { &mut self.ok } else { &mut self.failed };
        reading.token_gaps().for_each(|gap| timing.record(gap));
    }
}

fn sample(measure: Measure, reading: &Reading<'_>) -> Sample {
    let exchange = reading.exchange;
    let streamed = exchange.asked.wanted.stream;
    let since_due = |at: Option<Duration>| at.map(|at| at.saturating_sub(exchange.ticket.due));
    let since_sent = |at: Option<Duration>| Some(at?.saturating_sub(exchange.sent?));
    match measure {
        Measure::ResponseTime => Sample::Endpoint(Some(exchange.response_time()), true),
        Measure::ServiceTime => Sample::Endpoint(exchange.service_time(), true),
        Measure::FirstToken => Sample::Endpoint(since_due(reading.first_token()), streamed),
        Measure::FirstVisibleToken => Sample::Endpoint(since_due(reading.first_visible_token()), streamed),
        Measure::FirstReasoningToken => {
            // A failed stream that had not begun to reason may be one of a model that does not.
            let reasoned = reading.first_reasoning_token();
            Sample::Endpoint(since_due(reasoned), reasoned.is_some())
        }
        Measure::FirstTokenFromSent => Sample::Endpoint(since_sent(reading.first_token()), streamed),
        Measure::LastToken => Sample::Endpoint(since_due(reading.last_token()), streamed),
        Measure::TimePerOutputToken => Sample::Endpoint(reading.time_per_output_token(), streamed),
        Measure::Head => Sample::Endpoint(since_sent(exchange.head.as_ref().map(|head| head.at)), true),
        Measure::TokenGap => Sample::Gaps,
        Measure::Queued => Sample::Client(exchange.sent.map(|_| exchange.queued())),
        Measure::Lateness => Sample::Client(exchange.lateness()),
        Measure::Connect => Sample::Client(exchange.dial.map(|dial| dial.ended.saturating_sub(dial.began))),
    }
}
