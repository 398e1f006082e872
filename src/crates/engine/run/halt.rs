//! How far the user has asked a command to end, for the code that waits for replies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// How far a user has asked for what goes on to end. Each stage is beyond those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nobody has asked.
    #[default]
    Running,
    /// Nothing more is sent; what is in flight may finish.
    Stopping,
    /// What is in flight is cut, and what has come is reported at once.
    Cutting,
    /// The process ends without a report.
    Gone,
}

/// Tells those who wait for replies when to end. Clones belong together.
#[derive(Debug, Clone)]
pub struct Halt {
    stage: watch::Receiver<Stage>,
    in_flight: Arc<AtomicUsize>,
}

impl Default for Halt {
    /// One that nobody ever asks to stop.
    fn default() -> Halt {
        Halt::of(watch::channel(Stage::Running).1)
    }
}

impl Halt {
    /// One that follows these stages.
    pub fn of(stage: watch::Receiver<Stage>) -> Halt {
        Halt { stage, in_flight: Arc::default() }
    }

    /// Whether nothing more is to be sent.
    pub fn is_stopping(&self) -> bool {
        self.has_reached(Stage::Stopping)
    }

    /// Whether that stage is reached.
    pub fn has_reached(&self, stage: Stage) -> bool {
        *self.stage.borrow() >= stage
    }

    /// Waits for that stage; for ever, where no one can ask for it any more.
    pub async fn reaches(&self, stage: Stage) {
        if self.stage.clone().wait_for(|now| *now >= stage).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Requests in flight that this halt may end.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Counts a request as in flight until what is returned is dropped.
    pub(super) fn count(&self) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(&self.in_flight))
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
