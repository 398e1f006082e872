//! What a run leaves behind.
//!
//! A [`Summary`] holds only what adds up: integers, histograms, and bounded sets in which the lowest win. So threads,
//! machines and phases join by [`Summary::merge`] in any order, and every ratio and percentile is worked out by
//! whoever reads it ([`digest`], [`trust`], [`goals`]).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Verdict};
use crate::exchange::{Reading, micros};
use crate::plan::Plan;

pub mod axis;
pub mod certainty;
pub mod compression;
pub mod counts;
pub mod delivered;
pub mod dependence;
pub mod digest;
pub mod distinct;
pub mod evidence;
pub mod excerpt;
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
mod recording;
mod sample;
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
pub mod windows;

use compression::Compression;
use counts::{Counts, milli};
use delivered::Delivered;
use distinct::{Repeats, Texts};
use flow::Flow;
use lengths::Lengths;
pub use meta::{LoadKind, Meta, Mismatch, first_difference};
use metrics_as::MetricsAs;
use pulze::Pulze;
use seconds::Seconds;
use server::Server;
use sessions::Sessions;
use splits::Splits;
use tally::Tally;
use timing::{Populations, Timing};
use trust::Health;

/// Version of the file format; raised when a reader of the last would misunderstand.
pub const FORMAT: u32 = 2;

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
    /// The same, split by cause where an outcome has several, as `truncated.no_finish`.
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
    /// The measured part second by second.
    pub seconds: Seconds,
    /// The warm-up second by second.
    pub warmup_seconds: Seconds,
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
    /// Replies in a content coding.
    #[serde(default, skip_serializing_if = "Compression::is_none")]
    pub compression: Compression,
    /// Sessions of several turns.
    #[serde(default, skip_serializing_if = "Sessions::is_none")]
    pub sessions: Sessions,
    /// What Pulze's metadata adds up to.
    pub pulze: Pulze,
    /// Metrics of the server.
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
    /// Where proofload was killed, how long the run had gone on at its last checkpoint; absent from a run that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off_us: Option<u64>,
    /// Beginning of the window in which completions count for rates, from the start of the run: the end of the warm-up.
    pub window_from_us: u64,
    /// End of that window.
    pub window_us: u64,
}

impl Ending {
    /// Whether the run came to its end: the user did not interrupt it, and proofload was not killed meanwhile.
    pub fn is_whole(&self) -> bool {
        !self.interrupted && self.cut_off_us.is_none()
    }

    /// Where proofload was killed, in words: `cut off at 00:41:10, killed`.
    pub fn cut_off(&self) -> Option<String> {
        let seconds = self.cut_off_us? / 1_000_000;
        let [hours, minutes, seconds] = [seconds / 3600, seconds / 60 % 60, seconds % 60];
        Some(format!("cut off at {hours:02}:{minutes:02}:{seconds:02}, killed"))
    }
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
            warmup_seconds: Seconds::default(),
            flow: Flow::default(),
            lengths: Lengths::default(),
            delivered: Delivered::default(),
            metrics_as: MetricsAs::default(),
            by_case: Splits::default(),
            by_model: Splits::default(),
            compression: Compression::default(),
            sessions: Sessions::default(),
            pulze: Pulze::default(),
            server: Server::default(),
            health: Health::default(),
        }
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
        self.ending.cut_off_us = self.ending.cut_off_us.max(other.ending.cut_off_us);
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
        self.warmup_seconds.merge(other.warmup_seconds);
        self.flow.merge(&other.flow);
        self.lengths.merge(&other.lengths);
        self.delivered.merge(&other.delivered);
        self.metrics_as.merge(&other.metrics_as);
        self.by_case.merge(other.by_case);
        self.by_model.merge(other.by_model);
        self.compression.merge(other.compression);
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

    /// Tickets of the measured part for which the endpoint is accountable: not those that a limit of the user or an
    /// interruption left unsent or cut, nor those whose answer we did not read.
    pub fn accountable(&self) -> u64 {
        self.planned().saturating_sub(self.count(&["unsent", "unjudged"])).saturating_sub(self.cut())
    }

    /// Tickets of the measured part that failed: sent, and not ok for a reason that is not the user's.
    pub fn failed(&self) -> u64 {
        self.accountable().saturating_sub(self.count(&["ok", "missed"]))
    }

    /// Requests of the measured part that a limit of the user or an interruption cut.
    pub fn cut(&self) -> u64 {
        self.classes.get("unfinished.stopped").copied().unwrap_or(0)
    }

    /// The run second by second, warm-up included.
    pub fn all_seconds(&self) -> Seconds {
        let mut all = self.warmup_seconds.clone();
        all.merge(self.seconds.clone());
        all
    }

    /// Tickets of the measured part with one of these outcomes.
    pub fn count(&self, outcomes: &[&str]) -> u64 {
        outcomes.iter().filter_map(|name| self.outcomes.get(*name)).sum()
    }

    /// Length of the window in which completions count for rates, without the warm-up, in seconds.
    pub fn window_s(&self) -> f64 {
        self.ending.window_us.saturating_sub(self.ending.window_from_us) as f64 / 1e6
    }
}
