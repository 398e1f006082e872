//! Requests that strain the server more than the API: their size, their pace, their framing, and many at random.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Book, Check, Duration, Finding, Judge, Level, Reading, Verdict, came, each, is_refusal, levels, no_server_error,
    refused, tier,
};
use crate::basic::probes::BASIC;
use crate::exchange::{Outcome, nonce};
use crate::negative::probes::{
    NEG_CONTEXT_OVERFLOW, NEG_HALF_CLOSE, NEG_HEADER_INJECTION, NEG_LONG_HEADER, NEG_OVERSIZED_BODY,
    NEG_SCHEMA_MUTANTS, NEG_SLOW_BODY, NEG_SURVIVES,
};
use crate::source::Source;
use crate::wire::json::Members;

pub(crate) static HARSH: &[Check] = &[
    Check {
        id: "neg-oversized-body",
        rule: "a body of 32 MiB is refused, or the connection closed",
        levels: levels("S/S"),
        tier: tier("X"),
        sources: &[Source::rfc(9110, "15.5.14")],
        judge: Judge::Defect(&NEG_OVERSIZED_BODY, "", refused_or_closed),
        across: None,
    },
    Check {
        id: "neg-long-header",
        rule: "a header of 64 KiB is refused",
        levels: levels("S/S"),
        tier: tier("X"),
        sources: &[Source::rfc(6585, "5")],
        judge: Judge::Defect(&NEG_LONG_HEADER, "", refused_or_closed),
        across: None,
    },
    Check {
        id: "neg-context-overflow",
        rule: "a prompt longer than the context window is refused, not cut silently",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[
            Source::OPENAI.note("400 context_length_exceeded"),
            Source::issue("ollama/ollama", 4967),
            Source::issue("ollama/ollama", 17889),
            Source::issue("ollama/ollama", 2208).note("silent truncation"),
        ],
        judge: Judge::Defect(&NEG_CONTEXT_OVERFLOW, "", not_cut),
        across: None,
    },
    Check {
        id: "neg-slow-body",
        rule: "a body that comes byte by byte is served, or its connection closed, and others are served meanwhile",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Defect(&NEG_SLOW_BODY, "", slow_body),
        across: None,
    },
    Check {
        id: "neg-half-close",
        rule: "a body that ends before its Content-Length is refused, or its connection closed",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::rfc(9112, "8")],
        judge: Judge::Defect(&NEG_HALF_CLOSE, "", refused_or_closed),
        across: None,
    },
    Check {
        id: "neg-header-injection",
        rule: "a bare CR in a header is refused",
        levels: levels("S/S"),
        tier: tier("X"),
        sources: &[Source::rfc(9110, "5.5")],
        judge: Judge::Defect(&NEG_HEADER_INJECTION, "", refused),
        across: None,
    },
    Check {
        id: "neg-schema-mutants",
        rule: "mutants of the request schema are no server error",
        levels: levels("S/S"),
        tier: tier("X"),
        sources: &[
            Source::project("apideck-libraries/portman").note("requests derived from the schema"),
            Source::project("schemathesis/schemathesis").note("requests derived from the schema"),
        ],
        judge: Judge::Defect(&NEG_SCHEMA_MUTANTS, "", mutants),
        across: None,
    },
    Check {
        id: "neg-survives",
        rule: "after all requests with a defect a good one is answered as before",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::ours("an endpoint that one bad request takes down serves no client any more")],
        judge: Judge::Probes(&[&BASIC, &NEG_SURVIVES], survives),
        across: None,
    },
];

/// Whether the connection was closed without an answer, which is an answer to what is no request.
fn is_closed(reading: &Reading<'_>) -> bool {
    reading.exchange.head.is_none() && reading.exchange.outcome == Outcome::Reset
}

fn refused_or_closed(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| {
        let right = is_refusal(reading) || is_closed(reading);
        Verdict::holds(right, "", || format!("expected 4xx or a closed connection, got {}", came(reading)))
    })
}

fn served_or_closed(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| {
        let right = (reading.success() && reading.complete()) || is_refusal(reading) || is_closed(reading);
        Verdict::holds(right, "", || format!("expected an answer, 408 or a closed connection, got {}", came(reading)))
    })
}

