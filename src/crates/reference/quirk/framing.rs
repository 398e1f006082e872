//! Quirks of how a stream is framed: lines, events, packets and the content type around them.

use std::time::Duration;

use super::super::gzip;
use super::super::transcript::{Kind, Transcript, Write};
use super::Quirk;

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::transcript("no-content-type", "a stream without content type", "sigoden/aichat #651", |transcript| {
        if transcript.kind == Kind::Stream {
            header(transcript, "content-type", "");
        }
    }),
    Quirk::transcript(
        "raw-line",
        "a line that is no field in the stream",
        "no server known; WHATWG HTML, section 9.2.6",
        |transcript| {
            inject(transcript, 1, b"oops, a log line\n");
        },
    ),
    Quirk::transcript(
        "invalid-utf8-comment",
        "a comment that is no UTF-8",
        "no server known; WHATWG HTML, section 9.2.5",
        |transcript| {
            inject(transcript, 1, b": \xff\xfe\n\n");
        },
    ),
    Quirk::transcript(
        "comments",
        "comments between events, as OpenRouter sends them",
        "openai/openai-go #227",
        |transcript| {
            inject(transcript, 1, b": OPENROUTER PROCESSING\n\n");
        },
    ),
    Quirk::transcript(
        "mixed-line-endings",
        "one event ends its lines in CRLF",
        "no server known; WHATWG HTML, section 9.2.6",
        |transcript| {
            if let Some(write) = nth_event(transcript, 1) {
                write.bytes = String::from_utf8_lossy(&write.bytes).replace('\n', "\r\n").into_bytes();
            }
        },
    ),
    Quirk::transcript(
        "cr-line-endings",
        "all lines end in CR",
        "allowed by WHATWG HTML, section 9.2.6",
        |transcript| {
            if transcript.kind == Kind::Stream {
                for write in &mut transcript.writes {
                    write.bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'\r');
                }
            }
        },
    ),
    Quirk::transcript(
        "broken-chunk",
        "one event is cut in the middle of its JSON",
        "mlcommons/endpoints #497",
        |transcript| {
            if let Some(write) = nth_event(transcript, 2) {
                let half = write.bytes.len() / 2;
                write.bytes.truncate(half);
                write.bytes.extend_from_slice(b"\n\n");
            }
        },
    ),
    Quirk::transcript("no-done", "no [DONE]", "vllm-project/vllm #52852", |transcript| {
        if transcript.kind == Kind::Stream {
            transcript.writes.pop();
        }
    }),
    Quirk::transcript(
        "no-final-blank-line",
        "no blank line behind the last event",
        "no server known; WHATWG HTML, section 9.2.6",
        |transcript| {
            if transcript.kind == Kind::Stream {
                transcript.writes.last_mut().and_then(|write| write.bytes.pop());
            }
        },
    ),
    Quirk::transcript("named-events", "every event has a name", "no server known; OpenAI names none", |transcript| {
        if transcript.kind == Kind::Stream {
            for write in &mut transcript.writes {
                write.bytes.splice(0..0, *b"event: completion\n");
            }
        }
    }),
    Quirk::transcript(
        "chunk-after-done",
        "a chunk after [DONE]",
        "no server known; OpenAI ends a stream with it",
        |transcript| {
            if transcript.kind == Kind::Stream && transcript.writes.len() > 1 {
                let last = transcript.writes[transcript.writes.len() - 2].bytes.clone();
                let empty = String::from_utf8_lossy(&last).replace("\"finish_reason\":\"", "\"was\":\"").into_bytes();
                push(transcript, empty);
            }
        },
    ),
    Quirk::transcript("buffered", "the whole stream at once at its end", "BerriAI/litellm PR#29557", |transcript| {
        let last = transcript.writes.last().map(|write| write.at).unwrap_or_default();
        if transcript.kind == Kind::Stream {
            transcript.writes.iter_mut().for_each(|write| write.at = last);
        }
    }),
    Quirk::page(
        "gzip-stream-held",
        "a stream for who takes gzip comes compressed, all of it at its end",
        "no server known; compressing proxies that do not flush",
        |transcript, head| {
            let bytes: Vec<u8> = transcript.writes.iter().flat_map(|write| &write.bytes).copied().collect();
            let wanted = transcript.kind == Kind::Stream && gzip::accepted(&head.headers);
            if let (true, Some(last), Some(bytes)) = (wanted, transcript.writes.last(), gzip::packed(&bytes)) {
                transcript.writes = vec![Write { at: last.at, bytes }];
                header(transcript, "content-encoding", "gzip");
            }
        },
    ),
    Quirk::transcript(
        "byte-by-byte",
        "one byte of the first events at a time",
        "allowed: TCP keeps no boundaries",
        |transcript| {
            if transcript.kind == Kind::Stream {
                let head = transcript.writes.len().min(3);
                let events: Vec<Write> = transcript.writes.drain(..head).collect();
                let bytes = events.into_iter().flat_map(|write| {
                    write.bytes.into_iter().map(move |byte| Write { at: write.at, bytes: vec![byte] })
                });
                let bytes: Vec<Write> = bytes.collect();
                transcript.writes.splice(0..0, bytes);
            }
        },
    ),
    Quirk::transcript("glued", "the role and the first token in one write", "llama.cpp, as recorded", |transcript| {
        if transcript.kind == Kind::Stream && transcript.writes.len() > 2 {
            let second = transcript.writes.remove(1);
            transcript.writes[0].bytes.extend_from_slice(&second.bytes);
            transcript.writes[0].at = second.at;
        }
    }),
    Quirk::transcript(
        "early-role",
        "the role at once, long before the first token",
        "allowed: a role is no token",
        |transcript| {
            if let Some(write) = nth_event(transcript, 0) {
                write.at = Duration::ZERO;
            }
        },
    ),
    Quirk::transcript("pings", "a comment every 5 ms until the first token", "llama.cpp, as recorded", |transcript| {
        let first = transcript.writes.first().map(|write| write.at).unwrap_or_default();
        if transcript.kind == Kind::Stream {
            let count = u32::try_from(first.as_millis() / 5).unwrap_or(0);
            let ping = |n| Write { at: Duration::from_millis(5) * n, bytes: b":ping\n\n".to_vec() };
            transcript.writes.splice(0..0, (0..count).map(ping));
        }
    }),
    Quirk::transcript("glued-pairs", "two events in each write", "allowed: TCP keeps no boundaries", |transcript| {
        if transcript.kind == Kind::Stream {
            let pairs = transcript.writes.chunks(2);
            transcript.writes = pairs
                .map(|pair| Write {
                    at: pair[pair.len() - 1].at,
                    bytes: pair.iter().flat_map(|write| &write.bytes).copied().collect(),
                })
                .collect();
        }
    }),
    Quirk::transcript(
        "ends-early",
        "a stream that ends in peace after three events",
        "vllm-project/vllm #52852",
        |transcript| {
            if transcript.kind == Kind::Stream {
                transcript.writes.truncate(3);
            }
        },
    ),
    Quirk::transcript(
        "stream-as-json",
        "a stream with content type application/json",
        "microsoft/foundry-dev-tools #195",
        |transcript| {
            if transcript.kind == Kind::Stream {
                header(transcript, "content-type", "application/json");
            }
        },
    ),
    Quirk::transcript(
        "stream-byte-order-mark",
        "a stream opens with a byte-order mark",
        "allowed by WHATWG HTML, section 9.2.5",
        |transcript| {
            if let Some(write) = nth_event(transcript, 0) {
                write.bytes.splice(0..0, *b"\xef\xbb\xbf");
            }
        },
    ),
    Quirk::transcript(
        "split-events",
        "each event in two packets, the first cut behind one byte, the next behind two",
        "allowed: TCP keeps no boundaries",
        |transcript| {
            if transcript.kind == Kind::Stream {
                let whole = std::mem::take(&mut transcript.writes);
                let cut = whole.into_iter().enumerate();
                transcript.writes = cut.flat_map(|(n, write)| split(write, n + 1)).collect();
            }
        },
    ),
    Quirk::transcript(
        "split-data",
        "the data of each event in two lines",
        "allowed by WHATWG HTML, section 9.2.6",
        |transcript| {
            if transcript.kind == Kind::Stream {
                for write in &mut transcript.writes {
                    // Lines are joined with a line feed, which JSON allows behind a comma.
                    if let Some(comma) = write.bytes.iter().position(|byte| *byte == b',') {
                        write.bytes.splice(comma..=comma, *b",\ndata: ");
                    }
                }
            }
        },
    ),
    Quirk::transcript(
        "split-character",
        "a character of four bytes in two packets",
        "inference-perf PR#781; allowed",
        |transcript| {
            if let Some(number) = speaking(transcript) {
                let mut write = transcript.writes.remove(number);
                if let Some(text) = insert_text(&mut write.bytes, "\u{1F30A}".as_bytes()) {
                    transcript.writes.splice(number..number, split(write, text + 2));
                }
            }
        },
    ),
];

