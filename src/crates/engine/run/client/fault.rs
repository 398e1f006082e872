//! What goes wrong on the way, before it is an outcome.

use std::error::Error;

/// Why there is no reply, or no end of it.
#[derive(Debug)]
pub(super) enum Fault {
    /// No connection came about in time.
    Slow,
    /// Something failed.
    Failed {
        /// What.
        error: Box<dyn Error + Send + Sync>,
        /// Whether a connection was being opened.
        connecting: bool,
    },
}

impl Fault {
    /// A failure on an open connection.
    pub(super) fn new(error: impl Error + Send + Sync + 'static) -> Fault {
        Fault::Failed { error: Box::new(error), connecting: false }
    }

    /// A failure to open one.
    pub(super) fn connecting(error: impl Error + Send + Sync + 'static) -> Fault {
        Fault::Failed { error: Box::new(error), connecting: true }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Fault {
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Fault::Slow,
            (true, false) => Fault::connecting(error),
            (false, _) => Fault::new(error),
        }
    }
}
