//! Where a stream carried content, and how much came at each place.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Exchange;
use super::choice::{called, calls_of};
use super::reading::{Payload, Stream};
use crate::wire::content::{Audio, function_call, texts as said, thoughts};
use crate::wire::json::{Members, Value};
use crate::wire::reply::{choices, index};

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
    let deltas = choices(chunk).iter().filter_map(|choice| choice.member("delta"));
    deltas.flat_map(texts).map(weigh).fold(0, u32::saturating_add)
}

/// Characters of a text.
pub(super) fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

fn mark(marks: &mut Vec<Mark>, chunk: &Value, arrival: usize, weigh: impl Fn(&str) -> u32) {
    for choice in choices(chunk) {
        let Some(delta) = choice.member("delta") else { continue };
        let (visible, reasoning) = (is_visible(delta), thoughts(delta).next().is_some());
        if visible || reasoning {
            let weight = texts(delta).map(&weigh).fold(0, u32::saturating_add);
            marks.push(Mark { choice: index(choice), arrival, visible, reasoning, weight });
        }
    }
}

/// Every text that a delta adds: content, reasoning, a refusal, what audio says in writing, names and arguments of calls.
fn texts(delta: &Value) -> impl Iterator<Item = &str> {
    let calls = calls_of(delta).iter().flat_map(called).flatten().filter_map(Value::as_str);
    let legacy = function_call(delta).into_iter().flatten().flatten();
    let refusal = delta.member("refusal").and_then(Value::as_str);
    let spoken = Audio::of(delta).map(|audio| audio.transcript);
    said(delta).chain(refusal).chain(spoken).chain(calls).chain(legacy).chain(thoughts(delta))
}

/// Whether a delta adds something: what a user would see or hear, a program would use, or reasoning.
pub fn carries_content(delta: &Value) -> bool {
    is_visible(delta) || thoughts(delta).next().is_some()
}

fn is_visible(delta: &Value) -> bool {
    let filled = |name: &str| delta.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let call = |name: &str| {
        delta.get(name).is_some_and(|call| call.is_object() || call.as_array().is_some_and(|c| !c.is_empty()))
    };
    let spoken = || Audio::of(delta).is_some_and(|audio| audio.says_something());
    said(delta).next().is_some() || filled("refusal") || call("tool_calls") || call("function_call") || spoken()
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
