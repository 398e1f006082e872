//! Rules about the code of an error, and the id by which a reply is found again.

use super::super::{Check, Judge, Verdict, levels, shown, tier};
use super::{NO_ERROR, error};
use crate::exchange::Reading;
use crate::source::Source;
use crate::wire::json::{Members, Value};

pub(crate) static CODE: &[Check] = &[
    Check {
        id: "err-code-string",
        rule: "the code of an error is a string or null, no number",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("string or null"), Source::pull("ggml-org/llama.cpp", 5961), Source::OPENROUTER],
        judge: Judge::Reply(code_string),
        across: None,
    },
    Check {
        id: "err-code-matches-status",
        rule: "a code that is an HTTP status is that of the reply",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(code_matches_status),
        across: None,
    },
    Check {
        id: "err-request-id",
        rule: "a header has an id by which the request can be found again",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(request_id),
        across: None,
    },
];

/// The code of the error object of an error reply.
fn code<'r>(reading: &'r Reading<'_>) -> Option<&'r Value> {
    error(reading)?;
    reading.json()?.value.member("error")?.member("code")
}

fn code_string(reading: &Reading<'_>) -> Verdict {
    let Some(code) = code(reading) else { return Verdict::Skip("no error reply with a code") };
    Verdict::holds(code.is_string() || code.is_null(), "/error/code", || {
        format!("expected a string or null, got {}", shown(Some(code)))
    })
}

/// Numbers of other kinds are codes of the server's own.
fn code_matches_status(reading: &Reading<'_>) -> Verdict {
    let Some((status, _)) = error(reading) else { return Verdict::Skip(NO_ERROR) };
    match code(reading).and_then(Value::as_u64).filter(|code| (100..600).contains(code)) {
        Some(code) => Verdict::holds(code == u64::from(status), "/error/code", || {
            format!("the code is {code}, the status {status}")
        }),
        None => Verdict::Skip("the code is no HTTP status"),
    }
}

/// Headers under which servers, gateways and clouds give a request's id.
const IDS: [&str; 10] = [
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-trace-id",
    "traceparent",
    "apim-request-id",
    "x-ms-request-id",
    "x-amzn-requestid",
    "x-litellm-call-id",
    "cf-ray",
];

fn request_id(reading: &Reading<'_>) -> Verdict {
    let Some(head) = &reading.exchange.head else { return Verdict::Skip("no reply") };
    let found = IDS.iter().any(|name| head.header(name).is_some_and(|id| !id.trim().is_empty()));
    if found { Verdict::Pass } else { Verdict::Skip("no header has an id") }
}
