//! What the server says of itself: its figures over the window, and their course.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Counted, counted};
use crate::summary::Summary;
use crate::summary::server::{Is, Values};

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
    /// What of it is left out, and why: null stands in its place.
    pub left_out: Vec<String>,
    /// Increase of `prefix_hits` by that of `prefix_queries`; null where the page has not both, or where more hits than
    /// queries came.
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
    /// a restart of the server does not count. Null for what is no counter, and where replicas answer in turn.
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
        let share = hits.filter(|(_, queries)| *queries > 0.0).map(|(hits, queries)| hits / queries);
        let names = server.kinds.keys();
        let left_out = names.filter_map(|name| Some(format!("{}: {}", name.replace('_', " "), server.left_out(name)?)));
        let impossible = share.filter(|share| *share > 1.0).zip(hits).map(|(_, (hits, queries))| {
            format!("prefix cache: the page counts {hits} hits of {queries} queries, which is no share")
        });
        Some(ServerFigures {
            page: server.page.clone()?,
            read: server.read,
            failures: counted(&server.failures),
            bare: server.bare,
            left_out: left_out.chain(impossible).collect(),
            prefix_hit_share: share.filter(|share| *share <= 1.0),
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
        let (level, stated) = (is != Is::Counter, server.left_out(name).is_none());
        let grown = || server.counts.get(name).map_or(0.0, |count| count.grown as f64 / 1000.0);
        let of_row = |values: &Values| if level { values.mean() } else { Some(values.max as f64 / 1000.0) };
        ServerFigure {
            is,
            mean: all.mean().filter(|_| level && stated),
            max: (level && stated && all.count > 0).then(|| all.max as f64 / 1000.0),
            increase: (!level && stated).then(grown),
            course: server
                .seconds
                .rows
                .values()
                .map(|row| row.0.get(name).filter(|_| stated).and_then(of_row))
                .collect(),
        }
    }
}
