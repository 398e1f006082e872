//! Rules about streams that take requests of their own.

use std::time::Duration;

use serde_json::{Map, Value as Joined, json};

use super::super::book::{Book, accepted, broken_at, came, each, is_refusal};
use super::super::said::says_nothing;
use super::super::tools::tells_call;
use super::super::{Check, Fault, Finding, Judge, NO_STREAM, Verdict, levels, shown, tier};
use super::chunks::usage_at_end;
use super::ended;
use crate::basic::probes::{BASIC, BASIC_STREAM};
use crate::exchange::{Choice, Outcome, Payload, Reading, Stream};
use crate::source::Source;
use crate::stream::probes::{ABORT, AFTER_ABORT, GZIP_STREAM, N2_STREAM, USAGE_STREAM, UTF8_STREAM, WRONG_STREAM};
use crate::tools::probes::TOOL_AUTO_STREAM;
use crate::wire::api::reply::choices;
use crate::wire::json::{At, Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "stream-n2-both-finish",
        rule: "with n = 2, both choices say something and finish",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI, Source::pull("sgl-project/sglang", 8417).note("only last index")],
        judge: Judge::Probes(&[&N2_STREAM], n2_both_finish),
        across: None,
    },
    Check {
        id: "stream-reassembles",
        rule: "the joined deltas, in the shape of a whole reply, validate against the response schema",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&BASIC_STREAM], |book| each(book.replies(&BASIC_STREAM), reassembles)),
        across: None,
    },
    Check {
        id: "stream-matches-nonstream",
        rule: "at temperature 0, a whole and a streamed answer end alike and are of one kind",
        levels: levels("Y/S"),
        tier: tier("F*"),
        sources: &[Source::issue("vllm-project/vllm", 47903), Source::issue("googleapis/python-genai", 2868)],
        judge: Judge::Probes(&[&BASIC, &BASIC_STREAM], matches_nonstream),
        across: None,
    },
    Check {
        id: "stream-usage-chunk",
        rule: "a stream that is asked for usage has it in exactly one chunk, before [DONE]",
        levels: levels("-/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("stream_options")],
        judge: Judge::Probes(&[&USAGE_STREAM], |book| each(book.replies(&USAGE_STREAM), usage_chunk)),
        across: None,
    },
    Check {
        id: "stream-usage-empty-choices",
        rule: "the chunk with usage has an empty list of choices",
        levels: levels("-/S"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::issue("BerriAI/litellm", 28735), Source::pull("BerriAI/litellm", 28736)],
        judge: Judge::Probes(&[&USAGE_STREAM], |book| each(book.replies(&USAGE_STREAM), usage_empty_choices)),
        across: None,
    },
    Check {
        id: "stream-usage-null-before",
        rule: "usage is null or absent in every chunk but the last that has it",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("\"null on every chunk except the last\"")],
        judge: Judge::Probes(&[&USAGE_STREAM], |book| each(book.replies(&USAGE_STREAM), usage_null_before)),
        across: None,
    },
    Check {
        id: "stream-prestart-error-status",
        rule: "what is wrong before the stream begins is told by a 4xx with JSON, not in a 200 stream",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::issue("ggml-org/llama.cpp", 14566)],
        judge: Judge::Probes(&[&WRONG_STREAM], |book| each(book.replies(&WRONG_STREAM), prestart_error)),
        across: None,
    },
    Check {
        id: "stream-no-u-fffd",
        rule: "characters of several tokens come whole, without U+FFFD",
        levels: levels("S/S"),
        tier: tier("C*"),
        sources: &[Source::pull("ggml-org/llama.cpp", 28926), Source::issue("abetlen/llama-cpp-python", 372)],
        judge: Judge::Probes(&[&UTF8_STREAM], |book| each(book.replies(&UTF8_STREAM), no_u_fffd)),
        across: None,
    },
    Check {
        id: "stream-no-json-in-content",
        rule: "no streamed content is the JSON of a tool call",
        levels: levels("S/S"),
        tier: tier("F*"),
        sources: &[Source::issue("guoqingbao/xinfer", 383)],
        judge: Judge::Probes(&[&TOOL_AUTO_STREAM], |book| each(book.replies(&TOOL_AUTO_STREAM), no_json_in_content)),
        across: None,
    },
    Check {
        id: "stream-cache-control",
        rule: "what Cache-Control a stream has; no-cache or no-store keeps proxies from holding it back",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice: proxies buffer")],
        judge: Judge::Probes(&[&BASIC_STREAM], |book| each(book.replies(&BASIC_STREAM), cache_control)),
        across: None,
    },
    Check {
        id: "stream-compressed-flush",
        rule: "a compressed stream still comes in pieces",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&GZIP_STREAM], |book| each(book.replies(&GZIP_STREAM), compressed_flush)),
        across: None,
    },
    Check {
        id: "stream-abort-harmless",
        rule: "after a client has left a stream, the next request is served as usual",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&ABORT, &AFTER_ABORT], abort_harmless),
        across: None,
    },
];

