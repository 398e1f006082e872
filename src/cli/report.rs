//! `proofload report`: the report of an earlier run or check again.

use anyhow::{Context as _, bail};

use super::args::ReportArgs;
use super::check_args::KindArg;
use super::exit::Exit;
use super::{folder, print, repeat, say};
use crate::report::{Format, conformance};
use crate::suite::sheet::Sheet;
use crate::summary::Summary;

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let text = match folder::read_check(&args.run)? {
        Some(Ok(sheets)) => of_check(args, &sheets)?,
        None => match folder::read_side(&args.run)? {
            Ok(runs) => of_runs(args, runs)?,
            Err(unusable) => return Ok(refuse(&unusable)),
        },
        Some(Err(unusable)) => return Ok(refuse(&unusable)),
    };
    print(&text)?;
    Ok(Exit::Pass)
}

fn refuse(unusable: &folder::Unusable) -> Exit {
    say(&format!("error: {unusable}\n"));
    Exit::Mismatch
}

/// The report of a run, or the table of repetitions.
fn of_runs(args: &ReportArgs, runs: Vec<Summary>) -> anyhow::Result<String> {
    let format = format(args)?;
    Ok(match (runs.as_slice(), format) {
        ([summary], format) => crate::report::write_beside(summary, format, &args.metrics_as),
        (_, Format::Text) => repeat::table(runs).text(),
        (_, Format::Json) => repeat::table(runs).json(),
    })
}

fn of_check(args: &ReportArgs, sheets: &[Sheet]) -> anyhow::Result<String> {
    let Some(id) = &args.finding else { return Ok(conformance::write(sheets, args.format.into(), args.verbose)) };
    let found: Vec<String> = sheets.iter().filter_map(|sheet| conformance::finding(sheet, id)).collect();
    if found.is_empty() {
        bail!("the check has no rule {id:?}");
    }
    Ok(found.join("\n"))
}

/// The format of the report of a load run, which has two.
fn format(args: &ReportArgs) -> anyhow::Result<Format> {
    let format = match args.format {
        KindArg::Text => Some(Format::Text),
        KindArg::Json => Some(Format::Json),
        KindArg::Junit | KindArg::Markdown | KindArg::Html => None,
    };
    if args.finding.is_some() {
        bail!("--finding is for checks; {} holds a load run", args.run);
    }
    format.context("a load run has no report of that format; it has text and json")
}
