//! From an answer and a demand to replicas and money, offline: a pure function, as often as one likes.
//!
//! One replica carries `low * (1 - headroom)`, where `low` is the lower bound of the answer. `n` replicas carry `n` times
//! that, times how well replicas add up. A replica is begun `start_time` before the hour that needs it, and one more
//! than needed runs always, so that one may be lost.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

pub mod demand;
pub mod price;
pub mod scaling;

use super::answer::Limit;
use super::record::{Asked, Record};
use super::search::rounded;
use crate::plan::goal::Goal;
use crate::plan::target::shell_word;
use demand::{Demand, Hour};
use price::TokenCost;
use scaling::Efficiency;

/// Hours of a month: a twelfth of a year of 365 days.
const HOURS_A_MONTH: f64 = 730.0;

/// What is planned for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The demand.
    pub demand: Demand,
    /// What a replica costs in an hour.
    pub price: f64,
    /// What tokens cost on top, if anything.
    pub tokens: Option<TokenCost>,
    /// What the money is called.
    pub currency: String,
    /// Share of a replica that is kept free.
    pub headroom: f64,
    /// How long a replica takes to start.
    pub start_time: Duration,
    /// Times the demand, side by side; never empty.
    pub scenarios: Vec<f64>,
    /// How well replicas add up.
    pub efficiency: Efficiency,
}

/// A plan: what it rests on, and a scenario for each multiple of the demand.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "proofload capacity plan")]
pub struct Planned {
    /// Name of the profile that was searched with.
    pub profile: String,
    /// The endpoint.
    pub target: String,
    /// What it rests on, the weightiest first.
    pub assumptions: Vec<String>,
    /// The answer in requests per second, and its bounds.
    pub rate_per_s: f64,
    /// What one replica is planned with, before headroom.
    pub low: f64,
    /// The upper bound of the answer.
    pub high: Option<f64>,
    /// What one replica carries, headroom taken off.
    pub planned_per_replica: f64,
    /// What breaks first beyond it.
    pub breaks_first: Vec<String>,
    /// What the money is called.
    pub currency: String,
    /// Where a quota and not hardware is the limit: no replicas are proposed.
    pub quota: Option<Quota>,
    /// Scenarios, in the order they were asked for.
    pub scenarios: Vec<Scenario>,
    /// The command that confirms the first scenario.
    pub confirm: String,
    /// Goals of the search that it does not look at: a run does not keep every measure by case.
    pub unconfirmed: Vec<String>,
}

/// A quota that is the limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Quota {
    /// Requests per second that are let through.
    pub per_s: f64,
    /// The highest demand.
    pub peak_per_s: f64,
    /// Times the quota that the demand needs, headroom included.
    pub times: f64,
}

/// A multiple of the demand.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Scenario {
    /// Times the demand.
    pub times: f64,
    /// The highest demand, in requests per second.
    pub peak_per_s: f64,
    /// Replicas that the busiest hour needs, without the one more.
    pub needed: u64,
    /// Replicas that run in the busiest hour.
    pub most: u64,
    /// Replicas that run in the quietest hour.
    pub least: u64,
    /// Demand over what all replicas that run could carry, on average.
    pub utilisation: f64,
    /// Replica-hours of a month.
    pub replica_hours: f64,
    /// What a month costs, replicas and tokens.
    pub monthly: f64,
    /// What a million tokens cost at this utilisation, prompts and answers together.
    pub per_million_tokens: Option<f64>,
    /// The same with all of it put on prompts.
    pub per_million_input: Option<f64>,
    /// The same with all of it put on answers.
    pub per_million_output: Option<f64>,
    /// What a thousand good requests cost.
    pub per_thousand_good: Option<f64>,
    /// What happens when one replica is lost in the busiest hour, in words.
    pub one_lost: String,
    /// The hours.
    pub hours: Vec<Row>,
}

/// An hour of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// Its name.
    pub hour: String,
    /// Requests per second on average.
    pub mean_per_s: f64,
    /// Requests per second at its peak.
    pub peak_per_s: f64,
    /// Replicas that it needs.
    pub needed: u64,
    /// Replicas that run, one more included.
    pub replicas: u64,
    /// Replicas that are begun before its end for the hour behind it.
    pub started: u64,
    /// Demand over what the replicas that run could carry.
    pub utilisation: f64,
    /// What it costs, replicas only.
    pub cost: f64,
}

/// Why nothing can be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplannable {
    /// The search found no load that holds.
    #[error("the search found no load that holds the goals, so no number of replicas does: {0}")]
    NothingHolds(String),
    /// The replies of the search said nothing of costs.
    #[error("the replies of the search have no metadata that says what they cost; give --token-price IN,OUT")]
    NoCosts,
    /// More replicas than anybody has.
    #[error("the demand needs more than {0} replicas; check its unit (requests per second)")]
    TooMany(u64),
}

