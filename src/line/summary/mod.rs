//! What a run leaves behind.
//!
//! A [`Summary`] holds only what adds up: integers, histograms, and bounded sets in which the lowest win. So threads,
//! machines and phases join by [`Summary::merge`] in any order, and every ratio and percentile is worked out by
//! whoever reads it ([`digest`], [`trust`], [`goals`]).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Level, Verdict};
use crate::exchange::{Outcome, Reading, micros};
use crate::plan::goal::Measure;
use crate::plan::{Goodput, Plan};

pub mod axis;
pub mod counts;
pub mod delivered;
pub mod digest;
pub mod distinct;
pub mod evidence;
pub mod flow;
pub mod goal_parts;
pub mod goals;
pub mod lengths;
pub mod load_rules;
mod meta;
pub mod metrics_as;
pub mod moments;
pub mod pulze;
pub mod quantile;
pub mod seconds;
pub mod server;
pub mod sessions;
pub mod shards;
pub mod sketch;
mod sorted;
pub mod splits;
pub mod steady;
pub mod tally;
pub mod timing;
pub mod trend;
pub mod trust;

use counts::{Counts, milli};
use delivered::Delivered;
use distinct::{Repeats, Texts};
use evidence::Evidence;
use flow::Flow;
use lengths::Lengths;
pub use meta::{LoadKind, Meta, Mismatch};
use metrics_as::MetricsAs;
use pulze::Pulze;
use seconds::{Seconds, Standing};
use server::Server;
use sessions::Sessions;
use splits::Splits;
use tally::Tally;
use timing::{Populations, Timing};
use trust::Health;

/// Version of the file format; raised when a reader of the last would misunderstand.
pub const FORMAT: u32 = 1;

/// What a run leaves behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "proofload summary")]
pub struct Summary {
    /// Version of this file's format.
    pub format: u32,
    /// Version of proofload that wrote it.
    pub proofload: String,
    /// What was run.
    pub meta: Meta,
    /// How it ended.
    pub ending: Ending,
    /// Tickets of the measured part by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// The same, split by cause where an outcome has several, as `truncated.no_done`.
    pub classes: BTreeMap<String, u64>,
    /// What went wrong, in words: `outcome: cause`, that of the warm-up marked so.
    pub failures: Texts,
    /// Replies of the measured part by HTTP status.
    pub statuses: BTreeMap<String, u64>,
    /// Tickets of the warm-up by outcome; they are in no other figure.
    pub warmup: BTreeMap<String, u64>,
    /// Further counts of the measured part.
    pub counts: Counts,
    /// Timings by measure.
    pub timings: BTreeMap<String, Populations>,
    /// Events with content per arrival with content; a count in the place of microseconds.
    pub events_per_arrival: Timing,
    /// Checks by id.
    pub checks: BTreeMap<String, Tally>,
    /// Prompts, by hash.
    pub prompts: Repeats,
    /// The run second by second, warm-up included.
    pub seconds: Seconds,
    /// Time in flight within the window.
    pub flow: Flow,
    /// How long prompts and replies were.
    pub lengths: Lengths,
    /// What was delivered, against the tokens that replies claim.
    pub delivered: Delivered,
    /// Streams as other tools measure them.
    pub metrics_as: MetricsAs,
    /// The requests by case.
    pub by_case: Splits,
    /// The replies by the model that answered, where Pulze's metadata names it.
    pub by_model: Splits,
    /// Sessions of several turns.
    #[serde(default, skip_serializing_if = "Sessions::is_none")]
    pub sessions: Sessions,
    /// What Pulze's metadata adds up to.
    pub pulze: Pulze,
    /// What the server says of itself.
    pub server: Server,
    /// How the client was.
    pub health: Health,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// Whether the user interrupted it.
    pub interrupted: bool,
    /// The limit that ended it early, in words.
    pub early: Option<String>,
    /// Whether that was a rule of the user's that says it goes wrong.
    pub aborted: bool,
    /// Beginning of the window in which completions count for rates, from the start of the run: the end of the warm-up.
    pub window_from_us: u64,
    /// End of that window.
    pub window_us: u64,
}

