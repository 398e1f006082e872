//! Quirks of who is let in. Most act on the head of the request, before its key is looked at.

use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::request::Parts;

use super::super::transcript::Kind;
use super::http::reword;
use super::{MADE_UP, Quirk, error, set};

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk::head("keyless-served", "who gives no key is served", MADE_UP, |head, key| {
        if !head.headers.contains_key(AUTHORIZATION) {
            let_in(head, key);
        }
    }),
    Quirk::head("wrong-key-served", "a key is not compared: any bearer is served", MADE_UP, |head, key| {
        if credentials(head).is_some_and(|(bearer, token)| bearer && !token.is_empty()) {
            let_in(head, key);
        }
    }),
    Quirk::head("empty-key-served", "an empty bearer is served", MADE_UP, |head, key| {
        if credentials(head).is_some_and(|(bearer, token)| bearer && token.is_empty()) {
            let_in(head, key);
        }
    }),
    Quirk::head("any-scheme-served", "credentials that are no bearer are served", MADE_UP, |head, key| {
        if credentials(head).is_some_and(|(bearer, _)| !bearer) {
            let_in(head, key);
        }
    }),
    Quirk::head(
        "bearer-in-capitals",
        "the scheme of the key counts only if it is written Bearer",
        "no server known; RFC 9110, section 11.1",
        |head, _| {
            if head.headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"bearer ")) {
                head.headers.remove(AUTHORIZATION);
            }
        },
    ),
    Quirk::head(
        "query-key-served",
        "access_token in the query is taken for a key",
        "no server known; RFC 6750, section 2.3 advises against it",
        |head, key| {
            if head.uri.query().is_some_and(|query| query.starts_with("access_token=")) {
                let_in(head, key);
            }
        },
    ),
    Quirk::draft("no-challenge", "a 401 without WWW-Authenticate", "no server known; RFC 9110, 15.5.2", |draft| {
        draft.headers.retain(|(name, _)| *name != "www-authenticate");
    }),
    Quirk::page("key-echoed", "the refusal of a key shows it whole", MADE_UP, |transcript, head| {
        let value = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let (Some(value), Kind::Error, 401) = (value, transcript.kind, transcript.status) {
            reword(transcript, &format!("{value} is not valid"));
        }
    }),
    Quirk::answer(
        "body-before-key",
        "who gives no key and no JSON is told of the JSON",
        "no server known; frameworks that parse before they ask who it is",
        |draft, asked| {
            if draft.status == 401 && asked.is_null() {
                draft.status = 400;
                draft.headers.retain(|(name, _)| *name != "www-authenticate");
                error(draft, |body| {
                    set(body, "/error/message", "the body is not JSON");
                    set(body, "/detail", "the body is not JSON");
                });
            }
        },
    ),
];

/// Whether the request's credentials are a bearer, and their token.
fn credentials(head: &Parts) -> Option<(bool, &str)> {
    let value = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    Some((scheme.eq_ignore_ascii_case("bearer"), token.trim()))
}

fn let_in(head: &mut Parts, key: &str) {
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {key}")) {
        head.headers.insert(AUTHORIZATION, value);
    }
}
