//! `proofload run --sweep`: a run for each combination of values, one table of them all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use xxhash_rust::xxh3::xxh3_64;

use super::args::{FormatArg, RunArgs};
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::run::{control_of, introduction, make_ready, preflight};
use super::run_handle::{Interrupted, RunHandle};
use super::series::{SWEEP, Series, finished, is_finished, plan_of};
use super::serve::{Builtin, builtin_settings};
use super::{check_profile, folder, print, say};
use crate::plan::schedule::Load;
use crate::plan::secret::spans_written;
use crate::plan::{Plan, renamed};
use crate::profile::Draft;
use crate::profile::flags::Flags;
use crate::profile::secrets::{is_secret_key, shown_address};
use crate::report::sweep::{Row, Table};
use crate::run::Control;
use crate::summary::Summary;

/// More points than this are most likely a mistake.
const MOST_POINTS: usize = 1000;

/// A value of a key that is swept.
#[derive(Debug, Clone)]
struct Swept {
    key: String,
    value: String,
    /// The value as it may be seen.
    shown: String,
}

/// A point that is ready to be run.
struct Planned {
    values: Vec<Swept>,
    plan: Arc<Plan>,
    /// Its run, where it was made before.
    kept: Option<Summary>,
}

/// Every point, ready to be run; the endpoint that is built in ends with it.
struct Ready {
    plans: Vec<Planned>,
    builtin: Option<Builtin>,
}

/// One combination of values, and the profile that it makes.
struct Point {
    values: Vec<Swept>,
    draft: Draft,
    kept: Option<Summary>,
}

pub(super) fn sweep(args: &RunArgs) -> anyhow::Result<Exit> {
    let mut points = match points(args)? {
        Ok(points) => points,
        Err(exit) => return Ok(exit),
    };
    let tell = |text: &str| {
        if !args.quiet {
            say(&format!("{text}\n"));
        }
    };
    let Some(first) = points.first() else { bail!("--sweep has no values") };
    let out = args.out.as_deref().filter(|_| !args.no_out);
    let series = Series::of(out, &first.draft, plan(args, &first.draft)?)?;
    let name = format!("{}-sweep", first.draft.name);
    for (number, point) in (0..).zip(&mut points) {
        point.draft.salt = Some(series.salt);
        let plan = || point.draft.plan(series.seed.wrapping_add(number));
        point.kept = out.map(|out| finished(&folder_before(out, &point.values), plan)).transpose()?.flatten();
    }
    let handle = RunHandle::listen()?;
    let (mut places, mut keeping) = (Places::default(), Keeping::default());
    let root = places.unless(args.no_out, out, &name)?;
    let Ready { plans, builtin } = match made_ready(args, &handle, &series, points, &tell)? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    tell(&estimate(&plans));
    root.as_deref().map_or(Ok(()), |root| series.keep(root))?;
    let rows = carry_out(args, &handle, &plans, root.as_deref(), &mut keeping, &tell)?;
    drop(builtin);
    if rows.is_empty() {
        return Err(Interrupted.into());
    }
    let exit = report(args, &rows, root.as_deref(), plans.len(), &mut keeping);
    Ok(keeping.exit(exit))
}

/// Every point with its profile; an exit where one has faults.
fn points(args: &RunArgs) -> anyhow::Result<Result<Vec<Point>, Exit>> {
    let mut points = Vec::new();
    for values in combinations(&args.sweep)? {
        match check_profile::read(&args.profile, &with(args.flags(), &values)) {
            Ok(draft) => points.push(Point { values, draft, kept: None }),
            Err(problems) => {
                say(&format!("at {}:\n", named(&values)));
                return Ok(Err(check_profile::draw(&problems)));
            }
        }
    }
    Ok(Ok(points))
}

