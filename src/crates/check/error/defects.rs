//! Rules about what is said of requests with a defect, and of a model that does not exist.

use super::super::book::{broken_at, came, each, is_refusal, refused};
use super::super::{Book, Check, Finding, Judge, Verdict, levels, negative, tier};
use crate::error::probes::UNKNOWN_MODEL;
use crate::exchange::Reading;
use crate::exchange::nonce::PLACEHOLDER;
use crate::source::Source;
use crate::wire::api::error::error_text;
use crate::wire::json::{At, Members, Value};

pub(crate) static DEFECTS: &[Check] = &[
    Check {
        id: "err-detail-loc-names-field",
        rule: "the detail of a 422 names the member that is broken",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_OPENAPI, Source::PULZE_SDKS],
        judge: Judge::Defects(loc_names_field),
        across: None,
    },
    Check {
        id: "err-param-names-field",
        rule: "param is the parameter that is broken, where it is any",
        levels: levels("-/Y"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("param")],
        judge: Judge::Defects(param_names_field),
        across: None,
    },
    Check {
        id: "err-no-5xx-on-client-error",
        rule: "a request with a defect is no server error",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::rfc(9110, "15.5.1"),
            Source::rfc(9110, "15.6"),
            Source::client("openai/openai-python", "sends a request again after a 5xx, twice"),
            Source::client("openai/openai-node", "sends a request again after a 5xx, twice"),
            Source::issue("vllm-project/vllm", 16774),
            Source::issue("vllm-project/vllm", 35438),
            Source::pull("ggml-org/llama.cpp", 5961),
            Source::pull("ggml-org/llama.cpp", 17572),
        ],
        judge: Judge::Defects(no_5xx),
        across: None,
    },
    Check {
        id: "err-unknown-model",
        rule: "a model that does not exist is refused",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI_ERRORS.note("404, model_not_found"),
            Source::PULZE_REFERENCE.note("multi-matching"),
            Source::issue("ddalcu/mlx-serve", 257),
            Source::issue("FastFlowLM/FastFlowLM", 266),
            Source::issue("BerriAI/litellm", 27030),
        ],
        judge: Judge::Probes(&[&UNKNOWN_MODEL], |book| refused(book.replies(&UNKNOWN_MODEL))),
        across: None,
    },
    Check {
        id: "err-unknown-model-message",
        rule: "the refusal of a model names it",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::pull("vllm-project/vllm", 58025)],
        judge: Judge::Probes(&[&UNKNOWN_MODEL], unknown_model_message),
        across: None,
    },
    Check {
        id: "err-deterministic",
        rule: "the same defect gets the same status twice",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Defects(deterministic),
        across: None,
    },
];

/// The replies to requests with a defect, each with the member that is broken.
fn defects<'b, 'e>(book: &'b Book<'e>) -> impl Iterator<Item = (&'static str, &'b Reading<'e>)> {
    negative::all().flat_map(|(_, probe, member)| book.replies(probe).iter().map(move |reading| (member, reading)))
}

/// The first findings, or a pass where there was something to judge.
fn verdict(judged: bool, findings: Vec<Finding>, otherwise: &'static str) -> Verdict {
    if judged { Verdict::of(findings) } else { Verdict::Skip(otherwise) }
}

fn loc_names_field(book: &Book<'_>) -> Verdict {
    let mut judged = false;
    let mut findings = Vec::new();
    for (member, reading) in defects(book).filter(|(member, _)| !member.is_empty()) {
        let detail = reading.json().and_then(|document| document.value.member("detail")?.as_array());
        let Some(detail) = detail.filter(|_| reading.exchange.status() == Some(422)) else { continue };
        judged = true;
        let steps = |fault: &Value| fault.member("loc").and_then(Value::as_array).cloned().unwrap_or_default();
        if !detail.iter().flat_map(steps).any(|step| step == member) {
            findings.push(Finding::new("/detail", format!("no loc names {member}: {}", came(reading))).at(reading));
        }
    }
    verdict(judged, findings, "no 422 with a list of details was seen")
}

fn param_names_field(book: &Book<'_>) -> Verdict {
    let mut judged = false;
    let mut findings = Vec::new();
    for (member, reading) in defects(book).filter(|(member, _)| !member.is_empty()) {
        let document = reading.json().filter(|_| is_refusal(reading));
        let Some(param) = document.and_then(|document| document.value.at("/error/param")?.as_str()) else {
            continue;
        };
        judged = true;
        // OpenAI names a place inside a parameter as in `messages[0].role` and `messages.0.role`.
        let named = param.strip_prefix(member).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        if !named {
            findings.push(Finding::new("/error/param", format!("expected {member}, got {param:?}")).at(reading));
        }
    }
    verdict(judged, findings, "no error names a param")
}

/// Statuses by which an endpoint, or something before it, puts off whatever it is asked.
const PUT_OFF: [u16; 4] = [429, 502, 503, 504];

fn no_5xx(book: &Book<'_>) -> Verdict {
    let answered = |reading: &&Reading<'_>| reading.exchange.status().is_some_and(|status| !PUT_OFF.contains(&status));
    let replies: Vec<&Reading<'_>> = defects(book).map(|(_, reading)| reading).filter(answered).collect();
    let is_fault = |reading: &&&Reading<'_>| reading.exchange.status().is_some_and(|status| status >= 500);
    let fault = |reading: &&Reading<'_>| {
        Finding::new("", format!("{}: expected below 500, got {}", defect(reading), came(reading))).at(reading)
    };
    let findings = replies.iter().filter(is_fault).map(fault).collect();
    verdict(!replies.is_empty(), findings, "no request with a defect was answered")
}

/// The probe that a request belongs to.
fn defect<'r>(reading: &'r Reading<'_>) -> &'r str {
    &reading.exchange.asked.wanted.case
}

/// The tag at the end of the name is not looked for: a message may be cut short.
fn unknown_model_message(book: &Book<'_>) -> Verdict {
    each(book.replies(&UNKNOWN_MODEL), |reading| {
        let model = reading.exchange.asked.wanted.model.as_deref().unwrap_or_default();
        let name = model.split(PLACEHOLDER).next().unwrap_or_default();
        let text = reading.json().filter(|_| is_refusal(reading)).and_then(|document| error_text(&document.value));
        match text {
            Some(text) => Verdict::holds(text.contains(name), "", || format!("no {name}... in {text:?}")),
            None => Verdict::Skip("the model was not refused with a message"),
        }
    })
}

/// Requests that are the same to the byte must get one status.
fn deterministic(book: &Book<'_>) -> Verdict {
    let mut judged = false;
    for (check, probe, _) in negative::all() {
        let replies = book.replies(probe);
        for (number, reading) in replies.iter().enumerate() {
            let same = |other: &&Reading<'_>| other.exchange.asked.body == reading.exchange.asked.body;
            let Some(first) = replies[..number].iter().find(same) else { continue };
            let [before, after] = [first, reading].map(|reading| reading.exchange.status());
            if [before, after].iter().flatten().any(|status| PUT_OFF.contains(status)) {
                continue;
            }
            judged = true;
            if before != after {
                let detail = format!("{}: first {}, then {}", check.id, came(first), came(reading));
                return broken_at(reading, "", detail);
            }
        }
    }
    verdict(judged, Vec::new(), "no request with a defect was sent twice")
}
