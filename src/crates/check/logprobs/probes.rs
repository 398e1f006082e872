//! Requests for log probabilities: `OpenAI`'s flag with a number of alternatives, and Pulze's number.

use serde_json::{Value, json};

use crate::probe::{Capability, Probe, Request, streamed, with};
use crate::request::probes::utf8;
pub(crate) static LP2: Probe =
    Probe::new("lp2", |context| vec![Request::new(context.with(flagged(2)))]).needs(&[Capability::Logprobs]);

pub(crate) static LP2_STREAM: Probe =
    Probe::new("lp2-stream", |context| vec![Request::new(streamed(context.with(flagged(2))))])
        .needs(&[Capability::Logprobs, Capability::Stream]);

pub(crate) static LP_UTF8: Probe =
    Probe::new("lp-utf8", |context| vec![Request::new(with(utf8(context), flagged(2)))]).needs(&[Capability::Logprobs]);

pub(crate) static LP_TOP_ALONE: Probe =
    Probe::new("lp-top-alone", |context| vec![Request::new(context.with(json!({"top_logprobs": 2})))]);

pub(crate) static LP_TOP_RANGE: Probe =
    Probe::new("lp-top-range", |context| vec![Request::new(context.with(flagged(21)))]);

pub(crate) static LP_INTEGER: Probe =
    Probe::new("lp-integer", |context| vec![Request::new(context.with(json!({"logprobs": 2})))]);

pub(crate) static LP_FLAG: Probe =
    Probe::new("lp-flag", |context| vec![Request::new(context.with(json!({"logprobs": true})))]);

pub(crate) static LP_RANGE: Probe = Probe::new("lp-range", |context| {
    [6, -1].map(|count| Request::new(context.with(json!({"logprobs": count})))).into()
});

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] =
    &[&LP2, &LP2_STREAM, &LP_UTF8, &LP_TOP_ALONE, &LP_TOP_RANGE, &LP_INTEGER, &LP_FLAG, &LP_RANGE];

fn flagged(top: u64) -> Value {
    json!({"logprobs": true, "top_logprobs": top})
}
