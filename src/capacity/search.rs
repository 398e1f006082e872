//! The search for the highest load that holds the goals, as a pure state machine: what comes next follows from the
//! terms and the stages so far, and from nothing else.
//!
//! It doubles the load until a stage breaks, halves the bracket until its ends are near, and then carries out a longer
//! stage at each end. A longer stage overrules shorter ones, so chance in a short one costs stages and not truth. What
//! a stage says of its load it says of all loads on its side: that is the one assumption, and every stage that
//! contradicts it throws out what it contradicts. Where refusals broke the highest load, one more stage far beyond tells
//! a quota from a server that is full.

use std::time::Duration;

use super::answer::{FAR, REFUSES};
use super::judging::requests_needed;
use super::stage::{Goals, Stage, Verdict};
use crate::plan::Limits;
use crate::plan::capacity::{SearchTerms, TokenPrice};
use crate::plan::goal::{Goal, Part};

/// Stages of a search at most.
const MOST_STAGES: usize = 48;
/// Times that a stage is carried out before its being untrusted is taken for an answer.
const TRIES: usize = 3;
/// From one load to the next while none has broken.
const GROWTH: f64 = 2.0;
/// How far below the first load a search goes before it says that none holds.
const DOWN: f64 = 256.0;
/// Requests beyond a quantile, in a stage that explores and in one that confirms. Those that wait come together: of 200,
/// eight may be independent, and near a knee that is enough to tell rates apart that differ by a few percent.
const BEYOND: [f64; 2] = [2.0, 200.0];
/// Upper limit on extending a stage for its percentiles.
const LONGER: [u32; 2] = [3, 10];
/// Response times (p95) that a stage warms up for: by then the endpoint is as full as it will be.
const SETTLES: f64 = 1.5;
/// No stage warms up for longer.
const LONGEST_WARMUP: Duration = Duration::from_secs(60);

/// How to search, with nothing left to decide.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whether the load is a number of slots, and not a rate.
    pub slots: bool,
    /// The first load.
    pub from: f64,
    /// The highest.
    pub to: f64,
    /// How near the ends of the bracket must be.
    pub precision: f64,
    /// Length of the measured part of a stage that explores, and of one that confirms.
    pub lasting: [Duration; 2],
    /// Warm-up at least.
    pub warmup: Duration,
    /// Pause behind each stage.
    pub cooldown: Duration,
    /// Requests that the goals need, in either.
    pub needed: [f64; 2],
    /// What the search may use.
    pub limits: Limits,
    /// What its tokens may cost.
    pub cost: Option<f64>,
    /// What they cost.
    pub price: TokenPrice,
}

impl Terms {
    /// The terms of a profile: `load` is what it says itself, and `slots` whether that is a number of slots.
    pub fn new(terms: &SearchTerms, goals: &Goals, load: f64, slots: bool, warmup: Duration) -> Terms {
        // A stage that explores gives a case of a small share enough; in one that confirms it has enough of the many.
        let needed = |[explores, confirms]: [f64; 2]| {
            let shared = goals.with_shares().map(|(goal, share)| requests_needed(goal, explores) / share.max(1e-6));
            let all = goals.all().map(|goal| requests_needed(goal, confirms));
            [shared.fold(0.0, f64::max), all.fold(0.0, f64::max)]
        };
        let window = goals.all().filter_map(window_of).max().unwrap_or_default();
        Terms {
            slots,
            from: terms.from.unwrap_or(load).min(terms.to),
            to: terms.to,
            precision: terms.precision,
            lasting: [terms.stage, terms.confirm].map(|lasting| lasting.max(window)),
            warmup,
            cooldown: terms.cooldown,
            needed: needed(BEYOND),
            limits: terms.limits,
            cost: terms.cost,
            price: terms.price,
        }
    }
}

