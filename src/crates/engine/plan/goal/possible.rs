//! Goals that decide nothing are refused: those that no run holds, and those that every run holds.

use super::{Goal, GoalError, Metric, Op};

/// Refuses a goal that cannot hold or cannot fail. `written` is its value as the user wrote it.
pub(super) fn possible(goal: &Goal, written: &str) -> Result<(), GoalError> {
    let Goal { metric, op, value, .. } = *goal;
    if op == Op::Exactly && matches!(metric, Metric::Timing(..)) {
        return Err(GoalError::new("no time is exactly so", "write <, <=, > or >="));
    }
    // A share is from 0 to 1, so that whoever writes 5 means 5 %. 1 is 100 % where the goal is that all of them are.
    let percent = (metric.is_fraction() && !written.ends_with('%') && (1.0..=100.0).contains(&value)).then_some(value);
    let generic = || "check the sign, the unit and the direction".to_owned();
    let help = percent.map_or_else(generic, |percent| format!("did you mean {percent}%?"));
    if never(metric, op, value) {
        return Err(GoalError::new("no run can hold this goal", help));
    }
    if always(metric, op, value) {
        return Err(GoalError::new("every run holds this goal", help));
    }
    if percent.is_some() && op == Op::Below {
        let help = format!("{help} To allow all but 100 %, write 100%");
        return Err(GoalError::new("nearly every run holds this goal: 1 is 100 %", help));
    }
    Ok(())
}

/// Whether no measured value holds: none is below 0, and no share is above 1.
fn never(metric: Metric, op: Op, value: f64) -> bool {
    let share = metric.is_fraction();
    match op {
        Op::Below => value <= 0.0,
        Op::AtMost => value < 0.0,
        Op::Above => share && value >= 1.0,
        Op::AtLeast => share && value > 1.0,
        Op::Exactly => value < 0.0 || share && value > 1.0,
    }
}

/// Whether every measured value holds.
fn always(metric: Metric, op: Op, value: f64) -> bool {
    let share = metric.is_fraction();
    match op {
        Op::Below => share && value > 1.0,
        Op::AtMost => share && value >= 1.0,
        Op::Above => value < 0.0,
        Op::AtLeast => value <= 0.0,
        Op::Exactly => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OPS: [&str; 5] = ["<", "<=", ">", ">=", "=="];

    fn said(text: &str) -> String {
        let error = Goal::parse(text).expect_err(text);
        format!("{}; {}", error.message, error.help)
    }

    #[test]
    fn a_bare_number_for_a_share_means_percent() {
        for (goal, meant) in [
            ("error_rate < 5", "every run holds this goal; did you mean 5%?"),
            ("error_rate <= 1", "every run holds this goal; did you mean 1%?"),
            ("missed_fraction < 2", "every run holds this goal; did you mean 2%?"),
            ("check.resp-schema.fail_fraction < 2.5", "every run holds this goal; did you mean 2.5%?"),
            ("error_rate < 5 in every 10s", "every run holds this goal; did you mean 5%?"),
            ("error_rate < 5 for streamed", "every run holds this goal; did you mean 5%?"),
            ("good_fraction >= 99.5", "no run can hold this goal; did you mean 99.5%?"),
            ("sessions_complete > 90", "no run can hold this goal; did you mean 90%?"),
            ("error_rate == 3", "no run can hold this goal; did you mean 3%?"),
        ] {
            assert_eq!(said(goal), meant, "{goal}");
        }
        assert_eq!(
            said("error_rate < 1"),
            "nearly every run holds this goal: 1 is 100 %; did you mean 1%? To allow all but 100 %, write 100%"
        );
    }

    #[test]
    fn goals_that_every_run_holds_are_refused() {
        for goal in [
            "good_fraction >= 0",
            "good_fraction >= 0%",
            "violation_rate <= 100%",
            "error_rate < 101%",
            "error_rate < 500",
            "error_rate > -1",
            "e2e.p95 >= 0s",
            "queued.max >= 0ms",
            "requests_per_s >= 0/s",
            "prompt_tokens > -1",
            "cost >= $0",
            "check.resp-schema.pass >= 0",
            "ttft.p95 >= 0s in every 5s",
        ] {
            assert_eq!(said(goal), "every run holds this goal; check the sign, the unit and the direction", "{goal}");
        }
    }

    #[test]
    fn what_some_runs_hold_and_others_break_is_taken() {
        for goal in [
            "error_rate < 100%",
            "error_rate <= 0%",
            "error_rate <= 0",
            "error_rate < 0.5",
            "error_rate == 1",
            "good_fraction >= 1",
            "sessions_complete >= 100%",
            "violation_rate < 100%",
            "missed_fraction <= 1%",
            "check.resp-schema.fail < 5",
            "requests_per_s > 0",
            "e2e.p95 > 0s",
            "cost < $5",
        ] {
            assert!(Goal::parse(goal).is_ok(), "{goal}: {:?}", Goal::parse(goal));
        }
    }

    proptest! {
        /// Of shares, rates and times alike: a goal is taken only if one value holds it and another breaks it.
        #[test]
        fn a_goal_that_is_taken_can_be_held_and_broken(
            metric in prop::sample::select(vec!["error_rate", "good_fraction", "requests_per_s", "cost", "e2e.p95"]),
            op in prop::sample::select(OPS.to_vec()),
            number in prop_oneof![Just(0.0), Just(1.0), Just(100.0), -2.0..2.0_f64, 0.0..200.0_f64],
            percent in any::<bool>(),
        ) {
            let unit = match metric {
                "e2e.p95" => "ms",
                "error_rate" | "good_fraction" if percent => "%",
                _ => "",
            };
            let number = if metric == "e2e.p95" { number.abs().round() } else { number };
            let text = format!("{metric} {op} {number}{unit}");
            if let Ok(goal) = Goal::parse(&text) {
                let most = if goal.metric.is_fraction() { 1.0 } else { f64::INFINITY };
                let near = [goal.value * 0.999, goal.value, goal.value * 1.001, 0.0, most];
                let measured = near.into_iter().filter(|value| (0.0..=most).contains(value));
                let (held, broken): (Vec<f64>, Vec<f64>) = measured.partition(|value| goal.op.holds(*value, goal.value));
                prop_assert!(!held.is_empty() && !broken.is_empty(), "{}: {:?} {:?}", text, held, broken);
            }
        }
    }
}
