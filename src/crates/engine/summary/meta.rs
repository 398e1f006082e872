//! What was run, and whether two summaries are parts of one run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use crate::check::{Check, Level};
use crate::plan::Plan;
use crate::plan::baseline::Known;
use crate::plan::renamed;
use crate::plan::schedule::{Arrivals, Load};
use crate::wire::Contract;
use crate::wire::contract::Root;
use crate::wire::plain::{line, lines};

/// What stands for the level of a rule that is not judged.
const OFF: &str = "off";

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a run, not states")]
pub struct Meta {
    /// Name of the profile.
    pub profile: String,
    /// The profile as it held, flags included and secrets left out, as TOML.
    pub effective: String,
    /// What the user calls the run.
    pub labels: BTreeMap<String, String>,
    /// Address of the endpoint, without secrets.
    pub target: String,
    /// Whether it was the built-in reference endpoint.
    pub builtin: bool,
    /// Whose contract it was held to.
    pub dialect: String,
    /// What that contract inherits, where it has a parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
    /// The model asked for, where one was.
    pub model: Option<String>,
    /// The tokenizer that answers were counted with beside usage, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// The load in words.
    #[serde(deserialize_with = "renamed::load")]
    pub load: String,
    /// The kind of each of its loads.
    #[serde(default)]
    pub loads: Vec<LoadKind>,
    /// Requests per second asked for, of an open load.
    pub rate_per_s: Option<f64>,
    /// Whether connections were used again.
    pub keep_alive: bool,
    /// Whether a cap on requests in flight was set.
    pub capped: bool,
    /// Whether a cap on requests in flight may leave some unsent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub can_miss: bool,
    /// Seed of the run: with the plan it decides lengths, order and times.
    pub seed: u64,
    /// Salt of its text; with the seed it repeats every byte. None where `reuse` has the text come from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<u64>,
    /// Which part of the plan it is, where it is not the whole, as 2/4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Unix time of the start, in milliseconds.
    pub started_unix_ms: u64,
    /// Length of the warm-up.
    pub warmup_us: u64,
    /// Goals, as written.
    pub goals: Vec<String>,
    /// Limits for a single request, in words, by name.
    pub goodput: BTreeMap<String, String>,
    /// Whether repeated prompts were meant.
    pub reuse: bool,
    /// Ids of checks whose being broken is known, with the reason.
    pub known: BTreeMap<String, String>,
    /// Levels other than the catalogue's, by the id of the check: must, should, may or off.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<String, String>,
    /// The keys of the profile that decide what is sent, when, and how it is counted, with their values.
    #[serde(default, deserialize_with = "renamed::keys")]
    pub plan: BTreeMap<String, String>,
}

/// What a contract inherits: enough to read a summary without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// Its parents, the nearest first and the root last.
    pub parents: Vec<String>,
    /// Levels other than the root's, by the id of the check: must, should, may or off.
    pub levels: BTreeMap<String, String>,
}

impl Lineage {
    /// None of a root.
    pub fn of(contract: &Contract) -> Option<Lineage> {
        let parents: Vec<String> = contract.parents().map(|parent| line(parent.name())).collect();
        let level = |(id, level): (&String, &Option<Level>)| (id.clone(), level.map_or(OFF, Level::name).to_owned());
        let levels = || contract.levels().iter().map(level).collect();
        (!parents.is_empty()).then(|| Lineage { levels: levels(), parents })
    }
}

/// What makes the requests of a load due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadKind {
    /// Open loop: a rate.
    Open,
    /// Open loop: the times of a recording.
    Recorded {
        /// How many times it has.
        requests: u64,
        /// Tells recordings apart.
        hash: u32,
    },
    /// Closed loop: a request is due when another has ended.
    Closed,
}

impl LoadKind {
    fn of(load: &Load) -> LoadKind {
        match &load.arrivals {
            Arrivals::Open { .. } => LoadKind::Open,
            Arrivals::Closed { .. } => LoadKind::Closed,
            Arrivals::Trace { times } => {
                let mut hash = Xxh3Default::new();
                times.iter().for_each(|time| hash.update(&time.as_nanos().to_le_bytes()));
                #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash do")]
                let hash = hash.digest() as u32;
                LoadKind::Recorded { requests: times.len() as u64, hash }
            }
        }
    }

    /// Whether a request is due when another has ended.
    pub fn is_closed(self) -> bool {
        self == LoadKind::Closed
    }
}

impl fmt::Display for LoadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadKind::Open => f.write_str("open loop"),
            LoadKind::Closed => f.write_str("closed loop"),
            LoadKind::Recorded { requests, hash } => write!(f, "recording of {requests} requests, hash {hash:08x}"),
        }
    }
}

/// Names and values of the user's, fit to be printed.
fn pairs(pairs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (line(name), line(value))).collect()
}

/// Two summaries that do not belong together.
#[derive(Debug, thiserror::Error)]
#[error("the summaries are of different runs: {what} is {ours} in one and {theirs} in the other")]
pub struct Mismatch {
    pub(super) what: &'static str,
    pub(super) ours: String,
    pub(super) theirs: String,
}

