//! Faults of the transport: what hyper would not send, said past it.
//!
//! They speak HTTP/1.1. On a connection that speaks HTTP/2, a reset or a stall is what it is, and the bytes of the others
//! are no frames, which breaks every exchange on it.

use std::time::Duration;

use super::super::socket::{Script, Step};
use super::super::transcript::{Kind, Transcript, Write};
use super::Quirk;
use super::body::completes;

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::transport("reset-before-head", "a reset in the place of a reply", "a server that is killed", |transcript| {
        completes(transcript).then(|| vec![Step::Reset(Duration::ZERO)])
    }),
    Quirk::transport(
        "reset-mid-body",
        "a reset after three events, or half of a whole body",
        "a server that is killed",
        |transcript| {
            let (mut script, at) = cut(transcript)?;
            script.push(Step::Reset(at));
            Some(script)
        },
    ),
    Quirk::transport(
        "half-close",
        "the end of the connection in the place of a reply, which stays open for the client",
        "no server known; RFC 9112, section 9.6",
        |transcript| completes(transcript).then(|| vec![Step::HalfClose, Step::Stall]),
    ),
    Quirk::transport(
        "stall-before-head",
        "no byte of the reply, for 60 s or until the client leaves",
        "a server that hangs",
        |transcript| completes(transcript).then(|| vec![Step::Stall]),
    ),
    Quirk::transport(
        "stall-mid-body",
        "three events or half of a whole body, then no byte for 60 s or until the client leaves",
        "a server that hangs",
        |transcript| {
            let (mut script, _) = cut(transcript)?;
            script.push(Step::Stall);
            Some(script)
        },
    ),
    Quirk::transport(
        "no-terminator",
        "a stream whose chunked body is not terminated",
        "llama.cpp, when killed",
        |transcript| {
            let mut script = streamed(transcript)?;
            script.pop();
            Some(script)
        },
    ),
    Quirk::transport(
        "done-lingers",
        "a stream stays open behind [DONE], for 60 s or until the client leaves",
        "no server known; gateways that wait for an upstream to close",
        |transcript| {
            let mut script = streamed(transcript)?;
            script.pop();
            script.push(Step::Stall);
            Some(script)
        },
    ),
    Quirk::transport(
        "length-and-chunked",
        "Content-Length 5 beside the Transfer-Encoding of a stream",
        "no server known; RFC 9112, section 6.2",
        |transcript| {
            let mut script = streamed(transcript)?;
            let framing = "content-length: 5\r\ntransfer-encoding: chunked";
            script[0] = Step::Send(Duration::ZERO, head(transcript, framing));
            Some(script)
        },
    ),
    Quirk::transport(
        "header-folded",
        "a header that goes on in the next line",
        "allowed of old: RFC 9112, section 5.2",
        |transcript| {
            let folded = |framing: &str| head(transcript, &format!("x-folded: one\r\n two\r\n{framing}"));
            completes(transcript).then(|| as_it_is(transcript, folded))
        },
    ),
    Quirk::transport(
        "cut-mid-stream",
        "the connection ends after three events",
        "BerriAI/litellm PR#39748",
        |transcript| {
            let mut script = streamed(transcript)?;
            script.truncate(4);
            Some(script)
        },
    ),
    Quirk::transport(
        "chunk-size-nonsense",
        "the size of a chunk is no number",
        "no server known; RFC 9112, section 7.1",
        |transcript| {
            let mut script = streamed(transcript)?;
            script.truncate(4);
            script.push(Step::Send(Duration::ZERO, b"banana\r\n".to_vec()));
            Some(script)
        },
    ),
    Quirk::transport(
        "content-length-long",
        "Content-Length is 10 bytes more than comes",
        "no server known; RFC 9112, section 6.3",
        |transcript| whole(transcript, |length| length + 10),
    ),
    Quirk::transport(
        "content-length-short",
        "Content-Length is 10 bytes less than comes",
        "no server known; RFC 9112, section 6.3",
        |transcript| whole(transcript, |length| length.saturating_sub(10)),
    ),
    Quirk::transport(
        "closes-unannounced",
        "the connection is closed behind each reply, without a word before",
        "no server known; RFC 9112, section 9.6",
        |transcript| Some(as_it_is(transcript, |framing| silent_head(transcript, framing))),
    ),
    Quirk::transport(
        "byte-at-a-time",
        "head and body in packets of one byte",
        "allowed: TCP keeps no boundaries",
        |transcript| {
            let script =
                if transcript.kind == Kind::Stream { streamed(transcript) } else { whole(transcript, |length| length) };
            Some(script?.into_iter().flat_map(singly).collect())
        },
    ),
    Quirk::transport("header-flood", "2 MB of headers", "no server known; RFC 9110, section 5.4", |transcript| {
        let line = format!("x-padding: {}\r\n", "x".repeat(8180));
        let opens = Step::Send(Duration::ZERO, format!("HTTP/1.1 {} Flood\r\n", transcript.status).into_bytes());
        completes(transcript).then(|| vec![opens, Step::Repeat(256, line.into_bytes()), send(Duration::ZERO, b"\r\n")])
    }),
    Quirk::transport(
        "huge-reply",
        "a reply of 100 MB",
        "no server known; what a client holds is to be bounded",
        |transcript| {
            let head = head(transcript, &format!("content-length: {}", 100 << 20));
            completes(transcript)
                .then(|| vec![Step::Send(Duration::ZERO, head), Step::Repeat(100, vec![b'x'; 1 << 20])])
        },
    ),
    Quirk::transport(
        "endless-stream",
        "a stream that repeats an event until the client leaves",
        "no server known; what a client holds is to be bounded",
        |transcript| {
            let mut script = streamed(transcript)?;
            script.truncate(4);
            let Some(Step::Send(_, event)) = script.pop() else { return None };
            script.push(Step::Repeat(u64::MAX, event.repeat(64)));
            Some(script)
        },
    ),
    Quirk::connection(
        "slow-handshake",
        "a new connection is left alone for 10 s, its TLS handshake too",
        "an overloaded server",
        Duration::from_secs(10),
    ),
];

