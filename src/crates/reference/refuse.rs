//! A request that is not served, in the dialect's own envelope (`schemas/README.md#errors`).

use serde_json::{Value, json};

use super::reply::Reply;
use super::transcript::{Header, Kind};
use crate::wire::Contract;
use crate::wire::contract::facts::ErrorEnvelope;
use crate::wire::schema::Violation;

/// Why a request is not served.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    headers: Vec<Header>,
    body: Value,
}

impl Refusal {
    /// FastAPI's `detail`, or OpenAI's envelope.
    pub(super) fn new(contract: &Contract, status: u16, code: &str, message: &str, param: Option<&str>) -> Refusal {
        let body = match contract.facts.error_envelope {
            ErrorEnvelope::Detail => json!({"detail": message}),
            ErrorEnvelope::Error => json!({"error": {
                "message": message, "type": kind(status), "param": param, "code": code}}),
        };
        Refusal { status, headers: Vec::new(), body }
    }

    /// The same with one more header.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Refusal {
        self.headers.push((name, value.to_owned().into()));
        self
    }

    /// A body that is no JSON: 422 from FastAPI, 400 from OpenAI.
    pub(super) fn not_json(contract: &Contract, error: &serde_json::Error) -> Refusal {
        let message = format!("the body is not JSON: {error}");
        match contract.facts.error_envelope {
            ErrorEnvelope::Detail => {
                Refusal::detailed(&json!([{"type": "json_invalid", "loc": ["body", error.column()], "msg": message}]))
            }
            ErrorEnvelope::Error => Refusal::new(contract, 400, "invalid_json", &message, None),
        }
    }

    /// A body that the request schema refuses.
    pub(super) fn invalid(contract: &Contract, faults: &[Violation]) -> Refusal {
        match contract.facts.error_envelope {
            ErrorEnvelope::Detail => {
                let fault = |v: &Violation| json!({"type": v.keyword, "loc": location(&place(v)), "msg": v.message});
                Refusal::detailed(&faults.iter().map(fault).collect())
            }
            ErrorEnvelope::Error => {
                let (pointer, message) =
                    faults.first().map_or((String::new(), "invalid"), |v| (place(v), v.message.as_str()));
                let path: Vec<&str> = pointer.split('/').skip(1).collect();
                let param = (!path.is_empty()).then(|| path.join("."));
                Refusal::new(contract, 400, "invalid_value", message, param.as_deref())
            }
        }
    }

    /// A member that the schema allows and the endpoint does not: the parameter by its JSON pointer, and why.
    pub(super) fn parameter(contract: &Contract, pointer: &str, message: &str) -> Refusal {
        let name = pointer.trim_start_matches('/').replace('/', ".");
        let message = format!("{name}: {message}");
        Refusal::invalid(contract, &[Violation { pointer: pointer.to_owned(), keyword: "value_error".into(), message }])
    }

    /// A request header that is wrong; only Pulze reads any.
    pub(super) fn header(name: &str, member: Option<&str>, message: &str) -> Refusal {
        let place: Vec<&str> = ["header", name].into_iter().chain(member).collect();
        Refusal::detailed(&json!([{"type": "value_error", "loc": place, "msg": format!("{name}: {message}")}]))
    }

    fn detailed(detail: &Value) -> Refusal {
        Refusal { status: 422, headers: Vec::new(), body: json!({"detail": detail}) }
    }

    /// The refusal as a reply.
    pub(super) fn reply(self, number: u64) -> Reply {
        let body = self.body.to_string().into_bytes();
        Reply { kind: Kind::Error, status: self.status, headers: self.headers, ..Reply::at_once(body, number) }
    }
}

/// OpenAI's name for the class of an error.
fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// JSON pointer of a fault: a member that is missing is at fault itself, not the object that it is missing in.
fn place(fault: &Violation) -> String {
    let missing = fault.message.split('"').nth(1).filter(|_| fault.keyword == "required");
    missing.map_or_else(|| fault.pointer.clone(), |name| format!("{}/{name}", fault.pointer))
}

/// FastAPI's path of a fault: `body`, then member names and indices.
fn location(pointer: &str) -> Vec<Value> {
    let step = |step: &str| step.parse::<u64>().map_or_else(|_| json!(step), |index| json!(index));
    std::iter::once(json!("body")).chain(pointer.split('/').skip(1).map(step)).collect()
}
