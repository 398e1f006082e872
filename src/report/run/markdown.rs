//! To paste into a pull request or a ticket. What comes from a reply is escaped, or stands in a fence that it cannot
//! end.

use std::fmt::Write as _;

use crate::plan::goal::{Measure, Population, Statistic};
use crate::report::compressed;
use crate::report::conformance::{escaped, named};
use crate::report::figure::{number, percent};
use crate::report::goal::{fate, measured, windows};
use crate::report::roots;
use crate::report::text::{cell, fates};
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::summary::trust::Belief;
use crate::wire::plain::lines;

/// Timings that are shown.
const SHOWN: [Measure; 5] =
    [Measure::ResponseTime, Measure::ServiceTime, Measure::FirstToken, Measure::TokenGap, Measure::TimePerOutputToken];
/// Broken rules and reasons that are shown: a comment is no place for more.
const ROWS: usize = 20;

pub(in crate::report) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    lines(&[verdict(&digest), goals(&digest), timings(summary), checks(&digest), footer(&digest)].concat())
}

fn verdict(digest: &Digest) -> String {
    let requests = &digest.requests;
    let mut text = format!("## {}: {}\n\n", digest.verdict.name().to_uppercase(), escaped(&digest.profile));
    let _ = writeln!(
        text,
        "{}; {} per second, {} output tokens per second; errors {}, violations {}. \
         The measurement is **{}**.\n",
        fates(requests),
        number(digest.rates_per_s.requests),
        number(digest.rates_per_s.output_tokens),
        percent(digest.error_rate),
        percent(digest.violation_rate),
        digest.trust.verdict.name()
    );
    let doubts = digest.trust.reasons.iter().filter(|_| digest.trust.verdict != Belief::Trusted);
    let mut said: Vec<&String> = digest.reasons.iter().collect();
    said.extend(doubts.filter(|doubt| !digest.reasons.contains(doubt)));
    for reason in said.iter().take(ROWS) {
        let _ = writeln!(text, "- {}", escaped(reason));
    }
    if said.len() > ROWS {
        let _ = writeln!(text, "- and {} more", said.len() - ROWS);
    }
    if said.is_empty() { text } else { text + "\n" }
}

fn goals(digest: &Digest) -> String {
    if digest.goals.is_empty() {
        return String::new();
    }
    let mut text = "| | goal | measured |\n|---|---|---|\n".to_owned();
    for goal in &digest.goals {
        let verdict = if goal.held { "held".to_owned() } else { format!("**{}**", fate(digest, goal)) };
        let _ = writeln!(
            text,
            "| {verdict} | {} | {} |",
            escaped(&goal.words()),
            [vec![measured(goal)], windows(goal)].concat().join("; ")
        );
    }
    text + "\n"
}

fn timings(summary: &Summary) -> String {
    let mut text = String::new();
    for measure in SHOWN {
        let timings = summary.timings.get(measure.name());
        let Some(timings) = timings.filter(|timings| timings.count(Population::All) > 0) else { continue };
        if text.is_empty() {
            text += "| all requests | count | p50 | p90 | p99 | max |\n|---|--:|--:|--:|--:|--:|\n";
        }
        let p = Statistic::Percentile;
        let cells = [p(50.0), p(90.0), p(99.0), Statistic::Max].map(|of| cell(timings, Population::All, of));
        let (name, count) = (measure.name().replace('_', " "), timings.count(Population::All));
        let _ = writeln!(text, "| {name} | {count} | {} |", cells.join(" | "));
    }
    if text.is_empty() { text } else { text + "\n" }
}

fn checks(digest: &Digest) -> String {
    let broken = digest.broken_checks();
    if broken.is_empty() {
        return String::new();
    }
    let mut text = "| level | check | broken | what |\n|---|---|--:|---|\n".to_owned();
    for (id, check) in broken.iter().take(ROWS) {
        let level = match check {
            check if check.known.is_some() => "known",
            check if check.must > 0 => "**MUST**",
            check if check.should > 0 => "SHOULD",
            _ => "may",
        };
        let said = match check.examples.as_slice() {
            [] => check.rule.clone(),
            [example] => example.detail.clone(),
            several => several.iter().map(|e| format!("{} x {}", e.count, e.detail)).collect::<Vec<_>>().join("; "),
        };
        let _ = writeln!(
            text,
            "| {level} | {} | {} of {} | {} |",
            named(id),
            check.fail,
            check.fail + check.pass,
            escaped(&said)
        );
    }
    if broken.len() > ROWS {
        let _ = writeln!(text, "\nand {} more broken rules", broken.len() - ROWS);
    }
    let follows = digest.checks.iter().filter(|(_, check)| check.fail == 0 && !check.follows.is_empty());
    for (id, check) in follows.take(ROWS) {
        let _ = writeln!(text, "\n{} follows: {}", named(id), escaped(&check.seen_with()));
    }
    text + "\n"
}

fn footer(digest: &Digest) -> String {
    let labels: Vec<String> = digest.labels.iter().map(|(name, value)| format!(", {name}={value}")).collect();
    let model = digest.model.as_deref().unwrap_or("the endpoint's default model");
    let compressed = digest.compressed.as_ref();
    let compressed =
        compressed.map_or(String::new(), |replies| format!("; compressed: {}", compressed::words(replies)));
    format!(
        "<sub>{} to {}, {} dialect, {}, {}{}{compressed}; proofload {}</sub>\n",
        escaped(&digest.load),
        escaped(&digest.target),
        escaped(&digest.dialect),
        escaped(model),
        roots(digest.seed, digest.salt),
        escaped(&labels.concat()),
        digest.proofload
    )
}
