//! The choices of a stream, put together from its events.

use super::reading::{Payload, Stream};
use crate::wire::api::chunk::first_index;
use crate::wire::api::joined::Joined;
use crate::wire::api::output::Choice;

/// The choices of a stream, by index.
pub(super) fn joined_choices(stream: &Stream) -> Vec<Choice> {
    let mut joined = Joined::default();
    for (number, event) in stream.events.iter().enumerate() {
        match &event.payload {
            Payload::Chunk(document) => joined.add(&document.value, number),
            Payload::Repeat(repeat) => {
                let index = stream.chunk(repeat.of).map_or(0, first_index);
                joined.add_text(index, repeat.part, repeat.text());
            }
            Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => {}
        }
    }
    joined.choices()
}
