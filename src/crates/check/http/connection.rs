//! Rules about the connection: TLS, its versions, its use for more than one request, and what goes before a body.

use std::time::Duration;

use super::super::book::{Book, came, each};
use super::super::{Check, Judge, Verdict, levels, tier};
use crate::basic::probes::BASIC;
use crate::exchange::{Exchange, Outcome, Reading};
use crate::http::probes::{AGAIN, EXPECT_CONTINUE, TWO_KEYS};
use crate::source::Source;

pub(crate) static CONNECTION: &[Check] = &[
    Check {
        id: "http-keepalive",
        rule: "a connection serves a second request",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::rfc(9112, "9.3")],
        judge: Judge::Probes(&[&BASIC, &AGAIN], keepalive),
        across: None,
    },
    Check {
        id: "http-expect-continue",
        rule: "a request that waits for 100 is answered, or refused with 417, without a pause",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::rfc(9110, "10.1.1")],
        judge: Judge::Probes(&[&BASIC, &EXPECT_CONTINUE], expect_continue),
        across: None,
    },
    Check {
        id: "http-http2",
        rule: "HTTP/2 is spoken where TLS negotiates it, else HTTP/1.1",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::whole_rfc(9113)],
        judge: Judge::Probes(&[&BASIC], http2),
        across: None,
    },
    Check {
        id: "http-tls-valid",
        rule: "the certificate is valid for the host",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::rfc(9110, "4.3.4").note("clients verify it, and every SDK refuses one that is not valid")],
        judge: Judge::Probes(&[&BASIC], tls_valid),
        across: None,
    },
    Check {
        id: "http-duplicate-header",
        rule: "two Authorization headers are refused with 400 or 401",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::rfc(9110, "5.3")],
        judge: Judge::Probes(&[&TWO_KEYS], duplicate_header),
        across: None,
    },
];

/// Whether a request went out on a connection that another had opened. A dial that ended after the head came served
/// another request.
fn is_reused(exchange: &Exchange) -> bool {
    let head = exchange.head.as_ref();
    head.is_some_and(|head| exchange.dial.is_none_or(|dial| dial.ended > head.at))
}

/// One in so many replies must have come on a connection that had served before, where the second request did not.
const SELDOM: usize = 10;

/// Which connection a request gets is the client's choice, so that others may have found one open where the second
/// request did not. A few of many show nothing: they may have been given one that was opened for another request, and
/// had served none.
fn keepalive(book: &Book<'_>) -> Verdict {
    if !book.facts.keep_alive {
        return Verdict::Skip("the client was told to open a connection for each request");
    }
    let announced = |reading: &Reading<'_>| {
        let head = reading.exchange.head.as_ref();
        head.is_some_and(|head| {
            head.version == "HTTP/1.0"
                || head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
        })
    };
    let Some(first) = book.reply(&BASIC) else { return Verdict::Skip("the probe was not sent") };
    if announced(first) {
        return Verdict::Skip("the server announced that it closes the connection");
    }
    each(book.replies(&AGAIN), |reading| {
        if !reading.success() {
            return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
        }
        let others = book.all().filter(|other| is_reused(other.exchange)).count();
        let reused = is_reused(reading.exchange) || others > 0 && others * SELDOM >= book.all().count();
        Verdict::holds(reused, "", || "no connection served a second request".to_owned())
    })
}

/// Clients wait for 100 a second at most; what takes this much longer than the plain question has waited for more.
const STALL: Duration = Duration::from_secs(5);

fn expect_continue(book: &Book<'_>) -> Verdict {
    let usual = book.reply(&BASIC).and_then(|reading| reading.exchange.service_time()).unwrap_or_default();
    each(book.replies(&EXPECT_CONTINUE), |reading| {
        if !reading.success() && reading.exchange.status() != Some(417) {
            return Verdict::broken("", format!("expected 2xx or 417, got {}", came(reading)));
        }
        let took = reading.exchange.service_time().unwrap_or_default();
        Verdict::holds(took < usual * 3 + STALL, "", || format!("it took {took:.1?}, and {usual:.1?} without Expect"))
    })
}

fn is_secure(reading: &Reading<'_>) -> bool {
    reading.exchange.asked.wanted.origin.starts_with("https:")
}

fn http2(book: &Book<'_>) -> Verdict {
    each(book.replies(&BASIC), |reading| match &reading.exchange.head {
        Some(head) if is_secure(reading) => Verdict::Noted(format!("{} was negotiated", head.version)),
        Some(_) => Verdict::Skip("plain HTTP negotiates no version"),
        None => Verdict::broken("", format!("expected an answer, got {}", came(reading))),
    })
}

fn tls_valid(book: &Book<'_>) -> Verdict {
    if book.facts.insecure {
        return Verdict::Skip("certificates are not verified");
    }
    each(book.replies(&BASIC), |reading| match (is_secure(reading), reading.exchange.outcome) {
        (false, _) => Verdict::Skip("plain HTTP has no certificate"),
        (true, Outcome::Tls) => {
            let cause = reading.cause().unwrap_or_else(|| "no session".to_owned());
            Verdict::broken("", format!("no TLS: {cause}"))
        }
        (true, _) if reading.exchange.head.is_some() => Verdict::Pass,
        (true, _) => Verdict::Skip("no connection to judge"),
    })
}

fn duplicate_header(book: &Book<'_>) -> Verdict {
    each(book.replies(&TWO_KEYS), |reading| {
        let right = reading.complete() && matches!(reading.exchange.status(), Some(400 | 401));
        Verdict::holds(right, "", || format!("expected 400 or 401, got {}", came(reading)))
    })
}
