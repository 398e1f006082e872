//! A comparison to paste into a pull request.

use std::fmt::Write as _;

use super::{described, doubts, footnotes, headings, headline, overview, rows};
use crate::compare::violations::Violation;
use crate::compare::{Change, Comparison};
use crate::report::conformance::{escaped, named};
use crate::wire::plain::lines;

pub(super) fn write(comparison: &Comparison) -> String {
    let mut text = String::new();
    for doubt in doubts(comparison) {
        let _ = writeln!(text, "**DOUBTFUL**: {}\n", escaped(doubt));
    }
    for change in &comparison.new {
        let (verdict, words) = headline(change, comparison);
        let name = if comparison.new.len() > 1 { format!(" {}", change.side.name) } else { String::new() };
        let _ = writeln!(text, "**{verdict}**{}\n", escaped(&format!("{name}: {words}")));
        for reason in &change.unbelievable {
            let _ = writeln!(text, "- {}", escaped(reason));
        }
    }
    let _ = writeln!(text, "- base: {}", escaped(&described(&comparison.base)));
    for change in &comparison.new {
        let _ = writeln!(text, "- new: {}", escaped(&described(&change.side)));
    }
    if comparison.new.len() > 1 {
        text.push('\n');
        text += &table(overview(comparison));
    }
    let headings = headings(comparison);
    for (change, heading) in comparison.new.iter().zip(&headings[1..]) {
        text.push('\n');
        text += &table(rows(change, &headings[0], heading));
        text += &violations("Newly broken", &change.new_violations);
        text += &violations("No longer broken", &change.fixed_violations);
        text += &notes(change, comparison);
    }
    lines(&text)
}

fn table<Row: IntoIterator<Item = String>>(rows: Vec<Row>) -> String {
    let mut text = String::new();
    for (number, row) in rows.into_iter().enumerate() {
        let cells: Vec<String> = row.into_iter().map(|cell| escaped(&cell)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "|---{}|", "|---:".repeat(cells.len() - 1));
        }
    }
    text
}

fn violations(title: &str, violations: &[Violation]) -> String {
    let mut text = String::new();
    for Violation { check, level, rule, count, example } in violations {
        let example = if example.is_empty() { String::new() } else { format!(" ({})", escaped(example)) };
        let _ = writeln!(
            text,
            "- {} {}, {count} times: {}{example}",
            escaped(&level.to_uppercase()),
            named(check),
            escaped(rule)
        );
    }
    if text.is_empty() { text } else { format!("\n{title}:\n\n{text}") }
}

fn notes(change: &Change, comparison: &Comparison) -> String {
    let notes: Vec<String> = change.notes.iter().chain(&footnotes(change, comparison)).map(|n| escaped(n)).collect();
    format!("\n<sub>{}</sub>\n", notes.join("<br>"))
}
