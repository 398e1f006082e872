//! One request as it was sent.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::Wanted;
use crate::wire::Contract;
use crate::wire::api::request::ChatRequest;

/// Tokens that a plan asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Of the prompt.
    pub input: Option<u64>,
    /// Of the answer.
    pub output: Option<u64>,
}

/// One request as it was sent.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What it asks for.
    pub wanted: Arc<Wanted>,
    /// The body, to the byte.
    pub body: Bytes,
    /// Hash of the prompt as sent: equal prompts have equal hashes.
    pub prompt_hash: u64,
    /// The most tokens to generate for each choice, where a limit was asked for.
    pub cap: Option<u64>,
    /// Tokens that the prompt was made to have, and tokens that the answer is to have, where the plan says so.
    pub lengths: Lengths,
}

impl Asked {
    /// A request that someone else sent, by its body, which need not be JSON.
    pub fn of(contract: &Arc<Contract>, body: impl Into<Bytes>) -> Asked {
        let body = body.into();
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let cap = ChatRequest::of(&json).cap;
        Asked { wanted: Arc::new(Wanted::of(contract, &json)), body, prompt_hash: 0, cap, lengths: Lengths::default() }
    }

    /// Whether the request has a text in it, so that one which comes back need not be the endpoint's own.
    pub fn says(&self, text: &str) -> bool {
        self.wanted.prompt.contains(text) || memchr::memmem::find(&self.body, text.as_bytes()).is_some()
    }
}
