//! Text from data files, as one run of bytes with the places of its cells: no value of a file is held parsed.

/// Cells of text in rows of as many columns each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    text: Vec<u8>,
    ends: Vec<usize>,
    columns: usize,
}

impl Table {
    /// A table without rows.
    ///
    /// # Panics
    /// If it has no column.
    pub fn new(columns: usize) -> Table {
        assert!(columns > 0, "a table has at least one column");
        Table { text: Vec::new(), ends: Vec::new(), columns }
    }

    /// Adds a cell: the next of its row, or the first of a new one.
    pub fn push(&mut self, cell: &[u8]) {
        self.text.extend_from_slice(cell);
        self.ends.push(self.text.len());
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many whole rows there are.
    pub fn rows(&self) -> usize {
        self.ends.len() / self.columns
    }

    /// A cell; empty where there is none.
    pub fn cell(&self, row: usize, column: usize) -> &[u8] {
        let index = row * self.columns + column;
        let start = index.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or(0));
        self.ends.get(index).and_then(|end| self.text.get(start..*end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back() {
        let mut table = Table::new(2);
        for cell in ["a", "", "ccc", "dd"] {
            table.push(cell.as_bytes());
        }
        let cells = [table.cell(0, 0), table.cell(0, 1), table.cell(1, 0), table.cell(1, 1)];
        assert_eq!(cells, [&b"a"[..], b"", b"ccc", b"dd"]);
        assert_eq!((table.rows(), table.cell(2, 0)), (2, &b""[..]));
    }
}
