//! Rules about tool calls, whole or streamed.
//!
//! A whole call's arguments are judged by `tool-args-json` and `tool-args-schema`, a streamed call's, once joined, by
//! `tool-stream-args-join`, which is one step softer in the pulze dialect as all rules on streams are.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Across, Check, Finding, INCOMPLETE, Judge, Level, NO_STREAM, Verdict, levels, shown, tier};
use crate::exchange::{Call, Choice, OfferedTool, Reading};
use crate::wire::Dialect;
use crate::wire::dialect::{Violation, violations};
use crate::wire::reply::choices;

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "tool-shape",
        rule: "a tool call has id, type, function.name and function.arguments",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S; O",
        judge: Judge::Reply(shape),
        across: None,
    },
    Check {
        id: "tool-calls-array",
        rule: "tool_calls is an array",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S; O; huggingface/text-generation-inference #2794",
        judge: Judge::Reply(calls_array),
        across: None,
    },
    Check {
        id: "tool-args-string",
        rule: "arguments is a JSON string",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S \"arguments: string\"; K \"stringified JSON\"; huggingface/text-generation-inference PR#2954",
        judge: Judge::Reply(args_string),
        across: None,
    },
    Check {
        id: "tool-args-json",
        rule: "a whole call's arguments parse to a JSON object",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "K; O; vllm-project/vllm #55541",
        judge: Judge::Reply(args_json),
        across: None,
    },
    Check {
        id: "tool-args-schema",
        rule: "a whole call's arguments validate against the tool's own parameters",
        levels: levels("S/S"),
        tier: tier("C"),
        source: "K; O (a MUST when strict)",
        judge: Judge::Reply(args_schema),
        across: None,
    },
    Check {
        id: "tool-name-declared",
        rule: "the function called is one of the request's tools",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "O; sgl-project/sglang #34677",
        judge: Judge::Reply(name_declared),
        across: None,
    },
    Check {
        id: "tool-id-nonempty",
        rule: "a tool call has a non-empty id",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "K required; O; huggingface/text-generation-inference #1782, vllm-project/vllm #18412, BerriAI/litellm #11407",
        judge: Judge::Reply(id_nonempty),
        across: None,
    },
    Check {
        id: "tool-id-unique",
        rule: "tool call ids are unique inside a message, and should be over the run",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "O; tenstorrent/tt-inference-server #3226, tetsuo-ai/agenc-core #417",
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
        rule: "type of a tool call is function",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "S; O",
        judge: Judge::Reply(type_function),
        across: None,
    },
    Check {
        id: "tool-finish-reason",
        rule: "a choice with tool calls finishes with tool_calls, or stop where the tool was named",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; vllm-project/vllm PR#25054, BerriAI/litellm #12862, #35663, googleapis/python-genai #2868",
        judge: Judge::Reply(finish_reason),
        across: None,
    },
    Check {
        id: "tool-finish-implies-call",
        rule: "finish_reason tool_calls comes only with a tool call",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "vllm-project/vllm #53363, #53255",
        judge: Judge::Reply(finish_implies_call),
        across: None,
    },
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
    Check {
        id: "tool-stream-args-join",
        rule: "a streamed call's joined arguments parse, and validate against the tool's own parameters",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; vllm-project/vllm #55541",
        judge: Judge::Reply(stream_args_join),
        across: None,
    },
];

const NO_CALL: &str = "no tool call";

/// Every call with the place it stands at.
fn calls<'r>(reading: &'r Reading<'_>) -> impl Iterator<Item = (Finding, &'r Call)> {
    let whole = reading.completion().is_some();
    let judged = whole || reading.stream().is_some();
    reading.choices.iter().filter(move |_| judged).flat_map(move |choice| {
        choice.calls.iter().enumerate().map(move |(number, call)| {
            let place = if whole {
                Finding::new(format!("/choices/{}/message/tool_calls/{number}", choice.index), "")
            } else {
                let event = call.fragments.first().map_or(0, |fragment| fragment.event);
                Finding::in_event(event, "/choices/0/delta/tool_calls/0", "")
            };
            (place, call)
        })
    })
}

/// A finding below a place.
fn below(place: &Finding, member: &str, detail: impl Into<String>) -> Finding {
    Finding { seq: place.seq, event: place.event, pointer: format!("{}{member}", place.pointer), detail: detail.into() }
}

/// Judges every call; skips where there is none.
fn each_call(reading: &Reading<'_>, judge: impl Fn(&Call) -> Option<(&'static str, String)>) -> Verdict {
    let mut any = false;
    let findings = calls(reading)
        .filter_map(|(place, call)| {
            any = true;
            judge(call).map(|(member, detail)| below(&place, member, detail))
        })
        .collect();
    if any { Verdict::of(findings) } else { Verdict::Skip(NO_CALL) }
}

