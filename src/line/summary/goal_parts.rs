//! Goals of a part of a run: of one case, or of every window of its time.

use schemars::JsonSchema;
use serde::Serialize;

use super::Summary;
use super::seconds::Row;
use super::sketch::Sketch;
use crate::plan::goal::{Goal, Metric, Op, Part, Population, Scalar, Statistic};

/// A window of the run's time, and what was measured in it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Window {
    /// Its beginning, in seconds from the start of the run.
    pub from_s: u64,
    /// Its end.
    pub until_s: u64,
    /// What was measured in it, as the goal has it; null is infinity.
    pub value: Option<f64>,
}

impl Summary {
    /// The value that a goal looks at, and the windows that broke it where it is one of windows.
    pub fn value_of(&self, goal: &Goal) -> (Option<f64>, Vec<Window>) {
        match &goal.part {
            Part::Whole => (self.value(goal.metric), Vec::new()),
            Part::Case(case) => (self.value_of_case(case, goal.metric), Vec::new()),
            Part::Every(seconds) => judged(goal, self.windows(*seconds, goal.metric)),
        }
    }

    /// The value of a metric in one case; none without a sample.
    pub fn value_of_case(&self, name: &str, metric: Metric) -> Option<f64> {
        let split = self.by_case.kept.get(name)?;
        match metric {
            Metric::Timing(measure, population, Statistic::Percentile(p)) => {
                percentile(split.times(measure)?, population, p, split.requests.saturating_sub(split.ok))
            }
            Metric::Scalar(Scalar::ErrorRate) => share(split.failed, split.ok + split.failed),
            Metric::Timing(..) | Metric::Scalar(_) | Metric::Check(..) => None,
        }
    }

    /// The value of a metric in each whole window of that many seconds of the measured part that has a sample.
    pub fn windows(&self, length_s: u64, metric: Metric) -> Vec<(u64, u64, f64)> {
        let width = self.seconds.width_s;
        // A row is not cut: where rows span several seconds, so do windows.
        let length = length_s.div_ceil(width).max(1) * width;
        let begin = self.ending.window_from_us.div_ceil(self.seconds.width_us()) * width;
        let end = self.ending.window_us / 1_000_000;
        let mut windows = Vec::new();
        let mut from = begin;
        while from + length <= end {
            let rows: Vec<&Row> =
                self.seconds.rows.range(from / width..(from + length) / width).map(|(_, row)| row).collect();
            if let Some(value) = value_of_rows(&rows, metric, length) {
                windows.push((from, from + length, value));
            }
            from += length;
        }
        windows
    }
}

/// What the windows of a goal come to: the value that is worst, and the windows that broke it.
fn judged(goal: &Goal, windows: Vec<(u64, u64, f64)>) -> (Option<f64>, Vec<Window>) {
    let upper = matches!(goal.op, Op::Below | Op::AtMost);
    let worst = |a: f64, b: f64| if upper { a.max(b) } else { a.min(b) };
    let value = windows.iter().map(|(_, _, value)| *value).reduce(worst);
    let broken = windows.into_iter().filter(|(_, _, value)| !goal.op.holds(*value, goal.value));
    let named = broken.map(|(from_s, until_s, value)| Window {
        from_s,
        until_s,
        value: Some(value).filter(|value| value.is_finite()),
    });
    (value, named.collect())
}

fn value_of_rows(rows: &[&Row], metric: Metric, length_s: u64) -> Option<f64> {
    let sum = |of: fn(&Row) -> u64| rows.iter().map(|row| of(row)).sum::<u64>();
    match metric {
        Metric::Timing(measure, population, Statistic::Percentile(p)) => {
            let mut joined = Sketch::default();
            for row in rows {
                joined.merge(row.times(measure)?);
            }
            percentile(&joined, population, p, sum(|row| row.failed + row.missed))
        }
        Metric::Scalar(Scalar::ErrorRate) => share(sum(|row| row.failed), sum(|row| row.ok + row.failed)),
        // A window in which nothing came is the very thing that such a goal looks for.
        Metric::Scalar(Scalar::OutputTokens) => {
            Some(sum(|row| row.completion_millitokens) as f64 / 1000.0 / length_s as f64)
        }
        Metric::Timing(..) | Metric::Scalar(_) | Metric::Check(..) => None,
    }
}

/// A percentile among what is ok, or with what is not as infinitely slow.
fn percentile(sketch: &Sketch, population: Population, p: f64, infinite: u64) -> Option<f64> {
    match population {
        Population::Ok => sketch.percentile(p),
        Population::All => sketch.percentile_among(p, infinite),
        Population::Failed => None,
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}
