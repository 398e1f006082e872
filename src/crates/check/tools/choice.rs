//! Rules about who decides whether a tool is called: the model, or `tool_choice`.

use super::super::book::{Book, accepted, each, refused};
use super::super::{Check, Judge, Verdict, levels, tier};
use super::{CUT, NAMED_TOOL, NO_ANSWER, answered, each_of_both, made, of_answer, was_cut};
use crate::exchange::{Call, Reading};
use crate::source::Source;
use crate::tools::probes::{
    PZ_FLAGS, TOOL_AUTO, TOOL_AUTO_STREAM, TOOL_NAMED, TOOL_NAMED_STREAM, TOOL_NONE, TOOL_NONE_STREAM, TOOL_REQ,
    TOOL_REQ_STREAM, TOOL_REQ_WITHOUT, TOOL_SOMETIMES, TOOL_UNKNOWN,
};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-accepted",
        rule: "a request with tools is accepted",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Probes(&[&TOOL_AUTO], |book| accepted(book.replies(&TOOL_AUTO))),
        across: None,
    },
    Check {
        id: "tool-auto-calls",
        rule: "a question that a tool answers gets a tool call",
        levels: levels("S/S"),
        tier: tier("C*"),
        sources: &[Source::OPENAI, Source::issue("vllm-project/vllm", 27572)],
        judge: Judge::Probes(&[&TOOL_AUTO, &TOOL_AUTO_STREAM], auto_calls),
        across: None,
    },
    Check {
        id: "tool-none-no-calls",
        rule: "with tool_choice none, no tool is called",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("none"), Source::OPENAI],
        judge: Judge::Probes(&[&TOOL_NONE, &TOOL_NONE_STREAM], none_no_calls),
        across: None,
    },
    Check {
        id: "tool-none-has-content",
        rule: "with tool_choice none, the answer has content",
        levels: levels("S/S"),
        tier: tier("C*"),
        sources: &[Source::issue("vllm-project/vllm", 55080).note("content deleted")],
        judge: Judge::Probes(&[&TOOL_NONE], none_has_content),
        across: None,
    },
    Check {
        id: "tool-required-calls",
        rule: "with tool_choice required, a tool is called although none is needed",
        levels: levels("Y/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI,
            Source::issue("vllm-project/vllm", 44216),
            Source::issue("vllm-project/vllm", 53363),
            Source::issue("ollama/ollama", 8421),
            Source::issue("ollama/ollama", 11171),
            Source::issue("ollama/ollama", 17921).note("ignored"),
        ],
        judge: Judge::Probes(&[&TOOL_REQ, &TOOL_REQ_STREAM], required_calls),
        across: None,
    },
    Check {
        id: "tool-required-terminates",
        rule: "with tool_choice required, the call ends before 512 tokens",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::issue("vllm-project/vllm", 50399).note("runs to max tokens")],
        judge: Judge::Probes(&[&TOOL_REQ], required_terminates),
        across: None,
    },
    Check {
        id: "tool-named-calls-that",
        rule: "the tool that tool_choice names is called, and no other",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("ToolChoice"), Source::OPENAI],
        judge: Judge::Probes(&[&TOOL_NAMED, &TOOL_NAMED_STREAM], named_calls_that),
        across: None,
    },
    Check {
        id: "tool-named-unknown-rejected",
        rule: "a tool_choice that names no tool of the request is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&TOOL_UNKNOWN], |book| refused(book.replies(&TOOL_UNKNOWN))),
        across: None,
    },
    Check {
        id: "tool-choice-invalid-rejected",
        rule: "a tool_choice that is none of the published words is refused",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("enum"), Source::OPENAI, Source::project("MoonshotAI/Kimi-Vendor-Verifier")],
        judge: Judge::Probes(&[&TOOL_SOMETIMES], |book| refused(book.replies(&TOOL_SOMETIMES))),
        across: None,
    },
    Check {
        id: "tool-required-without-tools",
        rule: "tool_choice required without tools is refused",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[Source::project("MoonshotAI/Kimi-Vendor-Verifier")],
        judge: Judge::Probes(&[&TOOL_REQ_WITHOUT], |book| refused(book.replies(&TOOL_REQ_WITHOUT))),
        across: None,
    },
    Check {
        id: "tool-auto-tools-flag",
        rule: "the feature flag auto_tools is accepted",
        levels: levels("Y/-"),
        tier: tier("X"),
        sources: &[Source::PULZE_HEADERS.note("Feature-Flags")],
        judge: Judge::Probes(&[&PZ_FLAGS], auto_tools_flag),
        across: None,
    },
];

