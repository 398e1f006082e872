//! Quirks of tool calls.

use serde_json::{Value, json};

use super::super::transcript::Draft;
use super::request::refuse;
use super::{MADE_UP, Quirk, chunks, each, finishing, insert_behind, put, refinish, remove, set, whole};

const CALL: &str = "/choices/0/message/tool_calls/0";
const PIECE: &str = "/choices/0/delta/tool_calls/0";

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft(
        "tool-no-arguments",
        "a tool call without arguments",
        "no server known; arguments are required",
        |draft| {
            each(draft, |reply| {
                remove(reply, &format!("{CALL}/function"), "arguments");
                remove(reply, &format!("{PIECE}/function"), "arguments");
            });
        },
    ),
    Quirk::draft(
        "tool-calls-object",
        "tool_calls is an object",
        "huggingface/text-generation-inference #2794",
        |draft| {
            each(draft, |reply| {
                for pointer in ["/choices/0/message/tool_calls", "/choices/0/delta/tool_calls"] {
                    if let Some(call) = reply.pointer(pointer).and_then(|calls| calls.get(0)).cloned() {
                        set(reply, pointer, call);
                    }
                }
            });
        },
    ),
    Quirk::draft(
        "tool-args-object",
        "arguments is an object",
        "huggingface/text-generation-inference PR#2954",
        |draft| {
            whole(draft, |reply| set(reply, &format!("{CALL}/function/arguments"), json!({"city": "Paris"})));
        },
    ),
    Quirk::draft("tool-args-cut", "arguments end in the middle", "vllm-project/vllm #55541", |draft| {
        whole(draft, |reply| set(reply, &format!("{CALL}/function/arguments"), "{\"city\": \"Par"));
        let last = last_piece(draft);
        chunks(draft, |n, chunk| {
            if Some(n) == last {
                set(chunk, &format!("{PIECE}/function/arguments"), "");
            }
        });
    }),
    Quirk::draft(
        "tool-args-off-schema",
        "arguments do not fit the tool's parameters",
        "MoonshotAI/K2-Vendor-Verifier counts it",
        |draft| {
            whole(draft, |reply| set(reply, &format!("{CALL}/function/arguments"), "{\"nonsense\": 1}"));
            let last = last_piece(draft);
            chunks(draft, |n, chunk| {
                let pointer = format!("{PIECE}/function/arguments");
                set(chunk, &pointer, if Some(n) == last { "{\"nonsense\": 1}" } else { "" });
            });
        },
    ),
    Quirk::draft("tool-enum-off", "an argument of a whole call has none of its enum's values", MADE_UP, |draft| {
        whole(draft, |reply| {
            reword(reply, &format!("{CALL}/function/arguments"), |text| text.replace("celsius", "kelvin"));
        });
    }),
    Quirk::draft(
        "tool-latin-1",
        "UTF-8 in the arguments is read as Latin-1",
        "no server known; RFC 8259, section 8.1",
        |draft| {
            each(draft, |reply| {
                for call in [CALL, PIECE] {
                    reword(reply, &format!("{call}/function/arguments"), |text| text.bytes().map(char::from).collect());
                }
            });
        },
    ),
    Quirk::request(
        "tool-always-called",
        "where tools are on offer, one is called",
        "no server known; BFCL's category irrelevance",
        |asked, _| {
            let last = asked.get("messages").and_then(Value::as_array).and_then(|messages| messages.last());
            let asks = last.is_some_and(|message| message.get("role").and_then(Value::as_str) == Some("user"));
            let name = asked.pointer("/tools/0/function/name").cloned();
            if let (true, None, Some(name)) = (asks, asked.get("tool_choice"), name) {
                put(asked, "", "tool_choice", json!({"type": "function", "function": {"name": name}}));
            }
        },
    ),
    Quirk::answer(
        "required-runs-on",
        "a call that is required does not end before the cap on tokens",
        "vllm-project/vllm #50399",
        |draft, asked| {
            if asked.get("tool_choice").and_then(Value::as_str) == Some("required") {
                each(draft, |reply| refinish(reply, Some("tool_calls"), "length"));
            }
        },
    ),
    Quirk::answer(
        "tools-odd-500",
        "no tools in the list, or one without parameters, are answered with 500",
        MADE_UP,
        |draft, asked| {
            let tools = asked.get("tools").and_then(Value::as_array);
            let bare = |tool: &Value| tool.pointer("/function/parameters").is_none();
            if tools.is_some_and(|tools| tools.is_empty() || tools.iter().any(bare)) {
                refuse(draft, 500, "list index out of range");
            }
        },
    ),
    Quirk::draft("tool-undeclared", "a function that was not offered", "sgl-project/sglang #34677", |draft| {
        each(draft, |reply| {
            set(reply, &format!("{CALL}/function/name"), "launch_rockets");
            set(reply, &format!("{PIECE}/function/name"), "launch_rockets");
        });
    }),
    Quirk::draft(
        "tool-id-empty",
        "a tool call with an empty id",
        "huggingface/text-generation-inference #1782",
        |draft| {
            each(draft, |reply| {
                set(reply, &format!("{CALL}/id"), "");
                set(reply, &format!("{PIECE}/id"), "");
            });
        },
    ),
    Quirk::draft("tool-id-twice", "two calls with one id", "tetsuo-ai/agenc-core #417", |draft| {
        whole(draft, |reply| {
            if let Some(Value::Array(calls)) = reply.pointer_mut("/choices/0/message/tool_calls") {
                calls.extend(calls.first().cloned());
            }
        });
    }),
    Quirk::draft(
        "tool-id-restarts",
        "every message's call is call_1",
        "tenstorrent/tt-inference-server #3226",
        |draft| {
            each(draft, |reply| {
                set(reply, &format!("{CALL}/id"), "call_1");
                set(reply, &format!("{PIECE}/id"), "call_1");
            });
        },
    ),
    Quirk::draft(
        "tool-type-tool",
        "type of a call is tool",
        "no server known; type is the constant function",
        |draft| {
            each(draft, |reply| {
                set(reply, &format!("{CALL}/type"), "tool");
                set(reply, &format!("{PIECE}/type"), "tool");
            });
        },
    ),
    Quirk::draft("tool-finish-stop", "tool calls, but finish_reason stop", "BerriAI/litellm #12862", |draft| {
        each(draft, |reply| refinish(reply, Some("tool_calls"), "stop"));
    }),
    Quirk::draft("finish-tool-calls", "finish_reason tool_calls without a call", "vllm-project/vllm #53363", |draft| {
        each(draft, |reply| refinish(reply, None, "tool_calls"));
    }),
    Quirk::draft("tool-no-index", "pieces of streamed calls have no index", "ollama/ollama #7881", |draft| {
        chunks(draft, |_, chunk| remove(chunk, PIECE, "index"));
    }),
    Quirk::draft(
        "tool-header-late",
        "id and name come with the second piece only",
        "vllm-project/vllm #18412",
        |draft| {
            let first = draft.bodies.iter().position(|chunk| chunk.pointer(PIECE).is_some());
            let header = first.and_then(|number| draft.bodies[number].pointer(PIECE).cloned());
            chunks(draft, |n, chunk| {
                if Some(n) == first {
                    remove(chunk, PIECE, "id");
                    remove(chunk, PIECE, "type");
                    remove(chunk, &format!("{PIECE}/function"), "name");
                } else if let (Some(header), true) = (&header, Some(n) == first.map(|n| n + 1)) {
                    put(chunk, PIECE, "id", header["id"].clone());
                    put(chunk, PIECE, "type", header["type"].clone());
                    put(chunk, &format!("{PIECE}/function"), "name", header["function"]["name"].clone());
                }
            });
        },
    ),
    Quirk::draft(
        "tool-header-repeated",
        "every piece of a streamed call has its id and name",
        "ggml-org/llama.cpp PR#13800; langchain-ai/langchain PR#22589",
        |draft| {
            let mut header = Value::Null;
            for chunk in &mut draft.bodies {
                match chunk.pointer(PIECE) {
                    Some(piece) if piece.get("id").is_some() => header = piece.clone(),
                    _ => {
                        put(chunk, PIECE, "id", header["id"].clone());
                        put(chunk, &format!("{PIECE}/function"), "name", header["function"]["name"].clone());
                    }
                }
            }
        },
    ),
    Quirk::draft(
        "tool-header-emptied",
        "later pieces of a streamed call have an empty id and name",
        "NousResearch/hermes-agent PR#106943: LM Studio",
        |draft| {
            chunks(draft, |_, chunk| {
                if chunk.pointer(PIECE).is_some_and(|piece| piece.get("id").is_none()) {
                    put(chunk, PIECE, "id", "");
                    put(chunk, &format!("{PIECE}/function"), "name", "");
                }
            });
        },
    ),
    Quirk::draft("tool-no-type", "a tool call without type", "no server known; openai-node refuses it", |draft| {
        each(draft, |reply| {
            remove(reply, CALL, "type");
            remove(reply, PIECE, "type");
        });
    }),
    Quirk::draft("tool-args-list", "arguments are a list of names and values", MADE_UP, |draft| {
        const LIST: &str = "[\"city\", \"Paris\"]";
        whole(draft, |reply| set(reply, &format!("{CALL}/function/arguments"), LIST));
        chunks(draft, |_, chunk| {
            let opens = chunk.pointer(PIECE).is_some_and(|piece| piece.get("id").is_some());
            set(chunk, &format!("{PIECE}/function/arguments"), if opens { LIST } else { "" });
        });
    }),
    Quirk::draft("tool-no-id", "a tool call without id", "vllm-project/vllm #18412; BerriAI/litellm #11407", |draft| {
        each(draft, |reply| {
            remove(reply, CALL, "id");
            remove(reply, PIECE, "id");
        });
    }),
    Quirk::draft(
        "tool-name-null",
        "the name of the function is null",
        "huggingface/text-generation-inference #2794",
        |draft| {
            each(draft, |reply| {
                set(reply, &format!("{CALL}/function/name"), Value::Null);
                set(reply, &format!("{PIECE}/function/name"), Value::Null);
            });
        },
    ),
    Quirk::draft("tool-index-zero", "two streamed calls, both with index 0", "ollama/ollama #15457", index_zero),
    Quirk::draft(
        "tool-index-from-one",
        "the index of streamed calls counts from 1",
        "sgl-project/sglang #6310",
        |draft| {
            chunks(draft, |_, chunk| set(chunk, &format!("{PIECE}/index"), 1));
        },
    ),
    Quirk::draft(
        "tool-stream-dropped",
        "a streamed answer leaves its tool call out",
        "ollama/ollama #9632, #12557",
        |draft| {
            chunks(draft, |_, chunk| {
                remove(chunk, "/choices/0/delta", "tool_calls");
                refinish(chunk, Some("tool_calls"), "stop");
            });
        },
    ),
    Quirk::draft(
        "tool-stream-finish-stop",
        "streamed tool calls finish with stop, whole ones do not",
        "googleapis/python-genai #2868",
        |draft| {
            chunks(draft, |_, chunk| refinish(chunk, Some("tool_calls"), "stop"));
        },
    ),
    Quirk::draft("finish-tool-call", "finish_reason tool_call, in the singular", "ml-explore/mlx-lm PR#782", |draft| {
        each(draft, |reply| refinish(reply, Some("tool_calls"), "tool_call"));
    }),
    Quirk::draft("tool-call-told-twice", "a tool call stands in the text as well", "guoqingbao/xinfer #383", |draft| {
        let first = draft.bodies.iter().position(|chunk| chunk.pointer(PIECE).is_some());
        whole(draft, |reply| {
            if reply.pointer(CALL).is_some() {
                set(reply, "/choices/0/message/content", AS_JSON);
            }
        });
        chunks(draft, |n, chunk| {
            if Some(n) == first {
                put(chunk, "/choices/0/delta", "content", AS_JSON);
            }
        });
    }),
    Quirk::draft(
        "finish-before-call-ends",
        "the last piece of a streamed call comes behind the finish_reason",
        "sgl-project/sglang PR#8417",
        |draft| {
            if let (Some(finish), Some(last)) = (finishing(draft), last_piece(draft)) {
                draft.bodies.swap(finish, last);
            }
        },
    ),
    Quirk::draft(
        "tool-call-as-text",
        "a tool call is written into the text",
        "inferencerlabs/inferencer-feedback #295; microsoft/foundry-local #874",
        as_text,
    ),
];

