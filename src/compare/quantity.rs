//! What is compared: a few figures that users feel or pay for, each with the direction in which it gets better.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::goal::{Measure, Metric, Population, Scalar, Statistic};

/// A figure of a run that is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// How it is worked out.
    pub metric: Metric,
    /// In which direction it gets better.
    pub better: Better,
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
pub const ALL: [Quantity; 14] = [
    time(Measure::FirstToken, 50.0),
    time(Measure::FirstToken, 95.0),
    time(Measure::FirstToken, 99.0),
    time(Measure::TokenGap, 50.0),
    time(Measure::TokenGap, 99.0),
    time(Measure::TimePerOutputToken, 50.0),
    time(Measure::ResponseTime, 50.0),
    time(Measure::ResponseTime, 95.0),
    time(Measure::ResponseTime, 99.0),
    scalar(Scalar::Requests, Better::Higher),
    scalar(Scalar::OutputTokens, Better::Higher),
    scalar(Scalar::ErrorRate, Better::Lower),
    scalar(Scalar::ViolationRate, Better::Lower),
    scalar(Scalar::GoodFraction, Better::Higher),
];

const fn time(measure: Measure, percentile: f64) -> Quantity {
    let metric = Metric::Timing(measure, Population::All, Statistic::Percentile(percentile));
    Quantity { metric, better: Better::Lower }
}

const fn scalar(scalar: Scalar, better: Better) -> Quantity {
    Quantity { metric: Metric::Scalar(scalar), better }
}

impl Quantity {
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
