//! A profile as it was written: values with the places they stand at.
//!
//! Flags and `--set` change this tree before anything is validated, so that there is one validation, and its faults
//! can point at the flag as well as at the file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::members::Members;
use super::problem::{Place, Problem};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where the value stands; of a table, its header.
    pub(super) place: Place,
    /// Where its key stands, if it has one.
    pub(super) key: Option<Place>,
    /// What it is.
    pub(super) kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Table(Members),
    Array(Vec<Node>),
    Leaf(Value),
}

impl Node {
    /// Reads a TOML text; syntax faults and values that JSON cannot hold become problems.
    pub(super) fn read(text: &str, source: usize, problems: &mut Vec<Problem>) -> Node {
        let (table, errors) = DeTable::parse_recoverable(text);
        problems.extend(errors.into_iter().map(|error| Problem {
            title: error.message().to_owned(),
            place: Some(Place { source, span: error.span().unwrap_or(0..0) }),
            label: String::new(),
            help: None,
        }));
        let place = Place { source, span: 0..0 };
        Node { place, key: None, kind: table_of(table.get_ref(), source, problems) }
    }

    /// The node at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&Node> {
        pointer.split('/').skip(1).try_fold(self, |node, step| match &node.kind {
            Kind::Table(members) => members.get(&name_of(step)),
            Kind::Array(items) => items.get(step.parse::<usize>().ok()?),
            Kind::Leaf(_) => None,
        })
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        matches!(&self.kind, Kind::Table(_))
    }

    /// The array on a path whose next step is no place in it: how many steps lead to it, and how many items it has.
    pub(super) fn no_item(&self, path: &[&str]) -> Option<(usize, usize)> {
        let mut node = self;
        for (depth, step) in path.iter().enumerate() {
            node = match &node.kind {
                Kind::Table(members) => members.get(step)?,
                Kind::Array(items) => match step.parse::<usize>().ok().and_then(|index| items.get(index)) {
                    Some(item) => item,
                    None => return Some((depth, items.len())),
                },
                Kind::Leaf(_) => return None,
            };
        }
        None
    }

    /// How many items an array has; none of what is no array.
    pub(super) fn items(&self) -> usize {
        match &self.kind {
            Kind::Array(items) => items.len(),
            Kind::Table(_) | Kind::Leaf(_) => 0,
        }
    }

    /// The node at a JSON pointer, or the nearest one above it that was written.
    pub(super) fn nearest(&self, pointer: &str) -> &Node {
        let mut pointer = pointer;
        loop {
            match (self.at(pointer), pointer.rfind('/')) {
                (Some(node), _) => return node,
                (None, Some(slash)) => pointer = &pointer[..slash],
                (None, None) => return self,
            }
        }
    }

    /// Takes the node at a JSON pointer out.
    pub(super) fn remove(&mut self, pointer: &str) -> Option<Node> {
        let slash = pointer.rfind('/')?;
        let name = name_of(&pointer[slash + 1..]);
        match &mut self.at_mut(&pointer[..slash])?.kind {
            Kind::Table(members) => members.remove(&name),
            Kind::Array(items) => {
                let index = name.parse::<usize>().ok().filter(|index| *index < items.len())?;
                Some(items.remove(index))
            }
            Kind::Leaf(_) => None,
        }
    }

    /// Takes the nodes at all of these pointers out, in time that grows with what there is and not with its square.
    pub(super) fn remove_all(&mut self, pointers: &[String]) {
        let mut of_parents: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (parent, name) in pointers.iter().filter_map(|pointer| pointer.rsplit_once('/')) {
            of_parents.entry(parent).or_default().insert(name_of(name));
        }
        let mut parents: Vec<(&str, BTreeSet<String>)> = of_parents.into_iter().collect();
        // What lies deeper first, so that the indices on the way to it are still right.
        parents.sort_by_key(|(parent, _)| std::cmp::Reverse(parent.split('/').count()));
        for (parent, names) in parents {
            match self.at_mut(parent).map(|node| &mut node.kind) {
                Some(Kind::Table(members)) => members.remove_all(&names),
                Some(Kind::Array(items)) => {
                    let gone: BTreeSet<usize> = names.iter().filter_map(|name| name.parse().ok()).collect();
                    let mut index = 0..;
                    items.retain(|_| index.next().is_none_or(|index| !gone.contains(&index)));
                }
                Some(Kind::Leaf(_)) | None => {}
            }
        }
    }

    /// Puts a node at a path of member names and indices, with tables on the way where there are none.
    pub(super) fn put(&mut self, path: &[&str], node: Node) {
        let Some((name, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        if let Kind::Array(items) = &mut self.kind
            && let Some(item) = name.parse::<usize>().ok().and_then(|index| items.get_mut(index))
        {
            item.put(rest, node);
            return;
        }
        if !matches!(self.kind, Kind::Table(_)) {
            self.kind = Kind::Table(Members::default());
        }
        let Kind::Table(members) = &mut self.kind else { return };
        let empty = || Node { place: node.place.clone(), key: None, kind: Kind::Table(Members::default()) };
        members.entry(name, empty).put(rest, node);
    }

    /// The value without its places.
    pub(super) fn value(&self) -> Value {
        match &self.kind {
            Kind::Table(members) => {
                Value::Object(members.iter().map(|(key, node)| (key.to_owned(), node.value())).collect::<Map<_, _>>())
            }
            Kind::Array(items) => Value::Array(items.iter().map(Node::value).collect()),
            Kind::Leaf(value) => value.clone(),
        }
    }

    /// The node at a JSON pointer, to be changed.
    pub(super) fn at_mut(&mut self, pointer: &str) -> Option<&mut Node> {
        pointer.split('/').skip(1).try_fold(self, |node, step| match &mut node.kind {
            Kind::Table(members) => members.get_mut(&name_of(step)),
            Kind::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            Kind::Leaf(_) => None,
        })
    }
}

/// The name that a step of a JSON pointer stands for (RFC 6901, section 4).
fn name_of(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn table_of(table: &DeTable<'_>, source: usize, problems: &mut Vec<Problem>) -> Kind {
    let members = table
        .iter()
        .map(|(key, value)| {
            let key_place = Place { source, span: key.span() };
            let mut node = node_of(value, source, problems);
            node.key = Some(key_place.clone());
            if matches!(node.kind, Kind::Table(_)) {
                node.place = key_place;
            }
            (key.get_ref().to_string(), node)
        })
        .collect();
    Kind::Table(members)
}

fn node_of(value: &Spanned<DeValue<'_>>, source: usize, problems: &mut Vec<Problem>) -> Node {
    let place = Place { source, span: value.span() };
    let mut unfit = |title: &str, help: &str| {
        problems.push(Problem {
            title: title.to_owned(),
            place: Some(place.clone()),
            label: String::new(),
            help: Some(help.to_owned()),
        });
        Kind::Leaf(Value::Null)
    };
    let kind = match value.get_ref() {
        DeValue::String(text) => Kind::Leaf(Value::String(text.to_string())),
        DeValue::Boolean(flag) => Kind::Leaf(Value::Bool(*flag)),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Kind::Leaf(Value::from(number)),
            Err(_) => unfit("the integer is out of range", "64-bit signed integers fit"),
        },
        DeValue::Float(float) => match float.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
            Some(number) => Kind::Leaf(Value::Number(number)),
            None => unfit("the number is not finite", "JSON has no infinity and no NaN"),
        },
        DeValue::Datetime(_) => unfit("a date is not a value here", "put it in quotes to send it as text"),
        DeValue::Array(items) => Kind::Array(items.iter().map(|item| node_of(item, source, problems)).collect()),
        DeValue::Table(table) => table_of(table, source, problems),
    };
    Node { place, key: None, kind }
}
