//! A load run in the formats that have a file of their own.

use crate::report::chart::Chart;
use crate::summary::Summary;

mod checks;
pub(super) mod csv;
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

/// The pictures of a run by what they show.
struct Pictures {
    over_time: Vec<Chart>,
    spread: Vec<Chart>,
    server: Vec<Chart>,
    client: Vec<Chart>,
}

impl Pictures {
    fn of(summary: &Summary) -> Pictures {
        let [over_time, server, client] = over_time::charts(summary);
        Pictures { over_time, spread: spread::charts(summary), server, client }
    }
}

/// Every picture that there is of a run, in the order of its page.
pub fn charts(summary: &Summary) -> Vec<Chart> {
    let Pictures { over_time, spread, server, client } = Pictures::of(summary);
    [over_time, spread, server, client].concat()
}
