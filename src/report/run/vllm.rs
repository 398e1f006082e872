//! The shape of `vllm bench serve --save-result`, so that what reads that reads this: percentiles of successes in
//! milliseconds, first token and end counted from sending, as vLLM counts them. A figure that we do not have is null.

use serde_json::{Map, Value, json};

use crate::plan::goal::{Measure, Population, Statistic};
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::summary::timing::Populations;

/// vLLM's names, and what they are here.
const TIMINGS: [(&str, Measure); 4] = [
    ("ttft", Measure::FirstTokenFromSent),
    ("tpot", Measure::TimePerOutputToken),
    ("itl", Measure::TokenGap),
    ("e2el", Measure::ServiceTime),
];
const PERCENTILES: [(&str, f64); 5] = [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9)];

pub(in crate::report) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let mut fields = Map::new();
    // Labels come first: none of them may replace a figure.
    for (name, value) in &digest.labels {
        fields.insert(name.clone(), json!(value));
    }
    let width = summary.seconds.width_s as f64;
    let busiest = summary.seconds.rows.values().map(|row| row.completion_millitokens as f64 / 1e3 / width);
    let own = json!({
        "date": date(summary),
        "endpoint_type": "openai-chat",
        "backend": "openai-chat",
        "label": digest.profile,
        "model_id": digest.model,
        "tokenizer_id": null,
        "num_prompts": digest.requests.planned,
        "request_rate": summary.meta.rate_per_s.map_or(json!("inf"), Value::from),
        "burstiness": null,
        "max_concurrency": null,
        "duration": digest.duration_s,
        "completed": digest.requests.ok,
        "failed": digest.requests.failed,
        "total_input_tokens": whole(digest.tokens.prompt),
        "total_output_tokens": whole(digest.tokens.completion),
        "request_throughput": digest.rates_per_s.requests,
        "request_goodput": digest.rates_per_s.good_requests,
        "output_throughput": digest.rates_per_s.output_tokens,
        "total_token_throughput": digest.rates_per_s.total_tokens,
        "max_output_tokens_per_s": busiest.fold(0.0, f64::max),
        "max_concurrent_requests": summary.health.peak_in_flight,
    });
    fields.extend(own.as_object().cloned().unwrap_or_default());
    let none = Populations::default();
    for (name, measure) in TIMINGS {
        timing(&mut fields, name, summary.timings.get(measure.name()).unwrap_or(&none));
    }
    let mut text = serde_json::to_string_pretty(&fields).expect("an object has string keys only");
    text.push('\n');
    text
}

fn timing(fields: &mut Map<String, Value>, name: &str, populations: &Populations) {
    let ms = |statistic| populations.statistic(Population::Ok, statistic).map(|us| us / 1e3);
    fields.insert(format!("mean_{name}_ms"), json!(ms(Statistic::Mean)));
    fields.insert(format!("median_{name}_ms"), json!(ms(Statistic::Percentile(50.0))));
    fields.insert(format!("std_{name}_ms"), json!(populations.ok.deviation_us().map(|us| us / 1e3)));
    for (percentile, p) in PERCENTILES {
        fields.insert(format!("{percentile}_{name}_ms"), json!(ms(Statistic::Percentile(p))));
    }
}

/// vLLM counts whole tokens; some endpoints state fractions.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of tokens")]
fn whole(tokens: f64) -> u64 {
    tokens.round() as u64
}

/// As in `20261122-140000`, in UTC.
fn date(summary: &Summary) -> String {
    let at = summary.meta.started();
    let text = humantime::format_rfc3339_seconds(at).to_string();
    text.trim_end_matches('Z').replace(['-', ':'], "").replace('T', "-")
}
