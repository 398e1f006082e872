use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Schemas of every kind that people write; a value is made for each of them.
const SATISFIABLE: [&str; 84] = [
    "true",
    "{}",
    r#"{"type": "null"}"#,
    r#"{"type": "boolean"}"#,
    r#"{"const": {"a": [1, null]}}"#,
    r#"{"enum": ["celsius", "fahrenheit", 3, null]}"#,
    r#"{"type": "string"}"#,
    r#"{"type": "string", "minLength": 60}"#,
    r#"{"type": "string", "maxLength": 3}"#,
    r#"{"type": "string", "minLength": 5, "maxLength": 5}"#,
    r#"{"type": "string", "maxLength": 0}"#,
    r#"{"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}"#,
    r#"{"type": "string", "pattern": "^(north|south)(east|west)?$"}"#,
    r#"{"type": "string", "pattern": "^\\d{3}[-. ]\\w+$"}"#,
    r#"{"type": "string", "pattern": "^[a-z]+$", "minLength": 12}"#,
    r#"{"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}"#,
    r#"{"type": "string", "pattern": "[0-9]", "maxLength": 4}"#,
    r#"{"type": "string", "pattern": "^[^a-y]*$", "minLength": 2, "maxLength": 4}"#,
    r#"{"type": "string", "pattern": "^\\+?[1-9]\\d{1,14}$"}"#,
    r#"{"type": "string", "format": "date"}"#,
    r#"{"type": "string", "format": "date-time"}"#,
    r#"{"type": "string", "format": "time"}"#,
    r#"{"type": "string", "format": "duration"}"#,
    r#"{"type": "string", "format": "uuid"}"#,
    r#"{"type": "string", "format": "email"}"#,
    r#"{"type": "string", "format": "uri"}"#,
    r#"{"type": "string", "format": "hostname"}"#,
    r#"{"type": "string", "format": "ipv4"}"#,
    r#"{"type": "string", "format": "ipv6"}"#,
    r#"{"type": "string", "format": "unheard-of"}"#,
    r#"{"type": "integer"}"#,
    r#"{"type": "integer", "minimum": 3, "maximum": 3}"#,
    r#"{"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}"#,
    r#"{"type": "integer", "minimum": -7, "maximum": -2}"#,
    r#"{"type": "integer", "multipleOf": 7, "minimum": 50, "maximum": 60}"#,
    r#"{"type": "integer", "multipleOf": 2.5, "minimum": 1}"#,
    r#"{"type": "integer", "maximum": -1000000}"#,
    r#"{"type": "number"}"#,
    r#"{"type": "number", "minimum": 0, "maximum": 1}"#,
    r#"{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}"#,
    r#"{"type": "number", "multipleOf": 0.25, "minimum": 1.3, "maximum": 1.6}"#,
    r#"{"type": "number", "minimum": 2.5}"#,
    r#"{"minimum": 10, "maximum": 11}"#,
    r#"{"type": ["string", "null"]}"#,
    r#"{"type": ["null", "integer"], "minimum": 4}"#,
    r#"{"type": "array"}"#,
    r#"{"type": "array", "items": {"type": "integer"}, "minItems": 4}"#,
    r#"{"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": true}"#,
    r#"{"type": "array", "items": {"type": "boolean"}, "maxItems": 1}"#,
    r#"{"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "items": false}"#,
    r#"{"type": "array", "prefixItems": [{"const": 1}], "items": {"type": "boolean"}, "minItems": 3}"#,
    r#"{"type": "array", "contains": {"const": "x"}, "items": {"type": "string"}}"#,
    r#"{"type": "array", "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}, "minItems": 2}"#,
    r#"{"type": "object"}"#,
    r#"{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"], "additionalProperties": false}"#,
    r#"{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["z"]}"#,
    r#"{"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3}"#,
    r#"{"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 2, "required": ["c"]}"#,
    r#"{"type": "object", "patternProperties": {"^n_[a-z]{2}$": {"type": "number"}}, "additionalProperties": false, "minProperties": 2}"#,
    r#"{"type": "object", "propertyNames": {"pattern": "^[a-z]{4}$"}, "minProperties": 2}"#,
    r#"{"type": "object", "properties": {"city": {"type": "string", "minLength": 8}, "unit": {"enum": ["c", "f"]}, "tags": {"type": "array", "minItems": 2, "items": {"type": "boolean"}}}, "required": ["city", "unit", "tags"]}"#,
    r#"{"properties": {"kind": {"const": "point"}, "at": {"type": "array", "items": {"type": "number"}, "minItems": 2}}, "required": ["kind", "at"]}"#,
    r#"{"type": "object", "properties": {"card": {"type": "string"}}, "dependentRequired": {"card": ["address"]}}"#,
    r#"{"anyOf": [{"type": "string", "maxLength": 2}, {"type": "integer", "minimum": 5}]}"#,
    r#"{"oneOf": [{"type": "integer"}, {"type": "string"}]}"#,
    r#"{"oneOf": [{"type": "number", "multipleOf": 5}, {"type": "number", "multipleOf": 3}]}"#,
    r#"{"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}]}"#,
    r#"{"allOf": [{"minimum": 3}, {"maximum": 4}, {"type": "integer"}]}"#,
    r#"{"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}"#,
    r#"{"allOf": [{"type": ["integer", "string"]}, {"type": "number"}]}"#,
    r#"{"allOf": [{"properties": {"n": {"minimum": 5}}}, {"properties": {"n": {"type": "integer", "maximum": 6}}, "required": ["n"]}], "type": "object"}"#,
    r##"{"$ref": "#/$defs/name", "$defs": {"name": {"type": "string", "minLength": 3}}}"##,
    r##"{"type": "object", "properties": {"a": {"$ref": "#/$defs/x~1y"}}, "required": ["a"], "$defs": {"x/y": {"type": "boolean"}}}"##,
    r##"{"$ref": "#/definitions/p", "minimum": 3, "definitions": {"p": {"type": "integer", "maximum": 4}}}"##,
    r##"{"$ref": "#thing", "$defs": {"t": {"$anchor": "thing", "enum": [1, 2]}}}"##,
    r##"{"type": "object", "properties": {"value": {"type": "integer"}, "next": {"$ref": "#"}}, "required": ["value"]}"##,
    r##"{"type": "object", "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["value", "next"], "additionalProperties": false}"##,
    r##"{"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["name", "children"], "additionalProperties": false}}}"##,
    r##"{"$ref": "#/$defs/e", "$defs": {"e": {"oneOf": [{"type": "number"}, {"type": "object", "properties": {"op": {"enum": ["+", "-"]}, "left": {"$ref": "#/$defs/e"}, "right": {"$ref": "#/$defs/e"}}, "required": ["op", "left", "right"], "additionalProperties": false}]}}}"##,
    r#"{"type": "integer", "not": {"const": 5}, "minimum": 4, "maximum": 6}"#,
    r#"{"if": {"properties": {"country": {"const": "US"}}, "required": ["country"]}, "then": {"required": ["zip"]}, "else": {"required": ["code"]}, "type": "object", "properties": {"country": {"enum": ["US", "NO"]}, "zip": {"type": "string"}, "code": {"type": "string"}}, "required": ["country"]}"#,
    r#"{"type": "object", "properties": {"steps": {"type": "array", "items": {"type": "object", "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}}, "required": ["explanation", "output"], "additionalProperties": false}}, "final_answer": {"type": "string"}}, "required": ["steps", "final_answer"], "additionalProperties": false}"#,
    r#"{"type": "object", "properties": {"stadt": {"enum": ["Köln", "東京"]}, "größe": {"type": "integer"}}, "required": ["stadt", "größe"]}"#,
    r##"{"type": "object", "properties": {"item": {"anyOf": [{"$ref": "#/$defs/user"}, {"$ref": "#/$defs/place"}]}}, "required": ["item"], "additionalProperties": false, "$defs": {"user": {"type": "object", "properties": {"email": {"type": "string", "format": "email"}, "age": {"type": "number"}}, "required": ["email", "age"], "additionalProperties": false}, "place": {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"], "additionalProperties": false}}}"##,
];

