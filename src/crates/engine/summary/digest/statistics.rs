//! Statistics of a measure, with what is known of how well they are known.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::whole;
use crate::plan::goal::{Measure, Population, Statistic};
use crate::summary::Summary;
use crate::summary::certainty::{Certainties, Certainty};
use crate::summary::quantile;
use crate::summary::timing::Populations;

/// A measure in its populations.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Timings {
    /// Exchanges that ended ok.
    pub ok: Statistics,
    /// Exchanges that failed, with the time they took to.
    pub failed: Statistics,
    /// All; failed, missed and unfinished count as infinite, shown as null.
    pub all: Statistics,
}

/// Statistics of samples; null is infinity, or the lack of any sample where `count` is 0.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Statistics {
    /// Number of samples.
    pub count: u64,
    /// Smallest.
    pub min: Option<u64>,
    /// Arithmetic mean.
    pub mean: Option<u64>,
    /// Median, by nearest rank as all percentiles.
    pub p50: Option<u64>,
    /// 90th percentile.
    pub p90: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// 99.9th percentile.
    #[serde(rename = "p99.9")]
    pub p99_9: Option<u64>,
    /// Largest.
    pub max: Option<u64>,
    /// Between which samples each percentile lies with 95 % certainty, by order statistics among as many independent
    /// samples as these are worth; null on a side is infinity, or that no sample is that certain.
    pub ci: BTreeMap<String, [Option<u64>; 2]>,
    /// What must be known to read the intervals, such as why there is none; null where there is nothing to say.
    pub ci_note: Option<String>,
    /// Percentiles for which the samples are too few: p needs 1 / (1 - p) of them. Their figures above are one of the
    /// slowest few samples, no more.
    pub too_small: Vec<String>,
}

/// The percentiles of every report, by name.
pub const PERCENTILES: [(&str, f64); 5] = [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9)];

impl Timings {
    pub(super) fn of(summary: &Summary, measure: Measure, certainties: &Certainties) -> Timings {
        let none = Populations::default();
        let populations = summary.timings.get(measure.name()).unwrap_or(&none);
        let of = |population| Statistics::of(populations, population, certainties.of_measure(measure, population));
        Timings { ok: of(Population::Ok), failed: of(Population::Failed), all: of(Population::All) }
    }
}

impl Statistics {
    /// Statistics of a population.
    pub fn of(populations: &Populations, population: Population, certainty: Certainty<'_>) -> Statistics {
        let finite = |us: Option<f64>| us.filter(|us| us.is_finite()).map(whole);
        let get = |statistic| finite(populations.statistic(population, statistic));
        let p = |p| get(Statistic::Percentile(p));
        let count = populations.count(population);
        let interval = |(name, p): (&str, f64)| {
            let ends = certainty.interval(p, count).map(|rank| finite(populations.at_rank(population, rank?)));
            (ends != [None, None]).then(|| (name.to_owned(), ends))
        };
        let too_small = |(_, p): &(&str, f64)| count > 0 && count < quantile::least(*p);
        Statistics {
            count,
            min: get(Statistic::Min),
            mean: get(Statistic::Mean),
            p50: p(50.0),
            p90: p(90.0),
            p95: p(95.0),
            p99: p(99.0),
            p99_9: p(99.9),
            max: get(Statistic::Max),
            ci: PERCENTILES.into_iter().filter_map(interval).collect(),
            ci_note: if count > 0 { certainty.note() } else { None },
            too_small: PERCENTILES.into_iter().filter(too_small).map(|(name, _)| name.to_owned()).collect(),
        }
    }
}
