//! The slots of a closed load: each sends its next request when its last has ended and its user has thought.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::Next;
use super::course::Course;
use super::think::Think;

/// The slots that are free, with the time from which each may send.
#[derive(Debug)]
pub(super) struct Slots {
    course: Course,
    think: Think,
    seed: u64,
    /// No request is due at or after this time.
    end: Option<Duration>,
    free: BinaryHeap<Reverse<(Duration, usize)>>,
    /// Slots with a request in flight.
    busy: usize,
}

impl Slots {
    /// The slots of a shard, all free as soon as the course has room for them.
    pub(super) fn new(
        course: Course,
        think: Think,
        seed: u64,
        end: Option<Duration>,
        own: impl Fn(usize) -> bool,
    ) -> Slots {
        let mut slots = Slots { course, think, seed, end, free: BinaryHeap::new(), busy: 0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a million slots")]
        let count = slots.course.highest().ceil() as usize;
        (0..count).filter(|slot| own(*slot)).for_each(|slot| slots.rest(slot, Duration::ZERO));
        slots
    }

    pub(super) fn peek(&self) -> Next {
        match self.free.peek() {
            Some(Reverse((due, _))) => Next::Due(*due),
            None if self.busy > 0 => Next::WhenFree,
            None => Next::Over,
        }
    }

    /// The slot that is free first, and from when on; it is busy from now on.
    pub(super) fn take(&mut self) -> Option<(Duration, usize)> {
        let Reverse(first) = self.free.pop()?;
        self.busy += 1;
        Some(first)
    }

    /// The request `nth`, of this slot, ended then.
    pub(super) fn ended(&mut self, slot: usize, nth: u64, at: Duration) {
        self.busy -= 1;
        self.rest(slot, at + self.think.draw(self.seed, nth, "think"));
    }

    /// Frees a slot from the first moment on at which there is room for it; a slot that never has any again is gone.
    fn rest(&mut self, slot: usize, from: Duration) {
        let due = self.course.above(slot as f64, from.as_secs_f64());
        // Where there is room at once, the moment itself, and not what is left of it in binary fractions of a second.
        let due = due.map(|due| from.max(Duration::from_secs_f64(due)));
        if let Some(due) = due.filter(|due| self.end.is_none_or(|end| *due < end)) {
            self.free.push(Reverse((due, slot)));
        }
    }
}
