//! OpenMetrics text 1.0, for what collects metrics at the end of a job: gauges of the run's figures, in base units.

use std::fmt::Write as _;

use crate::plan::goal::Measure;
use crate::summary::Summary;
use crate::summary::digest::{Digest, GoalResult, Statistics};
use crate::wire::plain::line;

pub(in crate::report) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let mut page = Page::default();
    page.info(&digest);
    let truth = |holds: bool| f64::from(u8::from(holds));
    page.gauge("passed", "", "Whether the verdict is pass.", [(vec![], Some(truth(digest.verdict.name() == "pass")))]);
    page.gauge(
        "trusted",
        "",
        "Whether the measurement is trusted.",
        [(vec![], Some(truth(digest.trust.verdict.name() == "trusted")))],
    );
    if let Some(us) = summary.ending.cut_off_us {
        let help = "How long the run had gone on when proofload was killed.";
        page.gauge("cut_off_seconds", "seconds", help, [(vec![], Some(us as f64 / 1e6))]);
    }
    let outcomes = digest.outcomes.iter().map(|(name, count)| (vec![("outcome", name.clone())], Some(*count as f64)));
    page.gauge("requests", "", "Requests of the measured part by outcome.", outcomes);
    page.gauge(
        "good_requests",
        "",
        "Requests that were ok, broke no MUST and kept the limits for a single request.",
        [(vec![], Some(digest.requests.good as f64))],
    );
    page.gauge(
        "late_requests",
        "",
        "Requests that were ok and broke no MUST, but not within the limits for a single request.",
        [(vec![], Some(digest.requests.late as f64))],
    );
    let complete = digest.sessions.as_ref().and_then(|sessions| sessions.complete_fraction);
    for (name, help, value) in [
        ("error_ratio", "Failed requests among those that were ok or failed.", digest.error_rate),
        ("violation_ratio", "Replies with a broken MUST among those with status 200.", digest.violation_rate),
        ("good_ratio", "Good requests among those planned.", digest.requests.good_fraction),
        ("missed_ratio", "Missed requests among those planned.", digest.missed_fraction),
        ("sessions_complete_ratio", "Complete sessions among those that came to an end.", complete),
        ("requests_per_second", "Requests that ended with a reply.", digest.rates_per_s.requests),
        ("good_requests_per_second", "Good requests.", digest.rates_per_s.good_requests),
        ("output_tokens_per_second", "Output tokens that arrived.", digest.rates_per_s.output_tokens),
        ("tokens_per_second", "Prompt and completion tokens.", digest.rates_per_s.total_tokens),
    ] {
        page.gauge(name, "", help, [(vec![], value)]);
    }
    for measure in Measure::ALL {
        if let Some(timings) = digest.timings_us.get(measure.name()).filter(|timings| timings.all.count > 0) {
            page.timing(measure.name(), &timings.all);
        }
    }
    let checks = digest.checks.iter().filter(|(_, check)| check.fail > 0);
    let broken = checks
        .map(|(id, check)| (vec![("check", id.clone()), ("level", check.level.clone())], Some(check.fail as f64)));
    page.gauge("broken_checks", "", "How often a check was broken.", broken);
    let goals = digest.goals.iter().map(|goal| (labels_of(goal), Some(truth(goal.held))));
    page.gauge("goal_held", "", "Whether a goal held.", goals);
    page.text + "# EOF\n"
}

/// A default has a label more, so that it is told from the user's own.
fn labels_of(goal: &GoalResult) -> Labels<'static> {
    let default = goal.default.then(|| ("default", "true".to_owned()));
    [("goal", goal.goal.clone())].into_iter().chain(default).collect()
}

#[derive(Default)]
struct Page {
    text: String,
}

type Labels<'l> = Vec<(&'l str, String)>;

impl Page {
    fn info(&mut self, digest: &Digest) {
        let mut labels: Vec<(String, String)> = [
            ("profile", digest.profile.clone()),
            ("target", digest.target.clone()),
            ("dialect", digest.dialect.clone()),
            ("model", digest.model.clone().unwrap_or_default()),
            ("load", digest.load.clone()),
            ("version", digest.proofload.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        labels.extend(digest.labels.iter().map(|(name, value)| (format!("label_{}", safe(name)), value.clone())));
        labels.dedup_by(|a, b| a.0 == b.0);
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(self.text, "# TYPE proofload_run info\n# HELP proofload_run What was run.");
        let _ = writeln!(self.text, "proofload_run_info{{{}}} 1", labels.join(","));
    }

    /// A metric family; samples without a value are left out, and so is a family without samples.
    fn gauge<'l>(
        &mut self,
        name: &str,
        unit: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l>, Option<f64>)>,
    ) {
        let samples: Vec<_> = samples.into_iter().filter_map(|(labels, value)| Some((labels, value?))).collect();
        if samples.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "# TYPE proofload_{name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(self.text, "# UNIT proofload_{name} {unit}");
        }
        let _ = writeln!(self.text, "# HELP proofload_{name} {help}");
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let value = if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() };
            let _ = writeln!(self.text, "proofload_{name}{labels} {value}");
        }
    }

    /// Percentiles of all requests; a failure is infinitely slow.
    fn timing(&mut self, measure: &str, all: &Statistics) {
        let seconds = |us: Option<u64>| Some(us.map_or(f64::INFINITY, |us| us as f64 / 1e6));
        let percentiles =
            [("0.5", all.p50), ("0.9", all.p90), ("0.95", all.p95), ("0.99", all.p99), ("0.999", all.p99_9)];
        let samples = percentiles.map(|(p, us)| (vec![("percentile", p.to_owned())], seconds(us)));
        let help = format!("{} of all requests, by percentile.", measure.replace('_', " "));
        self.gauge(&format!("{measure}_seconds"), "seconds", &help, samples);
    }
}

/// A name of a label.
fn safe(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn escaped(value: &str) -> String {
    line(value).replace('\\', "\\\\").replace('"', "\\\"")
}