/// A stage that is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask {
    /// Its number, from 0: it decides the prompts.
    pub number: usize,
    /// Requests per second, or slots.
    pub load: f64,
    /// Requests due before this are warm-up.
    pub warmup: Duration,
    /// Length of the measured part.
    pub measured: Duration,
    /// Whether it confirms an end of the bracket.
    pub confirms: bool,
    /// Whether the endpoint is known to have filled up by the end of the warm-up, so that growth is a backlog.
    pub settled: bool,
}

impl Ask {
    /// How long requests are sent.
    pub fn length(&self) -> Duration {
        self.warmup + self.measured
    }
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A stage.
    Stage(Ask),
    /// Nothing: the search is over.
    Done(Ending),
}

/// Why a search is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Both ends of the bracket are near one another and confirmed.
    Confirmed,
    /// The lowest load that is tried broke.
    NoneHolds,
    /// The highest load that is tried held.
    HoldsToTheEnd,
    /// The client could not carry out a stage.
    Client,
    /// What the search may use is used up, in the words of its flag.
    Bound(String),
    /// Stages contradict one another again and again.
    Unsettled,
}

/// An end of the bracket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    /// Its load.
    pub load: f64,
    /// Whether a long stage says so.
    pub confirmed: bool,
    /// Whether that is beyond chance.
    pub sure: bool,
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search {
    terms: Terms,
    stages: Vec<Stage>,
    /// Loads that held, and no later stage says otherwise.
    held: Vec<End>,
    /// Loads that broke, likewise.
    broke: Vec<End>,
}

impl Search {
    /// A search of which nothing is done.
    pub fn new(terms: Terms) -> Search {
        Search { terms, stages: Vec::new(), held: Vec::new(), broke: Vec::new() }
    }

    /// How it searches.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The stages so far.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The ends of the bracket: the highest load that held, and the lowest above it that did not.
    pub fn bracket(&self) -> (Option<End>, Option<End>) {
        let by_load = |a: &&End, b: &&End| a.load.total_cmp(&b.load);
        (self.held.iter().max_by(by_load).copied(), self.broke.iter().min_by(by_load).copied())
    }

    /// Whether a stage counts as broken in the end though it was doubtful: it was tried often enough.
    fn tried_out(&self) -> bool {
        let last = self.stages.last().map_or(0.0, |stage| stage.load);
        let again = |stage: &&Stage| stage.verdict == Verdict::Untrusted && same(stage.load, last);
        self.stages.iter().rev().take_while(again).count() >= TRIES
    }

    /// Adds what a stage left behind.
    pub fn record(&mut self, stage: Stage) {
        let end = End { load: stage.load, confirmed: stage.confirms, sure: stage.is_sure() };
        let (verdict, invalid) = (stage.verdict, stage.is_invalid());
        self.stages.push(stage);
        match verdict {
            Verdict::Held => self.hold(end),
            Verdict::Broke => self.breaks(end),
            Verdict::Untrusted if !invalid && self.tried_out() => self.breaks(end),
            Verdict::Untrusted => {}
        }
    }

    fn hold(&mut self, end: End) {
        self.broke.retain(|broke| broke.load > end.load && !same(broke.load, end.load));
        self.held.retain(|held| !same(held.load, end.load));
        self.held.push(end);
    }

    fn breaks(&mut self, end: End) {
        self.held.retain(|held| held.load < end.load && !same(held.load, end.load));
        self.broke.retain(|broke| !same(broke.load, end.load));
        self.broke.push(end);
    }

    /// What comes next.
    pub fn next(&self) -> Step {
        if self.stages.len() >= MOST_STAGES {
            return Step::Done(Ending::Unsettled);
        }
        let (load, confirms) = match self.wanted() {
            Ok(wanted) => wanted,
            Err(ending) => return Step::Done(ending),
        };
        let ask = self.ask(load, confirms);
        match self.exceeded(&ask) {
            Some(bound) => Step::Done(Ending::Bound(bound)),
            None => Step::Stage(ask),
        }
    }

