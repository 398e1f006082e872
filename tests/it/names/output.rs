//! What no output may hold, wherever it goes.

use proofload::wire::plain::{is_control, lines};
use serde_json::Value;

/// Where GitHub's own commands may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commands {
    /// Nowhere.
    None,
    /// At the beginning of a line, with a title.
    Ours,
}

/// What is wrong with an output: something in it drives a terminal or the log of a job, or the name is not where it is to be.
pub(super) fn faults(bytes: &[u8], commands: Commands, shows: bool) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return vec!["is no text".to_owned()] };
    let unix = text.replace("\r\n", "\n");
    let ours = |line: &str| ["::error title=", "::warning title="].iter().any(|ours| line.starts_with(ours));
    let allowed = |line: &str| commands == Commands::Ours && ours(line);
    let is_wrong = |line: &&str| {
        line.contains(is_control) || line.contains("##[") || (line.trim_start().starts_with("::") && !allowed(line))
    };
    let mut faults: Vec<String> = unix.lines().filter(is_wrong).map(|line| format!("holds {line:?}")).collect();
    if commands == Commands::None && faults.is_empty() && lines(&unix) != unix {
        faults.push(format!("is not as it would be printed: {text:?}"));
    }
    if shows && !text.contains("gone") {
        faults.push(format!("shows no name, so it proves nothing: {text}"));
    }
    // The descriptions of a schema are our own, and have lines.
    let is_schema = |document: &Value| document.get("$schema").is_some();
    if let Some(document) = serde_json::from_str::<Value>(text).ok().filter(|document| !is_schema(document)) {
        texts("", &document, &mut faults);
    }
    faults
}

/// No text or name of a document may bring in what would be taken out of a line.
fn texts(at: &str, value: &Value, faults: &mut Vec<String>) {
    // The profile of a run has lines.
    let is_wrong = |text: &str| lines(text) != *text || (text.contains(is_control) && at != "/meta/effective");
    match value {
        Value::String(text) if is_wrong(text) => faults.push(format!("has at {at} {text:?}")),
        Value::Array(items) => items.iter().for_each(|item| texts(&format!("{at}/-"), item, faults)),
        Value::Object(members) => {
            for (name, value) in members {
                if lines(name) != *name || name.contains(is_control) {
                    faults.push(format!("has at {at} the name {name:?}"));
                }
                texts(&format!("{at}/{name}"), value, faults);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
