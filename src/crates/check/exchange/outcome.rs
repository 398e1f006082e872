//! How an exchange ended. What the server did wrong is data, never a Rust error.

use std::fmt;

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
    /// A 2xx that carries an error, or says that generation failed.
    InbandError(Inband),
    /// The body is not what was asked for, or not what its content type says.
    Malformed(Form),
    /// The body passed our size limit.
    TooLarge,
    /// Still in flight when we gave it up.
    Unfinished(Cutoff),
    /// A complete 2xx whose body we dropped unread, because judging could not keep up: nobody knows whether it is ok.
    Unjudged,
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
    /// A stream without an end for every choice.
    NoFinish,
    /// A stream without a single event.
    Empty,
}

/// How a success says that it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Inband {
    /// By an error in place of the answer, or beside it (see [`wire::api::error`](crate::wire::api::error)).
    Stated,
    /// By a finish reason (see [`wire::api::finish`](crate::wire::api::finish)).
    GenerationFailed,
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
    pub const NAMES: [&'static str; 18] = [
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
        "unjudged",
        "missed",
        "unsent",
    ];

    /// Every outcome with every cause.
    const ALL: [Outcome; 25] = [
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
        Outcome::Truncated(Cut::Empty),
        Outcome::InbandError(Inband::Stated),
        Outcome::InbandError(Inband::GenerationFailed),
        Outcome::Malformed(Form::NotJson),
        Outcome::Malformed(Form::NotSse),
        Outcome::Malformed(Form::BadEvent),
        Outcome::Malformed(Form::BadCoding),
        Outcome::TooLarge,
        Outcome::Unfinished(Cutoff::Grace),
        Outcome::Unfinished(Cutoff::Stopped),
        Outcome::Unjudged,
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
            Outcome::InbandError(_) => "inband_error",
            Outcome::Malformed(_) => "malformed",
            Outcome::TooLarge => "too_large",
            Outcome::Unfinished(_) => "unfinished",
            Outcome::Unjudged => "unjudged",
            Outcome::Missed => "missed",
            Outcome::Unsent => "unsent",
        }
    }

    /// The cause, for the outcomes that have classes of their own.
    pub fn class(self) -> Option<&'static str> {
        match self {
            Outcome::Truncated(Cut::ShortBody) => Some("short_body"),
            Outcome::Truncated(Cut::NoFinish) => Some("no_finish"),
            Outcome::Truncated(Cut::Empty) => Some("empty"),
            Outcome::InbandError(Inband::GenerationFailed) => Some("generation_failed"),
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
            | Outcome::InbandError(Inband::Stated)
            | Outcome::TooLarge
            | Outcome::Unjudged
            | Outcome::Missed
            | Outcome::Unsent => None,
        }
    }

    /// The outcome that is shown so, as `ok` or `truncated(no_finish)`, by this version or an earlier one.
    pub fn named(shown: &str) -> Option<Outcome> {
        let shown = match shown {
            // It did not say why; a check cuts a request only where it stops.
            "unfinished" => "unfinished(stopped)",
            // A stream that lacked nothing but `[DONE]`.
            "truncated(no_done)" => "ok",
            shown => shown,
        };
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

    /// Whether the ticket counts in the error rate: it was sent, neither a limit of the user nor an interruption cut it,
    /// and we read what came. An answer that we did not read is no error of the endpoint's and no success either: it
    /// counts in no rate and in no percentile, and a run with one is invalid.
    pub fn counts(self) -> bool {
        !matches!(self, Outcome::Missed | Outcome::Unsent | Outcome::Unfinished(Cutoff::Stopped) | Outcome::Unjudged)
    }

    /// Whether the endpoint is accountable for it: it was due, no limit of the user left it out, and we know what came of
    /// it. Such a ticket is infinitely slow unless it is ok.
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
        assert!(Outcome::NAMES.contains(&Outcome::Truncated(Cut::NoFinish).name()));
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::named(&outcome.to_string()), Some(outcome));
            assert!(Outcome::NAMES.contains(&outcome.name()), "{outcome}");
        }
    }

    #[test]
    fn names_of_earlier_versions_are_read() {
        assert_eq!(Outcome::named("unfinished"), Some(Outcome::Unfinished(Cutoff::Stopped)));
        assert_eq!(Outcome::named("truncated(no_done)"), Some(Outcome::Ok));
        assert_eq!(Outcome::named("inband_error"), Some(Outcome::InbandError(Inband::Stated)));
        assert_eq!(Outcome::named("truncated(no_such)"), None);
    }

    #[test]
    fn what_we_did_not_read_is_neither_a_success_nor_an_error() {
        let unjudged = Outcome::Unjudged;
        assert!(unjudged.sent() && unjudged.ended());
        assert!(!unjudged.counts() && !unjudged.failed() && !unjudged.is_accountable());
    }
}
