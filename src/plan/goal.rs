//! Goals: what must hold for a run to pass, as in `first_token.p95 < 500ms` or `error_rate < 1%`.
//!
//! A goal is `metric[.statistic] op value`. Timings take a statistic (`p50` ... `p99.9`, `mean`, `min`, `max`) and read
//! the population `all`, in which failed requests are infinitely slow, unless `.ok` or `.failed` stands between.

use std::fmt;

/// A goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// As the user wrote it.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// How it compares.
    pub op: Op,
    /// With what: microseconds, a fraction, or a count per second, as the metric has it.
    pub value: f64,
}

/// What a goal measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// A statistic of a timing, in microseconds.
    Timing(Measure, Population, Statistic),
    /// A fraction or a rate per second.
    Scalar(Scalar),
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
    /// Between arrivals with content of one choice.
    TokenGap,
    /// (last - first content arrival) / tokens after the first content arrival.
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
    /// Good / planned.
    GoodFraction,
    /// Exchanges that ended with an HTTP reply, per second.
    Requests,
    /// Good exchanges completed per second.
    GoodRequests,
    /// Completion tokens per second.
    OutputTokens,
    /// All tokens per second.
    TotalTokens,
}

impl Scalar {
    const ALL: [Scalar; 7] = [
        Scalar::ErrorRate,
        Scalar::ViolationRate,
        Scalar::GoodFraction,
        Scalar::Requests,
        Scalar::GoodRequests,
        Scalar::OutputTokens,
        Scalar::TotalTokens,
    ];

    /// Name in goals.
    pub fn name(self) -> &'static str {
        match self {
            Scalar::ErrorRate => "error_rate",
            Scalar::ViolationRate => "violation_rate",
            Scalar::GoodFraction => "good_fraction",
            Scalar::Requests => "requests_per_s",
            Scalar::GoodRequests => "good_requests_per_s",
            Scalar::OutputTokens => "output_tokens_per_s",
            Scalar::TotalTokens => "total_tokens_per_s",
        }
    }

    /// Whether it is a share, from 0 to 1.
    pub fn is_fraction(self) -> bool {
        matches!(self, Scalar::ErrorRate | Scalar::ViolationRate | Scalar::GoodFraction)
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
}

