//! The contract: the seed page and the specification's vectors get their verdicts, every constraint is enforced at the
//! right place, and everything in the schema files says what it means and where it comes from.

use std::collections::BTreeSet;

use proofload::check::{self, Level};
use proofload::wire::Dialect;
use proofload::wire::dialect::Schema;
use serde_json::{Map, Value, json};

const SEED_REQUEST: &str = include_str!("contract/seed-request.json");
const SEED_RESPONSE: &str = include_str!("contract/seed-response.json");
const VECTORS: &str = include_str!("contract/vectors.json");
const PATHS: &str = include_str!("contract/paths.json");
const CATALOGUE: &str = include_str!("contract/catalogue.json");

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn schemas() -> Vec<(String, &'static Schema)> {
    let of = |dialect: Dialect| {
        [
            ("request", dialect.request()),
            ("response", dialect.response()),
            ("chunk", dialect.chunk()),
            ("error", dialect.error()),
        ]
        .map(|(name, schema)| (format!("{dialect}/{name}"), schema))
    };
    Dialect::ALL.into_iter().flat_map(of).collect()
}

#[test]
fn the_seed_pages_own_request_and_response_validate() {
    assert_eq!(Dialect::Pulze.request().violations(&parse(SEED_REQUEST)), []);
    assert_eq!(Dialect::Pulze.response().violations(&parse(SEED_RESPONSE)), []);
}

#[test]
fn the_vectors_of_the_specification_get_their_verdicts() {
    for vector in parse(VECTORS).as_array().expect("vectors") {
        for dialect in Dialect::ALL {
            let schema = if vector["schema"] == "response" { dialect.response() } else { dialect.chunk() };
            let found: BTreeSet<String> = schema
                .violations(&vector["document"])
                .into_iter()
                .map(|v| format!("{} {}", v.pointer, v.keyword))
                .collect();
            let expected: BTreeSet<String> = vector[dialect.name()]
                .as_array()
                .expect("a list")
                .iter()
                .map(|v| v.as_str().expect("text").to_owned())
                .collect();
            assert_eq!(found, expected, "{} {dialect}: {}", vector["id"], vector["title"]);
        }
    }
}

/// The schema of a path such as `choices[].message.role`.
fn at<'s>(schema: &'s Value, path: &str) -> &'s Value {
    path.split('.').fold(schema, |schema, step| {
        let name = step.trim_end_matches("[]");
        let member = &schema["properties"][name];
        let member = if step.ends_with("[]") { &member["items"] } else { member };
        assert!(member.is_object(), "{path}: no schema for {step}");
        member
    })
}

fn types(schema: &Value) -> Vec<&str> {
    match schema["type"].as_str() {
        Some(one) => vec![one],
        None => schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
    }
}

#[test]
fn every_field_and_path_of_the_seed_page_is_in_the_schemas_with_its_type() {
    let paths = parse(PATHS);
    for (name, schema, top) in [("request", Dialect::Pulze.request(), 17), ("response", Dialect::Pulze.response(), 58)]
    {
        let listed: Vec<&str> = paths[name].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert!(listed.len() >= top);
        for entry in listed {
            let (path, kind) = entry.split_once(' ').expect("path and type");
            let schema = at(schema.document(), path);
            assert!(types(schema).contains(&kind), "{path} is {:?}, the page says {kind}", types(schema));
        }
    }
    let fields = Dialect::Pulze.request().document()["properties"].as_object().expect("an object");
    assert_eq!(fields.len(), 17);
}

/// Every subschema with its place in the schema file.
fn subschemas<'s>(schema: &'s Value, place: &str, all: &mut Vec<(String, &'s Value)>) {
    all.push((place.to_owned(), schema));
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        subschemas(member, &format!("{place}/properties/{name}"), all);
    }
    for keyword in ["items", "additionalProperties"] {
        if schema[keyword].is_object() {
            subschemas(&schema[keyword], &format!("{place}/{keyword}"), all);
        }
    }
}

