//! The batching server in real time: the simulation says when its next tokens are made, and the engine sleeps until then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::alarm::Alarm;
use super::batch::{Batch, Refusal};
use super::capacity::Capacity;
use super::pace::Pace;

/// A batching server that requests are sent through.
#[derive(Debug)]
pub(super) struct Engine {
    began: Instant,
    work: Mutex<Working>,
    /// Told when a request comes, since an idle engine has no next instant.
    arrived: Notify,
}

#[derive(Debug)]
struct Working {
    batch: Batch,
    tokens: HashMap<u64, UnboundedSender<Duration>>,
}

impl Engine {
    pub(super) fn new(capacity: Capacity) -> Engine {
        let work = Mutex::new(Working { batch: Batch::new(capacity), tokens: HashMap::new() });
        Engine { began: Instant::now(), work, arrived: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Working> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes tokens when they are due, for ever.
    pub(super) async fn run(&self, alarm: &Alarm) {
        loop {
            let next = self.lock().batch.upcoming();
            let arrived = self.arrived.notified();
            match next {
                // A request that comes during a step changes nothing about its end.
                Some(at) => alarm.until(self.began + at).await,
                None => arrived.await,
            }
            self.lock().advance(self.began.elapsed());
        }
    }

    /// Sends a request through.
    ///
    /// # Errors
    /// If it is turned away.
    pub(super) fn offer(self: &Arc<Engine>, number: u64, pace: Pace) -> Result<Progress, Refusal> {
        let (sender, tokens) = unbounded_channel();
        let began = Instant::now();
        let mut working = self.lock();
        working.advance(began.saturating_duration_since(self.began));
        working.batch.offer(number, pace.job)?;
        working.tokens.insert(number, sender);
        drop(working);
        self.arrived.notify_one();
        Ok(Progress { engine: Arc::clone(self), number, began, ready: pace.ready, tokens, made: Vec::new() })
    }
}

impl Working {
    fn advance(&mut self, until: Duration) {
        let tokens = &mut self.tokens;
        self.batch.advance(until, |token| {
            if let Some(sender) = tokens.get(&token.id) {
                // A reader that has gone withdraws the request itself.
                let _ = sender.send(token.at);
            }
            if token.last {
                tokens.remove(&token.id);
            }
        });
    }
}

/// A request on its way through the engine. The transcript has instants of an idle server; progress puts the steps of
/// the real one in their place and keeps what lies between them.
#[derive(Debug)]
pub(super) struct Progress {
    engine: Arc<Engine>,
    number: u64,
    began: Instant,
    /// When each step would be ready on an idle server.
    ready: Vec<Duration>,
    tokens: UnboundedReceiver<Duration>,
    /// When each step was.
    made: Vec<Duration>,
}

impl Progress {
    /// The real instant of what an idle server would do then, as soon as the step before it is made.
    pub(super) fn poll_instant(&mut self, at: Duration, context: &mut Context<'_>) -> Poll<Instant> {
        let Some(step) = self.ready.partition_point(|ready| *ready <= at).checked_sub(1) else {
            return Poll::Ready(self.began + at);
        };
        while self.made.len() <= step {
            match ready!(self.tokens.poll_recv(context)) {
                Some(token) => self.made.push(token),
                None => break,
            }
        }
        let made = self.made.get(step).or(self.made.last()).copied().unwrap_or_default();
        Poll::Ready(self.engine.began + made + at.saturating_sub(self.ready[step]))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let mut working = self.engine.lock();
        working.batch.withdraw(self.number);
        working.tokens.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::super::capacity::Work;
    use super::*;

    #[test]
    fn what_lies_between_the_steps_of_an_idle_server_keeps_its_place_in_a_busy_one() {
        let ms = Duration::from_millis;
        let pace = |ready: &[u64]| {
            let job = Work { prompt: 1, output: ready.len() as u64 }.into();
            Pace { job, ready: ready.iter().copied().map(ms).collect() }
        };
        let engine = Arc::new(Engine::new("slots=1,step=20ms".parse().expect("a capacity")));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (working, alarm) = (Arc::clone(&engine), Alarm::start().expect("a thread"));
            let running = tokio::spawn(async move { working.run(&alarm).await });
            let mut first = engine.offer(0, pace(&[20, 40])).expect("room");
            let mut second = engine.offer(1, pace(&[20])).expect("room");
            let early = poll_fn(|context| second.poll_instant(ms(5), context)).await;
            assert_eq!(early, second.began + ms(5), "nothing has to be made for it");
            let last = poll_fn(|context| first.poll_instant(ms(40), context)).await;
            let later = poll_fn(|context| second.poll_instant(ms(23), context)).await;
            assert_eq!(later.saturating_duration_since(last), ms(23), "it joins when the first has left");
            running.abort();
        });
    }
}
