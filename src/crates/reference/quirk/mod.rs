//! What the endpoint does wrong on request: each quirk changes the request that is answered, or JSON, bytes or timing on
//! the wire, as some real server has, or as a rule says that none should.

use std::time::Duration;

use hyper::http::request::Parts;
use serde_json::Value;

use super::socket::Script;
use super::transcript::{Draft, Kind, Transcript};

mod acceptance;
mod bearer;
mod beside;
mod body;
mod chunk;
mod error;
mod failing;
mod framing;
mod http;
mod key;
mod logprobs;
mod metadata;
mod reply;
mod request;
mod tools;
mod transport;
mod usage;

/// One way of being wrong.
#[derive(Debug)]
pub struct Quirk {
    /// Its name, as users give it.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// The server that does it and the issue that tells, or the standard that it breaks or stretches.
    pub source: &'static str,
    act: Act,
    then: Option<Act>,
}

/// Where a quirk acts.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// On a new connection, which is left alone for so long.
    Connection(Duration),
    /// On the head of the request, given the key that is let in: method, path and headers are read as others.
    Head(fn(&mut Parts, &str)),
    /// On the request, given the models that are known: another one is answered than was asked.
    Request(fn(&mut Value, &[String])),
    /// On what is said, as JSON.
    Draft(fn(&mut Draft)),
    /// On what is said, given what was asked.
    Answer(fn(&mut Draft, &Value)),
    /// On the bytes and their timing.
    Transcript(fn(&mut Transcript)),
    /// On the bytes, given the head of the request; also where no completion was asked for.
    Page(fn(&mut Transcript, &Parts)),
    /// On the connection, past hyper, where the reply is of the kind that the fault concerns.
    Transport(fn(&Transcript) -> Option<Script>),
}

impl Quirk {
    const fn new(name: &'static str, about: &'static str, source: &'static str, act: Act) -> Quirk {
        Quirk { name, about, source, act, then: None }
    }

    const fn connection(name: &'static str, about: &'static str, source: &'static str, pause: Duration) -> Quirk {
        Quirk::new(name, about, source, Act::Connection(pause))
    }

    const fn head(name: &'static str, about: &'static str, source: &'static str, act: fn(&mut Parts, &str)) -> Quirk {
        Quirk::new(name, about, source, Act::Head(act))
    }

    const fn request(
        name: &'static str,
        about: &'static str,
        source: &'static str,
        act: fn(&mut Value, &[String]),
    ) -> Quirk {
        Quirk::new(name, about, source, Act::Request(act))
    }

    const fn draft(name: &'static str, about: &'static str, source: &'static str, act: fn(&mut Draft)) -> Quirk {
        Quirk::new(name, about, source, Act::Draft(act))
    }

    const fn answer(
        name: &'static str,
        about: &'static str,
        source: &'static str,
        act: fn(&mut Draft, &Value),
    ) -> Quirk {
        Quirk::new(name, about, source, Act::Answer(act))
    }

    const fn transcript(
        name: &'static str,
        about: &'static str,
        source: &'static str,
        act: fn(&mut Transcript),
    ) -> Quirk {
        Quirk::new(name, about, source, Act::Transcript(act))
    }

    const fn page(
        name: &'static str,
        about: &'static str,
        source: &'static str,
        act: fn(&mut Transcript, &Parts),
    ) -> Quirk {
        Quirk::new(name, about, source, Act::Page(act))
    }

    const fn transport(
        name: &'static str,
        about: &'static str,
        source: &'static str,
        act: fn(&Transcript) -> Option<Script>,
    ) -> Quirk {
        Quirk::new(name, about, source, Act::Transport(act))
    }

    /// The same, and what is said to the changed request is changed as well.
    const fn then(self, act: fn(&mut Draft, &Value)) -> Quirk {
        Quirk { then: Some(Act::Answer(act)), ..self }
    }

    fn acts(&self) -> impl Iterator<Item = Act> {
        [Some(self.act), self.then].into_iter().flatten()
    }

    /// How long a new connection is left alone.
    pub(super) fn pause(&self) -> Option<Duration> {
        if let Act::Connection(pause) = self.act { Some(pause) } else { None }
    }

    /// `key` is one that is let in.
    pub(super) fn spoil_head(&self, head: &mut Parts, key: &str) {
        if let Act::Head(act) = self.act {
            act(head, key);
        }
    }

    pub(super) fn spoil_request(&self, asked: &mut Value, models: &[String]) {
        for act in self.acts() {
            if let Act::Request(act) = act {
                act(asked, models);
            }
        }
    }

    pub(super) fn spoil_draft(&self, draft: &mut Draft, asked: &Value) {
        for act in self.acts() {
            if let Act::Draft(act) = act {
                act(draft);
            } else if let Act::Answer(act) = act {
                act(draft, asked);
            }
        }
    }

