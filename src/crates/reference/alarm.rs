//! One thread that wakes tasks at instants.
//!
//! The runtime's own timer has steps of a millisecond and wakes a task late by one of them at the median; a plain
//! thread that waits on an operating-system primitive is late by a tenth of that. All that is due at once is woken at
//! once, so the cost is in the wake-ups and not in the sleeping.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// Wakes tasks; its thread ends when it is dropped.
#[derive(Debug)]
pub(super) struct Alarm {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    bells: Mutex<Bells>,
    /// Told when the next bell is an earlier one than before, or there is to be no more.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Bells {
    set: BinaryHeap<Reverse<Bell>>,
    over: bool,
}

#[derive(Debug)]
struct Bell {
    at: Instant,
    waker: Waker,
}

impl Alarm {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Alarm> {
        let shared = Arc::new(Shared::default());
        let bells = Arc::clone(&shared);
        std::thread::Builder::new().name("alarm".to_owned()).spawn(move || bells.ring())?;
        Ok(Alarm { shared })
    }

    /// Ends at that instant, at once if it has passed.
    pub(super) fn until(&self, at: Instant) -> Until {
        Until { shared: Arc::clone(&self.shared), at, set: None }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Bells> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, bell: Bell) {
        let mut bells = self.lock();
        let sooner = bells.set.peek().is_none_or(|Reverse(next)| bell.at < next.at);
        bells.set.push(Reverse(bell));
        drop(bells);
        if sooner {
            self.changed.notify_one();
        }
    }

    /// Wakes all that is due, until the alarm is dropped, which is when nobody waits any more.
    fn ring(&self) {
        let mut due = Vec::new();
        let mut bells = self.lock();
        while !bells.over {
            let now = Instant::now();
            while let Some(Reverse(next)) = bells.set.peek()
                && next.at <= now
            {
                due.extend(bells.set.pop());
            }
            if !due.is_empty() {
                drop(bells);
                due.drain(..).for_each(|Reverse(bell)| bell.waker.wake());
                bells = self.lock();
                continue;
            }
            let left = bells.set.peek().map(|Reverse(next)| next.at.saturating_duration_since(now));
            bells = match left {
                Some(left) => self.changed.wait_timeout(bells, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(bells).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

/// A wait for an instant.
#[derive(Debug)]
pub(super) struct Until {
    shared: Arc<Shared>,
    at: Instant,
    /// Who is woken. A task that polls early is not put on the list twice.
    set: Option<Waker>,
}

impl Future for Until {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        if self.set.as_ref().is_none_or(|set| !set.will_wake(context.waker())) {
            let waker = context.waker().clone();
            self.shared.set(Bell { at: self.at, waker: waker.clone() });
            self.set = Some(waker);
        }
        Poll::Pending
    }
}

impl PartialEq for Bell {
    fn eq(&self, other: &Bell) -> bool {
        self.at == other.at
    }
}

impl Eq for Bell {}

impl PartialOrd for Bell {
    fn partial_cmp(&self, other: &Bell) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bell {
    fn cmp(&self, other: &Bell) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn waits_end_in_their_order_and_never_early() {
        let alarm = Alarm::start().expect("a thread");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let ended = Arc::new(Mutex::new(Vec::new()));
        runtime.block_on(async {
            let began = Instant::now();
            let mut tasks = tokio::task::JoinSet::new();
            for ms in [40, 10, 70, 10, 0] {
                let (until, ended) = (alarm.until(began + Duration::from_millis(ms)), Arc::clone(&ended));
                tasks.spawn(async move {
                    until.await;
                    assert!(began.elapsed() >= Duration::from_millis(ms));
                    ended.lock().expect("no panic").push(ms);
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended.expect("no panic");
            }
        });
        assert_eq!(*ended.lock().expect("no panic"), [0, 10, 10, 40, 70]);
    }
}
