//! Two checks of a search's stages against theory: Little's law, and the Universal Scalability Law.
//!
//! Little: requests in flight = rate * response time, whatever the endpoint. Where what was sampled differs, the
//! measurement is at fault.
//!
//! Gunther's Universal Scalability Law says of the throughput at `n` requests in flight
//!
//! ```text
//! X(n) = l n / (1 + s (n - 1) + k n (n - 1))
//! ```
//!
//! with `l` what one request alone achieves, `s` the contention and `k` the cost of coherence. `n / X` is linear in `1`,
//! `n - 1` and `n (n - 1)`, so least squares have a closed form. Its peak is at `sqrt((1 - s) / k)`. Batching servers have
//! hard limits that it knows nothing of, so it is an appendix, and a poor fit says nothing at all. Contention below 0 or above
//! 1 and coherence below 0 mean nothing in the law: such an estimate is not given, but its interval is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::stage::{Growth, Stage, Verdict};

/// Little's law at one stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Little {
    /// The load of the stage.
    pub load: f64,
    /// Requests in flight, sampled.
    pub in_flight: f64,
    /// Rate times response time.
    pub expected: f64,
    /// Whether they agree, to 15 % or one request.
    pub agrees: bool,
}

/// Share by which both sides of Little's law may differ: samples and windows are finite.
const AGREES: f64 = 0.15;

/// Little's law at the stages in which as many requests came as went.
pub fn little(stages: &[Stage]) -> Vec<Little> {
    let of = |stage: &Stage| {
        let (in_flight, mean) = (stage.in_flight?, stage.response_time_us.mean?);
        let expected = stage.achieved_per_s * mean / 1e6;
        let agrees = (in_flight - expected).abs() <= (AGREES * expected).max(1.0);
        Some(Little { load: stage.load, in_flight, expected, agrees })
    };
    let steady = |stage: &&Stage| stage.verdict != Verdict::Untrusted && stage.backlog == Growth::Steady;
    stages.iter().filter(steady).filter_map(of).collect()
}

/// A fit of the Universal Scalability Law.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Usl {
    /// Why the fit says nothing, where it does not.
    pub refused: Option<String>,
    /// What one request alone achieves, per second.
    pub lambda: Option<Coefficient>,
    /// Contention: a share from 0 to 1.
    pub sigma: Option<Coefficient>,
    /// Coherence: not below 0.
    pub kappa: Option<Coefficient>,
    /// Share of the variance that it explains.
    pub r_squared: Option<f64>,
    /// Requests in flight at its peak; none where it has none beyond chance, or beyond twice what was measured.
    pub peak: Option<f64>,
    /// What it was fitted to.
    pub points: Vec<Point>,
}

/// A coefficient of the fit, with its 95 % interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coefficient {
    /// Its estimate; null where that has no meaning in the law, so that the stages do not identify it. The residuals are
    /// then those of the law without it.
    pub value: Option<f64>,
    /// Lower end of the interval; null where it is unbounded.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// A stage in the fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Requests in flight.
    pub in_flight: f64,
    /// Replies per second.
    pub rate_per_s: f64,
    /// Of the rate, what the fit leaves over.
    pub residual: f64,
}

/// Points that a fit needs.
const POINTS: usize = 5;
/// Share of the variance below which a fit is poor.
const GOOD: f64 = 0.95;
/// The range of requests in flight that a fit needs: the law is a straight line at first.
const RANGE: f64 = 4.0;

/// Fits the law to stages that were steady and not refused.
pub fn usl(stages: &[Stage]) -> Usl {
    let usable = |stage: &&Stage| {
        stage.verdict != Verdict::Untrusted && stage.backlog == Growth::Steady && stage.rate_limited <= 0.0
    };
    let point = |stage: &Stage| {
        let in_flight = stage.in_flight.filter(|n| *n > 0.0)?;
        (stage.achieved_per_s > 0.0).then_some((in_flight, stage.achieved_per_s))
    };
    fit(&stages.iter().filter(usable).filter_map(point).collect::<Vec<_>>())
}

