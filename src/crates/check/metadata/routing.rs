//! Rules about who answered behind the endpoint: the model, how long it took, and how often it was called.

use std::time::Duration;

use super::super::request::is_router;
use super::super::{Across, Check, Judge, Level, Verdict, levels, tier};
use super::{ABSENT, member, namespace};
use crate::exchange::Reading;
use crate::source::Source;
use crate::wire::json::{Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "meta-latency-plausible",
        rule: "latency is more than 0 and no longer than we waited, in one unit throughout the run",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_SDKS.note("\"time it took for the Provider\""),
            Source::ours("the unit is stated nowhere"),
        ],
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
        sources: &[Source::PULZE_SDKS.note("model, namespace required")],
        judge: Judge::Reply(model_required),
        across: None,
    },
    Check {
        id: "meta-namespace-is-model",
        rule: "the top-level model is metadata.model.namespace",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("\"fully qualified name\" (both)")],
        judge: Judge::Reply(namespace_is_model),
        across: None,
    },
    Check {
        id: "meta-owner-prefix",
        rule: "the namespace begins with the owner",
        levels: levels("Y/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_HEADERS.note("owner/model")],
        judge: Judge::Reply(owner_prefix),
        across: None,
    },
    Check {
        id: "meta-pinned-honoured",
        rule: "the namespace contains the model asked for",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS, Source::PULZE_OPENAPI.note("multi-matching")],
        judge: Judge::Reply(pinned_honoured),
        across: None,
    },
    Check {
        id: "meta-router-distribution",
        rule: "which models the router picks",
        levels: levels("Y/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_REFERENCE.note("rank endpoint")],
        judge: Judge::Reply(router_distribution),
        across: None,
    },
    Check {
        id: "meta-retries-within-policy",
        rule: "no more calls were retried than the policies allow, by default 3",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_HEADERS.note("formula: (same+1) x (switch+1) calls, default 4")],
        judge: Judge::Reply(retries_within_policy),
        across: None,
    },
];

/// By how much their clock may run beyond ours: rounding, and a tenth of the time.
const ROUNDING_S: f64 = 0.01;
const DRIFT: f64 = 1.1;

/// How many times the wait, or what part of it, one reading of a latency must come to before it is out of the question.
const FAR_FETCHED: f64 = 10.0;

/// Whether a latency in seconds fits into the time we waited.
fn fits(latency_s: f64, waited_s: f64) -> bool {
    latency_s > 0.0 && latency_s <= waited_s * DRIFT + ROUNDING_S
}

/// The unit of a latency, where only one makes sense. On a busy machine we wait for longer than the provider took, so
/// that 300 ms may fit into what we waited as 0.3 does elsewhere: where the wait alone decides, no unit is told.
fn latency_unit(latency: f64, waited: Duration) -> Option<&'static str> {
    let waited = waited.as_secs_f64();
    if fits(latency, waited) {
        (latency * FAR_FETCHED >= waited).then_some("s")
    } else {
        (latency > waited * FAR_FETCHED && fits(latency / 1000.0, waited)).then_some("ms")
    }
}

fn latency_plausible(reading: &Reading<'_>) -> Verdict {
    let Some(latency) = member(reading, "latency").and_then(Value::as_f64) else { return Verdict::Skip(ABSENT) };
    let waited = reading.exchange.service_time().unwrap_or_default();
    // What fits as seconds fits as milliseconds.
    Verdict::holds(fits(latency / 1000.0, waited.as_secs_f64()), "/metadata/latency", || {
        format!("{latency} fits in neither s nor ms into the {waited:.3?} we waited")
    })
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
    let top = reading.bodies().rev().find_map(|body| body.member("model")?.as_str());
    match (top, namespace(reading)) {
        (Some(model), Some(namespace)) => {
            Verdict::holds(model == namespace, "/model", || format!("{model:?}, but the namespace is {namespace:?}"))
        }
        _ => Verdict::Skip(ABSENT),
    }
}

fn owner_prefix(reading: &Reading<'_>) -> Verdict {
    let owner = member(reading, "model").and_then(|model| model.member("owner")?.as_str());
    let (Some(namespace), Some(owner)) = (namespace(reading), owner) else { return Verdict::Skip(ABSENT) };
    let begins = namespace.strip_prefix(owner).is_some_and(|rest| rest.starts_with('/'));
    Verdict::holds(begins, "/metadata/model/namespace", || format!("{namespace:?}, but the owner is {owner:?}"))
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

fn router_distribution(reading: &Reading<'_>) -> Verdict {
    if reading.exchange.asked.wanted.model.as_deref().is_some_and(|model| !is_router(model)) {
        return Verdict::Skip("a model was pinned");
    }
    match namespace(reading) {
        Some(namespace) => Verdict::Noted(namespace.to_owned()),
        None => Verdict::Skip(ABSENT),
    }
}

fn retries_within_policy(reading: &Reading<'_>) -> Verdict {
    let Some(retries) = member(reading, "retries").and_then(Value::as_u64) else { return Verdict::Skip(ABSENT) };
    let most = reading.exchange.asked.wanted.policies.retries;
    Verdict::holds(retries <= most, "/metadata/retries", || format!("{retries} retries, the policies allow {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_told_only_where_the_wait_does_not_decide() {
        let unit = |latency, waited_ms| latency_unit(latency, Duration::from_millis(waited_ms));
        assert_eq!((unit(0.3, 310), unit(300.0, 310)), (Some("s"), Some("ms")));
        assert_eq!(unit(0.31, 305), Some("s"), "their clock, or their rounding");
        assert_eq!(unit(312.0, 300), Some("ms"));
        // The same provider, while the machine is busy.
        assert_eq!((unit(0.3, 9000), unit(3.0, 900), unit(3.0, 90_000)), (None, None, None));
        assert_eq!((unit(0.0, 300), unit(-1.0, 300), unit(31_536_000.0, 300)), (None, None, None));
    }
}
