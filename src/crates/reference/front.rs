//! The front of the endpoint: pages and their methods, keys, the rate limit, and the body of a request.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Version};
use memchr::memmem;
use serde_json::{Value, json};

use super::answer::answer;
use super::arriving::Arriving;
use super::catalogue::{Model, ROUTER};
use super::limit::Leave;
use super::refuse::Refusal;
use super::reply::Reply;
use super::transcript::Header;
use super::{State, id, openapi, token};
use crate::wire::Contract;
use crate::wire::api::request::PATH;
use crate::wire::contract::facts::{ModelsPage, UnknownMembers};

/// Longest request body that is read.
pub(super) const LONGEST: usize = 32 << 20;

/// Most bytes of header names and values that are taken (RFC 6585, section 5).
const LONGEST_HEAD: usize = 32 << 10;

/// Body of a request: as it comes, or what a quirk has made of it.
pub(super) type Inbound = Either<Arriving, Full<Bytes>>;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page<'p> {
    Completions,
    /// Ids of the tokens of a text, as vLLM tells them.
    Tokenize,
    /// OpenAI's list of models.
    Models,
    Model(&'p str),
    /// Pulze's.
    ActiveModels,
    Log(&'p str),
    Health,
    Metrics,
    OpenApi,
}

impl<'p> Page<'p> {
    /// The page of a path. Any prefix may stand before a page of the API, as it may in a base address; a slash may end it.
    fn of(path: &'p str, contract: &Contract) -> Option<Page<'p>> {
        let path = path.trim_end_matches('/');
        let list = contract.facts.models_page == ModelsPage::List;
        let (parent, ending) = path.rsplit_once('/')?;
        match ending {
            // A base address that has the prefix once too often, which its user should see.
            _ if memmem::find(path.as_bytes(), b"/v1/v1/").is_some() => None,
            _ if path.ends_with(PATH) => Some(Page::Completions),
            "tokenize" if parent.is_empty() => Some(Page::Tokenize),
            "health" if parent.is_empty() => Some(Page::Health),
            "metrics" if parent.is_empty() => Some(Page::Metrics),
            "openapi.json" if parent.is_empty() => Some(Page::OpenApi),
            "models" if list => Some(Page::Models),
            "active" | "all" if !list && parent.ends_with("/models") => Some(Page::ActiveModels),
            id if contract.facts.stored_logs && parent.ends_with("/logs") => Some(Page::Log(id)),
            _ if list => path.split_once("/models/").map(|(_, name)| Page::Model(name)),
            _ => None,
        }
    }

    fn is_posted(self) -> bool {
        match self {
            Page::Completions | Page::Tokenize => true,
            Page::Models
            | Page::Model(_)
            | Page::ActiveModels
            | Page::Log(_)
            | Page::Health
            | Page::Metrics
            | Page::OpenApi => false,
        }
    }

    fn is_guarded(self) -> bool {
        match self {
            Page::Completions | Page::Models | Page::Model(_) | Page::ActiveModels | Page::Log(_) => true,
            Page::Tokenize | Page::Health | Page::Metrics | Page::OpenApi => false,
        }
    }

    /// The methods that it has, as `Allow` lists them.
    fn methods(self) -> &'static str {
        if self.is_posted() { "POST, OPTIONS" } else { "GET, HEAD, OPTIONS" }
    }
}

/// Whether this is a request for a completion.
pub(super) fn is_completion(head: &Parts) -> bool {
    head.method == Method::POST && head.uri.path().trim_end_matches('/').ends_with(PATH)
}

/// What to say to a request.
pub(super) async fn reply(head: &Parts, body: Inbound, state: &State, number: u64) -> Reply {
    let mut headers = Vec::new();
    let reply = served(head, body, state, number, &mut headers).await;
    let mut reply = reply.unwrap_or_else(|refusal| refusal.reply(number));
    reply.headers.extend(headers);
    if state.settings.contract.facts.service_headers {
        reply.headers.push(("x-request-id", id::request(number, state.settings.salt).into()));
        if !reply.headers.iter().any(|(name, _)| *name == "openai-processing-ms") {
            reply.headers.push(("openai-processing-ms", "0".into()));
        }
    }
    reply
}

/// The reply, or why there is none; headers that go with either are added to the list.
async fn served(
    head: &Parts,
    body: Inbound,
    state: &State,
    number: u64,
    headers: &mut Vec<Header>,
) -> Result<Reply, Refusal> {
    let contract = &*state.settings.contract;
    if weight(&head.headers) > LONGEST_HEAD {
        return Err(Refusal::new(contract, 431, "headers_too_large", "the headers are longer than 32 KiB", None));
    }
    if !has_one_host(head) {
        let message = "a request of HTTP/1.1 has one Host header";
        return Err(Refusal::new(contract, 400, "invalid_host", message, None));
    }
    let missing = || Refusal::new(contract, 404, "not_found", "no such path", None);
    let page = Page::of(head.uri.path(), contract).ok_or_else(missing)?;
    let method = &head.method;
    if method == Method::OPTIONS {
        let allow = ("allow", page.methods().into());
        return Ok(Reply { headers: vec![allow, ("content-type", "".into())], ..Reply::at_once(Vec::new(), number) });
    }
    let fits = if page.is_posted() { method == Method::POST } else { method == Method::GET || method == Method::HEAD };
    if !fits {
        let message = format!("the method {method} is not allowed here; use {}", page.methods());
        let refusal = Refusal::new(contract, 405, "method_not_allowed", &message, None);
        return Err(refusal.with_header("allow", page.methods()));
    }
    if page.is_guarded() {
        authorize(&head.headers, state)?;
    }
    match page {
        Page::Completions => {
            admit(state, headers)?;
            completion(&head.headers, body, state, number).await
        }
        Page::Tokenize => tokenized(&head.headers, body, contract).await.map(|tokens| Reply::of_json(&tokens, number)),
        Page::Models
        | Page::Model(_)
        | Page::ActiveModels
        | Page::Log(_)
        | Page::Health
        | Page::Metrics
        | Page::OpenApi => shown(page, state, number),
    }
}

/// Whether a request says which host it is for, once (RFC 9112, section 3.2); HTTP/2 says it otherwise.
fn has_one_host(head: &Parts) -> bool {
    let hosts = head.headers.get_all(HOST).iter().count();
    hosts == 1 || (hosts == 0 && head.version != Version::HTTP_11)
}

fn weight(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// A page that is only read.
fn shown(page: Page<'_>, state: &State, number: u64) -> Result<Reply, Refusal> {
    let contract = &*state.settings.contract;
    let missing = |code: &str, message: &str, param| Refusal::new(contract, 404, code, message, param);
    let value = match page {
        Page::Completions | Page::Tokenize => return Err(missing("not_found", "this page is posted to", None)),
        Page::Models => json!({"object": "list", "data": state.models.iter().map(listed).collect::<Vec<_>>()}),
        Page::Model(name) => match state.models.iter().find(|model| model.name == name) {
            Some(model) => listed(model),
            None => return Err(missing("model_not_found", &format!("no model {name:?}"), Some("model"))),
        },
        Page::ActiveModels => {
            let real = state.models.iter().filter(|model| model.name != ROUTER);
            Value::Array(real.map(parts).collect())
        }
        Page::Log(id) => {
            let pair = state.log.find(id).ok_or_else(|| missing("not_found", "no such log", None))?;
            return Ok(Reply::at_once(pair, number));
        }
        Page::Health => json!({"status": "ok"}),
        Page::Metrics => {
            let kind = ("content-type", "text/plain; version=0.0.4; charset=utf-8".into());
            return Ok(Reply { headers: vec![kind], ..Reply::at_once(state.metrics.page().into_bytes(), number) });
        }
        Page::OpenApi => openapi::document(contract),
    };
    Ok(Reply::of_json(&value, number))
}

async fn completion(headers: &HeaderMap, body: Inbound, state: &State, number: u64) -> Result<Reply, Refusal> {
    let contract = &*state.settings.contract;
    let bytes = read(headers, body, contract).await?;
    let body = state.known.read(&bytes, || valid(&bytes, contract))?;
    answer(&body, &bytes, headers, state, number)
}

/// A body that is a request, as JSON.
fn valid(bytes: &[u8], contract: &Contract) -> Result<Value, Refusal> {
    let body = parsed(bytes, contract)?;
    let schema = contract.request();
    if !schema.is_valid(&body) {
        return Err(Refusal::invalid(contract, &schema.violations(&body)));
    }
    if contract.facts.unknown_members == UnknownMembers::Refused
        && let Some(unknown) = unknown(&body, contract)
    {
        let message = format!("Unrecognized request argument supplied: {unknown}");
        return Err(Refusal::new(contract, 400, "unknown_parameter", &message, Some(unknown)));
    }
    Ok(body)
}

fn parsed(bytes: &[u8], contract: &Contract) -> Result<Value, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| Refusal::not_json(contract, &error))
}