#[test]
fn every_field_says_what_it_means_and_where_it_comes_from() {
    for (name, schema) in schemas() {
        let mut all = Vec::new();
        subschemas(schema.document(), "", &mut all);
        for (place, schema) in all {
            for keyword in ["description", "$comment"] {
                assert!(schema[keyword].as_str().is_some_and(|text| text.len() > 2), "{name}{place}: no {keyword}");
            }
        }
    }
}

#[test]
fn no_schema_refers_to_another_document() {
    for (name, schema) in schemas() {
        assert!(!schema.document().to_string().contains("\"$ref\""), "{name}");
    }
    let remote = json!({"$ref": "http://example.invalid/schema.json"});
    assert!(proofload::wire::dialect::offline(&remote).is_err());
}

/// A value that satisfies a schema and has every member it names, so that each constraint has something to act on.
fn full(schema: &Value, place: &str) -> Value {
    if let Some(options) = schema["enum"].as_array() {
        return options[0].clone();
    }
    match types(schema).first().copied() {
        Some("object") => {
            let mut object = Map::new();
            for (name, member) in schema["properties"].as_object().into_iter().flatten() {
                // One of two ways to say it: a custom call has no function, an error body no detail.
                let other_way =
                    matches!(name.as_str(), "custom" | "allowed_tools") || name == "detail" && place.is_empty();
                if !other_way {
                    object.insert(name.clone(), full(member, &format!("{place}/{name}")));
                }
            }
            if schema["additionalProperties"].is_object() {
                object.insert("a".to_owned(), full(&schema["additionalProperties"], &format!("{place}/a")));
            }
            Value::Object(object)
        }
        Some("array") => json!([full(&schema["items"], &format!("{place}/0"))]),
        Some("string") => json!("stop"),
        Some("boolean") => json!(true),
        Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(0).max(0)),
        Some("number") => json!(schema["minimum"].as_f64().unwrap_or(0.0).max(0.0)),
        Some(_) | None => Value::Null,
    }
}

fn document(name: &str, schema: &Value) -> Value {
    let mut document = full(schema, "");
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
    document
}

/// What breaks a constraint of a schema at a value: the broken value, and where the violation must be reported.
fn breaches(schema: &Value, value: &Value, pointer: &str, found: &mut Vec<(String, String, Value)>) {
    let mut add = |keyword: &str, broken: Value| found.push((pointer.to_owned(), keyword.to_owned(), broken));
    let kinds = types(schema);
    if !kinds.is_empty() {
        let wrong = [json!("text"), json!(1.5), json!(true), json!([]), json!({}), Value::Null];
        let of = |value: &Value| match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        for value in wrong.into_iter().filter(|value| !kinds.contains(&of(value))) {
            add("type", value);
        }
    }
    if schema["enum"].is_array() {
        add("enum", json!("none-of-these"));
    }
    if let Some(least) = schema["minimum"].as_f64() {
        add("minimum", json!(least - 1.0));
    }
    if let Some(most) = schema["maximum"].as_f64() {
        add("maximum", json!(most + 1.0));
    }
    if let Some(most) = schema["maxLength"].as_u64() {
        add("maxLength", json!("x".repeat(usize::try_from(most).expect("short") + 1)));
    }
    if schema["minLength"].is_u64() {
        add("minLength", json!(""));
    }
    if let (Some(items), true) = (value.as_array(), schema["minItems"].is_u64()) {
        assert!(!items.is_empty());
        add("minItems", json!([]));
    }
    if let (Some(most), Some(items)) = (schema["maxItems"].as_u64(), value.as_array()) {
        add("maxItems", Value::Array(vec![items[0].clone(); usize::try_from(most).expect("short") + 1]));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut without = value.clone();
        without.as_object_mut().expect("an object").shift_remove(name);
        add("required", without);
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            breaches(member, value, &format!("{pointer}/{name}"), found);
        }
    }
    if let Some(item) = value.get(0).filter(|_| schema["items"].is_object()) {
        breaches(&schema["items"], item, &format!("{pointer}/0"), found);
    }
    if let Some(member) = value.get("a").filter(|_| schema["additionalProperties"].is_object()) {
        breaches(&schema["additionalProperties"], member, &format!("{pointer}/a"), found);
    }
}

