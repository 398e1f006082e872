//! How goals are written: `metric[.statistic] op value [for CASE] [in every WINDOW]`.
//!
//! Timings take a statistic (`p50` ... `p99.9`, `mean`, `min`, `max`) and read the population `all`, in which failed
//! requests are infinitely slow, unless `.ok` or `.failed` stands between. Checks are named by their id, as in
//! `check.stream-done-present.fail == 0`. A goal is of the whole run, of one case, or of every window of the run's time.

use super::possible::possible;
use super::{Goal, GoalError, Measure, Metric, Op, Part, Population, Scalar, Statistic, Verdicts, nearest};
use crate::check;

/// The longer signs first, since some begin with others.
const OPS: [(&str, Op); 5] =
    [("<=", Op::AtMost), (">=", Op::AtLeast), ("==", Op::Exactly), ("<", Op::Below), (">", Op::Above)];

const EXAMPLES: &str = "for example \"first_token.p95 < 500ms\" or \"error_rate < 1%\"";

impl Goal {
    /// Reads a goal that a user wrote.
    ///
    /// # Errors
    /// What is wrong with it, with a did-you-mean where a name is close to a known one. A goal that no run or every run
    /// holds is refused.
    pub fn parse(text: &str) -> Result<Goal, GoalError> {
        let (goal, value) = read(text)?;
        possible(&goal, value)?;
        Ok(goal)
    }

    /// Reads a goal of a run that was made before. Versions before this one took goals that every run holds.
    ///
    /// # Errors
    /// If it is no goal.
    pub fn read(text: &str) -> Result<Goal, GoalError> {
        read(text).map(|(goal, _)| goal)
    }
}

/// A goal, and its value as it was written.
fn read(text: &str) -> Result<(Goal, &str), GoalError> {
    let compares = || GoalError::new("a goal compares with <, <=, >, >= or ==", EXAMPLES);
    let (left, rest) = text.split_at(text.find(['<', '>', '=']).ok_or_else(compares)?);
    let (op, value) =
        OPS.into_iter().find_map(|(sign, op)| Some((op, rest.strip_prefix(sign)?))).ok_or_else(compares)?;
    let metric = metric(left.trim())?;
    let (value, part) = split_part(value)?;
    let written = value.trim();
    let value = read_value(metric, written)?;
    known_of(metric, &part)?;
    Ok((Goal { text: text.trim().to_owned(), metric, op, value, part, default: false }, written))
}

/// Takes `for CASE` or `in every WINDOW` off the end.
fn split_part(text: &str) -> Result<(&str, Part), GoalError> {
    if let Some((value, window)) = text.rsplit_once(" in ") {
        let window = window.trim();
        let window = window.strip_prefix("every ").unwrap_or(window).trim();
        // What begins otherwise is still the name of a case.
        if window.starts_with(|c: char| c.is_ascii_digit()) {
            if value.contains(" for ") {
                return Err(GoalError::new(
                    "a goal is of a case or of windows, not of both",
                    "write two goals, one with for and one with in every",
                ));
            }
            return Ok((value, Part::Every(whole_seconds(window)?)));
        }
    }
    match text.split_once(" for ") {
        Some((value, case)) => Ok((value, Part::Case(case.trim().trim_matches('"').to_owned()))),
        None => Ok((text, Part::Whole)),
    }
}

fn whole_seconds(text: &str) -> Result<u64, GoalError> {
    match humantime::parse_duration(text) {
        Ok(window) if window.subsec_nanos() == 0 && window.as_secs() > 0 => Ok(window.as_secs()),
        Ok(_) => {
            Err(GoalError::new(format!("a window of {text} is not a whole number of seconds"), "write in every 10s"))
        }
        Err(error) => Err(GoalError::new(format!("{text:?} is not a duration: {error}"), "write in every 10s")),
    }
}

/// Refuses goals of a part of the run for which the figure is not kept.
fn known_of(metric: Metric, part: &Part) -> Result<(), GoalError> {
    let timed = matches!(
        metric,
        Metric::Timing(
            Measure::ResponseTime | Measure::FirstToken | Measure::TokenGap,
            Population::All | Population::Ok,
            Statistic::Percentile(_)
        )
    );
    let (known, what, more) = match part {
        Part::Whole => return Ok(()),
        Part::Case(_) => (metric == Metric::Scalar(Scalar::ErrorRate), "of single cases", " and error_rate"),
        Part::Every(_) => (
            matches!(metric, Metric::Scalar(Scalar::ErrorRate | Scalar::MissedFraction | Scalar::OutputTokens)),
            "by the second",
            ", error_rate, missed_fraction and output_tokens_per_s",
        ),
    };
    if timed || known {
        return Ok(());
    }
    Err(GoalError::new(
        format!("this is not kept {what}"),
        format!("kept are percentiles of response_time, first_token and token_gap{more}"),
    ))
}

