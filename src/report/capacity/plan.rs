//! The report of a plan, for whoever pays.

use super::document::{Block, Document, Table};
use super::{Dress, pictures, search};
use crate::capacity::planning::{Planned, Row, Scenario};
use crate::capacity::record::Record;
use crate::capacity::stage::Verdict;
use crate::report::figure::percent;

pub(super) fn document(planned: &Planned, record: &Record, dress: &Dress) -> Document {
    let mut first = vec![
        Block::Paragraph(format!(
            "One replica holds {} requests/s (between {} and {}), and is planned with {}. {}.",
            search::precise(planned.rate_per_s),
            search::precise(planned.low),
            planned.high.map_or("an end that was not found".to_owned(), search::precise),
            search::precise(planned.planned_per_replica),
            verified(planned)
        )),
        Block::Paragraph(breaks(planned)),
    ];
    if !planned.scenarios.is_empty() {
        first.extend([
            Block::Heading("Scenarios".to_owned()),
            Block::Table(scenarios(planned)),
            Block::Paragraph(SHARED_OUT.to_owned()),
            Block::Heading("The bill of a month".to_owned()),
            Block::Table(bill(planned)),
        ]);
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
    let refuted = planned.verified.as_ref().filter(|verified| verified.stage.verdict == Verdict::Broke);
    let refuted = refuted.map_or("", |_| "Do not rely on this plan: what it rests on did not hold for long. ");
    format!(
        "{refuted}Run {between}, one more than needed at all times, for a demand that peaks at {} requests/s. {costs} of what the replicas could carry.",
        search::precise(scenario.peak_per_s)
    )
}

/// What the columns behind the cost of a month are.
const SHARED_OUT: &str = "The last three columns share the whole cost of the month out in three ways, over all tokens, over the \
                          tokens of answers alone, and over good requests: they are not added to one another.";

/// Whether the lower bound was run for longer than a stage.
fn verified(planned: &Planned) -> String {
    match &planned.verified {
        Some(verified) => format!("The lower bound {}", verified.words()),
        None => "The lower bound is not verified over a longer time".to_owned(),
    }
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
        "per million of output",
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
            per(scenario.per_million_output),
            per(scenario.per_thousand_good),
        ]);
    }
    table
}

fn lost(scenario: &Scenario) -> String {
    format!("{}x: {}", scenario.times, scenario.one_lost)
}

/// The lines of each scenario, and what they come to.
fn bill(planned: &Planned) -> Table {
    let mut table = Table::new(&["demand", "quantity", "of what", "each", &planned.currency]);
    for scenario in &planned.scenarios {
        let times = format!("{}x", scenario.times);
        let costs = rounded_to_add_up(scenario.bill.iter().map(|charge| charge.monthly), scenario.monthly);
        for (charge, cost) in scenario.bill.iter().zip(costs) {
            let each = format!("{}", charge.each);
            table.row([times.clone(), grouped(charge.quantity), charge.what.words().to_owned(), each, money(cost)]);
        }
        let month = format!("a month of {} hours", planned.month_h);
        table.row([times, String::new(), month, String::new(), money(scenario.monthly)]);
    }
    table
}

fn hours(planned: &Planned, scenario: &Scenario) -> Table {
    let mut table = Table::new(&[
        "hour",
        "mean/s",
        "peak/s",
        "needed",
        "replicas",
        "started",
        "utilisation",
        "hours a month",
        "serving",
        "starting",
        &planned.currency,
    ]);
    let costs = rounded_to_add_up(scenario.hours.iter().map(|row| row.monthly), scenario.monthly);
    for (row, cost) in scenario.hours.iter().zip(costs) {
        table.row([
            row.hour.clone(),
            search::precise(row.mean_per_s),
            search::precise(row.peak_per_s),
            row.needed.to_string(),
            row.replicas.to_string(),
            row.started.to_string(),
            percent(Some(row.utilisation)),
            grouped(row.month_h),
            grouped(row.serving_h),
            grouped(row.starting_h),
            money(cost),
        ]);
    }
    let sum = |of: fn(&Row) -> f64| grouped(scenario.hours.iter().map(of).sum());
    let blank = || std::iter::repeat_n(String::new(), 5);
    table.row(["a month".to_owned()].into_iter().chain(blank()).chain([
        percent(Some(scenario.utilisation)),
        sum(|row| row.month_h),
        sum(|row| row.serving_h),
        sum(|row| row.starting_h),
        money(scenario.monthly),
    ]));
    table
}

/// Amounts in hundredths so rounded that they add up to what their total is rounded to.
fn rounded_to_add_up(amounts: impl ExactSizeIterator<Item = f64>, total: f64) -> Vec<f64> {
    let (mut exact, mut shown) = (0.0, 0.0);
    let last = amounts.len().saturating_sub(1);
    let round = |(place, amount): (usize, f64)| {
        exact += amount;
        let before = shown;
        // The sum of floating-point numbers may be a little off the total that is printed below them.
        shown = (if place == last { total } else { exact } * 100.0_f64).round() / 100.0;
        shown - before
    };
    amounts.enumerate().map(round).collect()
}

/// A quantity with up to two decimals, and thousands apart.
fn grouped(quantity: f64) -> String {
    let text = money(quantity);
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
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
