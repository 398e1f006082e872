//! An answer as the next turn of its conversation repeats it.

use serde_json::{Value, json};

use super::output::Choice;

/// Why an answer cannot be sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// It calls tools, or the deprecated function: nobody here can say what they found. So no message with calls is ever
    /// sent back, with or without content.
    Calls,
    /// It says nothing: reasoning only, or no text at all. A message of the assistant needs content or calls (OpenAI's
    /// published request; Mistral and others answer 400 otherwise: defilantech/LLMKube #1276), and reasoning is no
    /// content: providers differ on whether they take it back.
    Silent,
}

/// The text of an answer as the assistant's message of the history: what its first choice says, else its refusal, else
/// what its audio says in writing. Never empty.
///
/// # Errors
/// Why there is none.
pub fn text(choices: &[Choice]) -> Result<&str, NotSent> {
    let Some(choice) = choices.first() else { return Err(NotSent::Silent) };
    if !choice.calls.is_empty() || choice.function_call.is_some() {
        return Err(NotSent::Calls);
    }
    let transcript = choice.audio.as_ref().map_or("", |audio| &audio.transcript);
    let says_something = |text: &&str| !text.trim().is_empty();
    [&choice.content, &choice.refusal, transcript].into_iter().find(says_something).ok_or(NotSent::Silent)
}

/// The assistant's message with such a text.
pub fn message(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::super::output::whole;
    use super::*;

    #[test]
    fn what_an_answer_says_is_sent_back_and_nothing_else() {
        let of = |message: crate::json::Value| {
            let choices = whole(&made!({"choices": [{"message": message}]}));
            text(&choices).map(str::to_owned)
        };
        assert_eq!(of(made!({"content": "a", "refusal": "b"})), Ok("a".to_owned()));
        assert_eq!(of(made!({"content": " ", "refusal": "b"})), Ok("b".to_owned()));
        assert_eq!(of(made!({"content": null, "audio": {"transcript": "c"}})), Ok("c".to_owned()));
        assert_eq!(of(made!({"reasoning": "d"})), Err(NotSent::Silent));
        assert_eq!(of(made!({"content": "a", "function_call": {"name": "f"}})), Err(NotSent::Calls));
        assert_eq!(text(&[]), Err(NotSent::Silent));
    }
}
