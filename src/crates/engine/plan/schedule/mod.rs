//! When requests go: due times from the plan alone, with no clock.
//!
//! An open load is an iterator of due times. A closed load waits for a slot to be free, which is the one edge that
//! runs back along the line. Both are deterministic in their inputs, so "when to send" and "when to stop" are data.

use std::fmt::{self, Write as _};
use std::iter::Peekable;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

mod closed;
pub mod course;
mod open;
pub mod think;

pub use open::Spacing;

use closed::Slots;
use course::Course;
use open::{Dues, evenly_before};
use think::Think;

/// When requests go and when they stop.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Its name, where a plan has several.
    pub name: Option<String>,
    /// What makes a request due.
    pub arrivals: Arrivals,
    /// No request is due at or after this time.
    pub duration: Option<Duration>,
    /// No more requests than this.
    pub count: Option<u64>,
    /// Which requests are warm-up, and in no figure.
    pub warmup: Warmup,
    /// How long requests in flight may take to finish once no more are sent.
    pub grace: Duration,
    /// Cap on requests in flight.
    pub cap: Option<Cap>,
    /// Whether a 429 that says when to come back holds requests until then.
    pub obeys_retry_after: bool,
    /// Indices of the cases that it sends.
    pub cases: Vec<usize>,
}

/// What makes a request due.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// Open loop: requests come at a rate, in requests per second, whether or not earlier ones have ended.
    Open {
        /// Requests per second over time.
        rate: Course,
        /// How they are spaced.
        spacing: Spacing,
    },
    /// Open loop: requests come when those of a recording did.
    Trace {
        /// Their times, in order, from the start of the run.
        times: Arc<[Duration]>,
    },
    /// Closed loop: a request is due when one of the slots is free.
    Closed {
        /// Slots over time; a slot is in use while the value is above its number, counted from 0.
        slots: Course,
        /// How long a slot waits between the end of a request and its next one.
        think: Think,
    },
}

/// Which requests are warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warmup {
    /// Those due before this time.
    Until(Duration),
    /// The first ones, by number.
    First(u64),
}

/// A cap on requests in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// How many may be in flight.
    pub in_flight: usize,
    /// What becomes of a request that is due above it.
    pub policy: OverCap,
}

/// What becomes of a request that is due while the cap is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverCap {
    /// It waits, and the wait shows as `queued`.
    Queue,
    /// It is dropped, and counted as `missed`.
    Drop,
}

/// One of several machines that share a run: each sends its own part of the same plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub index: u64,
    /// Of how many, at least 1.
    pub of: u64,
}

impl Shard {
    /// The only one.
    pub const WHOLE: Shard = Shard { index: 0, of: 1 };

    /// Whether there are others.
    pub fn is_part(self) -> bool {
        self.of > 1
    }

    /// Whether a number is its own.
    fn owns(self, number: u64) -> bool {
        number % self.of == self.index
    }

    /// How many of the first numbers are its own.
    pub fn share(self, count: u64) -> u64 {
        count / self.of + u64::from(count % self.of > self.index)
    }
}

impl Load {
    /// Whether requests come on their own, and not when others have ended.
    pub fn is_open(&self) -> bool {
        !matches!(self.arrivals, Arrivals::Closed { .. })
    }

    /// Requests per second of an open load, on average over its length.
    pub fn rate(&self) -> Option<f64> {
        match &self.arrivals {
            Arrivals::Closed { .. } => None,
            Arrivals::Open { rate, .. } => rate.steady().or_else(|| {
                let length = self.length()?.as_secs_f64();
                Some(rate.integral(length) / length)
            }),
            Arrivals::Trace { times } => {
                let length = times.last()?.as_secs_f64();
                (length > 0.0).then(|| (times.len() - 1) as f64 / length)
            }
        }
    }

    /// The highest rate of an open load, as far as its plan says.
    pub fn highest_rate(&self) -> Option<f64> {
        match &self.arrivals {
            Arrivals::Open { rate, .. } => Some(rate.highest()),
            Arrivals::Trace { .. } => self.rate(),
            Arrivals::Closed { .. } => None,
        }
    }

    /// When it is over by its duration or its course; none where only its count ends it.
    pub fn length(&self) -> Option<Duration> {
        let course = match &self.arrivals {
            Arrivals::Open { rate: course, .. } | Arrivals::Closed { slots: course, .. } => course.length(),
            // The last request of a recording is a part of it.
            Arrivals::Trace { times } => times.last().map(|last| *last + Duration::from_nanos(1)),
        };
        [self.duration, course].into_iter().flatten().min()
    }

