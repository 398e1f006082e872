//! The profile as it held: the file with the changes of the command line, without a secret.

use serde_json::Value;

use super::tree::Node;
use crate::plan::target::Target;

/// A long recording or a long prompt is in its own file; what is kept of a profile is for people.
const CHARACTERS: usize = 20_000;

/// The profile as TOML. What stands for a variable, as `${KEY}`, is shown as it is written.
pub(super) fn effective(tree: &Node, target: &Target) -> String {
    // The tree comes from TOML, so it can be written as such.
    let text = toml::to_string(&without_nulls(tree.value())).unwrap_or_default();
    let clean = target.redactor().clean(&text);
    match clean.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}\n# cut off here", &clean[..end]),
        None => clean,
    }
}

/// TOML has no null; what a flag takes out of a profile is not in it.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().filter(|item| !item.is_null()).map(without_nulls).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