/// An exchange with what the checks say of it.
#[derive(Debug)]
pub struct Judged<'r> {
    /// The exchange, read.
    pub reading: &'r Reading<'r>,
    /// Every check of the dialect with its verdict, by id; in another order they take longer to record.
    pub verdicts: &'r [(&'static Check, Verdict)],
    /// Whether it ended of its own within the window in which completions count for rates.
    pub in_window: bool,
    /// Whether it was sent by the end of the window, but for our own lateness.
    pub in_time: bool,
    /// The window, in microseconds from the start of the run.
    pub window_us: [u64; 2],
    /// Tokens that a tokenizer of ours counts in what was delivered, where the plan has one.
    pub counted: Option<u64>,
    /// Turns of the session that it is a part of, where its case has sessions of several.
    pub turns: Option<u64>,
}

/// The JSON Schema of a summary; `schemas/summary.json` is this, committed.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Summary>().to_value()
}

impl Summary {
    /// An empty summary of a plan's run.
    pub fn new(plan: &Plan, started_unix_ms: u64) -> Summary {
        Summary {
            format: FORMAT,
            proofload: env!("CARGO_PKG_VERSION").to_owned(),
            meta: Meta::of(plan, started_unix_ms),
            ending: Ending::default(),
            outcomes: BTreeMap::new(),
            classes: BTreeMap::new(),
            failures: Texts::default(),
            statuses: BTreeMap::new(),
            warmup: BTreeMap::new(),
            counts: Counts::default(),
            timings: BTreeMap::new(),
            events_per_arrival: Timing::default(),
            checks: BTreeMap::new(),
            prompts: Repeats::default(),
            seconds: Seconds::default(),
            flow: Flow::default(),
            lengths: Lengths::default(),
            delivered: Delivered::default(),
            metrics_as: MetricsAs::default(),
            by_case: Splits::default(),
            by_model: Splits::default(),
            sessions: Sessions::default(),
            pulze: Pulze::default(),
            server: Server::default(),
            health: Health::default(),
        }
    }

    /// Adds an exchange.
    pub fn record(&mut self, judged: &Judged<'_>, goodput: Option<Goodput>, evidence: &Evidence<'_>) {
        let reading = judged.reading;
        let exchange = reading.exchange;
        let warmup = exchange.ticket.warmup;
        let broken = self.record_checks(judged, warmup, evidence);
        let good = reading.outcome == Outcome::Ok && broken != Broken::Unknown && !exchange.unjudged;
        let within = good && goodput.is_none_or(|limits| within_limits(reading, limits));
        self.counts.answered += u64::from(exchange.head.is_some());
        self.counts.asserted +=
            u64::from(judged.verdicts.iter().any(|(_, verdict)| !matches!(verdict, Verdict::Skip(_))));
        // What the endpoint completes within the window counts for its rates, whenever it was due: a stream that
        // began in the warm-up and ends in the window stands for the one that begins in the window and ends behind it.
        if judged.in_window && exchange.head.is_some() {
            self.record_completion(reading, within);
        }
        let violating = exchange.status() == Some(200) && broken != Broken::No;
        self.seconds.record(reading, Standing { good, within, violating });
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
        self.record_outcome(reading, evidence);
        if reading.outcome.sent() {
            self.prompts.add_hash(exchange.asked.prompt_hash, exchange.ticket.seq);
        }
        self.counts.unjudged += u64::from(exchange.unjudged);
        self.counts.sent_in_time += u64::from(judged.in_time);
        self.counts.status_200 += u64::from(exchange.status() == Some(200));
        self.counts.violating += u64::from(violating);
        self.counts.good += u64::from(good);
        self.counts.within_limits += u64::from(within);
        self.counts.record_tokens(reading);
        self.record_timings(reading);
        self.lengths.record(reading);
        self.delivered.record(reading, judged.counted);
        self.metrics_as.record(reading);
        if judged.turns.is_some() {
            self.sessions.record_turn(reading, good);
        }
        self.by_case.record(&exchange.asked.wanted.case, reading, good);
        if let Some(model) = pulze::namespace(reading) {
            self.by_model.record(&evidence.name(model), reading, good);
        }
        self.pulze.record(reading, evidence);
    }

