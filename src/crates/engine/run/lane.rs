//! One load of a run, as the pacer carries it: its schedule, and the requests that are built before they are due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::client::{Client, Job};
use super::pacer::{Answered, Ended};
use super::pause::Pauses;
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
    /// What was said so far in sessions that are not over, by their numbers.
    sessions: BTreeMap<u64, Vec<u8>>,
    in_flight: u64,
    /// When a request in flight last made room under the cap.
    freed: Duration,
    /// Nothing goes before: the endpoint asked us to wait.
    held: Duration,
    cap: Option<(u64, OverCap)>,
    /// Nothing is due at or after this time.
    end: Option<Duration>,
    obeys: bool,
    /// Pauses after refused connections, of a closed load.
    pauses: Option<Pauses>,
    /// How long the request that was taken last had to pause.
    paused: Duration,
    /// Whether a number of requests is its warm-up and they are not all sent, so that its end is not known yet.
    pub(super) warming: bool,
}

/// A request that is built, ordered by when it may go: when it is due, or when its slot has paused.
#[derive(Debug)]
struct Ready {
    from: Duration,
    job: Box<Job>,
}

impl Ready {
    fn key(&self) -> (Duration, u64) {
        (self.from, self.job.ticket.seq)
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
            sessions: BTreeMap::new(),
            in_flight: 0,
            freed: Duration::ZERO,
            held: Duration::ZERO,
            // Machines that share a run share its cap.
            cap: own.cap.map(|cap| (plan.share(cap.in_flight as u64).max(1), cap.policy)),
            end: own.duration,
            obeys: own.obeys_retry_after,
            pauses: (!own.is_open()).then(Pauses::default),
            paused: Duration::ZERO,
            warming: matches!(own.warmup, Warmup::First(_)),
        }
    }

    /// What comes next; a request that is due next is built and held.
    pub(super) fn upcoming(&mut self, plan: &Plan, client: &Client, now: Duration) -> Next {
        loop {
            let ready = self.ready.peek().map(|Reverse(ready)| ready.from);
            match (self.schedule.peek(), ready) {
                (Next::Due(due), ready) if ready.is_none_or(|ready| due < ready) => self.build(plan, client),
                (_, Some(due)) => return Next::Due(due),
                // Whoever ends then frees a slot that sends no more.
                (Next::WhenFree, None) if self.end.is_some_and(|end| now >= end) => return Next::Over,
                (Next::Over, None) if self.may_go_on(now) => return Next::WhenFree,
                (next, None) => return next,
            }
        }
    }

    /// Whether a session may have another turn.
    fn may_go_on(&self, now: Duration) -> bool {
        !self.sessions.is_empty() && self.end.is_none_or(|end| now < end)
    }

    /// From when on nothing is due, whatever ends.
    pub(super) fn end(&self) -> Option<Duration> {
        self.end
    }

    fn build(&mut self, plan: &Plan, client: &Client) {
        let Some(issue) = self.schedule.take() else { return };
        self.say(plan, client, plan.ticket(self.load, issue), None);
    }

    /// Builds the request of a ticket, behind what was said before in its session.
    fn say(&mut self, plan: &Plan, client: &Client, ticket: Ticket, before: Option<Vec<u8>>) {
        let case = &plan.cases[ticket.case];
        let said = case.say(&ticket, plan.seed, before);
        let asked = case.render_turn(&ticket, plan.seed, &said);
        if case.longest() > 1 {
            self.sessions.insert(ticket.nth, said);
        }
        let paused = self.pauses.as_ref().map(|pauses| pauses.release(ticket.slot, ticket.due, self.end));
        let from = paused.unwrap_or(ticket.due);
        self.ready.push(Reverse(Ready { from, job: client.prepare(ticket, asked) }));
    }

    /// What came of a turn is known: the session goes on behind the answer, or it is over and its slot free.
    pub(super) fn answered(&mut self, plan: &Plan, client: &Client, answered: Answered) {
        let Answered { ticket, at, answer } = answered;
        let Some(mut said) = self.sessions.remove(&ticket.nth) else { return };
        let case = &plan.cases[ticket.case];
        let next = plan.next_turn(&ticket, at + case.think(&ticket, plan.seed));
        match (answer, next) {
            (Some(answer), Some(next)) if next.turn < case.turns(&ticket, plan.seed) => {
                said.push(b',');
                said.extend_from_slice(&answer);
                self.say(plan, client, next, Some(said));
            }
            _ => self.schedule.ended(ticket.slot, ticket.nth, at),
        }
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
    pub(super) fn take(&mut self, missed: bool) -> Option<Box<Job>> {
        let Reverse(Ready { from, job }) = self.ready.pop()?;
        self.in_flight += u64::from(!missed);
        self.paused = from.saturating_sub(job.ticket.due);
        Some(job)
    }

    /// How long the request that was taken last had to pause since connections were refused.
    pub(super) fn paused(&self) -> Duration {
        self.paused
    }

    /// A request ended.
    pub(super) fn ended(&mut self, plan: &Plan, ended: Ended) {
        let Ended { ticket, at, held, refused } = ended;
        if let Some(pauses) = &mut self.pauses {
            pauses.ended(ticket.slot, at, refused);
        }
        if self.cap.is_some_and(|(most, policy)| policy == OverCap::Queue && self.in_flight == most) {
            self.freed = at;
        }
        self.in_flight -= 1;
        if let Some(until) = held.filter(|_| self.obeys) {
            self.held = self.held.max(until);
        }
        // A session keeps its slot until a judge has said what came of the turn.
        if plan.cases[ticket.case].longest() == 1 {
            self.schedule.ended(ticket.slot, ticket.nth, at);
        }
    }

    /// A slot whose request was missed is free again at once, and a session that it is a turn of is over.
    pub(super) fn missed(&mut self, ticket: &Ticket) {
        self.sessions.remove(&ticket.nth);
        self.schedule.ended(ticket.slot, ticket.nth, ticket.due);
    }

    pub(super) fn count_reached(&self) -> bool {
        self.schedule.count_reached()
    }

    /// How many requests are left unsent, of the warm-up and of the measured part: built ones always, of those not yet
    /// issued only where the run was stopped early.
    pub(super) fn unsent(self, stopped: bool) -> [u64; 2] {
        let mut unsent = if stopped { self.schedule.left() } else { [0, 0] };
        for Reverse(Ready { job, .. }) in self.ready {
            unsent[usize::from(!job.ticket.warmup)] += 1;
        }
        unsent
    }
}
