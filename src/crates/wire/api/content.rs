//! What a message of a reply or a delta of a chunk says, in each way in which servers write it.

use super::audio::Audio;
use super::call::{CallPiece, function_call};
use crate::json::{Members, Value};

/// A message of a reply, or a delta of a chunk: text, reasoning, a refusal, audio and calls of tools.
#[derive(Debug, Clone, Copy)]
pub struct Content<'v>(&'v Value);

impl<'v> Content<'v> {
    /// The content of a message or a delta.
    pub fn of(message: &'v Value) -> Content<'v> {
        Content(message)
    }

    /// Visible text: a string, or the texts of a list of parts (Mistral's reasoning models; vercel/ai #13703).
    pub fn texts(self) -> impl Iterator<Item = &'v str> {
        let content = self.0.member("content");
        let parts = content.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let text = |part| Value::member(part, "text")?.as_str();
        content.and_then(Value::as_str).into_iter().chain(parts.iter().filter_map(text)).filter(|text| !text.is_empty())
    }

    /// Visible text where it is one string, which may be empty.
    pub fn plain_text(self) -> Option<&'v str> {
        self.0.member("content").and_then(Value::as_str)
    }

    /// Reasoning text under either name that kin give it, and that of thinking parts.
    pub fn thoughts(self) -> impl Iterator<Item = &'v str> {
        let parts = self.0.member("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let thinking = parts.iter().filter_map(|part| part.member("thinking")).flat_map(|thinking| {
            let pieces = thinking.as_array().map_or(&[][..], Vec::as_slice);
            let text = |piece| Value::member(piece, "text")?.as_str();
            thinking.as_str().into_iter().chain(pieces.iter().filter_map(text))
        });
        let plain = self.filled("reasoning_content").or_else(|| self.filled("reasoning"));
        plain.into_iter().chain(thinking.filter(|text| !text.is_empty()))
    }

    /// Reasoning under the newer of its two names, `reasoning`.
    pub fn newer_reasoning(self) -> Option<&'v str> {
        self.filled("reasoning")
    }

    /// Text of a refusal, which may be empty.
    pub fn refusal(self) -> Option<&'v str> {
        self.0.member("refusal").and_then(Value::as_str)
    }

    /// Sound and its transcript.
    pub fn audio(self) -> Option<Audio<'v>> {
        Audio::of(self.0)
    }

    /// Tool calls, or pieces of them.
    pub fn calls(self) -> impl Iterator<Item = CallPiece<'v>> {
        CallPiece::all_of(self.0)
    }

    /// Whether it has a list of tool calls with something in it.
    pub fn lists_calls(self) -> bool {
        self.0.member("tool_calls").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty())
    }

    /// Name and arguments of the deprecated `function_call`, where there is one.
    pub fn function_call(self) -> Option<[Option<&'v str>; 2]> {
        function_call(self.0)
    }

    /// Whether it names the role of who speaks.
    pub fn has_role(self) -> bool {
        self.0.member("role").is_some()
    }

    /// Every text: content, a refusal, what audio says in writing, names and arguments of calls, reasoning.
    pub fn all_texts(self) -> impl Iterator<Item = &'v str> {
        let calls = self.calls().flat_map(CallPiece::called).flatten();
        let legacy = self.function_call().into_iter().flatten().flatten();
        let spoken = self.audio().map(|audio| audio.transcript);
        self.texts().chain(self.refusal()).chain(spoken).chain(calls).chain(legacy).chain(self.thoughts())
    }

    /// Whether it says something: what a user sees or hears, a program uses, or reasoning.
    pub fn says_something(self) -> bool {
        self.is_visible() || self.is_reasoning()
    }

    /// Whether it reasons.
    pub fn is_reasoning(self) -> bool {
        self.thoughts().next().is_some()
    }

    /// Whether it says something that a user sees or hears, or a program uses: reasoning is not.
    pub fn is_visible(self) -> bool {
        let call = |name: &str| {
            self.0.get(name).is_some_and(|call| call.is_object() || call.as_array().is_some_and(|c| !c.is_empty()))
        };
        let spoken = || self.audio().is_some_and(|audio| audio.says_something());
        self.texts().next().is_some()
            || self.filled("refusal").is_some()
            || call("tool_calls")
            || call("function_call")
            || spoken()
    }

    fn filled(self, name: &str) -> Option<&'v str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn text_is_found_as_a_string_and_as_parts() {
        let texts = |message: &Value| {
            let content = Content::of(message);
            [content.texts().collect::<Vec<_>>().join("|"), content.thoughts().collect::<Vec<_>>().join("|")]
        };
        let listed = made!({"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "thinking", "thinking": "So."},
            {"type": "text", "text": "Okay"}, {"type": "text", "text": ""}, {"type": "reference", "reference_ids": [1]}, 7]});
        assert_eq!(texts(&listed), ["Okay", "Hm.|So."]);
        assert_eq!(texts(&made!({"content": "a", "reasoning": "b"})), ["a", "b"]);
        for silent in [made!({}), made!({"content": null}), made!({"content": ""}), made!({"content": []}), made!(null)]
        {
            assert_eq!(texts(&silent), ["", ""], "{silent}");
        }
    }

    #[test]
    fn what_says_something_is_told_from_what_does_not() {
        for (message, visible, reasoning) in [
            (made!({"role": "assistant", "content": ""}), false, false),
            (made!({"content": "a"}), true, false),
            (made!({"reasoning_content": "a", "content": null}), false, true),
            (made!({"refusal": "no"}), true, false),
            (made!({"refusal": "", "tool_calls": [], "audio": {}}), false, false),
            (made!({"tool_calls": [{}]}), true, false),
            (made!({"function_call": {"name": "f"}}), true, false),
            (made!({"audio": {"transcript": "a"}, "reasoning": "b"}), true, true),
        ] {
            let content = Content::of(&message);
            assert_eq!((content.is_visible(), content.is_reasoning()), (visible, reasoning), "{message}");
        }
    }

    #[test]
    fn all_texts_are_those_of_every_kind() {
        let message = made!({"content": "a", "refusal": "b", "reasoning": "c", "audio": {"transcript": "d", "data": "AA"},
            "tool_calls": [{"function": {"name": "e", "arguments": "f"}}], "function_call": {"name": "g", "arguments": "h"}});
        let mut texts: Vec<&str> = Content::of(&message).all_texts().collect();
        texts.sort_unstable();
        assert_eq!(texts.concat(), "abcdefgh");
    }
}
