//! The curves of all sides over one another, the base first. The repetitions of a side count together.

use crate::compare::side::Side;
use crate::plan::goal::{Measure, Population};
use crate::report::chart::axis::Axis;
use crate::report::chart::mark::{COLOURS, Mark};
use crate::report::chart::{Chart, HEIGHT, Table};
use crate::report::columns::{Column, by_time, columns_until};
use crate::report::curves::by_percentile;
use crate::report::figure::{number, time};
use crate::summary::seconds::Seconds;
use crate::summary::timing::Populations;
use crate::summary::windows::times;

/// Columns of a picture, and rows of a table.
const COLUMNS: u64 = 150;
const ROWS: u64 = 40;
/// More sides than this leave no room for bands.
const BANDS: usize = 2;
/// What is drawn, with its name in pictures and in words.
const MEASURES: [(Measure, &str, &str); 3] = [
    (Measure::ResponseTime, "response-time", "Response time"),
    (Measure::FirstToken, "first-token", "First token"),
    (Measure::TokenGap, "token-gap", "Gaps between tokens"),
];

/// Why a picture of repetitions and the table of changes differ.
const POOLED: &str = "The samples of all runs of a side together; the table of changes has the mean of the runs' own \
                      percentiles, which need not be the same.";

/// Every picture of all sides, which are called by these names.
pub(super) fn overlaid(names: &[String], sides: &[Side]) -> Vec<Chart> {
    let several = sides.iter().any(|side| side.runs.len() > 1);
    let words = if several { POOLED } else { "" };
    let curves = MEASURES.into_iter().filter_map(|(measure, name, title)| {
        let spreads: Vec<Populations> = sides.iter().map(|side| spread(side, measure)).collect();
        let curves: Vec<(&str, &Populations)> = names.iter().map(String::as_str).zip(&spreads).collect();
        by_percentile(name, &format!("{title} by percentile"), words, &curves)
    });
    let run = Overlay::of(names, sides);
    let times = MEASURES.into_iter().filter_map(|(measure, name, title)| run.times(measure, name, title));
    curves.chain(times).chain(run.rate()).collect()
}

fn spread(side: &Side, measure: Measure) -> Populations {
    let mut all = Populations::default();
    side.runs.iter().filter_map(|run| run.timings.get(measure.name())).for_each(|own| all.merge(own));
    all
}

/// All sides on one time axis.
struct Overlay<'n> {
    sides: Vec<Over<'n>>,
    warmup_s: f64,
    x: Axis,
}

/// A side with what happened in its runs, so long after the start of each.
struct Over<'n> {
    name: &'n str,
    colour: &'static str,
    runs: usize,
    columns: Vec<Column>,
    rows: Vec<Column>,
}

