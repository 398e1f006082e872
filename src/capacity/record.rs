//! What is kept of a search, in `capacity.json`: all that a report, a plan and a search that goes on need.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::scaling::{Little, Usl, little, usl};
use super::search::{Ending, Search};
use super::stage::Stage;
use super::verification::Verification;
use crate::plan::goal::words;
use crate::plan::renamed;

/// Version of the file format; raised when a reader of the last would misunderstand.
pub const FORMAT: u32 = 3;
/// The oldest version that is read. Format 2 has the older names of the members for `concurrency`.
pub const OLDEST: u32 = 2;

/// A search and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "proofload capacity")]
pub struct Record {
    /// Version of this file's format.
    pub capacity: u32,
    /// Version of proofload that wrote it.
    pub proofload: String,
    /// What was asked.
    pub asked: Asked,
    /// What it came to.
    pub answer: Answer,
    /// What it took.
    pub spent: Spent,
    /// Every stage, in order.
    pub stages: Vec<Stage>,
    /// Little's law at each steady stage.
    pub little: Vec<Little>,
    /// The Universal Scalability Law.
    pub usl: Usl,
    /// Runs at the lower end of an answer that lasted longer than a stage, in order.
    pub verifications: Vec<Verification>,
}

/// What was asked of whom.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Name of the profile.
    pub profile: String,
    /// The profile as it was given, to run it again.
    pub reference: String,
    /// The flags that shape its requests, as words of a command line; secrets are left out of them.
    #[serde(default)]
    pub flags: Vec<String>,
    /// The flags of its load and of the search, likewise; what bounds the search is left out of them.
    #[serde(default)]
    pub terms: Vec<String>,
    /// Address of the endpoint, without secrets.
    pub target: String,
    /// Whether it was the built-in endpoint, and what that was told to be.
    pub builtin: Option<String>,
    /// Whose contract it was held to.
    pub dialect: String,
    /// The model asked for.
    pub model: Option<String>,
    /// What the user calls the run.
    pub labels: BTreeMap<String, String>,
    /// Goals of all requests together, as the user wrote them.
    pub goals: Vec<String>,
    /// Those that hold because the user wrote none of their kind.
    #[serde(default)]
    pub default_goals: Vec<String>,
    /// Goals of single cases.
    pub case_goals: BTreeMap<String, Vec<String>>,
    /// Cases with their weights.
    pub cases: BTreeMap<String, u32>,
    /// Whether the search is over concurrency, and not over rates.
    #[serde(alias = "slots")]
    pub concurrency: bool,
    /// The load in words.
    #[serde(deserialize_with = "renamed::load")]
    pub load: String,
    /// First load.
    pub from: f64,
    /// Highest load.
    pub to: f64,
    /// How near the ends must be.
    pub precision: f64,
    /// Measured part of a stage, in seconds.
    pub stage_s: f64,
    /// The same of one that confirms.
    pub confirm_s: f64,
    /// Seed of the first stage.
    pub seed: u64,
    /// Unix time of the start, in milliseconds.
    pub started_unix_ms: u64,
}

/// What a search took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Time, in seconds.
    pub time_s: f64,
    /// Requests.
    pub requests: f64,
    /// Prompt tokens.
    pub input_tokens: f64,
    /// Completion tokens.
    pub output_tokens: f64,
    /// What they cost, where the profile has a price.
    pub cost: Option<f64>,
}

impl Asked {
    /// Every goal in words, the defaults marked, those of single cases last.
    pub fn all_goals(&self) -> Vec<String> {
        let defaults = self.default_goals.iter().map(|goal| words(goal, true));
        let cases = self.case_goals.iter().flat_map(|(case, goals)| goals.iter().map(move |goal| (case, goal)));
        let cases = cases.map(|(case, goal)| format!("{goal} ({case})"));
        self.goals.iter().cloned().chain(defaults).chain(cases).collect()
    }

    /// What of it a search that goes on must share; none where it does.
    pub fn differs(&self, other: &Asked) -> Option<&'static str> {
        let comparable = |asked: &Asked| Asked {
            seed: 0,
            started_unix_ms: 0,
            reference: String::new(),
            flags: Vec::new(),
            terms: Vec::new(),
            labels: BTreeMap::new(),
            target: if asked.builtin.is_some() { String::new() } else { asked.target.clone() },
            ..asked.clone()
        };
        let (ours, theirs) = (comparable(self), comparable(other));
        if ours == theirs {
            return None;
        }
        Some(if (&ours.profile, &ours.target) != (&theirs.profile, &theirs.target) {
            "the profile or the endpoint"
        } else if ours.all_goals() != theirs.all_goals() {
            "the goals"
        } else {
            "the load, the cases or the terms of the search"
        })
    }
}

impl Record {
    /// The record of a search; without an ending it is not over.
    pub fn of(asked: Asked, search: &Search, ending: Option<&Ending>) -> Record {
        let spent = search.spent();
        let price = search.terms().price;
        let cost = price.of(spent.input_tokens, spent.output_tokens);
        Record {
            capacity: FORMAT,
            proofload: env!("CARGO_PKG_VERSION").to_owned(),
            asked,
            answer: Answer::of(search, ending),
            spent: Spent {
                time_s: spent.time.as_secs_f64(),
                requests: spent.requests,
                input_tokens: spent.input_tokens,
                output_tokens: spent.output_tokens,
                cost: (cost > 0.0).then_some(cost),
            },
            stages: search.stages().to_vec(),
            little: little(search.stages()),
            usl: usl(search.stages()),
            verifications: Vec::new(),
        }
    }
}

/// The JSON Schema of a record; `schemas/capacity.json` is this, committed.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Record>().to_value()
}