/// The first key that differs, with its value in each, where it has one.
pub fn first_difference<'k>(
    ours: &'k BTreeMap<String, String>,
    theirs: &'k BTreeMap<String, String>,
) -> Option<(&'k str, Option<&'k str>, Option<&'k str>)> {
    let key = ours.keys().chain(theirs.keys()).find(|key| ours.get(*key) != theirs.get(*key))?;
    Some((key, ours.get(key).map(String::as_str), theirs.get(key).map(String::as_str)))
}

impl Meta {
    /// What a plan says of its run.
    pub(super) fn of(plan: &Plan, started_unix_ms: u64) -> Meta {
        let limits = plan.goodput.unwrap_or_default();
        let goodput = [
            ("first_token", limits.first_token),
            ("token_gap", limits.token_gap),
            ("time_per_output_token", limits.time_per_output_token),
            ("response_time", limits.response_time),
        ];
        let shown = |limit: Duration| humantime::format_duration(limit).to_string();
        Meta {
            profile: line(&plan.profile),
            effective: lines(&plan.effective),
            labels: pairs(&plan.labels),
            target: line(&plan.target.shown()),
            builtin: plan.target.builtin,
            dialect: line(plan.target.contract.name()),
            lineage: Lineage::of(&plan.target.contract),
            model: plan.target.model.as_deref().map(line),
            tokenizer: plan.tokenizer.as_ref().map(|tokenizer| line(tokenizer.name())),
            load: line(&plan.describe()),
            loads: plan.loads.iter().map(LoadKind::of).collect(),
            rate_per_s: plan.rate(),
            keep_alive: plan.target.keep_alive,
            capped: plan.loads.iter().any(|load| load.cap.is_some() || load.obeys_retry_after),
            can_miss: plan.can_miss(),
            seed: plan.seed,
            salt: plan.salt,
            shard: plan.shard.is_part().then(|| plan.shard.to_string()),
            started_unix_ms,
            warmup_us: u64::try_from(plan.warmup().as_micros()).unwrap_or(u64::MAX),
            goals: plan.goals.iter().map(|goal| line(&goal.text)).collect(),
            goodput: goodput.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), shown(limit?)))).collect(),
            // A session says again what was said before.
            reuse: plan.reuse || plan.cases.iter().any(|case| case.shares_prefixes() || case.longest() > 1),
            known: plan
                .baseline
                .iter()
                .map(|Known { check, reason, .. }| ((*check).to_owned(), line(reason)))
                .collect(),
            plan: pairs(&plan.keys),
            levels: plan
                .levels
                .iter()
                .map(|(id, level)| ((*id).to_owned(), level.map_or(OFF, Level::name).to_owned()))
                .collect(),
        }
    }

    /// When it started.
    pub fn started(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.started_unix_ms)
    }

    /// How binding a rule is in this run; none where it is off, or does not apply.
    pub(super) fn level(&self, check: &Check) -> Option<Level> {
        let level = self.level_in_contract(check)?;
        self.levels.get(check.id).map_or(Some(level), |own| Level::named(own))
    }

    /// The level of a rule in the contract of the run.
    fn level_in_contract(&self, check: &Check) -> Option<Level> {
        let lineage = self.lineage.as_ref();
        if let Some(own) = lineage.and_then(|lineage| lineage.levels.get(check.id)) {
            return Level::named(own);
        }
        let root = lineage.and_then(|lineage| lineage.parents.last()).unwrap_or(&self.dialect);
        check.root_level(Root::named(root).unwrap_or(Root::OpenAi))
    }

    /// Whether both were made from the same keys of a profile.
    pub(super) fn same_plan(&self, other: &Meta) -> Result<(), Mismatch> {
        let shown = |key: &str, value: Option<&str>| format!("{key} = {}", value.unwrap_or("nothing"));
        match first_difference(&self.plan, &other.plan) {
            Some((key, ours, theirs)) => {
                Err(Mismatch { what: "the plan", ours: shown(key, ours), theirs: shown(key, theirs) })
            }
            None => Ok(()),
        }
    }

    /// Whether both are parts of one run: all but the start must agree.
    pub(super) fn matches(&self, other: &Meta) -> Result<(), Mismatch> {
        let words = |meta: &Meta| {
            [
                ("the profile", meta.profile.clone()),
                ("the target", meta.target.clone()),
                ("the dialect", meta.dialect.clone()),
                ("what the dialect inherits", format!("{:?}", meta.lineage)),
                ("the model", format!("{:?}", meta.model)),
                ("the tokenizer", format!("{:?}", meta.tokenizer)),
                ("the load", meta.load.clone()),
                ("the kind of load", format!("{:?}", meta.loads)),
                ("the seed", meta.seed.to_string()),
                ("the salt", meta.salt.map_or("none".to_owned(), |salt| salt.to_string())),
                ("the goals", meta.goals.join(", ")),
                ("the limits of goodput", format!("{:?}", meta.goodput)),
                ("the baseline", format!("{:?}", meta.known)),
                ("the levels", format!("{:?}", meta.levels)),
                ("the labels", format!("{:?}", meta.labels)),
            ]
        };
        match words(self).into_iter().zip(words(other)).find(|(ours, theirs)| ours != theirs) {
            Some(((what, ours), (_, theirs))) => Err(Mismatch { what, ours, theirs }),
            None => Ok(()),
        }
    }
}
