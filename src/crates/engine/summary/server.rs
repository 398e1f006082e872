//! Metrics of the server, on the run's time axis.

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
    /// The names that were looked for on the first page that had none of the figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looked_for: Vec<String>,
    /// Why it could not be read, with how often.
    pub failures: Texts,
    /// The figures that came, with what they are.
    pub kinds: BTreeMap<String, Is>,
    /// Their values by name.
    pub seconds: Axis<Row>,
    /// How the counters went from reading to reading, by name.
    #[serde(default)]
    pub counts: BTreeMap<String, Count>,
}

/// How a counter went from one reading to the next; values are in thousandths.
///
/// Behind a balancer each reading may be another replica's: the value falls by a little and rises again. A server that was
/// restarted begins near zero and grows from there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Whether replicas answer in turn: then it is no one counter, and its growth means nothing.
    pub in_turn: bool,
    /// Falls to near zero.
    pub restarts: u64,
    /// The sum of its steps upwards.
    pub grown: u64,
    /// Its largest step upwards.
    pub largest: u64,
    /// Steps upwards that went all the way back to where it had fallen from.
    pub returns: u64,
    /// From where it fell last, as long as it has not grown beyond.
    pub fell_from: u64,
    /// Its last value.
    pub last: u64,
}

/// A counter that falls to at most this part of its value may have begun anew.
const NEAR_ZERO: u64 = 10;
/// A return is no growth where it is so many times the largest step before.
const LEAP: u64 = 3;
/// So many returns are no growth, whatever the steps.
const RETURNS: u64 = 2;
/// The most that a share may be, in thousandths.
const WHOLE: u64 = 1_000;

impl Count {
    /// A counter that was read once.
    pub fn first(value: u64) -> Count {
        Count { last: value, ..Count::default() }
    }

    /// Adds the next reading.
    pub fn see(&mut self, value: u64) {
        if value < self.last {
            self.in_turn |= value > self.last / NEAR_ZERO;
            self.restarts += 1;
            self.fell_from = self.last;
        } else {
            self.rise(value);
        }
        self.last = value;
    }

    fn rise(&mut self, value: u64) {
        let step = value - self.last;
        if self.fell_from > 0 && value >= self.fell_from {
            self.returns += u64::from(self.last <= self.fell_from / NEAR_ZERO);
            self.in_turn |= self.returns >= RETURNS || (self.largest > 0 && step > LEAP * self.largest);
            self.fell_from = 0;
        }
        self.grown = self.grown.saturating_add(step);
        self.largest = self.largest.max(step);
    }
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
/// So many names that were looked for are kept.
const NAMES: usize = 64;

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
            if kind == Is::Counter {
                self.counts
                    .entry(figure.name.clone())
                    .and_modify(|count| count.see(value))
                    .or_insert_with(|| Count::first(value));
            }
        }
        self.bare += u64::from(!found);
        if !found && self.looked_for.is_empty() {
            let figures = figures.iter().take(FIGURES);
            self.looked_for = figures.flat_map(|figure| &figure.metrics).take(NAMES).cloned().collect();
        }
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: Server) {
        self.page = self.page.take().max(other.page);
        self.read += other.read;
        self.bare += other.bare;
        self.looked_for = std::mem::take(&mut self.looked_for).max(other.looked_for);
        self.failures.merge(&other.failures);
        for (name, kind) in other.kinds {
            let ours = self.kinds.entry(name).or_insert(kind);
            *ours = kind.max(*ours);
        }
        self.seconds.merge(other.seconds);
        for (name, count) in other.counts {
            // Parts of a run read the same page, so the one that saw more is kept, and nothing is added.
            let ours = self.counts.entry(name).or_insert(count);
            *ours = count.max(*ours);
        }
    }

    /// Why a figure cannot be stated, where it cannot.
    pub fn left_out(&self, name: &str) -> Option<String> {
        match self.kinds.get(name)? {
            Is::Counter => self.counts.get(name).filter(|count| count.in_turn).map(|_| {
                "its value falls and rises again, and not as after a restart: replicas answer in turn behind one address"
                    .to_owned()
            }),
            Is::Share => {
                let values = self.seconds.rows.values().filter_map(|row| Some(row.0.get(name)?.max));
                let most = values.max().filter(|most| *most > WHOLE)?;
                Some(format!("the page says {}, which is not a fraction from 0 to 1", most as f64 / 1000.0))
            }
            Is::Level => None,
        }
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

    /// What a counter comes to that is read with these values.
    fn count(values: &[u64]) -> Count {
        let mut count = Count::first(values[0]);
        values[1..].iter().for_each(|value| count.see(*value));
        count
    }

    #[test]
    fn a_restart_counts_and_replicas_in_turn_do_not() {
        let restarted = [
            (&[100, 200, 300, 10, 110, 210, 310, 410][..], 600),
            (&[100, 100, 0, 50, 100], 100),
            (&[1000, 1010, 0, 10, 20], 30),
            (&[5, 5, 5, 5], 0),
        ];
        for (values, grown) in restarted {
            let count = count(values);
            assert_eq!((count.in_turn, count.grown), (false, grown), "{values:?}: {count:?}");
        }
        let in_turn = [
            &[1000, 940, 1010, 945, 1020][..],
            // As different as they may be.
            &[16_000, 100, 16_010, 110, 16_020],
            &[16_000, 16_005, 16_010, 100, 105, 16_030],
            // Of three.
            &[10, 2_000, 600, 12, 2_010, 620],
        ];
        for values in in_turn {
            assert!(count(values).in_turn, "{values:?}: {:?}", count(values));
        }
    }

    /// Replicas behind a balancer that sends each reading to any of them: nothing is invented, whatever they have counted.
    #[test]
    fn replicas_that_answer_by_chance_are_found_out() {
        let mut state = 21_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut missed = 0;
        for _ in 0..1000 {
            let mut replicas: Vec<u64> = (0..2 + random(3)).map(|_| 1_000 * (1 + random(20_000))).collect();
            let mut count = Count::first(replicas[0]);
            for _ in 0..60 {
                for replica in &mut replicas {
                    *replica += 1_000 * random(3);
                }
                let place = random(replicas.len() as u64);
                count.see(replicas[usize::try_from(place).expect("a place")]);
            }
            missed += u64::from(!count.in_turn);
        }
        assert_eq!(missed, 0, "of 1000");
    }

    #[test]
    fn a_share_above_one_is_left_out() {
        let rate = Figure { name: "rate".into(), kind: Kind::Share, metrics: vec!["hit_rate".into()] };
        let mut server = Server::default();
        server.record(0, std::slice::from_ref(&rate), &samples("hit_rate 0.735"));
        assert_eq!(server.left_out("rate"), None);
        server.record(1_000_000, &[rate], &samples("hit_rate 73.5"));
        assert!(server.left_out("rate").is_some_and(|why| why.contains("73.5, which is not a fraction")));
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
