//! What a finding points at in a reply.

use super::Finding;
use crate::exchange::{Reading, Reply};
use crate::wire::json::Value;

/// The event of a stream in which the place of a finding is. Where the rule names none, that is the last chunk with the
/// member at the top of the pointer, such as `usage`; choices come in pieces and are in none.
pub fn event_of(reading: &Reading<'_>, finding: &Finding) -> Option<usize> {
    let of_member = || {
        let stream = reading.stream()?;
        let member = finding.pointer.split('/').nth(1).filter(|member| *member != "choices")?;
        let has = |chunk: &Value| chunk.get(member).is_some_and(|value| !value.is_null());
        stream.distinct().filter(|(_, chunk)| has(chunk)).map(|(event, _)| event).next_back()
    };
    finding.event.or_else(of_member)
}

/// The JSON of the body, or of the data of an event. An event that repeats a chunk with another text shows that chunk.
pub fn document<'r>(reading: &'r Reading<'_>, event: Option<usize>) -> Option<&'r Value> {
    match (&reading.reply, event) {
        (Reply::Stream(stream), Some(event)) => stream.document(event),
        (Reply::Stream(stream), None) => stream.bare_json.as_ref(),
        (Reply::Whole(whole), _) => whole.json.as_ref().ok().map(|document| &document.value),
        (Reply::Nothing, _) => None,
    }
}

/// The value at a JSON pointer (RFC 6901).
pub fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        Value::Object(_) if step.contains('~') => value.get(&step.replace("~1", "/").replace("~0", "~")),
        Value::Object(_) => value.get(step),
    })
}
