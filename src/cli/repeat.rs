//! `proofload run --repeat` and `--against`: the same run several times, alone or in turn with another endpoint.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::args::{FormatArg, RunArgs};
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::run::{control_of, fresh_seed, introduction, preflight};
use super::run_handle::RunHandle;
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

/// An endpoint that is run several times.
struct Subject {
    /// Its folder below that of all, where there are two.
    name: Option<&'static str>,
    /// A plan for each repetition.
    plans: Vec<Arc<Plan>>,
    _builtin: Option<Builtin>,
}

pub(super) fn repeat(args: &RunArgs, times: u32) -> anyhow::Result<Exit> {
    if let Some(out) = &args.out {
        folder::check_free(out)?;
    }
    let handle = RunHandle::listen()?;
    let (mut places, mut root) = (Places::default(), None);
    let mut prepare = |draft: &Draft| make_root(args, draft, &mut places, &mut root);
    let subjects = match subjects(args, &handle, times, &mut prepare)? {
        Ok(subjects) => subjects,
        Err(exit) => return Ok(exit),
    };
    let mut keeping = Keeping::default();
    let runs = carry_out(args, &handle, &subjects, root.as_deref(), &mut keeping)?;
    let complete = runs.iter().all(|runs| runs.len() == times as usize);
    let exit = report(args, &subjects, runs, root.as_deref(), &mut keeping);
    if let Some(root) = &root {
        tell(args, &format!("kept in {}", root.display()));
    }
    if !complete {
        return Ok(Exit::Interrupted);
    }
    Ok(keeping.exit(if exit == Exit::Fail && args.exit_zero { Exit::Pass } else { exit }))
}

/// What is done with the first draft before anything is sent.
type Prepare<'p> = dyn FnMut(&Draft) -> anyhow::Result<()> + 'p;

fn tell(args: &RunArgs, text: &str) {
    if !args.quiet {
        say(&format!("{text}\n"));
    }
}

/// The endpoints with their plans, or the exit where they cannot be run. The base comes first, as in reports.
fn subjects(
    args: &RunArgs,
    handle: &RunHandle,
    times: u32,
    prepare: &mut Prepare<'_>,
) -> anyhow::Result<Result<Vec<Subject>, Exit>> {
    let own = args.flags();
    let wanted: Vec<(Option<&'static str>, Flags)> = match &args.against {
        None => vec![(None, own)],
        Some(address) => match draft(args, &own) {
            Ok(draft) => {
                let base = args.flags_against(address, &draft.target.url);
                if base.elsewhere && base.key_env.is_none() && draft.target.headers.iter().any(Header::is_secret) {
                    let note = "note: the key and secret headers are not sent to --against, which is of another origin; \
                                --against-key-env and --against-header give it its own";
                    tell(args, note);
                }
                vec![(Some(BASE), base), (Some(NEW), own)]
            }
            Err(problems) => return Ok(Err(check_profile::draw(&problems))),
        },
    };
    let mut roots = Roots { given: None, sides: wanted.len() as u64, side: 0 };
    let mut subjects = Vec::new();
    for (name, flags) in wanted {
        let mut drafts = Vec::new();
        for _ in 0..times {
            match draft(args, &flags) {
                Ok(draft) => drafts.push(draft),
                Err(problems) => return Ok(Err(check_profile::draw(&problems))),
            }
        }
        match subject(args, handle, name, drafts, &mut roots, prepare)? {
            Ok(subject) => subjects.push(subject),
            Err(exit) => return Ok(Err(exit)),
        }
    }
    Ok(Ok(subjects))
}

/// What the runs draw from. The runs of a pair have the same seed, so that both sides send the same plan and its own
/// randomness drops out of their difference. Each run has its own salt: a cache that one run has filled must not serve
/// the next.
struct Roots {
    /// Seed and salt of the first run of each endpoint, once known; no salt where prompts are meant to repeat.
    given: Option<(u64, Option<u64>)>,
    /// How many endpoints there are.
    sides: u64,
    /// The endpoint that is next.
    side: u64,
}

