//! What happened: one request and all that came back, on one clock.
//!
//! An [`Exchange`] holds bytes and instants only; nothing in it is parsed, so that nothing is parsed between due and
//! last byte. [`Reading`] is the same exchange with its JSON read once, for the rules to judge.

use std::time::Duration;

mod asked;
mod choice;
mod coding;
mod content;
pub mod done;
mod headers;
mod history;
mod marks;
pub mod nonce;
mod outcome;
pub mod policies;
mod reading;
mod repeat;
mod stated;
mod texts;
mod timing;
mod tokens;
mod transfer;
mod wanted;
pub mod words;

pub use crate::wire::api::error::is_error_body;
pub use crate::wire::api::output::{Call, Choice, Fragment, Spoken};
pub use asked::{Asked, Lengths};
pub use coding::decode_text;
pub use headers::Headers;
pub use history::NoHistory;
pub use marks::Gap;
pub use outcome::{Cut, Cutoff, Form, Inband, Outcome};
pub use policies::Policies;
pub use reading::{Payload, Reading, Reply, Seen, Stream, Whole};
pub use texts::Piece;
pub use tokens::{TokenSource, Tokens};
pub use transfer::{Coding, End, TlsFault, Transfer};
pub use wanted::{OfferedTool, Wanted};

/// Leave to send one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Number of the ticket in its plan, from 0; with the seed it decides all that is random about the request.
    pub seq: u64,
    /// Index of the load it belongs to.
    pub load: usize,
    /// Number of its session in its load, from 0.
    pub nth: u64,
    /// Which turn of its session it is, from 0; a request that stands alone is a session of one.
    pub turn: u64,
    /// Number of the ticket that began its session.
    pub session: u64,
    /// The slot that it takes, of a closed load.
    pub slot: usize,
    /// Index of the case it is an instance of.
    pub case: usize,
    /// When the plan says the request is to be sent, from the start of the run.
    pub due: Duration,
    /// Whether it is warm-up: sent and judged, and in no figure.
    pub warmup: bool,
}

impl Ticket {
    /// A ticket of the only load.
    pub fn alone(seq: u64, case: usize, due: Duration) -> Ticket {
        Ticket { seq, load: 0, nth: seq, turn: 0, session: seq, slot: 0, case, due, warmup: false }
    }
}

/// Whole microseconds, as files keep times.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// One request and all that came back; every time is an offset from the start of the run.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Leave to send it.
    pub ticket: Ticket,
    /// What was asked.
    pub asked: Asked,
    /// Unix time of the start of the run, to compare the server's clock with.
    pub epoch: Duration,
    /// When a cap on requests in flight let it go; equals `due` without a cap.
    pub eligible: Duration,
    /// When it was handed to the HTTP client; none if it never was.
    pub sent: Option<Duration>,
    /// The connection that was opened for it, where no idle one was at hand.
    pub dial: Option<Dial>,
    /// Status and headers, once they came.
    pub head: Option<Head>,
    /// What came of the body.
    pub body: Body,
    /// End of the body, or the instant of the outcome.
    pub ended: Duration,
    /// How it ended as far as HTTP goes; [`Reading::outcome`] adds what the content says.
    pub outcome: Outcome,
    /// What went wrong, in words, where something did; secrets may be in it until it is redacted.
    pub cause: Option<String>,
    /// How the reply was transferred.
    pub transfer: Transfer,
    /// Whether the body was dropped unread because the judges could not keep up; of a success, the outcome is then
    /// [`Outcome::Unjudged`].
    pub unjudged: bool,
}

/// Opening of a connection: name lookup, TCP and TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial {
    /// When it began.
    pub began: Duration,
    /// When the connection was ready.
    pub ended: Duration,
}

/// Status and headers of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// When they came.
    pub at: Duration,
    /// HTTP status code.
    pub status: u16,
    /// HTTP version, as in `HTTP/1.1`.
    pub version: &'static str,
    /// Names in lower case, and values; bytes that are no UTF-8 replaced.
    pub headers: Headers,
}

impl Head {
    /// The first header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Media type of the body in lower case, without parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or(value).trim().to_ascii_lowercase())
    }
}

/// Bytes of a body with the instants at which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// All of them.
    pub bytes: Vec<u8>,
    /// How they came, in order.
    pub arrivals: Vec<Arrival>,
}

/// Bytes that came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When they came, before anything was decoded.
    pub at: Duration,
    /// Offset in the body just behind the last of them.
    pub end: usize,
}

impl Exchange {
    /// An exchange from bytes that someone else received: the status, the headers in order (names in any case) and the
    /// whole body. No time passed in it, so that rules about time say nothing.
    pub fn received(
        asked: Asked,
        status: u16,
        headers: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<[u8]>)>,
        body: impl Into<Vec<u8>>,
    ) -> Exchange {
        let at = Duration::ZERO;
        let bytes: Vec<u8> = body.into();
        let arrivals = vec![Arrival { at, end: bytes.len() }];
        let sent = Exchange::never_sent(Ticket::alone(0, 0, at), asked, at, Outcome::of_status(status));
        Exchange {
            sent: Some(at),
            head: Some(Head { at, status, version: "HTTP/1.1", headers: headers.into_iter().collect() }),
            body: Body { bytes, arrivals },
            ..sent
        }
    }

    /// An exchange that never was sent: `missed` or `unsent`.
    pub fn never_sent(ticket: Ticket, asked: Asked, at: Duration, outcome: Outcome) -> Exchange {
        Exchange {
            ticket,
            asked,
            epoch: Duration::ZERO,
            eligible: at,
            sent: None,
            dial: None,
            head: None,
            body: Body::default(),
            ended: at,
            outcome,
            cause: None,
            transfer: Transfer::default(),
            unjudged: false,
        }
    }

    /// HTTP status of the reply, where one came.
    pub fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    /// When the client was free for another request: at the end, unless it waited for more of the body.
    pub fn freed(&self) -> Duration {
        self.transfer.freed.unwrap_or(self.ended)
    }

    /// due -> ended: what a user waited, everything included.
    pub fn response_time(&self) -> Duration {
        self.ended.saturating_sub(self.ticket.due)
    }

    /// sent -> ended.
    pub fn service_time(&self) -> Option<Duration> {
        Some(self.ended.saturating_sub(self.sent?))
    }

    /// due -> eligible: the endpoint was too slow for the cap on requests in flight.
    pub fn queued(&self) -> Duration {
        self.eligible.saturating_sub(self.ticket.due)
    }

    /// How long the endpoint asks to wait, where it says so (RFC 9110, section 10.2.3).
    pub fn asked_pause(&self) -> Option<Duration> {
        let text = self.head.as_ref()?.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(until.saturating_sub(self.epoch + self.ended))
    }

    /// eligible -> sent: we were late.
    pub fn lateness(&self) -> Option<Duration> {
        Some(self.sent?.saturating_sub(self.eligible))
    }
}
