//! An endpoint and a client in virtual time: due times come from the real schedule, tokens from the reference
//! endpoint's model of a batching server, and what a stage leaves behind is a real summary.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proofload::capacity::backlog::Backlog;
use proofload::capacity::search::Ask;
use proofload::capacity::stage::{Carried, Goals, Growth, Stage};
use proofload::plan::Plan;
use proofload::plan::goal::Measure;
use proofload::plan::schedule::course::Course;
use proofload::plan::schedule::{Arrivals, Load, Schedule, Shard, Spacing, Warmup};
use proofload::reference::batch::Batch;
use proofload::reference::capacity::{Capacity, Work};
use proofload::run::Parts;
use proofload::summary::Summary;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal};
use rand_pcg::Pcg64;

/// What the endpoint is.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub capacity: Capacity,
    /// Work of each case, with its share of the requests.
    pub mix: Vec<(Work, f64)>,
    /// Lengths vary by up to this share.
    pub varies: f64,
    pub spacing: Spacing,
    /// Requests per second that are let through, with a burst of as many.
    pub quota: Option<f64>,
    /// Share of requests that fail, at any load.
    pub fails: f64,
    /// Spread of a factor on every time, as the standard deviation of its logarithm.
    pub noise: f64,
    /// Replies break the contract while more requests than this are in flight.
    pub wrong_above: Option<usize>,
}

/// What became of a request.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub due: f64,
    pub case: usize,
    /// Tokens of its prompt.
    pub prompt: u64,
    /// Seconds from due to each token; nothing where it was refused or failed.
    pub tokens: Option<Vec<f64>>,
    pub refused: bool,
    pub wrong: bool,
}

