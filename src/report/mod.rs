//! What people and scripts read of a run. Every format is a pure function of the summary, so that a report printed
//! again from its folder is the same to the letter.

pub mod capacity;
pub mod chart;
mod columns;
pub mod compare;
mod compressed;
pub mod conformance;
mod csv;
mod curves;
mod cut;
mod figure;
pub mod github;
mod goal;
pub mod history;
mod json;
mod page;
pub mod preview;
pub mod run;
pub mod sweep;
mod text;

pub use goal::measured;

use crate::summary::Summary;
use crate::summary::metrics_as::Tool;

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people, at most 100 columns wide but for command lines.
    #[default]
    Text,
    /// The digest, for scripts.
    Json,
    /// For a browser, in one file.
    Html,
    /// For continuous integration: goals and checks.
    Junit,
    /// For a pull request or a ticket.
    Markdown,
    /// For a spreadsheet: a row for each second.
    Csv,
    /// For a spreadsheet: the figures of the run in one row.
    Totals,
    /// For what collects metrics, as OpenMetrics text.
    Openmetrics,
    /// For what reads `vllm bench serve --save-result`.
    Vllm,
    /// For HdrHistogram's tools, as an interval log.
    Hlog,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 10] = [
        Format::Text,
        Format::Json,
        Format::Html,
        Format::Junit,
        Format::Markdown,
        Format::Csv,
        Format::Totals,
        Format::Openmetrics,
        Format::Vllm,
        Format::Hlog,
    ];

    /// Name in flags.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Html => "html",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
            Format::Csv => "csv",
            Format::Totals => "totals",
            Format::Openmetrics => "openmetrics",
            Format::Vllm => "vllm",
            Format::Hlog => "hlog",
        }
    }
}

/// A summary as a report.
pub fn write(summary: &Summary, format: Format) -> String {
    match format {
        Format::Text => text::write(summary),
        Format::Json => json::write(summary),
        Format::Html => run::html::write(summary),
        Format::Junit => run::junit::write(summary),
        Format::Markdown => run::markdown::write(summary),
        Format::Csv => run::csv::seconds(summary),
        Format::Totals => run::csv::totals(summary),
        Format::Openmetrics => run::openmetrics::write(summary),
        Format::Vllm => run::vllm::write(summary),
        Format::Hlog => run::hlog::write(summary),
    }
}

/// The seed of a run and the salt of its text, as they are given back to repeat it.
pub(crate) fn roots(seed: u64, salt: Option<u64>) -> String {
    let salt = salt.map_or_else(|| "text from the seed".to_owned(), |salt| format!("salt {salt}"));
    format!("seed {seed}, {salt}")
}

/// A summary as a report, our figures beside those of other tools at the end of the text; the digest has them anyway.
pub fn write_beside(summary: &Summary, format: Format, tools: &[Tool]) -> String {
    let report = write(summary, format);
    if format == Format::Text && !tools.is_empty() {
        return format!("{report}\n{}", text::metrics_as(summary, tools));
    }
    report
}
