//! What a job of GitHub Actions shows of a run: annotations, as workflow commands, and the summary of the job.

use std::fmt::Write as _;

use crate::summary::Summary;
use crate::summary::digest::{Digest, Outcome};
use crate::wire::plain::lines;

/// A step shows no more annotations of one kind than this.
pub(super) const ANNOTATIONS: usize = 10;
/// A step's summary is dropped whole beyond 1 MiB.
const SUMMARY: usize = 1_000_000;

/// The commands that annotate a job with why a run is no pass, and with what speaks against its figures.
pub fn annotations(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let failed = digest.verdict != Outcome::Pass;
    let reasons = digest.reasons.iter().filter(|_| failed);
    // What a pass does not hide.
    let unhidden = digest.reasons.iter().filter(|_| !failed);
    let doubts = digest.trust.reasons.iter().filter(|doubt| !digest.reasons.contains(doubt));
    let broken = digest.checks.iter().filter(|(_, check)| check.should > 0 && check.must == 0 && check.known.is_none());
    let warned = broken.map(|(id, check)| format!("SHOULD {id} broken {} times: {}", check.should, check.rule));
    let title = format!("{} {}", digest.verdict.name().to_uppercase(), digest.profile);
    let mut text = String::new();
    reasons.take(ANNOTATIONS).for_each(|reason| text += &command("error", &title, reason));
    unhidden
        .chain(doubts)
        .cloned()
        .chain(warned)
        .take(ANNOTATIONS)
        .for_each(|doubt| text += &command("warning", &digest.profile, &doubt));
    text
}

/// The summary of a job: the verdict as a heading, and the report as it stands in a terminal.
pub fn job_summary(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let report = super::text::write(summary);
    // Longer than any run of backticks inside.
    let longest = report.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut text = format!("## {}: ", digest.verdict.name().to_uppercase());
    let _ = writeln!(text, "{}\n\n{fence}text\n{report}{fence}", super::conformance::escaped(&digest.profile));
    cut(text)
}

/// A workflow command that annotates a job.
pub(super) fn command(kind: &str, title: &str, text: &str) -> String {
    format!("::{kind} title={}::{}\n", property(title), data(text))
}

/// A summary of a job, cut where GitHub would drop it.
pub(super) fn cut(text: String) -> String {
    if text.len() <= SUMMARY {
        return text;
    }
    let end = (0..=SUMMARY).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}\n\n...cut: a job's summary may be no longer\n", &text[..end])
}

fn data(text: &str) -> String {
    lines(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
