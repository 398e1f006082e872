//! What the server says of itself, on the run's time axis.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::{Axis, Sum};
use super::distinct::Texts;
use crate::plan::scrape::{Figure, Kind};
use crate::wire::exposition::Sample;

/// A server's own figures: at most 16 of them, read once a second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The page, without secrets; none where none was asked for.
    pub page: Option<String>,
    /// How often it was read.
    pub read: u64,
    /// How often it was read and had none of the figures.
    pub bare: u64,
    /// Why it could not be read, with how often.
    pub failures: Texts,
    /// The figures that came, with what they are.
    pub kinds: BTreeMap<String, Is>,
    /// Their values by name.
    pub seconds: Axis<Row>,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Is {
    /// A number that rises and falls.
    Level,
    /// A share from 0 to 1.
    Share,
    /// A number that only grows.
    Counter,
}

/// The figures of a row, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Row(pub BTreeMap<String, Values>);

/// Values of a figure, in thousandths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The largest.
    pub max: u64,
}

/// The most figures: what the user names beyond those is left out.
pub const FIGURES: usize = 16;

impl From<Kind> for Is {
    fn from(kind: Kind) -> Is {
        match kind {
            Kind::Level => Is::Level,
            Kind::Share => Is::Share,
            Kind::Counter => Is::Counter,
        }
    }
}

impl Sum for Row {
    fn add(&mut self, other: &Row) {
        for (name, values) in &other.0 {
            let ours = self.0.entry(name.clone()).or_default();
            *ours = ours.with(*values);
        }
    }
}

impl Values {
    /// These and others.
    #[must_use]
    pub fn with(self, other: Values) -> Values {
        Values {
            count: self.count + other.count,
            sum: self.sum.saturating_add(other.sum),
            max: self.max.max(other.max),
        }
    }

    /// Their mean.
    pub fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / 1000.0 / self.count as f64)
    }
}

impl Server {
    /// Adds a page that was read at an instant, in microseconds from the start of the run.
    pub fn record(&mut self, at_us: u64, figures: &[Figure], samples: &[Sample<'_>]) {
        self.read += 1;
        let mut found = false;
        for figure in figures.iter().take(FIGURES) {
            let Some((kind, value)) = value(figure, samples) else { continue };
            found = true;
            self.kinds.insert(figure.name.clone(), kind);
            let values = Values { count: 1, sum: value, max: value };
            let ours = self.seconds.at(at_us).0.entry(figure.name.clone()).or_default();
            *ours = ours.with(values);
        }
        self.bare += u64::from(!found);
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: Server) {
        self.page = self.page.take().max(other.page);
        self.read += other.read;
        self.bare += other.bare;
        self.failures.merge(&other.failures);
        for (name, kind) in other.kinds {
            let ours = self.kinds.entry(name).or_insert(kind);
            *ours = kind.max(*ours);
        }
        self.seconds.merge(other.seconds);
    }
}

/// A figure's value on a page, in thousandths; none where the page has no such metric.
fn value(figure: &Figure, samples: &[Sample<'_>]) -> Option<(Is, u64)> {
    figure.metrics.iter().find_map(|pattern| {
        let mut matching = samples.iter().filter(|sample| Figure::matches(pattern, sample.name)).peekable();
        let counter = matching.peek()?.counter;
        let values: Vec<f64> = matching.map(|sample| sample.value).collect();
        let sum: f64 = values.iter().sum();
        // What the user names is what the page calls it.
        let kind = if counter { Is::Counter } else { figure.kind.into() };
        let value = if kind == Is::Share { sum / values.len() as f64 } else { sum };
        Some((kind, super::milli(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::exposition::samples;

    /// A page as vLLM writes it, of two engines.
    fn page(running: u64, hits: u64) -> String {
        format!(
            "# TYPE vllm:num_requests_running gauge\n\
             vllm:num_requests_running{{engine=\"0\",model_name=\"m\"}} {running}.0\n\
             vllm:num_requests_running{{engine=\"1\",model_name=\"m\"}} 1.0\n\
             # TYPE vllm:kv_cache_usage_perc gauge\n\
             vllm:kv_cache_usage_perc{{engine=\"0\",model_name=\"m\"}} 0.5\n\
             vllm:kv_cache_usage_perc{{engine=\"1\",model_name=\"m\"}} 0.25\n\
             # TYPE vllm:prefix_cache_hits_total counter\n\
             vllm:prefix_cache_hits_total{{engine=\"0\",model_name=\"m\"}} {hits}.0\n\
             # TYPE app_depth gauge\napp_depth 9\n"
        )
    }

    #[test]
    fn engines_come_to_one() {
        let mut server = Server::default();
        server.record(0, &Figure::known(), &samples(&page(2, 10)));
        server.record(400_000, &Figure::known(), &samples(&page(4, 30)));
        let row = &server.seconds.rows[&0].0;
        assert_eq!(row["running"], Values { count: 2, sum: 8_000, max: 5_000 });
        assert_eq!(row["kv_use"].mean(), Some(0.375));
        assert_eq!(row["prefix_hits"].max, 30_000);
        assert_eq!(server.kinds["prefix_hits"], Is::Counter);
        assert!(!server.kinds.contains_key("waiting"));
    }

    #[test]
    fn any_metric_is_found_by_its_pattern() {
        let depth = Figure { name: "depth".into(), kind: Kind::Level, metrics: vec!["app_*".into()] };
        let mut server = Server::default();
        server.record(0, std::slice::from_ref(&depth), &samples(&page(1, 1)));
        server.record(0, &[depth], &samples("nothing 1"));
        assert_eq!((server.seconds.rows[&0].0["depth"].max, server.bare), (9_000, 1));
    }

    #[test]
    fn parts_merge_in_any_order() {
        let part = |at, running| {
            let mut server = Server { page: Some("p".into()), ..Server::default() };
            server.record(at, &Figure::known(), &samples(&page(running, running)));
            server
        };
        let (mut ab, mut ba) = (part(0, 3), part(900_000, 5));
        ab.merge(part(900_000, 5));
        ba.merge(part(0, 3));
        assert_eq!(ab, ba);
    }
}
