//! Rules about requests that are to be served, and how.

use crate::basic::probes::{BASIC, BASIC_STREAM};
use crate::book::{
    accepted, broken_at, came, each, each_of, first_text, is_refusal, names_parameter, no_server_error, refused, sent,
};
use crate::exchange::{Reading, nonce};
use crate::http::probes::PAGE_MODELS;
use crate::request::probes::{
    DEVELOPER, MINIMAL, MODEL_OMITTED, MULTI, NULLS, PARTS, SEED_EXAMPLE, SEED_EXAMPLE_FIELDS, STREAM_FALSE, SYS,
    UNKNOWN_MEMBER, USER, UTF8,
};
use crate::source::Source;
use crate::wire::api::reply::choices;
use crate::wire::json::{Members, Value};
use crate::{Book, Check, Judge, Verdict, levels, shown, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "req-minimal-accepted",
        rule: "model and messages alone are enough",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Probes(&[&MINIMAL], |book| accepted(book.replies(&MINIMAL))),
        across: None,
    },
    Check {
        id: "req-seed-example-accepted",
        rule: "every documented parameter at once is accepted",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::SEED],
        judge: Judge::Probes(&[&SEED_EXAMPLE, &SEED_EXAMPLE_FIELDS], seed_example),
        across: None,
    },
    Check {
        id: "req-model-omitted-routes",
        rule: "a request without model is answered, and the reply names one",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_OPENAPI, Source::PULZE_REFERENCE.note("default \"pulze\"")],
        judge: Judge::Probes(&[&MODEL_OMITTED], routed),
        across: None,
    },
    Check {
        id: "req-model-omitted-rejected",
        rule: "a request without model is refused, unless one model is all that there is",
        levels: levels("-/S"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("model is required"),
            Source::ours("servers of one model, such as llama.cpp and mlx_lm, need no name"),
        ],
        judge: Judge::Probes(&[&MODEL_OMITTED, &PAGE_MODELS], needs_model),
        across: None,
    },
    Check {
        id: "req-system-role",
        rule: "a system message is accepted",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS, Source::PULZE_REFERENCE, Source::OPENAI],
        judge: Judge::Probes(&[&SYS], |book| accepted(book.replies(&SYS))),
        across: None,
    },
    Check {
        id: "req-assistant-history",
        rule: "a history with a message of the assistant is accepted",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS, Source::PULZE_REFERENCE, Source::OPENAI],
        judge: Judge::Probes(&[&MULTI], |book| accepted(book.replies(&MULTI))),
        across: None,
    },
    Check {
        id: "req-history-recalled",
        rule: "the answer knows what was said before",
        levels: levels("S/S"),
        tier: tier("F*"),
        sources: &[Source::project("webai-at-home/webai-at-home").note("history.recalled")],
        judge: Judge::Probes(&[&MULTI], |book| each(book.replies(&MULTI), recalled)),
        across: None,
    },
    Check {
        id: "req-developer-role",
        rule: "a developer message is accepted",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&DEVELOPER], |book| accepted(book.replies(&DEVELOPER))),
        across: None,
    },
    Check {
        id: "req-content-parts",
        rule: "content in text parts is accepted",
        levels: levels("Y/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI, Source::ours("SDKs for OpenAI's API send content so")],
        judge: Judge::Probes(&[&PARTS], |book| accepted(book.replies(&PARTS))),
        across: None,
    },
    Check {
        id: "req-nulls-accepted",
        rule: "every parameter that may be null may be null, and the reply is a completion as ever; a refusal that names one is skipped",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("nullable"),
            Source::PULZE_REFERENCE.note("`| null`"),
            Source::project("vllm-project/vllm").note("test_tool_choice_null"),
        ],
        judge: Judge::Probes(&[&NULLS], |book| each(book.replies(&NULLS), takes_nulls)),
        across: None,
    },
    Check {
        id: "req-stream-default-json",
        rule: "a request without stream, or with stream false, gets one JSON object",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::SEED.note("`200 application/json`"),
            Source::OPENAI.note("default false"),
            Source::issue("decolua/9router", 4122),
            Source::issue("unslothai/unsloth", 6570),
        ],
        judge: Judge::Probes(&[&BASIC, &STREAM_FALSE], |book| each_of(book, &[&BASIC, &STREAM_FALSE], one_completion)),
        across: None,
    },
    Check {
        id: "req-stream-flag-honoured",
        rule: "a request with stream true gets server-sent events",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI, Source::pull("sgl-project/mini-sglang", 125)],
        judge: Judge::Probes(&[&BASIC_STREAM], |book| each(book.replies(&BASIC_STREAM), streamed)),
        across: None,
    },
    Check {
        id: "req-unknown-field-policy",
        rule: "a member that no one knows is ignored or refused, and which is told",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&UNKNOWN_MEMBER], |book| each(book.replies(&UNKNOWN_MEMBER), policy)),
        across: None,
    },
    Check {
        id: "req-user-field",
        rule: "user is accepted",
        levels: levels("-/Y"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("deprecated")],
        judge: Judge::Probes(&[&USER], |book| accepted(book.replies(&USER))),
        across: None,
    },
    Check {
        id: "req-case-roundtrip",
        rule: "characters that take several tokens come back as they were sent",
        levels: levels("M/M"),
        tier: tier("F*"),
        sources: &[Source::whole_rfc(8259)],
        judge: Judge::Probes(&[&UTF8], |book| each(book.replies(&UTF8), repeated)),
        across: None,
    },
];

