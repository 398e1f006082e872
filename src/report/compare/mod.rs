//! A comparison, for people, for a browser, for a pull request, and for scripts.

mod changes;
mod github;
mod headline;
mod html;
mod markdown;
mod overlay;
mod refusal;
mod text;

pub use github::{annotations, job_summary};
pub use refusal::refusal;

use headline::{headline, points};

use super::figure::{number, percent, time};
use crate::compare::quantity::Unit;
use crate::compare::side::Side;
use crate::compare::{Basis, Change, Column, Comparison, Figure, Verdict};
use crate::wire::plain::lines;

/// Formats of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For people, at most 100 columns wide.
    Text,
    /// To paste into a pull request.
    Markdown,
    /// For a browser, in one file.
    Html,
    /// For scripts.
    Json,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Text, Kind::Markdown, Kind::Html, Kind::Json];
}

/// A comparison as a report; the sides are those that were compared, the base first, for their curves.
///
/// # Panics
/// Never: a comparison has string keys only.
pub fn write(comparison: &Comparison, sides: &[Side], kind: Kind) -> String {
    let text = match kind {
        Kind::Text => text::write(comparison),
        Kind::Markdown => markdown::write(comparison),
        Kind::Html => html::write(comparison, sides),
        Kind::Json => serde_json::to_string_pretty(comparison).expect("a comparison has string keys only") + "\n",
    };
    lines(&text)
}

/// Why sides are doubtful, each once.
fn doubts(comparison: &Comparison) -> Vec<&str> {
    let mut doubts: Vec<&str> = Vec::new();
    for doubt in comparison.new.iter().flat_map(|change| &change.doubts) {
        if !doubts.contains(&doubt.as_str()) {
            doubts.push(doubt);
        }
    }
    doubts
}

/// What the columns of a table are called: by the labels that differ, else by the names of the sides.
fn headings(comparison: &Comparison) -> Vec<String> {
    let columns: Vec<&Column> =
        std::iter::once(&comparison.base).chain(comparison.new.iter().map(|change| &change.side)).collect();
    let differs = |name: &String| columns.iter().any(|column| column.labels.get(name) != columns[0].labels.get(name));
    let labelled = |column: &&Column| {
        let own = column.labels.iter().filter(|(name, _)| differs(name));
        own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    let labels: Vec<String> = columns.iter().map(labelled).collect();
    let distinct = labels.iter().enumerate().all(|(n, label)| !label.is_empty() && !labels[..n].contains(label));
    let names = if distinct { labels } else { columns.iter().map(|column| column.name.clone()).collect() };
    names.into_iter().map(clipped).collect()
}

/// A heading that leaves room for the figures.
fn clipped(heading: String) -> String {
    const LONGEST: usize = 20;
    match heading.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &heading[..end]),
        None => heading,
    }
}

/// A side in a line: how many runs, what they came to, where they went.
fn described(column: &Column) -> String {
    let mut verdicts: Vec<(&str, usize)> = Vec::new();
    for verdict in &column.verdicts {
        match verdicts.iter_mut().find(|(name, _)| *name == verdict.name()) {
            Some((_, count)) => *count += 1,
            None => verdicts.push((verdict.name(), 1)),
        }
    }
    let verdicts: Vec<String> = verdicts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let labels: Vec<String> = column.labels.iter().map(|(name, value)| format!(", {name}={value}")).collect();
    let model = column.model.as_ref().map_or(String::new(), |model| format!(", model {model}"));
    let runs = if column.runs == 1 { "run" } else { "runs" };
    format!(
        "{}: {} {runs} ({}) to {}{model}{}",
        column.name,
        column.runs,
        verdicts.join(", "),
        column.target,
        labels.concat()
    )
}

