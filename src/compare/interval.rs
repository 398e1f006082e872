//! How sure a change is.
//!
//! What is resampled is never a request: the requests of a run share its fate, so a thousand of them are no thousand
//! observations. The observation is the **run**, or the difference of a pair of runs. Student's t is used and no
//! permutations: five pairs have 2^5 of them, so that none is rarer than 1 in 16, and six figures need 1 in 120.
//!
//! Times and rates are compared by the logarithm: a ratio is what users speak of, and doubling is as far as halving.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// Where the mean of a figure lies, and how well that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The variance of the mean.
    pub variance: f64,
    /// Degrees of freedom of that variance.
    pub freedom: f64,
}

impl Estimate {
    /// From independent observations; none where fewer than two tell nothing of how they vary, or where some value is
    /// not finite.
    pub fn of(values: &[f64]) -> Option<Estimate> {
        if values.len() < 2 {
            return None;
        }
        let n = values.len() as f64;
        let (mean, squares) = mean_and_squares(values)?;
        Some(Estimate { mean, variance: squares / (n - 1.0) / n, freedom: n - 1.0 })
    }

    /// How far the second of two sides is above the first, and the variance of a single run, which both share; none
    /// where both together say nothing of that, or where some value is not finite.
    pub fn pooled(base: &[f64], new: &[f64]) -> Option<(Estimate, f64)> {
        let ((was, squares_before), (is, squares_after)) = (mean_and_squares(base)?, mean_and_squares(new)?);
        let freedom = (base.len() + new.len()).checked_sub(2).filter(|freedom| *freedom > 0)? as f64;
        let spread = (squares_before + squares_after) / freedom;
        let variance = spread * (1.0 / base.len() as f64 + 1.0 / new.len() as f64);
        Some((Estimate { mean: is - was, variance, freedom }, spread))
    }

    /// How far this is above another, independent one (Welch and Satterthwaite).
    #[must_use]
    pub fn less(self, other: Estimate) -> Estimate {
        let variance = self.variance + other.variance;
        let weight = |estimate: Estimate| estimate.variance.powi(2) / estimate.freedom;
        let freedom = match weight(self) + weight(other) {
            weights if weights > 0.0 => variance * variance / weights,
            _ => self.freedom + other.freedom,
        };
        Estimate { mean: self.mean - other.mean, variance, freedom }
    }

    /// How far the interval that holds the true mean with this confidence reaches to each side.
    pub fn reach(self, confidence: f64) -> f64 {
        // What does not vary needs no quantile, which could be infinite.
        if self.variance > 0.0 { quantile(self.freedom, 0.5 + confidence / 2.0) * self.variance.sqrt() } else { 0.0 }
    }
}

/// The mean of some values and the sum of the squares of their deviations; none where there is none, or one is not
/// finite.
fn mean_and_squares(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some((mean, values.iter().map(|value| (value - mean).powi(2)).sum()))
}

/// The quantile of Student's t.
pub(super) fn quantile(freedom: f64, p: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(p))
}

/// The quantile of the standard normal distribution.
pub(super) fn normal(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The confidence of each of several intervals such that all of them hold together with this one (Bonferroni).
pub fn each_of(count: usize, together: f64) -> f64 {
    1.0 - (1.0 - together) / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, p, table) in
            [(1.0, 0.975, 12.706), (4.0, 0.975, 2.776), (8.0, 0.975, 2.306), (4.0, 0.999, 7.173), (30.0, 0.995, 2.750)]
        {
            assert!((quantile(freedom, p) - table).abs() < 0.001, "{freedom} {p}: {}", quantile(freedom, p));
        }
    }

    #[test]
    fn two_sides_are_joined_by_a_common_variance_or_by_welch() {
        let (a, b) = (Estimate::of(&[1.0, 2.0, 3.0]).expect("two"), Estimate::of(&[2.0, 4.0]).expect("two"));
        let difference = b.less(a);
        assert_eq!((difference.mean, a.variance, b.variance), (1.0, 1.0 / 3.0, 1.0));
        assert!((difference.freedom - (16.0 / 9.0) / (1.0 / 18.0 + 1.0)).abs() < 1e-9);
        let (pooled, spread) = Estimate::pooled(&[1.0, 2.0, 3.0], &[2.0, 4.0]).expect("several");
        assert_eq!((pooled.mean, spread, pooled.freedom), (1.0, 4.0 / 3.0, 3.0));
        assert!((pooled.variance - spread * 5.0 / 6.0).abs() < 1e-12);
        assert_eq!((Estimate::of(&[1.0]), Estimate::of(&[1.0, f64::INFINITY])), (None, None));
        assert_eq!((Estimate::pooled(&[1.0], &[2.0]), Estimate::pooled(&[], &[2.0, 3.0, 4.0])), (None, None));
    }

    #[test]
    fn one_run_against_several_is_a_prediction_interval() {
        let (estimate, spread) = Estimate::pooled(&[1.0, 2.0, 4.0, 5.0], &[3.5]).expect("several");
        assert_eq!((estimate.mean, estimate.freedom), (0.5, 3.0));
        assert!((estimate.variance - spread * (1.0 + 0.25)).abs() < 1e-12);
    }
}
