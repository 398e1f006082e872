//! Rules about what every chunk of a stream carries beside its choices.

use super::super::{Check, Finding, Judge, NO_STREAM, Verdict, levels, shown, tier};
use super::{asked_stream, clip};
use crate::exchange::{Payload, Reading};
use crate::wire::json::{Members, Value};
use crate::wire::reply::{choices, has_error};

pub(in crate::check) static CHECKS: &[Check] = &[
    Check {
        id: "stream-chunk-schema",
        rule: "every chunk validates against the dialect's chunk schema",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O chunk schema (nullable fixed)",
        judge: Judge::Reply(chunk_schema),
        across: None,
    },
    Check {
        id: "stream-object-value",
        rule: "object is chat.completion.chunk in every chunk",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O const",
        judge: Judge::Reply(object_value),
        across: None,
    },
    Check {
        id: "stream-id-stable",
        rule: "every chunk has the same id",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; sgl-project/sglang #39864, BerriAI/litellm #1571, #14429, ggml-org/llama.cpp #5876",
        judge: Judge::Reply(|reading| stable(reading, "id")),
        across: None,
    },
    Check {
        id: "stream-created-stable",
        rule: "every chunk has the same created",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O \"same timestamp\"; sgl-project/sglang #39864, ollama/ollama PR#15088",
        judge: Judge::Reply(|reading| stable(reading, "created")),
        across: None,
    },
    Check {
        id: "stream-model-stable",
        rule: "every chunk has the same model",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "O",
        judge: Judge::Reply(|reading| stable(reading, "model")),
        across: None,
    },
    Check {
        id: "stream-first-chunk-usable",
        rule: "the first chunk has a choice, an id and a model",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "Azure/azure-sdk-for-go #21086, microsoft/semantic-kernel #3650, pydantic/pydantic-ai #164",
        judge: Judge::Reply(first_chunk_usable),
        across: None,
    },
    Check {
        id: "stream-usage-not-unasked",
        rule: "no chunk has usage unless it was asked for",
        levels: levels("-/Y"),
        tier: tier("F"),
        source: "O",
        judge: Judge::Reply(usage_not_unasked),
        across: None,
    },
    Check {
        id: "stream-usage-pulze",
        rule: "where usage and metadata appear in a stream",
        levels: levels("Y/-"),
        tier: tier("C"),
        source: "unsaid",
        judge: Judge::Reply(usage_pulze),
        across: None,
    },
    Check {
        id: "stream-no-inband-error",
        rule: "no event is an error",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "ggml-org/llama.cpp #14566; diegosouzapw/OmniRoute PR#8210, #4177; OpenRouter",
        judge: Judge::Reply(no_inband_error),
        across: None,
    },
];

/// The chunks that the rules on their members judge: all that are distinct, but in the openai dialect not a leading one without choices.
fn judged_chunks<'r>(reading: &'r Reading<'_>) -> Vec<(usize, &'r Value)> {
    let Some(stream) = reading.stream() else { return Vec::new() };
    let skip_leading = reading.exchange.asked.wanted.dialect.is_openai();
    let leading = stream
        .distinct()
        .next()
        .is_some_and(|(_, chunk)| choices(chunk).is_empty() && chunk.member("usage").is_none_or(Value::is_null));
    stream.distinct().skip(usize::from(skip_leading && leading)).collect()
}

fn chunk_schema(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let schema = reading.exchange.asked.wanted.dialect.chunk();
    let broken = judged_chunks(reading).into_iter().find(|(_, chunk)| !schema.is_valid(chunk));
    let Some((event, chunk)) = broken else { return Verdict::Pass };
    Verdict::of(schema.violations(chunk).into_iter().map(|v| Finding::in_event(event, &v.pointer, v.message)).collect())
}

/// Judges chunks one by one, up to the first that breaks the rule.
pub(super) fn each_chunk(reading: &Reading<'_>, judge: impl Fn(&Value) -> Option<(String, String)>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    for (event, chunk) in judged_chunks(reading) {
        if let Some((pointer, detail)) = judge(chunk) {
            return Verdict::of(vec![Finding::in_event(event, &pointer, detail)]);
        }
    }
    Verdict::Pass
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
    let Some((_, first)) = chunks.first() else { return Verdict::Skip(NO_STREAM) };
    let expected = stated(first, member);
    match chunks.iter().find(|(_, chunk)| stated(chunk, member) != expected) {
        Some((event, chunk)) => Verdict::of(vec![Finding::in_event(
            *event,
            &format!("/{member}"),
            format!("{} before, now {}", shown(expected), shown(chunk.get(member))),
        )]),
        None if expected.is_none() => Verdict::Skip("no chunk has the member"),
        None => Verdict::Pass,
    }
}

/// A member that is not null.
fn stated<'c>(chunk: &'c Value, member: &str) -> Option<&'c Value> {
    chunk.get(member).filter(|value| !value.is_null())
}

fn first_chunk_usable(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let Some((event, chunk)) = stream.distinct().next() else { return Verdict::Skip("the stream has no chunk") };
    let filled = |member: &str| chunk.get(member).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let missing = if choices(chunk).is_empty() {
        Some("no choice")
    } else if !filled("id") {
        Some("no id")
    } else if !filled("model") {
        Some("no model")
    } else {
        None
    };
    Verdict::of(missing.map(|what| Finding::in_event(event, "", what)).into_iter().collect())
}

fn usage_not_unasked(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    if reading.exchange.asked.wanted.include_usage {
        return Verdict::Skip("usage was asked for");
    }
    let unasked = stream.distinct().find(|(_, chunk)| chunk.member("usage").is_some_and(|usage| !usage.is_null()));
    let finding = |(event, _)| Finding::in_event(event, "/usage", "usage comes unasked");
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
    let error =
        stream.events.iter().position(|event| matches!(event.payload, Payload::Error(_)) || event.name == "error");
    if let Some(event) = error {
        return Verdict::of(vec![Finding::in_event(event, "/error", clip(&stream.events[event].data))]);
    }
    match &stream.bare_json {
        Some(body) if has_error(body) => Verdict::broken("/error", shown(body.member("error"))),
        Some(_) | None => Verdict::Pass,
    }
}
