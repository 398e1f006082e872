//! Rules that only a load shows: answers that belong to another request, and figures of ours that cannot be.
//!
//! Those on the run as a whole are worked out by the summary, from counts that it keeps anyway.

use crate::exchange::{Outcome, Payload, Reading, nonce};
use crate::request::is_router;
use crate::source::Source;
use crate::wire::api::error::{Place, error_in};
use crate::wire::json::{Members, Value};
use crate::{Across, Check, Finding, Judge, Level, NO_STREAM, Verdict, levels, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "load-no-crosstalk",
        rule: "an answer never contains another request's tag",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::issue("sgl-project/sglang", 34677),
            Source::ours("each prompt carries a tag of its own ({{unique}})"),
        ],
        judge: Judge::Reply(no_crosstalk),
        across: None,
    },
    Check {
        id: "load-all-schema-valid",
        rule: "every reply and every chunk validates, but for what the dialect or the baseline lets pass",
        levels: levels("M/M"),
        tier: tier("L"),
        sources: &[Source::SEED.note("its members and types"), Source::OPENAI.note("its schemas")],
        judge: Judge::Run,
        across: None,
    },
    Check {
        id: "load-all-streams-complete",
        rule: "every stream comes to its end: a finish_reason for every choice, no error, and a complete body",
        levels: levels("M/M"),
        tier: tier("L"),
        sources: &[
            Source::OPENAI.note("finish_reason and [DONE]"),
            Source::issue("vllm-project/vllm", 52852),
            Source::pull("infiniflow/ragflow", 19498),
        ],
        judge: Judge::Reply(streams_complete),
        across: None,
    },
    Check {
        id: "load-no-5xx",
        rule: "no reply is a server error",
        levels: levels("S/S"),
        tier: tier("L"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Run,
        across: None,
    },
    Check {
        id: "load-overload-is-429-503",
        rule: "an endpoint that refuses load does so with 429 or 503, not by resets and timeouts",
        levels: levels("S/S"),
        tier: tier("L"),
        sources: &[Source::rfc(6585, "4")],
        judge: Judge::Run,
        across: None,
    },
    Check {
        id: "load-latency-order",
        rule: "due <= sent <= connected <= head <= first token <= last token <= ended",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::ours("arithmetic")],
        judge: Judge::Reply(latency_order),
        across: None,
    },
    Check {
        id: "load-latency-plausible",
        rule: "the head takes longer than the dial, tokens come below 20,000 a second, not all times are equal",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(latency_plausible),
        across: Some(Across::Varied(Level::Should, |reading| {
            reading.completion()?;
            Some(reading.exchange.service_time()?.as_micros().to_string())
        })),
    },
    Check {
        id: "load-tokens-from-usage",
        rule: "where some replies state their usage, all do, so that no rate is a count of chunks",
        levels: levels("S/S"),
        tier: tier("L"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Run,
        across: None,
    },
    Check {
        id: "load-no-replayed-answers",
        rule: "most answers to distinct prompts differ, where the temperature is not 0",
        levels: levels("S/S"),
        tier: tier("L"),
        sources: &[Source::ours("good practice: caches flatter figures")],
        judge: Judge::Reply(no_replayed_answers),
        across: Some(Across::Distinct(Level::Should, answer)),
    },
    Check {
        id: "load-model-constant",
        rule: "a pinned model is answered by one model throughout the run",
        levels: levels("S/S"),
        tier: tier("L"),
        sources: &[Source::PULZE_SDKS.note("router"), Source::OPENAI],
        judge: Judge::Reply(|reading| {
            if pinned(reading).is_some() { Verdict::Pass } else { Verdict::Skip("no model was pinned, or none named") }
        }),
        across: Some(Across::Constant(Level::Should, pinned)),
    },
    Check {
        id: "load-fingerprint-changes",
        rule: "whether system_fingerprint changes during the run",
        levels: levels("Y/Y"),
        tier: tier("L"),
        sources: &[Source::OPENAI.note("system_fingerprint")],
        judge: Judge::Reply(|reading| {
            if fingerprint(reading).is_some() { Verdict::Pass } else { Verdict::Skip("the reply has no fingerprint") }
        }),
        across: Some(Across::Constant(Level::May, fingerprint)),
    },
    Check {
        id: "load-hidden-retries",
        rule: "no retries hide in the times of a reply",
        levels: levels("S/-"),
        tier: tier("L"),
        sources: &[Source::PULZE_HEADERS],
        judge: Judge::Reply(hidden_retries),
        across: None,
    },
    Check {
        id: "load-inband-failures-counted",
        rule: "a success with an error in it is counted as failed",
        levels: levels("M/M"),
        tier: tier("L"),
        sources: &[
            Source::issue("kubernetes-sigs/inference-perf", 713),
            Source::pull("kubernetes-sigs/inference-perf", 744),
            Source::pull("doublewordai/control-layer", 1048),
            Source::PULZE_SDKS.note("error"),
        ],
        judge: Judge::Reply(inband_failures_counted),
        across: None,
    },
    Check {
        id: "load-client-not-bottleneck",
        rule: "the measurement can be believed: the client kept to the plan",
        levels: levels("M/M"),
        tier: tier("L"),
        sources: &[
            Source::project("giltene/wrk2").note("coordinated omission"),
            Source::project("hatoo/oha").note("--latency-correction"),
        ],
        judge: Judge::Run,
        across: None,
    },
    Check {
        id: "load-conn-reuse",
        rule: "how many connections the requests took",
        levels: levels("Y/Y"),
        tier: tier("L"),
        sources: &[Source::rfc(9112, "9.3")],
        judge: Judge::Run,
        across: None,
    },
];

