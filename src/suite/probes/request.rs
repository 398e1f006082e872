//! Requests that are to be served: roles, histories, nulls, caps, choices and stop sequences.

use serde_json::{Map, Value, json};

use super::streamed;
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn, with};
use crate::wire::Dialect;

const fn probe(name: &'static str, needs: &'static [Capability], requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("minimal", &[], |asking| vec![Request::new(asking.with(json!({"max_tokens": null, "temperature": null})))]),
    probe("seed-example", &[], seed_example),
    Probe {
        name: "seed-example-fields",
        needs: &[],
        after: &["seed-example"],
        turn: Turn::Any,
        requests: seed_example_fields,
    },
    probe("model-omitted", &[Capability::ModelRequired], |asking| {
        vec![Request::new(asking.with(json!({"model": null})))]
    }),
    probe("sys", &[], |asking| vec![Request::new(opened_by(asking, "system"))]),
    probe("developer", &[], |asking| vec![Request::new(opened_by(asking, "developer"))]),
    probe("multi", &[], history),
    probe("parts", &[Capability::Parts], parts),
    probe("nulls", &[], |asking| vec![Request::new(nulls(asking))]),
    probe("stream-false", &[], |asking| vec![Request::new(asking.with(json!({"stream": false})))]),
    probe("cap5", &[], |asking| vec![Request::new(counting(asking, json!({"max_tokens": 5})))]),
    probe("cap5-stream", &[Capability::Stream], |asking| {
        vec![Request::new(streamed(counting(asking, json!({"max_tokens": 5}))))]
    }),
    probe("capc5", &[Capability::MaxCompletionTokens], |asking| {
        vec![Request::new(counting(asking, json!({"max_tokens": null, "max_completion_tokens": 5})))]
    }),
    probe("cap1", &[], |asking| vec![Request::new(counting(asking, json!({"max_tokens": 1})))]),
    // The cap is one that both choices reach, so that their tokens are known.
    probe("n2", &[Capability::N], |asking| {
        vec![Request::new(counting(asking, json!({"n": 2, "temperature": 0.9, "max_tokens": 16})))]
    }),
    probe("best-of", &[Capability::BestOf], |asking| vec![Request::new(asking.with(json!({"n": 1, "best_of": 2})))]),
    probe("best-of-lt-n", &[], |asking| vec![Request::new(asking.with(json!({"n": 2, "best_of": 1})))]),
    probe("stop-control", &[], |asking| vec![Request::new(alphabet(asking, &Value::Null))]),
    probe("stop1", &[], |asking| vec![Request::new(alphabet(asking, &json!("STOPHERE")))]),
    probe("stop1-stream", &[Capability::Stream], |asking| {
        vec![Request::new(streamed(alphabet(asking, &json!("STOPHERE"))))]
    }),
    probe("stopn", &[], |asking| vec![Request::new(alphabet(asking, &json!(["STOPHERE", "omega"])))]),
    probe("unknown-member", &[], |asking| vec![Request::new(asking.with(json!({"x_unknown_{{unique}}": 1})))]),
    probe("user", &[], |asking| vec![Request::new(asking.with(json!({"user": "u"})))]),
    probe("utf8", &[], |asking| vec![Request::new(utf8(asking))]),
];

/// Characters that take several tokens each: two of four bytes, one of three, a letter with a mark, another script.
pub(super) fn utf8(asking: &Asking<'_>) -> Value {
    asking
        .ask("[{{unique}}] Repeat exactly: \u{1FAE0}\u{1F979} \u{9F9C} na\u{EF}ve \u{645}\u{631}\u{62D}\u{628}\u{627}")
}

/// A question whose answer is longer than any of the caps.
fn counting(asking: &Asking<'_>, members: Value) -> Value {
    with(asking.ask("Count from 1 to 200, in digits. [{{unique}}]"), members)
}

fn alphabet(asking: &Asking<'_>, stop: &Value) -> Value {
    with(asking.ask("[{{unique}}] Repeat exactly: alpha STOPHERE omega"), json!({"stop": stop}))
}

fn messages(asking: &Asking<'_>, messages: &Value) -> Value {
    asking.with(json!({"messages": messages}))
}

fn opened_by(asking: &Asking<'_>, role: &str) -> Value {
    messages(
        asking,
        &json!([{"role": role, "content": "You answer in one word."},
            {"role": "user", "content": "Reply with the single word: ok. [{{unique}}]"}]),
    )
}

fn history(asking: &Asking<'_>) -> Vec<Request> {
    vec![Request::new(messages(
        asking,
        &json!([{"role": "user", "content": "My code is {{unique}}."}, {"role": "assistant", "content": "Noted."},
            {"role": "user", "content": "What is my code? Repeat my first message."}]),
    ))]
}

fn parts(asking: &Asking<'_>) -> Vec<Request> {
    let text = json!([{"type": "text", "text": "Reply with the single word: ok. [{{unique}}]"}]);
    vec![Request::new(messages(asking, &json!([{"role": "user", "content": text}])))]
}

/// The base body, and null for every other parameter that the dialect publishes as nullable.
fn nulls(asking: &Asking<'_>) -> Value {
    let schema = asking.dialect.request().document();
    let nullable = |schema: &Value| {
        schema.get("type").and_then(Value::as_array).is_some_and(|types| types.iter().any(|kind| kind == "null"))
    };
    let mut body = asking.base();
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
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

fn seed_example(asking: &Asking<'_>) -> Vec<Request> {
    vec![Request::new(asking.with(Value::Object(documented())))]
}

/// Each parameter alone, where all of them together were refused. The tools go with the choice among them.
fn seed_example_fields(asking: &Asking<'_>) -> Vec<Request> {
    let refused = asking.book.reply("seed-example").is_some_and(|reading| !reading.success());
    if !refused || asking.dialect != Dialect::Pulze {
        return Vec::new();
    }
    let minimal = asking.with(json!({"max_tokens": null, "temperature": null}));
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
