//! For people at a terminal.

use std::fmt::Write as _;

use super::{Across, differences, support};
use crate::suite::sheet::{Entry, Sheet};
use crate::summary::excerpt::Excerpt;
use crate::wire::plain::lines;

/// How many kinds of fault of one rule are listed.
const PLACES: usize = 5;

pub(super) fn write(sheets: &[Sheet], verbose: bool) -> String {
    let mut text = String::new();
    if sheets.len() > 1 {
        let labels: Vec<String> = sheets.iter().map(Sheet::label).collect();
        text += &table("where they differ or fail", &labels, &differences(sheets));
        text += &table("what they make of parameters", &labels, &support(sheets));
    }
    for sheet in sheets {
        text += &one(sheet, verbose);
        if sheets.len() > 1 {
            text.push('\n');
        }
    }
    lines(&text)
}

fn one(sheet: &Sheet, verbose: bool) -> String {
    let mut text = format!("{}  ", sheet.verdict.to_uppercase());
    let _ = writeln!(text, "{} of {} checks, {} requests", sheet.counted(), sheet.checks.len(), sheet.requests);
    for reason in &sheet.reasons {
        let _ = writeln!(text, "  - {reason}");
    }
    let name = sheet.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
    let model = sheet.model.as_deref().unwrap_or("the endpoint's default");
    let _ = writeln!(
        text,
        "target   {name}{}\ncontract {} dialect, model {model}\nseed     {}",
        sheet.target, sheet.dialect, sheet.seed
    );
    for (id, entry) in sheet.gravest_first() {
        if verbose || entry.is_worth_showing() || entry.is_worth_a_line() {
            text += &row(id, entry);
        }
    }
    if verbose && !sheet.support.is_empty() {
        text += "\nparameters\n";
        for (parameter, what) in &sheet.support {
            let _ = writeln!(text, "  {parameter:32} {what}");
        }
    }
    text
}

fn row(id: &str, entry: &Entry) -> String {
    let reason = if entry.reason.is_empty() { String::new() } else { format!(": {}", entry.reason) };
    let origin = entry.origin.as_ref().map_or(String::new(), |origin| format!(", {origin}"));
    let mut text = format!("\n{:7} {id} ({}, {}{origin}){reason}\n", entry.status, entry.level, entry.area);
    if !entry.is_worth_showing() {
        return text;
    }
    let _ = writeln!(text, "        rule: {}", entry.rule);
    let _ = writeln!(text, "        source: {}", entry.source);
    for place in entry.findings.iter().take(PLACES) {
        let _ = writeln!(text, "        {}{}", place.heading(), place.detail);
        for Excerpt { what, text: excerpt } in &place.shows {
            let _ = writeln!(text, "          {what}: {excerpt}");
        }
        if let Some(curl) = &place.curl {
            let _ = writeln!(text, "          {curl}");
        }
    }
    if entry.findings.len() > PLACES {
        let _ = writeln!(text, "        and {} more kinds of fault", entry.findings.len() - PLACES);
    }
    if let Some(proof) = &entry.evidence {
        if entry.findings.iter().all(|place| place.shows.is_empty()) {
            let _ = writeln!(text, "        probe {}, first bytes: {}", proof.probe, proof.first_bytes);
        }
        let _ = writeln!(text, "        {}", proof.curl);
    }
    text
}

/// A table over several runs, with their labels in front of it, since those are long.
fn table(title: &str, labels: &[String], rows: &[Across<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("{title}\n");
    for (number, label) in labels.iter().enumerate() {
        let _ = writeln!(text, "  ({}) {label}", number + 1);
    }
    let heads: Vec<String> = (1..=labels.len()).map(|number| format!("({number})")).collect();
    let _ = writeln!(text, "  {:38} {}", "", columns(&heads));
    for (name, cells) in rows {
        let _ = writeln!(text, "  {name:38} {}", columns(cells));
    }
    text.push('\n');
    text
}

fn columns(cells: &[impl std::fmt::Display]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:10}")).collect();
    cells.join(" ").trim_end().to_owned()
}
