//! JSON in the making.

use serde::Serialize;

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

    /// The whole text.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.text
    }
}