    /// The load of the next stage and whether it confirms, or why there is none.
    fn wanted(&self) -> Result<(f64, bool), Ending> {
        // A doubtful stage above the lowest broken load needs no retry.
        let open = |stage: &&Stage| self.bracket().1.is_none_or(|high| stage.load <= high.load);
        if let Some(last) = self.stages.last().filter(|stage| stage.verdict == Verdict::Untrusted).filter(open) {
            if !self.tried_out() {
                return Ok((last.load, last.confirms));
            }
            if last.is_invalid() {
                return Err(Ending::Client);
            }
        }
        match self.bracket() {
            (None, None) => Ok((self.terms.from, false)),
            (None, Some(high)) => self.below(high).map(|load| (load, false)).ok_or(Ending::NoneHolds),
            (Some(low), None) if low.load >= self.terms.to => {
                if low.confirmed {
                    Err(Ending::HoldsToTheEnd)
                } else {
                    Ok((low.load, true))
                }
            }
            (Some(low), None) => Ok((self.above(low), false)),
            (Some(low), Some(high)) => match self.between(low.load, high.load) {
                Some(load) => Ok((load, false)),
                None if !low.confirmed => Ok((low.load, true)),
                None if !high.confirmed => Ok((high.load, true)),
                None => self.far(high).map(|load| (load, false)).ok_or(Ending::Confirmed),
            },
        }
    }

    /// A load between both, unless they are near enough.
    fn between(&self, low: f64, high: f64) -> Option<f64> {
        if self.terms.slots {
            let middle = (low * high).sqrt().round().min(high - 1.0).max(low + 1.0);
            return (high - low > 1.0 && high > low * (1.0 + self.terms.precision)).then_some(middle);
        }
        (high > low * (1.0 + self.terms.precision)).then(|| rounded((low * high).sqrt(), self.terms.precision))
    }

    /// Where none has broken: double it; but by less where a long stage held what a short one had broken.
    fn above(&self, low: End) -> f64 {
        let growth = if low.confirmed { GROWTH.sqrt() } else { GROWTH };
        let load = low.load * growth;
        let load = if self.terms.slots { load.round().max(low.load + 1.0) } else { load };
        load.min(self.terms.to)
    }

    fn below(&self, high: End) -> Option<f64> {
        let load = if self.terms.slots { (high.load / GROWTH).floor() } else { high.load / GROWTH };
        // Less than two requests in a stage are no load.
        let least = if self.terms.slots { 1.0 } else { 2.0 / self.terms.lasting[0].as_secs_f64() };
        (load >= least.max(self.terms.from / DOWN).min(self.terms.from)).then_some(load)
    }

    /// Where refusals broke it: a load far beyond, unless there was one. It tells a quota from a server that is full.
    fn far(&self, high: End) -> Option<f64> {
        let refused = |stage: &Stage| same(stage.load, high.load) && stage.rate_limited > REFUSES;
        let seen = self.stages.iter().any(|stage| stage.load >= FAR * high.load);
        let load = (high.load * GROWTH).min(self.terms.to);
        (!seen && self.stages.iter().any(refused) && load >= FAR * high.load).then_some(load)
    }

    fn ask(&self, load: f64, confirms: bool) -> Ask {
        let kind = usize::from(confirms);
        let lasting = self.terms.lasting[kind];
        let rate = if self.terms.slots { self.rate_of(load) } else { Some(load) };
        let needed = rate.map_or(Duration::ZERO, |rate| {
            Duration::try_from_secs_f64(self.terms.needed[kind] / rate.max(1e-6)).unwrap_or(Duration::MAX)
        });
        let settles = self.response_time().map(|response| response.mul_f64(SETTLES));
        Ask {
            number: self.stages.len(),
            load,
            warmup: settles.unwrap_or_default().max(self.terms.warmup).min(LONGEST_WARMUP),
            measured: whole(needed.clamp(lasting, lasting * LONGER[kind])),
            confirms,
            settled: settles.is_some(),
        }
    }

    /// A run that verifies a load over a time: it warms up as a stage does, and its number is none of a stage's.
    pub fn verifying(&self, load: f64, measured: Duration, nth: usize) -> Ask {
        Ask { number: MOST_STAGES + nth, measured, ..self.ask(load, true) }
    }

