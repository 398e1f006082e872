//! Rules about what is called: how many tools, which, and with what arguments.

use std::collections::BTreeSet;

use crate::source::Source;
use crate::tools::probes::{
    TOOL_AUTO, TOOL_CUT, TOOL_CUT_STREAM, TOOL_IRR, TOOL_NAMED, TOOL_NAMED_STREAM, TOOL_NOARG, TOOL_PAR, TOOL_PAR_OFF,
    TOOL_PAR_STREAM, TOOL_UNICODE,
};
use crate::wire::json::{Object, Value};

use super::super::book::{Book, broken_at, each};
use super::super::{Check, Finding, Judge, Verdict, levels, shown, tier};
use super::arguments::parse_arguments;
use super::{CITY, CUT, NO_ANSWER, NO_CALL, answered, argument, each_of_both, made, was_cut};
use crate::exchange::{Call, Reading};
use crate::probe::Probe;

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-parallel-two",
        rule: "a question about two cities gets a call for each, with ids of their own",
        levels: levels("Y/S"),
        tier: tier("F*"),
        sources: &[Source::OPENAI, Source::project("ShishirPatil/gorilla").note("BFCL, parallel")],
        judge: Judge::Probes(&[&TOOL_PAR, &TOOL_PAR_STREAM], parallel_two),
        across: None,
    },
    Check {
        id: "tool-parallel-off",
        rule: "with parallel_tool_calls false, one tool is called at most",
        levels: levels("-/S"),
        tier: tier("F*"),
        sources: &[Source::OPENAI.note("parallel_tool_calls:false")],
        judge: Judge::Probes(&[&TOOL_PAR_OFF], parallel_off),
        across: None,
    },
    Check {
        id: "tool-irrelevant-not-called",
        rule: "a question that no tool answers gets no tool call",
        levels: levels("Y/S"),
        tier: tier("F*"),
        sources: &[Source::project("ShishirPatil/gorilla").note("BFCL, irrelevance")],
        judge: Judge::Probes(&[&TOOL_IRR], irrelevant_not_called),
        across: None,
    },
    Check {
        id: "tool-enum-respected",
        rule: "an argument with an enum has one of its values",
        levels: levels("S/S"),
        tier: tier("F*"),
        sources: &[Source::ours("the enum is in the parameters that the request declares")],
        judge: Judge::Probes(&[&TOOL_AUTO], enum_respected),
        across: None,
    },
    Check {
        id: "tool-noarg",
        rule: "a tool without parameters is called with {}; empty arguments are a warning",
        levels: levels("S/S"),
        tier: tier("F*"),
        sources: &[Source::OPENAI.note("\"omitting parameters\""), Source::PULZE_SDKS.note("properties required")],
        judge: Judge::Probes(&[&TOOL_NOARG], noarg),
        across: None,
    },
    Check {
        id: "tool-unicode-args",
        rule: "letters beyond ASCII come whole in the arguments",
        levels: levels("S/S"),
        tier: tier("F*"),
        sources: &[Source::whole_rfc(8259)],
        judge: Judge::Probes(&[&TOOL_UNICODE], unicode_args),
        across: None,
    },
    Check {
        id: "tool-truncated-length",
        rule: "a call that the token cap cuts finishes with length, not as if it were whole",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::issue("MiaAI-Lab/DeepSeek-v4-Flash-DSpark-2x-DGX-Spark", 55)],
        judge: Judge::Probes(&[&TOOL_CUT, &TOOL_CUT_STREAM], truncated_length),
        across: None,
    },
    Check {
        id: "tool-stream-not-dropped",
        rule: "the same request gets a call whole and streamed, or in neither form",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::ours("agents that stream never see the call"),
            Source::issue("ollama/ollama", 9632),
            Source::issue("ollama/ollama", 12557),
            Source::issue("ollama/ollama", 9092),
            Source::issue("microsoft/foundry-local", 346),
            Source::issue("microsoft/foundry-local", 874),
        ],
        judge: Judge::Probes(&[&TOOL_NAMED, &TOOL_NAMED_STREAM], stream_not_dropped),
        across: None,
    },
    Check {
        id: "tool-stream-equals-nonstream",
        rule: "whole and streamed calls have the same name, argument names and finish_reason",
        levels: levels("Y/S"),
        tier: tier("F*"),
        sources: &[Source::issue("vllm-project/vllm", 47903), Source::issue("googleapis/python-genai", 2868)],
        judge: Judge::Probes(&[&TOOL_NAMED, &TOOL_NAMED_STREAM], stream_equals_nonstream),
        across: None,
    },
];

