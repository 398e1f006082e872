//! Comparisons of summaries made by hand: no sockets.

use std::sync::LazyLock;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, LogNormal};
use rand_pcg::Pcg64;

use super::side::Side;
use super::violations::Violation;
use super::*;
use crate::profile::flags::Flags;
use crate::profile::load::World;
use crate::summary::Summary;

mod rates;

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
    let world = World { env: &|_| None, today: "2026-11-22".to_owned(), salt: 1 };
    let plan = crate::profile::load("smoke", flags, &world).expect("a preset").plan(started);
    Summary::new(&plan, started)
}

/// The plan of every run that is made up.
static EMPTY: LazyLock<Summary> = LazyLock::new(|| empty(&flags(), 0));

/// A run of 60 requests.
fn run(endpoint: Endpoint, started: u64, generator: &mut Pcg64) -> Summary {
    let mut run = EMPTY.clone();
    (run.meta.started_unix_ms, run.meta.seed, run.meta.salt) = (started, started, Some(started));
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

/// One side against another.
fn against(base: &Side, new: &Side) -> Change {
    let mut comparison = compare(base, std::slice::from_ref(new), &Terms::default()).expect("they belong together");
    comparison.new.remove(0)
}

fn figure<'c>(change: &'c Change, name: &str) -> &'c Figure {
    change.figures.iter().find(|figure| figure.name == name).expect(name)
}

fn verdict(change: &Change, name: &str) -> Option<Verdict> {
    figure(change, name).verdict
}

fn slower(factor: f64) -> Endpoint {
    Endpoint { median_us: STEADY.median_us * factor, ..STEADY }
}

#[test]
fn at_most_six_figures_decide_and_the_others_are_shown_without_a_verdict() {
    let deciding: Vec<String> = quantity::ALL.iter().filter(|q| q.decides).map(|q| q.name()).collect();
    let six =
        ["first_token.p50", "token_gap.p50", "response_time.p50", "requests_per_s", "error_rate", "violation_rate"];
    assert_eq!(deciding, six);
    let change = against(&side("a", STEADY, 5, 1), &side("b", slower(2.0), 5, 2));
    for figure in &change.figures {
        assert_eq!(figure.verdict.is_some(), figure.decides, "{figure:?}");
        assert!(figure.change.is_some() && figure.low.is_some(), "{figure:?}");
    }
    // Rates and shares are the same in all of these runs, and take nothing of the 5 %.
    assert!((change.confidence_each - 0.95).abs() < 1e-9, "{}", change.confidence_each);
    let change = against(&side("a", STEADY, 5, 1), &side("b", Endpoint { errors: 0.1, ..STEADY }, 5, 2));
    assert!((change.confidence_each - 0.975).abs() < 1e-9, "{}", change.confidence_each);
}

#[test]
fn one_run_against_one_gets_no_verdict_and_says_what_to_do() {
    let change = against(&side("a", STEADY, 1, 1), &side("b", slower(2.0), 1, 2));
    assert_eq!((change.basis, change.conclusion), (Basis::OneRunEach, Conclusion::NoVerdict));
    assert!(change.figures.iter().all(|figure| figure.verdict.is_none() && figure.detectable.is_none()));
    assert!(change.figures[0].change.is_some_and(|change| change > 0.5) && change.regressions.is_empty());
    assert!(change.notes[0].contains("--repeat 5") && change.notes[0].contains("--base-runs"), "{:?}", change.notes);
    let change = against(&side("a", STEADY, 2, 1), &side("b", slower(2.0), 1, 2));
    assert_eq!((change.basis, change.conclusion), (Basis::TooFew, Conclusion::NoVerdict));
}

