//! A completion in one body, and the members that chunks share with it.

use serde::Serialize;
use serde_json::Value;

use super::json::Json;
use super::metadata::Metadata;
use super::say::{Said, Token};
use super::tool::Call;
use super::usage::Usage;
use crate::wire::Contract;
use crate::wire::contract::facts::Reasoning;

/// A member that is left out, null or there, as dialects want it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member<T> {
    Absent,
    Null,
    There(T),
}

/// What stands in completions and in chunks alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) contract: &'a Contract,
    pub(super) id: Option<&'a str>,
    pub(super) created: u64,
    pub(super) model: &'a str,
}

impl Frame<'_> {
    /// What it frames, in so many bytes or so: a whole reply (`chat.completion`) with its choices, or a chunk of one with
    /// pieces of them.
    pub(super) fn around(
        &self,
        object: &str,
        choices: impl FnOnce(&mut Json),
        usage: Member<&Usage>,
        metadata: Option<About<'_>>,
        bytes: usize,
    ) -> Vec<u8> {
        let mut json = Json::with_capacity(bytes);
        json.raw(r#"{"id":"#);
        match self.id {
            Some(id) => json.text([id]),
            None => json.raw("null"),
        };
        json.raw(r#","object":""#).raw(object);
        json.raw(r#"","created":"#).value(&self.created).raw(r#","model":"#).text([self.model]);
        if self.contract.facts.service_tier {
            json.raw(r#","service_tier":"default","system_fingerprint":"fp_reference""#);
        }
        choices(json.raw(r#","choices":"#));
        match usage {
            Member::Absent => {}
            Member::Null => _ = json.raw(r#","usage":null"#),
            Member::There(usage) => usage.write(json.raw(r#","usage":"#)),
        }
        if let Some(metadata) = metadata {
            json.raw(r#","metadata":"#).value(&metadata);
        }
        json.raw("}");
        json.into_bytes()
    }
}

/// Pulze's block, or OpenAI's echo of the request's: two things that share a name
/// (`schemas/README.md#difference-12`).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum About<'a> {
    Pulze(&'a Metadata<'a>),
    OpenAi(&'a Value),
}

/// Writes a choice of a whole reply.
pub(super) fn write_choice(json: &mut Json, index: usize, said: &Said<'_>, contract: &Contract, logprobs: bool) {
    json.raw(r#"{"index":"#).value(&index).raw(r#","finish_reason":""#).raw(said.finish);
    write_message(json.raw(r#"","message":"#), said, contract);
    // OpenAI's key is always there; Pulze's chat choices have none.
    if contract.facts.logprobs {
        json.raw(r#","logprobs":"#);
        if logprobs && said.calls.is_empty() {
            write_logprobs(json, &said.text);
        } else {
            json.raw("null");
        }
    }
    json.raw("}");
}

fn write_message(json: &mut Json, said: &Said<'_>, contract: &Contract) {
    json.raw(r#"{"role":"assistant","content":"#);
    if said.calls.is_empty() {
        json.text(said.text.iter().map(|token| &*token.text));
        if contract.facts.null_tool_calls {
            json.raw(r#","tool_calls":null"#);
        }
    } else {
        json.raw(r#"null,"tool_calls":"#).list(&said.calls, write_call);
    }
    if contract.facts.refusal {
        json.raw(r#","refusal":null"#);
    }
    if shows_reasoning(said, contract) {
        json.raw(r#","reasoning_content":"#).text(said.reasoning.iter().map(|token| &*token.text));
    }
    json.raw("}");
}

/// Kin show their reasoning; OpenAI's own file has no member for it, only the count.
pub(super) fn shows_reasoning(said: &Said<'_>, contract: &Contract) -> bool {
    contract.facts.reasoning == Reasoning::Shown && !said.reasoning.is_empty()
}

fn write_call(json: &mut Json, call: &Call<'_>) {
    let (kind, input) = (call.kind(), call.input_name());
    json.raw(r#"{"id":"#).text([&*call.id]).raw(r#","type":"#).text([kind]).raw(",").text([kind]);
    json.raw(r#":{"name":"#).text([call.name]).raw(",").text([input]).raw(":").text([&*call.arguments]).raw("}}");
}

/// Writes the log probabilities of tokens, whole or of one chunk.
pub(super) fn write_logprobs(json: &mut Json, tokens: &[Token<'_>]) {
    json.raw(r#"{"content":"#).list(tokens, |json, token| {
        write_likely(json, &token.text, token.logprob());
        json.raw(r#","top_logprobs":"#).list(&token.top, |json, (text, logprob)| {
            write_likely(json, text, *logprob);
            json.raw("}");
        });
        json.raw("}");
    });
    json.raw(r#","refusal":null}"#);
}

/// A token and how likely it is, without the end of the object.
fn write_likely(json: &mut Json, text: &str, logprob: f64) {
    json.raw(r#"{"token":"#).text([text]).raw(r#","logprob":"#).value(&logprob);
    json.raw(r#","bytes":"#).value(text.as_bytes());
}