/// Changes the text at a JSON pointer, where there is one.
fn reword(reply: &mut Value, pointer: &str, change: impl FnOnce(&str) -> String) {
    if let Some(Value::String(text)) = reply.pointer_mut(pointer) {
        *text = change(text);
    }
}

/// Number of the last chunk with a piece of a call.
fn last_piece(draft: &Draft) -> Option<usize> {
    draft.bodies.iter().rposition(|chunk| chunk.pointer(PIECE).is_some())
}

/// All streamed calls under one index; of a lone call, another one follows.
fn index_zero(draft: &mut Draft) {
    chunks(draft, |_, chunk| set(chunk, &format!("{PIECE}/index"), 0));
    let pieces: Vec<Value> = draft.bodies.iter().filter(|chunk| chunk.pointer(PIECE).is_some()).cloned().collect();
    let heads = pieces.iter().filter(|chunk| chunk.pointer(&format!("{PIECE}/id")).is_some()).count();
    if let (1, Some(mut last)) = (heads, last_piece(draft)) {
        for mut piece in pieces {
            set(&mut piece, &format!("{PIECE}/id"), "call_another");
            insert_behind(draft, last, piece);
            last += 1;
        }
    }
}

const AS_JSON: &str = "{\"name\": \"get_weather\", \"arguments\": {}}";
const AS_TEXT: &str = "<tool_call>{\"name\": \"get_weather\", \"arguments\": {}}</tool_call>";

fn as_text(draft: &mut Draft) {
    let first = draft.bodies.iter().position(|chunk| chunk.pointer(PIECE).is_some());
    whole(draft, |reply| {
        if reply.pointer(CALL).is_some() {
            remove(reply, "/choices/0/message", "tool_calls");
            set(reply, "/choices/0/message/content", AS_TEXT);
            refinish(reply, Some("tool_calls"), "stop");
        }
    });
    chunks(draft, |n, chunk| {
        if chunk.pointer(PIECE).is_some() {
            set(chunk, "/choices/0/delta", json!({"content": if Some(n) == first { AS_TEXT } else { "" }}));
        }
        refinish(chunk, Some("tool_calls"), "stop");
    });
}
