//! Goals of a part of a run: of one case, or of every window of its time.

use super::Summary;
use super::windows::{State, Window};
use crate::plan::goal::{Goal, Metric, Op, Part, Scalar, Statistic};

/// What a goal comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// What was measured; of a goal of windows, the worst. None without a sample, and where nothing was answered.
    pub value: Option<f64>,
    /// Whether the goal holds. One without a sample does not.
    pub held: bool,
    /// How many samples a percentile rests on; of a goal of windows, the fewest in a window. None of other goals.
    pub samples: Option<u64>,
    /// Of a goal of windows, those that broke it.
    pub broken: Vec<Window>,
    /// Of a goal of windows, those that say nothing.
    pub empty: Vec<Window>,
}

impl Summary {
    /// What a goal comes to.
    pub fn evaluate(&self, goal: &Goal) -> Evaluation {
        let value = match &goal.part {
            Part::Whole => self.value(goal.metric),
            Part::Case(case) => self.value_of_case(case, goal.metric),
            Part::Every(seconds) => return evaluate_windows(goal, self.windows(*seconds, goal.metric)),
        };
        let held = value.is_some_and(|value| goal.op.holds(value, goal.value));
        Evaluation { value, held, samples: self.samples_of(goal), broken: Vec::new(), empty: Vec::new() }
    }

    /// The value of a metric in one case; none without a sample.
    pub fn value_of_case(&self, name: &str, metric: Metric) -> Option<f64> {
        let split = self.by_case.kept.get(name)?;
        match metric {
            Metric::Timing(measure, population, statistic) => split.times(measure)?.statistic(population, statistic),
            Metric::Scalar(Scalar::ErrorRate) => share(split.failed, split.ok + split.failed),
            Metric::Scalar(_) | Metric::Check(..) => None,
        }
    }

    /// How many samples a goal of the whole run or of a case rests on.
    fn samples_of(&self, goal: &Goal) -> Option<u64> {
        let Metric::Timing(measure, population, Statistic::Percentile(_)) = goal.metric else { return None };
        let populations = match &goal.part {
            Part::Whole => self.timings.get(measure.name()),
            Part::Every(_) => None,
            Part::Case(case) => self.by_case.kept.get(case).and_then(|split| split.times(measure)),
        };
        Some(populations.map_or(0, |populations| populations.count(population)))
    }
}

/// The value of the worst window, and which windows broke the goal. A time without an answer is worse than any value.
fn evaluate_windows(goal: &Goal, windows: Vec<Window>) -> Evaluation {
    let upper = matches!(goal.op, Op::Below | Op::AtMost);
    let worst = |a: f64, b: f64| if upper { a.max(b) } else { a.min(b) };
    let is_broken = |window: &Window| match window.state {
        State::Measured(value) => !goal.op.holds(value, goal.value),
        State::Unanswered | State::NoneOk | State::Stalled => true,
        State::Empty => false,
    };
    let measured = windows.iter().filter_map(|window| match window.state {
        State::Measured(value) => Some(value),
        State::Unanswered | State::NoneOk | State::Stalled | State::Empty => None,
    });
    let value = measured.reduce(worst);
    let (empty, full): (Vec<Window>, Vec<Window>) =
        windows.into_iter().partition(|window| window.state == State::Empty);
    let is_known = full.iter().all(|window| matches!(window.state, State::Measured(_)));
    let is_time = matches!(goal.metric, Metric::Timing(..));
    let is_percentile = matches!(goal.metric, Metric::Timing(.., Statistic::Percentile(_)));
    Evaluation {
        value: value.filter(|_| is_known || !is_time),
        held: !full.is_empty() && !full.iter().any(is_broken),
        samples: is_percentile.then(|| full.iter().map(|window| window.samples).min().unwrap_or(0)),
        broken: full.into_iter().filter(is_broken).collect(),
        empty,
    }
}

/// A part of a count; none of nothing.
pub(super) fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}
