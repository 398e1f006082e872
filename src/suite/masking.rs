//! Takes secrets out of exchanges that are kept to be judged again, and says where that changes what is judged.

use std::borrow::Cow;

use bytes::Bytes;

use crate::check::{self, Judge, Verdict};
use crate::exchange::{Asked, Body, Exchange, Reading};
use crate::plan::secret::{Redactor, is_secret};

/// The value of a header of the reply, without what the server keeps in a cookie of ours.
pub(super) fn masked_header(name: &str, value: &str, redactor: &Redactor) -> String {
    if is_secret(name) { "*".repeat(value.len()) } else { redactor.mask(value) }
}

/// The same exchange with secrets masked in both bodies; none where there are none.
pub(super) fn masked(exchange: &Exchange, redactor: &Redactor) -> Option<Exchange> {
    let (asked, body) = (redactor.mask_bytes(&exchange.asked.body), redactor.mask_bytes(&exchange.body.bytes));
    if matches!((&asked, &body), (Cow::Borrowed(_), Cow::Borrowed(_))) {
        return None;
    }
    let asked = Asked { body: Bytes::from(asked.into_owned()), ..exchange.asked.clone() };
    let body = Body { bytes: body.into_owned(), arrivals: exchange.body.arrivals.clone() };
    Some(Exchange { asked, body, ..exchange.clone() })
}

/// Whether every rule on any reply says the same of both.
pub(super) fn is_judged_alike(exchange: &Exchange, masked: &Exchange) -> bool {
    let (plain, masked) = (Reading::of(exchange), Reading::of(masked));
    let said = |verdict: &Verdict| {
        let broken =
            if let Verdict::Broken { level, findings } = verdict { Some((*level, findings.len())) } else { None };
        (std::mem::discriminant(verdict), broken)
    };
    check::catalogue(&exchange.asked.wanted.contract)
        .filter(|check| matches!(check.judge, Judge::Reply(_)))
        .all(|check| said(&check.judge(&plain)) == said(&check.judge(&masked)))
}
