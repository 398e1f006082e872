//! The requests that most rules look at: one plain question, whole and streamed.

use serde_json::json;

use crate::suite::probe::{Asking, Capability, Probe, Request, Turn};

pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "basic",
        needs: &[],
        after: &[],
        turn: Turn::Gate,
        requests: |asking| vec![Request::new(asking.base())],
    },
    Probe { name: "basic-stream", needs: &[Capability::Stream], after: &[], turn: Turn::Any, requests: streamed },
];

fn streamed(asking: &Asking<'_>) -> Vec<Request> {
    vec![Request::new(asking.with(json!({"stream": true})))]
}
