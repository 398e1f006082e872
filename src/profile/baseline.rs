//! The file that lists known violations and what held, as it is read.

use serde::Deserialize;
use serde_json::Value;

use super::files::Kind;
use super::problem::{Place, Problem, Source};
use super::resolve::Resolver;
use super::tree::Node;
use crate::check::{self, Check};
use crate::plan::baseline::{Baseline, Known, Passed};
use crate::plan::goal::nearest;

const HELP: &str = "an entry is [[known]] with check and reason, and where wanted ticket, signature, target and expires = \"2027-01-31\"";
const PASSED_HELP: &str = "[[passed]] is written by check --update-baseline: target, version and checks";

/// One `[[known]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    check: String,
    reason: String,
    ticket: Option<String>,
    signature: Option<String>,
    target: Option<String>,
    expires: Option<String>,
}

/// One `[[passed]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PassedTable {
    target: Option<String>,
    version: String,
    checks: Vec<String>,
}

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
            reader.fault(&format!("/{name}"), format!("unknown key {name}"), HELP);
        }
    }
    let entries = |name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let known = entries("known").iter().enumerate().filter_map(|(i, entry)| reader.known(i, entry)).collect();
    let passed = entries("passed").iter().enumerate().filter_map(|(i, entry)| reader.passed(i, entry)).collect();
    Baseline { known, passed }
}

impl Reader<'_, '_> {
    fn known(&mut self, index: usize, entry: &Value) -> Option<Known> {
        let pointer = format!("/known/{index}");
        let entry = match Entry::deserialize(entry) {
            Ok(entry) => entry,
            Err(error) => {
                self.fault(&pointer, error.to_string(), HELP);
                return None;
            }
        };
        let check = self.check(&format!("{pointer}/check"), &entry.check)?;
        if let Some(day) = &entry.expires {
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
        let Entry { reason, ticket, signature, target, expires, .. } = entry;
        Some(Known { check: check.id, reason, ticket, signature, target, expires })
    }

    fn passed(&mut self, index: usize, entry: &Value) -> Option<Passed> {
        let pointer = format!("/passed/{index}");
        let PassedTable { target, version, checks } = match PassedTable::deserialize(entry) {
            Ok(table) => table,
            Err(error) => {
                self.fault(&pointer, error.to_string(), PASSED_HELP);
                return None;
            }
        };
        let places = checks.iter().enumerate().map(|(number, id)| (format!("{pointer}/checks/{number}"), id));
        let checks = places.filter_map(|(place, id)| Some(self.check(&place, id)?.id)).collect();
        Some(Passed { target, version, checks })
    }

    fn check(&mut self, pointer: &str, id: &str) -> Option<&'static Check> {
        let found = check::find(id);
        if found.is_none() {
            let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
            let near = nearest(id, &ids);
            let help = near.map_or("the ids stand in the report".to_owned(), |id| format!("did you mean {id}?"));
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

/// `2027-01-31`: in this form, days compare as text.
fn is_day(text: &str) -> bool {
    text.len() == 10 && humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}
