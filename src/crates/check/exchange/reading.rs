//! An exchange with its JSON parsed once: what every rule reads, so that no rule parses again.

use std::time::Duration;

use super::choice::joined_choices;
use super::marks::{Gap, Mark, characters, gaps, marks};
use super::repeat::Pattern;
use super::stated::Stated;
use super::tokens::Recount;
use super::{Exchange, Outcome, content};
use crate::wire::api::chunk::is_chunk;
use crate::wire::api::error::{Place, error_in, is_error_body};
use crate::wire::api::finish::DONE;
use crate::wire::api::lone::Part;
use crate::wire::api::output::{self, Choice};
use crate::wire::api::usage::Usage;
use crate::wire::json::{self, Document, Members, Value};
use crate::wire::sse::{Decoder, Event, Framing};

/// An exchange, read.
#[derive(Debug)]
pub struct Reading<'e> {
    /// The exchange.
    pub exchange: &'e Exchange,
    /// How it ended, content included.
    pub outcome: Outcome,
    /// What came back.
    pub reply: Reply,
    /// The choices, a stream's put together from its pieces; by index.
    pub choices: Vec<Choice>,
    /// The token counts the reply states: of a stream, the last it stated.
    pub usage: Option<Usage>,
    /// Where a stream carried content.
    pub(super) marks: Vec<Mark>,
    /// Between them.
    pub(super) gaps: Vec<Gap>,
    /// Whether the marks have no text at all, as pieces of a call that are yet to be named.
    pub(super) is_textless: bool,
    /// Everything that the reply states of its tokens.
    pub(super) stated: Stated,
    /// What a tokenizer of ours counts, where one did.
    pub(super) recount: Option<Recount>,
    /// Whether the body is a completion.
    completes: bool,
    /// Number of the last chunk with metadata.
    metadata: Option<usize>,
}

/// What came back.
#[derive(Debug)]
pub enum Reply {
    /// No head, or no body that was kept.
    Nothing,
    /// One body.
    Whole(Whole),
    /// Server-sent events, in answer to a request for a stream.
    Stream(Stream),
}

/// A body that is not a stream.
#[derive(Debug)]
pub struct Whole {
    /// Its one JSON value, or why it is none.
    pub json: Result<Document, String>,
}

/// A stream of events.
#[derive(Debug)]
pub struct Stream {
    /// The events, in order.
    pub events: Vec<Seen>,
    /// What the framing looked like.
    pub framing: Framing,
    /// Offset of the first byte that is no UTF-8.
    pub invalid_utf8: Option<usize>,
    /// A body that is one bare JSON value where events should be.
    pub bare_json: Option<Value>,
}

/// One event of a stream.
#[derive(Debug)]
pub struct Seen {
    /// Index of the arrival that completed it.
    pub arrival: usize,
    /// Its `event` field, empty where none was sent.
    pub name: String,
    /// Its data, bytes that are no UTF-8 replaced.
    pub data: String,
    /// What the data is.
    pub payload: Payload,
}

/// What the data of an event is.
#[derive(Debug)]
pub enum Payload {
    /// `[DONE]`.
    Done,
    /// Nothing, or an event of another name than `message` that brings no chunk and no error, such as `event: ping`: it
    /// goes to those who listen to that name (WHATWG HTML, section 9.2.6), and says nothing of the completion.
    Empty,
    /// JSON that is no error.
    Chunk(Document),
    /// The chunk before, but for its text.
    Repeat(Repeat),
    /// JSON that is an error, or in an event named `error`.
    Error(Document),
    /// An event named `error` whose data is no JSON but the message, which may be empty.
    ErrorText,
    /// Not JSON: the parser's message.
    Broken(String),
}

/// A chunk that is the one before with another text.
#[derive(Debug)]
pub struct Repeat {
    /// Number of the event whose chunk was read.
    pub(super) of: usize,
    pub(super) part: Part,
    text: String,
}

