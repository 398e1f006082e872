//! Requests for answers in a format.

use serde_json::{Value, json};

use super::schemas;
use crate::probe::{Capability, Probe, ProbeContext, Request, streamed, with};
pub(crate) static FMT_TEXT: Probe =
    Probe::new("fmt-text", |context| vec![Request::new(context.with(json!({"response_format": {"type": "text"}})))]);

pub(crate) static FMT_UNKNOWN: Probe =
    Probe::new("fmt-unknown", |context| vec![Request::new(context.with(json!({"response_format": {"type": "nope"}})))]);

pub(crate) static JSON_OBJ: Probe =
    Probe::new("json-obj", |context| vec![Request::new(object(context))]).needs(&[Capability::Json]);

pub(crate) static JSON_OBJ_STREAM: Probe =
    Probe::new("json-obj-stream", |context| vec![Request::new(streamed(object(context)))])
        .needs(&[Capability::Json, Capability::Stream]);

pub(crate) static JSON_CUT: Probe =
    Probe::new("json-cut", |context| vec![Request::new(with(object(context), json!({"max_tokens": 3})))])
        .needs(&[Capability::Json]);

pub(crate) static TOOL_JSON: Probe = Probe::new("tool-json", |context| {
    let choice = json!({"response_format": null, "tool_choice": {"type": "json_object"}});
    vec![Request::new(with(object(context), choice))]
});

pub(crate) static JSON_SCH: Probe =
    Probe::new("json-sch", |context| vec![Request::new(weather(context))]).needs(&[Capability::JsonSchema]);

pub(crate) static JSON_SCH_STREAM: Probe =
    Probe::new("json-sch-stream", |context| vec![Request::new(streamed(weather(context)))])
        .needs(&[Capability::JsonSchema, Capability::Stream]);

pub(crate) static JSON_NAMELESS: Probe = Probe::new("json-nameless", |context| {
    let schema = json!({"schema": {"type": "object"}});
    vec![Request::new(context.with(json!({"response_format": {"type": "json_schema", "json_schema": schema}})))]
});

pub(crate) static JSON_NO_SCHEMA: Probe =
    Probe::new("json-no-schema", |context| vec![Request::new(structured(context, "r", &json!({"type": "nope"})))]);

pub(crate) static JSON_SLICE: Probe = Probe::new("json-slice", slice).after(&[&JSON_SCH]);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[
    &FMT_TEXT,
    &FMT_UNKNOWN,
    &JSON_OBJ,
    &JSON_OBJ_STREAM,
    &JSON_CUT,
    &TOOL_JSON,
    &JSON_SCH,
    &JSON_SCH_STREAM,
    &JSON_NAMELESS,
    &JSON_NO_SCHEMA,
    &JSON_SLICE,
];

/// Tokens that JSON may take.
const ROOM: u64 = 512;

fn object(context: &ProbeContext<'_>) -> Value {
    let question =
        context.ask("Return a JSON object with the key \"ok\" and the value true, and nothing else. [{{unique}}]");
    with(question, json!({"max_tokens": context.cap.max(ROOM), "response_format": {"type": "json_object"}}))
}

fn structured(context: &ProbeContext<'_>, name: &str, schema: &Value) -> Value {
    let question = context.ask("Make up an example that fits the JSON schema, as short as you can. [{{unique}}]");
    let format = json!({"type": "json_schema", "json_schema": {"name": name, "strict": true, "schema": schema}});
    with(question, json!({"max_tokens": context.cap.max(ROOM), "response_format": format}))
}

fn weather(context: &ProbeContext<'_>) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "day": {"type": "string", "format": "date"},
            "degrees": {"type": "integer"},
            "sky": {"type": "string", "enum": ["clear", "cloudy", "rain"]},
        },
        "required": ["city", "day", "degrees", "sky"],
        "additionalProperties": false,
    });
    structured(context, "weather", &schema)
}

/// Nothing, where no schema is taken at all.
fn slice(context: &ProbeContext<'_>) -> Vec<Request> {
    if !context.book.reply(&JSON_SCH).is_some_and(crate::exchange::Reading::success) {
        return Vec::new();
    }
    schemas::all().iter().map(|(name, schema)| Request::new(structured(context, name, schema))).collect()
}
