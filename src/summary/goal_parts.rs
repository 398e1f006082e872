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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::profile::flags::Flags;
    use crate::profile::load::World;
    use crate::summary::digest::Digest;
    use crate::summary::splits::Split;

    /// A run of 65 seconds after 5 of warm-up, in which one of ten fails from second 22 to 24, and all is slow there.
    fn run(goals: &[&str]) -> Summary {
        let goals = goals.iter().map(|goal| (*goal).to_owned()).collect();
        let flags = Flags { goals, ..Flags::default() };
        let world = World { env: &|_| None, today: "2026-11-22".to_owned() };
        let plan = crate::profile::load("smoke", &flags, &world).expect("a preset").plan(1);
        let mut run = Summary::new(&plan, 0);
        (run.ending.window_from_us, run.ending.window_us) = (5_000_000, 70_000_000);
        for second in 0..70 {
            let bad = second < 5 || (22..25).contains(&second);
            let row = run.seconds.at(second * 1_000_000);
            (row.ok, row.failed) = (9 + u64::from(!bad), u64::from(bad));
            for _ in 0..row.ok {
                row.first_token.record(Duration::from_millis(if bad { 900 } else { 100 }));
            }
        }
        run.by_case.kept.insert("whole".to_owned(), Split { requests: 10, ok: 8, failed: 2, ..Split::default() });
        let mut streamed = Split { requests: 4, ok: 3, failed: 1, ..Split::default() };
        (1..4).for_each(|n| streamed.first_token.record(Duration::from_millis(100 * n)));
        run.by_case.kept.insert("streamed".to_owned(), streamed);
        run
    }

    /// Whether a goal held, its figure, and the seconds that broke it.
    type Result = (bool, Option<f64>, Vec<(u64, u64)>);

    fn results(goals: &[&str]) -> Vec<Result> {
        let digest = Digest::of(&run(goals));
        let broken = |windows: &[Window]| windows.iter().map(|window| (window.from_s, window.until_s)).collect();
        digest.goals.iter().map(|goal| (goal.held, goal.value, broken(&goal.broken_in))).collect()
    }

    #[test]
    fn goals_of_windows_name_the_seconds_that_broke_them() {
        let found = results(&[
            "error_rate < 2% in every 10s",
            "error_rate < 5% in every 10s",
            "ttft.ok.p50 < 500ms in 2s",
            "ttft.p95 < 10s in every 60s",
            "output_tokens_per_s > 1 in every 30s",
        ]);
        assert_eq!(found[0], (false, Some(0.03), vec![(15, 25)]), "the warm-up is not looked at");
        assert_eq!(found[1], (true, Some(0.03), vec![]));
        assert_eq!(found[2].2, [(23, 25)], "of the seconds before it, one was fine, and more came in it");
        assert!(found[3].0, "{found:?}");
        assert_eq!(found[4], (false, Some(0.0), vec![(5, 35), (35, 65)]), "what never came is broken, too");
    }

    #[test]
    fn a_window_longer_than_the_run_has_no_sample_and_holds_nothing() {
        assert_eq!(results(&["error_rate < 100% in every 2m"]), [(false, None, vec![])]);
    }

    #[test]
    fn goals_of_a_case_look_at_its_requests_only() {
        let found = results(&[
            "error_rate < 21% for whole",
            "error_rate < 21% for streamed",
            "ttft.p75 < 310ms for streamed",
            "ttft.p95 < 1h for streamed",
            "ttft.p50 < 1s for whole",
        ]);
        let held: Vec<bool> = found.iter().map(|(held, ..)| *held).collect();
        assert_eq!(held, [true, false, true, false, false], "{found:?}");
    }
}
