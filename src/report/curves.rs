//! Curves of how times are spread, for the page of a run and for that of a comparison.

use super::chart::axis::Axis;
use super::chart::mark::{Area, COLOURS, Mark, THROUGHOUT};
use super::chart::{Chart, HEIGHT, Table};
use super::figure::time;
use crate::plan::goal::{Population, Statistic};
use crate::summary::timing::Populations;

/// Steps of a curve.
const STEPS: u32 = 160;
/// What a table states.
pub(super) const STATED: [f64; 9] = [1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9];
const INFINITE: &str = "A request that failed counts as infinitely slow, so a curve ends where they begin.";

/// Distributions, each with what to call it.
pub(super) type Spreads<'s> = [(&'s str, &'s Populations)];

/// Times by percentile, on a scale that gives the tail as much room as the body; none where all are infinite.
pub(super) fn by_percentile(name: &str, title: &str, words: &str, spreads: &Spreads<'_>) -> Option<Chart> {
    let samples = spreads.iter().map(|(_, spread)| spread.count(Population::All)).max()?;
    let x = Axis::percentiles(samples);
    let at = |step: f64| x.from * (x.to / x.from).powf(step);
    let curves: Vec<Vec<(f64, f64)>> = spreads
        .iter()
        .map(|(_, spread)| steps().map(at).map(|at| (at, percentile(spread, 100.0 * (1.0 - 1.0 / at)))).collect())
        .collect();
    Some(Chart {
        name: name.to_owned(),
        title: title.to_owned(),
        words: said(spreads, words),
        y: times(curves.iter().flatten().map(|(_, us)| *us))?,
        x,
        height: HEIGHT,
        marks: lines(spreads, curves),
        table: Table {
            places: stretches(|p| 1.0 / (1.0 - p / 100.0), |x| Area { x, y: THROUGHOUT }),
            ..table(spreads)
        },
    })
}

/// The share of requests, or of gaps, that took at most so long; none where all are infinite.
pub(super) fn by_share(name: &str, title: &str, spreads: &Spreads<'_>) -> Option<Chart> {
    let curves: Vec<Vec<(f64, f64)>> = spreads
        .iter()
        .map(|(_, spread)| steps().map(|share| (percentile(spread, 100.0 * share).max(1.0), share)).collect())
        .collect();
    Some(Chart {
        name: name.to_owned(),
        title: title.to_owned(),
        words: said(spreads, ""),
        x: times(curves.iter().flatten().map(|(us, _)| *us))?,
        y: Axis::share_of_all(),
        height: HEIGHT,
        marks: lines(spreads, curves),
        table: Table { places: shares_stated(), ..table(spreads) },
    })
}

/// Where the stated percentiles stand on a vertical axis of shares.
pub(super) fn shares_stated() -> Vec<Area> {
    stretches(|p| p / 100.0, |y| Area { x: THROUGHOUT, y })
}

/// Each stated percentile with the stretch of an axis up to it.
fn stretches(at: impl Fn(f64) -> f64, area: impl Fn((f64, f64)) -> Area) -> Vec<Area> {
    let before = std::iter::once(0.0).chain(STATED);
    before.zip(STATED).map(|(from, to)| area((at(from), at(to)))).collect()
}

/// From 0 to 1.
pub(super) fn steps() -> impl Iterator<Item = f64> {
    (0..=STEPS).map(|step| f64::from(step) / f64::from(STEPS))
}

/// A percentile of all requests; not a number where there is no sample.
pub(super) fn percentile(spread: &Populations, p: f64) -> f64 {
    spread.statistic(Population::All, Statistic::Percentile(p)).unwrap_or(f64::NAN)
}

fn lines(spreads: &Spreads<'_>, curves: Vec<Vec<(f64, f64)>>) -> Vec<Mark> {
    let lines = spreads.iter().zip(curves).zip(COLOURS.into_iter().cycle());
    lines.map(|(((label, _), points), colour)| Mark::line(colour, label, points)).collect()
}

/// A scale that holds the finite ones of these times.
fn times(us: impl Iterator<Item = f64>) -> Option<Axis> {
    let finite: Vec<f64> = us.filter(|us| us.is_finite()).collect();
    let lowest = finite.iter().copied().min_by(f64::total_cmp)?;
    Some(Axis::times(lowest, finite.into_iter().fold(lowest, f64::max)))
}

/// The percentiles that are read first, what else is to be said, and how failures show where there are any.
fn said(spreads: &Spreads<'_>, words: &str) -> String {
    let sentence = |(label, spread): &(&str, &Populations)| {
        let p = |p| time(spread.statistic(Population::All, Statistic::Percentile(p)));
        format!("{label}: p50 {}, p99 {}", p(50.0), p(99.0))
    };
    let stated = capital(&spreads.iter().map(sentence).collect::<Vec<_>>().join("; ")) + ".";
    let failures = spreads.iter().any(|(_, spread)| spread.infinite > 0);
    let parts = [stated.as_str(), words, if failures { INFINITE } else { "" }];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A text that begins with a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn table(spreads: &Spreads<'_>) -> Table {
    let row = |p: f64| {
        let value = |spread: &Populations| time(spread.statistic(Population::All, Statistic::Percentile(p)));
        std::iter::once(format!("p{p}")).chain(spreads.iter().map(|(_, spread)| value(spread))).collect()
    };
    let labels = spreads.iter().map(|(label, _)| *label);
    Table {
        head: std::iter::once("percentile").chain(labels).map(str::to_owned).collect(),
        rows: STATED.into_iter().map(row).collect(),
        places: Vec::new(),
    }
}
