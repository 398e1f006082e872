//! Rules about HTTP itself: here those on any reply, beside it those on pages and methods, on the body's kind and coding,
//! and on the connection.

use super::{Check, Fault, Finding, Judge, Verdict, levels, tier};
use crate::exchange::{Cut, Outcome, Reading};
use crate::format::response::unix_seconds;
use crate::source::Source;

mod connection;
mod content;
mod pages;
pub(crate) mod probes;
mod transfer;

pub(super) use connection::CONNECTION;
pub(super) use content::CONTENT;
pub(super) use pages::PAGES;
pub(super) use transfer::TRANSFER;

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "http-redirect-same-origin",
        rule: "no redirect leads to another origin or from https to http",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::rfc(9110, "15.4").note("clients take the credentials off on the way to another origin, as httpx and fetch do, so that they are refused there")],
        judge: Judge::Reply(redirect_same_origin),
        across: None,
    },
    Check {
        id: "http-body-length",
        rule: "a body is as long as Content-Length says, or a complete chunked one",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::rfc(9112, "6.3"), Source::rfc(9112, "8")],
        judge: Judge::Reply(body_length),
        across: None,
    },
    Check {
        id: "http-date-skew",
        rule: "Date is within 60 s of our clock",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "6.6.1")],
        judge: Judge::Reply(date_skew),
        across: None,
    },
    Check {
        id: "http-not-cacheable",
        rule: "no answer comes out of a cache",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(9110, "9.3.3")],
        judge: Judge::Reply(not_cacheable),
        across: None,
    },
    Check {
        id: "http-ratelimit-headers",
        rule: "x-ratelimit-* are numbers, and no more remains than the limit",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(ratelimit_headers),
        across: None,
    },
];

fn redirect_same_origin(reading: &Reading<'_>) -> Verdict {
    let Some(head) = reading.exchange.head.as_ref().filter(|head| (300..400).contains(&head.status)) else {
        return Verdict::Skip("no redirect");
    };
    let Some(location) = head.header("location") else { return Verdict::Skip("no Location") };
    let origin = &reading.exchange.asked.wanted.origin;
    let relative = !location.contains("://") && !location.starts_with("//");
    let same =
        location.strip_prefix(origin.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
    Verdict::holds(relative || same, "", || format!("from {origin} to {location}"))
}

fn body_length(reading: &Reading<'_>) -> Verdict {
    if reading.exchange.outcome == Outcome::Truncated(Cut::ShortBody) {
        let got = reading.exchange.wire_bytes();
        let length = reading.exchange.head.as_ref().and_then(|head| head.header("content-length"));
        let expected = length.map_or("a terminated chunked body".to_owned(), |length| format!("{length} bytes"));
        let detail = format!("expected {expected}, got {got} bytes and the end of the connection");
        return Verdict::broken("", detail).kind(&Fault::CutOff);
    }
    if reading.complete() { Verdict::Pass } else { Verdict::Skip("the exchange ended otherwise") }
}

const NO_HEAD: &str = "no reply";
const SKEW_S: f64 = 60.0;

fn date_skew(reading: &Reading<'_>) -> Verdict {
    let Some(head) = &reading.exchange.head else { return Verdict::Skip(NO_HEAD) };
    let Some(date) = head.header("date") else { return Verdict::Skip("no Date") };
    let Some(theirs) = unix_seconds(date) else {
        return Verdict::broken("", format!("expected an HTTP date, got Date: {date:?}")).kind(&Fault::Unreadable);
    };
    let skew = theirs - (reading.exchange.epoch + head.at).as_secs_f64();
    Verdict::holds(skew.abs() <= SKEW_S, "", || {
        format!("expected Date within {SKEW_S} s of our clock, got {date}, {skew:.0} s away")
    })
    .kind(&Fault::WrongValue)
}

/// Two requests must not get one id either, which `resp-id-unique` judges.
fn not_cacheable(reading: &Reading<'_>) -> Verdict {
    let Some(head) = reading.exchange.head.as_ref().filter(|_| reading.success()) else {
        return Verdict::Skip("not a success");
    };
    let age = head.header("age").and_then(|age| age.trim().parse::<u64>().ok()).unwrap_or(0);
    Verdict::holds(age == 0, "", || format!("Age is {age}: the answer was made for another request"))
}

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";

/// What a limit is for is the end of the headers' names, as in `-requests`.
fn ratelimit_headers(reading: &Reading<'_>) -> Verdict {
    let Some(head) = &reading.exchange.head else { return Verdict::Skip(NO_HEAD) };
    let quotas = |prefix: &'static str| {
        head.headers.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
    };
    let mut seen = false;
    let mut findings = Vec::new();
    for (prefix, (kind, value)) in [LIMIT, REMAINING].into_iter().flat_map(|p| quotas(p).map(move |quota| (p, quota))) {
        seen = true;
        if number(value).is_none() {
            findings.push(Finding::new("", format!("{prefix}{kind} is no number: {value:?}")));
        }
    }
    for (kind, remaining) in quotas(REMAINING) {
        let limit = quotas(LIMIT).find(|(other, _)| *other == kind).and_then(|(_, limit)| number(limit));
        if let Some((limit, remaining)) = limit.zip(number(remaining)).filter(|(limit, remaining)| remaining > limit) {
            findings.push(Finding::new("", format!("{REMAINING}{kind} is {remaining}, of a limit of {limit}")));
        }
    }
    if seen { Verdict::of(findings) } else { Verdict::Skip("no x-ratelimit headers") }
}

/// The number at the front of a value, behind which gateways say what window it is for.
fn number(value: &str) -> Option<f64> {
    let number = value.split([',', ';']).next()?.trim().parse::<f64>().ok()?;
    (number >= 0.0).then_some(number)
}
