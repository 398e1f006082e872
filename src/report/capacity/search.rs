//! The report of a search.

use super::document::{Block, Document, Table, date};
use super::{Dress, pictures};
use crate::capacity::answer::{Answer, Limit};
use crate::capacity::record::Record;
use crate::capacity::scaling::Coefficient;
use crate::capacity::stage::Stage;
use crate::capacity::verification;
use crate::report::figure::{number, percent, time};

pub(super) fn document(record: &Record, dress: &Dress) -> Document {
    let asked = &record.asked;
    Document {
        title: dress.title.clone().unwrap_or_else(|| format!("Capacity of {}", asked.target)),
        head: head(record, dress),
        lead: lead(record),
        first: first(record),
        rest: [Block::Pictures(pictures::of_search(record))].into_iter().chain(rest(record)).collect(),
    }
}

/// For whom, when, of what.
pub(super) fn head(record: &Record, dress: &Dress) -> Vec<String> {
    let asked = &record.asked;
    let model = asked.model.as_deref().unwrap_or("the endpoint's default model");
    let labels: Vec<String> = asked.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut head = Vec::new();
    head.extend(dress.prepared_for.as_ref().map(|whom| format!("Prepared for {whom}")));
    head.push(format!("{}, proofload {}", date(asked.started_unix_ms), record.proofload));
    head.push(format!("{model} at {} ({} dialect), profile {}", asked.target, asked.dialect, asked.profile));
    if !labels.is_empty() {
        head.push(labels.join(", "));
    }
    head
}

/// The answer in two sentences.
pub(super) fn lead(record: &Record) -> String {
    let answer = &record.answer;
    let broke = if answer.breaks_first.is_empty() {
        "Nothing broke at any load that was tried.".to_owned()
    } else {
        format!("Beyond that breaks first: {}.", answer.breaks_first.join("; "))
    };
    match (answer.rate_per_s, answer.limit) {
        (None, Limit::Client) => {
            "The client was the limit, so nothing is known of the endpoint. Run proofload on a faster machine."
                .to_owned()
        }
        (None, _) if answer.breaks_first.is_empty() => {
            format!("No answer yet: {}. Continue with --resume.", answer.ended.split(": ").next().unwrap_or_default())
        }
        (None, limit) => {
            let advice = match limit {
                Limit::Contract => {
                    " No load changes that: accept known violations with --baseline, or with a goal on violation_rate."
                }
                Limit::Unknown | Limit::Hardware | Limit::Quota | Limit::Client | Limit::Unclear => "",
            };
            format!("No load that was tried holds the goals. What breaks: {}.{advice}", answer.breaks_first.join("; "))
        }
        (Some(rate), Limit::Quota) => format!(
            "One deployment accepts {} requests/s: a quota, not hardware, so more replicas do not help. Goals hold up to {}.",
            number(answer.quota_per_s),
            rated(rate, answer)
        ),
        (Some(rate), Limit::Unclear) => format!(
            "One deployment holds the goals up to {}. {broke} There the measurement is doubtful, so that may be the client.",
            rated(rate, answer)
        ),
        (Some(rate), _) => format!("One deployment holds the goals up to {}. {broke}", rated(rate, answer)),
    }
}

fn rated(rate: f64, answer: &Answer) -> String {
    let concurrency = answer.concurrency.map_or(String::new(), |at| format!("concurrency {at}, which is "));
    let between = match (answer.low, answer.high) {
        (Some(low), Some(high)) => format!("between {} and {}", precise(low), precise(high)),
        (Some(_), None) => "at least".to_owned(),
        (None, _) => String::new(),
    };
    let asked = answer.asked_per_s.map(precise).filter(|asked| *asked != precise(rate));
    let asked = asked.map_or(String::new(), |asked| format!("achieved where {asked} were asked for"));
    let aside = [between, asked].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let aside = if aside.is_empty() { aside } else { format!(" ({aside})") };
    format!("{concurrency}{} requests/s{aside}", precise(rate))
}

/// A rate with as many digits as a search is worth.
pub(super) fn precise(rate: f64) -> String {
    if rate < 10.0 {
        format!("{rate:.2}")
    } else if rate < 100.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

fn first(record: &Record) -> Vec<Block> {
    let (answer, asked) = (&record.answer, &record.asked);
    let contract = "no MUST of the contract broken beyond the baseline".to_owned();
    let goals: Vec<String> = asked.all_goals().into_iter().chain([contract]).collect();
    let trust = match answer.distrust.as_slice() {
        [] => answer.trust.clone(),
        reasons => format!("{}: {}", answer.trust, reasons.join("; ")),
    };
    let cost = record.spent.cost.map_or(String::new(), |cost| format!(", cost {cost:.2}"));
    let facts = Table::pairs([
        ("limit", answer.limit.words().to_owned()),
        ("verified", if answer.holds { verification::words(record) } else { String::new() }),
        ("in that stage", stage_of(answer)),
        ("length mix", mix(answer)),
        ("ended", answer.ended.clone()),
        ("trust", trust),
        (
            "spent",
            format!(
                "{} stages, {:.0} s, {:.0} requests{cost}",
                record.stages.len(),
                record.spent.time_s,
                record.spent.requests
            ),
        ),
    ]);
    vec![
        Block::Heading("Goals".to_owned()),
        Block::List(goals),
        Block::Heading("Answer".to_owned()),
        Block::Table(facts),
    ]
}

/// The figures of the stage that the answer is read off.
fn stage_of(answer: &Answer) -> String {
    let (Some(stage), Some(rate)) = (answer.stage, answer.rate_per_s) else { return String::new() };
    format!(
        "stage {stage}: {} replies/s, {} of them good, {:.0} tokens/s in, {:.0} tokens/s out",
        precise(rate),
        precise(answer.good_per_s),
        answer.input_tokens_per_s,
        answer.output_tokens_per_s
    )
}

fn mix(answer: &Answer) -> String {
    if !answer.holds {
        return String::new();
    }
    format!(
        "{:.0} tokens in, {:.0} out on average: the answer holds for these",
        answer.input_tokens, answer.output_tokens
    )
}

/// The tables behind the first page.
pub(super) fn rest(record: &Record) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("Stages".to_owned()), Block::Table(stages(record))];
    let violated: Vec<String> =
        record.stages.iter().filter(|stage| !stage.violations.is_empty()).map(violations).collect();
    if !violated.is_empty() {
        blocks.extend([Block::Heading("Conformance under load".to_owned()), Block::List(violated)]);
    }
    blocks.push(Block::Heading("Little's law: requests in flight = rate * response time".to_owned()));
    blocks.push(little(record));
    blocks.push(Block::Heading("Appendix: Universal Scalability Law".to_owned()));
    blocks.extend(usl(record));
    blocks
}

