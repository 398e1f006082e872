//! Requests for streams of every kind: short, long, of two choices, with usage, left early, wrong from the start.

use serde_json::{Value, json};

use crate::REPEATED;
use crate::probe::{Capability, HeaderChange, Probe, ProbeContext, Request, Turn, Way, with};
use crate::secret::Secret;

const STREAM: &[Capability] = &[Capability::Stream];

pub(crate) static COUNT_STREAM: Probe =
    Probe::new("count-stream", |context| vec![Request::new(counting(context, 400))]).needs(STREAM);

pub(crate) static UTF8_STREAM: Probe = Probe::new("utf8-stream", |context| {
    let question = format!("[{{{{unique}}}}] Repeat exactly: {REPEATED}");
    vec![Request::new(with(context.ask(&question), json!({"stream": true})))]
})
.needs(STREAM);

pub(crate) static N2_STREAM: Probe = Probe::new("n2-stream", |context| {
    vec![Request::new(context.with(json!({"stream": true, "n": 2, "temperature": 0.9})))]
})
.needs(&[Capability::Stream, Capability::N]);

pub(crate) static USAGE_STREAM: Probe = Probe::new("usage-stream", |context| {
    vec![Request::new(context.with(json!({"stream": true, "stream_options": {"include_usage": true}})))]
})
.needs(&[Capability::Stream, Capability::StreamUsage]);

pub(crate) static WRONG_STREAM: Probe = Probe::new("wrong-stream", |context| {
    let wrong = [json!({"temperature": "hot"}), json!({"model": "no-such-model-{{unique}}"})];
    wrong.map(|members| Request::new(with(context.with(json!({"stream": true})), members))).into()
});

pub(crate) static GZIP_STREAM: Probe = Probe::new("gzip-stream", |context| {
    let gzip = HeaderChange::Set("accept-encoding", Secret::new("gzip"));
    vec![Request::new(counting(context, 400)).header(gzip)]
})
.needs(STREAM);

pub(crate) static ABORT: Probe =
    Probe::new("abort", |context| vec![Request::new(counting(context, 2000)).way(Way::Leaving(3))])
        .needs(STREAM)
        .turn(Turn::Alone);

pub(crate) static AFTER_ABORT: Probe =
    Probe::new("after-abort", |context| vec![Request::new(context.base())]).after(&[&ABORT]).turn(Turn::Alone);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] =
    &[&COUNT_STREAM, &UTF8_STREAM, &N2_STREAM, &USAGE_STREAM, &WRONG_STREAM, &GZIP_STREAM, &ABORT, &AFTER_ABORT];

/// A streamed answer that is as long as its cap lets it be.
fn counting(context: &ProbeContext<'_>, cap: u64) -> Value {
    with(
        context.ask("Count from 1 to 1000, separated by spaces. [{{unique}}]"),
        json!({"stream": true, "max_tokens": context.cap.max(cap)}),
    )
}
