//! Rules about error bodies, judged on every 4xx and 5xx of a run, whatever provoked it.

use super::{Check, Fault, Finding, Judge, Verdict, levels, tier};
use crate::exchange::words::in_words;
use crate::exchange::{Reading, is_error_body};
use crate::source::Source;
use crate::wire::api::error::{Place, error_in, error_text};
use crate::wire::json::Members;

mod code;
mod defects;
mod later;
pub(crate) mod probes;

pub(super) use code::CODE;
pub(super) use defects::DEFECTS;
pub(super) use later::LATER;

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "err-json-body",
        rule: "the body of an error is JSON with a JSON content type",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("ErrorResponse"), Source::PULZE_OPENAPI.note("422")],
        judge: Judge::Reply(json_body),
        across: None,
    },
    Check {
        id: "err-envelope",
        rule: "the body of an error has one of the dialect's shapes",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_OPENAPI,
            Source::PULZE_SDKS,
            Source::OPENAI,
            Source::pull("vllm-project/vllm", 22099),
            Source::issue("ray-project/ray", 64833),
        ],
        judge: Judge::Reply(envelope),
        across: None,
    },
    Check {
        id: "err-message-nonempty",
        rule: "an error says something for people",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("the message is required"),
            Source::ours("no client breaks where the message is empty"),
            Source::PULZE_SDKS.note("msg"),
        ],
        judge: Judge::Reply(message_nonempty),
        across: None,
    },
    Check {
        id: "err-error-not-string",
        rule: "error is an object, not a string; no other rule on error bodies judges one that is a string",
        levels: levels("Y/S"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("Error is an object"), Source::issue("mostlygeek/llama-swap", 1037)],
        judge: Judge::Reply(error_not_string),
        across: None,
    },
    Check {
        id: "err-keys-complete",
        rule: "an error has message, type, param and code",
        levels: levels("-/Y"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("all four keys")],
        judge: Judge::Reply(keys_complete),
        across: None,
    },
    Check {
        id: "err-no-success-status",
        rule: "no error body comes with a 2xx status",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::client("openai/openai-python", "takes it for a completion without choices"),
            Source::issue("BerriAI/litellm", 27030),
            Source::OPENROUTER,
        ],
        judge: Judge::Reply(no_success_status),
        across: None,
    },
    Check {
        id: "err-no-leak",
        rule: "an error shows no stack trace, file path, key or internal host",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(no_leak),
        across: None,
    },
];

pub(super) const NO_ERROR: &str = "no error reply";
/// Why the shape of an error is not judged.
pub(super) const STRING: &str = "error is a string, which err-error-not-string judges";

/// Status and body of a complete 4xx or 5xx.
fn error<'r>(reading: &'r Reading<'_>) -> Option<(u16, &'r [u8])> {
    let status = reading.exchange.status().filter(|status| *status >= 400)?;
    reading.complete().then_some((status, reading.exchange.body.bytes.as_slice()))
}

fn json_body(reading: &Reading<'_>) -> Verdict {
    let Some((status, body)) = error(reading) else { return Verdict::Skip(NO_ERROR) };
    if status == 405 && body.is_empty() {
        return Verdict::Skip("a 405 may be empty");
    }
    if reading.json().is_none() {
        let got = in_words(reading.exchange).unwrap_or_else(|| "a body that is no JSON".to_owned());
        return Verdict::broken("", format!("expected JSON, got {got}")).kind(&Fault::Unreadable);
    }
    let media_type = reading.exchange.head.as_ref().and_then(crate::exchange::Head::media_type).unwrap_or_default();
    let json =
        media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    Verdict::holds(json, "", || format!("expected application/json, got JSON of the content type {media_type:?}"))
        .kind(&Fault::WrongValue)
}

/// A string in the place of the error object, which `err-error-not-string` alone judges.
pub(super) fn is_string(reading: &Reading<'_>) -> bool {
    let error = reading.json().and_then(|document| document.value.member("error"));
    error.is_some_and(crate::wire::json::Value::is_string)
}

