//! A request of the conformance suite: one that need not be a good one, as it goes on the wire.
//!
//! A load sends one kind of request very often; a suite sends many kinds once. An [`Order`] says all that differs from
//! the usual one: method, path, headers, body, and the way it is put on the wire.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::secret::{Secret, is_secret, shown};
use super::target::{Target, curl_body, curl_headers, quoted};
use crate::exchange::policies::POLICIES;
use crate::exchange::{Asked, Policies, Ticket};

/// One request of its own.
#[derive(Debug, Clone)]
pub struct Order {
    /// Leave to send it; it is due at once.
    pub ticket: Ticket,
    /// Method, as in `POST`.
    pub method: &'static str,
    /// Where it goes.
    pub path: Path,
    /// What its headers are beside those of the target.
    pub headers: Vec<HeaderChange>,
    /// Its body, and what a right reply to it is.
    pub asked: Asked,
    /// How it goes on the wire.
    pub way: Way,
    /// Whether a reply that says to come back later, or none at all, is what the order provokes, so that it is a result
    /// and not tried again.
    pub provoked: bool,
}

/// Where an order goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// The endpoint.
    Endpoint,
    /// The endpoint's path with this behind it.
    Behind(&'static str),
    /// The endpoint with this query string, which may hold a key.
    Query(Secret),
    /// A path beside the endpoint, in the place of `/chat/completions`.
    Beside(String),
}

/// How an order's headers differ from the target's.
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

/// How an order goes on the wire.
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

/// Longest value of a header that stands in a command line.
const CURL_HEADER: usize = 4096;

impl Order {
    /// The address it goes to.
    pub fn address(&self, target: &Target) -> Url {
        let mut url = target.url.clone();
        match &self.path {
            Path::Endpoint => {}
            Path::Behind(more) => url.set_path(&format!("{}{more}", target.url.path())),
            Path::Query(query) => url.set_query(Some(query.expose())),
            Path::Beside(path) => return target.beside(path),
        }
        url
    }

    /// A runnable command line that sends the same, with secrets left as variables or stars.
    pub fn curl(&self, target: &Target) -> String {
        let stream = if self.asked.wanted.stream { "N" } else { "" };
        let method = if self.method == "POST" { String::new() } else { format!(" -X {}", self.method) };
        let mut headers = self.headers_shown(target);
        for (_, value) in headers.iter_mut().filter(|(_, value)| value.len() > CURL_HEADER) {
            *value = format!("{}... ({} bytes)", value.chars().take(32).collect::<String>(), value.len());
        }
        let mut line = format!("curl -sS{stream}{method} {}", quoted(&shown(&self.address(target))));
        line += &curl_headers(headers.iter().map(|(name, shown)| (name.as_str(), shown.as_str())));
        if !self.is_bodiless() {
            line += &curl_body(&self.asked.body);
        }
        match &self.way {
            Way::Usual => {}
            Way::Chunked => line += " -H 'transfer-encoding: chunked'",
            Way::Leaving(arrivals) => _ = write!(line, " # left after {arrivals} pieces of the reply"),
            Way::Raw(_) => line += " # sent byte by byte on a socket of its own, which curl cannot",
        }
        line
    }

    /// Whether its method takes no body.
    pub fn is_bodiless(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS")
    }

    fn headers_shown(&self, target: &Target) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> =
            target.headers.iter().map(|header| (header.name.clone(), header.shown.clone())).collect();
        if self.headers.is_empty() {
            return headers;
        }
        let redactor = target.redactor();
        // A key in another guise is still the key; a wrong one is ours.
        let shown = |name: &str, value: &Secret| {
            let value = value.expose();
            let value = if is_secret(name) { redactor.clean_ours(value) } else { redactor.clean(value) };
            (name.to_owned(), value)
        };
        for change in &self.headers {
            match change {
                HeaderChange::Without(name) => headers.retain(|(known, _)| known != name),
                HeaderChange::Set(name, value) => {
                    headers.retain(|(known, _)| known != name);
                    headers.push(shown(name, value));
                }
                HeaderChange::Add(name, value) => headers.push(shown(name, value)),
            }
        }
        headers
    }
}