impl Repeat {
    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<'e> Reading<'e> {
    /// Reads an exchange.
    pub fn of(exchange: &'e Exchange) -> Reading<'e> {
        Reading::read(exchange, Events::default())
    }

    /// Reads an exchange and parses every chunk, also those that repeat the one before with another text: slow, and
    /// what [`Reading::of`] is held against.
    pub fn in_full(exchange: &'e Exchange) -> Reading<'e> {
        Reading::read(exchange, Events { in_full: true, ..Events::default() })
    }

    fn read(exchange: &'e Exchange, events: Events) -> Reading<'e> {
        let reply = read_reply(exchange, events);
        let (choices, stated) = match &reply {
            Reply::Nothing => (Vec::new(), Stated::default()),
            Reply::Whole(whole) => match &whole.json {
                Ok(document) => (output::whole(&document.value), Stated::once(Usage::of(&document.value))),
                Err(_) => (Vec::new(), Stated::default()),
            },
            Reply::Stream(stream) => (joined_choices(stream), Stated::in_stream(stream)),
        };
        let outcome = content::outcome_of(exchange, &reply, &choices);
        let (marks, metadata) = match &reply {
            Reply::Stream(stream) => (marks(stream, characters), stream.last_with("metadata")),
            Reply::Whole(_) | Reply::Nothing => (Vec::new(), None),
        };
        let mut reading = Reading {
            exchange,
            outcome,
            reply,
            choices,
            usage: stated.last(),
            gaps: gaps(exchange, &marks),
            is_textless: marks.iter().all(|mark| mark.weight == 0),
            marks,
            stated,
            recount: None,
            completes: false,
            metadata,
        };
        reading.completes = reading.success() && !exchange.asked.wanted.stream && {
            let value = reading.json().map(|document| &document.value);
            value.is_some_and(|value| value.is_object() && !is_error_body(value))
        };
        reading
    }

    /// Whether the server called it a success.
    pub fn success(&self) -> bool {
        self.exchange.status().is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether the transfer of the body came to its proper end.
    pub fn complete(&self) -> bool {
        self.exchange.head.is_some()
            && !self.exchange.unjudged
            && self.exchange.status().map(Outcome::of_status) == Some(self.exchange.outcome)
    }

    /// The body as JSON, of a complete reply that is no stream, whatever its status.
    pub fn json(&self) -> Option<&Document> {
        match &self.reply {
            Reply::Whole(whole) if self.complete() => whole.json.as_ref().ok(),
            Reply::Whole(_) | Reply::Nothing | Reply::Stream(_) => None,
        }
    }

    /// A completion: the JSON object of a complete 2xx reply to a request for a whole reply, unless it is an error.
    pub fn completion(&self) -> Option<&Value> {
        Some(&self.json().filter(|_| self.completes)?.value)
    }

    /// The events of a 2xx reply to a request for a stream, complete or not.
    pub fn stream(&self) -> Option<&Stream> {
        match &self.reply {
            Reply::Stream(stream) if self.success() && !self.exchange.unjudged => Some(stream),
            Reply::Stream(_) | Reply::Whole(_) | Reply::Nothing => None,
        }
    }

    /// The completion, or the distinct chunks of the stream.
    pub fn bodies(&self) -> impl DoubleEndedIterator<Item = &Value> {
        let chunks = self.stream().into_iter().flat_map(Stream::distinct).map(|(_, chunk)| chunk);
        chunks.chain(self.completion())
    }

    /// Whether there is a completion, or a chunk of a stream.
    pub fn says_something(&self) -> bool {
        self.bodies().next().is_some()
    }

    /// Pulze's `metadata` object: of the completion, or the last in a stream.
    pub fn metadata(&self) -> Option<&Value> {
        let body = match self.stream() {
            Some(stream) => stream.chunk(self.metadata?)?,
            None => self.completion()?,
        };
        body.member("metadata").filter(|metadata| metadata.is_object())
    }

    /// What went wrong, in the words of the HTTP client or of the endpoint; secrets may be in it.
    pub fn cause(&self) -> Option<String> {
        self.exchange.cause.clone().or_else(|| content::cause(self.exchange, &self.reply)).or_else(|| {
            let in_metadata = self.metadata()?.member("error")?.as_str()?;
            Some(in_metadata.to_owned())
        })
    }

    /// When an arrival came.
    pub fn arrived(&self, arrival: usize) -> Duration {
        self.exchange.body.arrivals[arrival].at
    }
}

impl Stream {
    /// The chunk of an event; of one that repeats another, the other.
    pub(super) fn chunk(&self, event: usize) -> Option<&Value> {
        match &self.events.get(event)?.payload {
            Payload::Chunk(document) => Some(&document.value),
            Payload::Repeat(repeat) => self.chunk(repeat.of),
            Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => None,
        }
    }

    /// The JSON of an event: its chunk, or its error.
    pub fn document(&self, event: usize) -> Option<&Value> {
        match &self.events.get(event)?.payload {
            Payload::Error(document) => Some(&document.value),
            Payload::Chunk(_)
            | Payload::Repeat(_)
            | Payload::Done
            | Payload::Empty
            | Payload::ErrorText
            | Payload::Broken(_) => self.chunk(event),
        }
    }

    /// The chunks with the number of their event. One that repeats another but for its text shows that one's text.
    pub fn chunks(&self) -> impl DoubleEndedIterator<Item = (usize, &Value)> {
        (0..self.events.len()).filter_map(|number| Some((number, self.chunk(number)?)))
    }

    /// The chunks but for those that repeat the one before with another text: enough for whatever is the same of every
    /// text, and of any number of them.
    pub fn distinct(&self) -> impl DoubleEndedIterator<Item = (usize, &Value)> {
        self.events.iter().enumerate().filter_map(|(number, event)| match &event.payload {
            Payload::Chunk(document) => Some((number, &document.value)),
            Payload::Repeat(_)
            | Payload::Done
            | Payload::Empty
            | Payload::Error(_)
            | Payload::ErrorText
            | Payload::Broken(_) => None,
        })
    }

    /// Number of the last event whose chunk has a member.
    fn last_with(&self, member: &str) -> Option<usize> {
        self.distinct().filter(|(_, chunk)| chunk.get(member).is_some()).map(|(number, _)| number).next_back()
    }

    /// Every JSON payload, errors among them, with the number of its event; of those that repeat the one before with
    /// another text, the first.
    pub fn documents(&self) -> impl Iterator<Item = (usize, &Document)> {
        self.events.iter().enumerate().filter_map(|(number, event)| match &event.payload {
            Payload::Chunk(document) | Payload::Error(document) => Some((number, document)),
            Payload::Repeat(_) | Payload::Done | Payload::Empty | Payload::ErrorText | Payload::Broken(_) => None,
        })
    }

    /// Number of the first `[DONE]` that a client reads. One under a name that no chunk has is none: whoever waits for
    /// messages never sees it.
    pub fn done(&self) -> Option<usize> {
        let is_read = |name: &str| {
            is_message(name)
                || self.events.iter().any(|other| matches!(other.payload, Payload::Chunk(_)) && other.name == name)
        };
        self.events.iter().position(|event| matches!(event.payload, Payload::Done) && is_read(&event.name))
    }
}

/// Whether an event of that name is a message (WHATWG HTML, section 9.2.6: the name is `message` where none was sent).
fn is_message(name: &str) -> bool {
    matches!(name, "" | "message")
}

fn read_reply(exchange: &Exchange, events: Events) -> Reply {
    let Some(head) = exchange.head.as_ref().filter(|_| !exchange.unjudged) else { return Reply::Nothing };
    let success = (200..300).contains(&head.status);
    if exchange.asked.wanted.stream && success {
        let stream = read_stream(exchange, events);
        let declared = head.media_type().as_deref() == Some("text/event-stream");
        if declared || !stream.events.is_empty() || exchange.body.bytes.is_empty() {
            return Reply::Stream(stream);
        }
    }
    Reply::Whole(Whole { json: json::read(&exchange.body.bytes).map_err(|error| error.to_string()) })
}

fn read_stream(exchange: &Exchange, mut events: Events) -> Stream {
    let bytes = &exchange.body.bytes;
    let mut decoder = Decoder::new();
    let mut from = 0;
    for (number, arrival) in exchange.body.arrivals.iter().enumerate() {
        decoder.push(&bytes[from..arrival.end], |event| events.add(number, event));
        from = arrival.end;
    }
    let events = events.seen;
    let bare_json = if events.is_empty() { json::read(bytes).ok().map(|document| document.value) } else { None };
    Stream {
        events,
        framing: decoder.finish(),
        invalid_utf8: std::str::from_utf8(bytes).err().map(|error| error.valid_up_to()),
        bare_json,
    }
}

/// The events of a stream so far.
#[derive(Default)]
struct Events {
    seen: Vec<Seen>,
    /// What the last of them may be repeated as.
    pattern: Option<Pattern>,
    /// Whether none is taken for a repetition.
    in_full: bool,
}

impl Events {
    fn add(&mut self, arrival: usize, event: Event) {
        let name = lossy(event.name);
        let (data, payload) = match String::from_utf8(event.data) {
            Ok(data) => {
                let payload =
                    self.repeat(&name, &data).map_or_else(|| payload(&name, data.as_bytes()), Payload::Repeat);
                (data, payload)
            }
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), payload(&name, error.as_bytes())),
        };
        match &payload {
            Payload::Chunk(_) if self.in_full => {}
            Payload::Chunk(document) => self.pattern = Pattern::of(self.seen.len(), &data, &document.value),
            Payload::Repeat(_) => {}
            Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => {
                self.pattern = None;
            }
        }
        self.seen.push(Seen { arrival, name, data, payload });
    }

    fn repeat(&mut self, name: &str, data: &str) -> Option<Repeat> {
        let pattern = self.pattern.as_mut()?;
        let first = &self.seen[pattern.event];
        let Payload::Chunk(document) = &first.payload else { return None };
        let text = pattern.text_of(data, &first.data, document).filter(|_| name == first.name)?;
        Some(Repeat { of: pattern.event, part: pattern.part, text })
    }
}

fn payload(name: &str, data: &[u8]) -> Payload {
    let text = data.trim_ascii();
    let is_error = name == "error";
    // Under a name that no reader of messages listens to.
    let is_aside = !is_error && !is_message(name);
    let place = if is_aside { Place::NamedEvent } else { Place::Event };
    if text == DONE {
        return Payload::Done;
    }
    match json::read(text) {
        Ok(document) if is_error || error_in(&document.value, place).is_some() => Payload::Error(document),
        Ok(document) if is_aside && !is_chunk(&document.value) => Payload::Empty,
        Ok(document) => Payload::Chunk(document),
        Err(_) if is_error => Payload::ErrorText,
        Err(_) if text.is_empty() || is_aside => Payload::Empty,
        Err(error) => Payload::Broken(error.to_string()),
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
