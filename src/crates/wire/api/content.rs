//! What a message of a reply or a delta of a chunk says, in each way in which servers write it.

use crate::json::{At, Members, Value};

/// Visible text: a string, or the texts of a list of parts (Mistral's reasoning models; vercel/ai #13703).
pub fn texts(message: &Value) -> impl Iterator<Item = &str> {
    let content = message.member("content");
    let parts = content.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |part| Value::member(part, "text")?.as_str();
    content.and_then(Value::as_str).into_iter().chain(parts.iter().filter_map(text)).filter(|text| !text.is_empty())
}

/// Reasoning text under either name that kin give it, and that of thinking parts.
pub fn thoughts(message: &Value) -> impl Iterator<Item = &str> {
    let parts = message.member("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let thinking = parts.iter().filter_map(|part| part.member("thinking")).flat_map(|thinking| {
        let pieces = thinking.as_array().map_or(&[][..], Vec::as_slice);
        let text = |piece| Value::member(piece, "text")?.as_str();
        thinking.as_str().into_iter().chain(pieces.iter().filter_map(text))
    });
    reasoning(message).into_iter().chain(thinking.filter(|text| !text.is_empty()))
}

/// Reasoning text of a message or a delta, under either name that kin give it.
pub fn reasoning(message: &Value) -> Option<&str> {
    let text = |name: &str| message.get(name)?.as_str().filter(|text| !text.is_empty());
    text("reasoning_content").or_else(|| text("reasoning"))
}

/// What a spoken answer or a piece of one holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audio<'v> {
    /// What is said, in writing.
    pub transcript: &'v str,
    /// The sound, in base64.
    pub data: &'v str,
    /// Whether it states until when the sound is kept: OpenAI's last piece of a spoken answer.
    pub expires: bool,
}

impl<'v> Audio<'v> {
    /// The `audio` of a message or a delta, where it has one.
    pub fn of(message: &'v Value) -> Option<Audio<'v>> {
        let audio = message.member("audio").filter(|audio| audio.is_object())?;
        let text = |name: &str| audio.get(name).and_then(Value::as_str).unwrap_or_default();
        let expires = audio.member("expires_at").is_some_and(Value::is_number);
        Some(Audio { transcript: text("transcript"), data: text("data"), expires })
    }

    /// Whether there is something to hear or to read in it.
    pub fn says_something(&self) -> bool {
        !self.transcript.is_empty() || !self.data.is_empty()
    }
}

/// Name and arguments of a deprecated `function_call`, where there is one.
pub fn function_call(message: &Value) -> Option<[Option<&str>; 2]> {
    message.member("function_call").filter(|call| call.is_object())?;
    Some(["/function_call/name", "/function_call/arguments"].map(|path| message.at(path).and_then(Value::as_str)))
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn text_is_found_as_a_string_and_as_parts() {
        let listed = made!({"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "thinking", "thinking": "So."},
            {"type": "text", "text": "Okay"}, {"type": "text", "text": ""}, {"type": "reference", "reference_ids": [1]}, 7]});
        assert_eq!(texts(&listed).collect::<Vec<_>>(), ["Okay"]);
        assert_eq!(thoughts(&listed).collect::<Vec<_>>(), ["Hm.", "So."]);
        let plain = made!({"content": "a", "reasoning": "b"});
        assert_eq!((texts(&plain).collect::<String>(), thoughts(&plain).collect::<String>()), ("a".into(), "b".into()));
        for silent in [made!({}), made!({"content": null}), made!({"content": ""}), made!({"content": []}), made!(null)]
        {
            assert_eq!((texts(&silent).count(), thoughts(&silent).count()), (0, 0), "{silent}");
        }
    }

    #[test]
    fn audio_and_legacy_calls_are_read() {
        let last = Audio::of(&made!({"audio": {"expires_at": 1}})).map(|audio| (audio.expires, audio.says_something()));
        assert_eq!(last, Some((true, false)));
        assert!(Audio::of(&made!({"audio": {"data": "AA=="}})).is_some_and(|audio| audio.says_something()));
        assert!(Audio::of(&made!({"audio": null})).is_none());
        assert_eq!(function_call(&made!({"function_call": {"name": "f"}})), Some([Some("f"), None]));
        assert_eq!(function_call(&made!({"function_call": null})), None);
    }
}
