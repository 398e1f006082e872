//! The report of several searches, ranked.

use super::document::{Block, Document, Table};
use super::search::precise;
use crate::capacity::comparing::Ranked;

pub(super) fn document(ranked: &[Ranked]) -> Document {
    let mut table = Table::new(&["search", "requests/s", "between", "breaks first", ""]);
    for entry in ranked {
        let between = match (entry.low, entry.high) {
            (Some(low), Some(high)) => format!("{}-{}", precise(low), precise(high)),
            (Some(low), None) => format!("{}-", precise(low)),
            (None, _) => "-".to_owned(),
        };
        table.row([
            entry.name.clone(),
            entry.rate_per_s.map_or("none holds".to_owned(), precise),
            between,
            entry.breaks_first.first().cloned().unwrap_or_default(),
            entry.against_next.clone(),
        ]);
    }
    let lead = match ranked {
        [best, _, ..] if best.rate_per_s.is_none() => "None of them holds the goals.".to_owned(),
        [best, _, ..] if best.against_next.starts_with("cannot tell") => {
            format!("Cannot tell which is best: {}.", best.against_next)
        }
        [best, ..] => format!("{} takes the most: {}.", best.name, best.against_next),
        [] => String::new(),
    };
    Document {
        title: "Capacity, compared at the same goals".to_owned(),
        head: Vec::new(),
        lead,
        first: vec![Block::Table(table)],
        rest: Vec::new(),
    }
}
