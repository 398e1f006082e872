//! What one stage of a search leaves behind: its figures, and whether the goals held.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judging::GoalAt;
use crate::check::{self, Judge};
use crate::plan::goal::{Goal, Measure, Population, Scalar, Statistic};
use crate::run::Parts;
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::summary::trust::{Belief, Trust};

/// One stage of a search.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The load: requests per second, or concurrency.
    pub load: f64,
    /// Whether it was a long one, which confirms an end of the bracket.
    pub confirms: bool,
    /// What came of it.
    pub verdict: Verdict,
    /// Why it is not `held`, in words.
    pub reasons: Vec<String>,
    /// Goals with what was measured.
    pub goals: Vec<GoalAt>,
    /// Requests per second that were meant.
    pub offered_per_s: f64,
    /// Replies per second, of whatever status.
    pub achieved_per_s: f64,
    /// Of these, good and within the limits for a single request.
    pub good_per_s: f64,
    /// Prompt tokens per second.
    pub input_tokens_per_s: f64,
    /// Completion tokens per second.
    pub output_tokens_per_s: f64,
    /// First token of all requests, in microseconds.
    pub first_token_us: Quantiles,
    /// The same of the requests that ended ok.
    pub first_token_ok_us: Quantiles,
    /// Gaps between tokens.
    pub token_gap_us: Quantiles,
    /// Response times.
    pub response_time_us: Quantiles,
    /// The same of the requests that ended ok.
    pub response_time_ok_us: Quantiles,
    /// Failed / ended of their own.
    pub error_rate: Option<f64>,
    /// Replies with a broken MUST / replies with status 200.
    pub violation_rate: Option<f64>,
    /// Rules of the contract that were broken as a MUST and are not known to be, with how often.
    pub violations: BTreeMap<String, u64>,
    /// Share of the requests that were answered with 429.
    pub rate_limited: f64,
    /// Whether replies state a quota in `x-ratelimit-*` headers.
    pub states_quota: bool,
    /// Requests in flight on average, sampled; none where it was not watched.
    pub in_flight: Option<f64>,
    /// Whether more requests came in than went out.
    pub backlog: Growth,
    /// Whether the measurement can be believed: `trusted`, `doubtful` or `invalid`.
    pub trust: String,
    /// Why not.
    pub distrust: Vec<String>,
    /// Requests sent, those of the warm-up included, and those behind it.
    pub requests: u64,
    /// Prompt tokens of all of them; those outside the measured part are taken to be like the others.
    pub input_tokens: f64,
    /// Completion tokens, likewise.
    pub output_tokens: f64,
    /// What a request cost on average by the endpoint's own metadata, in dollars; none where it does not say.
    #[serde(default)]
    pub cost_per_request: Option<f64>,
    /// Length of its measured part, in seconds.
    #[serde(default)]
    pub measured_s: f64,
    /// How long it took, with warm-up, the rest of its requests and the pause behind it, in seconds.
    pub took_s: f64,
    /// Of the requests, those sent one at a time behind it until the endpoint had come to rest.
    #[serde(default)]
    pub probes: u64,
    /// Its run, relative to the record.
    pub run: Option<String>,
}

/// What came of a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every goal held.
    Held,
    /// One did not.
    Broke,
    /// The measurement cannot be believed.
    #[default]
    Untrusted,
}

impl Verdict {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Held => "held",
            Verdict::Broke => "broke",
            Verdict::Untrusted => "untrusted",
        }
    }
}

/// Whether more requests came in than went out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Growth {
    /// No.
    #[default]
    Steady,
    /// Over the whole stage.
    Grew,
    /// So clearly that the stage was cut short.
    Cut,
}

/// Quantiles in microseconds; null is infinity, or the lack of any sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quantiles {
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

/// What a stage was, beside its summary.
#[derive(Debug, Clone, Copy)]
pub struct Carried {
    /// The load: requests per second, or concurrency.
    pub load: f64,
    /// Whether it confirms.
    pub confirms: bool,
    /// Requests in flight on average.
    pub in_flight: Option<f64>,
    /// Whether they grew.
    pub backlog: Growth,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Requests that asked whether the endpoint had come to rest.
    pub probes: u64,
}

/// What must hold in every stage.
#[derive(Debug, Clone, Default)]
pub struct Goals {
    /// Of all requests together.
    pub whole: Vec<Goal>,
    /// Of single cases.
    pub cases: Vec<OfCase>,
}

/// What must hold for one case.
#[derive(Debug, Clone)]
pub struct OfCase {
    /// Its place among the cases of the plan.
    pub place: usize,
    /// Its name.
    pub name: String,
    /// Its share of the requests.
    pub share: f64,
    /// Its goals.
    pub goals: Vec<Goal>,
}

