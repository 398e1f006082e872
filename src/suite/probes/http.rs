//! Requests that differ in HTTP from a plain one: other methods and paths, other headers, other framing.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::check::WRONG_KEY;
use crate::plan::order::{HeaderChange, Path, Step, Way};
use crate::plan::secret::Secret;
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn};
use crate::wire::Dialect;

const fn probe(name: &'static str, requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs: &[], after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("page-get", |asking| vec![plain(asking).method("GET")]),
    probe("page-methods", |asking| ["PUT", "DELETE", "PATCH"].map(|method| plain(asking).method(method)).into()),
    probe("page-brew", |asking| vec![plain(asking).method("BREW")]),
    probe("page-options", |asking| {
        let asks = plain(asking).method("OPTIONS");
        let asks = set(set(asks, "origin", "https://example.com"), "access-control-request-method", "POST");
        vec![set(asks, "access-control-request-headers", "authorization, content-type")]
    }),
    probe("page-head", |asking| vec![plain(asking).method("HEAD")]),
    probe("page-unknown", |asking| vec![plain(asking).path(Path::Beside("/chat/completionz".to_owned()))]),
    probe("page-double", |asking| vec![plain(asking).path(Path::Beside("/v1/chat/completions".to_owned()))]),
    probe("page-slash", |asking| vec![plain(asking).path(Path::Behind("/"))]),
    probe("page-models", |asking| {
        let path = match asking.dialect {
            Dialect::Pulze => "/models/active",
            Dialect::OpenAi | Dialect::OpenAiStrict => "/models",
        };
        vec![plain(asking).method("GET").path(Path::Beside(path.to_owned()))]
    }),
    probe("content-charset", |asking| vec![set(plain(asking), "content-type", "application/json; charset=utf-8")]),
    probe("content-untyped", |asking| vec![plain(asking).header(HeaderChange::Without("content-type"))]),
    probe("content-wrong", |asking| {
        let kinds = ["text/plain", "application/x-www-form-urlencoded"];
        kinds.map(|kind| set(plain(asking), "content-type", kind)).into()
    }),
    probe("content-html", |asking| vec![set(plain(asking), "accept", "text/html")]),
    // Only what can be unpacked here is accepted.
    probe("content-gzip", |asking| vec![set(plain(asking), "accept-encoding", "gzip")]),
    probe("content-gzipped", |asking| {
        vec![set(Request::bytes(packed(&asking.ask(QUESTION))), "content-encoding", "gzip")]
    }),
    probe("content-chunked", |asking| vec![plain(asking).way(Way::Chunked)]),
    Probe { name: "again", needs: &[], after: &["basic"], turn: Turn::Alone, requests: |asking| vec![plain(asking)] },
    Probe {
        name: "expect-continue",
        needs: &[Capability::PlainHttp],
        after: &[],
        turn: Turn::Any,
        requests: expect_continue,
    },
    Probe { name: "two-keys", needs: &[Capability::Keys], after: &[], turn: Turn::Any, requests: two_keys },
];

/// A question in a body that is sent as bytes, so that no tag can be filled in.
const QUESTION: &str = "Reply with the single word: ok.";

fn plain(asking: &Asking<'_>) -> Request {
    Request::new(asking.base())
}

fn set(request: Request, name: &'static str, value: &str) -> Request {
    request.header(HeaderChange::Set(name, Secret::new(value)))
}

fn packed(body: &Value) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(body.to_string().as_bytes());
    written.and_then(|()| encoder.finish()).expect("memory takes what is written to it")
}

/// As curl does: the body follows 100, or a second of waiting for it.
fn expect_continue(asking: &Asking<'_>) -> Vec<Request> {
    let body = asking.ask(QUESTION);
    let text = body.to_string();
    let steps = vec![
        Step::Head(format!("content-length: {}\r\nexpect: 100-continue\r\n", text.len())),
        Step::Wait(Duration::from_secs(1)),
        Step::Send(Bytes::from(text)),
    ];
    vec![Request::raw(Way::Raw(steps), body)]
}

fn two_keys(asking: &Asking<'_>) -> Vec<Request> {
    vec![plain(asking).header(HeaderChange::Add("authorization", Secret::new(format!("Bearer {WRONG_KEY}"))))]
}
