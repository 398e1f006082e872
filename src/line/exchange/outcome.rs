//! How an exchange ended. What the server did wrong is data, never a Rust error.

use std::fmt;

use super::Exchange;
use super::reading::{Payload, Reply, Stream};
use crate::wire::Dialect;
use crate::wire::json::{Members, Value};
use crate::wire::reply::{choices, finishes, has_error, index};

/// How one ticket ended; every planned ticket ends in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A complete reply without an error in it.
    Ok,
    /// Status 429.
    RateLimited,
    /// Any other 4xx.
    Refused,
    /// 5xx.
    ServerError,
    /// 3xx, which is not followed.
    Redirect,
    /// No connection: refused, unreachable, no such name.
    Connect,
    /// No TLS session: certificate refused, handshake failed.
    Tls,
    /// Not HTTP, or broken HTTP.
    Protocol,
    /// A time limit of ours passed.
    Timeout,
    /// The connection was reset or closed before the reply.
    Reset,
    /// The reply ended early.
    Truncated(Cut),
    /// A 200 that carries an error.
    InbandError,
    /// The body is not what was asked for, or not what its content type says.
    Malformed(Form),
    /// The body passed our size limit.
    TooLarge,
    /// Still in flight when we gave it up.
    Unfinished(Cutoff),
    /// Never sent: the cap on requests in flight was reached and the policy is to drop.
    Missed,
    /// Never sent: the run was stopped before its turn.
    Unsent,
}

/// Why a request that was still in flight was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cutoff {
    /// The plan was over and the grace period passed: the endpoint did not answer, which is an error of its.
    Grace,
    /// A limit of the user, an interruption or a probe that leaves early ended it, which says nothing of the endpoint.
    Stopped,
}

/// Where a truncated reply was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cut {
    /// Fewer bytes than Content-Length says, or no terminator of a chunked body.
    ShortBody,
    /// A stream without a `finish_reason` for every choice.
    NoFinish,
    /// A stream without `[DONE]`, in a dialect that demands it.
    NoDone,
    /// A stream without a single event.
    Empty,
}

/// What a malformed body should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// A JSON object.
    NotJson,
    /// Server-sent events.
    NotSse,
    /// A JSON object in every event.
    BadEvent,
    /// In the content coding that its head names.
    BadCoding,
}

impl Outcome {
    /// Every outcome by the name it has in files, in the order of reports.
    pub const NAMES: [&'static str; 17] = [
        "ok",
        "rate_limited",
        "refused",
        "server_error",
        "redirect",
        "connect",
        "tls",
        "protocol",
        "timeout",
        "reset",
        "truncated",
        "inband_error",
        "malformed",
        "too_large",
        "unfinished",
        "missed",
        "unsent",
    ];

    /// Every outcome with every cause.
    const ALL: [Outcome; 24] = [
        Outcome::Ok,
        Outcome::RateLimited,
        Outcome::Refused,
        Outcome::ServerError,
        Outcome::Redirect,
        Outcome::Connect,
        Outcome::Tls,
        Outcome::Protocol,
        Outcome::Timeout,
        Outcome::Reset,
        Outcome::Truncated(Cut::ShortBody),
        Outcome::Truncated(Cut::NoFinish),
        Outcome::Truncated(Cut::NoDone),
        Outcome::Truncated(Cut::Empty),
        Outcome::InbandError,
        Outcome::Malformed(Form::NotJson),
        Outcome::Malformed(Form::NotSse),
        Outcome::Malformed(Form::BadEvent),
        Outcome::Malformed(Form::BadCoding),
        Outcome::TooLarge,
        Outcome::Unfinished(Cutoff::Grace),
        Outcome::Unfinished(Cutoff::Stopped),
        Outcome::Missed,
        Outcome::Unsent,
    ];

