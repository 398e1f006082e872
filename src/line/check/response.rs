//! Rules about the members of a completion, whole or streamed.

use std::collections::BTreeSet;

use super::{Across, Check, Finding, Judge, Level, NO_COMPLETION, Verdict, levels, shown, tier};
use crate::exchange::{Choice, Reading};
use crate::wire::Dialect;
use crate::wire::json::{Members, Value};
use crate::wire::reply::{choices, has_error};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "resp-choices-nonempty",
        rule: "a completion has at least one choice",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S; O",
        judge: Judge::Reply(choices_nonempty),
        across: None,
    },
    Check {
        id: "resp-index-sequence",
        rule: "choice indices are 0, 1, ... without gaps or repeats",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "K required; O",
        judge: Judge::Reply(index_sequence),
        across: None,
    },
    Check {
        id: "resp-message-object",
        rule: "every choice has a message object and no delta",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S; O; microsoft/foundry-local #383",
        judge: Judge::Reply(message_object),
        across: None,
    },
    Check {
        id: "resp-role-assistant",
        rule: "the message's role is assistant",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "S enum shows user/assistant/system; O const",
        judge: Judge::Reply(role_assistant),
        across: None,
    },
    Check {
        id: "resp-content-type-of-content",
        rule: "content is a string, or null beside tool calls, a refusal, reasoning or finish length",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S string; O string or null",
        judge: Judge::Reply(type_of_content),
        across: None,
    },
    Check {
        id: "resp-content-nonempty",
        rule: "a choice says something",
        levels: levels("S/S"),
        tier: tier("C*"),
        source: "practice",
        judge: Judge::Reply(content_nonempty),
        across: None,
    },
    Check {
        id: "resp-finish-reason-present",
        rule: "every choice has a finish_reason",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "K default stop; O",
        judge: Judge::Reply(finish_present),
        across: None,
    },
    Check {
        id: "resp-finish-reason-known",
        rule: "finish_reason is one of the published",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "R open list; O enum; ml-explore/mlx-lm PR#782, huggingface/text-generation-inference #1724",
        judge: Judge::Reply(finish_known),
        across: None,
    },
    Check {
        id: "resp-object-value",
        rule: "object is a published value",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S text_completion; K enum of two; O const",
        judge: Judge::Reply(object_value),
        across: None,
    },
    Check {
        id: "resp-object-chat",
        rule: "object is chat.completion",
        levels: levels("S/-"),
        tier: tier("C"),
        source: "K",
        judge: Judge::Reply(object_chat),
        across: None,
    },
    Check {
        id: "resp-id-present",
        rule: "a completion has a non-empty id",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "S; O",
        judge: Judge::Reply(id_present),
        across: None,
    },
    Check {
        id: "resp-id-unique",
        rule: "no id comes twice in a run",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "R log id; O; ollama/ollama PR#14225, ogx-ai/ogx #2315, InternLM/lmdeploy PR#4707",
        judge: Judge::Reply(id_judged),
        across: Some(Across::Unique(Level::Must, |reading| id(reading).map(str::to_owned).into_iter().collect())),
    },
    Check {
        id: "resp-id-opaque-safe",
        rule: "an id is at most 256 printable ASCII characters",
        levels: levels("Y/Y"),
        tier: tier("C"),
        source: "practice",
        judge: Judge::Reply(id_opaque_safe),
        across: None,
    },
    Check {
        id: "resp-created-integer",
        rule: "created is an integer of 0 or more",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S; O",
        judge: Judge::Reply(created_integer),
        across: None,
    },
    Check {
        id: "resp-created-plausible",
        rule: "created is now, within 300 s: in seconds, in the pulze dialect also in milliseconds",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "R \"milliseconds (!)\"; O seconds; ollama/ollama PR#15088",
        judge: Judge::Reply(created_plausible),
        across: None,
    },
    Check {
        id: "resp-model-nonempty",
        rule: "model is a non-empty string",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "K required; O; microsoft/foundry-local #144",
        judge: Judge::Reply(model_nonempty),
        across: None,
    },
    Check {
        id: "resp-no-error-member",
        rule: "a whole success has no top-level error",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "BerriAI/litellm #27030",
        judge: Judge::Reply(no_error_member),
        across: None,
    },
    Check {
        id: "resp-no-markup-leak",
        rule: "no markup of the model's template is in the text",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "inferencerlabs/inferencer-feedback #295; vllm-project/vllm-ascend #12398; microsoft/foundry-local #874",
        judge: Judge::Reply(no_markup_leak),
        across: None,
    },
    Check {
        id: "resp-no-replacement-char",
        rule: "no U+FFFD is in the text unless the prompt has it",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "ggml-org/llama.cpp #4036, PR#28926; triton-inference-server/server #8039",
        judge: Judge::Reply(no_replacement_char),
        across: None,
    },
    Check {
        id: "resp-refusal-key",
        rule: "every message has the key refusal",
        levels: levels("-/Y/M"),
        tier: tier("F"),
        source: "O! required key; JamePeng/llama-cpp-python #113",
        judge: Judge::Reply(refusal_key),
        across: None,
    },
    Check {
        id: "resp-logprobs-key",
        rule: "every choice has the key logprobs",
        levels: levels("-/Y/M"),
        tier: tier("F"),
        source: "O! required key",
        judge: Judge::Reply(logprobs_key),
        across: None,
    },
];

