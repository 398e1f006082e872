//! Endpoints that no search can please, and ones that are ideal: it must end, and say why.

use std::time::Duration;

use proofload::capacity::answer::{Answer, Limit};
use proofload::capacity::search::{Ask, Ending, Search, Step, Terms};
use proofload::capacity::stage::{Goals, Stage, Verdict};
use proofload::plan::Limits;
use proofload::plan::capacity::TokenPrice;
use proptest::prelude::*;

use super::terms;

/// What a stage leaves behind whose verdict is given.
fn stage(ask: &Ask, verdict: Verdict, trust: &str) -> Stage {
    let rate = ask.load.min(1e4);
    Stage {
        load: ask.load,
        confirms: ask.confirms,
        verdict,
        trust: trust.to_owned(),
        reasons: if verdict == Verdict::Held { Vec::new() } else { vec!["why".to_owned()] },
        achieved_per_s: rate,
        requests: (rate * ask.length().as_secs_f64()) as u64,
        input_tokens: rate * 100.0,
        output_tokens: rate * 100.0,
        took_s: ask.length().as_secs_f64() + 1.0,
        ..Stage::default()
    }
}

/// Plays a search whose every verdict is decided by a function of the load, and of the number of the stage.
fn play(terms: Terms, mut verdict: impl FnMut(&Ask) -> Verdict) -> (Search, Ending) {
    let mut search = Search::new(terms);
    loop {
        match search.next() {
            Step::Stage(ask) => {
                let verdict = verdict(&ask);
                let trust = if verdict == Verdict::Untrusted { "invalid" } else { "trusted" };
                search.record(stage(&ask, verdict, trust));
            }
            Step::Done(ending) => return (search, ending),
        }
    }
}

fn plain(from: f64) -> Terms {
    terms(&Goals::default(), from)
}

fn by(holds: bool) -> Verdict {
    if holds { Verdict::Held } else { Verdict::Broke }
}

#[test]
fn where_no_rate_holds_it_goes_down_and_says_so() {
    let (search, ending) = play(plain(50.0), |_| Verdict::Broke);
    let answer = Answer::of(&search, Some(&ending));
    assert_eq!((ending, answer.holds, answer.rate_per_s), (Ending::NoneHolds, false, None));
    assert!(search.stages().len() < 12 && answer.breaks_first == ["why"], "{answer:?}");
}

#[test]
fn where_every_rate_holds_it_ends_at_the_highest_and_says_at_least() {
    let (search, ending) = play(Terms { to: 1000.0, ..plain(1.0) }, |_| Verdict::Held);
    let answer = Answer::of(&search, Some(&ending));
    assert_eq!((ending, answer.rate_per_s, answer.high), (Ending::HoldsToTheEnd, Some(1000.0), None));
    assert_eq!(answer.limit, Limit::Unknown);
}

#[test]
fn a_client_that_is_the_limit_is_named() {
    let (search, ending) = play(plain(1.0), |ask| if ask.load > 20.0 { Verdict::Untrusted } else { Verdict::Held });
    let answer = Answer::of(&search, Some(&ending));
    assert_eq!((ending, answer.rate_per_s, answer.limit), (Ending::Client, Some(16.0), Limit::Client));
    let tries = search.stages().iter().filter(|stage| stage.load > 20.0).count();
    assert_eq!(tries, 3);
}

#[test]
fn what_is_doubtful_and_broken_again_and_again_is_broken() {
    let mut search = Search::new(plain(1.0));
    let ending = loop {
        match search.next() {
            Step::Stage(ask) if ask.load > 20.0 => search.record(stage(&ask, Verdict::Untrusted, "doubtful")),
            Step::Stage(ask) => search.record(stage(&ask, Verdict::Held, "doubtful")),
            Step::Done(ending) => break ending,
        }
    };
    let answer = Answer::of(&search, Some(&ending));
    assert_eq!((&ending, answer.trust.as_str()), (&Ending::Confirmed, "doubtful"));
    assert!((19.0..=20.0).contains(&answer.rate_per_s.expect("an answer")), "{answer:?}");
    assert_eq!(answer.limit, Limit::Unclear, "nobody can tell the client from the endpoint");
}

