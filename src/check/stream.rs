//! Rules about streams: their framing, and what their chunks say one after another.
//!
//! A leading chunk without choices (Azure's prompt filter) is judged by `stream-first-chunk-usable` alone in the
//! openai dialect; the rules on id, created, object and schema pass over it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::response::is_known_finish;
use super::{Check, Finding, INCOMPLETE, Judge, NO_STREAM, Verdict, levels, shown, tier};
use crate::exchange::{Cut, Outcome, Payload, Reading, Stream, carries_content};
use crate::wire::reply::{choices, has_error};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "stream-content-type",
        rule: "a stream has content type text/event-stream, in UTF-8",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "SSE; O; microsoft/foundry-dev-tools #195, containers/ramalama #2837, sigoden/aichat #651",
        judge: Judge::Reply(content_type),
        across: None,
    },
    Check {
        id: "stream-status-200",
        rule: "a stream has status 200",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S",
        judge: Judge::Reply(status_200),
        across: None,
    },
    Check {
        id: "stream-sse-wellformed",
        rule: "every line is blank, a comment, or a field of server-sent events",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "SSE grammar",
        judge: Judge::Reply(sse_wellformed),
        across: None,
    },
    Check {
        id: "stream-utf8-valid",
        rule: "the bytes of a stream are UTF-8",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "SSE (UTF-8 always)",
        judge: Judge::Reply(utf8_valid),
        across: None,
    },
    Check {
        id: "stream-data-json",
        rule: "the data of every event but [DONE] is one JSON object",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "O; H",
        judge: Judge::Reply(data_json),
        across: None,
    },
    Check {
        id: "stream-done-present",
        rule: "a stream has a data: [DONE] event",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; H; waybarrios/vllm-mlx #101, vllm-project/vllm #52852, BerriAI/litellm PR#39748",
        judge: Judge::Reply(done_present),
        across: None,
    },
    Check {
        id: "stream-done-once-last",
        rule: "[DONE] comes once, and nothing but comments after it",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O",
        judge: Judge::Reply(done_once_last),
        across: None,
    },
    Check {
        id: "stream-clean-close",
        rule: "the body ends properly, within 5 s of [DONE]",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "9112 7.1, 8",
        judge: Judge::Reply(clean_close),
        across: None,
    },
    Check {
        id: "stream-line-ending",
        rule: "which line ending is used; a mixture is a warning",
        levels: levels("Y/Y"),
        tier: tier("C"),
        source: "SSE allows LF, CRLF, CR",
        judge: Judge::Reply(line_ending),
        across: None,
    },
    Check {
        id: "stream-comments",
        rule: "comments are counted",
        levels: levels("Y/Y"),
        tier: tier("C"),
        source: "SSE; openai/openai-go #227, symfony/ai #1068, docker/docker-agent #2349",
        judge: Judge::Reply(comments),
        across: None,
    },
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
        id: "stream-role-first",
        rule: "the first delta of each choice has role assistant",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "O; SGLang and llama.cpp tests",
        judge: Judge::Reply(role_first),
        across: None,
    },
    Check {
        id: "stream-content-delta-type",
        rule: "delta.content is absent, null or a string",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "O; vllm-project/vllm-ascend #14501",
        judge: Judge::Reply(content_delta_type),
        across: None,
    },
    Check {
        id: "stream-finish-once",
        rule: "each choice has exactly one finish_reason",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; sgl-project/sglang PR#8417, vllm-project/vllm #27572, microsoft/foundry-local #299",
        judge: Judge::Reply(finish_once),
        across: None,
    },
    Check {
        id: "stream-finish-last",
        rule: "no content of a choice comes after its finish_reason",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "O; vllm-project/vllm #35705",
        judge: Judge::Reply(finish_last),
        across: None,
    },
    Check {
        id: "stream-finish-null-key",
        rule: "every piece of a choice has the key finish_reason, null until the last",
        levels: levels("Y/S/M"),
        tier: tier("F"),
        source: "O! required, nullable; vllm-project/vllm #19650, PR#19662",
        judge: Judge::Reply(finish_null_key),
        across: None,
    },
    Check {
        id: "stream-finish-known",
        rule: "finish_reason is one of the published",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "as resp-finish-reason-known; OpenRouter error",
        judge: Judge::Reply(finish_known),
        across: None,
    },
    Check {
        id: "stream-index-valid",
        rule: "choice indices are 0 to n-1, each seen",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "O; microsoft/foundry-local #144",
        judge: Judge::Reply(index_valid),
        across: None,
    },
    Check {
        id: "stream-nonempty",
        rule: "a choice says something before it finishes",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "diegosouzapw/OmniRoute PR#8210, infiniflow/ragflow PR#19498",
        judge: Judge::Reply(nonempty),
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
    Check {
        id: "stream-incremental",
        rule: "content comes in at least three pieces, spread over more than a tenth of the time",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "practice; BerriAI/litellm PR#29557",
        judge: Judge::Reply(incremental),
        across: None,
    },
    Check {
        id: "stream-ttft-before-end",
        rule: "the first content comes more than 5 ms before the last",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "practice",
        judge: Judge::Reply(ttft_before_end),
        across: None,
    },
];

