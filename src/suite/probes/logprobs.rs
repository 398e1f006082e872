//! Requests for log probabilities: `OpenAI`'s flag with a number of alternatives, and Pulze's number.

use serde_json::{Value, json};

use super::{request, streamed};
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn, with};

const fn probe(name: &'static str, needs: &'static [Capability], requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("lp2", &[Capability::Logprobs], |asking| vec![Request::new(asking.with(flagged(2)))]),
    probe("lp2-stream", &[Capability::Logprobs, Capability::Stream], |asking| {
        vec![Request::new(streamed(asking.with(flagged(2))))]
    }),
    probe("lp-utf8", &[Capability::Logprobs], |asking| vec![Request::new(with(request::utf8(asking), flagged(2)))]),
    probe("lp-top-alone", &[], |asking| vec![Request::new(asking.with(json!({"top_logprobs": 2})))]),
    probe("lp-top-range", &[], |asking| vec![Request::new(asking.with(flagged(21)))]),
    probe("lp-integer", &[], |asking| vec![Request::new(asking.with(json!({"logprobs": 2})))]),
    probe("lp-flag", &[], |asking| vec![Request::new(asking.with(json!({"logprobs": true})))]),
    probe("lp-range", &[], |asking| [6, -1].map(|count| Request::new(asking.with(json!({"logprobs": count})))).into()),
];

fn flagged(top: u64) -> Value {
    json!({"logprobs": true, "top_logprobs": top})
}