    /// What so many slots may achieve, by the stage before.
    fn rate_of(&self, slots: f64) -> Option<f64> {
        let last = self.stages.iter().rev().find(|stage| stage.achieved_per_s > 0.0)?;
        Some(last.achieved_per_s * (slots / last.load).min(1.0))
    }

    /// How long replies take at the highest load that held, or at all.
    fn response_time(&self) -> Option<Duration> {
        let held = self.stages.iter().filter(|stage| stage.verdict == Verdict::Held);
        answers_within(held.max_by(|a, b| a.load.total_cmp(&b.load)).or(self.stages.last())?)
    }

    /// Within what time an endpoint at rest answers a request, as far as is known: p95 at the lowest load that held.
    pub fn at_rest_within(&self) -> Option<Duration> {
        let held = self.stages.iter().filter(|stage| stage.verdict == Verdict::Held);
        answers_within(held.min_by(|a, b| a.load.total_cmp(&b.load))?)
    }

    /// What the search has used, and would have with one more stage: the flag of the bound that is then exceeded.
    fn exceeded(&self, ask: &Ask) -> Option<String> {
        let spent = self.spent();
        let rate = if self.terms.slots { self.rate_of(ask.load).unwrap_or(0.0) } else { ask.load };
        let requests = spent.requests + rate * ask.length().as_secs_f64();
        let share = if spent.requests > 0.0 { requests / spent.requests } else { 1.0 };
        let time = spent.time + ask.length() + self.terms.cooldown;
        let limits = &self.terms.limits;
        if let Some(limit) = limits.time.filter(|limit| time > *limit) {
            return Some(format!("--max-time {}", humantime::format_duration(limit)));
        }
        if let Some(limit) = limits.requests.filter(|limit| requests > *limit as f64) {
            return Some(format!("--max-requests {limit}"));
        }
        let tokens = (spent.input_tokens + spent.output_tokens) * share;
        if let Some(limit) = limits.tokens.filter(|limit| tokens > *limit as f64) {
            return Some(format!("--max-tokens {limit}"));
        }
        let cost = self.terms.price.of(spent.input_tokens, spent.output_tokens) * share;
        self.terms.cost.filter(|limit| cost > *limit).map(|limit| format!("--max-cost {limit}"))
    }

    /// What the search has used.
    pub fn spent(&self) -> Spent {
        let mut spent = Spent::default();
        for stage in &self.stages {
            spent.time += Duration::from_secs_f64(stage.took_s);
            spent.requests += stage.requests as f64;
            spent.input_tokens += stage.input_tokens;
            spent.output_tokens += stage.output_tokens;
        }
        spent
    }
}

/// What a search has used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Time, pauses included.
    pub time: Duration,
    /// Requests.
    pub requests: f64,
    /// Prompt tokens.
    pub input_tokens: f64,
    /// Completion tokens.
    pub output_tokens: f64,
}

/// Within what time nearly all replies came that were ok (p95).
fn answers_within(stage: &Stage) -> Option<Duration> {
    Some(Duration::from_secs_f64(stage.response_time_ok_us.p95? / 1e6))
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// The length of a stage in which a goal of windows of time finds a whole one: they begin at whole seconds.
fn window_of(goal: &Goal) -> Option<Duration> {
    match goal.part {
        Part::Every(seconds) => Some(Duration::from_secs(seconds + 1)),
        Part::Whole | Part::Case(_) => None,
    }
}

/// To whole tenths of a second, upwards, so that a report can say it.
fn whole(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis().div_ceil(100)).unwrap_or(u64::MAX / 100) * 100)
}

/// To as many digits as the precision is worth, so that a report can say it.
pub(super) fn rounded(load: f64, precision: f64) -> f64 {
    let digits = -(load * precision / 5.0).log10().floor();
    // Divided by a whole power of ten, a number is the nearest to what it is printed as; multiplied by a fraction, not.
    let power = 10_f64.powf(digits.abs());
    if digits > 0.0 { (load * power).round() / power } else { (load / power).round() * power }
}
