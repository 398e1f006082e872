//! The texts that the deltas of a stream add, one by one.

use super::reading::{Payload, Stream};
use crate::wire::api::chunk::{first_index, updates};
use crate::wire::api::lone::Part;
use crate::wire::json::Value;

/// A text that a delta adds to a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'s> {
    /// Number of the event.
    pub event: usize,
    /// Index of the choice.
    pub choice: u64,
    /// Position of the choice in its chunk.
    pub position: usize,
    /// Whether it is reasoning, and not content.
    pub reasoning: bool,
    /// The text, never empty.
    pub text: &'s str,
}

impl Stream {
    /// Every text that a delta adds, of content and of reasoning, in order; repetitions of a chunk are among them.
    pub fn texts(&self) -> impl Iterator<Item = Piece<'_>> {
        self.events.iter().enumerate().flat_map(|(event, seen)| {
            let (repeat, pieces) = match &seen.payload {
                Payload::Chunk(document) => (None, of_chunk(event, &document.value)),
                Payload::Repeat(repeat) => {
                    let choice = self.chunk(repeat.of).map_or(0, first_index);
                    let reasoning = repeat.part == Part::Reasoning;
                    (Some(Piece { event, choice, position: 0, reasoning, text: repeat.text() }), Vec::new())
                }
                Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => {
                    (None, Vec::new())
                }
            };
            repeat.into_iter().chain(pieces)
        })
    }
}

fn of_chunk(event: usize, chunk: &Value) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for (position, update) in updates(chunk).enumerate() {
        let Some(content) = update.content() else { continue };
        let of = |reasoning: bool| move |text| Piece { event, choice: update.index(), position, reasoning, text };
        pieces.extend(content.texts().map(of(false)));
        pieces.extend(content.thoughts().map(of(true)));
    }
    pieces
}