fn choices_nonempty(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    Verdict::holds(!choices(completion).is_empty(), "/choices", || {
        format!("no choice in {}", shown(completion.member("choices")))
    })
}

/// Judges every choice of a whole completion.
fn each_choice(reading: &Reading<'_>, judge: impl Fn(usize, &Value) -> Option<Finding>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let choices = choices(completion);
    if choices.is_empty() {
        return Verdict::Skip("the completion has no choice");
    }
    Verdict::of(choices.iter().enumerate().filter_map(|(number, choice)| judge(number, choice)).collect())
}

fn index_sequence(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let choices = choices(completion);
    let indices: BTreeSet<u64> = choices.iter().filter_map(|choice| choice.member("index")?.as_u64()).collect();
    Verdict::holds(indices.iter().copied().eq(0..choices.len() as u64), "/choices", || {
        let said: Vec<String> = choices.iter().map(|choice| shown(choice.member("index"))).collect();
        format!("expected 0 to {}, got {}", choices.len().saturating_sub(1), said.join(", "))
    })
}

fn message_object(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        if choice.member("delta").is_some() {
            return Some(Finding::new(format!("/choices/{number}/delta"), "a delta in a whole reply"));
        }
        let message = choice.member("message");
        (!message.is_some_and(Value::is_object)).then(|| {
            Finding::new(format!("/choices/{number}/message"), format!("expected an object, got {}", shown(message)))
        })
    })
}

fn role_assistant(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let role = choice.member("message").filter(|message| message.is_object())?.member("role");
        (role.and_then(Value::as_str) != Some("assistant")).then(|| {
            Finding::new(
                format!("/choices/{number}/message/role"),
                format!("expected \"assistant\", got {}", shown(role)),
            )
        })
    })
}

/// Null where nothing explains it is a warning only: the schema allows null (spec, 2.2).
fn type_of_content(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let mut unexplained = None;
    for (number, choice) in choices(completion).iter().enumerate() {
        let Some(message) = choice.member("message").filter(|message| message.is_object()) else { continue };
        let place = format!("/choices/{number}/message/content");
        match message.member("content") {
            None | Some(Value::Null) if explains_null(reading.choices.get(number)) => {}
            None | Some(Value::Null) => unexplained = Some(place),
            Some(content) if content.is_string() => {}
            content @ Some(_) => {
                return Verdict::broken(place, format!("expected a string or null, got {}", shown(content)));
            }
        }
    }
    match unexplained {
        Some(place) => Verdict::warning(place, "null without tool calls, refusal, reasoning or finish length"),
        None => Verdict::Pass,
    }
}

fn explains_null(choice: Option<&Choice>) -> bool {
    choice.is_some_and(|choice| {
        !choice.calls.is_empty()
            || !choice.refusal.is_empty()
            || !choice.reasoning.is_empty()
            || matches!(choice.finish.as_deref(), Some("length" | "max_tokens" | "content_filter"))
    })
}

