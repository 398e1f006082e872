//! What real servers are known to do wrong, and the quirks that do the same: no row is left out.

use std::collections::BTreeSet;

use proofload::reference::quirk;

/// The deviations of real servers by their number in the study of conformance practice, with the server, and the quirks
/// that reproduce them. Each concerns the wire.
const DEVIATIONS: [(usize, &str, &[&str]); 60] = [
    (
        1,
        "vLLM: a stream ends without finish_reason and [DONE]",
        &["no-done", "no-finish", "ends-early", "cut-mid-stream"],
    ),
    (2, "vLLM: finish_reason null at the end of a tool stream", &["no-finish"]),
    (3, "vLLM: required gives prose with finish tool_calls", &["finish-tool-calls"]),
    (4, "vLLM: required is ignored", &["required-ignored"]),
    (
        5,
        "vLLM: another finish_reason than OpenAI's for required and named",
        &["tool-finish-stop", "tool-stream-finish-stop"],
    ),
    (6, "vLLM: a streamed tool call without id", &["tool-no-id", "tool-header-late"]),
    (
        7,
        "vLLM: streamed and whole tool output differ; markup leaks",
        &["tool-stream-dropped", "markup-leak", "tool-call-as-text"],
    ),
    (8, "vLLM: tool_choice none deletes the content", &["none-says-nothing"]),
    (9, "vLLM: required runs on; named cuts the arguments", &["required-ignored", "tool-args-cut"]),
    (10, "vLLM: errors without envelope", &["error-bare"]),
    (11, "vLLM: 500 where 400 is due", &["bad-input-500"]),
    (12, "vLLM: logprobs that are no JSON, or of another shape", &["nan", "logprobs-500", "logprobs-old-shape"]),
    (13, "vLLM: no key finish_reason mid-stream", &["finish-key-missing"]),
    (14, "vLLM: max_completion_tokens against the budget for reasoning", &["max-completion-ignored", "usage-over-cap"]),
    (
        15,
        "vllm-omni, ascend, mlx: n, max_tokens, response_format ignored; null deltas; tags; no [DONE]",
        &["n-ignored", "max-tokens-ignored", "json-prose", "delta-content-null", "markup-leak", "no-finish", "no-done"],
    ),
    (16, "llama.cpp: another id in each chunk", &["id-per-chunk"]),
    (17, "llama.cpp: an error as an event with status 200", &["error-as-stream", "inband-error"]),
    (18, "llama.cpp: 500 for bad JSON and bad schemas; a numeric code", &["bad-input-500", "error-code-number"]),
    (19, "llama.cpp: max_completion_tokens ignored", &["max-completion-ignored"]),
    (20, "llama.cpp: broken UTF-8 in streamed pieces", &["replacement-char", "invalid-utf8"]),
    (
        21,
        "llama-cpp-python: n ignored; no finish_reason; unicode",
        &["n-ignored", "no-finish", "finish-null", "replacement-char"],
    ),
    (22, "ik_llama.cpp: stop at the cap; U+FFFD", &["length-as-stop", "replacement-char"]),
    (23, "Ollama: parallel calls all have index 0, or none", &["tool-index-zero", "tool-no-index"]),
    (24, "Ollama: tool_choice ignored", &["tool-choice-ignored", "required-ignored"]),
    (25, "Ollama: n ignored", &["n-ignored"]),
    (26, "Ollama: tools break streaming; streamed calls dropped", &["tool-stream-dropped", "buffered"]),
    (27, "Ollama: ids collide", &["id-repeated"]),
    (28, "Ollama: created changes during a stream", &["created-per-chunk"]),
    (29, "Ollama: a prompt beyond the context is cut in silence", &["prompt-truncated"]),
    (30, "TGI: tool_calls an object, empty id, name null", &["tool-calls-object", "tool-id-empty", "tool-name-null"]),
    (31, "TGI: arguments an object, the same id always", &["tool-args-object", "tool-id-restarts"]),
    (32, "TGI: the stop sequence stays in the text; eos_token", &["stop-left-in", "finish-eos-token"]),
    (33, "TGI: usage in streams", &["usage-not-included", "usage-unasked", "no-usage"]),
    (34, "SGLang: id changes between choices; created crosses seconds", &["id-per-choice", "created-per-chunk"]),
    (35, "SGLang: finish_reason twice; the last choice alone finishes", &["finish-twice", "finish-last-choice-only"]),
    (
        36,
        "SGLang: wrong tool index; unknown tool; crosstalk; 500 for logprobs",
        &["tool-index-from-one", "tool-undeclared", "crosstalk", "logprobs-500"],
    ),
    (37, "LiteLLM: another id in each chunk", &["id-per-chunk"]),
    (38, "LiteLLM: the chunk with usage has a choice", &["usage-chunk-choice"]),
    (39, "LiteLLM: stop with tool calls; no tool id", &["tool-finish-stop", "tool-no-id"]),
    (40, "LiteLLM: an error with status 200", &["error-in-200"]),
    (
        41,
        "LiteLLM: a failure mid-stream closes without [DONE]; buffering",
        &["cut-mid-stream", "ends-early", "buffered"],
    ),
    (42, "OpenRouter: comments", &["comments"]),
    (43, "OpenRouter: 200, then an error without choices", &["inband-error-no-choices"]),
    (44, "Azure: a first chunk without choice and id", &["azure-first-chunk"]),
    (45, "Azure behind APIM: no content type", &["no-content-type"]),
    (
        46,
        "Foundry Local: id per chunk, index counts up, no model, delta in whole, calls as text",
        &["id-per-chunk", "index-99", "null-model", "no-finish", "delta-in-whole", "tool-call-as-text"],
    ),
    (47, "Gemini: the stream says stop, the whole reply tool_calls", &["tool-stream-finish-stop"]),
    (48, "Gateways: a stream without being asked, or none", &["stream-always", "stream-ignored"]),
    (49, "OmniRoute: no finish chunk; an upstream error becomes a stop", &["no-finish", "says-nothing"]),
    (50, "Single-model servers: an unknown model is answered", &["unknown-model-answered", "other-model"]),
    (
        51,
        "Reasoning: the total is no sum; completion 0",
        &["usage-sum-off", "usage-reasoning-additive", "usage-reasoning-alone"],
    ),
    (52, "DeepSeek on vLLM: a cut tool call is reported as complete", &["tool-args-cut"]),
    (
        53,
        "MLX: finish tool_call; stop ignored; calls as text; own tool id refused",
        &["finish-tool-call", "stop-ignored", "tool-call-as-text", "own-tool-id-refused"],
    ),
    (54, "lmdeploy, ms-swift: ids used again, or one a chunk", &["id-repeated", "id-per-chunk"]),
    (55, "Ray Serve, llama-swap: detail, or a string, for an error", &["error-detail", "error-string"]),
    (56, "Content types: wrong or none", &["content-type-text", "no-content-type", "stream-as-json"]),
    (57, "FastAPI: 403 for a missing bearer", &["missing-bearer-403"]),
    (58, "Triton: U+FFFD where a character spans tokens", &["replacement-char"]),
    (59, "Dynamo: an error in the place of the usage chunk", &["usage-chunk-error", "error-then-done"]),
    (60, "Tenstorrent: tool ids restart", &["tool-id-restarts"]),
];