impl<'n> Overlay<'n> {
    fn of(names: &'n [String], sides: &[Side]) -> Overlay<'n> {
        let pooled = pooled(sides);
        let last = pooled.iter().filter_map(|seconds| seconds.rows.keys().next_back().copied()).max().unwrap_or(0);
        let over = |(((name, side), seconds), colour): (((&'n String, &Side), &Seconds), &'static str)| Over {
            name,
            colour,
            runs: side.runs.len(),
            columns: columns_until(seconds, last, COLUMNS),
            rows: columns_until(seconds, last, ROWS),
        };
        let sides_over: Vec<Over<'_>> =
            names.iter().zip(sides).zip(&pooled).zip(COLOURS.into_iter().cycle()).map(over).collect();
        let end = sides_over.iter().filter_map(|side| Some(side.columns.last()?.to)).fold(1.0, f64::max);
        Overlay {
            sides: sides_over,
            warmup_s: sides.first().map_or(0.0, |base| base.first().ending.window_from_us as f64 / 1e6),
            x: Axis::seconds(0.0, end),
        }
    }

    /// The median of each side, and where there are few of them a band up to its p95.
    fn times(&self, measure: Measure, name: &str, title: &str) -> Option<Chart> {
        let at = |column: &Column, p| {
            let times = times(&[&column.row], None, measure, Population::Ok);
            times.and_then(|(times, _)| times.percentile(p)).unwrap_or(f64::NAN)
        };
        let all = |p| self.sides.iter().flat_map(|side| &side.columns).map(move |column| at(column, p));
        let lowest = all(50.0).filter(|us| us.is_finite()).min_by(f64::total_cmp)?;
        let highest = all(95.0).filter(|us| us.is_finite()).fold(lowest, f64::max);
        let banded = self.sides.len() <= BANDS;
        let band = |side: &Over<'_>| {
            let points = side.columns.iter().map(|c| (c.middle(), at(c, 50.0), at(c, 95.0))).collect();
            Mark::band(side.colour, "", points)
        };
        let bands = self.sides.iter().filter(|_| banded).map(band);
        let words = format!(
            "The median of each side, of requests that ended ok{}; in all from {} to {}.",
            if banded { ", and a band up to its p95" } else { "" },
            time(Some(lowest)),
            time(Some(highest))
        );
        let table = self.table(&["p50", "p95"], |_, column| {
            [50.0, 95.0].map(|p| time(Some(at(column, p)).filter(|us| us.is_finite()))).to_vec()
        });
        let marks = bands.chain(self.lines(|_, column| at(column, 50.0))).collect();
        let (name, title) = (format!("{name}-over-time"), format!("{title} over time"));
        Some(self.chart(&name, &title, words, Axis::times(lowest, highest), marks, table))
    }

    /// Requests that ended ok per second, of each side the mean of its runs.
    fn rate(&self) -> Option<Chart> {
        let rate = |side: &Over<'_>, column: &Column| column.per_s(column.row.ok) / side.runs as f64;
        let most = |side: &Over<'_>| side.columns.iter().map(|column| rate(side, column)).fold(0.0, f64::max);
        let highest = self.sides.iter().map(most).fold(0.0, f64::max);
        let said: Vec<String> =
            self.sides.iter().map(|side| format!("{} {}", side.name, number(Some(most(side))))).collect();
        let words = format!("Of each side the mean of its runs; at most: {}.", said.join(", "));
        let table = self.table(&["ok/s"], |side, column| vec![number(Some(rate(side, column)))]);
        let y = Axis::count(highest);
        let title = "Requests that ended ok, per second";
        (highest > 0.0).then(|| self.chart("rate", title, words, y, self.lines(rate).collect(), table))
    }

    fn lines(&self, of: impl Fn(&Over<'_>, &Column) -> f64) -> impl Iterator<Item = Mark> {
        self.sides.iter().map(move |side| {
            let points = side.columns.iter().map(|column| (column.middle(), of(side, column))).collect();
            Mark::line(side.colour, side.name, points)
        })
    }

    fn chart(&self, name: &str, title: &str, words: String, y: Axis, marks: Vec<Mark>, table: Table) -> Chart {
        let warmup = (self.warmup_s > 0.0).then(|| Mark::apart("warm-up", 0.0, self.warmup_s));
        let marks = warmup.into_iter().chain(marks).collect();
        let (name, title) = (name.to_owned(), title.to_owned());
        Chart { name, title, words, x: self.x.clone(), y, height: HEIGHT, marks, table }
    }

    /// A row for each stretch of time, with the same cells for each side.
    fn table(&self, head: &[&str], cells: impl Fn(&Over<'_>, &Column) -> Vec<String>) -> Table {
        let heads = self.sides.iter().flat_map(|side| head.iter().map(move |figure| format!("{} {figure}", side.name)));
        let stretches = self.sides.first().map_or(&[][..], |base| &base.rows);
        let row = |place: usize| self.sides.iter().flat_map(|side| cells(side, &side.rows[place])).collect();
        by_time(heads.collect(), stretches, (0..stretches.len()).map(row))
    }
}

/// What happened in the runs of each side, in rows of one width for all.
fn pooled(sides: &[Side]) -> Vec<Seconds> {
    let of_side = |side: &Side| {
        let mut all = Seconds::default();
        side.runs.iter().for_each(|run| all.merge(run.all_seconds()));
        all
    };
    let pooled: Vec<Seconds> = sides.iter().map(of_side).collect();
    let width_s = pooled.iter().map(|seconds| seconds.width_s).max().unwrap_or(1);
    pooled.iter().map(|seconds| seconds.widened(width_s)).collect()
}