/// Whether the reply is a success that answers a request for a stream.
fn asked_stream(reading: &Reading<'_>) -> bool {
    reading.exchange.asked.wanted.stream && reading.success()
}

fn content_type(reading: &Reading<'_>) -> Verdict {
    if !asked_stream(reading) {
        return Verdict::Skip(NO_STREAM);
    }
    let value = reading.exchange.head.as_ref().and_then(|head| head.header("content-type")).unwrap_or("");
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let charset = parts
        .find_map(|part| part.to_ascii_lowercase().strip_prefix("charset=").map(|c| c.trim_matches('"').to_owned()));
    let right =
        media_type.eq_ignore_ascii_case("text/event-stream") && charset.is_none_or(|charset| charset == "utf-8");
    Verdict::holds(right, "", || format!("expected text/event-stream, got {value:?}"))
}

fn status_200(reading: &Reading<'_>) -> Verdict {
    if !asked_stream(reading) {
        return Verdict::Skip(NO_STREAM);
    }
    let status = reading.exchange.status().unwrap_or_default();
    Verdict::holds(status == 200, "", || format!("expected status 200, got {status}"))
}

fn sse_wellformed(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    if stream.bare_json.is_some() {
        return Verdict::broken("", "a bare JSON body in the place of events");
    }
    let sample = String::from_utf8_lossy(stream.framing.first_unknown.as_deref().unwrap_or_default());
    Verdict::holds(stream.framing.unknown_fields == 0, "", || {
        format!("{} lines are no field, the first {sample:?}", stream.framing.unknown_fields)
    })
}

fn utf8_valid(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    match stream.invalid_utf8 {
        Some(offset) if reading.complete() => Verdict::broken("", format!("byte {offset} is no UTF-8")),
        Some(_) => Verdict::Skip(INCOMPLETE),
        None => Verdict::Pass,
    }
}

fn data_json(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let fault = stream.events.iter().enumerate().find_map(|(number, event)| match &event.payload {
        Payload::Broken(error) => Some(Finding::in_event(number, "", format!("not JSON: {error}"))),
        Payload::Chunk(document) | Payload::Error(document) if !document.value.is_object() => {
            Some(Finding::in_event(number, "", format!("expected an object, got {}", shown(Some(&document.value)))))
        }
        Payload::Chunk(_) | Payload::Error(_) | Payload::Done | Payload::Empty => None,
    });
    Verdict::of(fault.into_iter().collect())
}

/// The stream, if its transfer came to its proper end, so that what is missing was never sent.
fn ended<'r>(reading: &'r Reading<'_>) -> Result<&'r Stream, Verdict> {
    let stream = reading.stream().ok_or(Verdict::Skip(NO_STREAM))?;
    if stream.bare_json.is_some() {
        return Err(Verdict::Skip("the body has no events"));
    }
    if reading.complete() { Ok(stream) } else { Err(Verdict::Skip(INCOMPLETE)) }
}

