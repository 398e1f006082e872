//! What a comparison could have found: the smallest change that it would call, and how many repetitions would find a
//! smaller one at the spread that the runs had.

use super::Basis;
use super::basis::Difference;
use super::figure::Criteria;
use super::interval::{normal, quantile};
use super::quantity::{Better, Quantity, Unit};

/// A change is detectable where four of five such comparisons would call it: the normal quantile of that share.
const FOUND: f64 = 0.8416;
/// More repetitions than this are no advice.
const MOST: u32 = 100;
/// The change that advice is for, where the bound is smaller.
pub const TENTH: f64 = 0.1;

/// What could have been found of one figure, on the scale on which it is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Detectable {
    /// The smallest change that would be called.
    pub(super) change: f64,
    /// Variance of a single run.
    spread: f64,
    confidence: f64,
    basis: Basis,
    noise: f64,
}

impl Detectable {
    pub(super) fn of(difference: Difference, unit: Unit, criteria: Criteria) -> Option<Detectable> {
        let Criteria { basis, confidence, .. } = criteria;
        // A change within the noise is not called, however sure it is.
        let noise = if unit == Unit::Fraction { 0.0 } else { criteria.noise.ln_1p() };
        let estimate = difference.estimate;
        let spread = difference.spread?;
        let critical = quantile(estimate.freedom, 0.5 + confidence / 2.0) * difference.widened;
        let change =
            if estimate.variance > 0.0 { found(critical, estimate.freedom) * estimate.variance.sqrt() } else { 0.0 };
        let by_chance = (normal(0.5 + confidence / 2.0) + FOUND) * difference.chance.sqrt();
        (basis.decides() && change.is_finite()).then_some(Detectable {
            change: change.max(by_chance).max(noise),
            spread,
            confidence,
            basis,
            noise,
        })
    }

    /// How many repetitions of each side would find a change of this size; none where more than a hundred would not.
    pub(super) fn repetitions(&self, change: f64) -> Option<u32> {
        (2..=MOST).find(|count| {
            let runs = f64::from(*count);
            let freedom = if self.basis == Basis::Pairs { runs - 1.0 } else { 2.0 * runs - 2.0 };
            let deviations = found(quantile(freedom, 0.5 + self.confidence / 2.0), freedom);
            (deviations * (self.spread * 2.0 / runs).sqrt()).max(self.noise) <= change
        })
    }
}

/// How many standard deviations off a mean must be for Student's t to exceed a critical value in four of five cases, by
/// the approximation of Johnson and Welch (Biometrika 31, 1940).
fn found(critical: f64, freedom: f64) -> f64 {
    critical * (1.0 - 0.25 / freedom) + FOUND * (1.0 + critical * critical / (2.0 * freedom)).sqrt()
}

/// A change on the scale on which figures are compared, for the worse, as reports count it.
pub(super) fn shown(quantity: Quantity, change: f64) -> f64 {
    let sign = match (quantity.unit(), quantity.better) {
        (Unit::Us | Unit::PerS, Better::Higher) => -1.0,
        _ => 1.0,
    };
    quantity.unit().shown(sign * change).abs()
}
