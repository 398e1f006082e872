//! Requests that are to be served: roles, histories, nulls, caps, choices and stop sequences.

use serde_json::{Map, Value, json};

use crate::probe::{Capability, Probe, ProbeContext, Request, streamed, with};

pub(crate) static MINIMAL: Probe =
    Probe::new("minimal", |context| vec![Request::new(context.with(json!({"max_tokens": null, "temperature": null})))]);

pub(crate) static SEED_EXAMPLE: Probe = Probe::new("seed-example", seed_example);

pub(crate) static SEED_EXAMPLE_FIELDS: Probe =
    Probe::new("seed-example-fields", seed_example_fields).after(&[&SEED_EXAMPLE]);

pub(crate) static MODEL_OMITTED: Probe =
    Probe::new("model-omitted", |context| vec![Request::new(context.with(json!({"model": null})))])
        .needs(&[Capability::ModelRequired]);

pub(crate) static SYS: Probe = Probe::new("sys", |context| vec![Request::new(opened_by(context, "system"))]);

pub(crate) static DEVELOPER: Probe =
    Probe::new("developer", |context| vec![Request::new(opened_by(context, "developer"))]);

pub(crate) static MULTI: Probe = Probe::new("multi", history);

pub(crate) static PARTS: Probe = Probe::new("parts", parts).needs(&[Capability::Parts]);

pub(crate) static NULLS: Probe = Probe::new("nulls", |context| vec![Request::new(nulls(context))]);

pub(crate) static STREAM_FALSE: Probe =
    Probe::new("stream-false", |context| vec![Request::new(context.with(json!({"stream": false})))]);

pub(crate) static CAP5: Probe =
    Probe::new("cap5", |context| vec![Request::new(counting(context, json!({"max_tokens": 5})))]);

pub(crate) static CAP5_STREAM: Probe =
    Probe::new("cap5-stream", |context| vec![Request::new(streamed(counting(context, json!({"max_tokens": 5}))))])
        .needs(&[Capability::Stream]);

pub(crate) static CAPC5: Probe = Probe::new("capc5", |context| {
    vec![Request::new(counting(context, json!({"max_tokens": null, "max_completion_tokens": 5})))]
})
.needs(&[Capability::MaxCompletionTokens]);

pub(crate) static CAP1: Probe =
    Probe::new("cap1", |context| vec![Request::new(counting(context, json!({"max_tokens": 1})))]);

/// The cap is one that both choices reach, so that their tokens are known.
pub(crate) static N2: Probe = Probe::new("n2", |context| {
    vec![Request::new(counting(context, json!({"n": 2, "temperature": 0.9, "max_tokens": 16})))]
})
.needs(&[Capability::N]);

pub(crate) static BEST_OF: Probe =
    Probe::new("best-of", |context| vec![Request::new(context.with(json!({"n": 1, "best_of": 2})))])
        .needs(&[Capability::BestOf]);

pub(crate) static BEST_OF_LT_N: Probe =
    Probe::new("best-of-lt-n", |context| vec![Request::new(context.with(json!({"n": 2, "best_of": 1})))]);

pub(crate) static STOP_CONTROL: Probe =
    Probe::new("stop-control", |context| vec![Request::new(alphabet(context, &Value::Null))]);

pub(crate) static STOP1: Probe =
    Probe::new("stop1", |context| vec![Request::new(alphabet(context, &json!("STOPHERE")))]);

pub(crate) static STOP1_STREAM: Probe =
    Probe::new("stop1-stream", |context| vec![Request::new(streamed(alphabet(context, &json!("STOPHERE"))))])
        .needs(&[Capability::Stream]);

pub(crate) static STOPN: Probe =
    Probe::new("stopn", |context| vec![Request::new(alphabet(context, &json!(["STOPHERE", "omega"])))]);

pub(crate) static UNKNOWN_MEMBER: Probe =
    Probe::new("unknown-member", |context| vec![Request::new(context.with(json!({"x_unknown_{{unique}}": 1})))]);

pub(crate) static USER: Probe = Probe::new("user", |context| vec![Request::new(context.with(json!({"user": "u"})))]);

