//! The shape of `vllm bench serve --save-result`, so that what reads that reads this: the figures of streams that ended
//! ok, by the definitions of [`metrics_as`](crate::summary::metrics_as). A figure that we do not have is null.

use serde_json::{Map, Value, json};

use crate::plan::goal::{Population, Statistic};
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::summary::metrics_as::{Measured, Tool};
use crate::summary::timing::{Populations, Timing};

const PERCENTILES: [(&str, f64); 5] = [("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9)];

pub(in crate::report) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let mut fields = Map::new();
    // Labels come first: none of them may replace a figure.
    for (name, value) in &digest.labels {
        fields.insert(name.clone(), json!(value));
    }
    let measured = summary.metrics_as.of(Tool::Vllm);
    let span_s = measured.span_s();
    // Answers came, and none of them states its prompt.
    let told = measured.prompt_millitokens > 0 || measured.latency.count() == 0;
    let per_s = |count: f64| span_s.map(|span| count / span);
    let (input, output) = (measured.prompt_millitokens as f64 / 1e3, measured.output_millitokens as f64 / 1e3);
    let own = json!({
        "date": date(summary),
        "endpoint_type": "openai-chat",
        "backend": "openai-chat",
        "label": format!("{} (by proofload, as {} defines it)", digest.profile, Tool::Vllm.formulas().tool),
        "model_id": digest.model,
        "tokenizer_id": null,
        "num_prompts": digest.requests.planned,
        "request_rate": summary.meta.rate_per_s.map_or(json!("inf"), Value::from),
        "burstiness": null,
        "max_concurrency": null,
        "duration": span_s,
        "completed": measured.latency.count(),
        "failed": digest.requests.failed,
        "total_input_tokens": told.then(|| whole(input)),
        "total_output_tokens": whole(output),
        "request_throughput": per_s(measured.latency.count() as f64),
        "request_goodput": per_s(digest.requests.good as f64),
        "output_throughput": per_s(output),
        "total_token_throughput": per_s(input + output).filter(|_| told),
        "max_output_tokens_per_s": busiest(summary),
        "max_concurrent_requests": summary.health.peak_in_flight,
    });
    fields.extend(own.as_object().cloned().unwrap_or_default());
    fields.extend(digest.cut_off.map(|why| ("cut_off".to_owned(), json!(why))));
    for (name, times) in timings(measured) {
        timing(&mut fields, name, times);
    }
    let mut text = serde_json::to_string_pretty(&fields).expect("an object has string keys only");
    text.push('\n');
    text
}

/// vLLM's names, and what they are.
fn timings(measured: &Measured) -> [(&'static str, &Timing); 4] {
    [
        ("ttft", &measured.first_token),
        ("tpot", &measured.per_token),
        ("itl", &measured.gap),
        ("e2el", &measured.latency),
    ]
}

/// Output tokens that arrived in the busiest second of the measured part.
fn busiest(summary: &Summary) -> f64 {
    let width = summary.seconds.width_s as f64;
    summary.seconds.rows.values().map(|row| row.output_millitokens as f64 / 1e3 / width).fold(0.0, f64::max)
}

fn timing(fields: &mut Map<String, Value>, name: &str, times: &Timing) {
    let populations = Populations { ok: times.clone(), ..Populations::default() };
    let ms = |statistic| populations.statistic(Population::Ok, statistic).map(|us| us / 1e3);
    fields.insert(format!("mean_{name}_ms"), json!(ms(Statistic::Mean)));
    fields.insert(format!("median_{name}_ms"), json!(ms(Statistic::Percentile(50.0))));
    fields.insert(format!("std_{name}_ms"), json!(times.deviation_us().map(|us| us / 1e3)));
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