/// What decides the runs: the plan of the first, and what is swept. Of values that may not be seen a hash.
fn plan(args: &RunArgs, first: &Draft) -> anyhow::Result<BTreeMap<String, String>> {
    let mut plan = plan_of(first);
    for (key, text) in &args.sweep {
        let values = values(key, text)?;
        let is_seen = values.iter().all(|swept| swept.shown == swept.value);
        let shown = values.into_iter().map(|swept| swept.shown).collect::<Vec<_>>().join(",");
        let hash = if is_seen { String::new() } else { format!(", hash {:016x}", xxh3_64(text.as_bytes())) };
        plan.insert(format!("{SWEEP}{}", present(key)), shown + &hash);
    }
    Ok(plan)
}

/// Starts what is built in, and makes the endpoints ready of all points that are still to be run.
fn made_ready(
    args: &RunArgs,
    handle: &RunHandle,
    series: &Series,
    points: Vec<Point>,
    tell: &impl Fn(&str),
) -> anyhow::Result<Result<Ready, Exit>> {
    let first = points.iter().find(|point| point.kept.is_none()).map(|point| &point.draft);
    let start = |first: &Draft| Builtin::start(builtin_settings(&first.builtin, &first.target.contract, series.seed)?);
    let builtin = first.filter(|first| first.target.builtin).map(start).transpose()?;
    let model = points.iter().find_map(|point| point.kept.as_ref()?.meta.model.clone());
    let (mut plans, mut targets) = (Vec::new(), Vec::new());
    for (number, Point { values, mut draft, kept }) in (0..).zip(points) {
        let seed = series.seed.wrapping_add(number);
        if kept.is_none() {
            if let Some(builtin) = &builtin {
                draft.connect(&builtin.url, &builtin.key);
            }
            if draft.needs_model() {
                draft.target.model.clone_from(&model);
            }
            let wait = args.wait.filter(|_| targets.is_empty());
            let known = targets.contains(&draft.target.url);
            targets.push(draft.target.url.clone());
            let not_ready = if known {
                make_ready(handle, wait, &mut draft, tell)?
            } else {
                preflight(handle, wait, &mut draft, series.seed, tell)?
            };
            if let Some(exit) = not_ready {
                return Ok(Err(exit));
            }
        }
        // Prompts differ between the points, too: a cache that one has filled must not serve the next.
        plans.push(Planned { values, plan: Arc::new(draft.plan(seed)), kept });
    }
    Ok(Ok(Ready { plans, builtin }))
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
    for (number, Planned { values, plan, kept }) in plans.iter().enumerate() {
        let at = format!("[{}/{}] {}", number + 1, plans.len(), named(values));
        let summary = if let Some(summary) = kept {
            tell(&format!("{at}: kept from before"));
            summary.clone()
        } else if handle.is_stopped() {
            continue;
        } else {
            tell(&format!("{at}: {}", introduction(plan)));
            let own = root.map(|root| root.join(named(values)));
            let control = own.as_deref().map_or_else(Control::new, control_of);
            let summary = handle.carry_out_under(control, plan, args.quiet)?;
            // Who goes on runs a point again that was cut short.
            if let Some(own) = own.as_deref() {
                keeping.tried(&named(values), folder::keep(&summary, own));
            }
            summary
        };
        let values = values.iter().map(|swept| (swept.key.clone(), swept.shown.clone())).collect();
        rows.push(Row { values, summary });
    }
    Ok(rows)
}

/// Every combination of the values, the last key changing fastest.
fn combinations(sweeps: &[(String, String)]) -> anyhow::Result<Vec<Vec<Swept>>> {
    let mut all = vec![Vec::new()];
    for (number, (key, text)) in sweeps.iter().enumerate() {
        if let Some((other, _)) =
            sweeps[..number].iter().find(|(other, _)| other != key && present(other) == present(key))
        {
            bail!("both --sweep {other} and --sweep {key}, which are one key; keep {}", present(key));
        }
        let values = values(key, text)?;
        let longer = |point: Vec<Swept>| {
            let values = values.clone();
            values.into_iter().map(move |value| [&point[..], &[value]].concat())
        };
        all = all.into_iter().flat_map(longer).collect();
        if all.len() > MOST_POINTS {
            bail!("--sweep makes more than {MOST_POINTS} runs");
        }
    }
    Ok(all)
}

