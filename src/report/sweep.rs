//! A sweep in one table: a row for each run, as text, Markdown, CSV and JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;

use super::conformance::escaped;
use super::csv;
use super::figure::{number, percent, time};
use crate::plan::goal::{Measure, Population, Scalar, Statistic};
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::wire::plain::line;

/// One run of a sweep.
#[derive(Debug)]
pub struct Row {
    /// The keys that were swept, with their values here.
    pub values: Vec<(String, String)>,
    /// What came of it.
    pub summary: Summary,
}

/// All runs of a sweep.
#[derive(Debug)]
pub struct Table {
    keys: Vec<String>,
    rows: Vec<(Vec<String>, Figures)>,
}

#[derive(Debug)]
struct Figures {
    scalars: Vec<Option<f64>>,
    /// In microseconds; infinite where failures reach so far.
    times: Vec<Option<f64>>,
    /// Whether nothing but a default goal is broken.
    by_default: bool,
    verdict: String,
}

const SCALARS: [(&str, Scalar); 5] = [
    ("requests/s", Scalar::Requests),
    ("good/s", Scalar::GoodRequests),
    ("output tokens/s", Scalar::OutputTokens),
    ("error_rate", Scalar::ErrorRate),
    ("violation_rate", Scalar::ViolationRate),
];

const TIMES: [(&str, Measure, f64); 5] = [
    ("ttft p50", Measure::FirstToken, 50.0),
    ("ttft p95", Measure::FirstToken, 95.0),
    ("itl p95", Measure::TokenGap, 95.0),
    ("e2e p50", Measure::ResponseTime, 50.0),
    ("e2e p95", Measure::ResponseTime, 95.0),
];

impl Figures {
    fn of(summary: &Summary) -> Figures {
        let time = |(_, measure, p): &(&str, Measure, f64)| {
            summary.timings.get(measure.name())?.statistic(Population::All, Statistic::Percentile(*p))
        };
        let digest = Digest::of(summary);
        let by_default = digest.verdict != digest.verdict_by_written(summary);
        let mark = if by_default { " (default)" } else { "" };
        Figures {
            scalars: SCALARS.iter().map(|(_, scalar)| summary.scalar(*scalar)).collect(),
            times: TIMES.iter().map(time).collect(),
            by_default,
            verdict: format!("{}{mark}, {}", digest.verdict.name(), digest.trust.verdict.name()),
        }
    }

    /// As people read them.
    fn shown(&self) -> Vec<String> {
        let scalar = |((_, scalar), value): (&(&str, Scalar), &Option<f64>)| {
            if scalar.is_fraction() { percent(*value) } else { number(*value) }
        };
        let scalars = SCALARS.iter().zip(&self.scalars).map(scalar);
        scalars.chain(self.times.iter().map(|us| time(*us))).chain([self.verdict.clone()]).collect()
    }

    /// As a file keeps them: plain numbers, times in microseconds, nothing where nothing was measured.
    fn plain(&self) -> Vec<String> {
        let plain = |value: &Option<f64>| value.map_or(String::new(), |value| value.to_string());
        self.scalars.iter().chain(&self.times).map(plain).chain([self.verdict.clone()]).collect()
    }
}

impl Table {
    /// The runs as a table.
    pub fn of(rows: &[Row]) -> Table {
        let keys = rows.first().map(|row| row.values.iter().map(|(key, _)| line(key)).collect()).unwrap_or_default();
        let values = |row: &Row| row.values.iter().map(|(_, value)| line(value)).collect();
        Table { keys, rows: rows.iter().map(|row| (values(row), Figures::of(&row.summary))).collect() }
    }

    /// How many runs break nothing but a goal that holds by default.
    pub fn marked(&self) -> usize {
        self.rows.iter().filter(|(_, figures)| figures.by_default).count()
    }

    fn names() -> impl Iterator<Item = &'static str> {
        SCALARS.iter().map(|(name, _)| *name).chain(TIMES.iter().map(|(name, ..)| *name)).chain(["verdict"])
    }

    /// A table of the words that were swept, as `shown` has them, and the figures.
    fn build(&self, shown: fn(&str) -> String) -> tabled::Table {
        let mut builder = Builder::new();
        builder.push_record(self.keys.iter().map(|key| shown(key)).chain(Table::names().map(str::to_owned)));
        for (values, figures) in &self.rows {
            builder.push_record(values.iter().map(|value| shown(value)).chain(figures.shown()));
        }
        builder.build()
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        format!("{}\n", self.build(str::to_owned).with(Style::blank()))
    }

    /// For a pull request.
    pub fn markdown(&self) -> String {
        format!("{}\n", self.build(escaped).with(Style::markdown()))
    }

    /// For a spreadsheet (RFC 4180); times in microseconds, `inf` where failures reach so far.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let times = TIMES.iter().map(|(name, ..)| format!("{name} us"));
        let names = SCALARS.iter().map(|(name, _)| (*name).to_owned()).chain(times).chain(["verdict".to_owned()]);
        let header: Vec<String> = self.keys.iter().cloned().chain(names).collect();
        let rows = self.rows.iter().map(|(values, figures)| values.iter().cloned().chain(figures.plain()).collect());
        for row in std::iter::once(header).chain(rows) {
            let _ = writeln!(text, "{}", csv::row(row));
        }
        text
    }

    /// For scripts: a list of runs with the swept values and the figures by name; times in microseconds, null where
    /// nothing was measured or failures reach so far.
    pub fn json(&self) -> String {
        let run = |(values, figures): &(Vec<String>, Figures)| {
            let numbers = figures.scalars.iter().chain(&figures.times).map(|value| json!(value));
            let named: Map<String, Value> =
                Table::names().map(str::to_owned).zip(numbers.chain([json!(figures.verdict)])).collect();
            let swept: Map<String, Value> =
                self.keys.iter().cloned().zip(values.iter().map(|value| json!(value))).collect();
            json!({"sweep": swept, "figures": named})
        };
        format!("{}\n", json!({"runs": self.rows.iter().map(run).collect::<Vec<_>>()}))
    }
}
