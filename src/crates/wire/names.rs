//! The members that a schema names, taken from it once, so that what it does not name is found without walking it again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value as Schema;

use crate::json::{Step, Value};

/// At most so many members are listed.
const CAP: usize = 20;

/// What a schema names of a value.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Of an array, each item.
    items: Option<Box<Names>>,
    /// Of an object, its members; none where the schema says nothing of members.
    members: Option<BTreeMap<String, Names>>,
}

impl Names {
    /// What a schema names. The schema of a member may stand in a branch for one type of the object.
    pub(super) fn of(schema: &Schema) -> Names {
        let branches = schema.get("allOf").and_then(Schema::as_array).into_iter().flatten();
        let parts = std::iter::once(schema).chain(branches.filter_map(|branch| branch.get("then")));
        let mut members = schema.get("properties").map(|_| BTreeMap::new());
        for (name, member) in parts.filter_map(|part| part.get("properties")?.as_object()).flatten() {
            if let Some(members) = &mut members {
                members.entry(name.clone()).or_insert_with(|| Names::of(member));
            }
        }
        Names { items: schema.get("items").map(|items| Box::new(Names::of(items))), members }
    }

    /// Adds what another schema of the same value names. An object of which this schema names no members stays open.
    pub(super) fn add(&mut self, other: Names) {
        match (&mut self.items, other.items) {
            (Some(items), Some(more)) => items.add(*more),
            (None, more) => self.items = more,
            (Some(_), None) => {}
        }
        if let (Some(members), Some(more)) = (&mut self.members, other.members) {
            for (name, names) in more {
                match members.entry(name) {
                    Entry::Occupied(mut known) => known.get_mut().add(names),
                    Entry::Vacant(place) => _ = place.insert(names),
                }
            }
        }
    }

    /// Adds the paths of the members of a value that are not named, with `[]` for any index, each once.
    pub(super) fn unnamed(&self, value: &Value, found: &mut Vec<String>) {
        self.look(value, &Step::Root, found);
    }

    fn look(&self, value: &Value, at: &Step<'_>, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => {
                let Some(named) = &self.items else { return };
                for item in items {
                    named.look(item, &Step::AnyItem(at), found);
                }
            }
            Value::Object(members) => {
                let Some(named) = &self.members else { return };
                for (name, member) in members {
                    let at = Step::Member(at, name);
                    match named.get(name) {
                        Some(named) => named.look(member, &at, found),
                        None if found.len() < CAP => keep(at.pointer(), found),
                        None => {}
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn keep(path: String, found: &mut Vec<String>) {
    if !found.contains(&path) {
        found.push(path);
    }
}
