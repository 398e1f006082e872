//! Quirks of the completion's members, whole or in every chunk.

use serde_json::{Value, json};

use super::super::transcript::{Draft, Kind};
use super::{MADE_UP, Quirk, each, put, refinish, remove, set, whole, with_text};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft(
        "no-model",
        "a whole completion without model",
        "no server known; Pulze and OpenAI require it",
        |draft| {
            whole(draft, |reply| remove(reply, "", "model"));
        },
    ),
    Quirk::draft("aged", "an answer that a cache has kept for an hour", "RFC 9111 5.1", |draft| {
        if draft.kind != Kind::Error {
            draft.headers.push(("age", "3600".into()));
        }
    }),
    Quirk::draft("null-model", "model is null", "microsoft/foundry-local #144", |draft| {
        each(draft, |reply| set(reply, "/model", Value::Null));
    }),
    Quirk::draft("no-choices", "choices is empty", "no server known; a reply has a choice", |draft| {
        whole(draft, |reply| set(reply, "/choices", json!([])));
    }),
    Quirk::draft("index-from-one", "the first choice has index 1", "no server known; indices are 0 to n-1", |draft| {
        each(draft, |reply| set(reply, "/choices/0/index", 1));
    }),
    Quirk::draft(
        "two-choices",
        "two choices where one was asked for",
        "no server known; n is 1 by default",
        two_choices,
    ),
    Quirk::draft("delta-in-whole", "a delta in a whole completion", "microsoft/foundry-local #383", |draft| {
        whole(draft, |reply| put(reply, "/choices/0", "delta", json!({})));
    }),
    Quirk::draft(
        "role-user",
        "the answer has role user",
        "no server known; OpenAI's role is the constant assistant",
        |draft| {
            whole(draft, |reply| set(reply, "/choices/0/message/role", "user"));
        },
    ),
    Quirk::draft(
        "content-number",
        "content is a number",
        "malformed-reply test of load tools: AIPerf counts it as a success",
        |draft| {
            each(draft, |reply| {
                set(reply, "/choices/0/message/content", 42);
                set(reply, "/choices/0/delta/content", 42);
            });
        },
    ),
    Quirk::draft(
        "content-null",
        "content is null for no reason",
        "vllm-project/vllm #55080, with tool_choice none",
        |draft| {
            whole(draft, |reply| {
                if reply.pointer("/choices/0/message/content").is_some_and(Value::is_string) {
                    set(reply, "/choices/0/message/content", Value::Null);
                }
            });
        },
    ),
    Quirk::draft("content-empty", "the answer says nothing", "dcdpr/jp #978", |draft| {
        whole(draft, |reply| {
            if reply.pointer("/choices/0/message/content").is_some_and(Value::is_string) {
                set(reply, "/choices/0/message/content", "");
            }
        });
    }),
    Quirk::draft(
        "finish-null",
        "a whole completion without finish_reason",
        "no server known whole; abetlen/llama-cpp-python #735 streamed",
        |draft| {
            whole(draft, |reply| set(reply, "/choices/0/finish_reason", Value::Null));
        },
    ),
    Quirk::draft(
        "finish-eos-token",
        "finish_reason eos_token",
        "huggingface/text-generation-inference #1724",
        |draft| each(draft, |reply| refinish(reply, None, "eos_token")),
    ),
    Quirk::draft("object-wrong", "object is completion", "no server known; object is a constant", |draft| {
        each(draft, |reply| set(reply, "/object", "completion"));
    }),
    Quirk::draft(
        "object-text-completion",
        "object is text_completion",
        "Pulze's own reference page shows it",
        |draft| {
            whole(draft, |reply| set(reply, "/object", "text_completion"));
        },
    ),
    Quirk::draft("id-empty", "id is empty", "Azure/azure-sdk-for-go #21086", |draft| {
        whole(draft, |reply| set(reply, "/id", ""));
    }),
    Quirk::draft("id-repeated", "every reply has the same id", "ollama/ollama PR#14225", |draft| {
        each(draft, |reply| set(reply, "/id", "chatcmpl-373"));
    }),
    Quirk::draft("id-long", "an id of 300 letters", MADE_UP, |draft| {
        let id = format!("{}-{}", "x".repeat(300), draft.number);
        each(draft, |reply| set(reply, "/id", id.as_str()));
    }),
    Quirk::draft(
        "fingerprint-changes",
        "another system_fingerprint in each reply",
        "no server known; a fleet of several versions",
        |draft| {
            let print = format!("fp_{}", draft.number);
            each(draft, |reply| set(reply, "/system_fingerprint", print.as_str()));
        },
    ),
    Quirk::draft("extra-members", "members that no contract names", "allowed: vLLM has them", |draft| {
        each(draft, |reply| {
            put(reply, "", "prompt_logprobs", Value::Null);
            put(reply, "/choices/0", "stop_reason", Value::Null);
        });
    }),
    Quirk::draft("created-fraction", "created is 1.5", "no server known; created is an integer", |draft| {
        each(draft, |reply| set(reply, "/created", 1.5));
    }),
    Quirk::draft("created-1970", "created is 86400", "no server known; Azure/azure-sdk-for-go #21086 has 0", |draft| {
        each(draft, |reply| set(reply, "/created", 86_400));
    }),
    Quirk::draft("markup-leak", "template markup in the text", "vllm-project/vllm #47903", |draft| {
        say(draft, "<|im_end|>");
    }),
    Quirk::draft("markup-end", "the mark that ends a text is in it", "vllm-project/vllm-ascend #12398", |draft| {
        say(draft, "</s>");
    }),
    Quirk::draft(
        "integers-as-floats",
        "created is written as 1700000000.0, and counts likewise",
        "no server known; what Python writes of a float, stoe/gh-report #20",
        |draft| {
            each(draft, |reply| {
                for pointer in ["/created", "/usage/prompt_tokens", "/usage/completion_tokens", "/usage/total_tokens"] {
                    if let Some(number) = reply.pointer(pointer).and_then(Value::as_f64) {
                        set(reply, pointer, number);
                    }
                }
            });
        },
    ),
    Quirk::draft("tier-on-demand", "service_tier is on_demand", "Groq; divar-ir/ai-doc-gen #18", |draft| {
        each(draft, |reply| put(reply, "", "service_tier", "on_demand"));
    }),
    Quirk::draft("replacement-char", "U+FFFD in the text", "ggml-org/llama.cpp #4036", |draft| say(draft, "\u{FFFD}")),
    Quirk::draft("other-model", "another model answers", "no server known; a pinned model is not swapped", |draft| {
        each(draft, |reply| {
            set(reply, "/model", "other/model");
            set(reply, "/metadata/model/namespace", "other/model");
        });
    }),
    Quirk::draft(
        "model-by-turns",
        "every other reply is by another version of the model",
        "no server known; a pinned model is not swapped",
        |draft| {
            let other = draft.number % 2 == 1;
            each(draft, |reply| {
                if let (true, Some(model)) = (other, reply.get("model").and_then(Value::as_str)) {
                    let name = format!("{model}-2026");
                    set(reply, "/metadata/model/namespace", name.as_str());
                    set(reply, "/model", name);
                }
            });
        },
    ),
    Quirk::draft("error-in-200", "an error body with status 200", "BerriAI/litellm #27030", |draft| {
        whole(
            draft,
            |reply| *reply = json!({"error": {"message": "no such model", "type": "invalid_request_error", "param": null, "code": null}}),
        );
    }),
    Quirk::draft("content-parts", "content is a list of parts", "Mistral: vercel/ai #13703", |draft| {
        each(draft, |reply| {
            for pointer in ["/choices/0/message/content", "/choices/0/delta/content"] {
                if let Some(text) = reply.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                    let parts = json!([{"type": "text", "text": text}]);
                    set(reply, pointer, parts);
                }
            }
        });
    }),
    Quirk::draft("no-object", "no object", "NVIDIA/TensorRT-Edge-LLM #93", |draft| {
        each(draft, |reply| remove(reply, "", "object"));
    }),
    Quirk::draft(
        "no-frame",
        "neither id nor created nor model",
        "malformed-reply test of load tools: all count it as a success",
        |draft| {
            each(draft, |reply| ["id", "created", "model"].iter().for_each(|name| remove(reply, "", name)));
        },
    ),
    Quirk::draft(
        "created-string",
        "created is a string",
        "malformed-reply test of load tools: all count it as a success",
        |draft| {
            each(draft, |reply| set(reply, "/created", "yesterday"));
        },
    ),
    Quirk::draft(
        "finish-banana",
        "finish_reason banana",
        "malformed-reply test of load tools: all count it as a success",
        |draft| {
            each(draft, |reply| refinish(reply, None, "banana"));
        },
    ),
    Quirk::draft(
        "length-as-stop",
        "an answer cut at the cap has finish_reason stop",
        "ikawrakow/ik_llama.cpp PR#2321",
        |draft| {
            each(draft, |reply| refinish(reply, Some("length"), "stop"));
        },
    ),
    Quirk::draft(
        "logprobs-old-shape",
        "logprobs in the shape of the completions endpoint",
        "vllm-project/vllm #3179, #4795",
        |draft| {
            each(draft, |reply| {
                put(
                    reply,
                    "/choices/0",
                    "logprobs",
                    json!({"tokens": ["the"], "token_logprobs": [-0.1], "top_logprobs": null, "text_offset": [0]}),
                );
            });
        },
    ),
    Quirk::draft("crosstalk", "the answer to the request before", "sgl-project/sglang #34677", crosstalk),
];

