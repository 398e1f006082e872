//! How times are spread over all requests of a run.

use crate::plan::goal::{Measure, Population, Statistic};
use crate::report::chart::axis::Axis;
use crate::report::chart::mark::{COLOURS, Mark};
use crate::report::chart::{Chart, Table};
use crate::report::figure::time;
use crate::summary::Summary;
use crate::summary::timing::{Populations, Timing};

/// Points of a curve.
const POINTS: u32 = 160;
/// What a table states.
const STATED: [f64; 9] = [1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9];

pub(super) fn charts(summary: &Summary) -> Vec<Chart> {
    [percentiles(summary), shares(summary), lengths(summary)].into_iter().flatten().collect()
}

/// Measures that have samples, with what to call them.
fn sampled<'s>(summary: &'s Summary, measures: &[(Measure, &'static str)]) -> Vec<(&'static str, &'s Populations)> {
    let of = |(measure, label): &(Measure, &'static str)| Some((*label, summary.timings.get(measure.name())?));
    measures.iter().filter_map(of).filter(|(_, populations)| populations.count(Population::All) > 0).collect()
}

fn percentile(populations: &Populations, p: f64) -> f64 {
    populations.statistic(Population::All, Statistic::Percentile(p)).unwrap_or(f64::NAN)
}

/// Response and service time by percentile. Both drawn together show how long requests waited to be sent.
fn percentiles(summary: &Summary) -> Option<Chart> {
    let measures =
        sampled(summary, &[(Measure::ResponseTime, "response time"), (Measure::ServiceTime, "service time")]);
    let samples = measures.iter().map(|(_, populations)| populations.count(Population::All)).max()?;
    let x = Axis::percentiles(samples);
    let curve = |populations: &Populations| -> Vec<(f64, f64)> {
        let at = |point: u32| x.from * (x.to / x.from).powf(f64::from(point) / f64::from(POINTS));
        (0..=POINTS).map(at).map(|at| (at, percentile(populations, 100.0 * (1.0 - 1.0 / at)))).collect()
    };
    let curves: Vec<(&str, Vec<(f64, f64)>)> =
        measures.iter().map(|(label, populations)| (*label, curve(populations))).collect();
    let y = times(curves.iter().flat_map(|(_, points)| points).map(|(_, us)| *us))?;
    let marks = curves.into_iter().zip(COLOURS).map(|((label, points), colour)| Mark::Line {
        colour,
        label: label.to_owned(),
        points,
    });
    Some(Chart {
        name: "percentiles",
        title: "Response and service time by percentile".to_owned(),
        words: format!(
            "{}. Response time counts from when a request was due, service time from when it was sent. {INFINITE}",
            stated(&measures)
        ),
        y,
        marks: marks.collect(),
        table: table(&measures),
        x,
    })
}

const INFINITE: &str = "A request that failed counts as infinitely slow: where there are any, a curve ends early.";

/// The share of requests, or of gaps, that took at most so long.
fn shares(summary: &Summary) -> Option<Chart> {
    let measures = sampled(
        summary,
        &[
            (Measure::FirstToken, "first token"),
            (Measure::TokenGap, "token gap"),
            (Measure::TimePerOutputToken, "per output token"),
        ],
    );
    let curve = |populations: &Populations| -> Vec<(f64, f64)> {
        let at = |point: u32| f64::from(point) / f64::from(POINTS);
        (0..=POINTS).map(at).map(|share| (percentile(populations, 100.0 * share).max(1.0), share)).collect()
    };
    let curves: Vec<(&str, Vec<(f64, f64)>)> =
        measures.iter().map(|(label, populations)| (*label, curve(populations))).collect();
    let x = times(curves.iter().flat_map(|(_, points)| points).map(|(us, _)| *us))?;
    let marks = curves.into_iter().zip(COLOURS).map(|((label, points), colour)| Mark::Line {
        colour,
        label: label.to_owned(),
        points,
    });
    Some(Chart {
        name: "token-times",
        title: "First tokens and gaps: share that took at most so long".to_owned(),
        words: format!("{}. {INFINITE}", stated(&measures)),
        x,
        y: Axis::share_of_all(),
        marks: marks.collect(),
        table: table(&measures),
    })
}

/// The share of prompts and replies that had at most so many tokens.
fn lengths(summary: &Summary) -> Option<Chart> {
    let lengths = [("prompt", &summary.lengths.prompt), ("reply", &summary.lengths.completion)];
    let counted = |timing: &Timing| Populations { ok: timing.clone(), ..Populations::default() };
    let lengths: Vec<(&str, Populations)> = lengths
        .into_iter()
        .filter(|(_, timing)| timing.count() > 0)
        .map(|(label, timing)| (label, counted(timing)))
        .collect();
    let at = |populations: &Populations, p: f64| percentile(populations, p);
    let longest = lengths.iter().map(|(_, populations)| at(populations, 100.0)).fold(0.0, f64::max);
    let marks: Vec<Mark> = lengths
        .iter()
        .zip(COLOURS)
        .map(|((label, populations), colour)| {
            let share = |point: u32| f64::from(point) / f64::from(POINTS);
            let points = (0..=POINTS).map(|point| (at(populations, 100.0 * share(point)), share(point))).collect();
            Mark::Line { colour, label: (*label).to_owned(), points }
        })
        .collect();
    let said: Vec<String> = lengths
        .iter()
        .map(|(label, populations)| {
            format!("{label}: p50 {}, longest {} tokens", at(populations, 50.0), at(populations, 100.0))
        })
        .collect();
    let row = |p: f64| {
        let cells = lengths.iter().map(|(_, populations)| format!("{}", at(populations, p)));
        std::iter::once(format!("p{p}")).chain(cells).collect()
    };
    let head =
        std::iter::once("percentile").chain(lengths.iter().map(|(label, _)| *label)).map(str::to_owned).collect();
    (!marks.is_empty()).then(|| Chart {
        name: "lengths",
        title: "Lengths: share that had at most so many tokens".to_owned(),
        words: format!("{}. Requests that ended ok.", capital(&said.join("; "))),
        x: Axis { title: "tokens".to_owned(), ..Axis::count(longest) },
        y: Axis::share_of_all(),
        marks,
        table: Table { head, rows: STATED.into_iter().map(row).collect() },
    })
}

/// A scale that holds the finite ones of these times.
fn times(us: impl Iterator<Item = f64>) -> Option<Axis> {
    let finite: Vec<f64> = us.filter(|us| us.is_finite()).collect();
    let lowest = finite.iter().copied().min_by(f64::total_cmp)?;
    Some(Axis::times(lowest, finite.into_iter().fold(lowest, f64::max)))
}

fn stated(measures: &[(&str, &Populations)]) -> String {
    let sentence = |(label, populations): &(&str, &Populations)| {
        let p = |p| time(populations.statistic(Population::All, Statistic::Percentile(p)));
        format!("{label}: p50 {}, p99 {}", p(50.0), p(99.0))
    };
    capital(&measures.iter().map(sentence).collect::<Vec<_>>().join("; "))
}

/// A text that begins with a capital.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn table(measures: &[(&str, &Populations)]) -> Table {
    let row = |p: f64| {
        let value = |populations: &Populations| time(populations.statistic(Population::All, Statistic::Percentile(p)));
        std::iter::once(format!("p{p}")).chain(measures.iter().map(|(_, populations)| value(populations))).collect()
    };
    Table {
        head: std::iter::once("percentile")
            .chain(measures.iter().map(|(label, _)| *label))
            .map(str::to_owned)
            .collect(),
        rows: STATED.into_iter().map(row).collect(),
    }
}