/// Starts what is built in, waits for what is to be waited for, asks for the model, and makes the plans.
fn subject(
    args: &RunArgs,
    handle: &RunHandle,
    name: Option<&'static str>,
    mut drafts: Vec<Draft>,
    roots: &mut Roots,
    prepare: &mut Prepare<'_>,
) -> anyhow::Result<Result<Subject, Exit>> {
    let first = &mut drafts[0];
    if roots.given.is_none() {
        first.tighten().map_err(anyhow::Error::msg)?;
        first.notes.iter().for_each(|note| tell(args, &format!("note: {note}")));
        prepare(first)?;
    }
    let (seed, salt) = *roots.given.get_or_insert_with(|| (first.seed.unwrap_or_else(fresh_seed), first.salt()));
    let (sides, side) = (roots.sides, roots.side);
    roots.side += 1;
    let settings = builtin_settings(&first.builtin, first.target.dialect, seed)?;
    let builtin = first.target.builtin.then(|| Builtin::start(settings)).transpose()?;
    if let Some(builtin) = &builtin {
        for draft in &mut drafts {
            draft.connect(&builtin.url, &builtin.key);
        }
    }
    if let Some(exit) = preflight(handle, args.wait, &mut drafts[0], seed, &|text: &str| tell(args, text))? {
        return Ok(Err(exit));
    }
    let model = drafts[0].target.model.clone();
    let planned = |(number, mut draft): (u64, Draft)| {
        draft.target.model.clone_from(&model);
        draft.salt = salt.map(|salt| salt_of(salt, number * sides + side));
        Arc::new(draft.plan(seed.wrapping_add(number)))
    };
    let plans = (0..).zip(drafts).map(planned).collect();
    Ok(Ok(Subject { name, plans, _builtin: builtin }))
}

fn draft(args: &RunArgs, flags: &Flags) -> Result<Draft, Problems> {
    check_profile::read(&args.profile, flags)
}

/// Makes the folder of all repetitions.
fn make_root(args: &RunArgs, draft: &Draft, places: &mut Places, root: &mut Option<PathBuf>) -> anyhow::Result<()> {
    if !args.no_out {
        *root = Some(places.run_folder(args.out.as_deref(), &format!("{}-repeat", draft.name))?);
    }
    Places::job_summary()
}

/// Carries out every repetition, two endpoints as ABBA, and returns the runs of each. Whatever drifts by and by then
/// drifts for both. A run that the user interrupts is not among them.
fn carry_out(
    args: &RunArgs,
    handle: &RunHandle,
    subjects: &[Subject],
    root: Option<&Path>,
    keeping: &mut Keeping,
) -> anyhow::Result<Vec<Vec<Summary>>> {
    let mut runs: Vec<Vec<Summary>> = subjects.iter().map(|_| Vec::new()).collect();
    let times = subjects[0].plans.len();
    for number in 0..times {
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for place in order {
            let Subject { name, plans, .. } = &subjects[place];
            if handle.is_stopped() {
                return Ok(runs);
            }
            let of = name.map_or(String::new(), |name| format!(" {name}"));
            tell(args, &format!("[{}/{times}]{of} {}", number + 1, introduction(&plans[number])));
            let own = root.map(|root| name.map_or_else(|| root.to_path_buf(), |name| root.join(name)));
            let own = own.map(|own| folder::of_repetition(&own, number + 1));
            let control = own.as_deref().map_or_else(Control::new, control_of);
            let summary = handle.carry_out_under(control, &plans[number], args.quiet)?;
            if let Some(own) = own {
                keeping.tried(&format!("the run {}", own.display()), folder::keep(&summary, &own));
            }
            if summary.ending.interrupted {
                return Ok(runs);
            }
            runs[place].push(summary);
        }
    }
    Ok(runs)
}

/// Prints the table of the runs, or the comparison of the two endpoints.
fn report(
    args: &RunArgs,
    subjects: &[Subject],
    runs: Vec<Vec<Summary>>,
    root: Option<&Path>,
    keeping: &mut Keeping,
) -> Exit {
    let worst = runs.iter().flatten().map(Exit::of_run).max_by_key(|exit| exit.weight()).unwrap_or(Exit::Interrupted);
    if subjects.len() < 2 {
        if let Some(runs) = runs.into_iter().next().filter(|runs| !runs.is_empty()) {
            let table = table(runs);
            let text = if args.format == FormatArg::Json { table.json() } else { table.text() };
            keeping.tried("the report on stdout", print(&text));
        }
        return worst;
    }
    if runs.iter().any(Vec::is_empty) {
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

/// The salt of one of the runs of a command; of the first the one that is given. Hashed, so that the runs of a command with
/// a neighbouring salt have others.
fn salt_of(salt: u64, run: u64) -> u64 {
    if run == 0 { salt } else { xxh3_64_with_seed(&run.to_le_bytes(), salt) }
}