impl OfCase {
    fn of<'p>(&self, parts: &'p Parts) -> &'p Summary {
        parts.cases.get(self.place).unwrap_or(&parts.whole)
    }

    fn is_unasked(&self, parts: &Parts) -> bool {
        self.of(parts).planned() == 0
    }
}

impl Goals {
    /// Every goal.
    pub fn all(&self) -> impl Iterator<Item = &Goal> {
        self.with_shares().map(|(goal, _)| goal)
    }

    /// Every goal, with the share of the requests that it is about.
    pub fn with_shares(&self) -> impl Iterator<Item = (&Goal, f64)> {
        let of_cases = self.cases.iter().flat_map(|case| case.goals.iter().map(|goal| (goal, case.share)));
        self.whole.iter().map(|goal| (goal, 1.0)).chain(of_cases)
    }

    fn held_against(&self, parts: &Parts) -> Vec<GoalAt> {
        let whole = self.whole.iter().map(|goal| GoalAt::of(goal, None, &parts.whole));
        let asked = self.cases.iter().filter(|case| !case.is_unasked(parts));
        let cases =
            asked.flat_map(|case| case.goals.iter().map(|goal| GoalAt::of(goal, Some(&case.name), case.of(parts))));
        whole.chain(cases).collect()
    }

    /// What is not known: of a case that no request was due of.
    fn unknown(&self, parts: &Parts) -> Vec<String> {
        let unasked = self.cases.iter().filter(|case| case.is_unasked(parts));
        unasked.map(|case| format!("no request of {} was due, so nothing is known of its goals", case.name)).collect()
    }
}

impl Stage {
    /// What a stage leaves behind.
    pub fn of(carried: Carried, goals: &Goals, parts: &Parts) -> Stage {
        let summary = &parts.whole;
        let trust = Trust::of(summary);
        let counts = &summary.counts;
        let window = summary.window_s();
        let rate = |scalar| summary.scalar(scalar).unwrap_or(0.0);
        let output_tokens_per_s = rate(Scalar::OutputTokens);
        let unsent = |outcomes: &BTreeMap<String, u64>| {
            let not = |name: &&String| !["unsent", "missed"].contains(&name.as_str());
            outcomes.iter().filter(|(name, _)| not(name)).map(|(_, count)| count).sum::<u64>()
        };
        let measured = unsent(&summary.outcomes);
        let requests = measured + unsent(&summary.warmup) + carried.probes;
        let all = |millitokens: u64| millitokens as f64 / 1000.0 * requests as f64 / (measured.max(1)) as f64;
        let mut stage = Stage {
            load: carried.load,
            confirms: carried.confirms,
            goals: goals.held_against(parts),
            offered_per_s: summary.meta.rate_per_s.unwrap_or_else(|| rate(Scalar::Requests)),
            achieved_per_s: rate(Scalar::Requests),
            good_per_s: rate(Scalar::GoodRequests),
            input_tokens_per_s: (rate(Scalar::TotalTokens) - output_tokens_per_s).max(0.0),
            output_tokens_per_s,
            first_token_us: Quantiles::of(summary, Measure::FirstToken, Population::All),
            first_token_ok_us: Quantiles::of(summary, Measure::FirstToken, Population::Ok),
            token_gap_us: Quantiles::of(summary, Measure::TokenGap, Population::All),
            response_time_us: Quantiles::of(summary, Measure::ResponseTime, Population::All),
            response_time_ok_us: Quantiles::of(summary, Measure::ResponseTime, Population::Ok),
            error_rate: summary.scalar(Scalar::ErrorRate),
            violation_rate: summary.scalar(Scalar::ViolationRate),
            violations: violations(summary),
            rate_limited: summary.count(&["rate_limited"]) as f64 / (measured.max(1)) as f64,
            states_quota: summary.checks.get(QUOTA).is_some_and(|tally| tally.pass + tally.should + tally.must > 0),
            in_flight: carried.in_flight.filter(|_| window > 0.0),
            backlog: carried.backlog,
            trust: trust.verdict.name().to_owned(),
            distrust: trust.reasons.clone(),
            requests,
            input_tokens: all(counts.prompt_millitokens),
            output_tokens: all(counts.completion_millitokens),
            cost_per_request: summary.scalar(Scalar::CostPerRequest),
            measured_s: window,
            took_s: carried.took_s,
            probes: carried.probes,
            ..Stage::default()
        };
        let tolerated = goals.all().any(Goal::tolerates_violations);
        (stage.verdict, stage.reasons) = stage.decide(summary, trust.client, tolerated, goals.unknown(parts));
        stage
    }