    /// Name in files and reports, without the cause.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::RateLimited => "rate_limited",
            Outcome::Refused => "refused",
            Outcome::ServerError => "server_error",
            Outcome::Redirect => "redirect",
            Outcome::Connect => "connect",
            Outcome::Tls => "tls",
            Outcome::Protocol => "protocol",
            Outcome::Timeout => "timeout",
            Outcome::Reset => "reset",
            Outcome::Truncated(_) => "truncated",
            Outcome::InbandError => "inband_error",
            Outcome::Malformed(_) => "malformed",
            Outcome::TooLarge => "too_large",
            Outcome::Unfinished(_) => "unfinished",
            Outcome::Missed => "missed",
            Outcome::Unsent => "unsent",
        }
    }

    /// The cause, for the outcomes that have classes of their own.
    pub fn class(self) -> Option<&'static str> {
        match self {
            Outcome::Truncated(Cut::ShortBody) => Some("short_body"),
            Outcome::Truncated(Cut::NoFinish) => Some("no_finish"),
            Outcome::Truncated(Cut::NoDone) => Some("no_done"),
            Outcome::Truncated(Cut::Empty) => Some("empty"),
            Outcome::Malformed(Form::NotJson) => Some("not_json"),
            Outcome::Malformed(Form::NotSse) => Some("not_sse"),
            Outcome::Malformed(Form::BadEvent) => Some("bad_event"),
            Outcome::Malformed(Form::BadCoding) => Some("bad_coding"),
            Outcome::Unfinished(Cutoff::Grace) => Some("grace"),
            Outcome::Unfinished(Cutoff::Stopped) => Some("stopped"),
            Outcome::Ok
            | Outcome::RateLimited
            | Outcome::Refused
            | Outcome::ServerError
            | Outcome::Redirect
            | Outcome::Connect
            | Outcome::Tls
            | Outcome::Protocol
            | Outcome::Timeout
            | Outcome::Reset
            | Outcome::InbandError
            | Outcome::TooLarge
            | Outcome::Missed
            | Outcome::Unsent => None,
        }
    }

    /// The outcome that is shown so, as `ok` or `truncated(no_done)`.
    pub fn named(shown: &str) -> Option<Outcome> {
        // Captures of earlier versions do not say why; a check cuts a request only where it stops.
        let shown = if shown == "unfinished" { "unfinished(stopped)" } else { shown };
        Outcome::ALL.into_iter().find(|outcome| outcome.to_string() == shown)
    }

    /// The outcome of a complete HTTP exchange by its status alone. Those that there are not count as server errors
    /// (RFC 9110, section 15); that of another protocol, for which nobody asked, is no answer.
    pub fn of_status(status: u16) -> Outcome {
        match status {
            ..200 => Outcome::Protocol,
            200..300 => Outcome::Ok,
            300..400 => Outcome::Redirect,
            429 => Outcome::RateLimited,
            400..500 => Outcome::Refused,
            500.. => Outcome::ServerError,
        }
    }

    /// Whether the ticket counts in the error rate: it was sent, and neither a limit of the user nor an interruption
    /// cut it.
    pub fn counts(self) -> bool {
        !matches!(self, Outcome::Missed | Outcome::Unsent | Outcome::Unfinished(Cutoff::Stopped))
    }

    /// Whether the endpoint is accountable for it: it was due, and no limit of the user left it out. Such a ticket is
    /// infinitely slow unless it is ok.
    pub fn is_accountable(self) -> bool {
        self.counts() || self == Outcome::Missed
    }

    /// Whether it came to an end of its own, so that the time it took is known.
    pub fn ended(self) -> bool {
        self.sent() && !matches!(self, Outcome::Unfinished(_))
    }

    /// Whether it counts as failed.
    pub fn failed(self) -> bool {
        self != Outcome::Ok && self.counts()
    }

    /// Whether the request was handed to the client at all.
    pub fn sent(self) -> bool {
        !matches!(self, Outcome::Missed | Outcome::Unsent)
    }

    /// Adds what the content says to what HTTP says. Where two apply, transport beats content, and the earlier beats
    /// the later.
    pub(super) fn with_content(exchange: &Exchange, reply: &Reply) -> Outcome {
        if exchange.outcome != Outcome::Ok || exchange.unjudged {
            return exchange.outcome;
        }
        match reply {
            Reply::Nothing => exchange.outcome,
            Reply::Whole(whole) if exchange.asked.wanted.stream => match &whole.json {
                Ok(document) if has_error(&document.value) => Outcome::InbandError,
                Ok(_) | Err(_) => Outcome::Malformed(Form::NotSse),
            },
            Reply::Whole(whole) => match &whole.json {
                Ok(document) if has_error(&document.value) || metadata_error(exchange, &document.value) => {
                    Outcome::InbandError
                }
                Ok(document) if document.value.is_object() => Outcome::Ok,
                Ok(_) | Err(_) => Outcome::Malformed(Form::NotJson),
            },
            Reply::Stream(stream) => of_stream(exchange, stream),
        }
    }
}

