//! Quirks of token counts.

use serde_json::{Value, json};

use super::{Quirk, each, put, remove, set};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft("no-usage", "no usage", "huggingface/text-generation-inference PR#3003", |draft| {
        each(draft, |reply| remove(reply, "", "usage"));
    }),
    Quirk::draft(
        "usage-negative",
        "the prompt has -1 tokens",
        "malformed-reply test of load tools: AIPerf reports the -1",
        |draft| {
            each(draft, |reply| restate(reply, |[_, completion]| [-1.0, completion]));
        },
    ),
    Quirk::draft("usage-fraction", "half a token more", "no server known; a token is whole", |draft| {
        each(draft, |reply| restate(reply, |[prompt, completion]| [prompt, completion + 0.5]));
    }),
    Quirk::draft("usage-sum-off", "total is one more than the sum", "langgenius/dify #19175", |draft| {
        each(draft, |reply| {
            if let Some(total) = reply.pointer("/usage/total_tokens").and_then(Value::as_u64) {
                set(reply, "/usage/total_tokens", total + 1);
            }
        });
    }),
    Quirk::draft("usage-prompt-zero", "a prompt of 0 tokens", "Ollama, where the prompt is cached", |draft| {
        each(draft, |reply| restate(reply, |[_, completion]| [0.0, completion]));
    }),
    Quirk::draft(
        "usage-completion-zero",
        "a text of 0 tokens",
        "no server known; it is what Pulze says by default",
        |draft| {
            each(draft, |reply| restate(reply, |[prompt, _]| [prompt, 0.0]));
        },
    ),
    Quirk::draft("usage-over-cap", "more tokens than the cap allows", "vllm-project/vllm-omni #445", |draft| {
        each(draft, |reply| restate(reply, |[prompt, completion]| [prompt, completion + 40.0]));
    }),
    Quirk::draft(
        "usage-times-twenty",
        "twenty times the tokens that came",
        "malformed-reply test of load tools: all report it as throughput",
        |draft| {
            each(draft, |reply| restate(reply, |[prompt, completion]| [prompt, completion * 20.0]));
        },
    ),
    Quirk::draft(
        "usage-reasoning-additive",
        "the total counts reasoning beside the completion",
        "mozilla-ai/any-llm #1290; sonami-tech/omni-llm-provider #49",
        |draft| {
            each(draft, |reply| {
                if let Some(total) = reply.pointer("/usage/total_tokens").and_then(Value::as_u64) {
                    set(reply, "/usage/total_tokens", total + 60);
                    reason(reply);
                }
            });
        },
    ),
    Quirk::draft(
        "usage-reasoning-alone",
        "60 tokens of reasoning in a completion of 0 tokens",
        "router-for-me/CLIProxyAPI #5733; QuantumNous/new-api #1358",
        |draft| {
            each(draft, |reply| {
                restate(reply, |[prompt, _]| [prompt, 0.0]);
                reason(reply);
            });
        },
    ),
    Quirk::draft(
        "usage-prompt-grows",
        "each request has a token more in its prompt than the one before",
        "no server known; a prompt has one length",
        |draft| {
            let number = draft.number as f64;
            each(draft, |reply| restate(reply, |[prompt, completion]| [prompt + number, completion]));
        },
    ),
    Quirk::draft(
        "usage-one-choice",
        "of several choices only one is counted",
        "OpenAI: billing over all choices",
        |draft| {
            each(draft, |reply| {
                if reply.get("choices").and_then(Value::as_array).is_some_and(|choices| choices.len() == 2) {
                    restate(reply, |[prompt, completion]| [prompt, (completion / 2.0).floor()]);
                }
            });
        },
    ),
];

/// Says that 60 tokens were reasoning.
fn reason(reply: &mut Value) {
    let details = json!({"reasoning_tokens": 60, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0});
    put(reply, "/usage", "completion_tokens_details", details);
}

/// Restates prompt and completion tokens, and their sum.
fn restate(reply: &mut Value, change: impl Fn([f64; 2]) -> [f64; 2]) {
    let count = |name: &str| reply.pointer(&format!("/usage/{name}")).and_then(Value::as_f64);
    let (Some(prompt), Some(completion)) = (count("prompt_tokens"), count("completion_tokens")) else { return };
    let [prompt, completion] = change([prompt, completion]);
    set(reply, "/usage/prompt_tokens", number(prompt));
    set(reply, "/usage/completion_tokens", number(completion));
    set(reply, "/usage/total_tokens", number(prompt + completion));
}

/// A count as JSON: an integer where it is one.
#[expect(clippy::cast_possible_truncation, reason = "token counts of a short answer")]
fn number(count: f64) -> Value {
    if count.fract() == 0.0 { Value::from(count as i64) } else { Value::from(count) }
}
