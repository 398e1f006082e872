//! `proofload run --repeat` and `--against`: the same run several times, alone or in turn with another endpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::args::{FormatArg, RunArgs};
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::run::{control_of, introduction, preflight};
use super::run_handle::{Interrupted, RunHandle};
use super::series::{Series, finished, is_finished, plan_of};
use super::serve::{Builtin, builtin_settings};
use super::{check_profile, compare, folder, github, print, say};
use crate::compare::Terms;
use crate::compare::side::Side;
use crate::plan::Plan;
use crate::plan::target::Header;
use crate::profile::flags::Flags;
use crate::profile::{Draft, Problems};
use crate::report::compare::{Kind, annotations, job_summary, write};
use crate::report::sweep::{Row, Table};
use crate::run::Control;
use crate::summary::Summary;

/// Folders of the two endpoints, where there are two; the one that is run against is the base of the comparison.
const BASE: &str = "base";
const NEW: &str = "new";

/// An endpoint that is to be run several times.
struct Endpoint {
    /// Its folder below that of all, where there are two.
    name: Option<&'static str>,
    /// A draft for each repetition.
    drafts: Vec<Draft>,
}

/// An endpoint that is ready to be run several times.
struct Subject {
    /// Its folder below that of all, where there are two.
    name: Option<&'static str>,
    /// A plan for each repetition.
    plans: Vec<Arc<Plan>>,
    /// The run of each repetition that was made before.
    kept: Vec<Option<Summary>>,
    _builtin: Option<Builtin>,
}

/// The runs of a command.
#[derive(Default)]
struct Runs {
    /// Those of each endpoint that came to their end, in their order.
    finished: Vec<Vec<Summary>>,
    /// The one that the user interrupted, with the place of its endpoint.
    cut: Option<(usize, Summary)>,
}

pub(super) fn repeat(args: &RunArgs, times: u32) -> anyhow::Result<Exit> {
    let endpoints = match endpoints(args, times) {
        Ok(endpoints) => endpoints,
        Err(exit) => return Ok(exit),
    };
    let first = &endpoints[0].drafts[0];
    first.notes.iter().for_each(|note| tell(args, &format!("note: {note}")));
    let out = args.out.as_deref().filter(|_| !args.no_out);
    let series = Series::of(out, first, plan(&endpoints))?;
    for own in out.into_iter().flat_map(|out| endpoints.iter().map(|endpoint| of_endpoint(out, endpoint.name))) {
        if folder::repetitions(&own).len() > times as usize {
            bail!("{} holds more runs than --repeat {times} makes; name another folder with --out", own.display());
        }
    }
    let handle = RunHandle::listen()?;
    let (mut places, mut keeping) = (Places::default(), Keeping::default());
    let name = format!("{}-repeat", first.name);
    let root = places.unless(args.no_out, out, &name)?;
    Places::job_summary()?;
    let mut subjects = Vec::new();
    let sides = endpoints.len() as u64;
    for (side, endpoint) in (0..).zip(endpoints) {
        let salt = |number: u64| salt_of(series.salt, number * sides + side);
        match subject(args, &handle, root.as_deref(), endpoint, series.seed, salt)? {
            Ok(subject) => subjects.push(subject),
            Err(exit) => return Ok(exit),
        }
    }
    root.as_deref().map_or(Ok(()), |root| series.keep(root))?;
    let runs = carry_out(args, &handle, &subjects, root.as_deref(), &mut keeping)?;
    let made = runs.finished.iter().map(Vec::len).sum::<usize>();
    let wanted = times as usize * subjects.len();
    if made == 0 && runs.cut.is_none() {
        return Err(Interrupted.into());
    }
    let exit = report(args, &subjects, runs, root.as_deref(), &mut keeping);
    if let Some(root) = &root {
        tell(args, &format!("kept in {}", root.display()));
    }
    if made < wanted {
        say(&format!("{made} of {wanted} runs were made; run the same command with --out to continue\n"));
        return Ok(Exit::Interrupted);
    }
    Ok(keeping.exit(if exit == Exit::Fail && args.exit_zero { Exit::Pass } else { exit }))
}

fn tell(args: &RunArgs, text: &str) {
    if !args.quiet {
        say(&format!("{text}\n"));
    }
}

