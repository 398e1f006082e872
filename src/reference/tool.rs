//! Tool calls of the reference endpoint, with arguments that satisfy the tool's own parameters.

use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde_json::{Map, Value, json};

use crate::wire::request::{ChatRequest, Tool, ToolChoice};

/// The calls an answer makes: of the named tool, else of the first one on offer, unless none may be called.
pub(super) fn calls(request: &ChatRequest<'_>, random: &mut Pcg64) -> Vec<Value> {
    let tool = match request.tool_choice {
        ToolChoice::None => None,
        ToolChoice::Named(name) => request.tools.iter().find(|tool| tool.name == name),
        ToolChoice::Auto | ToolChoice::Required => request.tools.first(),
    };
    tool.map(|tool| call(tool, random)).into_iter().collect()
}

fn call(tool: &Tool<'_>, random: &mut Pcg64) -> Value {
    let arguments = tool.parameters.map_or_else(|| json!({}), example);
    let id: u64 = random.random();
    json!({"id": format!("call_{id:016x}"), "type": "function",
        "function": {"name": tool.name, "arguments": arguments.to_string()}})
}

/// A value that satisfies the common keywords of a schema: enum, const, type, bounds, required properties.
fn example(schema: &Value) -> Value {
    if let Some(value) = schema.get("const").or_else(|| schema.pointer("/enum/0")) {
        return value.clone();
    }
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    match kind {
        Some("string") => {
            let least = usize::try_from(schema.get("minLength").and_then(Value::as_u64).unwrap_or(0)).unwrap_or(0);
            json!(format!("{:x<least$}", "text"))
        }
        Some("integer") => {
            let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
            json!(bound("minimum").or(bound("maximum")).unwrap_or(1))
        }
        Some("number") => json!(number("minimum").or(number("maximum")).unwrap_or(1.5)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            let item = schema.get("items").map_or(Value::Null, example);
            json!((0..least).map(|_| item.clone()).collect::<Vec<_>>())
        }
        _ => Value::Object(properties(schema)),
    }
}

/// Every property that is required, or all of them where none is said to be.
fn properties(schema: &Value) -> Map<String, Value> {
    let Some(all) = schema.get("properties").and_then(Value::as_object) else { return Map::new() };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    all.iter()
        .filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()))
        .map(|(name, schema)| (name.clone(), example(schema)))
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;
    use crate::wire::dialect::offline;

    #[test]
    fn arguments_satisfy_the_parameters() {
        let parameters = json!({"type": "object", "additionalProperties": false, "required": ["city", "unit", "days", "tags", "where"],
            "properties": {"city": {"type": "string", "minLength": 8}, "unit": {"enum": ["c", "f"]}, "days": {"type": "integer", "minimum": 3},
                "tags": {"type": "array", "minItems": 2, "items": {"type": "boolean"}}, "where": {"type": "object", "properties": {"lat": {"type": "number"}}},
                "extra": {"type": "string"}}});
        let body = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}]});
        let calls = calls(&ChatRequest::of(&body), &mut Pcg64::seed_from_u64(1));
        let arguments: Value =
            serde_json::from_str(calls[0]["function"]["arguments"].as_str().expect("a string")).expect("JSON");
        assert!(offline(&parameters).expect("a schema").is_valid(&arguments), "{arguments}");
    }
}
