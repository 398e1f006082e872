//! What is to be sent and what is in flight: the lanes of a run, and what they may still do.
//!
//! The pacer moves it on by the clock. Where all loads are closed, so does a worker on which a request has ended: what
//! its slot sends next is due at once, and goes out from the thread that it is sent on anyway, with no other woken.

use std::sync::Arc;
use std::time::Duration;

use super::Line;
use super::client::Job;
use super::lane::{Lane, Leave};
use super::pacer::{Ended, Event, Paced, Stop};
use crate::exchange::{Exchange, Outcome};
use crate::plan::Plan;
use crate::plan::abort::Rule;
use crate::plan::case::Case;
use crate::plan::schedule::{Load, Next};

/// Whether workers move things on too. Not where a load is open: whoever is at it may hold up what is due by the clock.
/// Not where prompts are made: that takes long enough for other streams of the worker to be read late.
pub(super) fn is_by_workers(plan: &Plan) -> bool {
    !plan.loads.iter().any(Load::is_open) && !plan.cases.iter().any(Case::makes_prompts)
}

/// The lanes of a run.
#[derive(Debug)]
pub(super) struct Dispatch {
    plan: Arc<Plan>,
    lanes: Vec<Lane>,
    /// Requests sent; those that were missed are none.
    sent: u64,
    in_flight: usize,
    paced: Paced,
    /// Whether all is sent that ever will be.
    over: bool,
    /// Until when the pacer waits, if it does not wait for an event alone.
    asleep_until: Option<Duration>,
}

impl Dispatch {
    pub(super) fn new(plan: Arc<Plan>) -> Dispatch {
        let lanes = (0..plan.loads.len()).map(|load| Lane::new(&plan, load)).collect();
        let (paced, asleep_until) = (Paced::default(), Some(Duration::ZERO));
        Dispatch { plan, lanes, sent: 0, in_flight: 0, paced, over: false, asleep_until }
    }

    /// Builds what is due first, so that it can go at once.
    pub(super) fn make_ready(&mut self, line: &Line) {
        self.upcoming(line);
    }

    /// Takes the end of a request on the thread of its worker, and sends what is due now. Returns whether the pacer has
    /// to look, since it waits for something else than is to come, and what the same worker is to send at once.
    pub(super) fn ended(&mut self, line: &Arc<Line>, ended: Ended) -> (bool, Option<(Box<Job>, Duration)>) {
        if self.lanes.is_empty() {
            return (false, None);
        }
        self.take(line, Event::Ended(ended));
        if self.over {
            return (self.in_flight == 0, None);
        }
        let worker = line.workers.number(&ended.ticket);
        let mut own = None;
        let next = self.send_due(line, |job, eligible| {
            if own.is_none() && line.workers.number(&job.ticket) == worker {
                own = Some((job, eligible));
            } else {
                Line::send(line, job, eligible);
            }
        });
        let look = match next {
            Next::Over => true,
            Next::WhenFree => false,
            Next::Due(due) => self.asleep_until.is_none_or(|until| due < until),
        };
        (look, own)
    }

    /// Takes an event.
    pub(super) fn take(&mut self, line: &Line, event: Event) {
        match event {
            Event::Ended(ended) => {
                let Ended { ticket, at, .. } = ended;
                self.lanes[ticket.load].ended(&self.plan, ended);
                self.in_flight -= 1;
                self.paced.last_ended = self.paced.last_ended.max(at);
            }
            Event::Answered(answered) => {
                self.lanes[answered.ticket.load].answered(&self.plan, &line.client, answered);
            }
            Event::Stop(stop) => {
                self.paced.stop.get_or_insert(stop);
                self.paced.interrupted |= stop == Stop::Interrupted;
            }
            Event::Cut => {
                self.paced.stop.get_or_insert(Stop::Interrupted);
                (self.paced.interrupted, self.paced.cut) = (true, true);
            }
            Event::Look => {}
        }
    }

    /// Sends all that is due by now, and says what comes next; nothing does once the run is to stop.
    pub(super) fn send_due(&mut self, line: &Line, mut send: impl FnMut(Box<Job>, Duration)) -> Next {
        loop {
            self.heed_limits(line);
            if self.paced.stop.is_some() {
                return Next::Over;
            }
            match self.upcoming(line) {
                (Next::Due(due), load) if due <= line.clock.now() => {
                    if let Some((job, eligible)) = self.let_go(line, load) {
                        send(job, eligible);
                    }
                }
                (next, _) => return next,
            }
        }
    }

