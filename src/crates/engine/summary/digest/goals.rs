//! The goals of a run with what they came to.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::goal::{Goal, Measure, Metric, Scalar, Statistic, words};
use crate::summary::goal_parts::Evaluation;
use crate::summary::windows::{State, Window};
use crate::summary::{Summary, quantile};

/// A goal with whether it held.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoalResult {
    /// As the user wrote it.
    pub goal: String,
    /// Whether it holds because the user wrote none of its kind.
    pub default: bool,
    /// Whether it held; that of a run that was cut off is not decided, and did not.
    pub held: bool,
    /// What was measured: microseconds, a fraction or a rate; of a goal of windows, the worst. Null is infinity or the lack
    /// of any sample.
    pub value: Option<f64>,
    /// What was wanted, in the same unit.
    pub wanted: f64,
    /// How many samples a percentile rests on, of a goal of windows the fewest in a window; null for other goals.
    pub samples: Option<u64>,
    /// The windows that broke it, of a goal that is of every window.
    pub broken_in: Vec<GoalWindow>,
    /// The windows in which there was nothing to look at: they neither hold nor break it.
    pub empty_in: Vec<GoalWindow>,
    /// What speaks against the figure though the goal has a verdict: `n<100` where the samples are too few for the
    /// percentile.
    pub note: Option<String>,
}

/// A window of the run's time, and what a goal found in it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GoalWindow {
    /// Its beginning, in seconds from the start of the run; what was due from then on belongs to it.
    pub from_s: u64,
    /// Its end.
    pub until_s: u64,
    /// Its beginning by the clock, in UTC (RFC 3339, to the millisecond), as the server's log has it.
    pub from: String,
    /// What was found.
    pub state: WindowState,
    /// What was measured, as the goal has it; null is infinity, or that there was nothing to measure.
    pub value: Option<f64>,
}

/// What a goal found in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// A figure.
    Measured,
    /// Requests were due, and none was answered.
    Unanswered,
    /// Requests were due, and none was ok.
    NoneOk,
    /// Requests were in flight, and none was due or ended, and nothing came.
    Stalled,
    /// Nothing that the goal looks at.
    Empty,
}

impl GoalResult {
    pub(super) fn of(summary: &Summary, goal: Goal) -> GoalResult {
        let Evaluation { value, held, samples, broken, empty } = summary.evaluate(&goal);
        let shown = |windows: Vec<Window>| windows.iter().map(|window| GoalWindow::of(summary, window)).collect();
        GoalResult {
            held: held && summary.ending.cut_off_us.is_none(),
            broken_in: shown(broken),
            empty_in: shown(empty),
            value: value.filter(|value| value.is_finite()),
            wanted: goal.value,
            samples,
            note: samples.and_then(|samples| too_few(&goal, samples)),
            default: goal.default,
            goal: goal.text,
        }
    }

    /// Where its windows are to be looked for: by when requests were due, or by when tokens came.
    pub fn by(&self) -> &'static str {
        let metric = Goal::read(&self.goal).ok().map(|goal| goal.metric);
        match metric {
            Some(Metric::Timing(Measure::TokenGap, ..) | Metric::Scalar(Scalar::OutputTokens)) => "in",
            _ => "in what was due in",
        }
    }

    /// The goal as reports print it: a default is marked as one.
    pub fn words(&self) -> String {
        words(&self.goal, self.default)
    }

    /// Every goal of a run. A default that has nothing to look at says nothing.
    pub(super) fn all(summary: &Summary) -> Vec<GoalResult> {
        let all = summary.goals().into_iter().map(|goal| GoalResult::of(summary, goal));
        all.filter(|goal| !goal.default || goal.value.is_some()).collect()
    }
}

impl GoalWindow {
    fn of(summary: &Summary, window: &Window) -> GoalWindow {
        let (state, value) = match window.state {
            State::Measured(value) => (WindowState::Measured, Some(value)),
            State::Unanswered => (WindowState::Unanswered, None),
            State::NoneOk => (WindowState::NoneOk, None),
            State::Stalled => (WindowState::Stalled, None),
            State::Empty => (WindowState::Empty, None),
        };
        let from = summary.meta.started() + std::time::Duration::from_secs(window.from_s);
        GoalWindow {
            from_s: window.from_s,
            until_s: window.until_s,
            from: humantime::format_rfc3339_millis(from).to_string(),
            state,
            value: value.filter(|value| value.is_finite()),
        }
    }
}

/// A goal has a verdict however few the samples; that they are too few for its percentile is said beside it.
fn too_few(goal: &Goal, samples: u64) -> Option<String> {
    let Metric::Timing(_, _, Statistic::Percentile(p)) = goal.metric else { return None };
    let least = quantile::least(p);
    (samples > 0 && samples < least).then(|| format!("n<{least}"))
}
