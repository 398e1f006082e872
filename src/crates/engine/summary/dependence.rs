//! How far the seconds of a run depend on one another, and what that does to the certainty of a percentile.
//!
//! The requests of a second share its fate, and neighbouring seconds of a loaded server are alike, so n samples know less
//! than n independent ones. What is estimated is the **design effect**: the variance of a mean of the run's samples over
//! the one that independent samples would have (Kish, "Survey Sampling", 1965).
//!
//! Each sample gets the normal score of its rank in the run, so that no outlier counts for more than its place. The
//! series is the mean score of each second. It is taken for white noise, or for a first-order autoregression in white
//! noise, with an unknown share and memory: the effect is the mean over a grid of such models, each weighed by how likely
//! it makes the series (a Kalman filter) and by a prior in which most runs are independent. The same is done for rows
//! merged by 4, 16 and so on, since queues remember for longer than an autoregression does. For a percentile, the effect
//! is scaled by what a Gaussian copula says of the tail, or by what the counts beyond the percentile show, if that is
//! more.
//!
//! `intervals_cover_what_they_promise` below simulates what this covers.

use std::f64::consts::PI;

use statrs::distribution::{ContinuousCDF as _, Normal};

/// Memories that are tried: the correlation of neighbouring rows, and how likely each is before anything is seen.
const MEMORIES: [(f64, f64); 8] =
    [(0.30, 0.20), (0.50, 0.16), (0.65, 0.14), (0.77, 0.12), (0.85, 0.10), (0.90, 0.08), (0.94, 0.07), (0.97, 0.06)];
/// Shares of the variance that remember, of the most that the rows allow.
const SHARES: [f64; 3] = [0.33, 0.67, 1.0];
/// How likely a run is to be independent, and to have rows that differ but do not remember, before anything is seen.
const INDEPENDENT: f64 = 0.65;
const WHITE: f64 = 0.10;
/// Width of the prior of the logarithm of the variance: from a tenth to ten times.
const RANGE: f64 = 4.6;
/// How far beyond its estimate the share of the variance between rows may lie, in standard deviations.
const SLACK: f64 = 0.5;
/// Fewer rows say little of dependence: its prior shrinks in proportion.
const FULL_ROWS: f64 = 20.0;
/// Fewer rows with a sample say nothing.
const LEAST_ROWS: usize = 8;
/// More rows than this are merged, and rows with fewer samples than that in the mean.
const MOST_ROWS: usize = 600;
const SAMPLES_A_ROW: usize = 4;
/// Rows that a longer time scale must have, and how much longer each is than the one before.
const LEVEL_ROWS: usize = 30;
const LEVEL_STEP: usize = 4;
/// A run that is worth fewer independent rows, or fewer than half of its rows, states no interval.
const LEAST_WORTH: f64 = 10.0;

/// Samples of a row: the bucket of each time with how many are in it, by rising bucket; infinite ones in the last.
pub type Buckets = Vec<(u16, u64)>;

/// What is known of how the rows of a run depend on one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependence {
    /// Independent rows that the run is worth.
    pub worth: f64,
    /// Rows with a sample; of a long run, or of few samples, several rows of the run's axis make one.
    pub rows: usize,
    /// Rows of the run's axis that make one.
    pub merged: usize,
    /// Samples.
    pub samples: u64,
    /// The design effect of the mean.
    effect: f64,
    /// How much of the variance rows share.
    shared: f64,
    /// The same beyond 1 by the variance between rows alone.
    between: f64,
    buckets: Vec<Buckets>,
    total: Buckets,
}

/// Count and sum of centred scores of a row.
type Scored = (f64, f64);