#[test]
fn bounds_end_it_with_the_best_bracket_so_far() {
    let ideal = |limits: Limits| play(Terms { limits, ..plain(1.0) }, |ask| by(ask.load <= 23.0));
    let (whole, _) = ideal(Limits::default());
    let (time, requests) = (whole.spent().time, whole.spent().requests);
    let limits = [
        (Limits { time: Some(time / 2), ..Limits::default() }, "--max-time"),
        (Limits { requests: Some(requests as u64 / 2), ..Limits::default() }, "--max-requests"),
        (Limits { tokens: Some(10_000), ..Limits::default() }, "--max-tokens"),
    ];
    for (limits, flag) in limits {
        let (search, ending) = ideal(limits);
        let Ending::Bound(said) = &ending else { panic!("{ending:?}") };
        let answer = Answer::of(&search, Some(&ending));
        assert!(said.starts_with(flag) && answer.ended.contains("best bracket so far") && !answer.confirmed, "{said}");
        assert!(answer.rate_per_s.is_some_and(|rate| rate <= 23.0), "{answer:?}");
        assert!(limits.time.is_none_or(|limit| search.spent().time <= limit));
        assert!(limits.requests.is_none_or(|limit| search.spent().requests <= limit as f64));
    }
    let priced = Terms { cost: Some(0.001), price: TokenPrice { input: 1.0, output: 1.0 }, ..plain(1.0) };
    let (_, ending) = play(priced, |_| Verdict::Held);
    assert!(matches!(&ending, Ending::Bound(flag) if flag.starts_with("--max-cost")), "{ending:?}");
}

#[test]
fn slots_are_whole_and_found_to_one_where_that_is_near_enough() {
    for most in [1.0, 2.0, 7.0, 19.0] {
        let (search, ending) = play(Terms { slots: true, ..plain(4.0) }, |ask| {
            assert!(ask.load.fract() == 0.0 && ask.load >= 1.0, "{ask:?}");
            by(ask.load <= most)
        });
        let answer = Answer::of(&search, Some(&ending));
        assert_eq!((ending, answer.concurrency), (Ending::Confirmed, Some(most)));
    }
}

/// What a stage leaves behind of an endpoint that answers so many requests per second.
fn achieving(ask: &Ask, per_s: f64, verdict: Verdict) -> Stage {
    let share = per_s / 10.0;
    Stage {
        achieved_per_s: per_s,
        good_per_s: per_s - share,
        input_tokens_per_s: 100.0 * per_s,
        output_tokens_per_s: 50.0 * per_s,
        ..stage(ask, verdict, "trusted")
    }
}

/// By chance a stage may come to less than it asks for; what it asked for is then no answer.
#[test]
fn an_answer_is_what_a_stage_achieved_and_all_of_one_stage() {
    let mut search = Search::new(plain(1.0));
    let ending = loop {
        match search.next() {
            Step::Stage(ask) => {
                let short = if ask.confirms { 0.91 } else { 1.02 };
                search.record(achieving(&ask, ask.load * short, by(ask.load <= 26.9)));
            }
            Step::Done(ending) => break ending,
        }
    };
    let answer = Answer::of(&search, Some(&ending));
    let own = &search.stages()[answer.stage.expect("a stage") - 1];
    assert!(own.verdict == Verdict::Held && own.confirms, "{own:?}");
    assert_eq!((answer.rate_per_s, answer.asked_per_s), (Some(own.achieved_per_s), Some(own.load)));
    let rates = [answer.good_per_s, answer.input_tokens_per_s, answer.output_tokens_per_s];
    assert_eq!(
        rates.map(f64::to_bits),
        [own.good_per_s, own.input_tokens_per_s, own.output_tokens_per_s].map(f64::to_bits)
    );
    assert!(answer.low <= answer.rate_per_s && answer.rate_per_s <= answer.high, "{answer:?}");
    assert!((answer.good_share() - 0.9).abs() < 1e-9, "{answer:?}");
}

