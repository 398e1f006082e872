//! Pulze's metadata block (`schemas/README.md#metadata`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::ask::Ask;
use super::catalogue::{BENCHMARK, Prices};
use super::headers::Wishes;
use super::route::Routed;
use super::usage::Usage;

/// The block, whole.
#[derive(Debug, Serialize)]
pub(super) struct Metadata<'a> {
    app_id: &'a str,
    model: Parts<'a>,
    costs: Money,
    cost_savings: Money,
    generated_artifacts: Items<'a>,
    search_results: Items<'a>,
    latency: f64,
    labels: &'a BTreeMap<String, String>,
    error: Option<&'a str>,
    scores: Scores<'a>,
    score: f64,
    temperature: Option<f64>,
    max_tokens: i64,
    status_code: u16,
    retries: u64,
    extra: BTreeMap<&'a str, u64>,
    warning: Option<String>,
}

#[derive(Debug, Serialize)]
struct Parts<'a> {
    model: &'a str,
    provider: &'a str,
    owner: &'a str,
    namespace: &'a str,
    at: Option<&'a str>,
}

/// Dollars; on the wire the names are those of the counts that they are the price of.
#[derive(Debug, Clone, Copy, Serialize)]
struct Money {
    #[serde(rename = "total_tokens")]
    total: f64,
    #[serde(rename = "prompt_tokens")]
    prompt: f64,
    #[serde(rename = "completion_tokens")]
    completion: f64,
}

/// What plugins have found or made.
#[derive(Debug, Serialize)]
struct Items<'a> {
    items: Vec<BTreeMap<&'a str, String>>,
}

#[derive(Debug, Serialize)]
struct Scores<'a> {
    best_models: Vec<BTreeMap<&'a str, f64>>,
    candidates: Vec<BTreeMap<&'a str, f64>>,
}

/// What the block is about.
pub(super) struct Subject<'a> {
    pub(super) ask: &'a Ask<'a>,
    pub(super) wishes: &'a Wishes,
    pub(super) routed: &'a Routed<'a>,
    pub(super) usage: &'a Usage,
    /// How long the provider takes.
    pub(super) took: Duration,
    pub(super) app_id: &'a str,
}

impl<'a> Metadata<'a> {
    pub(super) fn of(subject: &Subject<'a>) -> Metadata<'a> {
        let Subject { ask, wishes, routed, usage, took, app_id } = *subject;
        let model = routed.model;
        let costs = money(usage, model.prices, Prices { prompt: 0.0, completion: 0.0 });
        let scored =
            |(model, score): &(&'a super::catalogue::Model, f64)| BTreeMap::from([(&*model.namespace, *score)]);
        let candidates: Vec<_> = routed.candidates.iter().map(scored).collect();
        let score = routed.candidates.iter().find(|(candidate, _)| candidate.name == model.name);
        let discarded = ask.best_of - ask.request.n;
        let extra = if discarded > 0 { BTreeMap::from([("discarded_choices", discarded)]) } else { BTreeMap::new() };
        Metadata {
            app_id,
            model: Parts {
                model: model.short(),
                provider: model.owner(),
                owner: model.owner(),
                namespace: &model.namespace,
                at: None,
            },
            costs,
            cost_savings: money(usage, BENCHMARK, model.prices),
            generated_artifacts: artifacts(ask),
            search_results: found(ask),
            latency: took.as_secs_f64().max(1e-5),
            labels: &wishes.labels,
            error: None,
            scores: Scores { best_models: candidates.iter().take(1).cloned().collect(), candidates },
            score: score.map_or(0.0, |(_, score)| *score),
            temperature: ask.request.temperature,
            max_tokens: ask.cap.map_or(-1, |cap| i64::try_from(cap).unwrap_or(i64::MAX)),
            status_code: 200,
            retries: routed.retries,
            extra,
            warning: (costs.total > wishes.max_cost).then(|| "the request cost more than max_cost".to_owned()),
        }
    }
}

/// The price, less another one.
fn money(usage: &Usage, prices: Prices, less: Prices) -> Money {
    let prompt = usage.prompt_tokens as f64 * (prices.prompt - less.prompt);
    let completion = usage.completion_tokens as f64 * (prices.completion - less.completion);
    Money { total: prompt + completion, prompt, completion }
}

/// What the `web-search` plugin has found: pages about the first words of the question.
fn found<'a>(ask: &Ask<'_>) -> Items<'a> {
    if !ask.plugins.contains(&"web-search") {
        return Items { items: Vec::new() };
    }
    let about = super::say::opening(ask.asked);
    let page = |number: u32| {
        BTreeMap::from([
            ("title", format!("Page {number} about {about}")),
            ("url", format!("https://example.com/search/{number}")),
        ])
    };
    Items { items: (1..=3).map(page).collect() }
}

/// What a plugin that makes images has made.
fn artifacts<'a>(ask: &Ask<'_>) -> Items<'a> {
    let makers = ask.plugins.iter().filter(|plugin| plugin.starts_with("image-generation"));
    let image = |plugin: &&str| {
        BTreeMap::from([
            ("type", "image".to_owned()),
            ("plugin", (*plugin).to_owned()),
            ("url", "https://example.com/artifacts/1.png".to_owned()),
        ])
    };
    Items { items: makers.map(image).collect() }
}
