//! Chunks that are the chunk before with another piece of text.
//!
//! Most chunks of most streams are. Where that holds to the byte, such a chunk needs no parsing, and a rule on its
//! members can only say of it what it says of the one before: so a stream keeps the text alone, and rules look at the
//! chunks that are distinct. What may differ is the one text of a chunk that brings nothing else ([`lone_text`]).

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memchr2;
use memchr::memmem::Finder;

use crate::wire::api::lone::{Part, TEXTS, lone_text, text_mut};
use crate::wire::json::{self, Document, Value};

/// A chunk with a hole where its text is.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Number of its event.
    pub(super) event: usize,
    /// Which text it is.
    pub(super) part: Part,
    name: &'static str,
    hole: Range<usize>,
    /// Whether the hole is known to be that text, and nothing else.
    proved: bool,
}

/// Finds the names of [`TEXTS`] with their quotes.
static NAMES: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| TEXTS.map(|(name, _)| Finder::new(&format!("\"{name}\"")).into_owned()));

impl Pattern {
    /// What a chunk may repeat as, where it has such a text.
    pub(super) fn of(event: usize, text: &str, chunk: &Value) -> Option<Pattern> {
        let place = lone_text(chunk)?;
        let (name, part) = TEXTS[place];
        Some(Pattern { event, part, name, hole: hole(text, &NAMES[place])?, proved: false })
    }

    /// The text in which another chunk differs from this one, if it does in nothing else: from the JSON of both, and
    /// what this one's was read as.
    pub(super) fn text_of(&mut self, other: &str, this: &str, chunk: &Document) -> Option<String> {
        let (before, after) = (&this[..self.hole.start], &this[self.hole.end..]);
        let text = unquoted(other.strip_prefix(before)?.strip_suffix(after)?)?;
        self.proved = self.proved || self.is_proved_by(this, chunk);
        self.proved.then_some(text)
    }

    /// Puts another text into the hole and parses what that gives: the chunk, but for that text, or the hole is not
    /// what it seems.
    fn is_proved_by(&self, this: &str, chunk: &Document) -> bool {
        let mut expected = chunk.clone();
        let Some(place) = text_mut(&mut expected.value, self.name) else { return false };
        let other = if *place == "+" { "-" } else { "+" };
        *place = Value::from(other);
        let text = [&this[..self.hole.start], other, &this[self.hole.end..]].concat();
        json::read(text.as_bytes()).is_ok_and(|read| read == expected)
    }
}

/// Where the text of the only member of a name stands, without its quotes, in the JSON of a chunk.
fn hole(text: &str, name: &Finder<'_>) -> Option<Range<usize>> {
    let mut found = name.find_iter(text.as_bytes());
    let (Some(at), None) = (found.next(), found.next()) else { return None };
    let behind = &text[at + name.needle().len()..];
    let rest = behind.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let start = text.len() - rest.len();
    let mut end = start;
    loop {
        end += memchr2(b'"', b'\\', text.as_bytes().get(end..)?)?;
        if text.as_bytes()[end] == b'"' {
            return Some(start..end);
        }
        end += 2;
    }
}

/// The text between the quotes of a JSON string, unless it is empty or no such text.
fn unquoted(inner: &str) -> Option<String> {
    if inner.is_empty() {
        return None;
    }
    let special = |byte: u8| matches!(byte, b'"' | b'\\') || byte < b' ';
    if inner.bytes().any(special) { serde_json::from_str(&format!("\"{inner}\"")).ok() } else { Some(inner.to_owned()) }
}

#[cfg(test)]
mod tests {
    use crate::wire::json::made;
    use proptest::prelude::*;

    use super::*;

    fn chunk(content: &Value) -> Value {
        made!({"id": "c", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}], "usage": null})
    }

    fn repeated(first: &str, other: &str) -> Option<String> {
        let document = json::read(first.as_bytes()).expect("JSON");
        Pattern::of(0, first, &document.value)?.text_of(other, first, &document)
    }

    #[test]
    fn a_chunk_with_another_text_is_a_repetition() {
        let text = |content: &str| chunk(&made!(content)).to_string();
        for other in ["b", "a longer one", "\"quoted\" \\ \n \u{1F600}", "{\"content\":\"x\"}"] {
            assert_eq!(repeated(&text("a"), &text(other)).as_deref(), Some(other));
        }
        assert_eq!(repeated(&text("a"), &text("")), None);
        assert_eq!(repeated(&text(""), &text("a")), None);
    }

    #[test]
    fn whatever_else_differs_is_none() {
        let first = chunk(&made!("a")).to_string();
        for (from, to) in [
            ("\"c\"", "\"d\""),
            ("\"finish_reason\":null", "\"finish_reason\":\"stop\""),
            ("\"content\":\"a\"", "\"content\":7"),
            ("\"content\":\"a\"", "\"content\":\"a\",\"x\":\"b\""),
            ("\"content\":\"a\"", "\"content\":\"a\nb\""),
            ("\"content\":\"a\"", "\"content\":\"\\x\""),
            ("\"usage\":null}", "\"usage\":null}}"),
        ] {
            let other = first.replace(from, to);
            assert_ne!(other, first);
            assert_eq!(repeated(&first, &other), None, "{other}");
        }
    }

    #[test]
    fn a_hole_that_is_something_else_is_not_believed() {
        // The only "content" that can be seen is another member than the one that is the text.
        let first = r#"{"choices":[{"delta":{"c\u006fntent":"a"}}],"note":{"content":"a"}}"#;
        assert_eq!(repeated(first, &first.replace("note\":{\"content\":\"a\"", "note\":{\"content\":\"b\"")), None);
    }

    proptest! {
        #[test]
        fn a_repetition_is_what_parsing_says(a in ".{1,12}", b in "[^\u{0}]{0,12}", at in 0_usize..80, byte in "[ -~]") {
            let (first, mut other) = (chunk(&made!(a)).to_string(), chunk(&made!(b)).to_string());
            // Any other text of one character somewhere: the answer may change, and must stay true.
            if at < other.len() && other.is_char_boundary(at) && other.is_char_boundary(at + 1) {
                other.replace_range(at..=at, &byte);
            }
            if let Some(text) = repeated(&first, &other) {
                prop_assert_eq!(json::read(other.as_bytes()).expect("JSON").value, chunk(&made!(text)));
            }
        }
    }
}
