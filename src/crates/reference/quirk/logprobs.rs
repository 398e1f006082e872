//! Quirks of log probabilities.

use serde_json::{Value, json};

use super::super::transcript::Draft;
use super::{Quirk, chunks, each, remove, set, whole};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::answer(
        "logprobs-unasked",
        "log probabilities that were not asked for",
        "no server known; O",
        |draft, asked| {
            if asked.get("logprobs").is_none_or(Value::is_null) {
                let entry = json!({"token": "the", "logprob": -0.1, "bytes": null, "top_logprobs": []});
                each(draft, |reply| set(reply, "/choices/0/logprobs", json!({"content": [entry], "refusal": null})));
            }
        },
    ),
    Quirk::draft(
        "logprobs-positive",
        "log probabilities have no sign",
        "no server known; OpenAI: a logarithm",
        |draft| {
            entries(draft, |entry| {
                let magnitude = entry.get("logprob").and_then(Value::as_f64).map_or(1.0, f64::abs);
                set(entry, "/logprob", magnitude);
            });
        },
    ),
    Quirk::draft("logprobs-top-missing", "entries have no top_logprobs", "vllm-project/vllm #3179, #4795", |draft| {
        entries(draft, |entry| remove(entry, "", "top_logprobs"));
    }),
    Quirk::draft(
        "logprobs-top-off",
        "the alternatives are three others, and ascend",
        "no server known; llama.cpp tests the order",
        |draft| {
            entries(draft, |entry| {
                let other = |logprob: f64| json!({"token": "?", "logprob": logprob, "bytes": [63]});
                set(entry, "/top_logprobs", json!([other(-3.0), other(-2.0), other(-1.0)]));
            });
        },
    ),
    Quirk::draft("logprobs-bytes-off", "bytes are those of another token", "no server known; O", |draft| {
        entries(draft, |entry| set(entry, "/bytes", json!([63])));
    }),
    Quirk::draft(
        "logprobs-halved",
        "only every other token is listed",
        "no server known; llama.cpp tests it",
        |draft| {
            whole(draft, |reply| {
                if let Some(Value::Array(content)) = reply.pointer_mut("/choices/0/logprobs/content") {
                    *content = content.iter().step_by(2).cloned().collect();
                }
            });
        },
    ),
    Quirk::draft("logprobs-ignored", "log probabilities never come", "theroyallab/tabbyAPI PR#430", |draft| {
        each(draft, |reply| set(reply, "/choices/0/logprobs", Value::Null));
    }),
    Quirk::draft("logprobs-not-streamed", "no chunk has logprobs", "no server known; O", |draft| {
        chunks(draft, |_, chunk| set(chunk, "/choices/0/logprobs", Value::Null));
    }),
];

/// Changes every entry of the first choice.
fn entries(draft: &mut Draft, change: impl Fn(&mut Value)) {
    each(draft, |reply| {
        if let Some(Value::Array(content)) = reply.pointer_mut("/choices/0/logprobs/content") {
            content.iter_mut().for_each(&change);
        }
    });
}
