//! What the requests of a probe are made from.

use serde_json::{Value, json};

use crate::wire::Contract;
use crate::{Book, Depth};

/// What requests are made from.
#[expect(missing_debug_implementations, reason = "it holds the key")]
pub struct ProbeContext<'a> {
    /// Whose contract the endpoint is held to.
    pub contract: &'a Contract,
    /// The model to ask for.
    pub model: &'a str,
    /// The key, where one is given.
    pub key: Option<&'a str>,
    /// Tokens that an answer may have; more where the model reasons first.
    pub cap: u64,
    /// How far into the catalogue the run goes.
    pub depth: Depth,
    /// Tokens of prompt and answer together, where that is declared.
    pub context_window: Option<u64>,
    /// Root of every random choice.
    pub seed: u64,
    /// The replies so far.
    pub book: &'a Book<'a>,
}

impl ProbeContext<'_> {
    /// The base body: one short question with a tag that makes it differ from all others.
    pub fn base(&self) -> Value {
        self.ask("Reply with the single word: ok. [{{unique}}]")
    }

    /// The base body with another question; `{{unique}}` in it becomes a tag.
    pub fn ask(&self, question: &str) -> Value {
        json!({"model": self.model, "messages": [{"role": "user", "content": question}], "max_tokens": self.cap, "temperature": 0})
    }

    /// The base body with members added or replaced; a null takes one out.
    pub fn with(&self, members: Value) -> Value {
        with(self.base(), members)
    }
}

/// A body with members added or replaced; a null takes one out.
pub fn with(body: Value, members: Value) -> Value {
    let (Value::Object(mut body), Value::Object(members)) = (body, members) else { return Value::Null };
    for (name, value) in members {
        if value.is_null() {
            body.shift_remove(&name);
        } else {
            body.insert(name, value);
        }
    }
    Value::Object(body)
}

/// The same body, streamed.
pub fn streamed(body: Value) -> Value {
    with(body, json!({"stream": true}))
}
