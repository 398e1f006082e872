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
//! hard limits that it knows nothing of, so it is an appendix, and a poor fit says nothing at all.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    pub lambda: Option<f64>,
    /// Contention.
    pub sigma: Option<f64>,
    /// Coherence.
    pub kappa: Option<f64>,
    /// Share of the variance that it explains.
    pub r_squared: Option<f64>,
    /// Requests in flight at its peak; none where it has none, or beyond twice what was measured.
    pub peak: Option<f64>,
    /// What it was fitted to.
    pub points: Vec<Point>,
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
    let full = solve(pairs, 3);
    // A negative cost of coherence is no law: then there is none, and the other two are fitted without it.
    let solution = full.filter(|[_, _, kappa]| *kappa >= 0.0).or_else(|| solve(pairs, 2));
    let Some([a, b, c]) = solution.filter(|[a, _, _]| *a > 0.0) else {
        return refused("the stages do not determine it".to_owned());
    };
    let (lambda, sigma, kappa) = (1.0 / a, b / a, c / a);
    let law = |n: f64| lambda * n / (1.0 + sigma * (n - 1.0) + kappa * n * (n - 1.0));
    let points: Vec<Point> =
        pairs.iter().map(|(n, x)| Point { in_flight: *n, rate_per_s: *x, residual: x - law(*n) }).collect();
    let mean = pairs.iter().map(|pair| pair.1).sum::<f64>() / pairs.len() as f64;
    let total: f64 = pairs.iter().map(|pair| (pair.1 - mean).powi(2)).sum();
    let left: f64 = points.iter().map(|point| point.residual.powi(2)).sum();
    let r_squared = 1.0 - left / total.max(f64::MIN_POSITIVE);
    let peak =
        (kappa > 0.0 && sigma < 1.0).then(|| ((1.0 - sigma) / kappa).sqrt()).filter(|peak| *peak <= 2.0 * widest);
    let poor = if (-0.05..=1.0).contains(&sigma) {
        (r_squared < GOOD).then(|| format!("the fit is poor (R2 {r_squared:.3}): nothing is extrapolated"))
    } else {
        Some(format!("the fit is no law (contention {sigma:.3}): nothing is extrapolated"))
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

/// Least squares of `n / X` on the first so many of `1`, `n - 1` and `n (n - 1)`, by the normal equations.
fn solve(pairs: &[(f64, f64)], terms: usize) -> Option<[f64; 3]> {
    let mut rows = [[0.0; 4]; 3];
    for (n, x) in pairs {
        let basis = [1.0, n - 1.0, n * (n - 1.0)];
        for i in 0..terms {
            for j in 0..terms {
                rows[i][j] += basis[i] * basis[j];
            }
            rows[i][3] += basis[i] * n / x;
        }
    }
    for pivot in 0..terms {
        let best = (pivot..terms).max_by(|a, b| rows[*a][pivot].abs().total_cmp(&rows[*b][pivot].abs()))?;
        rows.swap(pivot, best);
        if rows[pivot][pivot].abs() < 1e-12 {
            return None;
        }
        let own = rows[pivot];
        for (number, row) in rows.iter_mut().enumerate().take(terms).filter(|(number, _)| *number != pivot) {
            let factor = row[pivot] / own[pivot];
            debug_assert_ne!(number, pivot);
            row.iter_mut().zip(own).for_each(|(value, own)| *value -= factor * own);
        }
    }
    let value = |i: usize| if i < terms { rows[i][3] / rows[i][i] } else { 0.0 };
    Some([value(0), value(1), value(2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_is_found_again_and_its_peak() {
        let law = |n: f64| 10.0 * n / (1.0 + 0.05 * (n - 1.0) + 0.0008 * n * (n - 1.0));
        let pairs: Vec<(f64, f64)> = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0].map(|n| (n, law(n))).to_vec();
        let fit = fit(&pairs);
        assert!(fit.refused.is_none() && (fit.lambda.expect("fitted") - 10.0).abs() < 1e-6, "{fit:?}");
        assert!((fit.peak.expect("a peak") - (0.95_f64 / 0.0008).sqrt()).abs() < 1e-3, "{fit:?}");
    }

    #[test]
    fn a_poor_fit_or_too_few_points_say_nothing() {
        let noise = [(1.0, 9.0), (2.0, 3.0), (4.0, 40.0), (8.0, 11.0), (16.0, 90.0), (32.0, 20.0)];
        assert!(fit(&noise).refused.is_some_and(|why| why.contains("nothing is extrapolated")));
        assert!(fit(&noise).peak.is_none());
        assert!(fit(&noise[..3]).refused.is_some_and(|why| why.contains("too few")));
    }
}