fn content_nonempty(reading: &Reading<'_>) -> Verdict {
    if reading.completion().is_none() {
        return Verdict::Skip(NO_COMPLETION);
    }
    let silent = |choice: &&Choice| {
        let said = [&choice.content, &choice.refusal, &choice.reasoning].iter().any(|text| !text.trim().is_empty());
        let reasoned = reading.usage.and_then(|usage| usage.reasoning).is_some_and(|tokens| tokens > 0.0);
        let cut = choice.finish.as_deref() == Some("length") && reasoned;
        let filtered = choice.finish.as_deref() == Some("content_filter");
        !said && choice.calls.is_empty() && !cut && !filtered
    };
    match reading.choices.iter().find(silent) {
        Some(choice) => {
            Verdict::broken(format!("/choices/{}/message/content", choice.index), "the choice says nothing")
        }
        None => Verdict::Pass,
    }
}

fn finish_present(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let reason = choice.member("finish_reason");
        (!reason.is_some_and(Value::is_string)).then(|| {
            Finding::new(
                format!("/choices/{number}/finish_reason"),
                format!("expected a string, got {}", shown(reason)),
            )
        })
    })
}

/// The five of OpenAI's enum; Pulze's open list adds `max_tokens` (spec, section 2).
pub(super) fn is_known_finish(dialect: Dialect, reason: &str) -> bool {
    matches!(reason, "stop" | "length" | "tool_calls" | "content_filter" | "function_call")
        || (dialect == Dialect::Pulze && reason == "max_tokens")
}

fn finish_known(reading: &Reading<'_>) -> Verdict {
    let dialect = reading.exchange.asked.wanted.dialect;
    each_choice(reading, |number, choice| {
        let reason = choice.member("finish_reason")?.as_str()?;
        (!is_known_finish(dialect, reason))
            .then(|| Finding::new(format!("/choices/{number}/finish_reason"), format!("{reason:?} is not published")))
    })
}

fn object_value(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let object = completion.member("object");
    let right = match object.and_then(Value::as_str) {
        Some("chat.completion") => true,
        Some("text_completion") => reading.exchange.asked.wanted.dialect == Dialect::Pulze,
        Some(_) | None => false,
    };
    Verdict::holds(right, "/object", || format!("{} is not published", shown(object)))
}

fn object_chat(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let object = completion.member("object");
    Verdict::holds(object.and_then(Value::as_str) == Some("chat.completion"), "/object", || {
        format!("expected \"chat.completion\", got {}", shown(object))
    })
}

/// The id of a completion, or of the first chunk that has one.
fn id<'r>(reading: &'r Reading<'_>) -> Option<&'r str> {
    reading.bodies().find_map(|body| body.member("id")?.as_str().filter(|id| !id.is_empty()))
}

fn id_present(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let said = completion.member("id");
    if reading.exchange.asked.wanted.policies.private && said.is_none_or(Value::is_null) {
        return Verdict::Skip("privacy level 3 keeps no log");
    }
    Verdict::holds(said.and_then(Value::as_str).is_some_and(|id| !id.is_empty()), "/id", || {
        format!("expected a non-empty string, got {}", shown(said))
    })
}

fn id_judged(reading: &Reading<'_>) -> Verdict {
    if id(reading).is_some() { Verdict::Pass } else { Verdict::Skip("the reply has no id") }
}

fn id_opaque_safe(reading: &Reading<'_>) -> Verdict {
    let Some(id) = id(reading) else { return Verdict::Skip("the reply has no id") };
    let safe = id.len() <= 256 && id.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    Verdict::holds(safe, "/id", || format!("{} bytes, or not printable ASCII", id.len()))
}

/// The body whose `created` is judged: the completion, or the first chunk that has a choice.
fn stamped<'r>(reading: &'r Reading<'_>) -> Option<&'r Value> {
    reading.completion().or_else(|| reading.bodies().find(|body| !choices(body).is_empty()))
}

fn created_integer(reading: &Reading<'_>) -> Verdict {
    let Some(body) = stamped(reading) else { return Verdict::Skip("no completion to judge") };
    let created = body.member("created");
    if reading.exchange.asked.wanted.dialect == Dialect::Pulze && created.is_none_or(Value::is_null) {
        return Verdict::Skip("created is optional");
    }
    let integer = created.and_then(Value::as_f64).is_some_and(|number| number >= 0.0 && number.fract() == 0.0);
    Verdict::holds(integer, "/created", || format!("expected an integer of 0 or more, got {}", shown(created)))
}

