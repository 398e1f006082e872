//! Where the report of a check goes: stdout, files, the run folder, and a job of GitHub Actions.

use anyhow::Context as _;

use super::check_args::Output;
use super::exit::Exit;
use super::{folder, github, print, say};
use crate::report::conformance::{annotations, job_summary, write};
use crate::suite::sheet::Sheet;
use crate::suite::verdict::Verdict;

/// Writes every report that is asked for.
pub(super) fn publish(output: &Output, sheets: &[Sheet]) -> anyhow::Result<()> {
    print(&write(sheets, output.format.into(), output.verbose))?;
    for (kind, path) in &output.reports {
        let text = write(sheets, *kind, output.verbose);
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    if github::is_job() {
        github::publish(&annotations(sheets), &job_summary(sheets))?;
    }
    if output.no_out {
        return Ok(());
    }
    match folder::keep_check(sheets, output.out.as_deref()) {
        Ok(folder) if !output.quiet => say(&format!("kept in {}\n", folder.display())),
        Ok(_) => {}
        // The report is out, so what was found is not lost; but the user asked for it to be kept.
        Err(error) => say(&format!("error: the result could not be kept: {error:#}\n")),
    }
    Ok(())
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
