//! The tables of probes, one file an area of the catalogue.

use serde_json::{Value, json};

use super::probe::{Probe, with};

mod auth;
mod basic;
mod format;
mod logprobs;
mod request;
mod sampling;
mod schemas;
mod usage;

/// Every probe.
pub(crate) fn all() -> impl Iterator<Item = &'static Probe> {
    [basic::PROBES, auth::PROBES, request::PROBES, sampling::PROBES, format::PROBES, logprobs::PROBES, usage::PROBES]
        .into_iter()
        .flatten()
}

/// The same body, streamed.
fn streamed(body: Value) -> Value {
    with(body, json!({"stream": true}))
}
