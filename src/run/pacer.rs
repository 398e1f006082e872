//! The pacer: one plain thread that lets requests go when they are due.
//!
//! It sleeps on an operating-system primitive and spins for the last moments, since an asynchronous timer wakes about
//! a millisecond late. The next request is always built before the pacer waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::Line;
use super::client::Job;
use crate::exchange::{Exchange, Outcome, Ticket};
use crate::plan::Plan;
use crate::plan::schedule::{Next, OverCap, Schedule};

/// What the pacer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A request in flight ended then.
    Ended(Duration),
    /// Send no more.
    Stop(Stop),
}

/// Why no more requests are sent, though the plan has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The user said so.
    Interrupted,
    /// The limit on tokens is reached.
    Tokens,
    /// The limit on time is reached.
    Time,
    /// The limit on requests is reached.
    Requests,
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
    /// Whether the count of the load, and not its duration, was what ended it.
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
    schedule: Schedule,
    next: Option<Job>,
    seq: u64,
    in_flight: usize,
    /// When a request in flight last made room under the cap.
    freed: Duration,
    paced: Paced,
    spin: Duration,
}

impl Pacer {
    pub(super) fn new(plan: Arc<Plan>, line: Arc<Line>, events: Receiver<Event>) -> Pacer {
        let schedule = Schedule::new(plan.load, plan.seed);
        let spin = if plan.load.rate().is_none_or(|rate| rate <= SPIN_BELOW_PER_S) { SPIN } else { Duration::ZERO };
        Pacer {
            plan,
            line,
            events,
            schedule,
            next: None,
            seq: 0,
            in_flight: 0,
            freed: Duration::ZERO,
            paced: Paced::default(),
            spin,
        }
    }

    /// Sends all that is due, waits for what is in flight, and cuts what is left when the grace period ends.
    pub(super) fn pace(mut self) -> Paced {
        self.upcoming();
        self.line.clock.wait_for_start();
        self.send_all();
        if self.paced.stop.is_some() {
            self.line.shared.close_window(self.line.clock.now());
        }
        self.paced.count_reached = self.schedule.count_reached();
        self.drain();
        self.count_unsent();
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
                Next::Over => return,
                Next::WhenFree => self.wait(self.plan.limits.time),
                Next::Due(due) => {
                    let until = self.plan.limits.time.map_or(due, |limit| limit.min(due));
                    if self.line.clock.now() + self.spin < until {
                        self.wait(Some(until.saturating_sub(self.spin)));
                    } else {
                        self.let_go(due);
                    }
                }
            }
        }
    }

    /// Lets the next request go at its due time, or when the cap allows it.
    fn let_go(&mut self, due: Duration) {
        while self.line.clock.now() < due {
            std::hint::spin_loop();
        }
        if let Some(cap) = self.plan.load.cap.filter(|cap| self.in_flight >= cap.in_flight) {
            match cap.policy {
                OverCap::Queue => self.wait(self.plan.limits.time),
                OverCap::Drop => {
                    if let Some(job) = self.next.take() {
                        self.paced.issued += 1;
                        self.line.judges.hand_over(Exchange::never_sent(job.ticket, job.asked, due, Outcome::Missed));
                    }
                }
            }
            return;
        }
        if let Some(job) = self.next.take() {
            self.paced.issued += 1;
            self.in_flight += 1;
            self.paced.peak = self.paced.peak.max(self.in_flight);
            Line::send(&self.line, job, due.max(self.freed));
        }
    }

    /// What comes next; a request that is due is built and held.
    fn upcoming(&mut self) -> Next {
        if let Some(job) = &self.next {
            return Next::Due(job.ticket.due);
        }
        let next = self.schedule.advance();
        if let Next::Due(due) = next {
            let case = self.plan.case_of(self.seq);
            let ticket = Ticket { seq: self.seq, case, due };
            let asked = self.plan.cases[case].render(&ticket, self.plan.seed);
            self.next = Some(self.line.client.prepare(ticket, asked));
            self.seq += 1;
        }
        next
    }

    fn heed_limits(&mut self) {
        let limits = self.plan.limits;
        let sent = self.seq - u64::from(self.next.is_some());
        if limits.requests.is_some_and(|limit| sent >= limit) && self.upcoming() != Next::Over {
            self.paced.stop.get_or_insert(Stop::Requests);
        }
        if limits.time.is_some_and(|limit| self.line.clock.now() >= limit) && self.upcoming() != Next::Over {
            self.paced.stop.get_or_insert(Stop::Time);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Ended(at) => {
                if self.plan.load.cap.is_some_and(|cap| cap.policy == OverCap::Queue && self.in_flight == cap.in_flight)
                {
                    self.freed = at;
                }
                self.in_flight -= 1;
                self.paced.last_ended = self.paced.last_ended.max(at);
                self.schedule.ended(at);
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
        for (limit, cut) in [(self.plan.load.grace, false), (NOTICE, true)] {
            if cut {
                self.line.cut();
            }
            let end = self.line.clock.now() + limit;
            while self.in_flight > 0 && self.line.clock.now() < end {
                self.wait(Some(end));
            }
        }
    }

    fn count_unsent(&mut self) {
        let warmup = self.plan.load.warmup;
        let schedule = std::mem::replace(&mut self.schedule, Schedule::new(self.plan.load, 0));
        self.paced.unsent = if self.paced.stop.is_some() { schedule.left(warmup) } else { [0, 0] };
        if let Some(job) = self.next.take() {
            self.paced.unsent[usize::from(job.ticket.due >= warmup)] += 1;
        }
    }
}
