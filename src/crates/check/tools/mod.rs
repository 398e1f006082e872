//! Rules about tool calls, whole or streamed.

use super::book::{Book, both, came, each};
use super::{Finding, Verdict};
use crate::exchange::{Call, Choice, Fragment, Reading};
use crate::probe::Probe;
use crate::wire::json::{At, Members, Object, Value};

pub(super) mod arguments;
pub(super) mod asked;
pub(super) mod choice;
pub(super) mod corner;
pub(super) mod finish;
pub(super) mod pieces;
pub(crate) mod probes;
pub(super) mod shape;
pub(super) mod turns;

/// The tool that the probes ask for by name.
pub(crate) const NAMED_TOOL: &str = "get_time";
/// A city that no ASCII spells.
pub const CITY: &str = "\u{c5}lesund \u{9F9C}";
/// The number that a tool gives, to be found in the answer.
pub(crate) const RESULT: &str = "17";

const NO_CALL: &str = "no tool call";
const NO_ANSWER: &str = "the request got no whole answer";
const CUT: &str = "cut by the token cap";

/// Every call with the place it stands at.
fn calls<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = (Finding, &'r Call)> {
    calls_by_choice(reading).map(|(_, place, call)| (place, call))
}

/// Every call with its choice and the place it stands at.
fn calls_by_choice<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = (&'r Choice, Finding, &'r Call)> {
    let whole = reading.completion().is_some();
    let judged = whole || reading.stream().is_some();
    reading.choices.iter().filter(move |_| judged).flat_map(move |choice| {
        choice.calls.iter().enumerate().map(move |(number, call)| {
            let place = if whole {
                Finding::new(format!("/choices/{}/message/tool_calls/{number}", choice.index), "")
            } else {
                let first = call.fragments.first();
                let event = first.map_or(0, |fragment| fragment.event);
                Finding::in_event(event, &piece_of(choice.index, first), "")
            };
            (choice, place, call)
        })
    })
}

/// The place of a piece of a call in the data of its event.
fn piece_of(choice: u64, piece: Option<&Fragment>) -> String {
    match piece {
        Some(Fragment { place: [position, number], .. }) => format!("/choices/{position}/delta/tool_calls/{number}"),
        None => format!("/choices/{choice}/delta/tool_calls"),
    }
}

/// A finding below a place.
fn below(place: &Finding, member: &str, detail: impl Into<String>) -> Finding {
    Finding { pointer: format!("{}{member}", place.pointer), detail: detail.into(), ..place.clone() }
}

/// Judges every call; skips where there is none.
fn each_call(reading: &Reading<'_>, judge: impl Fn(&Call) -> Option<(&'static str, String)>) -> Verdict {
    let mut any = false;
    let findings: Vec<Finding> = calls(reading)
        .filter_map(|(place, call)| {
            any = true;
            judge(call).map(|(member, detail)| below(&place, member, detail).settled(reading))
        })
        .collect();
    if any { Verdict::distinct(findings) } else { Verdict::Skip(NO_CALL) }
}

/// Judges the replies to a probe and to its streamed form: what is broken decides before what holds, and that before
/// what does not apply.
fn each_of_both(book: &Book<'_>, [whole, streamed]: [&Probe; 2], judge: impl Fn(&Reading<'_>) -> Verdict) -> Verdict {
    let weight = |verdict: &Verdict| match verdict {
        Verdict::Broken { .. } => 3,
        Verdict::Noted(_) => 2,
        Verdict::Pass => 1,
        Verdict::Skip(_) => 0,
    };
    let (whole, streamed) = (each(book.replies(whole), &judge), each(book.replies(streamed), &judge));
    match (whole, streamed) {
        (whole @ Verdict::Broken { .. }, streamed @ Verdict::Broken { .. }) => both(whole, streamed),
        (whole, streamed) if weight(&streamed) > weight(&whole) => streamed,
        (whole, _) => whole,
    }
}

/// Judges the reply to a request that the contract allows; what is no whole answer says nothing of calls.
fn of_answer(reading: &Reading<'_>, judge: impl FnOnce(&Reading<'_>) -> Verdict) -> Verdict {
    if !reading.success() {
        return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
    }
    if answered(reading) { judge(reading) } else { Verdict::Skip(NO_ANSWER) }
}

/// Whether the reply is a whole answer, in one piece or streamed.
fn answered(reading: &Reading<'_>) -> bool {
    reading.success() && reading.complete() && reading.says_something()
}

/// Whether some choice was cut by the token cap, so that a call may be missing or broken.
fn was_cut(reading: &Reading<'_>) -> bool {
    reading.choices.iter().any(Choice::is_cut)
}

/// Every call of every choice.
fn made<'r>(reading: &'r Reading<'_>) -> Vec<&'r Call> {
    reading.choices.iter().flat_map(|choice| &choice.calls).collect()
}

/// A string among the arguments of a call.
fn argument(call: &Call, name: &str) -> Option<String> {
    arguments::parse_arguments(call.arguments.as_deref()?).ok()?.get(name)?.as_str().map(str::to_owned)
}

/// Whether a text is the JSON of a call: the arguments of one that was made, or an object that names a tool on offer
/// and its arguments.
pub(super) fn tells_call(text: &str, reading: &Reading<'_>) -> bool {
    let bare = text.trim().trim_start_matches("<tool_call>").trim_end_matches("</tool_call>");
    let bare = bare.trim().trim_start_matches("```json").trim_matches('`').trim();
    let Ok(value @ Value::Object(_)) = serde_json::from_str::<Value>(bare) else { return false };
    let is_made = |call: &&Call| {
        let arguments = call.arguments.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        arguments.is_some_and(|arguments| arguments == value && !arguments.as_object().is_some_and(Object::is_empty))
    };
    let named = value.member("name").or_else(|| value.at("/function/name")).and_then(Value::as_str);
    let offered = named.is_some_and(|name| reading.exchange.asked.wanted.tools.iter().any(|tool| tool.name == name));
    let given = ["arguments", "parameters", "function"].iter().any(|member| value.get(member).is_some());
    made(reading).iter().any(is_made) || (offered && given)
}
