//! Quirks of Pulze's metadata; in other dialects they do nothing, but for the one that gives those a metadata of its own.

use serde_json::{Value, json};

use super::{Quirk, each, put, remove, set, whole};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::draft("no-metadata", "no metadata", "no server known; Pulze's published metadata", |draft| {
        each(draft, |reply| remove(reply, "", "metadata"));
    }),
    Quirk::draft("score-string", "the score is a string", "no server known; Pulze's published metadata", |draft| {
        each(draft, |reply| set(reply, "/metadata/score", "high"));
    }),
    Quirk::draft(
        "metadata-error",
        "an error in metadata of a 200",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/error", "the provider timed out"));
        },
    ),
    Quirk::draft(
        "metadata-status",
        "metadata.status_code 502 in a 200",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/status_code", 502));
        },
    ),
    Quirk::draft("metadata-warning", "a warning in metadata", "no server known; Pulze's published metadata", |draft| {
        each(draft, |reply| set(reply, "/metadata/warning", "the budget is nearly spent"));
    }),
    Quirk::draft(
        "costs-sum-off",
        "the total cost is less than its parts",
        "no server known; Pulze's published metadata",
        |draft| {
            scale(draft, "costs", "total_tokens", 0.5);
        },
    ),
    Quirk::draft(
        "costs-base-varies",
        "a base cost that changes between requests",
        "no server known; Pulze's published metadata",
        |draft| {
            let base = 0.001 * (1 + draft.number % 3) as f64;
            each(draft, |reply| {
                if let Some(total) = reply.pointer("/metadata/costs/total_tokens").and_then(Value::as_f64) {
                    set(reply, "/metadata/costs/total_tokens", total + base);
                }
            });
        },
    ),
    Quirk::draft("costs-negative", "a negative cost", "no server known; Pulze's published metadata", |draft| {
        each(draft, |reply| {
            if reply.pointer("/metadata/costs").is_some() {
                set(
                    reply,
                    "/metadata/costs",
                    json!({"total_tokens": -0.1, "prompt_tokens": -0.1, "completion_tokens": 0.0}),
                );
            }
        });
    }),
    Quirk::draft(
        "costs-are-tokens",
        "token counts in the place of dollars",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| {
                if let (Some(usage), true) = (reply.get("usage").cloned(), reply.pointer("/metadata/costs").is_some()) {
                    set(reply, "/metadata/costs", usage);
                }
            });
        },
    ),
    Quirk::draft(
        "savings-sum-off",
        "the total savings are off their parts",
        "no server known; Pulze's published metadata",
        |draft| {
            scale(draft, "cost_savings", "total_tokens", 3.0);
        },
    ),
    Quirk::draft("latency-huge", "a latency of a year", "no server known; Pulze's published metadata", |draft| {
        each(draft, |reply| set(reply, "/metadata/latency", 31_536_000.0));
    }),
    Quirk::draft(
        "latency-unit-changes",
        "latency in seconds, then in milliseconds",
        "no server known; Pulze's published metadata",
        |draft| {
            if draft.number % 2 == 1 {
                each(draft, |reply| {
                    if let Some(latency) = reply.pointer("/metadata/latency").and_then(Value::as_f64) {
                        set(reply, "/metadata/latency", latency * 1000.0);
                    }
                });
            }
        },
    ),
    Quirk::draft(
        "metadata-model-empty",
        "metadata.model.model is empty",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/model/model", ""));
        },
    ),
    Quirk::draft(
        "namespace-differs",
        "the namespace is not the model",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| {
                if let Some(name) =
                    reply.pointer("/metadata/model/namespace").and_then(Value::as_str).map(|name| format!("{name}@v2"))
                {
                    set(reply, "/metadata/model/namespace", name);
                }
            });
        },
    ),
    Quirk::draft(
        "max-tokens-below",
        "metadata.max_tokens is -5",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/max_tokens", -5));
        },
    ),
    Quirk::draft(
        "retries-negative",
        "metadata.retries is -1",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/retries", -1));
        },
    ),
    Quirk::draft(
        "retries-many",
        "metadata.retries is 7, more than any default allows",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/retries", 7));
        },
    ),
    Quirk::draft("cost-above-max", "a cost above max_cost", "no server known; Pulze's published policies", |draft| {
        each(draft, |reply| {
            let dear = json!({"total_tokens": 0.05, "prompt_tokens": 0.05, "completion_tokens": 0.0});
            set(reply, "/metadata/costs", dear);
        });
    }),
    Quirk::draft("label-number", "a label that is a number", "no server known; Pulze's published metadata", |draft| {
        each(draft, |reply| put(reply, "/metadata/labels", "n", 3));
    }),
    Quirk::draft(
        "metadata-number",
        "where a reply has no metadata, one with a number in it",
        "no server known; OpenAI's published metadata is a map of strings",
        |draft| {
            whole(draft, |reply| {
                if reply.get("metadata").is_none() {
                    put(reply, "", "metadata", json!({"n": 1}));
                }
            });
        },
    ),
    Quirk::draft(
        "app-id-changes",
        "another app_id in each reply",
        "no server known; Pulze's published metadata",
        |draft| {
            let app = format!("app-{}", draft.number);
            each(draft, |reply| set(reply, "/metadata/app_id", app.as_str()));
        },
    ),
    Quirk::draft(
        "scores-shape",
        "candidates with scores that are strings",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/scores/candidates", json!([{"m": "0.9"}])));
        },
    ),
    Quirk::draft(
        "artifacts-shape",
        "search results that are strings",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| set(reply, "/metadata/search_results/items", json!(["a page"])));
        },
    ),
    Quirk::draft(
        "temperature-off",
        "another temperature than was asked for",
        "no server known; Pulze's published metadata",
        |draft| {
            each(draft, |reply| {
                if reply.pointer("/metadata/temperature").is_some_and(Value::is_number) {
                    set(reply, "/metadata/temperature", 0.77);
                }
            });
        },
    ),
];

fn scale(draft: &mut super::Draft, group: &str, part: &str, factor: f64) {
    each(draft, |reply| {
        let pointer = format!("/metadata/{group}/{part}");
        if let Some(amount) = reply.pointer(&pointer).and_then(Value::as_f64) {
            set(reply, &pointer, amount * factor);
        }
    });
}
