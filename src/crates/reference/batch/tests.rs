//! The batching server in virtual time.

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Exp1};
use rand_pcg::Pcg64;

use super::super::capacity::Work;
use super::*;

fn capacity(text: &str) -> Capacity {
    text.parse().expect(text)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn at(instants: &[(u64, Work)]) -> Vec<(Duration, Work)> {
    instants.iter().map(|(at, work)| (ms(*at), *work)).collect()
}

fn served(capacity: &Capacity, arrivals: &[(u64, Work)]) -> Vec<Vec<Duration>> {
    simulate(capacity, &at(arrivals)).into_iter().map(|fate| fate.expect("served")).collect()
}

const SHORT: Work = Work { prompt: 100, output: 3 };

#[test]
fn a_request_alone_takes_its_prompt_and_its_steps() {
    let capacity = capacity("slots=4,step=20ms+1ms,prefill=1000/s");
    assert_eq!(served(&capacity, &[(5, SHORT)]), [[ms(5 + 121), ms(5 + 142), ms(5 + 163)]]);
}

#[test]
fn those_who_come_during_a_step_join_the_next_and_slow_it_down() {
    let capacity = capacity("slots=4,step=20ms+1ms,prefill=1000/s");
    let tokens = served(&capacity, &[(0, SHORT), (7, SHORT)]);
    // The second waits for the first's step of 121 ms; then both share steps of 122 ms and 22 ms.
    assert_eq!(tokens[0], [ms(121), ms(243), ms(265)]);
    assert_eq!(tokens[1], [ms(243), ms(265), ms(286)]);
}

#[test]
fn requests_of_one_instant_join_the_same_step_even_at_the_end_of_another() {
    let capacity = capacity("slots=4,step=10ms");
    let tokens = served(&capacity, &[(0, SHORT), (0, SHORT), (10, SHORT)]);
    assert_eq!(tokens[0], tokens[1]);
    assert_eq!(tokens[2], [ms(20), ms(30), ms(40)]);
}

#[test]
fn slots_and_memory_are_waited_for_in_order() {
    let slots = served(&capacity("slots=1,step=10ms"), &[(0, SHORT), (0, SHORT)]);
    assert_eq!(slots[1], [ms(40), ms(50), ms(60)]);
    let large = Work { prompt: 900, output: 3 };
    let memory = served(&capacity("slots=9,step=10ms,kv=1000"), &[(0, SHORT), (0, large), (1, SHORT)]);
    assert_eq!(memory[1][0], ms(40), "903 tokens do not fit beside 103");
    assert_eq!(memory[2][0], ms(70), "and nobody overtakes");
}

#[test]
fn beyond_the_queue_and_without_memory_requests_are_turned_away() {
    let bounded = capacity("slots=1,step=10ms,queue=1");
    let fates = simulate(&bounded, &at(&[(0, SHORT), (1, SHORT), (11, SHORT), (31, SHORT)]));
    assert_eq!(fates[2], Err(Refusal::Full { retry_after: ms(20) }));
    assert!(fates[0].is_ok() && fates[1].is_ok() && fates[3].is_ok(), "{fates:?}");
    let strict = capacity("slots=9,step=10ms,kv=250,full=429");
    let fates = simulate(&strict, &at(&[(0, SHORT), (1, SHORT), (2, SHORT), (41, SHORT)]));
    assert!(matches!(fates[2], Err(Refusal::Full { .. })) && fates[3].is_ok(), "{fates:?}");
    let fates = simulate(&strict, &at(&[(0, Work { prompt: 250, output: 1 })]));
    assert_eq!(fates[0], Err(Refusal::TooLong));
}

#[test]
fn what_is_given_up_makes_room() {
    let mut batch = Batch::new(capacity("slots=1,step=10ms"));
    let mut tokens = Vec::new();
    batch.offer(0, SHORT).expect("room");
    batch.offer(1, SHORT).expect("room");
    assert_eq!(batch.upcoming(), Some(ms(10)));
    batch.advance(ms(15), |token| tokens.push(token));
    batch.withdraw(0);
    assert_eq!(batch.load(), (0, 1));
    batch.advance(ms(100), |token| tokens.push(token));
    let seen: Vec<(u64, u128)> = tokens.iter().map(|token| (token.id, token.at.as_millis())).collect();
    assert_eq!(seen, [(0, 10), (1, 30), (1, 40), (1, 50)]);
    assert!(tokens[3].last && batch.upcoming().is_none());
}

#[test]
fn each_choice_is_a_sequence_and_the_prompt_is_read_once() {
    let job = |outputs: &[u64]| Job { prompt: 100, outputs: outputs.to_vec() };
    let fates = |text, jobs: &[Job]| {
        simulate(&capacity(text), &jobs.iter().map(|job| (ms(0), job.clone())).collect::<Vec<_>>())
    };
    // 100 ms for the prompt, and a millisecond for each choice that is still at work.
    let alone = fates("slots=3,step=20ms+1ms,prefill=1000/s", &[job(&[3, 1, 2])]);
    assert_eq!(alone[0], Ok(vec![ms(123), ms(145), ms(166)]));
    // The second has two choices, and the first leaves two slots as soon as two of its three have ended.
    let two = fates("slots=3,step=10ms", &[job(&[4, 2, 1]), job(&[1, 1])]);
    assert_eq!(two, [Ok(vec![ms(10), ms(20), ms(30), ms(40)]), Ok(vec![ms(30)])]);
    // 103 tokens of memory for the first, 102 when one of its choices has ended.
    let memory = fates("slots=9,step=10ms,kv=204", &[job(&[1, 2]), job(&[1, 1])]);
    assert_eq!(memory[1], Ok(vec![ms(20)]));
    assert_eq!(fates("slots=2,step=10ms", &[job(&[1; 3])])[0], Err(Refusal::TooWide));
    let queued = fates("slots=2,step=10ms,queue=2", &[job(&[2, 1]), job(&[1, 1]), job(&[1])]);
    assert_eq!(queued[2], Err(Refusal::Full { retry_after: ms(10) }));
}

#[test]
fn choices_move_the_knee_as_sequences_do() {
    let capacity = capacity("slots=16,step=20ms+0.5ms,prefill=10000/s");
    let all = vec![(Duration::ZERO, Job { prompt: 500, outputs: vec![50; 4] }); 400];
    let ends = simulate(&capacity, &all).into_iter().map(|fate| *fate.expect("served").last().expect("tokens"));
    let took = ends.max().expect("some").as_secs_f64();
    // A batch of 16 has four requests: 50 steps of 28 ms, and their four prompts of 50 ms.
    assert!((took / (100.0 * (50.0 * 0.028 + 0.2)) - 1.0).abs() < 0.01, "{took}");
}

/// Requests at a share of the knee: constant or Poisson arrivals.
fn arrivals(rate: f64, work: Work, count: u32, poisson: bool) -> Vec<(Duration, Work)> {
    let mut random = Pcg64::seed_from_u64(11);
    let mut at = 0.0;
    let mut next = || {
        let gap: f64 = if poisson { Exp1.sample(&mut random) } else { 1.0 };
        at += gap / rate;
        (Duration::from_secs_f64(at), work)
    };
    (0..count).map(|_| next()).collect()
}

/// The longest wait for a first token, in seconds, in each quarter of a thousand and more requests.
fn waits(capacity: &Capacity, arrivals: &[(Duration, Work)]) -> Vec<f64> {
    let fates = simulate(capacity, arrivals);
    let wait = |(fate, (at, _)): (&Result<Vec<Duration>, Refusal>, &(Duration, Work))| {
        fate.as_ref().expect("served")[0].saturating_sub(*at).as_secs_f64()
    };
    let waits: Vec<f64> = fates.iter().zip(arrivals).map(wait).collect();
    waits.chunks(waits.len() / 4).map(|quarter| quarter.iter().copied().fold(0.0, f64::max)).collect()
}

/// Parameters that are bound by slots, by prefill and by memory, each with its requests.
const BOUND: [(&str, Work); 3] = [
    ("slots=16,step=20ms+0.5ms,prefill=100000/s", Work { prompt: 200, output: 100 }),
    ("slots=64,step=5ms+0.1ms,prefill=8000/s", Work { prompt: 4000, output: 20 }),
    ("slots=64,step=20ms+0.5ms,prefill=100000/s,kv=8192", Work { prompt: 900, output: 124 }),
];

#[test]
fn below_the_knee_the_queue_is_bounded_and_above_it_grows_by_the_difference() {
    for (text, work) in BOUND {
        let capacity = capacity(text);
        let knee = capacity.most_per_s(work);
        let length = f64::from(2000_u32) / knee;
        for poisson in [false, true] {
            let below = waits(&capacity, &arrivals(knee * 0.9, work, 2000, poisson));
            assert!(below[3] < length / 40.0 && below[3] < below[0] * 4.0, "{text}, poisson {poisson}: {below:?}");
        }
        let above = waits(&capacity, &arrivals(knee * 1.1, work, 2000, false));
        // 2,000 requests come in 10/11 of the time they take: the last waits for the rest of it.
        let expected = length * (1.0 - 1.0 / 1.1);
        assert!((above[3] / expected - 1.0).abs() < 0.1, "{text}: {above:?}, expected {expected}");
        let growth = above.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(growth.into_iter().all(|growth| growth > expected / 8.0), "{text}: {above:?}");
    }
}

#[test]
fn at_saturation_the_rate_is_the_knee() {
    for (text, work) in BOUND {
        let capacity = capacity(text);
        let all: Vec<(Duration, Work)> = vec![(Duration::ZERO, work); 4000];
        let ends: Vec<Duration> =
            simulate(&capacity, &all).into_iter().map(|fate| *fate.expect("served").last().expect("tokens")).collect();
        let took = ends.iter().max().expect("some").as_secs_f64();
        let ratio = 4000.0 / took / capacity.most_per_s(work);
        assert!((0.98..=1.001).contains(&ratio), "{text}: {ratio}");
    }
}