/// What a model is asked to repeat: characters that most vocabularies split into several tokens.
pub const REPEATED: &str = "\u{1FAE0}\u{1F979} \u{9F9C} na\u{EF}ve \u{645}\u{631}\u{62D}\u{628}\u{627}";

/// That a choice says nothing is a warning, as it is of one choice, and of a whole reply.
fn n2_both_finish(book: &Book<'_>) -> Verdict {
    each(book.replies(&N2_STREAM), |reading| {
        if let Err(verdict) = ended(reading) {
            return verdict;
        }
        let lacking = (0..2).filter_map(|index| match reading.choices.iter().find(|choice| choice.index == index) {
            None => {
                let detail = format!("expected choices 0 and 1, got no piece of choice {index}");
                Some(Finding::new(format!("/choices/{index}"), detail).kind(Fault::Missing))
            }
            Some(choice) if choice.finish.is_none() => {
                let detail = format!("expected a finish_reason of choice {index}, got none");
                Some(Finding::new(format!("/choices/{index}/finish_reason"), detail).kind(Fault::Missing))
            }
            Some(_) => None,
        });
        let lacking = Verdict::distinct(lacking);
        if lacking != Verdict::Pass {
            return lacking;
        }
        match reading.choices.iter().find(|choice| says_nothing(reading, choice)) {
            Some(Choice { index, .. }) => {
                let detail = format!("expected content of choice {index}, got none");
                Verdict::warning(format!("/choices/{index}/delta"), detail).kind(&Fault::Missing)
            }
            None => Verdict::Pass,
        }
    })
}

fn reassembles(reading: &Reading<'_>) -> Verdict {
    if let Err(verdict) = ended(reading) {
        return verdict;
    }
    if reading.outcome != Outcome::Ok {
        return Verdict::Skip("the stream is not whole");
    }
    let whole = reassembled(reading);
    let schema = reading.exchange.asked.wanted.contract.response();
    let violations = schema.violations(&Value::from(whole)).into_iter();
    Verdict::of(violations.map(|v| Finding::new(v.pointer, format!("once joined: {}", v.message))).collect())
}

/// The stream in the shape of a whole reply: what its chunks share, and its choices joined.
fn reassembled(reading: &Reading<'_>) -> Joined {
    let mut whole = Map::new();
    for chunk in reading.bodies() {
        for (name, value) in chunk.as_object().into_iter().flatten() {
            let known = whole.get(name).is_some_and(|value: &Joined| !value.is_null());
            // The last word counts of usage and metadata, the first of all else; a null there says that it is to come.
            let later = matches!(name, "usage" | "metadata");
            if name != "choices" && !(later && value.is_null()) && (later || !known) {
                whole.insert(name.to_owned(), value.into());
            }
        }
    }
    whole.insert("object".to_owned(), json!("chat.completion"));
    whole.insert("choices".to_owned(), reading.choices.iter().map(joined).collect());
    Joined::Object(whole)
}

fn joined(choice: &Choice) -> Joined {
    let said = |text: &str| if text.is_empty() { Joined::Null } else { Joined::from(text) };
    let mut message = json!({"role": "assistant", "content": said(&choice.content), "refusal": said(&choice.refusal)});
    if choice.calls.is_empty() {
        message["content"] = Joined::from(choice.content.clone());
    } else {
        let calls = choice.calls.iter().map(|call| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            json!({"id": call.id, "type": call.kind.as_deref().unwrap_or("function"), "function": function})
        });
        message["tool_calls"] = calls.collect();
    }
    json!({"index": choice.index, "message": message, "finish_reason": choice.finish, "logprobs": null})
}

