//! The tables of probes, one file an area of the catalogue.

use serde_json::{Value, json};

use super::probe::{Probe, with};

mod auth;
mod basic;
mod error;
mod format;
mod http;
mod logprobs;
mod metadata;
mod mutants;
mod negative;
mod request;
mod sampling;
mod schemas;
mod stream;
mod tools;
mod usage;

/// Every probe.
pub(crate) fn all() -> impl Iterator<Item = &'static Probe> {
    [
        basic::PROBES,
        auth::PROBES,
        request::PROBES,
        sampling::PROBES,
        format::PROBES,
        stream::PROBES,
        tools::PROBES,
        logprobs::PROBES,
        usage::PROBES,
        metadata::PROBES,
        error::PROBES,
        http::PROBES,
        negative::PROBES,
    ]
    .into_iter()
    .flatten()
}

/// The same body, streamed.
fn streamed(body: Value) -> Value {
    with(body, json!({"stream": true}))
}