/// The raw calls of a whole completion, which may have members of the wrong type.
fn raw_calls<'r>(reading: &'r Reading<'_>) -> Vec<(String, &'r Value)> {
    let Some(completion) = reading.completion() else { return Vec::new() };
    choices(completion)
        .iter()
        .enumerate()
        .flat_map(|(choice, value)| {
            let calls = value.pointer("/message/tool_calls").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            calls.iter().enumerate().map(move |(n, call)| (format!("/choices/{choice}/message/tool_calls/{n}"), call))
        })
        .collect()
}

/// `type` may be left out in the pulze dialect, where it has a default (ruling 6).
fn shape(reading: &Reading<'_>) -> Verdict {
    let type_optional = reading.exchange.asked.wanted.dialect == Dialect::Pulze;
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
                "/function/name"
            } else if call.arguments.is_none() {
                "/function/arguments"
            } else {
                return None;
            };
            Some((missing, "no piece has it".to_owned()))
        });
    }
    let raw = raw_calls(reading);
    if raw.is_empty() {
        return Verdict::Skip(NO_CALL);
    }
    let required = ["/id", "/type", "/function/name", "/function/arguments"];
    Verdict::of(
        raw.iter()
            .flat_map(|(place, call)| required.iter().map(move |member| (place, call, *member)))
            .filter(|(_, call, member)| {
                let custom =
                    call.get("type").and_then(Value::as_str) == Some("custom") && member.starts_with("/function");
                let excused = custom || (*member == "/type" && type_optional);
                !excused && call.pointer(member).is_none_or(Value::is_null)
            })
            .map(|(place, _, member)| Finding::new(format!("{place}{member}"), "missing"))
            .collect(),
    )
}

fn calls_array(reading: &Reading<'_>) -> Verdict {
    if let Some(completion) = reading.completion() {
        let wrong = choices(completion).iter().enumerate().find_map(|(number, choice)| {
            let calls = choice.pointer("/message/tool_calls").filter(|calls| !calls.is_null() && !calls.is_array())?;
            Some(Finding::new(
                format!("/choices/{number}/message/tool_calls"),
                format!("expected an array, got {}", shown(Some(calls))),
            ))
        });
        return Verdict::of(wrong.into_iter().collect());
    }
    let Some(stream) = reading.stream() else { return Verdict::Skip("no completion to judge") };
    let wrong = stream.chunks().find_map(|(event, chunk)| {
        choices(chunk).iter().enumerate().find_map(|(number, choice)| {
            let calls = choice.pointer("/delta/tool_calls").filter(|calls| !calls.is_null() && !calls.is_array())?;
            let pointer = format!("/choices/{number}/delta/tool_calls");
            Some(Finding::in_event(event, &pointer, format!("expected an array, got {}", shown(Some(calls)))))
        })
    });
    Verdict::of(wrong.into_iter().collect())
}

fn args_string(reading: &Reading<'_>) -> Verdict {
    if let Some(stream) = reading.stream() {
        let mut any = false;
        for (event, chunk) in stream.chunks() {
            let pieces = choices(chunk).iter().filter_map(|c| c.pointer("/delta/tool_calls")?.as_array()).flatten();
            for arguments in pieces.filter_map(|call| call.pointer("/function/arguments")) {
                any = true;
                if !arguments.is_string() && !arguments.is_null() {
                    let detail = format!("expected a string, got {}", shown(Some(arguments)));
                    return Verdict::of(vec![Finding::in_event(event, "/choices/0/delta/tool_calls", detail)]);
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
                let arguments = call.pointer("/function/arguments").filter(|arguments| !arguments.is_string())?;
                Some(Finding::new(
                    format!("{place}/function/arguments"),
                    format!("expected a string, got {}", shown(Some(arguments))),
                ))
            })
            .collect(),
    )
}

/// Whether a choice's calls were cut by the token cap, so that their arguments need not parse.
fn was_cut(choice: &Choice) -> bool {
    matches!(choice.finish.as_deref(), Some("length" | "max_tokens"))
}

/// The calls of whole choices that were not cut, with the tool each one names.
fn judged_arguments<'r>(reading: &'r Reading<'_>) -> Vec<(Finding, &'r str, Option<&'r OfferedTool>)> {
    let cut = reading.choices.iter().any(was_cut);
    let tools = &reading.exchange.asked.wanted.tools;
    calls(reading)
        .filter(|_| !cut)
        .filter_map(|(place, call)| {
            let tool = tools.iter().find(|tool| Some(&tool.name) == call.name.as_ref());
            Some((place, call.arguments.as_deref()?, tool))
        })
        .collect()
}

