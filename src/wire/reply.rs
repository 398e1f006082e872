//! The reply as both sides read it: the few members that are measured, borrowed from the parsed JSON.

use crate::json::{At, Members, Value};

/// The data payload that ends a stream.
pub const DONE: &[u8] = b"[DONE]";

/// Token counts that a reply states.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: f64,
    /// Tokens generated, reasoning included.
    pub completion: f64,
    /// What the reply calls their sum.
    pub total: f64,
    /// Prompt tokens that came from a cache, where stated.
    pub cached: Option<f64>,
    /// Generated tokens that were reasoning, where stated.
    pub reasoning: Option<f64>,
    /// Tokens of a prediction that the model did not take, which no reply holds although `completion` counts them.
    pub rejected: Option<f64>,
}

impl Usage {
    /// The `usage` member of a reply or a chunk, when all three counts are numbers.
    pub fn of(reply: &Value) -> Option<Usage> {
        let usage = reply.member("usage")?;
        let count = |name: &str| usage.get(name).and_then(Value::as_f64);
        Some(Usage {
            prompt: count("prompt_tokens")?,
            completion: count("completion_tokens")?,
            total: count("total_tokens")?,
            cached: usage.at("/prompt_tokens_details/cached_tokens").and_then(Value::as_f64),
            reasoning: usage.at("/completion_tokens_details/reasoning_tokens").and_then(Value::as_f64),
            rejected: usage.at("/completion_tokens_details/rejected_prediction_tokens").and_then(Value::as_f64),
        })
    }

    /// All tokens generated. Some servers bill reasoning beside the completion (`total = prompt + completion +
    /// reasoning`), where OpenAI's `completion_tokens` has it in.
    pub fn generated(&self) -> f64 {
        let reasoning = self.reasoning.unwrap_or(0.0);
        let beside = reasoning > 0.0 && (self.total - self.prompt - self.completion - reasoning).abs() < 0.5;
        if beside { self.completion + reasoning } else { self.completion }
    }
}

/// The choices of a reply or a chunk; none when it has no such array.
pub fn choices(reply: &Value) -> &[Value] {
    reply.member("choices").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The index of a choice, or of a piece of one: 0 where none is given.
pub fn index(choice: &Value) -> u64 {
    choice.member("index").and_then(Value::as_u64).unwrap_or(0)
}

/// Whether a choice, or a piece of one, says why it ends.
pub fn finishes(choice: &Value) -> bool {
    choice.member("finish_reason").is_some_and(|reason| !reason.is_null())
}

/// Reasoning text of a message or a delta, under either name that kin give it.
pub fn reasoning(message: &Value) -> Option<&str> {
    let text = |name: &str| message.get(name)?.as_str().filter(|text| !text.is_empty());
    text("reasoning_content").or_else(|| text("reasoning"))
}

/// Text of an error member, of whatever shape: an object with a message, a string, or FastAPI's `detail`.
pub fn error_text(body: &Value) -> Option<&str> {
    let error = body.member("error").filter(|e| !e.is_null()).or_else(|| body.member("detail"))?;
    error
        .as_str()
        .or_else(|| error.member("message")?.as_str())
        .or_else(|| error.at("/0/msg")?.as_str())
        .filter(|text| !text.trim().is_empty())
}

/// Whether a value has a top-level `error` that says something.
pub fn has_error(reply: &Value) -> bool {
    reply.member("error").is_some_and(|error| match error.as_str() {
        Some(text) => !text.is_empty(),
        None => !error.is_null(),
    })
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn usage_needs_all_three_counts() {
        let reply = made!({"usage": {"prompt_tokens": 3, "completion_tokens": 1.5, "total_tokens": 4.5,
            "prompt_tokens_details": {"cached_tokens": 2}}});
        let usage = Usage::of(&reply).expect("usage");
        assert_eq!((usage.prompt, usage.completion, usage.cached, usage.reasoning), (3.0, 1.5, Some(2.0), None));
        assert_eq!(Usage::of(&made!({"usage": {"prompt_tokens": 3}})), None);
        assert_eq!(Usage::of(&made!({"usage": null})), None);
    }

    #[test]
    fn error_text_is_found_in_every_shape() {
        for body in [
            made!({"error": "no"}),
            made!({"error": {"message": "no"}}),
            made!({"detail": "no"}),
            made!({"detail": [{"loc": ["body"], "msg": "no", "type": "t"}]}),
            made!({"error": null, "detail": "no"}),
        ] {
            assert_eq!(error_text(&body), Some("no"), "{body}");
        }
        assert_eq!(error_text(&made!({"error": {"message": ""}})), None);
    }

    #[test]
    fn an_empty_or_null_error_is_none() {
        assert!(!has_error(&made!({"error": null})) && !has_error(&made!({"error": ""})) && !has_error(&made!({})));
        assert!(has_error(&made!({"error": {}})) && has_error(&made!({"error": "x"})));
    }
}