impl World {
    /// What becomes of requests that are due then. `watch` is told the requests in flight ten times a second, and ends
    /// it by saying so: then no more are sent.
    pub(crate) fn play(&self, dues: &[f64], seed: u64, mut watch: impl FnMut(f64, usize) -> bool) -> Vec<Fate> {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut batch = Batch::new(self.capacity.clone());
        let mut tokens: HashMap<u64, Vec<f64>> = HashMap::new();
        let mut fates = Vec::new();
        let (mut sample, mut bucket, mut filled) = (0.0, self.quota.unwrap_or(0.0), 0.0);
        'sending: for (id, due) in (0_u64..).zip(dues) {
            while sample <= *due {
                batch.advance(Duration::from_secs_f64(sample), |token| {
                    tokens.entry(token.id).or_default().push(token.at.as_secs_f64());
                });
                let (running, waiting) = batch.load();
                if watch(sample, running + waiting) {
                    break 'sending;
                }
                sample += 0.1;
            }
            batch.advance(Duration::from_secs_f64(*due), |token| {
                tokens.entry(token.id).or_default().push(token.at.as_secs_f64());
            });
            let (case, work) = self.draw(&mut random);
            let mut fate = Fate { due: *due, case, prompt: work.prompt, tokens: None, refused: false, wrong: false };
            if let Some(quota) = self.quota {
                bucket = (bucket + (due - filled) * quota).min(quota);
                filled = *due;
            }
            let failed = random.random_bool(self.fails);
            if self.quota.is_some() && bucket < 1.0 {
                fate.refused = true;
            } else if !failed {
                bucket -= 1.0;
                let (running, waiting) = batch.load();
                fate.wrong = self.wrong_above.is_some_and(|most| running + waiting > most);
                fate.refused = batch.offer(id, work).is_err();
                fate.tokens = (!fate.refused).then(Vec::new);
            }
            fates.push(fate);
        }
        while let Some(next) = batch.upcoming() {
            batch.advance(next, |token| tokens.entry(token.id).or_default().push(token.at.as_secs_f64()));
        }
        for (id, fate) in (0_u64..).zip(&mut fates) {
            let factor = if self.noise > 0.0 {
                LogNormal::new(0.0, self.noise).expect("a spread").sample(&mut random)
            } else {
                1.0
            };
            if fate.tokens.is_some() {
                let made = tokens.remove(&id).unwrap_or_default();
                fate.tokens = Some(made.into_iter().map(|at| (at - fate.due) * factor).collect());
            }
        }
        fates
    }

    fn draw(&self, random: &mut Pcg64) -> (usize, Work) {
        let mut left = random.random::<f64>() * self.mix.iter().map(|(_, share)| share).sum::<f64>();
        let mut case = 0;
        while case + 1 < self.mix.len() && left >= self.mix[case].1 {
            left -= self.mix[case].1;
            case += 1;
        }
        let work = self.mix[case].0;
        let factor = 1.0 + self.varies * (2.0 * random.random::<f64>() - 1.0);
        let vary = |tokens: u64| ((tokens as f64 * factor).round() as u64).max(1);
        (case, Work { prompt: vary(work.prompt), output: vary(work.output) })
    }

    /// The due times of a constant rate over so many seconds.
    pub(crate) fn dues(&self, rate: f64, seconds: f64, seed: u64) -> Vec<f64> {
        let load = Load {
            name: None,
            arrivals: Arrivals::Open { rate: Course::constant(rate), spacing: self.spacing },
            duration: Some(Duration::from_secs_f64(seconds)),
            count: None,
            warmup: Warmup::Until(Duration::ZERO),
            grace: Duration::ZERO,
            cap: None,
            obeys_retry_after: false,
            cases: vec![0],
        };
        let mut schedule = Schedule::new(&load, seed, Shard::WHOLE);
        std::iter::from_fn(|| schedule.take()).map(|issue| issue.due.as_secs_f64()).collect()
    }

    /// Carries a stage out.
    pub(crate) fn stage(&self, plan: &Arc<Plan>, ask: &Ask, goals: &Goals, seed: u64) -> Stage {
        let (warmup, length) = (ask.warmup.as_secs_f64(), ask.length().as_secs_f64());
        let mut backlog = Backlog::new(ask.load, warmup);
        let mut cut = None;
        let fates = self.play(&self.dues(ask.load, length, seed), seed, |at, in_flight| {
            backlog.see(at, in_flight as f64);
            let over = ask.settled && backlog.overflows();
            cut = cut.or(over.then_some(at));
            over
        });
        let window = [warmup, cut.unwrap_or(length)];
        let mut cases: Vec<Summary> = self.mix.iter().map(|_| Summary::new(plan, 0)).collect();
        for fate in &fates {
            record(&mut cases[fate.case], fate, window);
        }
        for case in &mut cases {
            case.ending.window_from_us = micros(window[0]);
            case.ending.window_us = micros(window[1]);
            case.meta.rate_per_s = Some(ask.load);
        }
        let mut whole = cases[0].clone();
        for case in &cases[1..] {
            whole.merge(case.clone()).expect("one plan");
        }
        let drained = fates.iter().filter_map(|fate| fate.tokens.iter().flatten().last().map(|last| fate.due + last));
        let carried = Carried {
            load: ask.load,
            confirms: ask.confirms,
            in_flight: backlog.mean(),
            backlog: match cut {
                Some(_) => Growth::Cut,
                None if ask.settled && backlog.grew() => Growth::Grew,
                None => Growth::Steady,
            },
            took_s: drained.fold(window[1], f64::max) + 1.0,
            probes: 0,
        };
        Stage::of(carried, goals, &Parts { whole, cases })
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

fn record(summary: &mut Summary, fate: &Fate, [from, until]: [f64; 2]) {
    let warm = fate.due < from;
    let outcome = match (&fate.tokens, fate.refused) {
        (Some(_), _) => "ok",
        (None, true) => "rate_limited",
        (None, false) => "server_error",
    };
    let outcomes = if warm { &mut summary.warmup } else { &mut summary.outcomes };
    *outcomes.entry(outcome.to_owned()).or_default() += 1;
    summary.counts.answered += 1;
    summary.counts.asserted += 1;
    let ended = fate.due + fate.tokens.iter().flatten().last().unwrap_or(&0.0);
    if (from..until).contains(&ended) {
        summary.counts.completed_in_window += 1;
        summary.counts.good_in_window += u64::from(outcome == "ok" && !fate.wrong);
    }
    if warm {
        return;
    }
    summary.counts.sent_in_time += 1;
    let mut sample = |measure: Measure, seconds: Option<f64>| {
        let populations = summary.timings.entry(measure.name().to_owned()).or_default();
        match seconds {
            Some(seconds) => populations.ok.record(Duration::from_secs_f64(seconds)),
            None => populations.infinite += 1,
        }
    };
    let tokens = fate.tokens.as_ref();
    sample(Measure::FirstToken, tokens.map(|tokens| tokens[0]));
    sample(Measure::ResponseTime, tokens.map(|tokens| tokens[tokens.len() - 1]));
    match tokens {
        Some(tokens) => tokens.windows(2).for_each(|pair| sample(Measure::TokenGap, Some(pair[1] - pair[0]))),
        None => sample(Measure::TokenGap, None),
    }
    if let Some(tokens) = tokens {
        summary.counts.status_200 += 1;
        summary.counts.violating += u64::from(fate.wrong);
        summary.counts.completion_millitokens += 1000 * tokens.len() as u64;
        summary.counts.prompt_millitokens += 1000 * fate.prompt;
    }
}
