//! Rules about the turn after a tool call: the tool's result goes back to the model.

use super::super::book::{Book, came, each, is_refusal};
use super::super::{Check, Judge, Verdict, levels, tier};
use super::RESULT;
use crate::exchange::Reading;
use crate::source::Source;
use crate::tools::probes::{TOOL_RT, TOOL_RT_OWN};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-roundtrip",
        rule: "the result of a tool is taken and answered",
        levels: levels("Y/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("tool message"), Source::PULZE_SDKS.note("roles lack tool")],
        judge: Judge::Probes(&[&TOOL_RT], |book| each(book.replies(&TOOL_RT), |reading| taken(book, reading, true))),
        across: None,
    },
    Check {
        id: "tool-roundtrip-own-id",
        rule: "the endpoint takes its own tool call back with the result",
        levels: levels("Y/M"),
        tier: tier("F"),
        sources: &[Source::pull("jundot/omlx", 1997).note("server rejects the id it made")],
        judge: Judge::Probes(&[&TOOL_RT_OWN], own_id),
        across: None,
    },
];

/// Pulze publishes no role for a tool's result, so a clean refusal there is no fault.
fn taken(book: &Book<'_>, reading: &Reading<'_>, quoted: bool) -> Verdict {
    if !book.facts.contract.facts.tool_results && is_refusal(reading) {
        return Verdict::Noted(came(reading));
    }
    if !reading.success() {
        return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
    }
    let said = reading.choices.iter().any(|choice| choice.content.contains(RESULT));
    if said || !quoted {
        Verdict::Pass
    } else {
        Verdict::Noted("the answer does not have the tool's number".to_owned())
    }
}

fn own_id(book: &Book<'_>) -> Verdict {
    if book.replies(&TOOL_RT_OWN).is_empty() {
        return Verdict::Skip("the model called no tool that could be answered");
    }
    each(book.replies(&TOOL_RT_OWN), |reading| taken(book, reading, false))
}
