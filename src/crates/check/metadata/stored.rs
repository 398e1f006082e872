//! Rules that hold metadata against what Pulze says elsewhere: its price list, its ranking, and its logs.

use std::time::Duration;

use super::super::book::{Book, broken_at, came};
use super::super::{Check, Judge, Verdict, levels, tier};
use super::{ABSENT, member, namespace};
use crate::basic::probes::BASIC;
use crate::exchange::Reading;
use crate::metadata::probes::{PZ_LOG, PZ_NORT, PZ_PRICES, PZ_PRIV3, PZ_PRIV3_LOG, PZ_RANK, PZ_ROUTER};
use crate::probe::Probe;
use crate::request::probes::CAP5;
use crate::source::Source;
use crate::wire::json::{At, Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "meta-costs-match-price",
        rule: "the cost is that of the app's price list",
        levels: levels("Y/-"),
        tier: tier("X"),
        sources: &[Source::PULZE_REFERENCE.note("list-app-models prices")],
        judge: Judge::Probes(&[&PZ_NORT, &PZ_PRICES], costs_match_price),
        across: None,
    },
    Check {
        id: "meta-costs-scale",
        rule: "of two answers of one model, the one with more tokens costs more",
        levels: levels("Y/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_SDKS],
        judge: Judge::Probes(&[&BASIC, &CAP5], costs_scale),
        across: None,
    },
    Check {
        id: "meta-rank-oracle",
        rule: "the router picks one of the models that /models/rank names",
        levels: levels("Y/-"),
        tier: tier("X"),
        sources: &[Source::PULZE_SDKS.note("/v1/models/rank")],
        judge: Judge::Probes(&[&PZ_ROUTER, &PZ_RANK], rank_oracle),
        across: None,
    },
    Check {
        id: "meta-id-is-log",
        rule: "the id is that of a log with the request in it",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_REFERENCE, Source::PULZE_SDKS.note("/v1/logs/{log_id}")],
        judge: Judge::Probes(&[&BASIC, &PZ_LOG], id_is_log),
        across: None,
    },
    Check {
        id: "meta-privacy-no-log",
        rule: "with privacy_level 3, there is no id or no log",
        levels: levels("Y/-"),
        tier: tier("X"),
        sources: &[Source::PULZE_HEADERS.note("privacy_level")],
        judge: Judge::Probes(&[&PZ_PRIV3, &PZ_PRIV3_LOG], privacy_no_log),
        across: None,
    },
];

/// The body of a reply from a neighbour of the endpoint.
fn page<'r>(book: &'r Book<'_>, probe: &Probe) -> Option<&'r Value> {
    let reading = book.reply(probe).filter(|reading| reading.success())?;
    reading.json().map(|document| &document.value)
}

/// Every object in a value, the value among them.
fn objects<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            found.push(value);
            members.values().for_each(|member| objects(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A price may be above what the tokens alone cost by this share: rounding.
const ROUNDING: f64 = 0.01;

fn costs_match_price(book: &Book<'_>) -> Verdict {
    const UNREADABLE: Verdict = Verdict::Skip("the price list cannot be read");
    let (Some(prices), Some(reading)) = (page(book, &PZ_PRICES), book.reply(&PZ_NORT)) else { return UNREADABLE };
    let (Some(namespace), Some(usage)) = (namespace(reading), reading.usage) else { return Verdict::Skip(ABSENT) };
    let cost = member(reading, "costs").and_then(|costs| costs.member("total_tokens")?.as_f64());
    let Some(cost) = cost else { return Verdict::Skip(ABSENT) };
    let mut entries = Vec::new();
    objects(prices, &mut entries);
    let per = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_f64);
    let listed = entries.into_iter().find_map(|entry| {
        let names = entry.member("namespace").or_else(|| entry.at("/model/namespace")).and_then(Value::as_str);
        let (prompt, completion) = (per(entry, "prompt_token_cost")?, per(entry, "completion_token_cost")?);
        let base = per(entry, "base_cost").unwrap_or(0.0);
        (names == Some(namespace)).then_some(usage.prompt * prompt + usage.completion * completion + base)
    });
    match listed {
        None => UNREADABLE,
        Some(listed) if (cost - listed).abs() <= ROUNDING * listed.abs() => Verdict::Pass,
        Some(listed) => {
            broken_at(reading, "/metadata/costs/total_tokens", format!("{cost} dollars, the price list says {listed}"))
        }
    }
}

fn costs_scale(book: &Book<'_>) -> Verdict {
    let bill = |reading: &Reading<'_>| {
        let cost = member(reading, "costs")?.member("completion_tokens")?.as_f64()?;
        Some((namespace(reading)?.to_owned(), reading.usage?.completion, cost))
    };
    let (Some(long), Some(short)) = (book.reply(&BASIC), book.reply(&CAP5)) else { return Verdict::Skip(ABSENT) };
    let (Some(one), Some(other)) = (bill(long), bill(short)) else { return Verdict::Skip(ABSENT) };
    if one.0 != other.0 {
        return Verdict::Skip("another model answered");
    }
    let grows = one.1.total_cmp(&other.1) == one.2.total_cmp(&other.2);
    if one.1.total_cmp(&other.1).is_eq() {
        return Verdict::Skip("both answers have as many tokens");
    }
    if grows {
        return Verdict::Pass;
    }
    let detail = format!("{} tokens cost {}, {} cost {}", one.1, one.2, other.1, other.2);
    broken_at(short, "/metadata/costs/completion_tokens", detail)
}

