//! Rules about the pieces of a streamed tool call.

use super::super::stream::pieces_of;
use super::super::{Check, Fault, Finding, Judge, Level, NO_STREAM, Verdict, levels, tier};
use super::{NO_CALL, piece_of};
use crate::exchange::{Call, Fragment, Reading, Stream};
use crate::source::Source;
use crate::wire::json::{At, Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-stream-index",
        rule: "every piece of a streamed call has its index; calls are numbered from 0",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("required"),
            Source::issue("ollama/ollama", 7881),
            Source::issue("ollama/ollama", 15457),
            Source::issue("sgl-project/sglang", 6310),
        ],
        judge: Judge::Reply(stream_index),
        across: None,
    },
    Check {
        id: "tool-stream-header-first",
        rule: "the first piece of a streamed call has id and name, and later ones do not change id, type and name",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::client("openai/openai-node", "the stream helper throws where id, type or name is missing"),
            Source::OPENAI,
            Source::issue("vllm-project/vllm", 18412),
            Source::pull("huggingface/smolagents", 1958),
        ],
        judge: Judge::Reply(stream_header_first),
        across: None,
    },
    Check {
        id: "tool-stream-header-once",
        rule: "no later piece of a streamed call says id or name again, or takes the type back with null",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("deltas"),
            Source::client("openai/openai-python", "joins deltas (accumulate_delta)"),
            Source::pull("ggml-org/llama.cpp", 13800),
            Source::pull("open-webui/open-webui", 22235),
            Source::pull("langchain-ai/langchain", 22589),
        ],
        judge: Judge::Reply(stream_header_once),
        across: None,
    },
    Check {
        id: "tool-stream-header-empty",
        rule: "no later piece of a streamed call has an empty id or name",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[
            Source::OPENAI.note("leaves them out"),
            Source::pull("NousResearch/hermes-agent", 106_943).note("LM Studio"),
        ],
        judge: Judge::Reply(stream_header_empty),
        across: None,
    },
];

/// Repetitions of a reply that are looked at.
const LOOKED_AT: usize = 256;

fn stream_index(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let numbered = reading
        .choices
        .iter()
        .flat_map(|choice| choice.calls.iter().enumerate().map(move |(number, call)| (choice.index, number, call)));
    let findings = numbered.filter_map(|(choice, number, call)| {
        let fragment = call.fragments.iter().find(|fragment| fragment.index != Some(number as u64))?;
        let got = fragment.index.map_or("no index".to_owned(), |index| format!("index {index}"));
        let detail = format!("expected index {number} for call {number} of choice {choice}, got {got}");
        let place = format!("{}/index", piece_of(choice, Some(fragment)));
        let fault = if fragment.index.is_some() { Fault::WrongValue } else { Fault::Missing };
        Some(Finding::in_event(fragment.event, &place, detail).kind(fault))
    });
    of_calls(reading, Verdict::distinct(findings))
}

/// The verdict, where there is a call to judge.
fn of_calls(reading: &Reading<'_>, verdict: Verdict) -> Verdict {
    if reading.choices.iter().any(|choice| !choice.calls.is_empty()) { verdict } else { Verdict::Skip(NO_CALL) }
}

/// Every streamed call with its first piece and those behind it.
fn in_pieces<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = (Header<'r>, &'r Fragment, &'r [Fragment])> {
    let calls = reading.choices.iter().flat_map(|choice| choice.calls.iter().map(move |call| (choice.index, call)));
    calls.filter_map(|(choice, call)| {
        let (first, later) = call.fragments.split_first()?;
        Some((Header { choice, call }, first, later))
    })
}

/// A call without a type in any piece is the fault of `tool-shape` alone, as OpenAI's Node client refuses it (`missing
/// choices[0].tool_calls[0].type`); in which piece the type comes is nobody's matter, since clients take it from any,
/// and the document does not require it in a piece.
fn stream_header_first(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let findings = in_pieces(reading).flat_map(|(header, first, later)| {
        header.lacking(first).into_iter().chain(later.iter().flat_map(move |piece| header.changed(first, piece)))
    });
    of_calls(reading, Verdict::distinct(findings))
}

/// What the pieces of a call say of the call as a whole.
#[derive(Clone, Copy)]
struct Header<'r> {
    choice: u64,
    call: &'r Call,
}

