//! How well a sample knows a percentile: by order statistics, whatever the distribution.
//!
//! Of n independent samples the number B at or below the true percentile p is binomial (n, p). So the samples of rank l
//! and u lie on either side of it with probability P(l <= B < u) at least, and the ranks are chosen such that each side
//! misses it with 2.5 % at most (Hahn, Meeker and Escobar, "Statistical Intervals", 2017, section 5.2; Le Boudec,
//! "Performance Evaluation", 2010, theorem 2.1). Samples that are alike know less than that: how much less is
//! [`dependence`](super::dependence).
//!
//! A percentile is stated where one sample at least is expected beyond it: n >= 1 / (1 - p), and n >= 1 / p below the
//! median: 2 samples for a p50, 20 for a p95, 100 for a p99, 1,000 for a p99.9. The upper end of an interval takes
//! more: ln 0.025 / ln p, which is 72 samples for a p95, 368 for a p99, 3,688 for a p99.9.

/// Share of the intervals that miss on either side, at most.
const MISS: f64 = 0.025;
/// The normal score of that share.
const SCORE: f64 = 1.959_964;
/// Up to this variance the binomial distribution is summed up; above, the normal one is as good.
const SUMMED: f64 = 100.0;

/// The fewest samples that carry a percentile, which is from 0 to 100.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and saturating is right")]
pub fn least(p: f64) -> u64 {
    let beyond = p.min(100.0 - p) / 100.0;
    // The extremes are what they are, of however many samples.
    if beyond > 0.0 { (1.0 / beyond - 1e-6).ceil() as u64 } else { 1 }
}

/// The ranks, from 1 to n, of the samples that the percentile lies between with 95 % certainty, where n samples know as
/// much as n over this design effect independent ones; none on a side on which no sample is that certain.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and n")]
pub fn interval(p: f64, n: u64, effect: f64) -> [Option<u64>; 2] {
    let share = p / 100.0;
    if share > 0.5 {
        let [low, high] = interval(100.0 - p, n, effect);
        return [high.map(|rank| n + 1 - rank), low.map(|rank| n + 1 - rank)];
    }
    let worth = ((n as f64 / effect) as u64).max(1);
    let [low, high] = [MISS, 1.0 - MISS].map(|at| binomial(at, worth, share));
    // Ranks among the independent samples, scaled to ranks among all.
    let scaled = |rank: u64| u64::try_from(u128::from(rank) * u128::from(n) / u128::from(worth)).unwrap_or(n);
    let low = (low >= 1).then(|| scaled(low));
    let high = (high < worth).then(|| scaled(high) + 1);
    [low, high.filter(|rank| *rank <= n)]
}

/// The smallest k for which at least this share of a binomial distribution is at or below k; p is at most a half.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to n")]
fn binomial(at: f64, n: u64, p: f64) -> u64 {
    let mean = n as f64 * p;
    let variance = mean * (1.0 - p);
    if variance > SUMMED {
        let k =
            if at < 0.5 { (mean - SCORE * variance.sqrt()).floor() } else { (mean + SCORE * variance.sqrt()).ceil() };
        return k.clamp(0.0, n as f64) as u64;
    }
    let mut mass = (n as f64 * (-p).ln_1p()).exp();
    let mut below = mass;
    let mut k = 0;
    while below < at && k < n {
        mass *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        k += 1;
        below += mass;
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_needs_a_sample_beyond_it() {
        let needed = [50.0, 90.0, 95.0, 99.0, 99.9, 5.0, 100.0, 0.0].map(least);
        assert_eq!(needed, [2, 10, 20, 100, 1_000, 20, 1, 1]);
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Le Boudec, appendix A: the median of 10, 31 and 70 samples.
        for (n, ranks) in [(10, [2, 9]), (31, [10, 22]), (70, [27, 44])] {
            assert_eq!(interval(50.0, n, 1.0), ranks.map(Some), "median of {n}");
        }
        assert_eq!(interval(99.0, 367, 1.0)[1], None);
        assert_eq!(interval(99.0, 368, 1.0)[1], Some(368));
        assert_eq!((interval(95.0, 71, 1.0)[1], interval(95.0, 72, 1.0)[1]), (None, Some(72)));
        assert_eq!(interval(99.9, 3_688, 1.0)[1], Some(3_688));
        assert_eq!(interval(50.0, 5, 1.0), [None, None]);
    }

    #[test]
    fn dependent_samples_are_worth_fewer() {
        for (p, n, effect, ranks) in [
            (50.0, 1000, 10.0, [Some(400), Some(601)]),
            (95.0, 1000, 10.0, [Some(900), Some(991)]),
            (95.0, 1000, 13.5, [Some(892), Some(988)]),
            (99.0, 20_000, 20.0, [Some(19_660), Some(19_921)]),
            (99.0, 20_000, 60.0, [Some(19_580), None]),
            (50.0, 1200, 150.0, [Some(150), Some(1051)]),
            (50.0, 1200, 201.0, [None, None]),
            (5.0, 1000, 10.0, [Some(10), Some(101)]),
        ] {
            assert_eq!(interval(p, n, effect), ranks, "p{p} of {n} at {effect}");
        }
    }

    /// The probability that the samples of these ranks lie on either side of the percentile.
    fn coverage(p: f64, n: u64, [low, high]: [Option<u64>; 2]) -> f64 {
        if p > 0.5 {
            // From the other end: the least likely counts would be too small to be told from nothing.
            let mirrored = |rank: Option<u64>| rank.map(|rank| n + 1 - rank);
            return coverage(1.0 - p, n, [mirrored(high), mirrored(low)]);
        }
        let mut mass = (1.0 - p).powf(n as f64);
        let mut inside = 0.0;
        for k in 0..=n {
            if k >= low.unwrap_or(0) && k < high.unwrap_or(n + 1) {
                inside += mass;
            }
            mass *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        }
        inside
    }

    #[test]
    fn intervals_cover_what_they_promise() {
        for p in [10.0, 50.0, 90.0, 95.0, 99.0] {
            for n in 1..700 {
                let covered = coverage(p / 100.0, n, interval(p, n, 1.0));
                assert!(covered > 0.949, "p{p} of {n}: {covered}");
            }
        }
    }

    #[test]
    fn the_normal_distribution_takes_over_without_a_jump() {
        // The variance of n at a half is n / 4: 400 is summed up, 402 is not.
        assert_eq!(interval(50.0, 400, 1.0), [Some(180), Some(221)]);
        assert_eq!(interval(50.0, 402, 1.0), [Some(181), Some(222)]);
        assert_eq!(interval(99.0, 1_000_000, 1.0), [Some(989_804), Some(990_197)]);
    }
}
