//! The front of the endpoint: routes, keys, and what is wrong with a request, in the dialect's own envelope.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, Request};
use serde_json::{Value, json};

use super::State;
use super::answer;
use super::arriving::Arriving;
use super::wire::{Draft, Kind};
use crate::wire::Dialect;
use crate::wire::dialect::Violation;
use crate::wire::request::PATH;

/// Longest request body that is read.
pub(super) const LONGEST: usize = 32 << 20;

/// Body of a request: as it comes, or what a quirk has made of it.
pub(super) type Inbound = Either<Arriving, Full<Bytes>>;

/// What to say to a request.
pub(super) async fn draft(request: Request<Inbound>, state: &State, number: u64) -> Draft {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let dialect = state.settings.dialect;
    let answer = match (path.as_str(), request.method()) {
        (path, &Method::POST) if path.ends_with(PATH) => completion(request, state, number).await,
        (path, _) if path.ends_with(PATH) => {
            let refusal =
                Refusal::new(dialect, 405, "method_not_allowed", "the method is not allowed here; use POST", None);
            Err(refusal.with_header("allow", "POST"))
        }
        (path, &Method::GET) if path.ends_with("/models") => {
            authorize(request.headers(), state).map(|()| Draft::other(models(state), number))
        }
        ("/health", &Method::GET) => Ok(Draft::other(json!({"status": "ok"}), number)),
        _ => Err(Refusal::new(dialect, 404, "not_found", "no such path", None)),
    };
    answer.unwrap_or_else(|refusal| Draft {
        kind: Kind::Error,
        status: refusal.status,
        headers: refusal.headers,
        ..Draft::other(refusal.body, number)
    })
}

async fn completion(request: Request<Inbound>, state: &State, number: u64) -> Result<Draft, Refusal> {
    let dialect = state.settings.dialect;
    authorize(request.headers(), state)?;
    let (head, body) = request.into_parts();
    let bytes = match Limited::new(body, LONGEST).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Refusal::new(dialect, 413, "request_too_large", "the body is longer than 32 MiB", None));
        }
        Err(_) => return Err(Refusal::new(dialect, 400, "incomplete", "the body did not arrive whole", None)),
    };
    let body: Value = serde_json::from_slice(&bytes).map_err(|error| Refusal::not_json(dialect, &error.to_string()))?;
    let schema = dialect.request();
    if !schema.is_valid(&body) {
        return Err(Refusal::invalid(dialect, &schema.violations(&body)));
    }
    if let Some(model) = body.get("model").and_then(Value::as_str)
        && !state.settings.models.iter().any(|known| known == model)
    {
        let message = format!("the model {model:?} does not exist");
        return Err(Refusal::new(dialect, 404, "model_not_found", &message, Some("model")));
    }
    Ok(answer::draft(&body, &head.headers, state, number))
}

/// Any non-empty bearer passes unless a key is set (RFC 6750, section 2.1; the scheme's case does not matter).
fn authorize(headers: &HeaderMap, state: &State) -> Result<(), Refusal> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => "",
    };
    let message = match &state.settings.key {
        _ if token.is_empty() => "no bearer token was given",
        Some(key) if key != token => "the bearer token is not valid",
        Some(_) | None => return Ok(()),
    };
    let refusal = Refusal::new(state.settings.dialect, 401, "invalid_api_key", message, None);
    Err(refusal.with_header("www-authenticate", "Bearer"))
}

fn models(state: &State) -> Value {
    let entry = |id: &String| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "proofload"});
    json!({"object": "list", "data": state.settings.models.iter().map(entry).collect::<Vec<_>>()})
}

/// A request that is not served, in the dialect's own words.
struct Refusal {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Refusal {
    /// FastAPI's `detail`, or OpenAI's envelope (spec, section 3).
    fn new(dialect: Dialect, status: u16, code: &str, message: &str, param: Option<&str>) -> Refusal {
        let body = match dialect {
            Dialect::Pulze => json!({"detail": message}),
            Dialect::OpenAi | Dialect::OpenAiStrict => json!({"error": {
                "message": message, "type": "invalid_request_error", "param": param, "code": code}}),
        };
        Refusal { status, headers: Vec::new(), body }
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Refusal {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// A body that is no JSON: 422 from FastAPI, 400 from OpenAI.
    fn not_json(dialect: Dialect, error: &str) -> Refusal {
        let message = format!("the body is not JSON: {error}");
        match dialect {
            Dialect::Pulze => Refusal::detailed(&json!([{"type": "json_invalid", "loc": ["body", 0], "msg": message}])),
            Dialect::OpenAi | Dialect::OpenAiStrict => Refusal::new(dialect, 400, "invalid_json", &message, None),
        }
    }

    /// A body that the request schema refuses.
    fn invalid(dialect: Dialect, faults: &[Violation]) -> Refusal {
        match dialect {
            Dialect::Pulze => {
                let fault = |v: &Violation| json!({"type": v.keyword, "loc": location(&v.pointer), "msg": v.message});
                Refusal::detailed(&faults.iter().map(fault).collect())
            }
            Dialect::OpenAi | Dialect::OpenAiStrict => {
                let path: Vec<&str> = faults[0].pointer.split('/').skip(1).collect();
                let param = (!path.is_empty()).then(|| path.join("."));
                Refusal::new(dialect, 400, "invalid_value", &faults[0].message, param.as_deref())
            }
        }
    }

    fn detailed(detail: &Value) -> Refusal {
        Refusal { status: 422, headers: Vec::new(), body: json!({"detail": detail}) }
    }
}

/// FastAPI's path of a fault: `body`, then member names and indices.
fn location(pointer: &str) -> Vec<Value> {
    let step = |step: &str| step.parse::<u64>().map_or_else(|_| json!(step), |index| json!(index));
    std::iter::once(json!("body")).chain(pointer.split('/').skip(1).map(step)).collect()
}
