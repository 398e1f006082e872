//! Rules about replies that say to come back later. A conformance run asks again where it gets one, so these are judged
//! on a load mostly.

use std::time::Duration;

use super::super::{Check, Fault, Finding, Judge, Verdict, levels, tier};
use super::{STRING, error, is_string};
use crate::exchange::Reading;
use crate::exchange::words::in_words;
use crate::format::response::unix_seconds;
use crate::source::Source;

pub(crate) static LATER: &[Check] = &[
    Check {
        id: "err-429-envelope",
        rule: "a 429 has a body of the dialect's shape",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[
            Source::OPENAI.note("ErrorResponse"),
            Source::issue("mostlygeek/llama-swap", 1037).note("a string, which err-error-not-string judges"),
        ],
        judge: Judge::Reply(envelope_429),
        across: None,
    },
    Check {
        id: "err-429-retry-after",
        rule: "Retry-After of a 429 is a number of seconds or a date, less than an hour away",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("optional header >= 1"), Source::rfc(6585, "4")],
        judge: Judge::Reply(retry_after_429),
        across: None,
    },
    Check {
        id: "err-503-retry-after",
        rule: "a 503 has Retry-After",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "15.6.4")],
        judge: Judge::Reply(retry_after_503),
        across: None,
    },
];

fn has_status(reading: &Reading<'_>, wanted: u16) -> bool {
    error(reading).is_some_and(|(status, _)| status == wanted)
}

fn envelope_429(reading: &Reading<'_>) -> Verdict {
    if !has_status(reading, 429) {
        return Verdict::Skip("no 429");
    }
    let Some(document) = reading.json() else {
        let got = in_words(reading.exchange).unwrap_or_else(|| "a body that is no JSON".to_owned());
        return Verdict::broken("", format!("expected JSON, got {got}")).kind(&Fault::Unreadable);
    };
    if is_string(reading) {
        return Verdict::Skip(STRING);
    }
    let faults = reading.exchange.asked.wanted.contract.error().violations(&document.value);
    Verdict::distinct(faults.into_iter().map(Finding::of_schema))
}

const AN_HOUR: Duration = Duration::from_secs(3600);

fn retry_after_429(reading: &Reading<'_>) -> Verdict {
    let head = reading.exchange.head.as_ref().filter(|_| has_status(reading, 429));
    let Some(head) = head else { return Verdict::Skip("no 429") };
    let Some(value) = head.header("retry-after") else {
        return Verdict::Skip("the 429 has no Retry-After, which is optional");
    };
    let now = (reading.exchange.epoch + head.at).as_secs_f64();
    let wait = match value.trim().parse::<u64>() {
        Ok(seconds) => Some(seconds as f64),
        Err(_) => unix_seconds(value.trim()).map(|at| at - now),
    };
    let sane = wait.is_some_and(|wait| wait < AN_HOUR.as_secs_f64());
    Verdict::holds(sane, "", || format!("expected seconds or a date within an hour, got {value:?}"))
}

fn retry_after_503(reading: &Reading<'_>) -> Verdict {
    let head = reading.exchange.head.as_ref().filter(|_| has_status(reading, 503));
    match head {
        Some(head) => Verdict::holds(head.header("retry-after").is_some(), "", || "no Retry-After".to_owned()),
        None => Verdict::Skip("no 503"),
    }
}