/// The first member that the schema does not name. OpenAI refuses those; kin ignore them, as Pulze does.
fn unknown<'b>(body: &'b Value, contract: &Contract) -> Option<&'b str> {
    let known: Vec<&str> = contract.request().properties().map(|(name, _)| name).collect();
    body.as_object()?.keys().map(String::as_str).find(|name| !known.contains(name))
}

/// The body, as it came.
async fn read(headers: &HeaderMap, mut body: Inbound, contract: &Contract) -> Result<Bytes, Refusal> {
    if let Some(kind) = headers.get(CONTENT_TYPE).filter(|kind| !is_json(kind)) {
        let message = format!("the body must be application/json, not {kind:?}");
        return Err(Refusal::new(contract, 415, "unsupported_media_type", &message, None));
    }
    match Limited::new(&mut body, LONGEST).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            pass_over(body).await;
            Err(Refusal::new(contract, 413, "request_too_large", "the body is longer than 32 MiB", None))
        }
        Err(_) => Err(Refusal::new(contract, 400, "incomplete", "the body did not arrive whole", None)),
    }
}

/// Takes in as much again and keeps none of it: closed on what is still to be read, a connection is reset, and a client
/// that sends all before it reads never sees the answer (RFC 9112, section 9.6).
async fn pass_over(body: Inbound) {
    let mut rest = Limited::new(body, LONGEST);
    while let Some(Ok(_)) = rest.frame().await {}
}

