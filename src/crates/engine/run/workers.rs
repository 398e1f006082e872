//! The threads that send requests.
//!
//! Each has a runtime of its own and connections of its own, and a slot stays with one of them: nothing that happens
//! to a request on the wire wakes another thread, which is what most of the time of a short request would go to.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

use super::client::Client;
use super::heartbeat::{Beats, beat};
use super::{RunError, died};
use crate::exchange::Ticket;
use crate::plan::Plan;
use crate::summary::trust::Health;

/// Cores for each worker: the judges, the pacer and the rest of the machine need some too.
const CORES_A_WORKER: usize = 2;
/// How long tasks that are left over may take to end.
const LEAVE: Duration = Duration::from_secs(1);

/// What sends requests.
#[derive(Debug)]
pub(super) struct Workers {
    workers: Vec<Worker>,
    /// By load, whether each slot stays with a worker.
    closed: Vec<bool>,
}

/// One thread's.
#[derive(Debug)]
pub(super) struct Worker {
    /// Speaks HTTP, over connections of its own.
    pub(super) client: Arc<Client>,
    /// Where its tasks run.
    pub(super) runtime: Handle,
}

/// The threads of the workers.
#[derive(Debug)]
pub(super) struct Threads {
    handles: Vec<JoinHandle<Beats>>,
    stop: watch::Sender<bool>,
    /// The most by which a heartbeat of theirs came late since it was last taken, in microseconds.
    pub(super) latest: Arc<AtomicU64>,
}

impl Workers {
    /// Starts them; the first speaks with this client.
    ///
    /// # Errors
    /// If a client cannot be made, or a thread cannot be started.
    pub(super) fn start(plan: &Plan, first: Arc<Client>) -> Result<(Workers, Threads), RunError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut clients = vec![first];
        for _ in 1..cores.div_ceil(CORES_A_WORKER) {
            clients.push(Arc::new(clients[0].twin(&plan.target)?));
        }
        let mut threads = Threads { handles: Vec::new(), stop: watch::channel(false).0, latest: Arc::default() };
        let mut workers = Vec::new();
        for client in clients {
            workers.push(Worker { client, runtime: threads.start(workers.len())? });
        }
        let closed = plan.loads.iter().map(|load| load.highest_rate().is_none()).collect();
        Ok((Workers { workers, closed }, threads))
    }

    /// Whose request it is.
    pub(super) fn of(&self, ticket: &Ticket) -> &Worker {
        &self.workers[self.number(ticket)]
    }

    /// The number of the worker whose request it is.
    pub(super) fn number(&self, ticket: &Ticket) -> usize {
        let closed = self.closed.get(ticket.load).is_some_and(|closed| *closed);
        let number = if closed { ticket.slot } else { usize::try_from(ticket.nth).unwrap_or(0) };
        number % self.workers.len()
    }
}

impl Threads {
    fn start(&mut self, number: usize) -> std::io::Result<Handle> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stopped, latest) = (self.stop.subscribe(), Arc::clone(&self.latest));
        let work = move || {
            let beats = runtime.block_on(beat(stopped, &latest));
            runtime.shutdown_timeout(LEAVE);
            beats
        };
        self.handles.push(std::thread::Builder::new().name(format!("client-{number}")).spawn(work)?);
        Ok(handle)
    }

    /// Ends them, with whatever they still do, and gives what their heartbeats say.
    ///
    /// # Errors
    /// If one has died.
    pub(super) fn finish(self) -> Result<Health, RunError> {
        let _ = self.stop.send(true);
        let joined = self.handles.into_iter().map(|thread| thread.join().map_err(|panic| died(&panic)));
        Ok(Beats::worst_of(&joined.collect::<Result<Vec<_>, _>>()?))
    }
}
