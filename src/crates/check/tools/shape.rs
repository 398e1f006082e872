//! Rules about the members of a tool call.

use std::collections::BTreeSet;

use super::super::{Across, Check, Finding, INCOMPLETE, Judge, Level, Verdict, levels, shown, tier};
use super::{NO_CALL, calls, each_call, tells_call};
use crate::exchange::Reading;
use crate::source::Source;
use crate::wire::api::reply::choices;
use crate::wire::json::{At, Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-shape",
        rule: "a tool call has id, type, function.name and function.arguments, or custom.name and custom.input",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Reply(shape),
        across: None,
    },
    Check {
        id: "tool-calls-array",
        rule: "tool_calls is an array",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI, Source::issue("huggingface/text-generation-inference", 2794)],
        judge: Judge::Reply(calls_array),
        across: None,
    },
    Check {
        id: "tool-args-string",
        rule: "arguments is a JSON string, and the input of a custom tool a string",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::SEED.note("\"arguments: string\""),
            Source::PULZE_SDKS.note("\"stringified JSON\""),
            Source::pull("huggingface/text-generation-inference", 2954),
        ],
        judge: Judge::Reply(args_string),
        across: None,
    },
    Check {
        id: "tool-name-declared",
        rule: "the function or custom tool called is one of the request's tools",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI, Source::issue("sgl-project/sglang", 34677)],
        judge: Judge::Reply(name_declared),
        across: None,
    },
    Check {
        id: "tool-id-nonempty",
        rule: "a tool call has a non-empty id",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_SDKS.note("required"),
            Source::OPENAI,
            Source::issue("huggingface/text-generation-inference", 1782),
            Source::issue("vllm-project/vllm", 18412),
            Source::issue("BerriAI/litellm", 11407),
        ],
        judge: Judge::Reply(id_nonempty),
        across: None,
    },
    Check {
        id: "tool-id-unique",
        rule: "tool call ids are unique inside a message, and should be over the run",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::issue("tenstorrent/tt-inference-server", 3226),
            Source::issue("tetsuo-ai/agenc-core", 417),
        ],
        judge: Judge::Reply(id_unique),
        across: Some(Across::Unique(Level::Should, |reading| {
            // Repeats inside a message are judged there, so a message hands in each id once.
            let ids: BTreeSet<&String> =
                calls(reading).filter_map(|(_, call)| call.id.as_ref()).filter(|id| !id.is_empty()).collect();
            ids.into_iter().cloned().collect()
        })),
    },
    Check {
        id: "tool-type-function",
        rule: "type of a tool call is that of the tool: function, or custom",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Reply(type_function),
        across: None,
    },
    Check {
        id: "tool-content-null-ok",
        rule: "content beside a tool call is null or a string, never the text of the call",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Reply(content_null_ok),
        across: None,
    },
];