/// The first request is the slow one; what is sent while it lasts must be served all the same.
fn slow_body(replies: &[Reading<'_>]) -> Verdict {
    let Some((slow, others)) = replies.split_first() else { return Verdict::Skip("the probe was not sent") };
    let meanwhile = |other: &&Reading<'_>| other.exchange.sent.is_some_and(|sent| sent < slow.exchange.ended);
    match others.iter().find(|other| meanwhile(other) && !other.success()) {
        Some(other) => {
            let detail = format!("expected 2xx beside a slow request, got {}", came(other));
            Verdict::Broken { level: None, findings: vec![Finding::new("", detail).at(other)] }
        }
        None => served_or_closed(std::slice::from_ref(slow)),
    }
}

/// The prompt asks for the tag at its beginning. An answer that has it shows that nothing was cut.
fn not_cut(replies: &[Reading<'_>]) -> Verdict {
    if replies.is_empty() {
        return Verdict::Skip("no context window is declared");
    }
    each(replies, |reading| {
        if !reading.success() {
            return refused(std::slice::from_ref(reading));
        }
        let own = reading.exchange.ticket.seq;
        let echoed = |key| reading.choices.iter().any(|choice| nonce::found(key, &choice.content).contains(&own));
        if reading.exchange.asked.wanted.tag_key.is_some_and(echoed) {
            return Verdict::Noted("the context window is larger than declared".to_owned());
        }
        let counted = reading.usage.map_or(String::new(), |usage| format!("; usage counts {} of it", usage.prompt));
        Verdict::broken("", format!("silent truncation: expected 4xx, got an answer without the prompt's tag{counted}"))
    })
}

/// No server error; what was accepted is reported by member, since the contract does not forbid to be lenient.
fn mutants(replies: &[Reading<'_>]) -> Verdict {
    let verdict = no_server_error(replies);
    if verdict != Verdict::Pass {
        return verdict;
    }
    let mut members: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for reading in replies {
        let [refused, all] = members.entry(mutated(reading)).or_default();
        *refused += usize::from(is_refusal(reading));
        *all += 1;
    }
    let lenient = members.iter().filter(|(_, [refused, all])| refused < all);
    let lenient: Vec<String> = lenient.map(|(member, [refused, all])| format!("{member} {refused} of {all}")).collect();
    if lenient.is_empty() { Verdict::Pass } else { Verdict::Noted(format!("refused: {}", lenient.join(", "))) }
}

/// The member of the body at which a mutant breaks the schema.
fn mutated(reading: &Reading<'_>) -> String {
    let body: Value = serde_json::from_slice(&reading.exchange.asked.body).unwrap_or_default();
    let schema = reading.exchange.asked.wanted.contract.request();
    let at = |pointer: String| pointer.split('/').nth(1).map(str::to_owned);
    let broken = schema.violations(&body).into_iter().find_map(|violation| at(violation.pointer));
    let required = schema.document().member("required").and_then(Value::as_array).into_iter().flatten();
    let missing = || required.filter_map(Value::as_str).find(|name| body.get(name).is_none()).map(str::to_owned);
    broken.or_else(missing).unwrap_or_else(|| "body".to_owned())
}

/// How much slower than before the last answer may be, for chance alone.
const SLOWER: Duration = Duration::from_secs(2);

fn survives(book: &Book<'_>) -> Verdict {
    let Some((first, last)) = book.reply(&BASIC).zip(book.reply(&NEG_SURVIVES)) else {
        return Verdict::Skip("the probe was not sent");
    };
    let broken = |level, detail| Verdict::Broken { level, findings: vec![Finding::new("", detail).at(last)] };
    if !last.success() {
        return broken(None, format!("expected 2xx as before, got {}", came(last)));
    }
    let [before, after] = [first, last].map(|reading| reading.exchange.service_time().unwrap_or_default());
    if after > (before * 3).max(before + SLOWER) {
        return broken(Some(Level::Should), format!("it took {after:.1?}, and {before:.1?} before"));
    }
    Verdict::Pass
}
