//! `proofload run --sweep`: a run for each combination of values, one table of them all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;

use super::args::{FormatArg, RunArgs};
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::run::{control_of, fresh_seed, introduction, make_ready, preflight};
use super::run_handle::RunHandle;
use super::serve::{Builtin, builtin_settings};
use super::{check_profile, folder, print, say};
use crate::plan::Plan;
use crate::plan::schedule::Load;
use crate::profile::Draft;
use crate::profile::flags::Flags;
use crate::report::sweep::{Row, Table};
use crate::run::Control;
use crate::summary::Summary;

/// More points than this are most likely a mistake.
const MOST_POINTS: usize = 1000;

/// A point that is ready to be run.
struct Planned {
    values: Vec<(String, String)>,
    plan: Arc<Plan>,
}

/// One combination of values, and the profile that it makes.
struct Point {
    values: Vec<(String, String)>,
    draft: Draft,
}

pub(super) fn sweep(args: &RunArgs) -> anyhow::Result<Exit> {
    let mut points = Vec::new();
    for values in combinations(&args.sweep)? {
        match check_profile::read(&args.profile, &with(args.flags(), &values)) {
            Ok(draft) => points.push(Point { values, draft }),
            Err(problems) => {
                say(&format!("at {}:\n", named(&values)));
                return Ok(check_profile::draw(&problems));
            }
        }
    }
    let tell = |text: &str| {
        if !args.quiet {
            say(&format!("{text}\n"));
        }
    };
    let Some(first) = points.first() else { bail!("--sweep has no values") };
    first.draft.tighten().map_err(anyhow::Error::msg)?;
    let mut places = Places::default();
    let root = root(args, &first.draft, &mut places)?;
    let handle = RunHandle::listen()?;
    let seed = first.draft.seed.unwrap_or_else(fresh_seed);
    let settings = builtin_settings(&first.draft.builtin, first.draft.target.dialect, seed)?;
    let builtin = first.draft.target.builtin.then(|| Builtin::start(settings)).transpose()?;
    let (mut plans, mut targets) = (Vec::new(), Vec::new());
    for (number, Point { values, mut draft }) in points.into_iter().enumerate() {
        if let Some(builtin) = &builtin {
            draft.connect(&builtin.url, &builtin.key);
        }
        let wait = args.wait.filter(|_| number == 0);
        let known = targets.contains(&draft.target.url);
        targets.push(draft.target.url.clone());
        let not_ready = if known {
            make_ready(&handle, wait, &mut draft, &tell)?
        } else {
            preflight(&handle, wait, &mut draft, seed, &tell)?
        };
        if let Some(exit) = not_ready {
            return Ok(exit);
        }
        // Prompts differ between the points, too: a cache that one has filled must not serve the next.
        plans.push(Planned { values, plan: Arc::new(draft.plan(seed.wrapping_add(number as u64))) });
    }
    tell(&estimate(&plans));
    let mut keeping = Keeping::default();
    let rows = carry_out(args, &handle, &plans, root.as_deref(), &mut keeping, &tell)?;
    drop(builtin);
    let exit = report(args, &rows, root.as_deref(), plans.len(), &mut keeping);
    Ok(keeping.exit(exit))
}

/// Runs every point that the folder does not hold yet.
fn carry_out(
    args: &RunArgs,
    handle: &RunHandle,
    plans: &[Planned],
    root: Option<&Path>,
    keeping: &mut Keeping,
    tell: &impl Fn(&str),
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, Planned { values, plan }) in plans.iter().enumerate() {
        if handle.is_stopped() {
            break;
        }
        let own = root.map(|root| root.join(named(values)));
        let at = format!("[{}/{}] {}", number + 1, plans.len(), named(values));
        let summary = if let Some(summary) = own.as_deref().map(|own| kept(own, plan)).transpose()?.flatten() {
            tell(&format!("{at}: kept from before"));
            summary
        } else {
            tell(&format!("{at}: {}", introduction(plan)));
            let control = own.as_deref().map_or_else(Control::new, control_of);
            let summary = handle.carry_out_under(control, plan, args.quiet)?;
            // A point that was cut short is run again by who goes on.
            if let Some(own) = own.as_deref() {
                keeping.tried(&named(values), folder::keep(&summary, own));
            }
            summary
        };
        rows.push(Row { values: values.clone(), summary });
    }
    Ok(rows)
}

/// The run of a point that was made before, if it was made by the same plan.
fn kept(folder: &Path, plan: &Plan) -> anyhow::Result<Option<Summary>> {
    if !folder.join("summary.json").exists() {
        return Ok(None);
    }
    let summary = folder::read(&folder.to_string_lossy())??;
    if !summary.ending.is_whole() {
        return Ok(None);
    }
    let fresh = Summary::new(plan, summary.meta.started_unix_ms);
    let (was, is) = (&summary.meta, &fresh.meta);
    if (&was.load, &was.target, &was.model, was.seed) != (&is.load, &is.target, &is.model, is.seed) {
        bail!("{} holds a run of another plan; name another folder with --out", folder.display());
    }
    Ok(Some(summary))
}

