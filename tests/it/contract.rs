//! The contract: the seed page and the vectors get their verdicts, every constraint is enforced at the
//! right place, and everything in the schema files says what it means and where it comes from.

use std::collections::BTreeSet;

use crate::dialect::Dialect;
use crate::harness::Contract;
use proofload::check::{self, Depth, Level, Tier};
use serde_json::{Value, json};

mod breach;
mod published;

use breach::{breaches, documents};

const SEED_REQUEST: &str = include_str!("contract/seed-request.json");
const SEED_RESPONSE: &str = include_str!("contract/seed-response.json");
const VECTORS: &str = include_str!("../vectors/documents.json");
const PATHS: &str = include_str!("contract/paths.json");
const CATALOGUE: &str = include_str!("contract/catalogue.json");

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn schemas() -> Vec<(String, &'static dyn Contract)> {
    let of = |dialect: Dialect| {
        let named: [(&str, &'static dyn Contract); 4] = [
            ("request", dialect.request()),
            ("response", dialect.response()),
            ("chunk", dialect.chunk()),
            ("error", dialect.error()),
        ];
        named.map(|(name, schema)| (format!("{dialect}/{name}"), schema))
    };
    Dialect::ALL.into_iter().flat_map(of).collect()
}

#[test]
fn the_seed_pages_own_request_and_response_validate() {
    assert_eq!(Dialect::Pulze.request().faults(&parse(SEED_REQUEST)), []);
    assert_eq!(Dialect::Pulze.response().faults(&parse(SEED_RESPONSE)), []);
}

#[test]
fn the_vectors_get_their_verdicts() {
    for vector in parse(VECTORS).as_array().expect("vectors") {
        for dialect in Dialect::ALL {
            let schema = if vector["schema"] == "response" { dialect.response() } else { dialect.chunk() };
            let found: BTreeSet<String> = schema
                .faults(&vector["document"])
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
    let schemas: [(&str, &dyn Contract, usize); 2] =
        [("request", Dialect::Pulze.request(), 17), ("response", Dialect::Pulze.response(), 58)];
    for (name, schema, top) in schemas {
        let listed: Vec<&str> = paths[name].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert!(listed.len() >= top);
        for entry in listed {
            let (path, kind) = entry.split_once(' ').expect("path and type");
            let schema = at(schema.text(), path);
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
    for (name, member) in branches(schema).into_iter().filter_map(|branch| branch["properties"].as_object()).flatten() {
        // A branch of the tolerant schemas only narrows a member that is described beside it.
        if schema["properties"].get(name).is_none() {
            subschemas(member, &format!("{place}/then/properties/{name}"), all);
        }
    }
}

/// The conditional parts of a schema.
fn branches(schema: &Value) -> Vec<&Value> {
    let conditions = std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten());
    conditions.flat_map(|part| [&part["then"], &part["else"]]).filter(|branch| branch.is_object()).collect()
}

#[test]
fn every_field_says_what_it_means_and_where_it_comes_from() {
    for (name, schema) in schemas() {
        let mut all = Vec::new();
        subschemas(schema.text(), "", &mut all);
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
        assert!(!schema.text().to_string().contains("\"$ref\""), "{name}");
    }
    let remote = json!({"$ref": "http://example.invalid/schema.json"});
    assert!(proofload::wire::schema::offline(&remote).is_err());
}

#[test]
fn every_constraint_is_enforced_at_its_place() {
    let mut count = 0;
    for (name, schema) in schemas() {
        for document in documents(&name, schema.text()) {
            assert_eq!(schema.faults(&document), [], "{name}: the full document is valid: {document}");
            for breach in breaches(schema.text(), &document) {
                let found = schema.faults(&breach.document);
                let hit = found.iter().any(|v| v.pointer == breach.pointer && v.keyword == breach.keyword);
                assert!(hit, "{name}{}: should break {}, found {found:?}", breach.pointer, breach.keyword);
                count += 1;
            }
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
            .faults(&body)
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
fn the_strict_dialect_demands_what_kin_leave_out_and_takes_every_normal_chunk() {
    let lacking = |path: &str, name: &str, document: &Value| {
        let mut document = document.clone();
        document.pointer_mut(path).and_then(Value::as_object_mut).expect("an object").shift_remove(name);
        document
    };
    let reply = json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,
        "finish_reason": "stop", "logprobs": null, "message": {"role": "assistant", "content": "ok", "refusal": null}}]});
    let chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "usage": null,
        "choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": null, "logprobs": null}]});
    let error = json!({"error": {"message": "no", "type": "t", "param": null, "code": null}});
    let [strict, tolerant] = [Dialect::OpenAiStrict, Dialect::OpenAi]
        .map(|dialect| move |n: usize| [dialect.response(), dialect.chunk(), dialect.error()][n]);
    for (n, document, path, name) in [
        (0, &reply, "/choices/0/message", "refusal"),
        (0, &reply, "/choices/0", "logprobs"),
        (1, &chunk, "/choices/0", "finish_reason"),
        (2, &error, "/error", "type"),
        (2, &error, "/error", "param"),
        (2, &error, "/error", "code"),
    ] {
        assert_eq!(strict(n).faults(document), [], "{document}");
        let lacking = lacking(path, name, document);
        let found: Vec<String> =
            strict(n).faults(&lacking).into_iter().map(|v| format!("{} {}", v.pointer, v.keyword)).collect();
        assert_eq!(found, [format!("{path} required")], "without {name}");
        assert_eq!(tolerant(n).faults(&lacking), [], "without {name}");
    }
}

