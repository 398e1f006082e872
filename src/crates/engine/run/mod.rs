//! The line at work: tickets go out when they are due, exchanges come in, judges record them.
//!
//! Threads: the pacer (one plain thread), the workers (tokio tasks, and a heartbeat on each), the judges (plain
//! threads), a watch, and one for checkpoints where they are kept. The caller waits. Only this module and the reference endpoint read the clock.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

mod abort;
mod checkpoint;
mod client;
mod clock;
mod closing;
mod dispatch;
mod failure;
mod halt;
mod health;
mod heartbeat;
mod http1;
pub mod journal;
mod judge;
mod lane;
mod live;
mod pacer;
mod pause;
pub mod preflight;
pub mod probing;
mod raw;
mod sampler;
mod scrape;
mod workers;

pub use clock::micros;

pub use client::ClientError;
pub use halt::{Halt, Stage};
pub use live::{Live, Snapshot};
pub use pacer::Stop;
pub use sampler::Sampler;
use scrape::Scraping;

use checkpoint::{Checkpoints, Keeper, Record, Source};
use client::{Client, CutoffSignal, Job};
use clock::Clock;
use closing::Closing;
use dispatch::Dispatch;
use health::Watch;
use journal::Journal;
use judge::{Judges, Shared};
use pacer::{Ended, Event, Paced, Pacer};
use workers::Workers;

use crate::exchange::{Cutoff, Exchange, Outcome};
use crate::plan::Plan;
use crate::summary::Summary;
use crate::summary::flow::overlap;

/// The caller's hand on a run: it can stop it and watch it.
#[derive(Debug)]
pub struct Control {
    events: Sender<Event>,
    inbox: Mutex<Option<Receiver<Event>>>,
    live: Arc<Live>,
    journal: Option<Arc<Journal>>,
    keeper: Keeper,
    closing: Arc<Closing>,
}

impl Control {
    /// Control over a run that has not begun.
    pub fn new() -> Control {
        let (events, inbox) = channel();
        Control {
            events,
            inbox: Mutex::new(Some(inbox)),
            live: Arc::default(),
            journal: None,
            keeper: Keeper::default(),
            closing: Arc::default(),
        }
    }

    /// The same, of a run whose exchanges go into a journal.
    #[must_use]
    pub fn with_journal(self, journal: Arc<Journal>) -> Control {
        Control { journal: Some(journal), ..self }
    }

    /// The same, of a run that hands over what it has come to so far: when it begins and then every nine seconds, or less
    /// often where that would take more than a hundredth of the CPU. Each is that of a run that is cut off, and none comes
    /// when the run has ended. It is called on a thread of its own.
    #[must_use]
    pub fn with_checkpoints(self, keep: impl FnMut(&Summary) + Send + 'static) -> Control {
        Control { keeper: Keeper::new(keep), ..self }
    }

    /// Stops sending; what is in flight may finish within the grace period. Where nothing is in flight any more, ends the
    /// judging of what has come.
    pub fn stop(&self) {
        self.closing.interrupt();
        let _ = self.events.send(Event::Stop(Stop::Interrupted));
    }

    /// Stops sending, cuts what is in flight, and judges what has come for a moment only.
    pub fn cut(&self) {
        self.closing.cut();
        let _ = self.events.send(Event::Cut);
    }

    /// Stops sending since there is nothing more to learn: no interruption, and the summary says so.
    pub fn give_up(&self) {
        let _ = self.events.send(Event::Stop(Stop::GivenUp));
    }

    /// The figures so far.
    pub fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The client could not be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system refused a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A control serves one run only.
    #[error("the control has been used before")]
    Used,
    /// A thread of ours died: a fault of this program.
    #[error("a thread of the run died: {0}")]
    Died(String),
}

/// What the parts of the line share.
#[derive(Debug)]
struct Line {
    client: Arc<Client>,
    workers: Workers,
    clock: Clock,
    judges: Judges,
    shared: Arc<Shared>,
    dispatch: Mutex<Dispatch>,
    /// Whether workers move it on too.
    by_workers: bool,
    events: Sender<Event>,
    cut: watch::Sender<Option<Cutoff>>,
}

impl Line {
    /// Sends a request from a task, which goes on with whatever is due on its worker when it has ended.
    fn send(line: &Arc<Line>, job: Box<Job>, eligible: Duration) {
        let own = Arc::clone(line);
        let worker = line.workers.of(&job.ticket);
        let client = Arc::clone(&worker.client);
        worker.runtime.spawn(async move {
            let mut cut = own.cut.subscribe();
            let mut next = Some((job, eligible));
            while let Some((job, eligible)) = next {
                let exchange = own.exchange(&client, job, eligible, &mut cut).await;
                let ended = Ended {
                    ticket: exchange.ticket,
                    at: exchange.freed(),
                    held: held_until(&exchange),
                    refused: exchange.outcome == Outcome::Connect,
                };
                own.judges.hand_over(exchange);
                next = Line::ended(&own, ended);
            }
        });
    }

