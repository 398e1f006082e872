//! How sure the percentiles of a run are, each measure by the seconds that it was measured in.

use super::Summary;
use super::dependence::{Buckets, Dependence};
use super::quantile;
use super::windows::times;
use crate::plan::goal::{Measure, Population};

/// A design effect that is worth a word.
const WORTH_SAYING: f64 = 2.0;
/// The bucket of infinite samples, behind that of the longest time.
const INFINITE: u16 = u16::MAX;

/// How sure the percentiles of each measure are.
#[derive(Debug)]
pub struct Certainties {
    known: Vec<(Measure, Population, Option<Dependence>)>,
}

/// How sure the percentiles of a measure are.
#[derive(Debug, Clone, Copy)]
pub enum Certainty<'d> {
    /// Too few seconds to tell how they depend on one another, so that there is no interval.
    Unknown,
    /// By the seconds of a measure. Of another measure that goes with it, the same as far as its samples are as many.
    Estimated(&'d Dependence),
    /// The seconds depend on one another so much that too few independent ones are left for any interval.
    Withheld(&'d Dependence),
}

impl Certainties {
    /// Of the measured part of a run.
    pub fn of(summary: &Summary) -> Certainties {
        let measures = [Measure::ResponseTime, Measure::FirstToken, Measure::TokenGap, Measure::Lateness];
        let known = measures.into_iter().flat_map(|measure| {
            [Population::All, Population::Ok]
                .map(|population| (measure, population, Dependence::of(rows(summary, measure, population))))
        });
        Certainties { known: known.collect() }
    }

    /// Of a measure, by its own seconds or by those of one that goes with it.
    pub fn of_measure(&self, measure: Measure, population: Population) -> Certainty<'_> {
        let related = related(measure);
        let population = if population == Population::Ok { Population::Ok } else { Population::All };
        let known = self.known.iter().find(|(own, of, _)| *own == related && *of == population);
        match known.and_then(|(.., dependence)| dependence.as_ref()) {
            None => Certainty::Unknown,
            Some(dependence) if dependence.is_withheld() => Certainty::Withheld(dependence),
            Some(dependence) => Certainty::Estimated(dependence),
        }
    }
}

impl Certainty<'_> {
    /// The ranks, from 1, of the samples that a percentile lies between with 95 % certainty; none on a side on which no
    /// sample is that certain, and on both where the interval is withheld.
    pub fn interval(self, percentile: f64, samples: u64) -> [Option<u64>; 2] {
        match self {
            Certainty::Unknown | Certainty::Withheld(_) => [None, None],
            Certainty::Estimated(dependence) => {
                // Samples of another number carry as much of the dependence as there are of them.
                let share = samples as f64 / dependence.samples.max(1) as f64;
                let effect = 1.0 + (dependence.effect_at(percentile) - 1.0) * share;
                quantile::interval(percentile, samples, effect.max(1.0))
            }
        }
    }

    /// What must be known to read the intervals; none where there is nothing to say.
    pub fn note(self) -> Option<String> {
        match self {
            Certainty::Unknown => {
                Some("no interval: too few seconds to tell whether they depend on one another".to_owned())
            }
            Certainty::Estimated(dependence) => {
                let effect = dependence.effect_at(50.0);
                let worth = dependence.samples as f64 / effect;
                (effect > WORTH_SAYING).then(|| {
                    format!(
                        "neighbouring seconds are alike: for the median, {} samples are worth {worth:.0} independent ones",
                        dependence.samples
                    )
                })
            }
            Certainty::Withheld(dependence) => {
                let what = match dependence.merged {
                    1 => "seconds".to_owned(),
                    merged => format!("stretches of {merged} rows"),
                };
                Some(format!(
                    "no interval: the {what} of this run depend on one another, and its {} are worth about {:.0} independent \
                     ones; run longer",
                    dependence.rows, dependence.worth
                ))
            }
        }
    }
}

/// The measure kept by the second that a measure goes with.
fn related(measure: Measure) -> Measure {
    match measure {
        Measure::FirstToken
        | Measure::FirstVisibleToken
        | Measure::FirstReasoningToken
        | Measure::FirstTokenFromSent
        | Measure::Head => Measure::FirstToken,
        Measure::TokenGap | Measure::TimePerOutputToken => Measure::TokenGap,
        Measure::Lateness => Measure::Lateness,
        Measure::ResponseTime | Measure::ServiceTime | Measure::LastToken | Measure::Queued | Measure::Connect => {
            Measure::ResponseTime
        }
    }
}

/// The samples of each row of the measured part, from the first with a sample to the last.
fn rows(summary: &Summary, measure: Measure, population: Population) -> Vec<Buckets> {
    let axis = &summary.seconds;
    let (Some((first, _)), Some((last, _))) = (axis.rows.first_key_value(), axis.rows.last_key_value()) else {
        return Vec::new();
    };
    let buckets = |number: u64| {
        let row = axis.rows.get(&number);
        let (times, infinite) = times(row.as_slice(), None, measure, population).unwrap_or_default();
        let finite = times.counts().map(|(bucket, count)| (bucket, u64::from(count)));
        finite.chain((infinite > 0).then_some((INFINITE, infinite))).collect()
    };
    let mut rows: Vec<Buckets> = (*first..=*last).map(buckets).collect();
    while rows.last().is_some_and(Vec::is_empty) {
        rows.pop();
    }
    rows
}
