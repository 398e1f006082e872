//! Rules about how a choice with tool calls ends.

use std::collections::BTreeMap;

use super::super::stream::pieces_of;
use super::super::{Check, Fault, Finding, Judge, NO_STREAM, Verdict, levels, tier};
use super::{NO_CALL, piece_of};
use crate::exchange::Reading;
use crate::source::Source;
use crate::wire::api::reply::finishes;

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-finish-reason",
        rule: "a choice with tool calls finishes with tool_calls, or stop where the tool was named",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::pull("vllm-project/vllm", 25054),
            Source::issue("BerriAI/litellm", 12862),
            Source::issue("BerriAI/litellm", 35663),
            Source::issue("googleapis/python-genai", 2868),
        ],
        judge: Judge::Reply(finish_reason),
        across: None,
    },
    Check {
        id: "tool-finish-implies-call",
        rule: "finish_reason tool_calls comes only with a tool call",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("tool_calls if the model called a tool"),
            Source::issue("vllm-project/vllm", 53363),
            Source::issue("vllm-project/vllm", 53255),
        ],
        judge: Judge::Reply(finish_implies_call),
        across: None,
    },
    Check {
        id: "tool-stream-finish-not-split",
        rule: "a streamed choice finishes after the last piece of its calls",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::pull("sgl-project/sglang", 8417)],
        judge: Judge::Reply(stream_finish_not_split),
        across: None,
    },
];

/// Pulze's published list has `function_call` where OpenAI's has `tool_calls`
/// (`schemas/README.md#difference-13`).
fn finish_reason(reading: &Reading<'_>) -> Verdict {
    let wanted = &reading.exchange.asked.wanted;
    let mut any = false;
    for choice in reading.choices.iter().filter(|choice| !choice.calls.is_empty()) {
        let Some(reason) = choice.finish.as_deref() else { continue };
        any = true;
        let published = wanted.contract.facts.call_finish_reasons.iter().any(|known| known == reason);
        let right = published || (reason == "stop" && wanted.named_tool);
        if !right {
            return Verdict::broken(
                format!("/choices/{}/finish_reason", choice.index),
                format!("expected \"tool_calls\" of a choice with tool calls, got {reason:?}"),
            );
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip(NO_CALL) }
}

fn finish_implies_call(reading: &Reading<'_>) -> Verdict {
    if !reading.complete() || !reading.says_something() {
        return Verdict::Skip("no complete completion to judge");
    }
    match reading
        .choices
        .iter()
        .find(|choice| choice.finish.as_deref() == Some("tool_calls") && choice.calls.is_empty())
    {
        Some(choice) => {
            let detail = "expected a tool call with finish_reason \"tool_calls\", got none";
            Verdict::broken(format!("/choices/{}/finish_reason", choice.index), detail)
        }
        None => Verdict::Pass,
    }
}

fn stream_finish_not_split(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    // The event in which each choice first says why it ends.
    let mut ends = BTreeMap::new();
    for (event, _, index, _) in pieces_of(stream).filter(|(.., piece)| finishes(piece)) {
        ends.entry(index).or_insert(event);
    }
    let mut any = false;
    for choice in &reading.choices {
        let last = choice.calls.iter().flat_map(|call| &call.fragments).map(|fragment| fragment.event).max();
        let (Some(last), Some(finish)) = (last, ends.get(&choice.index)) else { continue };
        any = true;
        if *finish < last {
            let (own, detail) = (choice.index, "expected no piece of a call after the finish_reason");
            let detail = format!("{detail} of choice {own}, in event {finish}, got one in event {last}");
            let piece = choice.calls.iter().flat_map(|call| &call.fragments).find(|piece| piece.event == last);
            let finding = Finding::in_event(last, &piece_of(own, piece), detail);
            return Verdict::of(vec![finding.kind(Fault::OutOfOrder)]);
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip(NO_CALL) }
}