pub(crate) static UTF8: Probe = Probe::new("utf8", |context| vec![Request::new(utf8(context))]);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[
    &MINIMAL,
    &SEED_EXAMPLE,
    &SEED_EXAMPLE_FIELDS,
    &MODEL_OMITTED,
    &SYS,
    &DEVELOPER,
    &MULTI,
    &PARTS,
    &NULLS,
    &STREAM_FALSE,
    &CAP5,
    &CAP5_STREAM,
    &CAPC5,
    &CAP1,
    &N2,
    &BEST_OF,
    &BEST_OF_LT_N,
    &STOP_CONTROL,
    &STOP1,
    &STOP1_STREAM,
    &STOPN,
    &UNKNOWN_MEMBER,
    &USER,
    &UTF8,
];

/// Characters that take several tokens each: two of four bytes, one of three, a letter with a mark, another script.
pub(crate) fn utf8(context: &ProbeContext<'_>) -> Value {
    context
        .ask("[{{unique}}] Repeat exactly: \u{1FAE0}\u{1F979} \u{9F9C} na\u{EF}ve \u{645}\u{631}\u{62D}\u{628}\u{627}")
}

/// A question whose answer is longer than any of the caps.
fn counting(context: &ProbeContext<'_>, members: Value) -> Value {
    with(context.ask("Count from 1 to 200, in digits. [{{unique}}]"), members)
}

fn alphabet(context: &ProbeContext<'_>, stop: &Value) -> Value {
    with(context.ask("[{{unique}}] Repeat exactly: alpha STOPHERE omega"), json!({"stop": stop}))
}

fn messages(context: &ProbeContext<'_>, messages: &Value) -> Value {
    context.with(json!({"messages": messages}))
}

fn opened_by(context: &ProbeContext<'_>, role: &str) -> Value {
    messages(
        context,
        &json!([{"role": role, "content": "You answer in one word."},
            {"role": "user", "content": "Reply with the single word: ok. [{{unique}}]"}]),
    )
}

fn history(context: &ProbeContext<'_>) -> Vec<Request> {
    vec![Request::new(messages(
        context,
        &json!([{"role": "user", "content": "My code is {{unique}}."}, {"role": "assistant", "content": "Noted."},
            {"role": "user", "content": "What is my code? Repeat my first message."}]),
    ))]
}

fn parts(context: &ProbeContext<'_>) -> Vec<Request> {
    let text = json!([{"type": "text", "text": "Reply with the single word: ok. [{{unique}}]"}]);
    vec![Request::new(messages(context, &json!([{"role": "user", "content": text}])))]
}

/// The base body, and null for every other parameter that the dialect publishes as nullable.
fn nulls(context: &ProbeContext<'_>) -> Value {
    let nullable = |schema: &Value| {
        schema.get("type").and_then(Value::as_array).is_some_and(|types| types.iter().any(|kind| kind == "null"))
    };
    let mut body = context.base();
    for (name, schema) in context.contract.request().properties() {
        if name != "model" && nullable(schema) {
            body[name] = Value::Null;
        }
    }
    body
}

/// The parameters of the seed page beside model and messages, with values that mean something.
fn documented() -> Map<String, Value> {
    let members = json!({
        "max_tokens": 64,
        "temperature": 0.5,
        "top_p": 1,
        "tools": [{"type": "function", "function": {"name": "get_time", "description": "The time in a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}],
        "tool_choice": "none",
        "n": 1,
        "stream": false,
        "logprobs": 2,
        "stop": "STOPHERE",
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "best_of": 1,
        "logit_bias": {},
        "response_format": {"type": "text"},
        "plugins": [],
    });
    if let Value::Object(members) = members { members } else { Map::new() }
}

fn seed_example(context: &ProbeContext<'_>) -> Vec<Request> {
    vec![Request::new(context.with(Value::Object(documented())))]
}

/// Each parameter alone, where all of them together were refused. The tools go with the choice among them.
fn seed_example_fields(context: &ProbeContext<'_>) -> Vec<Request> {
    let refused = context.book.reply(&SEED_EXAMPLE).is_some_and(|reading| !reading.success());
    if !refused || !context.contract.facts.seed_page {
        return Vec::new();
    }
    let minimal = context.with(json!({"max_tokens": null, "temperature": null}));
    let members = documented();
    let tools = members.get("tools").cloned().unwrap_or_default();
    let alone = |(name, value): (String, Value)| {
        let mut body = minimal.clone();
        if name == "tool_choice" {
            body["tools"] = tools.clone();
        }
        body[name] = value;
        Request::new(body)
    };
    members.into_iter().map(alone).collect()
}