/// Fits the law to pairs of requests in flight and replies per second.
pub fn fit(pairs: &[(f64, f64)]) -> Usl {
    let refused = |why: String| Usl {
        refused: Some(why),
        points: pairs.iter().map(|(n, x)| Point { in_flight: *n, rate_per_s: *x, residual: 0.0 }).collect(),
        ..Usl::default()
    };
    let widest = pairs.iter().map(|pair| pair.0).fold(0.0, f64::max);
    let narrowest = pairs.iter().map(|pair| pair.0).fold(f64::INFINITY, f64::min);
    if pairs.len() < POINTS || widest < RANGE * narrowest {
        return refused(format!("{} stages are too few or too near one another for a fit", pairs.len()));
    }
    let Some(Fit { law, lambda, sigma, kappa }) = Fit::of(pairs) else {
        return refused("the stages do not determine it".to_owned());
    };
    let points: Vec<Point> =
        pairs.iter().map(|(n, x)| Point { in_flight: *n, rate_per_s: *x, residual: x - law.at(*n) }).collect();
    let mean = pairs.iter().map(|pair| pair.1).sum::<f64>() / pairs.len() as f64;
    let total: f64 = pairs.iter().map(|pair| (pair.1 - mean).powi(2)).sum();
    let left: f64 = points.iter().map(|point| point.residual.powi(2)).sum();
    let r_squared = 1.0 - left / total.max(f64::MIN_POSITIVE);
    // A cost of coherence that chance alone explains has no peak.
    let bends = sigma.value.is_some() && kappa.value.is_some() && kappa.low.is_some_and(|low| low > 0.0);
    let peak = bends.then(|| ((1.0 - law.sigma) / law.kappa).sqrt()).filter(|peak| *peak <= 2.0 * widest);
    let poor = if law.sigma > 1.0 {
        Some(format!("the fit is not physical (contention {:.3}): nothing is extrapolated", law.sigma))
    } else {
        (r_squared < GOOD).then(|| format!("the fit is poor (R2 {r_squared:.3}): nothing is extrapolated"))
    };
    Usl {
        peak: peak.filter(|_| poor.is_none()),
        refused: poor,
        lambda: Some(lambda),
        sigma: Some(sigma),
        kappa: Some(kappa),
        r_squared: Some(r_squared),
        points,
    }
}

/// The law.
#[derive(Debug, Clone, Copy)]
struct Law {
    lambda: f64,
    sigma: f64,
    kappa: f64,
}

impl Law {
    fn at(self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }
}

/// A law, and its coefficients as a report states them.
struct Fit {
    law: Law,
    lambda: Coefficient,
    sigma: Coefficient,
    kappa: Coefficient,
}

/// Places of contention and coherence in the basis.
const SIGMA: usize = 1;
const KAPPA: usize = 2;

impl Fit {
    /// Fits the law. A coefficient that comes out below 0 has no meaning: its interval is kept, and the law is fitted
    /// without it.
    fn of(pairs: &[(f64, f64)]) -> Option<Fit> {
        let mut terms = vec![0, SIGMA, KAPPA];
        let mut outside = [None; 3];
        loop {
            let squares = Squares::of(pairs, &terms)?;
            let ratio = |term: usize| squares.value(term) / squares.value(0);
            if squares.value(0) <= 0.0 {
                return None;
            }
            let lowest = terms[1..].iter().copied().min_by(|a, b| ratio(*a).total_cmp(&ratio(*b)));
            if let Some(term) = lowest.filter(|term| ratio(*term) < 0.0) {
                outside[term] = Some(Coefficient { value: None, ..squares.coefficient(term) });
                terms.retain(|own| *own != term);
                continue;
            }
            let own = |term: usize| outside[term].unwrap_or_else(|| squares.coefficient(term));
            let part = |term: usize| if terms.contains(&term) { ratio(term) } else { 0.0 };
            let law = Law { lambda: 1.0 / squares.value(0), sigma: part(SIGMA), kappa: part(KAPPA) };
            let sigma = own(SIGMA);
            let sigma = Coefficient { value: sigma.value.filter(|sigma| *sigma <= 1.0), ..sigma };
            return Some(Fit { law, lambda: squares.inverse(), sigma, kappa: own(KAPPA) });
        }
    }
}

