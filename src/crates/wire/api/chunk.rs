//! What a chunk of a stream brings, choice by choice.

use super::content::Content;
use super::reply::{choices, finishes, index};
use crate::json::{Members, Value};

/// What a chunk brings of one choice.
#[derive(Debug, Clone, Copy)]
pub struct Update<'v>(&'v Value);

/// What a chunk brings of each of its choices, in their order.
pub fn updates(chunk: &Value) -> impl ExactSizeIterator<Item = Update<'_>> {
    choices(chunk).iter().map(Update)
}

/// Whether a value has the member by which a chunk is known.
pub fn is_chunk(value: &Value) -> bool {
    value.member("choices").is_some()
}

/// The index of a chunk's first choice; 0 where it has none.
pub fn first_index(chunk: &Value) -> u64 {
    updates(chunk).next().map_or(0, Update::index)
}

/// The content of a chunk's first choice.
pub fn first_content(chunk: &Value) -> Option<Content<'_>> {
    updates(chunk).next()?.content()
}

/// Whether a chunk brings something of a choice.
pub fn is_about(chunk: &Value, choice: u64) -> bool {
    updates(chunk).any(|update| update.index() == choice)
}

/// Whether a chunk brings content, or the end of a choice.
pub fn brings_anything(chunk: &Value) -> bool {
    updates(chunk).any(|update| update.content().is_some_and(Content::says_something) || update.finishes())
}

/// Every text that a chunk adds, in all of its choices.
pub fn texts(chunk: &Value) -> impl Iterator<Item = &str> {
    updates(chunk).filter_map(Update::content).flat_map(Content::all_texts)
}

impl<'v> Update<'v> {
    /// An item of `choices`.
    pub fn of(piece: &'v Value) -> Update<'v> {
        Update(piece)
    }

    /// The index of the choice; 0 where none is given.
    pub fn index(self) -> u64 {
        index(self.0)
    }

    /// What is added to it.
    pub fn content(self) -> Option<Content<'v>> {
        self.0.member("delta").map(Content::of)
    }

    /// Why it ends, where that is a string.
    pub fn finish(self) -> Option<&'v str> {
        self.0.member("finish_reason").and_then(Value::as_str)
    }

    /// Whether it says why it ends, in whatever form.
    pub fn finishes(self) -> bool {
        finishes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::json::made;

    use super::*;

    #[test]
    fn a_chunk_is_read_choice_by_choice() {
        let chunk = made!({"choices": [
            {"index": 1, "delta": {"content": "a", "refusal": "b"}, "finish_reason": null},
            {"delta": {}, "finish_reason": "stop"}, {"index": 3, "finish_reason": 7}]});
        let read: Vec<_> = updates(&chunk).map(|update| (update.index(), update.finish(), update.finishes())).collect();
        assert_eq!(read, [(1, None, false), (0, Some("stop"), true), (3, None, true)]);
        assert_eq!((first_index(&chunk), texts(&chunk).collect::<String>()), (1, "ab".to_owned()));
        assert!(is_about(&chunk, 3) && !is_about(&chunk, 2));
        let usage = made!({"choices": [], "usage": {}});
        assert_eq!((first_index(&usage), first_content(&usage).is_none(), is_chunk(&usage)), (0, true, true));
        assert!(!is_chunk(&made!({"type": "ping"})));
    }

    #[test]
    fn a_role_brings_nothing_and_an_end_does() {
        let chunk = |choice: Value| made!({"choices": [choice]});
        assert!(!brings_anything(&chunk(
            made!({"delta": {"role": "assistant", "content": ""}, "finish_reason": null})
        )));
        assert!(brings_anything(&chunk(made!({"delta": {"reasoning": "hm"}}))));
        assert!(brings_anything(&chunk(made!({"delta": {}, "finish_reason": "stop"}))));
    }
}
