//! Metrics of the server, on the time axis of the run.

use super::lines::Lines;
use super::over_time::Run;
use crate::report::chart::Chart;
use crate::report::chart::mark::COLOURS;
use crate::report::columns::Column;
use crate::summary::Summary;
use crate::summary::axis::Axis as Seconds;
use crate::summary::server::{Is, Row, Values};

impl Run {
    /// Metrics of the server: its levels, its shares, and by how much its counters grow.
    pub(super) fn server(&self, summary: &Summary) -> Vec<Chart> {
        let server = &summary.server;
        let of = |is: Is| -> Vec<&str> {
            let kinds = server.kinds.iter().filter(|(name, kind)| **kind == is && server.left_out(name).is_none());
            kinds.map(|(name, _)| name.as_str()).take(COLOURS.len()).collect()
        };
        let mean = |figure: &str, column: &Column| mean(&server.seconds, figure, column);
        let growth = |figure: &str, column: &Column| growth(&server.seconds, figure, column);
        let called = |name, title| Lines { name, title, of: "Metrics of the server", shares: false };
        let charts = [
            self.lines(&called("server-levels", "The server's own counts"), &of(Is::Level), mean),
            self.lines(
                &Lines { shares: true, ..called("server-shares", "The server's own shares") },
                &of(Is::Share),
                mean,
            ),
            self.lines(&called("server-counters", "The server's own counters, per second"), &of(Is::Counter), growth),
        ];
        charts.into_iter().flatten().collect()
    }
}

/// The mean of a server's figure in a column; not a number where it was not read.
fn mean(seconds: &Seconds<Row>, figure: &str, column: &Column) -> f64 {
    let begin = |number: u64| (number * seconds.width_s) as f64;
    let within = seconds.rows.iter().filter(|(number, _)| (column.from..column.to).contains(&begin(**number)));
    let values = within.filter_map(|(_, row)| row.0.get(figure)).fold(Values::default(), |sum, v| sum.with(*v));
    values.mean().unwrap_or(f64::NAN)
}

/// By how much a server's counter grew in a column, per second: its steps upwards, as in the figure of the whole run. Not a
/// number where it was not read before.
fn growth(seconds: &Seconds<Row>, figure: &str, column: &Column) -> f64 {
    let mut before: Option<u64> = None;
    let mut grown = None;
    for (number, row) in &seconds.rows {
        let begin = (number * seconds.width_s) as f64;
        let Some(value) = row.0.get(figure).map(|values| values.max).filter(|_| begin < column.to) else { continue };
        let step = before.map_or(0, |before| value.saturating_sub(before));
        if begin < column.from {
            grown = Some(0);
        } else {
            grown = grown.map(|grown| grown + step);
        }
        before = Some(value);
    }
    grown.map_or(f64::NAN, |grown| grown as f64 / 1000.0 / (column.to - column.from))
}