/// More replicas than this are a mistake in a unit.
const MOST: u64 = 100_000;

/// Plans.
///
/// # Errors
/// If the search found nothing to plan with.
pub fn plan(record: &Record, wanted: &Wanted) -> Result<Planned, Unplannable> {
    let answer = &record.answer;
    let (Some(rate), true) = (answer.rate_per_s, answer.holds) else {
        return Err(Unplannable::NothingHolds(answer.breaks_first.join("; ")));
    };
    let low = answer.low.unwrap_or(rate);
    let quota = (answer.limit == Limit::Quota).then(|| {
        let (per_s, peak) = (answer.quota_per_s.unwrap_or(rate), wanted.demand.peak());
        Quota { per_s, peak_per_s: peak, times: peak / (per_s * (1.0 - wanted.headroom)) }
    });
    let scenarios = if quota.is_some() {
        Vec::new()
    } else {
        wanted.scenarios.iter().map(|times| scenario(record, wanted, low, *times)).collect::<Result<_, _>>()?
    };
    Ok(Planned {
        profile: record.asked.profile.clone(),
        target: record.asked.target.clone(),
        assumptions: assumptions(record, wanted, low),
        rate_per_s: rate,
        low,
        high: answer.high,
        planned_per_replica: low * (1.0 - wanted.headroom),
        breaks_first: answer.breaks_first.clone(),
        currency: wanted.currency.clone(),
        quota,
        confirm: confirm(record, wanted, scenarios.first()),
        unconfirmed: goals_of(&record.asked).1,
        scenarios,
    })
}

fn scenario(record: &Record, wanted: &Wanted, low: f64, times: f64) -> Result<Scenario, Unplannable> {
    let each = low * (1.0 - wanted.headroom);
    let needed = |hour: &Hour| wanted.efficiency.replicas_for(hour.peak * times, each, MOST);
    let needed: Vec<u64> =
        wanted.demand.hours.iter().map(needed).collect::<Option<_>>().ok_or(Unplannable::TooMany(MOST))?;
    let rows: Vec<Row> = (0..needed.len()).map(|at| row(wanted, low, times, at, &needed)).collect();
    let (mean, hours) = (wanted.demand.mean() * times, rows.len() as f64);
    let month = HOURS_A_MONTH / hours;
    let early = |row: &Row| row.started as f64 * wanted.start_time.as_secs_f64() / 3600.0;
    let replica_hours = rows.iter().map(|row| row.replicas as f64 + early(row)).sum::<f64>() * month;
    let requests = mean * 3600.0 * HOURS_A_MONTH;
    let answer = &record.answer;
    let (input, output) = (requests * answer.input_tokens, requests * answer.output_tokens);
    let tokens = match wanted.tokens {
        Some(TokenCost::Priced(price)) => price.of(input, output),
        Some(TokenCost::Metadata) => requests * answer.cost_per_request.ok_or(Unplannable::NoCosts)?,
        None => 0.0,
    };
    let monthly = replica_hours * wanted.price + tokens;
    let good = record.good_share();
    let per = |count: f64, unit: f64| (count > 0.0 && monthly > 0.0).then(|| monthly / count * unit);
    let busiest = (0..needed.len()).max_by_key(|at| needed[*at]).unwrap_or(0);
    Ok(Scenario {
        times,
        peak_per_s: wanted.demand.peak() * times,
        needed: needed[busiest],
        most: rows.iter().map(|row| row.replicas).max().unwrap_or(0),
        least: rows.iter().map(|row| row.replicas).min().unwrap_or(0),
        utilisation: mean * HOURS_A_MONTH / (replica_hours * low).max(f64::MIN_POSITIVE),
        replica_hours,
        monthly,
        per_million_tokens: per(input + output, 1e6),
        per_million_input: per(input, 1e6),
        per_million_output: per(output, 1e6),
        per_thousand_good: per(requests * good, 1e3),
        one_lost: one_lost(wanted, low, wanted.demand.hours[busiest].peak * times, needed[busiest]),
        hours: rows,
    })
}

/// An hour. Replicas that the hour behind it needs in addition are begun before it ends.
fn row(wanted: &Wanted, low: f64, times: f64, at: usize, needed: &[u64]) -> Row {
    let hour = &wanted.demand.hours[at];
    // A start that takes hours looks as many hours ahead.
    let ahead = usize::try_from(wanted.start_time.as_secs().div_ceil(3600)).unwrap_or(1).min(needed.len() - 1);
    let whole = usize::try_from(wanted.start_time.as_secs() / 3600).unwrap_or(0).min(needed.len() - 1);
    let at_hour = |step: usize| needed[(at + step) % needed.len()];
    let running = (0..=whole).map(at_hour).max().unwrap_or(0);
    let soon = (0..=ahead).map(at_hour).max().unwrap_or(0);
    let replicas = running + 1;
    Row {
        hour: hour.name.clone(),
        mean_per_s: hour.mean * times,
        peak_per_s: hour.peak * times,
        needed: needed[at],
        replicas,
        started: soon - running,
        utilisation: hour.mean * times / (replicas as f64 * low * wanted.efficiency.of(replicas)),
        cost: replicas as f64 * wanted.price,
    }
}

