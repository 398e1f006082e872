//! The search for capacity in virtual time: what it finds, against a truth that is worked out another way.
//!
//! The truth plays the same endpoint for far longer than any stage, reads the goals from sorted samples and not from a
//! summary, and halves the rate until it is known to a percent. Its requests come at the rate that is meant to the
//! letter, since chance in their number alone would make it wrong by that.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "counts and ranks are small, and the tables of what was found are worth reading"
)]

mod hostile;
mod sockets;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use proofload::capacity::answer::{Answer, Limit};
use proofload::capacity::search::{Ending, Search, Step, Terms};
use proofload::capacity::stage::{Goals, OfCase};
use proofload::plan::goal::{Goal, Measure, Metric, Scalar, Statistic};
use proofload::plan::schedule::Spacing;
use proofload::plan::{Limits, Plan};
use proofload::reference::capacity::Work;

use crate::harness::plan;
use world::{Fate, World};

/// A set of parameters with its goals; `cases` has the goals of single cases.
struct Set {
    name: &'static str,
    world: World,
    goals: &'static [&'static str],
    cases: &'static [(usize, &'static str)],
    from: f64,
    /// What must be named as the limit.
    limit: Limit,
}

fn world(capacity: &str, prompt: u64, output: u64) -> World {
    World {
        capacity: capacity.parse().expect(capacity),
        mix: vec![(Work { prompt, output }, 1.0)],
        varies: 0.0,
        spacing: Spacing::Poisson,
        quota: None,
        fails: 0.0,
        noise: 0.0,
        wrong_above: None,
    }
}