/// Least squares of `n / X` on some of `1`, `n - 1` and `n (n - 1)`. Rates are uncertain by a share of themselves, so each
/// pair weighs by `X / n`.
struct Squares {
    terms: Vec<usize>,
    values: Vec<f64>,
    /// Covariances of the values.
    spread: Vec<Vec<f64>>,
    /// Standard errors in half a 95 % interval; infinite where no observation is to spare.
    wide: f64,
}

impl Squares {
    /// By the normal equations; none where the pairs do not determine the values.
    fn of(pairs: &[(f64, f64)], terms: &[usize]) -> Option<Squares> {
        let basis = |(n, x): &(f64, f64)| {
            let row = [1.0, n - 1.0, n * (n - 1.0)].map(|cell| cell * x / n);
            terms.iter().map(|term| row[*term]).collect::<Vec<f64>>()
        };
        let size = terms.len();
        let (mut normal, mut right) = (vec![vec![0.0; size]; size], vec![0.0; size]);
        for row in pairs.iter().map(basis) {
            for i in 0..size {
                (0..size).for_each(|j| normal[i][j] += row[i] * row[j]);
                right[i] += row[i];
            }
        }
        let inverse = inverted(normal)?;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let values: Vec<f64> = inverse.iter().map(|row| dot(row, &right)).collect();
        let left: f64 = pairs.iter().map(|pair| (1.0 - dot(&basis(pair), &values)).powi(2)).sum();
        let spare = pairs.len().saturating_sub(size) as f64;
        let variance = left / spare.max(1.0);
        let spread = inverse.iter().map(|row| row.iter().map(|cell| cell * variance).collect()).collect();
        let student = StudentsT::new(0.0, 1.0, spare).ok();
        let wide = student.map_or(f64::INFINITY, |student| student.inverse_cdf(CERTAINTY));
        Some(Squares { terms: terms.to_vec(), values, spread, wide })
    }

    fn place(&self, term: usize) -> Option<usize> {
        self.terms.iter().position(|own| *own == term)
    }

    /// The value of a term; 0 where it is not in the fit.
    fn value(&self, term: usize) -> f64 {
        self.place(term).map_or(0.0, |place| self.values[place])
    }

    /// A coefficient of the law: the value of a term over the first one's, by the delta method.
    fn coefficient(&self, term: usize) -> Coefficient {
        let Some(place) = self.place(term) else { return Coefficient::default() };
        let ratio = self.values[place] / self.values[0];
        let [own, both, first] = [(place, place), (place, 0), (0, 0)].map(|(i, j)| self.spread[i][j]);
        let error = (own - 2.0 * ratio * both + ratio * ratio * first).max(0.0).sqrt() / self.values[0].abs();
        Coefficient::around(ratio, self.wide * error)
    }

    /// What one request alone achieves: one over the first value.
    fn inverse(&self) -> Coefficient {
        let (value, half) = (self.values[0], self.wide * self.spread[0][0].max(0.0).sqrt());
        let high = (value > half).then(|| 1.0 / (value - half));
        Coefficient { value: Some(1.0 / value), low: Some(1.0 / (value + half)), high }
    }
}

/// Share of a distribution below the upper end of a two-sided 95 % interval.
const CERTAINTY: f64 = 0.975;

impl Coefficient {
    fn around(value: f64, half: f64) -> Coefficient {
        let [low, high] = [value - half, value + half].map(|end| Some(end).filter(|end| end.is_finite()));
        Coefficient { value: Some(value), low, high }
    }
}