    /// When the last request of an open load is expected to be due; none for a closed one without a length.
    pub fn expected_end(&self) -> Option<Duration> {
        let by_count = match (&self.arrivals, self.count) {
            (Arrivals::Open { rate, .. }, Some(count)) => rate.reaches(count as f64).map(Duration::from_secs_f64),
            _ => None,
        };
        [self.length(), by_count].into_iter().flatten().min()
    }

    /// How many requests an open load is expected to make, or the count of a closed one; none where only time ends that.
    pub fn expected_count(&self) -> Option<u64> {
        let by_time = match &self.arrivals {
            Arrivals::Open { rate, .. } => self.length().map(|length| evenly_before(rate, length)),
            Arrivals::Trace { times } => {
                let end = self.length().unwrap_or(Duration::MAX);
                Some(times.partition_point(|time| *time < end) as u64)
            }
            Arrivals::Closed { .. } => None,
        };
        [by_time, self.count].into_iter().flatten().min()
    }

    /// In words, for reports.
    pub fn describe(&self) -> String {
        let seconds = |duration: Duration| humantime::format_duration(duration).to_string();
        let mut text = match &self.arrivals {
            Arrivals::Open { rate, spacing } => {
                let spacing = match spacing {
                    Spacing::Even => "constant".to_owned(),
                    Spacing::Poisson => "poisson".to_owned(),
                    Spacing::Gamma { shape } => format!("gamma of burstiness {shape}"),
                };
                format!("open loop, {} {spacing}", rate.describe("/s"))
            }
            Arrivals::Trace { times } => format!("open loop, a trace of {} requests", times.len()),
            Arrivals::Closed { slots, think } => {
                let think = if think.is_none() { String::new() } else { format!(", think time {think}") };
                format!("closed loop, concurrency {}{think}", slots.describe(""))
            }
        };
        if let Some(duration) = self.duration {
            let _ = write!(text, " for {}", seconds(duration));
        }
        if let Some(count) = self.count {
            let _ = write!(text, ", {count} requests");
        }
        match self.warmup {
            Warmup::Until(time) if !time.is_zero() => _ = write!(text, ", warm-up {}", seconds(time)),
            Warmup::First(count) => _ = write!(text, ", warm-up {count} requests"),
            Warmup::Until(_) => {}
        }
        if let Some(cap) = self.cap {
            let policy = if cap.policy == OverCap::Queue { "queue" } else { "drop" };
            let _ = write!(text, ", at most {} in flight ({policy})", cap.in_flight);
        }
        text
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A request is due then.
    Due(Duration),
    /// Nothing until a request ends.
    WhenFree,
    /// Nothing any more.
    Over,
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// As it is written, counted from 1: `2/4`.
    fn from_str(text: &str) -> Result<Shard, String> {
        let parts =
            text.split_once('/').and_then(|(part, of)| Some((part.parse::<u64>().ok()?, of.parse::<u64>().ok()?)));
        match parts {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { index: part - 1, of }),
            Some(_) | None => Err("expected a part and how many there are, from 1/4 to 4/4".to_owned()),
        }
    }
}

/// Leave for one request of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// Number of the request in its load, from 0, counted over all shards.
    pub nth: u64,
    /// When it is due.
    pub due: Duration,
    /// The slot that it takes, of a closed load.
    pub slot: usize,
    /// Whether it is warm-up.
    pub warmup: bool,
}

/// The due times of a load, one after another.
#[derive(Debug)]
pub struct Schedule {
    load: Load,
    shard: Shard,
    /// How many requests were issued here.
    issued: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Numbered due times of the whole load; those of other shards are passed over.
    Dues(Peekable<Numbered>),
    Slots(Slots),
}

type Numbered = std::iter::Enumerate<Times>;

#[derive(Debug)]
enum Times {
    Drawn(Dues),
    Recorded(Arc<[Duration]>, usize),
}

impl Iterator for Times {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match self {
            Times::Drawn(dues) => dues.next(),
            Times::Recorded(times, place) => {
                *place += 1;
                times.get(*place - 1).copied()
            }
        }
    }
}

