//! The estimate held against a reference in another language, and what intervals cover in runs that are made up.

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp, Poisson, StandardNormal};
use rand_pcg::Pcg64;

use super::*;
use crate::summary::certainty::Certainty;
use crate::summary::quantile;
use crate::summary::sketch::Sketch;

/// Ten samples a row, the same in every second stretch of six rows but for a shift.
fn stripes(rows: u16, shift: u16) -> Vec<Buckets> {
    let row = |row: u16| {
        let shift = if (row / 6) % 2 == 1 { shift } else { 0 };
        let mut buckets = Buckets::new();
        for sample in 0..10 {
            buckets = joined(&buckets, &vec![(300 + (row * 7 + sample * 13) % 11 + shift, 1)]);
        }
        buckets
    };
    (0..rows).map(row).collect()
}

/// Worth, and the effects at p50, p95 and p99.
fn figures(rows: Vec<Buckets>) -> [f64; 4] {
    let dependence = Dependence::of(rows).expect("enough rows");
    [dependence.worth, dependence.effect_at(50.0), dependence.effect_at(95.0), dependence.effect_at(99.0)]
}

#[test]
fn figures_are_those_of_the_reference() {
    let mut failing = stripes(60, 3);
    failing.iter_mut().step_by(4).for_each(|row| row.push((60_000, 1)));
    for (rows, known) in [
        (stripes(30, 0), [30.0, 1.0, 1.0, 1.0]),
        (stripes(30, 2), [28.828_0, 1.073_84, 1.026_01, 1.008_34]),
        (stripes(120, 2), [75.711_6, 1.988_76, 1.351_61, 1.113_90]),
        (stripes(60, 20), [10.087_6, 89.358_0, 40.783_4, 32.014_2]),
        (failing, [22.372_7, 3.033_82, 1.758_11, 1.257_68]),
    ] {
        for (ours, known) in figures(rows).into_iter().zip(known) {
            assert!((ours / known - 1.0).abs() < 2e-5, "{ours} for {known}");
        }
    }
    assert_eq!(Dependence::of(stripes(7, 2)), None);
    assert_eq!(Dependence::of(Vec::new()), None);
    assert_eq!(Dependence::of(vec![vec![(5, 3)]; 100]), None, "all times are one");
}

#[test]
fn the_tail_of_a_copula_is_that_of_the_reference() {
    for (correlation, known) in [
        (0.001, [std::f64::consts::FRAC_2_PI, 0.224_24, 0.071_95]),
        (0.5, [0.666_67, 0.407_98, 0.241_20]),
        (1.0, [1.0, 1.0, 1.0]),
    ] {
        for (p, known) in [0.5, 0.95, 0.99].into_iter().zip(known) {
            let share = copula(p, correlation) / (p * (1.0 - p) * correlation);
            assert!((share - known).abs() < 2e-5, "{share} for {known}");
        }
    }
}

/// A run of an endpoint whose seconds have a state: logarithms of times are the state of their second and noise.
#[derive(Clone, Copy)]
struct Autoregressive {
    /// Correlation of the states of neighbouring seconds.
    memory: f64,
    /// Standard deviations of the state and of the noise.
    between: f64,
    within: f64,
    per_second: f64,
    poisson: bool,
    seconds: u64,
}

impl Autoregressive {
    /// Times in microseconds by second.
    fn run(&self, random: &mut Pcg64) -> Vec<Vec<f64>> {
        let mut state: f64 = StandardNormal.sample(random);
        let poisson = Poisson::new(self.per_second).expect("a rate");
        let step = (1.0 - self.memory * self.memory).sqrt();
        let mut second = || {
            let fresh: f64 = StandardNormal.sample(random);
            state = self.memory * state + step * fresh;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
            let count = if self.poisson { poisson.sample(random) } else { self.per_second } as u64;
            let mut time = || {
                let noise: f64 = StandardNormal.sample(random);
                1e5 * (self.between * state + self.within * noise).exp()
            };
            (0..count).map(|_| time()).collect()
        };
        (0..self.seconds).map(|_| second()).collect()
    }

