//! The checks on a run's page: the broken ones with their evidence, the binding ones first.

use maud::{Markup, html};

use crate::report::cut::{brief, long};
use crate::summary::digest::{Digest, Judgement};
use crate::summary::excerpt::Excerpt;
use crate::summary::tally::Example;

/// Broken checks of which several kinds of fault are shown, and the first example in full; all are in the summary.
const EVIDENCE: usize = 20;
/// Kinds of fault of a check that are shown.
const KINDS: usize = 4;

pub(super) fn checks(digest: &Digest) -> Markup {
    let held = digest.checks.values().filter(|check| check.held()).count();
    let idle = digest.checks.values().filter(|check| check.is_idle()).count();
    let broken = digest.broken_checks();
    html! {
        h2 { "Checks" }
        p { (held) " held, " (broken.len()) " broken, " (idle) " did not apply." }
        @if !broken.is_empty() {
            div class="scroll" {
                table class="text stack" {
                    thead { tr { th { "level" } th { "check" } th { "broken" } th { "rule and evidence" } } }
                    @for (number, (id, check)) in broken.iter().enumerate() { (broken_check(id, check, number < EVIDENCE)) }
                }
            }
        }
        @if digest.checks.values().any(|check| !check.follows.is_empty()) {
            details {
                summary { "Rules broken because another one is" }
                ul class="reasons" {
                    @for (id, check) in digest.checks.iter().filter(|(_, check)| !check.follows.is_empty()) {
                        li { code { (id) } " " (check.seen_with()) }
                    }
                }
            }
        }
        @if held > 0 {
            details {
                summary { "Rules that held" }
                ul class="reasons" {
                    @for (id, check) in digest.checks.iter().filter(|(_, check)| check.held()) {
                        li { code { (id) } " " (check.rule) " (" (check.pass) ")" }
                    }
                }
            }
        }
    }
}

fn broken_check(id: &str, check: &Judgement, in_full: bool) -> Markup {
    let (level, class) = match check {
        check if check.known.is_some() => ("known", "soft"),
        check if check.must > 0 => ("MUST", "bad"),
        check if check.should > 0 => ("SHOULD", "c2"),
        _ => ("may", "soft"),
    };
    let kinds = if in_full { KINDS } else { 1 };
    html! {
        tr {
            td { span class={ "badge " (class) } { (level) } }
            td class="id" { code { (id) } }
            td { (check.fail) " of " (check.fail + check.pass) }
            td {
                (check.rule)
                @if let Some(reason) = &check.known { p class="soft" { "Known: " (brief(reason)) } }
                @if let Some(across) = &check.across { p { "Over the run: " (brief(across)) } }
                @for (number, example) in check.examples.iter().take(kinds).enumerate() {
                    (evidence(example, check.examples.len() == 1, in_full && number == 0))
                }
                @if check.examples.len() > kinds {
                    p class="soft" { "and " (check.examples.len() - kinds) " more kinds of fault, in summary.json" }
                }
            }
        }
    }
}

fn evidence(example: &Example, alone: bool, in_full: bool) -> Markup {
    html! {
        p {
            @if !alone { (example.count) " x " (brief(&example.fault)) ", first in request " (example.seq) }
            @else { "Request " (example.seq) }
            " (" (brief(&example.case)) "): "
            @if !example.place.is_empty() { code { (brief(&example.place)) } " " }
            (brief(&example.detail))
        }
        @if in_full {
            details {
                summary { "Reply and request" }
                @for Excerpt { what, text } in &example.shown() {
                    p class="soft" { (brief(what)) }
                    pre { (long(text)) }
                }
                pre { (long(&example.curl)) }
            }
        }
    }
}