impl Schedule {
    /// The schedule of a shard's part of a load; the seed decides all that is random in it.
    pub fn new(load: &Load, seed: u64, shard: Shard) -> Schedule {
        let dues = |times: Times| Source::Dues(times.enumerate().peekable());
        let source = match &load.arrivals {
            Arrivals::Open { rate, spacing } => dues(Times::Drawn(Dues::new(rate.clone(), *spacing, seed))),
            Arrivals::Trace { times } => dues(Times::Recorded(Arc::clone(times), 0)),
            Arrivals::Closed { slots, think } => {
                let own = |slot| shard.owns(slot as u64);
                Source::Slots(Slots::new(slots.clone(), *think, seed, load.duration, own))
            }
        };
        Schedule { load: load.clone(), shard, issued: 0, source }
    }

    /// What comes next. Due times never decrease in an open load; in a closed one, a request that ends may bring an
    /// earlier one than was seen before.
    pub fn peek(&mut self) -> Next {
        if self.count_reached() {
            return Next::Over;
        }
        let due = match &mut self.source {
            Source::Slots(slots) => return slots.peek(),
            Source::Dues(dues) => loop {
                match dues.peek() {
                    Some((nth, due)) if self.shard.owns(*nth as u64) => break *due,
                    Some(_) => _ = dues.next(),
                    None => return Next::Over,
                }
            },
        };
        if self.load.duration.is_some_and(|duration| due >= duration) { Next::Over } else { Next::Due(due) }
    }

    /// Issues the request that is due next, where one is.
    pub fn take(&mut self) -> Option<Issue> {
        let Next::Due(_) = self.peek() else { return None };
        let (nth, due, slot) = match &mut self.source {
            Source::Dues(dues) => dues.next().map(|(nth, due)| (nth as u64, due, 0)),
            // Slots of other shards are busy elsewhere: numbers are dealt in turn.
            Source::Slots(slots) => {
                slots.take().map(|(due, slot)| (self.issued * self.shard.of + self.shard.index, due, slot))
            }
        }?;
        self.issued += 1;
        let warmup = match self.load.warmup {
            Warmup::Until(time) => due < time,
            Warmup::First(count) => nth < count,
        };
        Some(Issue { nth, due, slot, warmup })
    }

    /// The request of that number ended then: its slot is free.
    pub fn ended(&mut self, slot: usize, nth: u64, at: Duration) {
        if let Source::Slots(slots) = &mut self.source {
            slots.ended(slot, nth, at);
        }
    }

    /// Whether all requests that the count allows were issued.
    pub fn count_reached(&self) -> bool {
        self.load.count.is_some_and(|count| self.issued >= self.shard.share(count))
    }

    /// How many requests would still have been issued, of the warm-up and of the measured part: of an open load all
    /// that are left, of a closed load what its count leaves (how many its duration would have held is not known).
    pub fn left(mut self) -> [u64; 2] {
        let first = |count| self.shard.share(count);
        if !self.load.is_open() {
            let left = self.load.count.map_or(0, |count| first(count) - self.issued);
            let warm = match self.load.warmup {
                Warmup::First(count) => first(count).saturating_sub(self.issued).min(left),
                Warmup::Until(_) => 0,
            };
            return [warm, left - warm];
        }
        if let Some((warm, all)) = self.evenly() {
            let (warm, all) =
                (first(warm).clamp(self.issued, first(all).max(self.issued)), first(all).max(self.issued));
            return [warm - self.issued, all - warm];
        }
        let mut left = [0, 0];
        while let Some(issue) = self.take() {
            left[usize::from(!issue.warmup)] += 1;
            // Behind the warm-up, a load without a length ends with its count.
            if let (false, None, Some(count)) = (issue.warmup, self.load.length(), self.load.count) {
                left[1] += self.shard.share(count) - self.issued;
                break;
            }
        }
        left
    }

    /// How many evenly spaced requests there are in the warm-up and in all, without going through them.
    fn evenly(&self) -> Option<(u64, u64)> {
        let Arrivals::Open { rate, spacing: Spacing::Even } = &self.load.arrivals else { return None };
        let by_time = evenly_before(rate, self.load.length()?);
        let all = by_time.min(self.load.count.unwrap_or(u64::MAX));
        let warm = match self.load.warmup {
            Warmup::Until(time) => evenly_before(rate, time),
            Warmup::First(count) => count,
        };
        Some((warm.min(all), all))
    }
}

#[cfg(test)]
mod tests;
