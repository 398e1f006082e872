//! What the server says of itself: its figures over the window, and their course.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Counted, counted};
use crate::summary::Summary;
use crate::summary::server::{Is, Server, Values};

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ServerFigures {
    /// The page, without secrets.
    pub page: String,
    /// How often it was read.
    pub read: u64,
    /// How often it could not be read, and why.
    pub failures: Vec<Counted>,
    /// How often it was read and had none of the figures.
    pub bare: u64,
    /// The figures by name.
    pub figures: BTreeMap<String, ServerFigure>,
    /// Increase of `prefix_hits` by that of `prefix_queries`; null where the page has not both.
    pub prefix_hit_share: Option<f64>,
    /// Seconds that a place in the figures' courses spans.
    pub width_s: u64,
    /// When the places begin, from the start of the run.
    pub begin_s: Vec<u64>,
}

/// A figure of the server.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ServerFigure {
    /// What it is.
    pub is: Is,
    /// Mean over the window; null for a counter.
    pub mean: Option<f64>,
    /// The largest over the window; null for a counter.
    pub max: Option<f64>,
    /// By how much a counter grew from the first reading to the last, warm-up and drain tail included; what it lost by
    /// a restart of the server does not count. Null for what is no counter.
    pub increase: Option<f64>,
    /// Its course: means, of a counter its value; null where it was not read.
    pub course: Vec<Option<f64>>,
}

impl ServerFigures {
    /// None where no page was asked for.
    pub(super) fn of(summary: &Summary) -> Option<ServerFigures> {
        let server = &summary.server;
        let figures: BTreeMap<String, ServerFigure> =
            server.kinds.iter().map(|(name, is)| (name.clone(), ServerFigure::of(summary, name, *is))).collect();
        let increase = |name: &str| figures.get(name)?.increase;
        let hits = increase("prefix_hits").zip(increase("prefix_queries"));
        Some(ServerFigures {
            page: server.page.clone()?,
            read: server.read,
            failures: counted(&server.failures),
            bare: server.bare,
            prefix_hit_share: hits.filter(|(_, queries)| *queries > 0.0).map(|(hits, queries)| hits / queries),
            figures,
            width_s: server.seconds.width_s,
            begin_s: server.seconds.rows.keys().map(|number| number * server.seconds.width_s).collect(),
        })
    }
}

impl ServerFigure {
    fn of(summary: &Summary, name: &str, is: Is) -> ServerFigure {
        let (server, ending) = (&summary.server, &summary.ending);
        let within: Vec<Values> = server
            .seconds
            .within(ending.window_from_us, ending.window_us)
            .filter_map(|(_, row)| row.0.get(name).copied())
            .collect();
        let all = within.iter().fold(Values::default(), |all, values| all.with(*values));
        let level = is != Is::Counter;
        ServerFigure {
            is,
            mean: all.mean().filter(|_| level),
            max: (level && all.count > 0).then(|| all.max as f64 / 1000.0),
            increase: (!level).then(|| increase(server, name)),
            course: server
                .seconds
                .rows
                .values()
                .map(|row| {
                    row.0
                        .get(name)
                        .and_then(|values| if level { values.mean() } else { Some(values.max as f64 / 1000.0) })
                })
                .collect(),
        }
    }
}

/// Steps upwards only: a counter that falls has begun anew.
fn increase(server: &Server, name: &str) -> f64 {
    let course: Vec<u64> = server.seconds.rows.values().filter_map(|row| Some(row.0.get(name)?.max)).collect();
    let steps: u64 = course.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).sum();
    steps as f64 / 1000.0
}
