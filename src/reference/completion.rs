//! A completion in one body, and the members that chunks share with it.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::json::Json;
use super::metadata::Metadata;
use super::say::{Said, Token};
use super::tool::Call;
use super::usage::Usage;
use crate::wire::Dialect;

/// A member that is left out, null or there, as dialects want it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member<T> {
    Absent,
    Null,
    There(T),
}

impl<T> Member<T> {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Member::Absent)
    }
}

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Member::Absent | Member::Null => serializer.serialize_none(),
            Member::There(value) => value.serialize(serializer),
        }
    }
}

/// What stands in completions and in chunks alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) dialect: Dialect,
    pub(super) id: Option<&'a str>,
    pub(super) created: u64,
    pub(super) model: &'a str,
}

impl Frame<'_> {
    /// What it frames, in so many bytes or so: a whole reply (`chat.completion`) with its choices, or a chunk of one with
    /// pieces of them.
    pub(super) fn around<C: Serialize>(
        &self,
        object: &str,
        choices: &[C],
        usage: Member<&Usage>,
        metadata: Option<About<'_>>,
        bytes: usize,
    ) -> Vec<u8> {
        let mut json = Json::with_capacity(bytes);
        json.raw(r#"{"id":"#).value(&self.id).raw(r#","object":""#).raw(object);
        json.raw(r#"","created":"#).value(&self.created).raw(r#","model":"#).value(self.model);
        if self.dialect.is_openai() {
            json.raw(r#","service_tier":"default","system_fingerprint":"fp_reference""#);
        }
        json.raw(r#","choices":"#).value(choices);
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

/// Pulze's block, or OpenAI's echo of the request's: two things that share a name (spec, section 7, difference 12).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub(super) enum About<'a> {
    Pulze(&'a Metadata<'a>),
    OpenAi(&'a Value),
}

#[derive(Debug, Serialize)]
pub(super) struct Choice<'a> {
    index: usize,
    finish_reason: &'static str,
    message: Message<'a>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    logprobs: Member<Logprobs<'a>>,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    tool_calls: Member<Vec<CallBody<'a>>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    refusal: Member<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
}

#[derive(Debug, Serialize)]
struct CallBody<'a> {
    id: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Custom<'a>>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Debug, Serialize)]
struct Custom<'a> {
    name: &'a str,
    input: &'a str,
}

/// Log probabilities of tokens, whole or of one chunk.
#[derive(Debug, Serialize)]
pub(super) struct Logprobs<'a> {
    content: Vec<TokenBody<'a>>,
    refusal: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct TokenBody<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
    top_logprobs: Vec<TopBody<'a>>,
}

#[derive(Debug, Serialize)]
struct TopBody<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
}

impl<'a> Choice<'a> {
    /// What was said, as the dialect writes it.
    pub(super) fn of(index: usize, said: &'a Said<'_>, dialect: Dialect, logprobs: bool) -> Choice<'a> {
        Choice {
            index,
            finish_reason: said.finish,
            message: message(said, dialect),
            logprobs: of_choice(said, dialect, logprobs),
        }
    }
}

fn message<'a>(said: &'a Said<'_>, dialect: Dialect) -> Message<'a> {
    let calls: Vec<CallBody<'_>> = said.calls.iter().map(call).collect();
    let (tool_calls, refusal) = match (dialect, calls.is_empty()) {
        (Dialect::Pulze, true) => (Member::Null, Member::Absent),
        (Dialect::Pulze, false) => (Member::There(calls), Member::Absent),
        (Dialect::OpenAi | Dialect::OpenAiStrict, true) => (Member::Absent, Member::Null),
        (Dialect::OpenAi | Dialect::OpenAiStrict, false) => (Member::There(calls), Member::Null),
    };
    Message {
        role: "assistant",
        content: said.calls.is_empty().then(|| joined(&said.text)),
        tool_calls,
        refusal,
        reasoning_content: shows_reasoning(said, dialect).then(|| joined(&said.reasoning)),
    }
}

/// Kin show their reasoning; OpenAI's own file has no member for it, only the count.
pub(super) fn shows_reasoning(said: &Said<'_>, dialect: Dialect) -> bool {
    dialect == Dialect::OpenAi && !said.reasoning.is_empty()
}

fn joined(tokens: &[Token<'_>]) -> String {
    let mut text = String::with_capacity(tokens.iter().map(|token| token.text.len()).sum());
    for token in tokens {
        text.push_str(&token.text);
    }
    text
}

fn call<'a>(call: &'a Call<'_>) -> CallBody<'a> {
    let Call { id, name, arguments, custom } = call;
    CallBody {
        id,
        r#type: call.kind(),
        function: (!custom).then_some(Function { name, arguments }),
        custom: custom.then_some(Custom { name, input: arguments }),
    }
}

/// OpenAI's key is always there; Pulze's chat choices have none.
fn of_choice<'a>(said: &'a Said<'_>, dialect: Dialect, wanted: bool) -> Member<Logprobs<'a>> {
    match dialect {
        Dialect::Pulze => Member::Absent,
        Dialect::OpenAi | Dialect::OpenAiStrict if wanted && said.calls.is_empty() => {
            Member::There(of_tokens(&said.text))
        }
        Dialect::OpenAi | Dialect::OpenAiStrict => Member::Null,
    }
}

pub(super) fn of_tokens<'a>(tokens: &'a [Token<'_>]) -> Logprobs<'a> {
    let top = |(token, logprob): &'a (std::borrow::Cow<'_, str>, f64)| TopBody {
        token,
        logprob: *logprob,
        bytes: token.as_bytes(),
    };
    let token = |token: &'a Token<'_>| TokenBody {
        token: &token.text,
        logprob: token.logprob(),
        bytes: token.text.as_bytes(),
        top_logprobs: token.top.iter().map(top).collect(),
    };
    Logprobs { content: tokens.iter().map(token).collect(), refusal: None }
}