    pub(super) fn spoil_transcript(&self, transcript: &mut Transcript, head: &Parts) {
        if let Act::Transcript(act) = self.act {
            act(transcript);
        } else if let Act::Page(act) = self.act {
            act(transcript, head);
        }
    }

    /// What goes out past hyper, where something does.
    pub(super) fn script(&self, transcript: &Transcript) -> Option<Script> {
        if let Act::Transport(act) = self.act { act(transcript) } else { None }
    }
}

/// The source of what no server is known to do, and only a rule speaks of.
const MADE_UP: &str = "no server known; made up for the rule on it";

/// Every quirk.
pub fn all() -> impl Iterator<Item = &'static Quirk> {
    [
        request::QUIRKS,
        acceptance::QUIRKS,
        reply::QUIRKS,
        framing::QUIRKS,
        chunk::QUIRKS,
        tools::QUIRKS,
        usage::QUIRKS,
        logprobs::QUIRKS,
        metadata::QUIRKS,
        beside::QUIRKS,
        error::QUIRKS,
        failing::QUIRKS,
        key::QUIRKS,
        bearer::QUIRKS,
        http::QUIRKS,
        body::QUIRKS,
        transport::QUIRKS,
    ]
    .into_iter()
    .flatten()
}

/// The quirk of that name.
pub fn find(name: &str) -> Option<&'static Quirk> {
    all().find(|quirk| quirk.name == name)
}

/// Changes a whole completion.
fn whole(draft: &mut Draft, change: impl FnOnce(&mut Value)) {
    if draft.kind == Kind::Whole {
        change(&mut draft.bodies[0]);
    }
}

/// Changes a completion, or every chunk of a stream.
fn each(draft: &mut Draft, change: impl Fn(&mut Value)) {
    if matches!(draft.kind, Kind::Whole | Kind::Stream) {
        draft.bodies.iter_mut().for_each(change);
    }
}

/// Changes every chunk of a stream, given its number.
fn chunks(draft: &mut Draft, change: impl Fn(usize, &mut Value)) {
    if draft.kind == Kind::Stream {
        draft.bodies.iter_mut().enumerate().for_each(|(number, chunk)| change(number, chunk));
    }
}

/// Changes the body of an error.
fn error(draft: &mut Draft, change: impl FnOnce(&mut Value)) {
    if draft.kind == Kind::Error {
        change(&mut draft.bodies[0]);
    }
}

/// Replaces the value at a JSON pointer, where there is one.
fn set(body: &mut Value, pointer: &str, value: impl Into<Value>) {
    if let Some(slot) = body.pointer_mut(pointer) {
        *slot = value.into();
    }
}

/// Adds or replaces a member of the object at a JSON pointer, where there is one.
fn put(body: &mut Value, pointer: &str, name: &str, value: impl Into<Value>) {
    if let Some(object) = body.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.insert(name.to_owned(), value.into());
    }
}

/// Removes a member of the object at a JSON pointer.
fn remove(body: &mut Value, pointer: &str, name: &str) {
    if let Some(object) = body.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.shift_remove(name);
    }
}

/// Gives the first choice another `finish_reason`, where it has that one, or any.
fn refinish(reply: &mut Value, from: Option<&str>, to: &str) {
    let has = reply.pointer("/choices/0/finish_reason").and_then(Value::as_str);
    if has.is_some_and(|has| from.is_none_or(|from| from == has)) {
        set(reply, "/choices/0/finish_reason", to);
    }
}

/// Numbers of the chunks that carry text.
fn with_text(draft: &Draft) -> Vec<usize> {
    let filled = |chunk: &Value| {
        chunk.pointer("/choices/0/delta/content").and_then(Value::as_str).is_some_and(|t| !t.is_empty())
    };
    if draft.kind != Kind::Stream {
        return Vec::new();
    }
    (0..draft.bodies.len()).filter(|number| filled(&draft.bodies[*number])).collect()
}

/// Number of the chunk that carries the first finish reason.
fn finishing(draft: &Draft) -> Option<usize> {
    let ends = |chunk: &Value| chunk.pointer("/choices/0/finish_reason").is_some_and(Value::is_string);
    if draft.kind == Kind::Stream { draft.bodies.iter().position(ends) } else { None }
}

/// Puts a chunk into a stream behind the one of that number, at the same instant.
fn insert_behind(draft: &mut Draft, number: usize, chunk: Value) {
    let at = draft.due[number];
    draft.bodies.insert(number + 1, chunk);
    draft.due.insert(number + 1, at);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_kebab() {
        let names: Vec<&str> = all().map(|quirk| quirk.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(
            names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }

    #[test]
    fn each_says_in_a_line_what_it_does_and_where_it_comes_from() {
        for quirk in all() {
            for text in [quirk.about, quirk.source] {
                assert!(!text.is_empty() && !text.contains('\n') && text.len() < 100, "{}: {text:?}", quirk.name);
            }
        }
    }
}