    /// Adds all exchanges of another part of the same run.
    ///
    /// # Errors
    /// If the two are not parts of one run.
    pub fn merge(&mut self, other: Summary) -> Result<(), Mismatch> {
        if self.proofload != other.proofload {
            let (ours, theirs) = (self.proofload.clone(), other.proofload);
            return Err(Mismatch { what: "the version of proofload", ours, theirs });
        }
        self.meta.matches(&other.meta)?;
        self.meta.started_unix_ms = self.meta.started_unix_ms.min(other.meta.started_unix_ms);
        self.ending.interrupted |= other.ending.interrupted;
        self.ending.early = self.ending.early.take().max(other.ending.early);
        self.ending.aborted |= other.ending.aborted;
        self.ending.window_from_us = self.ending.window_from_us.max(other.ending.window_from_us);
        self.ending.window_us = self.ending.window_us.max(other.ending.window_us);
        for (ours, theirs) in [
            (&mut self.outcomes, other.outcomes),
            (&mut self.classes, other.classes),
            (&mut self.statuses, other.statuses),
            (&mut self.warmup, other.warmup),
        ] {
            for (key, count) in theirs {
                *ours.entry(key).or_default() += count;
            }
        }
        self.failures.merge(&other.failures);
        self.counts.merge(&other.counts);
        for (measure, theirs) in &other.timings {
            self.timings.entry(measure.clone()).or_default().merge(theirs);
        }
        self.events_per_arrival.merge(&other.events_per_arrival);
        for (id, theirs) in other.checks {
            self.checks.entry(id).or_default().merge(theirs);
        }
        self.prompts.merge(&other.prompts);
        self.seconds.merge(other.seconds);
        self.flow.merge(&other.flow);
        self.lengths.merge(&other.lengths);
        self.delivered.merge(&other.delivered);
        self.metrics_as.merge(&other.metrics_as);
        self.by_case.merge(other.by_case);
        self.by_model.merge(other.by_model);
        self.sessions.merge(other.sessions);
        self.pulze.merge(&other.pulze);
        self.server.merge(other.server);
        self.health.merge(&other.health);
        Ok(())
    }

