//! The pacer: one plain thread that lets requests go when they are due.
//!
//! It sleeps on an operating-system primitive and spins for the last moments, since an asynchronous timer wakes about
//! a millisecond late. The next request of each load is always built before the pacer waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::Line;
use super::lane::{Lane, Leave};
use crate::exchange::{Exchange, Outcome, Ticket};
use crate::plan::Plan;
use crate::plan::abort::Rule;
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
    /// Tickets that were handed on, sent or missed.
    pub(super) issued: u64,
    /// Tickets that were never sent, of the warm-up and of the measured part.
    pub(super) unsent: [u64; 2],
    /// Most requests in flight.
    pub(super) peak: usize,
    /// When the last request ended.
    pub(super) last_ended: Duration,
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
    plan: Arc<Plan>,
    line: Arc<Line>,
    events: Receiver<Event>,
    lanes: Vec<Lane>,
    /// Requests sent; those that were missed are none.
    sent: u64,
    in_flight: usize,
    paced: Paced,
    spin: Duration,
}

impl Pacer {
    pub(super) fn new(plan: Arc<Plan>, line: Arc<Line>, events: Receiver<Event>) -> Pacer {
        let lanes = (0..plan.loads.len()).map(|load| Lane::new(&plan, load)).collect();
        let highest: f64 = plan.loads.iter().filter_map(Load::highest_rate).sum();
        let spin = if highest <= SPIN_BELOW_PER_S { SPIN } else { Duration::ZERO };
        Pacer { plan, line, events, lanes, sent: 0, in_flight: 0, paced: Paced::default(), spin }
    }

    /// Sends all that is due, waits for what is in flight, and cuts what is left when the grace period ends.
    pub(super) fn pace(mut self) -> Paced {
        self.upcoming();
        self.line.clock.wait_for_start();
        self.send_all();
        if self.paced.stop.is_some() {
            self.line.shared.close_window(self.line.clock.now());
        }
        self.paced.count_reached = self.lanes.iter().all(Lane::count_reached);
        self.drain();
        for lane in self.lanes {
            let [warmup, measured] = lane.unsent(self.paced.stop.is_some());
            self.paced.unsent[0] += warmup;
            self.paced.unsent[1] += measured;
        }
        self.paced
    }

    fn send_all(&mut self) {
        loop {
            while let Ok(event) = self.events.try_recv() {
                self.take(event);
            }
            self.heed_limits();
            if self.paced.stop.is_some() {
                return;
            }
            match self.upcoming() {
                (Next::Over, _) => return,
                (Next::WhenFree, _) => {
                    let now = self.line.clock.now();
                    let ends = self.lanes.iter().filter_map(Lane::end).filter(|end| *end > now);
                    self.wait(ends.chain(self.plan.limits.time).min());
                }
                (Next::Due(due), lane) => {
                    let until = self.plan.limits.time.map_or(due, |limit| limit.min(due));
                    if self.line.clock.now() + self.spin < until {
                        self.wait(Some(until.saturating_sub(self.spin)));
                    } else {
                        self.let_go(due, lane);
                    }
                }
            }
        }
    }

    /// What comes next in any of the loads, and in which: the earliest request that may go. One that has to wait for
    /// another to end must not hold up the other loads.
    fn upcoming(&mut self) -> (Next, usize) {
        let now = self.line.clock.now();
        let mut first = (Next::Over, 0);
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let next = match lane.upcoming(&self.plan, &self.line.client, now) {
                Next::Due(due) => match lane.leave(due, now) {
                    Leave::Full if due <= now => Next::WhenFree,
                    Leave::Held(until) => Next::Due(due.max(until)),
                    Leave::Full | Leave::Missed | Leave::Go(_) => Next::Due(due),
                },
                next @ (Next::WhenFree | Next::Over) => next,
            };
            let earlier = match (next, first.0) {
                (Next::Due(due), Next::Due(known)) => due < known,
                (Next::Due(_), Next::WhenFree | Next::Over) | (Next::WhenFree, Next::Over) => true,
                (Next::WhenFree | Next::Over, _) => false,
            };
            if earlier {
                first = (next, number);
            }
        }
        first
    }

    /// Lets a load's next request go at its due time.
    fn let_go(&mut self, due: Duration, lane: usize) {
        while self.line.clock.now() < due {
            std::hint::spin_loop();
        }
        let lane = &mut self.lanes[lane];
        let now = self.line.clock.now();
        let Next::Due(due) = lane.upcoming(&self.plan, &self.line.client, now) else { return };
        match lane.leave(due, now) {
            Leave::Full | Leave::Held(_) => {}
            Leave::Missed => {
                let Some(job) = lane.take(true) else { return };
                lane.missed(&job.ticket);
                self.paced.issued += 1;
                self.line.judges.hand_over(Exchange::never_sent(job.ticket, job.asked, due, Outcome::Missed));
            }
            Leave::Go(eligible) => {
                let Some(job) = lane.take(false) else { return };
                self.paced.issued += 1;
                self.sent += 1;
                self.in_flight += 1;
                self.paced.peak = self.paced.peak.max(self.in_flight);
                if lane.warming && !job.ticket.warmup {
                    lane.warming = false;
                    self.warmed_up(due);
                }
                Line::send(&self.line, job, eligible);
            }
        }
    }

    /// The warm-up of a load is over with a request that is due then; that of the run is, when every load's is.
    fn warmed_up(&self, due: Duration) {
        if !self.lanes.iter().any(|lane| lane.warming) {
            self.line.shared.open_window(due);
        }
    }

    fn heed_limits(&mut self) {
        let limits = self.plan.limits;
        let over = |pacer: &mut Pacer| pacer.upcoming().0 == Next::Over;
        if limits.requests.is_some_and(|limit| self.sent >= self.plan.share(limit)) && !over(self) {
            self.paced.stop.get_or_insert(Stop::Requests);
        }
        if limits.time.is_some_and(|limit| self.line.clock.now() >= limit) && !over(self) {
            self.paced.stop.get_or_insert(Stop::Time);
        }
        let crowded =
            |rule: &Rule| matches!(rule, Rule::InFlight(most) if self.in_flight as u64 > self.plan.share(*most));
        if let Some(rule) = self.plan.aborts.iter().position(|abort| crowded(&abort.rule)) {
            self.paced.stop.get_or_insert(Stop::Abort(rule));
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Ended(Ended { ticket, at, held }) => {
                self.lanes[ticket.load].ended(&self.plan, &ticket, at, held);
                self.in_flight -= 1;
                self.paced.last_ended = self.paced.last_ended.max(at);
            }
            Event::Answered(answered) => {
                self.lanes[answered.ticket.load].answered(&self.plan, &self.line.client, answered);
            }
            Event::Stop(stop) => {
                self.paced.stop.get_or_insert(stop);
            }
        }
    }

    /// Waits for an event, until that time if one is given.
    fn wait(&mut self, until: Option<Duration>) {
        let event = match until {
            Some(until) => self.events.recv_timeout(until.saturating_sub(self.line.clock.now())),
            None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if let Ok(event) = event {
            self.take(event);
        }
    }

    /// Lets requests in flight finish within the grace period, then cuts them and waits until they have noticed.
    fn drain(&mut self) {
        for (limit, cut) in [(self.plan.grace(), false), (NOTICE, true)] {
            if cut {
                self.line.cut();
            }
            let end = self.line.clock.now() + limit;
            while self.in_flight > 0 && self.line.clock.now() < end {
                self.wait(Some(end));
            }
        }
    }
}
