//! Whether a series of numbers rises or falls.
//!
//! The Mann-Kendall test says whether (Kendall, "Rank correlation methods", 1975; ties and continuity corrected), the
//! Theil-Sen slope says by how much (Sen 1968). Neither minds outliers or the shape of the distribution. Neighbouring
//! seconds of a loaded server are alike, which would make the test cry wolf, so its variance is widened by the first
//! autocorrelation of what is left without the slope (Yue and Wang, 2004).

/// How a series moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Standard normal score of the Mann-Kendall test, above 0 where it rises; beyond 3.29 by chance once in 1,000.
    pub score: f64,
    /// Where the line through the series begins and ends.
    pub ends: [f64; 2],
}

/// Longer series are cut to this many medians of neighbours: the test looks at all pairs.
const POINTS: usize = 240;

impl Trend {
    /// The trend of a series; none below 3 values.
    pub fn of(series: &[f64]) -> Option<Trend> {
        let series: Vec<f64> = series.chunks(series.len().div_ceil(POINTS).max(1)).map(median).collect();
        if series.len() < 3 {
            return None;
        }
        let slope = slope(&series);
        let rest: Vec<f64> = series.iter().enumerate().map(|(at, value)| value - slope * at as f64).collect();
        let begin = median(&rest);
        let end = begin + slope * (series.len() - 1) as f64;
        Some(Trend { score: score(&series, &rest), ends: [begin, end] })
    }

    /// Change from begin to end, as a share of the lower of the two; infinite where that is not above 0.
    pub fn growth(&self) -> f64 {
        let [begin, end] = self.ends;
        let lower = begin.min(end);
        if begin.total_cmp(&end).is_eq() {
            0.0
        } else if lower > 0.0 {
            (end - begin) / lower
        } else {
            (end - begin).signum() * f64::INFINITY
        }
    }
}

/// All pairs of a series, the earlier first, with the distance between them.
fn pairs(series: &[f64]) -> impl Iterator<Item = (f64, f64, usize)> {
    let earlier = series.iter().enumerate();
    earlier.flat_map(|(at, a)| series[at + 1..].iter().zip(1..).map(move |(b, distance)| (*a, *b, distance)))
}

/// The median slope of all pairs, for each step.
fn slope(series: &[f64]) -> f64 {
    median(&pairs(series).map(|(a, b, distance)| (b - a) / distance as f64).collect::<Vec<_>>())
}

fn score(series: &[f64], rest: &[f64]) -> f64 {
    let s: f64 = pairs(series).map(|(a, b, _)| f64::from(i8::from(b > a) - i8::from(b < a))).sum();
    let spread = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut sorted = series.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|equal| spread(equal.len() as f64)).sum();
    let variance = (spread(series.len() as f64) - ties) / 18.0 * widening(rest);
    // Half a step towards 0: the sum is a whole number, the normal distribution is not.
    if variance > 0.0 && s.abs() > 1.0 { (s - s.signum()) / variance.sqrt() } else { 0.0 }
}

/// By how much autocorrelation widens the variance; never below 1.
fn widening(rest: &[f64]) -> f64 {
    let mean = rest.iter().sum::<f64>() / rest.len() as f64;
    let off = |value: &f64| value - mean;
    let square: f64 = rest.iter().map(|value| off(value).powi(2)).sum();
    let neighbours: f64 = rest.windows(2).map(|pair| off(&pair[0]) * off(&pair[1])).sum();
    let alike = if square > 0.0 { (neighbours / square).clamp(0.0, 0.9) } else { 0.0 };
    (1.0 + alike) / (1.0 - alike)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 if middle > 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        0 => f64::NAN,
        _ => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_worked_series() {
        // Pairs of 1 3 2 4 rise 5 times and fall once: S = 4; variance 4 * 3 * 13 / 18 = 8.667; the slopes are
        // 2 0.5 1 -1 0.5 2, so their median is 0.75, and what is left, 1 2.25 0.5 1.75, does not repeat itself.
        let trend = Trend::of(&[1.0, 3.0, 2.0, 4.0]).expect("a trend");
        assert!((trend.score - 3.0 / (156.0_f64 / 18.0).sqrt()).abs() < 1e-12, "{trend:?}");
        assert!((trend.ends[0] - 1.375).abs() < 1e-9 && (trend.ends[1] - 3.625).abs() < 1e-9, "{:?}", trend.ends);
    }

    #[test]
    fn what_stands_still_has_no_trend() {
        let trend = Trend::of(&[5.0; 50]).expect("a trend");
        assert_eq!((trend.score, trend.growth()), (0.0, 0.0));
        assert_eq!(Trend::of(&[1.0, 2.0]), None);
    }

    #[test]
    fn a_fall_is_as_large_as_the_rise_it_undoes() {
        let up = Trend { score: 4.0, ends: [100.0, 150.0] };
        let down = Trend { score: -4.0, ends: [150.0, 100.0] };
        assert_eq!((up.growth(), down.growth()), (0.5, -0.5));
    }

    #[test]
    fn long_series_are_cut() {
        let series: Vec<f64> = (0..3_600).map(f64::from).collect();
        let trend = Trend::of(&series).expect("a trend");
        assert!(trend.score > 20.0 && (trend.ends[1] - trend.ends[0] - 3_585.0).abs() < 1.0, "{trend:?}");
    }
}
