//! Rules about the kind, the coding and the framing of bodies.

use std::io::Read as _;

use flate2::read::GzDecoder;

use super::super::book::{Book, accepted, came, each, is_refusal, no_server_error};
use super::super::{Check, Judge, Verdict, levels, tier};
use crate::wire::json;
use crate::wire::reply::choices;

pub(in crate::check) static CONTENT: &[Check] = &[
    Check {
        id: "http-content-type-charset",
        rule: "application/json; charset=utf-8 is accepted",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "9110 8.3",
        judge: Judge::Probes(&["content-charset"], |book| accepted(book.replies("content-charset"))),
        across: None,
    },
    Check {
        id: "http-content-type-missing",
        rule: "a body without a content type is no server error",
        levels: levels("S/S"),
        tier: tier("F"),
        source: "9110 8.3",
        judge: Judge::Probes(&["content-untyped"], |book| no_server_error(book.replies("content-untyped"))),
        across: None,
    },
    Check {
        id: "http-content-type-wrong",
        rule: "a body that is called text or a form is refused with 400, 415 or 422",
        levels: levels("S/S"),
        tier: tier("F"),
        source: "9110 15.5.16",
        judge: Judge::Probes(&["content-wrong"], content_type_wrong),
        across: None,
    },
    Check {
        id: "http-accept-ignored",
        rule: "who accepts HTML only gets JSON, or a 406",
        levels: levels("Y/Y"),
        tier: tier("F"),
        source: "9110 12.5.1",
        judge: Judge::Probes(&["content-html"], accept_ignored),
        across: None,
    },
    Check {
        id: "http-gzip-response",
        rule: "who accepts gzip gets a completion, and one that is compressed can be read",
        levels: levels("M/M"),
        tier: tier("F"),
        source: "9110 8.4",
        judge: Judge::Probes(&["content-gzip"], gzip_response),
        across: None,
    },
    Check {
        id: "http-gzip-request",
        rule: "a compressed request is accepted, or refused with a 4xx",
        levels: levels("Y/Y"),
        tier: tier("X"),
        source: "9110 8.4",
        judge: Judge::Probes(&["content-gzipped"], gzip_request),
        across: None,
    },
    Check {
        id: "http-chunked-request",
        rule: "a chunked request is accepted, or refused with 411",
        levels: levels("S/S"),
        tier: tier("F"),
        source: "9112 7.1",
        judge: Judge::Probes(&["content-chunked"], chunked_request),
        across: None,
    },
];

fn content_type_wrong(book: &Book<'_>) -> Verdict {
    each(book.replies("content-wrong"), |reading| {
        let right = reading.complete() && matches!(reading.exchange.status(), Some(400 | 415 | 422));
        Verdict::holds(right, "", || format!("expected 400, 415 or 422, got {}", came(reading)))
    })
}

fn accept_ignored(book: &Book<'_>) -> Verdict {
    each(book.replies("content-html"), |reading| {
        let right = reading.exchange.status() == Some(406) || reading.completion().is_some();
        Verdict::holds(right, "", || format!("expected a completion or 406, got {}", came(reading)))
    })
}

/// Longest body that is unpacked.
const LONGEST: u64 = 16 << 20;

fn gzip_response(book: &Book<'_>) -> Verdict {
    each(book.replies("content-gzip"), |reading| {
        if !reading.success() || !reading.complete() {
            return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
        }
        let coding = reading.exchange.head.as_ref().and_then(|head| head.header("content-encoding"));
        let body = &reading.exchange.body.bytes;
        match coding.map(str::trim) {
            // What is not compressed is judged by the rules on any reply.
            None => Verdict::Pass,
            Some(coding) if coding.eq_ignore_ascii_case("identity") => Verdict::Pass,
            Some(coding) if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") => {
                unpacked(body)
            }
            Some(other) => Verdict::broken("", format!("only gzip was accepted, and the body is coded as {other:?}")),
        }
    })
}

/// The body unpacks, to a completion.
fn unpacked(body: &[u8]) -> Verdict {
    let mut bytes = Vec::new();
    if let Err(error) = GzDecoder::new(body).take(LONGEST).read_to_end(&mut bytes) {
        return Verdict::broken("", format!("the body is no gzip: {error}"));
    }
    match json::read(&bytes) {
        Ok(document) => Verdict::holds(!choices(&document.value).is_empty(), "/choices", || {
            "the unpacked body is no completion".to_owned()
        }),
        Err(error) => Verdict::broken("", format!("the unpacked body is not JSON: {error}")),
    }
}

fn gzip_request(book: &Book<'_>) -> Verdict {
    each(book.replies("content-gzipped"), |reading| {
        let right = reading.success() || is_refusal(reading);
        Verdict::holds(right, "", || format!("expected 2xx, 400 or 415, got {}", came(reading)))
    })
}

fn chunked_request(book: &Book<'_>) -> Verdict {
    each(book.replies("content-chunked"), |reading| {
        let right = reading.success() || reading.exchange.status() == Some(411);
        Verdict::holds(right, "", || format!("expected 2xx or 411, got {}", came(reading)))
    })
}
