//! How the client is while it measures: CPU, memory, descriptors, ports. Its heartbeats are those of its workers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::client::Client;
use super::clock::micros;
use super::judge::Shared;
use crate::summary::moments::Moment;
use crate::summary::trust::{Health, Used};

const EVERY: Duration = Duration::from_secs(1);
/// How long the system keeps a closed connection's port (`TIME_WAIT`).
const PORT_KEPT: Duration = Duration::from_secs(60);

/// Watches the process from a thread of its own until it is asked for the result.
#[derive(Debug)]
pub(super) struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Health>,
    began: Instant,
    cpu: Duration,
    machine: Option<Used>,
    throttled: Option<u64>,
}

impl Watch {
    /// `latest` has the most by which a heartbeat came late since it was last taken.
    pub(super) fn start(client: Arc<Client>, shared: Arc<Shared>, latest: Arc<AtomicU64>) -> std::io::Result<Watch> {
        let (stop, stopped) = channel();
        let look = move || look_around(&client, &shared, &latest, &stopped);
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(look)?;
        Ok(Watch {
            stop,
            thread,
            began: Instant::now(),
            cpu: cpu_time(),
            machine: machine_time(),
            throttled: throttled_periods(),
        })
    }

    /// Ends the watch; `peak` is the most requests that were in flight, and `beats` what the heartbeats say.
    pub(super) fn finish(self, client: &Client, peak: usize, beats: &Health) -> Health {
        let _ = self.stop.send(());
        let seen = self.thread.join().unwrap_or_default();
        let used = cpu_time().saturating_sub(self.cpu);
        Health {
            cpu_us: Some(micros(used)),
            core_us: micros(self.began.elapsed() * cores()),
            machine: used_between(self.machine, machine_time()),
            out_of_descriptors: client.exhausted().descriptors(),
            out_of_ports: client.exhausted().ports(),
            throttled_periods: throttled_periods().zip(self.throttled).map(|(now, before)| now.saturating_sub(before)),
            dials: client.dials(),
            peak_in_flight: peak as u64,
            descriptors: seen.descriptors,
            ports: seen.ports,
            moments: seen.moments,
            ..beats.clone()
        }
    }
}

/// Looks around once a second.
fn look_around(
    client: &Client,
    shared: &Shared,
    latest: &AtomicU64,
    stopped: &std::sync::mpsc::Receiver<()>,
) -> Health {
    let mut health = Health::default();
    let mut look = Look::first();
    let mut opened = VecDeque::from([(Instant::now(), 0)]);
    loop {
        let over = stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
        health.descriptors = most(health.descriptors, descriptors());
        health.ports = most(health.ports, ports(client, &mut opened));
        let (from, until, seen) = look.again();
        let backlog_bytes = shared.backlog.load(Ordering::Relaxed) as u64;
        let late_us = latest.swap(0, Ordering::Relaxed);
        health.moments.record(from, until, &Moment { late_us, backlog_bytes, ..seen });
        if over {
            return health;
        }
    }
}

/// What the process had used when it was last looked at.
struct Look {
    began: Instant,
    at: Duration,
    cpu: Duration,
    machine: Option<Used>,
}

impl Look {
    fn first() -> Look {
        Look { began: Instant::now(), at: Duration::ZERO, cpu: cpu_time(), machine: machine_time() }
    }

    /// From when, until when, and what it used meanwhile.
    fn again(&mut self) -> (u64, u64, Moment) {
        let now = Look { began: self.began, at: self.began.elapsed(), ..Look::first() };
        let machine = used_between(self.machine, now.machine).unwrap_or_default();
        let seen = Moment {
            cpu_us: micros(now.cpu.saturating_sub(self.cpu)),
            core_us: micros(now.at.saturating_sub(self.at) * cores()),
            machine_us: machine.used,
            machine_core_us: machine.of,
            memory_bytes: memory().unwrap_or(0),
            ..Moment::default()
        };
        let from = std::mem::replace(self, now).at;
        (micros(from), micros(self.at), seen)
    }
}

fn used_between(before: Option<Used>, now: Option<Used>) -> Option<Used> {
    let since = |(before, now): (Used, Used)| Used {
        used: now.used.saturating_sub(before.used),
        of: now.of.saturating_sub(before.of),
    };
    before.zip(now).map(since)
}

/// Cores that the process may use.
fn cores() -> u32 {
    std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok()).unwrap_or(1)
}

/// Memory that the process holds (the second field of `statm`, in pages), where it can be read.
fn memory() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse::<u64>().ok()?;
    Some(pages * page_size() as u64)
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

/// CPU time that all processes of the machine have used since it began, of all that its cores had, where it can be read.
fn machine_time() -> Option<Used> {
    /// Idle, and waiting for a disk.
    const IDLE: [usize; 2] = [3, 4];
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    // The last two fields, of guests, are in the first two already.
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
    let ticks = fields.map(|ticks| ticks.parse::<u64>().map(|ticks| ticks * 1_000_000 / clock_ticks_per_second()));
    let times = ticks.collect::<Result<Vec<_>, _>>().ok()?;
    let idle: u64 = IDLE.iter().filter_map(|place| times.get(*place)).sum();
    let of = times.iter().sum();
    Some(Used { used: of - idle, of })
}

/// CPU time of all threads of the process.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Lets this process open as many files as the system allows it to: the usual limit is below what a load needs.
pub(super) fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, the limit is found out when it is reached.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// `nr_throttled` of our control group (version 2, else version 1), where it can be read.
fn throttled_periods() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let unified = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let first = groups.lines().filter_map(|line| line.splitn(3, ':').skip(1).collect::<Vec<_>>().try_into().ok());
    let first =
        first.into_iter().find_map(|[names, path]: [&str; 2]| names.split(',').any(|n| n == "cpu").then_some(path));
    let folders = [("/sys/fs/cgroup/cpu", first), ("/sys/fs/cgroup", unified)]
        .into_iter()
        .filter_map(|(root, path)| Some((root, path?)));
    let stat = folders.into_iter().find_map(|(root, path)| {
        // Within a container, the path is that of the host, and the group stands at the root.
        let own = format!("{root}/{}/cpu.stat", path.trim_matches('/'));
        std::fs::read_to_string(own).or_else(|_| std::fs::read_to_string(format!("{root}/cpu.stat"))).ok()
    })?;
    stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.trim().parse().ok())
}