/// A stream is ok only with a finish reason for every choice, `[DONE]` where the dialect demands it, and no error.
fn of_stream(exchange: &Exchange, stream: &Stream) -> Outcome {
    let wanted = &exchange.asked.wanted;
    for event in &stream.events {
        match &event.payload {
            Payload::Error(_) => return Outcome::InbandError,
            Payload::Chunk(document) if metadata_error(exchange, &document.value) => return Outcome::InbandError,
            Payload::Broken(_) => return Outcome::Malformed(Form::BadEvent),
            Payload::Chunk(_) | Payload::Repeat(_) | Payload::Done | Payload::Empty => {}
        }
    }
    let finished = |wanted: u64| {
        stream
            .distinct()
            .flat_map(|(_, chunk)| choices(chunk))
            .any(|choice| index(choice) == wanted && finishes(choice))
    };
    if let Some(text) = &stream.bare_json {
        return if has_error(text) { Outcome::InbandError } else { Outcome::Malformed(Form::NotSse) };
    }
    if stream.events.is_empty() {
        let empty = exchange.body.bytes.iter().all(u8::is_ascii_whitespace);
        return if empty { Outcome::Truncated(Cut::Empty) } else { Outcome::Malformed(Form::NotSse) };
    }
    if !(0..wanted.n).all(finished) {
        return Outcome::Truncated(Cut::NoFinish);
    }
    if wanted.dialect.demands_done() && stream.done().is_none() {
        return Outcome::Truncated(Cut::NoDone);
    }
    Outcome::Ok
}

/// Pulze's error inside a 200: `metadata.error` says something, or `metadata.status_code` is 400 or more (spec, 2.1).
fn metadata_error(exchange: &Exchange, reply: &Value) -> bool {
    if exchange.asked.wanted.dialect != Dialect::Pulze {
        return false;
    }
    let Some(metadata) = reply.member("metadata") else { return false };
    let text = metadata.member("error").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    text || metadata.member("status_code").and_then(Value::as_u64).is_some_and(|status| status >= 400)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class() {
            Some(class) => write!(f, "{}({class})", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_alone_decides_what_is_no_success() {
        for (status, outcome) in [
            (200, Outcome::Ok),
            (201, Outcome::Ok),
            (307, Outcome::Redirect),
            (400, Outcome::Refused),
            (429, Outcome::RateLimited),
            (500, Outcome::ServerError),
            (999, Outcome::ServerError),
            (101, Outcome::Protocol),
        ] {
            assert_eq!(Outcome::of_status(status), outcome);
        }
    }

    #[test]
    fn every_name_is_listed_once() {
        let mut names = Outcome::NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Outcome::NAMES.len());
        assert!(Outcome::NAMES.contains(&Outcome::Truncated(Cut::NoDone).name()));
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::named(&outcome.to_string()), Some(outcome));
        }
    }
}
