//! Requests that differ in HTTP from a plain one: other methods and paths, other headers, other framing.

use crate::basic::probes::BASIC;
use crate::probe::{Capability, HeaderChange, Path, Probe, ProbeContext, Request, Step, Turn, Way};
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::auth::WRONG_KEY;
use crate::secret::Secret;
use crate::wire::contract::facts::ModelsPage;

pub(crate) static PAGE_GET: Probe = Probe::page("page-get", |context| vec![plain(context).method("GET")]);

pub(crate) static PAGE_METHODS: Probe = Probe::page("page-methods", |context| {
    ["PUT", "DELETE", "PATCH"].map(|method| plain(context).method(method)).into()
});

pub(crate) static PAGE_BREW: Probe =
    Probe::page("page-brew", |context| vec![plain(context).method("BREW")]).below_api();

pub(crate) static PAGE_OPTIONS: Probe = Probe::page("page-options", |context| {
    let asks = plain(context).method("OPTIONS");
    let asks = set(set(asks, "origin", "https://example.com"), "access-control-request-method", "POST");
    vec![set(asks, "access-control-request-headers", "authorization, content-type")]
});

pub(crate) static PAGE_HEAD: Probe =
    Probe::page("page-head", |context| vec![plain(context).method("HEAD")]).below_api();

pub(crate) static PAGE_UNKNOWN: Probe =
    Probe::page("page-unknown", |context| vec![plain(context).path(Path::Beside("/chat/completionz".to_owned()))]);

pub(crate) static PAGE_DOUBLE: Probe =
    Probe::page("page-double", |context| vec![plain(context).path(Path::Beside("/v1/chat/completions".to_owned()))]);

pub(crate) static PAGE_SLASH: Probe = Probe::page("page-slash", |context| vec![plain(context).path(Path::Behind("/"))]);

pub(crate) static PAGE_MODELS: Probe = Probe::page("page-models", |context| {
    let path = match context.contract.facts.models_page {
        ModelsPage::Active => "/models/active",
        ModelsPage::List => "/models",
    };
    vec![plain(context).method("GET").path(Path::Beside(path.to_owned()))]
});

pub(crate) static CONTENT_CHARSET: Probe = Probe::new("content-charset", |context| {
    vec![set(plain(context), "content-type", "application/json; charset=utf-8")]
});

pub(crate) static CONTENT_UNTYPED: Probe =
    Probe::new("content-untyped", |context| vec![plain(context).header(HeaderChange::Without("content-type"))]);

pub(crate) static CONTENT_WRONG: Probe = Probe::new("content-wrong", |context| {
    let kinds = ["text/plain", "application/x-www-form-urlencoded"];
    kinds.map(|kind| set(plain(context), "content-type", kind)).into()
});

pub(crate) static CONTENT_HTML: Probe =
    Probe::new("content-html", |context| vec![set(plain(context), "accept", "text/html")]);

/// Only what can be unpacked here is accepted.
pub(crate) static CONTENT_GZIP: Probe =
    Probe::new("content-gzip", |context| vec![set(plain(context), "accept-encoding", "gzip")]);

pub(crate) static CONTENT_GZIPPED: Probe = Probe::new("content-gzipped", |context| {
    vec![set(Request::bytes(packed(&context.ask(QUESTION))), "content-encoding", "gzip")]
});

pub(crate) static CONTENT_CHUNKED: Probe =
    Probe::new("content-chunked", |context| vec![plain(context).way(Way::Chunked)]);

pub(crate) static AGAIN: Probe = Probe::new("again", |context| vec![plain(context)]).after(&[&BASIC]).turn(Turn::Alone);

pub(crate) static EXPECT_CONTINUE: Probe =
    Probe::new("expect-continue", expect_continue).needs(&[Capability::PlainHttp]);

pub(crate) static TWO_KEYS: Probe = Probe::new("two-keys", two_keys).needs(&[Capability::Keys]);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[
    &PAGE_GET,
    &PAGE_METHODS,
    &PAGE_BREW,
    &PAGE_OPTIONS,
    &PAGE_HEAD,
    &PAGE_UNKNOWN,
    &PAGE_DOUBLE,
    &PAGE_SLASH,
    &PAGE_MODELS,
    &CONTENT_CHARSET,
    &CONTENT_UNTYPED,
    &CONTENT_WRONG,
    &CONTENT_HTML,
    &CONTENT_GZIP,
    &CONTENT_GZIPPED,
    &CONTENT_CHUNKED,
    &AGAIN,
    &EXPECT_CONTINUE,
    &TWO_KEYS,
];

/// A question in a body that is sent as bytes, so that no tag can be filled in.
const QUESTION: &str = "Reply with the single word: ok.";

fn plain(context: &ProbeContext<'_>) -> Request {
    Request::new(context.base())
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
fn expect_continue(context: &ProbeContext<'_>) -> Vec<Request> {
    let body = context.ask(QUESTION);
    let text = body.to_string();
    let steps = vec![
        Step::Head(format!("content-length: {}\r\nexpect: 100-continue\r\n", text.len())),
        Step::Wait(Duration::from_secs(1)),
        Step::Send(Bytes::from(text)),
    ];
    vec![Request::raw(Way::Raw(steps), body)]
}

fn two_keys(context: &ProbeContext<'_>) -> Vec<Request> {
    vec![plain(context).header(HeaderChange::Add("authorization", Secret::new(format!("Bearer {WRONG_KEY}"))))]
}
