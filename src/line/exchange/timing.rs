//! The instants of a stream that carry tokens, and what is worked out from them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Exchange;
use super::reading::{Payload, Reading, Seen, Stream};
use crate::wire::json::{Members, Value};
use crate::wire::reply::{choices, index, reasoning};

/// Where a count of tokens comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenSource {
    /// The reply's own `usage`.
    Usage,
    /// One token for each event with content, where a stream states no usage.
    Events,
}

/// Tokens that an exchange cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tokens {
    /// Tokens of the prompt; 0 where only events were counted.
    pub prompt: f64,
    /// Tokens generated.
    pub completion: f64,
    /// Prompt tokens that came from a cache, where stated.
    pub cached: f64,
    /// Where the counts come from.
    pub source: TokenSource,
}

/// A piece of content and the arrival that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    choice: u64,
    arrival: usize,
    /// Whether a user sees it, or a program uses it: content, a refusal, a piece of a tool call.
    visible: bool,
    /// Whether it is reasoning.
    reasoning: bool,
}

/// Every piece of content of a stream, in order.
pub(super) fn marks(stream: &Stream) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for event in &stream.events {
        match &event.payload {
            Payload::Chunk(document) => mark(&mut marks, &document.value, event.arrival),
            // It says what the chunk before says, of the same choice.
            Payload::Repeat(_) => marks.extend(marks.last().map(|mark| Mark { arrival: event.arrival, ..*mark })),
            Payload::Done | Payload::Empty | Payload::Error(_) | Payload::Broken(_) => {}
        }
    }
    marks
}

fn mark(marks: &mut Vec<Mark>, chunk: &Value, arrival: usize) {
    for choice in choices(chunk) {
        let Some(delta) = choice.member("delta") else { continue };
        let (visible, reasoning) = (is_visible(delta), reasoning(delta).is_some());
        if visible || reasoning {
            marks.push(Mark { choice: index(choice), arrival, visible, reasoning });
        }
    }
}

/// Gaps between consecutive arrivals that carry content of one choice, in the order in which they ended, each behind the
/// offset at which it did. Events that came together are one arrival, so no gap is a made-up zero.
pub(super) fn gaps(exchange: &Exchange, marks: &[Mark]) -> Vec<(Duration, Duration)> {
    let mut last: BTreeMap<u64, usize> = BTreeMap::new();
    let mut gaps = Vec::with_capacity(marks.len());
    for mark in marks {
        if let Some(before) = last.insert(mark.choice, mark.arrival).filter(|before| *before != mark.arrival) {
            let [before, end] = [before, mark.arrival].map(|arrival| exchange.body.arrivals[arrival].at);
            gaps.push((end, end.saturating_sub(before)));
        }
    }
    gaps
}

impl Reading<'_> {
    /// Offset of the first arrival with non-empty content, reasoning, refusal or a piece of a tool call. A ping, a
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
        self.gaps.iter().map(|(_, gap)| *gap)
    }

    /// The same gaps in the order in which they ended, each behind the offset at which it did.
    pub fn gaps(&self) -> &[(Duration, Duration)] {
        &self.gaps
    }

    /// How many events with content each arrival with content brought.
    pub fn events_per_arrival(&self) -> Vec<u64> {
        let marks = &self.marks;
        marks.chunk_by(|a, b| a.arrival == b.arrival).map(|together| together.len() as u64).collect()
    }

    /// (last content arrival - first content arrival) / tokens delivered after the first content arrival.
    ///
    /// Defined for a stream of one choice; none where that count is 0. Tokens are the reply's completion tokens, less
    /// reasoning that was not delivered, less one for each event of the first arrival; without usage, events.
    pub fn time_per_output_token(&self) -> Option<Duration> {
        let marks = &self.marks;
        let (first, last) = (marks.first()?, marks.last()?);
        if self.choices.len() != 1 {
            return None;
        }
        let in_first = marks.iter().take_while(|mark| mark.arrival == first.arrival).count() as f64;
        let delivered = self.usage.map_or(marks.len() as f64, |usage| usage.completion - self.hidden_reasoning());
        let after = delivered - in_first;
        let span = self.arrived(last.arrival).saturating_sub(self.arrived(first.arrival));
        (after >= 1.0).then(|| span.div_f64(after))
    }

    /// Reasoning tokens that usage states and the reply keeps back.
    pub fn hidden_reasoning(&self) -> f64 {
        let shown = self.choices.iter().any(|choice| !choice.reasoning.is_empty());
        self.usage.and_then(|usage| usage.reasoning).filter(|_| !shown).unwrap_or(0.0)
    }

    /// How many pieces of content a stream brought.
    pub fn content_events(&self) -> u64 {
        self.marks.len() as u64
    }

    /// Everything that the choices deliver: content, reasoning, refusals, names and arguments of calls.
    pub fn delivered_texts(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().flat_map(|choice| {
            let calls = choice.calls.iter().flat_map(|call| [call.name.as_deref(), call.arguments.as_deref()]);
            let own = [&choice.content, &choice.reasoning, &choice.refusal];
            own.into_iter().map(String::as_str).chain(calls.flatten())
        })
    }

    /// Characters of everything that the choices deliver.
    pub fn delivered_characters(&self) -> u64 {
        self.delivered_texts().map(|text| text.chars().count() as u64).sum()
    }

    /// When the chunks of a stream came whose first choice has such a delta; what a text says is nothing to go by.
    pub fn chunk_times(&self, counts: impl Fn(&Value) -> bool) -> Vec<Duration> {
        let Some(stream) = self.stream() else { return Vec::new() };
        let counted =
            |chunk: &Value| choices(chunk).first().and_then(|choice| choice.member("delta")).is_some_and(&counts);
        let mut before = false;
        let mut counts = |event: &&Seen| {
            before = match &event.payload {
                Payload::Chunk(document) => counted(&document.value),
                Payload::Repeat(_) => before,
                Payload::Done | Payload::Empty | Payload::Error(_) | Payload::Broken(_) => false,
            };
            before
        };
        let mut times = Vec::with_capacity(stream.events.len());
        times.extend(stream.events.iter().filter(|event| counts(event)).map(|event| self.arrived(event.arrival)));
        times
    }

    /// Tokens that the exchange cost: the reply's usage, else a stream's events with content.
    pub fn tokens(&self) -> Option<Tokens> {
        if let Some(usage) = self.usage {
            let cached = usage.cached.unwrap_or(0.0);
            return Some(Tokens {
                prompt: usage.prompt,
                completion: usage.completion,
                cached,
                source: TokenSource::Usage,
            });
        }
        self.stream()?;
        let completion = self.marks.len() as f64;
        Some(Tokens { prompt: 0.0, completion, cached: 0.0, source: TokenSource::Events })
    }
}

/// Whether a delta adds something: what a user would see, a program would use, or reasoning.
pub fn carries_content(delta: &Value) -> bool {
    is_visible(delta) || reasoning(delta).is_some()
}

fn is_visible(delta: &Value) -> bool {
    let filled = |name: &str| delta.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let call = |name: &str| {
        delta.get(name).is_some_and(|call| call.is_object() || call.as_array().is_some_and(|c| !c.is_empty()))
    };
    filled("content") || filled("refusal") || call("tool_calls") || call("function_call")
}
