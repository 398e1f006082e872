//! Rules about Pulze's `metadata`: hidden retries, model switches, costs and in-band errors, which a latency
//! histogram hides.

use std::sync::LazyLock;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;

use super::request::is_router;
use super::{Across, Check, Finding, Judge, Level, NO_COMPLETION, Verdict, levels, shown, tier};
use crate::exchange::Reading;
use crate::wire::Dialect;
use crate::wire::dialect::{offline, violations};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "meta-present",
        rule: "a whole completion has metadata",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "S",
        judge: Judge::Reply(present),
        across: None,
    },
    Check {
        id: "meta-schema",
        rule: "the members of metadata have the seed's types, or are null",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "S, K",
        judge: Judge::Reply(schema),
        across: None,
    },
    Check {
        id: "meta-no-inband-error",
        rule: "metadata.error is null or empty in a 200",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "S metadata.error; K \"If an error occurs\"",
        judge: Judge::Reply(no_inband_error),
        across: None,
    },
    Check {
        id: "meta-status-code-ok",
        rule: "metadata.status_code is null, 0 or 2xx in a 200",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "S",
        judge: Judge::Reply(status_code_ok),
        across: None,
    },
    Check {
        id: "meta-warning-reported",
        rule: "warnings are counted by their text",
        levels: levels("Y/-"),
        tier: tier("C"),
        source: "S",
        judge: Judge::Reply(warning_reported),
        across: None,
    },
    Check {
        id: "meta-costs-total-is-sum",
        rule: "costs: total is prompt plus completion, or more by one base cost per model",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K PulzeEngineTokens; base_cost may add",
        judge: Judge::Reply(costs_total_is_sum),
        across: Some(Across::Constant(Level::Should, |reading| {
            let base = base_cost(reading, "costs").filter(|base| *base >= 0.0)?;
            Some((namespace(reading).unwrap_or_default().to_owned(), format!("{base:.9}")))
        })),
    },
    Check {
        id: "meta-costs-nonnegative",
        rule: "costs are 0 or more",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "K dollars",
        judge: Judge::Reply(costs_nonnegative),
        across: None,
    },
    Check {
        id: "meta-costs-are-dollars",
        rule: "the total cost is below a cent per token, so not a token count",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K \"Cost (in $)\"",
        judge: Judge::Reply(costs_are_dollars),
        across: None,
    },
    Check {
        id: "meta-savings-total-is-sum",
        rule: "cost_savings: total is prompt plus completion; negative is allowed",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K",
        judge: Judge::Reply(savings_total_is_sum),
        across: None,
    },
    Check {
        id: "meta-latency-plausible",
        rule: "latency is more than 0 and no longer than we waited, in one unit throughout the run",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K \"time it took for the Provider\"; unit unstated",
        judge: Judge::Reply(latency_plausible),
        across: Some(Across::Constant(Level::Should, |reading| {
            let unit = latency_unit(member(reading, "latency")?.as_f64()?, reading.exchange.service_time()?)?;
            Some(("unit".to_owned(), unit.to_owned()))
        })),
    },
    Check {
        id: "meta-model-required",
        rule: "metadata.model has a non-empty model and namespace",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K model, namespace required",
        judge: Judge::Reply(model_required),
        across: None,
    },
    Check {
        id: "meta-namespace-is-model",
        rule: "the top-level model is metadata.model.namespace",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K \"fully qualified name\" (both)",
        judge: Judge::Reply(namespace_is_model),
        across: None,
    },
    Check {
        id: "meta-pinned-honoured",
        rule: "the namespace contains the model asked for",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K; Y multi-matching",
        judge: Judge::Reply(pinned_honoured),
        across: None,
    },
    Check {
        id: "meta-max-tokens-range",
        rule: "metadata.max_tokens is an integer of -1 or more",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "S-derived >= -1",
        judge: Judge::Reply(|reading| integer_from(reading, "max_tokens", -1)),
        across: None,
    },
    Check {
        id: "meta-retries-valid",
        rule: "metadata.retries is null or an integer of 0 or more",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "K \"null or 0\"",
        judge: Judge::Reply(|reading| integer_from(reading, "retries", 0)),
        across: None,
    },
    Check {
        id: "meta-labels-string-map",
        rule: "every label is a string",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "K additionalProperties string",
        judge: Judge::Reply(labels_string_map),
        across: None,
    },
    Check {
        id: "meta-app-id-stable",
        rule: "one key sees one app_id",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K",
        judge: Judge::Reply(
            |reading| if member(reading, "app_id").is_some() { Verdict::Pass } else { Verdict::Skip(ABSENT) },
        ),
        across: Some(Across::Constant(Level::Should, |reading| {
            Some(("app_id".to_owned(), member(reading, "app_id")?.as_str()?.to_owned()))
        })),
    },
    Check {
        id: "meta-scores-shape",
        rule: "scores are arrays of maps from name to number",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "S",
        judge: Judge::Reply(scores_shape),
        across: None,
    },
    Check {
        id: "meta-artifacts-shape",
        rule: "generated_artifacts and search_results have items that are arrays of objects",
        levels: levels("M/-"),
        tier: tier("C"),
        source: "S",
        judge: Judge::Reply(artifacts_shape),
        across: None,
    },
];

