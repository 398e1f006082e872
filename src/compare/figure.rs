//! A figure on both sides, and what its change comes to.

use schemars::JsonSchema;
use serde::Serialize;

use super::Basis;
use super::basis::Difference;
use super::power::{self, Detectable};
use super::quantity::{Better, Quantity, Unit};
use super::side::Side;

/// Beyond this factor up or down, an interval says nothing.
const UNBOUNDED: f64 = 10.0;
/// A share that rises by less than this has not got worse, however small it was.
const SHARE_BOUND: f64 = 0.01;

/// A figure on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    /// Its name, as goals have it.
    pub name: String,
    /// What it is counted in.
    pub unit: Unit,
    /// In which direction it gets better.
    pub better: Better,
    /// Whether it is one of those that decide; the others are shown without a verdict.
    pub decides: bool,
    /// In the base, the mean of its runs (of times and rates the geometric one); null is infinity or the lack of any
    /// sample.
    pub base: Option<f64>,
    /// On the other side.
    pub new: Option<f64>,
    /// How much it changed, as a share of the base (0.1 is ten percent more), of a fraction the difference; null where
    /// that cannot be said.
    pub change: Option<f64>,
    /// Lower end of the interval of the change; null where it is not known, or beyond tenfold.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Whether the interval reaches beyond tenfold, so that it says nothing.
    pub unbounded: bool,
    /// The smallest change for the worse that would have been found in four of five such comparisons, as `change` counts
    /// it and without a sign; null where that is not known.
    pub detectable: Option<f64>,
    /// What that comes to; null where it does not decide, or where the runs allow no verdict.
    pub verdict: Option<Verdict>,
    /// What a single run varies by.
    #[serde(skip)]
    pub(super) spread: Option<Detectable>,
}

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It surely changed, by more than the noise, and for the worse.
    Worse,
    /// It surely changed, by more than the noise, and for the better.
    Better,
    /// A change for the worse beyond the bound is ruled out.
    Held,
    /// None of these.
    CannotTell,
}

impl Verdict {
    /// Every verdict, in the order of reports.
    pub const ALL: [Verdict; 4] = [Verdict::Worse, Verdict::Better, Verdict::Held, Verdict::CannotTell];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Worse => "worse",
            Verdict::Better => "better",
            Verdict::Held => "held",
            Verdict::CannotTell => "cannot tell",
        }
    }
}

/// What a figure is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Criteria {
    /// What the numbers of runs allow.
    pub(super) basis: Basis,
    /// How sure each interval is.
    pub(super) confidence: f64,
    /// A change within this share of the base is not called.
    pub(super) noise: f64,
    /// A change for the worse beyond this share of the base is a regression.
    pub(super) bound: f64,
    /// Whether both sides can be believed.
    pub(super) believed: bool,
}

impl Figure {
    pub(super) fn of(quantity: Quantity, sides: [&Side; 2], criteria: Criteria) -> Figure {
        let unit = quantity.unit();
        let [was, is] = sides.map(|side| mean(&quantity.values(side)));
        // One run's figure is what its report says; to the scale and back it would not be, to the last digit.
        let shown = |side: &Side, mean: Option<f64>| match side.values(quantity.metric).as_slice() {
            [one] => finite(*one),
            _ => mean.map(|mean| unit.centre(mean)).and_then(finite),
        };
        let change = was.zip(is).map(|(was, is)| is - was).filter(|change| change.is_finite());
        let difference = criteria.basis.difference(quantity, sides);
        let ends = difference.map(|difference| difference.interval(criteria.confidence));
        let unbounded = ends.is_some_and(|(low, high)| unit.is_beyond(low) || unit.is_beyond(high));
        let spread = difference.and_then(|difference| Detectable::of(difference, unit, criteria));
        let bounded = |end: f64| (!unbounded).then(|| finite(unit.shown(end))).flatten();
        Figure {
            name: quantity.name(),
            unit,
            better: quantity.better,
            decides: quantity.decides,
            base: shown(sides[0], was),
            new: shown(sides[1], is),
            change: change.map(|change| unit.shown(change)),
            low: ends.and_then(|(low, _)| bounded(low)),
            high: ends.and_then(|(_, high)| bounded(high)),
            unbounded,
            detectable: spread.map(|spread| power::shown(quantity, spread.change)),
            verdict: (quantity.decides && criteria.believed && criteria.basis.decides())
                .then(|| Criteria::verdict(criteria, quantity, was.unwrap_or(0.0), difference)),
            spread,
        }
    }

    /// Whether the interval rules out that it is worse by more than a share of the base.
    pub(super) fn rules_out(&self, bound: f64) -> bool {
        let worst = match self.better {
            Better::Lower => self.high,
            Better::Higher => self.low.map(|low| if self.unit == Unit::Fraction { -low } else { -low / (1.0 + low) }),
        };
        let bound =
            if self.unit == Unit::Fraction { (bound * self.base.unwrap_or(0.0)).max(SHARE_BOUND) } else { bound };
        worst.is_some_and(|worst| worst <= bound)
    }

    /// Whether it is surely worse, and by more than a share of the base.
    pub(super) fn is_worse_by(&self, bound: f64) -> bool {
        let bound = if self.unit == Unit::Fraction { bound * self.base.unwrap_or(0.0) } else { bound };
        self.verdict == Some(Verdict::Worse) && self.change.is_some_and(|change| change.abs() > bound)
    }
}

impl Criteria {
    /// What a difference comes to: worse or better where the interval excludes no change and the change is beyond the
    /// noise, held where the end for the worse is within the bound.
    pub(super) fn verdict(self, quantity: Quantity, base: f64, difference: Option<Difference>) -> Verdict {
        let Some(difference) = difference else { return Verdict::CannotTell };
        let unit = quantity.unit();
        let (low, high) = difference.interval(self.confidence);
        let sign = if quantity.better == Better::Lower { 1.0 } else { -1.0 };
        let (worst, least) = if sign > 0.0 { (high, low) } else { (-low, -high) };
        let mean = difference.estimate.mean * sign;
        // On the side for the worse; both sides are as far on the scale of logarithms.
        let scaled = |share: f64, least: f64| match unit {
            Unit::Fraction => (share * base).max(least),
            Unit::Us | Unit::PerS => share.ln_1p(),
        };
        let noise = scaled(self.noise, 0.0);
        if least > 0.0 && mean > noise {
            Verdict::Worse
        } else if worst < 0.0 && mean < -noise {
            Verdict::Better
        } else if worst <= scaled(self.bound, SHARE_BOUND) {
            Verdict::Held
        } else {
            Verdict::CannotTell
        }
    }
}

impl Unit {
    /// A value of the scale on which figures are compared, as a value of the figure.
    fn centre(self, value: f64) -> f64 {
        match self {
            Unit::Fraction => value,
            Unit::Us | Unit::PerS => value.exp(),
        }
    }

    /// A difference on the scale on which figures are compared, as a change.
    pub(super) fn shown(self, difference: f64) -> f64 {
        match self {
            Unit::Fraction => difference,
            Unit::Us | Unit::PerS => difference.exp_m1(),
        }
    }

    /// Whether a difference on that scale is more than tenfold.
    fn is_beyond(self, difference: f64) -> bool {
        match self {
            Unit::Fraction => difference.abs() > 1.0,
            Unit::Us | Unit::PerS => difference.abs() > UNBOUNDED.ln(),
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}
