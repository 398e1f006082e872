//! A comparison for people: what it comes to first, then what is compared, the figures, and what was broken.

use tabled::builder::Builder;

use super::super::text::{line, table};
use super::{described, doubts, footnotes, headings, headline, overview, rows};
use crate::compare::violations::Violation;
use crate::compare::{Change, Comparison};

pub(super) fn write(comparison: &Comparison) -> String {
    let mut sections = vec![verdicts(comparison), sides(comparison)];
    if comparison.new.len() > 1 {
        sections.push(drawn(overview(comparison)));
    }
    let headings = headings(comparison);
    for (change, heading) in comparison.new.iter().zip(&headings[1..]) {
        sections.push(drawn(rows(change, &headings[0], heading)));
        sections.push(violations(&format!("newly broken in {heading}"), &change.new_violations));
        sections.push(violations(&format!("no longer broken in {heading}"), &change.fixed_violations));
        sections.push(notes(change, comparison));
    }
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn verdicts(comparison: &Comparison) -> String {
    let mut text = String::new();
    for doubt in doubts(comparison) {
        line(&mut text, "DOUBTFUL: ", doubt);
    }
    for change in &comparison.new {
        let (verdict, words) = headline(change, comparison);
        let name = if comparison.new.len() > 1 { format!(" {}", change.side.name) } else { String::new() };
        line(&mut text, &format!("{verdict}{name}: "), &words);
        for reason in &change.unbelievable {
            line(&mut text, "  - ", reason);
        }
    }
    text
}

fn sides(comparison: &Comparison) -> String {
    let mut text = String::new();
    line(&mut text, "base  ", &described(&comparison.base));
    for change in &comparison.new {
        line(&mut text, "new   ", &described(&change.side));
    }
    text
}

fn drawn<Row: IntoIterator<Item = String>>(rows: Vec<Row>) -> String {
    let mut builder = Builder::new();
    for row in rows {
        builder.push_record(row);
    }
    table(builder)
}

fn violations(title: &str, violations: &[Violation]) -> String {
    let mut text = String::new();
    for violation in violations {
        let level = violation.level.to_uppercase();
        line(&mut text, &format!("  {level:<6}  "), &format!("{}: {} times", violation.check, violation.count));
        line(&mut text, "          rule: ", &violation.rule);
        if !violation.example.is_empty() {
            line(&mut text, "          for example: ", &violation.example);
        }
    }
    if text.is_empty() { text } else { format!("{title}\n{text}") }
}

fn notes(change: &Change, comparison: &Comparison) -> String {
    let mut text = String::new();
    for note in &change.notes {
        line(&mut text, "note: ", note);
    }
    for note in footnotes(change, comparison) {
        line(&mut text, "", &note);
    }
    text
}
