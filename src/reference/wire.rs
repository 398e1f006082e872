//! From what is said to bytes in time: a [`Draft`] is JSON, a [`Transcript`] is bytes with their instants.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, Sleep, sleep_until};

/// Body of a response.
pub(super) type Outgoing = BoxBody<Bytes, io::Error>;

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
    /// Whether the connection breaks after the last write instead of ending the body properly.
    pub(super) breaks: bool,
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
pub(super) async fn respond(transcript: Transcript, began: Instant) -> Response<Outgoing> {
    let stream = transcript.kind == Kind::Stream;
    if let Some(first) = transcript.writes.first().filter(|_| !stream) {
        sleep_until(began + first.at).await;
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(transcript.status).unwrap_or(StatusCode::OK);
    for (name, value) in &transcript.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    if !stream && !response.headers().contains_key(CONTENT_LENGTH) && !transcript.breaks {
        let length: usize = transcript.writes.iter().map(|write| write.bytes.len()).sum();
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if response.headers().get(CONTENT_TYPE).is_some_and(HeaderValue::is_empty) {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    let mut steps: Vec<Step> = transcript.writes.into_iter().map(Step::Write).collect();
    if transcript.breaks {
        steps.push(Step::Break);
    }
    let paced = Paced { began, steps: steps.into_iter(), next: None, sleep: None };
    response.map(|()| paced.boxed())
}

/// What a body does next.
enum Step {
    Write(Write),
    Break,
}

/// A body whose frames come at their instants.
struct Paced {
    began: Instant,
    steps: std::vec::IntoIter<Step>,
    next: Option<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// Breaking at once would drop what hyper has buffered, the head among it.
const BEFORE_BREAKING: Duration = Duration::from_millis(20);

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.next.is_none() {
            self.next = self.steps.next();
            let at = match &self.next {
                Some(Step::Write(write)) => self.began + write.at,
                Some(Step::Break) => Instant::now() + BEFORE_BREAKING,
                None => return Poll::Ready(None),
            };
            self.sleep = (at > Instant::now()).then(|| Box::pin(sleep_until(at)));
        }
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(context));
            self.sleep = None;
        }
        Poll::Ready(match self.next.take() {
            Some(Step::Write(write)) => Some(Ok(Frame::data(Bytes::from(write.bytes)))),
            Some(Step::Break) => Some(Err(io::Error::other("the connection is to break here"))),
            None => None,
        })
    }
}
