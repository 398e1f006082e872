//! Rules about what every chunk of a stream carries beside its choices.

use std::borrow::Cow;

use super::super::said::has_sound;
use super::super::{Check, Fault, Finding, Judge, NO_STREAM, Verdict, levels, shown, tier};
use super::{asked_stream, ended, is_filter_chunk};
use crate::exchange::words::quoted;
use crate::exchange::{Payload, Reading, Seen, Stream};
use crate::source::Source;
use crate::wire::api::error::{ErrorFound, Place, error_in};
use crate::wire::api::reply::choices;
use crate::wire::json::{Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "stream-chunk-schema",
        rule: "every chunk validates against the dialect's chunk schema",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("chunk schema (nullable fixed)")],
        judge: Judge::Reply(chunk_schema),
        across: None,
    },
    Check {
        id: "stream-object-value",
        rule: "object is chat.completion.chunk in every chunk",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("const")],
        judge: Judge::Reply(object_value),
        across: None,
    },
    Check {
        id: "stream-id-stable",
        rule: "every chunk has the same id",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::issue("sgl-project/sglang", 39864),
            Source::issue("BerriAI/litellm", 1571),
            Source::issue("BerriAI/litellm", 14429),
            Source::issue("ggml-org/llama.cpp", 5876),
        ],
        judge: Judge::Reply(|reading| stable(reading, "id")),
        across: None,
    },
    Check {
        id: "stream-created-stable",
        rule: "every chunk has the same created",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("\"same timestamp\""),
            Source::issue("sgl-project/sglang", 39864),
            Source::pull("ollama/ollama", 15088),
        ],
        judge: Judge::Reply(|reading| stable(reading, "created")),
        across: None,
    },
    Check {
        id: "stream-model-stable",
        rule: "every chunk has the same model",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::OPENAI],
        judge: Judge::Reply(|reading| stable(reading, "model")),
        across: None,
    },
    Check {
        id: "stream-first-chunk-usable",
        rule: "the first chunk has a choice, an id and a model",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::issue("Azure/azure-sdk-for-go", 21086),
            Source::issue("microsoft/semantic-kernel", 3650),
            Source::issue("pydantic/pydantic-ai", 164),
        ],
        judge: Judge::Reply(first_chunk_usable),
        across: None,
    },
    Check {
        id: "stream-filter-chunk-usable",
        rule: "a chunk with the results of a content filter has a delta, an id and a model, as every other has",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::issue("openai/openai-python", 1677),
            Source::issue("openai/openai-python", 2313),
            Source::issue("openai/openai-node", 1015),
            Source::issue("BerriAI/litellm", 3811),
        ],
        judge: Judge::Reply(filter_chunk_usable),
        across: None,
    },
    Check {
        id: "stream-usage-once",
        rule: "a stream that is asked for usage ends with one chunk that has it, not with several",
        levels: levels("-/M"),
        tier: tier("L"),
        sources: &[
            Source::OPENAI.note("stream_options: one additional chunk, for the entire request"),
            Source::ours("clients that add chunks up count twice"),
        ],
        judge: Judge::Reply(usage_once),
        across: None,
    },
    Check {
        id: "stream-usage-not-unasked",
        rule: "no chunk has usage unless it was asked for",
        levels: levels("-/Y"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Reply(usage_not_unasked),
        across: None,
    },
    Check {
        id: "stream-usage-pulze",
        rule: "where usage and metadata appear in a stream",
        levels: levels("Y/-"),
        tier: tier("C"),
        sources: &[Source::ours("published nowhere")],
        judge: Judge::Reply(usage_pulze),
        across: None,
    },
    Check {
        id: "stream-no-inband-error",
        rule: "no event is an error",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::client("openai/openai-python", "raises on it"),
            Source::client("openai/openai-node", "raises on it"),
            Source::issue("ggml-org/llama.cpp", 14566),
            Source::pull("diegosouzapw/OmniRoute", 8210),
            Source::issue("diegosouzapw/OmniRoute", 4177),
            Source::OPENROUTER,
        ],
        judge: Judge::Reply(no_inband_error),
        across: None,
    },
];

