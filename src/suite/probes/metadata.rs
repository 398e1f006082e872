//! Requests with Pulze's headers, and what Pulze says of requests elsewhere (spec, sections 4 and 6).

use serde_json::{Map, Value, json};

use crate::check::LABELS;
use crate::exchange::Reading;
use crate::plan::order::{HeaderChange, Path};
use crate::plan::secret::Secret;
use crate::suite::probe::{Asking, Probe, Request, Turn};

const fn probe(name: &'static str, requests: fn(&Asking<'_>) -> Vec<Request>) -> Probe {
    Probe { name, needs: &[], after: &[], turn: Turn::Any, requests }
}

pub(crate) const PROBES: &[Probe] = &[
    probe("pz-nort", |asking| {
        let none = json!({"max_same_model_retries": 0, "max_switch_model_retries": 0});
        vec![Request::new(asking.base()).header(header("pulze-policies", &none))]
    }),
    probe("pz-router", |asking| {
        let models = [json!({"model": "pulze"}), json!({"model": null})];
        models.map(|model| Request::new(asking.with(model))).into()
    }),
    probe("pz-labels", |asking| vec![Request::new(asking.base()).header(header("pulze-labels", &labels()))]),
    probe("pz-weights", |asking| {
        let weights = json!({"cost": 0.2, "quality": 0.5, "latency": 0.3});
        vec![Request::new(asking.base()).header(header("pulze-weights", &weights))]
    }),
    probe("pz-bad-labels", |asking| {
        let text = |text: &str| HeaderChange::Set("pulze-labels", Secret::new(text));
        ["{oops", r#"["a", "b"]"#].map(|labels| Request::new(asking.base()).header(text(labels))).into()
    }),
    probe("pz-long-labels", |asking| {
        let long = json!({"long": "x".repeat(9 << 10)});
        vec![Request::new(asking.base()).header(header("pulze-labels", &long))]
    }),
    probe("pz-plugins", |asking| vec![Request::new(asking.with(json!({"plugins": ["web-search"]})))]),
    probe("pz-priv3", |asking| {
        vec![Request::new(asking.base()).header(header("pulze-policies", &json!({"privacy_level": 3})))]
    }),
    probe("pz-rank", |asking| {
        vec![Request::new(asking.with(json!({"model": "pulze"}))).path(Path::Beside("/models/rank".to_owned()))]
    }),
    Probe { after: &["pz-nort"], ..probe("pz-prices", prices) },
    Probe { turn: Turn::Last, ..probe("pz-log", |asking| log_of(asking.book.reply("basic"))) },
    Probe {
        after: &["pz-priv3"],
        turn: Turn::Last,
        ..probe("pz-priv3-log", |asking| log_of(asking.book.reply("pz-priv3")))
    },
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
fn prices(asking: &Asking<'_>) -> Vec<Request> {
    let metadata = asking.book.reply("pz-nort").and_then(Reading::metadata);
    let app = metadata.and_then(|metadata| metadata.get("app_id")?.as_str());
    app.map(|app| get(format!("/apps/{app}/models"))).into_iter().collect()
}

/// The log of a reply.
fn log_of(reading: Option<&Reading<'_>>) -> Vec<Request> {
    let id = reading.and_then(Reading::completion).and_then(|completion| completion.get("id")?.as_str());
    id.filter(|id| !id.is_empty()).map(|id| get(format!("/logs/{id}"))).into_iter().collect()
}
