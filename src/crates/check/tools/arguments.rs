//! Rules about the arguments of a tool call, the same whole and streamed.
//!
//! That arguments are JSON is judged by `tool-args-json` of a whole call and by `tool-stream-args-join` of a streamed
//! one, by one function and at one level: every client parses them. That they are an object that fits the tool's
//! parameters is judged by `tool-args-schema` of both: OpenAI's document says that "the model does not always generate
//! valid JSON, and may hallucinate parameters not defined by your function schema", so it is a SHOULD, and a MUST where
//! the function is `strict`, whose arguments match the schema exactly.

use crate::source::Source;
use crate::wire::json::{Object, Value};

use super::super::{Check, Fault, Finding, INCOMPLETE, Judge, Level, NO_STREAM, Verdict, levels, shown, tier};
use super::{below, calls_by_choice};
use crate::exchange::{Choice, OfferedTool, Outcome, Reading};
use crate::wire::schema::{Violation, violations};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-args-json",
        rule: "a whole call's arguments parse as JSON",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_SDKS,
            Source::OPENAI.note("stringified JSON, which clients parse"),
            Source::issue("vllm-project/vllm", 55541),
        ],
        judge: Judge::Reply(args_json),
        across: None,
    },
    Check {
        id: "tool-args-schema",
        rule: "a call's arguments are an object that validates against the tool's own parameters",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS, Source::OPENAI.note("a MUST when strict")],
        judge: Judge::Reply(args_schema),
        across: None,
    },
    Check {
        id: "tool-stream-args-join",
        rule: "a streamed call's joined arguments parse as JSON",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_SDKS,
            Source::OPENAI.note("stringified JSON, which clients join and parse"),
            Source::issue("vllm-project/vllm", 55541),
        ],
        judge: Judge::Reply(stream_args_join),
        across: None,
    },
];

/// A call of a function that was not cut: where it is, its arguments, and the tool it names.
type Judged<'r> = (Finding, &'r str, Option<&'r OfferedTool>);

/// The calls of functions in choices that came to their end, and that neither the cap nor a filter cut.
fn judged_arguments<'r>(reading: &'r Reading<'_>) -> Vec<Judged<'r>> {
    let tools = &reading.exchange.asked.wanted.tools;
    let whole = reading.completion().is_some();
    let was_cut = |choice: &Choice| {
        let has_no_end = choice.finish.is_none() && !whole;
        has_no_end || choice.is_cut() || choice.is_filtered()
    };
    calls_by_choice(reading)
        .filter(|(choice, _, call)| !was_cut(choice) && !call.is_custom())
        .filter_map(|(_, place, call)| {
            let tool = tools.iter().find(|tool| Some(&tool.name) == call.name.as_ref());
            Some((place, call.arguments.as_deref()?, tool))
        })
        .collect()
}

/// Arguments as JSON, or what is wrong with them.
pub(super) fn parse_arguments(text: &str) -> Result<Value, String> {
    serde_json::from_str::<Value>(text).map_err(|error| format!("not JSON: {error}"))
}

/// Empty arguments of a tool that takes none are a warning only: servers send them, and clients read them.
fn empty_for_no_argument(text: &str, tool: Option<&OfferedTool>) -> bool {
    let takes_none =
        tool.is_some_and(|tool| tool.parameters.as_ref().is_none_or(|p| p.is_valid(&Value::Object(Object::default()))));
    text.is_empty() && takes_none
}

fn args_json(reading: &Reading<'_>) -> Verdict {
    if reading.completion().is_none() {
        return Verdict::Skip("no whole completion to judge");
    }
    readable(&judged_arguments(reading))
}

fn stream_args_join(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    if !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    if matches!(reading.outcome, Outcome::InbandError(_) | Outcome::Malformed(_)) {
        return Verdict::Skip("an error or a broken event is in the stream");
    }
    readable(&judged_arguments(reading))
}

/// Judges whether arguments are JSON; the first that are not decide.
fn readable(judged: &[Judged<'_>]) -> Verdict {
    if judged.is_empty() {
        return Verdict::Skip("no tool call, or cut");
    }
    let broken = judged.iter().find_map(|(place, text, tool)| {
        let detail = parse_arguments(text).err()?;
        let empty = empty_for_no_argument(text, *tool);
        let finding = below(place, "/function/arguments", if empty { "empty, expected {}".to_owned() } else { detail });
        Some(Verdict::Broken { level: empty.then_some(Level::Should), findings: vec![finding] })
    });
    broken.unwrap_or(Verdict::Pass)
}

/// Arguments that are no JSON are left to the rules on that.
fn args_schema(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_some() && !reading.complete() {
        return Verdict::Skip(INCOMPLETE);
    }
    let binds = reading.exchange.asked.wanted.contract.facts.strict_tools;
    let mut any = false;
    for (place, text, tool) in judged_arguments(reading) {
        let Ok(arguments) = parse_arguments(text) else { continue };
        any = true;
        let findings = misfits(&place, &arguments, tool);
        if !findings.is_empty() {
            let strict = tool.is_some_and(|tool| tool.strict) && binds;
            return Verdict::Broken { level: strict.then_some(Level::Must), findings };
        }
    }
    if any { Verdict::Pass } else { Verdict::Skip("no call with arguments that can be read") }
}

/// Where arguments are no object, or do not fit the parameters of the tool they are for.
fn misfits(place: &Finding, arguments: &Value, tool: Option<&OfferedTool>) -> Vec<Finding> {
    let at = |detail: String| below(place, "/function/arguments", detail);
    if !arguments.is_object() {
        let detail = format!("expected a JSON object, got {}", shown(Some(arguments)));
        return vec![at(detail).kind(Fault::came(Some(arguments)))];
    }
    let Some(parameters) = tool.and_then(|tool| tool.parameters.as_ref()) else { return Vec::new() };
    let finding = |v: Violation| at(format!("{} {}", v.pointer, v.message)).kind(Fault::Schema(v.keyword));
    violations(parameters, arguments).into_iter().map(finding).collect()
}
