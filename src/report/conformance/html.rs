//! For a browser: one file that asks for nothing else. The template escapes whatever stands in it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Across, differences, support};
use crate::suite::sheet::{Entry, Sheet};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem;border-bottom:1px solid #8884}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8882;padding:.6rem}.fails{color:#b00020;font-weight:600}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}.fails{color:#ff6b81}}";

pub(super) fn write(sheets: &[Sheet]) -> String {
    let labels: Vec<String> = sheets.iter().map(Sheet::label).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "proofload check" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                @for sheet in sheets { (one(sheet)) }
                @if sheets.len() > 1 { (table("Where they differ or fail", &labels, &differences(sheets))) }
                (table("Parameters", &labels, &support(sheets)))
            }
        }
    };
    page.into_string() + "\n"
}

fn one(sheet: &Sheet) -> Markup {
    html! {
        h1 { span class=[(sheet.verdict == "fail").then_some("fails")] { (sheet.verdict.to_uppercase()) } " " (sheet.label()) }
        p {
            (sheet.counted()) " of " (sheet.checks.len()) " checks, " (sheet.requests) " requests; "
            (sheet.dialect) " dialect, seed " (sheet.seed) ", proofload " (sheet.proofload)
        }
        ul { @for reason in &sheet.reasons { li { (reason) } } }
        table {
            tr { th { "status" } th { "check" } th { "level" } th { "what" } }
            @for (id, entry) in sheet.gravest_first() { (row(id, entry)) }
        }
    }
}

fn row(id: &str, entry: &Entry) -> Markup {
    html! {
        tr {
            td class=[entry.fails.then_some("fails")] {
                (entry.status) @if let Some(origin) = &entry.origin { " (" (origin) ")" }
            }
            td { code { (id) } }
            td { (entry.level) }
            td {
                (entry.rule) " [" (entry.source) "]"
                @if !entry.reason.is_empty() { br; (entry.reason) }
                @if entry.is_worth_showing() { (evidence(entry)) }
            }
        }
    }
}

fn evidence(entry: &Entry) -> Markup {
    html! {
        ul { @for place in &entry.findings { li { code { (place.place) } " " (place.detail) } } }
        @if let Some(proof) = &entry.evidence {
            details {
                summary { "probe " (proof.probe) }
                pre { (proof.curl) }
                pre { (proof.first_bytes) }
            }
        }
    }
}

fn table(title: &str, labels: &[String], rows: &[Across<'_>]) -> Markup {
    html! {
        @if !rows.is_empty() {
            h2 { (title) }
            table {
                tr { th {} @for label in labels { th { (label) } } }
                @for (name, cells) in rows {
                    tr { td { code { (name) } } @for cell in cells { td { (cell) } } }
                }
            }
        }
    }
}