/// The chunks that the rules on their members judge: all that are distinct, but in the openai dialect neither a leading
/// one without choices nor those of a content filter.
fn judged_chunks<'r>(reading: &'r Reading<'_>) -> Vec<(usize, &'r Value)> {
    let Some(stream) = reading.stream() else { return Vec::new() };
    let skip_leading = reading.exchange.asked.wanted.contract.facts.filter_chunks;
    let leading = stream
        .distinct()
        .next()
        .is_some_and(|(_, chunk)| choices(chunk).is_empty() && chunk.member("usage").is_none_or(Value::is_null));
    let judged = stream.distinct().skip(usize::from(skip_leading && leading));
    judged.filter(|(_, chunk)| !(skip_leading && is_filter_chunk(chunk))).collect()
}

/// Chunks that break the schema of which all violations are listed; listing them takes far longer than finding them.
const LOOKED_AT: usize = 32;

fn chunk_schema(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let schema = reading.exchange.asked.wanted.contract.chunk();
    let broken = judged_chunks(reading).into_iter().filter(|(_, chunk)| !schema.is_valid(chunk));
    Verdict::distinct(broken.take(LOOKED_AT).flat_map(|(event, chunk)| {
        let faults = schema.violations(&with_finish(chunk)).into_iter();
        faults.map(move |fault| Finding { event: Some(event), ..Finding::of_schema(fault) })
    }))
}

/// A chunk whose pieces of sound have the key `finish_reason`, which OpenAI's own lack (openai/openai-node #1206).
fn with_finish(chunk: &Value) -> Cow<'_, Value> {
    if !choices(chunk).iter().any(|piece| has_sound(piece) && piece.member("finish_reason").is_none()) {
        return Cow::Borrowed(chunk);
    }
    let mut whole = serde_json::Value::from(chunk);
    let pieces = whole.get_mut("choices").and_then(serde_json::Value::as_array_mut).into_iter().flatten();
    for piece in pieces.filter_map(serde_json::Value::as_object_mut) {
        piece.entry("finish_reason").or_insert(serde_json::Value::Null);
    }
    Cow::Owned(Value::from(whole))
}

/// Judges chunks one by one; faults of one kind are reported once.
pub(super) fn each_chunk(reading: &Reading<'_>, judge: impl Fn(&Value) -> Option<(String, String)>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    Verdict::distinct(judged_chunks(reading).into_iter().filter_map(|(event, chunk)| {
        let (pointer, detail) = judge(chunk)?;
        Some(Finding::in_event(event, &pointer, detail).settled(reading))
    }))
}

fn object_value(reading: &Reading<'_>) -> Verdict {
    each_chunk(reading, |chunk| {
        let object = chunk.member("object");
        (object.and_then(Value::as_str) != Some("chat.completion.chunk"))
            .then(|| ("/object".to_owned(), format!("expected \"chat.completion.chunk\", got {}", shown(object))))
    })
}

fn stable(reading: &Reading<'_>, member: &str) -> Verdict {
    let chunks = judged_chunks(reading);
    let Some((began, first)) = chunks.first() else { return Verdict::Skip(NO_STREAM) };
    let expected = stated(first, member);
    let changed = chunks.iter().filter(|(_, chunk)| stated(chunk, member) != expected);
    let findings = changed.map(|(event, chunk)| {
        let now = stated(chunk, member);
        let detail = format!("expected {}, as in event {began}, got {}", shown(expected), shown(chunk.get(member)));
        let fault = if now.is_none() { Fault::Missing } else { Fault::Changed };
        Finding::in_event(*event, &format!("/{member}"), detail).kind(fault)
    });
    let verdict = Verdict::distinct(findings);
    let is_idle = verdict == Verdict::Pass && expected.is_none();
    if is_idle { Verdict::Skip("no chunk has the member") } else { verdict }
}

/// A member that is not null.
fn stated<'c>(chunk: &'c Value, member: &str) -> Option<&'c Value> {
    chunk.get(member).filter(|value| !value.is_null())
}

fn first_chunk_usable(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let Some((event, chunk)) = stream.distinct().next() else { return Verdict::Skip("the stream has no chunk") };
    let filled = |member: &str| chunk.get(member).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let lacks = [("choices", choices(chunk).is_empty()), ("id", !filled("id")), ("model", !filled("model"))];
    let missing = lacks.into_iter().find(|(_, lacks)| *lacks).map(|(member, _)| {
        let expected = if member == "choices" { "a choice" } else { "a non-empty string" };
        let detail = format!("expected {expected}, got {}", shown(chunk.get(member)));
        Finding::in_event(event, &format!("/{member}"), detail)
    });
    Verdict::of(missing.into_iter().collect())
}

