//! What a search comes to: the highest load that holds, between which bounds, and what breaks beyond it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::search::{End, Ending, Search, rounded};
use super::stage::{Growth, Stage, Verdict};
use crate::summary::trust::Belief;

/// The highest load that holds the goals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Whether any load that was tried holds the goals.
    pub holds: bool,
    /// Requests per second that were answered at the highest load that holds them: what was achieved, which may be less
    /// than what was asked for. Rates of tokens and of good requests below are those of the same stage.
    pub rate_per_s: Option<f64>,
    /// Requests per second that hold beyond chance: what to plan with. Never more than a stage achieved that held.
    pub low: Option<f64>,
    /// Requests per second that break the goals beyond chance; none where nothing did. Of an open load the rate that was
    /// offered, of a concurrency the highest that was achieved with it.
    pub high: Option<f64>,
    /// Number of the stage that the answer is read off, from 1.
    #[serde(default)]
    pub stage: Option<usize>,
    /// Requests per second that this stage offered, of a search over rates.
    #[serde(default)]
    pub asked_per_s: Option<f64>,
    /// Concurrency of this stage, of a search over concurrency.
    #[serde(alias = "slots")]
    pub concurrency: Option<f64>,
    /// Concurrency at the lower bound, of a search over concurrency.
    #[serde(default, alias = "low_slots")]
    pub low_concurrency: Option<f64>,
    /// Whether long stages confirm both ends.
    pub confirmed: bool,
    /// Why the search ended, in words.
    pub ended: String,
    /// What broke at the lowest load that broke, the furthest from its goal first.
    pub breaks_first: Vec<String>,
    /// What is at its limit.
    pub limit: Limit,
    /// Requests per second that are let through at most, about, where a quota is the limit.
    pub quota_per_s: Option<f64>,
    /// Whether the stages at both ends can be believed: `trusted`, `doubtful` or `invalid`.
    pub trust: String,
    /// Why not.
    pub distrust: Vec<String>,
    /// Prompt tokens of a request on average, for which the answer holds.
    pub input_tokens: f64,
    /// Completion tokens likewise.
    pub output_tokens: f64,
    /// What a request costs on average by the endpoint's own metadata, in dollars; none where it does not say.
    #[serde(default)]
    pub cost_per_request: Option<f64>,
    /// Prompt tokens per second in the stage of the answer.
    pub input_tokens_per_s: f64,
    /// Completion tokens per second in the stage of the answer.
    pub output_tokens_per_s: f64,
    /// Good requests per second in the stage of the answer.
    pub good_per_s: f64,
}

/// What is at its limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// Nothing that was seen.
    #[default]
    Unknown,
    /// The endpoint gets slow, fails, or falls behind.
    Hardware,
    /// It refuses with 429 while it is as fast as ever: more of it does not help.
    Quota,
    /// It breaks the contract.
    Contract,
    /// The client that measures.
    Client,
    /// The endpoint or the client: where it broke, the measurement is doubtful, however often it was repeated.
    Unclear,
}

impl Limit {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Limit::Unknown => "nothing broke",
            Limit::Hardware => "the endpoint itself",
            Limit::Quota => "a quota, not hardware",
            Limit::Contract => "the contract: replies get wrong",
            Limit::Client => "the client that measured",
            Limit::Unclear => "the endpoint or the client that measured: where it broke, the measurement is doubtful",
        }
    }
}

/// A share of 429 that makes a difference.
pub(super) const REFUSES: f64 = 0.005;
/// As fast as ever: what is let through takes at most so many times as long as at a low load, in the median.
const FAST: f64 = 1.5;
/// The same of first tokens. At a low load a request finds nobody and joins at once; else it waits for the step in
/// progress, which may take as long as its own.
const PROMPT: f64 = 3.0;
/// A quota lets nearly the same rate through whatever is offered, a server that is full takes more when more is offered:
/// what is let through grows with a power of what is offered, and this is between the two.
const ELASTIC: f64 = 0.5;
/// So many times the load that broke shows which of the two it is.
pub(super) const FAR: f64 = 1.4;
/// An end of the bracket that chance may have decided gives way by so many times the precision.
const CHANCE: f64 = 1.5;

