//! When requests go: due times from the plan alone, with no clock.
//!
//! An open load is an iterator of due times. A closed load waits for a slot to be free, which is the one edge that
//! runs back along the line. Both are deterministic in their inputs, so "when to send" and "when to stop" are data.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Exp1};
use rand_pcg::Pcg64;

/// When requests go and when they stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// What makes a request due.
    pub arrivals: Arrivals,
    /// No request is due at or after this time.
    pub duration: Option<Duration>,
    /// No more requests than this.
    pub count: Option<u64>,
    /// Requests due before this are warm-up, and in no figure.
    pub warmup: Duration,
    /// How long requests in flight may take to finish once no more are sent.
    pub grace: Duration,
    /// Cap on requests in flight, for an open load.
    pub cap: Option<Cap>,
}

/// What makes a request due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// Open loop, evenly spaced: request i is due at i / rate.
    Constant {
        /// Requests per second, above 0.
        rate: f64,
    },
    /// Open loop, independent arrivals: exponential gaps with mean 1 / rate.
    Poisson {
        /// Requests per second, above 0.
        rate: f64,
    },
    /// Closed loop: a request is due when one of the slots is free.
    Closed {
        /// How many, above 0.
        slots: usize,
    },
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

impl Load {
    /// Requests per second of an open load.
    pub fn rate(&self) -> Option<f64> {
        match self.arrivals {
            Arrivals::Constant { rate } | Arrivals::Poisson { rate } => Some(rate),
            Arrivals::Closed { .. } => None,
        }
    }

