//! The end of a run, when nothing is in flight any more and what has come is still being judged.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long judging may go on after the last exchange has ended. What is left then is recorded without its body, as
/// `unjudged`: 256 MiB of replies at most wait, which takes some seconds where the machine is not at its end.
const LONGEST: Duration = Duration::from_secs(60);

/// Whether what is left is still to be judged.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// Until when; known once it has begun.
    until: OnceLock<Instant>,
    hurried: AtomicBool,
}

impl Closing {
    /// Nothing is in flight any more.
    pub(super) fn begin(&self) {
        let _ = self.until.set(Instant::now() + LONGEST);
    }

    /// The user interrupts. Before the end of the sending that stops the sending, and all that has come is judged.
    pub(super) fn interrupt(&self) {
        if self.until.get().is_some() {
            self.hurried.store(true, Ordering::SeqCst);
        }
    }

    /// Whether the user interrupted the judging.
    pub(super) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::SeqCst)
    }

    /// Whether nothing more is to be judged.
    pub(super) fn is_over(&self) -> bool {
        self.until.get().is_some_and(|until| self.is_hurried() || Instant::now() >= *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_ends_the_judging_only_once_nothing_is_in_flight() {
        let closing = Closing::default();
        closing.interrupt();
        assert!(!closing.is_over() && !closing.is_hurried());
        closing.begin();
        assert!(!closing.is_over(), "an interrupt before is about the sending");
        closing.interrupt();
        assert!(closing.is_over() && closing.is_hurried());
    }

    #[test]
    fn the_judging_has_a_bound() {
        let closing = Closing { until: OnceLock::from(Instant::now()), hurried: AtomicBool::new(false) };
        assert!(closing.is_over() && !closing.is_hurried());
    }
}
