//! A request of the conformance suite: one that need not be a good one, as it goes on the wire.
//!
//! A load sends one kind of request very often; a suite sends many kinds once. An [`Order`] says all that differs from
//! the usual one: method, path, headers, body, and the way it is put on the wire.

use std::fmt::Write as _;

use url::Url;

use super::secret::{is_secret, shown};
use super::target::{Target, curl_body, curl_headers, quoted};
use crate::check::probe::{HeaderChange, Path, Way};
use crate::check::secret::Secret;
use crate::exchange::{Asked, Ticket};

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