fn auto_calls(book: &Book<'_>) -> Verdict {
    each_of_both(book, [&TOOL_AUTO, &TOOL_AUTO_STREAM], |reading| {
        if !answered(reading) {
            return Verdict::Skip(NO_ANSWER);
        }
        calls_some(reading)
    })
}

fn none_no_calls(book: &Book<'_>) -> Verdict {
    each_of_both(book, [&TOOL_NONE, &TOOL_NONE_STREAM], |reading| {
        if !answered(reading) {
            return Verdict::Skip(NO_ANSWER);
        }
        let called = made(reading);
        Verdict::holds(called.is_empty(), "/choices/0", || format!("{} is called", named(called[0])))
    })
}

fn none_has_content(book: &Book<'_>) -> Verdict {
    each(book.replies(&TOOL_NONE), |reading| {
        if !answered(reading) {
            return Verdict::Skip(NO_ANSWER);
        }
        let says = reading.choices.iter().any(|choice| !choice.content.is_empty() || !choice.refusal.is_empty());
        if !says && was_cut(reading) {
            return Verdict::Skip(CUT);
        }
        Verdict::holds(says, "/choices/0/message/content", || "the answer has no content".to_owned())
    })
}

fn required_calls(book: &Book<'_>) -> Verdict {
    each_of_both(book, [&TOOL_REQ, &TOOL_REQ_STREAM], |reading| of_answer(reading, calls_some))
}

fn calls_some(reading: &Reading<'_>) -> Verdict {
    let none = made(reading).is_empty();
    if none && was_cut(reading) {
        return Verdict::Skip(CUT);
    }
    Verdict::holds(!none, "/choices/0", || "no tool is called".to_owned())
}

/// A model that reasons may use its tokens up before it comes to call anything.
fn required_terminates(book: &Book<'_>) -> Verdict {
    each(book.replies(&TOOL_REQ), |reading| {
        let reasoned = reading.usage.and_then(|usage| usage.reasoning).is_some_and(|tokens| tokens > 0.0)
            || reading.choices.iter().any(|choice| !choice.reasoning.is_empty());
        if !answered(reading) {
            return Verdict::Skip(NO_ANSWER);
        }
        if reasoned {
            return Verdict::Skip("the model reasoned first");
        }
        Verdict::holds(!was_cut(reading), "/choices/0/finish_reason", || "it ran into the token cap".to_owned())
    })
}

fn named_calls_that(book: &Book<'_>) -> Verdict {
    each_of_both(book, [&TOOL_NAMED, &TOOL_NAMED_STREAM], |reading| {
        of_answer(reading, |reading| match made(reading).iter().find(|call| call.name.as_deref() != Some(NAMED_TOOL)) {
            Some(other) => Verdict::broken("/choices/0", format!("expected {NAMED_TOOL}, {} is called", named(other))),
            None => calls_some(reading),
        })
    })
}

fn named(call: &Call) -> String {
    call.name.clone().unwrap_or_else(|| "a tool without a name".to_owned())
}

fn auto_tools_flag(book: &Book<'_>) -> Verdict {
    match accepted(book.replies(&PZ_FLAGS)) {
        Verdict::Pass => {
            let called = book.replies(&PZ_FLAGS).iter().flat_map(made).count();
            Verdict::Noted(format!("accepted; {called} tool calls in the answer"))
        }
        other @ (Verdict::Noted(_) | Verdict::Skip(_) | Verdict::Broken { .. }) => other,
    }
}
