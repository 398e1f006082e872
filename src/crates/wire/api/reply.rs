//! The choices of a reply or a chunk as JSON, for those who judge their form.

use crate::json::{Members, Value};

/// The choices of a reply or a chunk; none when it has no such array.
pub fn choices(reply: &Value) -> &[Value] {
    reply.member("choices").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The index of a choice, or of a piece of one: 0 where none is given.
pub fn index(choice: &Value) -> u64 {
    choice.member("index").and_then(Value::as_u64).unwrap_or(0)
}

/// Whether a choice, or a piece of one, says why it ends.
pub fn finishes(choice: &Value) -> bool {
    choice.member("finish_reason").is_some_and(|reason| !reason.is_null())
}
