//! Rules about the members of metadata: their types, and errors that hide in them.

use super::super::{Across, Check, Finding, Judge, Level, NO_COMPLETION, Verdict, levels, shown, tier};
use super::{ABSENT, member};
use crate::exchange::Reading;
use crate::source::Source;
use crate::wire::json::{Members, Value, pointer_token};
use crate::wire::schema::violations;

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "meta-present",
        rule: "a whole completion has metadata",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::SEED],
        judge: Judge::Reply(present),
        across: None,
    },
    Check {
        id: "meta-schema",
        rule: "the members of metadata have the seed's types, or are null",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::PULZE_SDKS],
        judge: Judge::Reply(schema),
        across: None,
    },
    Check {
        id: "meta-no-inband-error",
        rule: "metadata.error is null or empty in a 200",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::SEED.note("metadata.error"), Source::PULZE_SDKS.note("\"If an error occurs\"")],
        judge: Judge::Reply(no_inband_error),
        across: None,
    },
    Check {
        id: "meta-status-code-ok",
        rule: "metadata.status_code is null, 0 or 2xx in a 200",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::SEED],
        judge: Judge::Reply(status_code_ok),
        across: None,
    },
    Check {
        id: "meta-warning-reported",
        rule: "warnings are counted by their text",
        levels: levels("Y/-"),
        tier: tier("C"),
        sources: &[Source::SEED],
        judge: Judge::Reply(warning_reported),
        across: None,
    },
    Check {
        id: "meta-max-tokens-range",
        rule: "metadata.max_tokens is an integer of -1 or more",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::SEED.note("derived: >= -1")],
        judge: Judge::Reply(|reading| integer_from(reading, "max_tokens", -1)),
        across: None,
    },
    Check {
        id: "meta-max-tokens-echo",
        rule: "metadata.max_tokens is the cap asked for",
        levels: levels("Y/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_SDKS],
        judge: Judge::Reply(max_tokens_echo),
        across: None,
    },
    Check {
        id: "meta-retries-valid",
        rule: "metadata.retries is null or an integer of 0 or more",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("\"null or 0\"")],
        judge: Judge::Reply(|reading| integer_from(reading, "retries", 0)),
        across: None,
    },
    Check {
        id: "meta-labels-string-map",
        rule: "every label is a string",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("additionalProperties string")],
        judge: Judge::Reply(labels_string_map),
        across: None,
    },
    Check {
        id: "meta-app-id-stable",
        rule: "one key sees one app_id",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS],
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
        sources: &[Source::SEED],
        judge: Judge::Reply(scores_shape),
        across: None,
    },
    Check {
        id: "meta-artifacts-shape",
        rule: "generated_artifacts and search_results have items that are arrays of objects",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::SEED],
        judge: Judge::Reply(artifacts_shape),
        across: None,
    },
    Check {
        id: "meta-openai-string-map",
        rule: "metadata, if a reply has it, is a map of strings",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("metadata string->string")],
        judge: Judge::Reply(openai_string_map),
        across: None,
    },
];

fn present(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let metadata = completion.member("metadata");
    Verdict::holds(metadata.is_some_and(Value::is_object), "/metadata", || {
        format!("expected an object, got {}", shown(metadata))
    })
}

fn schema(reading: &Reading<'_>) -> Verdict {
    let contract = &reading.exchange.asked.wanted.contract;
    let (Some(metadata), Some(schema)) = (reading.metadata(), contract.metadata()) else {
        return Verdict::Skip(ABSENT);
    };
    if schema.is_valid(metadata) {
        return Verdict::Pass;
    }
    let findings = violations(schema, metadata).into_iter();
    Verdict::distinct(findings.map(|v| Finding { pointer: format!("/metadata{}", v.pointer), ..Finding::of_schema(v) }))
}

fn no_inband_error(reading: &Reading<'_>) -> Verdict {
    if reading.metadata().is_none() {
        return Verdict::Skip(ABSENT);
    }
    match member(reading, "error") {
        Some(error) if error.as_str() != Some("") => {
            Verdict::broken("/metadata/error", format!("expected null or an empty string, got {}", shown(Some(error))))
        }
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

fn integer_from(reading: &Reading<'_>, name: &str, least: i64) -> Verdict {
    let Some(value) = member(reading, name) else { return Verdict::Skip(ABSENT) };
    let integer = value.as_f64().is_some_and(|number| number.fract() == 0.0 && number >= least as f64);
    Verdict::holds(integer, &format!("/metadata/{name}"), || {
        format!("expected an integer of {least} or more, got {}", shown(Some(value)))
    })
}

/// Another number may be a budget of prompt and answer together (`schemas/README.md#metadata`).
fn max_tokens_echo(reading: &Reading<'_>) -> Verdict {
    let said = member(reading, "max_tokens").and_then(Value::as_f64);
    let (Some(cap), Some(said)) = (reading.exchange.asked.cap, said) else { return Verdict::Skip(ABSENT) };
    let detail = || format!("asked for {cap}, got {said}");
    Verdict::holds((said - cap as f64).abs() < 0.5, "/metadata/max_tokens", detail)
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
            let value = parent.get(name).filter(|value| !value.is_null() && !fits(value))?;
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

fn openai_string_map(reading: &Reading<'_>) -> Verdict {
    let said = reading.bodies().filter_map(|body| body.member("metadata"));
    let Some(metadata) = said.into_iter().find(|metadata| !metadata.is_null()) else { return Verdict::Skip(ABSENT) };
    let Some(members) = metadata.as_object() else {
        return Verdict::broken("/metadata", format!("expected an object, got {}", shown(Some(metadata))));
    };
    match members.iter().find(|(_, value)| !value.is_string()) {
        Some((name, value)) => Verdict::broken(
            format!("/metadata/{}", pointer_token(name)),
            format!("expected a string, got {}", shown(Some(value))),
        ),
        None => Verdict::Pass,
    }
}
