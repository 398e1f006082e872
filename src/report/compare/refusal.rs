//! Why runs are not compared, and what to do.

use std::fmt::Write as _;

use crate::compare::likeness::Difference;
use crate::wire::plain::lines;

/// Values longer than this say nothing more to a reader.
const LONGEST: usize = 60;

/// In which the runs differ, and how to compare them all the same.
pub fn refusal(apart: &[(String, Vec<Difference>)]) -> String {
    let mut text = String::new();
    let mut keys: Vec<&str> = Vec::new();
    for (name, differences) in apart {
        let _ = writeln!(text, "error: {name} does not belong to the base: it differs in more than what is under test");
        for Difference { key, base, new } in differences {
            let _ =
                writeln!(text, "  - {key}: {} in the base, {} in {name}", shown(base.as_ref()), shown(new.as_ref()));
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
    }
    // What is in a table that is named is named with it.
    let within = |key: &str, table: &str| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
    let tables = keys.clone();
    keys.retain(|key| !tables.iter().any(|table| within(key, table)));
    let flags: Vec<String> = keys.iter().map(|key| format!("--under-test {key}")).collect();
    text += "help: make both with the same profile; target, model, labels, goals, seed and salt may differ\n";
    let _ = writeln!(text, "help: if that is what you want to compare, say so: {}", flags.join(" "));
    lines(&text)
}

fn shown(value: Option<&String>) -> String {
    match value {
        None => "not set".to_owned(),
        Some(value) => match value.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}...", &value[..end]),
            None => value.clone(),
        },
    }
}