#[test]
fn every_constraint_is_enforced_at_its_place() {
    let mut count = 0;
    for (name, schema) in schemas() {
        let document = document(&name, schema.document());
        assert_eq!(schema.violations(&document), [], "{name}: the full document is valid");
        let mut all = Vec::new();
        breaches(schema.document(), &document, "", &mut all);
        for (pointer, keyword, value) in all {
            let mut broken = document.clone();
            *broken.pointer_mut(&pointer).expect("the place") = value.clone();
            let found = schema.violations(&broken);
            let hit = found.iter().any(|v| v.pointer == pointer && v.keyword == keyword);
            assert!(hit, "{name}{pointer}: {value} should break {keyword}, found {found:?}");
            count += 1;
        }
    }
    assert!(count > 900, "only {count} constraints were broken");
}

#[test]
fn conditional_rules_of_the_openai_request_hold() {
    let request = |change: Value| {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        Dialect::OpenAi
            .request()
            .violations(&body)
            .into_iter()
            .map(|v| format!("{} {}", v.pointer, v.keyword))
            .collect::<Vec<_>>()
    };
    assert_eq!(request(json!({})), [""; 0]);
    for (change, expected) in [
        (json!({"messages": [{"role": "tool", "content": "x"}]}), "/messages/0 required"),
        (json!({"messages": [{"role": "user", "content": null}]}), "/messages/0/content type"),
        (json!({"messages": [{"role": "function", "content": null}]}), "/messages/0 required"),
        (json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), "/messages/0/content/0 required"),
        (json!({"tools": [{"type": "custom"}]}), "/tools/0 required"),
        (json!({"tools": [{"type": "function"}]}), "/tools/0 required"),
        (json!({"tool_choice": "sometimes"}), "/tool_choice enum"),
        (json!({"tool_choice": {"type": "allowed_tools"}}), "/tool_choice required"),
        (json!({"response_format": {"type": "json_schema"}}), "/response_format required"),
    ] {
        assert_eq!(request(change.clone()), [expected], "{change}");
    }
    let fine = json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "n", "input": "i"}}]}]});
    assert_eq!(request(fine), [""; 0]);
}

#[test]
fn both_shapes_of_a_pulze_error_validate() {
    let schema = Dialect::Pulze.error();
    for body in [
        json!({"detail": [{"loc": ["body", 0], "msg": "m", "type": "t", "input": 3}]}),
        json!({"detail": "no"}),
        json!({"error": {"message": "no", "type": "t", "param": null, "code": 3}}),
    ] {
        assert_eq!(schema.violations(&body), [], "{body}");
    }
    for body in
        [json!({}), json!({"message": "no"}), json!({"detail": [{"msg": "m"}]}), json!({"error": {}}), json!([])]
    {
        assert!(!schema.is_valid(&body), "{body}");
    }
}

#[test]
fn the_checks_are_those_of_the_catalogue() {
    let catalogue = parse(CATALOGUE);
    let rows = catalogue.as_array().expect("rows");
    let letter = |level: Option<Level>| match level {
        Some(Level::Must) => 'M',
        Some(Level::Should) => 'S',
        Some(Level::May) => 'Y',
        None => '-',
    };
    let ours: BTreeSet<(String, String)> = check::ALL
        .iter()
        .copied()
        .flatten()
        .map(|check| {
            (
                check.id.to_owned(),
                format!("{}/{}", letter(check.level(Dialect::Pulze)), letter(check.level(Dialect::OpenAi))),
            )
        })
        .collect();
    let theirs: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| (row["id"].as_str().expect("id").to_owned(), row["level"].as_str().expect("level").to_owned()))
        .collect();
    assert_eq!(ours, theirs);
    assert!(check::ALL.iter().copied().flatten().all(|check| !check.rule.is_empty() && !check.source.is_empty()));
}
