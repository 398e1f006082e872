//! The due times of an open load.
//!
//! Requests come as a process of rate one, which the course of the rate then stretches: request n is due where the
//! integral of the rate reaches the sum of its n first gaps (time-rescaling). One mechanism so serves evenly spaced,
//! Poisson and bursty arrivals at constant rates, ramps, steps and spikes alike.

use std::time::Duration;

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Exp1, Gamma};
use rand_pcg::Pcg64;

use super::course::Course;

/// How requests of an open load are spaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spacing {
    /// Evenly.
    Even,
    /// Independently: exponential gaps.
    Poisson,
    /// In bursts: gamma gaps of this shape and the same mean. 1 is Poisson; the smaller, the burstier: the coefficient
    /// of variation of the gaps is 1 / sqrt(shape).
    Gamma {
        /// Shape, above 0; what vLLM calls burstiness.
        shape: f64,
    },
}

/// Due times, one after another. They never decrease.
#[derive(Debug)]
pub(super) struct Dues {
    rate: Course,
    gaps: Gaps,
    random: Pcg64,
    /// Due times given so far.
    given: u64,
    /// Sum of the gaps so far, at rate one.
    area: f64,
}

#[derive(Debug)]
enum Gaps {
    Even,
    Exponential,
    Gamma(Gamma<f64>),
}

impl Dues {
    pub(super) fn new(rate: Course, spacing: Spacing, seed: u64) -> Dues {
        let gaps = match spacing {
            Spacing::Even => Gaps::Even,
            Spacing::Poisson => Gaps::Exponential,
            Spacing::Gamma { shape } => Gamma::new(shape, 1.0 / shape).map_or(Gaps::Exponential, Gaps::Gamma),
        };
        Dues { rate, gaps, random: Pcg64::seed_from_u64(seed), given: 0, area: 0.0 }
    }
}

impl Iterator for Dues {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match &self.gaps {
            // Not a sum: it would drift.
            Gaps::Even => self.area = self.given as f64,
            Gaps::Exponential => {
                let gap: f64 = Exp1.sample(&mut self.random);
                self.area += gap;
            }
            Gaps::Gamma(gamma) => self.area += gamma.sample(&mut self.random),
        }
        self.given += 1;
        self.rate.reaches(self.area).map(Duration::from_secs_f64)
    }
}

/// How many evenly spaced requests are due before a time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests is far below 2^53")]
pub(super) fn evenly_before(rate: &Course, end: Duration) -> u64 {
    let due = |nth: u64| rate.reaches(nth as f64).map(Duration::from_secs_f64);
    let mut count = rate.integral(end.as_secs_f64()).ceil() as u64;
    while count > 0 && due(count - 1).is_none_or(|due| due >= end) {
        count -= 1;
    }
    while due(count).is_some_and(|due| due < end) {
        count += 1;
    }
    count
}
