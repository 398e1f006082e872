//! `proofload capacity verify`: a run at the lower end of an answer that lasts longer than a stage.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::capacity::{Hunt, Ready, in_words, prepare};
use super::capacity_args::VerifyArgs;
use super::exit::Exit;
use super::places::Places;
use super::run_handle::RunHandle;
use super::{folder, print, say};
use crate::capacity::record::Record;
use crate::capacity::stage::{Stage, Verdict};
use crate::capacity::verification::Verification;
use crate::plan::Limits;
use crate::profile::Draft;
use crate::report::capacity::{Kind, write, write_verification};

pub(super) fn verify(args: &VerifyArgs) -> anyhow::Result<Exit> {
    if args.duration.is_zero() {
        bail!("nothing can be verified in no time: write --duration 30m");
    }
    let folder = folder_of(&args.search)?;
    let mut record = folder::read_search(&folder)?;
    let Some(load) = record.answer.low_load() else {
        say("error: the search found no load that holds the goals, so there is nothing to verify\n");
        return Ok(Exit::Fail);
    };
    let again = VerifyArgs::again(&record.asked, &folder)?;
    let tell = |text: &str| {
        if !args.quiet {
            say(&format!("{text}\n"));
        }
    };
    let reference = record.asked.reference.clone();
    let mut places = Places::default();
    let mut place = |_: &Draft| places.folder(&folder);
    let (handle, flags) = (RunHandle::listen()?, args.flags(&again));
    let known = Some(record.asked.seed);
    let Ready { draft, seed, builtin } =
        match prepare(&handle, &reference, &flags, known, args.wait, &tell, &mut place)? {
            Ok(ready) => ready,
            Err(exit) => return Ok(exit),
        };
    let mut hunt = Hunt::new(handle, &reference, &again, draft, seed, folder.clone())?;
    hunt.look_up(record.clone())?;
    let verified = carry_out(&hunt, args, load, record.verifications.len(), &tell)?;
    drop(builtin);
    if hunt.is_stopped() {
        print(&write_verification(&verified, &record, args.output.format.into(), &args.output.dress()))?;
        say("interrupted: no result; the record of the search is unchanged\n");
        return Ok(Exit::Interrupted);
    }
    let exit = exit_of(&verified);
    hunt.tried("the verification", keep(&folder, &mut record, verified.clone(), args));
    let text = write_verification(&verified, &record, args.output.format.into(), &args.output.dress());
    hunt.tried("the report on stdout", print(&text));
    tell(&format!("kept in {}", folder.display()));
    Ok(hunt.kept(exit))
}

/// The folder of a search by its name, or by that of the file in it.
fn folder_of(reference: &str) -> anyhow::Result<PathBuf> {
    let meant = folder::meant(reference)?;
    let parent = || meant.parent().map(Path::to_path_buf).unwrap_or_default();
    Ok(if meant.is_file() { parent() } else { meant })
}

fn exit_of(verified: &Verification) -> Exit {
    match verified.stage.verdict {
        Verdict::Held => Exit::Pass,
        Verdict::Broke => Exit::Fail,
        Verdict::Untrusted => Exit::Invalid,
    }
}

fn carry_out(
    hunt: &Hunt,
    args: &VerifyArgs,
    load: f64,
    nth: usize,
    tell: &impl Fn(&str),
) -> anyhow::Result<Verification> {
    let ask = hunt.search.verifying(load, args.duration, nth);
    let lasts = humantime::format_duration(args.duration);
    let shown = in_words(format!("{load:.2}"), hunt.search.terms().slots);
    tell(&format!("running {shown} for {lasts} after a warm-up of {:.1} s", ask.warmup.as_secs_f64()));
    let started_unix_ms = crate::run::unix_ms();
    let run = free(&hunt.folder)?;
    let limits = Limits { time: None, requests: args.max_requests, tokens: args.max_tokens };
    let (parts, carried) = hunt.run(&ask, limits, &run)?;
    let stage = Stage { run: Some(run), ..Stage::of(carried, &hunt.goals, &parts) };
    Ok(Verification::of(stage, args.duration.as_secs_f64(), started_unix_ms, &hunt.goals.whole, &parts.whole))
}

/// The first name that no run in the search's folder has.
fn free(folder: &Path) -> anyhow::Result<String> {
    let names = (1..1000).map(|number| format!("verify/{number:02}"));
    names.into_iter().find(|name| !folder.join(name).exists()).context("there are too many verifications")
}

fn keep(folder: &Path, record: &mut Record, verified: Verification, args: &VerifyArgs) -> anyhow::Result<()> {
    record.verifications.push(verified);
    folder::keep_search(folder, record)?;
    folder::keep_page(folder, &write(record, Kind::Html, &args.output.dress()))
}
