//! The end of a run, when nothing is in flight any more and what has come is still being judged.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long judging may go on after the last exchange has ended. What is left then is recorded without its body, as
/// `unjudged`: 256 MiB of replies at most wait, which takes some seconds where the machine is not at its end.
const LONGEST: Duration = Duration::from_secs(60);
/// The same after the user cut the requests in flight: long enough to record them.
const LONGEST_WHEN_CUT: Duration = Duration::from_secs(1);

/// Whether what is left is still to be judged.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// When it began, once it has.
    began: OnceLock<Instant>,
    /// Whether the user cut what was in flight.
    cut: AtomicBool,
    /// Whether the user interrupted the judging.
    hurried: AtomicBool,
}

impl Closing {
    /// Nothing is in flight any more.
    pub(super) fn begin(&self) {
        let _ = self.began.set(Instant::now());
    }

    /// The user interrupts. Before the end of the sending that stops the sending, and all that has come is judged.
    pub(super) fn interrupt(&self) {
        if self.began.get().is_some() {
            self.hurried.store(true, Ordering::SeqCst);
        }
    }

    /// The user wants the report at once: the judging that remains has little time, or none where it has begun.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.interrupt();
    }

    /// Whether the user interrupted the judging.
    pub(super) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::SeqCst)
    }

    /// Whether nothing more is to be judged.
    pub(super) fn is_over(&self) -> bool {
        self.is_over_at(Instant::now())
    }

    fn is_over_at(&self, now: Instant) -> bool {
        let longest = if self.cut.load(Ordering::SeqCst) { LONGEST_WHEN_CUT } else { LONGEST };
        self.began.get().is_some_and(|began| self.is_hurried() || now >= *began + longest)
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
        let (closing, began) = (Closing::default(), Instant::now());
        closing.begin();
        assert!(!closing.is_over_at(began + LONGEST / 2));
        assert!(closing.is_over_at(Instant::now() + LONGEST) && !closing.is_hurried());
    }

    #[test]
    fn what_was_cut_is_judged_for_a_moment_and_no_longer() {
        let (closing, before) = (Closing::default(), Instant::now());
        closing.cut();
        assert!(!closing.is_over_at(before + LONGEST), "requests are still in flight");
        closing.begin();
        assert!(!closing.is_over_at(before + LONGEST_WHEN_CUT / 2), "what was cut is looked at");
        assert!(closing.is_over_at(Instant::now() + LONGEST_WHEN_CUT) && !closing.is_hurried());
        closing.cut();
        assert!(closing.is_over() && closing.is_hurried(), "nothing was in flight any more");
    }
}
