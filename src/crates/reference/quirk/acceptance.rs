//! Quirks of what is accepted, and of parameters that have no effect.

use serde_json::{Value, json};

use super::super::transcript::Draft;
use super::reply::say;
use super::request::{forget, refuse};
use super::{Quirk, each, put, set};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::request(
        "bounds-lenient",
        "values beyond their bounds are taken for the nearest within, and what is missing for its default",
        "no server known; schemas/README.md#ruling-8",
        lenient,
    ),
    Quirk::answer(
        "only-plain",
        "a request with other members than the plainest has, or with fewer, is refused",
        "tenstorrent/tt-inference-server #2373: parameter support differs by model",
        |draft, asked| {
            if asked.get("messages").is_some() && !is_plain(asked) {
                refuse(draft, 400, "this kind of request is not supported");
            }
        },
    ),
    Quirk::request(
        "always-greedy",
        "the temperature is taken for 0",
        "no server known; OpenAI says what it does",
        |asked, _| {
            warm(asked, 0);
        },
    ),
    Quirk::request(
        "never-greedy",
        "the temperature is taken for 1, and the seed is not kept",
        "no server known; OpenAI says that it is best effort",
        |asked, _| {
            warm(asked, 1);
            forget(asked, &["seed"]);
        },
    ),
    Quirk::answer(
        "greedy-refused",
        "temperature 0 is refused",
        "huggingface/text-generation-inference: `temperature` must be strictly positive",
        |draft, asked| {
            if asked.get("temperature").and_then(Value::as_f64) == Some(0.0) {
                refuse(draft, 400, "`temperature` must be strictly positive");
            }
        },
    ),
    Quirk::request(
        "shaping-ignored",
        "top_p and logit_bias are not kept",
        "Pulze's SDKs: \"COMING SOON\"",
        |asked, _| {
            forget(asked, &["top_p", "logit_bias"]);
        },
    ),
    Quirk::answer(
        "unknown-500",
        "a member that no one knows is answered with 500",
        "no server known",
        |draft, asked| {
            if asked.as_object().is_some_and(|members| members.keys().any(|name| name.starts_with("x_"))) {
                refuse(draft, 500, "unexpected keyword argument");
            }
        },
    ),
    Quirk::request("history-ignored", "only the last message is read", "webai history.recalled", |asked, _| {
        if let Some(Value::Array(messages)) = asked.get_mut("messages") {
            let last = messages.pop();
            *messages = last.into_iter().collect();
        }
    }),
    Quirk::draft(
        "latin-1",
        "UTF-8 in the text is read as Latin-1",
        "no server known; RFC 8259, section 8.1",
        |draft| {
            each(draft, |reply| {
                for pointer in ["/choices/0/message/content", "/choices/0/delta/content"] {
                    if let Some(Value::String(text)) = reply.pointer_mut(pointer) {
                        *text = text.bytes().map(char::from).collect();
                    }
                }
            });
        },
    ),
    Quirk::answer(
        "stop-flushed",
        "where a stop sequence ends the text, its first letters are in it",
        "no server known; streams must hold text back for this",
        flush,
    ),
];

/// Parameters with the least and the most that every dialect takes.
const BOUNDS: [(&str, f64, f64); 5] = [
    ("temperature", 0.0, 1.0),
    ("top_p", 0.0, 1.0),
    ("presence_penalty", -2.0, 2.0),
    ("frequency_penalty", -2.0, 2.0),
    ("logprobs", 0.0, 5.0),
];

fn lenient(asked: &mut Value, models: &[String]) {
    if asked.get("messages").is_none() {
        return;
    }
    for (name, least, most) in BOUNDS {
        if let Some(value) = asked.get(name).and_then(Value::as_f64).filter(|value| !(least..=most).contains(value)) {
            let nearest = if value < least { least } else { most };
            set(asked, &format!("/{name}"), if name == "logprobs" { json!(5) } else { json!(nearest) });
        }
    }
    let top = asked.get("top_logprobs").and_then(Value::as_u64);
    let flag = asked.get("logprobs") == Some(&Value::Bool(true));
    if flag != top.is_some_and(|top| top <= 20) {
        forget(asked, &["logprobs", "top_logprobs"]);
    }
    if asked.get("best_of").and_then(Value::as_u64) < asked.get("n").and_then(Value::as_u64) {
        forget(asked, &["best_of"]);
    }
    let over = |bias: &Value| bias.as_f64().is_some_and(|bias| bias.abs() > 100.0);
    if asked.get("logit_bias").and_then(Value::as_object).is_some_and(|bias| bias.values().any(over)) {
        forget(asked, &["logit_bias"]);
    }
    if asked.get("response_format").is_some_and(|format| !is_format(format)) {
        forget(asked, &["response_format"]);
    }
    if asked.get("model").is_none() {
        put(asked, "", "model", models.last().map_or("pulze", String::as_str));
    }
}

/// Whether a format is one that a correct endpoint knows.
fn is_format(format: &Value) -> bool {
    match format.get("type").and_then(Value::as_str) {
        Some("text" | "json_object") => true,
        Some("json_schema") => {
            format.pointer("/json_schema/name").is_some()
                && format.pointer("/json_schema/schema/type").and_then(Value::as_str) != Some("nope")
        }
        Some(_) | None => false,
    }
}

/// Whether a request is of the plainest kind, and whole.
fn is_plain(asked: &Value) -> bool {
    let needed = ["model", "messages", "max_tokens", "temperature"];
    let Some(members) = asked.as_object() else { return false };
    let user = |message: &Value| message.get("role").and_then(Value::as_str) == Some("user");
    let text = |message: &Value| message.get("content").is_some_and(Value::is_string);
    let messages = asked.get("messages").and_then(Value::as_array);
    needed.iter().all(|name| members.get(*name).is_some_and(|value| !value.is_null()))
        && members.iter().all(|(name, value)| needed.contains(&name.as_str()) || name == "stream" && value.is_boolean())
        && messages.is_some_and(|messages| messages.iter().all(|message| user(message) && text(message)))
        && asked.get("max_tokens").and_then(Value::as_u64).is_some_and(|cap| cap > 1)
        && asked.get("temperature").and_then(Value::as_f64).is_some_and(|temperature| temperature < 1.0)
}

fn warm(asked: &mut Value, temperature: u64) {
    if asked.get("messages").is_some() {
        put(asked, "", "temperature", temperature);
    }
}

/// Adds the first letters of the stop sequence, where one was asked for and the text stops.
fn flush(draft: &mut Draft, asked: &Value) {
    let stop = asked.get("stop").and_then(Value::as_str);
    let stopped = |reply: &Value| reply.pointer("/choices/0/finish_reason") == Some(&json!("stop"));
    if let Some(begins) = stop.and_then(|stop| stop.get(..stop.len() / 2)).filter(|_| draft.bodies.iter().any(stopped))
    {
        say(draft, begins);
    }
}
