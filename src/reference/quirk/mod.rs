//! What the endpoint does wrong on request: each quirk changes JSON, bytes or timing on the wire, as some real server
//! has, and knows nothing of what is checked.

use serde_json::Value;

use super::wire::{Draft, Kind, Transcript};

mod error;
mod http;
mod key;
mod metadata;
mod reply;
mod stream;
mod tools;
mod usage;

/// One way of being wrong.
#[derive(Debug)]
pub struct Quirk {
    /// Its name, as users give it.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    act: Act,
}

/// Where a quirk acts.
#[derive(Debug)]
enum Act {
    /// On what is said, as JSON.
    Draft(fn(&mut Draft)),
    /// On the bytes and their timing.
    Transcript(fn(&mut Transcript)),
}

impl Quirk {
    const fn draft(name: &'static str, about: &'static str, act: fn(&mut Draft)) -> Quirk {
        Quirk { name, about, act: Act::Draft(act) }
    }

    const fn transcript(name: &'static str, about: &'static str, act: fn(&mut Transcript)) -> Quirk {
        Quirk { name, about, act: Act::Transcript(act) }
    }

    pub(super) fn spoil_draft(&self, draft: &mut Draft) {
        if let Act::Draft(act) = self.act {
            act(draft);
        }
    }

    pub(super) fn spoil_transcript(&self, transcript: &mut Transcript) {
        if let Act::Transcript(act) = self.act {
            act(transcript);
        }
    }
}

/// Every quirk.
pub fn all() -> impl Iterator<Item = &'static Quirk> {
    let areas = [
        reply::QUIRKS,
        stream::QUIRKS,
        tools::QUIRKS,
        usage::QUIRKS,
        metadata::QUIRKS,
        error::QUIRKS,
        http::QUIRKS,
        key::QUIRKS,
    ];
    areas.into_iter().flatten()
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
}