    fn truth(&self, percentile: f64) -> f64 {
        1e5 * (self.between.hypot(self.within) * Normal::standard().inverse_cdf(percentile / 100.0)).exp()
    }
}

/// Times of a queue with one server, Poisson arrivals and exponential service, by the second of the arrival.
fn queue(per_second: f64, utilisation: f64, seconds: u64, random: &mut Pcg64) -> Vec<Vec<f64>> {
    let arrivals = Exp::new(per_second).expect("a rate");
    let services = Exp::new(per_second / utilisation).expect("a rate");
    let free = per_second / utilisation - per_second;
    // It begins as it is found at any time.
    let mut work =
        if random.random::<f64>() < utilisation { Exp::new(free).expect("a rate").sample(random) } else { 0.0 };
    let mut times = vec![Vec::new(); usize::try_from(seconds).expect("few")];
    let mut now = 0.0;
    loop {
        let gap: f64 = arrivals.sample(random);
        now += gap;
        work = (work - gap).max(0.0) + services.sample(random);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the run")]
        match times.get_mut(now as usize) {
            Some(second) => second.push(work * 1e6),
            None => return times,
        }
    }
}

const PERCENTILES: [f64; 4] = [50.0, 90.0, 95.0, 99.0];

/// What became of the intervals of many runs.
#[derive(Debug, Default)]
struct Coverage {
    runs: u32,
    /// Runs that state no interval.
    withheld: u32,
    /// Runs that state none, or wider ones than independent samples would have, by percentile.
    careful: [u32; 4],
    /// Intervals that hold the true percentile, of the runs that state one.
    held: [u32; 4],
    /// Widths over those that independent samples would have, where both have two ends.
    widths: [Vec<f64>; 4],
}

impl Coverage {
    fn of(runs: u32, truth: impl Fn(f64) -> f64, mut run: impl FnMut() -> Vec<Vec<f64>>) -> Coverage {
        let mut coverage = Coverage { runs, ..Coverage::default() };
        for _ in 0..runs {
            coverage.add(&run(), &truth);
        }
        coverage
    }

    fn add(&mut self, seconds: &[Vec<f64>], truth: &impl Fn(f64) -> f64) {
        let sketched = |times: &Vec<f64>| {
            let mut sketch = Sketch::default();
            for us in times {
                sketch.record(std::time::Duration::from_secs_f64(us / 1e6));
            }
            sketch.counts().map(|(bucket, count)| (bucket, u64::from(count))).collect()
        };
        let dependence = Dependence::of(seconds.iter().map(sketched).collect()).expect("enough rows");
        let certainty =
            if dependence.is_withheld() { Certainty::Withheld(&dependence) } else { Certainty::Estimated(&dependence) };
        let mut sorted: Vec<f64> = seconds.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |rank: Option<u64>| rank.map(|rank| sorted[usize::try_from(rank).expect("few") - 1]);
        self.withheld += u32::from(dependence.is_withheld());
        for (place, p) in PERCENTILES.into_iter().enumerate() {
            self.careful[place] += u32::from(dependence.is_withheld() || dependence.effect_at(p) > 1.1);
            if dependence.is_withheld() {
                continue;
            }
            let [low, high] = certainty.interval(p, sorted.len() as u64).map(at);
            let within = low.is_none_or(|low| low <= truth(p)) && high.is_none_or(|high| truth(p) <= high);
            self.held[place] += u32::from(within);
            let [plain_low, plain_high] = quantile::interval(p, sorted.len() as u64, 1.0).map(at);
            if let (Some(low), Some(high), Some(below), Some(above)) = (low, high, plain_low, plain_high) {
                self.widths[place].push((high - low) / (above - below));
            }
        }
    }

