//! Tables by case and by model, and what Pulze's metadata adds up to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tabled::builder::Builder;

use super::{line, table};
use crate::report::figure::{percent, percentile};
use crate::summary::digest::{Digest, Percentiles, PulzeFigures, SessionFigures, Share};
use crate::summary::sessions::TURNS;

pub(super) fn splits(digest: &Digest) -> String {
    let by_case = if digest.cases.len() > 1 { by("by case", named(&digest.cases)) } else { String::new() };
    let by_model =
        if digest.models.is_empty() { String::new() } else { by("by model that answered", named(&digest.models)) };
    let pulze = digest.pulze.as_ref().map_or(String::new(), pulze);
    let sessions = digest.sessions.as_ref().map_or(String::new(), sessions);
    [by_case, sessions, by_model, pulze].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Sessions and their turns; the last row stands for all behind it, too.
fn sessions(sessions: &SessionFigures) -> String {
    let name = |turn: &u64| if *turn == TURNS { format!("{turn} and on") } else { turn.to_string() };
    let mut text = by("by turn", sessions.turns.iter().map(|(turn, share)| (name(turn), share)));
    let mut told = format!(
        "{} begun, {} complete ({} of those that ended), {} ended by a turn that failed, {} cut",
        sessions.begun,
        sessions.complete,
        percent(sessions.complete_fraction),
        sessions.failed,
        sessions.cut
    );
    let early = [
        (sessions.called, "ended by an answer that calls tools"),
        (sessions.silent, "ended by an answer that says nothing (reasoning only, or no text)"),
    ];
    for (count, why) in early.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(told, ", {count} {why}");
    }
    line(&mut text, "sessions: ", &told);
    text
}

fn named(shares: &BTreeMap<String, Share>) -> impl Iterator<Item = (String, &Share)> {
    shares.iter().map(|(name, share)| (name.chars().take(NAME).collect(), share))
}

fn by<'s>(title: &str, shares: impl Iterator<Item = (String, &'s Share)>) -> String {
    let mut builder = Builder::new();
    builder.push_record([
        title, "requests", "ok", "good", "late", "e2e p50", "e2e p95", "ttft p50", "ttft p95", "itl p95",
    ]);
    for (name, share) in shares {
        let p50 = |of: &Percentiles| percentile(of, 50.0, of.p50);
        let p95 = |of: &Percentiles| percentile(of, 95.0, of.p95);
        builder.push_record([
            name,
            share.requests.to_string(),
            share.ok.to_string(),
            share.good.to_string(),
            share.late.to_string(),
            p50(&share.response_time_us),
            p95(&share.response_time_us),
            p50(&share.first_token_us),
            p95(&share.first_token_us),
            p95(&share.token_gap_us),
        ]);
    }
    table(builder)
}

/// What of a name fits beside its figures.
const NAME: usize = 25;

fn pulze(figures: &PulzeFigures) -> String {
    let mut text = String::new();
    line(
        &mut text,
        "pulze: ",
        &format!(
            "{} of {} replies took hidden retries, {} in all; cost {}, saved {}; {} warnings",
            figures.retried,
            figures.replies,
            figures.retries,
            dollars(figures.cost_nanodollars),
            dollars(figures.savings_nanodollars),
            figures.warnings.iter().map(|warning| warning.count).sum::<u64>()
        ),
    );
    for warning in figures.warnings.iter().take(3) {
        line(&mut text, "  - ", &format!("{} x {}", warning.count, warning.text));
    }
    text
}

/// Dollars to the last billionth that is there, as `$0.000525` or `-$1.25`.
fn dollars(nano: i64) -> String {
    let sign = if nano < 0 { "-" } else { "" };
    let (whole, rest) = (nano.unsigned_abs() / 1_000_000_000, nano.unsigned_abs() % 1_000_000_000);
    let digits = format!("{rest:09}");
    let digits = digits.trim_end_matches('0');
    format!("{sign}${whole}.{digits:0<2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_exact() {
        let shown = [0, 525_000, 1_250_000_000, -3, 12_000_000_000].map(dollars);
        assert_eq!(shown, ["$0.00", "$0.000525", "$1.25", "-$0.000000003", "$12.00"]);
    }
}
