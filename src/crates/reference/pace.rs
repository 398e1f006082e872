//! When the tokens of a reply would be ready, drawn before it begins.

use std::time::Duration;

use rand_pcg::Pcg64;

use super::Settings;
use super::capacity::{Capacity, Job};

/// What a reply costs, and when its steps are ready from the moment its request was read.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Tokens of the prompt and of each choice.
    pub(super) job: Job,
    /// When each step is ready; with a capacity model, when it would be if the server had nothing else to do.
    pub(super) ready: Vec<Duration>,
}

/// The pace of request `number`: the first step is ready after one delay, each further one a gap later. Choices are made
/// side by side, so there are as many steps as the longest has.
pub(super) fn draw(settings: &Settings, number: u64, job: Job, random: &mut Pcg64) -> Pace {
    let steps = job.outputs.iter().copied().max().unwrap_or(1);
    let ready = match &settings.capacity {
        Some(capacity) => alone(capacity, &job, steps),
        None => drawn(settings, number, steps, random),
    };
    Pace { job, ready }
}

/// By the delays. A trace is taken in turn: request `n` begins with its `n`-th time.
fn drawn(settings: &Settings, number: u64, steps: u64, random: &mut Pcg64) -> Vec<Duration> {
    let mut at = settings.first_token.draw(number, random);
    let mut ready = Vec::with_capacity(usize::try_from(steps).unwrap_or(0));
    for step in 0..steps {
        ready.push(at);
        at += settings.token_gap.draw(number.wrapping_add(step), random);
    }
    ready
}

/// By the capacity model, for a request that has the server to itself.
fn alone(capacity: &Capacity, job: &Job, steps: u64) -> Vec<Duration> {
    let step = |at: &mut Duration, made| {
        let prompt = if made == 0 { job.prompt } else { 0 };
        *at += capacity.step_time(job.sequences(made), prompt);
        Some(*at)
    };
    (0..steps).scan(Duration::ZERO, step).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::super::delay::Delay;
    use super::*;

    #[test]
    fn steps_follow_the_first_token_by_gaps() {
        let mut settings = Settings::new(crate::samples::openai(), 1);
        settings.first_token = Delay::Constant(Duration::from_millis(200));
        settings.token_gap = Delay::Trace([10, 20, 30].map(Duration::from_millis).into());
        let mut random = Pcg64::seed_from_u64(1);
        let job = |outputs: &[u64]| Job { prompt: 9, outputs: outputs.to_vec() };
        let milliseconds = |pace: Pace| pace.ready.iter().map(Duration::as_millis).collect::<Vec<_>>();
        assert_eq!(milliseconds(draw(&settings, 1, job(&[4]), &mut random)), [200, 220, 250, 260]);
        settings.capacity = Some("slots=4,step=20ms+1ms,prefill=1000/s".parse().expect("a capacity"));
        assert_eq!(milliseconds(draw(&settings, 1, job(&[3]), &mut random)), [30, 51, 72]);
        assert_eq!(milliseconds(draw(&settings, 1, job(&[3, 1]), &mut random)), [31, 52, 73]);
    }
}