fn envelope(reading: &Reading<'_>) -> Verdict {
    if error(reading).is_none() {
        return Verdict::Skip(NO_ERROR);
    }
    let Some(document) = reading.json() else { return Verdict::Skip("the body is not JSON") };
    if is_string(reading) {
        return Verdict::Skip(STRING);
    }
    let schema = reading.exchange.asked.wanted.contract.error();
    if schema.is_valid(&document.value) {
        return Verdict::Pass;
    }
    Verdict::distinct(schema.violations(&document.value).into_iter().map(Finding::of_schema))
}

fn message_nonempty(reading: &Reading<'_>) -> Verdict {
    if error(reading).is_none() {
        return Verdict::Skip(NO_ERROR);
    }
    let Some(document) = reading.json() else { return Verdict::Skip("the body is not JSON") };
    let bare = document
        .value
        .member("message")
        .and_then(crate::wire::json::Value::as_str)
        .is_some_and(|text| !text.is_empty());
    Verdict::holds(bare || error_text(&document.value).is_some(), "", || "no message".to_owned())
}

fn error_not_string(reading: &Reading<'_>) -> Verdict {
    if error(reading).is_none() {
        return Verdict::Skip(NO_ERROR);
    }
    match reading.json().and_then(|document| document.value.member("error")) {
        Some(error) => Verdict::holds(!error.is_string(), "/error", || format!("the string {error}")),
        None => Verdict::Skip("the body has no error member"),
    }
}

fn keys_complete(reading: &Reading<'_>) -> Verdict {
    if error(reading).is_none() {
        return Verdict::Skip(NO_ERROR);
    }
    let Some(error) =
        reading.json().and_then(|document| document.value.member("error")).filter(|error| error.is_object())
    else {
        return Verdict::Skip("the body has no error object");
    };
    let missing: Vec<&str> =
        ["message", "type", "param", "code"].into_iter().filter(|key| error.get(key).is_none()).collect();
    Verdict::holds(missing.is_empty(), "/error", || format!("no {}", missing.join(", ")))
}

fn no_success_status(reading: &Reading<'_>) -> Verdict {
    if !reading.success() {
        return Verdict::Skip("not a success");
    }
    match reading.json() {
        Some(document) if is_error_body(&document.value) => {
            let place = error_in(&document.value, Place::Body).map_or(String::new(), |error| error.pointer);
            Verdict::broken(
                place,
                format!("an error body with status {}", reading.exchange.status().unwrap_or_default()),
            )
        }
        Some(_) => Verdict::Pass,
        None => Verdict::Skip("no JSON to judge"),
    }
}

/// What only the inside of a server knows: traces of Python, Node, Java, Go and Rust, paths, cluster names.
const LEAKS: [&str; 13] = [
    "Traceback (most recent call last)",
    "File \"/",
    "/site-packages/",
    "/node_modules/",
    "node:internal/",
    "\tat java.",
    "goroutine ",
    "panicked at ",
    "/home/",
    "/usr/lib/",
    "/usr/local/",
    ".svc.cluster.local",
    "ECONNREFUSED 10.",
];

fn no_leak(reading: &Reading<'_>) -> Verdict {
    let Some((_, body)) = error(reading) else { return Verdict::Skip(NO_ERROR) };
    let text = String::from_utf8_lossy(body);
    let asked = &reading.exchange.asked;
    let leaked = LEAKS.iter().copied().find(|leak| text.contains(leak) && !asked.says(leak));
    if let Some(leak) = leaked {
        return Verdict::broken("", format!("the body contains {leak:?}"));
    }
    Verdict::holds(!has_key(&text), "", || "the body contains what looks like an API key".to_owned())
}

/// Whether a whole secret key of the common `sk-` form stands in a text; a masked one (`sk-...abcd`) does not count.
fn has_key(text: &str) -> bool {
    text.split("sk-").skip(1).any(|rest| {
        let run = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_').count();
        run >= 20 && rest.bytes().take(run).any(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::has_key;

    #[test]
    fn a_masked_key_is_no_key() {
        assert!(has_key("wrong key sk-proj-0123456789abcdefghij given"));
        assert!(!has_key("wrong key sk-...wxyz given") && !has_key("risk-management-is-a-long-word-here"));
    }
}
