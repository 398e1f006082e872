//! The parts of a run's page, beside its pictures.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::splits;
use crate::plan::goal::{Measure, Population, Statistic};
use crate::report::chart::{Chart, Table};
use crate::report::compressed;
use crate::report::cut::brief;
use crate::report::figure::{number, percent, percentile, time};
use crate::report::goal::{fate, measured, windows};
use crate::report::roots;
use crate::report::text::{STATISTICS, cell};
use crate::summary::Summary;
use crate::summary::digest::{Counted, Digest, Outcome, Share};
use crate::summary::trust::{Belief, Used};

/// Rows of a list that could be long.
const ROWS: usize = 50;

pub(super) fn verdict(digest: &Digest, summary: &Summary) -> Markup {
    let verdict = match digest.verdict {
        Outcome::Pass => "good",
        Outcome::Fail | Outcome::Invalid => "bad",
        Outcome::Interrupted => "c2",
    };
    let trust = match digest.trust.verdict {
        Belief::Trusted => "good",
        Belief::Doubtful => "c2",
        Belief::Invalid => "bad",
    };
    html! {
        header {
            div class="top" {
                h1 { (digest.profile) }
                span class={ "badge fill " (verdict) } { span { (digest.verdict.name().to_uppercase()) } }
                span class={ "badge " (trust) } { "measurement " (digest.trust.verdict.name()) }
            }
            p class="soft" { (digest.load) " to " (digest.target) @if summary.meta.builtin { " (built in)" } ", " (started(summary)) }
            (reasons(&digest.reasons))
            @if digest.trust.verdict != Belief::Trusted {
                p { "The measurement is " (digest.trust.verdict.name()) ":" }
                (reasons(&digest.trust.reasons))
            }
            @if let Some(limit) = &digest.ended_early { p { "Ended early by " (limit) "." } }
            (tiles(digest, summary))
        }
    }
}

fn started(summary: &Summary) -> String {
    let at = summary.meta.started();
    humantime::format_rfc3339_seconds(at).to_string().replace('T', " ").replace('Z', " UTC")
}

fn reasons(reasons: &[String]) -> Markup {
    html! {
        @if !reasons.is_empty() {
            ul class="reasons" {
                @for reason in reasons.iter().take(ROWS) { li { (brief(reason)) } }
                (rest(reasons.len()))
            }
        }
    }
}

/// What was left out of a list.
fn rest(count: usize) -> Markup {
    html! { @if count > ROWS { li class="none" { "and " (count - ROWS) " more, in summary.json" } } }
}

fn tiles(digest: &Digest, summary: &Summary) -> Markup {
    let timing = |measure: Measure| {
        let populations = summary.timings.get(measure.name())?;
        let p = |p| cell(populations, Population::All, Statistic::Percentile(p));
        (populations.count(Population::All) > 0).then(|| (p(50.0), format!("p99 {}", p(99.0))))
    };
    let requests = &digest.requests;
    let tiles = [
        Some(("requests ok", requests.ok.to_string(), format!("of {} planned", requests.planned))),
        Some(("good", requests.good.to_string(), format!("{} late, beyond a limit", requests.late))),
        Some(("ended per second", number(digest.rates_per_s.requests), format!("over {:.1} s", digest.duration_s))),
        timing(Measure::ResponseTime).map(|(p50, p99)| ("response time p50", p50, p99)),
        timing(Measure::FirstToken).map(|(p50, p99)| ("first token p50", p50, p99)),
        timing(Measure::TokenGap).map(|(p50, p99)| ("token gap p50", p50, p99)),
        Some(("output tokens per second", number(digest.rates_per_s.output_tokens), counted(&digest.tokens.source))),
        Some(("errors", percent(digest.error_rate), format!("{} failed", requests.failed))),
        Some(("violations", percent(digest.violation_rate), "replies that broke a MUST".to_owned())),
    ];
    html! {
        dl class="tiles" {
            @for (name, value, more) in tiles.into_iter().flatten() {
                div { dt { (name) } dd { (value) small { (more) } } }
            }
        }
    }
}

/// Where token counts come from, in words.
fn counted(source: &str) -> String {
    match source {
        "none" => "no tokens were counted".to_owned(),
        "mixed" => "from usage, else counted".to_owned(),
        source => format!("counted from {source}"),
    }
}