/// The present name of a key that is swept: that of a flag, or of a key of the profile.
pub(super) fn present(key: &str) -> String {
    if key == renamed::SLOTS { renamed::CONCURRENCY.to_owned() } else { renamed::key(key) }
}

/// The values of a key.
fn values(key: &str, text: &str) -> anyhow::Result<Vec<Swept>> {
    let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
    let swept = |(number, value): (usize, &str)| Swept {
        key: present(key),
        value: value.to_owned(),
        shown: shown(key, value, number + 1),
    };
    let values: Vec<Swept> = values.enumerate().map(swept).collect();
    if values.is_empty() {
        bail!("--sweep {key}= has no values; write --sweep {key}=1,2,4");
    }
    Ok(values)
}

/// A value as it may be seen: of one that is a secret its number, and an address without those in it.
fn shown(key: &str, value: &str, number: usize) -> String {
    if is_secret_key(key) {
        return format!("#{number}");
    }
    // Two that differ only in what may not be seen are two points all the same.
    match shown_address(key, value) {
        Some(shown) if shown != value => format!("{shown} #{number}"),
        Some(_) | None if key.starts_with("target") && !spans_written(value, |_| false).is_empty() => {
            format!("#{number}")
        }
        Some(_) | None => value.to_owned(),
    }
}

/// The flags with a point's values: by the flag of that name where there is one, else as keys of the profile.
fn with(mut flags: Flags, values: &[Swept]) -> Flags {
    for Swept { key, value, .. } in values {
        match (key.as_str(), value.parse::<u64>(), value.parse::<f64>()) {
            ("concurrency", Ok(concurrency), _) => flags.concurrency = Some(concurrency),
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

/// The folder of a point that was run before, which an earlier version named by the keys of its time.
fn folder_before(root: &Path, values: &[Swept]) -> PathBuf {
    let before =
        |swept: &Swept| Swept { key: swept.key.replace(renamed::CONCURRENCY, renamed::SLOTS), ..swept.clone() };
    let old = root.join(named(&values.iter().map(before).collect::<Vec<_>>()));
    if old.is_dir() { old } else { root.join(named(values)) }
}

/// A point as its folder is called: `concurrency=4,case.0.max_tokens=64`.
fn named(values: &[Swept]) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let safe = |word: &str| word.chars().map(safe).collect::<String>();
    let one = |Swept { key, shown, .. }: &Swept| format!("{}={}", safe(key), safe(shown));
    values.iter().map(one).collect::<Vec<_>>().join(",")
}

/// What the sweep will cost, as far as its plans say.
fn estimate(plans: &[Planned]) -> String {
    let left: Vec<&Planned> = plans.iter().filter(|point| point.kept.is_none()).collect();
    let times: Vec<Option<Duration>> = left.iter().map(|point| point.plan.expected_end()).collect();
    let counts: Vec<Option<u64>> =
        left.iter().map(|point| point.plan.loads.iter().map(Load::expected_count).sum()).collect();
    let known = times.iter().flatten().sum::<Duration>();
    let time = if known.is_zero() {
        "as long as their requests take".to_owned()
    } else {
        let open = if times.contains(&None) { ", and those that only a count ends" } else { "" };
        format!("{} of sending{open}", humantime::format_duration(Duration::from_secs(known.as_secs().max(1))))
    };
    let requests = counts.iter().flatten().sum::<u64>();
    let more = if counts.contains(&None) { " and what closed loops make in their time" } else { "" };
    let kept = match plans.len() - left.len() {
        0 => String::new(),
        kept => format!(", {kept} of them kept from before"),
    };
    format!("sweep: {} runs{kept}, {time}, {requests} requests{more}", plans.len())
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
    let made = rows.iter().filter(|row| is_finished(&row.summary)).count();
    if made < planned {
        say(&format!("{made} of {planned} runs were made; run the same command with --out to continue\n"));
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