/// The rows of the table of one side against the base, its head first.
fn rows(change: &Change, base: &str, new: &str) -> Vec<[String; 6]> {
    let head = ["figure", base, new, "change", "interval", "verdict"].map(str::to_owned);
    let row = |figure: &Figure| {
        let interval = match (figure.low, figure.high) {
            _ if figure.unbounded => "unbounded".to_owned(),
            (Some(low), Some(high)) => format!("{} to {}", moved(figure, Some(low)), moved(figure, Some(high))),
            _ => "-".to_owned(),
        };
        [
            figure.name.clone(),
            valued(figure, figure.base),
            valued(figure, figure.new),
            moved(figure, figure.change),
            interval,
            named(figure.verdict).to_owned(),
        ]
    };
    std::iter::once(head).chain(change.figures.iter().map(row)).collect()
}

/// Every side in one table: a row for each figure, a column for each side.
fn overview(comparison: &Comparison) -> Vec<Vec<String>> {
    let head = std::iter::once("figure".to_owned()).chain(headings(comparison)).collect();
    let mut names: Vec<&str> = Vec::new();
    for figure in comparison.new.iter().flat_map(|change| &change.figures) {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    let row = |name: &str| {
        let own = |change: &'_ Change| change.figures.iter().find(|figure| figure.name == name).cloned();
        let figures: Vec<Option<Figure>> = comparison.new.iter().map(own).collect();
        let base = figures.iter().flatten().next().map_or("-".to_owned(), |figure| valued(figure, figure.base));
        let cell = |figure: &Option<Figure>| match figure {
            Some(figure) => match figure.verdict {
                Some(verdict) => format!("{} {}", valued(figure, figure.new), verdict.name()),
                None => valued(figure, figure.new),
            },
            None => "-".to_owned(),
        };
        [name.to_owned(), base].into_iter().chain(figures.iter().map(cell)).collect()
    };
    std::iter::once(head).chain(names.into_iter().map(row)).collect()
}

/// A value with its unit. Sides of one plan both have samples or neither, so what has no value is infinite.
fn valued(figure: &Figure, value: Option<f64>) -> String {
    match figure.unit {
        Unit::Us => time(value.or(Some(f64::INFINITY))),
        Unit::Fraction => percent(value),
        Unit::PerS => number(value),
    }
}

/// A verdict in a table.
fn named(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("-", Verdict::name)
}

/// A change with its sign: a percentage, or percentage points.
fn moved(figure: &Figure, change: Option<f64>) -> String {
    let Some(change) = change else { return "-".to_owned() };
    let decimals = if change.abs() < 0.1 { 2 } else { 1 };
    format!("{:+.decimals$} {}", change * 100.0, points(figure.unit))
}

/// What verdicts and intervals mean here, in words.
fn footnotes(change: &Change, comparison: &Comparison) -> Vec<String> {
    let mut notes = match change.basis {
        Basis::OneRunEach => vec![within(change)],
        Basis::TooFew => Vec::new(),
        Basis::Prediction | Basis::Repetitions | Basis::Pairs => vec![rates(change, comparison)],
    };
    if change.figures.iter().any(|figure| figure.unit == Unit::Us && (figure.base.is_none() || figure.new.is_none())) {
        notes.push("inf: failed requests, which are infinitely slow, reach this percentile".to_owned());
    }
    if change.figures.iter().any(|figure| figure.unbounded) {
        notes.push("unbounded: the interval reaches beyond tenfold".to_owned());
    }
    if change.figures.iter().any(|figure| figure.unit == Unit::Fraction) {
        notes.push("pp: percentage points".to_owned());
    }
    notes
}

fn rates(change: &Change, comparison: &Comparison) -> String {
    let unsure = percent(Some(1.0 - comparison.confidence));
    let pairs =
        if change.basis == Basis::Pairs { "; the runs were made in turn and are compared in pairs" } else { "" };
    format!(
        "worse and better: the interval excludes no change, and the change is beyond {} of the base; held: worse by more \
         than {} is ruled out; -: shown without a verdict; each interval holds with {:.2} %, so that at most {unsure} of \
         the comparisons of equal systems call any figure worse or better{pairs}",
        percent(Some(comparison.noise)),
        percent(Some(comparison.max_regression)),
        change.confidence_each * 100.0
    )
}

fn within(change: &Change) -> String {
    format!(
        "intervals: how well each run knows its own figure, from how it varied over its time, each with {:.0} %",
        change.confidence_each * 100.0
    )
}

#[cfg(test)]
mod tests;