impl Dependence {
    /// Of the rows of a run, in order, those without a sample included; none where they are too few to say anything.
    pub fn of(rows: Vec<Buckets>) -> Option<Dependence> {
        let samples: u64 = rows.iter().flatten().map(|(_, count)| count).sum();
        let merged = merging(rows.len(), samples)?;
        let buckets = merge(rows, merged);
        let active = buckets.iter().filter(|row| !row.is_empty()).count();
        let total = buckets.iter().fold(Buckets::new(), |total, row| joined(&total, row));
        if active < LEAST_ROWS || total.len() < 2 {
            return None;
        }
        let scores = Scores::of(&total, samples as f64);
        let series: Vec<Scored> = buckets.iter().map(|row| scores.of_row(row)).collect();
        let first = Level::of(&series, 1, scores.variance, samples as f64);
        let mut effect = first.effect;
        let mut step = LEVEL_STEP;
        while series.len() / step >= LEVEL_ROWS {
            let level = Level::of(&merge_scores(&series, step), step, scores.variance, samples as f64);
            effect = effect.max((effect * level.effect).sqrt());
            step *= LEVEL_STEP;
        }
        let size = series.iter().map(|(count, _)| count * count).sum::<f64>() / samples as f64;
        let shared = (first.between / (size - 1.0).max(0.5)).clamp(0.001, 1.0);
        let (worth, between) = (first.worth, first.between);
        Some(Dependence { worth, rows: active, merged, samples, effect, shared, between, buckets, total })
    }

    /// Whether too few independent rows are in it for any interval.
    pub fn is_withheld(&self) -> bool {
        self.worth < LEAST_WORTH.min(self.rows as f64 / 2.0)
    }

    /// The design effect of a percentile from 0 to 100: n samples know it as well as n over this independent ones.
    pub fn effect_at(&self, percentile: f64) -> f64 {
        let p = (percentile / 100.0).clamp(0.001, 0.999);
        let by_copula = copula(p, self.shared) / (p * (1.0 - p) * self.shared);
        1.0 + (self.effect - 1.0) * by_copula.max(self.counted_at(p))
    }

    /// What the counts beyond a percentile show of its dependence, as a share of what the means of the rows show.
    fn counted_at(&self, p: f64) -> f64 {
        let (samples, rows) = (self.samples as f64, self.rows as f64);
        let mut seen = 0.0;
        let borders = self.total[..self.total.len() - 1].iter().map(|(bucket, count)| {
            seen += *count as f64;
            (*bucket, seen / samples)
        });
        let near = |a: &(u16, f64), b: &(u16, f64)| (a.1 - p).abs().total_cmp(&(b.1 - p).abs());
        let Some((border, share)) = borders.min_by(near) else { return 0.0 };
        let variance = samples * share * (1.0 - share);
        let off = |row: &Buckets| {
            let sum = |buckets: &[(u16, u64)]| buckets.iter().map(|(_, count)| count).sum::<u64>() as f64;
            let below = row.partition_point(|(bucket, _)| *bucket <= border);
            (sum(&row[..below]) - share * sum(row)).powi(2)
        };
        let squares: f64 = self.buckets.iter().map(off).sum();
        let excess = squares / variance * rows / (rows - 1.0) - 1.0;
        let kurtosis = (1.0 - 6.0 * share * (1.0 - share)).max(0.0) * rows / variance;
        let error = ((2.0 + kurtosis) / rows).sqrt();
        (excess - error).max(0.0) / self.between.max(2.0 * (2.0 / rows).sqrt())
    }
}

/// How many rows make one, so that they are not too many and not too empty.
fn merging(rows: usize, samples: u64) -> Option<usize> {
    let samples = usize::try_from(samples).ok().filter(|samples| *samples > 0)?;
    let sparse = (samples as f64) < 3.8 * rows as f64;
    let filled = if sparse { (SAMPLES_A_ROW * rows).div_ceil(samples) } else { 1 };
    Some(rows.div_ceil(MOST_ROWS).max(filled).max(1))
}

fn merge(rows: Vec<Buckets>, by: usize) -> Vec<Buckets> {
    if by == 1 {
        return rows;
    }
    rows.chunks(by).map(|rows| rows.iter().fold(Buckets::new(), |sum, row| joined(&sum, row))).collect()
}