/// Above this, a unix time is in milliseconds: 100 gigaseconds are the year 5138, in milliseconds 1973.
const MILLISECONDS_FROM: f64 = 1e11;
const PLAUSIBLE_S: f64 = 300.0;

fn created_plausible(reading: &Reading<'_>) -> Verdict {
    let Some(created) = stamped(reading).and_then(|body| body.member("created")?.as_f64()) else {
        return Verdict::Skip("no created");
    };
    let pulze = reading.exchange.asked.wanted.dialect == Dialect::Pulze;
    if created >= MILLISECONDS_FROM && !pulze {
        return Verdict::broken("/created", format!("{created} is in milliseconds, expected seconds"));
    }
    let seconds = if created >= MILLISECONDS_FROM { created / 1000.0 } else { created };
    let ours = (reading.exchange.epoch + reading.exchange.ended).as_secs_f64();
    let date = reading.exchange.head.as_ref().and_then(|head| head.header("date")).and_then(unix_seconds);
    let near = |now: f64| (seconds - now).abs() <= PLAUSIBLE_S;
    Verdict::holds(near(ours) || date.is_some_and(near), "/created", || {
        format!("{created} is {:.0} s from now", seconds - date.unwrap_or(ours))
    })
}

/// Seconds since 1970 of an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
pub(super) fn unix_seconds(date: &str) -> Option<f64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs_f64())
}

fn model_nonempty(reading: &Reading<'_>) -> Verdict {
    if let Some(completion) = reading.completion() {
        let model = completion.member("model");
        return Verdict::holds(model.and_then(Value::as_str).is_some_and(|m| !m.is_empty()), "/model", || {
            format!("expected a non-empty string, got {}", shown(model))
        });
    }
    let Some(stream) = reading.stream() else { return Verdict::Skip("no completion to judge") };
    let optional = reading.exchange.asked.wanted.dialect == Dialect::Pulze;
    let nameless = stream.distinct().find(|(_, chunk)| {
        let model = chunk.member("model");
        let absent = model.is_none_or(Value::is_null);
        let excused = choices(chunk).is_empty() || (absent && optional);
        !excused && model.and_then(Value::as_str).is_none_or(str::is_empty)
    });
    match nameless {
        Some((event, chunk)) => {
            Verdict::of(vec![Finding::in_event(event, "/model", format!("got {}", shown(chunk.member("model"))))])
        }
        None => Verdict::Pass,
    }
}

fn no_error_member(reading: &Reading<'_>) -> Verdict {
    if !reading.success() || reading.exchange.asked.wanted.stream {
        return Verdict::Skip("not a whole success");
    }
    match reading.json() {
        Some(document) => {
            Verdict::holds(!has_error(&document.value), "/error", || shown(document.value.member("error")))
        }
        None => Verdict::Skip("no JSON to judge"),
    }
}

const MARKUP: [&str; 6] = ["<tool_call>", "<|im_end|>", "<|eot_id|>", "</think>", "[TOOL_CALLS]", "<function="];

fn refusal_key(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let message = choice.member("message").filter(|message| message.is_object())?;
        message.member("refusal").is_none().then(|| {
            Finding::new(format!("/choices/{number}/message"), "no key refusal; it is null where there is none")
        })
    })
}

fn logprobs_key(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let lacks = choice.is_object() && choice.member("logprobs").is_none();
        lacks.then(|| {
            Finding::new(format!("/choices/{number}"), "no key logprobs; it is null where none were asked for")
        })
    })
}

fn no_markup_leak(reading: &Reading<'_>) -> Verdict {
    not_in_text(reading, &MARKUP)
}

fn no_replacement_char(reading: &Reading<'_>) -> Verdict {
    not_in_text(reading, &["\u{FFFD}"])
}

/// None of these strings stands in the text of a choice, unless it stands in the prompt.
fn not_in_text(reading: &Reading<'_>, unwanted: &[&str]) -> Verdict {
    if !reading.says_something() {
        return Verdict::Skip("no completion to judge");
    }
    let asked = &reading.exchange.asked;
    for choice in &reading.choices {
        if let Some(text) = unwanted.iter().find(|text| choice.content.contains(**text) && !asked.says(text)) {
            return Verdict::broken(format!("/choices/{}", choice.index), format!("the text contains {text}"));
        }
    }
    Verdict::Pass
}
