//! How a figure of one run varies over its time: a block bootstrap.
//!
//! The measured part is cut into at most twenty blocks, none shorter than nine in ten of the requests take, since shorter
//! ones would hold the same requests. Blocks are drawn with replacement, their distributions joined, and the figure is
//! worked out again; how the results vary is how well one run knows it (Künsch, Annals of Statistics 17, 1989). How much
//! runs differ is not in it, so it decides nothing.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::interval::Estimate;
use super::quantity::{Quantity, Unit};
use crate::plan::goal::{Measure, Metric, Population, Scalar, Statistic};
use crate::summary::Summary;
use crate::summary::seconds::Row;
use crate::summary::sketch::percentile_of;
use crate::summary::windows::times;

const MOST: u64 = 20;
/// Fewer blocks say nothing of how they vary.
const FEWEST: u64 = 8;
const DRAWS: usize = 500;
/// Samples that must lie beyond a percentile for its draws to mean something.
const BEYOND: f64 = 10.0;
/// The width of a sketch's bucket, as a logarithm: what lies within it cannot be told apart.
const BUCKET: f64 = 1.0 / 64.0;

/// Where a figure of a run lies and how well that is known, on the scale on which it is compared; none where the run
/// was too short, or where its seconds do not hold the figure.
pub(super) fn estimate(run: &Summary, quantity: Quantity, mean: f64) -> Option<Estimate> {
    let blocks = blocks(run)?;
    let results = match quantity.metric {
        Metric::Timing(measure, Population::All, Statistic::Percentile(p)) => percentiles(&blocks, measure, p)?,
        Metric::Scalar(scalar) => shares(&blocks, scalar)?,
        Metric::Timing(..) | Metric::Check(..) => return None,
    };
    let is_ratio = quantity.unit() != Unit::Fraction;
    let results: Vec<f64> = results.into_iter().map(|result| if is_ratio { result.ln() } else { result }).collect();
    if !mean.is_finite() || !results.iter().all(|result| result.is_finite()) {
        return None;
    }
    let count = blocks.len() as f64;
    let centre = results.iter().sum::<f64>() / results.len() as f64;
    let squares: f64 = results.iter().map(|result| (result - centre).powi(2)).sum();
    let grain = if quantity.unit() == Unit::Us { BUCKET * BUCKET / 12.0 } else { 0.0 };
    let variance = squares / (results.len() - 1) as f64 * count / (count - 1.0) + grain;
    Some(Estimate { mean, variance, freedom: count - 1.0 })
}

/// The rows of the measured part in blocks of the same length.
fn blocks(run: &Summary) -> Option<Vec<Vec<&Row>>> {
    let axis = &run.seconds;
    let [from, until] = [run.ending.window_from_us, run.ending.window_us].map(|us| us / axis.width_us());
    let whole = until.saturating_sub(from);
    let slow = run.value(Metric::Timing(Measure::ResponseTime, Population::Ok, Statistic::Percentile(90.0)))?;
    let least = Duration::from_secs_f64(slow / 1e6).as_secs() / axis.width_s + 1;
    let length = whole.div_ceil(MOST).max(least);
    let count = whole / length;
    if count < FEWEST {
        return None;
    }
    let mut blocks = vec![Vec::new(); usize::try_from(count).ok()?];
    for (number, row) in axis.within(run.ending.window_from_us, run.ending.window_us) {
        let place = usize::try_from(number.saturating_sub(from) / length).ok()?;
        if let Some(block) = blocks.get_mut(place) {
            block.push(row);
        }
    }
    Some(blocks)
}

/// The percentile of each draw; infinite where failures reach it.
fn percentiles(blocks: &[Vec<&Row>], measure: Measure, p: f64) -> Option<Vec<f64>> {
    let mut counted = Vec::new();
    for block in blocks {
        let (times, infinite) = times(block, None, measure, Population::All)?;
        counted.push((times.dense(), infinite));
    }
    let samples: u64 = counted.iter().map(|(buckets, infinite)| buckets.iter().sum::<u64>() + infinite).sum();
    if (samples as f64) * (1.0 - p / 100.0) < BEYOND {
        return None;
    }
    let longest = counted.iter().map(|(buckets, _)| buckets.len()).max().unwrap_or(0);
    let mut sum = vec![0; longest];
    let mut result = |draw: &[usize]| {
        sum.fill(0);
        let mut beyond = 0;
        for place in draw {
            let (buckets, infinite) = &counted[*place];
            sum.iter_mut().zip(buckets).for_each(|(sum, count)| *sum += count);
            beyond += infinite;
        }
        percentile_of(&sum, p, beyond)
    };
    draws(blocks.len(), &mut result)
}

/// A figure that is one count over another, of each draw.
fn shares(blocks: &[Vec<&Row>], scalar: Scalar) -> Option<Vec<f64>> {
    let of = |row: &Row| -> Option<(u64, u64)> {
        match scalar {
            // Blocks are equally long, so a rate is a count for each of them.
            Scalar::Requests => Some((row.ok + row.failed, 0)),
            Scalar::OutputTokens => Some((row.output_millitokens, 0)),
            Scalar::ErrorRate => Some((row.due_failed, row.due_ok + row.due_failed)),
            Scalar::ViolationRate => Some((row.violations, row.status_200)),
            // What a limit of the user's left unsent is in no row.
            Scalar::GoodFraction => Some((row.due_good, row.accountable())),
            Scalar::MissedFraction => Some((row.missed, row.accountable())),
            Scalar::SessionsComplete
            | Scalar::GoodRequests
            | Scalar::TotalTokens
            | Scalar::PromptCount
            | Scalar::CompletionCount
            | Scalar::CachedFraction
            | Scalar::Cost
            | Scalar::CostPerRequest => None,
        }
    };
    let is_rate = matches!(scalar, Scalar::Requests | Scalar::OutputTokens);
    let mut counted = Vec::new();
    for block in blocks {
        let mut sums = (0, u64::from(is_rate));
        for row in block {
            let (part, whole) = of(row)?;
            sums = (sums.0 + part, sums.1 + whole);
        }
        counted.push(sums);
    }
    let mut result = |draw: &[usize]| {
        let sum = |of: fn(&(u64, u64)) -> u64| draw.iter().map(|place| of(&counted[*place])).sum::<u64>();
        let (part, whole) = (sum(|counts| counts.0), sum(|counts| counts.1));
        (whole > 0).then(|| part as f64 / whole as f64)
    };
    draws(blocks.len(), &mut result)
}

/// The results of many draws of as many blocks as there are; none where one has no result.
fn draws(count: usize, result: &mut dyn FnMut(&[usize]) -> Option<f64>) -> Option<Vec<f64>> {
    // Always the same draws: a comparison made again says the same.
    let mut generator = Pcg64::seed_from_u64(count as u64);
    let mut draw = vec![0; count];
    (0..DRAWS)
        .map(|_| {
            draw.fill_with(|| generator.random_range(0..count));
            result(&draw)
        })
        .collect()
}
