//! Requests with tools: left to the model, forbidden, demanded, named, and the turn after.

use serde_json::{Value, json};

use super::{CITY, NAMED_TOOL, RESULT};
use crate::probe::{Capability, HeaderChange, Probe, ProbeContext, Request, with};
use crate::secret::Secret;

const TOOLS: &[Capability] = &[Capability::Tools];
const STREAMED: &[Capability] = &[Capability::Tools, Capability::Stream];
const CHOICE: &[Capability] = &[Capability::Tools, Capability::ToolChoice];
const CHOICE_STREAMED: &[Capability] = &[Capability::Tools, Capability::ToolChoice, Capability::Stream];

/// Tokens that a call may have: enough for any of ours, so that one that does not end shows.
const CAP: u64 = 512;

pub(crate) static TOOL_AUTO: Probe = Probe::new("tool-auto", |context| one(context, PARIS, json!({}))).needs(TOOLS);

pub(crate) static TOOL_AUTO_STREAM: Probe =
    Probe::new("tool-auto-stream", |context| one(context, PARIS, json!({"stream": true}))).needs(STREAMED);

pub(crate) static TOOL_NONE: Probe =
    Probe::new("tool-none", |context| one(context, PARIS, json!({"tool_choice": "none"}))).needs(CHOICE);

pub(crate) static TOOL_NONE_STREAM: Probe =
    Probe::new("tool-none-stream", |context| one(context, PARIS, json!({"tool_choice": "none", "stream": true})))
        .needs(CHOICE_STREAMED);

pub(crate) static TOOL_REQ: Probe =
    Probe::new("tool-req", |context| one(context, "Hello", required(&json!({})))).needs(CHOICE);

pub(crate) static TOOL_REQ_STREAM: Probe =
    Probe::new("tool-req-stream", |context| one(context, "Hello", required(&json!({"stream": true}))))
        .needs(CHOICE_STREAMED);

pub(crate) static TOOL_NAMED: Probe =
    Probe::new("tool-named", |context| one(context, TIME, choosing(NAMED_TOOL))).needs(CHOICE);

pub(crate) static TOOL_NAMED_STREAM: Probe =
    Probe::new("tool-named-stream", |context| one(context, TIME, with(choosing(NAMED_TOOL), json!({"stream": true}))))
        .needs(CHOICE_STREAMED);

pub(crate) static TOOL_CUT: Probe =
    Probe::new("tool-cut", |context| one(context, TIME, with(choosing(NAMED_TOOL), json!({"max_tokens": 4}))))
        .needs(CHOICE);

pub(crate) static TOOL_CUT_STREAM: Probe = Probe::new("tool-cut-stream", |context| {
    one(context, TIME, with(choosing(NAMED_TOOL), json!({"max_tokens": 4, "stream": true})))
})
.needs(CHOICE_STREAMED);

pub(crate) static TOOL_PAR: Probe = Probe::new("tool-par", |context| one(context, TWO, json!({}))).needs(TOOLS);

pub(crate) static TOOL_PAR_STREAM: Probe =
    Probe::new("tool-par-stream", |context| one(context, TWO, json!({"stream": true}))).needs(STREAMED);

pub(crate) static TOOL_PAR_OFF: Probe =
    Probe::new("tool-par-off", |context| one(context, TWO, json!({"parallel_tool_calls": false})))
        .needs(&[Capability::Tools, Capability::ParallelTools]);

pub(crate) static TOOL_IRR: Probe =
    Probe::new("tool-irr", |context| one(context, "What is 2+2?", json!({"tools": [weather()]}))).needs(TOOLS);

pub(crate) static TOOL_NOARG: Probe = Probe::new("tool-noarg", |context| {
    one(context, "Check that the service is up.", with(choosing("ping"), json!({"tools": [ping()]})))
})
.needs(CHOICE);

pub(crate) static TOOL_UNICODE: Probe = Probe::new("tool-unicode", |context| {
    let question = format!("Weather in {CITY} in celsius? Write the name of the city exactly so.");
    one(context, &question, with(choosing("get_weather"), json!({"tools": [weather()]})))
})
.needs(CHOICE);

pub(crate) static TOOL_UNKNOWN: Probe =
    Probe::new("tool-unknown", |context| one(context, PARIS, choosing("no_such_tool")));

pub(crate) static TOOL_SOMETIMES: Probe =
    Probe::new("tool-sometimes", |context| one(context, PARIS, json!({"tool_choice": "sometimes"})));

