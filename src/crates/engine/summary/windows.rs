//! A run's time in windows of equal length, each with what a goal looks at.
//!
//! A planned request belongs to the window in which it was **due**, with what became of it: a server that hangs breaks the
//! windows in which it was asked, as users find them in its log. Windows begin with the measured part, on the seconds of
//! the run; the last may be shorter. A window in which nothing was due says nothing, unless requests were in flight, and
//! none ended, and nothing came: then the server stood still.

use super::Summary;
use super::goal_parts::share;
use super::seconds::{Row, Seconds};
use super::sketch::Sketch;
use crate::plan::goal::{Measure, Metric, Population, Scalar, Statistic};

/// A window of the run's time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its beginning, in seconds from the start of the run.
    pub from_s: u64,
    /// Its end.
    pub until_s: u64,
    /// What a goal finds in it.
    pub state: State,
    /// Samples that a percentile rests on; 0 for other figures.
    pub samples: u64,
}

/// What a goal finds in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum State {
    /// A figure: microseconds, a share or a rate, as the goal has it; infinite where failed requests reach it.
    Measured(f64),
    /// Requests were due and not one of them was answered: no goal holds.
    Unanswered,
    /// Requests were due and not one of them was ok, so that what is ok has no figure: no goal holds.
    NoneOk,
    /// Requests were in flight; none was due, none ended, and nothing came: no goal on a time holds.
    Stalled,
    /// Nothing was due, or nothing that the goal looks at: neither held nor broken.
    Empty,
}

impl Summary {
    /// The windows of that many seconds of the measured part, each with what a metric comes to in it. A rate needs whole
    /// windows; those that the measured part does not fill are left out of it.
    pub fn windows(&self, length_s: u64, metric: Metric) -> Vec<Window> {
        let all = self.all_seconds();
        // A row is not cut: where rows span several seconds, so do windows.
        let length = length_s.div_ceil(all.width_s).max(1) * all.width_s;
        let measured = self.seconds.widened(all.width_s);
        let rows = Rows { measured: &measured, all: &all };
        let whole = matches!(metric, Metric::Scalar(Scalar::OutputTokens));
        let width_us = all.width_us();
        let from_us = self.ending.window_from_us;
        let until_us = if self.ending.window_us == u64::MAX { all.end_us() } else { self.ending.window_us };
        let (mut from, end) = if whole {
            (from_us.div_ceil(width_us) * all.width_s, until_us / width_us * all.width_s)
        } else {
            (from_us / width_us * all.width_s, until_us.div_ceil(width_us) * all.width_s)
        };
        let mut windows = Vec::new();
        while from < end && (!whole || from + length <= end) {
            let until = (from + length).min(end);
            let (state, samples) = rows.state(from, until, metric);
            windows.push(Window { from_s: from, until_s: until, state, samples });
            from += length;
        }
        windows
    }
}

/// The rows of a run: of the measured part, and of all of it.
struct Rows<'r> {
    measured: &'r Seconds,
    all: &'r Seconds,
}

impl Rows<'_> {
    fn state(&self, from: u64, until: u64, metric: Metric) -> (State, u64) {
        let (measured, all) = (within(self.measured, from, until), within(self.all, from, until));
        let sum = |rows: &[&Row], of: fn(&Row) -> u64| rows.iter().map(|row| of(row)).sum::<u64>();
        // A second in which nothing came is the very thing that a goal on the rate of tokens looks for.
        if metric == Metric::Scalar(Scalar::OutputTokens) {
            let tokens = sum(&all, |row| row.output_millitokens) as f64 / 1000.0;
            return (State::Measured(tokens / (until - from) as f64), 0);
        }
        let last = self.measured.rows.get(&(until / self.measured.width_s - 1));
        let (value, samples) = value(&measured, last, metric);
        let (due, answered) = (sum(&measured, Row::accountable), sum(&measured, |row| row.due_answered));
        let none_ok = due > 0 && sum(&measured, |row| row.due_ok) == 0;
        let is_still = sum(&all, |row| row.due + row.ended() + row.arrivals) == 0;
        let is_time = matches!(metric, Metric::Timing(..));
        let state = match value {
            _ if due > 0 && answered == 0 && (is_time || value.is_none()) => State::Unanswered,
            None if none_ok => State::NoneOk,
            Some(value) => State::Measured(value),
            None if is_still && is_time && sum(&all, |row| row.in_flight_us) > 0 => State::Stalled,
            None => State::Empty,
        };
        (state, samples)
    }
}

/// The rows of a window.
fn within(seconds: &Seconds, from_s: u64, until_s: u64) -> Vec<&Row> {
    let width = seconds.width_s;
    seconds.rows.range(from_s / width..until_s / width).map(|(_, row)| row).collect()
}

/// The figure of some rows, where there is one, and the samples that a percentile rests on.
fn value(rows: &[&Row], last: Option<&Row>, metric: Metric) -> (Option<f64>, u64) {
    let sum = |of: fn(&Row) -> u64| rows.iter().map(|row| of(row)).sum::<u64>();
    match metric {
        Metric::Timing(measure, population, Statistic::Percentile(p)) => {
            let (times, infinite) = times(rows, last, measure, population).unwrap_or_default();
            (times.percentile_among(p, infinite), times.count() + infinite)
        }
        Metric::Scalar(Scalar::ErrorRate) => {
            let (ok, failed) = (sum(|row| row.due_ok), sum(|row| row.due_failed));
            (share(failed, ok + failed), 0)
        }
        Metric::Scalar(Scalar::MissedFraction) => (share(sum(|row| row.missed), sum(Row::accountable)), 0),
        Metric::Timing(..) | Metric::Scalar(_) | Metric::Check(..) => (None, 0),
    }
}

/// The times of a population in some rows, and how many infinite ones are among them. Gaps that last through the last of
/// the rows are in it, since what ends behind a window may have stood still in it.
#[expect(clippy::wildcard_enum_match_arm, reason = "few of the measures are kept by the second")]
pub fn times(rows: &[&Row], last: Option<&Row>, measure: Measure, population: Population) -> Option<(Sketch, u64)> {
    let last = last.as_slice();
    let mut joined = Sketch::default();
    let mut add = |rows: &[&Row], of: fn(&Row) -> &Sketch| {
        for row in rows {
            joined.merge(of(row));
        }
    };
    let sum = |of: fn(&Row) -> u64| rows.iter().map(|row| of(row)).sum::<u64>();
    let infinite = match measure {
        Measure::ResponseTime => {
            add(rows, |row| &row.response_time);
            sum(|row| row.due_failed + row.missed)
        }
        Measure::FirstToken => {
            add(rows, |row| &row.first_token);
            sum(|row| row.due_silent)
        }
        Measure::Lateness => {
            add(rows, |row| &row.lateness);
            0
        }
        Measure::TokenGap => {
            add(rows, |row| &row.token_gap);
            add(last, |row| &row.gap_lasting);
            if population == Population::All {
                add(rows, |row| &row.token_gap_failed);
                add(last, |row| &row.gap_lasting_failed);
            }
            sum(|row| row.gap_infinite) + last.iter().map(|last| last.gap_infinite_lasting).sum::<u64>()
        }
        _ => return None,
    };
    match population {
        Population::All => Some((joined, infinite)),
        Population::Ok => Some((joined, 0)),
        Population::Failed => None,
    }
}
