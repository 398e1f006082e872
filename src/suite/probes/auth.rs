//! Requests of strangers: without a key, with a wrong one, with one in the wrong place.

use serde_json::json;

use crate::check::WRONG_KEY;
use crate::plan::order::{HeaderChange, Path};
use crate::plan::secret::Secret;
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn};

const KEYS: &[Capability] = &[Capability::Keys];

const fn probe(name: &'static str, requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs: KEYS, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("auth-missing", |asking| vec![without_key(Request::new(asking.base()))]),
    probe("auth-invalid", |asking| vec![with_key(Request::new(asking.base()), format!("Bearer {WRONG_KEY}"))]),
    probe("auth-invalid-stream", |asking| {
        vec![with_key(Request::new(asking.with(json!({"stream": true}))), format!("Bearer {WRONG_KEY}"))]
    }),
    probe("auth-empty", |asking| vec![with_key(Request::new(asking.base()), "Bearer ".to_owned())]),
    probe("auth-scheme", |asking| {
        let bare = asking.key.unwrap_or(WRONG_KEY);
        ["Basic c2stdGVzdDpzay10ZXN0", bare].map(|value| with_key(Request::new(asking.base()), value.to_owned())).into()
    }),
    probe("auth-lower", |asking| {
        vec![with_key(Request::new(asking.base()), format!("bearer {}", asking.key.unwrap_or(WRONG_KEY)))]
    }),
    probe("auth-bad-json", |_| vec![without_key(Request::bytes(r#"{"model": "x", "#))]),
    probe("auth-query", |asking| {
        let query = Path::Query(Secret::new(format!("access_token={}", asking.key.unwrap_or(WRONG_KEY))));
        vec![without_key(Request::new(asking.base())).path(query)]
    }),
];

fn without_key(request: Request) -> Request {
    request.header(HeaderChange::Without("authorization"))
}

fn with_key(request: Request, value: String) -> Request {
    request.header(HeaderChange::Set("authorization", Secret::new(value)))
}