fn matches_nonstream(book: &Book<'_>) -> Verdict {
    let (Some(whole), Some(streamed)) = (book.reply(&BASIC), book.reply(&BASIC_STREAM)) else {
        return Verdict::Skip("one of the two was not sent");
    };
    let (Some(first), Some(second)) = (whole.choices.first(), streamed.choices.first()) else {
        return Verdict::Skip("one of the two has no choice");
    };
    if whole.outcome != Outcome::Ok || streamed.outcome != Outcome::Ok {
        return Verdict::Skip("one of the two is not whole");
    }
    let finishes = [first.finish.as_deref(), second.finish.as_deref()].map(Option::unwrap_or_default);
    if finishes.iter().any(|finish| matches!(*finish, "length" | "max_tokens")) {
        return Verdict::Skip("cut by the token cap");
    }
    if finishes[0] != finishes[1] {
        return broken_at(streamed, "", format!("whole ends with {:?}, streamed with {:?}", finishes[0], finishes[1]));
    }
    let kinds = [first, second].map(|choice| if choice.calls.is_empty() { "text" } else { "tool calls" });
    if kinds[0] == kinds[1] {
        return Verdict::Pass;
    }
    broken_at(streamed, "", format!("whole is {}, streamed is {}", kinds[0], kinds[1]))
}

/// The chunks with usage: number of the event, and the chunk.
fn with_usage<'r>(reading: &'r Reading<'_>) -> Result<Vec<(usize, &'r Value)>, Verdict> {
    let stream = ended(reading)?;
    let stated = |chunk: &Value| chunk.member("usage").is_some_and(|usage| !usage.is_null());
    Ok(stream.chunks().filter(|(_, chunk)| stated(chunk)).collect())
}

/// Usage that every chunk repeats is the fault of `stream-usage-null-before`; here, the last one counts.
fn usage_chunk(reading: &Reading<'_>) -> Verdict {
    let chunks = match with_usage(reading) {
        Ok(chunks) => chunks,
        Err(verdict) => return verdict,
    };
    let done = reading.stream().and_then(Stream::done);
    let again = reading.stream().and_then(usage_at_end);
    match chunks.last() {
        None => Verdict::broken("", "expected a chunk with usage, got none").kind(&Fault::Missing),
        Some((event, _)) if done.is_some_and(|done| *event > done) => {
            let detail = "expected usage before [DONE], got it after";
            Verdict::of(vec![Finding::in_event(*event, "/usage", detail).kind(Fault::OutOfOrder)])
        }
        Some(_) => again.map_or(Verdict::Pass, |finding| Verdict::of(vec![finding.kind(Fault::Repeated)])),
    }
}

