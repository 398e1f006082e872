//! How the client is while it measures: CPU, scheduling, descriptors, ports.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::client::Client;
use super::clock::micros;
use crate::summary::trust::{HEARTBEAT_LATE, Health, Used};

const BEAT: Duration = Duration::from_millis(10);
const BEATS_A_SAMPLE: u32 = 100;
/// How long the system keeps a closed connection's port (`TIME_WAIT`).
const PORT_KEPT: Duration = Duration::from_secs(60);

/// Watches the process from a thread of its own until it is asked for the result.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Health>,
    began: Instant,
    cpu: Duration,
    throttled: Option<u64>,
}

impl Watch {
    pub(super) fn start(client: Arc<Client>) -> std::io::Result<Watch> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("heartbeat".to_owned()).spawn(move || beat(&client, &stopped))?;
        Ok(Watch { stop, thread, began: Instant::now(), cpu: cpu_time(), throttled: throttled_periods() })
    }

    /// Ends the watch; `peak` is the most requests that were in flight.
    pub(super) fn finish(self, client: &Client, peak: usize) -> Health {
        let _ = self.stop.send(());
        let seen = self.thread.join().unwrap_or_default();
        let cores =
            std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok()).unwrap_or(1);
        let used = cpu_time().saturating_sub(self.cpu);
        Health {
            cpu_us: Some(micros(used)),
            core_us: micros(self.began.elapsed() * cores),
            throttled_periods: throttled_periods().zip(self.throttled).map(|(now, before)| now.saturating_sub(before)),
            dials: client.dials(),
            peak_in_flight: peak as u64,
            ..seen
        }
    }
}

/// A beat every 10 ms, and every hundredth looks around.
fn beat(client: &Client, stopped: &std::sync::mpsc::Receiver<()>) -> Health {
    let mut health = Health::default();
    let mut opened = VecDeque::from([(Instant::now(), 0)]);
    let mut beats = 0;
    loop {
        let due = Instant::now() + BEAT;
        let over = stopped.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout);
        let late = Instant::now().saturating_duration_since(due);
        if late > HEARTBEAT_LATE {
            health.late_heartbeats += 1;
            health.worst_heartbeat_us = health.worst_heartbeat_us.max(micros(late));
        }
        beats += 1;
        if over || beats % BEATS_A_SAMPLE == 0 {
            health.descriptors = most(health.descriptors, descriptors());
            health.ports = most(health.ports, ports(client, &mut opened));
        }
        if over {
            return health;
        }
    }
}

fn most(before: Option<Used>, now: Option<Used>) -> Option<Used> {
    [before, now].into_iter().flatten().max_by_key(|used| used.used)
}

fn descriptors() -> Option<Used> {
    let used = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(Used { used, of: getrlimit(Resource::Nofile).current? })
}

/// Ports of the connections opened within the last minute, beside how many the system hands out.
fn ports(client: &Client, opened: &mut VecDeque<(Instant, u64)>) -> Option<Used> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut bounds = range.split_whitespace().filter_map(|bound| bound.parse::<u64>().ok());
    let (low, high) = (bounds.next()?, bounds.next()?);
    let (now, dials) = (Instant::now(), client.dials());
    opened.push_back((now, dials));
    while opened.get(1).is_some_and(|(at, _)| now.duration_since(*at) > PORT_KEPT) {
        opened.pop_front();
    }
    let before = opened.front().map_or(0, |(_, dials)| *dials);
    Some(Used { used: dials - before, of: high.saturating_sub(low) + 1 })
}

/// CPU time of all threads of the process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// `nr_throttled` of our control group (version 2), where it can be read.
fn throttled_periods() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?.trim_start_matches('/').to_owned();
    let stat = std::fs::read_to_string(format!("/sys/fs/cgroup/{path}/cpu.stat"))
        .or_else(|_| std::fs::read_to_string("/sys/fs/cgroup/cpu.stat"))
        .ok()?;
    stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.trim().parse().ok())
}
