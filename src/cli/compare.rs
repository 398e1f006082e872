//! `proofload compare`: runs side by side.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::compare_args::{BaseArg, CompareArgs};
use super::exit::Exit;
use super::folder::Unusable;
use super::series::without_cut;
use super::{folder, github, output, print, say};
use crate::compare::side::Side;
use crate::compare::{Comparison, Conclusion, Terms, compare as hold};
use crate::report::compare::{annotations, job_summary, refusal, write};
use crate::summary::Summary;

/// Fewer runs of a base do not say how much runs vary.
const BASE_RUNS: usize = 3;

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let Some((base, new)) = args.sides() else {
        bail!("two runs are needed: the baseline and a run to compare with it")
    };
    let (BaseArg::Side(folder) | BaseArg::Runs(folder)) = base;
    let references: Vec<&str> = std::iter::once(folder).chain(new.iter().map(String::as_str)).collect();
    let own = |reference: &str| Path::new(reference).canonicalize().ok();
    if let BaseArg::Side(base) = base
        && new.iter().any(|new| own(new).is_some_and(|new| own(base) == Some(new)))
    {
        bail!("{base} is compared with itself: name two runs");
    }
    let mut sides = Vec::new();
    for (reference, name) in references.iter().zip(names(&references)) {
        let runs = match base {
            BaseArg::Runs(folder) if sides.is_empty() => base_runs(folder, &references[1..])?,
            BaseArg::Runs(_) | BaseArg::Side(_) => folder::read_side(reference)?,
        };
        match runs {
            Ok(runs) => {
                let (runs, cut) = without_cut(runs);
                if cut > 0 {
                    say(&format!("note: {name}: runs that were cut short are left out: {cut}\n"));
                }
                sides.push(Side::new(name, runs));
            }
            Err(unusable) => {
                say(&format!("error: {unusable}\n"));
                return Ok(Exit::Mismatch);
            }
        }
    }
    let Some(comparison) = compared(&sides, &args.terms()) else { return Ok(Exit::Mismatch) };
    print(&write(&comparison, &sides, args.format.into()))?;
    for (format, path) in &args.reports {
        output::write(path, &write(&comparison, &sides, (*format).into()))?;
    }
    if github::is_job() {
        github::publish(&annotations(&comparison), &job_summary(&comparison))?;
    }
    let exit = exit(&comparison, args.strict);
    Ok(if exit == Exit::Fail && args.exit_zero { Exit::Pass } else { exit })
}

/// Every run in a folder, but for the runs that are compared with them.
fn base_runs(folder: &str, new: &[&str]) -> anyhow::Result<Result<Vec<Summary>, Unusable>> {
    let compared: Vec<PathBuf> = new.iter().filter_map(|new| Path::new(new).canonicalize().ok()).collect();
    let runs = folder::runs_below(Path::new(folder), &compared)?;
    match &runs {
        Ok(runs) if runs.len() < BASE_RUNS => {
            bail!(
                "{folder} holds {} runs; a baseline needs {BASE_RUNS} or more, to know how much runs vary",
                runs.len()
            )
        }
        Ok(_) | Err(_) => Ok(runs),
    }
}

/// The first side against the others; where they do not belong together, that is said and there is none.
pub(super) fn compared(sides: &[Side], terms: &Terms) -> Option<Comparison> {
    let (base, new) = sides.split_first()?;
    match hold(base, new, terms) {
        Ok(comparison) => Some(comparison),
        Err(apart) => {
            say(&refusal(&apart));
            None
        }
    }
}

/// What a comparison comes to; strictly, what could not be told fails.
pub(super) fn exit(comparison: &Comparison, strict: bool) -> Exit {
    let unclear = [Conclusion::CannotTell, Conclusion::NoVerdict].into_iter().any(|open| comparison.comes_to(open));
    if comparison.comes_to(Conclusion::Invalid) {
        Exit::Invalid
    } else if comparison.has_regressed() || (strict && unclear) {
        Exit::Fail
    } else {
        Exit::Pass
    }
}

/// The last parts of the paths, where they differ, else what the user wrote.
fn names(references: &[&str]) -> Vec<String> {
    let last = |reference: &&str| {
        let name = Path::new(reference).file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| (*reference).to_owned())
    };
    let short: Vec<String> = references.iter().map(last).collect();
    let distinct = short.iter().enumerate().all(|(number, name)| !short[..number].contains(name));
    if distinct { short } else { references.iter().map(|reference| (*reference).to_owned()).collect() }
}
