//! Whether a choice says something, whole or streamed: one answer for every rule that asks.

use std::collections::BTreeSet;

use crate::exchange::{Choice, Reading};
use crate::wire::api::chunk::Update;
use crate::wire::json::Value;

/// Whether a choice says nothing, and nothing explains that: not even hidden reasoning that used its tokens up, or a
/// filter that took its text away. Where the cap ended it and no usage tells, reasoning may have been hidden.
pub(super) fn says_nothing(reading: &Reading<'_>, choice: &Choice) -> bool {
    let said = [&choice.content, &choice.refusal, &choice.reasoning].iter().any(|text| !text.trim().is_empty());
    let reasoned = reading.usage.is_none_or(|usage| usage.reasoning.is_some_and(|tokens| tokens > 0.0));
    let excused = (choice.is_cut() && reasoned) || choice.is_filtered();
    !said && choice.calls.is_empty() && !excused && !speaks_otherwise(choice)
}

/// Whether a choice says something that is no text and no tool call: sound, or a call in the form that came before tools.
pub(super) fn speaks_otherwise(choice: &Choice) -> bool {
    choice.audio.is_some() || choice.function_call.is_some()
}

/// The choices of a stream that are spoken: they have pieces of sound.
pub(super) fn spoken(reading: &Reading<'_>) -> BTreeSet<u64> {
    reading.choices.iter().filter(|choice| choice.audio.is_some()).map(|choice| choice.index).collect()
}

/// Whether a piece of a choice brings sound, its transcript, or the time until which it is kept.
pub(super) fn has_sound(piece: &Value) -> bool {
    Update::of(piece).content().is_some_and(|content| content.audio().is_some())
}
