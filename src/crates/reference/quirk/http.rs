//! Quirks of methods, paths and headers.

use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, EXPECT, HeaderValue, TRANSFER_ENCODING};
use serde_json::{Value, json};

use super::super::transcript::{Kind, Transcript, Write};
use super::framing::header;
use super::{MADE_UP, Quirk, set};
use crate::wire::api::request::PATH;

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::head(
        "any-method-served",
        "whatever the method, the endpoint answers as to POST",
        "no server known; RFC 9110, section 15.5.6",
        |head, _| {
            let endpoint = head.uri.path().trim_end_matches('/').ends_with(PATH);
            if endpoint && head.method != Method::OPTIONS {
                head.method = Method::POST;
            }
        },
    ),
    Quirk::draft("no-allow", "a 405 without Allow", "no server known; RFC 9110, section 15.5.6", |draft| {
        draft.headers.retain(|(name, _)| *name != "allow");
    }),
    Quirk::page("options-500", "OPTIONS is answered with 500", MADE_UP, |transcript, head| {
        if head.method == Method::OPTIONS {
            refuse(transcript, 500, "unhandled method");
        }
    }),
    Quirk::head("double-prefix-served", "a path with the prefix twice leads to the endpoint", MADE_UP, |head, _| {
        let path = head.uri.path();
        if let (true, Ok(uri)) = (path.contains("/v1/v1/"), path.replace("/v1/v1/", "/v1/").parse()) {
            head.uri = uri;
        }
    }),
    Quirk::page(
        "models-renamed",
        "the list of models is an object with models",
        "Ollama's own list at /api/tags has this shape",
        |transcript, head| {
            let path = head.uri.path();
            if head.method == Method::GET && (path.ends_with("/models") || path.ends_with("/models/active")) {
                instead(transcript, &json!({"models": [{"name": "gpt-4o"}]}));
            }
        },
    ),
    Quirk::head(
        "charset-refused",
        "a content type with a charset is refused",
        "no server known; RFC 9110, section 8.3",
        |head, _| {
            if head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().contains(&b';')) {
                head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            }
        },
    ),
    Quirk::head(
        "any-content-type",
        "a body is read as JSON whatever it is called",
        "no server known; RFC 9110, section 15.5.16",
        |head, _| {
            head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        },
    ),
    Quirk::page("untyped-500", "a body without a content type is answered with 500", MADE_UP, |transcript, head| {
        if head.method == Method::POST && !head.headers.contains_key(CONTENT_TYPE) {
            refuse(transcript, 500, "no content type");
        }
    }),
    Quirk::page(
        "chunked-refused",
        "a body that comes in chunks is refused with 400",
        "no server known; RFC 9112, section 7.1",
        |transcript, head| {
            if head.headers.contains_key(TRANSFER_ENCODING) {
                refuse(transcript, 400, "a body without a length is not read");
            }
        },
    ),
    Quirk::page(
        "expect-refused",
        "a request that waits for 100 is refused with 400",
        "no server known; RFC 9110, section 10.1.1",
        |transcript, head| {
            if head.headers.contains_key(EXPECT) {
                refuse(transcript, 400, "Expect is not understood");
            }
        },
    ),
    Quirk::transcript("date-1994", "Date is in 1994", "no server known; RFC 9110, section 6.6.1", |transcript| {
        header(transcript, "date", "Sun, 06 Nov 1994 08:49:37 GMT");
    }),
    Quirk::transcript("quota-overfull", "more requests remain than the limit allows", MADE_UP, |transcript| {
        header(transcript, "x-ratelimit-limit-requests", "10");
        header(transcript, "x-ratelimit-remaining-requests", "11");
    }),
    Quirk::draft("too-large-500", "what is too large is answered with 500", MADE_UP, |draft| {
        if draft.kind == Kind::Error && matches!(draft.status, 413 | 431) {
            draft.status = 500;
        }
    }),
];

/// Another page in the place of what was said.
pub(super) fn instead(transcript: &mut Transcript, page: &Value) {
    transcript.kind = Kind::Other;
    transcript.status = 200;
    header(transcript, "content-type", "application/json");
    transcript.writes = vec![Write { at: Duration::ZERO, bytes: page.to_string().into_bytes() }];
}

/// An error in the place of what was said, in OpenAI's envelope.
pub(super) fn refuse(transcript: &mut Transcript, status: u16, message: &str) {
    instead(
        transcript,
        &json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}}),
    );
    transcript.kind = Kind::Error;
    transcript.status = status;
}

/// An error with another message.
pub(super) fn reword(transcript: &mut Transcript, message: &str) {
    let Some(write) = transcript.writes.first_mut() else { return };
    let Ok(mut body) = serde_json::from_slice::<Value>(&write.bytes) else { return };
    set(&mut body, "/error/message", message);
    set(&mut body, "/detail", message);
    write.bytes = body.to_string().into_bytes();
}
