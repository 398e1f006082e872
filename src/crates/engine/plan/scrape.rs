//! Which page of metrics is read beside the load, and what is taken from it.

use url::Url;

/// A page of metrics and what is taken from it.
#[derive(Debug, Clone)]
pub struct Scrape {
    /// Its address, which may hold secrets; none for `/metrics` of the target.
    pub url: Option<Url>,
    /// What is taken from it.
    pub figures: Vec<Figure>,
}

/// A figure of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Name in reports.
    pub name: String,
    /// How the samples of several engines or models come to one.
    pub kind: Kind,
    /// Names of the metric; `*` stands for anything. The first that the page has is taken.
    pub metrics: Vec<String>,
}

/// How the samples of several engines or models come to one, and what a report makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They add up; the mean and the most are shown.
    Level,
    /// Their mean, from 0 to 1.
    Share,
    /// They add up and only grow; the increase is shown.
    Counter,
}

/// What is known of servers: figure, kind, and its names in vLLM (version 1, then 0), `SGLang`, NVIDIA Dynamo (its front
/// end, whose requests in flight include those that wait, then its workers), Text Generation Inference, llama.cpp and the
/// built-in endpoint. Sources: the metrics pages of their documentation.
const KNOWN: [(&str, Kind, &[&str]); 7] = [
    (
        "running",
        Kind::Level,
        &[
            "vllm:num_requests_running",
            "sglang:num_running_reqs",
            "dynamo_frontend_inflight_requests",
            "tgi_batch_current_size",
            "llamacpp:requests_processing",
            "proofload_requests_in_flight",
        ],
    ),
    (
        "waiting",
        Kind::Level,
        &[
            "vllm:num_requests_waiting",
            "sglang:num_queue_reqs",
            "dynamo_frontend_queued_requests",
            "tgi_queue_size",
            "llamacpp:requests_deferred",
        ],
    ),
    (
        "kv_use",
        Kind::Share,
        &[
            "vllm:kv_cache_usage_perc",
            "vllm:gpu_cache_usage_perc",
            "sglang:token_usage",
            "dynamo_component_kvstats_gpu_cache_usage_percent",
            "llamacpp:kv_cache_usage_ratio",
        ],
    ),
    (
        "prefix_hit_rate",
        Kind::Share,
        &[
            "vllm:gpu_prefix_cache_hit_rate",
            "sglang:cache_hit_rate",
            "dynamo_component_kvstats_gpu_prefix_cache_hit_rate",
        ],
    ),
    (
        "prefix_hits",
        Kind::Counter,
        &["vllm:prefix_cache_hits_total", "vllm:prefix_cache_hits", "vllm:gpu_prefix_cache_hits_total"],
    ),
    (
        "prefix_queries",
        Kind::Counter,
        &["vllm:prefix_cache_queries_total", "vllm:prefix_cache_queries", "vllm:gpu_prefix_cache_queries_total"],
    ),
    (
        "preemptions",
        Kind::Counter,
        &[
            "vllm:num_preemptions_total",
            "vllm:num_preemptions",
            "sglang:num_retracted_requests_total",
            "sglang:num_retracted_reqs_total",
            "sglang:num_retracted_reqs",
        ],
    ),
];

impl Figure {
    /// The figures of the servers that are known.
    pub fn known() -> Vec<Figure> {
        let figure = |(name, kind, metrics): (&str, Kind, &[&str])| Figure {
            name: name.to_owned(),
            kind,
            metrics: metrics.iter().map(|metric| (*metric).to_owned()).collect(),
        };
        KNOWN.into_iter().map(figure).collect()
    }

    /// Whether a metric of that name is the one, by a pattern of the figure.
    pub fn matches(pattern: &str, name: &str) -> bool {
        let mut parts = pattern.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
        let parts: Vec<&str> = parts.collect();
        let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
        for part in between {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, matches) in [
            ("up", "up", true),
            ("up", "upper", false),
            ("my_*_running", "my_queue_running", true),
            ("my_*_running", "my_running", false),
            ("*", "anything", true),
            ("*a*b", "xaybxb", true),
            ("*a*b", "xbya", false),
        ] {
            assert_eq!(Figure::matches(pattern, name), matches, "{pattern} {name}");
        }
    }
}
