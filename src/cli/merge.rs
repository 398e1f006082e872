//! `proofload merge`: a run that several machines shared, from its parts.

use super::args::MergeArgs;
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::{folder, print, say};
use crate::summary::shards::join;

pub(super) fn merge(args: &MergeArgs) -> anyhow::Result<Exit> {
    if let Some(out) = &args.out {
        folder::check_free(out)?;
    }
    let mut parts = Vec::new();
    for run in &args.runs {
        match folder::read(run)? {
            Ok(summary) => parts.push((run.clone(), summary)),
            Err(unusable) => return Ok(refuse(&unusable)),
        }
    }
    let whole = match join(parts) {
        Ok(whole) => whole,
        Err(no_whole) => return Ok(refuse(&no_whole)),
    };
    let mut places = Places::default();
    let folder = places.unless(args.no_out, args.out.as_deref(), &whole.meta.profile)?;
    let mut keeping = Keeping::default();
    keeping.tried("the report on stdout", print(&crate::report::write(&whole, args.format.into())));
    if let Some(folder) = folder
        && keeping.tried("the run", folder::keep(&whole, &folder)).is_some()
    {
        say(&format!("kept in {}\n", folder.display()));
    }
    Ok(keeping.exit(Exit::of_run(&whole)))
}

fn refuse(why: &dyn std::error::Error) -> Exit {
    say(&format!("error: {why}\n"));
    Exit::Mismatch
}
