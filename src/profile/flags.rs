//! What the command line changes in a profile. Each flag stands for a key of it.

use serde_json::{Value, json};

use super::problem::{COMMAND_LINE, Place, Problem, Source};
use super::tree::{Kind, Node};
use super::{renamed, schema};
use crate::plan::goal::{Goal, Guard};
use crate::plan::renamed::key as key_of;
use crate::plan::secret::may_cross;
use crate::wire::api::request::CAPS;
use crate::wire::json::pointer_token;

/// Changes to a profile, in the words of the command line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    /// `target.url`
    pub url: Option<String>,
    /// `target.name`
    pub target_name: Option<String>,
    /// `target.dialect`
    pub dialect: Option<String>,
    /// `target.model`
    pub model: Option<String>,
    /// `target.key_env`
    pub key_env: Option<String>,
    /// `target.preflight = false`
    pub no_preflight: bool,
    /// `target.tokenizer`
    pub tokenizer: Option<String>,
    /// `target.scrape`
    pub scrape: Option<String>,
    /// `target.headers.NAME`
    pub headers: Vec<(String, String)>,
    /// Whether the address is of another origin than the profile's own, so that no secret of the profile goes there: no key,
    /// no header that is a secret or made from one.
    pub elsewhere: bool,
    /// `target.public_headers`, added to the profile's own.
    pub public_headers: Vec<String>,
    /// `load.closed.concurrency`; an open load becomes a closed one.
    pub concurrency: Option<u64>,
    /// `load.open.rate`; a closed load becomes an open one.
    pub rate: Option<f64>,
    /// `count` of the load; without `duration`, the profile's own is dropped, and its warm-up with it.
    pub count: Option<u64>,
    /// `duration` of the load; without `count`, the profile's own is dropped.
    pub duration: Option<String>,
    /// `seed`
    pub seed: Option<u64>,
    /// `salt`
    pub salt: Option<u64>,
    /// `labels.NAME`
    pub labels: Vec<(String, String)>,
    /// `limits.max_time`
    pub max_time: Option<String>,
    /// `limits.max_requests`
    pub max_requests: Option<u64>,
    /// `limits.max_tokens`
    pub max_tokens: Option<u64>,
    /// `input_tokens` of every case, in the place of its messages.
    pub input_tokens: Option<String>,
    /// `output_tokens` of every case, in the place of its cap.
    pub output_tokens: Option<String>,
    /// `goals`, in the place of the profile's own.
    pub goals: Vec<String>,
    /// `baseline`
    pub baseline: Option<String>,
    /// Any key, with a TOML value. What is no TOML is taken as a string, and so is all that is set where only a string
    /// can be.
    pub set: Vec<(String, String)>,
}

/// Keys that both kinds of load have, and that move when one becomes the other.
const SHARED: [&str; 4] = ["duration", "count", "warmup", "grace"];

impl Flags {
    /// Makes the changes.
    pub(super) fn apply(&self, tree: &mut Node, sources: &mut Vec<Source>, problems: &mut Vec<Problem>) {
        let mut change = Change { tree, sources };
        let texts = [
            ("--url", "target/url", &self.url),
            ("--target-name", "target/name", &self.target_name),
            ("--dialect", "target/dialect", &self.dialect),
            ("--model", "target/model", &self.model),
            ("--key-env", "target/key_env", &self.key_env),
            ("--scrape", "target/scrape", &self.scrape),
            ("--tokenizer", "target/tokenizer", &self.tokenizer),
            ("--max-time", "limits/max_time", &self.max_time),
            ("--baseline", "baseline", &self.baseline),
        ];
        for (flag, path, text) in texts {
            if let Some(text) = text {
                change.put(flag, text, &path.split('/').collect::<Vec<_>>(), json!(text));
            }
        }
        let numbers = [
            ("--seed", "seed", self.seed),
            ("--salt", "salt", self.salt),
            ("--max-requests", "limits/max_requests", self.max_requests),
            ("--max-tokens", "limits/max_tokens", self.max_tokens),
        ];
        for (flag, path, number) in numbers {
            if let Some(number) = number {
                change.put(flag, &number.to_string(), &path.split('/').collect::<Vec<_>>(), json!(number));
            }
        }
        if self.no_preflight {
            change.put("--no-preflight", "", &["target", "preflight"], json!(false));
        }
        self.put_headers(&mut change);
        change.public_headers(&self.public_headers);
        for (name, value) in &self.labels {
            change.put("--label", &format!("{name}={value}"), &["labels", name], json!(value));
        }
        change.goals(&self.goals);
        self.reshape(&mut change);
        self.resize(&mut change);
        for (key, value) in &self.set {
            change.set(key, value, problems);
        }
        self.set_twice(&mut change, problems);
        renamed::rename(change.tree, problems);
        if self.elsewhere {
            withhold_secrets(change.tree);
            self.put_headers(&mut change);
            if let Some(name) = &self.key_env {
                change.put("--key-env", name, &["target", "key_env"], json!(name));
            }
        }
    }

