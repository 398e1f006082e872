//! The timings of a run as a table, with how well they are known.

use tabled::builder::Builder;

use super::{line, table};
use crate::plan::goal::{Measure, Population, Statistic};
use crate::report::figure::time;
use crate::summary::Summary;
use crate::summary::digest::{Digest, PERCENTILES, Statistics};
use crate::summary::quantile;
use crate::summary::timing::Populations;

const SHOWN: [Measure; 9] = [
    Measure::ResponseTime,
    Measure::ServiceTime,
    Measure::Queued,
    Measure::Lateness,
    Measure::FirstToken,
    Measure::FirstVisibleToken,
    Measure::FirstReasoningToken,
    Measure::TokenGap,
    Measure::TimePerOutputToken,
];

pub(in crate::report) const STATISTICS: [Statistic; 7] = [
    Statistic::Mean,
    Statistic::Percentile(50.0),
    Statistic::Percentile(90.0),
    Statistic::Percentile(95.0),
    Statistic::Percentile(99.0),
    Statistic::Percentile(99.9),
    Statistic::Max,
];

pub(super) fn timings(summary: &Summary, digest: &Digest, population: Population) -> String {
    let mut builder = Builder::new();
    let reasons = summary
        .timings
        .get(Measure::FirstReasoningToken.name())
        .is_some_and(|populations| populations.count(Population::All) > 0);
    let title = if population == Population::All { "all requests" } else { "ok requests only" };
    builder.push_record([title, "count", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"]);
    for measure in SHOWN {
        let Some(populations) = summary.timings.get(measure.name()) else { continue };
        let count = populations.count(population);
        // Where nothing reasons, the first visible token is the first token.
        if count == 0 || (measure == Measure::FirstVisibleToken && !reasons) {
            continue;
        }
        let mut row = vec![name(measure), count.to_string()];
        row.extend(STATISTICS.iter().map(|statistic| cell(populations, population, *statistic)));
        builder.push_record(row);
    }
    let mut text = table(builder);
    if text.contains("n<") {
        text.push_str("n<100, n<1000: the percentile needs at least that many samples\n");
    }
    text += &intervals(digest, population);
    if population == Population::All && summary.timings.values().any(|populations| populations.infinite > 0) {
        text.push_str("a request that failed, was missed or left unfinished counts as infinitely slow\n");
    }
    text += &per_token(summary, population);
    text
}

/// How the tokens of the first arrival were told from those that came after it.
fn per_token(summary: &Summary, population: Population) -> String {
    let samples = summary.timings.get(Measure::TimePerOutputToken.name()).map_or(0, |times| times.count(population));
    let counts = &summary.counts;
    let way = match &summary.meta.tokenizer {
        _ if samples == 0 => return String::new(),
        Some(tokenizer) => format!("as {tokenizer} counts them"),
        None if counts.tokens_from_usage > 0 => "by their share of the text".to_owned(),
        None => "an event with content for a token".to_owned(),
    };
    let mut text = String::new();
    line(&mut text, "per token: ", &format!("the span of the arrivals over the tokens after the first arrival, {way}"));
    text
}

/// A statistic for people; a percentile of too few samples is none.
pub(in crate::report) fn cell(populations: &Populations, population: Population, statistic: Statistic) -> String {
    if let Statistic::Percentile(p) = statistic
        && populations.count(population) < quantile::least(p)
    {
        return format!("n<{}", quantile::least(p));
    }
    time(populations.statistic(population, statistic))
}

/// How well the percentiles that people quote are known, as far as both ends are.
fn intervals(digest: &Digest, population: Population) -> String {
    let (mut parts, mut notes) = (Vec::new(), Vec::new());
    for measure in [Measure::ResponseTime, Measure::FirstToken] {
        let Some(timings) = digest.timings_us.get(measure.name()) else { continue };
        let statistics = if population == Population::Ok { &timings.ok } else { &timings.all };
        let known: Vec<String> = PERCENTILES.iter().filter_map(|(name, _)| interval(name, statistics)).collect();
        notes.extend(statistics.ci_note.as_ref().map(|note| (note, name(measure))));
        if !known.is_empty() {
            parts.push(format!("{} {}", name(measure), known.join(", ")));
        }
    }
    let mut text = String::new();
    if !parts.is_empty() {
        line(&mut text, "with 95 % certainty: ", &parts.join("; "));
    }
    for same in notes.chunk_by(|(a, _), (b, _)| a == b) {
        let names: Vec<&str> = same.iter().map(|(_, name)| name.as_str()).collect();
        line(&mut text, "certainty: ", &format!("{}: {}", names.join(" and "), same[0].0));
    }
    text
}

/// A percentile with both ends of its interval.
fn interval(name: &str, statistics: &Statistics) -> Option<String> {
    let [low, high] = statistics.ci.get(name)?.map(|us| us.map(|us| us as f64));
    Some(format!("{name} {} to {}", time(Some(low?)), time(Some(high?))))
}

fn name(measure: Measure) -> String {
    let long = measure.name().replace('_', " ");
    if measure == Measure::TimePerOutputToken {
        return "per token (tpot)".to_owned();
    }
    measure.short().map_or(long.clone(), |short| format!("{long} ({short})"))
}