const ABSENT: &str = "metadata, or this member of it, is absent or null";

/// The part of the response schema that describes metadata.
static METADATA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = Dialect::Pulze.response().document().pointer("/properties/metadata").expect("the schema has metadata");
    offline(schema).expect("a part of a valid schema without references is valid")
});

/// A member of metadata that is not null.
fn member<'r>(reading: &'r Reading<'_>, name: &str) -> Option<&'r Value> {
    reading.metadata()?.get(name).filter(|value| !value.is_null())
}

fn present(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let metadata = completion.get("metadata");
    Verdict::holds(metadata.is_some_and(Value::is_object), "/metadata", || {
        format!("expected an object, got {}", shown(metadata))
    })
}

fn schema(reading: &Reading<'_>) -> Verdict {
    let Some(metadata) = reading.metadata() else { return Verdict::Skip(ABSENT) };
    if METADATA.is_valid(metadata) {
        return Verdict::Pass;
    }
    let findings = violations(&METADATA, metadata).into_iter();
    Verdict::of(findings.map(|v| Finding::new(format!("/metadata{}", v.pointer), v.message)).collect())
}

fn no_inband_error(reading: &Reading<'_>) -> Verdict {
    if reading.metadata().is_none() {
        return Verdict::Skip(ABSENT);
    }
    match member(reading, "error") {
        Some(error) if error.as_str() != Some("") => Verdict::broken("/metadata/error", shown(Some(error))),
        Some(_) | None => Verdict::Pass,
    }
}

fn status_code_ok(reading: &Reading<'_>) -> Verdict {
    if reading.metadata().is_none() {
        return Verdict::Skip(ABSENT);
    }
    let status = member(reading, "status_code");
    let fine = status.is_none_or(|status| status.as_u64().is_some_and(|code| code == 0 || (200..300).contains(&code)));
    Verdict::holds(fine, "/metadata/status_code", || format!("got {} in a success", shown(status)))
}

fn warning_reported(reading: &Reading<'_>) -> Verdict {
    match member(reading, "warning").and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Verdict::Noted(text.to_owned()),
        Some(_) | None => Verdict::Skip(ABSENT),
    }
}

/// Total less its parts, for `costs` or `cost_savings`; rounding within 1e-9 of the total is none.
fn base_cost(reading: &Reading<'_>, name: &str) -> Option<f64> {
    let costs = member(reading, name)?;
    let amount = |part: &str| costs.get(part).and_then(Value::as_f64);
    let (total, sum) = (amount("total_tokens")?, amount("prompt_tokens")? + amount("completion_tokens")?);
    let rest = total - sum;
    Some(if rest.abs() <= 1e-9 * total.abs().max(sum.abs()) { 0.0 } else { rest })
}

fn costs_total_is_sum(reading: &Reading<'_>) -> Verdict {
    match base_cost(reading, "costs") {
        None => Verdict::Skip(ABSENT),
        Some(rest) => {
            Verdict::holds(rest >= 0.0, "/metadata/costs/total_tokens", || format!("less than its parts by {}", -rest))
        }
    }
}

fn savings_total_is_sum(reading: &Reading<'_>) -> Verdict {
    match base_cost(reading, "cost_savings") {
        None => Verdict::Skip(ABSENT),
        Some(rest) => {
            Verdict::holds(rest == 0.0, "/metadata/cost_savings/total_tokens", || format!("off its parts by {rest}"))
        }
    }
}

fn costs_nonnegative(reading: &Reading<'_>) -> Verdict {
    let Some(costs) = member(reading, "costs").and_then(Value::as_object) else { return Verdict::Skip(ABSENT) };
    let negative = costs.iter().find(|(_, amount)| amount.as_f64().is_some_and(|amount| amount < 0.0));
    match negative {
        Some((name, amount)) => Verdict::broken(format!("/metadata/costs/{name}"), shown(Some(amount))),
        None => Verdict::Pass,
    }
}

const DOLLARS_PER_TOKEN: f64 = 0.01;

fn costs_are_dollars(reading: &Reading<'_>) -> Verdict {
    let cost = member(reading, "costs").and_then(|costs| costs.get("total_tokens")).and_then(Value::as_f64);
    let (Some(cost), Some(usage)) = (cost, reading.usage.filter(|usage| usage.total > 0.0)) else {
        return Verdict::Skip(ABSENT);
    };
    Verdict::holds(cost < usage.total * DOLLARS_PER_TOKEN, "/metadata/costs/total_tokens", || {
        format!("{cost} dollars for {} tokens", usage.total)
    })
}