/// The endpoints, or the exit where their profile has faults. The base comes first, as in reports.
fn endpoints(args: &RunArgs, times: u32) -> Result<Vec<Endpoint>, Exit> {
    let own = args.flags();
    let wanted: Vec<(Option<&'static str>, Flags)> = match &args.against {
        None => vec![(None, own)],
        Some(address) => match draft(args, &own) {
            Ok(draft) => vec![(Some(BASE), against(args, address, &draft)), (Some(NEW), own)],
            Err(problems) => return Err(check_profile::draw(&problems)),
        },
    };
    let mut endpoints = Vec::new();
    for (name, flags) in wanted {
        match (0..times).map(|_| draft(args, &flags)).collect() {
            Ok(drafts) => endpoints.push(Endpoint { name, drafts }),
            Err(problems) => return Err(check_profile::draw(&problems)),
        }
    }
    Ok(endpoints)
}

/// The flags for the endpoint that is run against. One of another origin gets no secret by itself.
fn against(args: &RunArgs, address: &str, own: &Draft) -> Flags {
    let flags = args.flags_against(address, &own.target.url);
    if flags.elsewhere && flags.key_env.is_none() && own.target.headers.iter().any(Header::is_secret) {
        let note = "note: the key and secret headers are not sent to --against, which is of another origin; \
                    --against-key-env and --against-header give it its own";
        tell(args, note);
    }
    flags
}

fn draft(args: &RunArgs, flags: &Flags) -> Result<Draft, Problems> {
    check_profile::read(&args.profile, flags)
}

/// What decides the runs: the plan, and the endpoint that it is run against.
fn plan(endpoints: &[Endpoint]) -> BTreeMap<String, String> {
    let mut plan = BTreeMap::new();
    for Endpoint { name, drafts } in endpoints {
        let own = plan_of(&drafts[0]);
        if *name == Some(BASE) {
            plan.extend(own.get("target.url").map(|url| ("--against".to_owned(), url.clone())));
        } else {
            plan.extend(own);
        }
    }
    plan
}

/// The folder of an endpoint's repetitions.
fn of_endpoint(root: &Path, name: Option<&str>) -> PathBuf {
    name.map_or_else(|| root.to_path_buf(), |name| root.join(name))
}

/// Takes what was kept, starts what is built in, waits for what is to be waited for, asks for the model, and makes the
/// plans. The runs of a pair have the same seed, so that both sides send the same plan and its own randomness drops out of
/// their difference. Each run has its own salt: a cache that one run has filled must not serve the next.
fn subject(
    args: &RunArgs,
    handle: &RunHandle,
    root: Option<&Path>,
    endpoint: Endpoint,
    seed: u64,
    salt: impl Fn(u64) -> u64,
) -> anyhow::Result<Result<Subject, Exit>> {
    let Endpoint { name, mut drafts } = endpoint;
    let own = root.map(|root| of_endpoint(root, name));
    let mut kept = Vec::new();
    for (number, draft) in (0..).zip(&mut drafts) {
        draft.salt = Some(salt(number));
        let folder = own.as_ref().map(|own| folder::of_repetition(own, kept.len() + 1));
        kept.push(
            folder.map(|folder| finished(&folder, || draft.plan(seed.wrapping_add(number)))).transpose()?.flatten(),
        );
    }
    let mut builtin = None;
    if let Some(first) = kept.iter().position(Option::is_none) {
        let own = &drafts[first];
        let settings = builtin_settings(&own.builtin, &own.target.contract, seed)?;
        builtin = own.target.builtin.then(|| Builtin::start(settings)).transpose()?;
        if let Some(builtin) = &builtin {
            for draft in &mut drafts {
                draft.connect(&builtin.url, &builtin.key);
            }
        }
        let known = kept.iter().flatten().find_map(|run| run.meta.model.clone());
        if drafts[first].needs_model() {
            drafts[first].target.model = known;
        }
        if let Some(exit) = preflight(handle, args.wait, &mut drafts[first], seed, &|text: &str| tell(args, text))? {
            return Ok(Err(exit));
        }
        let model = drafts[first].target.model.clone();
        for draft in &mut drafts {
            draft.target.model.clone_from(&model);
        }
    }
    let plans = (0..).zip(&drafts).map(|(number, draft)| Arc::new(draft.plan(seed.wrapping_add(number)))).collect();
    Ok(Ok(Subject { name, plans, kept, _builtin: builtin }))
}

