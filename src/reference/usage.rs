//! Token counts of a reply, by the tokenizer of [`super::token`].

use serde::Serialize;
use serde_json::Value;

use super::ask::Ask;
use super::say::Said;
use super::{State, token};

/// What a message costs beside its text, its role among it: as OpenAI's models count.
const MESSAGE: u64 = 4;

/// What the opening of the reply costs.
const OPENING: u64 = 3;

/// Token counts as the dialect states them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

/// Tokens of the prompt: each text, four more a message and three for the reply, and the tools as JSON.
pub(super) fn prompt(ask: &Ask<'_>) -> u64 {
    let texts: u64 = ask.request.texts.iter().map(|text| token::count(text) + MESSAGE).sum();
    let tools = ask.body.get("tools").filter(|tools| tools.as_array().is_some_and(|tools| !tools.is_empty()));
    texts + OPENING + tools.map_or(0, |tools: &Value| token::count(&tools.to_string()))
}

impl Usage {
    /// The counts of the choices that are returned; those that `best_of` discards cost nothing here.
    pub(super) fn of(ask: &Ask<'_>, prompt: u64, choices: &[Said<'_>], state: &State) -> Usage {
        let completion = choices.iter().map(Said::tokens).sum::<usize>() as u64;
        let reasoning = choices.iter().map(|said| said.reasoning.len()).sum::<usize>() as u64;
        let openai = ask.dialect.is_openai();
        Usage {
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            prompt_tokens_details: openai
                .then(|| PromptDetails { cached_tokens: state.cache.hit(&ask.request.texts), audio_tokens: 0 }),
            completion_tokens_details: openai.then_some(CompletionDetails {
                reasoning_tokens: reasoning,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            }),
        }
    }
}