fn merge_scores(series: &[Scored], by: usize) -> Vec<Scored> {
    let add = |sum: Scored, row: &Scored| (sum.0 + row.0, sum.1 + row.1);
    series.chunks(by).map(|rows| rows.iter().fold((0.0, 0.0), add)).collect()
}

/// The counts of two rows together.
fn joined(a: &Buckets, b: &Buckets) -> Buckets {
    let mut sum = a.clone();
    for (bucket, count) in b {
        match sum.binary_search_by_key(bucket, |(own, _)| *own) {
            Ok(at) => sum[at].1 += count,
            Err(at) => sum.insert(at, (*bucket, *count)),
        }
    }
    sum
}

/// The normal score of the rank of each bucket, less their mean.
struct Scores {
    by_bucket: Vec<(u16, f64)>,
    variance: f64,
}

impl Scores {
    fn of(total: &Buckets, samples: f64) -> Scores {
        let mut below = 0.0;
        let raw: Vec<(u16, f64, f64)> = total
            .iter()
            .map(|(bucket, count)| {
                let count = *count as f64;
                let score = Normal::standard().inverse_cdf((below + count / 2.0) / samples);
                below += count;
                (*bucket, score, count)
            })
            .collect();
        let mean = raw.iter().map(|(_, score, count)| score * count).sum::<f64>() / samples;
        let squares = raw.iter().map(|(_, score, count)| (score - mean).powi(2) * count).sum::<f64>();
        let by_bucket = raw.iter().map(|(bucket, score, _)| (*bucket, score - mean)).collect();
        Scores { by_bucket, variance: squares / samples }
    }

    fn of_row(&self, row: &Buckets) -> Scored {
        let mut sums = (0.0, 0.0);
        for (bucket, count) in row {
            let place = self.by_bucket.partition_point(|(own, _)| own < bucket);
            let score = self.by_bucket.get(place).map_or(0.0, |(_, score)| *score);
            sums = (sums.0 + *count as f64, sums.1 + *count as f64 * score);
        }
        sums
    }
}

/// What a time scale says.
struct Level {
    effect: f64,
    /// The effect beyond 1 that rows have by differing, without any memory.
    between: f64,
    worth: f64,
}

/// A model of the series, with what it says and how likely it makes what was seen.
struct Model {
    log_likelihood: f64,
    effect: f64,
    plain: f64,
    worth: f64,
}

impl Level {
    fn of(series: &[Scored], step: usize, variance: f64, samples: f64) -> Level {
        let rows = series.iter().filter(|(count, _)| *count > 0.0).count() as f64;
        let size = samples / rows;
        let between: f64 = series.iter().filter(|(count, _)| *count > 0.0).map(|(count, sum)| sum * sum / count).sum();
        let within = if samples > rows { (variance * samples - between) / (samples - rows) } else { variance };
        let within = within.max(1e-9 * variance);
        let most = between / (rows - 1.0) / within * (1.0 + SLACK * (2.0 / rows).sqrt());
        let most = (1.0 - 1.0 / most.max(1.0)).min(0.9999);
        let dependent = (1.0 - INDEPENDENT) * (rows / FULL_ROWS).min(1.0);
        let seen = Seen { series, rows, size, variance };
        let white = dependent * WHITE / (1.0 - INDEPENDENT);
        let mut models = vec![seen.independent(within, 1.0 - dependent), seen.model(0.0, 0.0, white)];
        let all: f64 = MEMORIES.iter().map(|(_, prior)| prior).sum();
        for (memory, prior) in MEMORIES {
            let prior =
                dependent * (1.0 - INDEPENDENT - WHITE) / (1.0 - INDEPENDENT) * prior / all / SHARES.len() as f64;
            let memory = memory.powi(i32::try_from(step).unwrap_or(i32::MAX));
            models.extend(SHARES.map(|share| seen.model(memory, share * most, prior)));
        }
        let top = models.iter().map(|model| model.log_likelihood).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = models.iter().map(|model| (model.log_likelihood - top).exp()).collect();
        let whole: f64 = weights.iter().sum();
        let mean = |of: fn(&Model) -> f64| {
            models.iter().zip(&weights).map(|(model, weight)| of(model) * weight).sum::<f64>() / whole
        };
        Level {
            effect: mean(|model| model.effect),
            between: mean(|model| model.plain) - 1.0,
            worth: rows * mean(|model| model.worth),
        }
    }
}

