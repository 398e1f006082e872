//! Chunks that bring one text and nothing else: most chunks of most streams.

use super::reply::{choices, finishes};
use crate::json::{Members, Value};

/// A text that comes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Visible text.
    Content,
    /// Reasoning, under either name.
    Reasoning,
}

/// The members that hold such a text.
pub const TEXTS: [(&str, Part); 3] =
    [("content", Part::Content), ("reasoning_content", Part::Reasoning), ("reasoning", Part::Reasoning)];

/// Which of [`TEXTS`] a chunk brings, where it brings one non-empty text of its only choice, neither ends the choice nor
/// carries a call, audio, a refusal or log probabilities.
pub fn lone_text(chunk: &Value) -> Option<usize> {
    let [choice] = choices(chunk) else { return None };
    let says = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    let delta = choice.member("delta")?;
    if finishes(choice) || says(choice.member("logprobs")) {
        return None;
    }
    if ["tool_calls", "function_call", "refusal", "audio"].into_iter().any(|name| says(delta.get(name))) {
        return None;
    }
    let filled = |name: &str| delta.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if delta.member("content").is_some_and(Value::is_array) {
        return None;
    }
    let mut texts = (0..TEXTS.len()).filter(|place| filled(TEXTS[*place].0));
    texts.next().filter(|_| texts.next().is_none())
}

/// Where a chunk that brings one text has it, by the name of its member.
pub fn text_mut<'v>(chunk: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    let Value::Array(choices) = chunk.get_mut("choices")? else { return None };
    choices.first_mut()?.get_mut("delta")?.get_mut(name)
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn one_text_is_found_under_its_name() {
        for (delta, place) in [
            (made!({"content": "a"}), 0),
            (made!({"role": "assistant", "content": "", "reasoning_content": "a", "refusal": null}), 1),
            (made!({"content": null, "reasoning": "a"}), 2),
        ] {
            let mut chunk = made!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]});
            assert_eq!(lone_text(&chunk), Some(place), "{chunk}");
            assert!(text_mut(&mut chunk, TEXTS[place].0).is_some_and(|text| *text == "a"));
        }
    }

    #[test]
    fn what_ends_a_choice_or_brings_more_is_no_lone_text() {
        for chunk in [
            made!({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}),
            made!({"choices": [{"delta": {"content": "a", "tool_calls": []}}]}),
            made!({"choices": [{"delta": {"reasoning": "a", "audio": {"data": "b"}}}]}),
            made!({"choices": [{"delta": {"reasoning": "a", "content": [{"type": "text", "text": "b"}]}}]}),
            made!({"choices": [{"delta": {"content": "a"}, "logprobs": {"content": []}}]}),
            made!({"choices": [{"delta": {"content": "a", "reasoning": "b"}}]}),
            made!({"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "a"}}]}),
            made!({"choices": [{"delta": {"content": ""}}]}),
            made!({"choices": []}),
        ] {
            assert_eq!(lone_text(&chunk), None, "{chunk}");
        }
    }
}