fn set(name: &'static str, goals: &'static [&'static str], from: f64, world: World) -> Set {
    Set { name, world, goals, cases: &[], from, limit: Limit::Hardware }
}

const FAST: &[&str] = &["first_token.p95 < 500ms", "error_rate < 1%"];

fn sets() -> Vec<Set> {
    let slots = || world("concurrency=16,step=20ms+0.5ms,prefill=100000/s", 50, 40);
    let mix = vec![(Work { prompt: 50, output: 20 }, 3.0), (Work { prompt: 1500, output: 60 }, 1.0)];
    vec![
        set("slots, even", FAST, 2.0, World { spacing: Spacing::Even, ..world("concurrency=16,step=20ms", 50, 40) }),
        set("slots", FAST, 2.0, slots()),
        set("slots, lengths vary", FAST, 2.0, World { varies: 0.6, ..slots() }),
        set("slots, bursts", FAST, 2.0, World { spacing: Spacing::Gamma { shape: 0.5 }, ..slots() }),
        set("prefill", FAST, 1.0, world("concurrency=64,step=5ms+0.1ms,prefill=8000/s", 1500, 20)),
        set("memory", FAST, 2.0, world("concurrency=64,step=20ms+0.5ms,prefill=100000/s,kv=8192", 900, 60)),
        set(
            "memory, refusing",
            FAST,
            1.0,
            world("concurrency=64,step=20ms,prefill=100000/s,kv=20000,full=429", 900, 60),
        ),
        set("queue, refusing", FAST, 1.0, world("concurrency=16,step=20ms,queue=8", 50, 40)),
        Set { limit: Limit::Quota, ..set("quota", FAST, 1.0, World { quota: Some(12.0), ..slots() }) },
        set("flaky", FAST, 2.0, World { fails: 0.003, ..slots() }),
        set("noisy", FAST, 2.0, World { noise: 0.5, ..slots() }),
        set(
            "wrong under load",
            &["violation_rate < 1%", "first_token.p95 < 2s"],
            2.0,
            World { wrong_above: Some(12), ..world("concurrency=64,step=10ms", 50, 50) },
        ),
        set("gaps", &["token_gap.p99 < 30ms", "error_rate < 1%"], 2.0, world("concurrency=64,step=10ms+1ms", 50, 30)),
        set("whole replies", &["response_time.p95 < 1500ms"], 2.0, world("concurrency=32,step=15ms+1ms", 50, 40)),
        Set {
            cases: &[(0, "first_token.p95 < 300ms"), (1, "response_time.p95 < 4s")],
            ..set("a mix", &["error_rate < 1%"], 1.0, World { mix, ..slots() })
        },
    ]
}

fn goals_of(set: &Set) -> Goals {
    let read = |text: &&str| Goal::parse(text).expect(text);
    let all: f64 = set.world.mix.iter().map(|(_, share)| share).sum();
    let of_case = |(place, text): &(usize, &str)| OfCase {
        place: *place,
        name: format!("case-{place}"),
        share: set.world.mix[*place].1 / all,
        goals: vec![read(text)],
    };
    Goals { whole: set.goals.iter().map(read).collect(), cases: set.cases.iter().map(of_case).collect() }
}

fn terms(goals: &Goals, from: f64) -> Terms {
    let search = proofload::plan::capacity::SearchTerms {
        from: Some(from),
        to: 100_000.0,
        precision: 0.05,
        stage: Duration::from_secs(20),
        confirm: Duration::from_secs(300),
        cooldown: Duration::from_secs(1),
        goals: BTreeMap::new(),
        limits: Limits::default(),
        cost: None,
        price: proofload::plan::capacity::TokenPrice::default(),
    };
    Terms::new(&search, goals, from, false, Duration::from_secs(2))
}

fn empty_plan() -> Arc<Plan> {
    Arc::new(plan(
        "[target]\nurl = \"builtin\"\n[load.open]\nrate = 1\nduration = \"1s\"\n[[case]]\nmessages = [{ role = \"user\", content = \"{{unique}} a\" }]\n",
    ))
}

/// Plays a search to its end.
fn find(set: &Set, plan: &Arc<Plan>, seed: u64) -> (Search, Ending) {
    let goals = goals_of(set);
    let mut search = Search::new(terms(&goals, set.from));
    loop {
        match search.next() {
            Step::Stage(ask) => {
                let stage = set.world.stage(plan, &ask, &goals, seed * 1000 + ask.number as u64);
                search.record(stage);
            }
            Step::Done(ending) => return (search, ending),
        }
    }
}

/// Requests of the truth: at least four times those of the longest stages at the same rate.
const LONG_RUN: f64 = 40_000.0;

/// Whether the goals hold at a rate in the long run.
fn holds(set: &Set, rate: f64) -> bool {
    let (warmup, seconds) = (20.0, 20.0 + LONG_RUN / rate);
    let mut dues = set.world.dues(rate, seconds, 77);
    let stretch = dues.len() as f64 / (rate * seconds);
    for due in &mut dues {
        *due *= stretch;
    }
    // An endpoint that falls behind by thousands does so for ever.
    let mut hopeless = false;
    let fates = set.world.play(&dues, 78, |_, in_flight| {
        hopeless |= in_flight > 3000;
        hopeless
    });
    let measured: Vec<&Fate> = fates.iter().filter(|fate| fate.due >= warmup).collect();
    let goals = goals_of(set);
    let whole = goals.whole.iter().all(|goal| keeps(goal, &measured));
    let cases = goals.cases.iter().all(|case| {
        let own: Vec<&Fate> = measured.iter().copied().filter(|fate| fate.case == case.place).collect();
        case.goals.iter().all(|goal| keeps(goal, &own))
    });
    !hopeless && whole && cases
}

fn keeps(goal: &Goal, fates: &[&Fate]) -> bool {
    let value = match goal.metric {
        Metric::Timing(measure, _, Statistic::Percentile(p)) => {
            let mut samples: Vec<f64> = fates.iter().flat_map(|fate| samples(measure, fate)).collect();
            samples.sort_by(f64::total_cmp);
            if samples.is_empty() {
                return false;
            }
            samples[((p / 100.0 * samples.len() as f64).ceil() as usize - 1).min(samples.len() - 1)] * 1e6
        }
        Metric::Scalar(Scalar::ErrorRate) => share(fates, |fate| fate.tokens.is_none()),
        Metric::Scalar(Scalar::ViolationRate) => share(fates, |fate| fate.wrong),
        other @ (Metric::Timing(..) | Metric::Scalar(_) | Metric::Check(..)) => {
            panic!("{other:?} is no goal of these sets")
        }
    };
    goal.op.holds(value, goal.value)
}

fn samples(measure: Measure, fate: &Fate) -> Vec<f64> {
    match (&fate.tokens, measure) {
        (None, _) => vec![f64::INFINITY],
        (Some(tokens), Measure::FirstToken) => vec![tokens[0]],
        (Some(tokens), Measure::ResponseTime) => vec![tokens[tokens.len() - 1]],
        (Some(tokens), _) => tokens.windows(2).map(|pair| pair[1] - pair[0]).collect(),
    }
}

fn share(fates: &[&Fate], of: impl Fn(&Fate) -> bool) -> f64 {
    fates.iter().filter(|fate| of(fate)).count() as f64 / fates.len() as f64
}

/// The highest rate at which the goals hold in the long run, to a percent.
fn truth(set: &Set) -> f64 {
    let (mut low, mut high) = (0.0, set.from);
    while holds(set, high) {
        (low, high) = (high, high * 2.0);
    }
    while high > low * 1.01 {
        let middle = f64::midpoint(low, high);
        if holds(set, middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The most requests that a search may take.
const MOST_REQUESTS: f64 = 60_000.0;

const HEAD: &str =
    "set                       truth    found          interval    off stages  requests  limit, what breaks\n";

/// The table, and what is wrong with it: every set is searched once with each seed.
fn table(seeds: Range<u64>) -> (String, Vec<String>) {
    let (sets, plan) = (sets(), empty_plan());
    let rows = |set: &Set| {
        let truth = truth(set);
        seeds.clone().map(|seed| row(set, truth, &plan, seed)).collect::<Vec<_>>()
    };
    let rows: Vec<(String, Option<String>)> = std::thread::scope(|scope| {
        let sets: Vec<_> = sets.iter().map(|set| scope.spawn(move || rows(set))).collect();
        sets.into_iter().flat_map(|set| set.join().expect("rows")).collect()
    });
    let (rows, faults): (Vec<String>, Vec<Option<String>>) = rows.into_iter().unzip();
    (HEAD.to_owned() + &rows.concat(), faults.into_iter().flatten().collect())
}

#[test]
fn the_search_finds_what_a_long_simulation_says() {
    let (table, faults) = table(1..2);
    println!("{table}");
    assert!(faults.is_empty(), "{table}\n{faults:#?}");
}

#[test]
#[ignore = "takes eight times as long as one seed; `cargo test --test it -- --ignored --nocapture eight_seeds`"]
fn of_eight_seeds_nine_in_ten_find_it() {
    // The search was made on the seeds from 1 to 8.
    let (table, faults) = table(11..19);
    let searches = table.lines().count() - 1;
    println!("{table}{} of {searches} hold", searches - faults.len());
    assert!(faults.len() * 10 <= searches, "{faults:#?}");
}

/// A row of the table, and what is wrong with it.
fn row(set: &Set, truth: f64, plan: &Arc<Plan>, seed: u64) -> (String, Option<String>) {
    let (search, ending) = find(set, plan, seed);
    let answer = Answer::of(&search, Some(&ending));
    let [rate, low, high] = [answer.rate_per_s, answer.low, answer.high].map(Option::unwrap_or_default);
    let (off, spent) = (rate / truth - 1.0, search.spent());
    let near = off.abs() <= 0.05 || (low <= truth && truth <= high);
    let narrow = high - low <= 0.2 * rate && low <= rate && rate <= high;
    let ended = ending == Ending::Confirmed && spent.requests <= MOST_REQUESTS && answer.limit == set.limit;
    let holds = near && narrow && ended;
    let row = format!(
        "{:22} {truth:8.2} {rate:8.2} {low:8.2}-{high:8.2} {:5.1}% {:6} {:9}  {:?}, {}{}\n",
        set.name,
        off * 100.0,
        search.stages().len(),
        spent.requests,
        answer.limit,
        answer.breaks_first.first().map_or("", String::as_str),
        if holds { "" } else { " <- wrong" }
    );
    (row, (!holds).then(|| format!("{} with seed {seed}: {ending:?}, {answer:?}", set.name)))
}
