//! The one clock of a run.

use std::time::{Duration, Instant, SystemTime};

pub use crate::exchange::micros;

/// Offsets from the start of a run, and the wall time it started at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    epoch: Duration,
}

impl Clock {
    /// A clock that starts when this much time has passed, so that a request due at 0 can be ready before.
    pub(super) fn start_in(head_start: Duration) -> Clock {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Clock { start: Instant::now() + head_start, epoch: epoch + head_start }
    }

    /// Waits for the start.
    pub(super) fn wait_for_start(&self) {
        std::thread::sleep(self.start.saturating_duration_since(Instant::now()));
    }

    /// Time since the start.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Unix time of the start.
    pub(super) fn epoch(&self) -> Duration {
        self.epoch
    }
}
