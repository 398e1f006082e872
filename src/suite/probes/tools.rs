//! Requests with tools: left to the model, forbidden, demanded, named, and the turn after.

use serde_json::{Value, json};

use crate::check::{CITY, NAMED_TOOL, RESULT};
use crate::plan::order::HeaderChange;
use crate::plan::secret::Secret;
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn, with};

const TOOLS: &[Capability] = &[Capability::Tools];
const STREAMED: &[Capability] = &[Capability::Tools, Capability::Stream];
const CHOICE: &[Capability] = &[Capability::Tools, Capability::ToolChoice];
const CHOICE_STREAMED: &[Capability] = &[Capability::Tools, Capability::ToolChoice, Capability::Stream];

/// Tokens that a call may have: enough for any of ours, so that one that does not end shows.
const CAP: u64 = 512;

const fn probe(name: &'static str, needs: &'static [Capability], requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("tool-auto", TOOLS, |asking| one(asking, PARIS, json!({}))),
    probe("tool-auto-stream", STREAMED, |asking| one(asking, PARIS, json!({"stream": true}))),
    probe("tool-none", CHOICE, |asking| one(asking, PARIS, json!({"tool_choice": "none"}))),
    probe("tool-none-stream", CHOICE_STREAMED, |asking| {
        one(asking, PARIS, json!({"tool_choice": "none", "stream": true}))
    }),
    probe("tool-req", CHOICE, |asking| one(asking, "Hello", required(&json!({})))),
    probe("tool-req-stream", CHOICE_STREAMED, |asking| one(asking, "Hello", required(&json!({"stream": true})))),
    probe("tool-named", CHOICE, |asking| one(asking, TIME, choosing(NAMED_TOOL))),
    probe("tool-named-stream", CHOICE_STREAMED, |asking| {
        one(asking, TIME, with(choosing(NAMED_TOOL), json!({"stream": true})))
    }),
    probe("tool-cut", CHOICE, |asking| one(asking, TIME, with(choosing(NAMED_TOOL), json!({"max_tokens": 4})))),
    probe("tool-cut-stream", CHOICE_STREAMED, |asking| {
        one(asking, TIME, with(choosing(NAMED_TOOL), json!({"max_tokens": 4, "stream": true})))
    }),
    probe("tool-par", TOOLS, |asking| one(asking, TWO, json!({}))),
    probe("tool-par-stream", STREAMED, |asking| one(asking, TWO, json!({"stream": true}))),
    probe("tool-par-off", &[Capability::Tools, Capability::ParallelTools], |asking| {
        one(asking, TWO, json!({"parallel_tool_calls": false}))
    }),
    probe("tool-irr", TOOLS, |asking| one(asking, "What is 2+2?", json!({"tools": [weather()]}))),
    probe("tool-noarg", CHOICE, |asking| {
        one(asking, "Check that the service is up.", with(choosing("ping"), json!({"tools": [ping()]})))
    }),
    probe("tool-unicode", CHOICE, |asking| {
        let question = format!("Weather in {CITY} in celsius? Write the name of the city exactly so.");
        one(asking, &question, with(choosing("get_weather"), json!({"tools": [weather()]})))
    }),
    probe("tool-unknown", &[], |asking| one(asking, PARIS, choosing("no_such_tool"))),
    probe("tool-sometimes", &[], |asking| one(asking, PARIS, json!({"tool_choice": "sometimes"}))),
    probe("tool-req-without", &[], |asking| vec![Request::new(asking.with(json!({"tool_choice": "required"})))]),
    probe("tool-bare", &[], |asking| one(asking, "Hello", json!({"tools": [function("ping", &json!({}))]}))),
    probe("tool-bad-name", &[], |asking| {
        one(asking, "Hello", json!({"tools": [function("bad name!", &json!({"parameters": no_parameters()}))]}))
    }),
    probe("tool-empty", &[], |asking| one(asking, "Hello", json!({"tools": []}))),
    probe("tool-rt", TOOLS, round_trip),
    Probe { after: &["tool-auto"], ..probe("tool-rt-own", TOOLS, own_round_trip) },
    probe("pz-flags", &[], |asking| {
        let flags = HeaderChange::Set("pulze-feature-flags", Secret::new(r#"{"auto_tools":"true"}"#));
        vec![Request::new(asking.base()).header(flags)]
    }),
];

const PARIS: &str = "Weather in Paris in celsius?";
const TWO: &str = "Weather in Paris and in Tokyo, celsius?";
const TIME: &str = "What time is it in Paris?";

/// A question with two tools on offer, and members added or replaced.
fn one(asking: &Asking<'_>, question: &str, members: Value) -> Vec<Request> {
    let body = asking.ask(&format!("{question} [{{{{unique}}}}]"));
    let offer = json!({"tools": [weather(), time()], "max_tokens": asking.cap.max(CAP)});
    vec![Request::new(with(with(body, offer), members))]
}

fn function(name: &str, more: &Value) -> Value {
    let function = with(json!({"name": name}), more.clone());
    json!({"type": "function", "function": function})
}

fn weather() -> Value {
    let parameters = json!({"type": "object", "additionalProperties": false, "required": ["city", "unit"],
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}});
    function("get_weather", &json!({"description": "Current weather for a city", "parameters": parameters}))
}

fn time() -> Value {
    let parameters = json!({"type": "object", "additionalProperties": false, "required": ["city"],
        "properties": {"city": {"type": "string"}}});
    function(NAMED_TOOL, &json!({"description": "Current time in a city", "parameters": parameters}))
}

fn ping() -> Value {
    function("ping", &json!({"description": "Checks that the service is up", "parameters": no_parameters()}))
}

fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}, "additionalProperties": false})
}

