//! Requests whose error is looked at, beside those with a defect.

use serde_json::json;

use crate::probe::{Capability, Probe, Request};
pub(crate) static UNKNOWN_MODEL: Probe = Probe::new("unknown-model", |context| {
    vec![Request::new(context.with(json!({"model": "no-such/model-{{unique}}"})))]
})
.needs(&[Capability::ModelChoice]);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[&UNKNOWN_MODEL];
