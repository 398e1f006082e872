//! Mutants of a good request: each breaks the request schema in one place, which the seed chooses.

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::probe::{ProbeContext, Request};
use crate::wire::json::pointer_token;

/// How many are sent.
const COUNT: usize = 40;

/// The requests.
pub(super) fn mutants(context: &ProbeContext<'_>) -> Vec<Request> {
    let mut all = every(&good(context), context.contract.request().document());
    all.sort_by_key(|mutant| xxh3_64_with_seed(mutant.to_string().as_bytes(), context.seed));
    all.into_iter().take(COUNT).map(Request::new).collect()
}

/// A request with a member at every depth that can be broken. Its answer is short, should a mutant be accepted.
fn good(context: &ProbeContext<'_>) -> Value {
    let mut body = context.ask("Reply with the single word: ok.");
    body["max_tokens"] = json!(1);
    body["tools"] = json!([{"type": "function", "function": {"name": "f", "description": "Does nothing.",
        "parameters": {"type": "object", "properties": {}, "required": []}}}]);
    body
}

/// Every mutant of a body that breaks its schema in one place.
fn every(body: &Value, schema: &Value) -> Vec<Value> {
    let mut breaches = Vec::new();
    collect(schema, body, "", &mut breaches);
    breaches.into_iter().filter_map(|breach| breach.of(body)).collect()
}

/// A change of a body that breaks its schema.
struct Breach {
    /// JSON pointer of the object or list.
    at: String,
    /// The member, or the index.
    name: String,
    /// What stands there instead; none if it is left out.
    value: Option<Value>,
}

impl Breach {
    fn of(self, body: &Value) -> Option<Value> {
        let mut body = body.clone();
        match body.pointer_mut(&self.at)? {
            Value::Object(members) => match self.value {
                Some(value) => _ = members.insert(self.name, value),
                None => _ = members.shift_remove(&self.name)?,
            },
            Value::Array(items) => *items.get_mut(self.name.parse::<usize>().ok()?)? = self.value?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        }
        Some(body)
    }
}

fn collect(schema: &Value, value: &Value, at: &str, breaches: &mut Vec<Breach>) {
    let mut breach = |name: &str, value| breaches.push(Breach { at: at.to_owned(), name: name.to_owned(), value });
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        breach(name, None);
    }
    let members = || schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let item = schema.get("items").filter(|_| value.get(0).is_some());
    for (name, member) in members() {
        for value in wrong(member) {
            breach(name, Some(value));
        }
    }
    for value in item.into_iter().flat_map(wrong) {
        breach("0", Some(value));
    }
    for (name, member) in members() {
        if let Some(value) = value.get(name) {
            collect(member, value, &format!("{at}/{}", pointer_token(name)), breaches);
        }
    }
    if let (Some(schema), Some(first)) = (item, value.get(0)) {
        collect(schema, first, &format!("{at}/0"), breaches);
    }
}

/// Values that a schema does not allow: one of another type, and those next to its bounds.
fn wrong(schema: &Value) -> Vec<Value> {
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        kinds => kinds.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect(),
    };
    let others = [("object", json!({})), ("array", json!([])), ("string", json!("wrong")), ("boolean", json!(true))];
    let other = others.into_iter().find(|(kind, _)| !kinds.is_empty() && !kinds.contains(kind));
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    let mut values: Vec<Value> = other.map(|(_, value)| value).into_iter().collect();
    values.extend(bound("minimum").map(|least| json!(least - 1)));
    values.extend(bound("maximum").map(|most| json!(most + 1)));
    values
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::wire::Contract;

    fn contracts() -> Vec<std::sync::Arc<Contract>> {
        let schemas = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../schemas");
        let read = |file: &str| std::fs::read_to_string(format!("{schemas}/{file}")).ok().map(Into::into);
        Contract::read_all(&["pulze", "openai", "openai-strict"], read).expect("contracts")
    }

    #[test]
    fn every_mutant_breaks_the_schema_and_every_member_is_broken() {
        for dialect in contracts() {
            let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1});
            let schema = dialect.request();
            assert_eq!(schema.violations(&body), []);
            let mutants = every(&body, schema.document());
            let distinct: BTreeSet<String> = mutants.iter().map(Value::to_string).collect();
            assert!(mutants.len() == distinct.len() && mutants.len() > COUNT / 2, "{dialect}: {}", mutants.len());
            for mutant in &mutants {
                assert_ne!(schema.violations(mutant), [], "{dialect}: {mutant}");
            }
            let members = schema.document()["properties"].as_object().expect("an object");
            for name in members.keys() {
                let broken = |mutant: &Value| mutant.get(name) != body.get(name);
                assert!(mutants.iter().any(broken), "{dialect}: no mutant breaks {name}");
            }
        }
    }
}
