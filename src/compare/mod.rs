//! Two runs or more side by side: what changed, how sure that is, and whether it is better or worse.
//!
//! A comparison knows summaries only. It is between sides of equal plans ([`likeness`]), each a run or the repetitions
//! of one ([`side`]); each figure ([`quantity`]) gets its change with an interval ([`interval`], of a single run from
//! blocks of its time) and one of four verdicts; what was broken on one side only is listed beside ([`violations`]).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

mod blocks;
pub mod interval;
pub mod likeness;
pub mod quantity;
pub mod side;
pub mod violations;

use crate::plan::goal::Metric;
use crate::summary::digest::{Digest, Outcome};
use crate::summary::trust::{Belief, Trust};
use interval::{Estimate, each_of};
use likeness::Difference;
use quantity::{Better, Quantity, Unit};
use side::{Side, in_turn};
use violations::{Violation, broken_only_in};

/// What a comparison is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// A change within this share of the base is none.
    pub noise: f64,
    /// A figure that is worse by more than this share of the base is a regression.
    pub max_regression: f64,
    /// How sure all intervals of a comparison are together: of equal systems, at most the rest of the comparisons call
    /// any figure better or worse.
    pub confidence: f64,
    /// Keys in which the plans may differ, `caches`, or `all`.
    pub under_test: Vec<String>,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { noise: 0.02, max_regression: 0.05, confidence: 0.95, under_test: Vec::new() }
    }
}

/// Runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "proofload comparison")]
pub struct Comparison {
    /// Version of proofload.
    pub proofload: String,
    /// A change within this share of the base is none.
    pub noise: f64,
    /// A figure that is worse by more than this share of the base is a regression.
    pub max_regression: f64,
    /// How sure all intervals against one side are together.
    pub confidence: f64,
    /// What the others are compared with.
    pub base: Column,
    /// The others, each compared with the base.
    pub new: Vec<Change>,
}

/// A side, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Column {
    /// What the user calls it.
    pub name: String,
    /// Where its requests went.
    pub target: String,
    /// The model asked for.
    pub model: Option<String>,
    /// What the user calls its first run.
    pub labels: BTreeMap<String, String>,
    /// How many repetitions it has.
    pub runs: usize,
    /// The verdict of each of them on its own.
    pub verdicts: Vec<Outcome>,
}

/// A side against the base.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The side.
    pub side: Column,
    /// Whether its runs were made in turn with those of the base, and are compared in pairs.
    pub in_turn: bool,
    /// How sure each interval is, so that all of them hold together.
    pub confidence_each: f64,
    /// Figures that either side has, in the order of reports.
    pub figures: Vec<Figure>,
    /// What it breaks and the base does not.
    pub new_violations: Vec<Violation>,
    /// What the base breaks and it does not.
    pub fixed_violations: Vec<Violation>,
    /// What is beyond the bound: figures by name, and checks of a broken MUST that is new and not known.
    pub regressions: Vec<String>,
    /// Why nothing could be told of any figure, where that is so.
    pub unbelievable: Vec<String>,
    /// What else should be known before it is believed.
    pub notes: Vec<String>,
}

/// A figure on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Figure {
    /// Its name, as goals have it.
    pub name: String,
    /// What it is counted in.
    pub unit: Unit,
    /// In which direction it gets better.
    pub better: Better,
    /// In the base, the mean of its runs (of times and rates the geometric one); null is infinity or the lack of any
    /// sample.
    pub base: Option<f64>,
    /// On the other side.
    pub new: Option<f64>,
    /// How much it changed, as a share of the base (0.1 is ten percent more), of a fraction the difference; null where
    /// that cannot be said.
    pub change: Option<f64>,
    /// Lower end of the interval of the change; null where nothing is known of how the figure varies.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// What that comes to.
    pub verdict: Verdict,
}

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is beyond the noise, in the direction in which it gets worse.
    Worse,
    /// The whole interval is beyond the noise, in the direction in which it gets better.
    Better,
    /// The whole interval is within the noise.
    Same,
    /// None of these, or no interval.
    CannotTell,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Worse => "worse",
            Verdict::Better => "better",
            Verdict::Same => "same",
            Verdict::CannotTell => "cannot tell",
        }
    }
}

/// The JSON Schema of a comparison; `schemas/comparison.json` is this, committed.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Comparison>().to_value()
}

