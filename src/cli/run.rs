//! `proofload run`: load an endpoint, judge every reply, report.

use std::fs::File;
use std::hash::BuildHasher as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use super::args::{JournalArg, RunArgs};
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::run_handle::RunHandle;
use super::serve::{Builtin, builtin_settings};
use super::{check_profile, folder, github, output, print, say};
use crate::plan::Plan;
use crate::profile::Draft;
use crate::report::github::{annotations, job_summary};
use crate::run::journal::Journal;
use crate::run::preflight::{self, Models};
use crate::run::{ClientError, Control, RunError};
use crate::summary::Summary;
use crate::wire::plain;

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    if !args.sweep.is_empty() {
        return super::sweep::sweep(args);
    }
    if let Some(times) = args.repeat {
        return super::repeat::repeat(args, times);
    }
    let mut draft = match check_profile::read(&args.profile, &args.flags()) {
        Ok(draft) => draft,
        Err(problems) => return Ok(check_profile::draw(&problems)),
    };
    if let Some(shard) = args.shard {
        if draft.seed.is_none() || (draft.salt.is_none() && draft.salt().is_some()) {
            anyhow::bail!(
                "the parts of a run must draw alike: give all of them the same --seed, and the same --salt, another one \
                 for each run, so that no run sends the text of an earlier one"
            );
        }
        draft.shard = shard;
    }
    if let Some(shown) = args.dry_run {
        let seed = draft.seed.unwrap_or_else(fresh_seed);
        print(&crate::report::preview::preview(&draft.plan(seed), shown))?;
        return Ok(Exit::Pass);
    }
    if let Some(out) = &args.out {
        folder::check_free(out)?;
    }
    let tell = |text: &str| {
        if !args.quiet {
            say(&format!("{text}\n"));
        }
    };
    draft.notes.iter().for_each(|note| tell(&format!("note: {note}")));
    let mut places = Places::default();
    let folder = places.unless(args.no_out, args.out.as_deref(), &draft.name)?;
    output::try_reports(&args.reports, folder.as_deref())?;
    Places::job_summary()?;
    let handle = RunHandle::listen()?;
    let seed = draft.seed.unwrap_or_else(fresh_seed);
    let settings = builtin_settings(&draft.builtin, &draft.target.contract, seed)?;
    let builtin = draft.target.builtin.then(|| Builtin::start(settings)).transpose()?;
    if let Some(builtin) = &builtin {
        draft.connect(&builtin.url, &builtin.key);
    }
    if let Some(exit) = preflight(&handle, args.wait, &mut draft, seed, &tell)? {
        return Ok(exit);
    }
    let plan = Arc::new(draft.plan(seed));
    tell(&introduction(&plan));
    let journal = args.journal.zip(folder.as_deref()).map(|(what, folder)| begin_journal(what, folder, &plan));
    let journal = journal.transpose()?;
    let mut control = folder.as_deref().map_or_else(Control::new, control_of);
    if let Some((journal, _)) = &journal {
        control = control.with_journal(Arc::clone(journal));
    }
    let summary = handle.carry_out_under(control, &plan, args.quiet)?;
    drop(builtin);
    let mut keeping = Keeping::default();
    if let Some((journal, path)) = &journal {
        end_journal(journal, path, &mut keeping);
    }
    let kept = folder.filter(|folder| keeping.tried("the run", folder::keep(&summary, folder)).is_some());
    publish(args, &summary, &mut keeping);
    if let Some(folder) = kept {
        tell(&format!("kept in {}", folder.display()));
    }
    let exit = Exit::of_run(&summary);
    Ok(keeping.exit(if exit == Exit::Fail && args.exit_zero { Exit::Pass } else { exit }))
}

/// Control over a run that keeps in its folder what it has come to so far.
pub(super) fn control_of(folder: &Path) -> Control {
    Control::new().with_checkpoints(folder::checkpoints(folder))
}

/// Writes every report that is asked for.
fn publish(args: &RunArgs, summary: &Summary, keeping: &mut Keeping) {
    let report = crate::report::write_beside(summary, args.format.into(), &args.metrics_as);
    keeping.tried("the report on stdout", print(&report));
    output::write_reports(&args.reports, keeping, |format| crate::report::write(summary, format));
    if github::is_job() {
        keeping.tried("the job's summary", github::publish(&annotations(summary), &job_summary(summary)));
    }
}