impl Answer {
    /// What a search comes to; without an ending it is still going on, or was interrupted.
    pub fn of(search: &Search, ending: Option<&Ending>) -> Answer {
        let (low, high) = search.bracket();
        let broken = high.and_then(|high| last_of(search, high.load, Verdict::Broke));
        let mut answer = Answer {
            ended: words(ending, search),
            confirmed: ending == Some(&Ending::Confirmed),
            trust: "trusted".to_owned(),
            breaks_first: broken.map(Stage::broken_goals).unwrap_or_default(),
            limit: limit(search, broken, ending),
            ..Answer::default()
        };
        if answer.limit == Limit::Quota {
            let refusing = search.stages().iter().filter(|stage| stage.rate_limited > REFUSES);
            // What a limiter lets through at once, before it refuses, weighs least in the longest of them.
            answer.quota_per_s = refusing.max_by(|a, b| a.took_s.total_cmp(&b.took_s)).map(admitted);
        }
        let Some(low) = low else { return answer };
        let Some(best) = last_of(search, low.load, Verdict::Held) else { return answer };
        let slots = search.terms().slots;
        let [least, most] = interval(search, low, high);
        let [lowest, highest] = rates(search, best, least, most);
        let requests = (best.requests.max(1)) as f64;
        let (trust, distrust) = doubts(best, broken);
        Answer {
            holds: true,
            rate_per_s: Some(best.achieved_per_s),
            low: lowest,
            high: highest,
            stage: search.stages().iter().position(|stage| std::ptr::eq(stage, best)).map(|place| place + 1),
            asked_per_s: (!slots).then_some(best.load),
            concurrency: slots.then_some(best.load),
            low_concurrency: least.filter(|_| slots),
            trust,
            distrust,
            input_tokens: best.input_tokens / requests,
            output_tokens: best.output_tokens / requests,
            cost_per_request: best.cost_per_request,
            input_tokens_per_s: best.input_tokens_per_s,
            output_tokens_per_s: best.output_tokens_per_s,
            good_per_s: best.good_per_s,
            ..answer
        }
    }

    /// The load at the lower end: the concurrency of a search over concurrency, else requests per second.
    pub fn low_load(&self) -> Option<f64> {
        self.low_concurrency.or(self.low)
    }

    /// Share of the replies that are good.
    pub fn good_share(&self) -> f64 {
        self.rate_per_s.map_or(1.0, |rate| (self.good_per_s / rate.max(f64::MIN_POSITIVE)).min(1.0))
    }
}

/// What the ends of the interval come to in requests per second: of loads `least` and `most`, around the stage that the
/// answer is read off. Where no stage has such a load, a rate offers what it is and slots achieve their share of what the
/// stage above achieved; no rate is above what that achieved.
fn rates(search: &Search, best: &Stage, least: Option<f64>, most: Option<f64>) -> [Option<f64>; 2] {
    let slots = search.terms().slots;
    let share = |load: f64| if slots { best.achieved_per_s * load / best.load } else { load };
    // More slots achieve no less than fewer that held.
    let held_below = |load: f64| {
        let held =
            search.stages().iter().filter(|stage| stage.verdict == Verdict::Held && stage.load <= load * (1.0 + 1e-9));
        held.map(|stage| stage.achieved_per_s).fold(0.0, f64::max)
    };
    let scaled = |load: f64| {
        let least = if slots { held_below(load) } else { 0.0 };
        share(load).max(least).min(best.achieved_per_s)
    };
    let achieved = |load: f64| match last_of(search, load, Verdict::Held) {
        Some(stage) if stage.verdict == Verdict::Held => stage.achieved_per_s.min(best.achieved_per_s),
        Some(_) | None => scaled(load),
    };
    let within = |most: f64| {
        let stages = search.stages().iter().filter(move |stage| stage.load <= most * (1.0 + 1e-9));
        stages.map(|stage| stage.achieved_per_s).fold(best.achieved_per_s, f64::max)
    };
    let highest = |most: f64| if slots { within(most) } else { most.max(best.achieved_per_s) };
    [least.map(achieved), most.map(highest)]
}

/// The stage that says so: of those of a load and verdict the last, which is the longest.
fn last_of(search: &Search, load: f64, verdict: Verdict) -> Option<&Stage> {
    let at = |stage: &&Stage| (stage.load - load).abs() <= 1e-9 * load;
    let stages = search.stages().iter().rev().filter(at);
    stages.clone().find(|stage| stage.verdict == verdict).or_else(|| stages.clone().next())
}