/// Every combination of the values, the last key changing fastest.
fn combinations(sweeps: &[(String, String)]) -> anyhow::Result<Vec<Vec<(String, String)>>> {
    let mut all = vec![Vec::new()];
    for (key, values) in sweeps {
        let values: Vec<&str> = values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
        if values.is_empty() {
            bail!("--sweep {key}= has no values; write --sweep {key}=1,2,4");
        }
        let longer = |point: Vec<(String, String)>| {
            let values = values.clone();
            values.into_iter().map(move |value| [&point[..], &[(key.clone(), value.to_owned())]].concat())
        };
        all = all.into_iter().flat_map(longer).collect();
        if all.len() > MOST_POINTS {
            bail!("--sweep makes more than {MOST_POINTS} runs");
        }
    }
    Ok(all)
}

/// The flags with a point's values: by the flag of that name where there is one, else as keys of the profile.
fn with(mut flags: Flags, values: &[(String, String)]) -> Flags {
    for (key, value) in values {
        match (key.as_str(), value.parse::<u64>(), value.parse::<f64>()) {
            ("slots", Ok(slots), _) => flags.slots = Some(slots),
            ("count", Ok(count), _) => flags.count = Some(count),
            ("seed", Ok(seed), _) => flags.seed = Some(seed),
            ("rate", _, Ok(rate)) => flags.rate = Some(rate),
            ("input_tokens", ..) => flags.input_tokens = Some(value.clone()),
            ("output_tokens", ..) => flags.output_tokens = Some(value.clone()),
            ("duration", ..) => flags.duration = Some(value.clone()),
            ("model", ..) => flags.model = Some(value.clone()),
            _ => flags.set.push((key.clone(), value.clone())),
        }
    }
    flags
}

/// A point as its folder is called: `slots=4,case.0.max_tokens=64`.
fn named(values: &[(String, String)]) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let one = |(key, value): &(String, String)| format!("{key}={}", value.chars().map(safe).collect::<String>());
    values.iter().map(one).collect::<Vec<_>>().join(",")
}

/// What the sweep will cost, as far as its plans say.
fn estimate(plans: &[Planned]) -> String {
    let times: Vec<Option<Duration>> = plans.iter().map(|point| point.plan.expected_end()).collect();
    let counts: Vec<Option<u64>> =
        plans.iter().map(|point| point.plan.loads.iter().map(Load::expected_count).sum()).collect();
    let known = times.iter().flatten().sum::<Duration>();
    let time = if known.is_zero() {
        "as long as their requests take".to_owned()
    } else {
        let open = if times.contains(&None) { ", and those that only a count ends" } else { "" };
        format!("{} of sending{open}", humantime::format_duration(Duration::from_secs(known.as_secs().max(1))))
    };
    let requests = counts.iter().flatten().sum::<u64>();
    let more = if counts.contains(&None) { " and what closed loops make in their time" } else { "" };
    format!("sweep: {} runs, {time}, {requests} requests{more}", plans.len())
}

/// The folder of the sweep; one that exists is gone on with.
fn root(args: &RunArgs, draft: &Draft, places: &mut Places) -> anyhow::Result<Option<PathBuf>> {
    if args.no_out {
        return Ok(None);
    }
    places.run_folder(args.out.as_deref(), &format!("{}-sweep", draft.name)).map(Some)
}

fn report(args: &RunArgs, rows: &[Row], root: Option<&Path>, planned: usize, keeping: &mut Keeping) -> Exit {
    let table = Table::of(rows);
    let text = match args.format {
        FormatArg::Text => table.text(),
        FormatArg::Json => table.json(),
    };
    keeping.tried("the report on stdout", print(&text));
    if let Some(root) = root {
        for (name, text) in [("sweep.md", table.markdown()), ("sweep.csv", table.csv())] {
            keeping.tried(name, folder::keep_text(root, name, &text));
        }
        say(&format!("kept in {}\n", root.display()));
    }
    if rows.len() < planned {
        say(&format!("{} of {planned} runs were made; the same command with --out goes on\n", rows.len()));
        return Exit::Interrupted;
    }
    let marked = table.marked();
    if marked > 0 && !args.quiet {
        say(&format!(
            "{marked} of {planned} runs break a default goal only, which does not decide a sweep; a --goal does\n"
        ));
    }
    let worst = rows.iter().map(|row| Exit::of_point(&row.summary)).max_by_key(|exit| exit.weight());
    let worst = worst.unwrap_or(Exit::Usage);
    if worst == Exit::Fail && args.exit_zero { Exit::Pass } else { worst }
}
