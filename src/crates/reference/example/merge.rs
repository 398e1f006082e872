//! One flat schema out of references, `allOf` and a chosen branch of each alternative.

use percent_encoding::percent_decode_str;
use rand::RngExt as _;
use serde_json::{Map, Value, json};

use super::{Builder, DEEPEST};

impl Builder<'_> {
    /// The schema with everything that it is composed of in one object; none where parts contradict one another.
    pub(super) fn merged(&mut self, schema: &Value, depth: usize) -> Option<Map<String, Value>> {
        // Alternatives that lead to themselves would double with each level.
        self.left = self.left.checked_sub(1)?;
        if depth > DEEPEST {
            return None;
        }
        let own = match schema {
            Value::Bool(true) => return Some(Map::new()),
            Value::Object(own) => own,
            Value::Null | Value::Bool(false) | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
        };
        let composed = ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "then", "else"];
        let mut flat = Map::new();
        for (keyword, value) in own.iter().filter(|(keyword, _)| !composed.contains(&keyword.as_str())) {
            flat.insert(keyword.clone(), value.clone());
        }
        for keyword in ["$ref", "$dynamicRef"] {
            if let Some(reference) = own.get(keyword).and_then(Value::as_str) {
                let target = self.resolve(reference)?.clone();
                join(&mut flat, self.merged(&target, depth + 1)?)?;
            }
        }
        for part in own.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            join(&mut flat, self.merged(part, depth + 1)?)?;
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = own.get(keyword).and_then(Value::as_array) {
                let branch = self.branch(branches, depth)?;
                join(&mut flat, branch)?;
            }
        }
        if let Some(condition) = own.get("if") {
            join(&mut flat, self.conditional(own, condition, depth)?)?;
        }
        Some(flat)
    }

    /// A branch that can be built; deep down one that leads no deeper comes first.
    fn branch(&mut self, branches: &[Value], depth: usize) -> Option<Map<String, Value>> {
        let mut order: Vec<&Value> = branches.iter().collect();
        if self.careful && !order.is_empty() {
            let first = self.random.random_range(0..order.len());
            order.rotate_left(first);
        }
        if depth > super::SHALLOW {
            order.sort_by_key(|branch| leads_deeper(branch));
        }
        order.into_iter().find_map(|branch| self.merged(branch, depth + 1))
    }

    /// Either the condition with its consequence, or the alternative.
    fn conditional(&mut self, own: &Map<String, Value>, condition: &Value, depth: usize) -> Option<Map<String, Value>> {
        let holds = !self.careful || self.random.random();
        if !holds {
            return own.get("else").map_or(Some(Map::new()), |other| self.merged(other, depth + 1));
        }
        let mut flat = self.merged(condition, depth + 1)?;
        if let Some(then) = own.get("then") {
            join(&mut flat, self.merged(then, depth + 1)?)?;
        }
        Some(flat)
    }

    /// What a reference within the document points to.
    fn resolve(&self, reference: &str) -> Option<&Value> {
        let fragment = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?;
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.root.pointer(&fragment);
        }
        anchored(self.root, &fragment)
    }
}

/// Whether building a value of this schema may need the schema again.
fn leads_deeper(schema: &Value) -> bool {
    let text = schema.to_string();
    text.contains("\"$ref\"") || text.contains("\"$dynamicRef\"")
}

/// The schema of that anchor.
fn anchored<'v>(schema: &'v Value, anchor: &str) -> Option<&'v Value> {
    let named =
        ["$anchor", "$dynamicAnchor"].iter().any(|name| schema.get(name).and_then(Value::as_str) == Some(anchor));
    if named {
        return Some(schema);
    }
    match schema {
        Value::Array(items) => items.iter().find_map(|item| anchored(item, anchor)),
        Value::Object(members) => members.values().find_map(|member| anchored(member, anchor)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Makes one schema as narrow as both; none where nothing is left.
fn join(flat: &mut Map<String, Value>, other: Map<String, Value>) -> Option<()> {
    for (keyword, value) in other {
        let Some(own) = flat.get(&keyword).cloned() else {
            flat.insert(keyword, value);
            continue;
        };
        let both = match keyword.as_str() {
            "properties" | "patternProperties" | "$defs" | "dependentRequired" => members(own, value),
            "required" => union(&own, &value),
            "enum" => common(&own, &value)?,
            "type" => kinds(&own, &value)?,
            "const" if own != value => return None,
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => larger(own, value),
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => smaller(own, value),
            "items" | "additionalProperties" | "contains" | "propertyNames" => json!({"allOf": [own, value]}),
            "uniqueItems" => json!(own == Value::Bool(true) || value == Value::Bool(true)),
            _ => value,
        };
        flat.insert(keyword, both);
    }
    Some(())
}

/// The members of both; one that both have must satisfy both.
fn members(own: Value, other: Value) -> Value {
    let (Value::Object(mut own), Value::Object(other)) = (own, other) else { return json!({}) };
    for (name, schema) in other {
        let both = match own.remove(&name) {
            Some(first) => json!({"allOf": [first, schema]}),
            None => schema,
        };
        own.insert(name, both);
    }
    Value::Object(own)
}

fn union(own: &Value, other: &Value) -> Value {
    let mut names = own.as_array().cloned().unwrap_or_default();
    names.extend(other.as_array().into_iter().flatten().cloned());
    Value::Array(names)
}

fn common(own: &Value, other: &Value) -> Option<Value> {
    let other = other.as_array()?;
    let both: Vec<Value> = own.as_array()?.iter().filter(|value| other.contains(value)).cloned().collect();
    (!both.is_empty()).then_some(Value::Array(both))
}

/// The types that both allow; an integer is a number.
fn kinds(own: &Value, other: &Value) -> Option<Value> {
    let list = |kinds: &Value| match kinds {
        Value::Array(kinds) => kinds.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => vec![kinds.clone()],
    };
    let (own, other) = (list(own), list(other));
    let narrow = |kind: &Value, among: &[Value]| {
        among.contains(kind) || (kind == "integer" && among.contains(&Value::from("number")))
    };
    let mut both: Vec<Value> = own.iter().filter(|kind| narrow(kind, &other)).cloned().collect();
    both.extend(other.iter().filter(|kind| narrow(kind, &own) && !own.contains(kind)).cloned());
    (!both.is_empty()).then_some(Value::Array(both))
}

fn larger(own: Value, other: Value) -> Value {
    if other.as_f64() > own.as_f64() { other } else { own }
}

fn smaller(own: Value, other: Value) -> Value {
    if other.as_f64() < own.as_f64() { other } else { own }
}
