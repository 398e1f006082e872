//! The pacer: one plain thread that lets requests go when they are due.
//!
//! It sleeps on an operating-system primitive and spins for the last moments, since an asynchronous timer wakes about
//! a millisecond late. The next request of each load is always built before the pacer waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::Line;
use super::dispatch::Dispatch;
use crate::exchange::{Cutoff, Ticket};
use crate::plan::Plan;
use crate::plan::schedule::{Load, Next};

/// What the pacer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A request in flight ended.
    Ended(Ended),
    /// A judge has read what came of a turn of a session.
    Answered(Answered),
    /// Send no more.
    Stop(Stop),
    /// Send no more, and do not wait for what is in flight: the user said so.
    Cut,
    /// A worker moved things on, and what comes next is not what the pacer waits for.
    Look,
}

/// The end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its ticket.
    pub(super) ticket: Ticket,
    /// When it ended.
    pub(super) at: Duration,
    /// Until when the endpoint asked to be left alone, if it did.
    pub(super) held: Option<Duration>,
    /// Whether there was no connection to be had.
    pub(super) refused: bool,
}

/// What came of a turn of a session. It is read away from the clock: what that takes shows as lateness of the next turn,
/// which is due from the end of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// The ticket of the turn.
    pub(super) ticket: Ticket,
    /// When it ended.
    pub(super) at: Duration,
    /// The answer as a message of the history; none where the session cannot go on.
    pub(super) answer: Option<Vec<u8>>,
}

/// Why no more requests are sent, though the plan has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The user said so.
    Interrupted,
    /// The caller has seen enough.
    GivenUp,
    /// The limit on tokens is reached.
    Tokens,
    /// The limit on time is reached.
    Time,
    /// The limit on requests is reached.
    Requests,
    /// A rule of the plan says that it goes wrong; its place among them.
    Abort(usize),
}

/// What the pacer did.
#[derive(Debug, Default)]
pub(super) struct Paced {
    /// Why it stopped early, if it did.
    pub(super) stop: Option<Stop>,
    /// Whether the user interrupted it, perhaps after it had stopped.
    pub(super) interrupted: bool,
    /// Whether the user cut what was in flight.
    pub(super) cut: bool,
    /// Tickets that were handed on, sent or missed.
    pub(super) issued: u64,
    /// Tickets that were never sent, of the warm-up and of the measured part.
    pub(super) unsent: [u64; 2],
    /// Most requests in flight.
    pub(super) peak: usize,
    /// When the last request ended.
    pub(super) last_ended: Duration,
    /// How long slots paused after refused connections, all together.
    pub(super) paused: Duration,
    /// Whether the counts of the loads, and not their durations, were what ended them.
    pub(super) count_reached: bool,
}

/// How long before a due time the pacer wakes up to spin.
const SPIN: Duration = Duration::from_micros(100);
/// Above this rate it does not spin: it would do nothing else.
const SPIN_BELOW_PER_S: f64 = 2000.0;
/// How long requests that are cut at the end of the grace period may take to notice.
const NOTICE: Duration = Duration::from_secs(5);

pub(super) struct Pacer {
    line: Arc<Line>,
    events: Receiver<Event>,
    spin: Duration,
    grace: Duration,
}

impl Pacer {
    pub(super) fn new(plan: &Plan, line: Arc<Line>, events: Receiver<Event>) -> Pacer {
        let highest: f64 = plan.loads.iter().filter_map(Load::highest_rate).sum();
        let spin = if highest <= SPIN_BELOW_PER_S { SPIN } else { Duration::ZERO };
        Pacer { line, events, spin, grace: plan.grace() }
    }

    /// Sends all that is due, waits for what is in flight, and cuts what is left when the grace period ends.
    pub(super) fn pace(self) -> Paced {
        // The first request is built before it is due.
        self.line.dispatch().make_ready(&self.line);
        self.line.clock.wait_for_start();
        self.send_all();
        self.line.dispatch().close(&self.line);
        self.drain();
        self.line.dispatch().finish()
    }

    fn send_all(&self) {
        loop {
            match self.send_due() {
                (Next::Over, _) => return,
                (_, Some(until)) if self.line.clock.now() + self.spin >= until => self.spin_until(until),
                (_, until) => self.wait(until.map(|until| until.saturating_sub(self.spin))),
            }
        }
    }

    /// Takes what has come and sends what is due: what comes next, and until when to wait for it.
    fn send_due(&self) -> (Next, Option<Duration>) {
        let mut dispatch = self.line.dispatch();
        while let Ok(event) = self.events.try_recv() {
            dispatch.take(&self.line, event);
        }
        // An end that comes meanwhile is not over, but still to be waited for.
        let now = self.line.clock.now();
        let next = dispatch.send_due(&self.line, |job, eligible| Line::send(&self.line, job, eligible));
        (next, dispatch.wait_for(next, now))
    }

    fn spin_until(&self, until: Duration) {
        while self.line.clock.now() < until {
            std::hint::spin_loop();
        }
    }

    /// Waits for an event, until that time if one is given.
    fn wait(&self, until: Option<Duration>) {
        let event = match until {
            Some(until) => self.events.recv_timeout(until.saturating_sub(self.line.clock.now())),
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if let Ok(event) = event {
            self.line.dispatch().take(&self.line, event);
        }
    }

    /// Lets requests in flight finish within the grace period, unless the user cuts them, then cuts them and waits until
    /// they have noticed.
    fn drain(&self) {
        self.wait_while(self.grace, |dispatch| dispatch.in_flight() > 0 && !dispatch.is_cut());
        let stopped = self.line.dispatch().is_stopped();
        self.line.cut(if stopped { Cutoff::Stopped } else { Cutoff::Grace });
        self.wait_while(NOTICE, |dispatch| dispatch.in_flight() > 0);
    }

    fn wait_while(&self, limit: Duration, goes_on: impl Fn(&Dispatch) -> bool) {
        let end = self.line.clock.now() + limit;
        while goes_on(&self.line.dispatch()) && self.line.clock.now() < end {
            self.wait(Some(end));
        }
    }
}