/// How far both ends can be believed, and why no further: what broke in a trusted stage is as good as what held in one.
fn doubts(best: &Stage, broken: Option<&Stage>) -> (String, Vec<String>) {
    let doubted = broken.filter(|stage| stage.verdict == Verdict::Untrusted);
    let at = |stage: &Stage| stage.distrust.iter().map(|why| format!("at {}: {why}", stage.load)).collect::<Vec<_>>();
    let ends = [Some(best), doubted].into_iter().flatten().filter(|stage| stage.trust != Belief::Trusted.name());
    let trust = ends.clone().next_back().map_or(Belief::Trusted.name(), |stage| &stage.trust).to_owned();
    (trust, ends.flat_map(at).collect())
}

/// The bracket without chance: an end that chance may have decided gives way by the precision, or to the next stage
/// that chance did not decide.
fn interval(search: &Search, low: End, high: Option<End>) -> [Option<f64>; 2] {
    let precision = search.terms().precision;
    let step = 1.0 + CHANCE * precision;
    let sure = |verdict| {
        let stages = search.stages().iter().filter(move |stage| stage.verdict == verdict && stage.is_sure());
        stages.map(|stage| stage.load)
    };
    let lower =
        |load: f64| if search.terms().slots { (load / step).floor().max(1.0) } else { rounded(load / step, precision) };
    let least = if low.sure {
        low.load
    } else {
        sure(Verdict::Held).filter(|load| *load <= low.load).fold(lower(low.load), f64::max)
    };
    let most = high.map(|high| {
        if high.sure {
            high.load
        } else {
            sure(Verdict::Broke).filter(|load| *load >= high.load).fold(rounded(high.load * step, precision), f64::min)
        }
    });
    [Some(least), most]
}

fn limit(search: &Search, broken: Option<&Stage>, ending: Option<&Ending>) -> Limit {
    if ending == Some(&Ending::Client) {
        return Limit::Client;
    }
    let Some(broken) = broken else { return Limit::Unknown };
    if broken.rate_limited > REFUSES && broken.backlog == Growth::Steady && is_quota(search.stages(), broken) {
        return Limit::Quota;
    }
    let by_goal = broken.goals.iter().any(|goal| !goal.held) || broken.backlog != Growth::Steady;
    match broken.verdict {
        _ if !by_goal && !broken.violations.is_empty() => Limit::Contract,
        Verdict::Untrusted => Limit::Unclear,
        Verdict::Held | Verdict::Broke => Limit::Hardware,
    }
}

/// Replies per second that are no 429.
fn admitted(stage: &Stage) -> f64 {
    stage.achieved_per_s * (1.0 - stage.rate_limited)
}

/// Whether far beyond the load that broke the same rate is let through, as fast as ever; where replies state a quota, it
/// need not be far. A server that refuses since it is full shows one of the two: what it takes has waited, or it takes
/// more when more is offered.
fn is_quota(stages: &[Stage], broken: &Stage) -> bool {
    let held = stages.iter().filter(|stage| stage.verdict == Verdict::Held);
    let idle = held.min_by(|a, b| a.load.total_cmp(&b.load));
    let far = stages.iter().filter(|stage| stage.load >= FAR * broken.load && stage.verdict != Verdict::Untrusted);
    let Some(far) = far.min_by(|a, b| a.load.total_cmp(&b.load)).or(broken.states_quota.then_some(broken)) else {
        return false;
    };
    let fast = |of: fn(&Stage) -> Option<f64>, most: f64| match (idle.and_then(of), of(far)) {
        (Some(idle), Some(now)) => now <= most * idle,
        _ => true,
    };
    fast(|stage| stage.response_time_ok_us.p50, FAST)
        && fast(|stage| stage.first_token_ok_us.p50, PROMPT)
        && (broken.states_quota || (admitted(far) / admitted(broken)).ln() <= ELASTIC * (far.load / broken.load).ln())
}

fn words(ending: Option<&Ending>, search: &Search) -> String {
    let precision = search.terms().precision * 100.0;
    match ending {
        Some(Ending::Confirmed) => format!("both ends are confirmed and within {precision:.0} % of one another"),
        Some(Ending::NoneHolds) => "the lowest load that was tried breaks the goals".to_owned(),
        Some(Ending::HoldsToTheEnd) => {
            format!("the highest load that was allowed, {}, holds: the answer is at least that", search.terms().to)
        }
        Some(Ending::Client) => "the client was the limit: it could not send what was asked".to_owned(),
        Some(Ending::Bound(flag)) => format!("{flag} is reached: this is the best bracket so far"),
        Some(Ending::Unsettled) => {
            "stages contradict one another again and again: this is the best bracket so far".to_owned()
        }
        None => "not finished: this is the best bracket so far".to_owned(),
    }
}
