//! The rate limit: a bucket that holds as many requests as pass in one period and fills evenly.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use std::time::Instant;

/// How many requests pass in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests, at least 1.
    pub requests: u32,
    /// The period in which they pass.
    pub per: Duration,
}

/// A rate limit at work.
#[derive(Debug)]
pub(super) struct Limit {
    rate: Rate,
    bucket: Mutex<(f64, Instant)>,
}

/// What is left after a request was let through, or how long it is until one would be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Leave {
    Granted { remaining: u32, full_in: Duration },
    Denied { wait: Duration, full_in: Duration },
}

impl Limit {
    pub(super) fn new(rate: Rate, now: Instant) -> Limit {
        Limit { rate, bucket: Mutex::new((f64::from(rate.requests), now)) }
    }

    pub(super) fn requests(&self) -> u32 {
        self.rate.requests
    }

    /// Takes one request out of the bucket if there is one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a u32")]
    pub(super) fn ask(&self, now: Instant) -> Leave {
        let capacity = f64::from(self.rate.requests);
        let per_request = self.rate.per.div_f64(capacity);
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, at) = *bucket;
        let filled = now.saturating_duration_since(at).as_secs_f64() / per_request.as_secs_f64();
        let left = (left + filled).min(capacity);
        let granted = left >= 1.0;
        let left = if granted { left - 1.0 } else { left };
        *bucket = (left, now.max(at));
        let full_in = per_request.mul_f64(capacity - left);
        if granted {
            Leave::Granted { remaining: left as u32, full_in }
        } else {
            Leave::Denied { wait: per_request.mul_f64(1.0 - left), full_in }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Instant::now();
        let limit = Limit::new(Rate { requests: 2, per: Duration::from_secs(1) }, start);
        let at = |ms| limit.ask(start + Duration::from_millis(ms));
        assert_eq!(at(0), Leave::Granted { remaining: 1, full_in: Duration::from_millis(500) });
        assert_eq!(at(0), Leave::Granted { remaining: 0, full_in: Duration::from_secs(1) });
        let denied = Leave::Denied { wait: Duration::from_millis(400), full_in: Duration::from_millis(900) };
        assert_eq!(at(100), denied);
        assert!(matches!(at(501), Leave::Granted { remaining: 0, .. }));
        assert!(matches!(at(60_000), Leave::Granted { remaining: 1, .. }));
    }
}