    /// In words, for reports.
    pub fn describe(&self) -> String {
        let seconds = |duration: Duration| humantime::format_duration(duration).to_string();
        let mut text = match self.arrivals {
            Arrivals::Constant { rate } => format!("open loop, {rate}/s constant"),
            Arrivals::Poisson { rate } => format!("open loop, {rate}/s poisson"),
            Arrivals::Closed { slots } => format!("closed loop, {slots} slots"),
        };
        if let Some(duration) = self.duration {
            let _ = write!(text, " for {}", seconds(duration));
        }
        if let Some(count) = self.count {
            let _ = write!(text, ", {count} requests");
        }
        if !self.warmup.is_zero() {
            let _ = write!(text, ", warm-up {}", seconds(self.warmup));
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

/// The due times of a load, one after another.
#[derive(Debug)]
pub struct Schedule {
    load: Load,
    issued: u64,
    random: Pcg64,
    elapsed: Duration,
    free: VecDeque<Duration>,
}

impl Schedule {
    /// The schedule of a load; the seed decides all that is random in it.
    pub fn new(load: Load, seed: u64) -> Schedule {
        let slots = match load.arrivals {
            Arrivals::Closed { slots } => slots,
            Arrivals::Constant { .. } | Arrivals::Poisson { .. } => 0,
        };
        Schedule {
            load,
            issued: 0,
            random: Pcg64::seed_from_u64(seed),
            elapsed: Duration::ZERO,
            free: VecDeque::from(vec![Duration::ZERO; slots]),
        }
    }

    /// The next due time. Due times never decrease in an open load.
    pub fn advance(&mut self) -> Next {
        if self.count_reached() {
            return Next::Over;
        }
        let due = match self.load.arrivals {
            Arrivals::Constant { rate } => Duration::from_secs_f64(self.issued as f64 / rate),
            Arrivals::Poisson { rate } => {
                let gap: f64 = Exp1.sample(&mut self.random);
                self.elapsed += Duration::from_secs_f64(gap / rate);
                self.elapsed
            }
            Arrivals::Closed { .. } => match self.free.pop_front() {
                Some(due) => due,
                None => return Next::WhenFree,
            },
        };
        if self.load.duration.is_some_and(|duration| due >= duration) {
            return Next::Over;
        }
        self.issued += 1;
        Next::Due(due)
    }

    /// A request ended then: its slot is free.
    pub fn ended(&mut self, at: Duration) {
        if matches!(self.load.arrivals, Arrivals::Closed { .. }) {
            self.free.push_back(at);
        }
    }

    /// Whether all requests that the count allows were due.
    pub fn count_reached(&self) -> bool {
        self.load.count.is_some_and(|count| self.issued >= count)
    }

    /// How many requests would still have been due before a time, and from it on: of an open load all that are left,
    /// of a closed load what its count leaves (how many its duration would have held is not known).
    pub fn left(mut self, split: Duration) -> [u64; 2] {
        if matches!(self.load.arrivals, Arrivals::Closed { .. }) {
            return [0, self.load.count.map_or(0, |count| count - self.issued)];
        }
        if let (Arrivals::Constant { rate }, Some(duration)) = (self.load.arrivals, self.load.duration) {
            let until = |end| constant_until(rate, end).min(self.load.count.unwrap_or(u64::MAX)).max(self.issued);
            let (before, all) = (until(split.min(duration)), until(duration));
            return [before - self.issued, all - before];
        }
        let mut left = [0, 0];
        while let Next::Due(due) = self.advance() {
            left[usize::from(due >= split)] += 1;
            // Behind the split, a load without a duration ends with its count.
            if let (true, None, Some(count)) = (due >= split, self.load.duration, self.load.count) {
                left[1] += count - self.issued;
                break;
            }
        }
        left
    }
}

/// How many i have i / rate below the duration.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests is far below 2^53")]
fn constant_until(rate: f64, duration: Duration) -> u64 {
    let mut count = (duration.as_secs_f64() * rate).ceil() as u64;
    while count > 0 && Duration::from_secs_f64((count - 1) as f64 / rate) >= duration {
        count -= 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(arrivals: Arrivals, seconds: Option<u64>, count: Option<u64>) -> Load {
        Load {
            arrivals,
            duration: seconds.map(Duration::from_secs),
            count,
            warmup: Duration::ZERO,
            grace: Duration::ZERO,
            cap: None,
        }
    }

    fn dues(load: Load, seed: u64) -> Vec<Duration> {
        let mut schedule = Schedule::new(load, seed);
        std::iter::from_fn(|| match schedule.advance() {
            Next::Due(due) => Some(due),
            Next::WhenFree | Next::Over => None,
        })
        .collect()
    }

    #[test]
    fn constant_arrivals_never_drift() {
        let all = dues(load(Arrivals::Constant { rate: 3.0 }, Some(100), None), 0);
        assert_eq!(all.len(), 300);
        assert_eq!(all[299], Duration::from_secs_f64(299.0 / 3.0));
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread() {
        let all = dues(load(Arrivals::Poisson { rate: 100.0 }, Some(1000), None), 5);
        // 100,000 expected, standard deviation 316: six of them.
        assert!((98_000..102_000).contains(&all.len()), "{}", all.len());
        let gaps: Vec<f64> = all.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).as_secs_f64()).collect();
        let longer = gaps.iter().filter(|gap| **gap > 0.01).count() as f64 / gaps.len() as f64;
        assert!((longer - (-1.0_f64).exp()).abs() < 0.01, "P(gap > mean) is 1/e, got {longer}");
    }

    #[test]
    fn a_closed_load_waits_for_a_slot() {
        let mut schedule = Schedule::new(load(Arrivals::Closed { slots: 2 }, None, Some(3)), 0);
        assert_eq!(schedule.advance(), Next::Due(Duration::ZERO));
        assert_eq!(schedule.advance(), Next::Due(Duration::ZERO));
        assert_eq!(schedule.advance(), Next::WhenFree);
        schedule.ended(Duration::from_secs(4));
        assert_eq!(schedule.advance(), Next::Due(Duration::from_secs(4)));
        assert_eq!(schedule.advance(), Next::Over);
    }

    #[test]
    fn a_closed_load_ends_with_its_duration() {
        let mut schedule = Schedule::new(load(Arrivals::Closed { slots: 1 }, Some(1), None), 0);
        assert_eq!(schedule.advance(), Next::Due(Duration::ZERO));
        schedule.ended(Duration::from_secs(1));
        assert_eq!(schedule.advance(), Next::Over);
    }

    proptest! {
        #[test]
        fn open_schedules_are_monotone_deterministic_and_add_up(
            rate in 0.5_f64..500.0, seconds in prop::option::of(1_u64..20), count in prop::option::of(0_u64..200), poisson: bool, seed: u64, stop in 0_usize..300, split in 0_u64..25_000,
        ) {
            let arrivals = if poisson { Arrivals::Poisson { rate } } else { Arrivals::Constant { rate } };
            prop_assume!(seconds.is_some() || count.is_some());
            let load = load(arrivals, seconds, count);
            let all = dues(load, seed);
            prop_assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(all.iter().all(|due| *due < Duration::from_secs(seconds.unwrap_or(u64::MAX))));
            prop_assert_eq!(&all, &dues(load, seed));
            let stop = stop.min(all.len());
            let mut schedule = Schedule::new(load, seed);
            for _ in 0..stop {
                schedule.advance();
            }
            let split = Duration::from_millis(split);
            let expected = all[stop..].iter().fold([0, 0], |[before, after], due| if *due < split { [before + 1, after] } else { [before, after + 1] });
            prop_assert_eq!(schedule.left(split), expected);
        }
    }
}
