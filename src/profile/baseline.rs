//! The file that lists known violations.

use serde::Deserialize;
use serde_json::Value;

use super::problem::{Place, Problem, Source};
use super::resolve::Resolver;
use super::tree::Node;
use crate::check;
use crate::plan::baseline::Known;
use crate::plan::goal::nearest;

const HELP: &str = "an entry is [[known]] with check, reason and, if it is to end, expires = \"2027-01-31\"";

/// One `[[known]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    check: String,
    reason: String,
    expires: Option<String>,
}

/// Reads a baseline. Entries that have expired no longer count, and are noted.
pub(super) fn read_baseline(
    resolver: &mut Resolver<'_>,
    file: &str,
    sources: &mut Vec<Source>,
    notes: &mut Vec<String>,
) -> Vec<Known> {
    let Some(bytes) = resolver.file("/baseline", file) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let number = sources.len();
    let tree = Node::read(&text, number, resolver.problems);
    sources.push(Source { name: file.to_owned(), text });
    let value = tree.value();
    let mut known = Vec::new();
    for name in value.as_object().into_iter().flatten().map(|(name, _)| name).filter(|name| *name != "known") {
        fault(resolver, &tree, &format!("/{name}"), format!("unknown key {name}"), HELP);
    }
    let entries = value.get("known").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        let pointer = format!("/known/{index}");
        match Entry::deserialize(entry) {
            Ok(entry) => known.extend(entry_of(resolver, &tree, &pointer, entry, notes)),
            Err(error) => fault(resolver, &tree, &pointer, error.to_string(), HELP),
        }
    }
    known
}

fn entry_of(
    resolver: &mut Resolver<'_>,
    tree: &Node,
    pointer: &str,
    entry: Entry,
    notes: &mut Vec<String>,
) -> Option<Known> {
    let Some(check) = check::find(&entry.check) else {
        let ids: Vec<&str> = check::ALL.iter().copied().flatten().map(|check| check.id).collect();
        let help = nearest(&entry.check, &ids)
            .map_or("the ids stand in the report".to_owned(), |id| format!("did you mean {id}?"));
        fault(resolver, tree, &format!("{pointer}/check"), format!("no check is called {:?}", entry.check), &help);
        return None;
    };
    if let Some(day) = &entry.expires {
        if !is_day(day) {
            fault(
                resolver,
                tree,
                &format!("{pointer}/expires"),
                format!("{day:?} is not a day"),
                "write it as \"2027-01-31\"",
            );
            return None;
        }
        if day.as_str() < resolver.world.today.as_str() {
            notes.push(format!("the baseline's entry for {} expired on {day} and no longer counts", check.id));
            return None;
        }
    }
    Some(Known { check: check.id, reason: entry.reason, expires: entry.expires })
}

/// `2027-01-31`: in this form, days compare as text.
fn is_day(text: &str) -> bool {
    text.len() == 10 && humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}

fn fault(resolver: &mut Resolver<'_>, tree: &Node, pointer: &str, title: String, help: &str) {
    let node = tree.nearest(pointer);
    let place: Place = node.key.clone().filter(|_| tree.at(pointer).is_none()).unwrap_or_else(|| node.place.clone());
    resolver.problems.push(Problem { title, place: Some(place), label: String::new(), help: Some(help.to_owned()) });
}
