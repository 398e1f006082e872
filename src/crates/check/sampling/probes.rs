//! Requests that shape how tokens are drawn, within what is published and beyond it.

use serde_json::{Value, json};

use crate::probe::{Capability, Path, Probe, ProbeContext, Request, with};

/// One token is enough, and does not have the time to turn into nonsense.
pub(crate) static TEMPERATURE_MAX: Probe = Probe::new("temperature-max", |context| {
    vec![Request::new(context.with(json!({"temperature": context.contract.facts.max_temperature, "max_tokens": 1})))]
});

pub(crate) static TEMPERATURE_OVER_MAX: Probe = Probe::new("temperature-over-max", |context| {
    vec![Request::new(context.with(json!({"temperature": context.contract.facts.max_temperature + 0.5})))]
});

pub(crate) static TEMPERATURE_NEGATIVE: Probe =
    Probe::new("temperature-negative", |context| vec![Request::new(context.with(json!({"temperature": -0.1})))]);

pub(crate) static TOP_P_RANGE: Probe =
    Probe::new("top-p-range", |context| each(context, [json!({"top_p": 1.5}), json!({"top_p": -0.5})]));

pub(crate) static WARM: Probe = Probe::new("warm", |context| warm(context, json!({})));

pub(crate) static WARM_NARROW: Probe = Probe::new("warm-narrow", |context| warm(context, json!({"top_p": 0.0001})));

pub(crate) static SEED3: Probe = Probe::new("seed3", |context| {
    let body = with(context.ask("Tell a story of two sentences."), json!({"temperature": 1, "seed": 42}));
    vec![Request::new(body); 3]
})
.needs(&[Capability::Seed]);

pub(crate) static PENALTIES: Probe = Probe::new("penalties", |context| {
    each(context, [-2, 0, 2].map(|penalty| json!({"presence_penalty": penalty, "frequency_penalty": penalty})))
})
.needs(&[Capability::Penalties]);

pub(crate) static PENALTIES_RANGE: Probe = Probe::new("penalties-range", |context| {
    let names = ["presence_penalty", "frequency_penalty"];
    names.into_iter().flat_map(|name| each(context, [2.1, -2.1].map(|penalty| json!({name: penalty})))).collect()
});

pub(crate) static LOGIT_BIAS: Probe =
    Probe::new("logit-bias", |context| each(context, [json!({"logit_bias": {}})])).needs(&[Capability::LogitBias]);

pub(crate) static LOGIT_BIAS_RANGE: Probe =
    Probe::new("logit-bias-range", |context| each(context, [json!({"logit_bias": {"100": 101}})]));

pub(crate) static TOKENIZE: Probe = Probe::new("tokenize", tokenize);

pub(crate) static LOGIT_BIAS_BAN: Probe =
    Probe::new("logit-bias-ban", ban).needs(&[Capability::LogitBias]).after(&[&TOKENIZE]);

pub(crate) static N3: Probe =
    Probe::new("n3", |context| vec![Request::new(with(random_words(context), json!({"n": 3, "temperature": 1})))])
        .needs(&[Capability::N]);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[
    &TEMPERATURE_MAX,
    &TEMPERATURE_OVER_MAX,
    &TEMPERATURE_NEGATIVE,
    &TOP_P_RANGE,
    &WARM,
    &WARM_NARROW,
    &SEED3,
    &PENALTIES,
    &PENALTIES_RANGE,
    &LOGIT_BIAS,
    &LOGIT_BIAS_RANGE,
    &TOKENIZE,
    &LOGIT_BIAS_BAN,
    &N3,
];

fn each<const N: usize>(context: &ProbeContext<'_>, changes: [Value; N]) -> Vec<Request> {
    changes.map(|change| Request::new(context.with(change))).into()
}

fn random_words(context: &ProbeContext<'_>) -> Value {
    with(context.ask("Write four random words, separated by spaces."), json!({"max_tokens": context.cap.max(24)}))
}

/// Five times the same. Temperature 1 is warm enough; at 2, models break characters in pieces.
fn warm(context: &ProbeContext<'_>, change: Value) -> Vec<Request> {
    vec![Request::new(with(with(random_words(context), json!({"temperature": 1})), change)); 5]
}

/// The word that is banned, as it may stand in a text.
const WORDS: [&str; 4] = ["ok", " ok", "OK", "Ok"];

/// Token ids are those of the model's tokenizer, which no page of the contract tells: vLLM and llama.cpp do.
fn tokenize(context: &ProbeContext<'_>) -> Vec<Request> {
    let ask =
        |word: &str| json!({"model": context.model, "prompt": word, "content": word, "add_special_tokens": false});
    WORDS.map(|word| Request::new(ask(word)).path(Path::Beside("/../tokenize".to_owned()))).into()
}

/// Bans all tokens of the word; nothing where no ids are known.
fn ban(context: &ProbeContext<'_>) -> Vec<Request> {
    let replies = context.book.replies(&TOKENIZE).iter().filter(|reading| reading.success());
    let lists = replies.filter_map(|reading| reading.json()?.value.get("tokens")?.as_array().cloned());
    let bias: serde_json::Map<String, Value> =
        lists.flatten().filter_map(|token| Some((token.as_u64()?.to_string(), json!(-100)))).collect();
    if bias.is_empty() {
        return Vec::new();
    }
    let question = context.ask("Reply with the single word \"ok\". [{{unique}}]");
    vec![Request::new(with(question, json!({"logit_bias": bias})))]
}