    /// Tickets of the measured part, all outcomes together.
    pub fn planned(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Tickets of the measured part with one of these outcomes.
    pub fn count(&self, outcomes: &[&str]) -> u64 {
        outcomes.iter().filter_map(|name| self.outcomes.get(*name)).sum()
    }

    /// Length of the window in which completions count for rates, without the warm-up, in seconds.
    pub fn window_s(&self) -> f64 {
        self.ending.window_us.saturating_sub(self.ending.window_from_us) as f64 / 1e6
    }

    fn record_checks(&mut self, judged: &Judged<'_>, warmup: bool, evidence: &Evidence<'_>) -> Broken {
        let mut broken = Broken::No;
        // Tallies are in the order of ids, and so are verdicts: one walk along both takes the place of as many searches.
        let mut tallies = self.checks.iter_mut();
        let mut new = Vec::new();
        for (check, verdict) in judged.verdicts {
            if let Verdict::Broken { level, .. } = verdict {
                let dialect = judged.reading.exchange.asked.wanted.dialect;
                if level.or_else(|| check.level(dialect)) == Some(Level::Must) {
                    let known = self.meta.known.contains_key(check.id);
                    broken = broken.max(if known { Broken::Known } else { Broken::Unknown });
                }
            }
            let mut ordered = tallies.by_ref().map(|(id, tally)| (id.as_str().cmp(check.id), tally));
            match ordered.find(|(order, _)| order.is_ge()) {
                Some((Ordering::Equal, tally)) => tally.record(check, verdict, judged.reading, warmup, evidence),
                Some(_) | None => new.push((check, verdict)),
            }
        }
        for (check, verdict) in new {
            let tally = self.checks.entry(check.id.to_owned()).or_default();
            tally.record(check, verdict, judged.reading, warmup, evidence);
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

    fn record_completion(&mut self, reading: &Reading<'_>, within: bool) {
        self.counts.completed_in_window += 1;
        self.counts.good_in_window += u64::from(within);
        if let Some(tokens) = reading.tokens() {
            self.counts.output_millitokens_in_window += milli(tokens.completion);
            self.counts.total_millitokens_in_window += milli(tokens.prompt) + milli(tokens.completion);
        }
    }

    /// Failed, missed and unfinished exchanges count as infinite in the endpoint's measures that apply to them; the
    /// client's own (lateness, connect) have a finite sample whatever became of the exchange.
    fn record_timings(&mut self, reading: &Reading<'_>) {
        let exchange = reading.exchange;
        let outcome = reading.outcome;
        if outcome == Outcome::Unsent {
            return;
        }
        let streamed = exchange.asked.wanted.stream;
        let since_due = |at: Option<Duration>| at.map(|at| at.saturating_sub(exchange.ticket.due));
        let since_sent = |at: Option<Duration>| Some(at?.saturating_sub(exchange.sent?));
        // A failed stream that had not begun to reason may be one of a model that does not.
        let reasoned = reading.first_reasoning_token();
        let samples = [
            (Measure::ResponseTime, Some(exchange.response_time()), true),
            (Measure::ServiceTime, exchange.service_time(), true),
            (Measure::FirstToken, since_due(reading.first_token()), streamed),
            (Measure::FirstVisibleToken, since_due(reading.first_visible_token()), streamed),
            (Measure::FirstReasoningToken, since_due(reasoned), reasoned.is_some()),
            (Measure::FirstTokenFromSent, since_sent(reading.first_token()), streamed),
            (Measure::LastToken, since_due(reading.last_token()), streamed),
            (Measure::TimePerOutputToken, reading.time_per_output_token(), streamed),
            (Measure::Head, since_sent(exchange.head.as_ref().map(|head| head.at)), true),
        ];
        for (measure, sample, applies) in samples {
            let populations = populations_of(&mut self.timings, measure);
            if outcome == Outcome::Ok {
                if let Some(time) = sample {
                    populations.ok.record(time);
                }
            } else if applies {
                populations.infinite += 1;
                if let Some(time) = sample.filter(|_| outcome.failed()) {
                    populations.failed.record(time);
                }
            }
        }
        self.record_gaps(reading, streamed);
        let ours = [
            (Measure::Queued, outcome.sent().then(|| exchange.queued())),
            (Measure::Lateness, exchange.lateness()),
            (Measure::Connect, exchange.dial.map(|dial| dial.ended.saturating_sub(dial.began))),
        ];
        for (measure, sample) in ours {
            let Some(time) = sample else { continue };
            let populations = populations_of(&mut self.timings, measure);
            populations.ours = true;
            if outcome == Outcome::Ok { populations.ok.record(time) } else { populations.failed.record(time) }
        }
    }

    /// A failed stream adds one infinite gap to `all`, however many finite ones came before it failed.
    fn record_gaps(&mut self, reading: &Reading<'_>, streamed: bool) {
        let populations = populations_of(&mut self.timings, Measure::TokenGap);
        let ok = reading.outcome == Outcome::Ok;
        if !ok && streamed {
            populations.infinite += 1;
        }
        if !ok && !reading.outcome.failed() {
            return;
        }
        let timing = if ok { &mut populations.ok } else { &mut populations.failed };
        reading.token_gaps().for_each(|gap| timing.record(gap));
        reading
            .events_per_arrival()
            .into_iter()
            .for_each(|events| self.events_per_arrival.record(Duration::from_micros(events)));
    }
}

/// Whether an exchange broke a MUST, and whether that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Broken {
    No,
    Known,
    Unknown,
}

fn within_limits(reading: &Reading<'_>, limits: Goodput) -> bool {
    let within = |limit: Option<Duration>, time: Option<Duration>| match (limit, time) {
        (Some(limit), Some(time)) => time <= limit,
        _ => true,
    };
    let first_token = reading.first_token().map(|at| at.saturating_sub(reading.exchange.ticket.due));
    within(limits.first_token, first_token)
        && within(limits.token_gap, reading.token_gaps().max())
        && within(limits.time_per_output_token, reading.time_per_output_token())
        && within(limits.response_time, Some(reading.exchange.response_time()))
}

fn populations_of(timings: &mut BTreeMap<String, Populations>, measure: Measure) -> &mut Populations {
    if !timings.contains_key(measure.name()) {
        timings.insert(measure.name().to_owned(), Populations::default());
    }
    timings.get_mut(measure.name()).expect("it was put there")
}

fn bump(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}
