//! Whether the endpoint stood still while it was measured: a mean over a window in which it slowed down is a figure of
//! nothing.

use schemars::JsonSchema;
use serde::Serialize;

use super::Summary;
use super::seconds::Row;
use super::trend::Trend;
use super::trust::{TREND_GROWTH, TREND_LEAST_US, TREND_LOAD, TREND_ROWS, TREND_SCORE};

/// Whether the window is steady.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Steady {
    /// The verdict.
    pub verdict: Stand,
    /// Where the line through the medians of response time (of requests due in each second) begins, in microseconds.
    pub begin_us: Option<f64>,
    /// Where it ends.
    pub end_us: Option<f64>,
    /// Score of the Mann-Kendall test: beyond 3.29 or -3.29 by chance once in 1,000.
    pub score: Option<f64>,
}

/// How a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// No trend that would matter.
    Steady,
    /// Response times rise or fall.
    NotSteady,
    /// Too few seconds to say, or a load that is not constant itself.
    Unknown,
}

impl Stand {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Stand::Steady => "steady",
            Stand::NotSteady => "not steady",
            Stand::Unknown => "unknown",
        }
    }
}

impl Steady {
    /// Looks at the seconds that lie wholly within the window.
    ///
    /// Below 20 of them there is no verdict. A run is not steady if the score is beyond 3.29, the line through the
    /// medians changes by a quarter of its lower end at least, and that is a millisecond at least. Of 4,000 simulated
    /// steady runs of 30 to 120 seconds, independent and autocorrelated (0.5), with lognormal medians of 10 % and 30 %
    /// spread, at most 1 in 500 is called not steady; of runs that slow down to double, with 10 % spread, all are
    /// (`false_alarms_are_rare_and_real_trends_are_found`).
    pub fn of(summary: &Summary) -> Steady {
        let unknown = Steady { verdict: Stand::Unknown, begin_us: None, end_us: None, score: None };
        let ending = &summary.ending;
        let rows: Vec<&Row> =
            summary.seconds.within(ending.window_from_us, ending.window_us).map(|(_, row)| row).collect();
        let medians: Vec<f64> = rows.iter().filter_map(|row| row.response_time.percentile(50.0)).collect();
        if medians.len() < TREND_ROWS || load_moves(summary.meta.rate_per_s.is_some(), &rows) {
            return unknown;
        }
        Trend::of(&medians).map_or(unknown, |trend| Steady::judge(&trend))
    }

    fn judge(trend: &Trend) -> Steady {
        let [begin, end] = trend.ends;
        let moves = trend.score.abs() > TREND_SCORE
            && trend.growth().abs() >= TREND_GROWTH
            && (end - begin).abs() >= TREND_LEAST_US;
        let verdict = if moves { Stand::NotSteady } else { Stand::Steady };
        Steady { verdict, begin_us: Some(begin), end_us: Some(end), score: Some(trend.score) }
    }
}

/// Whether the load itself rises or falls: what is due of an open loop, what is in flight of a closed one.
fn load_moves(open: bool, rows: &[&Row]) -> bool {
    let load = |row: &&Row| if open { row.due as f64 } else { row.in_flight_us as f64 };
    Trend::of(&rows.iter().map(load).collect::<Vec<_>>())
        .is_some_and(|trend| trend.score.abs() > TREND_SCORE && trend.growth().abs() >= TREND_LOAD)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand_distr::{Distribution as _, StandardNormal};
    use rand_pcg::Pcg64;

    use super::*;

    /// Medians of response time around 200 ms: lognormal, each like the one before to some degree, that grow linearly.
    fn series(random: &mut Pcg64, seconds: usize, spread: f64, alike: f64, growth: f64) -> Vec<f64> {
        let mut state: f64 = StandardNormal.sample(random);
        (0..seconds)
            .map(|second| {
                let fresh: f64 = StandardNormal.sample(random);
                state = alike * state + (1.0 - alike * alike).sqrt() * fresh;
                200_000.0 * (1.0 + growth * second as f64 / seconds as f64) * (spread * state).exp()
            })
            .collect()
    }

    fn called_not_steady(random: &mut Pcg64, runs: usize, spread: f64, alike: f64, growth: f64) -> usize {
        (0..runs)
            .filter(|run| {
                let series = series(random, 30 + run % 91, spread, alike, growth);
                Steady::judge(&Trend::of(&series).expect("a trend")).verdict == Stand::NotSteady
            })
            .count()
    }

    #[test]
    fn false_alarms_are_rare_and_real_trends_are_found() {
        let mut random = Pcg64::seed_from_u64(7);
        let alarms: usize = [(0.1, 0.0), (0.3, 0.0), (0.1, 0.5), (0.3, 0.5)]
            .into_iter()
            .map(|(spread, alike)| called_not_steady(&mut random, 1_000, spread, alike, 0.0))
            .sum();
        assert!(alarms <= 8, "{alarms} of 4000");
        assert_eq!(called_not_steady(&mut random, 200, 0.1, 0.0, 1.0), 200);
        // A slope too small to matter is no reason to doubt, however certain it is.
        assert_eq!(called_not_steady(&mut random, 200, 0.01, 0.0, 0.1), 0);
    }
}
