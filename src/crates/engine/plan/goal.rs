//! Goals: what must hold for a run to pass, as in `first_token.p95 < 500ms` or `error_rate < 1%`.

mod default;
mod grammar;
mod possible;

pub use default::{Guard, with_defaults, words};

/// A goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// As the user wrote it.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// How it compares.
    pub op: Op,
    /// With what: microseconds, a fraction, a count, a count per second, or dollars, as the metric has it.
    pub value: f64,
    /// Of what part of the run.
    pub part: Part,
    /// Whether it holds because the user wrote no goal of its kind.
    pub default: bool,
}

impl Goal {
    /// The case that it is of, and the goal as it is for whoever looks at the requests of that case only.
    pub fn apart(&self) -> (Option<String>, Goal) {
        let Part::Case(case) = &self.part else { return (None, self.clone()) };
        let text = self.text.split(" for ").next().unwrap_or_default().trim_end().to_owned();
        (Some(case.clone()), Goal { text, part: Part::Whole, ..self.clone() })
    }
}

/// Of what part of a run a goal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// The requests of one case.
    Case(String),
    /// Every window of so many seconds, each on its own.
    Every(u64),
}

/// What a goal measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// A statistic of a timing, in microseconds.
    Timing(Measure, Population, Statistic),
    /// A figure of the whole run.
    Scalar(Scalar),
    /// What became of a check.
    Check(&'static str, Verdicts),
}

/// Exchanges that are counted of a check; where it spans the run, findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdicts {
    /// For which the rule held.
    Pass,
    /// That broke it, at whatever level.
    Fail,
    /// Share of those that broke it, of those to which it applied.
    FailFraction,
}

impl Verdicts {
    const ALL: [Verdicts; 3] = [Verdicts::Pass, Verdicts::Fail, Verdicts::FailFraction];

    /// Name in goals.
    pub fn name(self) -> &'static str {
        match self {
            Verdicts::Pass => "pass",
            Verdicts::Fail => "fail",
            Verdicts::FailFraction => "fail_fraction",
        }
    }
}

impl Metric {
    /// Whether it is in dollars.
    pub fn is_money(self) -> bool {
        matches!(self, Metric::Scalar(Scalar::Cost | Scalar::CostPerRequest))
    }

    /// Whether it is a share, from 0 to 1.
    pub fn is_fraction(self) -> bool {
        match self {
            Metric::Timing(..) => false,
            Metric::Scalar(scalar) => scalar.is_fraction(),
            Metric::Check(_, verdicts) => verdicts == Verdicts::FailFraction,
        }
    }
}

/// A timing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// due -> ended: what a user waited.
    ResponseTime,
    /// sent -> ended.
    ServiceTime,
    /// due -> eligible: waited for the cap on requests in flight.
    Queued,
    /// eligible -> sent: we were late.
    Lateness,
    /// due -> first content.
    FirstToken,
    /// due -> first content that is not reasoning, which others call time to first output token.
    FirstVisibleToken,
    /// due -> first reasoning.
    FirstReasoningToken,
    /// Between arrivals with content of one choice. Of a stream that failed, the gaps that ended count as they are, and the
    /// end that never came is one infinite gap.
    TokenGap,
    /// (last - first content arrival) / tokens that came after the first arrival; none where all came in one.
    TimePerOutputToken,
    /// sent -> first content.
    FirstTokenFromSent,
    /// due -> last content.
    LastToken,
    /// sent -> status and headers.
    Head,
    /// Opening of a connection, name lookup and TLS included.
    Connect,
}

impl Measure {
    /// Every measure, in the order of reports.
    pub const ALL: [Measure; 13] = [
        Measure::ResponseTime,
        Measure::ServiceTime,
        Measure::Queued,
        Measure::Lateness,
        Measure::FirstToken,
        Measure::FirstVisibleToken,
        Measure::FirstReasoningToken,
        Measure::TokenGap,
        Measure::TimePerOutputToken,
        Measure::FirstTokenFromSent,
        Measure::LastToken,
        Measure::Head,
        Measure::Connect,
    ];

    /// Name in files and goals.
    pub fn name(self) -> &'static str {
        match self {
            Measure::ResponseTime => "response_time",
            Measure::ServiceTime => "service_time",
            Measure::Queued => "queued",
            Measure::Lateness => "lateness",
            Measure::FirstToken => "first_token",
            Measure::FirstVisibleToken => "first_visible_token",
            Measure::FirstReasoningToken => "first_reasoning_token",
            Measure::TokenGap => "token_gap",
            Measure::TimePerOutputToken => "time_per_output_token",
            Measure::FirstTokenFromSent => "first_token_from_sent",
            Measure::LastToken => "last_token",
            Measure::Head => "head",
            Measure::Connect => "connect",
        }
    }

    /// The short name of the field, where it has one.
    pub fn short(self) -> Option<&'static str> {
        match self {
            Measure::ResponseTime => Some("e2e"),
            Measure::FirstToken => Some("ttft"),
            Measure::FirstVisibleToken => Some("ttfo"),
            Measure::TokenGap => Some("itl"),
            Measure::TimePerOutputToken => Some("tpot"),
            Measure::ServiceTime
            | Measure::Queued
            | Measure::Lateness
            | Measure::FirstReasoningToken
            | Measure::FirstTokenFromSent
            | Measure::LastToken
            | Measure::Head
            | Measure::Connect => None,
        }
    }
}

