//! Several figures as lines over the time of a run.

use super::over_time::Run;
use crate::report::chart::Chart;
use crate::report::chart::axis::Axis;
use crate::report::chart::mark::COLOURS;
use crate::report::columns::{Column, by_time};
use crate::report::figure::{number, percent};

/// What a picture of lines is called.
pub(super) struct Lines<'l> {
    pub(super) name: &'static str,
    pub(super) title: &'l str,
    /// How its words begin.
    pub(super) of: &'l str,
    /// Whether the figures are shares of 1.
    pub(super) shares: bool,
}

impl Run {
    /// A line for each figure; none where there is nothing to see.
    pub(super) fn lines(
        &self,
        called: &Lines<'_>,
        figures: &[&str],
        value: impl Fn(&str, &Column) -> f64,
    ) -> Option<Chart> {
        let shown = if called.shares { percent } else { number };
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
        let y = if called.shares { Axis::share_of_all() } else { Axis::count(top) };
        let words = format!("{}: {}.", called.of, said.collect::<Vec<_>>().join(", "));
        (!figures.is_empty())
            .then(|| self.chart(called.name, called.title.to_owned(), words, y, marks.collect(), table))
    }
}
