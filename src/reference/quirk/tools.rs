//! Quirks of tool calls.

use serde_json::{Value, json};

use super::super::wire::Draft;
use super::{Quirk, chunks, each, put, remove, set, whole};

const CALL: &str = "/choices/0/message/tool_calls/0";
const PIECE: &str = "/choices/0/delta/tool_calls/0";

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft("tool-no-arguments", "a tool call without arguments", |draft| {
        each(draft, |reply| {
            remove(reply, &format!("{CALL}/function"), "arguments");
            remove(reply, &format!("{PIECE}/function"), "arguments");
        });
    }),
    Quirk::draft(
        "tool-calls-object",
        "tool_calls is an object (huggingface/text-generation-inference #2794)",
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
        "arguments is an object (huggingface/text-generation-inference PR#2954)",
        |draft| {
            whole(draft, |reply| set(reply, &format!("{CALL}/function/arguments"), json!({"city": "Paris"})));
        },
    ),
    Quirk::draft("tool-args-cut", "arguments end in the middle (vllm-project/vllm #55541)", |draft| {
        whole(draft, |reply| set(reply, &format!("{CALL}/function/arguments"), "{\"city\": \"Par"));
        let last = last_piece(draft);
        chunks(draft, |n, chunk| {
            if Some(n) == last {
                set(chunk, &format!("{PIECE}/function/arguments"), "");
            }
        });
    }),
    Quirk::draft("tool-args-off-schema", "arguments do not fit the tool's parameters", |draft| {
        whole(draft, |reply| set(reply, &format!("{CALL}/function/arguments"), "{\"nonsense\": 1}"));
        let last = last_piece(draft);
        chunks(draft, |n, chunk| {
            let pointer = format!("{PIECE}/function/arguments");
            set(chunk, &pointer, if Some(n) == last { "{\"nonsense\": 1}" } else { "" });
        });
    }),
    Quirk::draft("tool-undeclared", "a function that was not offered (sgl-project/sglang #34677)", |draft| {
        each(draft, |reply| {
            set(reply, &format!("{CALL}/function/name"), "launch_rockets");
            set(reply, &format!("{PIECE}/function/name"), "launch_rockets");
        });
    }),
    Quirk::draft(
        "tool-id-empty",
        "a tool call with an empty id (huggingface/text-generation-inference #1782)",
        |draft| {
            each(draft, |reply| {
                set(reply, &format!("{CALL}/id"), "");
                set(reply, &format!("{PIECE}/id"), "");
            });
        },
    ),
    Quirk::draft("tool-id-twice", "two calls with one id", |draft| {
        whole(draft, |reply| {
            if let Some(Value::Array(calls)) = reply.pointer_mut("/choices/0/message/tool_calls") {
                calls.extend(calls.first().cloned());
            }
        });
    }),
    Quirk::draft(
        "tool-id-restarts",
        "every message's call is call_1 (tenstorrent/tt-inference-server #3226)",
        |draft| {
            each(draft, |reply| {
                set(reply, &format!("{CALL}/id"), "call_1");
                set(reply, &format!("{PIECE}/id"), "call_1");
            });
        },
    ),
    Quirk::draft("tool-type-tool", "type of a call is tool", |draft| {
        each(draft, |reply| {
            set(reply, &format!("{CALL}/type"), "tool");
            set(reply, &format!("{PIECE}/type"), "tool");
        });
    }),
    Quirk::draft("tool-finish-stop", "tool calls, but finish_reason stop (BerriAI/litellm #12862)", |draft| {
        each(draft, |reply| {
            if reply.pointer("/choices/0/finish_reason").and_then(Value::as_str) == Some("tool_calls") {
                set(reply, "/choices/0/finish_reason", "stop");
            }
        });
    }),
    Quirk::draft("finish-tool-calls", "finish_reason tool_calls without a call (vllm-project/vllm #53363)", |draft| {
        each(draft, |reply| {
            if reply.pointer("/choices/0/finish_reason").is_some_and(Value::is_string) {
                set(reply, "/choices/0/finish_reason", "tool_calls");
            }
        });
    }),
    Quirk::draft("tool-no-index", "pieces of streamed calls have no index (ollama/ollama #7881)", |draft| {
        chunks(draft, |_, chunk| remove(chunk, PIECE, "index"));
    }),
    Quirk::draft(
        "tool-header-late",
        "id and name come with the second piece only (vllm-project/vllm #18412)",
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
];

/// Number of the last chunk with a piece of a call.
fn last_piece(draft: &Draft) -> Option<usize> {
    draft.bodies.iter().rposition(|chunk| chunk.pointer(PIECE).is_some())
}
