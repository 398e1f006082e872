//! Token counts of a reply, by the tokenizer of [`super::token`].

use serde_json::Value;

use super::ask::Ask;
use super::json::Json;
use super::say::Said;
use super::{State, cache, token};
use crate::wire::api::request::{items, member};

/// What a message costs beside its text, its role among it: as OpenAI's models count.
const MESSAGE: u64 = 4;

/// What the opening of the reply costs.
const OPENING: u64 = 3;

/// Token counts as the dialect states them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    /// What of the prompt was cached and what of the completion is reasoning, where the dialect tells.
    details: Option<[u64; 2]>,
}

/// What an image costs: OpenAI's count for one of low detail, whatever is in it, since none is opened.
const IMAGE: u64 = 85;

/// What a prompt costs.
#[derive(Debug)]
pub(super) struct Prompt {
    /// The texts, the names and arguments of the calls that the assistant has made, 85 for an image, four more a message
    /// and three for the reply, and the tools as JSON.
    pub(super) tokens: u64,
    /// What the prefix cache knows its texts by.
    blocks: Vec<u64>,
}

impl Prompt {
    /// That of a request.
    pub(super) fn of(ask: &Ask<'_>) -> Prompt {
        let (texts, blocks) = cache::blocks(&ask.request.texts);
        let messages = items(ask.request.input);
        let beside: u64 = messages.iter().map(|message| MESSAGE + calls(message) + images(message)).sum();
        let tools = member(ask.body, "tools").filter(|tools| !items(Some(tools)).is_empty());
        let tools = tools.map_or(0, |tools| token::count(&tools.to_string()));
        Prompt { tokens: texts + beside + OPENING + tools, blocks }
    }
}

/// Tokens of the calls in a message: their names, and their arguments or the input of a custom tool.
fn calls(message: &Value) -> u64 {
    let calls = items(member(message, "tool_calls")).iter();
    let called = calls.filter_map(|call| member(call, "function").or_else(|| member(call, "custom")));
    let parts = called.flat_map(|called| ["name", "arguments", "input"].map(|part| member(called, part)));
    parts.flatten().filter_map(Value::as_str).map(token::count).sum()
}

/// Tokens of the images in a message.
fn images(message: &Value) -> u64 {
    let parts = items(member(message, "content")).iter();
    let images = parts.filter(|part| member(part, "type").and_then(Value::as_str) == Some("image_url"));
    IMAGE * images.count() as u64
}

impl Usage {
    /// The counts of the choices that are returned. What `best_of` discards is made but not counted: the cap on a choice
    /// bounds `completion_tokens` by its product with `n`, and Pulze's metadata says how many were discarded.
    pub(super) fn of(ask: &Ask<'_>, prompt: &Prompt, choices: &[Said<'_>], state: &State) -> Usage {
        let completion = choices.iter().map(Said::tokens).sum::<usize>() as u64;
        let reasoning = choices.iter().map(|said| said.reasoning.len()).sum::<usize>() as u64;
        let details = ask.contract.facts.usage_details.then(|| [state.cache.hit(&prompt.blocks), reasoning]);
        Usage { prompt_tokens: prompt.tokens, completion_tokens: completion, details }
    }

    /// Writes the counts.
    pub(super) fn write(&self, json: &mut Json) {
        let Usage { prompt_tokens: prompt, completion_tokens: completion, details } = self;
        json.raw(r#"{"prompt_tokens":"#).value(prompt).raw(r#","completion_tokens":"#).value(completion);
        json.raw(r#","total_tokens":"#).value(&(prompt + completion));
        if let Some([cached, reasoning]) = details {
            json.raw(r#","prompt_tokens_details":{"cached_tokens":"#).value(cached);
            json.raw(r#","audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":"#).value(reasoning);
            json.raw(r#","audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}"#);
        }
        json.raw("}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tokens(messages: &Value) -> u64 {
        let body = json!({"model": "m", "messages": messages});
        let contract = crate::samples::openai();
        Prompt::of(&Ask::of(&body, &contract).expect("a good request")).tokens
    }

    #[test]
    fn calls_and_images_are_part_of_the_prompt() {
        let user = json!({"role": "user", "content": "Weather in Paris?"});
        assert_eq!(tokens(&json!([user])), 4 + MESSAGE + OPENING);
        let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
        let made = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        assert_eq!(tokens(&json!([user, made])), 4 + 1 + 7 + 2 * MESSAGE + OPENING);
        let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
        let parts = json!({"role": "user", "content": [{"type": "text", "text": "What is it"}, image, image]});
        assert_eq!(tokens(&json!([parts])), 3 + 2 * IMAGE + MESSAGE + OPENING);
    }
}