/// What is wrong with arguments as JSON: nothing, that they are empty, or the fault.
fn parse_arguments(text: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(value) => Err(format!("expected a JSON object, got {}", shown(Some(&value)))),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

/// Empty arguments of a tool that takes none are a warning only (conformance section 3, "not a deviation").
fn empty_for_no_argument(text: &str, tool: Option<&OfferedTool>) -> bool {
    let takes_none =
        tool.is_some_and(|tool| tool.parameters.as_ref().is_none_or(|p| p.is_valid(&serde_json::json!({}))));
    text.is_empty() && takes_none
}

fn args_json(reading: &Reading<'_>) -> Verdict {
    if reading.completion().is_none() {
        return Verdict::Skip("no whole completion to judge");
    }
    let judged = judged_arguments(reading);
    if judged.is_empty() {
        return Verdict::Skip("no tool call, or cut by the token cap");
    }
    unreadable(&judged).unwrap_or(Verdict::Pass)
}

/// Judges arguments that are no JSON object, the first of them.
fn unreadable(judged: &[(Finding, &str, Option<&OfferedTool>)]) -> Option<Verdict> {
    judged.iter().find_map(|(place, text, tool)| {
        let detail = parse_arguments(text).err()?;
        let empty = empty_for_no_argument(text, *tool);
        let finding = below(place, "/function/arguments", if empty { "empty, expected {}".to_owned() } else { detail });
        Some(Verdict::Broken { level: empty.then_some(Level::Should), findings: vec![finding] })
    })
}

fn args_schema(reading: &Reading<'_>) -> Verdict {
    if reading.completion().is_none() {
        return Verdict::Skip("no whole completion to judge");
    }
    schema_verdict(&judged_arguments(reading), reading.exchange.asked.wanted.dialect)
}

/// Judges arguments that parse against the parameters of the tool they are for.
fn schema_verdict(judged: &[(Finding, &str, Option<&OfferedTool>)], dialect: Dialect) -> Verdict {
    let mut any = false;
    for (place, text, tool) in judged {
        let (Some(tool), Ok(arguments)) = (tool, parse_arguments(text)) else { continue };
        let Some(parameters) = &tool.parameters else { continue };
        any = true;
        let faults = violations(parameters, &arguments);
        if !faults.is_empty() {
            let level = (tool.strict && dialect.is_openai()).then_some(Level::Must);
            let finding = |v: Violation| below(place, "/function/arguments", format!("{} {}", v.pointer, v.message));
            let findings = faults.into_iter().map(finding).collect();
            return Verdict::Broken { level, findings };
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip("no call with a schema to judge it by") }
}

fn name_declared(reading: &Reading<'_>) -> Verdict {
    let tools = &reading.exchange.asked.wanted.tools;
    each_call(reading, |call| {
        let name = call.name.as_deref()?;
        (!tools.iter().any(|tool| tool.name == name))
            .then(|| ("/function/name", format!("no tool {name:?} was offered")))
    })
}

fn id_nonempty(reading: &Reading<'_>) -> Verdict {
    each_call(reading, |call| {
        call.id.as_deref().is_none_or(str::is_empty).then(|| ("/id", "expected a non-empty string".to_owned()))
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
    each_call(reading, |call| {
        let kind = call.kind.as_deref()?;
        (kind != "function").then(|| ("/type", format!("expected \"function\", got {kind:?}")))
    })
}

/// Pulze's published list has `function_call` where OpenAI's has `tool_calls` (spec, section 2).
fn finish_reason(reading: &Reading<'_>) -> Verdict {
    let wanted = &reading.exchange.asked.wanted;
    let mut any = false;
    for choice in reading.choices.iter().filter(|choice| !choice.calls.is_empty()) {
        let Some(reason) = choice.finish.as_deref() else { continue };
        any = true;
        let right = match reason {
            "tool_calls" | "length" => true,
            "stop" => wanted.named_tool,
            "function_call" | "max_tokens" => wanted.dialect == Dialect::Pulze,
            _ => false,
        };
        if !right {
            return Verdict::broken(
                format!("/choices/{}/finish_reason", choice.index),
                format!("tool calls, but {reason:?}"),
            );
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip(NO_CALL) }
}

fn finish_implies_call(reading: &Reading<'_>) -> Verdict {
    if !reading.complete() || reading.bodies().is_empty() {
        return Verdict::Skip("no complete completion to judge");
    }
    match reading
        .choices
        .iter()
        .find(|choice| choice.finish.as_deref() == Some("tool_calls") && choice.calls.is_empty())
    {
        Some(choice) => {
            Verdict::broken(format!("/choices/{}/finish_reason", choice.index), "tool_calls, but no tool call")
        }
        None => Verdict::Pass,
    }
}

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

fn stream_args_join(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    if !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    let judged = judged_arguments(reading);
    if judged.is_empty() {
        return Verdict::Skip("no tool call, or cut by the token cap");
    }
    if let Some(verdict) = unreadable(&judged) {
        return verdict;
    }
    let verdict = schema_verdict(&judged, reading.exchange.asked.wanted.dialect);
    if matches!(verdict, Verdict::Skip(_)) { Verdict::Pass } else { verdict }
}
