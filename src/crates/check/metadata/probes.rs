//! Requests with Pulze's headers, and what Pulze says of requests elsewhere (`schemas/README.md#headers`,
//! `schemas/README.md#neighbours`).

use crate::basic::probes::BASIC;
use crate::probe::{HeaderChange, Path, Probe, ProbeContext, Request, Turn};
use serde_json::{Map, Value, json};

use super::headers::LABELS;
use crate::exchange::Reading;
use crate::secret::Secret;

pub(crate) static PZ_NORT: Probe = Probe::new("pz-nort", |context| {
    let none = json!({"max_same_model_retries": 0, "max_switch_model_retries": 0});
    vec![Request::new(context.base()).header(header("pulze-policies", &none))]
});

pub(crate) static PZ_ROUTER: Probe = Probe::new("pz-router", |context| {
    let models = [json!({"model": "pulze"}), json!({"model": null})];
    models.map(|model| Request::new(context.with(model))).into()
});

pub(crate) static PZ_LABELS: Probe =
    Probe::new("pz-labels", |context| vec![Request::new(context.base()).header(header("pulze-labels", &labels()))]);

pub(crate) static PZ_WEIGHTS: Probe = Probe::new("pz-weights", |context| {
    let weights = json!({"cost": 0.2, "quality": 0.5, "latency": 0.3});
    vec![Request::new(context.base()).header(header("pulze-weights", &weights))]
});

pub(crate) static PZ_BAD_LABELS: Probe = Probe::new("pz-bad-labels", |context| {
    let text = |text: &str| HeaderChange::Set("pulze-labels", Secret::new(text));
    ["{oops", r#"["a", "b"]"#].map(|labels| Request::new(context.base()).header(text(labels))).into()
});

pub(crate) static PZ_LONG_LABELS: Probe = Probe::new("pz-long-labels", |context| {
    let long = json!({"long": "x".repeat(9 << 10)});
    vec![Request::new(context.base()).header(header("pulze-labels", &long))]
});

pub(crate) static PZ_PLUGINS: Probe =
    Probe::new("pz-plugins", |context| vec![Request::new(context.with(json!({"plugins": ["web-search"]})))]);

pub(crate) static PZ_PRIV3: Probe = Probe::new("pz-priv3", |context| {
    vec![Request::new(context.base()).header(header("pulze-policies", &json!({"privacy_level": 3})))]
});

pub(crate) static PZ_RANK: Probe = Probe::new("pz-rank", |context| {
    vec![Request::new(context.with(json!({"model": "pulze"}))).path(Path::Beside("/models/rank".to_owned()))]
});

pub(crate) static PZ_PRICES: Probe = Probe::new("pz-prices", prices).after(&[&PZ_NORT]);

pub(crate) static PZ_LOG: Probe = Probe::new("pz-log", |context| log_of(context.book.reply(&BASIC))).turn(Turn::Last);

pub(crate) static PZ_PRIV3_LOG: Probe =
    Probe::new("pz-priv3-log", |context| log_of(context.book.reply(&PZ_PRIV3))).after(&[&PZ_PRIV3]).turn(Turn::Last);

/// The probes of this area.
pub(crate) static PROBES: &[&Probe] = &[
    &PZ_NORT,
    &PZ_ROUTER,
    &PZ_LABELS,
    &PZ_WEIGHTS,
    &PZ_BAD_LABELS,
    &PZ_LONG_LABELS,
    &PZ_PLUGINS,
    &PZ_PRIV3,
    &PZ_RANK,
    &PZ_PRICES,
    &PZ_LOG,
    &PZ_PRIV3_LOG,
];

fn header(name: &'static str, value: &Value) -> HeaderChange {
    HeaderChange::Set(name, Secret::new(value.to_string()))
}

/// The labels as a user writes them: of any case, a number and a flag among them.
fn labels() -> Value {
    let [(name, text), (number, three), (flag, yes)] = LABELS;
    let mut labels = Map::new();
    labels.insert(capital(name), Value::from(capital(text)));
    for (name, value) in [(number, three), (flag, yes)] {
        labels.insert(name.to_owned(), serde_json::from_str(value).unwrap_or_default());
    }
    Value::Object(labels)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn get(path: String) -> Request {
    Request::new(Value::Null).method("GET").path(Path::Beside(path))
}

/// The price list of the app that the reply names.
fn prices(context: &ProbeContext<'_>) -> Vec<Request> {
    let metadata = context.book.reply(&PZ_NORT).and_then(Reading::metadata);
    let app = metadata.and_then(|metadata| metadata.get("app_id")?.as_str());
    app.map(|app| get(format!("/apps/{app}/models"))).into_iter().collect()
}

/// The log of a reply.
fn log_of(reading: Option<&Reading<'_>>) -> Vec<Request> {
    let id = reading.and_then(Reading::completion).and_then(|completion| completion.get("id")?.as_str());
    id.filter(|id| !id.is_empty()).map(|id| get(format!("/logs/{id}"))).into_iter().collect()
}
