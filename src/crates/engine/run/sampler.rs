//! Looks at the requests in flight while a run goes on, and may give the run up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Control;

/// Somebody who looks, with what he remembers.
#[derive(Debug)]
pub struct Sampler<S> {
    ending: Arc<AtomicBool>,
    thread: JoinHandle<S>,
    began: Instant,
}

impl<S: Send + 'static> Sampler<S> {
    /// Begins to look. `see` is told the time since then and the requests in flight, and gives the run up by saying so.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(
        control: &Arc<Control>,
        every: Duration,
        mut remembers: S,
        mut see: impl FnMut(&mut S, Duration, usize) -> bool + Send + 'static,
    ) -> std::io::Result<Sampler<S>> {
        let (began, ending) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let (over, control) = (Arc::clone(&ending), Arc::clone(control));
        let look = move || {
            let live = control.live();
            while !over.load(Ordering::SeqCst) {
                std::thread::sleep(every);
                if see(&mut remembers, began.elapsed(), live.in_flight()) {
                    control.give_up();
                }
            }
            remembers
        };
        let thread = std::thread::Builder::new().name("sampler".to_owned()).spawn(look)?;
        Ok(Sampler { ending, thread, began })
    }

    /// Ends it: what it remembers, unless it died, and how long it looked.
    pub fn finish(self) -> (Option<S>, Duration) {
        self.ending.store(true, Ordering::SeqCst);
        (self.thread.join().ok(), self.began.elapsed())
    }
}
