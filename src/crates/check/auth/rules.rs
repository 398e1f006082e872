//! Rules about the key: who is let in, and what the others are told.

use crate::auth::probes::{
    AUTH_BAD_JSON, AUTH_EMPTY, AUTH_INVALID, AUTH_INVALID_STREAM, AUTH_LOWER, AUTH_MISSING, AUTH_QUERY, AUTH_SCHEME,
};
use crate::basic::probes::BASIC;
use crate::book::{accepted, broken_at, came, each, is_refusal};
use crate::error::is_string;
use crate::exchange::Reading;
use crate::source::Source;
use crate::wire::api::error::error_text;
use crate::{Book, Check, Judge, Verdict, levels, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "auth-valid-accepted",
        rule: "a valid key is let in",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI_KEYS.note("Bearer")],
        judge: Judge::Probes(&[&BASIC], |book| accepted(book.replies(&BASIC))),
        across: None,
    },
    Check {
        id: "auth-missing-rejected",
        rule: "a request without a key is refused with 401 or 403",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("\"Authorization required\""), Source::OPENAI_ERRORS.note("401")],
        judge: Judge::Probes(&[&AUTH_MISSING], |book| shut_out(book.replies(&AUTH_MISSING), &[401, 403])),
        across: None,
    },
    Check {
        id: "auth-missing-status-401",
        rule: "a request without a key is refused with exactly 401",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI_ERRORS.note("401"),
            Source::rfc(9110, "15.5.2"),
            Source::issue("fastapi/fastapi", 2026),
            Source::issue("fastapi/fastapi", 10177),
            Source::pull("fastapi/fastapi", 13786).note("403 until then"),
        ],
        judge: Judge::Probes(&[&AUTH_MISSING], |book| shut_out(book.replies(&AUTH_MISSING), &[401])),
        across: None,
    },
    Check {
        id: "auth-invalid-token-rejected",
        rule: "a wrong key is refused with 401; 403 is a warning",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Probes(&[&AUTH_INVALID], invalid_rejected),
        across: None,
    },
    Check {
        id: "auth-empty-token-rejected",
        rule: "an empty key is refused with 400, 401 or 403",
        levels: levels("M/M"),
        tier: tier("F"),
        sources: &[
            Source::SEED.note("Authorization required"),
            Source::OPENAI_ERRORS.note("401 Invalid Authentication"),
            Source::rfc(6750, "3.1"),
        ],
        judge: Judge::Probes(&[&AUTH_EMPTY], |book| shut_out(book.replies(&AUTH_EMPTY), &[400, 401, 403])),
        across: None,
    },
    Check {
        id: "auth-wrong-scheme-rejected",
        rule: "Basic credentials and a bare token are refused with 400, 401 or 403",
        levels: levels("S/Y"),
        tier: tier("F"),
        sources: &[Source::SEED.note("names the scheme Bearer"), Source::rfc(6750, "2.1").note("binds clients only")],
        judge: Judge::Probes(&[&AUTH_SCHEME], |book| shut_out(book.replies(&AUTH_SCHEME), &[400, 401, 403])),
        across: None,
    },
    Check {
        id: "auth-scheme-case-insensitive",
        rule: "the scheme may be written bearer",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "11.1")],
        judge: Judge::Probes(&[&AUTH_LOWER], |book| accepted(book.replies(&AUTH_LOWER))),
        across: None,
    },
    Check {
        id: "auth-www-authenticate",
        rule: "a 401 has WWW-Authenticate",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "15.5.2")],
        judge: Judge::Probes(&[&AUTH_MISSING, &AUTH_INVALID], www_authenticate),
        across: None,
    },
    Check {
        id: "auth-error-envelope",
        rule: "a 401 or 403 has a body of the dialect's shape",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("ErrorResponse"), Source::PULZE_OPENAPI],
        judge: Judge::Probes(&[&AUTH_MISSING, &AUTH_INVALID], envelope),
        across: None,
    },
    Check {
        id: "auth-stream-error-not-sse",
        rule: "a wrong key on a request for a stream is refused with a JSON body, not with a 200 stream",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::issue("ggml-org/llama.cpp", 14566)],
        judge: Judge::Probes(&[&AUTH_INVALID_STREAM], not_a_stream),
        across: None,
    },
    Check {
        id: "auth-before-body-validation",
        rule: "a stranger is told of the key before the body",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&AUTH_BAD_JSON], |book| shut_out(book.replies(&AUTH_BAD_JSON), &[401, 403])),
        across: None,
    },
    Check {
        id: "auth-token-not-echoed",
        rule: "no error shows a key whole",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&AUTH_INVALID], not_echoed),
        across: None,
    },
    Check {
        id: "auth-query-token-ignored",
        rule: "a key in the query string is not taken for one",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(6750, "2.3")],
        judge: Judge::Probes(&[&AUTH_QUERY], |book| shut_out(book.replies(&AUTH_QUERY), &[401, 403])),
        across: None,
    },
];