#[test]
fn one_run_is_compared_with_several_by_a_prediction_interval() {
    let base = side("base", STEADY, 8, 1);
    let same = against(&base, &side("new", STEADY, 1, 20));
    assert_eq!((same.basis, same.conclusion), (Basis::Prediction, Conclusion::CannotTell), "{:?}", same.figures);
    assert!(same.sight.as_ref().is_some_and(|sight| sight.detectable.is_some_and(|change| change < 0.15)), "{same:?}");
    let tolerant = Terms { max_regression: 0.1, ..Terms::default() };
    let same = compare(&base, &[side("new", STEADY, 1, 20)], &tolerant).expect("they belong together").new.remove(0);
    assert_eq!(verdict(&same, "response_time.p50"), Some(Verdict::Held), "{:?}", same.figures);
    assert_eq!(
        verdict(&same, "error_rate"),
        Some(Verdict::CannotTell),
        "no error of sixty rules out none in a hundred"
    );
    let worse = against(&base, &side("new", slower(1.2), 1, 20));
    assert_eq!(worse.conclusion, Conclusion::Worse, "{:?}", worse.figures);
    let [alone, several] =
        [figure(&same, "response_time.p50"), figure(&against(&base, &side("b", STEADY, 8, 2)), "response_time.p50")]
            .map(|figure| figure.high.expect("an end") - figure.low.expect("an end"));
    assert!(alone > 2.0 * several, "a single run is known less well: {alone} and {several}");
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
    let change = against(&Side::new("base", base), &Side::new("new", new));
    assert_eq!(change.basis, Basis::Pairs);
    assert_eq!(verdict(&change, "response_time.p50"), Some(Verdict::Worse), "{:?}", change.figures);
    assert!(!change.notes.iter().any(|note| note.contains("in turn")), "{:?}", change.notes);
    let one_behind_the_other = against(&side("a", STEADY, 5, 1), &side("b", STEADY, 5, 2));
    assert_eq!(one_behind_the_other.basis, Basis::Repetitions);
    assert!(one_behind_the_other.notes[0].contains("--against"), "{:?}", one_behind_the_other.notes);
}

#[test]
fn errors_that_come_up_are_worse_and_a_few_by_chance_are_not() {
    let change = against(&side("a", STEADY, 5, 1), &side("b", Endpoint { errors: 0.2, ..STEADY }, 5, 2));
    assert_eq!(verdict(&change, "error_rate"), Some(Verdict::Worse));
    assert!(change.regressions.contains(&"error_rate".to_owned()));
    let change = against(&side("a", STEADY, 5, 1), &side("b", STEADY, 5, 2));
    assert_eq!(verdict(&change, "error_rate"), Some(Verdict::Held), "none on either side");
    let mut lucky = side("b", STEADY, 5, 2);
    for run in &mut lucky.runs {
        run.outcomes.insert("ok".to_owned(), 59);
        run.outcomes.insert("server_error".to_owned(), 1);
    }
    lucky.runs.truncate(2);
    let change = against(&side("a", STEADY, 5, 1), &lucky);
    assert_eq!(
        verdict(&change, "error_rate"),
        Some(Verdict::CannotTell),
        "two of 120 that happen to be one in each run"
    );
}

#[test]
fn a_third_that_fails_is_found_by_one_run_against_three() {
    let failing = side("b", Endpoint { errors: 0.35, ..STEADY }, 1, 2);
    let change = against(&side("a", STEADY, 3, 1), &failing);
    assert_eq!(verdict(&change, "error_rate"), Some(Verdict::Worse), "{:?}", figure(&change, "error_rate"));
}

#[test]
fn runs_that_happen_to_agree_make_nothing_certain() {
    let counting = |name: &str, counts: &[u64], seed: u64| {
        let mut side = side(name, STEADY, counts.len() as u64, seed);
        for (run, count) in side.runs.iter_mut().zip(counts) {
            run.counts.completed_in_window = *count;
        }
        side
    };
    let change = against(&counting("base", &[12, 12, 12], 1), &counting("new", &[11], 2));
    let rate = figure(&change, "requests_per_s");
    assert_eq!(rate.verdict, Some(Verdict::CannotTell), "one request more or less is where the window ends: {rate:?}");
}