/// The inverse of a small matrix, by Gauss and Jordan; none where it has none.
fn inverted(mut rows: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = rows.len();
    for (number, row) in rows.iter_mut().enumerate() {
        row.extend((0..size).map(|column| if column == number { 1.0 } else { 0.0 }));
    }
    for pivot in 0..size {
        let best = (pivot..size).max_by(|a, b| rows[*a][pivot].abs().total_cmp(&rows[*b][pivot].abs()))?;
        rows.swap(pivot, best);
        let scale = rows[pivot][pivot];
        if scale.abs() < 1e-12 {
            return None;
        }
        rows[pivot].iter_mut().for_each(|cell| *cell /= scale);
        let own = rows[pivot].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|(number, _)| *number != pivot) {
            let factor = row[pivot];
            row.iter_mut().zip(&own).for_each(|(cell, own)| *cell -= factor * own);
        }
    }
    Some(rows.into_iter().map(|row| row[size..].to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_distr::{Distribution as _, Normal};
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn the_law_is_found_again_and_its_peak() {
        let law = |n: f64| 10.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.0008 * n * (n - 1.0));
        let pairs: Vec<(f64, f64)> = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0].map(|n| (n, law(n))).to_vec();
        let fit = fit(&pairs);
        assert!(
            fit.refused.is_none() && (fit.lambda.and_then(|lambda| lambda.value).expect("fitted") - 10.0).abs() < 1e-6,
            "{fit:?}"
        );
        assert!((fit.peak.expect("a peak") - (0.95_f64 / 0.0008).sqrt()).abs() < 1e-3, "{fit:?}");
    }

    /// Pairs that the law makes, each rate with so many percent of error.
    fn pairs(sigma: f64, kappa: f64, errors: [f64; 8]) -> Vec<(f64, f64)> {
        let law = Law { lambda: 10.0, sigma, kappa };
        let at = |(n, error): (f64, f64)| (n, law.at(n) * (1.0 + error / 100.0));
        [1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0].into_iter().zip(errors).map(at).collect()
    }

    #[test]
    fn contention_below_nothing_is_not_identifiable_and_has_an_interval() {
        // What grows faster than the number of requests has a contention below 0.
        let usl = fit(&pairs(-0.01, 0.0, [1.0, -1.0, 0.5, -0.5, 1.0, -1.0, 0.5, -0.5]));
        let sigma = usl.sigma.expect("fitted");
        assert_eq!((sigma.value, usl.peak), (None, None), "{usl:?}");
        assert!(sigma.low.is_some_and(|low| low < 0.0) && sigma.low < sigma.high, "{sigma:?}");
        assert!(usl.lambda.and_then(|lambda| lambda.value).is_some_and(|lambda| lambda > 0.0), "{usl:?}");
    }

    #[test]
    fn no_peak_is_drawn_from_chance() {
        let usl = fit(&pairs(0.05, 0.0, [2.0, -2.0, 2.0, -1.0, 1.0, 0.5, -0.5, -2.0]));
        assert_eq!(usl.peak, None, "{usl:?}");
    }

    /// The intervals are for errors that are a share of the rate, as those of stages are.
    #[test]
    fn intervals_hold_the_truth_in_nine_of_ten() {
        let mut random = Pcg64::seed_from_u64(16);
        let draws = 500;
        let mut held = [0, 0];
        for _ in 0..draws {
            let errors = std::array::from_fn(|_| Normal::new(0.0, 2.0).expect("a spread").sample(&mut random));
            let usl = fit(&pairs(0.03, 0.001, errors));
            for (held, (coefficient, truth)) in held.iter_mut().zip([(usl.sigma, 0.03), (usl.kappa, 0.001)]) {
                let own = coefficient.expect("fitted");
                *held += u32::from(own.low <= Some(truth) && Some(truth) <= own.high);
            }
        }
        assert!(held.iter().all(|held| held * 10 >= draws * 9), "{held:?} of {draws}");
    }

    #[test]
    fn a_poor_fit_or_too_few_points_say_nothing() {
        let noise = [(1.0, 9.0), (2.0, 3.0), (4.0, 40.0), (8.0, 11.0), (16.0, 90.0), (32.0, 20.0)];
        assert!(fit(&noise).refused.is_some_and(|why| why.contains("nothing is extrapolated")));
        assert!(fit(&noise).peak.is_none());
        assert!(fit(&noise[..3]).refused.is_some_and(|why| why.contains("too few")));
    }
}