pub(crate) static TOOL_REQ_WITHOUT: Probe =
    Probe::new("tool-req-without", |context| vec![Request::new(context.with(json!({"tool_choice": "required"})))]);

pub(crate) static TOOL_BARE: Probe =
    Probe::new("tool-bare", |context| one(context, "Hello", json!({"tools": [function("ping", &json!({}))]})));

pub(crate) static TOOL_BAD_NAME: Probe = Probe::new("tool-bad-name", |context| {
    one(context, "Hello", json!({"tools": [function("bad name!", &json!({"parameters": no_parameters()}))]}))
});

pub(crate) static TOOL_EMPTY: Probe = Probe::new("tool-empty", |context| one(context, "Hello", json!({"tools": []})));

pub(crate) static TOOL_RT: Probe = Probe::new("tool-rt", round_trip).needs(TOOLS);

pub(crate) static TOOL_RT_OWN: Probe = Probe::new("tool-rt-own", own_round_trip).needs(TOOLS).after(&[&TOOL_AUTO]);

pub(crate) static PZ_FLAGS: Probe = Probe::new("pz-flags", |context| {
    let flags = HeaderChange::Set("pulze-feature-flags", Secret::new(r#"{"auto_tools":"true"}"#));
    vec![Request::new(context.base()).header(flags)]
});

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[
    &TOOL_AUTO,
    &TOOL_AUTO_STREAM,
    &TOOL_NONE,
    &TOOL_NONE_STREAM,
    &TOOL_REQ,
    &TOOL_REQ_STREAM,
    &TOOL_NAMED,
    &TOOL_NAMED_STREAM,
    &TOOL_CUT,
    &TOOL_CUT_STREAM,
    &TOOL_PAR,
    &TOOL_PAR_STREAM,
    &TOOL_PAR_OFF,
    &TOOL_IRR,
    &TOOL_NOARG,
    &TOOL_UNICODE,
    &TOOL_UNKNOWN,
    &TOOL_SOMETIMES,
    &TOOL_REQ_WITHOUT,
    &TOOL_BARE,
    &TOOL_BAD_NAME,
    &TOOL_EMPTY,
    &TOOL_RT,
    &TOOL_RT_OWN,
    &PZ_FLAGS,
];

const PARIS: &str = "Weather in Paris in celsius?";
const TWO: &str = "Weather in Paris and in Tokyo, celsius?";
const TIME: &str = "What time is it in Paris?";

/// A question with two tools on offer, and members added or replaced.
fn one(context: &ProbeContext<'_>, question: &str, members: Value) -> Vec<Request> {
    let body = context.ask(&format!("{question} [{{{{unique}}}}]"));
    let offer = json!({"tools": [weather(), time()], "max_tokens": context.cap.max(CAP)});
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
fn round_trip(context: &ProbeContext<'_>) -> Vec<Request> {
    let arguments = r#"{"city":"Paris","unit":"celsius"}"#;
    let function = json!({"name": "get_weather", "arguments": arguments});
    let call = json!({"id": "call_0a1b2c3d4e5f", "type": "function", "function": function});
    vec![answered(context, &[call])]
}

/// The endpoint's own calls, as it made them, with results; none where it made none.
fn own_round_trip(context: &ProbeContext<'_>) -> Vec<Request> {
    let Some(choice) = context.book.reply(&TOOL_AUTO).and_then(|reading| reading.choices.first()) else {
        return Vec::new();
    };
    let calls = choice.calls.iter().filter_map(|call| {
        let function = json!({"name": call.name.as_ref()?, "arguments": call.arguments.as_ref()?});
        Some(json!({"id": call.id.as_ref()?, "type": "function", "function": function}))
    });
    let calls: Vec<Value> = calls.collect();
    if calls.is_empty() { Vec::new() } else { vec![answered(context, &calls)] }
}

/// The conversation after calls, each with its result.
fn answered(context: &ProbeContext<'_>, calls: &[Value]) -> Request {
    let mut messages = vec![
        json!({"role": "user", "content": format!("{PARIS} [{{{{unique}}}}]")}),
        json!({"role": "assistant", "content": null, "tool_calls": calls}),
    ];
    messages.extend(calls.iter().map(|call| {
        let result = format!(r#"{{"city":"Paris","temperature":{RESULT},"unit":"celsius"}}"#);
        json!({"role": "tool", "tool_call_id": call["id"], "content": result})
    }));
    let body = context.with(json!({"tools": [weather(), time()], "max_tokens": context.cap.max(CAP)}));
    Request::new(with(body, json!({"messages": messages})))
}
