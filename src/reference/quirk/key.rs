//! Quirks of keys that OpenAI's file requires and its kin leave out.

use super::{Quirk, chunks, error, remove, whole};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft("no-refusal-key", "messages without the key refusal", "JamePeng/llama-cpp-python #113", |draft| {
        whole(draft, |reply| remove(reply, "/choices/0/message", "refusal"));
    }),
    Quirk::draft("no-logprobs-key", "choices without the key logprobs", "llama.cpp", |draft| {
        whole(draft, |reply| remove(reply, "/choices/0", "logprobs"));
    }),
    Quirk::draft("no-finish-key", "chunks without finish_reason until the last", "vllm-project/vllm #19650", |draft| {
        chunks(draft, |_, chunk| {
            if chunk.pointer("/choices/0/finish_reason").is_some_and(serde_json::Value::is_null) {
                remove(chunk, "/choices/0", "finish_reason");
            }
        });
    }),
    Quirk::draft("error-no-param", "errors without the key param", "llama.cpp", |draft| {
        error(draft, |body| remove(body, "/error", "param"));
    }),
];
