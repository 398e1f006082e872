//! What people and scripts read of a search for capacity and of a plan. A report is built once, as a document of
//! paragraphs and tables, and written as text, Markdown or HTML; scripts get JSON and CSV.

mod csv;
mod document;
mod html;
mod markdown;
mod pictures;
mod plan;
mod ranking;
mod search;
mod text;
mod verification;

use crate::capacity::comparing::Ranked;
use crate::capacity::planning::Planned;
use crate::capacity::record::Record;
use crate::capacity::verification::Verification;
use document::Document;

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// For people.
    #[default]
    Text,
    /// For scripts.
    Json,
    /// For merge requests and wikis.
    Markdown,
    /// Stages of a search; hours, bills and totals of a plan.
    Csv,
    /// To print, or to send to whoever pays.
    Html,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Text, Kind::Json, Kind::Markdown, Kind::Csv, Kind::Html];
}

/// What a report is dressed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dress {
    /// Its title, where it is not to be its own.
    pub title: Option<String>,
    /// Whom it is prepared for.
    pub prepared_for: Option<String>,
}

/// A search as a report.
pub fn write(record: &Record, kind: Kind, dress: &Dress) -> String {
    match kind {
        Kind::Json => json(record),
        Kind::Csv => csv::stages(&record.stages),
        Kind::Text | Kind::Markdown | Kind::Html => render(&search::document(record, dress), kind),
    }
}

/// A verification as a report, with the search that it is of.
pub fn write_verification(verified: &Verification, record: &Record, kind: Kind, dress: &Dress) -> String {
    match kind {
        Kind::Json => json(verified),
        Kind::Csv => csv::stages(std::slice::from_ref(&verified.stage)),
        Kind::Text | Kind::Markdown | Kind::Html => render(&verification::document(verified, record, dress), kind),
    }
}

/// A plan as a report, with the search that it rests on.
pub fn write_plan(planned: &Planned, record: &Record, kind: Kind, dress: &Dress) -> String {
    match kind {
        Kind::Json => json(planned),
        Kind::Csv => csv::plan(planned),
        Kind::Text | Kind::Markdown | Kind::Html => render(&plan::document(planned, record, dress), kind),
    }
}

/// A ranking as a report.
pub fn write_ranking(ranked: &[Ranked], kind: Kind) -> String {
    match kind {
        Kind::Json => json(&ranked),
        Kind::Csv => csv::ranking(ranked),
        Kind::Text | Kind::Markdown | Kind::Html => render(&ranking::document(ranked), kind),
    }
}

fn render(document: &Document, kind: Kind) -> String {
    match kind {
        Kind::Html => html::write(document),
        Kind::Markdown => markdown::write(document),
        Kind::Text | Kind::Json | Kind::Csv => text::write(document),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).map_or_else(|error| format!("{{\"error\": {error:?}}}\n"), |text| text + "\n")
}
