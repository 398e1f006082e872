//! Quirks of status, headers, and the bytes of a body that arrives whole.

use super::super::gzip;
use super::super::transcript::{Kind, Transcript};
use super::Quirk;
use super::framing::{header, insert_text};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::transcript(
        "status-201",
        "successes have status 201",
        "no server known; 200 is the published status",
        |transcript| {
            if completes(transcript) {
                transcript.status = 201;
            }
        },
    ),
    Quirk::transcript(
        "content-type-text",
        "whole completions are text/plain",
        "EricLBuehler/mistral.rs #79",
        |transcript| {
            if transcript.kind == Kind::Whole {
                header(transcript, "content-type", "text/plain");
            }
        },
    ),
    Quirk::transcript(
        "trailing-garbage",
        "bytes after the JSON",
        "no server known; RFC 8259, section 2",
        |transcript| {
            edit(transcript, |text| text.push_str("\nxyz"));
        },
    ),
    Quirk::transcript(
        "byte-order-mark",
        "the body opens with a byte-order mark",
        "no server known; RFC 8259, section 8.1",
        |transcript| {
            edit(transcript, |text| text.insert(0, '\u{FEFF}'));
        },
    ),
    Quirk::transcript("duplicate-name", "a member name twice", "no server known; RFC 8259, section 4", |transcript| {
        edit(transcript, |text| text.replace_range(..1, "{\"object\":\"chat.completion\","));
    }),
    Quirk::transcript("nan", "NaN in the JSON", "vllm-project/vllm #10234", |transcript| {
        edit(transcript, |text| text.replace_range(..1, "{\"score\":NaN,"));
    }),
    Quirk::transcript(
        "redirect-elsewhere",
        "a redirect to another host",
        "no server known; RFC 9110, section 15.4",
        |transcript| {
            if completes(transcript) {
                transcript.kind = Kind::Other;
                transcript.status = 307;
                header(transcript, "location", "http://other.invalid/v1/chat/completions");
                transcript.writes.truncate(1);
                transcript.writes.iter_mut().for_each(|write| write.bytes.clear());
            }
        },
    ),
    Quirk::transcript(
        "html-200",
        "a page of HTML with status 200",
        "malformed-reply test of load tools: all four see it",
        |transcript| {
            if completes(transcript) {
                transcript.kind = Kind::Whole;
                header(transcript, "content-type", "text/html");
                transcript.writes.truncate(1);
                let page = b"<html><body><h1>Welcome</h1></body></html>";
                transcript.writes.iter_mut().for_each(|write| write.bytes = page.to_vec());
            }
        },
    ),
    Quirk::transcript(
        "gzip-that-is-none",
        "Content-Encoding gzip on a body that is not compressed",
        "no server known; RFC 9110, section 8.4",
        |transcript| {
            if completes(transcript) {
                header(transcript, "content-encoding", "gzip");
            }
        },
    ),
    Quirk::transcript(
        "gzip-unasked",
        "completions are compressed, whatever the client takes",
        "allowed: RFC 9110, section 12.5.3",
        |transcript| {
            if completes(transcript) {
                gzip::pack(transcript);
            }
        },
    ),
    Quirk::transcript(
        "coding-unknown",
        "Content-Encoding names a coding that nobody knows",
        "no server known; RFC 9110, section 8.4.1",
        |transcript| {
            if completes(transcript) {
                header(transcript, "content-encoding", "x-packed");
            }
        },
    ),
    Quirk::transcript(
        "deep-nesting",
        "a member with 100,000 arrays in one another",
        "no server known; RFC 8259, section 9 lets readers set limits",
        |transcript| {
            let deep = format!("{{\"extra\":{}{},", "[".repeat(100_000), "]".repeat(100_000));
            if let Some(bytes) = some_json(transcript)
                && let Some(opens) = bytes.iter().position(|byte| *byte == b'{')
            {
                bytes.splice(opens..=opens, deep.into_bytes());
            }
        },
    ),
    Quirk::transcript(
        "invalid-utf8",
        "a byte in the text that is no UTF-8",
        "ggml-org/llama.cpp #4036",
        |transcript| {
            if let Some(bytes) = some_json(transcript) {
                insert_text(bytes, b"\xff");
            }
        },
    ),
];

/// The bytes of a whole completion, or of the third event of a stream.
fn some_json(transcript: &mut Transcript) -> Option<&mut Vec<u8>> {
    let number = match transcript.kind {
        Kind::Whole => 0,
        Kind::Stream => 2,
        Kind::Error | Kind::Other => return None,
    };
    transcript.writes.get_mut(number).map(|write| &mut write.bytes)
}

pub(super) fn completes(transcript: &Transcript) -> bool {
    matches!(transcript.kind, Kind::Whole | Kind::Stream)
}

/// Edits the text of a whole completion.
fn edit(transcript: &mut Transcript, change: impl FnOnce(&mut String)) {
    if transcript.kind != Kind::Whole {
        return;
    }
    if let Some(write) = transcript.writes.first_mut() {
        let mut text = String::from_utf8_lossy(&write.bytes).into_owned();
        change(&mut text);
        write.bytes = text.into_bytes();
    }
}