    /// Tells of keys that are set by both of their names.
    fn set_twice(&self, change: &mut Change<'_>, problems: &mut Vec<Problem>) {
        for (key, value) in &self.set {
            let present = key_of(key);
            let other = self.set.iter().find(|(other, _)| *other == present && other != key);
            let Some((other, theirs)) = other else { continue };
            problems.push(Problem {
                title: format!("both --set {key} and --set {other}, which are one key"),
                place: Some(change.place("--set", &format!("{key}={value} --set {other}={theirs}"))),
                label: String::new(),
                help: Some(format!("keep {other}; {key} is its old name")),
            });
        }
    }

    fn put_headers(&self, change: &mut Change<'_>) {
        for (name, value) in &self.headers {
            change.put("--header", &format!("{name}={value}"), &["target", "headers", name], json!(value));
        }
    }

    /// `--rate` and `--concurrency` decide which kind of load it is; `--count` and `--duration` replace one another.
    fn reshape(&self, change: &mut Change<'_>) {
        if let Some(rate) = self.rate {
            change.move_load("/load/closed", "open");
            change.put("--rate", &rate.to_string(), &["load", "open", "rate"], json!(rate));
        }
        if let Some(concurrency) = self.concurrency {
            change.move_load("/load/open", "closed");
            let path = ["load", "closed", "concurrency"];
            change.put("--concurrency", &concurrency.to_string(), &path, json!(concurrency));
        }
        let kind = if change.tree.at("/load/closed").is_some() { "closed" } else { "open" };
        if let Some(duration) = &self.duration {
            change.put("--duration", duration, &["load", kind, "duration"], json!(duration));
            if self.count.is_none() {
                change.tree.remove(&format!("/load/{kind}/count"));
            }
        }
        if let Some(count) = self.count {
            change.put("--count", &count.to_string(), &["load", kind, "count"], json!(count));
            if self.duration.is_none() {
                // A warm-up is a part of the duration: without one, it could swallow every request there is.
                for key in ["duration", "warmup"] {
                    change.tree.remove(&format!("/load/{kind}/{key}"));
                }
            }
        }
    }
}

impl Flags {
    /// `--input-tokens` and `--output-tokens` decide on every case's lengths.
    fn resize(&self, change: &mut Change<'_>) {
        const WRITTEN: [&str; 2] = ["messages", "prompt_files"];
        let lengths = [
            ("--input-tokens", "input_tokens", &self.input_tokens, WRITTEN),
            ("--output-tokens", "output_tokens", &self.output_tokens, CAPS),
        ];
        for (flag, key, length, replaced) in lengths {
            let Some(length) = length else { continue };
            let cases = change.tree.at("/case").map_or(0, Node::items);
            // One flag is one place, however many cases it changes, so that it is one fault.
            let place = change.place(flag, length);
            for number in 0..cases {
                for old in replaced {
                    change.tree.remove(&format!("/case/{number}/{old}"));
                }
                let value = length.parse::<u64>().map_or_else(|_| json!(length), |tokens| json!(tokens));
                change.put_at(&place, &["case", &number.to_string(), key], value);
            }
        }
    }
}

/// Takes the key and the secret headers out of a profile.
fn withhold_secrets(tree: &mut Node) {
    let table = tree.at("/target").map(Node::value).unwrap_or_default();
    let public: Vec<&str> =
        table["public_headers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_withheld = |(name, value): &(&String, &Value)| !may_cross(name, value.as_str().unwrap_or_default(), &public);
    let headers = table["headers"].as_object().into_iter().flatten().filter(is_withheld);
    let headers = headers.map(|(name, _)| format!("/target/headers/{}", pointer_token(name)));
    let gone: Vec<String> = headers.chain(["/target/key_env".to_owned()]).collect();
    tree.remove_all(&gone);
}

struct Change<'t> {
    tree: &'t mut Node,
    sources: &'t mut Vec<Source>,
}