/// The raw calls of a whole completion, which may have members of the wrong type.
fn raw_calls<'r>(reading: &'r Reading<'_>) -> Vec<(String, &'r Value)> {
    let Some(completion) = reading.completion() else { return Vec::new() };
    choices(completion)
        .iter()
        .enumerate()
        .flat_map(|(choice, value)| {
            let calls = value.at("/message/tool_calls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            calls.iter().enumerate().map(move |(n, call)| (format!("/choices/{choice}/message/tool_calls/{n}"), call))
        })
        .collect()
}

/// The pieces of calls in a chunk, each with its place.
fn raw_pieces(chunk: &Value) -> impl Iterator<Item = (String, &Value)> {
    choices(chunk).iter().enumerate().flat_map(|(choice, value)| {
        let calls = value.at("/delta/tool_calls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        calls.iter().enumerate().map(move |(n, call)| (format!("/choices/{choice}/delta/tool_calls/{n}"), call))
    })
}

/// `type` may be left out in the pulze dialect, where it has a default (`schemas/README.md#ruling-6`).
fn shape(reading: &Reading<'_>) -> Verdict {
    let type_optional = reading.exchange.asked.wanted.contract.facts.call_type_optional;
    if reading.stream().is_some() {
        if !reading.complete() {
            return Verdict::Skip(INCOMPLETE);
        }
        return each_call(reading, |call| {
            let missing = if call.id.is_none() {
                "/id"
            } else if call.kind.is_none() && !type_optional {
                "/type"
            } else if call.name.is_none() {
                members(call.is_custom())[0]
            } else if call.arguments.is_none() {
                members(call.is_custom())[1]
            } else {
                return None;
            };
            Some((missing, format!("expected {} in some piece of the call, got none", &missing[1..])))
        });
    }
    let raw = raw_calls(reading);
    if raw.is_empty() {
        return Verdict::Skip(NO_CALL);
    }
    let required = |call: &Value| {
        let [name, arguments] = members(is_custom(call));
        ["/id", "/type", name, arguments]
    };
    Verdict::of(
        raw.iter()
            .flat_map(|(place, call)| required(call).into_iter().map(move |member| (place, call, member)))
            .filter(|(_, call, member)| {
                let excused = *member == "/type" && type_optional;
                !excused && call.at(member).is_none_or(Value::is_null)
            })
            .map(|(place, call, member)| {
                let detail = format!("expected {}, got {}", &member[1..], shown(call.at(member)));
                Finding::new(format!("{place}{member}"), detail)
            })
            .collect(),
    )
}

/// Where a call says what it calls, and with what.
fn members(custom: bool) -> [&'static str; 2] {
    if custom { ["/custom/name", "/custom/input"] } else { ["/function/name", "/function/arguments"] }
}

fn is_custom(call: &Value) -> bool {
    call.member("type").and_then(Value::as_str) == Some("custom")
}

/// The arguments of a call, or the input of a custom tool, with their place; later pieces of a stream have no type.
fn given(call: &Value) -> Option<(&'static str, &Value)> {
    [members(false), members(true)].into_iter().find_map(|[_, place]| Some((place, call.at(place)?)))
}

fn calls_array(reading: &Reading<'_>) -> Verdict {
    if let Some(completion) = reading.completion() {
        let wrong = choices(completion).iter().enumerate().find_map(|(number, choice)| {
            let calls = choice.at("/message/tool_calls").filter(|calls| !calls.is_null() && !calls.is_array())?;
            Some(Finding::new(
                format!("/choices/{number}/message/tool_calls"),
                format!("expected an array, got {}", shown(Some(calls))),
            ))
        });
        return Verdict::of(wrong.into_iter().collect());
    }
    let Some(stream) = reading.stream() else { return Verdict::Skip("no completion to judge") };
    let wrong = stream.distinct().find_map(|(event, chunk)| {
        choices(chunk).iter().enumerate().find_map(|(number, choice)| {
            let calls = choice.at("/delta/tool_calls").filter(|calls| !calls.is_null() && !calls.is_array())?;
            let pointer = format!("/choices/{number}/delta/tool_calls");
            Some(Finding::in_event(event, &pointer, format!("expected an array, got {}", shown(Some(calls)))))
        })
    });
    Verdict::of(wrong.into_iter().collect())
}

fn args_string(reading: &Reading<'_>) -> Verdict {
    if let Some(stream) = reading.stream() {
        let mut any = false;
        for (event, chunk) in stream.distinct() {
            for (place, piece) in raw_pieces(chunk) {
                let Some((member, arguments)) = given(piece) else { continue };
                any = true;
                if !arguments.is_string() && !arguments.is_null() {
                    let detail = format!("expected a string, got {}", shown(Some(arguments)));
                    return Verdict::of(vec![Finding::in_event(event, &format!("{place}{member}"), detail)]);
                }
            }
        }
        return if any { Verdict::Pass } else { Verdict::Skip(NO_CALL) };
    }
    let raw = raw_calls(reading);
    if raw.is_empty() {
        return Verdict::Skip(NO_CALL);
    }
    Verdict::of(
        raw.iter()
            .filter_map(|(place, call)| {
                let (member, arguments) = given(call).filter(|(_, arguments)| !arguments.is_string())?;
                Some(Finding::new(
                    format!("{place}{member}"),
                    format!("expected a string, got {}", shown(Some(arguments))),
                ))
            })
            .collect(),
    )
}

fn name_declared(reading: &Reading<'_>) -> Verdict {
    let tools = &reading.exchange.asked.wanted.tools;
    each_call(reading, |call| {
        let name = call.name.as_deref()?;
        (!tools.iter().any(|tool| tool.name == name)).then(|| {
            let offered: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
            let offered = if offered.is_empty() { "no tool".to_owned() } else { offered.join(", ") };
            (members(call.is_custom())[0], format!("expected one of the tools on offer ({offered}), got {name:?}"))
        })
    })
}

fn id_nonempty(reading: &Reading<'_>) -> Verdict {
    each_call(reading, |call| {
        call.id.as_deref().is_none_or(str::is_empty).then(|| {
            ("/id", format!("expected a non-empty string, got {}", if call.id.is_some() { "\"\"" } else { "none" }))
        })
    })
}

fn id_unique(reading: &Reading<'_>) -> Verdict {
    for choice in &reading.choices {
        let mut seen = BTreeSet::new();
        if let Some(twice) =
            choice.calls.iter().filter_map(|call| call.id.as_ref()).find(|id| !id.is_empty() && !seen.insert(*id))
        {
            return Verdict::broken(format!("/choices/{}", choice.index), format!("the id {twice:?} stands twice"));
        }
    }
    if calls(reading).next().is_some() { Verdict::Pass } else { Verdict::Skip(NO_CALL) }
}

fn type_function(reading: &Reading<'_>) -> Verdict {
    if let Some(finding) = streamed_type(reading) {
        return Verdict::of(vec![finding]);
    }
    let tools = &reading.exchange.asked.wanted.tools;
    each_call(reading, |call| {
        let kind = call.kind.as_deref()?;
        let custom = tools.iter().any(|tool| tool.custom && Some(&tool.name) == call.name.as_ref());
        let expected = if custom { "custom" } else { "function" };
        (kind != expected).then(|| ("/type", format!("expected {expected:?}, got {kind:?}")))
    })
}

/// The first piece of a streamed call whose type is no text at all; Pulze's chunk schema does not ask.
fn streamed_type(reading: &Reading<'_>) -> Option<Finding> {
    reading.stream()?.distinct().find_map(|(event, chunk)| {
        let mut said = raw_pieces(chunk).filter_map(|(place, call)| Some((place, call.member("type")?)));
        let (place, kind) = said.find(|(_, kind)| !kind.is_null() && !kind.is_string())?;
        let detail = format!("expected \"function\", got {}", shown(Some(kind)));
        Some(Finding::in_event(event, &format!("{place}/type"), detail))
    })
}

fn content_null_ok(reading: &Reading<'_>) -> Verdict {
    if calls(reading).next().is_none() {
        return Verdict::Skip(NO_CALL);
    }
    let raw = reading.completion().map_or(&[][..], choices).iter().enumerate();
    let wrong = raw.filter_map(|(number, choice)| {
        let content = choice.at("/message/content").filter(|content| !content.is_null() && !content.is_string())?;
        let place = format!("/choices/{number}/message/content");
        Some(Finding::new(place, format!("expected a string or null, got {}", shown(Some(content)))))
    });
    let told = reading
        .choices
        .iter()
        .filter(|choice| tells_call(&choice.content, reading))
        .map(|choice| Finding::new(format!("/choices/{}", choice.index), "the content is the text of the call"));
    Verdict::of(wrong.chain(told).collect())
}
