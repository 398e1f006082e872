//! For a browser: one file that asks for nothing else. The template escapes whatever stands in it.

use maud::{Markup, html};

use super::{Across, differences, support};
use crate::report::page::page;
use crate::suite::cited::Cited;
use crate::suite::sheet::{Entry, Sheet};
use crate::summary::excerpt::Excerpt;

pub(super) fn write(sheets: &[Sheet]) -> String {
    let labels: Vec<String> = sheets.iter().map(Sheet::label).collect();
    let body = html! {
        @for sheet in sheets { (one(sheet)) }
        @if sheets.len() > 1 { (table("Where they differ or fail", &labels, &differences(sheets))) }
        (table("Parameters", &labels, &support(sheets)))
    };
    let verdicts: Vec<String> = sheets.iter().map(|sheet| format!("{}: {}", sheet.label(), sheet.verdict)).collect();
    page(&verdicts.join(", "), &body)
}

fn one(sheet: &Sheet) -> Markup {
    let verdict = if sheet.verdict == "pass" { "good" } else { "bad" };
    html! {
        header {
            div class="top" {
                h1 { (sheet.label()) }
                span class={ "badge fill " (verdict) } { span { (sheet.verdict.to_uppercase()) } }
            }
            p class="soft" {
                (sheet.counted()) " of " (sheet.checks.len()) " checks, " (sheet.requests) " requests; "
                (sheet.dialect) " dialect, seed " (sheet.seed) ", proofload " (sheet.proofload)
            }
            ul class="reasons" { @for reason in &sheet.reasons { li { (reason) } } }
        }
        h2 { "Checks" }
        div class="scroll" {
            table class="text stack" {
                thead { tr { th { "status" } th { "check" } th { "level" } th { "what" } } }
                @for (id, entry) in sheet.gravest_first() { (row(id, entry)) }
            }
        }
    }
}

fn row(id: &str, entry: &Entry) -> Markup {
    let class = match entry.status.as_str() {
        _ if entry.fails => "badge bad",
        "PASS" => "good",
        "WARN" => "badge c2",
        _ => "soft",
    };
    html! {
        tr {
            td { span class=(class) { (entry.status) } @if let Some(origin) = &entry.origin { " (" (origin) ")" } }
            td class="id" { code { (id) } }
            td class="level" { (entry.level) }
            td {
                (entry.rule) br; (sources(entry))
                @if !entry.reason.is_empty() { br; (entry.reason) }
                @if entry.is_worth_showing() { (evidence(entry)) }
            }
        }
    }
}

/// The sources in words, each a link where it has an address.
fn sources(entry: &Entry) -> Markup {
    html! {
        span class="soft" {
            "source: "
            @if entry.sources.is_empty() { (entry.source) }
            @for (number, Cited { text, url, .. }) in entry.sources.iter().enumerate() {
                @if number > 0 { "; " }
                @match url {
                    Some(url) if is_web(url) => a href=(url) rel="noreferrer" { (text) },
                    _ => (text),
                }
            }
        }
    }
}

/// A file that somebody else wrote may hold any address.
fn is_web(url: &str) -> bool {
    url.starts_with("https://")
}

fn evidence(entry: &Entry) -> Markup {
    html! {
        ul class="reasons" {
            @for place in &entry.findings {
                li {
                    span class="soft" { (place.heading()) } (place.detail)
                    @if !place.shows.is_empty() {
                        details {
                            summary { "Reply" }
                            @for Excerpt { what, text } in &place.shows {
                                p class="soft" { (what) }
                                pre { (text) }
                            }
                            @if let Some(curl) = &place.curl { pre { (curl) } }
                        }
                    }
                }
            }
        }
        @if let Some(proof) = &entry.evidence {
            details {
                summary { "Probe " (proof.probe) ", and the request again" }
                pre { (proof.curl) }
                @if entry.findings.iter().all(|place| place.shows.is_empty()) { pre { (proof.first_bytes) } }
            }
        }
    }
}

fn table(title: &str, labels: &[String], rows: &[Across<'_>]) -> Markup {
    html! {
        @if !rows.is_empty() {
            h2 { (title) }
            div class="scroll" {
                table class="text" {
                    thead { tr { th { "name" } @for label in labels { th { (label) } } } }
                    @for (name, cells) in rows {
                        tr { td { code { (name) } } @for cell in cells { td { (cell) } } }
                    }
                }
            }
        }
    }
}
