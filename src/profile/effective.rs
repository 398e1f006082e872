//! The profile as it held: the file with the changes of the command line, without a secret.

use serde_json::Value;

use super::secrets::ADDRESSES;
use super::tree::Node;
use crate::plan::secret::{Redactor, is_secret, shown_text};
use crate::plan::target::Target;
use crate::wire::plain::lines;

/// A long recording or a long prompt is in its own file; what is kept of a profile is for people.
const CHARACTERS: usize = 20_000;

/// The profile as TOML. What stands for a variable, as `${KEY}`, is shown as it is written.
pub(super) fn effective(tree: &Node, target: &Target) -> String {
    let mut profile = cleaned(without_nulls(tree.value()), &target.redactor());
    if let Some(table) = profile.get_mut("target") {
        mask_at_their_places(table, target);
    }
    // The tree comes from TOML, so it can be written as such.
    let text = lines(&toml::to_string(&profile).unwrap_or_default());
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}\n# cut off here", &text[..end]),
        None => text,
    }
}

/// Addresses and headers as they may be shown, however short their secrets are.
fn mask_at_their_places(table: &mut Value, target: &Target) {
    for key in ADDRESSES {
        if let Some(Value::String(address)) = table.get_mut(key) {
            *address = shown_text(address);
        }
    }
    let headers = table.get_mut("headers").and_then(Value::as_object_mut);
    for (name, value) in headers.into_iter().flatten() {
        let sent = target.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        match (sent, value) {
            (Some(sent), Value::String(value)) => value.clone_from(&sent.shown),
            (None, Value::String(value)) if is_secret(name) => "***".clone_into(value),
            (Some(_) | None, _) => {}
        }
    }
}

/// The same with secrets taken out of its texts; numbers stay what they are.
fn cleaned(value: Value, redactor: &Redactor) -> Value {
    match value {
        Value::String(text) => Value::String(redactor.clean(&text)),
        Value::Array(items) => items.into_iter().map(|item| cleaned(item, redactor)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, cleaned(value, redactor)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
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
