//! The run second by second, as columns.

use schemars::JsonSchema;
use serde::Serialize;

use super::whole;
use crate::summary::Summary;
use crate::summary::seconds::Row;
use crate::summary::sketch::Sketch;

/// The run second by second: columns of equal length, a place for each row in which something happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Series {
    /// Seconds that a row spans: 1, or a power of two where the run is longer than an hour.
    pub width_s: u64,
    /// When the rows begin, from the start of the run.
    pub begin_s: Vec<u64>,
    /// Whether a row begins in the warm-up, or has warm-up requests due.
    pub warmup: Vec<bool>,
    /// Requests due.
    pub due: Vec<u64>,
    /// Of these, dropped above the cap.
    pub missed: Vec<u64>,
    /// Requests sent.
    pub sent: Vec<u64>,
    /// Exchanges that ended ok.
    pub ok: Vec<u64>,
    /// Exchanges that failed.
    pub failed: Vec<u64>,
    /// Of those ok, good: no MUST broken that is not known, within the limits for a single request.
    pub good: Vec<u64>,
    /// Of those ok, late: no such MUST broken, but beyond a limit for a single request.
    pub late: Vec<u64>,
    /// Replies that ended and had broken a MUST.
    pub violations: Vec<u64>,
    /// Output tokens that arrived.
    pub output_tokens: Vec<f64>,
    /// Mean number of requests in flight over the row.
    pub in_flight: Vec<f64>,
    /// Median response time of the requests that were due and ended ok, to two digits.
    pub response_time_p50_us: Vec<Option<u64>>,
    /// 95th percentile of the same.
    pub response_time_p95_us: Vec<Option<u64>>,
    /// Median first token of the requests that were due and ended ok.
    pub first_token_p50_us: Vec<Option<u64>>,
    /// 95th percentile of the same.
    pub first_token_p95_us: Vec<Option<u64>>,
    /// Median of the token gaps that ended.
    pub token_gap_p50_us: Vec<Option<u64>>,
    /// 95th percentile of the same.
    pub token_gap_p95_us: Vec<Option<u64>>,
}

impl Series {
    pub(super) fn of(summary: &Summary) -> Series {
        let seconds = summary.all_seconds();
        let warm = summary.warmup_seconds.widened(seconds.width_s);
        let width_us = seconds.width_us();
        let column = |of: fn(&Row) -> u64| seconds.rows.values().map(of).collect();
        let times = |of: fn(&Row) -> &Sketch, p: f64| {
            seconds.rows.values().map(|row| of(row).percentile(p).map(whole)).collect::<Vec<_>>()
        };
        let is_warmup = |number: &u64| {
            warm.rows.get(number).is_some_and(|row| row.due > 0)
                || number.saturating_mul(width_us) < summary.ending.window_from_us
        };
        Series {
            width_s: seconds.width_s,
            begin_s: seconds.rows.keys().map(|number| number * seconds.width_s).collect(),
            warmup: seconds.rows.keys().map(is_warmup).collect(),
            due: column(|row| row.due),
            missed: column(|row| row.missed),
            sent: column(|row| row.sent),
            ok: column(|row| row.ok),
            failed: column(|row| row.failed),
            good: column(|row| row.good),
            late: column(|row| row.late),
            violations: column(|row| row.violations),
            output_tokens: seconds.rows.values().map(|row| row.output_millitokens as f64 / 1000.0).collect(),
            in_flight: seconds.rows.values().map(|row| row.in_flight_us as f64 / width_us as f64).collect(),
            response_time_p50_us: times(|row| &row.response_time, 50.0),
            response_time_p95_us: times(|row| &row.response_time, 95.0),
            first_token_p50_us: times(|row| &row.first_token, 50.0),
            first_token_p95_us: times(|row| &row.first_token, 95.0),
            token_gap_p50_us: times(|row| &row.token_gap, 50.0),
            token_gap_p95_us: times(|row| &row.token_gap, 95.0),
        }
    }
}