/// How long the second part of a cut event comes behind the first.
const APART: Duration = Duration::from_millis(2);

/// An event in two packets.
fn split(mut write: Write, offset: usize) -> [Write; 2] {
    let rest = write.bytes.split_off(offset.min(write.bytes.len()));
    let at = write.at + APART;
    [write, Write { at, bytes: rest }]
}

/// Number of the first event of a stream that says something.
fn speaking(transcript: &Transcript) -> Option<usize> {
    let says = |write: &Write| text_of(&write.bytes).is_some_and(|at| write.bytes.get(at) != Some(&b'"'));
    if transcript.kind == Kind::Stream { transcript.writes.iter().position(says) } else { None }
}

/// Where the text of a completion or chunk begins.
fn text_of(bytes: &[u8]) -> Option<usize> {
    let member = b"\"content\":\"";
    Some(bytes.windows(member.len()).position(|window| window == member)? + member.len())
}

/// Puts bytes in front of the text of a completion or chunk, and says where they stand.
pub(super) fn insert_text(bytes: &mut Vec<u8>, text: &[u8]) -> Option<usize> {
    let at = text_of(bytes)?;
    bytes.splice(at..at, text.iter().copied());
    Some(at)
}

pub(super) fn header(transcript: &mut Transcript, name: &'static str, value: &str) {
    transcript.headers.retain(|(known, _)| *known != name);
    transcript.headers.push((name, value.to_owned().into()));
}

fn nth_event(transcript: &mut Transcript, number: usize) -> Option<&mut Write> {
    if transcript.kind == Kind::Stream { transcript.writes.get_mut(number) } else { None }
}

/// Bytes of a stream behind the event of that number.
fn inject(transcript: &mut Transcript, number: usize, bytes: &[u8]) {
    if let Some(write) = nth_event(transcript, number) {
        write.bytes.extend_from_slice(bytes);
    }
}

fn push(transcript: &mut Transcript, bytes: Vec<u8>) {
    let at = transcript.writes.last().map(|write| write.at).unwrap_or_default();
    transcript.writes.push(Write { at, bytes });
}
