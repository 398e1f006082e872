//! What a job of GitHub Actions shows of a comparison.

use super::{headline, markdown};
use crate::compare::{Comparison, Conclusion};
use crate::report::github::{ANNOTATIONS, command, cut};

/// The commands that annotate a job with what is worse beyond the bound, or with why nothing can be told.
pub fn annotations(comparison: &Comparison) -> String {
    let worth =
        comparison.new.iter().filter(|change| change.conclusion != Conclusion::Held || !change.doubts.is_empty());
    let said = worth.map(|change| {
        let (verdict, words) = headline(change, comparison);
        let is_bad = !change.regressions.is_empty() || change.conclusion == Conclusion::Invalid;
        let reasons = [&change.unbelievable[..], &change.doubts].concat().join("; ");
        let level = if is_bad { "error" } else { "warning" };
        command(level, &format!("{verdict} {}", change.side.name), [words, reasons].join(" ").trim())
    });
    said.take(ANNOTATIONS).collect()
}

/// The summary of a job.
pub fn job_summary(comparison: &Comparison) -> String {
    cut(markdown::write(comparison))
}