proptest! {
    /// Slots beyond what an endpoint serves at once achieve nothing more, and no rate is read off them.
    #[test]
    fn a_rate_read_off_slots_is_never_beyond_a_stage(holds in 1_u32..60, serves in 1_u32..60) {
        let mut search = Search::new(Terms { slots: true, ..plain(4.0) });
        let ending = loop {
            match search.next() {
                Step::Stage(ask) => {
                    let per_s = 0.7 * ask.load.min(f64::from(serves));
                    search.record(achieving(&ask, per_s, by(ask.load <= f64::from(holds))));
                }
                Step::Done(ending) => break ending,
            }
        };
        let answer = Answer::of(&search, Some(&ending));
        let most = search.stages().iter().map(|stage| stage.achieved_per_s).fold(0.0, f64::max);
        let achieved = search.stages().iter().any(|stage| Some(stage.achieved_per_s) == answer.rate_per_s);
        prop_assert!(achieved && answer.high <= Some(most), "{most} {answer:?}");
        prop_assert!(answer.low <= answer.rate_per_s && answer.rate_per_s <= answer.high, "{answer:?}");
        let low = answer.low_concurrency.expect("slots");
        prop_assert!(low.fract() == 0.0 && low >= 1.0 && answer.low_concurrency <= answer.concurrency, "{answer:?}");
    }
}

#[test]
fn a_stage_is_long_enough_for_the_goals_but_not_endless() {
    let goal = proofload::plan::goal::Goal::parse("first_token.p99 < 1s").expect("a goal");
    let terms = terms(&Goals { whole: vec![goal], cases: Vec::new() }, 5.0);
    let Step::Stage(ask) = Search::new(terms).next() else { panic!("a stage") };
    // Two requests beyond p99 are 200 requests, at 5 a second 40 s.
    assert_eq!((ask.measured, ask.confirms, ask.settled), (Duration::from_secs(40), false, false));
}

proptest! {
    #[test]
    fn an_ideal_endpoint_is_found_to_the_precision(knee in 0.5_f64..5000.0, precision in 0.01_f64..0.2, from in 0.5_f64..200.0) {
        let (search, ending) = play(Terms { precision, ..plain(from) }, |ask| by(ask.load <= knee));
        let answer = Answer::of(&search, Some(&ending));
        prop_assert_eq!(&ending, &Ending::Confirmed);
        let (low, high) = search.bracket();
        let (low, high) = (low.expect("held").load, high.expect("broke").load);
        prop_assert!(low <= knee && knee < high && high <= low * (1.0 + precision) * 1.0001, "{low} {knee} {high}");
        prop_assert_eq!(answer.rate_per_s, Some(low));
        prop_assert!(search.stages().len() <= 32, "{}", search.stages().len());
    }

    #[test]
    fn pure_chance_ends_all_the_same(seed in any::<u64>()) {
        let mut state = seed;
        let (search, ending) = play(plain(10.0), |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            [Verdict::Held, Verdict::Broke, Verdict::Held, Verdict::Untrusted][(state >> 62) as usize]
        });
        let answer = Answer::of(&search, Some(&ending));
        prop_assert!(search.stages().len() <= 48);
        if let (Some(low), Some(high)) = search.bracket() {
            prop_assert!(low.load < high.load);
        }
        prop_assert!(answer.low <= answer.rate_per_s && (answer.high.is_none() || answer.rate_per_s <= answer.high), "{answer:?}");
    }

    #[test]
    fn a_search_that_goes_on_asks_what_it_would_have_asked(knee in 1.0_f64..500.0, cut in 0_usize..20) {
        let (whole, _) = play(plain(4.0), |ask| by(ask.load <= knee));
        let mut again = Search::new(plain(4.0));
        whole.stages().iter().take(cut).for_each(|stage| again.record(stage.clone()));
        if let (Step::Stage(ask), Some(next)) = (again.next(), whole.stages().get(cut)) {
            prop_assert_eq!((ask.load, ask.confirms), (next.load, next.confirms));
        }
    }
}
