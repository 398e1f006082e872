//! A comparison for a browser: what it comes to, what changed in each side, and the curves of all over one another.

use maud::{Markup, html};

use super::changes::changes;
use super::overlay::overlaid;
use super::{described, doubts, footnotes, headings, headline, overview, rows};
use crate::compare::side::Side;
use crate::compare::violations::Violation;
use crate::compare::{Change, Comparison, Conclusion, Verdict};
use crate::report::chart::Table;
use crate::report::cut::{brief, long};
use crate::report::page::page;

pub(super) fn write(comparison: &Comparison, sides: &[Side]) -> String {
    let names = headings(comparison);
    let charts = overlaid(&names, sides);
    let body = html! {
        (verdicts(comparison))
        main {
            @if comparison.new.len() > 1 { h2 { "All sides" } (table(overview(comparison))) }
            @for (number, change) in comparison.new.iter().enumerate() {
                (side(change, comparison, &names, number + 1))
            }
            @if !charts.is_empty() {
                h2 { "Side by side" }
                div class="charts" { @for chart in &charts { (chart.figure()) } }
            }
        }
    };
    let sides_shown: Vec<&str> = comparison.new.iter().map(|change| change.side.name.as_str()).collect();
    page(&format!("{} against {}", sides_shown.join(", "), comparison.base.name), &body)
}

fn verdicts(comparison: &Comparison) -> Markup {
    html! {
        header {
            @for doubt in doubts(comparison) { p { strong { "DOUBTFUL" } " " (long(doubt)) } }
            @for change in &comparison.new {
                @let (verdict, words) = headline(change, comparison);
                div class="top" {
                    h1 { (brief(&change.side.name)) " against " (brief(&comparison.base.name)) }
                    span class={ "badge fill " (badge(change)) } { span { (verdict) } }
                }
                p { (long(&words)) }
                @if !change.unbelievable.is_empty() {
                    ul class="reasons" { @for reason in &change.unbelievable { li { (brief(reason)) } } }
                }
            }
            p class="soft" { (brief(&described(&comparison.base))) }
            @for change in &comparison.new { p class="soft" { (brief(&described(&change.side))) } }
        }
    }
}

/// What changed in a side.
fn side(change: &Change, comparison: &Comparison, names: &[String], number: usize) -> Markup {
    let name = &names[number];
    let picture = changes(change, comparison, format!("changes-{number}"), format!("What changed in {name}"));
    let notes = change.notes.iter().cloned().chain(footnotes(change, comparison));
    html! {
        h2 { (name) " against " (names[0]) }
        @if let Some(picture) = picture { (picture.figure()) }
        (figures(change, &names[0], name))
        (violations("Newly broken", &change.new_violations))
        (violations("No longer broken", &change.fixed_violations))
        @for note in notes { p class="words" { (long(&note)) } }
    }
}

/// Every figure, its verdict in the colour of the picture.
fn figures(change: &Change, base: &str, new: &str) -> Markup {
    let rows = rows(change, base, new);
    html! {
        div class="scroll" {
            table {
                thead { tr { @for cell in &rows[0] { th scope="col" { (cell) } } } }
                @for (row, figure) in rows[1..].iter().zip(&change.figures) {
                    @let [name, cells @ .., verdict] = row;
                    tr {
                        th scope="row" { (name) }
                        @for cell in cells { td { (cell) } }
                        td class=(class(figure.verdict)) { (verdict) }
                    }
                }
            }
        }
    }
}

fn class(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Worse) => "bad",
        Some(Verdict::Better) => "good",
        Some(Verdict::Held | Verdict::CannotTell) | None => "soft",
    }
}

/// The colour of what a side comes to: of nothing that could be told, that of a doubt.
fn badge(change: &Change) -> &'static str {
    match change.conclusion {
        Conclusion::Held => "good",
        Conclusion::NoVerdict | Conclusion::CannotTell if change.regressions.is_empty() => "c2",
        Conclusion::Invalid | Conclusion::Worse | Conclusion::NoVerdict | Conclusion::CannotTell => "bad",
    }
}

fn violations(title: &str, violations: &[Violation]) -> Markup {
    html! {
        @if !violations.is_empty() {
            h3 { (title) }
            ul class="reasons" {
                @for Violation { check, level, rule, count, example } in violations {
                    li {
                        strong { (level.to_uppercase()) } " " code { (check) } ", " (count) " times: " (rule)
                        @if !example.is_empty() { " (" (brief(example)) ")" }
                    }
                }
            }
        }
    }
}

/// The first of the rows is the head.
fn table<Row: IntoIterator<Item = String>>(rows: Vec<Row>) -> Markup {
    let mut rows = rows.into_iter().map(|row| row.into_iter().collect::<Vec<_>>());
    Table { head: rows.next().unwrap_or_default(), rows: rows.collect(), places: Vec::new() }.markup()
}
