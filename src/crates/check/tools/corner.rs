//! Rules about tools at the edge of what is published: no parameters, a bad name, none at all.

use super::super::book::{Book, came, no_server_error, refused};
use super::super::{Check, Judge, Verdict, levels, tier};
use crate::probe::Probe;
use crate::source::Source;
use crate::tools::probes::{TOOL_BAD_NAME, TOOL_BARE, TOOL_EMPTY};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-parameters-missing",
        rule: "what becomes of a tool without parameters",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::PULZE_SDKS.note("required against OpenAI's optional")],
        judge: Judge::Probes(&[&TOOL_BARE], |book| recorded(book, &TOOL_BARE)),
        across: None,
    },
    Check {
        id: "tool-name-invalid",
        rule: "a tool whose name has other characters than A-Z, a-z, 0-9, _ and - is refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("[A-Za-z0-9_-]{1,64}")],
        judge: Judge::Probes(&[&TOOL_BAD_NAME], |book| refused(book.replies(&TOOL_BAD_NAME))),
        across: None,
    },
    Check {
        id: "tool-empty-array",
        rule: "what becomes of an empty list of tools",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Probes(&[&TOOL_EMPTY], |book| recorded(book, &TOOL_EMPTY)),
        across: None,
    },
];

/// What came back, unless it is a server error.
fn recorded(book: &Book<'_>, probe: &Probe) -> Verdict {
    match (no_server_error(book.replies(probe)), book.reply(probe)) {
        (Verdict::Pass, Some(reading)) if reading.success() => Verdict::Noted("accepted".to_owned()),
        (Verdict::Pass, Some(reading)) => Verdict::Noted(came(reading)),
        (verdict, _) => verdict,
    }
}
