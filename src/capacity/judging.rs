//! Goals held against one stage, with whether chance could have decided.
//!
//! A percentile that lies just below its limit may lie above it in the next stage. So each goal is judged a second time
//! with the percentile moved by two standard deviations of a share: `p + 2 * sqrt(p (1 - p) / n)`. Requests of a stage
//! are not independent, since those that come together wait together: `n` is a fraction of them. So many it is where
//! requests wait for one of sixteen slots, near the knee; where few wait, three times as many or more would do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::goal::{Goal, Measure, Metric, Op, Part, Scalar, Statistic, words};
use crate::summary::Summary;

/// Requests that count as one independent one.
const TOGETHER: f64 = 25.0;
/// Standard deviations.
const DEVIATIONS: f64 = 2.0;
/// Figures without a known spread are sure when they are this share off.
const FAR: f64 = 0.1;

/// A goal at one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalAt {
    /// As the user wrote it.
    pub goal: String,
    /// Whether it holds because the user wrote none of its kind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// The case that it is about; all of them without one.
    pub case: Option<String>,
    /// Microseconds, a fraction or a rate; null is infinity or the lack of any sample.
    pub value: Option<f64>,
    /// What was wanted, in the same unit.
    pub wanted: f64,
    /// Whether it held.
    pub held: bool,
    /// Whether that is beyond chance.
    pub sure: bool,
}

impl GoalAt {
    /// Holds a goal against a summary.
    pub fn of(goal: &Goal, case: Option<&str>, summary: &Summary) -> GoalAt {
        let value = summary.evaluate(goal).value;
        let held = value.is_some_and(|value| goal.op.holds(value, goal.value));
        GoalAt {
            goal: goal.text.clone(),
            default: goal.default,
            case: case.map(str::to_owned),
            value: value.filter(|value| value.is_finite()),
            wanted: goal.value,
            held,
            sure: value.is_some_and(|value| sure(goal, summary, value, held)),
        }
    }

    /// How far it is from what was wanted: above 1 where it is broken, infinite where nothing finite was measured.
    pub fn excess(&self) -> f64 {
        match self.value {
            None => f64::INFINITY,
            Some(value) if self.wanted > 0.0 && value > 0.0 => {
                let ratio = value / self.wanted;
                if self.held == (ratio <= 1.0) { ratio } else { 1.0 / ratio }
            }
            Some(_) => f64::from(u8::from(!self.held)) * 2.0,
        }
    }

    /// In words: the goal, whether it is a default, and the case where it is one of a case.
    pub fn words(&self) -> String {
        match &self.case {
            Some(case) => format!("{} ({case})", self.goal),
            None => words(&self.goal, self.default),
        }
    }
}

fn sure(goal: &Goal, summary: &Summary, value: f64, held: bool) -> bool {
    let independent = (summary.planned() as f64 / TOGETHER).max(1.0);
    let far = (value - goal.value).abs() > FAR * goal.value.abs();
    match goal.metric {
        _ if goal.part != Part::Whole => far,
        Metric::Timing(measure, population, Statistic::Percentile(percentile)) => {
            let share = percentile / 100.0;
            let shift = DEVIATIONS * (share * (1.0 - share) / independent).sqrt();
            // Held: would it still, had the sample been an unlucky one. Broken: would it still, had it been a lucky one.
            let upward = held == matches!(goal.op, Op::Below | Op::AtMost);
            let moved = if upward { share + shift } else { share - shift };
            if moved > 1.0 {
                return false;
            }
            let moved = Statistic::Percentile(moved.max(0.0) * 100.0);
            let timing = summary.timings.get(measure.name());
            let moved = timing.and_then(|timing| timing.statistic(population, moved));
            moved.is_some_and(|moved| goal.op.holds(moved, goal.value) == held)
        }
        Metric::Scalar(Scalar::ErrorRate | Scalar::ViolationRate | Scalar::GoodFraction | Scalar::MissedFraction) => {
            let [low, high] = wilson(value, independent);
            let far = if held == matches!(goal.op, Op::Below | Op::AtMost) { high } else { low };
            goal.op.holds(far, goal.value) == held
        }
        Metric::Timing(..) | Metric::Scalar(_) | Metric::Check(..) => far,
    }
}

/// Wilson's interval of a share among `n`.
fn wilson(share: f64, n: f64) -> [f64; 2] {
    let z2 = DEVIATIONS * DEVIATIONS;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = DEVIATIONS / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    [middle - half, middle + half]
}

/// Requests that a goal needs for its figure to mean something: `few` of them beyond the quantile, or, of a share, a
/// fifth of that in requests that break it.
pub fn requests_needed(goal: &Goal, few: f64) -> f64 {
    let share = match goal.metric {
        // A reply has tens of gaps, and its own are alike: they count as ten requests.
        Metric::Timing(Measure::TokenGap, _, Statistic::Percentile(p)) => 10.0 * (1.0 - p / 100.0),
        Metric::Timing(_, _, Statistic::Percentile(p)) => 1.0 - p / 100.0,
        Metric::Scalar(Scalar::ErrorRate | Scalar::ViolationRate | Scalar::MissedFraction) => {
            return few / 5.0 / goal.value.max(1e-6);
        }
        Metric::Timing(..) | Metric::Scalar(_) | Metric::Check(..) => 0.1,
    };
    few / share.max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // None of 500: the rule of three says 0.6 %, two deviations say 4 / 504.
        let [low, high] = wilson(0.0, 500.0);
        assert!(low.abs() < 1e-12 && (high - 4.0 / 504.0).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn goals_need_requests_beyond_their_quantile() {
        let needed = |text: &str, few| requests_needed(&Goal::parse(text).expect(text), few);
        assert!((needed("first_token.p95 < 1s", 10.0) - 200.0).abs() < 1e-6);
        assert!((needed("token_gap.p99 < 60ms", 10.0) - 100.0).abs() < 1e-6);
        assert!((needed("error_rate < 0.1%", 25.0) - 5000.0).abs() < 1e-6);
    }
}
