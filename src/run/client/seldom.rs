//! A future that is polled only once it was woken itself.
//!
//! What waits beside a stream, for a timeout or for the end of the run, would otherwise be polled for every event of the
//! stream. That finds out nothing, and with thousands of streams at once it brings memory in that nothing else needs.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that stands beside one that is woken more often.
#[derive(Debug)]
pub(super) struct Seldom<'f, F> {
    future: Pin<&'f mut F>,
    bell: Arc<Bell>,
    /// Whose task it was in when it was last polled.
    task: Option<Waker>,
}

/// What the future is given to wake.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<'f, F> Seldom<'f, F> {
    pub(super) fn new(future: Pin<&'f mut F>) -> Seldom<'f, F> {
        // Nothing wakes what was never polled.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        Seldom { future, bell, task: None }
    }
}

impl<F: Future> Future for Seldom<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            self.task = Some(context.waker().clone());
            *self.bell.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        }
        // Looked at after the task is known, so that no ring between the two is lost.
        if !self.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let bell = Waker::from(Arc::clone(&self.bell));
        self.future.as_mut().poll(&mut Context::from_waker(&bell))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        task.iter().for_each(Waker::wake_by_ref);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// Counts how often it wakes.
    #[derive(Debug, Default)]
    struct Counted(AtomicU32);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_when_it_was_woken_and_wakes_the_task_that_polled_it_last() {
        let mut polls = 0;
        let mut future = pin!(poll_fn(|_| {
            polls += 1;
            if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
        }));
        let mut seldom = Seldom::new(future.as_mut());
        let tasks = [Arc::new(Counted::default()), Arc::new(Counted::default())];
        let wakers = tasks.clone().map(Waker::from);
        let mut poll = |task: usize| Pin::new(&mut seldom).poll(&mut Context::from_waker(&wakers[task]));
        assert_eq!([poll(0), poll(0), poll(1)], [Poll::Pending; 3]);
        let ring = |bell: &Arc<Bell>| Arc::clone(bell).wake();
        let bell = Arc::clone(&seldom.bell);
        ring(&bell);
        let mut poll = |task: usize| Pin::new(&mut seldom).poll(&mut Context::from_waker(&wakers[task]));
        assert_eq!(tasks.clone().map(|task| task.0.load(Ordering::Relaxed)), [0, 1]);
        assert_eq!([poll(1), poll(1)], [Poll::Pending; 2]);
        ring(&bell);
        assert_eq!(poll(0), Poll::Ready(3));
    }
}
