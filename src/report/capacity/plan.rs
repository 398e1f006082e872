//! The report of a plan, for whoever pays.

use super::document::{Block, Document, Table};
use super::{Dress, pictures, search};
use crate::capacity::planning::{Planned, Scenario};
use crate::capacity::record::Record;
use crate::report::figure::percent;

pub(super) fn document(planned: &Planned, record: &Record, dress: &Dress) -> Document {
    let mut first = vec![
        Block::Paragraph(format!(
            "One replica holds {} requests/s (between {} and {}), and is planned with {}.",
            search::precise(planned.rate_per_s),
            search::precise(planned.low),
            planned.high.map_or("an end that was not found".to_owned(), search::precise),
            search::precise(planned.planned_per_replica)
        )),
        Block::Paragraph(breaks(planned)),
    ];
    if !planned.scenarios.is_empty() {
        first.extend([Block::Heading("Scenarios".to_owned()), Block::Table(scenarios(planned))]);
        first.extend([
            Block::Heading("Losing a replica".to_owned()),
            Block::List(planned.scenarios.iter().map(lost).collect()),
        ]);
    }
    first.extend([Block::Heading("Assumptions".to_owned()), Block::List(planned.assumptions.clone())]);
    let trust = [record.answer.trust.clone()].into_iter().chain(record.answer.distrust.iter().cloned());
    first.push(Block::Paragraph(format!("Trust of the measurement: {}.", trust.collect::<Vec<_>>().join("; "))));
    let day = planned.scenarios.first().filter(|scenario| scenario.hours.len() > 1);
    let mut rest =
        vec![Block::Pictures(day.map(pictures::day).into_iter().chain(pictures::of_search(record)).collect())];
    if let Some(scenario) = day {
        rest.extend([Block::Heading("Hours of the first scenario".to_owned()), Block::Table(hours(planned, scenario))]);
    }
    rest.extend(search::rest(record));
    rest.extend([Block::Heading("To confirm the plan".to_owned()), Block::Command(planned.confirm.clone())]);
    if !planned.unconfirmed.is_empty() {
        let goals = planned.unconfirmed.join(", ");
        rest.push(Block::Paragraph(format!("That run does not look at {goals}: it keeps no such figure by case.")));
    }
    Document {
        title: dress.title.clone().unwrap_or_else(|| format!("Capacity plan for {}", planned.target)),
        head: search::head(record, dress),
        lead: lead(planned),
        first,
        rest,
    }
}

/// The recommendation in two sentences.
fn lead(planned: &Planned) -> String {
    if let Some(quota) = planned.quota {
        return format!(
            "Ask for {:.1} times the quota of {} requests/s: the demand peaks at {}. More replicas do not help, since a quota and not hardware is the limit.",
            quota.times,
            search::precise(quota.per_s),
            search::precise(quota.peak_per_s)
        );
    }
    let Some(scenario) = planned.scenarios.first() else { return "Nothing was planned.".to_owned() };
    let between = if scenario.least == scenario.most {
        format!("{} replicas", scenario.most)
    } else {
        format!("{} to {} replicas over the day", scenario.least, scenario.most)
    };
    let used = percent(Some(scenario.utilisation));
    let costs = if scenario.monthly > 0.0 {
        format!("That costs {} {} a month, at {used}", money(scenario.monthly), planned.currency)
    } else {
        format!("No price was given for that; the demand is {used}")
    };
    format!(
        "Run {between}, one more than needed at all times, for a demand that peaks at {} requests/s. {costs} of what the replicas could carry.",
        search::precise(scenario.peak_per_s)
    )
}

fn breaks(planned: &Planned) -> String {
    if planned.breaks_first.is_empty() {
        return "Nothing broke at any load that was tried, so what breaks first is not known.".to_owned();
    }
    format!("What breaks first beyond that: {}.", planned.breaks_first.join("; "))
}

fn scenarios(planned: &Planned) -> Table {
    let monthly = format!("{} a month", planned.currency);
    let mut table = Table::new(&[
        "demand",
        "peak/s",
        "replicas",
        "utilisation",
        &monthly,
        "per million tokens",
        "of input",
        "of output",
        "per 1000 good",
    ]);
    let per = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    for scenario in &planned.scenarios {
        let replicas = if scenario.least == scenario.most {
            scenario.most.to_string()
        } else {
            format!("{}-{}", scenario.least, scenario.most)
        };
        table.row([
            format!("{}x", scenario.times),
            search::precise(scenario.peak_per_s),
            replicas,
            percent(Some(scenario.utilisation)),
            money(scenario.monthly),
            per(scenario.per_million_tokens),
            per(scenario.per_million_input),
            per(scenario.per_million_output),
            per(scenario.per_thousand_good),
        ]);
    }
    table
}

fn lost(scenario: &Scenario) -> String {
    format!("{}x: {}", scenario.times, scenario.one_lost)
}

fn hours(planned: &Planned, scenario: &Scenario) -> Table {
    let mut table =
        Table::new(&["hour", "mean/s", "peak/s", "needed", "replicas", "started", "utilisation", &planned.currency]);
    for row in &scenario.hours {
        table.row([
            row.hour.clone(),
            search::precise(row.mean_per_s),
            search::precise(row.peak_per_s),
            row.needed.to_string(),
            row.replicas.to_string(),
            row.started.to_string(),
            percent(Some(row.utilisation)),
            money(row.cost),
        ]);
    }
    table
}

/// Money with two decimals, and thousands apart.
fn money(value: f64) -> String {
    let text = format!("{value:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut apart = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            apart.push(' ');
        }
        apart.push(digit);
    }
    format!("{apart}.{cents}")
}
