//! Adding an exchange to a summary: every figure that is kept of it, in one place.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::counts::milli;
use super::evidence::Evidence;
use super::seconds::Found;
use super::{Judged, Summary, pulze};
use crate::check::{Verdict, follows};
use crate::exchange::{Outcome, Reading, micros};
use crate::plan::Goodput;
use crate::plan::goal::Measure;

/// Every measure, in the order of its names.
static BY_NAME: LazyLock<[Measure; Measure::ALL.len()]> = LazyLock::new(|| {
    let mut measures = Measure::ALL;
    measures.sort_unstable_by_key(|measure| measure.name());
    measures
});

/// Output tokens in thousandths, by the instants at which they came.
type Deliveries<'d> = &'d [(Duration, u64)];

impl Summary {
    /// Adds an exchange.
    pub fn record(&mut self, judged: &Judged<'_>, goodput: Option<Goodput>, evidence: &Evidence<'_>) {
        let reading = judged.reading;
        let exchange = reading.exchange;
        let warmup = exchange.ticket.warmup;
        let broken = self.record_checks(judged, warmup, evidence);
        let kept = reading.outcome == Outcome::Ok && broken != Broken::Unknown;
        let good = kept && goodput.is_none_or(|limits| within_limits(reading, limits));
        let found = Found { kept, good, violating: exchange.status() == Some(200) && broken != Broken::No };
        let deliveries = reading.deliveries();
        self.counts.answered += u64::from(exchange.head.is_some());
        self.counts.lingering += u64::from(exchange.transfer.end.is_lingering());
        self.counts.asserted +=
            u64::from(judged.verdicts.iter().any(|(_, verdict)| !matches!(verdict, Verdict::Skip(_))));
        self.record_window(judged, found, &deliveries);
        let seconds = if warmup { &mut self.warmup_seconds } else { &mut self.seconds };
        seconds.record(reading, found, &deliveries);
        if let Some(sent) = exchange.sent {
            self.flow.record(micros(sent), micros(exchange.ended), judged.window_us);
        }
        if let Some(turns) = judged.turns {
            self.sessions.record(reading, turns);
        }
        if warmup {
            bump(&mut self.warmup, reading.outcome.name());
            self.record_failure(reading, "warm-up: ", evidence);
            return;
        }
        self.record_measured(judged, found, evidence);
    }

    /// What only the measured part counts in.
    fn record_measured(&mut self, judged: &Judged<'_>, found: Found, evidence: &Evidence<'_>) {
        let reading = judged.reading;
        let exchange = reading.exchange;
        self.record_outcome(reading, evidence);
        if reading.outcome.sent() {
            self.prompts.add_hash(exchange.asked.prompt_hash, exchange.ticket.seq);
        }
        self.counts.unjudged += u64::from(exchange.unjudged);
        self.counts.sent_in_time += u64::from(judged.in_time);
        self.counts.status_200 += u64::from(exchange.status() == Some(200));
        self.counts.violating += u64::from(found.violating);
        self.counts.good += u64::from(found.good);
        self.counts.late += u64::from(found.kept && !found.good);
        self.counts.record_tokens(reading);
        self.record_timings(reading);
        self.compression.record(exchange);
        self.lengths.record(reading);
        self.delivered.record(reading);
        self.metrics_as.record(reading);
        if judged.turns.is_some() {
            self.sessions.record_turn(reading, found);
        }
        self.by_case.record(&exchange.asked.wanted.case, reading, found);
        if let Some(model) = pulze::namespace(reading) {
            self.by_model.record(&evidence.name(model), reading, found);
        }
        self.pulze.record(reading, evidence);
    }

    /// What the endpoint completes and delivers within the window counts for its rates, whenever it was due: a stream
    /// that began in the warm-up and ends in the window makes up for the one that begins in the window and ends behind it.
    fn record_window(&mut self, judged: &Judged<'_>, found: Found, deliveries: Deliveries<'_>) {
        let exchange = judged.reading.exchange;
        let [from, until] = judged.window_us;
        if judged.in_window && exchange.head.is_some() {
            self.counts.completed_in_window += 1;
            self.counts.good_in_window += u64::from(found.good);
            let prompt = judged.reading.tokens().map_or(0, |tokens| milli(tokens.prompt));
            self.counts.prompt_millitokens_in_window += prompt;
        }
        let within = deliveries.iter().filter(|(at, _)| (from..until).contains(&micros(*at)));
        self.counts.output_millitokens_in_window += within.map(|(_, millitokens)| millitokens).sum::<u64>();
        if let Some(sent) = exchange.sent.map(micros) {
            let crosses = |at: u64| sent < at && at <= micros(exchange.ended);
            self.counts.in_flight_at_begin += u64::from(crosses(from));
            self.counts.in_flight_at_end += u64::from(crosses(until));
        }
    }

