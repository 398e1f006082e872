//! Documents that satisfy a schema, and every way to break one constraint of it, made from the schema itself.

use std::collections::BTreeSet;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::{Map, Value, json};

use super::types;

/// How many documents are drawn from a schema of the strict dialect: enough to see each of its shapes.
const DRAWN: u64 = 200;

/// A document with one constraint broken.
pub(super) struct Breach {
    /// Where the violation must be reported.
    pub pointer: String,
    /// The keyword that is broken.
    pub keyword: &'static str,
    pub document: Value,
}

/// Valid documents that have every member the schema names: one, but in the strict dialect, whose members depend on
/// types and roles, as many as show each of them.
pub(super) fn documents(name: &str, schema: &Value) -> Vec<Value> {
    if name.starts_with("openai-strict/") {
        let mut shown = BTreeSet::new();
        let drawn = (0..DRAWN).map(|seed| full(schema, "", &mut Some(Pcg64::seed_from_u64(seed))));
        return drawn.filter(|document| show(document, "", &mut shown)).collect();
    }
    let mut document = full(schema, "", &mut None);
    if name == "openai/request" {
        // A choice object and a string are two ways to say it; the object has more to break.
        document["tool_choice"] = json!({"type": "function", "function": {"name": "f"}});
        document["function_call"] = json!({"name": "f"});
        document["messages"][0]["content"] = json!([{"type": "text", "text": "t"}]);
        document["messages"][0]["role"] = json!("user");
        document["prediction"]["content"] = json!("t");
    }
    if name == "pulze/request" {
        document["tool_choice"] = json!("none");
    }
    vec![document]
}

/// Notes every member with its value, or with its kind where there is more inside; says whether any of that is new.
pub(super) fn show(value: &Value, place: &str, shown: &mut BTreeSet<String>) -> bool {
    let (members, items) = (value.as_object(), value.as_array());
    let said = match (members, items) {
        (Some(_), _) => "an object".to_owned(),
        (_, Some(_)) => "an array".to_owned(),
        (None, None) => value.to_string(),
    };
    let mut new = shown.insert(format!("{place} {said}"));
    for (name, member) in members.into_iter().flatten() {
        new |= show(member, &format!("{place}/{name}"), shown);
    }
    for item in items.into_iter().flatten() {
        new |= show(item, &format!("{place}/0"), shown);
    }
    new
}

/// One of several: the first, or a random one.
fn pick<T: Copy>(options: &[T], random: &mut Option<Pcg64>) -> Option<T> {
    match random {
        Some(random) if !options.is_empty() => Some(options[random.random_range(0..options.len())]),
        Some(_) | None => options.first().copied(),
    }
}

/// A value that satisfies a schema and has every member it names, so that each constraint has something to act on.
fn full(schema: &Value, place: &str, random: &mut Option<Pcg64>) -> Value {
    if let Some(options) = schema["enum"].as_array() {
        return pick(&options.iter().collect::<Vec<_>>(), random).expect("an option").clone();
    }
    match pick(&types(schema), random) {
        Some("object") => {
            let mut object = Map::new();
            members(schema, place, random, &mut object);
            Value::Object(object)
        }
        Some("array") => json!([full(&schema["items"], &format!("{place}/0"), random)]),
        Some("string") => match schema["then"]["enum"].as_array() {
            Some(options) => options[0].clone(),
            None => json!("stop"),
        },
        Some("boolean") => json!(true),
        Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(0).max(0)),
        Some("number") => json!(schema["minimum"].as_f64().unwrap_or(0.0).max(0.0)),
        Some(_) | None => Value::Null,
    }
}

/// Gives an object the members that a schema names, and then those of the branches that apply to it.
fn members(schema: &Value, place: &str, random: &mut Option<Pcg64>, object: &mut Map<String, Value>) {
    let named = schema["properties"].as_object();
    for (name, member) in named.into_iter().flatten() {
        // One of two ways to say it: a custom call has no function, an error body no detail.
        let custom = matches!(name.as_str(), "custom" | "allowed_tools");
        let other_way = custom && named.is_some_and(|named| named.contains_key("function"));
        if !(object.contains_key(name) || other_way || name == "detail" && place.is_empty()) {
            object.insert(name.clone(), full(member, &format!("{place}/{name}"), random));
        }
    }
    if schema["additionalProperties"].is_object() {
        object.insert("a".to_owned(), full(&schema["additionalProperties"], &format!("{place}/a"), random));
    }
    for branch in applying(schema, &Value::Object(object.clone())) {
        members(branch, place, random, object);
    }
}