/// The unit in which a latency fits into the time we waited: seconds first, since a provider is rarely a thousand
/// times faster than the whole.
fn latency_unit(latency: f64, waited: Duration) -> Option<&'static str> {
    let waited = waited.as_secs_f64();
    if latency <= 0.0 {
        None
    } else if latency <= waited {
        Some("s")
    } else {
        (latency <= waited * 1000.0).then_some("ms")
    }
}

fn latency_plausible(reading: &Reading<'_>) -> Verdict {
    let Some(latency) = member(reading, "latency").and_then(Value::as_f64) else { return Verdict::Skip(ABSENT) };
    let waited = reading.exchange.service_time().unwrap_or_default();
    Verdict::holds(latency_unit(latency, waited).is_some(), "/metadata/latency", || {
        format!("{latency} fits in neither s nor ms into the {waited:.3?} we waited")
    })
}

fn namespace<'r>(reading: &'r Reading<'_>) -> Option<&'r str> {
    member(reading, "model")?.get("namespace")?.as_str()
}

fn model_required(reading: &Reading<'_>) -> Verdict {
    if reading.metadata().is_none() {
        return Verdict::Skip(ABSENT);
    }
    let model = member(reading, "model");
    let filled = |name: &str| {
        model.and_then(|model| model.get(name)).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
    };
    match ["model", "namespace"].into_iter().find(|name| !filled(name)) {
        Some(name) => Verdict::broken(format!("/metadata/model/{name}"), "expected a non-empty string"),
        None => Verdict::Pass,
    }
}

fn namespace_is_model(reading: &Reading<'_>) -> Verdict {
    let top = reading.bodies().into_iter().rev().find_map(|body| body.get("model")?.as_str());
    match (top, namespace(reading)) {
        (Some(model), Some(namespace)) => {
            Verdict::holds(model == namespace, "/model", || format!("{model:?}, but the namespace is {namespace:?}"))
        }
        _ => Verdict::Skip(ABSENT),
    }
}

fn pinned_honoured(reading: &Reading<'_>) -> Verdict {
    let Some(asked) = reading.exchange.asked.wanted.model.as_deref().filter(|model| !is_router(model)) else {
        return Verdict::Skip("no model was pinned");
    };
    match namespace(reading) {
        Some(namespace) => Verdict::holds(namespace.contains(asked), "/metadata/model/namespace", || {
            format!("asked for {asked:?}, got {namespace:?}")
        }),
        None => Verdict::Skip(ABSENT),
    }
}

fn integer_from(reading: &Reading<'_>, name: &str, least: i64) -> Verdict {
    let Some(value) = member(reading, name) else { return Verdict::Skip(ABSENT) };
    let integer = value.as_f64().is_some_and(|number| number.fract() == 0.0 && number >= least as f64);
    Verdict::holds(integer, &format!("/metadata/{name}"), || {
        format!("expected an integer of {least} or more, got {}", shown(Some(value)))
    })
}

fn labels_string_map(reading: &Reading<'_>) -> Verdict {
    let Some(labels) = member(reading, "labels") else { return Verdict::Skip(ABSENT) };
    let Some(labels) = labels.as_object() else { return Verdict::broken("/metadata/labels", "expected an object") };
    match labels.iter().find(|(_, value)| !value.is_string()) {
        Some((name, value)) => Verdict::broken(
            format!("/metadata/labels/{name}"),
            format!("expected a string, got {}", shown(Some(value))),
        ),
        None => Verdict::Pass,
    }
}

/// Each of two members is null, or an array of objects whose members all satisfy a rule.
fn arrays_of_objects(parent: &Value, place: &str, names: &[&str], rule: fn(&Value) -> bool) -> Vec<Finding> {
    let fits = |value: &Value| {
        let object = |item: &Value| item.as_object().is_some_and(|members| members.values().all(rule));
        value.as_array().is_some_and(|items| items.iter().all(object))
    };
    names
        .iter()
        .filter_map(|name| {
            let value = parent.get(*name).filter(|value| !value.is_null() && !fits(value))?;
            Some(Finding::new(
                format!("{place}/{name}"),
                format!("expected an array of objects, got {}", shown(Some(value))),
            ))
        })
        .collect()
}

fn scores_shape(reading: &Reading<'_>) -> Verdict {
    let Some(scores) = member(reading, "scores") else { return Verdict::Skip(ABSENT) };
    Verdict::of(arrays_of_objects(scores, "/metadata/scores", &["best_models", "candidates"], Value::is_number))
}

fn artifacts_shape(reading: &Reading<'_>) -> Verdict {
    let present: Vec<(&str, &Value)> = ["generated_artifacts", "search_results"]
        .iter()
        .filter_map(|name| Some((*name, member(reading, name)?)))
        .collect();
    if present.is_empty() {
        return Verdict::Skip(ABSENT);
    }
    Verdict::of(
        present
            .into_iter()
            .flat_map(|(name, value)| arrays_of_objects(value, &format!("/metadata/{name}"), &["items"], |_| true))
            .collect(),
    )
}
