//! The outputs of a reply: what each choice says, calls and why it ends, whole or put together from its pieces.

use super::call::CallPiece;
use super::content::Content;
use super::finish::is_cut;
use super::reply::{choices, index};
use crate::json::{Members, Value};

/// One choice of a reply; a stream's deltas joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// Its index, 0 where none is given.
    pub index: u64,
    /// Visible text.
    pub content: String,
    /// Reasoning text.
    pub reasoning: String,
    /// Text of a refusal.
    pub refusal: String,
    /// Tool calls, in order.
    pub calls: Vec<Call>,
    /// The deprecated `function_call`.
    pub function_call: Option<Call>,
    /// A spoken answer.
    pub audio: Option<Spoken>,
    /// The last `finish_reason` given.
    pub finish: Option<String>,
}

/// A spoken answer; a stream's pieces joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoken {
    /// What is said, in writing.
    pub transcript: String,
    /// Characters of the sound in base64.
    pub data: usize,
    /// Whether the last that came of it states until when the sound is kept.
    pub expires: bool,
}

/// One tool call; a stream's fragments joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// `id`, where it is a string.
    pub id: Option<String>,
    /// `type`, where it is a string.
    pub kind: Option<String>,
    /// `function.name` or `custom.name`, where it is a string.
    pub name: Option<String>,
    /// `function.arguments` or `custom.input`, where it is a string.
    pub arguments: Option<String>,
    /// What each fragment said, in order; empty for a whole reply.
    pub fragments: Vec<Fragment>,
}

/// What one streamed piece of a tool call said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fragment {
    /// Number of the event.
    pub event: usize,
    /// Position of its choice in the chunk, and its own among the tool calls of the delta.
    pub place: [usize; 2],
    /// `index`, where it is a non-negative integer.
    pub index: Option<u64>,
    /// `id`, where it is a non-empty string.
    pub id: Option<String>,
    /// `type`, where it is a string.
    pub kind: Option<String>,
    /// `function.name` or `custom.name`, where it is a non-empty string.
    pub name: Option<String>,
}

impl Call {
    /// Whether it calls a custom tool, which takes a text and not arguments.
    pub fn is_custom(&self) -> bool {
        self.kind.as_deref() == Some("custom")
    }

    fn whole(call: CallPiece<'_>) -> Call {
        let [name, arguments] = call.called();
        Call {
            id: call.id().map(str::to_owned),
            kind: call.kind().map(str::to_owned),
            name: name.map(str::to_owned),
            arguments: arguments.map(str::to_owned),
            fragments: Vec::new(),
        }
    }
}

/// The choices of a whole reply, in its order.
pub fn whole(reply: &Value) -> Vec<Choice> {
    choices(reply).iter().map(Choice::whole).collect()
}

impl Choice {
    fn whole(choice: &Value) -> Choice {
        let null = Value::Null;
        let message = Content::of(choice.member("message").unwrap_or(&null));
        Choice {
            index: index(choice),
            content: message.texts().collect(),
            reasoning: message.thoughts().collect(),
            refusal: message.refusal().unwrap_or_default().to_owned(),
            calls: message.calls().map(Call::whole).collect(),
            function_call: message.function_call().map(|[name, arguments]| Call {
                name: name.map(str::to_owned),
                arguments: arguments.map(str::to_owned),
                ..Call::default()
            }),
            audio: message.audio().map(|audio| Spoken {
                transcript: audio.transcript.to_owned(),
                data: audio.data.len(),
                expires: audio.expires,
            }),
            finish: choice.member("finish_reason").and_then(Value::as_str).map(str::to_owned),
        }
    }

    /// Whether the cap on tokens ended it.
    pub fn is_cut(&self) -> bool {
        self.finish.as_deref().is_some_and(is_cut)
    }

    /// Whether a filter took the answer away, or a part of it.
    pub fn is_filtered(&self) -> bool {
        self.finish.as_deref() == Some("content_filter")
    }

    /// Whether it has anything that a user sees or hears, or a program uses: reasoning is not.
    pub fn delivers(&self) -> bool {
        let spoken = self.audio.as_ref().is_some_and(|audio| !audio.transcript.is_empty() || audio.data > 0);
        let told = !self.content.is_empty() || !self.refusal.is_empty();
        told || spoken || !self.calls.is_empty() || self.function_call.is_some()
    }

    /// Whether it is a spoken answer that came to its end: OpenAI ends one with an update of `audio` that says when it
    /// expires, and gives no finish reason (openai/openai-node #1206). As in OpenAI's client (openai/openai-node
    /// PR#1991), there must be sound or a transcript before it, and nothing behind it.
    pub fn is_spoken(&self) -> bool {
        self.audio.as_ref().is_some_and(|audio| audio.expires && (!audio.transcript.is_empty() || audio.data > 0))
    }

    /// Everything that it delivers: content, reasoning, a refusal, a transcript, names and arguments of calls.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let calls = self.calls.iter().chain(&self.function_call);
        let calls = calls.flat_map(|call| [call.name.as_deref(), call.arguments.as_deref()]);
        let own = [&self.content, &self.reasoning, &self.refusal];
        let spoken = self.audio.as_ref().map(|audio| audio.transcript.as_str());
        own.into_iter().map(String::as_str).chain(spoken).chain(calls.flatten())
    }
}

/// The choice into which a JSON pointer leads, by its position in the list.
pub fn choice_at(pointer: &str) -> Option<u64> {
    pointer.strip_prefix("/choices/")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn a_pointer_names_the_choice_that_it_leads_into() {
        let expected = [("/choices/2/delta", Some(2)), ("/choices/0", Some(0)), ("/choices", None), ("/usage/0", None)];
        for (pointer, choice) in expected {
            assert_eq!(choice_at(pointer), choice, "{pointer}");
        }
    }

    #[test]
    fn a_whole_reply_is_read() {
        let call = made!({"id": "a", "type": "custom", "custom": {"name": "c", "input": "x"}});
        let message = made!({"role": "assistant", "content": "hi", "reasoning": "hm", "refusal": null, "tool_calls": [call],
            "function_call": {"name": "f"}, "audio": {"transcript": "t", "data": "AAAA", "expires_at": 1}});
        let [choice] = &whole(&made!({"choices": [{"index": 2, "message": message, "finish_reason": "length"}]}))[..]
        else {
            panic!("one choice")
        };
        assert_eq!(choice.texts().collect::<Vec<_>>(), ["hi", "hm", "", "t", "c", "x", "f"]);
        assert!(choice.index == 2 && choice.is_cut() && choice.delivers() && choice.is_spoken());
        assert!(choice.calls[0].is_custom() && choice.calls[0].fragments.is_empty());
        assert!(whole(&made!({"choices": 7})).is_empty());
    }
}