fn two_choices(draft: &mut Draft) {
    each(draft, |reply| {
        let Some(choices) = reply.get_mut("choices").and_then(Value::as_array_mut) else { return };
        if let [only] = choices.as_slice() {
            let mut second = only.clone();
            set(&mut second, "/index", 1);
            for pointer in ["/message/content", "/delta/content"] {
                if second.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
                    set(&mut second, pointer, ".");
                }
            }
            choices.push(second);
        }
    });
}

/// Appends to the text of the answer.
pub(super) fn say(draft: &mut Draft, text: &str) {
    let append = |body: &mut Value, pointer: &str| {
        if let Some(Value::String(content)) = body.pointer_mut(pointer) {
            content.push_str(text);
        }
    };
    if let Some(last) = with_text(draft).last() {
        append(&mut draft.bodies[*last], "/choices/0/delta/content");
    }
    whole(draft, |reply| append(reply, "/choices/0/message/content"));
}

/// The opening words, which the answer repeats, are those of the prompt before.
fn crosstalk(draft: &mut Draft) {
    let [own, previous] = draft.openings.clone();
    if own.is_empty() || previous.is_empty() {
        return;
    }
    if draft.kind == Kind::Whole {
        let content = draft.bodies[0].pointer("/choices/0/message/content").and_then(Value::as_str);
        if let Some(text) = content.map(|content| content.replace(&own, &previous)) {
            set(&mut draft.bodies[0], "/choices/0/message/content", text);
        }
    }
    let of_first = |number: &usize| draft.bodies[*number].pointer("/choices/0/index") == Some(&json!(0));
    let numbers: Vec<usize> = with_text(draft).into_iter().filter(of_first).collect();
    for (number, word) in numbers.into_iter().zip(previous.split_inclusive(' ')) {
        set(&mut draft.bodies[number], "/choices/0/delta/content", word);
    }
}
