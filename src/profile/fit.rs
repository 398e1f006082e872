//! How recorded numbers are distributed, and how well that is said: fits, and their distance from the numbers.

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, Gamma};
use rand_pcg::Pcg64;

use crate::plan::prompt::length::{LONGEST, Length};

/// A lognormal that is no further than this from the numbers is kept; else their quantiles are.
const NEAR: f64 = 0.05;
/// How many quantiles are kept: every fortieth of the numbers.
const QUANTILES: usize = 41;
/// How many draws stand for a distribution.
const DRAWS: u64 = 20_000;

/// Lengths as a distribution.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    /// The value of `input_tokens` or `output_tokens` in a profile.
    pub(super) written: String,
    /// What it is, in words.
    pub(super) kind: &'static str,
    /// Kolmogorov and Smirnov's distance between the numbers and what the distribution draws, from 0 to 1.
    pub(super) distance: f64,
}

/// The distribution of some lengths, in any order; at least one.
pub(super) fn lengths(mut numbers: Vec<u64>) -> Fit {
    numbers.sort_unstable();
    for number in &mut numbers {
        *number = (*number).clamp(1, LONGEST);
    }
    if numbers.first() == numbers.last() {
        return Fit { written: numbers[0].to_string(), kind: "constant", distance: 0.0 };
    }
    let logs: Vec<f64> = numbers.iter().map(|number| (*number as f64).ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let sigma = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / logs.len() as f64).sqrt();
    let lognormal = format!("lognormal:{:.0}:{sigma:.3}", mean.exp());
    let quantiles: Vec<String> =
        (0..QUANTILES).map(|step| numbers[step * (numbers.len() - 1) / (QUANTILES - 1)].to_string()).collect();
    let quantiles = format!("quantiles:{}", quantiles.join(","));
    let fit = |written: String, kind| {
        let distance = written.parse().map_or(1.0, |length| distance_of(&length, &numbers));
        Fit { written: format!("\"{written}\""), kind, distance }
    };
    let lognormal = fit(lognormal, "lognormal");
    if lognormal.distance <= NEAR { lognormal } else { fit(quantiles, "quantiles") }
}

fn distance_of(length: &Length, sorted: &[u64]) -> f64 {
    let mut draws: Vec<f64> = (0..DRAWS).map(|nth| length.draw(1, nth, nth, "fit") as f64).collect();
    draws.sort_by(f64::total_cmp);
    let numbers: Vec<f64> = sorted.iter().map(|number| *number as f64).collect();
    distance(&numbers, &draws)
}

/// Shape of the gamma distribution that has the spread of these gaps, and its distance from them; none where they have
/// no spread that could be told. The gaps are relative to their mean.
pub(super) fn burstiness(mut gaps: Vec<f64>) -> Option<(f64, f64)> {
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    // A gamma distribution of shape k has the coefficient of variation 1 / sqrt(k).
    let variation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count).sqrt() / mean;
    let shape = 1.0 / (variation * variation);
    if gaps.len() < 10 || !shape.is_finite() {
        return None;
    }
    let shape = shape.clamp(0.01, 1000.0);
    let gamma = Gamma::new(shape, mean / shape).ok()?;
    let mut random = Pcg64::seed_from_u64(1);
    let mut draws: Vec<f64> = (0..DRAWS).map(|_| gamma.sample(&mut random)).collect();
    draws.sort_by(f64::total_cmp);
    gaps.sort_by(f64::total_cmp);
    Some((shape, distance(&gaps, &draws)))
}

/// The largest difference between the distribution functions of two sorted samples.
fn distance(left: &[f64], right: &[f64]) -> f64 {
    let (mut i, mut j, mut most) = (0, 0, 0.0_f64);
    while i < left.len() && j < right.len() {
        let at = left[i].min(right[j]);
        i += left[i..].iter().take_while(|value| **value <= at).count();
        j += right[j..].iter().take_while(|value| **value <= at).count();
        most = most.max((i as f64 / left.len() as f64 - j as f64 / right.len() as f64).abs());
    }
    most
}

#[cfg(test)]
mod tests {
    use rand_distr::{Exp1, LogNormal};

    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive lengths")]
    fn a_lognormal_is_known_again_and_two_humps_are_kept_as_quantiles() {
        let mut random = Pcg64::seed_from_u64(3);
        let drawn = LogNormal::new(500_f64.ln(), 0.6).expect("a distribution");
        let fit = lengths((0..5000).map(|_| drawn.sample(&mut random) as u64).collect());
        assert_eq!(fit.kind, "lognormal");
        assert!(fit.distance < 0.03 && fit.written.starts_with("\"lognormal:"), "{fit:?}");
        let humps = lengths((0..5000).map(|n| if n % 2 == 0 { 100 + n % 20 } else { 4000 + n % 500 }).collect());
        assert_eq!(humps.kind, "quantiles");
        assert!(humps.distance < 0.05, "{humps:?}");
        assert_eq!(lengths(vec![7, 7, 7]).written, "7");
    }

    #[test]
    fn exponential_gaps_have_the_shape_of_poisson_arrivals() {
        let mut random = Pcg64::seed_from_u64(3);
        let gaps: Vec<f64> = (0..20_000).map(|_| Exp1.sample(&mut random)).collect();
        let (shape, distance) = burstiness(gaps).expect("a shape");
        assert!((shape - 1.0).abs() < 0.05 && distance < 0.02, "{shape} {distance}");
        assert_eq!(burstiness(vec![1.0; 50]), None);
        assert_eq!(burstiness(vec![1.0, 2.0]), None);
    }

    #[test]
    fn the_distance_is_the_largest_step_between_two_samples() {
        assert!(distance(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).abs() < 1e-12);
        assert!((distance(&[1.0, 2.0], &[3.0, 4.0]) - 1.0).abs() < 1e-12);
        assert!((distance(&[1.0, 1.0, 1.0, 4.0], &[2.0, 3.0, 5.0, 6.0]) - 0.75).abs() < 1e-12);
    }
}
