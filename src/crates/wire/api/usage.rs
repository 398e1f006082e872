//! Token counts that a reply or a chunk states.

use crate::json::{At, Members, Value};

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

/// The tokens of the prompt that a reply states, whatever else it states.
pub fn prompt_tokens(reply: &Value) -> Option<f64> {
    reply.at("/usage/prompt_tokens")?.as_f64()
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
        assert_eq!(prompt_tokens(&made!({"usage": {"prompt_tokens": 3}})), Some(3.0));
    }
}
