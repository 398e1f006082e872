//! What of a profile decides what is sent, when, and how it is counted: the keys by which two runs can be told apart.

use std::collections::BTreeMap;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::load::DraftCase;
use crate::plan::secret::Redactor;

/// The tables that decide it. The target, the labels, the goals and the seed are what differs between runs that are
/// compared.
const DECISIVE: [&str; 5] = ["load", "loads", "case", "goodput", "reuse"];
/// Longer values are cut, with a hash of the whole behind them.
const LONGEST: usize = 160;

/// The decisive keys of a profile with their values, as `load.open.rate` and `case.0.max_tokens`.
pub(super) fn of(profile: &Value, cases: &[DraftCase], redactor: &Redactor) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for name in DECISIVE {
        if let Some(value) = profile.get(name) {
            spread(name, value, &mut keys);
        }
    }
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| case.bodies.len() > 1) {
        let bodies = case.bodies.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let shown = format!("{} prompts, hash {:016x}", case.bodies.len(), xxh3_64(bodies.as_bytes()));
        keys.insert(format!("case.{number}.prompts"), shown);
    }
    keys.into_iter().map(|(name, value)| (name, cut(&redactor.clean(&value)))).collect()
}

fn spread(name: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(member, value)| spread(&format!("{name}.{member}"), value, keys));
        }
        Value::Array(tables) if name == "case" => {
            tables.iter().enumerate().for_each(|(number, table)| spread(&format!("{name}.{number}"), table, keys));
        }
        Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            keys.insert(name.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... hash {:016x}", &text[..end], xxh3_64(text.as_bytes())),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn decisive_keys_are_those_of_the_profile_in_its_own_words() {
        let profile = json!({"name": "river", "seed": 7, "labels": {"gpu": "h200"}, "target": {"url": "builtin"},
            "load": {"open": {"rate": 20, "duration": "3s"}},
            "case": [{"max_tokens": 32, "messages": [{"role": "user", "content": "x".repeat(500)}]}]});
        let keys = of(&profile, &[], &Redactor::default());
        let names: Vec<&str> = keys.keys().map(String::as_str).collect();
        assert_eq!(names, ["case.0.max_tokens", "case.0.messages", "load.open.duration", "load.open.rate"]);
        assert_eq!((keys["load.open.rate"].as_str(), keys["load.open.duration"].as_str()), ("20", "3s"));
        assert!(keys["case.0.messages"].contains("... hash ") && keys["case.0.messages"].len() < 200);
    }

    #[test]
    fn long_values_that_differ_in_their_end_are_told_apart() {
        assert_ne!(cut(&format!("{}a", "x".repeat(300))), cut(&format!("{}b", "x".repeat(300))));
    }
}