/// One fault, whatever the chunk lacks: clients that look at the delta of every choice fail at it.
fn filter_chunk_usable(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let filter = stream.distinct().find(|(_, chunk)| is_filter_chunk(chunk));
    let finding = |(event, _)| Finding::in_event(event, "/choices/0", "the results of a filter come without a delta");
    Verdict::of(filter.map(finding).into_iter().collect())
}

/// Several where one is due; that none comes is another matter. A preview before the text, or a count so far beside
/// each piece, is no end of the stream: the last statement counts.
fn usage_once(reading: &Reading<'_>) -> Verdict {
    if !reading.exchange.asked.wanted.include_usage {
        return Verdict::Skip("usage was not asked for");
    }
    let stream = match ended(reading) {
        Ok(stream) => stream,
        Err(verdict) => return verdict,
    };
    usage_at_end(stream).map_or(Verdict::Pass, |finding| Verdict::of(vec![finding]))
}

/// The second of several chunks with usage and without choices that come after the last with a choice.
pub(super) fn usage_at_end(stream: &Stream) -> Option<Finding> {
    let done = stream.done().unwrap_or(usize::MAX);
    let before = stream.distinct().filter(|(event, _)| *event < done);
    let closing = before.rev().take_while(|(_, chunk)| choices(chunk).is_empty());
    let mut stated: Vec<(usize, &Value)> = closing
        .filter_map(|(event, chunk)| Some((event, chunk.member("usage").filter(|usage| !usage.is_null())?)))
        .collect();
    stated.reverse();
    let [(_, first), (event, second), ..] = stated.as_slice() else { return None };
    let count = stated.len();
    let detail = format!("{count} chunks at the end have usage: {}, then {}", shown(Some(first)), shown(Some(second)));
    Some(Finding::in_event(*event, "/usage", detail))
}

fn usage_not_unasked(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    if reading.exchange.asked.wanted.include_usage {
        return Verdict::Skip("usage was asked for");
    }
    let unasked = stream.distinct().find(|(_, chunk)| chunk.member("usage").is_some_and(|usage| !usage.is_null()));
    let finding = |(event, _)| Finding::in_event(event, "/usage", "usage comes unasked").kind(Fault::Unasked);
    Verdict::of(unasked.map(finding).into_iter().collect())
}

fn usage_pulze(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let count = stream.chunks().count();
    let place = |member: &str| {
        let at: Vec<usize> = stream
            .chunks()
            .enumerate()
            .filter(|(_, (_, c))| c.get(member).is_some_and(|v| !v.is_null()))
            .map(|(i, _)| i)
            .collect();
        match at.as_slice() {
            [] => "nowhere",
            [last] if last + 1 == count => "in the last chunk",
            all if all.len() == count => "in every chunk",
            _ => "in some chunks",
        }
    };
    Verdict::Noted(format!("usage {}, metadata {}", place("usage"), place("metadata")))
}

fn no_inband_error(reading: &Reading<'_>) -> Verdict {
    if !asked_stream(reading) {
        return Verdict::Skip(NO_STREAM);
    }
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let is_error = |event: &Seen| matches!(event.payload, Payload::Error(_) | Payload::ErrorText);
    if let Some(event) = stream.events.iter().position(is_error) {
        let seen = &stream.events[event];
        let found = match &seen.payload {
            Payload::Error(document) => error_in(&document.value, Place::Event),
            Payload::Chunk(_)
            | Payload::Repeat(_)
            | Payload::ErrorText
            | Payload::Done
            | Payload::Empty
            | Payload::Broken(_) => None,
        };
        let words = found.as_ref().map_or_else(|| seen.data.clone(), ErrorFound::in_words);
        let pointer = found.map(|error| error.pointer).unwrap_or_default();
        let detail = format!("an error event: {}", quoted(&words));
        return Verdict::of(vec![Finding::in_event(event, &pointer, detail).kind(Fault::Unasked)]);
    }
    match stream.bare_json.as_ref().and_then(|body| error_in(body, Place::Body)) {
        Some(error) => {
            let detail = format!("an error in the place of events: {}", quoted(&error.in_words()));
            Verdict::broken(error.pointer, detail).kind(&Fault::Unasked)
        }
        None => Verdict::Pass,
    }
}