fn usage_empty_choices(reading: &Reading<'_>) -> Verdict {
    let chunks = match with_usage(reading) {
        Ok(chunks) => chunks,
        Err(verdict) => return verdict,
    };
    let Some((event, chunk)) = chunks.last() else { return Verdict::Skip("no chunk has usage") };
    let empty = chunk.member("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
    let finding =
        || Finding::in_event(*event, "/choices", format!("expected [], got {}", shown(chunk.member("choices"))));
    Verdict::of((!empty).then(finding).into_iter().collect())
}

fn usage_null_before(reading: &Reading<'_>) -> Verdict {
    let chunks = match with_usage(reading) {
        Ok(chunks) => chunks,
        Err(verdict) => return verdict,
    };
    let detail = format!("{} chunks have usage", chunks.len());
    match chunks.first() {
        None => Verdict::Skip("no chunk has usage"),
        Some((event, _)) if chunks.len() > 1 => Verdict::of(vec![Finding::in_event(*event, "/usage", detail)]),
        Some(_) => Verdict::Pass,
    }
}

/// An endpoint that serves such a request breaks no rule on streams; the rules on parameters judge that.
fn prestart_error(reading: &Reading<'_>) -> Verdict {
    if !reading.success() {
        let told = is_refusal(reading) && reading.json().is_some();
        return Verdict::holds(told, "", || format!("expected a 4xx with JSON, got {}", came(reading)));
    }
    if matches!(reading.outcome, Outcome::InbandError(_) | Outcome::Malformed(_) | Outcome::Truncated(_)) {
        return Verdict::broken("", format!("expected a 4xx with JSON, got a 200 that ended {}", reading.outcome));
    }
    Verdict::Skip("the endpoint serves such a request")
}

fn no_u_fffd(reading: &Reading<'_>) -> Verdict {
    let stream = match ended(reading) {
        Ok(stream) => stream,
        Err(verdict) => return verdict,
    };
    let damaged = stream.events.iter().enumerate().find_map(|(event, seen)| match &seen.payload {
        Payload::Chunk(document) => {
            let is_damaged = |piece: &Value| {
                piece.at("/delta/content").and_then(Value::as_str).is_some_and(|text| text.contains('\u{FFFD}'))
            };
            choices(&document.value).iter().position(is_damaged).map(|choice| (event, choice))
        }
        // A chunk that is repeated with another text has one choice.
        Payload::Repeat(repeat) => repeat.text().contains('\u{FFFD}').then_some((event, 0)),
        Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => None,
    });
    if let Some((event, choice)) = damaged {
        let (pointer, detail) = (format!("/choices/{choice}/delta/content"), "expected whole characters, got U+FFFD");
        return Verdict::of(vec![Finding::in_event(event, &pointer, detail)]);
    }
    let exact = reading.choices.iter().any(|choice| choice.content.contains(REPEATED));
    if exact { Verdict::Pass } else { Verdict::Skip("the model did not repeat the text") }
}

fn no_json_in_content(reading: &Reading<'_>) -> Verdict {
    if let Err(verdict) = ended(reading) {
        return verdict;
    }
    let told = reading.choices.iter().find(|choice| tells_call(&choice.content, reading));
    match told {
        Some(choice) => {
            let detail = format!("expected text or nothing in choice {}, got the JSON of a call", choice.index);
            Verdict::broken(format!("/choices/{}", choice.index), detail)
        }
        None if reading.choices.iter().all(|choice| choice.calls.is_empty()) => Verdict::Skip("no tool call"),
        None => Verdict::Pass,
    }
}

fn cache_control(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let header = reading.exchange.head.as_ref().and_then(|head| head.header("cache-control"));
    let kept_out = header.is_some_and(|value| ["no-cache", "no-store"].iter().any(|word| value.contains(word)));
    if kept_out { Verdict::Pass } else { Verdict::Noted(format!("Cache-Control: {}", header.unwrap_or("absent"))) }
}

/// Bytes are judged as they came: the probe undoes no coding.
fn compressed_flush(reading: &Reading<'_>) -> Verdict {
    let exchange = reading.exchange;
    let coding = exchange.head.as_ref().and_then(|head| head.header("content-encoding")).unwrap_or("identity");
    if coding == "identity" || !reading.success() {
        return Verdict::Skip("the endpoint does not compress streams");
    }
    let arrivals = &exchange.body.arrivals;
    let (Some(first), Some(last)) = (arrivals.first(), arrivals.last()) else { return Verdict::Skip("no body") };
    let (span, total) = (last.at.saturating_sub(first.at), exchange.service_time().unwrap_or_default());
    Verdict::holds(arrivals.len() >= 3 && span > total / 10, "", || {
        format!("{coding}: {} arrivals over {span:.1?} of {total:.1?}", arrivals.len())
    })
}

/// How much longer than the first request the one after a broken-off stream may take: far more than chance explains.
const SLOWER: u32 = 10;
const GRACE: Duration = Duration::from_secs(2);

fn abort_harmless(book: &Book<'_>) -> Verdict {
    if book.reply(&ABORT).is_none_or(|reading| !matches!(reading.exchange.outcome, Outcome::Unfinished(_))) {
        return Verdict::Skip("the stream ended before it was left");
    }
    let usual = book.reply(&BASIC).and_then(|reading| reading.exchange.service_time()).unwrap_or_default();
    match accepted(book.replies(&AFTER_ABORT)) {
        Verdict::Pass => each(book.replies(&AFTER_ABORT), |reading| {
            let took = reading.exchange.service_time().unwrap_or_default();
            let detail = || format!("it took {took:.1?}, the same before took {usual:.1?}");
            Verdict::holds(took <= usual * SLOWER + GRACE, "", detail)
        }),
        other @ (Verdict::Noted(_) | Verdict::Skip(_) | Verdict::Broken { .. }) => other,
    }
}