/// Holds each of some sides against a base.
///
/// # Errors
/// For each side that does not belong to the base, its name and what differs.
pub fn compare(base: &Side, new: &[Side], terms: &Terms) -> Result<Comparison, Vec<(String, Vec<Difference>)>> {
    let differences = new.iter().map(|side| (side.name.clone(), likeness::differences(base, side, &terms.under_test)));
    let apart: Vec<_> = differences.filter(|(_, differences)| !differences.is_empty()).collect();
    if !apart.is_empty() {
        return Err(apart);
    }
    Ok(Comparison {
        proofload: env!("CARGO_PKG_VERSION").to_owned(),
        noise: terms.noise,
        max_regression: terms.max_regression,
        confidence: terms.confidence,
        base: Column::of(base),
        new: new.iter().map(|side| Change::of(base, side, terms)).collect(),
    })
}

impl Comparison {
    /// Whether anything is worse beyond the bound.
    pub fn has_regressed(&self) -> bool {
        self.new.iter().any(|change| !change.regressions.is_empty())
    }

    /// Whether some side cannot be believed, so that nothing can be told of it.
    pub fn is_unbelievable(&self) -> bool {
        self.new.iter().any(|change| !change.unbelievable.is_empty())
    }
}

impl Column {
    fn of(side: &Side) -> Column {
        let meta = &side.first().meta;
        Column {
            name: side.name.clone(),
            target: meta.target.clone(),
            model: meta.model.clone(),
            labels: meta.labels.clone(),
            runs: side.runs.len(),
            verdicts: side.runs.iter().map(|run| Digest::of(run).verdict).collect(),
        }
    }
}

impl Change {
    fn of(base: &Side, new: &Side, terms: &Terms) -> Change {
        let unbelievable = [base, new].into_iter().flat_map(unbelievable).collect::<Vec<_>>();
        let both: Vec<Quantity> =
            quantity::ALL.into_iter().filter(|quantity| [base, new].iter().any(|side| side.has(*quantity))).collect();
        let pairs = base.runs.len() > 1 && in_turn(base, new);
        let confidence_each = each_of(both.len(), terms.confidence);
        let believed = unbelievable.is_empty();
        let judge = |quantity: &Quantity| {
            let sides = Both { quantity: *quantity, base, new, pairs };
            sides.judge(confidence_each, terms.noise, believed)
        };
        let figures: Vec<Figure> = both.iter().map(judge).collect();
        let new_violations = broken_only_in(new, base);
        let known = |violation: &&Violation| new.first().meta.known.contains_key(&violation.check);
        let broken = new_violations.iter().filter(|violation| violation.level == "must" && !known(violation));
        let worse = figures.iter().filter(|figure| figure.is_worse_by(terms.max_regression));
        let regressions = worse.map(|figure| figure.name.clone()).chain(broken.map(|v| v.check.clone())).collect();
        Change {
            side: Column::of(new),
            in_turn: pairs,
            confidence_each,
            regressions,
            notes: notes(base, new),
            fixed_violations: broken_only_in(base, new),
            figures,
            new_violations,
            unbelievable,
        }
    }

    /// How many of its figures have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.figures.iter().filter(|figure| figure.verdict == verdict).count()
    }
}

/// Why a side cannot be believed: a measurement that is invalid or was cut short tells nothing of the endpoint.
fn unbelievable(side: &Side) -> Vec<String> {
    let of_run = |(number, run): (usize, &crate::summary::Summary)| {
        let name = if side.runs.len() > 1 { format!("{}, run {}", side.name, number + 1) } else { side.name.clone() };
        if run.ending.interrupted {
            return vec![format!("{name}: interrupted before the end of the plan")];
        }
        let nothing = Digest::measured_nothing(run);
        let trust = Trust::of(run);
        let doubted = if trust.verdict == Belief::Invalid { trust.reasons } else { Vec::new() };
        nothing.into_iter().chain(doubted).map(|reason| format!("{name}: {reason}")).collect()
    };
    side.runs.iter().enumerate().flat_map(of_run).collect()
}

/// What else should be known before a comparison is believed.
fn notes(base: &Side, new: &Side) -> Vec<String> {
    let mut notes = Vec::new();
    for side in [base, new].into_iter().filter(|side| side.runs.len() < 2) {
        notes.push(format!(
            "{} is a single run: its intervals show how it varied over its time, if it was long enough, and not how much \
             runs vary; make several with --repeat 5",
            side.name
        ));
    }
    let (was, is) = (&base.first().meta, &new.first().meta);
    if was.model != is.model {
        let shown = |model: &Option<String>| model.clone().unwrap_or_else(|| "none".to_owned());
        notes.push(format!("the models differ: {} and {}", shown(&was.model), shown(&is.model)));
    }
    if was.target == is.target && base.runs.iter().any(|run| new.runs.iter().any(|n| n.meta.seed == run.meta.seed)) {
        notes.push("both sides sent the same prompts to the same endpoint, whose cache may have known them".to_owned());
    }
    for side in [base, new] {
        let early = side.runs.iter().find_map(|run| run.ending.early.clone().filter(|_| !run.ending.interrupted));
        notes.extend(early.map(|limit| format!("{} ended early by {limit}", side.name)));
    }
    let (was, is) = (&base.first().proofload, &new.first().proofload);
    if was != is {
        notes.push(format!("they were made by different versions of proofload: {was} and {is}"));
    }
    notes
}

