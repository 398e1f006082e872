//! Requests whose token counts are compared.

use serde_json::{Value, json};

use super::streamed;
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn, with};
use crate::wire::Dialect;

const fn probe(name: &'static str, needs: &'static [Capability], requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("twin", &[], |asking| vec![Request::new(twin(asking)); 2]),
    probe("twin-stream", &[Capability::Stream, Capability::StreamUsage], |asking| {
        vec![Request::new(counted(asking, streamed(twin(asking))))]
    }),
    probe("prompt-long", &[], |asking| {
        let question = "Reply with the single word: ok. ".repeat(20);
        vec![Request::new(asking.ask(&format!("{question}[{{{{unique}}}}]")))]
    }),
    probe("prompt-known", &[], |asking| {
        let hello = json!({"role": "user", "content": "Hello!"});
        let system = json!({"role": "system", "content": "You are a helpful assistant."});
        [json!([hello]), json!([system, hello])]
            .map(|messages| Request::new(asking.with(json!({"messages": messages}))))
            .into()
    }),
];

/// The same to the byte, each time it is sent: tags of different tickets need not have the same number of tokens.
fn twin(asking: &Asking<'_>) -> Value {
    asking.ask("Name the four seasons, in order.")
}

/// A stream that states its usage, where the dialect has a parameter for that.
fn counted(asking: &Asking<'_>, body: Value) -> Value {
    match asking.dialect {
        Dialect::Pulze => body,
        Dialect::OpenAi | Dialect::OpenAiStrict => with(body, json!({"stream_options": {"include_usage": true}})),
    }
}
