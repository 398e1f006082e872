//! `proofload check`: judge an endpoint by the whole catalogue.

use std::path::{Path, PathBuf};

use super::capture::Capturing;
use super::check_args::CheckArgs;
use super::check_options::options;
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::progress::Count;
use super::run_handle::{Interrupted, RunHandle};
use super::serve::{Builtin, builtin_settings};
use super::{catalogue, check_profile, check_report, explain, folder, print, recall, run, say, under_load};
use crate::exchange::Exchange;
use crate::plan::target::Target;
use crate::profile::flags::Flags;
use crate::profile::{Draft, Problems};
use crate::run::probing::GRACE;
use crate::suite::sheet::{About, Sheet};
use crate::suite::{Conformance, Hears, Options, Sent, conduct_with, gateway, rehearse, verdict};

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    if let Some(id) = &args.explain {
        return explain::explain(id, args.output.format);
    }
    if args.list {
        return catalogue::list(args.output.format);
    }
    let subjects = subjects(args);
    if args.capture.is_some() && subjects.len() > 1 {
        anyhow::bail!("--capture keeps the exchanges with one endpoint and one model; name one of each");
    }
    for folder in args.output.out.iter().chain(&args.capture) {
        folder::check_free(folder)?;
    }
    if args.dry_run {
        return rehearse_all(args, &subjects);
    }
    let (mut places, mut keeping) = (Places::default(), Keeping::default());
    let folder = place(args, &mut places)?;
    let handle = RunHandle::listen()?;
    let (mut sheets, mut broken_off) = (Vec::new(), Exit::Pass);
    for subject in &subjects {
        if handle.is_stopped() {
            break;
        }
        match unless_interrupted(judge(args, subject, &handle, &mut keeping))? {
            Some(Ok(sheet)) => sheets.push(sheet),
            Some(Err(exit)) if sheets.is_empty() => return Ok(exit),
            // What was found of those before is not lost.
            Some(Err(exit)) => {
                broken_off = exit;
                break;
            }
            None => {}
        }
    }
    if sheets.is_empty() {
        return Err(Interrupted.into());
    }
    check_report::publish(&args.output, &sheets, folder, &mut keeping);
    if handle.is_stopped() {
        return Ok(Exit::Interrupted);
    }
    Ok(keeping.exit(check_report::exit(&sheets, args.verdict.exit_zero).or(broken_off)))
}

/// Tries every place that is written to, and returns the folder of the result, where it is to be kept.
fn place(args: &CheckArgs, places: &mut Places) -> anyhow::Result<Option<PathBuf>> {
    if let Some(capture) = &args.capture {
        places.folder(capture)?;
    }
    if let Some(file) = args.baseline.as_ref().filter(|_| args.update_baseline || args.prune) {
        Places::file(Path::new(file))?;
    }
    check_report::place(&args.output, places)
}

/// Prints every request that would be sent.
fn rehearse_all(args: &CheckArgs, subjects: &[Subject<'_>]) -> anyhow::Result<Exit> {
    for subject in subjects {
        match read(args, subject, args.target_flags.flags()) {
            Ok(draft) => print(&rehearsal(&draft.target, &options(args, &draft)?))?,
            Err(problems) => return Ok(check_profile::draw(&problems)),
        }
    }
    Ok(Exit::Pass)
}

/// What was done; none where the user asked to stop before anything was.
fn unless_interrupted<T>(done: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match done {
        Err(error) if error.is::<Interrupted>() => Ok(None),
        done => done.map(Some),
    }
}

/// An endpoint and a model to be judged.
struct Subject<'s> {
    /// An address, or what names a profile.
    named: &'s str,
    /// The model, where flags name one.
    model: Option<&'s str>,
}

/// Every endpoint with every model.
fn subjects(args: &CheckArgs) -> Vec<Subject<'_>> {
    let models: Vec<Option<&str>> = match &args.target_flags.model {
        Some(models) => models.split(',').map(|model| Some(model.trim())).collect(),
        None => vec![None],
    };
    args.targets.iter().flat_map(|named| models.iter().map(|model| Subject { named, model: *model })).collect()
}