/// The conditional parts of a schema that apply to a value.
fn applying<'s>(schema: &'s Value, value: &Value) -> Vec<&'s Value> {
    let conditions = std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten());
    conditions
        .filter(|part| part["if"].is_object())
        .map(|part| if holds(&part["if"], value) { &part["then"] } else { &part["else"] })
        .filter(|branch| branch.is_object())
        .collect()
}

/// Whether a condition holds of a value; our schemas ask for a string, or for a member of one value.
fn holds(condition: &Value, value: &Value) -> bool {
    match condition["properties"].as_object() {
        Some(named) => named.iter().all(|(name, member)| value.get(name) == Some(&member["const"])),
        None => condition == &json!({"type": "string"}) && value.is_string(),
    }
}

/// Every way to break one constraint of a schema in a document.
pub(super) fn breaches(schema: &Value, document: &Value) -> Vec<Breach> {
    let mut found = Vec::new();
    walk(schema, document, "", &mut found);
    let breach = |(pointer, keyword, value): (String, &'static str, Value)| {
        let mut document = document.clone();
        *document.pointer_mut(&pointer).expect("the place") = value;
        Breach { pointer, keyword, document }
    };
    found.into_iter().map(breach).collect()
}

/// What breaks each constraint at a value: where, which, and the broken value.
fn walk(schema: &Value, value: &Value, pointer: &str, found: &mut Vec<(String, &'static str, Value)>) {
    let mut add = |keyword: &'static str, broken: Value| found.push((pointer.to_owned(), keyword, broken));
    for broken in wrong_kinds(schema) {
        add("type", broken);
    }
    if schema["enum"].is_array() {
        add("enum", json!("none-of-these"));
    }
    // A bound may be so large that only a multiple of it differs.
    if let Some(least) = schema["minimum"].as_f64() {
        add("minimum", json!(least - 1.0 - least.abs()));
    }
    if let Some(most) = schema["maximum"].as_f64() {
        add("maximum", json!(most + 1.0 + most.abs()));
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        add("maxLength", json!("x".repeat(usize::try_from(most).expect("short") + 1)));
    }
    if schema["minLength"].is_u64() {
        add("minLength", json!(""));
    }
    if let Some(items) = value.as_array() {
        if schema["minItems"].is_u64() {
            assert!(!items.is_empty());
            add("minItems", json!([]));
        }
        if let Some(most) = schema["maxItems"].as_u64() {
            add("maxItems", Value::Array(vec![items[0].clone(); usize::try_from(most).expect("short") + 1]));
        }
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut without = object.clone();
            without.shift_remove(name);
            add("required", Value::Object(without));
        }
        if schema["additionalProperties"] == json!(false) {
            let stray = object.clone().into_iter().chain([("stray".to_owned(), Value::Null)]).collect();
            add("additionalProperties", Value::Object(stray));
        }
    }
    inside(schema, value, pointer, found);
}

/// The constraints on what is inside a value, and those of the branches that apply to it.
fn inside(schema: &Value, value: &Value, pointer: &str, found: &mut Vec<(String, &'static str, Value)>) {
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            walk(member, value, &format!("{pointer}/{name}"), found);
        }
    }
    if let Some(item) = value.get(0).filter(|_| schema["items"].is_object()) {
        walk(&schema["items"], item, &format!("{pointer}/0"), found);
    }
    if let Some(member) = value.get("a").filter(|_| schema["additionalProperties"].is_object()) {
        walk(&schema["additionalProperties"], member, &format!("{pointer}/a"), found);
    }
    for branch in applying(schema, value) {
        walk(branch, value, pointer, found);
    }
}

/// A value of every kind that a schema does not allow.
fn wrong_kinds(schema: &Value) -> Vec<Value> {
    let kinds = types(schema);
    let all = [
        ("string", json!("text")),
        ("number", json!(1.5)),
        ("boolean", json!(true)),
        ("array", json!([])),
        ("object", json!({})),
        ("null", Value::Null),
    ];
    let wrong = |(kind, _): &(&str, Value)| !kinds.is_empty() && !kinds.contains(kind);
    all.into_iter().filter(wrong).map(|(_, value)| value).collect()
}
