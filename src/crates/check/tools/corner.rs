//! Rules about tools at the edge of what is published: no parameters, a bad name, none at all.

use super::super::book::{Book, came, no_server_error, refused};
use super::super::{Check, Judge, Verdict, levels, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "tool-parameters-missing",
        rule: "what becomes of a tool without parameters",
        levels: levels("Y/Y"),
        tier: tier("F"),
        source: "Pulze's Konfig SDKs: required against OpenAI's optional",
        judge: Judge::Probes(&["tool-bare"], |book| recorded(book, "tool-bare")),
        across: None,
    },
    Check {
        id: "tool-name-invalid",
        rule: "a tool whose name has other characters than A-Z, a-z, 0-9, _ and - is refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        source: "OpenAI's published file: [A-Za-z0-9_-]{1,64}",
        judge: Judge::Probes(&["tool-bad-name"], |book| refused(book.replies("tool-bad-name"))),
        across: None,
    },
    Check {
        id: "tool-empty-array",
        rule: "what becomes of an empty list of tools",
        levels: levels("Y/Y"),
        tier: tier("F"),
        source: "practice",
        judge: Judge::Probes(&["tool-empty"], |book| recorded(book, "tool-empty")),
        across: None,
    },
];

/// What came back, unless it is a server error.
fn recorded(book: &Book<'_>, probe: &str) -> Verdict {
    match (no_server_error(book.replies(probe)), book.reply(probe)) {
        (Verdict::Pass, Some(reading)) if reading.success() => Verdict::Noted("accepted".to_owned()),
        (Verdict::Pass, Some(reading)) => Verdict::Noted(came(reading)),
        (verdict, _) => verdict,
    }
}
