//! A batching server as a simulation of events: requests in at instants, the instants of every token out.
//!
//! It knows no clock. A test carries it through an hour in milliseconds ([`simulate`]); the server asks it for its next
//! instant and sleeps until then. The same requests at the same instants give the same tokens at the same instants. The
//! model and its knee are described in [`super::capacity`].

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::capacity::{Capacity, Job};

/// A batching server at work.
#[derive(Debug)]
pub struct Batch {
    capacity: Capacity,
    now: Duration,
    running: Vec<Request>,
    /// In the order they came; none overtakes another.
    waiting: VecDeque<Request>,
    /// When the step in progress ends.
    step: Option<Duration>,
}

#[derive(Debug, Clone)]
struct Request {
    id: u64,
    job: Job,
    /// Tokens that each of its choices has made, or all of them where it has fewer.
    made: u64,
}

impl Request {
    /// Sequences that are still to make tokens.
    fn sequences(&self) -> usize {
        self.job.sequences(self.made)
    }

    /// Memory that they hold.
    fn memory(&self) -> u64 {
        self.job.memory(self.made)
    }
}

/// A token that was made, of each choice that has one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The request it belongs to.
    pub id: u64,
    /// When it was made.
    pub at: Duration,
    /// Whether it is the request's last.
    pub last: bool,
}

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room now; after this time there may be.
    Full {
        /// When the sequence that is nearest to its end will have ended.
        retry_after: Duration,
    },
    /// It would not fit into memory if it were alone.
    TooLong,
    /// It has more choices than there are slots; llama.cpp refuses such a request too.
    TooWide,
}

impl Batch {
    /// An idle server, at time zero.
    pub fn new(capacity: Capacity) -> Batch {
        Batch { capacity, now: Duration::ZERO, running: Vec::new(), waiting: VecDeque::new(), step: None }
    }

    /// Requests that run, and requests that wait.
    pub fn load(&self) -> (usize, usize) {
        (self.running.len(), self.waiting.len())
    }

    /// A request comes now, that is at the time [`Batch::advance`] was last given. Requests of one instant join the
    /// same step.
    ///
    /// # Errors
    /// If it is turned away.
    pub fn offer(&mut self, id: u64, job: impl Into<Job>) -> Result<(), Refusal> {
        let request = Request { id, job: job.into(), made: 0 };
        if request.sequences() > self.capacity.slots {
            return Err(Refusal::TooWide);
        }
        if let Some(memory) = self.capacity.memory {
            if request.memory() > memory {
                return Err(Refusal::TooLong);
            }
            let claimed = self.held() + self.waiting.iter().map(Request::memory).sum::<u64>();
            if !self.capacity.waits_for_memory && claimed + request.memory() > memory {
                return Err(self.full());
            }
        }
        let house = self.sequences() + self.waiting.iter().map(Request::sequences).sum::<usize>();
        let room = self.capacity.queue.map(|queue| self.capacity.slots.saturating_add(queue));
        if room.is_some_and(|room| house + request.sequences() > room) {
            return Err(self.full());
        }
        self.waiting.push_back(request);
        Ok(())
    }

    /// A request is given up: it makes no more tokens, and its room is free for the next step.
    pub fn withdraw(&mut self, id: u64) {
        self.running.retain(|request| request.id != id);
        self.waiting.retain(|request| request.id != id);
    }

    /// When the next tokens are made, if nothing comes before: what is here now joins the step.
    pub fn upcoming(&mut self) -> Option<Duration> {
        self.begin();
        self.step
    }

    /// Lets time pass until that instant, and hands over the tokens made up to and at it.
    pub fn advance(&mut self, until: Duration, mut made: impl FnMut(Token)) {
        loop {
            match self.step {
                Some(end) if end <= until => self.end(end, &mut made),
                // At the very instant others may still come, and they join the step that begins then.
                None if self.now < until && !self.is_idle() => self.begin(),
                Some(_) | None => break,
            }
        }
        self.now = self.now.max(until);
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    fn sequences(&self) -> usize {
        self.running.iter().map(Request::sequences).sum()
    }

    fn held(&self) -> u64 {
        self.running.iter().map(Request::memory).sum()
    }

    /// Begins a step now, unless one is in progress or there is nothing to do.
    fn begin(&mut self) {
        if self.step.is_some() {
            return;
        }
        let prompt = self.admit();
        if !self.running.is_empty() {
            self.step = Some(self.now + self.capacity.step_time(self.sequences(), prompt));
        }
    }

    /// Lets requests join while there are slots and memory, and says how many prompt tokens they bring. The choices of a
    /// request join together, and its prompt is read once for them all.
    fn admit(&mut self) -> u64 {
        let (mut sequences, mut held, mut prompt) = (self.sequences(), self.held(), 0);
        while let Some(next) = self.waiting.front() {
            sequences += next.sequences();
            held += next.memory();
            if sequences > self.capacity.slots || self.capacity.memory.is_some_and(|memory| held > memory) {
                break;
            }
            prompt += next.job.prompt;
            self.running.extend(self.waiting.pop_front());
        }
        prompt
    }

    /// Ends a step: every running sequence has one token more, and those with all of theirs leave.
    fn end(&mut self, at: Duration, made: &mut impl FnMut(Token)) {
        for request in &mut self.running {
            request.made += 1;
            made(Token { id: request.id, at, last: request.sequences() == 0 });
        }
        self.running.retain(|request| request.sequences() > 0);
        self.now = at;
        self.step = None;
    }

    fn full(&self) -> Refusal {
        let left = self.running.iter().filter_map(|request| request.job.left(request.made)).min().unwrap_or(1);
        let step = self.capacity.step_time(self.sequences(), 0);
        Refusal::Full { retry_after: step * u32::try_from(left).unwrap_or(u32::MAX) }
    }
}

/// What becomes of requests that come at these instants, in their order: the instants of their tokens, or why they were
/// turned away. Instants must not decrease.
pub fn simulate(
    capacity: &Capacity,
    arrivals: &[(Duration, impl Into<Job> + Clone)],
) -> Vec<Result<Vec<Duration>, Refusal>> {
    let mut batch = Batch::new(capacity.clone());
    let mut tokens: HashMap<u64, Vec<Duration>> = HashMap::new();
    let mut refused: HashMap<u64, Refusal> = HashMap::new();
    for (id, (at, job)) in (0..).zip(arrivals) {
        batch.advance(*at, |token| tokens.entry(token.id).or_default().push(token.at));
        if let Err(refusal) = batch.offer(id, job.clone()) {
            refused.insert(id, refusal);
        }
    }
    while let Some(next) = batch.upcoming() {
        batch.advance(next, |token| tokens.entry(token.id).or_default().push(token.at));
    }
    let fate =
        |id| refused.get(&id).map_or_else(|| Ok(tokens.remove(&id).unwrap_or_default()), |refusal| Err(*refusal));
    (0..arrivals.len() as u64).map(fate).collect()
}

#[cfg(test)]
mod tests;
