//! What a job of GitHub Actions shows of a comparison.

use super::{headline, markdown};
use crate::compare::Comparison;
use crate::report::github::{ANNOTATIONS, command, cut};

/// The commands that annotate a job with what is worse beyond the bound, or with why nothing can be told.
pub fn annotations(comparison: &Comparison) -> String {
    let bad = comparison.new.iter().filter(|change| !change.regressions.is_empty() || !change.unbelievable.is_empty());
    let said = bad.map(|change| {
        let (verdict, words) = headline(change, comparison);
        let reasons = change.unbelievable.join("; ");
        command("error", &format!("{verdict} {}", change.side.name), [words, reasons].join(" ").trim())
    });
    said.take(ANNOTATIONS).collect()
}

/// The summary of a job.
pub fn job_summary(comparison: &Comparison) -> String {
    cut(markdown::write(comparison))
}
