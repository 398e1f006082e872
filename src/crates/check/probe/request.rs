//! One request of a probe, which may be wrong on purpose: all that differs from the plain one.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::exchange::Policies;
use crate::exchange::policies::POLICIES;
use crate::secret::Secret;

/// One request of a probe.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, as in `POST`.
    pub method: &'static str,
    /// Where it goes.
    pub path: Path,
    /// How its headers differ from the target's.
    pub headers: Vec<HeaderChange>,
    /// Its body.
    pub body: Content,
    /// How it goes on the wire.
    pub way: Way,
    /// Whether a reply that says to come back later, or none at all, is what it provokes: a result, and not tried again.
    pub provoked: bool,
}

/// A body.
#[derive(Debug, Clone)]
pub enum Content {
    /// JSON, in which `{{unique}}` becomes a tag.
    Json(Value),
    /// Bytes that are sent as they are.
    Bytes(Bytes),
}

impl Request {
    /// A POST of a JSON body to the endpoint.
    pub fn new(body: Value) -> Request {
        Request {
            method: "POST",
            path: Path::Endpoint,
            headers: Vec::new(),
            body: Content::Json(body),
            way: Way::Usual,
            provoked: false,
        }
    }

    /// A POST of any bytes to the endpoint.
    pub(crate) fn bytes(body: impl Into<Bytes>) -> Request {
        Request { body: Content::Bytes(body.into()), ..Request::new(Value::Null) }
    }

    /// Steps on a connection of its own; the body only says which reply would be right.
    pub(crate) fn raw(way: Way, body: Value) -> Request {
        Request { way, provoked: true, ..Request::new(body) }
    }

    /// With this method.
    pub(crate) fn method(self, method: &'static str) -> Request {
        Request { method, ..self }
    }

    /// To this path.
    pub(crate) fn path(self, path: Path) -> Request {
        Request { path, ..self }
    }

    /// With this header changed.
    pub(crate) fn header(mut self, change: HeaderChange) -> Request {
        self.headers.push(change);
        self
    }

    /// On the wire in this way.
    pub(crate) fn way(self, way: Way) -> Request {
        Request { way, ..self }
    }

    /// What comes back is a result, even if it is no answer, and is not asked for again.
    pub(crate) fn provoked(self) -> Request {
        Request { provoked: true, ..self }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// The endpoint.
    Endpoint,
    /// The endpoint's path with this added to it.
    Behind(&'static str),
    /// The endpoint with this query string, which may hold a key.
    Query(Secret),
    /// A path beside the endpoint, in the place of `/chat/completions`.
    Beside(String),
}

/// How a request's headers differ from the target's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderChange {
    /// In the place of any of that name; the value may be a key.
    Set(&'static str, Secret),
    /// Beside those of that name.
    Add(&'static str, Secret),
    /// None of that name.
    Without(&'static str),
}

impl HeaderChange {
    /// Pulze's policies, where the header is the one that carries them.
    pub fn policies(&self) -> Option<Policies> {
        match self {
            HeaderChange::Set(name, value) | HeaderChange::Add(name, value) if *name == POLICIES => {
                Some(Policies::in_header(value.expose()))
            }
            HeaderChange::Set(..) | HeaderChange::Add(..) | HeaderChange::Without(_) => None,
        }
    }
}

/// How a request goes on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By the HTTP client, as a load's request.
    Usual,
    /// By the HTTP client, with a chunked body.
    Chunked,
    /// By the HTTP client, which leaves after this many arrivals of the body.
    Leaving(usize),
    /// Step by step on a connection of its own, since no HTTP client would send it.
    Raw(Vec<Step>),
}

/// What is done on a connection of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends the request line, the target's headers and these lines, each with its end, then the line that ends a head.
    Head(String),
    /// Sends bytes.
    Send(Bytes),
    /// Sends bytes one by one, this far apart.
    Drip(Bytes, Duration),
    /// Waits.
    Wait(Duration),
    /// Ends our half of the connection.
    Close,
}
