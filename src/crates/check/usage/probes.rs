//! Requests whose token counts are compared.

use serde_json::{Value, json};

use crate::probe::{Capability, Probe, ProbeContext, Request, streamed, with};

pub(crate) static TWIN: Probe = Probe::new("twin", |context| vec![Request::new(twin(context)); 2]);

pub(crate) static TWIN_STREAM: Probe =
    Probe::new("twin-stream", |context| vec![Request::new(counted(context, streamed(twin(context))))])
        .needs(&[Capability::Stream, Capability::StreamUsage]);

pub(crate) static PROMPT_LONG: Probe = Probe::new("prompt-long", |context| {
    let question = "Reply with the single word: ok. ".repeat(20);
    vec![Request::new(context.ask(&format!("{question}[{{{{unique}}}}]")))]
});

pub(crate) static PROMPT_KNOWN: Probe = Probe::new("prompt-known", |context| {
    let hello = json!({"role": "user", "content": "Hello!"});
    let system = json!({"role": "system", "content": "You are a helpful assistant."});
    [json!([hello]), json!([system, hello])]
        .map(|messages| Request::new(context.with(json!({"messages": messages}))))
        .into()
});

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[&TWIN, &TWIN_STREAM, &PROMPT_LONG, &PROMPT_KNOWN];

/// The same to the byte, each time it is sent: tags of different tickets need not have the same number of tokens.
fn twin(context: &ProbeContext<'_>) -> Value {
    context.ask("Name the four seasons, in order.")
}

/// A stream that states its usage, where the dialect has a parameter for that.
fn counted(context: &ProbeContext<'_>, body: Value) -> Value {
    if context.contract.facts.stream_options {
        with(body, json!({"stream_options": {"include_usage": true}}))
    } else {
        body
    }
}