fn send(at: Duration, bytes: &[u8]) -> Step {
    Step::Send(at, bytes.to_vec())
}

/// Status line and headers, one more that says how long the body is, and one that says that no reply follows.
fn head(transcript: &Transcript, framing: &str) -> Vec<u8> {
    silent_head(transcript, &format!("{framing}\r\nconnection: close"))
}

/// The same without a word on what follows.
fn silent_head(transcript: &Transcript, framing: &str) -> Vec<u8> {
    let named = transcript.headers.iter().filter(|(_, value)| !value.is_empty());
    let headers: Vec<String> = named.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    format!("HTTP/1.1 {} Reply\r\n{headers}{framing}\r\n\r\n", transcript.status).into_bytes()
}

/// The reply as it is, whatever its kind, behind a head that is made for its framing.
fn as_it_is(transcript: &Transcript, head: impl Fn(&str) -> Vec<u8>) -> Script {
    if let Some(mut script) = streamed(transcript) {
        script[0] = Step::Send(Duration::ZERO, head("transfer-encoding: chunked"));
        return script;
    }
    let length: usize = transcript.writes.iter().map(|write| write.bytes.len()).sum();
    let head = Step::Send(Duration::ZERO, head(&format!("content-length: {length}")));
    let bodies = transcript.writes.iter().map(|write| Step::Send(write.at, write.bytes.clone()));
    std::iter::once(head).chain(bodies).collect()
}

/// A stream as a chunked body: the head, each write as a chunk, the terminator.
fn streamed(transcript: &Transcript) -> Option<Script> {
    if transcript.kind != Kind::Stream {
        return None;
    }
    let mut script = vec![Step::Send(Duration::ZERO, head(transcript, "transfer-encoding: chunked"))];
    script.extend(transcript.writes.iter().map(|write| {
        let size = format!("{:x}\r\n", write.bytes.len());
        Step::Send(write.at, [size.as_bytes(), &write.bytes, b"\r\n"].concat())
    }));
    script.push(send(Duration::ZERO, b"0\r\n\r\n"));
    Some(script)
}

/// A whole completion under a length that may be wrong.
fn whole(transcript: &Transcript, length: fn(usize) -> usize) -> Option<Script> {
    let Write { at, bytes } = transcript.writes.first().filter(|_| transcript.kind == Kind::Whole)?;
    let head = head(transcript, &format!("content-length: {}", length(bytes.len())));
    Some(vec![Step::Send(*at, [head.as_slice(), bytes].concat())])
}

/// The first three events of a stream, or a whole completion as far as the middle of its body; and a moment at which the
/// client has read that.
fn cut(transcript: &Transcript) -> Option<(Script, Duration)> {
    let settled = Duration::from_millis(20);
    if let Some(mut script) = streamed(transcript) {
        script.truncate(4);
        return Some((script, transcript.writes.get(2)?.at + settled));
    }
    let mut script = whole(transcript, |length| length)?;
    let Some(Step::Send(at, bytes)) = script.first_mut() else { return None };
    bytes.truncate(bytes.len() - transcript.writes.first()?.bytes.len() / 2);
    let settled = *at + settled;
    Some((script, settled))
}

/// The same bytes, each in a packet of its own.
fn singly(step: Step) -> Vec<Step> {
    match step {
        Step::Send(at, bytes) => bytes.into_iter().map(|byte| Step::Send(at, vec![byte])).collect(),
        Step::Repeat(..) | Step::Stall | Step::HalfClose | Step::Reset(_) => vec![step],
    }
}