fn no_crosstalk(reading: &Reading<'_>) -> Verdict {
    let Some(key) = reading.exchange.asked.wanted.tag_key else {
        return Verdict::Skip("the prompt has no tag of ours");
    };
    // The turns of a session share one tag.
    let own = reading.exchange.ticket.session;
    let (mut echoed, mut findings) = (false, Vec::new());
    for choice in &reading.choices {
        for seq in nonce::found(key, &choice.content) {
            echoed = true;
            if seq != own {
                let [sent, came] = [own, seq].map(|seq| nonce::tag(key, seq));
                let detail =
                    format!("expected no tag but {sent}, of request {own}, got {came}, the tag of request {seq}");
                let member = if reading.completion().is_some() { "/message/content" } else { "" };
                findings.push(Finding::new(format!("/choices/{}{member}", choice.index), detail));
            }
        }
    }
    if echoed { Verdict::distinct(findings) } else { Verdict::Skip("the answer does not echo the tag") }
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

/// What we cut ourselves, by a limit or at the end of the run, says nothing of the stream.
fn streams_complete(reading: &Reading<'_>) -> Verdict {
    if !reading.exchange.asked.wanted.stream || reading.stream().is_none() {
        return Verdict::Skip(NO_STREAM);
    }
    match reading.outcome {
        Outcome::Ok => Verdict::Pass,
        Outcome::Truncated(_)
        | Outcome::Reset
        | Outcome::Protocol
        | Outcome::InbandError(_)
        | Outcome::Malformed(_) => Verdict::broken("", format!("the stream ended {}", reading.outcome)),
        Outcome::RateLimited
        | Outcome::Refused
        | Outcome::ServerError
        | Outcome::Redirect
        | Outcome::Connect
        | Outcome::Tls
        | Outcome::Timeout
        | Outcome::TooLarge
        | Outcome::Unfinished(_)
        | Outcome::Unjudged
        | Outcome::Missed
        | Outcome::Unsent => Verdict::Skip("cut by a limit of ours"),
    }
}

/// Shorter answers may well be the same.
const LEAST_ANSWER: usize = 40;

/// What an answer says, where it is long enough to be one of its kind.
fn answer(reading: &Reading<'_>) -> Option<String> {
    let text: String = reading.choices.iter().map(|choice| choice.content.as_str()).collect();
    (text.chars().count() >= LEAST_ANSWER).then_some(text)
}

fn no_replayed_answers(reading: &Reading<'_>) -> Verdict {
    let wanted = &reading.exchange.asked.wanted;
    if wanted.tag_key.is_none() {
        return Verdict::Skip("the prompts may repeat");
    }
    if wanted.temperature == Some(0.0) {
        return Verdict::Skip("the temperature is 0");
    }
    if answer(reading).is_some() { Verdict::Pass } else { Verdict::Skip("the answer is short") }
}

/// The model asked for and the one that answered.
fn pinned(reading: &Reading<'_>) -> Option<(String, String)> {
    let wanted = &reading.exchange.asked.wanted;
    let asked = wanted.model.as_deref().filter(|model| !wanted.contract.facts.router || !is_router(model))?;
    Some((asked.to_owned(), named(reading, "model")?))
}

/// The model that answered and its fingerprint.
fn fingerprint(reading: &Reading<'_>) -> Option<(String, String)> {
    Some((named(reading, "model").unwrap_or_default(), named(reading, "system_fingerprint")?))
}

/// A string at the top of the reply, or of its first chunk that has one.
fn named(reading: &Reading<'_>, member: &str) -> Option<String> {
    let said =
        |body: &Value| body.get(member).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    reading.bodies().find_map(said)
}

fn hidden_retries(reading: &Reading<'_>) -> Verdict {
    let retries = reading.metadata().and_then(|metadata| metadata.member("retries")?.as_u64());
    match retries {
        None => Verdict::Skip("metadata, or its retries, is absent or null"),
        Some(0) => Verdict::Pass,
        Some(retries) => {
            Verdict::broken("/metadata/retries", format!("{retries} retries are in the times of this reply"))
        }
    }
}

/// Whether a success carries an error, as far as a rule can tell without the outcome that it is held against.
fn carries_error(reading: &Reading<'_>) -> bool {
    let is_error = |body: &Value| error_in(body, Place::Body).is_some();
    let in_events = reading.stream().is_some_and(|stream| {
        let told = stream.events.iter().any(|event| matches!(event.payload, Payload::Error(_) | Payload::ErrorText));
        told || stream.bare_json.as_ref().is_some_and(is_error)
    });
    let in_body = reading.success() && reading.json().is_some_and(|document| is_error(&document.value));
    let in_metadata = reading.exchange.asked.wanted.contract.facts.metadata_block
        && reading.metadata().is_some_and(|metadata| {
            let text = metadata.member("error").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
            text || metadata.member("status_code").and_then(Value::as_u64).is_some_and(|status| status >= 400)
        });
    in_events || in_body || in_metadata
}

fn inband_failures_counted(reading: &Reading<'_>) -> Verdict {
    if !carries_error(reading) {
        return Verdict::Skip("no error in a success");
    }
    Verdict::holds(reading.outcome != Outcome::Ok, "", || "an error in a success is counted as ok".to_owned())
}
