//! From the arguments of a check, and what a profile says of the endpoint, to the options of the suite.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

use super::catalogue::find;
use super::check_args::{CheckArgs, LevelArg, Selection, TierArg};
use super::run;
use crate::check::{self, Check, Depth, Level};
use crate::plan::terms::Terms;
use crate::profile::Draft;
use crate::suite::capture::Meta;
use crate::suite::{Options, capabilities};
use crate::wire::Contract;

/// Tokens that an answer may have, and that one of a model that reasons first may have.
const CAP: [u64; 2] = [64, 512];

/// The options of a check.
pub(super) fn options(args: &CheckArgs, draft: &Draft) -> anyhow::Result<Options> {
    let (selection, terms) = (&args.selection, &draft.terms);
    let mut without = known(selection.without.iter().chain(&terms.without))?;
    // Without a key there is none to be refused for.
    if !draft.target.builtin && draft.target.authorization().is_none() {
        without.insert("keys".to_owned());
    }
    let name = draft.target_name.as_deref();
    let forgiven = draft.baseline.known.iter().filter(|known| known.is_of(name)).map(|known| known.check);
    Ok(Options {
        depth: depth(selection),
        only: only(selection, &draft.target.contract)?,
        without,
        require: known(selection.require.iter().chain(&terms.require))?,
        levels: levels(terms),
        repeat: args.repeat,
        jobs: usize::try_from(args.jobs).unwrap_or(1),
        seed: args.seed.or(draft.seed).unwrap_or_else(run::fresh_seed),
        cap: CAP[usize::from(args.reasoning || terms.reasoning)],
        context_window: args.context_window.or(terms.context_window),
        schema_rate: terms.schema_rate,
        fail_fast: args.fail_fast,
        forgiven: forgiven.collect(),
    })
}

/// The options under which a capture is judged again: those it was taken with, narrowed by the flags, on the terms that
/// a profile has now.
pub(super) fn of_capture(
    selection: &Selection,
    meta: &Meta,
    contract: &Contract,
    terms: &Terms,
) -> anyhow::Result<Options> {
    Ok(Options {
        depth: depth(selection).max(meta.depth()),
        only: only(selection, contract)?,
        without: known(selection.without.iter().chain(&meta.without).chain(&terms.without))?,
        require: known(selection.require.iter().chain(&terms.require))?,
        levels: levels(terms),
        repeat: 1,
        jobs: 1,
        seed: meta.seed,
        cap: meta.cap,
        context_window: meta.context_window,
        schema_rate: terms.schema_rate,
        fail_fast: false,
        forgiven: BTreeSet::new(),
    })
}

fn levels(terms: &Terms) -> BTreeMap<&'static str, Option<Level>> {
    terms.levels.iter().map(|(id, own)| (*id, own.level)).collect()
}

/// A check that is named is judged whatever its tier.
fn depth(selection: &Selection) -> Depth {
    match selection.tier {
        _ if !selection.only.is_empty() => Depth::Intrusive,
        TierArg::Core => Depth::Core,
        TierArg::Full => Depth::Full,
        TierArg::Intrusive => Depth::Intrusive,
    }
}

fn known<'n>(names: impl Iterator<Item = &'n String>) -> anyhow::Result<BTreeSet<String>> {
    let known: Vec<&str> = capabilities().collect();
    let names: BTreeSet<String> = names.cloned().collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("no capability is called {name:?}; known are {}", known.join(", "));
    }
    Ok(names)
}

/// The ids that the flags leave; none where no flag takes any out.
fn only(selection: &Selection, contract: &Contract) -> anyhow::Result<Option<BTreeSet<&'static str>>> {
    let (only, skip) = (ids(&selection.only)?, ids(&selection.skip)?);
    let areas: BTreeSet<&str> = check::AREAS.iter().map(|(_, area)| *area).collect();
    if let Some(area) = selection.area.iter().find(|area| !areas.contains(area.as_str())) {
        bail!("no area is called {area:?}; the areas are {}", areas.into_iter().collect::<Vec<_>>().join(", "));
    }
    let least = selection.level.map(|level| match level {
        LevelArg::Must => Level::Must,
        LevelArg::Should => Level::Should,
        LevelArg::May => Level::May,
    });
    if only.is_empty() && skip.is_empty() && selection.area.is_empty() && least.is_none() {
        return Ok(None);
    }
    let fits = |check: &&'static Check| {
        (only.is_empty() || only.contains(check.id))
            && !skip.contains(check.id)
            && (selection.area.is_empty() || selection.area.iter().any(|area| area == check.area()))
            && least.is_none_or(|least| check.level(contract).is_some_and(|level| level <= least))
    };
    Ok(Some(check::catalogue(contract).filter(fits).map(|check| check.id).collect()))
}

fn ids(names: &[String]) -> anyhow::Result<BTreeSet<&'static str>> {
    names.iter().map(|name| find(name).map(|check| check.id)).collect()
}
