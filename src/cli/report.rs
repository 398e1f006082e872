//! `proofload report`: the report of an earlier run or check again, or one of its pictures.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::args::ReportArgs;
use super::exit::Exit;
use super::places::Places;
use super::{folder, output, print, repeat, say};
use crate::report::Format;
use crate::report::conformance::{self, Kind};
use crate::report::run::charts;
use crate::suite::sheet::Sheet;
use crate::summary::Summary;

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    args.chart.iter().try_for_each(|path| Places::file(path))?;
    let mut exit = Exit::Pass;
    let text = match folder::read_check(&args.run)? {
        Some(Ok(sheets)) => of_check(args, &sheets)?,
        None => match folder::read_side(&args.run)? {
            Ok(runs) => {
                if let Some(why) = runs.iter().find_map(|run| run.ending.cut_off()) {
                    say(&format!("warning: {} is incomplete: {why}; what came until then is reported\n", args.run));
                    exit = Exit::Mismatch;
                }
                of_runs(args, runs)?
            }
            Err(unusable) => return Ok(refuse(&unusable)),
        },
        Some(Err(unusable)) => return Ok(refuse(&unusable)),
    };
    print(&text)?;
    Ok(exit)
}

fn refuse(unusable: &folder::Unusable) -> Exit {
    say(&format!("error: {unusable}\n"));
    Exit::Mismatch
}

/// The report of a run, or the table of repetitions.
fn of_runs(args: &ReportArgs, runs: Vec<Summary>) -> anyhow::Result<String> {
    if args.finding.is_some() {
        bail!("--finding is for checks; {} holds a load run", args.run);
    }
    match (runs.as_slice(), args.format) {
        ([summary], _) => of_run(args, summary),
        _ if !args.chart.is_empty() => {
            bail!("--chart is for a single run; name one of the folders below {}", args.run)
        }
        (_, Format::Text) => Ok(repeat::table(runs).text()),
        (_, Format::Json) => Ok(repeat::table(runs).json()),
        (_, format) => {
            bail!("repetitions have no report as {}; they have text and json, and each run has all", format.name())
        }
    }
}

fn of_check(args: &ReportArgs, sheets: &[Sheet]) -> anyhow::Result<String> {
    if !args.chart.is_empty() {
        bail!("--chart is for load runs; {} holds a check", args.run);
    }
    let Some(id) = &args.finding else {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == args.format.name());
        let kinds = Kind::ALL.map(Kind::name).join(", ");
        let kind = kind.with_context(|| format!("a check has no report as {}; it has {kinds}", args.format.name()))?;
        return Ok(conformance::write(sheets, kind, args.verbose));
    };
    let found: Vec<String> = sheets.iter().filter_map(|sheet| conformance::finding(sheet, id)).collect();
    if found.is_empty() {
        bail!("the check has no rule {id:?}");
    }
    Ok(found.join("\n"))
}

fn of_run(args: &ReportArgs, summary: &Summary) -> anyhow::Result<String> {
    if args.chart.is_empty() {
        return Ok(crate::report::write_beside(summary, args.format, &args.metrics_as));
    }
    args.chart.iter().try_for_each(|path| save_chart(summary, path))?;
    Ok(String::new())
}

/// Saves the picture that a path is named after.
fn save_chart(summary: &Summary, path: &Path) -> anyhow::Result<()> {
    let charts = charts(summary);
    let name = path.file_stem().unwrap_or_default();
    let Some(chart) = charts.iter().find(|chart| *chart.name == *name) else {
        let names: Vec<String> = charts.iter().map(|chart| format!("{}.svg", chart.name)).collect();
        bail!("the run has no picture {}; it has {}", path.display(), names.join(", "));
    };
    output::write(path, &chart.file())?;
    say(&format!("saved {}\n", path.display()));
    Ok(())
}