fn rank_oracle(book: &Book<'_>) -> Verdict {
    let Some(ranking) = page(book, &PZ_RANK) else { return Verdict::Skip("the endpoint refuses to rank") };
    let Some(reading) = book.reply(&PZ_ROUTER) else { return Verdict::Skip(ABSENT) };
    let Some(namespace) = namespace(reading) else { return Verdict::Skip(ABSENT) };
    let mut ranked = Vec::new();
    objects(ranking, &mut ranked);
    let named = ranked.iter().any(|entry| entry.member("namespace").and_then(Value::as_str) == Some(namespace));
    if named {
        return Verdict::Pass;
    }
    broken_at(reading, "/metadata/model/namespace", format!("{namespace:?} is not among the ranked"))
}

/// How long a log may take to appear.
const SETTLED: Duration = Duration::from_secs(10);

fn id_is_log(book: &Book<'_>) -> Verdict {
    let (Some(asked), Some(log)) = (book.reply(&BASIC), book.reply(&PZ_LOG)) else {
        return Verdict::Skip("the reply has no id to look up");
    };
    match log.exchange.status() {
        Some(401 | 403) => return Verdict::Skip("this key may not read logs"),
        Some(404) if log.exchange.ended.saturating_sub(asked.exchange.ended) < SETTLED => {
            return Verdict::Skip("not there yet, and the run was too short to wait for it");
        }
        Some(_) | None => {}
    }
    let Some(page) = page(book, &PZ_LOG) else {
        return broken_at(log, "", format!("expected the log, got {}", came(log)));
    };
    let sent: Option<Value> = serde_json::from_slice(&asked.exchange.asked.body).ok();
    let question = sent.as_ref().and_then(|body| body.at("/messages/0/content")?.as_str()).unwrap_or_default();
    if says(page, question) { Verdict::Pass } else { broken_at(log, "", "the log does not have the message sent") }
}

/// Whether some text in a value has another in it.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(said) => said.contains(text),
        Value::Array(items) => items.iter().any(|item| says(item, text)),
        Value::Object(members) => members.values().any(|member| says(member, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn privacy_no_log(book: &Book<'_>) -> Verdict {
    let Some(asked) = book.reply(&PZ_PRIV3).filter(|reading| reading.success()) else {
        return Verdict::Skip("the request was not served");
    };
    let id = asked.completion().and_then(|completion| completion.member("id")?.as_str());
    match (id, book.reply(&PZ_PRIV3_LOG).and_then(|log| log.exchange.status())) {
        (None, _) | (Some(_), Some(404)) => Verdict::Pass,
        (Some(_), Some(401 | 403)) => Verdict::Skip("this key may not read logs"),
        (Some(id), Some(200..300)) => broken_at(asked, "/id", format!("{id:?} has a log")),
        (Some(_), Some(_) | None) => Verdict::Skip("the log could not be looked up"),
    }
}