/// Whose timings are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Population {
    /// Exchanges that ended ok.
    Ok,
    /// Exchanges that failed, with the time they took to.
    Failed,
    /// All of them; those that failed, were missed or left unfinished count as infinite.
    All,
}

/// A statistic of a timing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// The value below which this share of the samples lies, by nearest rank; from 0 to 100.
    Percentile(f64),
    /// Arithmetic mean.
    Mean,
    /// Smallest.
    Min,
    /// Largest.
    Max,
}

/// A figure of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// Failed / ended of their own.
    ErrorRate,
    /// Replies with a broken MUST / replies with status 200.
    ViolationRate,
    /// Good / planned, without what a limit left unsent or cut.
    GoodFraction,
    /// Missed / planned, without what a limit left unsent or cut.
    MissedFraction,
    /// Sessions whose last turn ended ok / those that came to an end; what the end of the run cut is in neither.
    SessionsComplete,
    /// Exchanges that ended with an HTTP reply, per second.
    Requests,
    /// Good exchanges completed per second.
    GoodRequests,
    /// Completion tokens per second.
    OutputTokens,
    /// All tokens per second.
    TotalTokens,
    /// Prompt tokens of all replies of the measured part.
    PromptCount,
    /// Completion tokens of all replies of the measured part.
    CompletionCount,
    /// Prompt tokens from a cache / prompt tokens.
    CachedFraction,
    /// Dollars that the replies of the measured part cost, as Pulze's metadata says.
    Cost,
    /// The same for each reply that says what it cost.
    CostPerRequest,
}

impl Scalar {
    const ALL: [Scalar; 14] = [
        Scalar::ErrorRate,
        Scalar::ViolationRate,
        Scalar::GoodFraction,
        Scalar::MissedFraction,
        Scalar::SessionsComplete,
        Scalar::Requests,
        Scalar::GoodRequests,
        Scalar::OutputTokens,
        Scalar::TotalTokens,
        Scalar::PromptCount,
        Scalar::CompletionCount,
        Scalar::CachedFraction,
        Scalar::Cost,
        Scalar::CostPerRequest,
    ];

    /// Name in goals.
    pub fn name(self) -> &'static str {
        match self {
            Scalar::ErrorRate => "error_rate",
            Scalar::ViolationRate => "violation_rate",
            Scalar::GoodFraction => "good_fraction",
            Scalar::MissedFraction => "missed_fraction",
            Scalar::SessionsComplete => "sessions_complete",
            Scalar::Requests => "requests_per_s",
            Scalar::GoodRequests => "good_requests_per_s",
            Scalar::OutputTokens => "output_tokens_per_s",
            Scalar::TotalTokens => "total_tokens_per_s",
            Scalar::PromptCount => "prompt_tokens",
            Scalar::CompletionCount => "completion_tokens",
            Scalar::CachedFraction => "cached_fraction",
            Scalar::Cost => "cost",
            Scalar::CostPerRequest => "cost_per_request",
        }
    }

    /// Whether it is a share, from 0 to 1.
    pub fn is_fraction(self) -> bool {
        match self {
            Scalar::ErrorRate
            | Scalar::ViolationRate
            | Scalar::GoodFraction
            | Scalar::MissedFraction
            | Scalar::SessionsComplete
            | Scalar::CachedFraction => true,
            Scalar::Requests
            | Scalar::GoodRequests
            | Scalar::OutputTokens
            | Scalar::TotalTokens
            | Scalar::PromptCount
            | Scalar::CompletionCount
            | Scalar::Cost
            | Scalar::CostPerRequest => false,
        }
    }
}

/// How a goal compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Exactly,
}

impl Op {
    /// Whether a measured value holds. Infinity holds no upper bound; what was not measured holds nothing.
    pub fn holds(self, measured: f64, wanted: f64) -> bool {
        match self {
            Op::Below => measured < wanted,
            Op::AtMost => measured <= wanted,
            Op::Above => measured > wanted,
            Op::AtLeast => measured >= wanted,
            // Counts and fractions of counts: what is meant is the very number.
            #[expect(clippy::float_cmp, reason = "counts are whole")]
            Op::Exactly => measured == wanted,
        }
    }
}

/// What is wrong with a goal, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoalError {
    /// The fault.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl Goal {
    /// Whether the goal says how much violation is tolerable.
    pub fn tolerates_violations(&self) -> bool {
        self.metric == Metric::Scalar(Scalar::ViolationRate) && self.part == Part::Whole
    }
}

/// The known names that are compared with what was written: each takes time.
const COMPARED: usize = 1_000;
/// What is longer, in bytes, is no misspelt name.
const LONGEST_NAME: usize = 100;

/// The known name that is nearest to what was written, if it is near at all.
pub fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    if written.len() > LONGEST_NAME {
        return None;
    }
    let limit = (written.chars().count() / 3).max(1);
    known
        .iter()
        .take(COMPARED)
        .map(|name| (strsim::damerau_levenshtein(written, name), *name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}
