//! Whether a choice says something, whole or streamed: one answer for every rule that asks.

use crate::exchange::{Choice, Reading};
use crate::wire::json::{Members, Value};
use crate::wire::reply::{choices, index};

/// Whether a choice says nothing, and nothing explains that: not even hidden reasoning that used its tokens up, or a
/// filter that took its text away. Where the cap ended it and no usage tells, reasoning may have been hidden.
pub(super) fn says_nothing(reading: &Reading<'_>, choice: &Choice) -> bool {
    let said = [&choice.content, &choice.refusal, &choice.reasoning].iter().any(|text| !text.trim().is_empty());
    let reasoned = reading.usage.is_none_or(|usage| usage.reasoning.is_some_and(|tokens| tokens > 0.0));
    let excused = (choice.is_cut() && reasoned) || choice.finish.as_deref() == Some("content_filter");
    !said && choice.calls.is_empty() && !excused && !speaks_otherwise(reading, choice.index)
}

/// Whether a choice says something that is no text and no tool call: sound, a call in the form that came before tools,
/// or content of another type than a string, which is a fault of its own.
pub(super) fn speaks_otherwise(reading: &Reading<'_>, choice: u64) -> bool {
    let of_choice = reading.bodies().flat_map(choices).filter(|piece| index(piece) == choice);
    of_choice.filter_map(|piece| piece.member("message").or_else(|| piece.member("delta"))).any(|message| {
        let filled = |name: &str| message.member(name).is_some_and(|value| !value.is_null());
        let content = message.member("content").is_some_and(|content| !content.is_null() && !content.is_string());
        filled("audio") || filled("function_call") || content
    })
}

/// Whether a choice of a stream is spoken: it has pieces of sound.
pub(super) fn is_spoken(reading: &Reading<'_>, choice: u64) -> bool {
    reading.bodies().flat_map(choices).filter(|piece| index(piece) == choice).any(has_sound)
}

/// Whether a piece of a choice brings sound, its transcript, or the time until which it is kept.
pub(super) fn has_sound(piece: &Value) -> bool {
    piece.member("delta").and_then(|delta| delta.member("audio")).is_some_and(Value::is_object)
}
