//! What a job of GitHub Actions shows of a check: annotations, as workflow commands, and the summary of the job.

use super::{Kind, write};
use crate::report::github::{ANNOTATIONS, command, cut};
use crate::suite::sheet::{Entry, Sheet};

/// The commands that annotate a job with what fails and what is a warning, each on a line.
pub fn annotations(sheets: &[Sheet]) -> String {
    let mut text = String::new();
    for (kind, fails) in [("error", true), ("warning", false)] {
        let rows = sheets.iter().flat_map(|sheet| sheet.gravest_first().into_iter().map(move |row| (sheet, row)));
        let wanted = |(_, (_, entry)): &(&Sheet, (&str, &Entry))| {
            if fails {
                entry.fails
            } else {
                !entry.fails && matches!(entry.status.as_str(), "WARN" | "STALE" | "FLAKY")
            }
        };
        for (sheet, (id, entry)) in rows.filter(wanted).take(ANNOTATIONS) {
            let said = format!("{}: {} ({})", entry.rule, entry.reason, sheet.label());
            text += &command(kind, &format!("{} {id}", entry.status), &said);
        }
    }
    text
}

/// The summary of a job.
pub fn job_summary(sheets: &[Sheet]) -> String {
    cut(write(sheets, Kind::Markdown, false))
}
