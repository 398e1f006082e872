//! JSON in the making.

use serde::Serialize;
use serde_json::Value;

/// A text that grows: names and punctuation are copied as they stand, and values are serialised. A serializer looks
/// through every name for something to escape, and that is most of what writing a short reply costs.
#[derive(Debug)]
pub(super) struct Json {
    text: Vec<u8>,
}

impl Json {
    /// Nothing yet, with room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Json {
        Json { text: Vec::with_capacity(bytes) }
    }

    /// Goes on with JSON as it stands.
    pub(super) fn raw(&mut self, json: &str) -> &mut Json {
        self.text.extend_from_slice(json.as_bytes());
        self
    }

    /// Goes on with a value.
    ///
    /// # Panics
    /// If an object in it has a key that is no string.
    pub(super) fn value(&mut self, value: &(impl Serialize + ?Sized)) -> &mut Json {
        serde_json::to_writer(&mut self.text, value).expect("values have string keys, and memory takes any text");
        self
    }

    /// Goes on with a string whose pieces are these. Hardly any piece has something to escape, so each is copied once it
    /// has been looked through.
    pub(super) fn text<'t>(&mut self, pieces: impl IntoIterator<Item = &'t str>) -> &mut Json {
        self.text.push(b'"');
        for piece in pieces {
            if piece.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
                self.text.extend_from_slice(piece.as_bytes());
            } else {
                let quoted = Value::from(piece).to_string();
                self.text.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
            }
        }
        self.text.push(b'"');
        self
    }

    /// Goes on with an array of what is written for each item.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Json, T),
    ) -> &mut Json {
        self.raw("[");
        for (place, item) in items.into_iter().enumerate() {
            if place > 0 {
                self.raw(",");
            }
            write(self, item);
        }
        self.raw("]")
    }

    /// The whole text.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_one_string_whatever_is_in_them() {
        let pieces = ["a", "", "\"b\\", "\u{0}\n\u{7f}", " 世界 🌍", "\u{2028}"];
        let mut json = Json::with_capacity(0);
        json.text(pieces);
        let read: Value = serde_json::from_slice(&json.into_bytes()).expect("JSON");
        assert_eq!(read, Value::from(pieces.concat()));
    }
}
