//! What scripts read: the figures of a run, worked out, with one verdict. Its schema is `schemas/digest.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::Summary;
use super::certainty::Certainties;
use super::flow::Little;
use super::steady::Steady;
use super::timing::Populations;
use super::trust::{Belief, Trust};
use crate::check::{self, Judge};
use crate::plan::goal::{Goal, Measure, Metric, Population, Scalar};

mod compression;
mod goals;
mod judgement;
mod metrics_as;
mod seconds;
mod server;
mod splits;
mod statistics;
mod tokens;

pub use compression::Compressed;
pub use goals::{GoalResult, GoalWindow, WindowState};
pub use judgement::Judgement;
use judgement::judgements;
pub use metrics_as::{AsFigure, AsTool};
pub use seconds::Series;
pub use server::{ServerFigure, ServerFigures};
pub use splits::{Percentiles, PulzeFigures, SessionFigures, Share};
pub use statistics::{PERCENTILES, Statistics, Timings};
pub use tokens::{AskedTokens, Recounted, Tokens};

/// The figures of a run, worked out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "proofload digest")]
pub struct Digest {
    /// Version of this file's format.
    pub format: u32,
    /// Version of proofload.
    pub proofload: String,
    /// The one verdict.
    pub verdict: Outcome,
    /// Why it is not `pass`, the weightiest first; last, what a pass does not hide: sessions that did not complete.
    pub reasons: Vec<String>,
    /// Name of the profile.
    pub profile: String,
    /// Whose contract the endpoint was held to.
    pub dialect: String,
    /// Address of the endpoint, without secrets.
    pub target: String,
    /// The model asked for.
    pub model: Option<String>,
    /// What the user calls the run.
    pub labels: BTreeMap<String, String>,
    /// Seed of the run; giving it back repeats the plan: lengths, order and times.
    pub seed: u64,
    /// Salt of its text; giving it back with the seed repeats every byte. Null where the text comes from the seed.
    pub salt: Option<u64>,
    /// Which part of the plan it is, as 2/4; null where it is the whole.
    pub shard: Option<String>,
    /// Length of the window that rates refer to, warm-up excluded, in seconds.
    pub duration_s: f64,
    /// The load in words.
    pub load: String,
    /// The limit that ended the run early, where one did.
    pub ended_early: Option<String>,
    /// Where proofload was killed, in words: what came later is not known, so that no goal is decided. Absent from a run that
    /// has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<String>,
    /// How long closed loads paused after refused connections, summed over their concurrency, in seconds. Requests are due
    /// without the pause, so response times include it.
    pub paused_s: f64,
    /// Requests of the measured part.
    pub requests: Requests,
    /// Requests of the warm-up, which are in no other figure.
    pub warmup: Warmup,
    /// Requests by outcome; they add up to `requests.planned`.
    pub outcomes: BTreeMap<String, u64>,
    /// The same by cause, where an outcome has several.
    pub classes: BTreeMap<String, u64>,
    /// What went wrong, in words, with how often.
    pub failures: Vec<Counted>,
    /// Replies by HTTP status.
    pub statuses: BTreeMap<String, u64>,
    /// Timings in microseconds, by measure and population.
    pub timings_us: BTreeMap<String, Timings>,
    /// Events with content per arrival with content.
    pub events_per_arrival: Statistics,
    /// Rates per second.
    pub rates_per_s: Rates,
    /// Failed / ended, where what the grace period cut has failed; null where none ended.
    pub error_rate: Option<f64>,
    /// Replies with a broken MUST / replies with status 200; null where none came.
    pub violation_rate: Option<f64>,
    /// Missed / planned, without what a limit left unsent or cut; null where nothing was planned.
    pub missed_fraction: Option<f64>,
    /// Token counts.
    pub tokens: Tokens,
    /// Prompts.
    pub prompts: Prompts,
    /// Replies that came in a content coding, decoded; null where there were none.
    pub compressed: Option<Compressed>,
    /// The requests by case.
    pub cases: BTreeMap<String, Share>,
    /// The replies by the model that answered, where Pulze's metadata names it.
    pub models: BTreeMap<String, Share>,
    /// Sessions of several turns; null where there were none.
    pub sessions: Option<SessionFigures>,
    /// What Pulze's metadata adds up to; null where no reply had any.
    pub pulze: Option<PulzeFigures>,
    /// Metrics of the server; null where its page was not asked for.
    pub server: Option<ServerFigures>,
    /// Streams as other tools measure them, by tool.
    pub metrics_as: BTreeMap<String, AsTool>,
    /// The run second by second, warm-up included.
    pub seconds: Series,
    /// Whether response times stood still within the window.
    pub steady: Steady,
    /// Requests in flight against rate times service time; null where nothing ended within the window.
    pub littles_law: Option<Little>,
    /// Checks of the dialect by id.
    pub checks: BTreeMap<String, Judgement>,
    /// Goals with whether they held.
    pub goals: Vec<GoalResult>,
    /// Whether the measurement can be believed.
    pub trust: Trust,
}

