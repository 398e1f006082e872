//! Reads a profile, changes it as the command line says, and finds its faults.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde::Deserialize as _;
use serde_json::Value;
use url::Url;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::flags::Flags;
use super::problem::{Problem, Problems, Source};
use super::resolve::Faulty;
use super::tree::Node;
use super::written::masked;
use super::{Profile, bodies, files, keys, preset, renamed, resolve, schema};
use crate::plan::abort::Abort;
use crate::plan::baseline::Baseline;
use crate::plan::capacity::{BuiltinTerms, SearchTerms};
use crate::plan::case::{Case, Recipe, Setting, text_seed};
use crate::plan::goal::{Goal, nearest};
use crate::plan::prompt::conversation::Conversations;
use crate::plan::prompt::length::Length;
use crate::plan::prompt::synthetic::{Scale, Synthetic};
use crate::plan::prompt::table::Table;
use crate::plan::prompt::tokenizer::Tokenizer;
use crate::plan::schedule::think::Think;
use crate::plan::schedule::{Load, Shard};
use crate::plan::secret::{Secret, shown_text};
use crate::plan::target::{Header, Target};
use crate::plan::terms::Terms;
use crate::plan::{Goodput, Limits, Plan, Price};

/// What the loader knows of the world outside the profile.
pub struct World<'w> {
    /// Looks an environment variable up.
    pub env: &'w dyn Fn(&str) -> Option<String>,
    /// Today, as `2026-11-22`, for entries of a baseline that expire.
    pub today: String,
    /// Salt of a run whose profile gives none; no two runs should have the same.
    pub salt: u64,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("today", &self.today).finish_non_exhaustive()
    }
}

/// A profile without faults. What only the endpoint can tell is still open: its address where it is built in, and the
/// model where none is named.
#[derive(Debug)]
pub struct Draft {
    /// Name of the profile.
    pub name: String,
    /// Seed, where the profile has one.
    pub seed: Option<u64>,
    /// Salt, where the profile has one.
    pub salt: Option<u64>,
    /// Salt of a run without one of its own.
    pub(super) fresh_salt: u64,
    /// Where requests go.
    pub target: Target,
    /// Things worth saying that are no faults.
    pub notes: Vec<String>,
    /// Secrets that cannot be looked for in replies, and why.
    pub warnings: Vec<String>,
    /// What the user calls the endpoint.
    pub target_name: Option<String>,
    /// What a conformance check is told of the endpoint.
    pub terms: Terms,
    /// How `proofload capacity` searches.
    pub search: SearchTerms,
    /// What the built-in endpoint is, where it is meant.
    pub builtin: BuiltinTerms,
    /// Known violations, and what held.
    pub baseline: Baseline,
    /// Requests that have gone out alone, for the next plan to say.
    pub preflight: u64,
    /// The profile as it held, without secrets.
    pub(super) effective: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) loads: Vec<Load>,
    pub(super) aborts: Vec<Abort>,
    pub(super) tokenizer: Option<Arc<Tokenizer>>,
    pub(super) price: Option<Price>,
    pub(super) cases: Vec<DraftCase>,
    pub(super) goals: Vec<Goal>,
    pub(super) goodput: Option<Goodput>,
    pub(super) reuse: bool,
    pub(super) limits: Limits,
    /// The part of the plan that this process is to carry out.
    pub shard: Shard,
    pub(super) keys: BTreeMap<String, String>,
}

/// A case whose bodies may still lack the model.
#[derive(Debug)]
pub(super) struct DraftCase {
    pub(super) name: String,
    pub(super) weight: u32,
    pub(super) bodies: Vec<Value>,
    pub(super) conversations: Option<Arc<Conversations>>,
    pub(super) think: Think,
    pub(super) variables: Option<Arc<Table>>,
    pub(super) synthetic: Option<Synthetic>,
    pub(super) output: Option<Length>,
    /// Whether the endpoint is asked how it counts tokens.
    pub(super) calibrated: bool,
}

impl Draft {
    /// Whether some request names no model although the dialect demands one.
    pub fn needs_model(&self) -> bool {
        self.target.model.is_none()
            && self.target.contract.facts.model_required
            && self.cases.iter().flat_map(|case| &case.bodies).any(|body| body.get("model").is_none())
    }

