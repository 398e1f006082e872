//! Rules about requests with one defect: each takes a good request with one thing wrong, and the endpoint must say so.
//!
//! A rule and the probe that sends its request have one name (`probes.rs`). What a rule adds is the member
//! that its request breaks, so that the rules about errors can ask whether the error names it.

use std::time::Duration;

use super::book::{came, each, is_refusal, no_server_error};
use super::{Book, Check, Finding, Judge, Level, Verdict, levels, tier};
use crate::exchange::Reading;
use crate::probe::Probe;

mod harsh;
mod mutants;
pub(crate) mod probes;
mod shape;
mod syntax;
mod value;

pub(super) use harsh::HARSH;
pub(super) use shape::SHAPE;
pub(super) use syntax::SYNTAX;
pub(super) use value::VALUE;

/// Every rule that needs a request with a defect of its own, with the probe that sends it and the member that is broken.
pub(super) fn all() -> impl Iterator<Item = (&'static Check, &'static Probe, &'static str)> {
    [SYNTAX, SHAPE, VALUE, HARSH].into_iter().flatten().filter_map(|check| match check.judge {
        Judge::Defect(probe, member, _) => Some((check, probe, member)),
        Judge::Reply(_) | Judge::Probes(..) | Judge::Defects(_) | Judge::Run => None,
    })
}

/// How long it may take to say what is wrong with a request, for which no model is needed.
const PROMPT: Duration = Duration::from_secs(10);

/// Every reply is a complete 4xx that did not take long; a late one is a warning.
fn refused(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| {
        if !is_refusal(reading) {
            return Verdict::broken("", format!("expected 4xx, got {}", came(reading)));
        }
        let took = reading.exchange.service_time().unwrap_or_default();
        if took <= PROMPT {
            return Verdict::Pass;
        }
        Verdict::warning("", format!("it took {took:.1?} to refuse the request"))
    })
}