/// The one verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything held.
    Pass,
    /// A MUST or a goal is broken, or nothing was ok.
    Fail,
    /// Nothing was measured, or the measurement cannot be believed.
    Invalid,
    /// The user interrupted the run.
    Interrupted,
}

impl Outcome {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Invalid => "invalid",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// Requests of the measured part.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Requests {
    /// Sent alone before the load, to see that it is let in; they are in no other figure.
    pub preflight: u64,
    /// Planned; every one has an outcome.
    pub planned: u64,
    /// Handed to the HTTP client.
    pub sent: u64,
    /// Ended ok.
    pub ok: u64,
    /// Ok, no MUST broken that is not known, and within the limits for a single request.
    pub good: u64,
    /// Ok and no MUST broken that is not known, but beyond a limit for a single request.
    pub late: u64,
    /// Failed: not ok, those unanswered when the grace period ended among them.
    pub failed: u64,
    /// In flight when a limit of the user or an interruption ended the run; those count in no share.
    pub cut: u64,
    /// Share of the planned that are good, of those that a limit of the user left neither unsent nor cut.
    pub good_fraction: Option<f64>,
}

/// Requests of the warm-up.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Warmup {
    /// Planned.
    pub planned: u64,
    /// By outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Broken MUSTs, by check.
    pub must_broken: BTreeMap<String, u64>,
}

/// A text with how often it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counted {
    /// The text.
    pub text: String,
    /// How often it came.
    pub count: u64,
}

/// Rates per second over the window.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rates {
    /// Exchanges that ended with an HTTP reply, of whatever status.
    pub requests: Option<f64>,
    /// Good exchanges completed.
    pub good_requests: Option<f64>,
    /// Output tokens that arrived within the window, whenever their exchange began or ended.
    pub output_tokens: Option<f64>,
    /// The same, and prompt tokens of exchanges completed within the window.
    pub total_tokens: Option<f64>,
    /// Requests in flight at the beginning of the window: part of their tokens came before it.
    pub in_flight_at_begin: u64,
    /// Requests in flight at its end: part of their tokens came behind it, or never.
    pub in_flight_at_end: u64,
}

/// Prompts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Prompts {
    /// Share of the prompts sent that are distinct.
    pub distinct_share: f64,
    /// Whether repeated prompts were meant.
    pub reuse: bool,
}

/// The JSON Schema of a digest; `schemas/digest.json` is this, committed.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Digest>().to_value()
}

