//! The JSON Schema of profiles, for editors and for our own validation: `schemas/profile.json`, which a test holds to
//! what is generated from the types, with the body fields of the contract added to a case. So nothing is generated
//! before a run.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Profile;
use crate::wire::Dialect;
use crate::wire::dialect::offline;

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
    if let Some(case) = schema.pointer_mut("/properties/case/items") {
        case["additionalProperties"] = json!(false);
        if let Some(properties) = case["properties"].as_object_mut() {
            properties.extend(body_fields());
        }
    }
    schema
}

/// The body fields of every dialect by name, with what they mean. Their values are judged by the request schema.
pub(super) fn body_fields() -> Map<String, Value> {
    let mut fields = Map::new();
    for dialect in Dialect::ALL {
        let properties = dialect.request().document()["properties"].as_object().cloned().unwrap_or_default();
        for (name, schema) in properties {
            fields.entry(name).or_insert_with(|| json!({"description": schema["description"]}));
        }
    }
    fields
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
            if members.get("default") == Some(&Value::Null) {
                members.shift_remove("default");
            }
            members.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
