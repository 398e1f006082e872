//! What a server says to a request that it has no room for, in the dialect's own envelope (spec, section 3).

use serde_json::json;

use super::batch::Refusal;
use super::wire::{Draft, Kind};
use crate::wire::Dialect;

/// The reply to request `number`, which was turned away.
pub(super) fn draft(refusal: Refusal, dialect: Dialect, number: u64) -> Draft {
    let (status, message, kind, code) = match refusal {
        Refusal::Full { .. } => {
            (429, "the server has no room for more requests", "rate_limit_error", "rate_limit_exceeded")
        }
        Refusal::TooLong => {
            (400, "the request is longer than the memory", "invalid_request_error", "context_length_exceeded")
        }
    };
    let headers = match refusal {
        // Whole seconds, rounded up (RFC 9110, section 10.2.3).
        Refusal::Full { retry_after } => {
            vec![("retry-after", retry_after.as_secs_f64().ceil().max(1.0).to_string())]
        }
        Refusal::TooLong => Vec::new(),
    };
    let body = match dialect {
        Dialect::Pulze => json!({"detail": message}),
        Dialect::OpenAi | Dialect::OpenAiStrict => {
            json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        }
    };
    Draft { kind: Kind::Error, status, headers, ..Draft::other(body, number) }
}
