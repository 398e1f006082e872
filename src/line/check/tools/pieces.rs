//! Rules about the pieces of a streamed tool call.

use super::super::{Check, Finding, Judge, NO_STREAM, Verdict, levels, tier};
use super::NO_CALL;
use crate::exchange::Reading;
use crate::wire::Dialect;

pub(in crate::check) static CHECKS: &[Check] = &[
    Check {
        id: "tool-stream-index",
        rule: "every piece of a streamed call has its index; calls are numbered from 0",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O required; ollama/ollama #7881, #15457, sgl-project/sglang #6310",
        judge: Judge::Reply(stream_index),
        across: None,
    },
    Check {
        id: "tool-stream-header-first",
        rule: "the first piece of a streamed call has id, type and name, and later ones do not change them",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; vllm-project/vllm #18412, huggingface/smolagents PR#1958",
        judge: Judge::Reply(stream_header_first),
        across: None,
    },
];

fn stream_index(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let mut any = false;
    for choice in &reading.choices {
        for (number, call) in choice.calls.iter().enumerate() {
            any = true;
            let wrong = call.fragments.iter().find(|fragment| fragment.index != Some(number as u64));
            if let Some(fragment) = wrong {
                let got = fragment.index.map_or("no index".to_owned(), |index| format!("index {index}"));
                let detail = format!("call {number} of choice {} comes with {got}", choice.index);
                return Verdict::of(vec![Finding::in_event(
                    fragment.event,
                    "/choices/0/delta/tool_calls/0/index",
                    detail,
                )]);
            }
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip(NO_CALL) }
}

fn stream_header_first(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let type_optional = reading.exchange.asked.wanted.dialect == Dialect::Pulze;
    let mut any = false;
    for call in reading.choices.iter().flat_map(|choice| &choice.calls) {
        let Some((first, later)) = call.fragments.split_first() else { continue };
        any = true;
        if first.id.is_none() || first.name.is_none() || (first.kind.is_none() && !type_optional) {
            let detail = "the first piece lacks id, type or name";
            return Verdict::of(vec![Finding::in_event(first.event, "/choices/0/delta/tool_calls", detail)]);
        }
        let changed = later.iter().find(|piece| {
            let differs = |now: &Option<String>, before: &Option<String>| now.is_some() && now != before;
            differs(&piece.id, &first.id) || differs(&piece.name, &first.name) || differs(&piece.kind, &first.kind)
        });
        if let Some(piece) = changed {
            let detail = "a later piece changes id, type or name";
            return Verdict::of(vec![Finding::in_event(piece.event, "/choices/0/delta/tool_calls", detail)]);
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip(NO_CALL) }
}
