//! Comma-separated values (RFC 4180) for spreadsheets: the run second by second, or its totals in one row.

use crate::plan::goal::Measure;
use crate::report::csv::row;
use crate::summary::Summary;
use crate::summary::digest::{Digest, Statistics};
use crate::summary::sketch::Sketch;

/// A row for each second, or for each 2, 4, 8 seconds of a long run; those in which nothing happened are left out.
pub(in crate::report) fn seconds(summary: &Summary) -> String {
    let mut lines =
        vec![
            [
                "second",
                "length_s",
                "due",
                "warmup",
                "sent",
                "ok",
                "good",
                "late",
                "failed",
                "missed",
                "violations",
                "output_tokens",
                "mean_in_flight",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain(["response_time", "first_token", "token_gap"].iter().flat_map(|measure| {
                ["count", "p50_us", "p90_us", "p99_us"].map(|figure| format!("{measure}_{figure}"))
            }))
            .collect::<Vec<_>>(),
        ];
    let all = summary.all_seconds();
    let width = all.width_s;
    let warm = summary.warmup_seconds.widened(width);
    for (number, row) in &all.rows {
        let warmup = warm.rows.get(number).map_or(0, |row| row.due);
        let counts = [row.due, warmup, row.sent, row.ok, row.good, row.late, row.failed, row.missed, row.violations];
        let mut cells = vec![(number * width).to_string(), width.to_string()];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(format!("{:.3}", row.output_millitokens as f64 / 1e3));
        cells.push(format!("{:.3}", row.in_flight_us as f64 / 1e6 / width as f64));
        cells.extend([&row.response_time, &row.first_token, &row.token_gap].into_iter().flat_map(times));
        lines.push(cells);
    }
    written(&lines)
}

fn times(sketch: &Sketch) -> [String; 4] {
    let p = |p| sketch.percentile(p).map_or_else(String::new, |us| format!("{us:.0}"));
    [sketch.count().to_string(), p(50.0), p(90.0), p(99.0)]
}

/// One row; of many runs, the rows make one table.
pub(in crate::report) fn totals(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let labels: Vec<String> = digest.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let float = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value}"));
    let complete = digest.sessions.as_ref().and_then(|sessions| sessions.complete_fraction);
    let mut cells: Vec<(String, String)> = [
        ("profile", digest.profile.clone()),
        ("started", started(summary)),
        ("target", digest.target.clone()),
        ("dialect", digest.dialect.clone()),
        ("model", digest.model.clone().unwrap_or_default()),
        ("load", digest.load.clone()),
        ("labels", labels.join(" ")),
        ("seed", digest.seed.to_string()),
        ("salt", digest.salt.map_or_else(String::new, |salt| salt.to_string())),
        ("verdict", digest.verdict.name().to_owned()),
        ("trust", digest.trust.verdict.name().to_owned()),
        ("duration_s", digest.duration_s.to_string()),
        ("planned", digest.requests.planned.to_string()),
        ("sent", digest.requests.sent.to_string()),
        ("ok", digest.requests.ok.to_string()),
        ("good", digest.requests.good.to_string()),
        ("late", digest.requests.late.to_string()),
        ("failed", digest.requests.failed.to_string()),
        ("error_rate", float(digest.error_rate)),
        ("violation_rate", float(digest.violation_rate)),
        ("good_fraction", float(digest.requests.good_fraction)),
        ("missed_fraction", float(digest.missed_fraction)),
        ("sessions_complete", float(complete)),
        ("requests_per_s", float(digest.rates_per_s.requests)),
        ("good_requests_per_s", float(digest.rates_per_s.good_requests)),
        ("output_tokens_per_s", float(digest.rates_per_s.output_tokens)),
        ("total_tokens_per_s", float(digest.rates_per_s.total_tokens)),
        ("prompt_tokens", float(digest.tokens.prompt)),
        ("completion_tokens", float(digest.tokens.completion)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    for measure in Measure::ALL {
        let Some(timings) = digest.timings_us.get(measure.name()) else { continue };
        cells.extend(statistics(measure.name(), &timings.all));
    }
    let (head, values) = cells.into_iter().unzip();
    written(&[head, values])
}

fn started(summary: &Summary) -> String {
    let at = summary.meta.started();
    humantime::format_rfc3339_millis(at).to_string()
}

/// Infinity stands for failures that a percentile hits; nothing, for the lack of samples.
fn statistics(measure: &str, all: &Statistics) -> Vec<(String, String)> {
    let value = |us: Option<u64>| match us {
        Some(us) => us.to_string(),
        None if all.count > 0 => "inf".to_owned(),
        None => String::new(),
    };
    let times = [("mean", all.mean), ("p50", all.p50), ("p90", all.p90), ("p95", all.p95), ("p99", all.p99)];
    let rest = [("p99.9", all.p99_9), ("max", all.max)];
    let times = times.into_iter().chain(rest).map(|(name, us)| (format!("{measure}_{name}_us"), value(us)));
    std::iter::once((format!("{measure}_count"), all.count.to_string())).chain(times).collect()
}

fn written(lines: &[Vec<String>]) -> String {
    lines.iter().map(|cells| row(cells) + "\r\n").collect()
}
