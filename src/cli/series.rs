//! What the folder of several runs remembers of them, so that the same command goes on with it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Deserializer, Serialize};

use super::run::fresh_seed;
use super::sweep::present;
use super::{folder, read};
use crate::plan::{Plan, renamed};
use crate::profile::Draft;
use crate::profile::files::Kind;
use crate::summary::{Meta, Summary, first_difference};
use crate::wire::plain;

/// Name of the file.
const FILE: &str = "series.json";
/// Version of its format.
const FORMAT: u32 = 1;
/// What the name of a swept key begins with.
pub(super) const SWEEP: &str = "--sweep ";

/// What decides the runs of a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    #[serde(rename = "series")]
    format: u32,
    /// Seed of the first run.
    pub(super) seed: u64,
    /// Salt of the first run.
    pub(super) salt: u64,
    /// What else decides them, by name.
    #[serde(deserialize_with = "keys")]
    plan: BTreeMap<String, String>,
}

impl Series {
    /// The series of a command whose first run has this draft. One that its folder remembers gives the seed and the salt
    /// that the command does not state, and must be the same otherwise.
    ///
    /// # Errors
    /// If the folder holds something else, or runs of another plan.
    pub(super) fn of(folder: Option<&Path>, draft: &Draft, plan: BTreeMap<String, String>) -> anyhow::Result<Series> {
        let before = folder.map(remembered).transpose()?.flatten();
        let (seed, salt) = before.as_ref().map(|before| (before.seed, before.salt)).unzip();
        let own = Series {
            format: FORMAT,
            seed: draft.seed.or(seed).unwrap_or_else(fresh_seed),
            salt: draft.salt.or(salt).unwrap_or_else(fresh_seed),
            plan: plan.into_iter().map(|(key, value)| (plain::line(&key), plain::line(&value))).collect(),
        };
        if let (Some(folder), Some(before)) = (folder, before) {
            same(folder, &before.facts(), &own.facts())?;
        }
        Ok(own)
    }

    /// Keeps it in the folder, before the first of the runs.
    pub(super) fn keep(&self, folder: &Path) -> anyhow::Result<()> {
        folder::keep_text(folder, FILE, &serde_json::to_string_pretty(self).context("writing the series")?)
    }

    fn facts(&self) -> BTreeMap<String, String> {
        with_roots(self.plan.clone(), self.seed, Some(self.salt))
    }
}

/// What a folder remembers; none where there is nothing in it.
fn remembered(folder: &Path) -> anyhow::Result<Option<Series>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return folder::check_free(folder).map(|()| None);
    }
    let damaged = || format!("{} is damaged", path.display());
    let document: serde_json::Value = serde_json::from_str(&read::text(&path, Kind::SERIES)?).with_context(damaged)?;
    if document["series"] != FORMAT {
        bail!("{} has format {}, this program reads {FORMAT}", path.display(), document["series"]);
    }
    serde_json::from_value(document).map(Some).with_context(damaged)
}

/// The run that a folder holds, where it is finished. One that was cut short is run again.
///
/// # Errors
/// If it is a run of another plan, or cannot be read.
pub(super) fn finished(own: &Path, plan: impl FnOnce() -> Plan) -> anyhow::Result<Option<Summary>> {
    if !folder::holds_run(own) {
        return Ok(None);
    }
    let summary = folder::read(&own.to_string_lossy())??;
    if !is_finished(&summary) {
        return Ok(None);
    }
    let fresh = Summary::new(&plan(), summary.meta.started_unix_ms).meta;
    // A model that is not named yet is taken from what is kept.
    let named = fresh.model.is_some();
    same(own, &facts_of(&summary.meta, named), &facts_of(&fresh, named))?;
    Ok(Some(summary))
}

/// Whether a run came to its end.
pub(super) fn is_finished(summary: &Summary) -> bool {
    summary.ending.is_whole()
}

/// What decides the requests of a run beside seed and salt, by name. A model that only the endpoint names is not known.
pub(super) fn plan_of(draft: &Draft) -> BTreeMap<String, String> {
    let meta = Summary::new(&draft.plan(0), 0).meta;
    let mut plan = facts(&meta, meta.model.is_some());
    if meta.builtin {
        plan.insert("target.builtin".to_owned(), format!("{:?}", draft.builtin));
    }
    plan
}

fn facts(meta: &Meta, with_model: bool) -> BTreeMap<String, String> {
    // The built-in endpoint has another address each time.
    let target = if meta.builtin { "builtin" } else { &meta.target };
    let own = [("profile", meta.profile.as_str()), ("target.url", target), ("target.dialect", &meta.dialect)];
    let model = meta.model.as_deref().filter(|_| with_model).map(|model| ("target.model", model));
    let named = own.into_iter().chain(model).map(|(name, value)| (name.to_owned(), value.to_owned()));
    named.chain(meta.plan.clone()).collect()
}

fn facts_of(meta: &Meta, with_model: bool) -> BTreeMap<String, String> {
    with_roots(facts(meta, with_model), meta.seed, meta.salt)
}

/// Keys that decide the runs, by their present names, what is swept included.
fn keys<'de, D: Deserializer<'de>>(keys: D) -> Result<BTreeMap<String, String>, D::Error> {
    let swept = |(key, value): (String, String)| match key.strip_prefix(SWEEP) {
        Some(key) => (format!("{SWEEP}{}", present(key)), value),
        None => (key, value),
    };
    renamed::keys(keys).map(|keys| keys.into_iter().map(swept).collect())
}

fn with_roots(mut facts: BTreeMap<String, String>, seed: u64, salt: Option<u64>) -> BTreeMap<String, String> {
    facts.insert("seed".to_owned(), seed.to_string());
    facts.extend(salt.map(|salt| ("salt".to_owned(), salt.to_string())));
    facts
}

fn same(folder: &Path, was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> anyhow::Result<()> {
    match first_difference(was, is) {
        Some((key, was, is)) => bail!(
            "{} holds runs of another plan: {key} was {} there and is {} now; name another folder with --out",
            folder.display(),
            was.unwrap_or("not set"),
            is.unwrap_or("not set")
        ),
        None => Ok(()),
    }
}

/// Runs without those that were cut short, where there are others, and how many were.
pub(super) fn without_cut(runs: Vec<Summary>) -> (Vec<Summary>, usize) {
    let cut = runs.iter().filter(|run| !is_finished(run)).count();
    if cut == runs.len() {
        return (runs, 0);
    }
    (runs.into_iter().filter(is_finished).collect(), cut)
}
