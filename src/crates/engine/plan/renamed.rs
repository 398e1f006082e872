//! Keys that users typed under another name in earlier versions, and files that were written then.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// The key for the number of requests that a closed load keeps in flight.
pub const CONCURRENCY: &str = "concurrency";
/// Its name in earlier versions, which is still accepted.
pub const SLOTS: &str = "slots";

/// The present name of a key of a profile, as `load.closed.concurrency` for `load.closed.slots`.
pub fn key(path: &str) -> String {
    match path.strip_suffix(SLOTS).and_then(|table| table.strip_suffix('.')) {
        Some(table) if has_concurrency(&table.split('.').collect::<Vec<_>>()) => format!("{table}.{CONCURRENCY}"),
        Some(_) | None => path.to_owned(),
    }
}

/// Whether a table of a profile is a closed load, or a stage of any load.
fn has_concurrency(steps: &[&str]) -> bool {
    matches!(
        steps,
        ["load", "closed"]
            | ["load", "closed" | "open", "stages", _]
            | ["loads", _, .., "closed"]
            | ["loads", _, .., "closed" | "open", "stages", _]
    )
}

/// Keys of a profile with their values, as a file holds them.
///
/// # Errors
/// If they are no texts by name.
pub fn keys<'de, D: Deserializer<'de>>(keys: D) -> Result<BTreeMap<String, String>, D::Error> {
    let keys = BTreeMap::<String, String>::deserialize(keys)?;
    Ok(keys.into_iter().map(|(path, value)| pair(&path, value)).collect())
}

/// A key and its value under their present names.
pub fn pair(path: &str, value: String) -> (String, String) {
    let value = if path.ends_with(".closed.stages") { value.replace("\"slots\":", "\"concurrency\":") } else { value };
    (key(path), value)
}

/// The description of a plan's loads, as a file holds it.
///
/// # Errors
/// If it is no text.
pub fn load<'de, D: Deserializer<'de>>(load: D) -> Result<String, D::Error> {
    String::deserialize(load).map(|load| load_in_words(&load))
}

fn load_in_words(load: &str) -> String {
    const CLOSED: &str = "closed loop, ";
    let present = |part: &str| match part.split_once(CLOSED) {
        Some((name, rest)) if !rest.starts_with(CONCURRENCY) => {
            format!("{name}{CLOSED}{CONCURRENCY} {}", rest.replace(" slots", ""))
        }
        Some(_) | None => part.to_owned(),
    };
    load.split("; ").map(present).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_a_closed_load_were_renamed() {
        for (old, present) in [
            ("load.closed.slots", "load.closed.concurrency"),
            ("loads.batch.closed.slots", "loads.batch.closed.concurrency"),
            ("loads.with.dots.closed.slots", "loads.with.dots.closed.concurrency"),
            ("load.closedslots", "load.closedslots"),
            ("load.closed.stages.1.slots", "load.closed.stages.1.concurrency"),
            ("load.closed.concurrency", "load.closed.concurrency"),
            ("load.open.slots", "load.open.slots"),
            ("case.0.extra.slots", "case.0.extra.slots"),
            ("labels.slots", "labels.slots"),
            ("slots", "slots"),
            ("load.closed.", "load.closed."),
        ] {
            assert_eq!(key(old), present);
        }
    }

    #[test]
    fn stages_are_renamed_within_their_text() {
        let stages = r#"[{"slots":4,"duration":"1m"}]"#.to_owned();
        let (key, value) = pair("load.closed.stages", stages.clone());
        assert_eq!((key.as_str(), value.as_str()), ("load.closed.stages", r#"[{"concurrency":4,"duration":"1m"}]"#));
        assert_eq!(pair("case.0.stop", stages.clone()).1, stages);
    }

    #[test]
    fn a_load_is_described_as_it_is_now() {
        for (old, present) in [
            ("closed loop, 4 slots for 3s", "closed loop, concurrency 4 for 3s"),
            (
                "batch: closed loop, 0 to 2 slots for 1s, 2 slots, think time 10ms; users: open loop, 3/s constant",
                "batch: closed loop, concurrency 0 to 2 for 1s, 2, think time 10ms; users: open loop, 3/s constant",
            ),
            ("open loop, 3/s constant", "open loop, 3/s constant"),
        ] {
            assert_eq!(load_in_words(old), present);
            assert_eq!(load_in_words(present), present);
        }
    }
}
