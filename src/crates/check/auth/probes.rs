//! Requests of strangers: without a key, with a wrong one, with one in the wrong place.

use serde_json::json;

use super::rules::WRONG_KEY;
use crate::probe::{Capability, HeaderChange, Path, Probe, Request};
use crate::secret::Secret;

const KEYS: &[Capability] = &[Capability::Keys];

pub(crate) static AUTH_MISSING: Probe =
    Probe::new("auth-missing", |context| vec![without_key(Request::new(context.base()))]).needs(KEYS);

pub(crate) static AUTH_INVALID: Probe =
    Probe::new("auth-invalid", |context| vec![with_key(Request::new(context.base()), format!("Bearer {WRONG_KEY}"))])
        .needs(KEYS);

pub(crate) static AUTH_INVALID_STREAM: Probe = Probe::new("auth-invalid-stream", |context| {
    vec![with_key(Request::new(context.with(json!({"stream": true}))), format!("Bearer {WRONG_KEY}"))]
})
.needs(KEYS);

pub(crate) static AUTH_EMPTY: Probe =
    Probe::new("auth-empty", |context| vec![with_key(Request::new(context.base()), "Bearer ".to_owned())]).needs(KEYS);

pub(crate) static AUTH_SCHEME: Probe = Probe::new("auth-scheme", |context| {
    let bare = context.key.unwrap_or(WRONG_KEY);
    ["Basic c2stdGVzdDpzay10ZXN0", bare].map(|value| with_key(Request::new(context.base()), value.to_owned())).into()
})
.needs(KEYS);

pub(crate) static AUTH_LOWER: Probe = Probe::new("auth-lower", |context| {
    vec![with_key(Request::new(context.base()), format!("bearer {}", context.key.unwrap_or(WRONG_KEY)))]
})
.needs(KEYS);

pub(crate) static AUTH_BAD_JSON: Probe =
    Probe::new("auth-bad-json", |_| vec![without_key(Request::bytes(r#"{"model": "x", "#))]).needs(KEYS);

pub(crate) static AUTH_QUERY: Probe = Probe::new("auth-query", |context| {
    let query = Path::Query(Secret::new(format!("access_token={}", context.key.unwrap_or(WRONG_KEY))));
    vec![without_key(Request::new(context.base())).path(query)]
})
.needs(KEYS);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[
    &AUTH_MISSING,
    &AUTH_INVALID,
    &AUTH_INVALID_STREAM,
    &AUTH_EMPTY,
    &AUTH_SCHEME,
    &AUTH_LOWER,
    &AUTH_BAD_JSON,
    &AUTH_QUERY,
];

fn without_key(request: Request) -> Request {
    request.header(HeaderChange::Without("authorization"))
}

fn with_key(request: Request, value: String) -> Request {
    request.header(HeaderChange::Set("authorization", Secret::new(value)))
}