/// A figure of two sides, to be judged.
struct Both<'s> {
    quantity: Quantity,
    base: &'s Side,
    new: &'s Side,
    pairs: bool,
}

impl Both<'_> {
    fn judge(&self, confidence: f64, noise: f64, believed: bool) -> Figure {
        let unit = self.quantity.unit();
        let (base, new) = (self.values(self.base), self.values(self.new));
        let (was, is) = (mean(&base), mean(&new));
        // On the scale of logarithms a difference is a ratio.
        let is_ratio = unit != Unit::Fraction;
        let change = |difference: f64| if is_ratio { difference.exp_m1() } else { difference };
        let centre = |mean: f64| if is_ratio { mean.exp() } else { mean };
        let interval = self.difference(&base, &new).map(|difference| difference.interval(confidence));
        let (low, high) = interval.map_or((None, None), |(low, high)| (finite(change(low)), finite(change(high))));
        // Noise is a share of the base, of what is compared by differences, too.
        let noise = if unit == Unit::Fraction { noise * was.unwrap_or(0.0) } else { noise };
        let verdict = match low.zip(high).filter(|_| believed) {
            Some((low, high)) => self.quantity.verdict(low, high, noise),
            None => Verdict::CannotTell,
        };
        Figure {
            name: self.quantity.name(),
            unit,
            better: self.quantity.better,
            base: was.map(centre).and_then(finite),
            new: is.map(centre).and_then(finite),
            change: was.zip(is).and_then(|(was, is)| finite(change(is - was))),
            low,
            high,
            verdict,
        }
    }

    /// The values of a side's runs, on the scale on which they are compared.
    fn values(&self, side: &Side) -> Vec<f64> {
        let values = side.values(self.quantity.metric);
        match self.quantity.unit() {
            Unit::Us | Unit::PerS => values.into_iter().map(f64::ln).collect(),
            Unit::Fraction => values,
        }
    }

    fn difference(&self, base: &[f64], new: &[f64]) -> Option<Estimate> {
        let chance = self.chance(base, new);
        if self.pairs && base.len() == new.len() {
            let differences: Vec<f64> = base.iter().zip(new).map(|(base, new)| new - base).collect();
            return Some(Estimate::of(&differences)?.at_least(chance));
        }
        let new = self.estimate(self.new, new)?;
        Some(new.less(self.estimate(self.base, base)?).at_least(chance))
    }

    /// From the repetitions of a side, else from how a single run varied over its time.
    fn estimate(&self, side: &Side, values: &[f64]) -> Option<Estimate> {
        match (side.runs.as_slice(), values) {
            ([run], [value]) => blocks::estimate(run, self.quantity, *value),
            _ => Estimate::of(values),
        }
    }

    /// The variance that a difference of shares has by chance alone, if requests fared independently: a few runs that
    /// happen to have the same share do not make it certain.
    fn chance(&self, base: &[f64], new: &[f64]) -> f64 {
        let Metric::Scalar(share) = self.quantity.metric else { return 0.0 };
        if self.quantity.unit() != Unit::Fraction {
            return 0.0;
        }
        let (of_base, of_new) = (self.base.requests(share) as f64, self.new.requests(share) as f64);
        let (was, is) = (mean(base).unwrap_or(0.0), mean(new).unwrap_or(0.0));
        let pooled = (was * of_base + is * of_new) / (of_base + of_new).max(1.0);
        pooled * (1.0 - pooled) * (1.0 / of_base.max(1.0) + 1.0 / of_new.max(1.0))
    }
}

impl Quantity {
    /// What an interval of the change comes to.
    fn verdict(self, low: f64, high: f64, noise: f64) -> Verdict {
        let (up, down) = match self.better {
            Better::Lower => (Verdict::Worse, Verdict::Better),
            Better::Higher => (Verdict::Better, Verdict::Worse),
        };
        match (low, high) {
            (low, _) if low > noise => up,
            (_, high) if high < -noise => down,
            (low, high) if low >= -noise && high <= noise => Verdict::Same,
            _ => Verdict::CannotTell,
        }
    }
}

impl Figure {
    /// Whether it is surely worse, and by more than a share of the base.
    fn is_worse_by(&self, bound: f64) -> bool {
        let bound = if self.unit == Unit::Fraction { bound * self.base.unwrap_or(0.0) } else { bound };
        self.verdict == Verdict::Worse && self.change.is_some_and(|change| change.abs() > bound)
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

#[cfg(test)]
pub(crate) mod tests;
