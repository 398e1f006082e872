//! The replies to the probes of a conformance run, for the rules that take requests of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::wire::json::{At, Value};

use super::{Finding, Level, Verdict};
use crate::exchange::Reading;
use crate::exchange::words::{cut, in_words};
use crate::probe::{Kind, Probe};
use crate::wire::Contract;
use crate::wire::api::error::error_text;

/// Replies by the name of the probe that asked for them.
#[derive(Debug)]
pub struct Book<'e> {
    /// What is known of the endpoint.
    pub facts: Facts,
    probes: BTreeMap<&'static str, (&'static Probe, Vec<Reading<'e>>)>,
}

/// What is known of the endpoint that no reply says.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Whose contract it is held to.
    pub contract: Arc<Contract>,
    /// The model asked for.
    pub model: String,
    /// Tokens that prompt and answer may have together, where that is declared.
    pub context_window: Option<u64>,
    /// Share of the schemas of a slice that answers have to satisfy, where it is not the usual one.
    pub schema_rate: Option<f64>,
    /// Whether the client uses connections again.
    pub keep_alive: bool,
    /// Whether the client takes any certificate.
    pub insecure: bool,
}

impl<'e> Book<'e> {
    /// A book of these replies.
    pub fn new(facts: Facts, replies: impl IntoIterator<Item = (&'static Probe, Reading<'e>)>) -> Book<'e> {
        let mut probes: BTreeMap<&'static str, (&'static Probe, Vec<Reading<'e>>)> = BTreeMap::new();
        for (probe, reading) in replies {
            probes.entry(probe.name).or_insert((probe, Vec::new())).1.push(reading);
        }
        Book { facts, probes }
    }

    /// Every reply to a probe, in the order of its requests; none where the probe was not sent.
    pub fn replies(&self, probe: &Probe) -> &[Reading<'e>] {
        self.probes.get(probe.name).map_or(&[], |(_, replies)| replies)
    }

    /// The first reply to a probe.
    pub fn reply(&self, probe: &Probe) -> Option<&Reading<'e>> {
        self.replies(probe).first()
    }

    /// Every reply of the run that the rules on any reply say something of.
    pub fn all(&self) -> impl Iterator<Item = &Reading<'e>> {
        self.probes
            .values()
            .flat_map(|(probe, replies)| replies.iter().map(move |reading| (*probe, reading)))
            .filter(|(probe, reading)| says_something(probe, reading))
            .map(|(_, reading)| reading)
    }
}

/// Whether the rules on any reply apply to a reply. A body that nobody has decoded is for the rules that asked for one.
fn says_something(probe: &Probe, reading: &Reading<'_>) -> bool {
    let is_unknown_success = probe.kind != Kind::Completion && reading.success();
    !probe.below_api && !is_unknown_success && !reading.exchange.is_coded()
}

/// Characters of an error's message that are quoted.
const QUOTED: usize = 120;

/// What came back, in a few words for a finding: `status 400: message`, or how the exchange ended without one.
pub(super) fn came(reading: &Reading<'_>) -> String {
    let Some(status) = reading.exchange.status() else { return reading.outcome.to_string() };
    match reading.json().and_then(|document| error_text(&document.value)) {
        Some(text) => format!("status {status}: {}", cut(text, QUOTED)),
        None if reading.complete() && reading.json().is_none() && reading.stream().is_none() => {
            in_words(reading.exchange)
                .map_or_else(|| format!("status {status}"), |body| format!("status {status}, {body}"))
        }
        None if reading.complete() => format!("status {status}"),
        None => format!("status {status}, then {}", reading.outcome),
    }
}

/// Whether an error names a parameter: as `param`, in `loc`, or as a word of its message.
pub fn names_parameter(body: &Value, parameter: &str) -> bool {
    let param = body.at("/error/param").and_then(Value::as_str).is_some_and(|param| param.starts_with(parameter));
    let details = body.get("detail").and_then(Value::as_array).into_iter().flatten();
    let in_loc = |detail: &Value| {
        detail.get("loc").and_then(Value::as_array).is_some_and(|loc| loc.iter().any(|step| step == parameter))
    };
    let word = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == parameter);
    param || details.clone().any(in_loc) || error_text(body).is_some_and(word)
}

