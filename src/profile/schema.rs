//! The JSON Schema of profiles, for editors and for our own validation: `schemas/profile.json`, which a test holds to
//! what is generated from the types, with the body fields of the contract added to a case. So nothing is generated
//! before a run.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{Profile, contracts};
use crate::plan::renamed::{CONCURRENCY, SLOTS};
use crate::wire::Contract;
use crate::wire::schema::offline;

/// The schema of a profile.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../../schemas/profile.json")).expect("a test reads the committed schema")
    });
    &DOCUMENT
}

/// The same, compiled.
pub(super) fn validator() -> &'static Validator {
    static VALIDATOR: LazyLock<Validator> =
        LazyLock::new(|| offline(document()).expect("a test compiles the committed schema"));
    &VALIDATOR
}

/// The schema of a profile as the types have it; `schemas/profile.json` is this, committed.
pub fn generated() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Profile>().to_value();
    without_null(&mut schema);
    if let Some(dialect) = schema.pointer_mut("/properties/target/properties/dialect") {
        dialect["examples"] = json!(contracts::names());
    }
    with_old_names(&mut schema);
    if let Some(case) = schema.pointer_mut("/properties/case/items") {
        case["additionalProperties"] = json!(false);
        if let Some(properties) = case["properties"].as_object_mut() {
            properties.extend(body_fields());
        }
    }
    schema
}

/// Whether only strings can be at a place of a profile, by the steps that lead to it.
pub(super) fn is_text(steps: &[&str]) -> bool {
    match steps {
        ["case", number, field] if number.parse::<usize>().is_ok() && is_body_field(field) => {
            let of = |contract: &Contract| {
                contract.request().properties().filter(|(name, _)| name == field).all(|(_, schema)| takes_text(schema))
            };
            contracts::all().iter().all(|contract| of(contract))
        }
        steps => steps.iter().try_fold(document(), |schema, step| below(schema, step)).is_some_and(takes_text),
    }
}

/// Whether a field of a case belongs to the body; the profile's schema has its meaning only.
fn is_body_field(field: &str) -> bool {
    let own = &document()["properties"]["case"]["items"]["properties"][field];
    own.as_object().is_some_and(|schema| schema.keys().all(|keyword| keyword == "description"))
}

/// Where a key belongs that does not belong into the table of this schema, but into one further down.
pub(super) fn deeper(table: &str, key: &str) -> Option<String> {
    let key = if key == SLOTS { CONCURRENCY } else { key };
    let mut tables = vec![(String::new(), document().pointer(table)?)];
    for _ in 0..DEEPEST {
        let members = |(path, schema): &(String, &'static Value)| {
            let properties = schema.get("properties").and_then(Value::as_object);
            let path = path.clone();
            properties.into_iter().flatten().map(move |(name, schema)| (format!("{path}{name}."), schema))
        };
        tables = tables.iter().flat_map(members).collect();
        if let Some((path, _)) = tables.iter().find(|(_, schema)| schema["properties"].get(key).is_some()) {
            return Some(format!("{path}{key}"));
        }
    }
    None
}

/// Tables below one in which a key is looked for.
const DEEPEST: usize = 2;

/// The schema of a member or an item.
fn below<'s>(schema: &'s Value, step: &str) -> Option<&'s Value> {
    let items = || schema.get("items").filter(|_| step.parse::<usize>().is_ok());
    let named = schema.get("properties").and_then(|properties| properties.get(step));
    named.or_else(items).or_else(|| schema.get("additionalProperties").filter(|any| any.is_object()))
}

/// Whether strings are all that a schema takes.
fn takes_text(schema: &Value) -> bool {
    let is_name = |option: &Value| option.get("const").is_some_and(Value::is_string);
    let names = |keyword: &str| schema.get(keyword).and_then(Value::as_array).filter(|options| !options.is_empty());
    // TOML has no null, so that what may be one as well is text all the same.
    let text = |kind: &Value| kind == "string" || kind == &json!(["string", "null"]);
    schema.get("type").is_some_and(text)
        || names("oneOf").is_some_and(|options| options.iter().all(is_name))
        || names("enum").is_some_and(|options| options.iter().all(Value::is_string))
}

/// The body fields of every dialect by name, with what they mean. Their values are judged by the request schema.
pub(super) fn body_fields() -> Map<String, Value> {
    let mut fields = Map::new();
    for contract in contracts::all() {
        for (name, schema) in contract.request().properties() {
            fields.entry(name).or_insert_with(|| json!({"description": schema["description"]}));
        }
    }
    fields
}

/// Adds the keys under which earlier versions knew others, so that editors take a profile that has them.
fn with_old_names(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get_mut("properties")
                && let Some(mut old) = properties.get(CONCURRENCY).cloned()
            {
                old["description"] = json!(format!("Old name of {CONCURRENCY}."));
                old["deprecated"] = json!(true);
                properties.insert(SLOTS.to_owned(), old);
            }
            members.values_mut().for_each(with_old_names);
        }
        Value::Array(items) => items.iter_mut().for_each(with_old_names),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// TOML has no null, so an optional key is not nullable.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(types) = members.get("type").and_then(Value::as_array) {
                let kept: Vec<Value> = types.iter().filter(|kind| *kind != "null").cloned().collect();
                let kept = if let [only] = kept.as_slice() { only.clone() } else { Value::Array(kept) };
                members.insert("type".to_owned(), kept);
            }
            if let Some(choices) = members.get("anyOf").and_then(Value::as_array)
                && let [schema, null] = choices.as_slice()
                && null == &json!({"type": "null"})
                && let Value::Object(schema) = schema.clone()
            {
                members.shift_remove("anyOf");
                for (name, value) in schema {
                    members.entry(name).or_insert(value);
                }
            }
            if let Some(Value::Array(values)) = members.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if members.get("default") == Some(&Value::Null) {
                members.shift_remove("default");
            }
            members.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_the_table_that_has_it() {
        assert_eq!(deeper("", "rate").as_deref(), Some("load.open.rate"));
        assert_eq!(deeper("", "url").as_deref(), Some("target.url"));
        assert_eq!(deeper("/properties/load", "concurrency").as_deref(), Some("closed.concurrency"));
        assert_eq!(deeper("", "slots").as_deref(), Some("load.closed.concurrency"), "by its old name");
        assert_eq!(deeper("/properties/load", "url"), None);
    }

    #[test]
    fn where_only_strings_can_be_is_known() {
        let is = |path: &str| is_text(&path.split('.').collect::<Vec<_>>());
        for path in ["name", "target.http", "target.model", "labels.gpu", "target.headers.x", "goals.0", "case.0.name"]
        {
            assert!(is(path), "{path}");
        }
        assert!(is("case.0.model") && is("case.3.user"), "fields of the body");
        for path in
            ["seed", "load.open.rate", "case.0.input_tokens", "case.0.stop", "case.0.extra.x", "goals", "no.key"]
        {
            assert!(!is(path), "{path}");
        }
    }
}
