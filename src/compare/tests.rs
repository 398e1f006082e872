//! Comparisons of summaries made by hand: no sockets.

use std::sync::LazyLock;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal};
use rand_pcg::Pcg64;

use super::*;
use crate::profile::flags::Flags;
use crate::profile::load::World;
use crate::summary::Summary;

/// How a made-up endpoint behaves.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    /// Median response time, in microseconds.
    pub(crate) median_us: f64,
    /// Spread between the runs, as the standard deviation of a logarithm.
    pub(crate) between: f64,
    /// The same within a run.
    pub(crate) within: f64,
    /// Share of requests that fail.
    pub(crate) errors: f64,
}

pub(crate) const STEADY: Endpoint = Endpoint { median_us: 100_000.0, between: 0.01, within: 0.05, errors: 0.0 };

fn flags() -> Flags {
    Flags { url: Some("http://127.0.0.1:9/v1".to_owned()), model: Some("m".to_owned()), ..Flags::default() }
}

fn empty(flags: &Flags, started: u64) -> Summary {
    let world = World { env: &|_| None, today: "2026-11-22".to_owned() };
    let plan = crate::profile::load("smoke", flags, &world).expect("a preset").plan(started);
    Summary::new(&plan, started)
}

/// The plan of every run that is made up.
static EMPTY: LazyLock<Summary> = LazyLock::new(|| empty(&flags(), 0));

/// A run of 60 requests.
fn run(endpoint: Endpoint, started: u64, generator: &mut Pcg64) -> Summary {
    let mut run = EMPTY.clone();
    (run.meta.started_unix_ms, run.meta.seed) = (started, started);
    let luck = LogNormal::new(0.0, endpoint.between).expect("parameters").sample(generator);
    let times = LogNormal::new((endpoint.median_us * luck).ln(), endpoint.within).expect("parameters");
    let [mut ok, mut failed] = [0, 0];
    for _ in 0..60 {
        let populations = run.timings.entry("response_time".to_owned()).or_default();
        if generator.random::<f64>() < endpoint.errors {
            failed += 1;
            populations.infinite += 1;
        } else {
            ok += 1;
            populations.ok.record(Duration::from_secs_f64(times.sample(generator) / 1e6));
        }
    }
    run.outcomes.insert("ok".to_owned(), ok);
    run.outcomes.insert("server_error".to_owned(), failed);
    run.counts.good = ok;
    run.counts.completed_in_window = ok + failed;
    run.counts.status_200 = ok;
    (run.counts.answered, run.counts.asserted, run.counts.sent_in_time) = (60, 60, 60);
    run.ending.window_us = 6_000_000;
    run
}

pub(crate) fn side(name: &str, endpoint: Endpoint, runs: u64, seed: u64) -> Side {
    let mut generator = Pcg64::seed_from_u64(seed);
    Side::new(name, (0..runs).map(|number| run(endpoint, seed * 1000 + number, &mut generator)).collect())
}

fn held(base: &Side, new: &Side) -> Change {
    let mut comparison = compare(base, std::slice::from_ref(new), &Terms::default()).expect("they belong together");
    comparison.new.remove(0)
}

fn verdict(change: &Change, name: &str) -> Verdict {
    change.figures.iter().find(|figure| figure.name == name).expect(name).verdict
}

#[test]
fn equal_systems_are_called_different_no_more_often_than_stated() {
    let terms = Terms { noise: 0.0, ..Terms::default() };
    let alarms = |endpoint: Endpoint| {
        let alarmed = (0..200).filter(|draw| {
            let (base, new) = (side("a", endpoint, 5, 2 * draw + 1), side("b", endpoint, 5, 2 * draw + 2));
            let comparison = compare(&base, &[new], &terms).expect("they belong together");
            comparison.new[0].count(Verdict::Worse) + comparison.new[0].count(Verdict::Better) > 0
        });
        alarmed.count()
    };
    // 5 % of 200 are 10, with a standard deviation of 3.
    for endpoint in [STEADY, Endpoint { between: 0.2, within: 0.5, ..STEADY }, Endpoint { errors: 0.05, ..STEADY }] {
        let alarmed = alarms(endpoint);
        assert!(alarmed <= 19, "{alarmed} of 200");
    }
}

#[test]
fn a_tenth_slower_is_found_and_is_beyond_the_bound() {
    let slower = Endpoint { median_us: 110_000.0, ..STEADY };
    let found = (0..50).filter(|draw| {
        let change = held(&side("a", STEADY, 5, 2 * draw + 1), &side("b", slower, 5, 2 * draw + 2));
        change.regressions.contains(&"response_time.p50".to_owned())
    });
    let found = found.count();
    assert!(found >= 45, "{found} of 50");
}

