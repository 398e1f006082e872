//! A future that is polled only once it was woken itself.
//!
//! What waits beside a stream, for a timeout or for the end of the run, would otherwise be polled for every event of the
//! stream. That finds out nothing, and with thousands of streams at once it brings memory in that nothing else needs.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that stands beside one that is woken more often.
#[derive(Debug)]
pub(super) struct Seldom<'f, F> {
    future: Pin<&'f mut F>,
    /// The task that the bell wakes: nearly always the one that polls, and then the bell is not touched.
    task: Option<Waker>,
    bell: Arc<Bell>,
}

/// Knows whether it was rung, and wakes the task.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<'f, F> Seldom<'f, F> {
    pub(super) fn new(future: Pin<&'f mut F>) -> Seldom<'f, F> {
        // What was never polled wakes nobody.
        Seldom { future, task: None, bell: Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() }) }
    }
}

impl<F: Future> Future for Seldom<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // In this order, so that no ring between the two is lost.
        if !self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            self.task = Some(context.waker().clone());
            self.bell.wakes(context.waker().clone());
        }
        if !self.bell.rung.load(SeqCst) {
            return Poll::Pending;
        }
        self.bell.rung.store(false, SeqCst);
        let bell = Waker::from(Arc::clone(&self.bell));
        self.future.as_mut().poll(&mut Context::from_waker(&bell))
    }
}

impl Bell {
    /// From now on it wakes this task.
    fn wakes(&self, task: Waker) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, SeqCst);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Waker::wake_by_ref);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn it_is_polled_when_it_was_woken() {
        let mut polls = 0;
        let mut future = pin!(poll_fn(|_| {
            polls += 1;
            if polls == 2 { Poll::Ready(polls) } else { Poll::Pending }
        }));
        let mut seldom = Seldom::new(future.as_mut());
        let bell = Waker::from(Arc::clone(&seldom.bell));
        let mut poll = || Pin::new(&mut seldom).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!([poll(), poll(), poll()], [Poll::Pending; 3]);
        bell.wake();
        assert_eq!(poll(), Poll::Ready(2));
    }

    /// Counts how often it wakes.
    #[derive(Debug, Default)]
    struct Counted(AtomicU32);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn it_wakes_the_task_that_polled_last() {
        let mut future = pin!(std::future::pending::<()>());
        let mut seldom = Seldom::new(future.as_mut());
        let bell = Waker::from(Arc::clone(&seldom.bell));
        let tasks = [(); 2].map(|()| Arc::<Counted>::default());
        for task in &tasks {
            let waker = Waker::from(Arc::clone(task));
            let polled = Pin::new(&mut seldom).poll(&mut Context::from_waker(&waker));
            assert_eq!(polled, Poll::Pending);
            bell.wake_by_ref();
        }
        assert_eq!(tasks.map(|task| task.0.load(SeqCst)), [1, 1]);
    }
}
