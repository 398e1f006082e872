//! When the writes of a transcript go: at instants that were drawn, or as the engine makes its tokens.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::alarm::{Alarm, Until};
use super::engine::Progress;

/// Where the instants of an exchange come from.
#[derive(Debug)]
pub(super) enum Course {
    /// Offsets from the instant at which the request was read.
    Drawn(Instant),
    /// What the engine does with it.
    Engine(Progress),
}

/// Waits for the instants of one exchange.
#[derive(Debug)]
pub(super) struct Timer {
    course: Course,
    alarm: Arc<Alarm>,
    wait: Option<Until>,
}

impl Timer {
    pub(super) fn new(course: Course, alarm: Arc<Alarm>) -> Timer {
        Timer { course, alarm, wait: None }
    }

    /// Ready when what is due at that offset may go.
    pub(super) fn poll(&mut self, at: Duration, context: &mut Context<'_>) -> Poll<()> {
        if self.wait.is_none() {
            let instant = match &mut self.course {
                Course::Drawn(began) => *began + at,
                Course::Engine(progress) => ready!(progress.poll_instant(at, context)),
            };
            self.wait = Some(self.alarm.until(instant));
        }
        self.poll_wait(context)
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = &mut self.wait {
            ready!(Pin::new(wait).poll(context));
            self.wait = None;
        }
        Poll::Ready(())
    }
}