/// The answer with its calls, where there is one that says something about them.
fn calls_in<'r>(reading: &'r Reading<'_>) -> Result<Vec<&'r Call>, Verdict> {
    if !answered(reading) {
        return Err(Verdict::Skip(NO_ANSWER));
    }
    if was_cut(reading) { Err(Verdict::Skip(CUT)) } else { Ok(made(reading)) }
}

fn parallel_two(book: &Book<'_>) -> Verdict {
    each_of_both(book, [&TOOL_PAR, &TOOL_PAR_STREAM], |reading| match calls_in(reading) {
        Ok(calls) if calls.is_empty() => Verdict::Skip(NO_CALL),
        Ok(calls) if calls.len() == 1 => Verdict::Noted("one call only".to_owned()),
        Ok(calls) => {
            let cities: Vec<String> = calls.iter().filter_map(|call| argument(call, "city")).collect();
            let has = |name: &str| cities.iter().any(|city| city.to_lowercase().contains(name));
            let ids: BTreeSet<Option<&String>> = calls.iter().map(|call| call.id.as_ref()).collect();
            let right = has("paris") && has("tokyo") && ids.len() == calls.len();
            Verdict::holds(right, "/choices/0", || format!("calls for {cities:?} with {} ids", ids.len()))
        }
        Err(verdict) => verdict,
    })
}

fn parallel_off(book: &Book<'_>) -> Verdict {
    each(book.replies(&TOOL_PAR_OFF), |reading| match calls_in(reading) {
        Ok(calls) => Verdict::holds(calls.len() < 2, "/choices/0", || format!("{} calls", calls.len())),
        Err(verdict) => verdict,
    })
}

fn irrelevant_not_called(book: &Book<'_>) -> Verdict {
    each(book.replies(&TOOL_IRR), |reading| match calls_in(reading) {
        Ok(calls) => Verdict::holds(calls.is_empty(), "/choices/0", || "a tool is called".to_owned()),
        Err(verdict) => verdict,
    })
}

fn enum_respected(book: &Book<'_>) -> Verdict {
    each(book.replies(&TOOL_AUTO), |reading| {
        let calls = match calls_in(reading) {
            Ok(calls) => calls,
            Err(verdict) => return verdict,
        };
        let units: Vec<String> = calls.iter().filter_map(|call| argument(call, "unit")).collect();
        match units.iter().find(|unit| !["celsius", "fahrenheit"].contains(&unit.as_str())) {
            Some(unit) => Verdict::broken("/choices/0", format!("unit is {unit:?}")),
            None if units.is_empty() => Verdict::Skip("no call with a unit"),
            None => Verdict::Pass,
        }
    })
}

fn noarg(book: &Book<'_>) -> Verdict {
    each(book.replies(&TOOL_NOARG), |reading| {
        let calls = match calls_in(reading) {
            Ok(calls) => calls,
            Err(verdict) => return verdict,
        };
        let Some(call) = calls.first() else { return Verdict::Skip(NO_CALL) };
        let arguments = call.arguments.as_deref().unwrap_or_default();
        let place = "/choices/0/message/tool_calls/0/function/arguments";
        match parse_arguments(arguments) {
            _ if arguments.is_empty() => Verdict::warning(place, "empty, expected {}"),
            Ok(value) => {
                let none = value.as_object().is_some_and(Object::is_empty);
                Verdict::holds(none, place, || format!("expected {{}}, got {}", shown(Some(&value))))
            }
            Err(detail) => Verdict::broken(place, detail),
        }
    })
}

