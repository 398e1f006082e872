//! JSON values in messages.

use crate::wire::json::Value;

/// A JSON value for a message: short, on one line, and cut where no secret can be cut in two: those have neither blanks
/// nor brackets in them.
pub(crate) fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => {
            let is_word = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\\' | ',' | ':' | '{' | '}' | '[' | ']');
            format!("{}...", text[..end].trim_end_matches(is_word))
        }
        None => text,
    }
}
