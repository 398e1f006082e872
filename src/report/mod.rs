//! What people and scripts read of a run. Every format is a pure function of the summary, so that a report printed
//! again from its folder is the same to the letter.

pub mod capacity;
pub mod compare;
pub mod conformance;
mod csv;
mod figure;
pub mod github;
pub mod history;
mod json;
pub mod preview;
pub mod sweep;
mod text;

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
}

/// A summary as a report.
pub fn write(summary: &Summary, format: Format) -> String {
    match format {
        Format::Text => text::write(summary),
        Format::Json => json::write(summary),
    }
}

/// A summary as a report, our figures beside those of other tools at the end of the text; the digest has them anyway.
pub fn write_beside(summary: &Summary, format: Format, tools: &[Tool]) -> String {
    let report = write(summary, format);
    match format {
        Format::Text if !tools.is_empty() => format!("{report}\n{}", text::metrics_as(summary, tools)),
        Format::Text | Format::Json => report,
    }
}