    /// What comes next in any of the loads, and in which: the earliest request that may go. One that has to wait for
    /// another to end must not hold up the other loads.
    fn upcoming(&mut self, line: &Line) -> (Next, usize) {
        let now = line.clock.now();
        let mut first = (Next::Over, 0);
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let next = match lane.upcoming(&self.plan, &line.client, now) {
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

    /// Lets a load's next request go, which is due, with the time from which on it could have gone.
    fn let_go(&mut self, line: &Line, load: usize) -> Option<(Box<Job>, Duration)> {
        let own = &mut self.lanes[load];
        let now = line.clock.now();
        let Next::Due(due) = own.upcoming(&self.plan, &line.client, now) else { return None };
        match own.leave(due, now) {
            Leave::Full | Leave::Held(_) => None,
            Leave::Missed => {
                let job = own.take(true)?;
                own.missed(&job.ticket);
                self.paced.issued += 1;
                line.judges.hand_over(Exchange::never_sent(job.ticket, job.asked, due, Outcome::Missed));
                None
            }
            Leave::Go(eligible) => {
                let job = own.take(false)?;
                self.paced.paused += own.paused();
                self.paced.issued += 1;
                self.sent += 1;
                self.in_flight += 1;
                self.paced.peak = self.paced.peak.max(self.in_flight);
                if own.warming && !job.ticket.warmup {
                    own.warming = false;
                    self.warmed_up(line, now);
                }
                Some((job, eligible))
            }
        }
    }

    /// The warm-up of a load is over with a request that goes then; that of the run is, when every load's is. When the
    /// request was due does not count: what ended since has been judged without a window.
    fn warmed_up(&self, line: &Line, now: Duration) {
        if !self.lanes.iter().any(|lane| lane.warming) {
            line.shared.open_window(now);
        }
    }

    fn heed_limits(&mut self, line: &Line) {
        let limits = self.plan.limits;
        let over = |dispatch: &mut Dispatch| dispatch.upcoming(line).0 == Next::Over;
        if limits.requests.is_some_and(|limit| self.sent >= self.plan.share(limit)) && !over(self) {
            self.paced.stop.get_or_insert(Stop::Requests);
        }
        if limits.time.is_some_and(|limit| line.clock.now() >= limit) && !over(self) {
            self.paced.stop.get_or_insert(Stop::Time);
        }
        let crowded =
            |rule: &Rule| matches!(rule, Rule::InFlight(most) if self.in_flight as u64 > self.plan.share(*most));
        if let Some(rule) = self.plan.aborts.iter().position(|abort| crowded(&abort.rule)) {
            self.paced.stop.get_or_insert(Stop::Abort(rule));
        }
    }

    /// Until when the pacer is to wait for what comes next; none where it waits for an event alone.
    pub(super) fn wait_for(&mut self, next: Next, now: Duration) -> Option<Duration> {
        let ends = self.lanes.iter().filter_map(Lane::end).filter(|end| *end > now);
        self.asleep_until = match next {
            Next::Due(due) => [Some(due), self.plan.limits.time].into_iter().flatten().min(),
            Next::WhenFree | Next::Over => ends.chain(self.plan.limits.time).min(),
        };
        self.asleep_until
    }

    /// Ends the sending: nothing goes any more, whatever ends.
    pub(super) fn close(&mut self, line: &Line) {
        self.over = true;
        if self.paced.stop.is_some() {
            line.shared.close_window(line.clock.now());
        }
        self.paced.count_reached = self.lanes.iter().all(Lane::count_reached);
    }

    /// Whether something other than the plan ended the sending.
    pub(super) fn is_stopped(&self) -> bool {
        self.paced.stop.is_some()
    }

    /// Whether what is in flight is not to be waited for.
    pub(super) fn is_cut(&self) -> bool {
        self.paced.cut
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// What was done, once it is over. A request that ends later is too late.
    pub(super) fn finish(&mut self) -> Paced {
        let mut paced = std::mem::take(&mut self.paced);
        for lane in self.lanes.drain(..) {
            let [warmup, measured] = lane.unsent(paced.stop.is_some());
            paced.unsent[0] += warmup;
            paced.unsent[1] += measured;
        }
        paced
    }
}
