//! An interval log that HdrHistogram's own tools read: a line for each second and measure, tagged with the measure.
//!
//! Values are nanoseconds, as those tools take them to be; they are as exact as the run's seconds are, to 0.8 %. The
//! warm-up is not in it, as it is in no figure.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::summary::Summary;
use crate::summary::seconds::Row;
use crate::summary::sketch::Sketch;

/// One hour in nanoseconds.
const HIGHEST_NS: u64 = 3_600_000_000_000;
const DIGITS: u8 = 3;
/// Readers show the column of maxima in milliseconds.
const NS_A_MS: f64 = 1e6;

type Of = fn(&Row) -> &Sketch;

/// The measures of a row, by the tag of their lines.
const MEASURES: [(&str, Of); 3] = [
    ("response_time", |row| &row.response_time),
    ("first_token", |row| &row.first_token),
    ("token_gap", |row| &row.token_gap),
];

pub(in crate::report) fn write(summary: &Summary) -> String {
    let mut text = Vec::new();
    lines(summary, summary.meta.started(), &mut text).expect("a log in memory can be written");
    String::from_utf8(text).expect("a log is text")
}

fn lines(summary: &Summary, started: SystemTime, text: &mut Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    // Readers look for the version, and skip the headings.
    builder
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("[values are nanoseconds, written by proofload]")
        .with_start_time(started)
        .with_base_time(started)
        .with_max_value_divisor(NS_A_MS);
    if let Some(why) = summary.ending.cut_off() {
        builder.add_comment(&format!("[{why}]"));
    }
    let mut log = builder.begin_log_with(text, &mut serializer)?;
    let width = Duration::from_secs(summary.seconds.width_s);
    for (number, row) in &summary.seconds.rows {
        let from = Duration::from_secs(number * summary.seconds.width_s);
        for (name, of) in MEASURES {
            let sketch = of(row);
            if !sketch.is_empty() {
                log.write_histogram(&histogram(sketch)?, from, width, Tag::new(name))?;
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most an hour")]
fn histogram(sketch: &Sketch) -> Result<Histogram<u64>, Box<dyn std::error::Error>> {
    let mut histogram = Histogram::new_with_bounds(1, HIGHEST_NS, DIGITS)?;
    for (us, count) in sketch.buckets() {
        let ns = ((us * 1e3) as u64).clamp(1, HIGHEST_NS);
        histogram.record_n(ns, u64::from(count))?;
    }
    Ok(histogram)
}