    /// Sends a request and takes in what comes back.
    async fn exchange(&self, client: &Client, job: Box<Job>, eligible: Duration, cut: &mut CutoffSignal) -> Exchange {
        let figures = &self.shared.live;
        figures.sent.fetch_add(1, Ordering::Relaxed);
        figures.in_flight.fetch_add(1, Ordering::Relaxed);
        let began = self.clock.now();
        let exchange = client.send(job, eligible, self.clock, cut).await;
        figures.in_flight.fetch_sub(1, Ordering::Relaxed);
        let span = [micros(began), micros(self.clock.now())];
        figures.in_flight_us.fetch_add(overlap(span, self.shared.window_us()), Ordering::Relaxed);
        exchange
    }

    /// Takes the end of a request here, where workers may, and leaves it to the pacer otherwise. Returns what is due on
    /// the same worker.
    fn ended(line: &Arc<Line>, ended: Ended) -> Option<(Box<Job>, Duration)> {
        let free = if line.by_workers { line.dispatch.try_lock().ok() } else { None };
        let (event, next) = match free {
            Some(mut dispatch) => {
                let (look, next) = dispatch.ended(line, ended);
                (look.then_some(Event::Look), next)
            }
            None => (Some(Event::Ended(ended)), None),
        };
        if let Some(event) = event {
            let _ = line.events.send(event);
        }
        next
    }

    fn dispatch(&self) -> MutexGuard<'_, Dispatch> {
        self.dispatch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every request in flight as `unfinished`.
    fn cut(&self, why: Cutoff) {
        let _ = self.cut.send(Some(why));
    }
}

/// The longest that an endpoint can make us wait for it.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// Until when a 429 asks to be left alone.
fn held_until(exchange: &Exchange) -> Option<Duration> {
    let pause = exchange.asked_pause().filter(|_| exchange.status() == Some(429))?;
    Some(exchange.ended + pause.min(LONGEST_HOLD))
}

/// Enough to start a thread and to build one request.
const HEAD_START: Duration = Duration::from_millis(1);

/// Carries out a plan, from its first request until all is judged.
///
/// # Errors
/// If the client cannot be made or a thread cannot be started. What the endpoint does is never an error.
pub fn run(plan: &Arc<Plan>, control: &Control) -> Result<Summary, RunError> {
    carry_out(plan, control, false).map(|parts| parts.whole)
}

/// What a run leaves behind, whole and by case.
#[derive(Debug)]
pub struct Parts {
    /// Of all cases together.
    pub whole: Summary,
    /// Of each case, in the order of the plan; how the client was is known of the whole only.
    pub cases: Vec<Summary>,
}

/// The same as [`run`], with a summary of each case beside that of the whole.
///
/// # Errors
/// As [`run`].
pub fn run_by_case(plan: &Arc<Plan>, control: &Control) -> Result<Parts, RunError> {
    carry_out(plan, control, true)
}

fn carry_out(plan: &Arc<Plan>, control: &Control, by_case: bool) -> Result<Parts, RunError> {
    let inbox = control.inbox.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(RunError::Used)?;
    health::raise_descriptors();
    let client = Arc::new(Client::new(&plan.target)?);
    let (workers, threads) = Workers::start(plan, Arc::clone(&client))?;
    let shared = Arc::new(Shared::new(Arc::clone(plan), by_case, control));
    let watch = Watch::start(Arc::clone(&client), Arc::clone(&shared), Arc::clone(&threads.latest))?;
    let clock = Clock::start_in(HEAD_START);
    let scraping = Scraping::start(plan, clock)?;
    let line = Arc::new(Line {
        client: Arc::clone(&client),
        workers,
        clock,
        judges: Judges::start(&shared, clock.epoch())?,
        shared: Arc::clone(&shared),
        dispatch: Mutex::new(Dispatch::new(Arc::clone(plan))),
        by_workers: dispatch::is_by_workers(plan),
        events: control.events.clone(),
        cut: watch::channel(None).0,
    });
    let source =
        Source { records: line.judges.records(), shared: Arc::clone(&shared), clock, preflight: plan.preflight };
    let checkpoints = Checkpoints::start(&control.keeper, source)?;
    let driver = Pacer::new(plan, Arc::clone(&line), inbox);
    let pacing = std::thread::Builder::new().name("pacer".to_owned()).spawn(move || driver.pace())?;
    let paced = pacing.join().map_err(|panic| died(&panic))?;
    control.closing.begin();
    let beats = threads.finish()?;
    let health = watch.finish(&client, paced.peak, &beats);
    let server = scraping.map(Scraping::finish);
    let judges = Arc::try_unwrap(line)
        .map(|line| line.judges)
        .map_err(|_| RunError::Died("a request never ended".to_owned()))?;
    let recorded = judges.finish();
    drop(checkpoints);
    let mut cases = join(recorded)?;
    let mut whole = cases.first().cloned().ok_or_else(|| RunError::Died("no judge".to_owned()))?;
    for case in cases.iter().skip(1) {
        merge(&mut whole, case.clone())?;
    }
    whole.health = health;
    whole.server = server.unwrap_or_default();
    whole.health.in_flight_us = Some(shared.live.in_flight_us.load(Ordering::Relaxed));
    account(&mut whole, paced.issued)?;
    close(&mut whole, &paced, &shared, plan);
    whole.ending.interrupted |= control.closing.is_hurried();
    for case in &mut cases {
        case.ending = whole.ending.clone();
    }
    Ok(Parts { whole, cases })
}