fn done_present(reading: &Reading<'_>) -> Verdict {
    match ended(reading) {
        Ok(stream) => Verdict::holds(stream.done().is_some(), "", || match &stream.framing.unterminated {
            Some(rest) => format!("no [DONE]; discarded for want of a blank line: {:?}", String::from_utf8_lossy(rest)),
            None => format!("no [DONE] in {} events", stream.events.len()),
        }),
        Err(verdict) => verdict,
    }
}

fn done_once_last(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let Some(done) = stream.done() else { return Verdict::Skip("[DONE] is absent") };
    match stream.events.get(done + 1) {
        Some(event) => {
            Verdict::of(vec![Finding::in_event(done + 1, "", format!("after [DONE]: {:?}", clip(&event.data)))])
        }
        None => Verdict::Pass,
    }
}

/// Longest that a server may keep the body open after `[DONE]`.
const LINGER: Duration = Duration::from_secs(5);

fn clean_close(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let broken = [
        (Outcome::Truncated(Cut::ShortBody), "the body ended without its terminator"),
        (Outcome::Reset, "the connection was reset"),
        (Outcome::Protocol, "the framing of the body broke"),
    ];
    if let Some((_, detail)) = broken.iter().find(|(outcome, _)| *outcome == reading.exchange.outcome) {
        return Verdict::broken("", *detail);
    }
    if !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    let Some(done) = stream.done() else { return Verdict::Pass };
    let lingered = reading.exchange.ended.saturating_sub(reading.arrived(stream.events[done].arrival));
    Verdict::holds(lingered <= LINGER, "", || format!("the body stayed open for {lingered:.1?} after [DONE]"))
}

fn line_ending(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let endings = stream.framing.endings;
    if endings.mixed() {
        return Verdict::warning("", format!("{} LF, {} CRLF, {} CR", endings.lf, endings.crlf, endings.cr));
    }
    match (endings.lf, endings.crlf, endings.cr) {
        (0, 0, 0) => Verdict::Skip("no line"),
        (1.., _, _) => Verdict::Noted("LF".to_owned()),
        (_, 1.., _) => Verdict::Noted("CRLF".to_owned()),
        (_, _, 1..) => Verdict::Noted("CR".to_owned()),
    }
}

fn comments(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    match &stream.framing.first_comment {
        Some(text) => Verdict::Noted(String::from_utf8_lossy(text).trim().to_owned()),
        None => Verdict::Pass,
    }
}

/// The chunks that the rules on their members judge: all, but in the openai dialect not a leading one without choices.
fn judged_chunks<'r>(reading: &'r Reading<'_>) -> Vec<(usize, &'r Value)> {
    let Some(stream) = reading.stream() else { return Vec::new() };
    let skip_leading = reading.exchange.asked.wanted.dialect.is_openai();
    let leading = stream
        .chunks()
        .next()
        .is_some_and(|(_, chunk)| choices(chunk).is_empty() && chunk.get("usage").is_none_or(Value::is_null));
    stream.chunks().skip(usize::from(skip_leading && leading)).collect()
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
fn each_chunk(reading: &Reading<'_>, judge: impl Fn(&Value) -> Option<(String, String)>) -> Verdict {
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
        let object = chunk.get("object");
        (object.and_then(Value::as_str) != Some("chat.completion.chunk"))
            .then(|| ("/object".to_owned(), format!("expected \"chat.completion.chunk\", got {}", shown(object))))
    })
}

fn stable(reading: &Reading<'_>, member: &str) -> Verdict {
    let chunks = judged_chunks(reading);
    let Some((_, first)) = chunks.first() else { return Verdict::Skip(NO_STREAM) };
    let said = |chunk: &Value| chunk.get(member).filter(|value| !value.is_null()).cloned();
    let expected = said(first);
    match chunks.iter().find(|(_, chunk)| said(chunk) != expected) {
        Some((event, chunk)) => Verdict::of(vec![Finding::in_event(
            *event,
            &format!("/{member}"),
            format!("{} before, now {}", shown(expected.as_ref()), shown(chunk.get(member))),
        )]),
        None if expected.is_none() => Verdict::Skip("no chunk has the member"),
        None => Verdict::Pass,
    }
}

