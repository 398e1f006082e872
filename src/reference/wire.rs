//! From what is said to bytes in time: a [`Draft`] is JSON, a [`Transcript`] is bytes with their instants.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

use super::metrics::InFlight;
use super::record::{Ending, Witness};
use super::timer::Timer;

/// What is about to be said, as JSON.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// What kind of reply it is.
    pub(super) kind: Kind,
    /// HTTP status.
    pub(super) status: u16,
    /// Headers beside the content type, names in lower case.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The one body, or the chunks of a stream in order.
    pub(super) bodies: Vec<Value>,
    /// When each body is due, from the moment the request was read.
    pub(super) due: Vec<Duration>,
    /// Number of the request at this endpoint.
    pub(super) number: u64,
    /// Opening words of this prompt and of the last one.
    pub(super) openings: [String; 2],
}

/// Kinds of reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A completion in one body.
    Whole,
    /// A completion as events.
    Stream,
    /// An error.
    Error,
    /// Something else, such as the list of models; no quirk touches it.
    Other,
}

/// What is about to be said, as bytes in time.
#[derive(Debug, Clone)]
pub(super) struct Transcript {
    /// What kind of reply it is.
    pub(super) kind: Kind,
    /// HTTP status.
    pub(super) status: u16,
    /// Headers, names in lower case.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(super) writes: Vec<Write>,
}

/// Bytes that go out together.
#[derive(Debug, Clone)]
pub(super) struct Write {
    /// When, from the moment the request was read.
    pub(super) at: Duration,
    /// What.
    pub(super) bytes: Vec<u8>,
}

/// Waits for what is not a stream, then hands the reply to hyper.
pub(super) async fn respond(
    transcript: Transcript,
    mut timer: Timer,
    mut witness: Witness,
    mut in_flight: Option<InFlight>,
) -> Response<Outgoing> {
    let stream = transcript.kind == Kind::Stream;
    if let Some(first) = transcript.writes.first().filter(|_| !stream) {
        poll_fn(|context| timer.poll(first.at, context)).await;
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(transcript.status).unwrap_or(StatusCode::OK);
    for (name, value) in &transcript.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if !stream && !response.headers().contains_key(CONTENT_LENGTH) {
        let length: usize = transcript.writes.iter().map(|write| write.bytes.len()).sum();
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if response.headers().get(CONTENT_TYPE).is_some_and(HeaderValue::is_empty) {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    witness.answered(transcript.status);
    if let Some(in_flight) = &mut in_flight {
        in_flight.answered(transcript.status);
    }
    if transcript.writes.is_empty() {
        witness.ends(Ending::Complete);
    }
    let outgoing = Outgoing { timer, witness, writes: transcript.writes.into_iter(), _in_flight: in_flight };
    response.map(|()| outgoing)
}

/// Body of a response, whose frames come at their instants.
pub(super) struct Outgoing {
    timer: Timer,
    witness: Witness,
    writes: std::vec::IntoIter<Write>,
    /// A completion request is in flight as long as the body of its reply lasts.
    _in_flight: Option<InFlight>,
}

impl Outgoing {
    /// A body that is never sent, since the connection is gone.
    pub(super) fn nothing(timer: Timer, witness: Witness) -> Outgoing {
        Outgoing { timer, witness, writes: Vec::new().into_iter(), _in_flight: None }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if let Some(next) = this.writes.as_slice().first() {
            ready!(this.timer.poll(next.at, context));
            let bytes = this.writes.next().map(|write| Bytes::from(write.bytes)).unwrap_or_default();
            this.witness.wrote(bytes.len());
            if this.writes.as_slice().is_empty() {
                this.witness.ends(Ending::Complete);
            }
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        this.witness.ends(Ending::Complete);
        Poll::Ready(None)
    }

    /// Hyper then writes the end of the body together with its last bytes.
    fn is_end_stream(&self) -> bool {
        self.writes.as_slice().is_empty()
    }
}
