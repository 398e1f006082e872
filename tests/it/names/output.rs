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

/// Holds an output: nothing in it drives a terminal or the log of a job, and the name is in it where it is to be.
pub(super) fn assert_plain(place: &str, bytes: &[u8], commands: Commands, shows: bool) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{place}: {error}"));
    let unix = text.replace("\r\n", "\n");
    let own = |line: &&str| {
        commands == Commands::Ours && ["::error title=", "::warning title="].iter().any(|ours| line.starts_with(ours))
    };
    for line in unix.lines() {
        assert!(!line.contains(is_control), "{place}: {line:?}");
        assert!(own(&line) || !line.trim_start().starts_with("::"), "{place}: {line:?}");
        assert!(!line.contains("##["), "{place}: {line:?}");
    }
    if commands == Commands::None {
        assert_eq!(lines(&unix), unix, "{place}");
    }
    assert!(!shows || text.contains("gone"), "{place} shows no name, so it proves nothing: {text}");
    if let Ok(document) = serde_json::from_str::<Value>(text) {
        assert_texts(place, "", &document);
    }
}

/// No text or name of a document may bring in what would be taken out of a line.
fn assert_texts(place: &str, at: &str, value: &Value) {
    match value {
        // The profile of a run has lines.
        Value::String(text) if at == "/meta/effective" => assert_eq!(lines(text), *text, "{place} {at}"),
        Value::String(text) => {
            assert!(!text.contains(is_control) && lines(text) == *text, "{place} {at}: {text:?}");
        }
        Value::Array(items) => items.iter().for_each(|item| assert_texts(place, &format!("{at}/-"), item)),
        Value::Object(members) => {
            for (name, value) in members {
                assert!(!name.contains(is_control) && lines(name) == *name, "{place} {at}: {name:?}");
                assert_texts(place, &format!("{at}/{name}"), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