impl Digest {
    /// Works out the figures of a run.
    pub fn of(summary: &Summary) -> Digest {
        let meta = &summary.meta;
        let trust = Trust::of(summary);
        let certainties = Certainties::of(summary);
        let checks = judgements(summary);
        let goals = GoalResult::all(summary);
        let (verdict, reasons) = decide(summary, &checks, &goals, &trust);
        Digest {
            format: summary.format,
            proofload: summary.proofload.clone(),
            verdict,
            reasons,
            profile: meta.profile.clone(),
            dialect: meta.dialect.clone(),
            target: meta.target.clone(),
            model: meta.model.clone(),
            labels: meta.labels.clone(),
            seed: meta.seed,
            salt: meta.salt,
            shard: meta.shard.clone(),
            duration_s: summary.window_s(),
            load: meta.load.clone(),
            ended_early: summary.ending.early.clone(),
            cut_off: summary.ending.cut_off(),
            paused_s: summary.counts.paused_us as f64 / 1e6,
            requests: Requests {
                preflight: summary.counts.preflight,
                planned: summary.planned(),
                sent: summary.planned() - summary.count(&["missed", "unsent"]),
                ok: summary.count(&["ok"]),
                good: summary.counts.good,
                late: summary.counts.late,
                failed: summary.failed(),
                cut: summary.cut(),
                good_fraction: summary.scalar(Scalar::GoodFraction),
            },
            warmup: Warmup {
                planned: summary.warmup.values().sum(),
                outcomes: summary.warmup.clone(),
                must_broken: summary
                    .checks
                    .iter()
                    .filter(|(_, t)| t.warmup_must > 0)
                    .map(|(id, t)| (id.clone(), t.warmup_must))
                    .collect(),
            },
            outcomes: summary.outcomes.clone(),
            classes: summary.classes.clone(),
            failures: counted(&summary.failures),
            statuses: summary.statuses.clone(),
            timings_us: Measure::ALL
                .iter()
                .map(|measure| (measure.name().to_owned(), Timings::of(summary, *measure, &certainties)))
                .collect(),
            events_per_arrival: Statistics::of(
                &Populations { ok: summary.events_per_arrival.clone(), ..Populations::default() },
                Population::Ok,
                certainties.of_measure(Measure::TokenGap, Population::Ok),
            ),
            rates_per_s: Rates {
                requests: summary.scalar(Scalar::Requests),
                good_requests: summary.scalar(Scalar::GoodRequests),
                output_tokens: summary.scalar(Scalar::OutputTokens),
                total_tokens: summary.scalar(Scalar::TotalTokens),
                in_flight_at_begin: summary.counts.in_flight_at_begin,
                in_flight_at_end: summary.counts.in_flight_at_end,
            },
            error_rate: summary.scalar(Scalar::ErrorRate),
            violation_rate: summary.scalar(Scalar::ViolationRate),
            missed_fraction: summary.scalar(Scalar::MissedFraction),
            tokens: Tokens::of(summary),
            prompts: Prompts { distinct_share: summary.prompts.distinct_share(), reuse: meta.reuse },
            cases: splits::shares(&summary.by_case),
            models: splits::shares(&summary.by_model),
            compressed: Compressed::of(summary),
            sessions: splits::sessions(&summary.sessions),
            pulze: PulzeFigures::of(summary),
            server: ServerFigures::of(summary),
            metrics_as: AsTool::all(summary, &certainties),
            seconds: Series::of(summary),
            steady: Steady::of(summary),
            littles_law: summary.flow.little(summary.window_s(), summary.health.in_flight_us),
            checks,
            goals,
            trust,
        }
    }

    /// The verdict without the goals that hold by default: what the points of a sweep decide by.
    pub fn verdict_by_written(&self, summary: &Summary) -> Outcome {
        let written: Vec<GoalResult> = self.goals.iter().filter(|goal| !goal.default).cloned().collect();
        decide(summary, &self.checks, &written, &self.trust).0
    }

    /// Share of an outcome, of the requests that a limit of the user left neither unsent nor cut and whose answers we read;
    /// none where it is of those.
    pub fn share_of(&self, outcome: &str, count: u64) -> Option<f64> {
        const UNCOUNTED: [&str; 2] = ["unsent", "unjudged"];
        let uncounted: u64 = UNCOUNTED.iter().filter_map(|name| self.outcomes.get(*name)).sum();
        let counted = self.requests.planned - uncounted - self.requests.cut;
        let count = if outcome == "unfinished" { count - self.requests.cut } else { count };
        (counted > 0 && !UNCOUNTED.contains(&outcome) && count > 0).then(|| count as f64 / counted as f64)
    }

    /// Broken checks, the binding ones first.
    pub fn broken_checks(&self) -> Vec<(&String, &Judgement)> {
        let mut broken: Vec<_> = self.checks.iter().filter(|(_, check)| check.fail > 0).collect();
        broken.sort_by_key(|(id, check)| (check.known.is_some(), check.must == 0, check.should == 0, *id));
        broken
    }

