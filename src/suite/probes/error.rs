//! Requests whose error is looked at, beside those with a defect.

use serde_json::json;

use crate::suite::probe::{Capability, Probe, Request, Turn};

pub(crate) const PROBES: &[Probe] = &[Probe {
    name: "unknown-model",
    needs: &[Capability::ModelChoice],
    after: &[],
    turn: Turn::Any,
    requests: |asking| vec![Request::new(asking.with(json!({"model": "no-such/model-{{unique}}"})))],
}];
