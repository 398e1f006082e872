//! The instants of a stream that carry tokens, and what is worked out from them.

use std::time::Duration;

use super::marks::Gap;
use super::reading::{Payload, Reading, Seen};
use crate::wire::api::chunk::first_content;
use crate::wire::api::content::Content;
use crate::wire::api::output::Choice;

impl Reading<'_> {
    /// Offset of the first arrival with non-empty content, reasoning, refusal, audio or a piece of a call. A ping, a
    /// role chunk and an empty delta are no token. None for a whole reply.
    pub fn first_token(&self) -> Option<Duration> {
        self.marks.first().map(|mark| self.arrived(mark.arrival))
    }

    /// Offset of the first arrival with something that a user sees or a program uses: reasoning is not.
    pub fn first_visible_token(&self) -> Option<Duration> {
        self.marks.iter().find(|mark| mark.visible).map(|mark| self.arrived(mark.arrival))
    }

    /// Offset of the first arrival with reasoning.
    pub fn first_reasoning_token(&self) -> Option<Duration> {
        self.marks.iter().find(|mark| mark.reasoning).map(|mark| self.arrived(mark.arrival))
    }

    /// Offset of the last arrival with content.
    pub fn last_token(&self) -> Option<Duration> {
        self.marks.last().map(|mark| self.arrived(mark.arrival))
    }

    /// Gaps between consecutive arrivals that carry content of one choice. Events that came together are one arrival,
    /// so no gap is a made-up zero.
    pub fn token_gaps(&self) -> impl Iterator<Item = Duration> {
        self.gaps.iter().map(|gap| gap.length)
    }

    /// The same gaps in the order in which they ended.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// How many events with content each arrival with content brought.
    pub fn events_per_arrival(&self) -> Vec<u64> {
        let marks = &self.marks;
        marks.chunk_by(|a, b| a.arrival == b.arrival).map(|together| together.len() as u64).collect()
    }

    /// How many pieces of content a stream brought.
    pub fn content_events(&self) -> u64 {
        self.marks.len() as u64
    }

    /// Everything that the choices deliver: content, reasoning, refusals, transcripts, names and arguments of calls.
    pub fn delivered_texts(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().flat_map(Choice::texts)
    }

    /// Characters of everything that the choices deliver.
    pub fn delivered_characters(&self) -> u64 {
        self.delivered_texts().map(|text| text.chars().count() as u64).sum()
    }

    /// When the chunks of a stream came whose first choice has such content; what a text says is nothing to go by.
    pub fn chunk_times(&self, counts: impl Fn(Content<'_>) -> bool) -> Vec<Duration> {
        let Some(stream) = self.stream() else { return Vec::new() };
        let mut before = false;
        let mut is_counted = |event: &&Seen| {
            before = match &event.payload {
                Payload::Chunk(document) => first_content(&document.value).is_some_and(&counts),
                Payload::Repeat(_) => before,
                Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => false,
            };
            before
        };
        let mut times = Vec::with_capacity(stream.events.len());
        times.extend(stream.events.iter().filter(|event| is_counted(event)).map(|event| self.arrived(event.arrival)));
        times
    }
}
