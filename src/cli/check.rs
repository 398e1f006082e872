//! `proofload check`: judge an endpoint by the whole catalogue.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};

use super::args::FormatArg;
use super::check_args::{CheckArgs, LevelArg, TierArg};
use super::exit::Exit;
use super::serve::Builtin;
use super::{check_profile, print, run, say};
use crate::check::{self, Check, Depth, Judge, Level};
use crate::plan::goal::nearest;
use crate::profile::flags::Flags;
use crate::profile::{Draft, load};
use crate::report::conformance::{self, Subject};
use crate::suite::status::Status;
use crate::suite::{Conformance, Options, capabilities, conduct};
use crate::wire::Dialect;

/// Tokens that an answer may have, and that one of a model that reasons first may have.
const CAP: [u64; 2] = [64, 512];

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    if let Some(id) = &args.explain {
        return explain(id);
    }
    if args.list {
        return list(args);
    }
    let mut draft = match draft(args) {
        Ok(draft) => draft,
        Err(problems) => return Ok(check_profile::draw(&problems)),
    };
    let tell = |text: &str| {
        if !args.quiet {
            say(&format!("{text}\n"));
        }
    };
    let options = options(args, &draft)?;
    let builtin = draft.target.builtin.then(|| Builtin::start(draft.target.dialect, options.seed)).transpose()?;
    if let Some(builtin) = &builtin {
        draft.connect(&builtin.url, &builtin.key);
    }
    if let Some(exit) = run::preflight(args.wait, &mut draft, &tell)? {
        return Ok(exit);
    }
    let target = &draft.target;
    tell(&format!("{}: {} dialect, seed {}", target.shown(), target.dialect, options.seed));
    let progress = super::progress::Count::start(args.quiet);
    let run = conduct(target, &options, |ended, known| progress.show(ended, known))?;
    drop(progress);
    drop(builtin);
    let (exit, reasons) = verdict(&run, args.strict, target.headers.iter().any(|h| h.name == "authorization"));
    let name = match exit {
        Exit::Pass => "pass",
        Exit::Fail => "fail",
        Exit::Usage | Exit::Invalid | Exit::Mismatch | Exit::Interrupted => "invalid",
    };
    let subject =
        Subject { run: &run, target, verdict: name, reasons: &reasons, seed: options.seed, verbose: args.verbose };
    print(&match args.format {
        FormatArg::Text => conformance::text(&subject),
        FormatArg::Json => conformance::json(&subject),
    })?;
    Ok(if exit == Exit::Fail && args.exit_zero { Exit::Pass } else { exit })
}

/// The target, from an address or from a profile whose load and cases are not looked at.
fn draft(args: &CheckArgs) -> Result<Draft, crate::profile::Problems> {
    let named = args.target.as_deref().unwrap_or_default();
    let address = named.contains("://") || named == "builtin";
    let flags = Flags { url: address.then(|| named.to_owned()), ..args.target_flags.flags() };
    load(if address { "smoke" } else { named }, &flags, &check_profile::world(&check_profile::env))
}

fn options(args: &CheckArgs, draft: &Draft) -> anyhow::Result<Options> {
    let known: Vec<&str> = capabilities().collect();
    for name in args.without.iter().chain(&args.require) {
        if !known.contains(&name.as_str()) {
            bail!("no capability is called {name:?}; known are {}", known.join(", "));
        }
    }
    let depth = match args.tier {
        TierArg::Core => Depth::Core,
        TierArg::Full => Depth::Full,
        TierArg::Intrusive => Depth::Intrusive,
    };
    Ok(Options {
        depth: if args.only.is_empty() { depth } else { Depth::Intrusive },
        only: Some(wanted(args, draft.target.dialect)?),
        without: without(args, draft),
        require: args.require.iter().cloned().collect(),
        levels: std::collections::BTreeMap::new(),
        repeat: args.repeat,
        jobs: usize::try_from(args.jobs).unwrap_or(1),
        seed: args.seed.or(draft.seed).unwrap_or_else(run::fresh_seed),
        cap: CAP[usize::from(args.reasoning)],
        context_window: args.context_window,
    })
}

/// Without a key there is none to be refused for.
fn without(args: &CheckArgs, draft: &Draft) -> BTreeSet<String> {
    let mut without: BTreeSet<String> = args.without.iter().cloned().collect();
    if !draft.target.builtin && !draft.target.headers.iter().any(|header| header.name == "authorization") {
        without.insert("keys".to_owned());
    }
    without
}

