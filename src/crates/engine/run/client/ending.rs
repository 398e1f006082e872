//! How an exchange ended, as far as the client knows.

use std::sync::OnceLock;
use std::time::Duration;

use super::intake::Received;
use crate::exchange::{self, Dial, Outcome, TlsFault};

/// A request that fails later than this has been worked on: the connection was not closed before it came.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How an exchange ended.
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) cause: Option<String>,
    pub(super) body: exchange::End,
    /// Why there is no TLS session, where that is why.
    pub(super) tls: Option<TlsFault>,
}

impl End {
    /// That of a failure.
    pub(super) fn new(outcome: Outcome, cause: String) -> End {
        End { cause: Some(cause), ..End::silent(outcome) }
    }

    /// That of which there is no more to say.
    pub(super) fn silent(outcome: Outcome) -> End {
        End { outcome, cause: None, body: exchange::End::Usual, tls: None }
    }

    /// That of a stream which said `[DONE]`, and whose body stayed open.
    pub(super) fn lingering() -> End {
        End { body: exchange::End::Lingering, ..End::silent(Outcome::Ok) }
    }

    /// What gave up a stream that had said `[DONE]` took nothing from it.
    pub(super) fn unless_done(self, received: &Received) -> End {
        let given_up = matches!(self.outcome, Outcome::Timeout | Outcome::Unfinished(_));
        if given_up && received.was_done().is_some() { End::lingering() } else { self }
    }

    /// That of a reply that came whole.
    pub(super) fn with_status(self, status: Option<u16>) -> End {
        let outcome = status.map_or(Outcome::Protocol, Outcome::of_status);
        let unasked = || "another protocol from here on (101), unasked".to_owned();
        End { outcome, cause: (outcome == Outcome::Protocol).then(unasked), ..self }
    }

    /// A kept-alive connection that ends as a request goes out on it was most likely closed without a word, which a
    /// report of plain resets would not tell.
    pub(super) fn explained(self, after: Duration, dial: &OnceLock<Dial>, received: &Received) -> End {
        let kept_alive = dial.get().is_none() && received.status().is_none();
        if self.outcome != Outcome::Reset || !kept_alive || after >= AT_ONCE {
            return self;
        }
        let cause = self.cause.unwrap_or_default();
        let hint = "on a connection kept alive, as by a server that closes those unannounced; \
                    target.keep_alive = false avoids it";
        End::new(Outcome::Reset, format!("{cause} {hint}"))
    }
}
