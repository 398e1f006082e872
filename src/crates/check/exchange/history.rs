//! An answer as the next turn of its session repeats it.

use super::{Choice, Outcome, Reading};

/// Why an answer cannot be sent back, so that its session ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHistory {
    /// It failed, or was not read.
    Failed,
    /// It calls tools, or the deprecated function: nobody here can say what they found. So no message with calls is ever
    /// sent back, with or without content.
    Calls,
    /// It says nothing: reasoning only, or no text at all. A message of the assistant needs content or calls (OpenAI's
    /// published request; Mistral and others answer 400 otherwise: defilantech/LLMKube #1276), and reasoning is no
    /// content: providers differ on whether they take it back.
    Silent,
}

impl Reading<'_> {
    /// The text of the answer as the assistant's message of the history: what it says, else its refusal, else what its
    /// audio says in writing. Never empty.
    ///
    /// # Errors
    /// Why there is none.
    pub fn as_history(&self) -> Result<&str, NoHistory> {
        if self.outcome != Outcome::Ok {
            return Err(NoHistory::Failed);
        }
        let Some(choice) = self.choices.first() else { return Err(NoHistory::Silent) };
        if !choice.calls.is_empty() || choice.function_call.is_some() {
            return Err(NoHistory::Calls);
        }
        let says_something = |text: &&str| !text.trim().is_empty();
        texts(choice).into_iter().find(says_something).ok_or(NoHistory::Silent)
    }
}

fn texts(choice: &Choice) -> [&str; 3] {
    let transcript = choice.audio.as_ref().map_or("", |audio| &audio.transcript);
    [&choice.content, &choice.refusal, transcript]
}