/// Name of the journal in the folder of a run.
pub(super) const JOURNAL: &str = "exchanges.jsonl.zst";

/// Begins a journal in the folder of the run.
fn begin_journal(what: JournalArg, folder: &Path, plan: &Plan) -> anyhow::Result<(Arc<Journal>, PathBuf)> {
    let path = folder.join(JOURNAL);
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let journal = Journal::start(file, what == JournalArg::Bodies, plan.target.redactor());
    Ok((Arc::new(journal.context("starting the journal")?), path))
}

/// A journal that is not whole is no failure of the run, and is never silent.
fn end_journal(journal: &Journal, path: &Path, keeping: &mut Keeping) {
    match journal.finish() {
        Ok(kept) if kept.dropped > 0 => keeping.lost(&format!(
            "{} of {} exchanges are not in the journal: the disk could not keep up",
            kept.dropped,
            kept.dropped + kept.written
        )),
        Ok(_) if !path.exists() => {
            keeping.lost(&format!("the journal {} was removed while the run went on", path.display()));
        }
        Ok(_) => {}
        Err(error) => keeping.lost(&format!("the journal is incomplete: {error}")),
    }
}

/// Seeds are short enough to be typed back.
const SEEDS: u64 = 1_000_000_000;

/// A seed for a run that was given none.
pub(super) fn fresh_seed() -> u64 {
    random() % SEEDS
}

/// A number that differs between processes: the standard library keys its hashers from the system's randomness.
pub(super) fn random() -> u64 {
    std::hash::RandomState::new().hash_one("proofload")
}

pub(super) fn introduction(plan: &Plan) -> String {
    let target = &plan.target;
    let model = target.model.as_deref().unwrap_or("the endpoint's default model");
    let part = if plan.shard.is_part() { format!(", part {} of it", plan.shard) } else { String::new() };
    plain::line(&format!(
        "{}: {}{part} to {} ({} dialect, {model}), {}",
        plan.profile,
        plan.describe(),
        target.shown(),
        target.contract,
        crate::report::roots(plan.seed, plan.salt)
    ))
}

/// What keeps a load from being as it is meant, where nothing worse does.
#[derive(Debug, Default)]
struct Doubts {
    /// Why no model is named.
    model: Option<String>,
    /// Why the endpoint does not count tokens for us.
    tokens: Option<String>,
}

/// Waits for the endpoint, asks for its model and for how it counts tokens, as far as that is wanted, and sends the first
/// request alone. Some exit where the load cannot begin.
pub(super) fn preflight(
    handle: &RunHandle,
    wait: Option<Duration>,
    draft: &mut Draft,
    seed: u64,
    tell: &impl Fn(&str),
) -> anyhow::Result<Option<Exit>> {
    let doubts = match ask(handle, wait, draft, tell)? {
        Ok(doubts) => doubts,
        Err(exit) => return Ok(Some(exit)),
    };
    // That the endpoint refuses says more than what could not be learnt of it.
    match super::lone::send(handle, draft, seed, tell)? {
        Some(exit) => Ok(Some(exit)),
        None => Ok(doubts.told(draft, tell)),
    }
}

/// The same without the first request: for further loads of an endpoint that has let one in, and for a check, whose own
/// first request is a plain one.
pub(super) fn make_ready(
    handle: &RunHandle,
    wait: Option<Duration>,
    draft: &mut Draft,
    tell: &impl Fn(&str),
) -> anyhow::Result<Option<Exit>> {
    Ok(match ask(handle, wait, draft, tell)? {
        Ok(doubts) => doubts.told(draft, tell),
        Err(exit) => Some(exit),
    })
}