#[test]
fn single_runs_tell_nothing_and_say_what_to_do() {
    let change = held(&side("a", STEADY, 1, 1), &side("b", Endpoint { median_us: 2e5, ..STEADY }, 1, 2));
    assert!(change.figures.iter().all(|figure| figure.verdict == Verdict::CannotTell && figure.low.is_none()));
    assert!(change.figures[0].change.is_some_and(|change| change > 0.5) && change.regressions.is_empty());
    assert!(change.notes[0].contains("--repeat 5"), "{:?}", change.notes);
}

#[test]
fn runs_made_in_turn_are_compared_in_pairs_and_drift_cancels() {
    let mut generator = Pcg64::seed_from_u64(3);
    // The machine gets three times slower while the runs are made, and the new side is a fifth slower throughout.
    let at = |step: f64, factor: f64| Endpoint { median_us: 1e5 * (1.0 + step) * factor, ..STEADY };
    let (mut base, mut new) = (Vec::new(), Vec::new());
    for pair in 0..6_u32 {
        let step = f64::from(pair) * 0.4;
        let started = u64::from(pair) * 10;
        let (first, second) = if pair % 2 == 0 { (0, 1) } else { (1, 0) };
        base.push(run(at(step, 1.0), started + first, &mut generator));
        new.push(run(at(step, 1.2), started + second, &mut generator));
    }
    let change = held(&Side::new("base", base), &Side::new("new", new));
    assert!(change.in_turn);
    assert_eq!(verdict(&change, "response_time.p50"), Verdict::Worse, "{:?}", change.figures);
    assert!(!held(&side("a", STEADY, 5, 1), &side("b", STEADY, 5, 2)).in_turn, "one behind the other");
}

#[test]
fn errors_that_come_up_are_worse_and_a_few_by_chance_are_not() {
    let change = held(&side("a", STEADY, 5, 1), &side("b", Endpoint { errors: 0.2, ..STEADY }, 5, 2));
    assert_eq!(verdict(&change, "error_rate"), Verdict::Worse);
    assert!(change.regressions.contains(&"error_rate".to_owned()));
    assert_eq!(verdict(&held(&side("a", STEADY, 5, 1), &side("b", STEADY, 5, 2)), "error_rate"), Verdict::Same);
    let mut lucky = side("b", STEADY, 5, 2);
    for run in &mut lucky.runs {
        run.outcomes.insert("ok".to_owned(), 59);
        run.outcomes.insert("server_error".to_owned(), 1);
    }
    lucky.runs.truncate(2);
    let change = held(&side("a", STEADY, 5, 1), &lucky);
    assert_eq!(verdict(&change, "error_rate"), Verdict::CannotTell, "two of 120 that happen to be one in each run");
}

#[test]
fn plans_that_differ_are_not_compared_unless_that_is_under_test() {
    let base = Side::new("base", vec![empty(&flags(), 1)]);
    let against = |flags: &Flags, under_test: &[&str]| {
        let under_test = under_test.iter().map(|key| (*key).to_owned()).collect();
        let new = Side::new("new", vec![empty(flags, 2)]);
        match compare(&base, &[new], &Terms { under_test, ..Terms::default() }) {
            Ok(_) => Vec::new(),
            Err(apart) => apart[0].1.iter().map(|difference| difference.key.clone()).collect::<Vec<String>>(),
        }
    };
    let elsewhere = Flags {
        url: Some("http://127.0.0.1:10/v1".to_owned()),
        model: Some("n".to_owned()),
        labels: vec![("engine".to_owned(), "b".to_owned())],
        ..flags()
    };
    assert_eq!(against(&elsewhere, &[]), [""; 0]);
    let shorter = Flags { set: vec![("case.0.max_tokens".to_owned(), "3".to_owned())], ..flags() };
    assert_eq!(against(&shorter, &[]), ["case.0.max_tokens"]);
    assert_eq!(against(&shorter, &["case"]), [""; 0]);
    assert_eq!(against(&shorter, &["case.0.max_token"]), ["case.0.max_tokens"], "a key is not a prefix of letters");
    let open = Flags { rate: Some(5.0), ..flags() };
    let closed = Flags { slots: Some(5), ..flags() };
    let kinds = [against(&open, &[]), against(&closed, &[])];
    assert!(kinds.iter().any(|keys| keys.contains(&"load".to_owned())), "{kinds:?}");
    assert_eq!((against(&open, &["load"]), against(&closed, &["all"])), (vec![], vec![]));
    let strict = Flags { dialect: Some("openai-strict".to_owned()), ..flags() };
    assert_eq!(against(&strict, &[]), ["dialect"]);
}

