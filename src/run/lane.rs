//! One load of a run, as the pacer carries it: its schedule, and the requests that are built before they are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::client::{Client, Job};
use crate::exchange::Ticket;
use crate::plan::Plan;
use crate::plan::schedule::{Next, OverCap, Schedule, Warmup};

/// A load at work.
#[derive(Debug)]
pub(super) struct Lane {
    load: usize,
    schedule: Schedule,
    /// Requests that are built, the earliest first. An open load has one at a time; of a closed one, a slot that comes
    /// free may have to send before another that is still thinking.
    ready: BinaryHeap<Reverse<Ready>>,
    in_flight: usize,
    /// When a request in flight last made room under the cap.
    freed: Duration,
    /// Nothing goes before: the endpoint asked us to wait.
    held: Duration,
    cap: Option<(usize, OverCap)>,
    obeys: bool,
    /// Whether a number of requests is its warm-up and they are not all sent, so that its end is not known yet.
    pub(super) warming: bool,
}

/// A request that is built, ordered by when it is due.
#[derive(Debug)]
struct Ready(Job);

impl Ready {
    fn key(&self) -> (Duration, u64) {
        (self.0.ticket.due, self.0.ticket.seq)
    }
}

impl PartialEq for Ready {
    fn eq(&self, other: &Ready) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Ready {}

impl PartialOrd for Ready {
    fn partial_cmp(&self, other: &Ready) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ready {
    fn cmp(&self, other: &Ready) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Whether a request that is due may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// Now; it was eligible from then on.
    Go(Duration),
    /// Not before then.
    Held(Duration),
    /// Not before another one has ended.
    Full,
    /// Never: it is dropped.
    Missed,
}

impl Lane {
    pub(super) fn new(plan: &Plan, load: usize) -> Lane {
        let own = &plan.loads[load];
        Lane {
            load,
            schedule: Schedule::new(own, plan.seed_of(load), plan.shard),
            ready: BinaryHeap::new(),
            in_flight: 0,
            freed: Duration::ZERO,
            held: Duration::ZERO,
            cap: own.cap.map(|cap| (cap.in_flight, cap.policy)),
            obeys: own.obeys_retry_after,
            warming: matches!(own.warmup, Warmup::First(_)),
        }
    }

    /// What comes next; a request that is due next is built and held.
    pub(super) fn upcoming(&mut self, plan: &Plan, client: &Client) -> Next {
        loop {
            let ready = self.ready.peek().map(|Reverse(ready)| ready.0.ticket.due);
            match (self.schedule.peek(), ready) {
                (Next::Due(due), ready) if ready.is_none_or(|ready| due < ready) => self.build(plan, client),
                (_, Some(due)) => return Next::Due(due),
                (next, None) => return next,
            }
        }
    }

    fn build(&mut self, plan: &Plan, client: &Client) {
        let Some(issue) = self.schedule.take() else { return };
        let seq = plan.seq_of(self.load, issue.nth);
        let case = plan.case_of(self.load, seq);
        let ticket = Ticket {
            seq,
            load: self.load,
            nth: issue.nth,
            slot: issue.slot,
            case,
            due: issue.due,
            warmup: issue.warmup,
        };
        let asked = plan.cases[case].render(&ticket, plan.seed);
        self.ready.push(Reverse(Ready(client.prepare(ticket, asked))));
    }

    /// Whether the next request may go, at a time at which it is due.
    pub(super) fn leave(&self, due: Duration, now: Duration) -> Leave {
        if now < self.held {
            return Leave::Held(self.held);
        }
        match self.cap {
            Some((most, OverCap::Queue)) if self.in_flight >= most => Leave::Full,
            Some((most, OverCap::Drop)) if self.in_flight >= most => Leave::Missed,
            Some(_) | None => Leave::Go(due.max(self.freed).max(self.held)),
        }
    }

    /// The next request; it is in flight from now on, unless it was missed.
    pub(super) fn take(&mut self, missed: bool) -> Option<Job> {
        let Reverse(Ready(job)) = self.ready.pop()?;
        self.in_flight += usize::from(!missed);
        Some(job)
    }

    /// A request ended then; the endpoint asked to be left alone until a time, where one is given.
    pub(super) fn ended(&mut self, ticket: &Ticket, at: Duration, held: Option<Duration>) {
        if self.cap.is_some_and(|(most, policy)| policy == OverCap::Queue && self.in_flight == most) {
            self.freed = at;
        }
        self.in_flight -= 1;
        if let Some(until) = held.filter(|_| self.obeys) {
            self.held = self.held.max(until);
        }
        self.schedule.ended(ticket.slot, ticket.nth, at);
    }

    /// A slot whose request was missed is free again at once.
    pub(super) fn missed(&mut self, ticket: &Ticket) {
        self.schedule.ended(ticket.slot, ticket.nth, ticket.due);
    }

    pub(super) fn count_reached(&self) -> bool {
        self.schedule.count_reached()
    }

    /// How many requests are left unsent, of the warm-up and of the measured part: built ones always, of those not yet
    /// issued only where the run was stopped early.
    pub(super) fn unsent(self, stopped: bool) -> [u64; 2] {
        let mut unsent = if stopped { self.schedule.left() } else { [0, 0] };
        for Reverse(Ready(job)) in self.ready {
            unsent[usize::from(!job.ticket.warmup)] += 1;
        }
        unsent
    }
}
