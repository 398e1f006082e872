//! A waker of our own between a task and what it polls, where every wake-up of the task would cost more than it is worth.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Knows whether it was rung, and passes it on to the task unless that is at it.
#[derive(Debug)]
pub(super) struct Bell {
    rung: AtomicBool,
    /// Whether the task is polling what rings this bell.
    attended: AtomicBool,
    task: Mutex<Option<Waker>>,
}

/// So often what rings while it is polled is polled again at once; then the task gives way to others. (Twice is enough for
/// two halves that hand something over; what has used its share of the thread up rings for ever.)
const PASSES: usize = 2;

impl Bell {
    /// A bell that is rung, since what was never polled wakes nobody.
    pub(super) fn rung() -> Arc<Bell> {
        Arc::new(Bell { rung: AtomicBool::new(true), attended: AtomicBool::new(false), task: Mutex::default() })
    }

    /// Whether it was rung since it was last asked.
    pub(super) fn was_rung(&self) -> bool {
        self.rung.swap(false, SeqCst)
    }

    /// From now on it wakes this task.
    pub(super) fn wakes(&self, context: &Context<'_>) {
        let mut task = self.task();
        if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            *task = Some(context.waker().clone());
        }
    }

    /// From now on it wakes nobody, and keeps no task that is over.
    pub(super) fn wakes_nobody(&self) {
        *self.task() = None;
    }

    /// Polls what rings this bell (whose waker comes with it), so that the task is not woken by what it does itself.
    pub(super) fn attend<T>(
        &self,
        waker: &Waker,
        context: &Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.wakes(context);
        self.attended.store(true, SeqCst);
        let mut polled = Poll::Pending;
        for _ in 0..PASSES {
            self.rung.store(false, SeqCst);
            polled = poll(&mut Context::from_waker(waker));
            if polled.is_ready() || !self.rung.load(SeqCst) {
                break;
            }
        }
        self.attended.store(false, SeqCst);
        // Whoever rang before we left relied on us.
        if polled.is_pending() && self.rung.load(SeqCst) {
            context.waker().wake_by_ref();
        }
        polled
    }

    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, SeqCst);
        if !self.attended.load(SeqCst) {
            self.task().iter().for_each(Waker::wake_by_ref);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// Counts how often it wakes.
    #[derive(Debug, Default)]
    struct Counted(AtomicU32);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// A bell with its waker, and a task that it is to wake, with how often it did.
    fn scene() -> (Arc<Bell>, Waker, Arc<Counted>, Waker) {
        let (bell, task) = (Bell::rung(), Arc::new(Counted::default()));
        (Arc::clone(&bell), Waker::from(bell), Arc::clone(&task), Waker::from(task))
    }

    #[test]
    fn what_the_task_does_itself_does_not_wake_it_and_all_else_does() {
        let (bell, waker, woken, task) = scene();
        let mut passes = 0;
        // The first half hands over, and the second takes it in the next pass.
        let polled = bell.attend(&waker, &Context::from_waker(&task), |inner| {
            passes += 1;
            if passes == 1 {
                inner.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(passes)
        });
        assert_eq!((polled, woken.0.load(SeqCst)), (Poll::Ready(2), 0));
        waker.wake_by_ref();
        assert_eq!((woken.0.load(SeqCst), bell.was_rung(), bell.was_rung()), (1, true, false));
    }

    #[test]
    fn what_rings_without_end_gives_way() {
        let (bell, waker, woken, task) = scene();
        let mut passes = 0;
        let polled: Poll<()> = bell.attend(&waker, &Context::from_waker(&task), |inner| {
            passes += 1;
            inner.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!((polled, passes, woken.0.load(SeqCst)), (Poll::Pending, PASSES, 1));
    }

    #[test]
    fn a_bell_wakes_the_task_that_polled_last() {
        let (bell, waker, first, task) = scene();
        bell.wakes(&Context::from_waker(&task));
        let second = Arc::new(Counted::default());
        bell.wakes(&Context::from_waker(&Waker::from(Arc::clone(&second))));
        waker.wake_by_ref();
        bell.wakes_nobody();
        waker.wake_by_ref();
        assert_eq!([first, second].map(|task| task.0.load(SeqCst)), [0, 1]);
    }
}