fn choosing(name: &str) -> Value {
    json!({"tool_choice": {"type": "function", "function": {"name": name}}})
}

fn required(more: &Value) -> Value {
    with(json!({"tools": [weather()], "tool_choice": "required"}), more.clone())
}

/// A call that we make up, with its result.
fn round_trip(asking: &Asking<'_>) -> Vec<Request> {
    let arguments = r#"{"city":"Paris","unit":"celsius"}"#;
    let function = json!({"name": "get_weather", "arguments": arguments});
    let call = json!({"id": "call_0a1b2c3d4e5f", "type": "function", "function": function});
    vec![answered(asking, &[call])]
}

/// The endpoint's own calls, as it made them, with results; none where it made none.
fn own_round_trip(asking: &Asking<'_>) -> Vec<Request> {
    let Some(choice) = asking.book.reply("tool-auto").and_then(|reading| reading.choices.first()) else {
        return Vec::new();
    };
    let calls = choice.calls.iter().filter_map(|call| {
        let function = json!({"name": call.name.as_ref()?, "arguments": call.arguments.as_ref()?});
        Some(json!({"id": call.id.as_ref()?, "type": "function", "function": function}))
    });
    let calls: Vec<Value> = calls.collect();
    if calls.is_empty() { Vec::new() } else { vec![answered(asking, &calls)] }
}

/// The conversation after calls, each with its result.
fn answered(asking: &Asking<'_>, calls: &[Value]) -> Request {
    let mut messages = vec![
        json!({"role": "user", "content": format!("{PARIS} [{{{{unique}}}}]")}),
        json!({"role": "assistant", "content": null, "tool_calls": calls}),
    ];
    messages.extend(calls.iter().map(|call| {
        let result = format!(r#"{{"city":"Paris","temperature":{RESULT},"unit":"celsius"}}"#);
        json!({"role": "tool", "tool_call_id": call["id"], "content": result})
    }));
    let body = asking.with(json!({"tools": [weather(), time()], "max_tokens": asking.cap.max(CAP)}));
    Request::new(with(body, json!({"messages": messages})))
}