fn first_chunk_usable(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let Some((event, chunk)) = stream.chunks().next() else { return Verdict::Skip("the stream has no chunk") };
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

/// Every piece of every choice: event, position in the chunk, index of the choice, and the piece.
fn pieces(stream: &Stream) -> impl Iterator<Item = (usize, usize, u64, &Value)> {
    stream.chunks().flat_map(|(event, chunk)| {
        let index = |piece: &Value| piece.get("index").and_then(Value::as_u64).unwrap_or(0);
        choices(chunk).iter().enumerate().map(move |(position, piece)| (event, position, index(piece), piece))
    })
}

fn role_first(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let mut seen = Vec::new();
    for (event, position, index, piece) in pieces(stream) {
        if seen.contains(&index) {
            continue;
        }
        seen.push(index);
        let role = piece.pointer("/delta/role");
        if role.and_then(Value::as_str) != Some("assistant") {
            let detail = format!("the first delta of choice {index} has role {}", shown(role));
            return Verdict::of(vec![Finding::in_event(event, &format!("/choices/{position}/delta/role"), detail)]);
        }
    }
    if seen.is_empty() { Verdict::Skip("the stream has no choice") } else { Verdict::Pass }
}

fn content_delta_type(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let wrong = pieces(stream).find_map(|(event, position, _, piece)| {
        let content = piece.pointer("/delta/content").filter(|content| !content.is_null() && !content.is_string())?;
        let pointer = format!("/choices/{position}/delta/content");
        Some(Finding::in_event(event, &pointer, format!("expected a string or null, got {}", shown(Some(content)))))
    });
    Verdict::of(wrong.into_iter().collect())
}

fn finish_once(reading: &Reading<'_>) -> Verdict {
    let stream = match ended(reading) {
        Ok(stream) => stream,
        Err(verdict) => return verdict,
    };
    let mut finishes: BTreeMap<u64, u32> = (0..reading.exchange.asked.wanted.n).map(|index| (index, 0)).collect();
    for (_, _, index, piece) in pieces(stream) {
        let ends = piece.get("finish_reason").is_some_and(|reason| !reason.is_null());
        *finishes.entry(index).or_default() += u32::from(ends);
    }
    match finishes.into_iter().find(|(_, count)| *count != 1) {
        Some((index, count)) => Verdict::broken("", format!("choice {index} has {count} finish reasons")),
        None => Verdict::Pass,
    }
}

/// Content in the chunk that carries the finish reason is legal; content after it is not.
fn finish_last(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let mut finished = Vec::new();
    for (event, position, index, piece) in pieces(stream) {
        if finished.contains(&index) && piece.get("delta").is_some_and(carries_content) {
            let detail = format!("content of choice {index} after its finish_reason");
            return Verdict::of(vec![Finding::in_event(event, &format!("/choices/{position}/delta"), detail)]);
        }
        if piece.get("finish_reason").is_some_and(|reason| !reason.is_null()) {
            finished.push(index);
        }
    }
    if finished.is_empty() { Verdict::Skip("no choice finishes") } else { Verdict::Pass }
}

fn finish_known(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let dialect = reading.exchange.asked.wanted.dialect;
    let unknown = pieces(stream).find_map(|(event, position, _, piece)| {
        let reason = piece.get("finish_reason")?.as_str()?;
        (!is_known_finish(dialect, reason)).then(|| {
            Finding::in_event(
                event,
                &format!("/choices/{position}/finish_reason"),
                format!("{reason:?} is not published"),
            )
        })
    });
    Verdict::of(unknown.into_iter().collect())
}

fn finish_null_key(reading: &Reading<'_>) -> Verdict {
    each_chunk(reading, |chunk| {
        let position = choices(chunk).iter().position(|piece| piece.get("finish_reason").is_none())?;
        Some((format!("/choices/{position}"), "no key finish_reason; it is null until the choice ends".to_owned()))
    })
}

fn index_valid(reading: &Reading<'_>) -> Verdict {
    let Some(stream) = reading.stream() else { return Verdict::Skip(NO_STREAM) };
    let n = reading.exchange.asked.wanted.n;
    let mut seen = Vec::new();
    for (event, chunk) in stream.chunks() {
        for (position, piece) in choices(chunk).iter().enumerate() {
            let Some(index) = piece.get("index").and_then(Value::as_u64).filter(|index| *index < n) else {
                let detail = format!("expected 0 to {}, got {}", n - 1, shown(piece.get("index")));
                return Verdict::of(vec![Finding::in_event(event, &format!("/choices/{position}/index"), detail)]);
            };
            seen.push(index);
        }
    }
    match (0..n).find(|index| !seen.contains(index)) {
        Some(_) if !reading.complete() => Verdict::Skip(INCOMPLETE),
        Some(_) if seen.is_empty() => Verdict::Skip("the stream has no choice"),
        Some(index) => Verdict::broken("", format!("choice {index} never comes")),
        None => Verdict::Pass,
    }
}

fn nonempty(reading: &Reading<'_>) -> Verdict {
    if let Err(verdict) = ended(reading) {
        return verdict;
    }
    let reasoned = reading.usage.and_then(|usage| usage.reasoning).is_some_and(|tokens| tokens > 0.0);
    let silent = reading.choices.iter().find(|choice| {
        let said = [&choice.content, &choice.reasoning, &choice.refusal].iter().any(|text| !text.is_empty());
        let excused = (choice.finish.as_deref() == Some("length") && reasoned)
            || choice.finish.as_deref() == Some("content_filter");
        !said && choice.calls.is_empty() && !excused
    });
    match silent {
        Some(choice) => Verdict::broken("", format!("choice {} says nothing", choice.index)),
        None if reading.choices.is_empty() => Verdict::broken("", "the stream has no choice"),
        None => Verdict::Pass,
    }
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
        Some(body) if has_error(body) => Verdict::broken("/error", shown(body.get("error"))),
        Some(_) | None => Verdict::Pass,
    }
}

