//! Quirks of the chunks of a stream: what they lack, and how they contradict one another.

use serde_json::{Value, json};

use super::super::transcript::{Draft, Kind, Write};
use super::{Quirk, chunks, finishing, insert_behind, put, refinish, remove, set, with_text};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft(
        "chunk-usage-string",
        "usage of a chunk is a string",
        "no server known; usage is an object or null",
        |draft| {
            chunks(draft, |_, chunk| put(chunk, "", "usage", "none"));
        },
    ),
    Quirk::draft("id-per-chunk", "another id in each chunk", "BerriAI/litellm #1571", |draft| {
        let number = draft.number;
        chunks(draft, |n, chunk| set(chunk, "/id", format!("chatcmpl-{number}-{n}")));
    }),
    Quirk::draft("created-per-chunk", "created moves on during a stream", "ollama/ollama PR#15088", |draft| {
        chunks(draft, |n, chunk| {
            let created = chunk["created"].as_u64().unwrap_or(0) + n as u64;
            set(chunk, "/created", created);
        });
    }),
    Quirk::draft(
        "model-per-chunk",
        "the last chunk names another model",
        "no server known; one reply, one model",
        |draft| {
            let last = draft.bodies.len().saturating_sub(1);
            chunks(draft, |n, chunk| {
                if n == last {
                    let name = format!("{}-2026", chunk["model"].as_str().unwrap_or_default());
                    set(chunk, "/metadata/model/namespace", name.as_str());
                    set(chunk, "/model", name);
                }
            });
        },
    ),
    Quirk::draft(
        "azure-first-chunk",
        "a first chunk without choice, id and model",
        "Azure/azure-sdk-for-go #21086",
        |draft| {
            if draft.kind == Kind::Stream {
                let at = draft.due[0];
                draft.bodies.insert(0, json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}));
                draft.due.insert(0, at);
            }
        },
    ),
    Quirk::draft("no-role", "no delta has a role", "guidellm's mock server", |draft| {
        chunks(draft, |_, chunk| remove(chunk, "/choices/0/delta", "role"));
    }),
    Quirk::draft("role-changes", "the last word has the role user", "llama.cpp tests for it", |draft| {
        let last = with_text(draft).last().copied();
        chunks(draft, |n, chunk| {
            if Some(n) == last {
                put(chunk, "/choices/0/delta", "role", "user");
            }
        });
    }),
    Quirk::draft("no-finish", "no chunk has a finish_reason", "vllm-project/vllm #27572", |draft| {
        chunks(draft, |_, chunk| set(chunk, "/choices/0/finish_reason", Value::Null));
    }),
    Quirk::draft("finish-twice", "two chunks finish the choice", "sgl-project/sglang PR#8417", |draft| {
        if let Some(number) = finishing(draft) {
            let mut again = draft.bodies[number].clone();
            remove(&mut again, "", "usage");
            remove(&mut again, "", "metadata");
            insert_behind(draft, number, again);
        }
    }),
    Quirk::draft(
        "content-after-finish",
        "a word after the finish_reason",
        "malformed-reply test of load tools: all count it as a success",
        |draft| {
            if let (Some(number), Some(word)) = (finishing(draft), with_text(draft).last().copied()) {
                let late = draft.bodies[word].clone();
                insert_behind(draft, number, late);
            }
        },
    ),
    Quirk::draft("index-99", "the choice's index counts up", "microsoft/foundry-local #144", |draft| {
        if !with_text(draft).is_empty() {
            chunks(draft, |n, chunk| set(chunk, "/choices/0/index", n));
        }
    }),
    Quirk::draft("says-nothing", "a stream without a word", "diegosouzapw/OmniRoute PR#8210", |draft| {
        chunks(draft, |_, chunk| {
            if chunk.pointer("/choices/0/delta").is_some() {
                set(chunk, "/choices/0/delta", json!({"role": "assistant", "content": ""}));
            }
        });
    }),
    Quirk::draft("inband-error", "an error event in the middle of the stream", "ggml-org/llama.cpp #14566", |draft| {
        if let Some(number) = with_text(draft).get(2).copied() {
            insert_behind(draft, number, upstream_died());
        }
    }),
    Quirk::draft("reasoning", "the answer begins with reasoning", "allowed: DeepSeek on vLLM", |draft| {
        let text = with_text(draft);
        let half = text.len() / 2;
        for number in &text[..half] {
            let delta = draft.bodies[*number].pointer_mut("/choices/0/delta").map(Value::take);
            if let Some(delta) = delta {
                set(&mut draft.bodies[*number], "/choices/0/delta", json!({"reasoning_content": delta["content"]}));
            }
        }
    }),
    Quirk::draft(
        "inband-error-first",
        "an error event in the place of the first chunk",
        "malformed-reply test of load tools",
        |draft| {
            if draft.kind == Kind::Stream {
                keep(draft, 1);
                draft.bodies[0] = upstream_died();
            }
        },
    ),
    Quirk::draft(
        "inband-error-no-choices",
        "after the role a chunk with an error and no choice, and the end",
        "OpenRouter: vercel/ai #2720, dcdpr/jp #978",
        |draft| {
            if draft.kind == Kind::Stream {
                let mut last = draft.bodies[0].clone();
                set(&mut last, "/choices", json!([]));
                put(
                    &mut last,
                    "",
                    "error",
                    json!({"message": "provider_unavailable", "type": "upstream", "param": null, "code": "502"}),
                );
                keep(draft, 1);
                insert_behind(draft, 0, last);
            }
        },
    ),
    Quirk::draft(
        "error-then-done",
        "an error event, then [DONE] as if all were well",
        "doublewordai/control-layer PR#1048, where usage is due",
        |draft| {
            if draft.kind == Kind::Stream {
                keep(draft, 4);
                let last = draft.bodies.len() - 1;
                draft.bodies[last] = upstream_died();
            }
        },
    ),
    Quirk::draft(
        "usage-chunk-error",
        "an error in the place of the chunk with usage",
        "doublewordai/control-layer PR#1048",
        |draft| {
            let last = draft.bodies.len().saturating_sub(1);
            chunks(draft, |n, chunk| {
                if n == last {
                    *chunk = upstream_died();
                }
            });
        },
    ),
    Quirk::draft(
        "usage-in-every-chunk",
        "every chunk has the usage of the whole answer",
        "vLLM's continuous_usage_stats, here unasked",
        |draft| {
            let usage =
                draft.bodies.iter().rev().find_map(|chunk| chunk.get("usage").filter(|usage| usage.is_object()));
            if let Some(usage) = usage.cloned() {
                chunks(draft, |_, chunk| put(chunk, "", "usage", usage.clone()));
            }
        },
    ),
    Quirk::draft(
        "stream-finish-filter",
        "a text that stops is streamed with finish_reason content_filter",
        "vllm-project/vllm #47903: whole and streamed output differ",
        |draft| {
            chunks(draft, |_, chunk| refinish(chunk, Some("stop"), "content_filter"));
        },
    ),
    Quirk::draft("usage-chunk-choice", "the chunk with usage has a choice", "BerriAI/litellm #28735", |draft| {
        chunks(draft, |_, chunk| {
            if chunk.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                set(chunk, "/choices", json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": null}]));
            }
        });
    }),
    Quirk::draft(
        "finish-key-missing",
        "no key finish_reason until the choice is finished",
        "vllm-project/vllm #19650",
        |draft| {
            chunks(draft, |_, chunk| {
                if chunk.pointer("/choices/0/finish_reason").is_some_and(Value::is_null) {
                    remove(chunk, "/choices/0", "finish_reason");
                }
            });
        },
    ),
    Quirk::draft(
        "delta-content-null",
        "deltas that say nothing have content null",
        "vllm-project/vllm-ascend #14501; allowed",
        |draft| {
            chunks(draft, |_, chunk| {
                if chunk.pointer("/choices/0/finish_reason").is_some_and(Value::is_string) {
                    put(chunk, "/choices/0/delta", "content", Value::Null);
                }
            });
        },
    ),
    Quirk::draft(
        "deltas-cumulative",
        "each delta has all the text so far",
        "QwenLM/qwen-code PR#3896: DashScope without incremental_output",
        cumulative,
    ),
    Quirk::draft(
        "azure-filter-chunk",
        "a last chunk with the results of a content filter, and no delta",
        "openai/openai-python #1677, BerriAI/litellm #3811",
        |draft| {
            if let Some(number) = finishing(draft) {
                let choice = json!({"index": 0, "finish_reason": null, "content_filter_results": {},
                    "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198}});
                let chunk = json!({"id": "", "object": "", "created": 0, "model": "", "choices": [choice]});
                insert_behind(draft, number, chunk);
            }
        },
    ),
    Quirk::draft(
        "usage-chunk-twice",
        "two chunks at the end have the usage",
        "no server known; OpenAI: one additional chunk",
        |draft| {
            let states = |chunk: &Value| {
                chunk.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty)
                    && chunk.get("usage").is_some_and(Value::is_object)
            };
            if let (Kind::Stream, Some(number)) = (draft.kind, draft.bodies.iter().rposition(states)) {
                let again = draft.bodies[number].clone();
                insert_behind(draft, number, again);
            }
        },
    ),
    Quirk::transcript(
        "named-pings",
        "an event of the name ping before the first chunk",
        "Anthropic's streams have them, and gateways pass them on",
        |transcript| {
            if transcript.kind == Kind::Stream {
                let at = transcript.writes.first().map(|write| write.at).unwrap_or_default();
                let bytes = b"event: ping\ndata: {\"type\": \"ping\"}\n\n".to_vec();
                transcript.writes.insert(0, Write { at, bytes });
            }
        },
    ),
    Quirk::draft("id-per-choice", "each choice has an id of its own", "sgl-project/sglang #39864", |draft| {
        chunks(draft, |_, chunk| {
            let index = chunk.pointer("/choices/0/index").and_then(Value::as_u64).unwrap_or(0);
            if index > 0 {
                let id = format!("{}-{index}", chunk["id"].as_str().unwrap_or_default());
                set(chunk, "/id", id);
            }
        });
    }),
    Quirk::draft(
        "finish-last-choice-only",
        "of several choices the last alone finishes",
        "sgl-project/sglang PR#8417",
        |draft| {
            let index = |chunk: &Value| chunk.pointer("/choices/0/index").and_then(Value::as_u64).unwrap_or(0);
            let last = draft.bodies.iter().map(index).max();
            chunks(draft, |_, chunk| {
                if Some(index(chunk)) != last {
                    set(chunk, "/choices/0/finish_reason", Value::Null);
                }
            });
        },
    ),
];

/// The text of each choice, piece by piece, with all before it.
fn cumulative(draft: &mut Draft) {
    let mut texts: Vec<(u64, String)> = Vec::new();
    for number in with_text(draft) {
        let chunk = &mut draft.bodies[number];
        let index = chunk.pointer("/choices/0/index").and_then(Value::as_u64).unwrap_or(0);
        let Some(Value::String(content)) = chunk.pointer_mut("/choices/0/delta/content") else { continue };
        match texts.iter_mut().find(|(of, _)| *of == index) {
            Some((_, text)) => {
                text.push_str(content);
                content.clone_from(text);
            }
            None => texts.push((index, content.clone())),
        }
    }
}

fn upstream_died() -> Value {
    json!({"error": {"message": "upstream died", "type": "server_error", "param": null, "code": null}})
}

/// Leaves so many chunks of a stream.
fn keep(draft: &mut Draft, count: usize) {
    if draft.kind == Kind::Stream {
        draft.bodies.truncate(count);
        draft.due.truncate(count);
    }
}
