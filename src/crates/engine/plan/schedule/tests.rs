use proptest::prelude::*;

use super::course::Piece;
use super::*;

fn load(arrivals: Arrivals, seconds: Option<u64>, count: Option<u64>) -> Load {
    Load {
        name: None,
        arrivals,
        duration: seconds.map(Duration::from_secs),
        count,
        warmup: Warmup::Until(Duration::ZERO),
        grace: Duration::ZERO,
        cap: None,
        obeys_retry_after: false,
        cases: vec![0],
    }
}

fn open(rate: f64, spacing: Spacing) -> Arrivals {
    Arrivals::Open { rate: Course::constant(rate), spacing }
}

fn closed(slots: f64) -> Arrivals {
    Arrivals::Closed { slots: Course::constant(slots), think: Think::None }
}

fn issues(load: &Load, seed: u64, shard: Shard) -> Vec<Issue> {
    let mut schedule = Schedule::new(load, seed, shard);
    std::iter::from_fn(|| schedule.take()).collect()
}

fn dues(load: &Load, seed: u64) -> Vec<Duration> {
    issues(load, seed, Shard::WHOLE).iter().map(|issue| issue.due).collect()
}

fn gaps(dues: &[Duration]) -> Vec<f64> {
    dues.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).as_secs_f64()).collect()
}

/// Kolmogorov and Smirnov's distance between samples and a distribution function.
fn distance(mut samples: Vec<f64>, distribution: impl Fn(f64) -> f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let count = samples.len() as f64;
    let off = |(place, sample): (usize, &f64)| {
        let expected = distribution(*sample);
        (expected - place as f64 / count).max((place + 1) as f64 / count - expected)
    };
    samples.iter().enumerate().map(off).fold(0.0, f64::max)
}

#[test]
fn constant_arrivals_never_drift() {
    let all = dues(&load(open(3.0, Spacing::Even), Some(100), None), 0);
    assert_eq!(all.len(), 300);
    assert_eq!(all[299], Duration::from_secs_f64(299.0 / 3.0));
}

#[test]
fn poisson_gaps_are_exponential() {
    let all = dues(&load(open(100.0, Spacing::Poisson), Some(1000), None), 5);
    // 100,000 expected, standard deviation 316: six of them.
    assert!((98_000..102_000).contains(&all.len()), "{}", all.len());
    // The distance of 100,000 true samples is above 1.95 / sqrt(n) once in a thousand.
    let far = distance(gaps(&all), |gap| 1.0 - (-100.0 * gap).exp());
    assert!(far < 1.95 / (all.len() as f64).sqrt(), "{far}");
}

#[test]
fn gamma_gaps_have_the_mean_and_the_burstiness() {
    // Of shape 2, the distribution is known in closed form: 1 - exp(-x) (1 + x), with x = 2 rate gap.
    let all = dues(&load(open(50.0, Spacing::Gamma { shape: 2.0 }), None, Some(50_000)), 9);
    let far = distance(gaps(&all), |gap| 1.0 - (-100.0 * gap).exp() * (1.0 + 100.0 * gap));
    assert!(far < 1.95 / (all.len() as f64).sqrt(), "{far}");
    let all = gaps(&dues(&load(open(50.0, Spacing::Gamma { shape: 0.25 }), None, Some(50_000)), 9));
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let variance = all.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / all.len() as f64;
    assert!((mean * 50.0 - 1.0).abs() < 0.06 && (variance.sqrt() / mean - 2.0).abs() < 0.15, "{mean} {variance}");
}

#[test]
fn a_ramp_is_followed_and_its_poisson_gaps_stay_independent() {
    let rate = Course::new(&[
        Piece { from: 0.0, to: 200.0, lasting: Some(Duration::from_secs(200)) },
        Piece { from: 200.0, to: 200.0, lasting: Some(Duration::from_secs(100)) },
    ]);
    let even = dues(&load(Arrivals::Open { rate: rate.clone(), spacing: Spacing::Even }, None, None), 0);
    assert_eq!(even.len(), 40_000);
    let first_half = even.iter().filter(|due| **due < Duration::from_secs(100)).count();
    assert_eq!(first_half, 5_000);
    let all = dues(&load(Arrivals::Open { rate: rate.clone(), spacing: Spacing::Poisson }, None, None), 3);
    // Stretched back to rate one, the gaps are exponential again (time-rescaling theorem).
    let areas: Vec<Duration> =
        all.iter().map(|due| Duration::from_secs_f64(rate.integral(due.as_secs_f64()))).collect();
    let far = distance(gaps(&areas), |gap| 1.0 - (-gap).exp());
    assert!(far < 1.95 / (all.len() as f64).sqrt(), "{far}");
}

