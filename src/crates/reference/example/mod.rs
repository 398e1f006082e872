//! Values that satisfy a JSON Schema (2020-12), made up: what a structured answer and the arguments of a call consist of.
//!
//! A value is built along the schema's keywords, with every property at first and fewer in later attempts, and held
//! against the compiled schema before it is used. What no attempt satisfies is refused, never answered wrongly: that is
//! every schema that nothing satisfies, and some that only search would (a `not`, or branches that exclude one another).

use jsonschema::Validator;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::{Map, Value};

use crate::wire::schema::offline;

mod array;
mod merge;
mod number;
mod object;
mod pattern;
mod text;

pub(super) use pattern::exactly;

/// How often a value is built before the schema is given up.
const ATTEMPTS: usize = 48;

/// Below this depth only what is required is built, so that recursive schemas end.
const SHALLOW: usize = 4;

/// Deeper than this nothing is built.
const DEEPEST: usize = 24;

/// A compiled schema and the document it came from.
#[derive(Debug)]
pub(super) struct Example<'s> {
    schema: &'s Value,
    validator: Validator,
}

impl<'s> Example<'s> {
    /// Compiles a schema that came with a request.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn new(schema: &'s Value) -> Result<Example<'s>, String> {
        Ok(Example { schema, validator: offline(schema)? })
    }

    /// Whether a value satisfies the schema.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// A value that satisfies the schema; none where none was found.
    pub(super) fn value(&self, random: &mut Pcg64) -> Option<Value> {
        (0..ATTEMPTS).find_map(|attempt| {
            let random = Pcg64::seed_from_u64(random.random());
            let mut builder = Builder { root: self.schema, random, careful: attempt > 0, left: 10_000 };
            builder.value(self.schema, 0).filter(|value| self.accepts(value))
        })
    }
}

/// One attempt at a value.
struct Builder<'s> {
    root: &'s Value,
    random: Pcg64,
    /// Whether the plain way has failed already, so that choices are drawn.
    careful: bool,
    /// How many parts of the schema may still be visited: schemas can multiply.
    left: usize,
}

impl Builder<'_> {
    /// A value for a part of the schema.
    fn value(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        if depth > DEEPEST {
            return None;
        }
        match schema {
            Value::Bool(true) => Some(Value::from("anything")),
            Value::Object(_) => {
                let merged = self.merged(schema, depth)?;
                self.of_object(&merged, depth)
            }
            Value::Null | Value::Bool(false) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
        }
    }

    fn of_object(&mut self, schema: &Map<String, Value>, depth: usize) -> Option<Value> {
        if let Some(value) = schema.get("const") {
            return Some(value.clone());
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.pick(values).cloned();
        }
        match self.kind(schema)? {
            "null" => Some(Value::Null),
            "boolean" => Some(Value::Bool(self.random.random())),
            "integer" => self.integer(schema),
            "number" => self.number(schema),
            "string" => self.text(schema).map(Value::String),
            "array" => self.array(schema, depth),
            "object" => self.object(schema, depth),
            _ => None,
        }
    }

    /// The type to build: the first that is not null, or the one that the keywords speak of.
    fn kind<'m>(&mut self, schema: &'m Map<String, Value>) -> Option<&'m str> {
        match schema.get("type") {
            Some(Value::String(kind)) => Some(kind),
            Some(Value::Array(kinds)) => {
                let named: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                let first = named.iter().copied().find(|kind| *kind != "null").or(named.first().copied());
                if self.careful { self.pick(&named).copied() } else { first }
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => None,
            None => Some(implied(schema)),
        }
    }

    /// The first of the choices, or any once that has failed.
    fn pick<'c, T>(&mut self, choices: &'c [T]) -> Option<&'c T> {
        if self.careful && !choices.is_empty() {
            return choices.get(self.random.random_range(0..choices.len()));
        }
        choices.first()
    }
}

/// The type that keywords imply where none is given.
fn implied(schema: &Map<String, Value>) -> &'static str {
    const KEYWORDS: [(&str, &[&str]); 4] = [
        ("object", &["properties", "required", "additionalProperties", "minProperties", "patternProperties"]),
        ("array", &["items", "prefixItems", "minItems", "contains", "uniqueItems"]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
        ("string", &["minLength", "maxLength", "pattern", "format"]),
    ];
    let named = KEYWORDS.iter().find(|(_, keywords)| keywords.iter().any(|keyword| schema.contains_key(*keyword)));
    named.map_or("string", |(kind, _)| kind)
}

/// A bound that is a count.
fn count(schema: &Map<String, Value>, keyword: &str) -> Option<usize> {
    // Bounds may be written as 2.0.
    let bound = schema.get(keyword)?.as_f64().filter(|bound| (0.0..=1e6).contains(bound))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
    let bound = bound as usize;
    Some(bound)
}

#[cfg(test)]
mod tests;