fn is_json(kind: &HeaderValue) -> bool {
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || {
        let essence = essence.to_ascii_lowercase();
        essence.starts_with("application/") && essence.ends_with("+json")
    }
}

/// Ids and texts of the tokens of a `prompt`, so that a `logit_bias` can be written.
async fn tokenized(headers: &HeaderMap, body: Inbound, contract: &Contract) -> Result<Value, Refusal> {
    let body = parsed(&read(headers, body, contract).await?, contract)?;
    let Some(text) = body.get("prompt").and_then(Value::as_str) else {
        return Err(Refusal::parameter(contract, "/prompt", "a string is expected"));
    };
    let texts: Vec<&str> = token::tokens(text).collect();
    let ids: Vec<u64> = texts.iter().map(|text| token::id(text)).collect();
    Ok(json!({"count": ids.len(), "tokens": ids, "token_strs": texts}))
}

/// Any non-empty bearer passes unless a key is set (RFC 6750, section 2.1; the scheme's case does not matter).
fn authorize(headers: &HeaderMap, state: &State) -> Result<(), Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next();
    if values.next().is_some() {
        let message = "more than one Authorization header was given";
        return Err(Refusal::new(&state.settings.contract, 400, "invalid_header", message, None));
    }
    let token = match value.and_then(|value| value.to_str().ok()).unwrap_or_default().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => "",
    };
    let message = match &state.settings.key {
        _ if token.is_empty() => "no bearer token was given",
        Some(key) if key != token => "the bearer token is not valid",
        Some(_) | None => return Ok(()),
    };
    let refusal = Refusal::new(&state.settings.contract, 401, "invalid_api_key", message, None);
    Err(refusal.with_header("www-authenticate", "Bearer"))
}

/// Holds a request to the rate limit, and says how much is left as OpenAI does.
fn admit(state: &State, headers: &mut Vec<Header>) -> Result<(), Refusal> {
    let Some(limit) = &state.limit else { return Ok(()) };
    let contract = &*state.settings.contract;
    let leave = limit.ask(Instant::now());
    let (remaining, full_in) = match leave {
        Leave::Granted { remaining, full_in } => (remaining, full_in),
        Leave::Denied { full_in, .. } => (0, full_in),
    };
    if contract.facts.service_headers {
        headers.push(("x-ratelimit-limit-requests", limit.requests().to_string().into()));
        headers.push(("x-ratelimit-remaining-requests", remaining.to_string().into()));
        headers.push(("x-ratelimit-reset-requests", format!("{:.3}s", full_in.as_secs_f64()).into()));
    }
    match leave {
        Leave::Granted { .. } => Ok(()),
        Leave::Denied { wait, .. } => {
            let refusal =
                Refusal::new(contract, 429, "rate_limit_exceeded", "too many requests; wait and try again", None);
            // Whole seconds, rounded up (RFC 9110, section 10.2.3).
            Err(refusal.with_header("retry-after", &wait.as_secs_f64().ceil().max(1.0).to_string()))
        }
    }
}

/// A model in OpenAI's list.
fn listed(model: &Model) -> Value {
    json!({"id": model.name, "object": "model", "created": 1_700_000_000, "owned_by": model.owner()})
}

/// A model in Pulze's array (`schemas/README.md#model-parts`).
fn parts(model: &Model) -> Value {
    json!({"model": model.short(), "provider": model.owner(), "owner": model.owner(), "namespace": model.namespace, "at": null})
}