/// Below this many tokens, a stream is too short to say whether it was buffered.
const JUDGED_TOKENS: f64 = 20.0;

/// When content came, for streams long enough to judge: number of arrivals, first and last.
fn spread(reading: &Reading<'_>) -> Result<(usize, Duration, Duration), Verdict> {
    ended(reading)?;
    let tokens = reading.tokens().map_or(0.0, |tokens| tokens.completion);
    match (reading.first_token(), reading.last_token()) {
        (Some(first), Some(last)) if tokens >= JUDGED_TOKENS => Ok((reading.events_per_arrival().len(), first, last)),
        _ => Err(Verdict::Skip("fewer than 20 tokens")),
    }
}

fn incremental(reading: &Reading<'_>) -> Verdict {
    let (arrivals, first, last) = match spread(reading) {
        Ok(spread) => spread,
        Err(verdict) => return verdict,
    };
    let total = reading.exchange.service_time().unwrap_or_default();
    let span = last.saturating_sub(first);
    Verdict::holds(arrivals >= 3 && span > total / 10, "", || {
        format!("content came {arrivals} times over {span:.1?} of {total:.1?}")
    })
}

const LEAST_SPREAD: Duration = Duration::from_millis(5);

fn ttft_before_end(reading: &Reading<'_>) -> Verdict {
    match spread(reading) {
        Ok((_, first, last)) => {
            let span = last.saturating_sub(first);
            Verdict::holds(span > LEAST_SPREAD, "", || format!("all content came within {span:.1?}"))
        }
        Err(verdict) => verdict,
    }
}

fn clip(text: &str) -> String {
    text.chars().take(120).collect()
}
