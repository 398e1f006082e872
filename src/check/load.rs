//! Rules that only a load shows: answers that belong to another request, and figures of ours that cannot be.

use super::{Across, Check, Judge, Level, Verdict, levels, tier};
use crate::exchange::{Reading, nonce};

pub(super) static CHECKS: &[Check] = &[
    Check {
        id: "load-no-crosstalk",
        rule: "an answer never contains another request's tag",
        levels: levels("M/M"),
        tier: tier("L"),
        source: "sgl-project/sglang #34677; {{unique}} in the prompt",
        judge: Judge::Reply(no_crosstalk),
        across: None,
    },
    Check {
        id: "load-latency-order",
        rule: "due <= sent <= connected <= head <= first token <= last token <= ended",
        levels: levels("M/M"),
        tier: tier("L"),
        source: "arithmetic",
        judge: Judge::Reply(latency_order),
        across: None,
    },
    Check {
        id: "load-latency-plausible",
        rule: "the head takes longer than the dial, tokens come below 20,000 a second, not all times are equal",
        levels: levels("S/S"),
        tier: tier("L"),
        source: "practice",
        judge: Judge::Reply(latency_plausible),
        across: Some(Across::Varied(Level::Should, |reading| {
            reading.completion()?;
            Some(reading.exchange.service_time()?.as_micros().to_string())
        })),
    },
];

fn no_crosstalk(reading: &Reading<'_>) -> Verdict {
    let Some(key) = reading.exchange.asked.wanted.tag_key else {
        return Verdict::Skip("the prompt has no tag of ours");
    };
    let own = reading.exchange.ticket.seq;
    let mut echoed = false;
    for choice in &reading.choices {
        for seq in nonce::found(key, &choice.content) {
            if seq != own {
                return Verdict::broken(
                    format!("/choices/{}", choice.index),
                    format!("the tag of request {seq} in the answer to {own}"),
                );
            }
            echoed = true;
        }
    }
    if echoed { Verdict::Pass } else { Verdict::Skip("the answer does not echo the tag") }
}

fn latency_order(reading: &Reading<'_>) -> Verdict {
    let exchange = reading.exchange;
    let mut steps = vec![("due", exchange.ticket.due), ("eligible", exchange.eligible)];
    steps.extend(exchange.sent.map(|at| ("sent", at)));
    // A dial that ended after the head came served another request: this one found an idle connection first.
    let dial = exchange.dial.filter(|dial| exchange.head.as_ref().is_none_or(|head| dial.ended <= head.at));
    steps.extend(dial.map(|dial| ("connected", dial.ended)));
    steps.extend(exchange.head.as_ref().map(|head| ("head", head.at)));
    steps.extend(reading.first_token().map(|at| ("first token", at)));
    steps.extend(reading.last_token().map(|at| ("last token", at)));
    steps.push(("ended", exchange.ended));
    match steps.windows(2).find(|pair| pair[0].1 > pair[1].1) {
        Some(pair) => {
            Verdict::broken("", format!("{} at {:?}, but {} at {:?}", pair[0].0, pair[0].1, pair[1].0, pair[1].1))
        }
        None if exchange.sent.is_none() => Verdict::Skip("never sent"),
        None => Verdict::Pass,
    }
}

const TOKENS_PER_S: f64 = 20_000.0;

fn latency_plausible(reading: &Reading<'_>) -> Verdict {
    let exchange = reading.exchange;
    let (Some(head), Some(sent), Some(service)) = (exchange.head.as_ref(), exchange.sent, exchange.service_time())
    else {
        return Verdict::Skip("no reply");
    };
    if let Some(dial) = exchange.dial.filter(|dial| dial.ended <= head.at)
        && head.at.saturating_sub(sent) <= dial.ended.saturating_sub(dial.began)
    {
        return Verdict::broken("", "the head came no later than the connection was ready");
    }
    let tokens = reading.usage.map_or(0.0, |usage| usage.completion);
    let rate = tokens / service.as_secs_f64().max(1e-9);
    Verdict::holds(rate < TOKENS_PER_S, "", || format!("{tokens} tokens in {service:?}"))
}
