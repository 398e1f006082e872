//! What the content of a reply says of its outcome, where HTTP says that it came whole.

use super::Exchange;
use super::outcome::{Cut, Form, Inband, Outcome};
use super::reading::{Payload, Reply, Seen, Stream};
use super::words::in_words;
use crate::wire::api::error::{Place, error_in};
use crate::wire::api::finish::{ends, failure_in};
use crate::wire::api::output::Choice;
use crate::wire::json::{Members, Value};

/// Adds what the content says to what HTTP says. Where two apply, transport beats content, and the earlier beats the
/// later. A success whose body was dropped unread is none of ours to call a success.
pub(super) fn outcome_of(exchange: &Exchange, reply: &Reply, read: &[Choice]) -> Outcome {
    if exchange.outcome != Outcome::Ok {
        return exchange.outcome;
    }
    if exchange.unjudged {
        return Outcome::Unjudged;
    }
    match reply {
        Reply::Nothing => exchange.outcome,
        Reply::Whole(whole) => match &whole.json {
            Ok(document) => of_whole(exchange, &document.value),
            Err(_) if exchange.asked.wanted.stream => Outcome::Malformed(Form::NotSse),
            Err(_) => Outcome::Malformed(Form::NotJson),
        },
        Reply::Stream(stream) => of_stream(exchange, stream, read),
    }
}

fn of_whole(exchange: &Exchange, body: &Value) -> Outcome {
    let asked_stream = exchange.asked.wanted.stream;
    if error_in(body, Place::Body).is_some() || (!asked_stream && metadata_error(exchange, body)) {
        Outcome::InbandError(Inband::Stated)
    } else if asked_stream {
        Outcome::Malformed(Form::NotSse)
    } else if !body.is_object() {
        Outcome::Malformed(Form::NotJson)
    } else if failure_in(body).is_some() {
        Outcome::InbandError(Inband::GenerationFailed)
    } else {
        Outcome::Ok
    }
}

/// A stream is ok with an end for every choice and no error. That `[DONE]` is missing breaks a rule and nothing else: the
/// answer is there, and its times are those of the answer.
fn of_stream(exchange: &Exchange, stream: &Stream, read: &[Choice]) -> Outcome {
    for event in &stream.events {
        match &event.payload {
            Payload::Error(_) | Payload::ErrorText => return Outcome::InbandError(Inband::Stated),
            Payload::Broken(_) => return Outcome::Malformed(Form::BadEvent),
            Payload::Chunk(document) => {
                if metadata_error(exchange, &document.value) {
                    return Outcome::InbandError(Inband::Stated);
                }
                if failure_in(&document.value).is_some() {
                    return Outcome::InbandError(Inband::GenerationFailed);
                }
            }
            Payload::Repeat(_) | Payload::Done | Payload::Empty => {}
        }
    }
    if let Some(body) = &stream.bare_json {
        let is_error = error_in(body, Place::Body).is_some();
        return if is_error { Outcome::InbandError(Inband::Stated) } else { Outcome::Malformed(Form::NotSse) };
    }
    if stream.events.is_empty() {
        let empty = exchange.body.bytes.iter().all(u8::is_ascii_whitespace);
        return if empty { Outcome::Truncated(Cut::Empty) } else { Outcome::Malformed(Form::NotSse) };
    }
    let finished = |wanted: u64| {
        stream.distinct().any(|(_, chunk)| ends(chunk, wanted))
            || read.iter().any(|choice| choice.index == wanted && choice.is_spoken())
    };
    if (0..exchange.asked.wanted.n).all(finished) { Outcome::Ok } else { Outcome::Truncated(Cut::NoFinish) }
}

/// Pulze's error inside a 200: `metadata.error` says something, or `metadata.status_code` is 400 or more.
fn metadata_error(exchange: &Exchange, reply: &Value) -> bool {
    if !exchange.asked.wanted.contract.facts.metadata_block {
        return false;
    }
    let Some(metadata) = reply.member("metadata") else { return false };
    let text = metadata.member("error").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    text || metadata.member("status_code").and_then(Value::as_u64).is_some_and(|status| status >= 400)
}

/// What a reply says of what went wrong: the words of its error, else its finish reason, else what of it cannot be read.
pub(super) fn cause(exchange: &Exchange, reply: &Reply) -> Option<String> {
    match reply {
        Reply::Nothing => None,
        Reply::Whole(whole) => match &whole.json {
            Ok(document) => in_body(&document.value, Place::Body),
            Err(error) => Some(in_words(exchange).unwrap_or_else(|| error.clone())),
        },
        Reply::Stream(stream) => stream
            .events
            .iter()
            .find_map(in_event)
            .or_else(|| stream.bare_json.as_ref().and_then(|body| in_body(body, Place::Body)))
            .or_else(|| stream.distinct().find_map(|(_, chunk)| by_finish(chunk)))
            .or_else(|| outside_of_events(stream)),
    }
}

fn in_body(body: &Value, place: Place) -> Option<String> {
    let stated = error_in(body, place).map(|error| error.in_words());
    stated.or_else(|| by_finish(body))
}

fn by_finish(body: &Value) -> Option<String> {
    failure_in(body).map(|reason| format!("the finish reason is {reason:?}"))
}

/// What an event says of an error; JSON in an event named `error` may be one of no known shape.
fn in_event(event: &Seen) -> Option<String> {
    match &event.payload {
        Payload::Error(document) => {
            let stated = error_in(&document.value, Place::Event).map(|error| error.in_words());
            Some(stated.or_else(|| in_body(&document.value, Place::Body)).unwrap_or_else(|| event.data.clone()))
        }
        Payload::ErrorText if event.data.trim().is_empty() => Some("an event named error without data".to_owned()),
        Payload::ErrorText => Some(event.data.trim().to_owned()),
        Payload::Broken(error) => Some(error.clone()),
        Payload::Chunk(_) | Payload::Repeat(_) | Payload::Done | Payload::Empty => None,
    }
}

/// A line of a stream that is no field, such as a bare line of a proxy's, or what the end of the body cut off.
fn outside_of_events(stream: &Stream) -> Option<String> {
    let framing = &stream.framing;
    let line = framing.first_unknown.as_deref().or(framing.unterminated.as_deref())?;
    Some(format!("not in any event: {}", String::from_utf8_lossy(line).trim()))
}
