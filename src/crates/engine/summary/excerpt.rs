//! The parts of a reply that show a fault: the value that a finding points at, and what stands around it.
//!
//! Excerpts are made when a finding is kept as an example, on the judge threads. Every text is cleaned before it is cut,
//! so that no secret is left in half.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use crate::check::{Finding, pointed};
use crate::exchange::words::in_words;
use crate::exchange::{Payload, Reading, Reply, Seen, Stream};
use crate::wire::api::chunk::is_about;
use crate::wire::api::output::choice_at;
use crate::wire::json::Value;

/// A part of a reply that shows a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    /// What it is: a JSON pointer, `event 5` or `the body`.
    pub what: String,
    /// Its text, cut short around what the finding points at.
    pub text: String,
}

/// Bytes of a text that is shown as it came.
const WHOLE: usize = 240;
/// Most characters of an excerpt.
const LONGEST: usize = 480;
/// Characters of a string at the place that the finding points at, and of one beside it.
const POINTED: usize = 160;
const BESIDE: usize = 32;
/// Members of an object, and items of an array, that are shown beside those on the way to the place.
const MEMBERS: usize = 12;
const ITEMS: usize = 2;
/// How deep what is beside the way is shown; less where the excerpt would be too long.
const DEEPEST: u8 = 4;