#[test]
fn members_that_no_schema_names_are_found_and_those_of_one_type_of_object_are_named() {
    let call = json!({"id": "1", "type": "custom", "custom": {"name": "n", "input": "i", "x": 1}, "y": 2});
    let reply = json!({"choices": [{"message": {"tool_calls": [call]}}], "z": 3});
    for dialect in [Dialect::OpenAi, Dialect::OpenAiStrict] {
        let mut found = Vec::new();
        dialect.response().unnamed_members(&reply.clone().into(), &mut found);
        found.sort();
        let call = "/choices[]/message/tool_calls[]";
        assert_eq!(found, [format!("{call}/custom/x"), format!("{call}/y"), "/z".to_owned()], "{dialect}");
    }
}

/// What the clients of today know is no member that nobody names.
#[test]
fn what_openais_clients_know_is_named() {
    let audio = json!({"id": "a", "data": "AA", "transcript": "hi", "expires_at": 1});
    let citation = json!({"end_index": 1, "start_index": 0, "title": "t", "url": "u"});
    let annotations = json!([{"type": "url_citation", "url_citation": citation}]);
    let failed = json!({"type": "error", "code": "c", "message": "m"});
    let moderation = json!({"input": failed, "output": failed});
    let message =
        json!({"role": "assistant", "content": null, "refusal": null, "audio": audio, "annotations": annotations});
    let reply =
        json!({"moderation": moderation, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
    let chunk = json!({"moderation": moderation, "choices": [{"index": 0, "delta": {"audio": audio}}]});
    for dialect in [Dialect::OpenAi, Dialect::OpenAiStrict] {
        for (schema, document) in [(dialect.response(), &reply), (dialect.chunk(), &chunk)] {
            let mut found = Vec::new();
            schema.unnamed_members(&document.clone().into(), &mut found);
            assert_eq!(found, [""; 0], "{dialect}");
            let wrong = schema.faults(document).into_iter().find(|fault| fault.pointer.contains("audio"));
            assert_eq!(wrong, None, "{dialect}");
        }
    }
    // Pieces come one by one, and the last has no text.
    let piece = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"audio": {"expires_at": 1, "id": null}}}]});
    assert_eq!(Dialect::OpenAi.chunk().faults(&piece), []);
    let wrong = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"audio": {"data": 3}}}]});
    assert_eq!(Dialect::OpenAi.chunk().faults(&wrong).len(), 1);
}

#[test]
fn both_shapes_of_a_pulze_error_validate() {
    let schema = Dialect::Pulze.error();
    for body in [
        json!({"detail": [{"loc": ["body", 0], "msg": "m", "type": "t", "input": 3}]}),
        json!({"detail": "no"}),
        json!({"error": {"message": "no", "type": "t", "param": null, "code": 3}}),
    ] {
        assert_eq!(schema.faults(&body), [], "{body}");
    }
    for body in
        [json!({}), json!({"message": "no"}), json!({"detail": [{"msg": "m"}]}), json!({"error": {}}), json!([])]
    {
        assert_ne!(schema.faults(&body), [], "{body}");
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
    let tier = |tier: Tier| format!("{}{}", tier.depth.name(), if tier.by_model { " by model" } else { "" });
    let ours: BTreeSet<(String, String, String)> = check::ALL
        .iter()
        .copied()
        .flatten()
        .map(|check| {
            let levels = Dialect::ALL.map(|dialect| letter(check.level(&dialect)).to_string()).join("/");
            (check.id.to_owned(), levels, tier(check.tier))
        })
        .collect();
    let theirs: BTreeSet<(String, String, String)> = rows
        .iter()
        .map(|row| {
            let level = row["level"].as_str().expect("level");
            // The strict dialect takes openai's level, but where its schema says more (schemas/README.md#ruling-10).
            let strict = row["strict"].as_str().unwrap_or(&level[2..]);
            let text = row["tier"].as_str().expect("tier");
            // A row of "C L" is judged by the suite and on a load run.
            let depth = match text.as_bytes()[0] {
                b'C' => Depth::Core,
                b'F' => Depth::Full,
                b'X' => Depth::Intrusive,
                _ => Depth::Load,
            };
            let tier = tier(Tier { depth, by_model: text.ends_with('*') });
            (row["id"].as_str().expect("id").to_owned(), format!("{level}/{strict}"), tier)
        })
        .collect();
    assert_eq!(ours, theirs);
    assert!(check::ALL.iter().copied().flatten().all(|check| !check.rule.is_empty() && !check.sources.is_empty()));
}
