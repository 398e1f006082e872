//! The strict dialect is OpenAI's file to the letter: whatever is refused by one is refused by the other.

use std::collections::BTreeSet;

use proofload::wire::schema::offline;
use serde_json::{Value, json};

use super::breach::{breaches, documents, show};
use super::{parse, schemas, subschemas};

use crate::dialect::Dialect;

const PUBLISHED: &str = include_str!("openai-published.json");

/// The published schemas, with `nullable` spelt as JSON Schema 2020-12 reads it, also beside a `$ref`.
fn published() -> Value {
    let mut schemas = parse(PUBLISHED)["schemas"].take();
    // Two of the three layers of top_logprobs take null; the member is read as nullable
    // (schemas/README.md#ruling-2).
    schemas["CreateModelResponseProperties"]["allOf"][1]["properties"]["top_logprobs"]["nullable"] = json!(true);
    rewrite(&mut schemas);
    schemas
}

fn rewrite(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(rewrite);
            if members.shift_remove("nullable") == Some(json!(true)) {
                *schema = json!({"anyOf": [schema.take(), {"type": "null"}]});
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_strict_dialect_refuses_what_the_published_file_refuses() {
    let components = json!({"schemas": published()});
    for (name, root) in [
        ("request", "CreateChatCompletionRequest"),
        ("response", "CreateChatCompletionResponse"),
        ("chunk", "CreateChatCompletionStreamResponse"),
        ("error", "ErrorResponse"),
    ] {
        let reference = json!({"$ref": format!("#/components/schemas/{root}"), "components": components});
        let reference = offline(&reference).expect("a schema");
        let name = format!("{}/{name}", Dialect::OpenAiStrict);
        let schema = schemas().into_iter().find(|(other, _)| *other == name).expect("a schema").1;
        // The other dialects' documents have null, missing and further members where kin have them.
        let of_kin = schemas().into_iter().flat_map(|(name, schema)| documents(&name, schema.text()));
        let mut all: Vec<Value> = of_kin.collect();
        for document in documents(&name, schema.text()) {
            all.extend(breaches(schema.text(), &document).into_iter().map(|breach| breach.document));
        }
        for document in all {
            assert_eq!(schema.faults(&document).is_empty(), reference.is_valid(&document), "{name}: {document}");
        }
    }
}

#[test]
fn the_documents_of_the_strict_dialect_show_every_member_of_it() {
    for (name, schema) in schemas().into_iter().filter(|(name, _)| name.starts_with("openai-strict/")) {
        let mut all = Vec::new();
        subschemas(schema.text(), "", &mut all);
        let named: BTreeSet<String> = all.into_iter().map(|(place, _)| instance(&place)).collect();
        let mut shown = BTreeSet::new();
        for document in documents(&name, schema.text()) {
            show(&document, "", &mut shown);
        }
        let shown = shown.iter().map(|shown| shown.split(' ').next().unwrap_or_default().to_owned()).collect();
        let missing: Vec<&String> = named.difference(&shown).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
}

/// The place of a subschema as that of the values it judges: `/choices/0/index`.
fn instance(place: &str) -> String {
    let place = place.replace("/then/properties/", "/").replace("/properties/", "/");
    place.replace("/items", "/0").replace("/additionalProperties", "/a")
}
