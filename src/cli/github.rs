//! What a job of GitHub Actions is told, where this process is one.

use std::io::Write as _;

use anyhow::Context as _;

use super::{check_profile, say_as_it_is};

/// Whether this process is a step of such a job.
pub(super) fn is_job() -> bool {
    check_profile::env("GITHUB_ACTIONS").as_deref() == Some("true")
}

/// The file of this job's summary, where this process is a step of one.
pub(super) fn summary_file() -> Option<String> {
    check_profile::env("GITHUB_STEP_SUMMARY").filter(|_| is_job())
}

/// Annotates the job and adds to its summary. Annotations are read from stderr as well, and stdout is the report's.
pub(super) fn publish(annotations: &str, summary: &str) -> anyhow::Result<()> {
    say_as_it_is(annotations);
    let Some(path) = summary_file() else { return Ok(()) };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(summary.as_bytes()));
    written.with_context(|| format!("writing the job's summary to {path}"))
}
