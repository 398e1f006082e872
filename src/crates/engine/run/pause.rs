//! How long a slot of a closed load waits before it tries again after a refused connection.
//!
//! A refusal takes no time, so without a pause a closed load would try ten thousands of times a second and measure
//! nothing but that. A request is due all the same: the pause is a part of its response time.

use std::collections::BTreeMap;
use std::time::Duration;

/// After the first refusal; twice as long after each that follows.
const FIRST: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(1);

/// The pauses of a load's slots.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// By slot, for those whose last request was refused: how long it waits, and until when.
    slots: BTreeMap<usize, (Duration, Duration)>,
}

impl Pauses {
    /// A request of a slot ended then.
    pub(super) fn ended(&mut self, slot: usize, at: Duration, refused: bool) {
        if refused {
            let length = self.slots.get(&slot).map_or(FIRST, |(length, _)| (*length * 2).min(LONGEST));
            self.slots.insert(slot, (length, at + length));
        } else if !self.slots.is_empty() {
            self.slots.remove(&slot);
        }
    }

    /// From when on a slot may send what is due then. A load does not last longer for it: what is due before its end goes
    /// at its end.
    pub(super) fn release(&self, slot: usize, due: Duration, end: Option<Duration>) -> Duration {
        let until = self.slots.get(&slot).map_or(due, |(_, until)| *until);
        due.max(end.map_or(until, |end| until.min(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_pause_grows_to_a_second_and_an_answer_ends_it() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.release(0, ms(5), None), ms(5));
        let mut waited = Vec::new();
        for nth in 0..9 {
            pauses.ended(0, ms(10_000 * nth), true);
            waited.push(pauses.release(0, ms(10_000 * nth), None).saturating_sub(ms(10_000 * nth)));
        }
        assert_eq!(waited, [10, 20, 40, 80, 160, 320, 640, 1000, 1000].map(ms));
        assert_eq!(pauses.release(1, ms(7), None), ms(7), "another slot goes on");
        pauses.ended(0, ms(90_000), false);
        assert_eq!(pauses.release(0, ms(90_000), None), ms(90_000));
        pauses.ended(0, ms(91_000), true);
        assert_eq!(pauses.release(0, ms(91_000), None), ms(91_010), "it begins again");
    }

    #[test]
    fn a_user_who_thinks_longer_does_not_wait_and_the_end_of_a_load_stays() {
        let mut pauses = Pauses::default();
        pauses.ended(0, ms(100), true);
        assert_eq!(pauses.release(0, ms(500), None), ms(500));
        assert_eq!(pauses.release(0, ms(100), Some(ms(105))), ms(105));
        assert_eq!(pauses.release(0, ms(104), Some(ms(90))), ms(104));
    }
}
