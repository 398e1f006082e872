//! Baselines of a check: what was found is held against them, and written into them where that is asked for.

use std::path::Path;

use super::check::{Ready, tell};
use super::check_args::CheckArgs;
use super::{output, read};
use crate::profile::files::{self, Kind};
use crate::profile::{Draft, Problems, record};
use crate::suite::Row;
use crate::suite::recall::Memory;
use crate::suite::status::Status;

/// Holds rows against the baseline; one that was written is read again before.
pub(super) fn hold(
    args: &CheckArgs,
    ready: &Ready,
    rows: &mut Vec<Row>,
    again: impl Fn() -> Result<Draft, Problems>,
) -> anyhow::Result<Result<(), Problems>> {
    let target = ready.draft.target_name.as_deref();
    let memory = Memory { baseline: &ready.draft.baseline, target };
    let Some(file) = args.baseline.as_deref().filter(|_| args.update_baseline || args.prune) else {
        memory.hold(rows, &ready.options);
        return Ok(Ok(()));
    };
    let today = crate::run::today();
    let mut text = match files::read_text(Path::new(file), Kind::BASELINE) {
        Ok(text) => text,
        Err(error) if error.is_missing() => String::new(),
        Err(error) => return Err(read::failed(Path::new(file), &error)),
    };
    if args.prune {
        let held = rows.iter().filter(|row| row.status == Status::Pass).map(|row| row.check.id).collect();
        text = record::prune(&text, target, &held, &today)?;
    }
    if args.update_baseline {
        text = record::update(&text, &memory.record(rows, args.verdict.strict, env!("CARGO_PKG_VERSION"), &today))?;
    }
    output::write(Path::new(file), &text)?;
    tell(args, &format!("wrote {file}"));
    Ok(again().map(|draft| Memory { baseline: &draft.baseline, target }.hold(rows, &ready.options)))
}