    /// Cases whose lengths the endpoint is to be asked about, each with a body that asks, for a number of words.
    pub fn questions(&self) -> Vec<(usize, impl Fn(u64) -> Value)> {
        let asked = self.cases.iter().enumerate().filter(|(_, case)| case.calibrated);
        let question = |(number, case): (usize, &DraftCase)| {
            let mut body = case.bodies.first().cloned().unwrap_or_default();
            if let (Some(model), Some(members)) = (&self.target.model, body.as_object_mut()) {
                members.entry("model").or_insert_with(|| Value::String(model.clone()));
            }
            (number, move |words| bodies::question(&body, words))
        };
        asked.map(question).collect()
    }

    /// Has a case's prompts made by what the endpoint said of its tokens.
    pub fn calibrate(&mut self, case: usize, scale: Scale) {
        if let Some(synthetic) = self.cases.get_mut(case).and_then(|case| case.synthetic.as_mut()) {
            synthetic.manner.scale = scale;
        }
    }

    /// The first body of each case, with its share of the requests.
    pub fn bodies(&self) -> Vec<(u32, &Value)> {
        self.cases.iter().filter_map(|case| Some((case.weight, case.bodies.first()?))).collect()
    }

    /// Points the plan at the built-in endpoint, which has an address and a key of its own.
    pub fn connect(&mut self, address: &Url, key: &str) {
        self.target.url = Target::endpoint(address);
        self.target.headers.retain(|header| !header.name.eq_ignore_ascii_case("authorization"));
        self.target.headers.push(Header {
            name: "authorization".to_owned(),
            value: Secret::new(format!("Bearer {key}")),
            shown: "Bearer ${PROOFLOAD_KEY}".to_owned(),
        });
    }

    /// The salt of its runs; none where prompts are meant to repeat.
    pub fn salt(&self) -> Option<u64> {
        (!self.reuse).then(|| self.salt.unwrap_or(self.fresh_salt))
    }

    /// The plan, with this seed and the draft's salt.
    pub fn plan(&self, seed: u64) -> Plan {
        self.salted(seed, self.salt())
    }

    /// The plan with a salt that no run has: what is sent by it leaves nothing in a cache that a run could find.
    pub fn plan_apart(&self, seed: u64) -> Plan {
        const APART: u64 = 0x7072_6566_6c69_6768;
        let salt = self.salt.unwrap_or(self.fresh_salt);
        self.salted(seed, Some(xxh3_64_with_seed(&salt.to_le_bytes(), APART)))
    }

    fn salted(&self, seed: u64, salt: Option<u64>) -> Plan {
        let setting = Setting::of(&self.target, text_seed(seed, salt));
        let with_model = |body: &Value| match (&self.target.model, body.clone()) {
            (Some(model), Value::Object(mut members)) if !members.contains_key("model") => {
                members.shift_insert(0, "model".to_owned(), Value::String(model.clone()));
                Value::Object(members)
            }
            (_, body) => body,
        };
        let case = |case: &DraftCase| {
            let bodies: Vec<Value> = case.bodies.iter().map(with_model).collect();
            let DraftCase { name, weight, conversations, think, variables, synthetic, output, .. } = case;
            let recipe = Recipe {
                name,
                weight: *weight,
                bodies: &bodies,
                conversations: conversations.clone(),
                think: *think,
                variables: variables.clone(),
                synthetic: synthetic.clone(),
                output: output.clone(),
            };
            Case::new(recipe, &setting)
        };
        let mut known = self.baseline.known.clone();
        known.retain(|known| known.is_of(self.target_name.as_deref()));
        Plan {
            profile: self.name.clone(),
            effective: self.effective.clone(),
            labels: self.labels.clone(),
            target: self.target.clone(),
            loads: self.loads.clone(),
            shard: self.shard,
            tokenizer: self.tokenizer.clone(),
            price: self.price,
            aborts: self.aborts.clone(),
            cases: self.cases.iter().map(case).collect(),
            goals: self.goals.clone(),
            goodput: self.goodput,
            reuse: self.reuse,
            seed,
            salt,
            preflight: self.preflight,
            limits: self.limits,
            baseline: known,
            levels: self.terms.levels.iter().map(|(id, own)| (*id, own.level)).collect(),
            keys: self.keys.clone(),
        }
    }
}

