//! The run's figures while it runs: a reader's view, which owns nothing that the run needs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::exchange::{Outcome, Reading};

/// How many recent streams the rolling figure looks at.
const RECENT: usize = 200;

/// Counters that the line bumps and a progress display reads.
#[derive(Debug, Default)]
pub struct Live {
    pub(super) sent: AtomicU64,
    pub(super) in_flight: AtomicUsize,
    /// Time in flight within the window of rates, all requests together.
    pub(super) in_flight_us: AtomicU64,
    errors: AtomicU64,
    violations: AtomicU64,
    first_tokens: Mutex<VecDeque<Duration>>,
}

/// What a progress display shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// Requests sent.
    pub sent: u64,
    /// Requests in flight.
    pub in_flight: usize,
    /// Exchanges that ended and were not ok.
    pub errors: u64,
    /// Replies that broke a MUST.
    pub violations: u64,
    /// 95th percentile of the first token of the last 200 streams.
    pub first_token_p95: Option<Duration>,
}

impl Live {
    /// Adds a judged exchange.
    pub(super) fn judged(&self, reading: &Reading<'_>, violating: bool) {
        self.errors.fetch_add(u64::from(reading.outcome != Outcome::Ok && reading.outcome.counts()), Ordering::Relaxed);
        self.violations.fetch_add(u64::from(violating), Ordering::Relaxed);
        let Some(first) = reading.first_token() else { return };
        let mut recent = self.first_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(first.saturating_sub(reading.exchange.ticket.due));
    }

    /// Requests in flight now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The figures now.
    pub fn snapshot(&self) -> Snapshot {
        let mut recent: Vec<Duration> =
            self.first_tokens.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        recent.sort_unstable();
        let rank = (recent.len() * 95).div_ceil(100);
        Snapshot {
            sent: self.sent.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            violations: self.violations.load(Ordering::Relaxed),
            first_token_p95: rank.checked_sub(1).map(|index| recent[index]),
        }
    }
}
