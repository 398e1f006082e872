//! Rules about the arguments of a tool call.
//!
//! A whole call's arguments are judged by `tool-args-json` and `tool-args-schema`, a streamed call's, once joined, by
//! `tool-stream-args-join`, which is one step softer in the pulze dialect as all rules on streams are.

use crate::wire::json::{Object, Value};

use super::super::{Check, Finding, INCOMPLETE, Judge, Level, NO_STREAM, Verdict, levels, shown, tier};
use super::{below, calls, was_cut};
use crate::exchange::{OfferedTool, Reading};
use crate::wire::Dialect;
use crate::wire::dialect::{Violation, violations};

pub(in crate::check) static CHECKS: &[Check] = &[
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
        id: "tool-stream-args-join",
        rule: "a streamed call's joined arguments parse, and validate against the tool's own parameters",
        levels: levels("S/M"),
        tier: tier("C"),
        source: "O; vllm-project/vllm #55541",
        judge: Judge::Reply(stream_args_join),
        across: None,
    },
];

/// The calls of functions in whole choices that were not cut, with the tool each one names.
fn judged_arguments<'r>(reading: &'r Reading<'_>) -> Vec<(Finding, &'r str, Option<&'r OfferedTool>)> {
    let cut = was_cut(reading);
    let tools = &reading.exchange.asked.wanted.tools;
    calls(reading)
        .filter(|(_, call)| !cut && !call.is_custom())
        .filter_map(|(place, call)| {
            let tool = tools.iter().find(|tool| Some(&tool.name) == call.name.as_ref());
            Some((place, call.arguments.as_deref()?, tool))
        })
        .collect()
}

/// What is wrong with arguments as JSON: nothing, that they are empty, or the fault.
pub(super) fn parse_arguments(text: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(value) => Err(format!("expected a JSON object, got {}", shown(Some(&value)))),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

/// Empty arguments of a tool that takes none are a warning only (conformance section 3, "not a deviation").
fn empty_for_no_argument(text: &str, tool: Option<&OfferedTool>) -> bool {
    let takes_none =
        tool.is_some_and(|tool| tool.parameters.as_ref().is_none_or(|p| p.is_valid(&Value::Object(Object::default()))));
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