/// An endpoint that can be judged; the built-in one ends with it.
pub(super) struct Ready {
    pub(super) draft: Draft,
    pub(super) options: Options,
    _builtin: Option<Builtin>,
}

/// What became of one endpoint and one model; an exit where it cannot be judged.
fn judge(
    args: &CheckArgs,
    subject: &Subject<'_>,
    handle: &RunHandle,
    keeping: &mut Keeping,
) -> anyhow::Result<Result<Sheet, Exit>> {
    let draft = match read(args, subject, args.target_flags.flags()) {
        Ok(draft) => draft,
        Err(problems) => return Ok(Err(check_profile::draw(&problems))),
    };
    let ready = match ready(args, handle, draft)? {
        Ok(ready) => ready,
        Err(exit) => return Ok(Err(exit)),
    };
    let begun = args.capture.as_ref().map(|folder| Capturing::begin(folder, &ready.draft.target, &ready.options));
    let mut capturing = begun.transpose()?;
    let mut run = send(args, &ready, handle, capturing.as_mut())?;
    if let Some(profile) = args.under_load.as_ref().filter(|_| is_whole(&run)) {
        match unless_interrupted(under_load::conduct(args, profile, &ready, handle))? {
            Some(Ok(loaded)) => gateway::overtake(&mut run, loaded),
            Some(Err(exit)) => return Ok(Err(exit)),
            None => run.interrupted = true,
        }
    }
    if let Some(upstream) = args.upstream.as_ref().filter(|_| is_whole(&run)) {
        let behind = Subject { named: upstream, model: subject.model };
        match unless_interrupted(judge_upstream(args, &behind, handle))? {
            Some(Ok(Conformance { obstacle: Some(obstacle), .. })) => {
                obstacle.reasons().iter().for_each(|reason| say(&format!("error: upstream: {reason}\n")));
                return Ok(Err(Exit::Invalid));
            }
            Some(Ok(behind)) => {
                run.interrupted |= behind.interrupted;
                gateway::mark(&mut run.rows, &behind.rows);
            }
            Some(Err(exit)) => return Ok(Err(exit)),
            None => run.interrupted = true,
        }
    }
    if let Some(capturing) = capturing {
        keeping.tried("the capture", capturing.finish(&run));
    }
    note_keys(args, &ready, &run);
    if !is_whole(&run) {
        // A baseline is neither written nor held against what was not asked.
        return Ok(Ok(sheet(args, &ready, &run)));
    }
    match recall::hold(args, &ready, &mut run.rows, || read(args, subject, args.target_flags.flags()))? {
        Ok(()) => Ok(Ok(sheet(args, &ready, &run))),
        Err(problems) => Ok(Err(check_profile::draw(&problems))),
    }
}

/// Whether all was sent that was to be.
fn is_whole(run: &Conformance) -> bool {
    !run.interrupted && run.obstacle.is_none()
}

/// Asks about an endpoint to which keys seem to mean nothing.
fn note_keys(args: &CheckArgs, ready: &Ready, run: &Conformance) {
    let declared = args.selection.without.iter().chain(&ready.draft.terms.without).any(|name| name == "keys");
    if declared || run.obstacle.is_some() {
        return;
    }
    if run.takes_any_key() {
        tell(args, &format!("note: {}", verdict::ANY_KEY));
    } else if ready.options.without.contains("keys") {
        let note = "no key was given and the endpoint let the plain request in, so rules on keys are skipped; if it takes \
                    any key or none, say so with --without keys, else name one with --key-env";
        tell(args, &format!("note: {note}"));
    }
}

fn judge_upstream(
    args: &CheckArgs,
    subject: &Subject<'_>,
    handle: &RunHandle,
) -> anyhow::Result<Result<Conformance, Exit>> {
    let draft = match read(args, subject, args.target_flags.flags_behind(args.upstream_key_env.as_ref())) {
        Ok(draft) => draft,
        Err(problems) => return Ok(Err(check_profile::draw(&problems))),
    };
    match ready(args, handle, draft)? {
        Ok(ready) => Ok(Ok(send(args, &ready, handle, None)?)),
        Err(exit) => Ok(Err(exit)),
    }
}