    /// Share of the intervals that hold the truth, of the runs that state one: a run that states none counts in neither.
    fn stated(&self, place: usize) -> f64 {
        f64::from(self.held[place]) / f64::from(self.runs - self.withheld)
    }

    fn withheld(&self) -> f64 {
        f64::from(self.withheld) / f64::from(self.runs)
    }

    fn width(&self, place: usize) -> f64 {
        self.widths[place].iter().sum::<f64>() / self.widths[place].len() as f64
    }
}

fn covered(random: &mut Pcg64, runs: u32, model: Autoregressive) -> Coverage {
    Coverage::of(runs, |p| model.truth(p), || model.run(random))
}

const SECONDS: Autoregressive =
    Autoregressive { memory: 0.0, between: 0.0, within: 0.5, per_second: 20.0, poisson: true, seconds: 60 };

#[test]
fn intervals_of_independent_samples_stay_as_they_are() {
    let mut random = Pcg64::seed_from_u64(7);
    let short = Autoregressive { per_second: 50.0, poisson: false, seconds: 9, ..SECONDS };
    for (model, widest) in [(short, 1.2), (SECONDS, 1.15)] {
        let coverage = covered(&mut random, 400, model);
        assert!(coverage.withheld() <= 0.02, "{}", coverage.withheld());
        for (place, p) in PERCENTILES.into_iter().enumerate() {
            assert!(coverage.stated(place) >= 0.93, "p{p}: {}", coverage.stated(place));
            assert!(coverage.width(place) <= widest, "p{p}: {}", coverage.width(place));
        }
    }
}

#[test]
fn intervals_cover_what_they_promise_where_seconds_correlate() {
    let mut random = Pcg64::seed_from_u64(8);
    let alike = |between, within, per_second, poisson| Autoregressive {
        memory: 0.5,
        between,
        within,
        per_second,
        poisson,
        ..SECONDS
    };
    let half = [alike(0.3, 0.45, 20.0, false), alike(0.4, 0.4, 5.0, true), alike(0.5, 0.0005, 50.0, false)];
    let long = Autoregressive { memory: 0.9, seconds: 300, ..half[0] };
    for (model, runs, withheld) in half.into_iter().map(|model| (model, 400, 0.08)).chain([(long, 300, 0.10)]) {
        let coverage = covered(&mut random, runs, model);
        assert!(coverage.withheld() <= withheld, "{}", coverage.withheld());
        for (place, p) in PERCENTILES.into_iter().enumerate() {
            assert!(coverage.stated(place) >= 0.92, "p{p}: {}", coverage.stated(place));
        }
    }
}

#[test]
fn a_run_that_is_too_short_for_its_dependence_says_so() {
    let mut random = Pcg64::seed_from_u64(9);
    let model = Autoregressive { memory: 0.9, between: 0.3, within: 0.45, poisson: false, ..SECONDS };
    let coverage = covered(&mut random, 400, model);
    assert!((0.75..0.95).contains(&coverage.withheld()), "{}", coverage.withheld());
    for (place, p) in PERCENTILES.into_iter().enumerate() {
        assert!(f64::from(coverage.careful[place]) >= 0.98 * 400.0, "p{p}: {}", coverage.careful[place]);
        // Runs that state none count as right here, since they claim nothing.
        let right = f64::from(coverage.held[place] + coverage.withheld) / 400.0;
        assert!(right >= 0.91, "p{p}: {right}");
    }
}

#[test]
fn intervals_of_a_queue_cover_nearly_what_they_promise() {
    let mut random = Pcg64::seed_from_u64(10);
    let truth = |p: f64| -(1.0 - p / 100.0).ln() / (50.0 / 0.9 - 50.0) * 1e6;
    let coverage = Coverage::of(200, truth, || queue(50.0, 0.9, 300, &mut random));
    for (place, p) in PERCENTILES.into_iter().enumerate() {
        assert!(coverage.stated(place) >= 0.87, "p{p}: {}", coverage.stated(place));
    }
}
