//! What the server says of itself, on the time axis of the run.

use super::over_time::Run;
use crate::report::chart::Chart;
use crate::report::chart::axis::Axis;
use crate::report::chart::mark::COLOURS;
use crate::report::columns::{Column, by_time};
use crate::report::figure::{number, percent};
use crate::summary::Summary;
use crate::summary::axis::Axis as Seconds;
use crate::summary::server::{Is, Row, Values};

impl Run {
    /// What the server says of itself: its levels, its shares, and by how much its counters grow.
    pub(super) fn server(&self, summary: &Summary) -> Vec<Chart> {
        let server = &summary.server;
        let of = |is: Is| -> Vec<&str> {
            let kinds = server.kinds.iter().filter(|(_, kind)| **kind == is);
            kinds.map(|(name, _)| name.as_str()).take(COLOURS.len()).collect()
        };
        let mean = |figure: &str, column: &Column| mean(&server.seconds, figure, column);
        let growth = |figure: &str, column: &Column| growth(&server.seconds, figure, column);
        let charts = [
            self.figures("server-levels", "The server's own counts", &of(Is::Level), number, mean),
            self.figures("server-shares", "The server's own shares", &of(Is::Share), percent, mean),
            self.figures("server-counters", "The server's own counters, per second", &of(Is::Counter), number, growth),
        ];
        charts.into_iter().flatten().collect()
    }

    fn figures(
        &self,
        name: &'static str,
        title: &str,
        figures: &[&str],
        shown: fn(Option<f64>) -> String,
        value: impl Fn(&str, &Column) -> f64,
    ) -> Option<Chart> {
        let label = |figure: &str| figure.replace('_', " ");
        let highest = |figure: &str| self.highest(|column| value(figure, column));
        let lines = figures.iter().zip(COLOURS);
        let marks = lines.map(|(figure, colour)| self.line(colour, &label(figure), |column| value(figure, column)));
        let said = figures.iter().map(|figure| format!("{} at most {}", label(figure), shown(Some(highest(figure)))));
        let row = |row: &Column| {
            let cell = |figure: &&str| shown(Some(value(figure, row)).filter(|value| value.is_finite()));
            figures.iter().map(cell).collect()
        };
        let table =
            by_time(figures.iter().map(|figure| label(figure)).collect(), &self.rows, self.rows.iter().map(row));
        let top = figures.iter().map(|figure| highest(figure)).fold(0.0, f64::max);
        let y = if name == "server-shares" { Axis::share_of_all() } else { Axis::count(top) };
        let words = format!("What the server says of itself: {}.", said.collect::<Vec<_>>().join(", "));
        (!figures.is_empty()).then(|| self.chart(name, title.to_owned(), words, y, marks.collect(), table))
    }
}

/// The mean of a server's figure in a column; not a number where it was not read.
fn mean(seconds: &Seconds<Row>, figure: &str, column: &Column) -> f64 {
    let begin = |number: u64| (number * seconds.width_s) as f64;
    let within = seconds.rows.iter().filter(|(number, _)| (column.from..column.to).contains(&begin(**number)));
    let values = within.filter_map(|(_, row)| row.0.get(figure)).fold(Values::default(), |sum, v| sum.with(*v));
    values.mean().unwrap_or(f64::NAN)
}

/// By how much a server's counter grew in a column, per second; not a number where it was not read before.
fn growth(seconds: &Seconds<Row>, figure: &str, column: &Column) -> f64 {
    let reached = |until: f64| {
        let before = seconds.rows.iter().filter(|(number, _)| ((**number * seconds.width_s) as f64) < until);
        before.filter_map(|(_, row)| Some(row.0.get(figure)?.max)).max()
    };
    match (reached(column.from), reached(column.to)) {
        (Some(before), Some(after)) => (after - before) as f64 / 1000.0 / (column.to - column.from),
        (None, _) | (_, None) => f64::NAN,
    }
}
