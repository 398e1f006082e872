//! Rules about the kind, the coding and the framing of bodies.

use super::super::book::{Book, accepted, came, each, is_refusal, no_server_error};
use super::super::{Check, Judge, Verdict, levels, tier};
use crate::exchange::Coding;
use crate::http::probes::{
    CONTENT_CHARSET, CONTENT_CHUNKED, CONTENT_GZIP, CONTENT_GZIPPED, CONTENT_HTML, CONTENT_UNTYPED, CONTENT_WRONG,
};
use crate::source::Source;
use crate::wire::api::reply::choices;

pub(crate) static CONTENT: &[Check] = &[
    Check {
        id: "http-content-type-charset",
        rule: "application/json; charset=utf-8 is accepted",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::rfc(8259, "11").note("the parameter has no effect on recipients"),
            Source::rfc(9110, "8.3"),
            Source::ours(".NET's StringContent and OkHttp send it"),
        ],
        judge: Judge::Probes(&[&CONTENT_CHARSET], |book| accepted(book.replies(&CONTENT_CHARSET))),
        across: None,
    },
    Check {
        id: "http-content-type-missing",
        rule: "a body without a content type is no server error",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "8.3")],
        judge: Judge::Probes(&[&CONTENT_UNTYPED], |book| no_server_error(book.replies(&CONTENT_UNTYPED))),
        across: None,
    },
    Check {
        id: "http-content-type-wrong",
        rule: "a body that is called text or a form is refused with 400, 415 or 422",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "15.5.16")],
        judge: Judge::Probes(&[&CONTENT_WRONG], content_type_wrong),
        across: None,
    },
    Check {
        id: "http-accept-ignored",
        rule: "who accepts HTML only gets JSON, or a 406",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "12.5.1")],
        judge: Judge::Probes(&[&CONTENT_HTML], accept_ignored),
        across: None,
    },
    Check {
        id: "http-gzip-response",
        rule: "who accepts gzip gets a completion, and one that is compressed can be read",
        levels: levels("M/M"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "8.4"), Source::ours("every SDK accepts gzip")],
        judge: Judge::Probes(&[&CONTENT_GZIP], gzip_response),
        across: None,
    },
    Check {
        id: "http-gzip-request",
        rule: "a compressed request is accepted, or refused with a 4xx",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::rfc(9110, "8.4")],
        judge: Judge::Probes(&[&CONTENT_GZIPPED], gzip_request),
        across: None,
    },
    Check {
        id: "http-chunked-request",
        rule: "a chunked request is accepted, or refused with 411",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(9112, "7.1")],
        judge: Judge::Probes(&[&CONTENT_CHUNKED], chunked_request),
        across: None,
    },
];

fn content_type_wrong(book: &Book<'_>) -> Verdict {
    each(book.replies(&CONTENT_WRONG), |reading| {
        let right = reading.complete() && matches!(reading.exchange.status(), Some(400 | 415 | 422));
        Verdict::holds(right, "", || format!("expected 400, 415 or 422, got {}", came(reading)))
    })
}

fn accept_ignored(book: &Book<'_>) -> Verdict {
    each(book.replies(&CONTENT_HTML), |reading| {
        let right = reading.exchange.status() == Some(406) || reading.completion().is_some();
        Verdict::holds(right, "", || format!("expected a completion or 406, got {}", came(reading)))
    })
}

fn gzip_response(book: &Book<'_>) -> Verdict {
    each(book.replies(&CONTENT_GZIP), |reading| {
        let exchange = reading.exchange;
        if let (Coding::Broken { .. }, Some(why)) = (exchange.transfer.coding, &exchange.cause) {
            return Verdict::broken("", why.clone());
        }
        if !reading.success() || !reading.complete() {
            return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
        }
        // What is not compressed is judged by the rules on any reply.
        if !matches!(exchange.transfer.coding, Coding::Decoded { .. }) {
            return Verdict::Pass;
        }
        let coding = exchange.head.as_ref().and_then(|head| head.header("content-encoding")).unwrap_or_default().trim();
        if !["gzip", "x-gzip"].iter().any(|gzip| coding.eq_ignore_ascii_case(gzip)) {
            return Verdict::broken("", format!("only gzip was accepted, and the body is coded as {coding:?}"));
        }
        let choices = reading.json().is_some_and(|document| !choices(&document.value).is_empty());
        Verdict::holds(choices, "/choices", || "the unpacked body is no completion".to_owned())
    })
}

fn gzip_request(book: &Book<'_>) -> Verdict {
    each(book.replies(&CONTENT_GZIPPED), |reading| {
        let right = reading.success() || is_refusal(reading);
        Verdict::holds(right, "", || format!("expected 2xx, 400 or 415, got {}", came(reading)))
    })
}

fn chunked_request(book: &Book<'_>) -> Verdict {
    each(book.replies(&CONTENT_CHUNKED), |reading| {
        let right = reading.success() || reading.exchange.status() == Some(411);
        Verdict::holds(right, "", || format!("expected 2xx or 411, got {}", came(reading)))
    })
}
