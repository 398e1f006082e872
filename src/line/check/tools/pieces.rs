//! Rules about the pieces of a streamed tool call.

use super::super::stream::pieces_of;
use super::super::{Check, Finding, Judge, Level, NO_STREAM, Verdict, levels, tier};
use super::NO_CALL;
use crate::exchange::{Call, Fragment, Reading, Stream};
use crate::wire::json::{At, Members, Value};

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
        rule: "the first piece of a streamed call has id and name, and later ones do not change id, type and name",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; vllm-project/vllm #18412, huggingface/smolagents PR#1958",
        judge: Judge::Reply(stream_header_first),
        across: None,
    },
    Check {
        id: "tool-stream-header-once",
        rule: "no later piece of a streamed call says id or name again, or takes the type back with null",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O deltas, which openai-python joins (accumulate_delta); ggml-org/llama.cpp PR#13800, open-webui/open-webui PR#22235, langchain-ai/langchain PR#22589",
        judge: Judge::Reply(stream_header_once),
        across: None,
    },
    Check {
        id: "tool-stream-header-empty",
        rule: "no later piece of a streamed call has an empty id or name",
        levels: levels("Y/Y"),
        tier: tier("F"),
        source: "O leaves them out; NousResearch/hermes-agent PR#106943 (LM Studio)",
        judge: Judge::Reply(stream_header_empty),
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

/// A call without a type in any piece is the fault of `tool-shape` alone, as OpenAI's Node client refuses it ("missing
/// choices[0].tool_calls[0].type"); in which piece the type comes is nobody's matter, since clients take it from any,
/// and the document does not require it in a piece.
fn stream_header_first(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let mut any = false;
    for call in reading.choices.iter().flat_map(|choice| &choice.calls) {
        let Some((first, later)) = call.fragments.split_first() else { continue };
        any = true;
        let lacks = [("id", &first.id), ("name", &first.name)].into_iter().find(|(_, value)| value.is_none());
        if let Some((member, _)) = lacks {
            let detail = format!("the first piece lacks {member}");
            return Verdict::of(vec![Finding::in_event(first.event, PIECES, detail)]);
        }
        if let Some((piece, detail)) = later.iter().find_map(|piece| Some((piece, changed(call, piece)?))) {
            return Verdict::of(vec![Finding::in_event(piece.event, PIECES, detail)]);
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip(NO_CALL) }
}

/// Where pieces of calls are in a chunk.
const PIECES: &str = "/choices/0/delta/tool_calls";

/// What a later piece changes, from what to what.
fn changed(call: &Call, piece: &Fragment) -> Option<String> {
    let first = call.fragments.first()?;
    let members = [("id", &first.id, &piece.id), ("name", &first.name, &piece.name), ("type", &call.kind, &piece.kind)];
    let (member, before, now) =
        members.into_iter().find(|(_, before, now)| before.is_some() && now.is_some() && now != before)?;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    Some(format!("a later piece changes {member} from {:?} to {:?}", text(before), text(now)))
}

/// OpenAI's Python client joins the texts of all pieces but `index` and `type`, which the last piece decides: a name that
/// comes twice names no tool. An id that comes twice is joined too, but still is one that goes back with the result, so
/// it is a warning, and so is a type that is taken back.
fn stream_header_once(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let mut warning = None;
    let mut any = false;
    for call in reading.choices.iter().flat_map(|choice| &choice.calls) {
        let Some((first, later)) = call.fragments.split_first() else { continue };
        any = true;
        if let (Some(piece), Some(name)) = (later.iter().find(|piece| repeats(&first.name, &piece.name)), &first.name) {
            let detail = format!("the name comes again: joined, it is {:?}", format!("{name}{name}"));
            return Verdict::of(vec![Finding::in_event(piece.event, PIECES, detail)]);
        }
        if let Some(piece) = later.iter().find(|piece| repeats(&first.id, &piece.id)) {
            warning = warning.or(Some((piece.event, "the id comes again, and clients join it")));
        }
    }
    let untyped = || Some((untyped_later(reading, stream)?, "type is null, after it was said"));
    match warning.or_else(untyped) {
        Some((event, detail)) => {
            let findings = vec![Finding::in_event(event, PIECES, detail)];
            Verdict::Broken { level: Some(Level::Should), findings }
        }
        None if any => Verdict::Pass,
        None => Verdict::Skip(NO_CALL),
    }
}

fn repeats(first: &Option<String>, later: &Option<String>) -> bool {
    first.is_some() && first == later
}

/// The first later piece whose type is null; one that opens a call lacks a type, which is another matter.
fn untyped_later(reading: &Reading<'_>, stream: &Stream) -> Option<usize> {
    let typed = reading.choices.iter().flat_map(|choice| &choice.calls).any(|call| call.kind.is_some());
    later_pieces(stream).find(|(_, piece)| typed && piece.member("type").is_some_and(Value::is_null)).map(|(at, _)| at)
}

/// Pieces that continue a call, for they do not name a tool: number of the event, and the piece.
fn later_pieces(stream: &Stream) -> impl Iterator<Item = (usize, &Value)> {
    let pieces = pieces_of(stream).flat_map(|(event, _, _, choice)| {
        let calls = choice.at("/delta/tool_calls").and_then(Value::as_array).into_iter().flatten();
        calls.map(move |piece| (event, piece))
    });
    let names = |piece: &Value| {
        let name = piece.at("/function/name").or_else(|| piece.at("/custom/name"));
        name.and_then(Value::as_str).is_some_and(|name| !name.is_empty())
    };
    pieces.filter(move |(_, piece)| !names(piece))
}

/// Joining an empty text changes nothing; who takes the last text of a name has none.
fn stream_header_empty(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let is_empty = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(str::is_empty);
    let empty = later_pieces(stream).find_map(|(event, piece)| {
        let member = ["/id", "/function/name", "/custom/name"].into_iter().find(|member| is_empty(piece.at(member)))?;
        Some(Finding::in_event(event, PIECES, format!("{} is \"\"", &member[1..])))
    });
    match empty {
        Some(finding) => Verdict::of(vec![finding]),
        None if reading.choices.iter().all(|choice| choice.calls.is_empty()) => Verdict::Skip(NO_CALL),
        None => Verdict::Pass,
    }
}