impl Op {
    /// Whether a measured value holds. Infinity holds no upper bound; what was not measured holds nothing.
    pub fn holds(self, measured: f64, wanted: f64) -> bool {
        match self {
            Op::Below => measured < wanted,
            Op::AtMost => measured <= wanted,
            Op::Above => measured > wanted,
            Op::AtLeast => measured >= wanted,
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

impl GoalError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> GoalError {
        GoalError { message: message.into(), help: help.into() }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

const EXAMPLES: &str = "for example \"first_token.p95 < 500ms\" or \"error_rate < 1%\"";

impl Goal {
    /// Reads a goal.
    ///
    /// # Errors
    /// What is wrong with it, with a did-you-mean where a name is close to a known one.
    pub fn parse(text: &str) -> Result<Goal, GoalError> {
        let at =
            text.find(['<', '>']).ok_or_else(|| GoalError::new("a goal compares with <, <=, > or >=", EXAMPLES))?;
        let (left, rest) = text.split_at(at);
        let (op, value) = match (rest.starts_with('<'), rest[1..].strip_prefix('=')) {
            (true, Some(value)) => (Op::AtMost, value),
            (true, None) => (Op::Below, &rest[1..]),
            (false, Some(value)) => (Op::AtLeast, value),
            (false, None) => (Op::Above, &rest[1..]),
        };
        let metric = metric(left.trim())?;
        let value = read_value(metric, value.trim())?;
        possible(metric, op, value)?;
        Ok(Goal { text: text.trim().to_owned(), metric, op, value })
    }

    /// Whether the goal says how much violation is tolerable.
    pub fn tolerates_violations(&self) -> bool {
        self.metric == Metric::Scalar(Scalar::ViolationRate)
    }
}

fn metric(text: &str) -> Result<Metric, GoalError> {
    if let Some(scalar) = Scalar::ALL.into_iter().find(|scalar| scalar.name() == text) {
        return Ok(Metric::Scalar(scalar));
    }
    let mut parts = text.splitn(3, '.');
    let name = parts.next().unwrap_or_default();
    let Some(measure) = Measure::ALL.into_iter().find(|m| m.name() == name || m.short() == Some(name)) else {
        let names = Measure::ALL.iter().flat_map(|m| [Some(m.name()), m.short()]).flatten();
        let known: Vec<&str> = names.chain(Scalar::ALL.iter().map(|s| s.name())).collect();
        let help = match nearest(name, &known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("known are {}", known.join(", ")),
        };
        return Err(GoalError::new(format!("unknown metric {name:?}"), help));
    };
    let rest = &text[name.len()..];
    let (population, rest) = match rest {
        rest if rest.starts_with(".ok.") => (Population::Ok, &rest[4..]),
        rest if rest.starts_with(".failed.") => (Population::Failed, &rest[8..]),
        rest if rest.starts_with(".all.") => (Population::All, &rest[5..]),
        rest => (Population::All, rest.strip_prefix('.').unwrap_or("")),
    };
    Ok(Metric::Timing(measure, population, statistic(measure, rest)?))
}

fn statistic(measure: Measure, text: &str) -> Result<Statistic, GoalError> {
    let help = "statistics are p50, p90, p95, p99, p99.9 and the like, mean, min and max";
    match text {
        "" => Err(GoalError::new(
            format!("{} needs a statistic", measure.name()),
            format!("for example {}.p95", measure.name()),
        )),
        "mean" => Ok(Statistic::Mean),
        "min" => Ok(Statistic::Min),
        "max" => Ok(Statistic::Max),
        "median" => Ok(Statistic::Percentile(50.0)),
        _ => match text.strip_prefix('p').and_then(|p| p.parse::<f64>().ok()) {
            Some(p) if (0.0..=100.0).contains(&p) => Ok(Statistic::Percentile(p)),
            Some(p) => Err(GoalError::new(format!("percentile {p} is not between 0 and 100"), help)),
            None => Err(GoalError::new(format!("unknown statistic {text:?}"), help)),
        },
    }
}

/// Microseconds for a timing, a fraction for a rate of requests, else a plain number.
fn read_value(metric: Metric, text: &str) -> Result<f64, GoalError> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    match metric {
        Metric::Timing(..) => humantime::parse_duration(text).map(|d| d.as_secs_f64() * 1e6).map_err(|_| {
            GoalError::new(
                format!("{text:?} is not a duration"),
                "write a number with a unit: 500ms, 1.5s is 1s 500ms, 60us",
            )
        }),
        Metric::Scalar(scalar) => {
            let value = match text.strip_suffix('%') {
                Some(percent) if scalar.is_fraction() => number(percent).map(|n| n / 100.0),
                Some(_) => None,
                None => number(text.strip_suffix("/s").unwrap_or(text)),
            };
            let example = if scalar.is_fraction() { "1% or 0.01" } else { "20" };
            value.ok_or_else(|| {
                GoalError::new(format!("{text:?} is not a value of {}", scalar.name()), format!("write {example}"))
            })
        }
    }
}

/// Refuses goals that nothing can hold, or that everything holds.
fn possible(metric: Metric, op: Op, value: f64) -> Result<(), GoalError> {
    let impossible = match op {
        Op::Below => value <= 0.0,
        Op::AtMost => value < 0.0,
        Op::Above | Op::AtLeast => {
            matches!(metric, Metric::Scalar(s) if s.is_fraction()) && (value > 1.0 || (op == Op::Above && value >= 1.0))
        }
    };
    if impossible {
        return Err(GoalError::new("no run can hold this goal", "check the sign, the unit and the direction"));
    }
    Ok(())
}

/// The known name that is nearest to what was written, if it is near at all.
pub fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = (written.chars().count() / 3).max(1);
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(written, name), *name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read() {
        let goal = Goal::parse("first_token.p95 < 500ms").expect("a goal");
        assert_eq!(goal.metric, Metric::Timing(Measure::FirstToken, Population::All, Statistic::Percentile(95.0)));
        assert_eq!((goal.op, goal.value), (Op::Below, 500_000.0));
        let goal = Goal::parse("ttft.ok.p99.9<=1s").expect("a goal");
        assert_eq!(goal.metric, Metric::Timing(Measure::FirstToken, Population::Ok, Statistic::Percentile(99.9)));
        let goal = Goal::parse("error_rate < 1%").expect("a goal");
        assert_eq!((goal.metric, goal.value), (Metric::Scalar(Scalar::ErrorRate), 0.01));
        assert_eq!(Goal::parse("requests_per_s >= 20/s").expect("a goal").op, Op::AtLeast);
    }

    #[test]
    fn faults_say_what_to_write() {
        let said = |text: &str| {
            let error = Goal::parse(text).expect_err(text);
            format!("{}; {}", error.message, error.help)
        };
        assert_eq!(said("first_tokn.p95 < 1s"), "unknown metric \"first_tokn\"; did you mean \"first_token\"?");
        assert_eq!(said("ttft < 1s"), "first_token needs a statistic; for example first_token.p95");
        assert_eq!(
            said("ttft.p95 < 500"),
            "\"500\" is not a duration; write a number with a unit: 500ms, 1.5s is 1s 500ms, 60us"
        );
        assert!(said("error_rate < 0").starts_with("no run can hold this goal"));
        assert!(said("error_rate > 100%").starts_with("no run can hold this goal"));
        assert!(said("e2e.p950 < 1s").starts_with("percentile 950"));
        assert!(said("e2e.p95 = 1s").starts_with("a goal compares"));
        assert!(said("error_rate < banana").starts_with("\"banana\" is not a value"));
    }

    #[test]
    fn infinity_holds_no_upper_bound() {
        assert!(!Op::Below.holds(f64::INFINITY, 1e9) && !Op::Below.holds(f64::NAN, 1.0));
        assert!(!Op::Above.holds(f64::NAN, 1.0));
    }
}
