//! Requests that shape how tokens are drawn, within what is published and beyond it.

use serde_json::{Value, json};

use crate::plan::order::Path;
use crate::suite::probe::{Asking, Capability, Probe, Request, Turn, with};
use crate::wire::Dialect;

const fn probe(name: &'static str, needs: &'static [Capability], requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs, after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    // One token is enough, and does not have the time to turn into nonsense.
    probe("temperature-max", &[], |asking| {
        vec![Request::new(asking.with(json!({"temperature": hottest(asking.dialect), "max_tokens": 1})))]
    }),
    probe("temperature-over-max", &[], |asking| {
        vec![Request::new(asking.with(json!({"temperature": hottest(asking.dialect) + 0.5})))]
    }),
    probe("temperature-negative", &[], |asking| vec![Request::new(asking.with(json!({"temperature": -0.1})))]),
    probe("top-p-range", &[], |asking| each(asking, [json!({"top_p": 1.5}), json!({"top_p": -0.5})])),
    probe("warm", &[], |asking| warm(asking, json!({}))),
    probe("warm-narrow", &[], |asking| warm(asking, json!({"top_p": 0.0001}))),
    probe("seed3", &[Capability::Seed], |asking| {
        let body = with(asking.ask("Tell a story of two sentences."), json!({"temperature": 1, "seed": 42}));
        vec![Request::new(body); 3]
    }),
    probe("penalties", &[Capability::Penalties], |asking| {
        each(asking, [-2, 0, 2].map(|penalty| json!({"presence_penalty": penalty, "frequency_penalty": penalty})))
    }),
    probe("penalties-range", &[], |asking| {
        let names = ["presence_penalty", "frequency_penalty"];
        names.into_iter().flat_map(|name| each(asking, [2.1, -2.1].map(|penalty| json!({name: penalty})))).collect()
    }),
    probe("logit-bias", &[Capability::LogitBias], |asking| each(asking, [json!({"logit_bias": {}})])),
    probe("logit-bias-range", &[], |asking| each(asking, [json!({"logit_bias": {"100": 101}})])),
    probe("tokenize", &[], tokenize),
    Probe {
        name: "logit-bias-ban",
        needs: &[Capability::LogitBias],
        after: &["tokenize"],
        turn: Turn::Any,
        requests: ban,
    },
    probe("n3", &[Capability::N], |asking| {
        vec![Request::new(with(random_words(asking), json!({"n": 3, "temperature": 1})))]
    }),
];

/// The highest temperature that is published.
fn hottest(dialect: Dialect) -> f64 {
    match dialect {
        Dialect::Pulze => 1.0,
        Dialect::OpenAi | Dialect::OpenAiStrict => 2.0,
    }
}

fn each<const N: usize>(asking: &Asking<'_>, changes: [Value; N]) -> Vec<Request> {
    changes.map(|change| Request::new(asking.with(change))).into()
}

fn random_words(asking: &Asking<'_>) -> Value {
    with(asking.ask("Write four random words, separated by spaces."), json!({"max_tokens": asking.cap.max(24)}))
}

/// Five times the same. Temperature 1 is warm enough; at 2, models break characters in pieces.
fn warm(asking: &Asking<'_>, change: Value) -> Vec<Request> {
    vec![Request::new(with(with(random_words(asking), json!({"temperature": 1})), change)); 5]
}

/// The word that is banned, as it may stand in a text.
const WORDS: [&str; 4] = ["ok", " ok", "OK", "Ok"];

/// Token ids are those of the model's tokenizer, which no page of the contract tells: vLLM and llama.cpp do.
fn tokenize(asking: &Asking<'_>) -> Vec<Request> {
    let ask = |word: &str| json!({"model": asking.model, "prompt": word, "content": word, "add_special_tokens": false});
    WORDS.map(|word| Request::new(ask(word)).path(Path::Beside("/../tokenize".to_owned()))).into()
}

/// Bans all tokens of the word; nothing where no ids are known.
fn ban(asking: &Asking<'_>) -> Vec<Request> {
    let replies = asking.book.replies("tokenize").iter().filter(|reading| reading.success());
    let lists = replies.filter_map(|reading| reading.json()?.value.get("tokens")?.as_array().cloned());
    let bias: serde_json::Map<String, Value> =
        lists.flatten().filter_map(|token| Some((token.as_u64()?.to_string(), json!(-100)))).collect();
    if bias.is_empty() {
        return Vec::new();
    }
    let question = asking.ask("Reply with the single word \"ok\". [{{unique}}]");
    vec![Request::new(with(question, json!({"logit_bias": bias})))]
}
