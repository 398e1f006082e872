//! From an answer and a demand to replicas and money, offline: a pure function, as often as one likes.
//!
//! One replica carries `low * (1 - headroom)`, where `low` is the lower bound of the answer. `n` replicas carry `n` times
//! that, times how well replicas add up. A replica is begun `start_time` before the hour that needs it, and one more
//! than needed runs always, so that one may be lost. What that comes to in a month is a bill whose lines add up ([`bill`]).

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

pub mod bill;
pub mod demand;
pub mod price;
pub mod scaling;
pub mod scenario;

use super::answer::Limit;
use super::record::{Asked, Record};
use super::search::rounded;
use super::verification::Verification;
use crate::plan::goal::Goal;
use crate::plan::target::shell_word;
use bill::HOURS_A_MONTH;
use demand::Demand;
use price::TokenCost;
use scaling::Efficiency;
pub use scenario::{Row, Scenario};

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

impl Wanted {
    /// What one replica is planned with that holds `low` requests per second: headroom is taken off.
    fn planned(&self, low: f64) -> f64 {
        low * (1.0 - self.headroom)
    }

    /// The highest demand of the first scenario, in requests per second.
    fn first_peak(&self) -> f64 {
        self.demand.peak() * self.scenarios.first().copied().unwrap_or(1.0)
    }
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
    /// The last run at the lower bound that was longer than a stage; null where there was none.
    pub verified: Option<Verification>,
    /// What the money is called.
    pub currency: String,
    /// What a replica costs in an hour.
    pub price_per_replica_h: f64,
    /// Hours of a month.
    pub month_h: f64,
    /// Hours that the demand lasts before it comes again.
    pub demand_h: f64,
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
    /// The highest demand of the first scenario.
    pub peak_per_s: f64,
    /// Times the quota that the demand needs, headroom included.
    pub times: f64,
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
        let (per_s, peak) = (answer.quota_per_s.unwrap_or(rate), wanted.first_peak());
        Quota { per_s, peak_per_s: peak, times: peak / wanted.planned(per_s) }
    });
    let scenarios = if quota.is_some() {
        Vec::new()
    } else {
        wanted
            .scenarios
            .iter()
            .map(|times| scenario::scenario(record, wanted, low, *times))
            .collect::<Result<_, _>>()?
    };
    Ok(Planned {
        profile: record.asked.profile.clone(),
        target: record.asked.target.clone(),
        assumptions: assumptions(record, wanted, low),
        rate_per_s: rate,
        low,
        high: answer.high,
        planned_per_replica: wanted.planned(low),
        breaks_first: answer.breaks_first.clone(),
        verified: record.verified().cloned(),
        currency: wanted.currency.clone(),
        price_per_replica_h: wanted.price,
        month_h: HOURS_A_MONTH,
        demand_h: wanted.demand.lasts_h(),
        quota,
        confirm: confirm(record, wanted, scenarios.first()),
        unconfirmed: goals_of(&record.asked).1,
        scenarios,
    })
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
    assumptions.push(format!(
        "a replica costs {} {} an hour, and a month has {HOURS_A_MONTH} hours: the demand of {:.2} hours comes {:.2} times",
        wanted.price,
        wanted.currency,
        wanted.demand.lasts_h(),
        HOURS_A_MONTH / wanted.demand.lasts_h()
    ));
    assumptions.push(super::verification::words(record));
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
    let share = scenario.filter(|_| record.asked.builtin.is_some()).map_or(1, |scenario| scenario.needed.max(1));
    let rate = wanted.first_peak() / share as f64;
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
    asked.goals.iter().cloned().chain(cases).partition(|goal| Goal::read(goal).is_ok())
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