    /// Whether nothing was measured, or what was cannot be believed: the cases of exit code 3.
    pub fn measured_nothing(summary: &Summary) -> Option<String> {
        if summary.counts.answered == 0 {
            return Some("no request got an HTTP answer".to_owned());
        }
        // What a limit left unsent or cut is no measurement.
        if summary.accountable() == 0 {
            return Some("every request that was sent was warm-up, so nothing was measured".to_owned());
        }
        (summary.counts.asserted == 0).then(|| "no reply was judged, so nothing was asserted".to_owned())
    }
}

/// Precedence: interrupted, invalid, fail, pass. The reasons of all that apply are given.
fn decide(
    summary: &Summary,
    checks: &BTreeMap<String, Judgement>,
    goals: &[GoalResult],
    trust: &Trust,
) -> (Outcome, Vec<String>) {
    let cut_off = summary.ending.cut_off();
    let nothing = Digest::measured_nothing(summary);
    let mut invalid: Vec<String> = cut_off.iter().cloned().chain(nothing).collect();
    if trust.verdict == Belief::Invalid {
        invalid.extend(trust.reasons.iter().filter(|reason| Some(*reason) != cut_off.as_ref()).cloned());
    }
    let mut broken = Vec::new();
    if summary.accountable() > 0 && summary.count(&["ok"]) == 0 {
        broken.push("no exchange was ok".to_owned());
    }
    let tolerated = summary.goals().iter().any(Goal::tolerates_violations);
    let unknown = |id: &str| !summary.meta.known.contains_key(id);
    // A rule on the run as a whole is worked out from counts that have decided already, unless the user raised it.
    let raised = |id: &str| summary.meta.levels.contains_key(id);
    let of_replies = |id: &str| check::find(id).is_some_and(|check| matches!(check.judge, Judge::Reply(_)));
    let decides = |id: &str| of_replies(id) || raised(id);
    for (id, judgement) in checks.iter().filter(|(id, j)| j.must > 0 && decides(id) && unknown(id) && !tolerated) {
        broken.push(format!("MUST {id} broken {}: {}", times(judgement.must), judgement.rule));
    }
    for (id, tally) in summary.checks.iter().filter(|(id, t)| t.warmup_must > 0 && unknown(id) && !tolerated) {
        broken.push(format!("MUST {id} broken {} in the warm-up", times(tally.warmup_must)));
    }
    let first = |goal: &GoalResult| {
        let first = goal.broken_in.first();
        first.map_or(String::new(), |first| {
            format!(", first {} second {} to {} (from {})", goal.by(), first.from_s, first.until_s, first.from)
        })
    };
    let missed = goals.iter().filter(|goal| !goal.held && cut_off.is_none());
    broken.extend(missed.map(|goal| format!("goal broken: {}{}", goal.words(), first(goal))));
    let aborted = summary.ending.early.as_ref().filter(|_| summary.ending.aborted);
    broken.extend(aborted.map(|rule| format!("ended early: {rule}")));
    let verdict = if summary.ending.interrupted {
        Outcome::Interrupted
    } else if !invalid.is_empty() {
        Outcome::Invalid
    } else if !broken.is_empty() {
        Outcome::Fail
    } else {
        Outcome::Pass
    };
    let interrupted = summary.ending.interrupted.then(|| "interrupted before the end of the plan".to_owned());
    (verdict, interrupted.into_iter().chain(invalid).chain(broken).chain(incomplete(summary)).collect())
}

/// Sessions that do not complete do not pass in silence. A goal of the user's on them has its own say.
fn incomplete(summary: &Summary) -> Option<String> {
    let is_bounded = |goal: &Goal| goal.metric == Metric::Scalar(Scalar::SessionsComplete);
    if summary.goals().iter().any(is_bounded) { None } else { summary.sessions.shortfall() }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn counted(texts: &super::distinct::Texts) -> Vec<Counted> {
    let kept =
        texts.ranked().into_iter().map(|(text, sighting)| Counted { text: text.to_owned(), count: sighting.count });
    let other = (texts.other() > 0).then(|| Counted { text: "(others)".to_owned(), count: texts.other() });
    kept.chain(other).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds of at most an hour")]
fn whole(us: f64) -> u64 {
    us.round() as u64
}
