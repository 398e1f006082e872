//! Rules about how a reply is transferred: its content coding, its framing, and the lines of its head.

use super::super::{Check, Judge, Verdict, levels, tier};
use super::NO_HEAD;
use crate::exchange::{Coding, Reading};
use crate::source::Source;

pub(crate) static TRANSFER: &[Check] = &[
    Check {
        id: "http-content-coding",
        rule: "a body is in the content coding that Content-Encoding names",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::rfc(9110, "8.4")],
        judge: Judge::Reply(content_coding),
        across: None,
    },
    Check {
        id: "http-one-framing",
        rule: "a reply has no Content-Length beside Transfer-Encoding",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::rfc(9112, "6.2"), Source::client("nodejs/node", "refuses such a reply")],
        judge: Judge::Reply(one_framing),
        across: None,
    },
    Check {
        id: "http-header-folded",
        rule: "whether a header line is folded, which clients read as one line or refuse",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::rfc(9112, "5.2")],
        judge: Judge::Reply(header_folded),
        across: None,
    },
];

/// That a body comes in a coding for which nobody asked is no fault: without Accept-Encoding any is acceptable
/// (RFC 9110, section 12.5.3).
fn content_coding(reading: &Reading<'_>) -> Verdict {
    let exchange = reading.exchange;
    let Some(head) = exchange.head.as_ref().filter(|_| !exchange.unjudged) else { return Verdict::Skip(NO_HEAD) };
    let coding = || head.header("content-encoding").unwrap_or_default();
    match exchange.transfer.coding {
        Coding::Broken { .. } => {
            let why = exchange.cause.clone();
            Verdict::broken("", why.unwrap_or_else(|| format!("it cannot be decoded from {:?}", coding())))
        }
        Coding::Decoded { .. } if exchange.transfer.asked_coding => Verdict::Pass,
        Coding::Decoded { .. } => Verdict::Noted(format!("{}, for which the request did not ask", coding())),
        Coding::Plain if exchange.is_coded() => Verdict::Skip("the body was not decoded"),
        Coding::Plain => Verdict::Pass,
    }
}

fn one_framing(reading: &Reading<'_>) -> Verdict {
    let Some(head) = &reading.exchange.head else { return Verdict::Skip(NO_HEAD) };
    match (head.header("content-length"), head.header("transfer-encoding")) {
        (Some(length), Some(encoding)) => {
            Verdict::broken("", format!("content-length: {length} beside transfer-encoding: {encoding}"))
        }
        _ => Verdict::Pass,
    }
}

fn header_folded(reading: &Reading<'_>) -> Verdict {
    match &reading.exchange.head {
        None => Verdict::Skip(NO_HEAD),
        Some(_) if reading.exchange.transfer.folded => Verdict::Noted("a header goes on in the next line".to_owned()),
        Some(_) => Verdict::Pass,
    }
}
