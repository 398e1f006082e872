//! Forty schemas such as structured answers are asked for with, after the kinds of `JSONSchemaBench`: enums, bounds,
//! patterns, formats, arrays, nesting, unions, references and recursion.
//!
//! They keep within what `OpenAI` takes under `strict`: the root is an object, every member is required, and no others are
//! allowed.

use serde_json::{Map, Value};

const TEXT: &str = include_str!("schemas.json");

/// Every schema with its name.
pub(super) fn all() -> Map<String, Value> {
    serde_json::from_str(TEXT).expect("a test reads the embedded table")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::schema::offline_with_formats;

    /// Every object within a schema.
    fn objects<'s>(schema: &'s Value, found: &mut Vec<&'s Value>) {
        if schema.get("properties").is_some() {
            found.push(schema);
        }
        match schema {
            Value::Object(members) => members.values().for_each(|member| objects(member, found)),
            Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn there_are_forty_and_each_is_one_that_strict_takes() {
        let all = all();
        assert_eq!(all.len(), 40);
        for (name, schema) in &all {
            assert!(offline_with_formats(schema).is_ok(), "{name}");
            assert!(name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{name}");
            assert_eq!(schema["type"], "object", "{name}");
            let mut found = Vec::new();
            objects(schema, &mut found);
            for object in found {
                let members: Vec<&String> = object["properties"].as_object().expect("members").keys().collect();
                let required: Vec<&Value> = object["required"].as_array().expect("a list").iter().collect();
                assert_eq!(required, members, "{name}");
                assert_eq!(object["additionalProperties"], false, "{name}");
            }
        }
    }
}
