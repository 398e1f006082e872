//! Rules about Pulze's request headers and plugins: what they ask for shows in metadata
//! (`schemas/README.md#headers`).

use super::super::book::{Book, accepted, came, each, is_refusal, no_server_error, refused_or_lenient};
use super::super::request::is_router;
use super::super::{Check, Judge, Verdict, levels, shown, tier};
use super::{ABSENT, member, namespace};
use crate::exchange::Reading;
use crate::metadata::probes::{PZ_BAD_LABELS, PZ_LABELS, PZ_LONG_LABELS, PZ_NORT, PZ_PLUGINS, PZ_ROUTER, PZ_WEIGHTS};
use crate::probe::Probe;
use crate::source::Source;
use crate::wire::json::{Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "meta-router-resolves",
        rule: "a request to the router is answered by a real model",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_OPENAPI.note("default router")],
        judge: Judge::Probes(&[&PZ_ROUTER], router_resolves),
        across: None,
    },
    Check {
        id: "meta-retries-policy-zero",
        rule: "where the policies allow no retry, metadata.retries is 0 or null",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_HEADERS.note("policies")],
        judge: Judge::Probes(&[&PZ_NORT], retries_policy_zero),
        across: None,
    },
    Check {
        id: "meta-labels-echo",
        rule: "metadata.labels has the labels sent, as strings",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_HEADERS, Source::PULZE_SDKS],
        judge: Judge::Probes(&[&PZ_LABELS], labels_echo),
        across: None,
    },
    Check {
        id: "meta-weights-accepted",
        rule: "weights are accepted, and stand among the labels",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_HEADERS],
        judge: Judge::Probes(&[&PZ_WEIGHTS], weights_accepted),
        across: None,
    },
    Check {
        id: "meta-bad-header-4xx",
        rule: "labels that are no JSON object are refused; to ignore them is a warning",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_HEADERS.note("stringified JSON")],
        judge: Judge::Probes(&[&PZ_BAD_LABELS, &PZ_LONG_LABELS], bad_header),
        across: None,
    },
    Check {
        id: "meta-plugins-accepted",
        rule: "plugins are accepted",
        levels: levels("Y/-"),
        tier: tier("X"),
        sources: &[Source::SEED.note("plugins"), Source::PULZE_HEADERS.note("ids")],
        judge: Judge::Probes(&[&PZ_PLUGINS], plugins_accepted),
        across: None,
    },
];

/// Labels that the probe sends, as they are to come back: Pulze stores them as strings in lower case.
pub(crate) const LABELS: [(&str, &str); 3] = [("suite", "conf"), ("n", "3"), ("b", "true")];

const REFUSED: &str = "the header or the plugin is refused";

/// Judges replies whose request may cleanly be refused for its header.
fn each_unless_refused(book: &Book<'_>, probe: &Probe, judge: impl Fn(&Reading<'_>) -> Verdict) -> Verdict {
    each(book.replies(probe), |reading| {
        if is_refusal(reading) {
            return Verdict::Skip(REFUSED);
        }
        if reading.success() { judge(reading) } else { accepted(std::slice::from_ref(reading)) }
    })
}

fn router_resolves(book: &Book<'_>) -> Verdict {
    each_unless_refused(book, &PZ_ROUTER, |reading| {
        let Some(namespace) = namespace(reading) else { return Verdict::Skip(ABSENT) };
        let short = namespace.rsplit('/').next().unwrap_or_default();
        Verdict::holds(!short.is_empty() && !is_router(short), "/metadata/model/namespace", || {
            format!("expected a model, got {namespace:?}")
        })
    })
}

fn retries_policy_zero(book: &Book<'_>) -> Verdict {
    each_unless_refused(book, &PZ_NORT, |reading| {
        if reading.metadata().is_none() {
            return Verdict::Skip(ABSENT);
        }
        let retries = member(reading, "retries");
        let none = retries.is_none_or(|retries| retries.as_f64() == Some(0.0));
        Verdict::holds(none, "/metadata/retries", || format!("expected 0, got {}", shown(retries)))
    })
}

/// The value of a label, whatever the case of its name.
fn label<'r>(reading: &'r Reading<'_>, name: &str) -> Option<&'r Value> {
    let labels = member(reading, "labels")?.as_object()?;
    labels.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn labels_echo(book: &Book<'_>) -> Verdict {
    each_unless_refused(book, &PZ_LABELS, |reading| {
        if reading.metadata().is_none() {
            return Verdict::Skip(ABSENT);
        }
        let wrong = LABELS.into_iter().find(|(name, value)| {
            let said = label(reading, name).and_then(Value::as_str);
            !said.is_some_and(|said| said.eq_ignore_ascii_case(value))
        });
        match wrong {
            Some((name, value)) => Verdict::broken(
                format!("/metadata/labels/{name}"),
                format!("expected {value:?}, got {}", shown(label(reading, name))),
            ),
            None => Verdict::Pass,
        }
    })
}

fn weights_accepted(book: &Book<'_>) -> Verdict {
    each(book.replies(&PZ_WEIGHTS), |reading| {
        if !reading.success() {
            return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
        }
        let Some(labels) = member(reading, "labels").and_then(Value::as_object) else { return Verdict::Skip(ABSENT) };
        let weighed = labels.keys().any(|name| name.to_ascii_lowercase().starts_with("weights_"));
        Verdict::holds(weighed, "/metadata/labels", || "no label begins with weights_".to_owned())
    })
}

/// No length is published for a label, so that a long one may be taken or refused.
fn bad_header(book: &Book<'_>) -> Verdict {
    match refused_or_lenient(book.replies(&PZ_BAD_LABELS)) {
        Verdict::Pass => no_server_error(book.replies(&PZ_LONG_LABELS)),
        other @ (Verdict::Noted(_) | Verdict::Skip(_) | Verdict::Broken { .. }) => other,
    }
}

fn plugins_accepted(book: &Book<'_>) -> Verdict {
    each_unless_refused(book, &PZ_PLUGINS, |reading| {
        let found = member(reading, "search_results").and_then(|results| results.member("items")?.as_array());
        Verdict::Noted(format!("accepted; {} search results", found.map_or(0, Vec::len)))
    })
}
