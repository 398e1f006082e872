//! The file that lists known violations and what held, as it is read.

use serde_json::{Map, Value};

use super::files::Kind;
use super::problem::{Place, Problem, Source};
use super::resolve::Resolver;
use super::tree::Node;
use crate::check::{self, Check};
use crate::plan::baseline::{Baseline, Known, Passed};
use crate::plan::goal::nearest;
use crate::wire::json::pointer_token;

const HELP: &str = "an entry is [[known]] with check and reason, and where wanted ticket, signature, target and expires = \"2027-01-31\"";
const PASSED_HELP: &str = "[[passed]] is written by check --update-baseline: target, version and checks";

/// The keys of a `[[known]]` table, and of a `[[passed]]` table beside `checks`.
const KNOWN: [&str; 6] = ["check", "reason", "ticket", "signature", "target", "expires"];
const PASSED: [&str; 2] = ["target", "version"];

/// A baseline while it is read, with what its faults need.
struct Reader<'a, 'r> {
    resolver: &'a mut Resolver<'r>,
    tree: Node,
    notes: &'a mut Vec<String>,
}

/// Reads a baseline. Entries that have expired no longer count, and are noted.
pub(super) fn read_baseline(
    resolver: &mut Resolver<'_>,
    file: &str,
    sources: &mut Vec<Source>,
    notes: &mut Vec<String>,
) -> Baseline {
    let Some(text) = resolver.text("/baseline", file, Kind::BASELINE) else { return Baseline::default() };
    let tree = Node::read(&text, sources.len(), resolver.problems);
    sources.push(Source { name: file.to_owned(), text });
    let value = tree.value();
    let mut reader = Reader { resolver, tree, notes };
    for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
        if name != "known" && name != "passed" {
            reader.fault(&format!("/{}", pointer_token(name)), format!("unknown key {name}"), HELP);
        }
    }
    let known = reader.tables(&value, "known", HELP);
    let known: Vec<Known> = known.iter().filter_map(|(place, entry)| reader.known(place, entry)).collect();
    let passed = reader.tables(&value, "passed", PASSED_HELP);
    let passed = passed.iter().filter_map(|(place, entry)| reader.passed(place, entry)).collect();
    note_coarse(file, &known, notes);
    Baseline { known, passed }
}

/// Entries that earlier versions wrote are read, and said to cover more than the fault that they were taken from.
fn note_coarse(file: &str, known: &[Known], notes: &mut Vec<String>) {
    let count = known.iter().filter(|known| known.is_coarse()).count();
    if count > 0 {
        let entries = if count == 1 { "1 entry is".to_owned() } else { format!("{count} entries are") };
        notes.push(format!(
            "{file}: {entries} of an older form, whose signature covers any fault at its place; \
             write them anew with check --baseline {file} --update-baseline"
        ));
    }
}

impl Reader<'_, '_> {
    /// The tables of a list, each with its place; what is no list of tables is a fault.
    fn tables(&mut self, value: &Value, name: &str, help: &str) -> Vec<(String, Map<String, Value>)> {
        let Some(value) = value.get(name) else { return Vec::new() };
        let Some(entries) = value.as_array() else {
            self.fault(&format!("/{name}"), format!("{name} is not a list of tables; write it as [[{name}]]"), help);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            let place = format!("/{name}/{number}");
            match entry {
                Value::Object(table) => tables.push((place, table.clone())),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    self.fault(&place, format!("{entry} is not a table; write it as [[{name}]]"), help);
                }
            }
        }
        tables
    }

    /// Faults of the keys of a table: those that it does not have, and those whose value is no text.
    fn texts(&mut self, place: &str, table: &Map<String, Value>, keys: &[&str], required: &[&str], help: &str) -> bool {
        let mut sound = true;
        for (name, value) in table {
            let at = format!("{place}/{}", pointer_token(name));
            if name == "checks" && keys == PASSED {
                continue;
            }
            if !keys.contains(&name.as_str()) {
                self.fault(&at, format!("unknown key {name}"), help);
                sound = false;
            } else if !value.is_string() {
                self.fault(&at, format!("{name} is a text, not {value}"), help);
                sound = false;
            }
        }
        for name in required.iter().filter(|name| !table.contains_key(**name)) {
            self.fault(place, format!("missing key {name}"), help);
            sound = false;
        }
        sound
    }

    fn known(&mut self, pointer: &str, entry: &Map<String, Value>) -> Option<Known> {
        if !self.texts(pointer, entry, &KNOWN, &["check", "reason"], HELP) {
            return None;
        }
        let [id, reason, ticket, signature, target, expires] = KNOWN.map(|name| text(entry, name));
        let check = self.check(&format!("{pointer}/check"), &id?)?;
        if let Some(day) = &expires {
            if !is_day(day) {
                let title = format!("{day:?} is not a day");
                self.fault(&format!("{pointer}/expires"), title, "write it as \"2027-01-31\"");
                return None;
            }
            if day.as_str() < self.resolver.world.today.as_str() {
                self.notes.push(format!("the baseline's entry for {} expired on {day} and no longer counts", check.id));
                return None;
            }
        }
        Some(Known { check: check.id, reason: reason?, ticket, signature, target, expires })
    }

    fn passed(&mut self, pointer: &str, entry: &Map<String, Value>) -> Option<Passed> {
        let sound = self.texts(pointer, entry, &PASSED, &["version"], PASSED_HELP);
        let place = format!("{pointer}/checks");
        let Some(ids) = entry.get("checks").and_then(Value::as_array) else {
            self.fault(&place, "checks is a list of the ids of rules".to_owned(), PASSED_HELP);
            return None;
        };
        let mut checks = Vec::new();
        for (number, id) in ids.iter().enumerate() {
            let place = format!("{place}/{number}");
            match id.as_str() {
                Some(id) => checks.extend(self.check(&place, id).map(|check| check.id)),
                None => self.fault(&place, format!("{id} is not the id of a rule"), PASSED_HELP),
            }
        }
        let [target, version] = PASSED.map(|name| text(entry, name));
        Some(Passed { target, version: version.filter(|_| sound)?, checks })
    }

    fn check(&mut self, pointer: &str, id: &str) -> Option<&'static Check> {
        let found = check::find(id);
        if found.is_none() {
            let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
            let near = nearest(id, &ids);
            let help = near.map_or("the report lists the ids".to_owned(), |id| format!("did you mean {id}?"));
            self.fault(pointer, format!("no check is called {id:?}"), &help);
        }
        found
    }

    fn fault(&mut self, pointer: &str, title: String, help: &str) {
        let node = self.tree.nearest(pointer);
        let place: Place =
            node.key.clone().filter(|_| self.tree.at(pointer).is_none()).unwrap_or_else(|| node.place.clone());
        let help = Some(help.to_owned());
        self.resolver.problems.push(Problem { title, place: Some(place), label: String::new(), help });
    }
}

fn text(table: &Map<String, Value>, name: &str) -> Option<String> {
    table.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// `2027-01-31`: in this form, days compare as text.
fn is_day(text: &str) -> bool {
    text.len() == 10 && humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}
