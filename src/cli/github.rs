//! What a job of GitHub Actions is told, where this process is one.

use std::io::Write as _;

use anyhow::Context as _;

use super::{check_profile, say};

/// Whether this process is a step of such a job.
pub(super) fn is_job() -> bool {
    check_profile::env("GITHUB_ACTIONS").as_deref() == Some("true")
}

/// Annotates the job and adds to its summary. Annotations are read from stderr as well, and stdout is the report's.
pub(super) fn publish(annotations: &str, summary: &str) -> anyhow::Result<()> {
    say(annotations);
    let Some(path) = check_profile::env("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(summary.as_bytes()));
    written.with_context(|| format!("writing the job's summary to {path}"))
}
