//! Every way to break a JSON document at one of its nodes.

use serde_json::{Map, Value, json};

/// A document with one node broken.
pub(super) struct Broken {
    /// Where, with `*` for the position in an array.
    pub place: String,
    /// How.
    pub way: &'static str,
    pub document: Value,
}

/// A number that no count, index or time comes near.
const HUGE: f64 = 1e300;

/// Every way to break a document at every node inside it.
pub(super) fn broken(document: &Value) -> Vec<Broken> {
    let mut found = Vec::new();
    for pointer in nodes(document) {
        let value = document.pointer(&pointer).expect("a node");
        for (way, value) in values(value) {
            let mut document = document.clone();
            *document.pointer_mut(&pointer).expect("a node") = value;
            found.push(Broken { place: starred(&pointer), way, document });
        }
        found.push(Broken { place: starred(&pointer), way: "removed", document: without(document, &pointer) });
    }
    found
}

/// The JSON pointers of all nodes but the root.
pub(super) fn nodes(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(document, "", &mut found);
    found
}

fn walk(value: &Value, place: &str, found: &mut Vec<String>) {
    let mut child = |name: &str, value: &Value| {
        let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
        found.push(place.clone());
        walk(value, &place, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| child(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| child(&n.to_string(), value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A pointer whose positions in arrays do not matter.
pub(super) fn starred(pointer: &str) -> String {
    let step = |step: &str| if step.parse::<usize>().is_ok() { "*".to_owned() } else { step.to_owned() };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}

/// What kind of JSON a value is.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Null, a value of every other kind, and what is out of range among its own.
fn values(value: &Value) -> Vec<(&'static str, Value)> {
    let kinds = [
        ("null", Value::Null),
        ("boolean", json!(true)),
        ("number", json!(7)),
        ("string", json!("seven")),
        ("array", json!([])),
        ("object", Value::Object(Map::new())),
    ];
    let mut values: Vec<_> = kinds.into_iter().filter(|(other, _)| *other != kind(value)).collect();
    match value {
        Value::Number(number) => {
            let number = number.as_f64().expect("a number");
            values.extend([("negative", json!(-1.0 - number.abs().floor())), ("fraction", json!(number + 0.5))]);
            values.extend([("huge", json!(HUGE)), ("huge negative", json!(-HUGE))]);
        }
        Value::String(text) if !text.is_empty() => {
            values.extend([("empty", json!("")), ("unknown", json!("none-of-these"))]);
        }
        Value::String(_) => values.push(("unknown", json!("none-of-these"))),
        Value::Array(items) if !items.is_empty() => {
            values.push(("empty", json!([])));
            values.push(("repeated", json!([items.clone(), vec![items[0].clone()]].concat())));
        }
        Value::Object(members) if !members.is_empty() => values.push(("empty", json!({}))),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
    }
    values
}

fn without(document: &Value, pointer: &str) -> Value {
    let mut document = document.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a parent");
    match document.pointer_mut(parent).expect("a parent") {
        Value::Object(members) => _ = members.shift_remove(&name.replace("~1", "/").replace("~0", "~")),
        Value::Array(items) => _ = items.remove(name.parse().expect("a position")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => unreachable!("a parent has children"),
    }
    document
}
