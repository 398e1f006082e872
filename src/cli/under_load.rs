//! `proofload check --while`: the suite once more, while a profile loads the endpoint.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::check::{Ready, tell};
use super::check_args::CheckArgs;
use super::exit::Exit;
use super::progress::Count;
use super::run_handle::RunHandle;
use super::{check_profile, lone};
use crate::plan::target::Preflight;
use crate::profile::flags::Flags;
use crate::report::measured;
use crate::run::Control;
use crate::suite::{Conformance, Options};
use crate::summary::digest::Digest;

/// The load goes on until the suite is through.
const LONGEST: &str = "24h";
/// How often it is looked whether the load has begun, and how far apart.
const LOOKS: u32 = 500;
const LOOK: Duration = Duration::from_millis(20);

/// Judges the endpoint during a load.
pub(super) fn conduct(
    args: &CheckArgs,
    profile: &str,
    ready: &Ready,
    handle: &RunHandle,
) -> anyhow::Result<Result<Conformance, Exit>> {
    let target = &ready.draft.target;
    let flags = Flags {
        url: Some("http://replaced.invalid".to_owned()),
        dialect: Some(target.contract.written().to_owned()),
        model: target.model.clone(),
        duration: Some(LONGEST.to_owned()),
        ..Flags::default()
    };
    let mut draft = match check_profile::read(profile, &flags) {
        Ok(draft) => draft,
        Err(problems) => return Ok(Err(check_profile::draw(&problems))),
    };
    // What is loaded is what is judged, whatever endpoint the profile names.
    let preflight = draft.target.preflight;
    draft.target.clone_from(target);
    if preflight != Preflight::Request {
        draft.target.preflight = preflight;
    }
    // Other prompts than at rest: equal ones could be answered from a cache.
    let options = Options { seed: ready.options.seed ^ 1, ..ready.options.clone() };
    if let Some(exit) = lone::send(handle, &mut draft, options.seed, &|text: &str| tell(args, text))? {
        return Ok(Err(exit));
    }
    let plan = Arc::new(draft.plan(options.seed));
    tell(args, &format!("under load: {}", plan.describe()));
    let control = Arc::new(Control::new());
    handle.hold(&control, &plan);
    let (live, loading) = (control.live(), Arc::clone(&control));
    let work = move || crate::run::run(&plan, &loading);
    let load = std::thread::Builder::new().name("load".to_owned()).spawn(work).context("starting a thread")?;
    for _ in 0..LOOKS {
        if live.snapshot().sent > 0 || load.is_finished() {
            break;
        }
        std::thread::sleep(LOOK);
    }
    let progress = Count::start(args.output.quiet);
    let run = crate::suite::conduct(target, &options, handle.halt(), |ended, known| progress.show(ended, known));
    drop(progress);
    let over = load.is_finished();
    control.stop();
    let loaded = load.join().map_err(|_| anyhow::anyhow!("the load broke off"))??;
    if over {
        tell(args, "warning: the load ended before the suite did; part of it was judged at rest");
    }
    tell(args, &format!("the load sent {} requests", live.snapshot().sent));
    // Whether the load was served is no rule of the contract, but what it was judged under.
    for goal in Digest::of(&loaded).goals.iter().filter(|goal| goal.default && !goal.held) {
        tell(args, &format!("warning: the load itself breaks {} (measured {})", goal.words(), measured(goal)));
    }
    Ok(Ok(run?))
}
