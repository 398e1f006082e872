//! A run cut into columns of equal length: as many as a picture, or a table, has room for.

use super::chart::Table;
use super::chart::mark::{Area, THROUGHOUT};
use super::figure::number;
use crate::summary::axis::Sum as _;
use crate::summary::seconds::{Row, Seconds};

/// A stretch of a run with what happened in it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its beginning, in seconds since the start.
    pub(super) from: f64,
    /// Its end.
    pub(super) to: f64,
    /// What happened.
    pub(super) row: Row,
}

/// The run in at most so many columns, those in which nothing happened included, from its start to its last event.
pub(super) fn columns(seconds: &Seconds, most: u64) -> Vec<Column> {
    seconds.rows.keys().next_back().map_or_else(Vec::new, |last| columns_until(seconds, *last, most))
}

/// The same up to a row, whatever the run's own last is.
pub(super) fn columns_until(seconds: &Seconds, last: u64, most: u64) -> Vec<Column> {
    let rows = (last + 1).div_ceil(most);
    let width = (rows * seconds.width_s) as f64;
    let column = |number: u64| {
        let mut row = Row::default();
        seconds.rows.range(number * rows..(number + 1) * rows).for_each(|(_, part)| row.add(part));
        Column { from: number as f64 * width, to: (number + 1) as f64 * width, row }
    };
    (0..(last + 1).div_ceil(rows)).map(column).collect()
}

/// A table with a row for each column, which begins with its time.
pub(super) fn by_time(head: Vec<String>, columns: &[Column], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let row =
        |(column, cells): (&Column, Vec<String>)| [vec![format!("{}s", number(Some(column.from)))], cells].concat();
    Table {
        head: [vec!["from".to_owned()], head].concat(),
        rows: columns.iter().zip(rows).map(row).collect(),
        places: columns.iter().map(|column| Area { x: (column.from, column.to), y: THROUGHOUT }).collect(),
    }
}

impl Column {
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.from, self.to)
    }

    /// So many, per second.
    pub(super) fn per_s(&self, count: u64) -> f64 {
        count as f64 / (self.to - self.from)
    }

    /// So many of what is due, per second. Nothing is due behind the end of the window, so a column that it cuts counts
    /// as far as it reaches, and one that it all but cuts off says nothing.
    pub(super) fn due_per_s(&self, count: u64, window_s: f64) -> f64 {
        let length = self.to.min(window_s) - self.from;
        if length < 0.2 * (self.to - self.from) { f64::NAN } else { count as f64 / length }
    }
}
