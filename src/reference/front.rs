//! The front of the endpoint: routes, keys, and what is wrong with a request, in the dialect's own envelope.

use std::time::Duration;

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, Request};
use serde_json::{Value, json};

use super::State;
use super::answer;
use super::wire::{Draft, Kind};
use crate::wire::Dialect;
use crate::wire::dialect::Violation;
use crate::wire::request::PATH;

/// Longest request body that is read.
const LONGEST: usize = 32 << 20;

/// What to say to a request.
pub(super) async fn draft(request: Request<Incoming>, state: &State, number: u64) -> Draft {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let error = |refusal: Refusal| refusal.draft(state.settings.dialect, number);
    match (path.as_str(), request.method()) {
        (path, &Method::POST) if path.ends_with(PATH) => match completion(request, state, number).await {
            Ok(draft) => draft,
            Err(refusal) => error(refusal),
        },
        (path, _) if path.ends_with(PATH) => error(Refusal::method()),
        (path, &Method::GET) if path.ends_with("/models") => match authorize(request.headers(), state) {
            Ok(()) => other(models(state), number),
            Err(refusal) => error(refusal),
        },
        ("/health", &Method::GET) => other(json!({"status": "ok"}), number),
        _ => error(Refusal::new(404, "not_found", "no such path")),
    }
}

async fn completion(request: Request<Incoming>, state: &State, number: u64) -> Result<Draft, Refusal> {
    let dialect = state.settings.dialect;
    authorize(request.headers(), state)?;
    let (head, body) = request.into_parts();
    let bytes = match Limited::new(body, LONGEST).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Refusal::new(413, "request_too_large", "the body is longer than 32 MiB"));
        }
        Err(_) => return Err(Refusal::new(400, "incomplete", "the body did not arrive whole")),
    };
    let body: Value = serde_json::from_slice(&bytes).map_err(|error| Refusal::json(dialect, &error.to_string()))?;
    let faults = dialect.request().violations(&body);
    if !faults.is_empty() {
        return Err(Refusal::invalid(dialect, &faults));
    }
    if let Some(model) = body.get("model").and_then(Value::as_str)
        && !state.settings.models.iter().any(|known| known == model)
    {
        let refusal = Refusal::new(404, "model_not_found", &format!("the model {model:?} does not exist"));
        return Err(Refusal { param: Some("model".to_owned()), ..refusal });
    }
    Ok(answer::draft(&body, &head.headers, state, number))
}

/// Any non-empty bearer passes unless a key is set (RFC 6750, section 2.1; the scheme's case does not matter).
fn authorize(headers: &HeaderMap, state: &State) -> Result<(), Refusal> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    };
    match &state.settings.key {
        _ if token.is_empty() => Err(Refusal::unauthorized("no bearer token was given")),
        Some(key) if key != token => Err(Refusal::unauthorized("the bearer token is not valid")),
        _ => Ok(()),
    }
}

fn models(state: &State) -> Value {
    let entry = |id: &String| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "proofload"});
    json!({"object": "list", "data": state.settings.models.iter().map(entry).collect::<Vec<_>>()})
}

fn other(body: Value, number: u64) -> Draft {
    Draft {
        kind: Kind::Other,
        status: 200,
        headers: Vec::new(),
        bodies: vec![body],
        due: vec![Duration::ZERO],
        number,
        openings: Default::default(),
    }
}

/// A request that is not served, and why.
struct Refusal {
    status: u16,
    code: String,
    message: String,
    /// The member at fault, in the openai envelope.
    param: Option<String>,
    /// FastAPI's list of faults, in the pulze envelope.
    detail: Option<Value>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    fn new(status: u16, code: &str, message: &str) -> Refusal {
        Refusal { status, code: code.to_owned(), message: message.to_owned(), param: None, detail: None, headers: Vec::new() }
    }

    fn unauthorized(message: &str) -> Refusal {
        let headers = vec![("www-authenticate", "Bearer".to_owned())];
        Refusal { headers, ..Refusal::new(401, "invalid_api_key", message) }
    }

    fn method() -> Refusal {
        let headers = vec![("allow", "POST".to_owned())];
        Refusal { headers, ..Refusal::new(405, "method_not_allowed", "the method is not allowed here; use POST") }
    }

    /// A body that is no JSON: 422 from FastAPI, 400 from OpenAI (spec, section 3).
    fn json(dialect: Dialect, error: &str) -> Refusal {
        let message = format!("the body is not JSON: {error}");
        match dialect {
            Dialect::Pulze => {
                let detail = json!([{"type": "json_invalid", "loc": ["body", 0], "msg": message}]);
                Refusal { detail: Some(detail), ..Refusal::new(422, "json_invalid", &message) }
            }
            Dialect::OpenAi => Refusal::new(400, "invalid_json", &message),
        }
    }

    fn invalid(dialect: Dialect, faults: &[Violation]) -> Refusal {
        match dialect {
            Dialect::Pulze => {
                let detail: Vec<Value> = faults
                    .iter()
                    .map(|fault| json!({"type": fault.keyword, "loc": location(&fault.pointer), "msg": fault.message}))
                    .collect();
                Refusal { detail: Some(json!(detail)), ..Refusal::new(422, "invalid", "") }
            }
            Dialect::OpenAi => {
                let path: Vec<&str> = faults[0].pointer.split('/').skip(1).collect();
                let param = (!path.is_empty()).then(|| path.join("."));
                Refusal { param, ..Refusal::new(400, "invalid_value", &faults[0].message) }
            }
        }
    }

    fn draft(self, dialect: Dialect, number: u64) -> Draft {
        let body = match dialect {
            Dialect::Pulze => json!({"detail": self.detail.unwrap_or(Value::String(self.message))}),
            Dialect::OpenAi => json!({"error": {
                "message": self.message, "type": "invalid_request_error", "param": self.param, "code": self.code}}),
        };
        Draft { kind: Kind::Error, status: self.status, headers: self.headers, ..other(body, number) }
    }
}

/// FastAPI's path of a fault: `body`, then member names and indices.
fn location(pointer: &str) -> Vec<Value> {
    let step = |step: &str| step.parse::<u64>().map_or_else(|_| json!(step), |index| json!(index));
    std::iter::once(json!("body")).chain(pointer.split('/').skip(1).map(step)).collect()
}
