//! Quirks of keys that OpenAI's file requires and its kin leave out.

use super::{Quirk, error, remove, whole};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft("no-refusal-key", "messages without the key refusal", "JamePeng/llama-cpp-python #113", |draft| {
        whole(draft, |reply| remove(reply, "/choices/0/message", "refusal"));
    }),
    Quirk::draft("no-logprobs-key", "choices without the key logprobs", "llama.cpp", |draft| {
        whole(draft, |reply| remove(reply, "/choices/0", "logprobs"));
    }),
    Quirk::draft("error-no-param", "errors without the key param", "llama.cpp", |draft| {
        error(draft, |body| remove(body, "/error", "param"));
    }),
];