/// What the model made of the name is its own affair; letters that broke on the way are not.
fn unicode_args(book: &Book<'_>) -> Verdict {
    each(book.replies(&TOOL_UNICODE), |reading| {
        let calls = match calls_in(reading) {
            Ok(calls) => calls,
            Err(verdict) => return verdict,
        };
        let Some(city) = calls.first().and_then(|call| argument(call, "city")) else { return Verdict::Skip(NO_CALL) };
        // UTF-8 that was read as Latin-1 shows A with a tilde in the place of A with a ring.
        let broken = city.contains('\u{FFFD}') || city.contains("\u{c3}\u{85}") || city.contains("\\u");
        if broken {
            return Verdict::broken("/choices/0", format!("expected {CITY:?}, got {city:?}"));
        }
        if city == CITY { Verdict::Pass } else { Verdict::Skip("the model changed the name") }
    })
}

fn truncated_length(book: &Book<'_>) -> Verdict {
    each_of_both(book, [&TOOL_CUT, &TOOL_CUT_STREAM], |reading| {
        if !answered(reading) {
            return Verdict::Skip(NO_ANSWER);
        }
        if was_cut(reading) {
            return Verdict::Pass;
        }
        let broken = made(reading).into_iter().find(|call| {
            call.arguments
                .as_deref()
                .is_some_and(|arguments| !arguments.is_empty() && parse_arguments(arguments).is_err())
        });
        let finish = reading.choices.first().and_then(|choice| choice.finish.clone()).unwrap_or_default();
        match broken {
            Some(call) => {
                let arguments = call.arguments.clone().map_or(Value::Null, Value::from);
                Verdict::broken("/choices/0", format!("finish_reason {finish:?} with {}", shown(Some(&arguments))))
            }
            None => Verdict::Skip("the call fitted"),
        }
    })
}

/// The first replies to a probe and to its streamed form.
fn pair<'b, 'e>(book: &'b Book<'e>, whole: &Probe, streamed: &Probe) -> Result<[&'b Reading<'e>; 2], Verdict> {
    match (book.reply(whole), book.reply(streamed)) {
        (Some(whole), Some(streamed)) if answered(whole) && answered(streamed) => {
            if was_cut(whole) || was_cut(streamed) { Err(Verdict::Skip(CUT)) } else { Ok([whole, streamed]) }
        }
        _ => Err(Verdict::Skip(NO_ANSWER)),
    }
}

fn stream_not_dropped(book: &Book<'_>) -> Verdict {
    let [whole, streamed] = match pair(book, &TOOL_NAMED, &TOOL_NAMED_STREAM) {
        Ok(pair) => pair,
        Err(verdict) => return verdict,
    };
    match (made(whole).len(), made(streamed).len()) {
        (1.., 0) => broken_at(streamed, "", "a call whole, none streamed"),
        (0, 1..) => broken_at(whole, "/choices/0", "a call streamed, none whole"),
        (_, _) => Verdict::Pass,
    }
}

fn stream_equals_nonstream(book: &Book<'_>) -> Verdict {
    let [whole, streamed] = match pair(book, &TOOL_NAMED, &TOOL_NAMED_STREAM) {
        Ok(pair) => pair,
        Err(verdict) => return verdict,
    };
    if made(whole).is_empty() || made(streamed).is_empty() {
        return Verdict::Skip(NO_CALL);
    }
    let (first, second) = (outline(whole), outline(streamed));
    if first == second {
        return Verdict::Pass;
    }
    let detail = format!("whole {first}, streamed {second}");
    Verdict::of(vec![Finding::new("", detail).at(streamed)])
}

/// Names of the tools called with those of their arguments, and how the choice finished.
fn outline(reading: &Reading<'_>) -> String {
    let calls = made(reading).into_iter().map(|call| {
        let arguments = parse_arguments(call.arguments.as_deref().unwrap_or_default()).unwrap_or_default();
        let names: BTreeSet<&str> = arguments.as_object().into_iter().flat_map(Object::keys).collect();
        format!("{}{names:?}", call.name.as_deref().unwrap_or_default())
    });
    let finish = reading.choices.first().and_then(|choice| choice.finish.as_deref()).unwrap_or("none");
    format!("{} ({finish})", calls.collect::<Vec<_>>().join(" "))
}
