//! Runs and checks in a list, the oldest first.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use tabled::builder::Builder;
use tabled::settings::Style;

use super::figure::{number, percent, time};
use crate::plan::goal::{Measure, Metric, Population, Scalar, Statistic};
use crate::suite::sheet::Sheet;
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::wire::plain::{line, lines};

/// A run or a check, in a line.
#[derive(Debug)]
pub struct Entry {
    name: String,
    started_unix_ms: u64,
    profile: String,
    target: String,
    labels: String,
    verdict: String,
    /// As [`FIGURES`]; none of a check.
    figures: Vec<Option<f64>>,
}

const fn p95(measure: Measure) -> Metric {
    Metric::Timing(measure, Population::All, Statistic::Percentile(95.0))
}

/// Head of a column for people, of one for a spreadsheet, and what stands in it.
const FIGURES: [(&str, &str, Metric); 6] = [
    ("requests/s", "requests_per_s", Metric::Scalar(Scalar::Requests)),
    ("ttft p95", "first_token_p95_us", p95(Measure::FirstToken)),
    ("itl p95", "token_gap_p95_us", p95(Measure::TokenGap)),
    ("e2e p95", "response_time_p95_us", p95(Measure::ResponseTime)),
    ("errors", "error_rate", Metric::Scalar(Scalar::ErrorRate)),
    ("violations", "violation_rate", Metric::Scalar(Scalar::ViolationRate)),
];

impl Entry {
    /// A load run.
    pub fn of_run(name: String, summary: &Summary) -> Entry {
        let meta = &summary.meta;
        let labels: Vec<String> = meta.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Entry {
            name,
            started_unix_ms: meta.started_unix_ms,
            profile: meta.profile.clone(),
            target: meta.target.clone(),
            labels: labels.join(" "),
            verdict: [Some(Digest::of(summary).verdict.name().to_owned()), summary.ending.cut_off()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
            figures: FIGURES.iter().map(|(_, _, metric)| summary.value(*metric)).collect(),
        }
    }

    /// What is left of a check, of one endpoint or of several: the gravest verdict.
    pub fn of_check(name: String, sheets: &[Sheet]) -> Entry {
        let gravest = ["invalid", "fail", "pass"].iter().find(|verdict| sheets.iter().any(|s| s.verdict == **verdict));
        let labels: Vec<String> = sheets.iter().filter_map(|sheet| sheet.name.clone()).collect();
        Entry {
            name,
            started_unix_ms: sheets.first().map_or(0, |sheet| sheet.started_unix_ms),
            profile: "check".to_owned(),
            target: sheets.first().map_or(String::new(), |sheet| sheet.target.clone()),
            labels: labels.join(" "),
            verdict: gravest.map_or("-", |verdict| *verdict).to_owned(),
            figures: vec![None; FIGURES.len()],
        }
    }

    /// Unix time of its start, in milliseconds.
    pub fn started_unix_ms(&self) -> u64 {
        self.started_unix_ms
    }

    /// Its folder, below the one that is listed.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn words(&self) -> [String; 6] {
        let started = UNIX_EPOCH + Duration::from_millis(self.started_unix_ms);
        let started = humantime::format_rfc3339_seconds(started).to_string();
        let [name, profile, target, labels, verdict] =
            [&self.name, &self.profile, &self.target, &self.labels, &self.verdict].map(|word| line(word));
        [started, name, profile, target, labels, verdict]
    }
}

const WORDS: [&str; 6] = ["started", "folder", "profile", "target", "labels", "verdict"];

/// For a terminal.
pub fn text(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "no runs\n".to_owned();
    }
    let mut builder = Builder::new();
    builder.push_record(WORDS.into_iter().chain(FIGURES.iter().map(|(head, ..)| *head)));
    for entry in entries {
        let figures = FIGURES.iter().zip(&entry.figures).map(|((_, _, metric), value)| match metric {
            Metric::Timing(..) => time(*value),
            metric if metric.is_fraction() => percent(*value),
            Metric::Scalar(_) | Metric::Check(..) => number(*value),
        });
        builder.push_record(entry.words().into_iter().chain(figures));
    }
    let table = builder.build().with(Style::blank()).to_string();
    lines(&(table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"))
}

/// For a spreadsheet (RFC 4180); times in microseconds, `inf` where failures reach so far, nothing where nothing was
/// measured.
pub fn csv(entries: &[Entry]) -> String {
    let mut text =
        WORDS.into_iter().chain(FIGURES.iter().map(|(_, head, _)| *head)).collect::<Vec<_>>().join(",") + "\n";
    for entry in entries {
        let plain = |value: &Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let fields = entry.words().into_iter().chain(entry.figures.iter().map(plain));
        let _ = writeln!(text, "{}", super::csv::row(fields));
    }
    text
}