impl Header<'_> {
    fn members<'f>(&self, piece: &'f Fragment) -> [(&'static str, Option<&'f str>); 3] {
        let name = if self.call.is_custom() { "/custom/name" } else { "/function/name" };
        [("/id", piece.id.as_deref()), ("/type", piece.kind.as_deref()), (name, piece.name.as_deref())]
    }

    /// What the first piece does not say; the type may come in any.
    fn lacking(&self, first: &Fragment) -> Vec<Finding> {
        let lacks = self.members(first).into_iter().filter(|(member, said)| said.is_none() && *member != "/type");
        lacks
            .map(|(member, _)| {
                let detail = format!("expected {} in the first piece of the call, got none", &member[1..]);
                self.finding(first, member, detail).kind(Fault::Missing)
            })
            .collect()
    }

    /// What a later piece says otherwise; what the first one had to say and did not is no change.
    fn changed(&self, first: &Fragment, piece: &Fragment) -> Vec<Finding> {
        let pairs = self.members(first).into_iter().zip(self.members(piece));
        let changed = pairs.filter_map(|((member, before), (_, now))| {
            let before = if member == "/type" { self.call.kind.as_deref() } else { before };
            Some((member, before?, now?)).filter(|(_, before, now)| before != now)
        });
        changed
            .map(|(member, before, now)| {
                let detail = format!("expected {} {before:?}, as in event {}, got {now:?}", &member[1..], first.event);
                self.finding(piece, member, detail).kind(Fault::Changed)
            })
            .collect()
    }

    /// What a later piece says once more: a name is a fault, an id a warning.
    fn repeated(&self, first: &Fragment, piece: &Fragment) -> Vec<(Level, Finding)> {
        let pairs = self.members(first).into_iter().zip(self.members(piece));
        let again =
            pairs.filter(|((member, before), (_, now))| *member != "/type" && before.is_some() && before == now);
        again
            .map(|((member, said), _)| {
                let said = said.unwrap_or_default();
                let level = if member == "/id" { Level::Should } else { Level::Must };
                let detail = format!(
                    "expected {} in the first piece only, got it again: clients join it to {:?}",
                    &member[1..],
                    [said, said].concat()
                );
                (level, self.finding(piece, member, detail).kind(Fault::Repeated))
            })
            .collect()
    }

    fn finding(&self, piece: &Fragment, member: &str, detail: String) -> Finding {
        let place = format!("{}{member}", piece_of(self.choice, Some(piece)));
        Finding::in_event(piece.event, &place, detail)
    }
}

/// OpenAI's Python client joins the texts of all pieces but `index` and `type`, which the last piece decides: a name that
/// comes twice names no tool. An id that comes twice is joined too, but still is one that goes back with the result, so
/// it is a warning, and so is a type that is taken back.
fn stream_header_once(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let again = in_pieces(reading)
        .flat_map(|(header, first, later)| later.iter().flat_map(move |piece| header.repeated(first, piece)));
    let untyped = untyped_later(reading, stream).map(|finding| (Level::Should, finding));
    let (must, should): (Vec<_>, Vec<_>) =
        again.take(LOOKED_AT).chain(untyped).partition(|(level, _)| *level == Level::Must);
    let findings = |leveled: Vec<(Level, Finding)>| leveled.into_iter().map(|(_, finding)| finding);
    let verdict = if must.is_empty() {
        Verdict::distinct(findings(should)).at(Level::Should)
    } else {
        Verdict::distinct(findings(must))
    };
    of_calls(reading, verdict)
}

/// The first later piece whose type is null; one that opens a call lacks a type, which is another matter.
fn untyped_later(reading: &Reading<'_>, stream: &Stream) -> Option<Finding> {
    let typed = reading.choices.iter().flat_map(|choice| &choice.calls).any(|call| call.kind.is_some());
    let piece = later_pieces(stream).find(|later| typed && later.piece.member("type").is_some_and(Value::is_null))?;
    Some(piece.finding("/type", "expected the type, or no such key, got null".to_owned()).kind(Fault::Changed))
}

/// A piece that continues a call.
struct Later<'s> {
    event: usize,
    pointer: String,
    piece: &'s Value,
}

impl Later<'_> {
    fn finding(&self, member: &str, detail: String) -> Finding {
        Finding::in_event(self.event, &format!("{}{member}", self.pointer), detail)
    }
}

/// Pieces that continue a call, for they do not name a tool.
fn later_pieces(stream: &Stream) -> impl Iterator<Item = Later<'_>> {
    let pieces = pieces_of(stream).flat_map(|(event, position, _, choice)| {
        let calls = choice.at("/delta/tool_calls").and_then(Value::as_array).into_iter().flatten().enumerate();
        calls.map(move |(number, piece)| {
            let pointer = format!("/choices/{position}/delta/tool_calls/{number}");
            Later { event, pointer, piece }
        })
    });
    let names = |piece: &Value| {
        let name = piece.at("/function/name").or_else(|| piece.at("/custom/name"));
        name.and_then(Value::as_str).is_some_and(|name| !name.is_empty())
    };
    pieces.filter(move |later| !names(later.piece))
}

/// Joining an empty text changes nothing; who takes the last text of a name has none.
fn stream_header_empty(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let is_empty = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(str::is_empty);
    let empty = later_pieces(stream).find_map(|later| {
        let member =
            ["/id", "/function/name", "/custom/name"].into_iter().find(|member| is_empty(later.piece.at(member)))?;
        Some(later.finding(member, format!("expected {} in the first piece only, got \"\"", &member[1..])))
    });
    match empty {
        Some(finding) => Verdict::of(vec![finding]),
        None if reading.choices.iter().all(|choice| choice.calls.is_empty()) => Verdict::Skip(NO_CALL),
        None => Verdict::Pass,
    }
}
