//! A spoken answer, or a piece of one.

use crate::json::{Members, Value};

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
    pub(super) fn of(message: &'v Value) -> Option<Audio<'v>> {
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

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn audio_is_read() {
        let last = Audio::of(&made!({"audio": {"expires_at": 1}})).map(|audio| (audio.expires, audio.says_something()));
        assert_eq!(last, Some((true, false)));
        assert!(Audio::of(&made!({"audio": {"data": "AA=="}})).is_some_and(|audio| audio.says_something()));
        assert!(Audio::of(&made!({"audio": null})).is_none());
    }
}
