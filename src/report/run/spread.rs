//! How times and lengths are spread over all requests of a run.

use crate::plan::goal::{Measure, Population};
use crate::report::chart::axis::Axis;
use crate::report::chart::mark::{COLOURS, Mark};
use crate::report::chart::{Chart, HEIGHT, Table};
use crate::report::curves::{STATED, by_percentile, by_share, capital, percentile, shares_stated, steps};
use crate::summary::Summary;
use crate::summary::timing::{Populations, Timing};

pub(super) fn charts(summary: &Summary) -> Vec<Chart> {
    [percentiles(summary), shares(summary), lengths(summary)].into_iter().flatten().collect()
}

/// Measures that have samples, with what to call them.
fn sampled<'s>(summary: &'s Summary, measures: &[(Measure, &'static str)]) -> Vec<(&'static str, &'s Populations)> {
    let of = |(measure, label): &(Measure, &'static str)| Some((*label, summary.timings.get(measure.name())?));
    measures.iter().filter_map(of).filter(|(_, populations)| populations.count(Population::All) > 0).collect()
}

/// Response and service time by percentile. Both drawn together show how long requests waited to be sent.
fn percentiles(summary: &Summary) -> Option<Chart> {
    let measures = [(Measure::ResponseTime, "response time"), (Measure::ServiceTime, "service time")];
    by_percentile(
        "percentiles",
        "Response and service time by percentile",
        "Response time counts from when a request was due, service time from when it was sent.",
        &sampled(summary, &measures),
    )
}

fn shares(summary: &Summary) -> Option<Chart> {
    let measures = [
        (Measure::FirstToken, "first token"),
        (Measure::TokenGap, "token gap"),
        (Measure::TimePerOutputToken, "per output token"),
    ];
    let title = "First tokens and gaps: cumulative share by time";
    by_share("token-times", title, &sampled(summary, &measures))
}

/// The share of prompts and replies that had at most so many tokens.
fn lengths(summary: &Summary) -> Option<Chart> {
    let counted = |(label, timing): (&'static str, &Timing)| {
        (timing.count() > 0).then(|| (label, Populations { ok: timing.clone(), ..Populations::default() }))
    };
    let lengths = [("prompt", &summary.lengths.prompt), ("reply", &summary.lengths.completion)];
    let lengths: Vec<(&str, Populations)> = lengths.into_iter().filter_map(counted).collect();
    let longest = lengths.iter().map(|(_, spread)| percentile(spread, 100.0)).fold(0.0, f64::max);
    let line = |((label, spread), colour): (&(&str, Populations), &'static str)| {
        Mark::line(colour, label, steps().map(|share| (percentile(spread, 100.0 * share), share)).collect())
    };
    let marks: Vec<Mark> = lengths.iter().zip(COLOURS).map(line).collect();
    let said = |(label, spread): &(&str, Populations)| {
        format!("{label}: p50 {}, longest {} tokens", percentile(spread, 50.0), percentile(spread, 100.0))
    };
    let row = |p: f64| {
        let cells = lengths.iter().map(|(_, spread)| percentile(spread, p).to_string());
        std::iter::once(format!("p{p}")).chain(cells).collect()
    };
    let labels = lengths.iter().map(|(label, _)| *label);
    (!marks.is_empty()).then(|| Chart {
        name: "lengths".to_owned(),
        title: "Lengths: cumulative share by tokens".to_owned(),
        words: format!(
            "{}. Requests that ended ok.",
            capital(&lengths.iter().map(said).collect::<Vec<_>>().join("; "))
        ),
        x: Axis { title: "tokens".to_owned(), ..Axis::count(longest) },
        y: Axis::share_of_all(),
        height: HEIGHT,
        marks,
        table: Table {
            head: std::iter::once("percentile").chain(labels).map(str::to_owned).collect(),
            rows: STATED.into_iter().map(row).collect(),
            places: shares_stated(),
        },
    })
}
