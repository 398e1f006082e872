//! What a proxy does to a request is told as the proxy's, and never held against the endpoint.

use std::fmt;

use url::Url;

use crate::exchange::{Head, Outcome};
use crate::plan::secret::shown;

/// The status by which a proxy asks for credentials (RFC 9110, section 15.5.8).
const AUTHENTICATION_REQUIRED: u16 = 407;

/// The proxy of a target.
#[derive(Debug)]
pub(super) struct Proxy {
    /// Its address, without secrets.
    address: String,
    secure: bool,
}

impl Proxy {
    pub(super) fn new(url: &Url) -> Proxy {
        Proxy { address: shown(url), secure: url.scheme() == "https" }
    }

    /// Whether a failure to reach an endpoint is one to reach the proxy, or of the proxy to reach it.
    pub(super) fn is_at_fault(&self, outcome: Outcome, endpoint: &Url) -> bool {
        outcome == Outcome::Connect || (outcome == Outcome::Tls && self.secure && endpoint.scheme() != "https")
    }

    /// That it did not lead to the endpoint, and why.
    pub(super) fn failed(&self, cause: &str) -> String {
        format!("no way through {self}: {cause}")
    }

    /// Why a reply is that of the proxy, where it is.
    pub(super) fn turned_away(&self, head: &Head) -> Option<String> {
        if head.status != AUTHENTICATION_REQUIRED {
            return None;
        }
        let scheme = head.header("proxy-authenticate").and_then(|value| value.split([' ', ',']).next());
        let scheme = scheme.map_or(String::new(), |scheme| format!(", of scheme {scheme}"));
        Some(format!("{self} asks for credentials (407){scheme}; target.proxy takes them as http://USER:PASSWORD@HOST"))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}", self.address)
    }
}