impl Change<'_> {
    /// A place in a flag, for faults to point at.
    fn place(&mut self, flag: &str, value: &str) -> Place {
        let text = format!("{flag} {value}");
        let span = flag.len() + 1..text.len();
        self.sources.push(Source { name: COMMAND_LINE.to_owned(), text });
        Place { source: self.sources.len() - 1, span }
    }

    fn put(&mut self, flag: &str, shown: &str, path: &[&str], value: Value) {
        let place = self.place(flag, shown);
        self.put_at(&place, path, value);
    }

    fn put_at(&mut self, place: &Place, path: &[&str], value: Value) {
        self.tree.put(path, Node { place: place.clone(), key: Some(place.clone()), kind: Kind::Leaf(value) });
    }

    /// Goals of the command line replace the profile's, but for those that guard against what no goal of the command line
    /// is about: whoever asks for a time as well does not want failures to pass.
    fn goals(&mut self, goals: &[String]) {
        let kept = self.kept_goals(goals);
        self.put_list("--goal", goals, &["goals"], kept);
    }

    /// Puts the texts of a flag into a list, with what is to stay in it.
    fn put_list(&mut self, flag: &str, texts: &[String], path: &[&str], stays: Vec<Node>) {
        let leaf = |text: &String| Node { place: self.place(flag, text), key: None, kind: Kind::Leaf(json!(text)) };
        let items: Vec<Node> = texts.iter().map(leaf).collect();
        if let Some(first) = items.first() {
            let place = first.place.clone();
            let items = items.into_iter().chain(stays).collect();
            self.tree.put(path, Node { place: place.clone(), key: Some(place), kind: Kind::Array(items) });
        }
    }

    /// Names of the command line are added to the profile's.
    fn public_headers(&mut self, names: &[String]) {
        let written = match self.tree.at("/target/public_headers").map(|node| &node.kind) {
            Some(Kind::Array(written)) => written.clone(),
            Some(Kind::Leaf(_) | Kind::Table(_)) | None => Vec::new(),
        };
        self.put_list("--public-header", names, &["target", "public_headers"], written);
    }

    /// The profile's goals that stay beside these.
    fn kept_goals(&self, new: &[String]) -> Vec<Node> {
        let guards = |goal: &str| Goal::read(goal).ok().and_then(|goal| goal.guards());
        let guarded: Vec<Guard> = new.iter().filter_map(|goal| guards(goal)).collect();
        let stays = |node: &&Node| match &node.kind {
            Kind::Leaf(Value::String(goal)) => guards(goal).is_some_and(|guard| !guarded.contains(&guard)),
            Kind::Leaf(_) | Kind::Table(_) | Kind::Array(_) => false,
        };
        match self.tree.at("/goals").map(|node| &node.kind) {
            Some(Kind::Array(written)) => written.iter().filter(stays).cloned().collect(),
            Some(Kind::Leaf(_) | Kind::Table(_)) | None => Vec::new(),
        }
    }

    fn set(&mut self, key: &str, value: &str, problems: &mut Vec<Problem>) {
        let place = self.place("--set", &format!("{key}={value}"));
        let present = key_of(key);
        let steps: Vec<&str> = present.split('.').collect();
        if steps.iter().any(|step| step.is_empty()) {
            problems.push(Problem {
                title: format!("{key:?} is not the path of a key"),
                place: Some(place),
                label: String::new(),
                help: Some("for example --set load.open.rate=20 or --set case.0.max_tokens=16".to_owned()),
            });
            return;
        }
        if let Some((depth, items)) = self.tree.no_item(&steps) {
            let (list, end) = (steps[..depth].join("."), items.saturating_sub(1));
            let help = match items {
                0 => format!("{list} is empty"),
                _ => format!("{list}.0 is the first and {list}.{end} the last"),
            };
            let title = format!("there is no {}", steps[..=depth].join("."));
            problems.push(Problem { title, place: Some(place), label: String::new(), help: Some(help) });
            return;
        }
        let mut faults = Vec::new();
        let parsed = Node::read(&format!("v = {value}"), place.source, &mut faults);
        let text = || Node { place: place.clone(), key: None, kind: Kind::Leaf(json!(value)) };
        let mut node = match parsed.at("/v").filter(|_| faults.is_empty()) {
            // Where only a string can be, what looks like a number is one all the same, as in target.http=2.
            Some(Node { kind: Kind::Leaf(Value::Number(_) | Value::Bool(_)), .. }) if schema::is_text(&steps) => text(),
            Some(node) => node.clone(),
            None => text(),
        };
        node.stand_at(&place);
        self.tree.put(&steps, node);
    }

    /// Turns one kind of load into the other, with the keys they share.
    fn move_load(&mut self, from: &str, to: &str) {
        let Some(Node { kind: Kind::Table(members), .. }) = self.tree.remove(from) else { return };
        for (key, node) in members {
            if SHARED.contains(&key.as_str()) && self.tree.at(&format!("/load/{to}/{key}")).is_none() {
                self.tree.put(&["load", to, &key], node);
            }
        }
    }
}

impl Node {
    /// Lets a node and all below it stand at one place.
    fn stand_at(&mut self, place: &Place) {
        self.place = place.clone();
        self.key = Some(place.clone());
        match &mut self.kind {
            Kind::Table(members) => members.values_mut().for_each(|node| node.stand_at(place)),
            Kind::Array(items) => items.iter_mut().for_each(|node| node.stand_at(place)),
            Kind::Leaf(_) => {}
        }
    }
}
