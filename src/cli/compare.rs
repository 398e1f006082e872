//! `proofload compare`: runs side by side.

use std::path::Path;

use anyhow::Context as _;

use super::compare_args::CompareArgs;
use super::exit::Exit;
use super::{folder, github, print, say};
use crate::compare::side::Side;
use crate::compare::{Comparison, Terms, compare as hold};
use crate::report::compare::{annotations, job_summary, refusal, write};

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let references: Vec<&String> = std::iter::once(&args.base).chain(&args.new).collect();
    let mut sides = Vec::new();
    for (reference, name) in references.iter().zip(names(&references)) {
        match folder::read_side(reference)? {
            Ok(runs) => sides.push(Side::new(name, runs)),
            Err(unusable) => {
                say(&format!("error: {unusable}\n"));
                return Ok(Exit::Mismatch);
            }
        }
    }
    let Some(comparison) = compared(&sides, &args.terms()) else { return Ok(Exit::Mismatch) };
    print(&write(&comparison, &sides, args.format.into()))?;
    for (format, path) in &args.reports {
        std::fs::write(path, write(&comparison, &sides, (*format).into()))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    if github::is_job() {
        github::publish(&annotations(&comparison), &job_summary(&comparison))?;
    }
    let exit = exit(&comparison);
    Ok(if exit == Exit::Fail && args.exit_zero { Exit::Pass } else { exit })
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

/// What a comparison comes to.
pub(super) fn exit(comparison: &Comparison) -> Exit {
    if comparison.is_unbelievable() {
        Exit::Invalid
    } else if comparison.has_regressed() {
        Exit::Fail
    } else {
        Exit::Pass
    }
}

/// The last parts of the paths, where they differ, else what the user wrote.
fn names(references: &[&String]) -> Vec<String> {
    let last = |reference: &&String| {
        let name = Path::new(reference.as_str()).file_name().map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| (*reference).clone())
    };
    let short: Vec<String> = references.iter().map(last).collect();
    let distinct = short.iter().enumerate().all(|(number, name)| !short[..number].contains(name));
    if distinct { short } else { references.iter().copied().cloned().collect() }
}
