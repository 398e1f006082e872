//! Pulze's request headers, each a stringified JSON object (`schemas/README.md#headers`). Other dialects do not read
//! them.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use serde_json::{Map, Value};

use super::refuse::Refusal;

/// What the headers ask for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wishes {
    /// Labels as they are stored: names and values in lower case, weights and policies among them.
    pub(super) labels: BTreeMap<String, String>,
    /// How much cost, quality and latency matter to the choice of a model, together 1.
    pub(super) weights: [f64; 3],
    /// How often one model is tried again.
    pub(super) same_model_retries: u64,
    /// How often another model is tried.
    pub(super) switch_model_retries: u64,
    /// The most dollars that a request is to cost.
    pub(super) max_cost: f64,
    /// Whether the request is stored.
    pub(super) stored: bool,
}

impl Default for Wishes {
    /// The published defaults; without weights the best model answers.
    fn default() -> Self {
        Wishes {
            labels: BTreeMap::new(),
            weights: [0.0, 1.0, 0.0],
            same_model_retries: 1,
            switch_model_retries: 1,
            max_cost: 0.02,
            stored: true,
        }
    }
}

const LABELS: &str = "pulze-labels";
const WEIGHTS: &str = "pulze-weights";
const POLICIES: &str = "pulze-policies";
const FLAGS: &str = "pulze-feature-flags";

/// Policies that are integers, with their bounds.
const BOUNDS: [(&str, f64, f64); 4] = [
    ("max_same_model_retries", 0.0, 3.0),
    ("max_switch_model_retries", 0.0, 5.0),
    ("privacy_level", 1.0, 3.0),
    ("optimize_internal_requests", 0.0, 1.0),
];

impl Wishes {
    /// Reads the headers of a request.
    pub(super) fn of(headers: &HeaderMap) -> Result<Wishes, Refusal> {
        let mut wishes = Wishes::default();
        for (name, value) in object(headers, LABELS)?.into_iter().flatten() {
            wishes.labels.insert(name.to_lowercase(), stringified(&value));
        }
        if let Some(weights) = object(headers, WEIGHTS)? {
            wishes.weigh(&weights)?;
        }
        if let Some(policies) = object(headers, POLICIES)? {
            wishes.heed(&policies)?;
        }
        object(headers, FLAGS)?;
        Ok(wishes)
    }

    /// Only the proportions of weights matter.
    fn weigh(&mut self, weights: &Map<String, Value>) -> Result<(), Refusal> {
        let mut amounts = [0.0; 3];
        for (name, value) in weights {
            let place = ["cost", "quality", "latency"].iter().position(|known| known == name);
            let amount = value.as_f64().filter(|amount| *amount >= 0.0 && amount.is_finite());
            let (Some(place), Some(amount)) = (place, amount) else {
                let message = "weights are cost, quality and latency, each a number of 0 or more";
                return Err(Refusal::header(WEIGHTS, Some(name), message));
            };
            amounts[place] = amount;
            self.labels.insert(format!("weights_{name}"), stringified(value));
        }
        let sum: f64 = amounts.iter().sum();
        if sum > 0.0 {
            self.weights = amounts.map(|amount| amount / sum);
        }
        Ok(())
    }

    fn heed(&mut self, policies: &Map<String, Value>) -> Result<(), Refusal> {
        for (name, value) in policies {
            if let Some((_, least, most)) = BOUNDS.iter().find(|(known, ..)| known == name) {
                let fits = value.as_f64().is_some_and(|n| n.fract() == 0.0 && (*least..=*most).contains(&n));
                if !fits {
                    let message = format!("{name} must be an integer from {least} to {most}, not {value}");
                    return Err(Refusal::header(POLICIES, Some(name), &message));
                }
            }
            self.labels.insert(name.to_lowercase(), stringified(value));
        }
        if let Some(cost) = policies.get("max_cost") {
            self.max_cost = cost.as_f64().filter(|cost| *cost > 0.0001).ok_or_else(|| {
                let message = format!("max_cost must be a number above 0.0001, not {cost}");
                Refusal::header(POLICIES, Some("max_cost"), &message)
            })?;
        }
        if policies.get("prompt_id").is_some_and(|id| !id.is_string()) {
            return Err(Refusal::header(POLICIES, Some("prompt_id"), "prompt_id must be a string"));
        }
        let count = |name: &str, default| policies.get(name).and_then(Value::as_u64).unwrap_or(default);
        self.same_model_retries = count("max_same_model_retries", self.same_model_retries);
        self.switch_model_retries = count("max_switch_model_retries", self.switch_model_retries);
        self.stored = count("privacy_level", 1) < 3;
        Ok(())
    }
}

/// The object in a header; none without the header.
fn object(headers: &HeaderMap, name: &'static str) -> Result<Option<Map<String, Value>>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match serde_json::from_slice(value.as_bytes()) {
        Ok(Value::Object(members)) => Ok(Some(members)),
        Ok(_) => Err(Refusal::header(name, None, "a JSON object is expected")),
        Err(error) => Err(Refusal::header(name, None, &format!("it is not JSON: {error}"))),
    }
}

/// A value as Pulze stores it: as Python prints it, in lower case.
fn stringified(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_lowercase(),
        Value::Null => "none".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string().to_lowercase(),
    }
}