#[test]
fn a_trace_is_replayed_as_it_was() {
    let times: Arc<[Duration]> = [0, 5, 5, 900].map(Duration::from_millis).into();
    let all = load(Arrivals::Trace { times: Arc::clone(&times) }, None, None);
    assert_eq!(dues(&all, 1), times.to_vec());
    assert_eq!(dues(&load(Arrivals::Trace { times }, None, Some(2)), 1).len(), 2);
}

#[test]
fn a_closed_load_waits_for_a_slot() {
    let mut schedule = Schedule::new(&load(closed(2.0), None, Some(3)), 0, Shard::WHOLE);
    assert_eq!(schedule.take().map(|issue| (issue.due, issue.slot)), Some((Duration::ZERO, 0)));
    assert_eq!(schedule.take().map(|issue| (issue.due, issue.slot)), Some((Duration::ZERO, 1)));
    assert_eq!(schedule.peek(), Next::WhenFree);
    schedule.ended(1, 1, Duration::from_secs(4));
    assert_eq!(schedule.peek(), Next::Due(Duration::from_secs(4)));
    assert_eq!(schedule.take().map(|issue| issue.slot), Some(1));
    assert_eq!(schedule.peek(), Next::Over);
}

#[test]
fn a_closed_load_ends_with_its_duration_once_no_slot_can_send_before_it() {
    let mut schedule = Schedule::new(&load(closed(2.0), Some(1), None), 0, Shard::WHOLE);
    assert!(schedule.take().is_some() && schedule.take().is_some());
    schedule.ended(0, 0, Duration::from_secs(1));
    assert_eq!(schedule.peek(), Next::WhenFree);
    schedule.ended(1, 1, Duration::from_millis(900));
    assert_eq!(schedule.peek(), Next::Due(Duration::from_millis(900)));
    schedule.take();
    schedule.ended(1, 2, Duration::from_millis(1100));
    assert_eq!(schedule.peek(), Next::Over);
}

#[test]
fn slots_come_and_go_with_their_course_and_think_between_requests() {
    let second = Duration::from_secs(1);
    let slots = Course::new(&[
        Piece { from: 0.0, to: 2.0, lasting: Some(2 * second) },
        Piece { from: 1.0, to: 1.0, lasting: Some(2 * second) },
    ]);
    let think = Think::Constant(second / 2);
    let mut schedule = Schedule::new(&load(Arrivals::Closed { slots, think }, None, None), 0, Shard::WHOLE);
    assert_eq!(schedule.take().map(|issue| (issue.due, issue.slot)), Some((Duration::ZERO, 0)));
    assert_eq!(schedule.take().map(|issue| (issue.due, issue.slot)), Some((second, 1)));
    schedule.ended(1, 1, 3 * second);
    assert_eq!(schedule.peek(), Next::WhenFree, "there is no second slot any more");
    schedule.ended(0, 0, 3 * second);
    assert_eq!(schedule.peek(), Next::Due(3 * second + second / 2));
    schedule.take();
    schedule.ended(0, 2, 4 * second);
    assert_eq!(schedule.peek(), Next::Over);
}

#[test]
fn a_day_at_ten_thousand_a_second_costs_no_memory_and_starts_at_once() {
    let day = load(open(10_000.0, Spacing::Poisson), Some(86_400), None);
    let mut schedule = Schedule::new(&day, 1, Shard::WHOLE);
    assert!((0..1000).all(|_| schedule.take().is_some()));
    assert!(size_of_val(&schedule) < 1024, "{} bytes, and one leg on the heap", size_of_val(&schedule));
    let even = load(open(10_000.0, Spacing::Even), Some(86_400), None);
    assert_eq!(Schedule::new(&even, 1, Shard::WHOLE).left(), [0, 864_000_000]);
}

