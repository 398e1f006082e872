//! Quirks of what is answered: the endpoint overlooks a part of the request, and answers the rest of it correctly.

use serde_json::{Value, json};

use super::super::transcript::{Draft, Kind};
use super::reply::say;
use super::{MADE_UP, Quirk, each, put, set};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::request(
        "n-ignored",
        "one choice, however many are asked for",
        "ollama/ollama #7518; vllm-project/vllm-omni #4269",
        |asked, _| {
            forget(asked, &["n", "best_of"]);
        },
    ),
    Quirk::request("stop-ignored", "stop sequences do not stop", "Blaizzy/mlx-vlm #1044", |asked, _| {
        forget(asked, &["stop"]);
    }),
    Quirk::answer(
        "stop-left-in",
        "where stop sequences are given, a text that stops ends in the first",
        "huggingface/text-generation-inference #1724",
        |draft, asked| {
            let stop = asked.get("stop").and_then(|stop| stop.as_str().or_else(|| stop.get(0)?.as_str()));
            let stopped = |reply: &Value| reply.pointer("/choices/0/finish_reason") == Some(&json!("stop"));
            if let Some(stop) = stop.filter(|_| draft.bodies.iter().any(stopped)) {
                say(draft, stop);
            }
        },
    ),
    Quirk::request("max-tokens-ignored", "no cap on tokens is kept", "vllm-project/vllm-omni #445", |asked, _| {
        forget(asked, &["max_tokens", "max_completion_tokens"]);
    }),
    Quirk::request(
        "max-completion-ignored",
        "max_completion_tokens is not kept",
        "ggml-org/llama.cpp #13700; vllm-project/vllm #28266",
        |asked, _| {
            forget(asked, &["max_completion_tokens"]);
        },
    ),
    Quirk::request("tool-choice-ignored", "tool_choice is not kept", "ollama/ollama #8421, #11171", |asked, _| {
        forget(asked, &["tool_choice"]);
    }),
    Quirk::request(
        "required-ignored",
        "tool_choice required is answered in words",
        "vllm-project/vllm #44216",
        |asked, _| {
            if asked.get("tool_choice").and_then(Value::as_str) == Some("required") {
                forget(asked, &["tools", "tool_choice"]);
            }
        },
    ),
    Quirk::answer(
        "none-says-nothing",
        "tool_choice none leaves no text",
        "vllm-project/vllm #55080",
        |draft, asked| {
            if asked.get("tool_choice").and_then(Value::as_str) == Some("none") {
                each(draft, |reply| {
                    set(reply, "/choices/0/message/content", Value::Null);
                    set(reply, "/choices/0/delta/content", "");
                });
            }
        },
    ),
    Quirk::request(
        "json-prose",
        "response_format is answered in prose",
        "waybarrios/vllm-mlx #538, #635",
        |asked, _| {
            forget(asked, &["response_format"]);
        },
    ),
    Quirk::request("stream-ignored", "a stream is answered whole", "sgl-project/mini-sglang PR#125", |asked, _| {
        forget(asked, &["stream", "stream_options"]);
    }),
    Quirk::request(
        "stream-always",
        "a stream where none was asked for",
        "decolua/9router #4122; unslothai/unsloth #6570",
        |asked, _| {
            put(asked, "", "stream", true);
        },
    ),
    Quirk::request(
        "usage-not-included",
        "include_usage is not kept",
        "huggingface/text-generation-inference PR#3003",
        |asked, _| {
            forget(asked, &["stream_options"]);
        },
    ),
    Quirk::request(
        "usage-unasked",
        "a chunk with usage where none was asked for",
        "huggingface/text-generation-inference PR#3003",
        |asked, _| {
            put(asked, "", "stream_options", json!({"include_usage": true}));
        },
    ),
    Quirk::request(
        "prompt-truncated",
        "of each text of the prompt only the last 1,000 words are read",
        "ollama/ollama #4967, #2208",
        |asked, _| {
            for message in asked.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(Value::String(text)) = message.get_mut("content") {
                    let words: Vec<&str> = text.split_inclusive(' ').collect();
                    *text = words[words.len().saturating_sub(1000)..].concat();
                }
            }
        },
    ),
    Quirk::request(
        "unknown-model-answered",
        "an unknown model is answered, under the name that was asked for",
        "ddalcu/mlx-serve #257; FastFlowLM/FastFlowLM #266",
        |asked, models| {
            let known = |model: &Value| models.iter().any(|known| model == known);
            if asked.get("model").is_some_and(|model| model.is_string() && !known(model)) {
                set(asked, "/model", models.first().map_or("pulze", String::as_str));
            }
        },
    )
    .then(|draft, asked| {
        // The router's name stands for any model.
        if let Some(model) = asked.get("model").and_then(Value::as_str).filter(|model| *model != "pulze") {
            each(draft, |reply| {
                let answered = reply.get("model").and_then(Value::as_str).unwrap_or_default();
                if answered.rsplit('/').next() != Some(model) && answered != model {
                    set(reply, "/model", model);
                    set(reply, "/metadata/model/namespace", model);
                }
            });
        }
    }),
    Quirk::answer(
        "logprobs-500",
        "logprobs are answered with 500",
        "vllm-project/vllm #10234; sgl-project/sglang #5984",
        |draft, asked| {
            let wanted =
                asked.get("logprobs").is_some_and(|logprobs| !matches!(logprobs, Value::Null | Value::Bool(false)));
            if wanted {
                refuse(draft, 500, "Out of range float values are not JSON compliant");
            }
        },
    ),
    Quirk::answer(
        "several-choices-500",
        "a request for several choices is answered with 500",
        MADE_UP,
        |draft, asked| {
            if asked.get("n").and_then(Value::as_u64).is_some_and(|n| n > 1) {
                refuse(draft, 500, "only one choice can be made");
            }
        },
    ),
    Quirk::answer(
        "odd-text-500",
        "a prompt with NUL or with a control token of a model is answered with 500",
        MADE_UP,
        |draft, asked| {
            let text = asked.pointer("/messages/0/content").and_then(Value::as_str).unwrap_or_default();
            if text.contains('\0') || text.contains("<|im_start|>") {
                refuse(draft, 500, "the prompt cannot be tokenized");
            }
        },
    ),
    Quirk::answer("huge-cap-500", "a cap beyond all contexts is answered with 500", MADE_UP, |draft, asked| {
        if asked.get("max_tokens").and_then(Value::as_u64).is_some_and(|cap| cap > 1_000_000) {
            refuse(draft, 500, "out of memory");
        }
    }),
    Quirk::answer(
        "own-tool-id-refused",
        "a tool call of its own is refused when it comes back",
        "jundot/omlx PR#1997",
        |draft, asked| {
            let messages = asked.get("messages").and_then(Value::as_array);
            if messages.into_iter().flatten().any(|message| message.get("tool_calls").is_some_and(Value::is_array)) {
                refuse(draft, 400, "tool call id has an invalid format");
            }
        },
    ),
];

/// Takes members out of the request.
pub(super) fn forget(asked: &mut Value, names: &[&str]) {
    if let Some(body) = asked.as_object_mut() {
        body.retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// An error in the place of an answer, in OpenAI's envelope.
pub(super) fn refuse(draft: &mut Draft, status: u16, message: &str) {
    if !matches!(draft.kind, Kind::Whole | Kind::Stream) {
        return;
    }
    draft.kind = Kind::Error;
    draft.status = status;
    draft.bodies =
        vec![json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}})];
    draft.due.truncate(1);
}