/// A series that models are held to.
struct Seen<'s> {
    series: &'s [Scored],
    /// Rows with a sample.
    rows: f64,
    /// Samples of such a row, in the mean.
    size: f64,
    /// Variance of the scores.
    variance: f64,
}

impl Seen<'_> {
    /// Rows that differ by nothing but the chance of their samples.
    fn independent(&self, within: f64, prior: f64) -> Model {
        let (squares, log_variance) = self.filter(0.0, 0.0);
        let variance = within / self.size;
        let degrees = (self.rows - 1.0) / 2.0;
        let log_likelihood = prior.ln() - degrees * variance.ln() - squares / (2.0 * variance) - log_variance / 2.0;
        Model { log_likelihood, effect: 1.0, plain: 1.0, worth: 1.0 }
    }

    /// Rows of which a share of the variance remembers.
    fn model(&self, memory: f64, share: f64, prior: f64) -> Model {
        let (squares, log_variance) = self.filter(memory, share);
        let degrees = (self.rows - 1.0) / 2.0;
        let log_likelihood = prior.ln() - degrees * (squares / (2.0 * degrees)).ln() - degrees
            + (2.0 * PI / degrees).ln() / 2.0
            - RANGE.ln()
            - log_variance / 2.0;
        let factor = 1.0 + share * 2.0 * memory / (1.0 - memory);
        let plain = (squares / (self.rows - 3.0).max(1.0) * self.size / self.variance).max(1.0);
        Model { log_likelihood, effect: plain * factor, plain, worth: 1.0 / factor }
    }

    /// The weighted sum of squares of what a model does not foresee, its mean taken out, and the logarithm of the
    /// determinant of its covariance: a Kalman filter, of which a row without a sample takes the step in time alone.
    fn filter(&self, memory: f64, share: f64) -> (f64, f64) {
        let mut state = (share, 0.0, 0.0);
        let (mut yy, mut y1, mut ones, mut log_variance) = (0.0, 0.0, 0.0, 0.0);
        for (count, sum) in self.series {
            let (mut variance, mut value, mut one) = state;
            if *count > 0.0 {
                let foreseen = variance + (1.0 - share) * self.size / count;
                let (error, error_of_one) = (sum / count - value, 1.0 - one);
                yy += error * error / foreseen;
                y1 += error * error_of_one / foreseen;
                ones += error_of_one * error_of_one / foreseen;
                log_variance += foreseen.ln();
                let gain = variance / foreseen;
                value += gain * error;
                one += gain * error_of_one;
                variance -= gain * variance;
            }
            state = (memory * memory * variance + share * (1.0 - memory * memory), memory * value, memory * one);
        }
        ((yy - y1 * y1 / ones).max(1e-12), log_variance + ones.ln())
    }
}

/// Covariance of being below a percentile, of two samples whose scores correlate so: that of a Gaussian copula, by
/// Simpson's rule.
fn copula(p: f64, correlation: f64) -> f64 {
    const STEPS: u32 = 16;
    let z = Normal::standard().inverse_cdf(p);
    let width = correlation.asin() / f64::from(STEPS);
    let at = |step: u32| (-z * z / (1.0 + (width * f64::from(step)).sin())).exp() / (2.0 * PI);
    let inner = (1..STEPS).map(|step| if step % 2 == 1 { 4.0 * at(step) } else { 2.0 * at(step) });
    width / 3.0 * (at(0) + at(STEPS) + inner.sum::<f64>())
}

#[cfg(test)]
mod tests;