/// Loads a profile by path, or a preset by name, with the changes of the command line.
///
/// # Errors
/// Every fault at once; nothing is sent for a profile that has any.
pub fn load(reference: &str, flags: &Flags, world: &World<'_>) -> Result<Draft, Problems> {
    let (source, folder, name) = find(reference)?;
    let mut problems = Vec::new();
    let mut tree = Node::read(&source.text, 0, &mut problems);
    let syntax = !problems.is_empty();
    // What has no table of a target is most likely YAML or JSON, and every line of it a fault.
    if syntax && !tree.at("/target").is_some_and(Node::is_table) {
        problems.truncate(1);
        problems[0].help = Some("a profile is TOML; proofload profile new prints one to start from".to_owned());
    }
    let mut sources = vec![source];
    renamed::rename(&mut tree, &mut problems);
    flags.apply(&mut tree, &mut sources, &mut problems);
    let mut sound = tree.clone();
    let faulty = Faulty { syntax, pointers: prune(&mut sound, &mut problems) };
    let written = sound.value();
    let profile = match Profile::deserialize(&written) {
        Ok(profile) => profile,
        Err(error) => {
            let title = format!("the profile cannot be read: {error}");
            problems.push(Problem { title, place: None, label: String::new(), help: None });
            return Err(masked(sources, problems, &tree));
        }
    };
    let as_written = resolve::Written { tree: &tree, faulty: &faulty };
    let draft = resolve::resolve(profile, name, &folder, as_written, world, &mut sources, &mut problems);
    match draft {
        Some(draft) if problems.is_empty() => {
            let keys = keys::of(&written, &draft.cases, &draft.target.redactor());
            Ok(Draft { keys, ..draft })
        }
        _ => Err(masked(sources, problems, &tree)),
    }
}

/// The text of a profile, the folder that its paths are relative to, and its name.
fn find(reference: &str) -> Result<(Source, PathBuf, String), Problems> {
    let path = Path::new(reference);
    match files::read_text(path, files::Kind::PROFILE) {
        Ok(text) => {
            let name =
                path.file_stem().map_or_else(|| reference.to_owned(), |stem| stem.to_string_lossy().into_owned());
            let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
            Ok((Source { name: reference.to_owned(), text }, folder, name))
        }
        Err(error) if error.is_missing() => {
            if let Some(found) = preset::find(reference) {
                let source = Source { name: format!("preset {}", found.name), text: found.text.to_owned() };
                Ok((source, PathBuf::new(), found.name.to_owned()))
            } else {
                let names: Vec<&str> = preset::ALL.iter().map(|preset| preset.name).collect();
                let near = nearest(reference, &names).map(|name| format!("did you mean {name}? "));
                let near =
                    near.or_else(|| reference.contains("://").then(|| "an address goes behind --url; ".to_owned()));
                let help = format!("{}the presets are {}", near.unwrap_or_default(), names.join(", "));
                Err(Problems::one(format!("no file and no preset is called {:?}", shown_text(reference)), Some(help)))
            }
        }
        Err(error) => {
            let title = format!("cannot read {:?}: {error}", shown_text(reference));
            Err(Problems::one(title, error.cure().map(str::to_owned)))
        }
    }
}

/// Holds the tree against the profile's schema and takes out what breaks it, so that the rest can still be judged. Where
/// that was.
fn prune(tree: &mut Node, problems: &mut Vec<Problem>) -> BTreeSet<String> {
    let value = tree.value();
    let mut broken = Vec::new();
    for error in schema::validator().iter_errors(&value) {
        let pointer = error.instance_path().to_string();
        if error.instance().is_null() {
            // A value that JSON cannot hold, whose fault was found when it was read.
            broken.push(pointer);
        } else if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
            for (number, key) in unexpected.iter().enumerate() {
                let member = format!("{pointer}/{}", crate::wire::json::pointer_token(key));
                if number < UNKNOWN {
                    let many = problems.len() > resolve::GUESSED;
                    problems.push(unknown_key(tree, &pointer, &member, key, &error, many));
                }
                broken.push(member);
            }
            problems.extend(more_unknown(tree, &pointer, unexpected));
        } else {
            problems.push(misfit(tree, &pointer, &error));
            broken.push(pointer);
        }
    }
    tree.remove_all(&broken);
    // A table that lost what it cannot do without goes, too.
    let value = tree.value();
    let incomplete = schema::validator().iter_errors(&value).map(|error| error.instance_path().to_string());
    tree.remove_all(&incomplete.collect::<Vec<_>>());
    broken.into_iter().collect()
}

/// Unknown keys of one table that are told one by one.
const UNKNOWN: usize = 20;