/// The ids that the flags leave.
fn wanted(args: &CheckArgs, dialect: Dialect) -> anyhow::Result<BTreeSet<&'static str>> {
    let only = ids(&args.only)?;
    let skip = ids(&args.skip)?;
    let areas: BTreeSet<&str> = check::AREAS.iter().map(|(_, area)| *area).collect();
    for area in &args.area {
        if !areas.contains(area.as_str()) {
            bail!("no area is called {area:?}; the areas are {}", areas.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    let least = args.level.map(|level| match level {
        LevelArg::Must => Level::Must,
        LevelArg::Should => Level::Should,
        LevelArg::May => Level::May,
    });
    let fits = |check: &&'static Check| {
        (only.is_empty() || only.contains(check.id))
            && !skip.contains(check.id)
            && (args.area.is_empty() || args.area.iter().any(|area| area == check.area()))
            && least.is_none_or(|least| check.level(dialect).is_some_and(|level| level <= least))
    };
    Ok(check::catalogue(dialect).filter(fits).map(|check| check.id).collect())
}

fn ids(names: &[String]) -> anyhow::Result<BTreeSet<&'static str>> {
    names.iter().map(|name| find(name).map(|check| check.id)).collect()
}

fn find(id: &str) -> anyhow::Result<&'static Check> {
    check::find(id).with_context(|| {
        let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
        let near = nearest(id, &ids).map_or(String::new(), |near| format!("; did you mean {near}?"));
        format!("no check is called {id:?}{near} (--list lists them)")
    })
}

/// What a run comes to, and why.
fn verdict(run: &Conformance, strict: bool, has_key: bool) -> (Exit, Vec<String>) {
    let of = |wanted: &[&str]| run.rows.iter().filter(|row| wanted.contains(&row.status.name())).collect::<Vec<_>>();
    let shut = of(&["BLOCKED"]);
    let errors: Vec<_> = of(&["ERROR"]).into_iter().filter(|row| row.level == Level::Must).collect();
    let failed = of(if strict { &["FAIL", "WARN", "LOST", "FLAKY"] } else { &["FAIL", "LOST", "FLAKY"] });
    let failed: Vec<_> = failed.into_iter().filter(|row| strict || row.level == Level::Must).collect();
    let asserted = run.rows.iter().any(|row| !matches!(row.status, Status::Skip | Status::Blocked(_) | Status::Error));
    let mut reasons = Vec::new();
    if !shut.is_empty() && !has_key {
        reasons.push(
            "the endpoint let the plain request not in, and no key was given: name its variable with --key-env"
                .to_owned(),
        );
    }
    reasons.extend(errors.iter().map(|row| format!("{} could not be judged: {}", row.check.id, row.reason)));
    if !asserted {
        reasons.push("nothing was asserted".to_owned());
    }
    let answered = run.exchanges.iter().any(|exchange| exchange.head.is_some());
    if !errors.is_empty() || !asserted || !answered {
        return (Exit::Invalid, reasons);
    }
    reasons.extend(failed.iter().map(|row| format!("{}: {}", row.check.id, row.check.rule)));
    (if failed.is_empty() { Exit::Pass } else { Exit::Fail }, reasons)
}

fn list(args: &CheckArgs) -> anyhow::Result<Exit> {
    let checks: Vec<&'static Check> = check::ALL.iter().copied().flatten().collect();
    if args.format == FormatArg::Json {
        let rows: Vec<serde_json::Value> = checks.iter().map(|check| row(check)).collect();
        print(&format!("{:#}\n", serde_json::Value::Array(rows)))?;
        return Ok(Exit::Pass);
    }
    let lines = checks.iter().map(|check| {
        let levels = Dialect::ALL.map(|dialect| check.level(dialect).map_or("-", Level::name));
        format!(
            "{:38} {:10} {:10} {:24} {}\n",
            check.id,
            check.area(),
            check.tier.depth.name(),
            levels.join("/"),
            check.rule
        )
    });
    print(&lines.collect::<String>())?;
    Ok(Exit::Pass)
}

fn row(check: &Check) -> serde_json::Value {
    let levels: serde_json::Map<String, serde_json::Value> = Dialect::ALL
        .iter()
        .map(|dialect| (dialect.name().to_owned(), serde_json::json!(check.level(*dialect).map(Level::name))))
        .collect();
    serde_json::json!({"id": check.id, "area": check.area(), "tier": check.tier.depth.name(), "by_model": check.tier.by_model,
        "levels": levels, "rule": check.rule, "source": check.source, "implemented": true})
}

fn explain(id: &str) -> anyhow::Result<Exit> {
    let check = find(id)?;
    let levels: Vec<String> = Dialect::ALL
        .iter()
        .map(|dialect| format!("{dialect} {}", check.level(*dialect).map_or("not applicable", Level::name)))
        .collect();
    let judged = match check.judge {
        Judge::Reply(_) => "on every reply, of a load run too".to_owned(),
        Judge::Probes(probes, _) => format!("on the replies to the probes {}", probes.join(", ")),
        Judge::Defect(..) => format!("on the replies to the probe {}", check.id),
        Judge::Defects(_) => "on the replies to all requests with a defect".to_owned(),
        Judge::Run => "on a load run".to_owned(),
    };
    let by_model = if check.tier.by_model { ", depends on the model" } else { "" };
    print(&format!(
        "{}\n  rule    {}\n  levels  {}\n  tier    {}{by_model}\n  area    {}\n  source  {}\n  judged  {judged}\n",
        check.id,
        check.rule,
        levels.join(", "),
        check.tier.depth.name(),
        check.area(),
        check.source
    ))?;
    Ok(Exit::Pass)
}
