//! The report for people: verdict and trust first, then what was run, what came of it, and what was broken.

use std::fmt::Write as _;

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify, Style};

use super::compressed;
use super::figure::{number, percent, time};
use super::goal::{fate, measured, windows};
use super::roots;
use crate::exchange::Outcome;
use crate::plan::goal::Population;
use crate::summary::Summary;
use crate::summary::digest::{Counted, Digest, Judgement, Rates, Requests};
use crate::summary::excerpt::Excerpt;
use crate::summary::steady::Stand;
use crate::summary::tally::Example;
use crate::wire::plain::lines;

mod metrics_as;
mod server;
mod splits;
mod timings;

pub(super) use metrics_as::metrics_as;
use timings::timings;
pub(super) use timings::{STATISTICS, cell};

const WIDTH: usize = 100;
/// Kinds of fault of a broken check that are shown; all are in the summary.
const KINDS: usize = 4;

pub(super) fn write(summary: &Summary) -> String {
    let digest = Digest::of(summary);
    let sections = [
        verdict(&digest),
        header(summary, &digest),
        outcomes(&digest),
        failures(&digest),
        timings(summary, &digest, Population::All),
        if digest.requests.failed > 0 && digest.requests.ok > 0 {
            timings(summary, &digest, Population::Ok)
        } else {
            String::new()
        },
        rates(summary, &digest),
        splits::splits(&digest),
        server::server(&digest),
        goals(&digest),
        checks(&digest),
        notes(&digest),
    ];
    lines(&sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n"))
}

fn verdict(digest: &Digest) -> String {
    let requests = &digest.requests;
    let mut text = format!("{}  {}\n", digest.verdict.name().to_uppercase(), fates(requests));
    for reason in &digest.reasons {
        line(&mut text, "  - ", reason);
    }
    let _ = writeln!(text, "trust: {}", digest.trust.verdict.name());
    for reason in &digest.trust.reasons {
        line(&mut text, "  - ", reason);
    }
    if digest.prompts.distinct_share < 1.0 && !digest.prompts.reuse {
        let share = percent(Some(digest.prompts.distinct_share));
        line(
            &mut text,
            "note: ",
            &format!(
                "only {share} of the prompts are distinct, so a prefix cache may have answered; put {{{{unique}}}} into them or set reuse = true"
            ),
        );
    }
    if let Some(limit) = &digest.ended_early {
        line(&mut text, "note: ", &format!("ended early by {limit}"));
    }
    if digest.paused_s > 0.0 {
        let words = format!(
            "paused {:.0} s in total after refused connections; response times include it",
            digest.paused_s.max(1.0)
        );
        line(&mut text, "note: ", &words);
    }
    if digest.requests.cut > 0 {
        let words = format!(
            "{} requests were unfinished when the run and its grace period ended; no share includes them",
            digest.requests.cut
        );
        line(&mut text, "note: ", &words);
    }
    text
}

/// What became of the requests, in a line.
pub(super) fn fates(requests: &Requests) -> String {
    let late = if requests.late > 0 { format!(", {} late", requests.late) } else { String::new() };
    let cut =
        if requests.cut > 0 { format!(", {} cut by a limit or an interruption", requests.cut) } else { String::new() };
    format!("{} of {} requests ok, {} good{late}{cut}", requests.ok, requests.planned, requests.good)
}

fn header(summary: &Summary, digest: &Digest) -> String {
    let started = summary.meta.started();
    let builtin = if summary.meta.builtin { " (built in)" } else { "" };
    let model = digest.model.as_deref().unwrap_or("the endpoint's default");
    let mut text = String::new();
    line(&mut text, "profile  ", &digest.profile);
    line(&mut text, "target   ", &format!("{}{builtin}", digest.target));
    line(&mut text, "contract ", &format!("{} dialect, model {model}", digest.dialect));
    line(&mut text, "load     ", &digest.load);
    if summary.meta.loads.iter().any(|load| load.is_closed()) {
        line(&mut text, "         ", "closed loop: waiting users are not modelled");
    }
    if let Some(shard) = &summary.meta.shard {
        line(&mut text, "part     ", &format!("{shard} of the run: proofload merge puts all parts together"));
    }
    line(
        &mut text,
        "run      ",
        &format!("{}, {}", humantime::format_rfc3339_seconds(started), roots(digest.seed, digest.salt)),
    );
    if !digest.labels.is_empty() {
        let labels: Vec<String> = digest.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        line(&mut text, "labels   ", &labels.join(", "));
    }
    text
}

fn outcomes(digest: &Digest) -> String {
    let mut builder = Builder::new();
    builder.push_record(["outcome", "requests", "share", "of which"]);
    for name in Outcome::NAMES {
        let Some(count) = digest.outcomes.get(name) else { continue };
        let prefix = format!("{name}.");
        let classes: Vec<String> = digest
            .classes
            .iter()
            .filter_map(|(class, count)| Some(format!("{} {count}", class.strip_prefix(&prefix)?)))
            .collect();
        builder.push_record([
            name.to_owned(),
            count.to_string(),
            percent(digest.share_of(name, *count)),
            classes.join(", "),
        ]);
    }
    builder.push_record(["planned".to_owned(), digest.requests.planned.to_string(), String::new(), String::new()]);
    let statuses: Vec<String> = digest.statuses.iter().map(|(status, count)| format!("{status} x {count}")).collect();
    let mut text = table(builder);
    if !statuses.is_empty() {
        line(&mut text, "statuses: ", &statuses.join(", "));
    }
    if digest.warmup.planned > 0 {
        let outcomes: Vec<String> =
            digest.warmup.outcomes.iter().map(|(name, count)| format!("{count} {name}")).collect();
        line(&mut text, "warm-up, not counted: ", &outcomes.join(", "));
    }
    text
}

fn failures(digest: &Digest) -> String {
    let mut text = String::new();
    for Counted { text: failure, count } in digest.failures.iter().take(10) {
        line(&mut text, "  - ", &format!("{count} x {failure}"));
    }
    if text.is_empty() { text } else { format!("what went wrong\n{text}") }
}

fn rates(summary: &Summary, digest: &Digest) -> String {
    let rates = &digest.rates_per_s;
    let mut text = String::new();
    line(
        &mut text,
        "per second: ",
        &format!(
            "{} requests, {} good, {} output tokens, {} tokens in all, over {:.1} s{}",
            number(rates.requests),
            number(rates.good_requests),
            number(rates.output_tokens),
            number(rates.total_tokens),
            digest.duration_s,
            edges(rates, digest.duration_s)
        ),
    );
    let missed = digest.missed_fraction.filter(|share| *share > 0.0);
    let missed = missed.map_or(String::new(), |share| format!(", missed {}", percent(Some(share))));
    line(
        &mut text,
        "rates: ",
        &format!(
            "errors {}, violations {}, good {}{missed}",
            percent(digest.error_rate),
            percent(digest.violation_rate),
            percent(digest.requests.good_fraction)
        ),
    );
    text += &steadiness(digest);
    if !summary.meta.goodput.is_empty() {
        let limits: Vec<String> =
            summary.meta.goodput.iter().map(|(name, limit)| format!("{name} <= {limit}")).collect();
        let words = format!(
            "ok, no MUST broken, {}; a stream without a sample of one of these is not good, a whole reply keeps those that apply",
            limits.join(", ")
        );
        line(&mut text, "good means: ", &words);
        if digest.requests.late > 0 {
            let words = format!("{} that were ok and kept the contract, but not these limits", digest.requests.late);
            line(&mut text, "late: ", &words);
        }
    }
    let tokens = &digest.tokens;
    let cached =
        tokens.cached_share.map_or(String::new(), |share| format!(", {} of the prompt cached", percent(Some(share))));
    let reasoning = tokens.reasoning.filter(|tokens| *tokens > 0.0);
    let reasoning = reasoning.map_or(String::new(), |tokens| format!(", {} of it reasoning", number(Some(tokens))));
    let each = tokens.per_event.map_or(String::new(), |each| format!(", {each:.2} for each event with content"));
    line(
        &mut text,
        "tokens: ",
        &format!(
            "{} prompt, {} completion{reasoning} (from {}){cached}{each}",
            number(tokens.prompt),
            number(tokens.completion),
            tokens.source
        ),
    );
    if tokens.withheld > 0 {
        let words = format!("usage contradicts itself in {} replies, so their tokens are not counted", tokens.withheld);
        line(&mut text, "withheld: ", &words);
    }
    for (what, asked) in [("prompts", tokens.asked_prompts), ("answers", tokens.asked_answers)] {
        let Some(asked) = asked else { continue };
        // A prompt is asked for by its own tokens, and stated with what the endpoint puts around it.
        let template = if what == "prompts" && asked.stated - asked.asked >= 1.0 {
            "; a chat template adds to what is stated"
        } else {
            ""
        };
        let (wanted, stated) = (number(Some(asked.asked)), number(Some(asked.stated)));
        let words = format!("{wanted} tokens asked, {stated} stated, on average{template}");
        line(&mut text, &format!("{what}: "), &words);
    }
    if let Some(recount) = &tokens.recount {
        let difference = recount.difference.map_or(String::new(), |share| format!(" ({:+.1} %)", share * 100.0));
        let words = format!(
            "{} completion tokens by {} in {} replies whose usage states {}{difference}",
            recount.counted,
            recount.tokenizer,
            recount.replies,
            number(Some(recount.stated))
        );
        line(&mut text, "counted: ", &words);
    }
    if let Some(compressed) = &digest.compressed {
        line(&mut text, "compressed: ", &compressed::words(compressed));
    }
    line(&mut text, "prompts: ", &format!("{} distinct", percent(Some(digest.prompts.distinct_share))));
    text
}

/// Requests that the ends of the window cut through: their tokens count as far as they came within it.
fn edges(rates: &Rates, duration_s: f64) -> String {
    match (rates.in_flight_at_begin, rates.in_flight_at_end) {
        _ if duration_s <= 0.0 => String::new(),
        (0, 0) => String::new(),
        (begin, end) => format!("; in flight at its beginning: {begin}, at its end: {end}"),
    }
}

/// Little's law and the trend in a line.
fn steadiness(digest: &Digest) -> String {
    let mut text = String::new();
    let Some(little) = &digest.littles_law else { return text };
    let edges = if little.edges.abs() >= 0.05 {
        format!(", {:+.1} at the ends of the window", little.edges)
    } else {
        String::new()
    };
    let stand = match digest.steady.verdict {
        Stand::Steady => "; response times were steady",
        Stand::NotSteady => "; response times were not steady",
        Stand::Unknown => "",
    };
    line(
        &mut text,
        "in flight: ",
        &format!(
            "{:.1} on average ({} ended/s x {} is {:.1}{edges}){stand}",
            little.mean_in_flight,
            number(Some(little.ended_per_s)),
            time(Some(little.mean_service_time_s * 1e6)),
            little.product
        ),
    );
    text
}

fn goals(digest: &Digest) -> String {
    let mut text = String::new();
    for goal in &digest.goals {
        line(
            &mut text,
            &format!("  {:6}  ", fate(digest, goal)),
            &format!("{} (measured {})", goal.words(), measured(goal)),
        );
        for windows in windows(goal) {
            line(&mut text, "          ", &windows);
        }
    }
    if text.is_empty() { text } else { format!("goals\n{text}") }
}

fn checks(digest: &Digest) -> String {
    let held = digest.checks.values().filter(|check| check.held()).count();
    let idle = digest.checks.values().filter(|check| check.is_idle()).count();
    let broken = digest.broken_checks();
    let mut text = format!("checks: {held} held, {} broken, {idle} did not apply\n", broken.len());
    for (id, check) in broken {
        text += &broken_check(id, check);
    }
    for (id, check) in digest.checks.iter().filter(|(_, check)| check.fail == 0 && !check.follows.is_empty()) {
        line(&mut text, "  follows ", &format!("{id}: {}", check.seen_with()));
    }
    for (id, count) in &digest.warmup.must_broken {
        let known = digest.checks.get(id).is_some_and(|check| check.known.is_some());
        let level = if known { "known " } else { "MUST  " };
        line(&mut text, &format!("  {level}  "), &format!("{id}: {count} in the warm-up"));
    }
    text
}

fn broken_check(id: &str, check: &Judgement) -> String {
    let level = if check.known.is_some() {
        "known "
    } else if check.must > 0 {
        "MUST  "
    } else if check.should > 0 {
        "SHOULD"
    } else {
        "may   "
    };
    let mut text = String::new();
    line(&mut text, &format!("  {level}  "), &format!("{id}: {} of {}", check.fail, check.fail + check.pass));
    if !check.follows.is_empty() {
        line(&mut text, "          further: ", &check.seen_with());
    }
    line(&mut text, "          rule: ", &check.rule);
    if let Some(reason) = &check.known {
        line(&mut text, "          known: ", reason);
    }
    if let Some(across) = &check.across {
        line(&mut text, "          over the run: ", across);
    }
    let alone = check.examples.len() == 1;
    for example in check.examples.iter().take(KINDS) {
        text += &shown_example(example, alone);
    }
    if check.examples.len() > KINDS {
        line(&mut text, "          ", &format!("and {} more kinds of fault", check.examples.len() - KINDS));
    }
    if let Some(example) = check.examples.first() {
        let _ = writeln!(text, "          {}", example.curl);
    }
    text
}

/// A kind of fault with its first example; how often it came is said where there are others.
fn shown_example(example: &Example, alone: bool) -> String {
    let mut text = String::new();
    let place = if example.place.is_empty() { String::new() } else { format!("{}: ", example.place) };
    let times = if alone { String::new() } else { format!("{} x {}, ", example.count, example.fault) };
    line(
        &mut text,
        &format!("          {times}request {} ({}): ", example.seq, example.case),
        &format!("{place}{}", example.detail),
    );
    for more in &example.more {
        line(&mut text, "            and ", more);
    }
    for Excerpt { what, text: excerpt } in &example.shown() {
        folded(&mut text, &format!("            {what}: "), excerpt);
    }
    text
}

fn notes(digest: &Digest) -> String {
    let mut text = String::new();
    for (id, check) in digest.checks.iter().filter(|(_, check)| !check.notes.is_empty()) {
        for Counted { text: note, count } in check.notes.iter().take(3) {
            clipped(&mut text, &format!("  {id} x {count}: "), note);
        }
    }
    if text.is_empty() { text } else { format!("noted\n{text}") }
}

/// A table with its first column to the left and figures to the right.
pub(super) fn table(builder: Builder) -> String {
    let mut table = builder.build();
    table.with(Style::psql()).with(Modify::new(Columns::new(1..)).with(Alignment::right()));
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

/// A line behind a prefix, wrapped between words; what follows is indented by as much.
pub(super) fn line(text: &mut String, prefix: &str, words: &str) {
    let indent = " ".repeat(prefix.chars().count());
    let mut current = prefix.to_owned();
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && current.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(current.trim_end());
            text.push('\n');
            current.clone_from(&indent);
            empty = true;
        }
        if !empty {
            current.push(' ');
        }
        current.push_str(word);
        empty = false;
    }
    text.push_str(current.trim_end());
    text.push('\n');
}

/// A line behind a prefix, broken at the width wherever that is: JSON has few blanks. What follows is indented.
fn folded(text: &mut String, prefix: &str, rest: &str) {
    const INDENT: &str = "              ";
    let mut current: String = prefix.chars().take(WIDTH / 2).collect();
    for c in rest.chars() {
        if current.chars().count() >= WIDTH {
            text.push_str(current.trim_end());
            text.push('\n');
            INDENT.clone_into(&mut current);
        }
        current.push(c);
    }
    text.push_str(current.trim_end());
    text.push('\n');
}

/// A line behind a prefix, cut at the width.
fn clipped(text: &mut String, prefix: &str, rest: &str) {
    let room = WIDTH.saturating_sub(prefix.chars().count());
    let shown: String = if rest.chars().count() > room {
        rest.chars().take(room.saturating_sub(3)).chain("...".chars()).collect()
    } else {
        rest.to_owned()
    };
    let _ = writeln!(text, "{prefix}{shown}");
}
