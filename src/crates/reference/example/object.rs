//! Objects.

use rand::RngExt as _;
use serde_json::{Map, Value};

use super::{Builder, SHALLOW, count, pattern};

/// Most members that are built to reach a minimum.
const MOST: usize = 200;

impl Builder<'_> {
    /// An object with all of its properties while there is no reason to leave some out.
    pub(super) fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Option<Value> {
        let (least, most) =
            (count(schema, "minProperties").unwrap_or(0), count(schema, "maxProperties").unwrap_or(usize::MAX));
        if least > most || least > MOST {
            return None;
        }
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required = required(schema);
        let mut members = Map::new();
        let named = properties.keys().map(String::as_str);
        let behind = required.iter().copied().filter(|name| !properties.contains_key(*name));
        for name in named.chain(behind) {
            let needed = required.contains(&name);
            if members.contains_key(name) || !needed && !self.wants(depth, members.len(), &required, most) {
                continue;
            }
            match self.member(schema, name, depth) {
                Some(value) => drop(members.insert(name.to_owned(), value)),
                None if needed => return None,
                None => {}
            }
        }
        self.fill(schema, depth, least, &mut members)?;
        Some(Value::Object(members))
    }

    /// Whether an optional property is built.
    fn wants(&mut self, depth: usize, have: usize, required: &[&str], most: usize) -> bool {
        have.max(required.len()) < most && depth <= SHALLOW && (!self.careful || self.random.random())
    }

    /// The value of a member, under every schema that applies to its name.
    fn member(&mut self, schema: &Map<String, Value>, name: &str, depth: usize) -> Option<Value> {
        let own = schema.get("properties").and_then(|properties| properties.get(name));
        let patterns = schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        let matching = patterns.filter(|(pattern, _)| matches(pattern, name)).map(|(_, schema)| schema);
        let all: Vec<&Value> = own.into_iter().chain(matching).collect();
        match all.as_slice() {
            [] => self.value(schema.get("additionalProperties").unwrap_or(&Value::Bool(true)), depth + 1),
            [only] => self.value(only, depth + 1),
            several => self.value(&serde_json::json!({"allOf": several}), depth + 1),
        }
    }

    /// Further members until there are enough.
    fn fill(
        &mut self,
        schema: &Map<String, Value>,
        depth: usize,
        least: usize,
        members: &mut Map<String, Value>,
    ) -> Option<()> {
        for number in 1..=MOST {
            if members.len() >= least {
                return Some(());
            }
            let name = self.name(schema, number)?;
            if !members.contains_key(&name) {
                let value = self.member(schema, &name, depth)?;
                members.insert(name, value);
            }
        }
        None
    }

    /// A name that a member may have.
    fn name(&mut self, schema: &Map<String, Value>, number: usize) -> Option<String> {
        if let Some(names) = schema.get("propertyNames") {
            let before = std::mem::replace(&mut self.careful, true);
            let mut names = self.merged(names, 0)?;
            names.insert("type".to_owned(), Value::from("string"));
            let name = self.of_object(&names, 0);
            self.careful = before;
            return name?.as_str().map(str::to_owned);
        }
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        match patterns.and_then(|patterns| patterns.keys().next()) {
            Some(name) => pattern::matching(name, 0, usize::MAX, &mut self.random),
            None if closed => None,
            None => Some(format!("key{number}")),
        }
    }
}

fn required(schema: &Map<String, Value>) -> Vec<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a pattern finds something in a name; one that is not understood does not.
fn matches(pattern: &str, name: &str) -> bool {
    let schema = serde_json::json!({"pattern": pattern});
    crate::wire::schema::offline(&schema).is_ok_and(|validator| validator.is_valid(&Value::from(name)))
}
