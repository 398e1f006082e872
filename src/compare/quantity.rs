//! What is compared: a few figures that users feel or pay for, each with the direction in which it gets better.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::side::Side;
use crate::plan::goal::{Measure, Metric, Population, Scalar, Statistic};

/// A figure of a run that is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// How it is worked out.
    pub metric: Metric,
    /// In which direction it gets better.
    pub better: Better,
    /// Whether it decides what a comparison comes to.
    pub decides: bool,
}

/// In which direction a figure gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Down.
    Lower,
    /// Up.
    Higher,
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Microseconds.
    Us,
    /// A count per second.
    PerS,
    /// A share, from 0 to 1. It may well be zero, so its changes are differences; those of all else are relative.
    Fraction,
}

/// Everything that is compared, in the order of reports. Timings are those of all requests, in which failed ones are
/// infinitely slow, so that an endpoint that fails fast is not better.
///
/// Six figures decide, since each more makes all of them less sure. Of a time it is the median: behind a queue at 20, 60
/// and 80 % of its capacity, a tenth more service moves the median of 1,200 requests by 2.3, 2.5 and 2.9 standard
/// deviations of a pair's difference, and the p95 by 1.7, 1.5 and 1.8. Limits on tails are what goals are for. Of
/// throughput it is requests, which we count, and not tokens, which the endpoint states.
pub const ALL: [Quantity; 14] = [
    time(Measure::FirstToken, 50.0).deciding(),
    time(Measure::FirstToken, 95.0),
    time(Measure::FirstToken, 99.0),
    time(Measure::TokenGap, 50.0).deciding(),
    time(Measure::TokenGap, 99.0),
    time(Measure::TimePerOutputToken, 50.0),
    time(Measure::ResponseTime, 50.0).deciding(),
    time(Measure::ResponseTime, 95.0),
    time(Measure::ResponseTime, 99.0),
    scalar(Scalar::Requests, Better::Higher).deciding(),
    scalar(Scalar::OutputTokens, Better::Higher),
    scalar(Scalar::ErrorRate, Better::Lower).deciding(),
    scalar(Scalar::ViolationRate, Better::Lower).deciding(),
    scalar(Scalar::GoodFraction, Better::Higher),
];

const fn time(measure: Measure, percentile: f64) -> Quantity {
    let metric = Metric::Timing(measure, Population::All, Statistic::Percentile(percentile));
    Quantity { metric, better: Better::Lower, decides: false }
}

const fn scalar(scalar: Scalar, better: Better) -> Quantity {
    Quantity { metric: Metric::Scalar(scalar), better, decides: false }
}

impl Quantity {
    const fn deciding(self) -> Quantity {
        Quantity { decides: true, ..self }
    }

    /// Its values in a side's runs, on the scale on which they are compared: logarithms, of shares the shares themselves.
    pub(super) fn values(self, side: &Side) -> Vec<f64> {
        let values = side.values(self.metric);
        match self.unit() {
            Unit::Us | Unit::PerS => values.into_iter().map(f64::ln).collect(),
            Unit::Fraction => values,
        }
    }

    /// Whether it differs between any two runs. A share that is 0 or 1 in all of them has no event that could be chance.
    pub(super) fn varies(self, sides: [&Side; 2]) -> bool {
        let values: Vec<f64> = sides.into_iter().flat_map(|side| side.values(self.metric)).collect();
        let is_open = |share: &f64| self.unit() == Unit::Fraction && *share > 0.0 && *share < 1.0;
        values.windows(2).any(|pair| pair[0].to_bits() != pair[1].to_bits()) || values.first().is_some_and(is_open)
    }

    /// The variance that a difference has by chance alone, whatever runs showed: a few that happen to agree make nothing
    /// certain. Of times none.
    pub(super) fn chance(self, sides: [&Side; 2]) -> f64 {
        match self.metric {
            Metric::Scalar(share) if self.unit() == Unit::Fraction => self.chance_of_share(share, sides),
            Metric::Scalar(Scalar::Requests) => chance_of_rate(sides),
            Metric::Timing(..) | Metric::Scalar(_) | Metric::Check(..) => 0.0,
        }
    }

    /// As if requests fared independently. One more that does and one that does not are added (Laplace): no error of
    /// twenty does not rule errors out.
    fn chance_of_share(self, share: Scalar, sides: [&Side; 2]) -> f64 {
        let [base, new] = sides.map(|side| {
            let values = side.values(self.metric);
            (side.requests(share).max(1) as f64, values.iter().sum::<f64>() / values.len().max(1) as f64)
        });
        let pooled = (base.1 * base.0 + new.1 * new.0 + 1.0) / (base.0 + new.0 + 2.0);
        pooled * (1.0 - pooled) * (1.0 / base.0 + 1.0 / new.0)
    }

    /// Its name, as goals have it.
    pub fn name(self) -> String {
        match self.metric {
            Metric::Timing(measure, _, Statistic::Percentile(p)) => format!("{}.p{p}", measure.name()),
            Metric::Timing(measure, ..) => measure.name().to_owned(),
            Metric::Scalar(scalar) => scalar.name().to_owned(),
            Metric::Check(id, verdicts) => format!("check.{id}.{}", verdicts.name()),
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> Unit {
        match self.metric {
            Metric::Timing(..) => Unit::Us,
            metric if metric.is_fraction() => Unit::Fraction,
            Metric::Scalar(_) | Metric::Check(..) => Unit::PerS,
        }
    }
}

/// The end of a window cuts one request off or not. Open loads whose runs of a side all sent the same plan, and the other
/// side another one, differ by the chance of the plans, too.
fn chance_of_rate(sides: [&Side; 2]) -> f64 {
    let counted = sides.map(|side| {
        let requests = side.runs.iter().map(|run| run.counts.completed_in_window).sum::<u64>();
        (side.runs.len() as f64, requests.max(1) as f64)
    });
    let edges: f64 = counted.iter().map(|(runs, requests)| (runs / requests).powi(2) / runs).sum();
    let plans: f64 = counted.iter().map(|(_, requests)| 1.0 / requests).sum();
    let seeds = sides.map(|side| side.runs.iter().map(|run| run.meta.seed).collect::<BTreeSet<_>>());
    let is_one_plan = seeds.iter().zip(sides).any(|(seeds, side)| side.runs.len() > 1 && seeds.len() == 1);
    let is_open = sides.iter().all(|side| side.first().meta.rate_per_s.is_some());
    if is_open && is_one_plan && seeds[0] != seeds[1] { edges.max(plans) } else { edges }
}
