//! What people and scripts read of a conformance run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::check::Level;
use crate::plan::target::Target;
use crate::suite::status::Status;
use crate::suite::{Conformance, Row, rank};
use crate::summary::evidence::Evidence;

/// A conformance run with what its report needs to know beside it.
#[derive(Debug)]
pub struct Subject<'s> {
    /// The run.
    pub run: &'s Conformance,
    /// The endpoint.
    pub target: &'s Target,
    /// The verdict: `pass`, `fail` or `invalid`.
    pub verdict: &'s str,
    /// Why it is not `pass`.
    pub reasons: &'s [String],
    /// Root of every random choice.
    pub seed: u64,
    /// Whether rows that passed are listed too.
    pub verbose: bool,
}

/// How many rows have each status, the gravest first.
pub fn counts(rows: &[Row]) -> Vec<(&'static str, usize)> {
    let count = |name: &&'static str| rows.iter().filter(|row| row.status.name() == *name).count();
    Status::NAMES.iter().map(|name| (*name, count(name))).filter(|(_, count)| *count > 0).collect()
}

/// For people.
pub fn text(subject: &Subject<'_>) -> String {
    let rows = &subject.run.rows;
    let mut text = format!("{}  ", subject.verdict.to_uppercase());
    let counted: Vec<String> =
        counts(rows).iter().map(|(name, count)| format!("{count} {}", name.to_lowercase())).collect();
    let _ = writeln!(text, "{} of {} checks, {} requests", counted.join(", "), rows.len(), subject.run.orders.len());
    for reason in subject.reasons {
        let _ = writeln!(text, "  - {reason}");
    }
    let target = subject.target;
    let model = target.model.as_deref().unwrap_or("the endpoint's default");
    let _ = writeln!(
        text,
        "target   {}\ncontract {} dialect, model {model}\nseed     {}",
        target.shown(),
        target.dialect,
        subject.seed
    );
    let mut shown: Vec<&Row> = rows.iter().filter(|row| subject.verbose || is_worth_showing(&row.status)).collect();
    shown.sort_by_key(|row| rank(&row.status));
    let evidence = Evidence::of(target);
    for row in shown {
        text += &row_text(subject, row, &evidence);
    }
    text.retain(|c| c == '\n' || !crate::summary::evidence::is_control(c));
    text
}

fn is_worth_showing(status: &Status) -> bool {
    !matches!(status, Status::Pass | Status::Skip | Status::Blocked(_) | Status::Info)
}

fn row_text(subject: &Subject<'_>, row: &Row, evidence: &Evidence<'_>) -> String {
    let reason = evidence.clean(&row.reason);
    let mut text = format!("\n{:7} {} ({}, {})", row.status, row.check.id, row.level.name(), row.check.area());
    let _ = write!(text, "{}", if reason.is_empty() { "\n".to_owned() } else { format!(": {reason}\n") });
    if matches!(row.status, Status::Pass | Status::Skip | Status::Blocked(_) | Status::Info) {
        return text;
    }
    let _ = writeln!(text, "        rule: {} [{}]", row.check.rule, row.check.source);
    for finding in row.findings.iter().take(5) {
        let place = finding.place();
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        let _ = writeln!(text, "        {}", evidence.clean(&format!("{place}{}", finding.detail)));
    }
    if let Some(proof) = proof(subject, row, evidence) {
        let _ = writeln!(text, "        probe {}, first bytes: {}", proof.probe, proof.first_bytes);
        let _ = writeln!(text, "        {}", proof.curl);
    }
    text
}

/// What shows that a row is as it is.
struct Proof {
    probe: &'static str,
    first_bytes: String,
    curl: String,
}

fn proof(subject: &Subject<'_>, row: &Row, evidence: &Evidence<'_>) -> Option<Proof> {
    let seq = row.seq?;
    let (probe, order) = subject.run.orders.iter().find(|(_, order)| order.ticket.seq == seq)?;
    let exchange = subject.run.exchanges.iter().find(|exchange| exchange.ticket.seq == seq)?;
    let reading = crate::exchange::Reading::of(exchange);
    let event = row.findings.first().and_then(|finding| finding.event);
    let curl = evidence.clean(&order.curl(subject.target));
    Some(Proof { probe, first_bytes: evidence.first_bytes(&reading, event), curl })
}

/// For scripts.
pub fn json(subject: &Subject<'_>) -> String {
    let evidence = Evidence::of(subject.target);
    let checks: BTreeMap<&str, Value> =
        subject.run.rows.iter().map(|row| (row.check.id, row_json(subject, row, &evidence))).collect();
    let counts: BTreeMap<String, usize> =
        counts(&subject.run.rows).into_iter().map(|(name, count)| (name.to_lowercase(), count)).collect();
    let document = json!({
        "proofload": env!("CARGO_PKG_VERSION"),
        "verdict": subject.verdict,
        "reasons": subject.reasons,
        "target": subject.target.shown(),
        "dialect": subject.target.dialect.name(),
        "model": subject.target.model,
        "seed": subject.seed,
        "requests": subject.run.orders.len(),
        "counts": counts,
        "checks": checks,
    });
    format!("{document:#}\n")
}

fn row_json(subject: &Subject<'_>, row: &Row, evidence: &Evidence<'_>) -> Value {
    let level = match row.level {
        Level::Must => "must",
        Level::Should => "should",
        Level::May => "may",
    };
    let findings: Vec<Value> = row
        .findings
        .iter()
        .map(|finding| json!({"place": evidence.clean(&finding.place()), "detail": evidence.clean(&finding.detail)}))
        .collect();
    let proof = proof(subject, row, evidence)
        .map(|proof| json!({"probe": proof.probe, "first_bytes": proof.first_bytes, "curl": proof.curl}));
    json!({
        "status": row.status.name(),
        "level": level,
        "area": row.check.area(),
        "tier": row.check.tier.depth.name(),
        "rule": row.check.rule,
        "source": row.check.source,
        "reason": evidence.clean(&row.reason),
        "findings": findings,
        "evidence": proof,
    })
}
