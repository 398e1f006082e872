//! Requests for answers in a format.

use serde_json::{Value, json};

use super::{schemas, streamed};
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn, with};

const fn probe(name: &'static str, needs: &'static [Capability], requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("fmt-text", &[], |asking| vec![Request::new(asking.with(json!({"response_format": {"type": "text"}})))]),
    probe("fmt-unknown", &[], |asking| vec![Request::new(asking.with(json!({"response_format": {"type": "nope"}})))]),
    probe("json-obj", &[Capability::Json], |asking| vec![Request::new(object(asking))]),
    probe("json-obj-stream", &[Capability::Json, Capability::Stream], |asking| {
        vec![Request::new(streamed(object(asking)))]
    }),
    probe("json-cut", &[Capability::Json], |asking| vec![Request::new(with(object(asking), json!({"max_tokens": 3})))]),
    probe("tool-json", &[], |asking| {
        let choice = json!({"response_format": null, "tool_choice": {"type": "json_object"}});
        vec![Request::new(with(object(asking), choice))]
    }),
    probe("json-sch", &[Capability::JsonSchema], |asking| vec![Request::new(weather(asking))]),
    probe("json-sch-stream", &[Capability::JsonSchema, Capability::Stream], |asking| {
        vec![Request::new(streamed(weather(asking)))]
    }),
    probe("json-nameless", &[], |asking| {
        let schema = json!({"schema": {"type": "object"}});
        vec![Request::new(asking.with(json!({"response_format": {"type": "json_schema", "json_schema": schema}})))]
    }),
    probe("json-no-schema", &[], |asking| vec![Request::new(structured(asking, "r", &json!({"type": "nope"})))]),
    Probe { name: "json-slice", needs: &[], after: &["json-sch"], turn: Turn::Any, requests: slice },
];

/// Tokens that JSON may take.
const ROOM: u64 = 512;

fn object(asking: &Asking<'_>) -> Value {
    let question =
        asking.ask("Return a JSON object with the key \"ok\" and the value true, and nothing else. [{{unique}}]");
    with(question, json!({"max_tokens": asking.cap.max(ROOM), "response_format": {"type": "json_object"}}))
}

fn structured(asking: &Asking<'_>, name: &str, schema: &Value) -> Value {
    let question = asking.ask("Make up an example that fits the JSON schema, as short as you can. [{{unique}}]");
    let format = json!({"type": "json_schema", "json_schema": {"name": name, "strict": true, "schema": schema}});
    with(question, json!({"max_tokens": asking.cap.max(ROOM), "response_format": format}))
}

fn weather(asking: &Asking<'_>) -> Value {
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
    structured(asking, "weather", &schema)
}

/// Nothing, where no schema is taken at all.
fn slice(asking: &Asking<'_>) -> Vec<Request> {
    if !asking.book.reply("json-sch").is_some_and(crate::exchange::Reading::success) {
        return Vec::new();
    }
    schemas::all().iter().map(|(name, schema)| Request::new(structured(asking, name, schema))).collect()
}