#[test]
fn what_cannot_be_told_says_what_could_have_been_found() {
    let rough = Endpoint { between: 0.08, ..STEADY };
    let change = against(&side("a", rough, 3, 1), &side("b", rough, 3, 2));
    assert_eq!(change.conclusion, Conclusion::CannotTell, "{:?}", change.figures);
    let sight = change.sight.expect("what could have been found");
    assert_eq!(sight.figure, "response_time.p50");
    let (detectable, repetitions) = (sight.detectable.expect("known"), sight.repetitions.expect("known"));
    assert!((0.15..0.8).contains(&detectable) && (4..60).contains(&repetitions), "{detectable} {repetitions}");
    assert_eq!(sight.target, Some(0.1));
    let change = against(&side("a", STEADY, 5, 1), &side("b", STEADY, 5, 2));
    assert_eq!((change.conclusion, change.sight), (Conclusion::Held, None), "{:?}", change.figures);
}

#[test]
fn an_interval_beyond_tenfold_has_no_ends() {
    let wild = Endpoint { between: 2.0, ..STEADY };
    let change = against(&side("a", wild, 3, 1), &side("b", wild, 3, 2));
    let median = figure(&change, "response_time.p50");
    assert!(median.unbounded && median.low.is_none() && median.high.is_none(), "{median:?}");
    assert!(median.change.is_some() && median.detectable.is_some_and(|detectable| detectable > 9.0), "{median:?}");
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
    let closed = Flags { concurrency: Some(5), ..flags() };
    assert!(against(&open, &[]).contains(&"load".to_owned()), "an open loop against a closed one");
    assert_eq!((against(&open, &["load"]), against(&closed, &["all"])), (vec![], vec![]));
    let strict = Flags { dialect: Some("openai-strict".to_owned()), ..flags() };
    assert_eq!(against(&strict, &[]), ["dialect"]);
}