/// Schemas that nothing satisfies, or only what this builder does not look for: no value rather than a wrong one.
const UNSATISFIABLE: [&str; 13] = [
    r##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]}"##,
    "false",
    r#"{"type": "integer", "minimum": 5, "maximum": 4}"#,
    r#"{"type": "string", "minLength": 5, "maxLength": 4}"#,
    r#"{"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": true, "minItems": 3}"#,
    r#"{"type": "array", "items": false, "minItems": 1}"#,
    r#"{"type": "object", "required": ["a"], "properties": {"a": false}}"#,
    r#"{"allOf": [{"type": "string"}, {"type": "integer"}]}"#,
    r#"{"allOf": [{"const": 1}, {"const": 2}]}"#,
    r#"{"not": {}}"#,
    r#"{"type": "string", "pattern": "^a$", "minLength": 2}"#,
    r##"{"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}"##,
    r#"{"enum": []}"#,
];

/// Documents that are no schemas, or refer to what is not there.
const INVALID: [&str; 6] = [
    r#"{"type": "strin"}"#,
    r#"{"type": "string", "pattern": "("}"#,
    r#"{"minimum": "3"}"#,
    r##"{"$ref": "#/$defs/none"}"##,
    r#"{"$ref": "https://example.com/schema.json"}"#,
    r#"{"required": "a"}"#,
];