    /// Trouble of the client makes an endpoint look worse and never better: what held holds though the client is
    /// doubtful, and what broke is tried again.
    fn decide(
        &self,
        summary: &Summary,
        belief: Belief,
        tolerated: bool,
        unknown: Vec<String>,
    ) -> (Verdict, Vec<String>) {
        let aborted = summary.ending.aborted;
        let limit = summary.ending.early.clone().filter(|_| self.backlog != Growth::Cut && !aborted);
        if let Some(why) = limit {
            return (Verdict::Untrusted, vec![format!("cut short by {why}")]);
        }
        if summary.ending.interrupted {
            return (Verdict::Untrusted, vec!["interrupted".to_owned()]);
        }
        if summary.accountable() == 0 {
            return (Verdict::Untrusted, vec!["nothing was measured".to_owned()]);
        }
        let broken = self.broken(summary, tolerated);
        if broken.is_empty() && !unknown.is_empty() {
            return (Verdict::Untrusted, unknown);
        }
        let wrong = !tolerated && !self.violations.is_empty();
        let verdict = match (belief, broken.is_empty()) {
            // A client that was late now and then neither makes requests pile up beyond all chance nor breaks a contract.
            (Belief::Doubtful, false) if self.backlog == Growth::Cut || wrong => Verdict::Broke,
            (Belief::Invalid, _) | (Belief::Doubtful, false) => Verdict::Untrusted,
            (Belief::Trusted | Belief::Doubtful, true) => Verdict::Held,
            (Belief::Trusted, false) => Verdict::Broke,
        };
        let distrust = if verdict == Verdict::Untrusted { self.distrust.clone() } else { Vec::new() };
        (verdict, distrust.into_iter().chain(broken).collect())
    }

    fn broken(&self, summary: &Summary, tolerated: bool) -> Vec<String> {
        let mut broken: Vec<String> = Digest::measured_nothing(summary).into_iter().collect();
        let mut goals: Vec<&GoalAt> = self.goals.iter().filter(|goal| !goal.held).collect();
        goals.sort_by(|a, b| b.excess().total_cmp(&a.excess()));
        broken.extend(goals.into_iter().map(GoalAt::words));
        if !tolerated {
            broken.extend(self.violations.keys().map(|id| format!("MUST {id}")));
        }
        if self.backlog != Growth::Steady {
            broken.push("the backlog grows: more requests come than are answered".to_owned());
        }
        if summary.planned() > 0 && summary.count(&["ok"]) == 0 {
            broken.push("no request was ok".to_owned());
        }
        // A rule that says when a load goes wrong is a goal that was broken.
        let aborted = summary.ending.early.as_ref().filter(|_| summary.ending.aborted);
        broken.extend(aborted.map(|rule| format!("cut short by {rule}")));
        broken
    }

    /// Whether what came of it is beyond chance.
    pub fn is_sure(&self) -> bool {
        match self.verdict {
            Verdict::Held => self.goals.iter().all(|goal| goal.sure),
            Verdict::Broke => {
                self.backlog == Growth::Cut
                    || self.goals.iter().any(|goal| !goal.held && goal.sure)
                    || !self.violations.is_empty()
            }
            Verdict::Untrusted => false,
        }
    }

    /// What broke in it, without what makes it doubtful.
    pub fn broken_goals(&self) -> Vec<String> {
        self.reasons.iter().filter(|reason| !self.distrust.contains(reason)).cloned().collect()
    }

    /// Whether it was invalid, and not merely doubtful.
    pub fn is_invalid(&self) -> bool {
        self.trust == Belief::Invalid.name()
    }
}

/// The rule on `x-ratelimit-*` headers, which is skipped where there are none.
const QUOTA: &str = "http-ratelimit-headers";

/// Rules on single replies that were broken as a MUST, but for those that are known.
fn violations(summary: &Summary) -> BTreeMap<String, u64> {
    let decides = |id: &str| check::find(id).is_some_and(|check| matches!(check.judge, Judge::Reply(_)));
    let unknown = |id: &str| !summary.meta.known.contains_key(id);
    let broken = summary.checks.iter().map(|(id, tally)| (id, tally.must + tally.warmup_must));
    broken.filter(|(id, count)| *count > 0 && decides(id) && unknown(id)).map(|(id, n)| (id.clone(), n)).collect()
}

impl Quantiles {
    fn of(summary: &Summary, measure: Measure, population: Population) -> Quantiles {
        let get = |statistic| {
            let value = summary.timings.get(measure.name())?.statistic(population, statistic);
            value.filter(|us| us.is_finite())
        };
        Quantiles {
            mean: get(Statistic::Mean),
            p50: get(Statistic::Percentile(50.0)),
            p95: get(Statistic::Percentile(95.0)),
            p99: get(Statistic::Percentile(99.0)),
        }
    }
}