/// On a refusal each parameter is sent alone, so that the one at fault has a name.
fn seed_example(book: &Book<'_>) -> Verdict {
    let Some(reading) = book.reply(&SEED_EXAMPLE).filter(|reading| !reading.success()) else {
        return accepted(book.replies(&SEED_EXAMPLE));
    };
    let alone = book.replies(&SEED_EXAMPLE_FIELDS).iter().filter(|reading| is_refusal(reading));
    let refused: Vec<String> =
        alone.filter_map(|reading| sent(reading).as_object()?.keys().next_back().map(str::to_owned)).collect();
    let blamed = if refused.is_empty() { "none is refused alone".to_owned() } else { refused.join(", ") };
    broken_at(reading, "", format!("expected 2xx, got {}; refused alone: {blamed}", came(reading)))
}

fn routed(book: &Book<'_>) -> Verdict {
    each(book.replies(&MODEL_OMITTED), |reading| {
        let Some(completion) = reading.completion() else {
            return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
        };
        let model = completion.member("model");
        Verdict::holds(model.and_then(Value::as_str).is_some_and(|model| !model.is_empty()), "/model", || {
            format!("expected a name, got {}", shown(model))
        })
    })
}

/// The tag stands in the first message only.
fn recalled(reading: &Reading<'_>) -> Verdict {
    let (Some(key), Some(text)) = (reading.exchange.asked.wanted.tag_key, first_text(reading)) else {
        return Verdict::Skip("no answer to judge");
    };
    let found = nonce::found(key, &text.to_lowercase());
    Verdict::holds(found.contains(&reading.exchange.ticket.seq), "/choices/0/message/content", || {
        format!("the code of the first message is not in {text:?}")
    })
}

/// A server that has one model, and says so, needs none named.
fn needs_model(book: &Book<'_>) -> Verdict {
    let list = book.reply(&PAGE_MODELS).and_then(|reading| reading.json()?.value.member("data")?.as_array());
    let served = |reading: &Reading<'_>| reading.completion().is_some();
    if list.is_some_and(|models| models.len() == 1) && book.replies(&MODEL_OMITTED).iter().all(served) {
        return Verdict::Noted("it is answered by the one model that there is".to_owned());
    }
    refused(book.replies(&MODEL_OMITTED))
}

/// An endpoint that does not know null for a parameter, and says so by its name, can be told not to get it.
fn takes_nulls(reading: &Reading<'_>) -> Verdict {
    let body = sent(reading);
    let nulls = body.as_object().into_iter().flatten().filter(|(_, value)| value.is_null()).map(|(name, _)| name);
    let mut names = nulls.filter(|_| is_refusal(reading));
    let says = |name: &str| reading.json().is_some_and(|document| names_parameter(&document.value, name));
    if names.any(says) {
        return Verdict::Skip("null is refused for a parameter, by its name");
    }
    one_completion(reading)
}

fn one_completion(reading: &Reading<'_>) -> Verdict {
    let media_type = reading.exchange.head.as_ref().and_then(crate::exchange::Head::media_type).unwrap_or_default();
    let is_one = reading.completion().is_some_and(|completion| !choices(completion).is_empty());
    Verdict::holds(is_one && media_type != "text/event-stream", "", || {
        format!("expected one JSON object with choices, got {} of type {media_type:?}", came(reading))
    })
}

fn streamed(reading: &Reading<'_>) -> Verdict {
    let events = reading.stream().is_some_and(|stream| !stream.events.is_empty() && stream.bare_json.is_none());
    Verdict::holds(events, "", || {
        let object = if reading.success() { " with no events in it" } else { "" };
        format!("expected server-sent events, got {}{object}", came(reading))
    })
}

fn policy(reading: &Reading<'_>) -> Verdict {
    match no_server_error(std::slice::from_ref(reading)) {
        Verdict::Pass if reading.success() => Verdict::Noted("unknown members are ignored".to_owned()),
        Verdict::Pass => Verdict::Noted("unknown members are refused".to_owned()),
        other @ (Verdict::Noted(_) | Verdict::Skip(_) | Verdict::Broken { .. }) => other,
    }
}

/// What shows that bytes were read as something else than UTF-8: a replacement character, half an escape, UTF-8 read as
/// Latin-1.
const GARBLED: [&str; 4] = ["\u{FFFD}", "\\ud8", "\\u0", "\u{C3}\u{AF}"];

/// A model that answers otherwise says nothing of the endpoint, unless its answer is garbled.
fn repeated(reading: &Reading<'_>) -> Verdict {
    let (Some(text), Some((_, exact))) = (first_text(reading), reading.exchange.asked.wanted.prompt.split_once(": "))
    else {
        return Verdict::Skip("no answer to judge");
    };
    if text.contains(exact) {
        return Verdict::Pass;
    }
    match GARBLED.iter().find(|garbled| text.contains(**garbled)) {
        Some(garbled) => Verdict::broken("/choices/0/message/content", format!("{garbled:?} in {text:?}")),
        None => Verdict::Skip("the model did not repeat the text"),
    }
}