/// Carries out every repetition that was not kept, two endpoints as ABBA. Whatever drifts by and by then drifts for both.
fn carry_out(
    args: &RunArgs,
    handle: &RunHandle,
    subjects: &[Subject],
    root: Option<&Path>,
    keeping: &mut Keeping,
) -> anyhow::Result<Runs> {
    let mut runs = Runs { finished: subjects.iter().map(|_| Vec::new()).collect(), cut: None };
    let times = subjects[0].plans.len();
    for number in 0..times {
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for place in order {
            let Subject { name, plans, kept, .. } = &subjects[place];
            let at = format!("[{}/{times}]{}", number + 1, name.map_or(String::new(), |name| format!(" {name}")));
            if let Some(summary) = &kept[number] {
                tell(args, &format!("{at} kept from before"));
                runs.finished[place].push(summary.clone());
                continue;
            }
            if handle.is_stopped() {
                continue;
            }
            tell(args, &format!("{at} {}", introduction(&plans[number])));
            let own = root.map(|root| folder::of_repetition(&of_endpoint(root, *name), number + 1));
            let control = own.as_deref().map_or_else(Control::new, control_of);
            let summary = handle.carry_out_under(control, &plans[number], args.quiet)?;
            // Who goes on makes a run again that was cut short.
            if let Some(own) = own {
                keeping.tried(&format!("the run {}", own.display()), folder::keep(&summary, &own));
            }
            if is_finished(&summary) {
                runs.finished[place].push(summary);
            } else {
                runs.cut = Some((place, summary));
            }
        }
    }
    Ok(runs)
}

/// Prints the table of the runs, or the comparison of the two endpoints once each has a run that came to its end.
fn report(args: &RunArgs, subjects: &[Subject], runs: Runs, root: Option<&Path>, keeping: &mut Keeping) -> Exit {
    let Runs { finished: mut runs, cut } = runs;
    let worst = runs.iter().flatten().map(Exit::of_run).max_by_key(|exit| exit.weight()).unwrap_or(Exit::Interrupted);
    if subjects.len() < 2 || runs.iter().any(Vec::is_empty) {
        if let Some((place, cut)) = cut {
            runs[place].push(cut);
        }
        let table = if subjects.len() < 2 { table(runs.concat()) } else { table_of(subjects, runs) };
        let text = if args.format == FormatArg::Json { table.json() } else { table.text() };
        keeping.tried("the report on stdout", print(&text));
        return worst;
    }
    let names = subjects.iter().filter_map(|subject| subject.name);
    let sides: Vec<Side> = names.zip(runs).map(|(name, runs)| Side::new(name, runs)).collect();
    let Some(comparison) = compare::compared(&sides, &Terms::default()) else { return Exit::Mismatch };
    let kind = if args.format == FormatArg::Json { Kind::Json } else { Kind::Text };
    keeping.tried("the report on stdout", print(&write(&comparison, &sides, kind)));
    if github::is_job() {
        keeping.tried("the job's summary", github::publish(&annotations(&comparison), &job_summary(&comparison)));
    }
    if let Some(root) = root {
        for (file, kind) in [("compare.md", Kind::Markdown), ("compare.html", Kind::Html)] {
            keeping.tried(file, folder::keep_text(root, file, &write(&comparison, &sides, kind)));
        }
    }
    [worst, compare::exit(&comparison, false)].into_iter().max_by_key(|exit| exit.weight()).unwrap_or(worst)
}

/// Repetitions as a table, a row for each.
pub(super) fn table(runs: Vec<Summary>) -> Table {
    let row = |(number, summary): (usize, Summary)| {
        let values = vec![("run".to_owned(), (number + 1).to_string())];
        Row { values, summary }
    };
    Table::of(&runs.into_iter().enumerate().map(row).collect::<Vec<_>>())
}

/// The same of two endpoints, of which one has none that came to its end.
fn table_of(subjects: &[Subject], runs: Vec<Vec<Summary>>) -> Table {
    let of_one = |(subject, runs): (&Subject, Vec<Summary>)| {
        let name = subject.name.unwrap_or_default();
        let row = move |(number, summary): (usize, Summary)| {
            let values = vec![("endpoint".to_owned(), name.to_owned()), ("run".to_owned(), (number + 1).to_string())];
            Row { values, summary }
        };
        runs.into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    Table::of(&subjects.iter().zip(runs).flat_map(of_one).collect::<Vec<_>>())
}

/// The salt of one of the runs of a command; of the first the one that is given. Hashed, so that the runs of a command with
/// a neighbouring salt have others.
fn salt_of(salt: u64, run: u64) -> u64 {
    if run == 0 { salt } else { xxh3_64_with_seed(&run.to_le_bytes(), salt) }
}
