//! Rules about when the pieces of a stream come.

use std::time::Duration;

use super::super::{Check, Judge, NO_STREAM, Verdict, levels, tier};
use super::ended;
use crate::exchange::Reading;
use crate::source::Source;

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "stream-incremental",
        rule: "content comes in at least three pieces, spread over more than a tenth of the time after the first",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::ours("good practice"), Source::pull("BerriAI/litellm", 29557)],
        judge: Judge::Reply(incremental),
        across: None,
    },
    Check {
        id: "stream-ttft-before-end",
        rule: "the first content comes more than 5 ms before the last",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(ttft_before_end),
        across: None,
    },
    Check {
        id: "stream-gap-bound",
        rule: "no 30 s pass between two arrivals of bytes",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(gap_bound),
        across: None,
    },
];

/// Below this many tokens, a stream is too short to say whether it was buffered.
const JUDGED_TOKENS: f64 = 20.0;

/// When content came, for streams long enough to judge: number of arrivals, first and last.
fn spread(reading: &Reading<'_>) -> Result<(usize, Duration, Duration), Verdict> {
    ended(reading)?;
    let tokens = reading.tokens().map_or(0.0, |tokens| tokens.completion);
    match (reading.first_token(), reading.last_token()) {
        (Some(first), Some(last)) if tokens >= JUDGED_TOKENS => Ok((reading.events_per_arrival().len(), first, last)),
        _ => Err(Verdict::Skip("fewer than 20 tokens")),
    }
}

fn incremental(reading: &Reading<'_>) -> Verdict {
    let (arrivals, first, last) = match spread(reading) {
        Ok(spread) => spread,
        Err(verdict) => return verdict,
    };
    // The time to the first piece is the model's: a long prompt takes long, however the answer comes then.
    let after = reading.exchange.ended.saturating_sub(first);
    let span = last.saturating_sub(first);
    Verdict::holds(arrivals >= 3 && span > after / 10, "", || {
        format!("content came {arrivals} times over {span:.1?} of the {after:.1?} after the first")
    })
}

const LEAST_SPREAD: Duration = Duration::from_millis(5);

fn ttft_before_end(reading: &Reading<'_>) -> Verdict {
    match spread(reading) {
        Ok((_, first, last)) => {
            let span = last.saturating_sub(first);
            Verdict::holds(span > LEAST_SPREAD, "", || format!("all content came within {span:.1?}"))
        }
        Err(verdict) => verdict,
    }
}

/// Longest silence between bytes after which proxies and clients begin to hang up.
const SILENCE: Duration = Duration::from_secs(30);

fn gap_bound(reading: &Reading<'_>) -> Verdict {
    if reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    let arrivals = &reading.exchange.body.arrivals;
    let longest = arrivals.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at)).max();
    match longest {
        Some(gap) => Verdict::holds(gap <= SILENCE, "", || format!("nothing came for {gap:.1?}")),
        None => Verdict::Skip("all bytes came at once"),
    }
}