/// Joins what the judges recorded, part by part.
fn join(judges: Vec<std::thread::Result<Record>>) -> Result<Vec<Summary>, RunError> {
    let mut joined: Vec<Summary> = Vec::new();
    for recorded in judges {
        let record = recorded.map_err(|panic| died(&panic))?;
        let parts = std::mem::take(&mut *record.lock().unwrap_or_else(PoisonError::into_inner));
        for (number, part) in parts.into_iter().enumerate() {
            match joined.get_mut(number) {
                Some(ours) => merge(ours, part)?,
                None => joined.push(part),
            }
        }
    }
    Ok(joined)
}

fn merge(ours: &mut Summary, theirs: Summary) -> Result<(), RunError> {
    ours.merge(theirs).map_err(|mismatch| RunError::Died(mismatch.to_string()))
}

fn died(panic: &(dyn std::any::Any + Send)) -> RunError {
    let text =
        panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    RunError::Died(text.unwrap_or_default())
}

/// Every ticket that was handed on must have ended in one outcome. A request whose task never reported is a fault of
/// ours: it counts as unfinished, and makes the run invalid.
fn account(summary: &mut Summary, issued: u64) -> Result<(), RunError> {
    let recorded = summary.planned() + summary.warmup.values().sum::<u64>();
    let too_many = || RunError::Died(format!("{recorded} exchanges were recorded for {issued} tickets"));
    let lost = issued.checked_sub(recorded).ok_or_else(too_many)?;
    if lost > 0 {
        summary.health.lost = lost;
        *summary.outcomes.entry("unfinished".to_owned()).or_default() += lost;
    }
    Ok(())
}

/// Adds what only the end of the run tells.
fn close(summary: &mut Summary, paced: &Paced, shared: &Shared, plan: &Plan) {
    let [warmup, measured] = paced.unsent;
    for (outcomes, count) in [(&mut summary.warmup, warmup), (&mut summary.outcomes, measured)] {
        if count > 0 {
            *outcomes.entry("unsent".to_owned()).or_default() += count;
        }
    }
    summary.counts.preflight = plan.preflight;
    summary.counts.paused_us = micros(paced.paused);
    let limits = plan.limits;
    summary.ending.aborted = matches!(paced.stop, Some(Stop::Abort(_)));
    summary.ending.interrupted = paced.interrupted;
    summary.ending.early = match paced.stop {
        None | Some(Stop::Interrupted) => None,
        Some(Stop::Abort(rule)) => plan.aborts.get(rule).map(|abort| format!("abort: {abort}")),
        Some(Stop::GivenUp) => Some("the search: there was nothing more to learn".to_owned()),
        Some(Stop::Tokens) => Some(format!("--max-tokens {}", limits.tokens.unwrap_or_default())),
        Some(Stop::Time) => Some(format!("--max-time {}", humantime::format_duration(limits.time.unwrap_or_default()))),
        Some(Stop::Requests) => Some(format!("--max-requests {}", limits.requests.unwrap_or_default())),
    };
    // Where the count ends a run before its duration does, the rest of the duration holds nothing to divide by.
    let last_ended = if paced.count_reached { paced.last_ended } else { Duration::MAX };
    let [from, until] = shared.window_us();
    summary.ending.window_us = until.min(micros(last_ended));
    summary.ending.window_from_us = from.min(summary.ending.window_us);
}

/// Unix time in milliseconds.
pub fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(0)
}

/// Today in UTC, as `2026-11-22`.
pub fn today() -> String {
    humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()[..10].to_owned()
}
