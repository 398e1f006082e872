//! A load run in the formats that have a file of their own.

use crate::report::chart::Chart;
use crate::summary::Summary;
use crate::summary::digest::Digest;

mod checks;
mod client;
pub(super) mod csv;
pub(super) mod hlog;
pub(super) mod html;
pub(super) mod junit;
mod lines;
pub(super) mod markdown;
pub(super) mod openmetrics;
mod over_time;
mod sections;
mod server;
mod splits;
mod spread;
pub(super) mod vllm;

/// The pictures of a run by what they show.
struct Pictures {
    over_time: Vec<Chart>,
    spread: Vec<Chart>,
    splits: Vec<Chart>,
    server: Vec<Chart>,
    client: Vec<Chart>,
}

impl Pictures {
    fn of(summary: &Summary, digest: &Digest) -> Pictures {
        let [over_time, server, client] = over_time::charts(summary);
        Pictures { over_time, spread: spread::charts(summary), splits: splits::charts(digest), server, client }
    }
}

/// Every picture that there is of a run, in the order of its page.
pub fn charts(summary: &Summary) -> Vec<Chart> {
    let Pictures { over_time, spread, splits, server, client } = Pictures::of(summary, &Digest::of(summary));
    [over_time, spread, splits, server, client].concat()
}
