//! The requests that most rules look at: one plain question, whole and streamed.

use serde_json::json;

use crate::probe::{Capability, Probe, ProbeContext, Request, Turn};
pub(crate) static BASIC: Probe = Probe::new("basic", |context| vec![Request::new(context.base())]).turn(Turn::Gate);

pub(crate) static BASIC_STREAM: Probe = Probe::new("basic-stream", streamed).needs(&[Capability::Stream]);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[&BASIC, &BASIC_STREAM];

fn streamed(context: &ProbeContext<'_>) -> Vec<Request> {
    vec![Request::new(context.with(json!({"stream": true})))]
}
