//! How sure a change is.
//!
//! What is resampled is never a request: the requests of a run share its fate, so a thousand of them are no thousand
//! observations. It is the **repetition**, where a side has several. For the mean of n repetitions the bootstrap's
//! variance needs no draws: its limit is s^2 (n - 1) / n^2, and with the correction for small n, s^2 / n. The interval
//! then takes Student's t in the place of the normal quantile, and not the percentiles of the draws: those cannot leave
//! the range of the data, so that of five pairs they would raise a false alarm in 2 of 2^5 cases, and of two runs
//! against two in every third (Efron and Tibshirani, An Introduction to the Bootstrap, chapters 12 and 14).
//! Two sides are joined by Welch's formula; runs made in turn are taken in pairs, so that drift cancels.
//!
//! Times and rates are compared by the logarithm: a ratio is what users speak of, and doubling is as far as halving.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

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
    /// From independent repetitions; none where fewer than two tell nothing of how they vary, or where some value is
    /// not finite.
    pub fn of(values: &[f64]) -> Option<Estimate> {
        if values.len() < 2 || !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Estimate { mean, variance: squares / (n - 1.0) / n, freedom: n - 1.0 })
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

    /// The variance is at least this.
    #[must_use]
    pub fn at_least(self, variance: f64) -> Estimate {
        Estimate { variance: self.variance.max(variance), ..self }
    }

    /// The interval that holds the true mean with this confidence.
    pub fn interval(self, confidence: f64) -> (f64, f64) {
        let reach = quantile(self.freedom, 0.5 + confidence / 2.0) * self.variance.sqrt();
        // Nothing that varies needs no quantile, which could be infinite.
        let reach = if self.variance > 0.0 { reach } else { 0.0 };
        (self.mean - reach, self.mean + reach)
    }
}

/// The quantile of Student's t.
fn quantile(freedom: f64, p: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(p))
}

/// The confidence of each of several intervals such that all of them hold together with this one (Bonferroni).
pub fn each_of(count: usize, together: f64) -> f64 {
    1.0 - (1.0 - together) / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_distr::{Distribution as _, LogNormal};
    use rand_pcg::Pcg64;

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
    fn two_sides_join_by_welch() {
        let (a, b) = (Estimate::of(&[1.0, 2.0, 3.0]).expect("two"), Estimate::of(&[2.0, 4.0]).expect("two"));
        let difference = b.less(a);
        assert_eq!((difference.mean, a.variance, b.variance), (1.0, 1.0 / 3.0, 1.0));
        assert!((difference.freedom - (16.0 / 9.0) / (1.0 / 18.0 + 1.0)).abs() < 1e-9);
        assert_eq!((Estimate::of(&[1.0]), Estimate::of(&[1.0, f64::INFINITY])), (None, None));
    }

    /// How often the interval of the change misses it, by the number of repetitions, paired or not.
    fn misses(repetitions: usize, paired: bool, draws: u32) -> f64 {
        let mut generator = Pcg64::seed_from_u64(u64::try_from(repetitions).expect("few") + u64::from(paired));
        // Skewed, as the percentiles of repeated runs are; and in pairs, with a drift that both share.
        let noise = LogNormal::new(0.0, 0.1).expect("parameters");
        let drift = LogNormal::new(0.0, 0.5).expect("parameters");
        let mut missed = 0;
        for _ in 0..draws {
            let shared: Vec<f64> =
                (0..repetitions).map(|_| if paired { drift.sample(&mut generator) } else { 1.0 }).collect();
            let mut side = || -> Vec<f64> { shared.iter().map(|d| (d * noise.sample(&mut generator)).ln()).collect() };
            let (base, new) = (side(), side());
            let difference = if paired {
                Estimate::of(&new.iter().zip(&base).map(|(new, base)| new - base).collect::<Vec<_>>())
            } else {
                Estimate::of(&new).zip(Estimate::of(&base)).map(|(new, base)| new.less(base))
            };
            let (low, high) = difference.expect("several").interval(0.95);
            missed += u32::from(low > 0.0 || high < 0.0);
        }
        f64::from(missed) / f64::from(draws)
    }

    #[test]
    fn intervals_of_equal_sides_miss_zero_as_often_as_stated() {
        for (repetitions, paired) in [(2, false), (3, false), (5, false), (10, false), (3, true), (5, true), (10, true)]
        {
            let missed = misses(repetitions, paired, 4000);
            // 4000 draws of 5 % have a standard deviation of 0.34 %; Welch errs to the careful side with two or three.
            let least = if repetitions < 4 && !paired { 0.02 } else { 0.037 };
            assert!((least..0.063).contains(&missed), "{repetitions}, paired {paired}: {missed}");
        }
    }
}