fn any_open() -> impl Strategy<Value = Arrivals> {
    let piece = (0.0_f64..300.0, 0.0_f64..300.0, 1_u64..5);
    let stages = prop::collection::vec(piece, 1..4).prop_map(|pieces| {
        let piece =
            |(from, to, seconds): (f64, f64, u64)| Piece { from, to, lasting: Some(Duration::from_secs(seconds)) };
        Course::new(&pieces.into_iter().map(piece).collect::<Vec<_>>())
    });
    let rate = prop_oneof![(0.5_f64..500.0).prop_map(Course::constant), stages];
    let spacing = prop_oneof![
        Just(Spacing::Even),
        Just(Spacing::Poisson),
        (0.2_f64..4.0).prop_map(|shape| Spacing::Gamma { shape })
    ];
    let trace = prop::collection::vec(0_u64..10_000, 1..200).prop_map(|mut times| {
        times.sort_unstable();
        Arrivals::Trace { times: times.into_iter().map(Duration::from_millis).collect() }
    });
    prop_oneof![3 => (rate, spacing).prop_map(|(rate, spacing)| Arrivals::Open { rate, spacing }), 1 => trace]
}

fn any_warmup() -> impl Strategy<Value = Warmup> {
    prop_oneof![
        (0_u64..25_000).prop_map(|ms| Warmup::Until(Duration::from_millis(ms))),
        (0_u64..300).prop_map(Warmup::First)
    ]
}

proptest! {
    #[test]
    fn open_schedules_are_monotone_deterministic_and_add_up(
        arrivals in any_open(), seconds in prop::option::of(1_u64..20), count in prop::option::of(0_u64..200), warmup in any_warmup(), seed: u64, stop in 0_usize..300,
    ) {
        let load = Load { warmup, ..load(arrivals, seconds, count) };
        prop_assume!(load.length().is_some() || count.is_some());
        let all = issues(&load, seed, Shard::WHOLE);
        prop_assert!(all.windows(2).all(|pair| pair[0].due <= pair[1].due));
        prop_assert!(all.iter().all(|issue| issue.due < load.length().unwrap_or(Duration::MAX)));
        prop_assert_eq!(&all, &issues(&load, seed, Shard::WHOLE));
        let stop = stop.min(all.len());
        let mut schedule = Schedule::new(&load, seed, Shard::WHOLE);
        for _ in 0..stop {
            schedule.take();
        }
        let warm = all[stop..].iter().filter(|issue| issue.warmup).count() as u64;
        prop_assert_eq!(schedule.left(), [warm, (all.len() - stop) as u64 - warm]);
    }

    #[test]
    fn shards_partition_the_requests(
        arrivals in any_open(), seconds in prop::option::of(1_u64..20), count in prop::option::of(0_u64..200), warmup in any_warmup(), seed: u64, of in 1_u64..6,
    ) {
        let load = Load { warmup, ..load(arrivals, seconds, count) };
        prop_assume!(load.length().is_some() || count.is_some());
        let mut parts: Vec<Issue> = Vec::new();
        for index in 0..of {
            let part = issues(&load, seed, Shard { index, of });
            let left = Schedule::new(&load, seed, Shard { index, of }).left();
            prop_assert_eq!(left.iter().sum::<u64>(), part.len() as u64);
            parts.extend(part);
        }
        parts.sort_by_key(|issue| issue.nth);
        prop_assert_eq!(parts, issues(&load, seed, Shard::WHOLE));
    }

    #[test]
    fn shards_partition_slots_and_counts(slots in 1_u32..40, count in 0_u64..100, of in 1_u64..6) {
        let load = load(closed(f64::from(slots)), None, Some(count));
        let mut numbers = Vec::new();
        for index in 0..of {
            let mut schedule = Schedule::new(&load, 0, Shard { index, of });
            while let Some(issue) = schedule.take() {
                prop_assert_eq!(issue.slot as u64 % of, index);
                numbers.push(issue.nth);
                schedule.ended(issue.slot, issue.nth, issue.due + Duration::from_secs(1));
            }
        }
        numbers.sort_unstable();
        // A shard without a slot can send nothing, and its share of the count with it.
        let idle = |nth: u64| nth % of >= u64::from(slots);
        prop_assert_eq!(numbers, (0..count).filter(|nth| !idle(*nth)).collect::<Vec<_>>());
    }
}
