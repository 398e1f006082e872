//! Whether a stream that is still coming has brought content.

use crate::wire::api::chunk::brings_anything;
use crate::wire::json;
use crate::wire::sse::Decoder;

/// Whether the events so far have content in them, or the end of a choice: then there is nothing more to wait for. An
/// error is no content, so that the end of its stream is awaited, and the reading tells it.
pub(in super::super) fn has_content(bytes: &[u8]) -> bool {
    let mut found = false;
    Decoder::new().push(bytes, |event| {
        found |= json::read(&event.data).is_ok_and(|document| brings_anything(&document.value));
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_and_a_comment_are_no_content() {
        let role = ": waiting\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
        assert!(!has_content(role.as_bytes()) && !has_content(b""));
        for piece in [
            r#"{"choices":[{"delta":{"content":"hi"}}]}"#,
            r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        ] {
            assert!(has_content(format!("{role}data: {piece}\n\n").as_bytes()), "{piece}");
            assert!(!has_content(format!("{role}data: {piece}").as_bytes()), "it is not whole yet: {piece}");
        }
        assert!(!has_content(b"data: {\"error\":{\"message\":\"no\"}}\n\n"));
    }
}
