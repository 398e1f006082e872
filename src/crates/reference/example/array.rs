//! Arrays.

use serde_json::{Map, Value};

use super::{Builder, SHALLOW, count};

/// Longest array that is built to reach a minimum.
const LONGEST: usize = 1000;

impl Builder<'_> {
    /// An array with the items it must have, and two where nothing is said.
    pub(super) fn array(&mut self, schema: &Map<String, Value>, depth: usize) -> Option<Value> {
        let (least, most) = (count(schema, "minItems").unwrap_or(0), count(schema, "maxItems").unwrap_or(usize::MAX));
        let prefix = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let usual = if depth > SHALLOW { 0 } else { prefix.len().max(2) };
        let wanted = usual.max(least).min(most);
        if least > most || least > LONGEST {
            return None;
        }
        let distinct = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut items: Vec<Value> = Vec::new();
        self.contained(schema, depth, prefix.len(), &mut items)?;
        let open = Value::Bool(true);
        while items.len() < wanted {
            let item = prefix.get(items.len()).or(schema.get("items")).unwrap_or(&open);
            match self.item(item, depth, distinct.then_some(&items)) {
                Some(item) => items.push(item),
                // What was not asked for may be left out.
                None if items.len() >= least => break,
                None => return None,
            }
        }
        Some(Value::Array(items))
    }

    /// An item, and one that is not there yet if need be.
    fn item(&mut self, schema: &Value, depth: usize, others: Option<&Vec<Value>>) -> Option<Value> {
        let Some(others) = others else { return self.value(schema, depth + 1) };
        let before = self.careful;
        let found = (0..64).find_map(|_| {
            let item = self.value(schema, depth + 1).filter(|item| !others.contains(item));
            // The plain way would build the same once more.
            self.careful = true;
            item
        });
        self.careful = before;
        found
    }

    /// The items that `contains` asks for; with a prefix before them they would stand in the wrong places.
    fn contained(
        &mut self,
        schema: &Map<String, Value>,
        depth: usize,
        prefix: usize,
        items: &mut Vec<Value>,
    ) -> Option<()> {
        let Some(contains) = schema.get("contains").filter(|_| prefix == 0) else { return Some(()) };
        let item = match schema.get("items") {
            Some(all) => serde_json::json!({"allOf": [all, contains]}),
            None => contains.clone(),
        };
        for _ in 0..count(schema, "minContains").unwrap_or(1).min(LONGEST) {
            let distinct = schema.get("uniqueItems") == Some(&Value::Bool(true));
            let made = self.item(&item, depth, distinct.then_some(&*items))?;
            items.push(made);
        }
        Some(())
    }
}
