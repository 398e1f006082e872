//! Quirks of HTTP: status, headers, the bytes of a whole body, and how the connection ends.

use super::super::wire::{Kind, Transcript};
use super::Quirk;
use super::stream::header;

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::transcript("status-201", "successes have status 201", |transcript| {
        if completes(transcript) {
            transcript.status = 201;
        }
    }),
    Quirk::transcript(
        "content-type-text",
        "whole completions are text/plain (EricLBuehler/mistral.rs #79)",
        |transcript| {
            if transcript.kind == Kind::Whole {
                header(transcript, "content-type", "text/plain");
            }
        },
    ),
    Quirk::transcript("trailing-garbage", "bytes after the JSON", |transcript| {
        edit(transcript, |text| text.push_str("\nxyz"));
    }),
    Quirk::transcript("byte-order-mark", "the body opens with a byte-order mark", |transcript| {
        edit(transcript, |text| text.insert(0, '\u{FEFF}'));
    }),
    Quirk::transcript("duplicate-name", "a member name twice", |transcript| {
        edit(transcript, |text| text.replace_range(..1, "{\"object\":\"chat.completion\","));
    }),
    Quirk::transcript("nan", "NaN in the JSON (vllm-project/vllm #10234)", |transcript| {
        edit(transcript, |text| text.replace_range(..1, "{\"score\":NaN,"));
    }),
    Quirk::transcript("redirect-elsewhere", "a redirect to another host", |transcript| {
        if completes(transcript) {
            transcript.kind = Kind::Other;
            transcript.status = 307;
            header(transcript, "location", "http://other.invalid/v1/chat/completions");
            transcript.writes.truncate(1);
            transcript.writes.iter_mut().for_each(|write| write.bytes.clear());
        }
    }),
    Quirk::transcript("content-length-long", "Content-Length is 10 bytes more than comes", |transcript| {
        if transcript.kind == Kind::Whole {
            let length: usize = transcript.writes.iter().map(|write| write.bytes.len()).sum();
            header(transcript, "content-length", &(length + 10).to_string());
            transcript.breaks = true;
        }
    }),
    Quirk::transcript(
        "no-terminator",
        "a stream whose chunked body is not terminated (llama.cpp, when killed)",
        |transcript| {
            if transcript.kind == Kind::Stream {
                transcript.breaks = true;
            }
        },
    ),
    Quirk::transcript("cut-mid-stream", "the connection breaks after three events", |transcript| {
        if transcript.kind == Kind::Stream {
            transcript.writes.truncate(3);
            transcript.breaks = true;
        }
    }),
];

fn completes(transcript: &Transcript) -> bool {
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