pub(super) fn goals(digest: &Digest) -> Markup {
    html! {
        @if !digest.goals.is_empty() {
            h2 { "Goals" }
            div class="scroll" {
                table class="text" {
                    thead { tr { th { "verdict" } th { "goal" } th { "measured" } } }
                    @for goal in &digest.goals {
                        tr {
                            td { span class={ "badge " (if goal.held { "good" } else { "bad" }) } { (fate(digest, goal)) } }
                            td { code { (goal.goal) } @if goal.default { " (default)" } }
                            td {
                                (measured(goal))
                                @for line in windows(goal) { p class="soft" { (line) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn timings(summary: &Summary) -> Markup {
    let rows = Measure::ALL.iter().filter_map(|measure| {
        let populations = summary.timings.get(measure.name())?;
        let count = populations.count(Population::All);
        let cells = STATISTICS.iter().map(|statistic| cell(populations, Population::All, *statistic));
        (count > 0).then(|| [measure.name().replace('_', " "), count.to_string()].into_iter().chain(cells).collect())
    });
    let head = ["timing", "count", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"].map(str::to_owned).to_vec();
    let table = Table { head, rows: rows.collect(), places: Vec::new() };
    html! {
        @if !table.rows.is_empty() {
            h2 { "Timings of all requests" }
            (table.markup())
            p class="words" { "A request that failed, was missed or left unfinished counts as infinitely slow (inf)." }
        }
    }
}

/// The same figures by case, and by the model that answered.
pub(super) fn splits(digest: &Digest, pictures: &[Chart]) -> Markup {
    let picture = |name: &str| pictures.iter().find(|chart| chart.name == name);
    html! {
        @if digest.cases.len() > 1 { (by("case", &digest.cases, picture(splits::CASES))) }
        @if !digest.models.is_empty() { (by("model that answered", &digest.models, picture(splits::MODELS))) }
    }
}

fn by(what: &str, shares: &BTreeMap<String, Share>, picture: Option<&Chart>) -> Markup {
    let mut shares: Vec<(&String, &Share)> = shares.iter().collect();
    shares.sort_by_key(|(name, share)| (std::cmp::Reverse(share.requests), *name));
    let row = |(name, share): &(&String, &Share)| {
        let counts = [share.requests, share.ok, share.failed, share.good, share.late].map(|count| count.to_string());
        let percentiles = [&share.response_time_us, &share.first_token_us, &share.token_gap_us];
        let times = percentiles.into_iter().flat_map(|of| [percentile(of, 50.0, of.p50), percentile(of, 95.0, of.p95)]);
        std::iter::once(brief(name)).chain(counts).chain(times).collect()
    };
    let head = [
        what,
        "requests",
        "ok",
        "failed",
        "good",
        "late",
        "response p50",
        "p95",
        "first token p50",
        "p95",
        "token gap p50",
        "p95",
    ];
    let table = Table {
        head: head.map(str::to_owned).to_vec(),
        rows: shares.iter().take(ROWS).map(row).collect(),
        places: Vec::new(),
    };
    html! {
        h2 { "By " (what) }
        @if let Some(picture) = picture { div class="charts" { (picture.figure()) } }
        (table.markup())
        @if shares.len() > ROWS { p class="words" { "and " (shares.len() - ROWS) " more, in summary.json" } }
    }
}

pub(super) fn outcomes(digest: &Digest) -> Markup {
    html! {
        h2 { "Outcomes" }
        div class="scroll" {
            table class="facts" {
                thead { tr { th { "outcome" } th { "requests" } th { "share" } } }
                @for (name, count) in &digest.outcomes {
                    tr { td { (name) } td { (count) } td { (percent(digest.share_of(name, *count))) } }
                }
            }
        }
        @if !digest.failures.is_empty() {
            p { "What went wrong:" }
            ul class="reasons" {
                @for Counted { text, count } in digest.failures.iter().take(ROWS) { li { (count) " x " (brief(text)) } }
                (rest(digest.failures.len()))
            }
        }
    }
}

pub(super) fn client(summary: &Summary) -> Markup {
    let health = &summary.health;
    let used = |used: Option<Used>| used.map_or("-".to_owned(), |used| format!("{} of {}", used.used, used.of));
    let rows = [
        ("CPU", percent(health.cpu_share())),
        (
            "late heartbeats",
            format!("{}, worst {}", health.late_heartbeats, time(Some(health.worst_heartbeat_us as f64))),
        ),
        ("periods throttled by the control group", health.throttled_periods.map_or("-".to_owned(), |n| n.to_string())),
        ("most requests in flight", health.peak_in_flight.to_string()),
        ("connections opened", health.dials.to_string()),
        ("file descriptors", used(health.descriptors)),
        ("ephemeral ports", used(health.ports)),
    ];
    html! {
        (facts(rows))
    }
}

pub(super) fn what_was_run(summary: &Summary, digest: &Digest) -> Markup {
    let labels = digest.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
    let limits = summary.meta.goodput.iter().map(|(name, limit)| format!("{name} <= {limit}")).collect::<Vec<_>>();
    let rows = [
        ("profile", digest.profile.clone()),
        ("target", digest.target.clone()),
        ("dialect", digest.dialect.clone()),
        ("model", digest.model.clone().unwrap_or_else(|| "the endpoint's default".to_owned())),
        ("load", digest.load.clone()),
        ("seed and salt", roots(digest.seed, digest.salt)),
        ("started", started(summary)),
        ("labels", labels),
        ("limits of a good request", limits.join(", ")),
        ("distinct prompts", percent(Some(digest.prompts.distinct_share))),
        ("tokens", format!("{} prompt, {} completion", number(digest.tokens.prompt), number(digest.tokens.completion))),
        ("compressed", digest.compressed.as_ref().map_or(String::new(), compressed::words)),
        ("proofload", digest.proofload.clone()),
    ];
    html! {
        h2 { "What was run" }
        (facts(rows))
        @if !summary.meta.effective.is_empty() {
            details { summary { "The profile as it held, without secrets" } pre { (summary.meta.effective) } }
        }
    }
}

fn facts<'n>(rows: impl IntoIterator<Item = (&'n str, String)>) -> Markup {
    html! {
        div class="scroll" {
            table class="text facts" {
                @for (name, value) in rows { @if !value.is_empty() { tr { th scope="row" { (name) } td { (brief(&value)) } } } }
            }
        }
    }
}