/// Says what is about to be done, on stderr.
pub(super) fn tell(args: &CheckArgs, text: &str) {
    if !args.output.quiet {
        say(&format!("{text}\n"));
    }
}

/// Starts what is built in, waits for what is to be waited for, and asks for the model.
fn ready(args: &CheckArgs, handle: &RunHandle, mut draft: Draft) -> anyhow::Result<Result<Ready, Exit>> {
    draft.notes.iter().for_each(|note| tell(args, &format!("note: {note}")));
    let options = options(args, &draft)?;
    let settings = builtin_settings(&draft.builtin, &draft.target.contract, options.seed)?;
    let builtin = draft.target.builtin.then(|| Builtin::start(settings)).transpose()?;
    if let Some(builtin) = &builtin {
        draft.connect(&builtin.url, &builtin.key);
    }
    if let Some(exit) = run::make_ready(handle, args.wait, &mut draft, &|text: &str| tell(args, text))? {
        return Ok(Err(exit));
    }
    Ok(Ok(Ready { draft, options, _builtin: builtin }))
}

fn send(
    args: &CheckArgs,
    ready: &Ready,
    handle: &RunHandle,
    capturing: Option<&mut Capturing>,
) -> anyhow::Result<Conformance> {
    let target = &ready.draft.target;
    tell(args, &format!("{}: {} dialect, seed {}", target.shown(), target.contract, ready.options.seed));
    let progress = Count::start(args.output.quiet);
    handle.hold_probes(GRACE.min(target.timeouts.total));
    Ok(conduct_with(target, &ready.options, handle.halt(), &mut Heard { progress, capturing })?)
}

/// What is done with each request as it ends.
struct Heard<'h> {
    progress: Count,
    capturing: Option<&'h mut Capturing>,
}

impl Hears for Heard<'_> {
    fn begins(&mut self, round: u32, probes: &[(&'static str, usize)]) {
        if let Some(capturing) = &mut self.capturing {
            capturing.begins(round, probes);
        }
    }

    fn ended(&mut self, ended: usize, known: usize, sent: &Sent, exchange: &Exchange) {
        self.progress.show(ended, known);
        if let Some(capturing) = &mut self.capturing {
            capturing.add(sent, exchange);
        }
    }
}

fn sheet(args: &CheckArgs, ready: &Ready, run: &Conformance) -> Sheet {
    let target = &ready.draft.target;
    let (verdict, reasons) = verdict::of(run, args.verdict.strict);
    let about = About {
        target,
        name: ready.draft.target_name.as_deref(),
        seed: ready.options.seed,
        verdict: verdict.name(),
        reasons: &reasons,
        strict: args.verdict.strict,
        bodies: !args.output.no_bodies,
    };
    Sheet::of(run, &about)
}

/// The target, from an address or from a profile whose load and cases are not looked at.
fn read(args: &CheckArgs, subject: &Subject<'_>, flags: Flags) -> Result<Draft, Problems> {
    let address = subject.named.contains("://") || subject.named == "builtin";
    // A baseline that is to be written need not be there yet.
    let begun = |file: &&String| !args.update_baseline || Path::new(file.as_str()).exists();
    let flags = Flags {
        url: address.then(|| subject.named.to_owned()),
        model: subject.model.map(str::to_owned),
        baseline: args.baseline.as_ref().filter(begun).map(|file| super::args::absolute(file)),
        ..flags
    };
    check_profile::read(if address { "smoke" } else { subject.named }, &flags)
}

/// Every request as a command line, behind the name of its probe.
fn rehearsal(target: &Target, options: &Options) -> String {
    let mut text = Vec::new();
    for (probe, lines) in rehearse(target, options) {
        text.push(format!("# {probe}"));
        if lines.is_empty() {
            text.push("# made from replies to other probes".to_owned());
        }
        text.extend(lines);
    }
    target.redactor().clean(&(text.join("\n") + "\n"))
}
