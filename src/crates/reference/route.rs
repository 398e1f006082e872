//! Which model answers: Pulze's router, with the retries that hide behind one request (`schemas/README.md#policies`).

use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::catalogue::{Model, ROUTER};
use super::headers::Wishes;
use super::refuse::Refusal;
use super::{Settings, State};

/// The model that answers, and how it came to that.
#[derive(Debug)]
pub(super) struct Routed<'s> {
    pub(super) model: &'s Model,
    /// Every model that would have done, best first, with its score.
    pub(super) candidates: Vec<(&'s Model, f64)>,
    /// Calls of a provider that failed first.
    pub(super) retries: u64,
}

/// The model for a request.
pub(super) fn route<'s>(
    asked: Option<&str>,
    wishes: &Wishes,
    state: &'s State,
    random: &mut Pcg64,
) -> Result<Routed<'s>, Refusal> {
    let settings = &state.settings;
    let facts = &settings.contract.facts;
    let models = if facts.router {
        matching(asked.unwrap_or(ROUTER), &state.models)
    } else {
        let first = || state.models.iter().find(|model| model.name != ROUTER).filter(|_| !facts.model_required);
        let asked = asked.or_else(|| first().map(|model| model.name.as_str()));
        exactly(asked.unwrap_or_default(), &state.models)
    };
    let mut candidates: Vec<(&Model, f64)> =
        models.into_iter().map(|model| (model, score(model, &wishes.weights))).collect();
    candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
    let Some((first, _)) = candidates.first() else {
        let message = format!("the model {:?} does not exist", asked.unwrap_or_default());
        return Err(Refusal::new(&settings.contract, 404, "model_not_found", &message, Some("model")));
    };
    if settings.forbidden.contains(&first.name) {
        let message = format!("this key may not use the model {:?}", first.name);
        return Err(Refusal::new(&settings.contract, 403, "model_not_allowed", &message, Some("model")));
    }
    let (model, retries) = call(&candidates, wishes, settings, random)?;
    Ok(Routed { model, candidates, retries })
}

/// OpenAI's way: the name, to the letter.
fn exactly<'s>(asked: &str, models: &'s [Model]) -> Vec<&'s Model> {
    models.iter().filter(|model| model.name == asked).take(1).collect()
}

/// Pulze's way: a full name, or a part of several; the router's own name leaves the choice open.
fn matching<'s>(asked: &str, models: &'s [Model]) -> Vec<&'s Model> {
    let real: Vec<&Model> = models.iter().filter(|model| model.name != ROUTER).collect();
    if asked == ROUTER || asked.is_empty() {
        return if real.is_empty() { models.iter().collect() } else { real };
    }
    let full = real.iter().find(|model| model.name == asked || model.namespace == asked);
    full.map_or_else(|| real.iter().copied().filter(|m| m.namespace.contains(asked)).collect(), |model| vec![*model])
}

fn score(model: &Model, weights: &[f64; 3]) -> f64 {
    model.merits.iter().zip(weights).map(|(merit, weight)| merit * weight).sum()
}

/// Calls providers until one answers. Pulze tries the same model again and then others; `OpenAI`'s client sees the first
/// failure (`schemas/README.md#difference-18`).
fn call<'s>(
    candidates: &[(&'s Model, f64)],
    wishes: &Wishes,
    settings: &Settings,
    random: &mut Pcg64,
) -> Result<(&'s Model, u64), Refusal> {
    let (again, others) =
        if settings.contract.facts.router { (wishes.same_model_retries, wishes.switch_model_retries) } else { (0, 0) };
    let mut failed = 0;
    for (model, _) in candidates.iter().cycle().take(usize::try_from(others).unwrap_or(0) + 1) {
        for _ in 0..=again {
            if settings.provider_failures == 0.0 || random.random::<f64>() >= settings.provider_failures {
                return Ok((model, failed));
            }
            failed += 1;
        }
    }
    let message = format!("the provider failed {failed} times");
    Err(Refusal::new(&settings.contract, 503, "provider_unavailable", &message, None))
}
