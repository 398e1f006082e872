//! Rules about HTTP itself.

use super::{Check, Judge, Verdict, levels, tier};
use crate::exchange::{Cut, Outcome, Reading};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "http-redirect-same-origin",
        rule: "no redirect leads to another origin or from https to http",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "practice (the bearer would leak)",
        judge: Judge::Reply(redirect_same_origin),
        across: None,
    },
    Check {
        id: "http-body-length",
        rule: "a body is as long as Content-Length says, or a complete chunked one",
        levels: levels("M/M"),
        tier: tier("C"),
        source: "9112 6.3, 8",
        judge: Judge::Reply(body_length),
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
        let got = reading.exchange.body.bytes.len();
        let length = reading.exchange.head.as_ref().and_then(|head| head.header("content-length"));
        let expected = length.map_or("a terminated chunked body".to_owned(), |length| format!("{length} bytes"));
        return Verdict::broken("", format!("expected {expected}, got {got} bytes and the end of the connection"));
    }
    if reading.complete() { Verdict::Pass } else { Verdict::Skip("the exchange ended otherwise") }
}