/// What is said of the other unknown keys of a table.
fn more_unknown(tree: &Node, table: &str, unexpected: &[String]) -> Option<Problem> {
    let first = unexpected.get(UNKNOWN)?;
    let place = tree.at(&format!("{table}/{}", crate::wire::json::pointer_token(first)))?.key.clone();
    let title = format!("{} more unknown keys in {}", unexpected.len() - UNKNOWN, table_name(table));
    Some(Problem { title, place, label: "the first of them".to_owned(), help: None })
}

fn unknown_key(tree: &Node, table: &str, member: &str, key: &str, error: &ValidationError<'_>, many: bool) -> Problem {
    let place = tree.at(member).map(|node| node.key.clone().unwrap_or_else(|| node.place.clone()));
    let schema_path = error.schema_path().to_string();
    let parent = schema_path.strip_suffix("/additionalProperties").unwrap_or_default();
    let known: Vec<&str> = schema::document()
        .pointer(&format!("{parent}/properties"))
        .and_then(Value::as_object)
        .map(|properties| properties.iter().filter(|(_, schema)| schema.get("deprecated").is_none()))
        .map(|properties| properties.map(|(key, _)| key.as_str()).collect())
        .unwrap_or_default();
    let near =
        if many { None } else { schema::deeper(parent, key).or_else(|| nearest(key, &known).map(str::to_owned)) };
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None if table.starts_with("/case/") && key == "prompt" => {
            "write messages = [{ role = \"user\", content = \"...\" }], or prompt_files = [\"...\"]".to_owned()
        }
        None if table.starts_with("/case/") => {
            "put members of the body that the contract does not name under extra".to_owned()
        }
        None => format!("known are {}", known.join(", ")),
    };
    let label = format!("not a key of {}", table_name(table));
    Problem { title: format!("unknown key {key}"), place, label, help: Some(help) }
}

/// A table as it is written: `[load.open]`, `[[case]]`, or the top level.
fn table_name(pointer: &str) -> String {
    let steps: Vec<&str> = pointer.split('/').skip(1).filter(|step| step.parse::<usize>().is_err()).collect();
    match steps.as_slice() {
        [] => "the top level".to_owned(),
        ["case"] => "[[case]]".to_owned(),
        steps => format!("[{}]", steps.join(".").replace("~1", "/").replace("~0", "~")),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the generated schema uses four keywords; others speak for themselves"
)]
fn misfit(tree: &Node, pointer: &str, error: &ValidationError<'_>) -> Problem {
    let key = pointer.rsplit('/').find(|step| step.parse::<usize>().is_err()).unwrap_or("the profile");
    let written = tree.nearest(pointer).value();
    let (title, label) = match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(kind) => kind.to_string(),
                TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
            };
            (
                format!("{key} is {}, not {}", article(type_name(&written)), article(&wanted)),
                format!("expected {}", article(&wanted)),
            )
        }
        // The generated schema writes an enumeration as one constant for each documented name.
        ValidationErrorKind::OneOfNotValid { .. } => {
            let options = options_at(&error.schema_path().to_string());
            let near = written.as_str().and_then(|written| nearest(written, &options));
            let guess = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
            (format!("{key} cannot be {written}"), format!("expected {}{guess}", options.join(" or ")))
        }
        ValidationErrorKind::Minimum { limit } => (format!("{key} is too small"), format!("expected at least {limit}")),
        ValidationErrorKind::Maximum { limit } => (format!("{key} is too large"), format!("expected at most {limit}")),
        _ => (format!("{key}: {error}"), String::new()),
    };
    let description =
        schema_at(&error.schema_path().to_string()).and_then(|schema| schema.get("description")?.as_str());
    let one_of_several = label.ends_with("array") && written.is_object();
    let brackets = one_of_several.then(|| format!("write it in double brackets, as [[{key}]]"));
    let help = brackets.or_else(|| description.map(one_line));
    Problem { title, place: Some(tree.nearest(pointer).place.clone()), label, help }
}

/// The names of an enumeration, from the path of its `oneOf`.
fn options_at(keyword_path: &str) -> Vec<&'static str> {
    let options = schema::document().pointer(keyword_path).and_then(Value::as_array);
    options.into_iter().flatten().filter_map(|option| option.get("const")?.as_str()).collect()
}

/// The schema that a keyword stands in.
fn schema_at(keyword_path: &str) -> Option<&'static Value> {
    let (parent, _) = keyword_path.rsplit_once('/')?;
    schema::document().pointer(parent)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "table",
    }
}

fn article(kind: &str) -> String {
    let kind = kind.trim_matches('"').replace("object", "table");
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