fn metric(text: &str) -> Result<Metric, GoalError> {
    if let Some(scalar) = Scalar::ALL.into_iter().find(|scalar| scalar.name() == text) {
        return Ok(Metric::Scalar(scalar));
    }
    if let Some(rest) = text.strip_prefix("check.") {
        return verdicts_of(rest);
    }
    let mut parts = text.splitn(3, '.');
    let name = parts.next().unwrap_or_default();
    let Some(measure) = Measure::ALL.into_iter().find(|m| m.name() == name || m.short() == Some(name)) else {
        let names = Measure::ALL.iter().flat_map(|m| [Some(m.name()), m.short()]).flatten();
        let known: Vec<&str> = names.chain(Scalar::ALL.iter().map(|s| s.name())).chain(["check"]).collect();
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

/// `ID.fail` and the like; no id of a check has a dot in it.
fn verdicts_of(text: &str) -> Result<Metric, GoalError> {
    let (id, name) = text.split_once('.').unwrap_or((text, ""));
    let Some(check) = check::find(id) else {
        let known: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
        let help = match nearest(id, &known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "proofload check --list names them all".to_owned(),
        };
        return Err(GoalError::new(format!("there is no check {id:?}"), help));
    };
    if !matches!(check.judge, check::Judge::Reply(_) | check::Judge::Run) {
        let help = "it is judged by proofload check, on requests of its own";
        return Err(GoalError::new(format!("a load run does not judge {id}"), help));
    }
    match Verdicts::ALL.into_iter().find(|verdicts| verdicts.name() == name) {
        Some(verdicts) => Ok(Metric::Check(check.id, verdicts)),
        None => Err(GoalError::new(
            format!("a check has pass, fail and fail_fraction, not {name:?}"),
            format!("for example check.{id}.fail == 0"),
        )),
    }
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

/// Microseconds for a timing, a fraction for a share, else a plain number.
fn read_value(metric: Metric, text: &str) -> Result<f64, GoalError> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let (name, example) = match metric {
        Metric::Timing(..) => {
            return humantime::parse_duration(text).map(|d| d.as_secs_f64() * 1e6).map_err(|_| {
                GoalError::new(
                    format!("{text:?} is not a duration"),
                    "write a number with a unit: 500ms, 1.5s is 1s 500ms, 60us",
                )
            });
        }
        Metric::Scalar(scalar) if scalar.is_fraction() => (scalar.name().to_owned(), "1% or 0.01"),
        Metric::Scalar(scalar) if metric.is_money() => (scalar.name().to_owned(), "$0.05 or 0.05"),
        Metric::Scalar(scalar) => (scalar.name().to_owned(), "20"),
        Metric::Check(id, Verdicts::FailFraction) => (format!("check.{id}.fail_fraction"), "1% or 0.01"),
        Metric::Check(id, verdicts) => (format!("check.{id}.{}", verdicts.name()), "0"),
    };
    let value = match text.strip_suffix('%') {
        Some(percent) if metric.is_fraction() => number(percent).map(|n| n / 100.0),
        Some(_) => None,
        None if text.starts_with('$') && metric.is_money() => number(&text[1..]),
        None => number(text.strip_suffix("/s").unwrap_or(text)),
    };
    value.ok_or_else(|| GoalError::new(format!("{text:?} is not a value of {name}"), format!("write {example}")))
}

impl GoalError {
    pub(super) fn new(message: impl Into<String>, help: impl Into<String>) -> GoalError {
        GoalError { message: message.into(), help: help.into() }
    }
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
        let goal = Goal::parse("check.stream-done-present.fail == 0").expect("a goal");
        assert_eq!((goal.metric, goal.op), (Metric::Check("stream-done-present", Verdicts::Fail), Op::Exactly));
        let goal = Goal::parse("prompt_tokens <= 1000000").expect("a goal");
        assert_eq!((goal.metric, goal.value), (Metric::Scalar(Scalar::PromptCount), 1e6));
        let goal = Goal::parse("cost_per_request < $0.02").expect("a goal");
        assert_eq!((goal.metric, goal.value, goal.part), (Metric::Scalar(Scalar::CostPerRequest), 0.02, Part::Whole));
        let part = |text: &str| Goal::parse(text).expect(text).part;
        assert_eq!(part("error_rate < 1% in every 10s"), Part::Every(10));
        assert_eq!(part("ttft.ok.p95 < 500ms in 1m"), Part::Every(60));
        assert_eq!(part("ttft.p95 < 1s 500ms for streamed"), Part::Case("streamed".to_owned()));
        assert_eq!(part("ttft.p95 < 1s for \"log in page\""), Part::Case("log in page".to_owned()));
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
        assert!(said("e2e.p95 == 1s").starts_with("no time is exactly so"));
        assert!(said("error_rate < 1% in every 500ms").starts_with("a window of 500ms is not a whole number"));
        assert!(said("error_rate < 1% for a in every 5s").starts_with("a goal is of a case or of windows"));
        assert_eq!(
            said("tpot.p95 < 1s in every 5s"),
            "this is not kept by the second; kept are percentiles of response_time, first_token and token_gap, \
             error_rate, missed_fraction and output_tokens_per_s"
        );
        assert!(said("violation_rate < 1% for streamed").starts_with("this is not kept of single cases"));
        assert_eq!(
            said("check.stream-done-presnt.fail == 0"),
            "there is no check \"stream-done-presnt\"; did you mean \"stream-done-present\"?"
        );
        assert_eq!(
            said("check.stream-done-present == 0"),
            "a check has pass, fail and fail_fraction, not \"\"; for example check.stream-done-present.fail == 0"
        );
        assert_eq!(
            said("check.neg-bad-json.fail == 0"),
            "a load run does not judge neg-bad-json; it is judged by proofload check, on requests of its own"
        );
        assert!(said("error_rate < banana").starts_with("\"banana\" is not a value"));
    }

    #[test]
    fn infinity_holds_no_upper_bound() {
        assert!(!Op::Below.holds(f64::INFINITY, 1e9) && !Op::Below.holds(f64::NAN, 1.0));
        assert!(!Op::Above.holds(f64::NAN, 1.0));
    }
}