fn one_lost(wanted: &Wanted, low: f64, peak: f64, needed: u64) -> String {
    let each = |replicas: u64| peak / (replicas as f64 * wanted.efficiency.of(replicas)).max(f64::MIN_POSITIVE);
    let with = format!(
        "with one more than needed, the {needed} left carry {:.2}/s each in the busiest hour: the headroom stays",
        each(needed)
    );
    if needed < 2 {
        return format!("{with}; without the one more nothing is left");
    }
    let without = each(needed - 1);
    let consequence = if without <= low { "the goals still hold, out of the headroom" } else { "the goals break" };
    format!("{with}; without it, {} carry {without:.2}/s each: {consequence}", needed - 1)
}

fn assumptions(record: &Record, wanted: &Wanted, low: f64) -> Vec<String> {
    let answer = &record.answer;
    let mut assumptions = vec![wanted.efficiency.words()];
    assumptions.push(format!(
        "one replica carries {low:.2} requests/s, the lower bound of what was measured, less {:.0} % headroom",
        wanted.headroom * 100.0
    ));
    assumptions.push(format!(
        "requests are as in the search: {:.0} prompt and {:.0} completion tokens on average",
        answer.input_tokens, answer.output_tokens
    ));
    assumptions.push(wanted.demand.words());
    assumptions.push(format!(
        "a replica is paid from its start, {} before it serves; one more than needed runs always",
        humantime::format_duration(wanted.start_time)
    ));
    if let (Some(TokenCost::Metadata), Some(cost)) = (wanted.tokens, answer.cost_per_request) {
        assumptions.push(format!("a request costs {cost:.6} dollars on top, as the metadata of the replies says"));
    }
    if !answer.confirmed {
        assumptions.push(format!("the search did not end by itself: {}", answer.ended));
    }
    if answer.trust != "trusted" {
        assumptions.push(format!("the measurement is {}: {}", answer.trust, answer.distrust.join("; ")));
    }
    assumptions
}

/// The run that confirms the plan: the peak of the first scenario. The built-in endpoint is one replica, so it gets the
/// share of one.
fn confirm(record: &Record, wanted: &Wanted, scenario: Option<&Scenario>) -> String {
    let peak = wanted.demand.peak() * wanted.scenarios.first().copied().unwrap_or(1.0);
    let share = scenario.filter(|_| record.asked.builtin.is_some()).map_or(1, |scenario| scenario.needed.max(1));
    let rate = peak / share as f64;
    let asked = &record.asked;
    let words = ["proofload", "run", &asked.reference].map(str::to_owned).into_iter();
    let goals = if asked.case_goals.is_empty() { Vec::new() } else { goals_of(asked).0 };
    let goals = goals.into_iter().flat_map(|goal| ["--goal".to_owned(), goal]);
    let load = ["--rate".to_owned(), format!("{}", rounded(rate, 0.005)), "--duration".to_owned(), "10m".to_owned()];
    let words = words.chain(asked.flags.iter().cloned()).chain(goals).chain(load);
    words.map(|word| shell_word(&word)).collect::<Vec<_>>().join(" ")
}

/// The goals as a run has them, which does not look at those of the search: what it keeps, and what it does not.
fn goals_of(asked: &Asked) -> (Vec<String>, Vec<String>) {
    let of_case = |case: &String, goal: &String| format!("{goal} for {case}");
    let cases = asked.case_goals.iter().flat_map(|(case, goals)| goals.iter().map(move |goal| of_case(case, goal)));
    asked.goals.iter().cloned().chain(cases).partition(|goal| Goal::parse(goal).is_ok())
}

impl Record {
    /// Share of the replies at the answer that are good.
    fn good_share(&self) -> f64 {
        let best = self.stages.iter().rev().find(|stage| {
            stage.verdict == super::stage::Verdict::Held
                && self.answer.rate_per_s.is_some_and(|rate| (stage.offered_per_s - rate).abs() < 1e-6 * rate)
        });
        best.map_or(1.0, |stage| (stage.good_per_s / stage.achieved_per_s.max(f64::MIN_POSITIVE)).min(1.0))
    }
}

/// The JSON Schema of a plan; `schemas/capacity-plan.json` is this, committed.
pub fn schema() -> serde_json::Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Planned>()
        .to_value()
}

#[cfg(test)]
mod tests;
