//! A report before it has a format.

use crate::report::chart::Chart;

/// A report.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) title: String,
    /// Lines below the title: for whom, when, of what.
    pub(super) head: Vec<String>,
    /// What must be read: two sentences.
    pub(super) lead: String,
    /// What stands on the first page.
    pub(super) first: Vec<Block>,
    /// What stands behind it.
    pub(super) rest: Vec<Block>,
}

/// A part of a report.
#[derive(Debug, Clone)]
pub(super) enum Block {
    Heading(String),
    Paragraph(String),
    List(Vec<String>),
    Table(Table),
    /// A command line.
    Command(String),
    /// What only a page has room for.
    Pictures(Vec<Chart>),
}

/// A table; figures are set to the right, and all but the first column are figures.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Table {
        Table { head: head.iter().map(|cell| (*cell).to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// A table of names and values.
    pub(super) fn pairs(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Table {
        let rows = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        Table { head: Vec::new(), rows: rows.map(|(name, value)| vec![name.to_owned(), value]).collect() }
    }
}

/// A date, of Unix milliseconds.
pub(super) fn date(unix_ms: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(unix_ms);
    humantime::format_rfc3339_seconds(time).to_string()[..10].to_owned()
}