    fn record_checks(&mut self, judged: &Judged<'_>, warmup: bool, evidence: &Evidence<'_>) -> Broken {
        let mut broken = Broken::No;
        let consequences = follows::consequences(judged.verdicts, judged.reading);
        let root_of = |id: &str| consequences.iter().find(|(rule, _)| *rule == id).map(|(_, root)| *root);
        // Tallies are in the order of ids, and so are verdicts: one walk along both takes the place of as many searches.
        let mut tallies = self.checks.iter_mut();
        let mut new = Vec::new();
        for (check, verdict) in judged.verdicts {
            let root = root_of(check.id);
            if root.is_none() && verdict.breaks_must(check, &judged.reading.exchange.asked.wanted.contract) {
                let known = self.meta.known.contains_key(check.id);
                broken = broken.max(if known { Broken::Known } else { Broken::Unknown });
            }
            let mut ordered = tallies.by_ref().map(|(id, tally)| (id.as_str().cmp(check.id), tally));
            match ordered.find(|(order, _)| order.is_ge()) {
                Some((Ordering::Equal, tally)) => tally.record(check, verdict, root, judged.reading, warmup, evidence),
                Some(_) | None => new.push((check, verdict, root)),
            }
        }
        for (check, verdict, root) in new {
            let tally = self.checks.entry(check.id.to_owned()).or_default();
            tally.record(check, verdict, root, judged.reading, warmup, evidence);
        }
        broken
    }

    fn record_outcome(&mut self, reading: &Reading<'_>, evidence: &Evidence<'_>) {
        let outcome = reading.outcome;
        bump(&mut self.outcomes, outcome.name());
        if let Some(class) = outcome.class() {
            bump(&mut self.classes, &format!("{}.{class}", outcome.name()));
        }
        if let Some(status) = reading.exchange.status() {
            bump(&mut self.statuses, &status.to_string());
        }
        self.record_failure(reading, "", evidence);
    }

    fn record_failure(&mut self, reading: &Reading<'_>, prefix: &str, evidence: &Evidence<'_>) {
        let outcome = reading.outcome;
        if outcome.failed() {
            let cause = reading.cause().map_or(String::new(), |cause| format!(": {}", evidence.clean(&cause)));
            self.failures.add(&format!("{prefix}{outcome}{cause}"), reading.exchange.ticket.seq);
        }
    }

    fn record_timings(&mut self, reading: &Reading<'_>) {
        if reading.outcome == Outcome::Unsent {
            return;
        }
        if self.timings.len() < Measure::ALL.len() {
            for measure in Measure::ALL {
                self.timings.entry(measure.name().to_owned()).or_default();
            }
        }
        // Measures in the order of their names, as the map has them: one walk along both takes the place of lookups.
        let mut measures = BY_NAME.iter().copied().peekable();
        for (name, populations) in &mut self.timings {
            if let Some(measure) = measures.next_if(|measure| measure.name() == name) {
                populations.record(measure, reading);
            }
        }
        if reading.outcome.ended() {
            let events = reading.events_per_arrival().into_iter();
            events.for_each(|events| self.events_per_arrival.record_count(events as f64));
        }
    }
}

/// Whether an exchange broke a MUST, and whether that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Broken {
    No,
    Known,
    Unknown,
}

/// Whether an exchange is within every limit for a single request. A stream that has no sample of a limited measure, as
/// the first token of one that showed no token, is not; a whole reply has no tokens in time, so no such limit applies.
fn within_limits(reading: &Reading<'_>, limits: Goodput) -> bool {
    let streamed = reading.exchange.asked.wanted.stream;
    let within = |limit: Option<Duration>, time: Option<Duration>| {
        limit.is_none_or(|limit| time.map_or(!streamed, |time| time <= limit))
    };
    let first_token = reading.first_token().map(|at| at.saturating_sub(reading.exchange.ticket.due));
    within(limits.first_token, first_token)
        && within(limits.token_gap, reading.token_gaps().max())
        && within(limits.time_per_output_token, reading.time_per_output_token())
        && within(limits.response_time, Some(reading.exchange.response_time()))
}

fn bump(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}