#[test]
fn warm_and_cold_caches_do_not_belong_together() {
    let (mut base, mut new) = (side("a", STEADY, 1, 1), side("b", STEADY, 1, 2));
    for side in [&mut base, &mut new] {
        side.runs[0].counts.prompt_millitokens = 1_000_000;
    }
    new.runs[0].counts.cached_millitokens = 300_000;
    let apart = compare(&base, &[new.clone()], &Terms::default()).expect_err("they differ");
    assert_eq!(apart[0].1[0].key, "caches");
    let terms = Terms { under_test: vec!["caches".to_owned()], ..Terms::default() };
    assert!(compare(&base, &[new], &terms).is_ok());
}

#[test]
fn what_cannot_be_believed_tells_nothing() {
    let mut new = side("b", Endpoint { median_us: 3e5, ..STEADY }, 5, 2);
    new.runs[1].counts.unjudged = 1;
    let change = held(&side("a", STEADY, 5, 1), &new);
    assert!(change.figures.iter().all(|figure| figure.verdict == Verdict::CannotTell));
    assert!(change.unbelievable[0].starts_with("b, run 2: "), "{:?}", change.unbelievable);
}

#[test]
fn rules_broken_on_one_side_only_are_told_and_a_known_one_is_no_regression() {
    let with = |name: &str, check: &str, must: u64, seed: u64| {
        let mut side = side(name, STEADY, 5, seed);
        for run in &mut side.runs {
            for id in ["usage-total-is-sum", "resp-created-plausible"] {
                run.checks.entry(id.to_owned()).or_default().pass = 50;
            }
            run.checks.entry(check.to_owned()).or_default().must = must;
        }
        side
    };
    let (base, mut new) = (with("a", "resp-created-plausible", 3, 1), with("b", "usage-total-is-sum", 2, 2));
    let change = held(&base, &new);
    let ids = |violations: &[Violation]| violations.iter().map(|v| (v.check.clone(), v.count)).collect::<Vec<_>>();
    assert_eq!(ids(&change.new_violations), [("usage-total-is-sum".to_owned(), 10)]);
    assert_eq!(ids(&change.fixed_violations), [("resp-created-plausible".to_owned(), 15)]);
    assert!(change.regressions.contains(&"usage-total-is-sum".to_owned()));
    new.runs[0].meta.known.insert("usage-total-is-sum".to_owned(), "ticket 7".to_owned());
    assert!(!held(&base, &new).regressions.contains(&"usage-total-is-sum".to_owned()));
}

/// A run of a minute, second by second, without repetitions.
fn minute(name: &str, median_us: f64, generator: &mut Pcg64) -> Side {
    let mut run = run(STEADY, generator.random_range(1..1_000_000), generator);
    run.timings.clear();
    let [mut ok, window] = [0, 60_000_000];
    (run.ending.window_us, run.counts.completed_in_window) = (window, 0);
    // What the seconds share: some are slow for all of their requests.
    let mood = LogNormal::new(0.0, 0.05).expect("parameters");
    for second in 0..60 {
        let slow = mood.sample(generator);
        let times = LogNormal::new((median_us * slow).ln(), 0.2).expect("parameters");
        let row = run.seconds.at(second * 1_000_000);
        for _ in 0..20 {
            let time = Duration::from_secs_f64(times.sample(generator) / 1e6);
            row.response_time.record(time);
            row.ok += 1;
            run.timings.entry("response_time".to_owned()).or_default().ok.record(time);
            ok += 1;
        }
    }
    run.outcomes.insert("ok".to_owned(), ok);
    (run.counts.completed_in_window, run.counts.good, run.counts.status_200) = (ok, ok, ok);
    Side::new(name, vec![run])
}

#[test]
fn a_long_single_run_is_compared_by_blocks_of_its_time() {
    let mut generator = Pcg64::seed_from_u64(9);
    let terms = Terms { noise: 0.0, ..Terms::default() };
    let mut alarms = 0;
    for _ in 0..60 {
        let sides = [minute("a", 1e5, &mut generator), minute("b", 1e5, &mut generator)];
        let comparison = compare(&sides[0], &sides[1..], &terms).expect("they belong together");
        let change = &comparison.new[0];
        assert!(change.figures.iter().any(|figure| figure.name == "response_time.p50" && figure.low.is_some()));
        alarms += u32::from(change.count(Verdict::Worse) + change.count(Verdict::Better) > 0);
    }
    // 5 % of 60 are 3, with a standard deviation of 1.7.
    assert!(alarms <= 8, "{alarms} of 60");
    let change = held(&minute("a", 1e5, &mut generator), &minute("b", 1.2e5, &mut generator));
    assert_eq!(verdict(&change, "response_time.p50"), Verdict::Worse, "{:?}", change.figures);
    assert!(change.notes[0].contains("make several"), "{:?}", change.notes);
}