/// Broken at this reply.
pub(super) fn broken_at(reading: &Reading<'_>, pointer: &str, detail: impl Into<String>) -> Verdict {
    Verdict::of(vec![Finding::new(pointer, detail).at(reading)])
}

/// Judges every reply; broken ones decide before those that do not apply. Of the broken, those at the most binding level
/// are all reported, so that one fault does not hide another.
pub(super) fn each(replies: &[Reading<'_>], judge: impl Fn(&Reading<'_>) -> Verdict) -> Verdict {
    let (mut rest, mut broken) = (None, None);
    for reading in replies {
        match judge(reading).found_at(reading) {
            verdict @ Verdict::Broken { .. } => {
                broken = Some(match broken {
                    Some(known) => both(known, verdict),
                    None => verdict,
                });
            }
            Verdict::Pass => {}
            other @ (Verdict::Skip(_) | Verdict::Noted(_)) => rest = rest.or(Some(other)),
        }
    }
    let unbroken = if replies.is_empty() { Verdict::Skip("the probe was not sent") } else { Verdict::Pass };
    broken.or(rest).unwrap_or(unbroken)
}

/// Two broken verdicts on one rule: the more binding one, and of two that bind alike the findings of both.
pub(super) fn both(first: Verdict, next: Verdict) -> Verdict {
    match (first, next) {
        (Verdict::Broken { level, mut findings }, Verdict::Broken { level: other, findings: more }) => {
            if binding(other) > binding(level) {
                return Verdict::Broken { level: other, findings: more };
            }
            if other == level {
                findings.extend(more);
            }
            Verdict::Broken { level, findings }
        }
        (first, _) => first,
    }
}

/// How binding a verdict is: a level of its own is above the rule's where it is a MUST, else below it.
fn binding(own: Option<Level>) -> u8 {
    match own {
        Some(Level::Must) => 3,
        None => 2,
        Some(Level::Should) => 1,
        Some(Level::May) => 0,
    }
}

/// Judges every reply to several probes; the first probe whose replies do not all pass decides.
pub(super) fn each_of(book: &Book<'_>, probes: &[&Probe], judge: impl Fn(&Reading<'_>) -> Verdict) -> Verdict {
    let verdicts = probes.iter().map(|probe| each(book.replies(probe), &judge));
    verdicts.into_iter().find(|verdict| *verdict != Verdict::Pass).unwrap_or(Verdict::Pass)
}

/// The body of the request as it was sent; null where that was no JSON.
pub(super) fn sent(reading: &Reading<'_>) -> Value {
    serde_json::from_slice(&reading.exchange.asked.body).unwrap_or_default()
}

/// What the first choice of a complete success says, unless the cap on tokens cut it.
pub(super) fn first_text<'r>(reading: &'r Reading<'_>) -> Option<&'r str> {
    let choice = reading.choices.first().filter(|_| reading.success() && reading.complete())?;
    (!choice.is_cut()).then_some(choice.content.as_str())
}

/// Every reply is a success.
pub(super) fn accepted(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| Verdict::holds(reading.success(), "", || format!("expected 2xx, got {}", came(reading))))
}

/// Every reply is a refusal: a complete 4xx, never a success, a server error, a hang or a lost connection.
pub(super) fn refused(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| Verdict::holds(is_refusal(reading), "", || format!("expected 4xx, got {}", came(reading))))
}

/// Every reply is a refusal, but a success is a warning only: the contract does not forbid to be lenient there.
pub(super) fn refused_or_lenient(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| {
        let level = reading.success().then_some(Level::Should);
        match refused(std::slice::from_ref(reading)) {
            Verdict::Broken { findings, .. } => Verdict::Broken { level, findings },
            verdict @ (Verdict::Pass | Verdict::Skip(_) | Verdict::Noted(_)) => verdict,
        }
    })
}

/// No reply is a server error, and none is missing.
pub(super) fn no_server_error(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| {
        let answered = reading.complete() && reading.exchange.status().is_some_and(|status| status < 500);
        Verdict::holds(answered, "", || format!("expected an answer below 500, got {}", came(reading)))
    })
}

/// Whether a reply is a complete 4xx.
pub(super) fn is_refusal(reading: &Reading<'_>) -> bool {
    reading.complete() && reading.exchange.status().is_some_and(|status| (400..500).contains(&status))
}