#[test]
fn the_kind_of_load_is_compared_and_not_its_words() {
    let base = side("a", STEADY, 3, 1);
    let mut other_words = side("b", STEADY, 3, 2);
    other_words.runs.iter_mut().for_each(|run| run.meta.load = "a closed loop of other words".to_owned());
    assert!(compare(&base, &[other_words.clone()], &Terms::default()).is_ok());
    other_words.runs.iter_mut().for_each(|run| run.meta.loads = vec![crate::summary::LoadKind::Open]);
    let apart = compare(&base, &[other_words], &Terms::default()).expect_err("they differ");
    assert_eq!((apart[0].1[0].key.as_str(), apart[0].1[0].new.as_deref()), ("load", Some("open loop")));
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
fn what_cannot_be_believed_tells_nothing_and_a_doubt_is_named() {
    let mut new = side("b", slower(3.0), 5, 2);
    new.runs[1].counts.unjudged = 1;
    let change = against(&side("a", STEADY, 5, 1), &new);
    assert!(change.figures.iter().all(|figure| figure.verdict.is_none()));
    assert_eq!(change.conclusion, Conclusion::Invalid);
    assert!(change.unbelievable[0].starts_with("b, run 2: "), "{:?}", change.unbelievable);
    let mut doubtful = side("b", STEADY, 5, 2);
    doubtful.runs[3].health.throttled_periods = Some(7);
    let change = against(&side("a", STEADY, 5, 1), &doubtful);
    assert_eq!(change.doubts.len(), 1);
    assert!(change.doubts[0].starts_with("b, 1 of 5 runs: ") && change.doubts[0].contains("throttled"), "{change:?}");
}

#[test]
fn the_same_text_sent_twice_is_named_and_an_equal_seed_is_not() {
    let (base, mut new) = (side("a", STEADY, 3, 1), side("b", STEADY, 3, 2));
    let names = |new: &Side| against(&base, new).notes.iter().any(|note| note.contains("same seed and salt"));
    new.runs[0].meta.seed = base.runs[1].meta.seed;
    assert!(!names(&new));
    new.runs[0].meta.salt = base.runs[1].meta.salt;
    assert!(names(&new));
}

#[test]
fn rules_broken_on_one_side_only_are_told_and_a_known_one_is_no_regression() {
    let with = |name: &str, check: &str, must: u64, runs: u64, seed: u64| {
        let mut side = side(name, STEADY, runs, seed);
        for run in &mut side.runs {
            for id in ["usage-total-is-sum", "resp-created-plausible"] {
                run.checks.entry(id.to_owned()).or_default().pass = 50;
            }
            run.checks.entry(check.to_owned()).or_default().must = must;
        }
        side
    };
    let (base, mut new) = (with("a", "resp-created-plausible", 3, 5, 1), with("b", "usage-total-is-sum", 2, 5, 2));
    let change = against(&base, &new);
    let ids = |violations: &[Violation]| violations.iter().map(|v| (v.check.clone(), v.count)).collect::<Vec<_>>();
    assert_eq!(ids(&change.new_violations), [("usage-total-is-sum".to_owned(), 10)]);
    assert_eq!(ids(&change.fixed_violations), [("resp-created-plausible".to_owned(), 15)]);
    assert!(change.regressions.contains(&"usage-total-is-sum".to_owned()));
    assert_eq!(change.conclusion, Conclusion::Worse);
    new.runs[0].meta.known.insert("usage-total-is-sum".to_owned(), "ticket 7".to_owned());
    assert!(!against(&base, &new).regressions.contains(&"usage-total-is-sum".to_owned()));
    let alone = against(&with("a", "resp-created-plausible", 0, 1, 1), &with("b", "usage-total-is-sum", 2, 1, 2));
    assert_eq!(alone.conclusion, Conclusion::NoVerdict, "of figures");
    assert_eq!(alone.regressions, ["usage-total-is-sum"], "a rule needs no statistics");
}

/// A run of a minute, second by second, without repetitions; some share of the requests is ok and misses a limit.
fn minute(name: &str, median_us: f64, late: f64, generator: &mut Pcg64) -> Side {
    let mut run = run(STEADY, generator.random_range(1..1_000_000), generator);
    run.timings.clear();
    let [mut ok, mut good, window] = [0, 0, 60_000_000];
    (run.ending.window_us, run.counts.completed_in_window) = (window, 0);
    // What the seconds share: some are slow for all of their requests.
    let mood = LogNormal::new(0.0, 0.05).expect("parameters");
    for second in 0..60 {
        let slow = mood.sample(generator);
        let times = LogNormal::new((median_us * slow).ln(), 0.2).expect("parameters");
        let row = run.seconds.at(second * 1_000_000);
        for _ in 0..20 {
            let time = Duration::from_secs_f64(times.sample(generator) / 1e6);
            let within = u64::from(generator.random::<f64>() >= late);
            row.response_time.record(time);
            row.due += 1;
            row.due_ok += 1;
            row.due_good += within;
            row.ok += 1;
            run.timings.entry("response_time".to_owned()).or_default().ok.record(time);
            ok += 1;
            good += within;
        }
    }
    run.outcomes.insert("ok".to_owned(), ok);
    (run.counts.completed_in_window, run.counts.good, run.counts.status_200) = (ok, good, ok);
    Side::new(name, vec![run])
}

#[test]
fn a_run_knows_its_own_figures_from_blocks_of_its_time() {
    let mut generator = Pcg64::seed_from_u64(9);
    let [mut median, mut good] = [0, 0];
    for _ in 0..40 {
        let sides = [minute("a", 1e5, 0.3, &mut generator), minute("b", 1e5, 0.3, &mut generator)];
        let change = against(&sides[0], &sides[1]);
        assert!(change.figures.iter().all(|figure| figure.verdict.is_none()));
        let misses = |name: &str| {
            let figure = figure(&change, name);
            let (low, high) = figure.low.zip(figure.high).expect("an interval");
            u32::from(low > 0.0 || high < 0.0)
        };
        median += misses("response_time.p50");
        // What misses a limit is in the figure and in what is resampled: the interval is where the figure is.
        good += misses("good_fraction");
    }
    // Intervals of 95 % miss 2 of 40 on average, with a standard deviation of 1.4.
    assert!(median <= 6 && good <= 6, "{median} and {good} of 40");
    let change = against(&minute("a", 1e5, 0.0, &mut generator), &minute("b", 1.2e5, 0.0, &mut generator));
    assert!(figure(&change, "response_time.p50").low.is_some_and(|low| low > 0.1), "{:?}", change.figures);
    assert_eq!(change.conclusion, Conclusion::NoVerdict);
}
