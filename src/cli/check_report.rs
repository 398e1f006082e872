//! Where the report of a check goes: stdout, files, the run folder, and a job of GitHub Actions.

use std::path::PathBuf;

use super::check_args::Output;
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::{folder, github, output, print, say};
use crate::report::conformance::{annotations, job_summary, write};
use crate::suite::sheet::Sheet;
use crate::suite::verdict::Verdict;

/// Tries every place that is written to at the end, and returns the folder of the result, where it is to be kept.
pub(super) fn place(asked: &Output, places: &mut Places) -> anyhow::Result<Option<PathBuf>> {
    output::try_reports(&asked.reports, asked.out.as_deref())?;
    Places::job_summary()?;
    places.unless(asked.no_out, asked.out.as_deref(), "check")
}

/// Writes every report that is asked for, and keeps the result in its folder.
pub(super) fn publish(asked: &Output, sheets: &[Sheet], folder: Option<PathBuf>, keeping: &mut Keeping) {
    let kept = folder.filter(|folder| keeping.tried("the result", folder::keep_check(sheets, folder)).is_some());
    keeping.tried("the report on stdout", print(&write(sheets, asked.format.into(), asked.verbose)));
    output::write_reports(&asked.reports, keeping, |kind| write(sheets, kind, asked.verbose));
    if github::is_job() {
        keeping.tried("the job's summary", github::publish(&annotations(sheets), &job_summary(sheets)));
    }
    if let Some(folder) = kept.filter(|_| !asked.quiet) {
        say(&format!("kept in {}\n", folder.display()));
    }
}

/// What all of it comes to: the worst of the verdicts.
pub(super) fn exit(sheets: &[Sheet], exit_zero: bool) -> Exit {
    let worst = sheets.iter().filter_map(|sheet| Verdict::named(&sheet.verdict)).max();
    match worst.unwrap_or(Verdict::Invalid) {
        Verdict::Pass => Exit::Pass,
        Verdict::Fail if exit_zero => Exit::Pass,
        Verdict::Fail => Exit::Fail,
        Verdict::Invalid => Exit::Invalid,
    }
}
