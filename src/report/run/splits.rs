//! Timings by case and by the model that answered, as a picture where there is more than one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::report::chart::axis::Axis;
use crate::report::chart::mark::{Area, COLOURS, Mark, THROUGHOUT};
use crate::report::chart::{Chart, Table};
use crate::report::figure::percentile;
use crate::summary::digest::{Digest, Percentiles, Share};

/// Names of the pictures.
pub(super) const CASES: &str = "cases";
pub(super) const MODELS: &str = "models";

/// Rows of a picture, those with the most requests.
const ROWS: usize = 12;
/// Height of a row.
const ROW: u32 = 150;
/// Characters of a name that there is room for.
const NAME: usize = 20;

type Of = fn(&Share) -> &Percentiles;

const MEASURES: [(&str, Of); 3] = [
    ("response time", |share| &share.response_time_us),
    ("first token", |share| &share.first_token_us),
    ("token gap", |share| &share.token_gap_us),
];

pub(super) fn charts(digest: &Digest) -> Vec<Chart> {
    let cases = chart(CASES, "Timings by case", &digest.cases);
    cases.into_iter().chain(chart(MODELS, "Timings by the model that answered", &digest.models)).collect()
}

/// A row for each, with a bar from p50 to p95 of each measure.
fn chart(name: &str, title: &str, shares: &BTreeMap<String, Share>) -> Option<Chart> {
    let mut shares: Vec<(&String, &Share)> = shares.iter().collect();
    shares.sort_by_key(|(name, share)| (Reverse(share.requests), *name));
    shares.truncate(ROWS);
    let times = shares.iter().flat_map(|(_, share)| MEASURES.map(|(_, of)| of(share)));
    let times: Vec<f64> = times.flat_map(|p| [p.p50, p.p95]).flatten().map(|us| us as f64).collect();
    let x = Axis::times(times.iter().copied().min_by(f64::total_cmp)?, times.iter().copied().max_by(f64::total_cmp)?);
    let y = Axis::rows(shares.iter().map(|(name, _)| clipped(name)));
    let rows: Vec<(&Share, f64)> = shares.iter().zip(&y.ticks).map(|((_, share), (at, _))| (*share, *at)).collect();
    let lanes = MEASURES.into_iter().zip([0.26, 0.0, -0.26]).zip(COLOURS);
    let marks: Vec<Mark> = lanes
        .map(|(((label, of), lane), colour)| {
            Mark::boxes(colour, label, rows.iter().filter_map(|(share, at)| bar(of(share), at + lane, &x)).collect())
        })
        .collect();
    (shares.len() > 1).then(|| Chart {
        name: name.to_owned(),
        title: title.to_owned(),
        words: format!(
            "From the median to the 95th percentile, of all requests, in which failed ones are infinitely slow: {}.",
            said(&shares)
        ),
        height: shares.iter().map(|_| ROW).sum(),
        marks,
        table: table(&shares, &y),
        x,
        y,
    })
}

/// A bar from the median to p95, wide enough to be seen; none without a sample.
fn bar(times: &Percentiles, at: f64, x: &Axis) -> Option<Area> {
    let from = times.p50? as f64;
    let to = (times.p95? as f64).max(from * (x.to / x.from).powf(0.006));
    Some(Area { x: (from, to), y: (at - 0.11, at + 0.11) })
}

/// The ends of a bar in words.
fn ends(times: &Percentiles) -> [String; 2] {
    [percentile(times, 50.0, times.p50), percentile(times, 95.0, times.p95)]
}

fn clipped(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

fn said(shares: &[(&String, &Share)]) -> String {
    let each = shares.iter().map(|(name, share)| {
        let [p50, p95] = ends(&share.response_time_us);
        format!("{} {p50} to {p95}", clipped(name))
    });
    format!("response time of {}", each.collect::<Vec<_>>().join(", "))
}

fn table(shares: &[(&String, &Share)], y: &Axis) -> Table {
    let heads = MEASURES.iter().flat_map(|(label, _)| ["p50", "p95"].map(|p| format!("{label} {p}")));
    let row = |(name, share): &(&String, &Share)| {
        let times = MEASURES.iter().flat_map(|(_, of)| ends(of(share)));
        std::iter::once(clipped(name)).chain(times).collect()
    };
    Table {
        head: std::iter::once("name".to_owned()).chain(heads).collect(),
        rows: shares.iter().map(row).collect(),
        places: y.ticks.iter().map(|(at, _)| Area { x: THROUGHOUT, y: (at - 0.5, at + 0.5) }).collect(),
    }
}