fn ask(
    handle: &RunHandle,
    wait: Option<Duration>,
    draft: &mut Draft,
    tell: &impl Fn(&str),
) -> anyhow::Result<Result<Doubts, Exit>> {
    let mut doubts = Doubts::default();
    if wait.is_none() && !draft.needs_model() && draft.questions().is_empty() {
        return Ok(Ok(doubts));
    }
    let runtime = Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    let asking = Asking { handle, runtime };
    if let Some(exit) = wait.map(|limit| wait_for(&asking, limit, draft, tell)).transpose()?.flatten() {
        return Ok(Err(exit));
    }
    if let Some(exit) = name_model(&asking, draft, tell, &mut doubts)? {
        return Ok(Err(exit));
    }
    calibrate(&asking, draft, tell, &mut doubts)?;
    Ok(Ok(doubts))
}

/// Waits for what an endpoint is asked before a load.
struct Asking<'h> {
    handle: &'h RunHandle,
    runtime: Runtime,
}

impl Asking<'_> {
    /// # Errors
    /// If the client cannot be made, or the user asks to stop.
    fn answer<T>(&self, asked: impl Future<Output = Result<T, ClientError>>) -> anyhow::Result<T> {
        Ok(self.handle.wait_for(&self.runtime, asked)?.map_err(RunError::from)?)
    }
}

impl Doubts {
    /// Tells them. Some exit where lengths cannot be as they are meant.
    fn told(self, draft: &Draft, tell: &impl Fn(&str)) -> Option<Exit> {
        let clean = |why: &str| plain::line(&draft.target.redactor().clean(why));
        if let Some(why) = self.model {
            let why = clean(&why);
            tell(&format!("warning: no model is named and none could be learnt ({why}); requests go without one"));
        }
        let said = clean(&self.tokens?);
        say(&format!("error: the endpoint did not say how it counts tokens: {said}\n"));
        Some(Exit::Invalid)
    }
}

/// Waits until the endpoint is ready.
fn wait_for(asking: &Asking<'_>, limit: Duration, draft: &Draft, tell: &impl Fn(&str)) -> anyhow::Result<Option<Exit>> {
    let mut told = false;
    let waiting = |said: &str| {
        if !std::mem::replace(&mut told, true) {
            tell(&plain::line(&format!("waiting for {}: {said}", draft.target.shown())));
        }
    };
    let ready = asking.answer(preflight::wait(&draft.target, limit, waiting))?;
    let Err(said) = ready else { return Ok(None) };
    let limit = humantime::format_duration(limit);
    say(&format!(
        "error: {} was not ready within {limit}: {}\n",
        draft.target.shown(),
        plain::line(&draft.target.redactor().clean(&said))
    ));
    Ok(Some(Exit::Invalid))
}

/// Learns the model, where none is named and one has to be.
fn name_model(
    asking: &Asking<'_>,
    draft: &mut Draft,
    tell: &impl Fn(&str),
    doubts: &mut Doubts,
) -> anyhow::Result<Option<Exit>> {
    if !draft.needs_model() {
        return Ok(None);
    }
    match asking.answer(preflight::models(&draft.target))? {
        Models::One(model) => {
            tell(&plain::line(&format!("model: {model}, the only one listed")));
            draft.target.model = Some(model);
            Ok(None)
        }
        Models::Several(models) => {
            say(&format!(
                "error: no model is named and the endpoint lists several; choose one with --model: {}\n",
                plain::line(&models.join(", "))
            ));
            Ok(Some(Exit::Usage))
        }
        // Requests go out without a model: what the endpoint says to them is in the report.
        Models::Unknown(why) => {
            doubts.model = Some(why);
            Ok(None)
        }
    }
}

/// Has the endpoint count tokens for the cases whose lengths are to be as it counts them.
fn calibrate(asking: &Asking<'_>, draft: &mut Draft, tell: &impl Fn(&str), doubts: &mut Doubts) -> anyhow::Result<()> {
    let mut scales = Vec::new();
    for (case, question) in draft.questions() {
        match asking.answer(preflight::calibrate(&draft.target, question))? {
            Ok(scale) => scales.push((case, scale)),
            Err(said) => {
                doubts.tokens = Some(said);
                return Ok(());
            }
        }
    }
    for (case, scale) in scales {
        tell(&format!("tokens: the endpoint counts {:.1} and {:.3} for each word", scale.base, scale.per_word));
        draft.calibrate(case, scale);
    }
    Ok(())
}
