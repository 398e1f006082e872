//! What people and scripts read of a conformance run. Every kind is a pure function of what is kept of it.

mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod text;

use crate::suite::sheet::Sheet;

pub use github::{annotations, job_summary};
pub use markdown::finding;
pub(super) use markdown::{escaped, fenced, named};

/// Kinds of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For people at a terminal.
    Text,
    /// For scripts: what is kept, as it is.
    Json,
    /// For continuous integration: a suite for each area, a case for each rule.
    Junit,
    /// For a job's summary or a ticket.
    Markdown,
    /// For a browser, in one file.
    Html,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Text, Kind::Json, Kind::Junit, Kind::Markdown, Kind::Html];

    /// Name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Json => "json",
            Kind::Junit => "junit",
            Kind::Markdown => "markdown",
            Kind::Html => "html",
        }
    }
}

/// Conformance runs as a report; rules that passed or did not apply are listed if it is to be long.
pub fn write(sheets: &[Sheet], kind: Kind, verbose: bool) -> String {
    match kind {
        Kind::Text => text::write(sheets, verbose),
        Kind::Json => json::write(sheets),
        Kind::Junit => junit::write(sheets),
        Kind::Markdown => markdown::write(sheets, verbose),
        Kind::Html => html::write(sheets),
    }
}

/// One line of a table over several runs: its name, and what it is in each of them.
type Across<'s> = (&'s str, Vec<&'s str>);

/// The rules in which several runs differ or which fail in any, with the status in each run.
fn differences(sheets: &[Sheet]) -> Vec<Across<'_>> {
    let mut ids: Vec<&str> = sheets.iter().flat_map(|sheet| sheet.checks.keys().map(String::as_str)).collect();
    ids.sort_unstable();
    ids.dedup();
    let of = |id: &str| -> Vec<&str> {
        sheets.iter().map(|sheet| sheet.checks.get(id).map_or("-", |entry| entry.status.as_str())).collect()
    };
    let fails = |id: &str| sheets.iter().any(|sheet| sheet.checks.get(id).is_some_and(|entry| entry.fails));
    let rows = ids.into_iter().map(|id| (id, of(id)));
    rows.filter(|(id, row)| fails(id) || row.windows(2).any(|pair| pair[0] != pair[1])).collect()
}

/// What each run makes of every parameter that any of them was seen to make something of.
fn support(sheets: &[Sheet]) -> Vec<Across<'_>> {
    let mut names: Vec<&str> = sheets.iter().flat_map(|sheet| sheet.support.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: &str| sheets.iter().map(|sheet| sheet.support.get(name).map_or("-", String::as_str)).collect();
    names.into_iter().map(|name| (name, of(name))).collect()
}
