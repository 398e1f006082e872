//! A load run in the formats that have a file of their own.

use crate::report::chart::Chart;
use crate::summary::Summary;

mod checks;
mod columns;
pub(super) mod csv;
mod cut;
pub(super) mod hlog;
pub(super) mod html;
pub(super) mod junit;
pub(super) mod markdown;
pub(super) mod openmetrics;
mod over_time;
mod sections;
mod server;
mod spread;
pub(super) mod vllm;

/// Every picture that there is of a run, in the order of its page.
pub fn charts(summary: &Summary) -> Vec<Chart> {
    over_time::charts(summary).into_iter().chain(spread::charts(summary)).collect()
}
