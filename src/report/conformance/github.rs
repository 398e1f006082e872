//! What a job of GitHub Actions shows: annotations, as workflow commands, and the summary of the job.

use std::fmt::Write as _;

use super::{Kind, write};
use crate::suite::sheet::{Entry, Sheet};

/// A step shows no more annotations of one kind than this.
const ANNOTATIONS: usize = 10;
/// A step's summary is dropped whole beyond 1 MiB.
const SUMMARY: usize = 1_000_000;

/// The commands that annotate a job with what fails and what is a warning, each on a line.
pub fn annotations(sheets: &[Sheet]) -> String {
    let mut text = String::new();
    for (command, fails) in [("error", true), ("warning", false)] {
        let rows = sheets.iter().flat_map(|sheet| sheet.gravest_first().into_iter().map(move |row| (sheet, row)));
        let wanted = |(_, (_, entry)): &(&Sheet, (&str, &Entry))| {
            if fails {
                entry.fails
            } else {
                !entry.fails && matches!(entry.status.as_str(), "WARN" | "STALE" | "FLAKY")
            }
        };
        for (sheet, (id, entry)) in rows.filter(wanted).take(ANNOTATIONS) {
            let title = property(&format!("{} {id}", entry.status));
            let said = data(&format!("{}: {} ({})", entry.rule, entry.reason, sheet.label()));
            let _ = writeln!(text, "::{command} title={title}::{said}");
        }
    }
    text
}

/// The summary of a job, cut where GitHub would drop it.
pub fn job_summary(sheets: &[Sheet]) -> String {
    let text = write(sheets, Kind::Markdown, false);
    if text.len() <= SUMMARY {
        return text;
    }
    let end = (0..=SUMMARY).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}\n\n...cut: a job's summary may be no longer\n", &text[..end])
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
