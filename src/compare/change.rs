//! A side against the base.

use schemars::JsonSchema;
use serde::Serialize;

use super::Basis;
use super::comparison::{Column, Terms};
use super::figure::{Criteria, Figure, Verdict};
use super::interval::each_of;
use super::notes::{doubts, notes, unbelievable};
use super::power::TENTH;
use super::quantity::{self, Quantity, Unit};
use super::side::Side;
use super::violations::{Violation, broken_only_in};

/// A side against the base.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The side.
    pub side: Column,
    /// What it comes to.
    pub conclusion: Conclusion,
    /// What the numbers of runs allow to say.
    pub basis: Basis,
    /// How sure each interval is, so that those of all figures that decide hold together; of one run against one, each
    /// alone, and within these runs.
    pub confidence_each: f64,
    /// Figures that either side has, in the order of reports.
    pub figures: Vec<Figure>,
    /// What could have been found, where something could not be told.
    pub sight: Option<Sight>,
    /// What it breaks and the base does not.
    pub new_violations: Vec<Violation>,
    /// What the base breaks and it does not.
    pub fixed_violations: Vec<Violation>,
    /// What is beyond the bound: figures by name, and checks of a broken MUST that is new and not known.
    pub regressions: Vec<String>,
    /// Why nothing could be told of any figure, where that is so.
    pub unbelievable: Vec<String>,
    /// Why a side is doubtful, where one is.
    pub doubts: Vec<String>,
    /// What else should be known before it is believed.
    pub notes: Vec<String>,
}

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// A side cannot be believed.
    Invalid,
    /// Too few runs for a verdict of any figure.
    NoVerdict,
    /// A figure is worse beyond the bound, or a MUST is newly broken.
    Worse,
    /// A change for the worse beyond the bound is not ruled out.
    CannotTell,
    /// A change for the worse beyond the bound is ruled out for every figure that decides.
    Held,
}

/// What could have been found of the figure that is known worst.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sight {
    /// The figure.
    pub figure: String,
    /// What it is counted in.
    pub unit: Unit,
    /// The smallest change for the worse that would have been found in four of five such comparisons; null where not even
    /// that is known.
    pub detectable: Option<f64>,
    /// A smaller change that more repetitions would find; null where what could be found is small enough.
    pub target: Option<f64>,
    /// How many repetitions of each side would find it; null where a hundred would not.
    pub repetitions: Option<u32>,
}

impl Change {
    pub(super) fn of(base: &Side, new: &Side, terms: &Terms) -> Change {
        let sides = [base, new];
        let unbelievable: Vec<String> = sides.into_iter().flat_map(unbelievable).collect();
        let compared: Vec<Quantity> =
            quantity::ALL.into_iter().filter(|quantity| sides.iter().any(|side| side.has(*quantity))).collect();
        // A figure that is the same in every run of both sides cannot be called, so it takes nothing from the others.
        let deciding = compared.iter().filter(|quantity| quantity.decides && quantity.varies(sides)).count();
        let basis = Basis::of(base, new);
        let confidence_each = if basis.decides() { each_of(deciding, terms.confidence) } else { terms.confidence };
        let criteria = Criteria {
            basis,
            confidence: confidence_each,
            noise: terms.noise,
            bound: terms.max_regression,
            believed: unbelievable.is_empty(),
        };
        let figures: Vec<Figure> = compared.iter().map(|quantity| Figure::of(*quantity, sides, criteria)).collect();
        let new_violations = broken_only_in(new, base);
        let known = |violation: &&Violation| new.first().meta.known.contains_key(&violation.check);
        let broken = new_violations.iter().filter(|violation| violation.level == "must" && !known(violation));
        let worse = figures.iter().filter(|figure| figure.is_worse_by(terms.max_regression));
        let regressions: Vec<String> =
            worse.map(|figure| figure.name.clone()).chain(broken.map(|v| v.check.clone())).collect();
        Change {
            side: Column::of(new),
            conclusion: conclusion(basis, &figures, terms.max_regression, !regressions.is_empty(), criteria.believed),
            basis,
            confidence_each,
            sight: sight(&figures, terms.max_regression),
            regressions,
            doubts: sides.into_iter().filter_map(doubts).collect(),
            notes: notes(base, new, basis),
            fixed_violations: broken_only_in(base, new),
            figures,
            new_violations,
            unbelievable,
        }
    }

    /// How many of its figures have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.figures.iter().filter(|figure| figure.verdict == Some(verdict)).count()
    }
}

fn conclusion(basis: Basis, figures: &[Figure], bound: f64, regressed: bool, believed: bool) -> Conclusion {
    let unclear = figures.iter().any(|figure| match figure.verdict {
        Some(Verdict::CannotTell) => true,
        // A little worse for certain, and perhaps by more than the bound.
        Some(Verdict::Worse) => !figure.rules_out(bound),
        Some(Verdict::Better | Verdict::Held) | None => false,
    });
    match (believed, basis.decides(), regressed, unclear) {
        (false, ..) => Conclusion::Invalid,
        (_, false, ..) => Conclusion::NoVerdict,
        (_, _, true, _) => Conclusion::Worse,
        (_, _, _, true) => Conclusion::CannotTell,
        (_, _, _, false) => Conclusion::Held,
    }
}

/// What could have been found of the figure of which least is known: of one without any interval nothing, else of the one
/// whose smallest detectable change is largest. Times and rates come before shares, whose changes are points.
fn sight(figures: &[Figure], bound: f64) -> Option<Sight> {
    let open = figures.iter().filter(|figure| figure.verdict == Some(Verdict::CannotTell));
    let worst = open.max_by(|a, b| {
        let rank = |figure: &Figure| (figure.unit != Unit::Fraction, figure.detectable.unwrap_or(f64::INFINITY));
        let (a, b) = (rank(a), rank(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    })?;
    let target = if worst.detectable.is_some_and(|detectable| detectable <= TENTH.max(bound)) {
        bound
    } else {
        TENTH.max(bound)
    };
    let target = (worst.unit != Unit::Fraction && worst.detectable.is_some_and(|detectable| detectable > target))
        .then_some(target);
    let repetitions = target.zip(worst.spread).and_then(|(target, spread)| spread.repetitions(target.ln_1p()));
    Some(Sight { figure: worst.name.clone(), unit: worst.unit, detectable: worst.detectable, target, repetitions })
}
