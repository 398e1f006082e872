//! Rules about what the reply does with the request's parameters: here on any reply, in the files below on probes.

use super::book::sent;
use super::{Check, Judge, Verdict, levels, shown, tier};
use crate::exchange::Reading;
use crate::exchange::nonce::PLACEHOLDER;
use crate::source::Source;
use crate::wire::api::reply::choices;
use crate::wire::json::{Members, Value};

pub(super) mod accepted;
pub(super) mod limits;
pub(crate) mod probes;
pub(super) mod stop;

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "req-n-default-one",
        rule: "a request without n, or with n = 1, gets exactly one choice, of index 0",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_REFERENCE.note("default 1"), Source::OPENAI],
        judge: Judge::Reply(n_default_one),
        across: None,
    },
    Check {
        id: "req-pinned-model",
        rule: "the reply's model equals, starts with or ends with the model asked for",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("\"fully qualified model name\""), Source::OPENAI],
        judge: Judge::Reply(pinned_model),
        across: None,
    },
];

fn n_default_one(reading: &Reading<'_>) -> Verdict {
    if reading.exchange.asked.wanted.n != 1 {
        return Verdict::Skip("more than one choice was asked for");
    }
    if let Some(completion) = reading.completion() {
        let indices: Vec<Option<&Value>> = choices(completion).iter().map(|choice| choice.member("index")).collect();
        let right = indices.len() == 1 && indices[0].and_then(Value::as_f64) == Some(0.0);
        return match indices.first() {
            Some(index) if indices.len() == 1 => {
                Verdict::holds(right, "/choices/0/index", || format!("expected index 0, got {}", shown(*index)))
            }
            _ => Verdict::broken("/choices", format!("expected one choice, got {}", indices.len())),
        };
    }
    if reading.stream().is_none() {
        return Verdict::Skip("no completion to judge");
    }
    match reading.choices.iter().find(|choice| choice.index != 0) {
        Some(choice) => Verdict::broken("", format!("expected choice 0 only, got choice {}", choice.index)),
        None if reading.choices.is_empty() => Verdict::Skip("the stream has no choice"),
        None => Verdict::Pass,
    }
}

/// Model names that stand for Pulze's router, which picks a model of its own (`schemas/README.md#difference-5`).
pub(super) fn is_router(model: &str) -> bool {
    model == "pulze" || model.starts_with("pulze-v0")
}

fn pinned_model(reading: &Reading<'_>) -> Verdict {
    let wanted = &reading.exchange.asked.wanted;
    let Some(asked) = wanted.model.as_deref().filter(|model| !wanted.contract.facts.router || !is_router(model)) else {
        return Verdict::Skip("no model was pinned");
    };
    // A model whose name carries a tag was asked for by the name that was sent.
    let tagged = asked.contains(PLACEHOLDER).then(|| sent(reading));
    let asked = tagged.as_ref().and_then(|body| body.member("model")?.as_str()).unwrap_or(asked);
    let said = reading.bodies().find_map(|body| body.member("model")?.as_str().filter(|model| !model.is_empty()));
    match said {
        None => Verdict::Skip("the reply names no model"),
        Some(model) => Verdict::holds(model.starts_with(asked) || model.ends_with(asked), "/model", || {
            format!("asked for {asked:?}, got {model:?}")
        }),
    }
}