impl Evidence<'_> {
    /// What shows a finding: the value at its pointer, then the event at fault and the one before; for a finding about
    /// a stream as a whole its last two events; for any other reply its body.
    pub fn excerpts(&self, reading: &Reading<'_>, finding: &Finding) -> Vec<Excerpt> {
        self.of_masked(reading, |reading| self.excerpts_of(reading, finding))
    }

    fn excerpts_of(&self, reading: &Reading<'_>, finding: &Finding) -> Vec<Excerpt> {
        let mut excerpts: Vec<Excerpt> = self.value(reading, finding).into_iter().collect();
        match &reading.reply {
            Reply::Stream(stream) if stream.bare_json.is_none() && !stream.events.is_empty() => {
                excerpts.extend(self.events(stream, finding, pointed::event_of(reading, finding)));
            }
            Reply::Stream(_) | Reply::Whole(_) | Reply::Nothing => excerpts.extend(self.body(reading, finding)),
        }
        excerpts
    }

    /// The value at the pointer, or `nothing`.
    fn value(&self, reading: &Reading<'_>, finding: &Finding) -> Option<Excerpt> {
        let event = pointed::event_of(reading, finding);
        let document = pointed::document(reading, event).filter(|_| !finding.pointer.is_empty())?;
        let text = pointed::at(document, &finding.pointer).map_or("nothing".to_owned(), |value| self.around(value, ""));
        Some(Excerpt { what: self.name(&finding.pointer), text })
    }

    fn events(&self, stream: &Stream, finding: &Finding, event: Option<usize>) -> Vec<Excerpt> {
        let last = stream.events.len() - 1;
        let (numbers, pointer) = match event {
            Some(event) => (vec![event.checked_sub(1), Some(event)], finding.pointer.as_str()),
            None => (ending(stream, &finding.pointer), ""),
        };
        let numbers = numbers.into_iter().flatten();
        let shown = numbers.filter_map(|number| {
            let event = stream.events.get(number)?;
            let what = if number == last { format!("event {number}, the last") } else { format!("event {number}") };
            Some(Excerpt { what, text: self.event(event, pointer) })
        });
        let rest = stream.framing.unterminated.as_ref().filter(|_| event.is_none());
        let rest = rest.map(|bytes| Excerpt {
            what: "after it, without a blank line".to_owned(),
            text: self.cut(&String::from_utf8_lossy(bytes)),
        });
        shown.chain(rest).collect()
    }

    fn event(&self, event: &Seen, pointer: &str) -> String {
        let data = match &event.payload {
            Payload::Chunk(document) | Payload::Error(document) if event.data.len() > WHOLE => {
                self.around(&document.value, pointer)
            }
            Payload::Chunk(_)
            | Payload::Error(_)
            | Payload::ErrorText
            | Payload::Repeat(_)
            | Payload::Done
            | Payload::Empty
            | Payload::Broken(_) => self.cut(&event.data),
        };
        if event.name.is_empty() { data } else { format!("event: {} data: {data}", self.name(&event.name)) }
    }

    fn body(&self, reading: &Reading<'_>, finding: &Finding) -> Option<Excerpt> {
        let exchange = reading.exchange;
        let what = match exchange.status() {
            Some(status) if !reading.success() => format!("the body of the {status}"),
            Some(_) | None => "the body".to_owned(),
        };
        let words = || in_words(exchange).map(|words| self.clean(&words));
        let document = pointed::document(reading, None);
        let text = match document.filter(|_| exchange.body.bytes.len() > WHOLE) {
            Some(value) => self.around(value, &finding.pointer),
            None if document.is_none() && words().is_some() => words().unwrap_or_default(),
            None => self.first_bytes_of(reading, None),
        };
        (!text.is_empty()).then_some(Excerpt { what, text })
    }

    /// A text, cut short.
    fn cut(&self, text: &str) -> String {
        self.shortened(text, LONGEST)
    }

    /// A JSON value with what a pointer leads to in full, and what is beside the way cut short.
    fn around(&self, value: &Value, pointer: &str) -> String {
        let steps: Vec<String> =
            pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        let mut text = String::new();
        for depth in (0..=DEEPEST).rev() {
            text.clear();
            self.write(value, Some(&steps), depth, &mut text);
            if text.chars().count() <= LONGEST {
                break;
            }
        }
        self.cut(&text)
    }

    /// Writes a value: `way` is what is left of the pointer, none beside it.
    fn write(&self, value: &Value, way: Option<&[String]>, depth: u8, text: &mut String) {
        let step = way.and_then(<[String]>::first);
        match value {
            Value::Object(members) if depth > 0 || step.is_some() => {
                text.push('{');
                let is_on_way = |name: &str| step.is_some_and(|step| step == name);
                let mut left_out = false;
                let mut separator = "";
                for (number, (name, value)) in members.iter().enumerate() {
                    if number >= MEMBERS && !is_on_way(name) {
                        left_out = true;
                        continue;
                    }
                    text.push_str(separator);
                    separator = ",";
                    self.write_string(name, BESIDE, text);
                    text.push(':');
                    let way = way.filter(|_| is_on_way(name)).map(|way| &way[1..]);
                    self.write(value, way, depth.saturating_sub(1), text);
                }
                text.push_str(if left_out { ",...}" } else { "}" });
            }
            Value::Array(items) if depth > 0 || step.is_some() => self.write_items(items, way, depth, text),
            Value::Object(members) => text.push_str(if members.is_empty() { "{}" } else { "{...}" }),
            Value::Array(items) => text.push_str(if items.is_empty() { "[]" } else { "[...]" }),
            Value::String(said) => {
                self.write_string(said, if way.is_some_and(<[String]>::is_empty) { POINTED } else { BESIDE }, text);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        }
    }

    fn write_items(&self, items: &[Value], way: Option<&[String]>, depth: u8, text: &mut String) {
        let wanted = way.and_then(|way| way.first()?.parse::<usize>().ok()).filter(|place| *place < items.len());
        text.push('[');
        let mut before = None;
        for (place, item) in items.iter().enumerate() {
            let is_on_way = wanted == Some(place);
            if !is_on_way && place >= ITEMS {
                continue;
            }
            if before.is_some() {
                text.push_str(if before == place.checked_sub(1) { "," } else { ",...," });
            }
            before = Some(place);
            let way = way.filter(|_| is_on_way).map(|way| &way[1..]);
            self.write(item, way, depth.saturating_sub(1), text);
        }
        text.push_str(if before.is_some_and(|place| place + 1 < items.len()) { ",...]" } else { "]" });
    }

    fn write_string(&self, said: &str, most: usize, text: &mut String) {
        text.push_str(&serde_json::to_string(&self.shortened(said, most)).unwrap_or_default());
    }
}

/// The events that show how a stream ended: the last two, of the choice that the pointer names if it names one.
fn ending(stream: &Stream, pointer: &str) -> Vec<Option<usize>> {
    let of_choice = |wanted: u64| {
        let chunks = stream.chunks().filter(move |(_, chunk)| is_about(chunk, wanted));
        chunks.map(|(number, _)| number).collect::<Vec<_>>()
    };
    let all = choice_at(pointer).map(of_choice).filter(|numbers| !numbers.is_empty());
    let numbers = all.unwrap_or_else(|| (0..stream.events.len()).collect());
    numbers[numbers.len().saturating_sub(2)..].iter().copied().map(Some).collect()
}
