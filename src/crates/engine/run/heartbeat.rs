//! The heartbeat of a thread that stamps arrivals: it is to wake every 10 ms, and what it comes late, an arrival would be
//! stamped late.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::clock::micros;
use crate::summary::trust::{HEARTBEAT, HEARTBEAT_LATE, HEARTBEAT_SLUGGISH, Health};

/// The heartbeats of a thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Beats {
    count: u64,
    sluggish: u64,
    late: u64,
    stops: u64,
    worst: Duration,
    /// How long it waited for a core over all of them.
    waited: Option<Waited>,
}

/// How long a thread has waited for a core, and how often it was given one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Waited {
    time: Duration,
    turns: u64,
}

impl Waited {
    fn since(self, before: Waited) -> Waited {
        Waited { time: self.time.saturating_sub(before.time), turns: self.turns.saturating_sub(before.turns) }
    }
}

/// Beats on the thread that polls it until it is stopped. `latest` keeps the most that a beat was late, in microseconds.
pub(super) async fn beat(mut stopped: watch::Receiver<bool>, latest: &AtomicU64) -> Beats {
    let queue = RunQueue::open();
    let began = queue.waited();
    let (mut beats, mut before, mut waited) = (Beats::default(), Instant::now(), began);
    loop {
        let over = tokio::time::timeout(HEARTBEAT, stopped.wait_for(|stopped| *stopped)).await.is_ok();
        let (now, waits) = (Instant::now(), queue.waited());
        // From beat to beat, so that no stop falls between two.
        let late = beats.add(now - before, waits.zip(waited).map(|(now, before)| now.since(before).time));
        latest.fetch_max(micros(late), Ordering::Relaxed);
        (before, waited) = (now, waits);
        if over {
            beats.waited = waits.zip(began).map(|(now, began)| now.since(began));
            return beats;
        }
    }
}

impl Beats {
    /// Adds a beat that came so long after the one before, and gives how late that is. `for_a_core` is how much of the
    /// time the thread waited for a core.
    fn add(&mut self, apart: Duration, for_a_core: Option<Duration>) -> Duration {
        let late = apart.saturating_sub(HEARTBEAT);
        self.count += 1;
        self.sluggish += u64::from(late > HEARTBEAT_SLUGGISH);
        if late > HEARTBEAT_LATE {
            self.late += 1;
            self.worst = self.worst.max(late);
            // A process that is stopped waits for no core: it is not to run at all.
            self.stops += u64::from(for_a_core.is_some_and(|waited| waited < late / 2));
        }
        late
    }

    /// Those of several threads: of each figure that of the thread that fared worst, since a stop of the process is one
    /// stop, however many threads notice. What they waited for cores adds up.
    pub(super) fn worst_of(threads: &[Beats]) -> Health {
        let most = |of: fn(&Beats) -> u64| threads.iter().map(of).max().unwrap_or(0);
        let share = |beats: &&Beats| beats.sluggish as f64 / beats.count.max(1) as f64;
        let slowest = threads.iter().max_by(|a, b| share(a).total_cmp(&share(b))).copied().unwrap_or_default();
        let waited: Option<Vec<Waited>> = threads.iter().map(|beats| beats.waited).collect();
        let waited = waited.filter(|waited| !waited.is_empty());
        Health {
            heartbeats: slowest.count,
            sluggish_heartbeats: slowest.sluggish,
            late_heartbeats: most(|beats| beats.late),
            stops: most(|beats| beats.stops),
            worst_heartbeat_us: most(|beats| micros(beats.worst)),
            waited_us: waited.as_ref().map(|waited| waited.iter().map(|waited| micros(waited.time)).sum()),
            turns: waited.as_ref().map(|waited| waited.iter().map(|waited| waited.turns).sum()),
            ..Health::default()
        }
    }
}

/// How long the thread that opened it has waited for a core since it began, where the system tells. It stays open: to
/// look a file up costs more than to read it, and every beat does.
struct RunQueue(Option<File>);

impl RunQueue {
    fn open() -> RunQueue {
        RunQueue(File::open("/proc/thread-self/schedstat").ok())
    }

    /// The second and the third field.
    fn waited(&self) -> Option<Waited> {
        let mut stat = [0; 64];
        let length = rustix::io::pread(self.0.as_ref()?, &mut stat, 0).ok()?;
        let text = std::str::from_utf8(stat.get(..length)?).ok()?;
        let mut fields = text.split_whitespace().skip(1).map(str::parse::<u64>);
        let (time, turns) = (fields.next()?.ok()?, fields.next()?.ok()?);
        Some(Waited { time: Duration::from_nanos(time), turns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// The beats of a thread over a second in which it is stopped once, from an instant on for so long.
    fn stopped(from: Duration, lasts: Duration) -> Beats {
        let (mut beats, mut now) = (Beats::default(), Duration::ZERO);
        while now < MS * 1000 {
            let due = now + HEARTBEAT;
            let woken = if (from..from + lasts).contains(&due) { from + lasts } else { due };
            beats.add(woken.saturating_sub(now), Some(Duration::ZERO));
            now = woken;
        }
        beats
    }

    #[test]
    fn a_stop_is_seen_wherever_it_falls() {
        for from in (0..500).map(|half_ms| MS * half_ms / 2) {
            for lasts in [100, 235] {
                let beats = stopped(from, MS * lasts);
                assert_eq!((beats.late, beats.stops), (1, 1), "{from:?}, {lasts} ms: {beats:?}");
                assert!(beats.worst + HEARTBEAT >= MS * lasts, "{from:?}, {lasts} ms: {beats:?}");
            }
        }
        assert_eq!(stopped(MS * 50, Duration::ZERO).late, 0);
    }

    #[test]
    fn a_stop_of_the_process_is_one_stop_of_all_its_threads() {
        let thread = Beats { waited: Some(Waited { time: MS * 3, turns: 100 }), ..stopped(MS * 50, MS * 200) };
        let sluggish = Beats { sluggish: 50, ..thread };
        let health = Beats::worst_of(&[thread, sluggish, thread]);
        assert_eq!((health.late_heartbeats, health.stops, health.sluggish_heartbeats), (1, 1, 50));
        assert_eq!((health.waited_us, health.turns), (Some(9_000), Some(300)));
    }
}
