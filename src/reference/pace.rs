//! When the tokens of a reply would be ready, drawn before it begins.

use std::time::Duration;

use rand_pcg::Pcg64;

use super::Settings;
use super::capacity::Capacity;

/// What a reply costs, and when its steps are ready from the moment its request was read.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Tokens of the prompt.
    pub(super) prompt_tokens: u64,
    /// When each step is ready; with a capacity model, when it would be if the server had nothing else to do.
    pub(super) ready: Vec<Duration>,
}

/// The pace of request `number` with that many steps: the first is ready after one delay, each further one a gap later.
pub(super) fn draw(settings: &Settings, number: u64, prompt_tokens: u64, steps: usize, random: &mut Pcg64) -> Pace {
    let steps = steps.max(1);
    let ready = match &settings.capacity {
        Some(capacity) => alone(capacity, prompt_tokens, steps),
        None => drawn(settings, number, steps, random),
    };
    Pace { prompt_tokens, ready }
}

/// By the delays. A trace is taken in turn: request `n` begins with its `n`-th time.
fn drawn(settings: &Settings, number: u64, steps: usize, random: &mut Pcg64) -> Vec<Duration> {
    let mut at = settings.first_token.draw(number, random);
    let mut ready = Vec::with_capacity(steps);
    for step in 0..steps as u64 {
        ready.push(at);
        at += settings.token_gap.draw(number.wrapping_add(step), random);
    }
    ready
}

/// By the capacity model, for a request that has the server to itself.
fn alone(capacity: &Capacity, prompt_tokens: u64, steps: usize) -> Vec<Duration> {
    let mut at = capacity.step_time(1, prompt_tokens);
    let mut ready = Vec::with_capacity(steps);
    for _ in 0..steps {
        ready.push(at);
        at += capacity.step_time(1, 0);
    }
    ready
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::super::delay::Delay;
    use super::*;
    use crate::wire::Dialect;

    #[test]
    fn steps_follow_the_first_token_by_gaps() {
        let mut settings = Settings::new(Dialect::OpenAi, 1);
        settings.first_token = Delay::Constant(Duration::from_millis(200));
        settings.token_gap = Delay::Trace([10, 20, 30].map(Duration::from_millis).into());
        let mut random = Pcg64::seed_from_u64(1);
        let milliseconds = |pace: Pace| pace.ready.iter().map(Duration::as_millis).collect::<Vec<_>>();
        assert_eq!(milliseconds(draw(&settings, 1, 9, 4, &mut random)), [200, 220, 250, 260]);
        settings.capacity = Some("slots=4,step=20ms+1ms,prefill=1000/s".parse().expect("a capacity"));
        assert_eq!(milliseconds(draw(&settings, 1, 9, 3, &mut random)), [30, 51, 72]);
    }
}
