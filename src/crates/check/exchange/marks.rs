//! Where a stream carried content, and how much came at each place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Exchange;
use super::reading::{Payload, Stream};
use crate::wire::api::chunk::{texts, updates};
use crate::wire::json::Value;

/// A piece of content and the arrival that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) choice: u64,
    pub(super) arrival: usize,
    /// Whether a user sees or hears it, or a program uses it: content, a refusal, audio, a piece of a call.
    pub(super) visible: bool,
    /// Whether it is reasoning.
    pub(super) reasoning: bool,
    /// How long its text is: in characters, or in tokens where a tokenizer weighs it.
    pub(super) weight: u32,
}

/// Time between two arrivals with content of one choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Offset at which it ended.
    pub end: Duration,
    /// Its length.
    pub length: Duration,
}

/// Every piece of content of a stream, in order, with its text weighed by a function.
pub(super) fn marks(stream: &Stream, weigh: impl Fn(&str) -> u32) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for event in &stream.events {
        match &event.payload {
            Payload::Chunk(document) => mark(&mut marks, &document.value, event.arrival, &weigh),
            // It says what the chunk before says, of the same choice, in another text.
            Payload::Repeat(repeat) => {
                let weight = weigh(repeat.text());
                marks.extend(marks.last().map(|mark| Mark { arrival: event.arrival, weight, ..*mark }));
            }
            Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => {}
        }
    }
    marks
}

/// How much text a chunk adds, in all of its choices.
pub(super) fn weight(chunk: &Value, weigh: impl Fn(&str) -> u32) -> u32 {
    texts(chunk).map(weigh).fold(0, u32::saturating_add)
}

/// Characters of a text.
pub(super) fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

fn mark(marks: &mut Vec<Mark>, chunk: &Value, arrival: usize, weigh: impl Fn(&str) -> u32) {
    for update in updates(chunk) {
        let Some(content) = update.content() else { continue };
        let (visible, reasoning) = (content.is_visible(), content.is_reasoning());
        if visible || reasoning {
            let weight = content.all_texts().map(&weigh).fold(0, u32::saturating_add);
            marks.push(Mark { choice: update.index(), arrival, visible, reasoning, weight });
        }
    }
}

/// Gaps between consecutive arrivals that carry content of one choice, in the order in which they ended. Events that
/// came together are one arrival, so no gap is a made-up zero.
pub(super) fn gaps(exchange: &Exchange, marks: &[Mark]) -> Vec<Gap> {
    let mut last: BTreeMap<u64, usize> = BTreeMap::new();
    let mut gaps = Vec::with_capacity(marks.len());
    for mark in marks {
        if let Some(before) = last.insert(mark.choice, mark.arrival).filter(|before| *before != mark.arrival) {
            let [before, end] = [before, mark.arrival].map(|arrival| exchange.body.arrivals[arrival].at);
            gaps.push(Gap { end, length: end.saturating_sub(before) });
        }
    }
    gaps
}