/// The defects that today's load tools were shown, of which they count 12 to 14 as successes.
const DEFECTS: [(&str, &[&str]); 16] = [
    ("no [DONE]", &["no-done"]),
    ("stream cut after 3 of 8 tokens", &["cut-mid-stream", "ends-early"]),
    ("an error after 3 tokens", &["inband-error"]),
    ("an error first", &["inband-error-first"]),
    ("object missing", &["no-object"]),
    ("id, created, model missing", &["no-frame"]),
    ("created a string", &["created-string"]),
    ("another id in every chunk", &["id-per-chunk"]),
    ("finish_reason banana", &["finish-banana"]),
    ("no finish_reason at all", &["no-finish"]),
    ("content 42", &["content-number"]),
    ("one chunk is broken JSON", &["broken-chunk"]),
    ("usage negative, or no sum", &["usage-negative", "usage-sum-off"]),
    ("usage claims many times the tokens", &["usage-times-twenty"]),
    ("arguments of a tool call are no JSON", &["tool-args-cut"]),
    ("content after finish_reason", &["content-after-finish"]),
];

#[test]
fn every_known_deviation_has_its_quirks() {
    let known: BTreeSet<&str> = quirk::all().map(|quirk| quirk.name).collect();
    let numbers: Vec<usize> = DEVIATIONS.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
    let deviations = DEVIATIONS.iter().map(|(_, what, quirks)| (*what, *quirks));
    for (what, quirks) in deviations.chain(DEFECTS) {
        assert!(!quirks.is_empty(), "{what}: no quirk");
        let missing: Vec<&&str> = quirks.iter().filter(|name| !known.contains(**name)).collect();
        assert!(missing.is_empty(), "{what}: no quirk is called {missing:?}");
    }
}
