//! How a reply was transferred, as far as its bytes no longer tell.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Facts of the transfer of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transfer {
    /// How the body ended.
    pub end: End,
    /// What became of its content coding.
    pub coding: Coding,
    /// Whether the request had an Accept-Encoding.
    pub asked_coding: bool,
    /// Whether a header line of the reply was folded (RFC 9112, section 5.2), where the client sees that.
    pub folded: bool,
    /// When the client was free for another request, where that was later than the end of the reply.
    pub freed: Option<Duration>,
    /// Why there is no TLS session, where that is why there is no reply.
    pub tls: Option<TlsFault>,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// As the outcome says.
    #[default]
    Usual,
    /// The stream said `[DONE]` and its body stayed open, so that the client closed the connection.
    Lingering,
}

/// What became of the content coding of a body (RFC 9110, section 8.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// There is none, or it was not looked at.
    #[default]
    Plain,
    /// It was decoded.
    Decoded {
        /// Bytes of the body before.
        wire: u64,
    },
    /// It cannot be decoded, or not all of it.
    Broken {
        /// Bytes of the body as it came.
        wire: u64,
    },
}

/// Why there is no TLS session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsFault {
    /// The certificate of the endpoint is not valid for it.
    Certificate,
    /// No authority that the profile's own CA file names has issued the certificate.
    OwnAuthority,
    /// The endpoint asks for a certificate of the client, and the profile names none.
    ClientWanted,
    /// The endpoint refuses the profile's own certificate.
    ClientRefused,
    /// What answers does not speak TLS.
    NoTls,
    /// Anything else, such as a version that only one side speaks.
    Other,
}

impl End {
    /// Whether the client closed the connection behind `[DONE]`.
    pub fn is_lingering(self) -> bool {
        self == End::Lingering
    }
}

impl TlsFault {
    /// What failed, with the words of the TLS library.
    pub fn explain(self, cause: &str) -> String {
        match self {
            TlsFault::OwnAuthority | TlsFault::ClientWanted | TlsFault::ClientRefused | TlsFault::NoTls => {
                format!("{self}: {cause}")
            }
            TlsFault::Certificate | TlsFault::Other => cause.to_owned(),
        }
    }

    /// Whether it is, or may be, a fault of the profile and not of the endpoint's certificate.
    pub fn is_ours(self) -> bool {
        match self {
            TlsFault::OwnAuthority | TlsFault::ClientWanted | TlsFault::ClientRefused => true,
            TlsFault::Certificate | TlsFault::NoTls | TlsFault::Other => false,
        }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsFault::Certificate => "the certificate of the endpoint is refused",
            TlsFault::OwnAuthority => "no authority in the CA file of the profile has issued the certificate",
            TlsFault::ClientWanted => "the endpoint asks for a client certificate, and the profile names none",
            TlsFault::ClientRefused => "the endpoint refuses the client certificate of the profile",
            TlsFault::NoTls => "what answers there does not speak TLS; is it http and not https?",
            TlsFault::Other => "no TLS session came about",
        })
    }
}
