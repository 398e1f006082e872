//! When each step of an answer is ready.

use std::time::Duration;

use rand_distr::{Distribution as _, LogNormal};
use rand_pcg::Pcg64;

use super::{Delay, Settings};

/// The instants of that many steps, from the moment the request was read: the first after one delay, each further one a
/// gap later. How long the prompt is does not matter to it.
pub(super) fn instants(settings: &Settings, _prompt: u64, steps: usize, random: &mut Pcg64) -> Vec<Duration> {
    let mut at = settings.first_token.draw(random);
    let mut instants = Vec::with_capacity(steps);
    for _ in 0..steps {
        instants.push(at);
        at += settings.token_gap.draw(random);
    }
    instants
}

impl Delay {
    fn draw(self, random: &mut Pcg64) -> Duration {
        match LogNormal::new(0.0, self.spread) {
            Ok(factor) if self.spread > 0.0 => self.median.mul_f64(factor.sample(random).clamp(0.01, 100.0)),
            _ => self.median,
        }
    }
}
