//! From what is said to bytes in time: a [`Draft`] is JSON, a [`Transcript`] is bytes with their instants.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use super::metrics::InFlight;
use super::record::{Ending, Witness};
use super::timer::Timer;

/// A header beside those of HTTP itself, its name in lower case.
pub(super) type Header = (&'static str, Cow<'static, str>);

/// What is about to be said, as JSON.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// What kind of reply it is.
    pub(super) kind: Kind,
    /// HTTP status.
    pub(super) status: u16,
    /// Headers beside the content type.
    pub(super) headers: Vec<Header>,
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
    /// Headers.
    pub(super) headers: Vec<Header>,
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
    let mut headers = headers(transcript.headers);
    if !stream && !headers.contains_key(CONTENT_LENGTH) {
        let length: usize = transcript.writes.iter().map(|write| write.bytes.len()).sum();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    witness.answered(transcript.status);
    if let Some(in_flight) = &mut in_flight {
        in_flight.answered(transcript.status);
    }
    if transcript.writes.is_empty() {
        witness.ends(Ending::Complete);
    }
    let outgoing = Outgoing { timer, witness, writes: transcript.writes.into_iter(), _in_flight: in_flight };
    let mut response = Response::new(outgoing);
    *response.status_mut() = StatusCode::from_u16(transcript.status).unwrap_or(StatusCode::OK);
    *response.headers_mut() = headers;
    response
}

/// Headers as hyper takes them; of two with one name the last stands, and an empty content type is none.
fn headers(list: Vec<Header>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(list.len() + 2);
    for (name, value) in list {
        let bytes = match value {
            Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if headers.get(CONTENT_TYPE).is_some_and(HeaderValue::is_empty) {
        headers.remove(CONTENT_TYPE);
    }
    headers
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