/// The key that no endpoint knows; a nonce makes it unlike any that was issued.
pub(crate) const WRONG_KEY: &str = "sk-invalid-4f1d2c7a9b";

/// Every reply is a complete refusal with one of these statuses.
fn shut_out(replies: &[Reading<'_>], statuses: &[u16]) -> Verdict {
    each(replies, |reading| {
        let right = is_refusal(reading) && reading.exchange.status().is_some_and(|status| statuses.contains(&status));
        Verdict::holds(right, "", || format!("expected {}, got {}", one_of(statuses), came(reading)))
    })
}

fn one_of(statuses: &[u16]) -> String {
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ")
}

fn invalid_rejected(book: &Book<'_>) -> Verdict {
    each(book.replies(&AUTH_INVALID), |reading| match reading.exchange.status() {
        Some(403) if is_refusal(reading) => Verdict::warning("", format!("expected 401, got {}", came(reading))),
        _ => shut_out(std::slice::from_ref(reading), &[401]),
    })
}

/// The 401s and 403s among the replies of strangers.
fn strangers<'b, 'e>(book: &'b Book<'e>) -> impl Iterator<Item = &'b Reading<'e>> {
    let refused = |reading: &&Reading<'_>| matches!(reading.exchange.status(), Some(401 | 403));
    [&AUTH_MISSING, &AUTH_INVALID].into_iter().flat_map(|probe| book.replies(probe)).filter(refused)
}

fn www_authenticate(book: &Book<'_>) -> Verdict {
    let mut refused = strangers(book).filter(|reading| reading.exchange.status() == Some(401)).peekable();
    if refused.peek().is_none() {
        return Verdict::Skip("no 401 was seen");
    }
    let told = |reading: &Reading<'_>| {
        reading.exchange.head.as_ref().is_some_and(|head| head.header("www-authenticate").is_some())
    };
    match refused.find(|reading| !told(reading)) {
        Some(reading) => broken_at(reading, "", "the 401 has no WWW-Authenticate"),
        None => Verdict::Pass,
    }
}

fn envelope(book: &Book<'_>) -> Verdict {
    let schema = book.facts.contract.error();
    let mut any = false;
    // A string in the place of the error is judged once, by err-error-not-string.
    for reading in strangers(book).filter(|reading| !is_string(reading)) {
        any = true;
        let fits = reading.json().is_some_and(|document| schema.is_valid(&document.value));
        if !fits {
            return broken_at(reading, "", format!("the body of {} has not the dialect's shape", came(reading)));
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip("no 401 and no 403 with an object was seen") }
}

fn not_a_stream(book: &Book<'_>) -> Verdict {
    each(book.replies(&AUTH_INVALID_STREAM), |reading| {
        let json = reading.json().is_some();
        let status = matches!(reading.exchange.status(), Some(401 | 403));
        Verdict::holds(status && json, "", || {
            format!("expected 401 or 403 with JSON, got {}{}", came(reading), if json { "" } else { " without JSON" })
        })
    })
}

fn not_echoed(book: &Book<'_>) -> Verdict {
    each(book.replies(&AUTH_INVALID), |reading| {
        let body = String::from_utf8_lossy(&reading.exchange.body.bytes);
        let in_headers =
            reading.exchange.head.as_ref().is_some_and(|head| head.headers.iter().any(|(_, v)| v.contains(WRONG_KEY)));
        let said = reading.json().and_then(|document| error_text(&document.value)).unwrap_or_default();
        Verdict::holds(!body.contains(WRONG_KEY) && !in_headers, "", || format!("the key comes back whole: {said}"))
    })
}
