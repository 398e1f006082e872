//! What a run has come to so far, handed over now and then while it goes on, so that a process that is killed loses the
//! last seconds and not the run.
//!
//! A thread of its own takes each judge's summaries in turn, for as long as it takes to copy them. So senders never wait
//! for it, and judges do for some milliseconds each time.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::clock::{Clock, micros};
use super::judge::Shared;
use crate::summary::Summary;

/// From the beginning of a checkpoint to that of the next. At most ten seconds are to be lost, and a checkpoint that is
/// being written when the process is killed is lost, too: a second is left for that.
const PERIOD: Duration = Duration::from_secs(9);
/// CPU time of all cores over what checkpoints may use of it.
const SHARE: u32 = 100;

/// Keeps what a run has come to so far.
type Keep = Box<dyn FnMut(&Summary) + Send>;

/// Who keeps checkpoints, until a run takes it.
#[derive(Default)]
pub(super) struct Keeper(Mutex<Option<Keep>>);

impl Keeper {
    pub(super) fn new(keep: impl FnMut(&Summary) + Send + 'static) -> Keeper {
        Keeper(Mutex::new(Some(Box::new(keep))))
    }

    fn take(&self) -> Option<Keep> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}

/// What one judge has recorded: a summary of all cases, or one for each.
pub(super) type Record = Arc<Mutex<Vec<Summary>>>;

/// Checkpoints of a run that goes on; they end when this is dropped, and none is written behind that.
#[derive(Debug)]
pub(super) struct Checkpoints {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Begins with one in which nothing is measured yet, so that a run that is killed at once is known. None where nobody
    /// keeps them.
    pub(super) fn start(keeper: &Keeper, source: Source) -> std::io::Result<Option<Checkpoints>> {
        let Some(mut keep) = keeper.take() else { return Ok(None) };
        let (stop, stopped) = channel();
        let write = move || {
            loop {
                let (began, used) = (Instant::now(), cpu_time());
                if let Some(summary) = source.so_far() {
                    keep(&summary);
                }
                let rest = pause(cpu_time().saturating_sub(used), cores()).saturating_sub(began.elapsed());
                if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(write)?;
        Ok(Some(Checkpoints { stop: Some(stop), thread: Some(thread) }))
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How long after the beginning of a checkpoint that took so much CPU time the next one begins.
fn pause(used: Duration, cores: u32) -> Duration {
    PERIOD.max(used * SHARE / cores.max(1))
}

fn cores() -> u32 {
    std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok()).unwrap_or(1)
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Where a checkpoint comes from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) records: Vec<Record>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    /// Requests that had gone out alone before the load.
    pub(super) preflight: u64,
}

impl Source {
    /// What has come until now, as that of a run that is cut off now. What only its end tells is not in it: how the client
    /// and the server were, and what has not ended.
    fn so_far(&self) -> Option<Summary> {
        let at = micros(self.clock.now());
        let mut parts = self.records.iter().flat_map(|record| {
            let recorded = record.lock().unwrap_or_else(PoisonError::into_inner).clone();
            recorded.into_iter()
        });
        let mut whole = parts.next()?;
        for part in parts {
            whole.merge(part).ok()?;
        }
        whole.counts.preflight = self.preflight;
        let [from, until] = self.shared.window_us();
        whole.ending.cut_off_us = Some(at);
        whole.ending.window_us = until.min(at);
        whole.ending.window_from_us = from.min(whole.ending.window_us);
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_ten_seconds_are_lost_and_at_most_a_hundredth_of_the_cpu_is_used() {
        let ms = Duration::from_millis;
        assert_eq!(pause(ms(0), 2), PERIOD);
        assert_eq!(pause(ms(90), 1), PERIOD);
        assert_eq!(pause(ms(180), 2), PERIOD);
        assert_eq!(pause(ms(400), 2), Duration::from_secs(20), "one that takes long comes less often");
        assert!(PERIOD <= Duration::from_secs(9));
    }
}
