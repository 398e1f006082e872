//! Vectors of server-sent events (`tests/vectors/events.json`): the decoder makes these events of these bytes, however
//! they are cut, and notes what was wrong with the framing.
//!
//! Bytes stand in a vector as a text, or as a list of parts: a text, `{"hex": "ff"}`, or `{"data": JSON}`, which is one
//! event with that data.

use proofload::wire::sse::{Decoder, Event, Framing};
use serde_json::{Map, Value, json};

/// The vectors of a file in `tests/vectors`.
pub(crate) fn vectors(file: &str) -> Vec<Value> {
    let path = format!("tests/vectors/{file}");
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(&path)
}

/// The bytes that stand in a vector.
pub(crate) fn bytes(written: &Value) -> Vec<u8> {
    let part = |part: &Value| match (part.as_str(), &part["hex"], &part["data"]) {
        (Some(text), ..) => text.as_bytes().to_vec(),
        (None, Value::String(hex), _) => hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal digits"))
            .collect(),
        (None, _, data) if data.is_object() => format!("data: {data}\n\n").into_bytes(),
        _ => panic!("no part of a stream: {part}"),
    };
    written.as_array().map_or_else(|| part(written), |parts| parts.iter().flat_map(part).collect())
}

/// Text of a vector.
pub(crate) fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().unwrap_or_else(|| panic!("{name} is a text: {vector}"))
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Framing) {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece, |event| events.push(event));
    }
    (events, decoder.finish())
}

/// Decodes whole, byte by byte and cut in two at every offset; all must agree.
fn read(bytes: &[u8]) -> (Vec<Event>, Framing) {
    let whole = decode([bytes]);
    assert_eq!(whole, decode(bytes.chunks(1)), "byte by byte");
    for cut in 0..=bytes.len() {
        assert_eq!(whole, decode([&bytes[..cut], &bytes[cut..]]), "cut at {cut}");
    }
    whole
}

fn event(written: &Value) -> Event {
    Event {
        name: written["name"].as_str().unwrap_or_default().into(),
        data: bytes(&written["data"]),
        lines: written["lines"].as_u64().unwrap_or(1).try_into().expect("few lines"),
    }
}

/// What a framing notes, without what is as usual.
fn noted(framing: &Framing) -> Map<String, Value> {
    let endings = framing.endings;
    let endings = [("lf", endings.lf), ("crlf", endings.crlf), ("cr", endings.cr)];
    let endings = endings.into_iter().filter(|(_, count)| *count > 0);
    let members = json!({
        "bom": framing.bom.then_some(true),
        "endings": endings.map(|(name, count)| (name.to_owned(), count.into())).collect::<Map<String, Value>>(),
        "comments": Some(framing.comments).filter(|count| *count > 0),
        "first_comment": lossy(framing.first_comment.as_deref()),
        "unknown_fields": Some(framing.unknown_fields).filter(|count| *count > 0),
        "first_unknown": lossy(framing.first_unknown.as_deref()),
        "unterminated": lossy(framing.unterminated.as_deref()),
        "multiline": Some(framing.multiline).filter(|count| *count > 0),
    });
    members.as_object().expect("an object").clone().into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn lossy(bytes: Option<&[u8]>) -> Value {
    bytes.map(String::from_utf8_lossy).into()
}

#[test]
fn every_stream_has_its_events_and_its_framing() {
    let vectors = vectors("events.json");
    assert!(vectors.len() > 15, "only {} vectors", vectors.len());
    for vector in vectors {
        let id = text(&vector, "id");
        let (events, framing) = read(&bytes(&vector["bytes"]));
        let expected: Vec<Event> = vector["events"].as_array().expect("events").iter().map(event).collect();
        assert_eq!(events, expected, "{id}");
        let mut noted = noted(&framing);
        if vector["framing"].get("endings").is_none() {
            noted.remove("endings");
        }
        let expected = vector["framing"].as_object().cloned().unwrap_or_default();
        assert_eq!(Value::Object(noted), Value::Object(expected), "{id}");
    }
}
