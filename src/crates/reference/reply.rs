//! What goes back, serialised once: JSON texts with the instants at which they are due.
//!
//! A correct endpoint never needs its replies as trees. Quirks do, so only with one active is a reply read back into a
//! [`Draft`].

use std::time::Duration;

use serde_json::Value;

use super::pace::Pace;
use super::transcript::{Draft, Header, Kind, Transcript, Write};
use crate::wire::api::finish::DONE;

/// A reply, or the chunks of one.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// What kind of reply it is.
    pub(super) kind: Kind,
    /// HTTP status.
    pub(super) status: u16,
    /// Headers beside the content type, which is among them only if it is not that of the kind.
    pub(super) headers: Vec<Header>,
    /// The one body, or the chunks of a stream in order.
    pub(super) bodies: Vec<Write>,
    /// What it costs to generate and at what pace; none for what is not generated.
    pub(super) pace: Option<Pace>,
    /// Number of the request at this endpoint.
    pub(super) number: u64,
    /// Opening words of this prompt and of the last one.
    pub(super) openings: [String; 2],
}

impl Reply {
    /// A body that is no completion.
    pub(super) fn at_once(body: Vec<u8>, number: u64) -> Reply {
        Reply {
            kind: Kind::Other,
            status: 200,
            headers: Vec::new(),
            bodies: vec![Write { at: Duration::ZERO, bytes: body }],
            pace: None,
            number,
            openings: Default::default(),
        }
    }

    /// A value that is no completion.
    pub(super) fn of_json(value: &Value, number: u64) -> Reply {
        Reply::at_once(value.to_string().into_bytes(), number)
    }

    /// As JSON, for quirks to spoil; none of what they leave alone.
    pub(super) fn draft(&self) -> Option<Draft> {
        if self.kind == Kind::Other {
            return None;
        }
        let bodies = self.bodies.iter().map(|body| serde_json::from_slice::<Value>(&body.bytes));
        Some(Draft {
            kind: self.kind,
            status: self.status,
            headers: self.headers.clone(),
            bodies: bodies.collect::<Result<_, _>>().ok()?,
            due: self.bodies.iter().map(|body| body.at).collect(),
            number: self.number,
            openings: self.openings.clone(),
        })
    }

    /// What a draft has become.
    pub(super) fn of(draft: Draft) -> Reply {
        let Draft { kind, status, headers, bodies, due, number, openings } = draft;
        let write = |(body, at): (&Value, Duration)| Write { at, bytes: body.to_string().into_bytes() };
        let bodies = bodies.iter().zip(due).map(write).collect();
        Reply { kind, status, headers, bodies, pace: None, number, openings }
    }

    /// As bytes in time. A stream ends in `[DONE]`.
    pub(super) fn transcribe(self) -> Transcript {
        let Reply { kind, status, mut headers, bodies: mut writes, .. } = self;
        let stream = kind == Kind::Stream;
        let content_type = if stream { "text/event-stream; charset=utf-8" } else { "application/json" };
        headers.insert(0, ("content-type", content_type.into()));
        if stream {
            let end = writes.last().map(|write| write.at).unwrap_or_default();
            for write in &mut writes {
                write.bytes = event(&write.bytes);
            }
            writes.push(Write { at: end, bytes: event(DONE) });
        }
        Transcript { kind, status, headers, writes }
    }
}

/// A chunk as an event.
fn event(chunk: &[u8]) -> Vec<u8> {
    [b"data: ", chunk, b"\n\n"].concat()
}
