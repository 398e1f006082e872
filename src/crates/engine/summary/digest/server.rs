//! Metrics of the server: its figures over the window, and their course.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Counted, counted};
use crate::summary::Summary;
use crate::summary::server::{Is, Values};

/// Metrics of the server.
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
    /// The names that were looked for on a page that had none of the figures.
    pub looked_for: Vec<String>,
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
    /// Mean over the window; null for a counter, and where the page was read less than twice.
    pub mean: Option<f64>,
    /// The largest over the window; null for a counter, and where the page was read less than twice.
    pub max: Option<f64>,
    /// By how much a counter grew from the first reading to the last, warm-up and drain tail included; what it lost by
    /// a restart of the server does not count. Null for what is no counter, where replicas answer in turn, and where the
    /// page was read once.
    pub increase: Option<f64>,
    /// Its course: means, of a counter its value; null where it was not read.
    pub course: Vec<Option<f64>>,
}

/// A mean takes so many readings: at the first nothing is in flight yet.
const FEWEST: u64 = 2;

/// That the run was over before the page could be read often enough, where it was.
fn too_short(summary: &Summary) -> Option<String> {
    let (server, ending) = (&summary.server, &summary.ending);
    let within = |name: &String| {
        let rows = server.seconds.within(ending.window_from_us, ending.window_us);
        rows.filter_map(|(_, row)| row.0.get(name)).map(|values| values.count).sum::<u64>()
    };
    let levels = server.kinds.iter().filter(|(_, is)| **is != Is::Counter).map(|(name, _)| name);
    let most = levels.map(within).max().filter(|most| *most < FEWEST)?;
    Some(format!(
        "means and maxima: the page was read {most} times within the window of {:.1} s, and once a second at most; they \
         take {FEWEST} readings, so a longer run",
        summary.window_s()
    ))
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
        let too_short = too_short(summary);
        let impossible = share.filter(|share| *share > 1.0).zip(hits).map(|(_, (hits, queries))| {
            format!("prefix cache: the page counts {hits} hits of {queries} queries, which is not a fraction")
        });
        Some(ServerFigures {
            page: server.page.clone()?,
            read: server.read,
            failures: counted(&server.failures),
            bare: server.bare,
            looked_for: server.looked_for.clone(),
            left_out: too_short.into_iter().chain(left_out).chain(impossible).collect(),
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
        let enough = if level { all.count >= FEWEST } else { server.read > 1 };
        let grown = || server.counts.get(name).map_or(0.0, |count| count.grown as f64 / 1000.0);
        let of_row = |values: &Values| if level { values.mean() } else { Some(values.max as f64 / 1000.0) };
        ServerFigure {
            is,
            mean: all.mean().filter(|_| level && stated && enough),
            max: (level && stated && enough && all.count > 0).then(|| all.max as f64 / 1000.0),
            increase: (!level && stated && enough).then(grown),
            course: server
                .seconds
                .rows
                .values()
                .map(|row| row.0.get(name).filter(|_| stated).and_then(of_row))
                .collect(),
        }
    }
}
