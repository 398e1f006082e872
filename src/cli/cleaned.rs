//! Kept files, read as if somebody else had written them: none of their texts can drive a terminal or the log of a CI job.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::wire::plain::{line, lines};

/// What has several lines: the profile of a run.
const SEVERAL_LINES: &str = "/meta/effective";

/// The value of a JSON text, its texts and names made plain.
///
/// # Errors
/// If it is no such value; the place is that of the text as it is.
pub(super) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let as_it_is = serde_json::from_str(text)?;
    let mut document: Value = serde_json::from_str(text)?;
    if clean(&mut document, "") { serde_json::from_value(document) } else { Ok(as_it_is) }
}

/// Makes a value plain; returns whether there was anything to do.
fn clean(value: &mut Value, place: &str) -> bool {
    match value {
        Value::String(text) => {
            let plain = if place == SEVERAL_LINES { lines(text) } else { line(text) };
            let changed = plain != *text;
            *text = plain;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| clean(item, "-") | changed),
        Value::Object(members) => clean_members(members, place),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn clean_members(members: &mut Map<String, Value>, place: &str) -> bool {
    let mut changed = false;
    for (name, value) in members.iter_mut() {
        changed |= line(name) != *name;
        // Only two levels down is a place of any interest.
        let deeper = place.matches('/').count() < 2 && !place.starts_with('-');
        let own = if deeper { format!("{place}/{name}") } else { "-".to_owned() };
        changed |= clean(value, &own);
    }
    if changed {
        *members = std::mem::take(members).into_iter().map(|(name, value)| (line(&name), value)).collect();
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_and_name_is_made_plain_and_only_the_profile_keeps_its_lines() {
        let text = r#"{"meta": {"profile": "a\n::error::b", "effective": "a = 1\nb\u001b = 2\n::error::", "n": 18446744073709551615,
            "labels": {"effective": "x\ny", "k\r": "\u202ez"}}, "meta/effective": ["c\n", 0.1], "effective": "d\ne"}"#;
        let wanted = serde_json::json!({
            "meta": {"profile": "a : :error::b", "effective": "a = 1\nb = 2\n: :error::", "n": u64::MAX,
                "labels": {"effective": "x y", "k ": " z"}},
            "meta/effective": ["c ", 0.1], "effective": "d e"});
        assert_eq!(from_str::<Value>(text).expect("JSON"), wanted);
        assert_eq!(from_str::<Value>(&wanted.to_string()).expect("JSON"), wanted, "plain as it is");
        let error = from_str::<Map<String, Value>>("{\"a\":\n1").expect_err("no JSON");
        assert_eq!((error.line(), error.column()), (2, 1));
    }
}