fn stages(record: &Record) -> Table {
    let load = if record.asked.concurrency { "concurrency" } else { "offered/s" };
    let mut table = Table::new(&[
        "stage",
        load,
        "",
        "achieved/s",
        "good/s",
        "ttft p95",
        "gap p99",
        "e2e p95",
        "errors",
        "violations",
        "in flight",
        "what",
    ]);
    for (place, stage) in (1..).zip(&record.stages) {
        let kind = if stage.confirms { "confirm" } else { "" };
        table.row([
            format!("{place}"),
            precise(stage.load),
            kind.to_owned(),
            precise(stage.achieved_per_s),
            precise(stage.good_per_s),
            time(stage.first_token_us.p95.or(infinite(stage))),
            time(stage.token_gap_us.p99.or(infinite(stage))),
            time(stage.response_time_us.p95.or(infinite(stage))),
            percent(stage.error_rate),
            percent(stage.violation_rate),
            number(stage.in_flight),
            stage.verdict.name().to_owned(),
        ]);
    }
    table
}

/// A quantile that is not there is infinite where requests failed, and was not measured where none did.
fn infinite(stage: &Stage) -> Option<f64> {
    stage.error_rate.is_some_and(|rate| rate > 0.0).then_some(f64::INFINITY)
}

fn violations(stage: &Stage) -> String {
    let ids: Vec<String> = stage.violations.iter().map(|(id, count)| format!("{id} {count} times")).collect();
    format!("at {}: {}", precise(stage.load), ids.join(", "))
}

fn little(record: &Record) -> Block {
    if record.little.is_empty() {
        return Block::Paragraph("No stage was steady, so there is nothing to check.".to_owned());
    }
    let mut table = Table::new(&["load", "in flight, sampled", "rate * response time", ""]);
    for little in &record.little {
        let agrees = if little.agrees { "agrees" } else { "DIFFERS: doubt the measurement" };
        table.row([
            precise(little.load),
            format!("{:.1}", little.in_flight),
            format!("{:.1}", little.expected),
            agrees.to_owned(),
        ]);
    }
    Block::Table(table)
}

fn usl(record: &Record) -> Vec<Block> {
    let usl = &record.usl;
    let mut blocks = Vec::new();
    if let Some(why) = &usl.refused {
        blocks.push(Block::Paragraph(format!("Not used: {why}.")));
    }
    let (Some(lambda), Some(sigma), Some(kappa)) = (usl.lambda, usl.sigma, usl.kappa) else { return blocks };
    let peak = usl
        .peak
        .map_or("not identifiable within twice what was measured".to_owned(), |peak| format!("{peak:.0} in flight"));
    let mut fitted = Table::new(&["fitted", "value", "95 % interval"]);
    for (name, coefficient, digits) in [
        ("lambda: one request alone, per second", lambda, 3),
        ("sigma: contention", sigma, 4),
        ("kappa: coherence", kappa, 6),
    ] {
        fitted.row([name.to_owned(), value_of(coefficient, digits), interval_of(coefficient, digits)]);
    }
    blocks.push(Block::Table(fitted));
    blocks.push(Block::Paragraph(format!(
        "R2 {:.3}, peak {peak}. A batching server has hard limits that the law does not know.",
        usl.r_squared.unwrap_or_default()
    )));
    let mut table = Table::new(&["in flight", "replies/s", "residual"]);
    for point in &usl.points {
        table.row([format!("{:.1}", point.in_flight), precise(point.rate_per_s), format!("{:+.2}", point.residual)]);
    }
    blocks.push(Block::Table(table));
    blocks
}

fn value_of(coefficient: Coefficient, digits: usize) -> String {
    coefficient.value.map_or("not identifiable".to_owned(), |value| format!("{value:.digits$}"))
}

fn interval_of(coefficient: Coefficient, digits: usize) -> String {
    let end = |end: Option<f64>| end.map_or("unbounded".to_owned(), |end| format!("{end:.digits$}"));
    format!("{} to {}", end(coefficient.low), end(coefficient.high))
}
