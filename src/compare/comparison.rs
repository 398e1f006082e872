//! Sides against a base.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::change::{Change, Conclusion};
use super::likeness::{self, Difference};
use super::side::Side;
use crate::summary::digest::{Digest, Outcome};

/// What a comparison is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Smaller changes, relative to the baseline, are noise.
    pub noise: f64,
    /// A figure that is worse by more than this share of the base is a regression.
    pub max_regression: f64,
    /// How sure the verdicts of a comparison are together: of equal systems, at most the rest of the comparisons call any
    /// figure better or worse.
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
    /// Smaller changes, relative to the baseline, are noise.
    pub noise: f64,
    /// A figure that is worse by more than this share of the base is a regression.
    pub max_regression: f64,
    /// How sure the verdicts against one side are together.
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

/// The JSON Schema of a comparison; `schemas/comparison.json` is this, committed.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Comparison>().to_value()
}

/// Compares each of some sides with a base.
///
/// # Errors
/// For each side that does not belong to the base, its name and what differs.
pub fn compare(base: &Side, new: &[Side], terms: &Terms) -> Result<Comparison, Vec<(String, Vec<Difference>)>> {
    // The runs of the base must be alike among themselves, too.
    let own = (format!("a run of {}", base.name), base);
    let sides = std::iter::once(own).chain(new.iter().map(|side| (side.name.clone(), side)));
    let differences = sides.map(|(name, side)| (name, likeness::differences(base, side, &terms.under_test)));
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
    /// Whether a figure is worse beyond the bound, or a MUST is newly broken.
    pub fn has_regressed(&self) -> bool {
        self.new.iter().any(|change| !change.regressions.is_empty())
    }

    /// Whether some side comes to this.
    pub fn comes_to(&self, conclusion: Conclusion) -> bool {
        self.new.iter().any(|change| change.conclusion == conclusion)
    }
}

impl Column {
    pub(super) fn of(side: &Side) -> Column {
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