fn made(schema: &Value, seed: u64) -> Option<Value> {
    Example::new(schema).expect("a schema").value(&mut Pcg64::seed_from_u64(seed))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_value_satisfies_its_schema(seed: u64) {
        for text in SATISFIABLE {
            let schema: Value = serde_json::from_str(text).expect("JSON");
            let value = made(&schema, seed);
            prop_assert!(value.is_some(), "{} has no value", text);
            // Compiled once more, so that what made the value does not judge it.
            let validator = jsonschema::validator_for(&schema).expect("a schema");
            let value = value.expect("checked above");
            prop_assert!(validator.is_valid(&value), "{} is not satisfied by {}", text, value);
        }
    }
}

#[test]
fn what_nothing_satisfies_has_no_value() {
    for text in UNSATISFIABLE {
        let schema: Value = serde_json::from_str(text).expect("JSON");
        // An empty enum is no valid schema for some validators; either way there is no value.
        let value = Example::new(&schema).ok().and_then(|example| example.value(&mut Pcg64::seed_from_u64(1)));
        assert_eq!(value, None, "{text}");
    }
}

#[test]
fn what_is_no_schema_is_said_to_be_none() {
    for text in INVALID {
        let schema: Value = serde_json::from_str(text).expect("JSON");
        assert!(Example::new(&schema).is_err(), "{text}");
    }
}

#[test]
fn one_seed_makes_one_value_and_others_make_others() {
    let schema = json!({"type": "array", "items": {"type": "integer", "maximum": 100_000}, "minItems": 4});
    assert_eq!(made(&schema, 1), made(&schema, 1));
    assert_ne!(made(&schema, 1), made(&schema, 2));
}

#[test]
fn a_schema_that_multiplies_is_given_up() {
    // Each level has ten of the next: ten million leaves.
    let mut schema = json!({"type": "integer"});
    for _ in 0..7 {
        schema = json!({"type": "array", "items": schema, "minItems": 10});
    }
    assert_eq!(made(&schema, 1), None);
}

#[test]
fn optional_properties_are_there_while_nothing_speaks_against_it() {
    let schema = json!({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]});
    let value = made(&schema, 1).expect("a value");
    assert!(value["a"].is_i64() && value["b"].is_string());
}
