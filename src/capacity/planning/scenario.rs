//! A multiple of the demand: replicas by the hour, what they cost, and what happens when one is lost.

use schemars::JsonSchema;
use serde::Serialize;

use super::bill::{Charge, HOURS_A_MONTH, Prices, sum, total};
use super::demand::Hour;
use super::{Unplannable, Wanted};
use crate::capacity::record::Record;

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
    /// Demand over what the replicas that serve could carry before headroom, over the month.
    pub utilisation: f64,
    /// What a month costs: the lines add up to `monthly`, and so do the hours.
    pub bill: Vec<Charge>,
    /// What a month costs in all.
    pub monthly: f64,
    /// All of `monthly` over all tokens, for a million of prompts and answers together.
    pub per_million_tokens: Option<f64>,
    /// All of `monthly` over the tokens of answers alone, for a million: another way to share out the same cost, not one
    /// on top of it.
    pub per_million_output: Option<f64>,
    /// All of `monthly` over the good requests, for a thousand: a third way.
    pub per_thousand_good: Option<f64>,
    /// What happens when one replica is lost in the busiest hour, in words.
    pub one_lost: String,
    /// The hours.
    pub hours: Vec<Row>,
}

/// An hour of the plan, as often as it comes in a month.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// Its name.
    pub hour: String,
    /// Hours of a month that are like it; over all rows a whole month.
    pub month_h: f64,
    /// Requests per second on average.
    pub mean_per_s: f64,
    /// Requests per second at its peak.
    pub peak_per_s: f64,
    /// Replicas that it needs.
    pub needed: u64,
    /// Replicas that serve, one more included.
    pub replicas: u64,
    /// Replicas that are begun in it for a later hour.
    pub started: u64,
    /// Demand over what the replicas that serve could carry before headroom.
    pub utilisation: f64,
    /// Replica-hours of a month in which replicas serve.
    pub serving_h: f64,
    /// Replica-hours of a month in which replicas start.
    pub starting_h: f64,
    /// What it costs in a month: replicas that serve and that start, and tokens.
    pub monthly: f64,
}

/// More replicas than this are a mistake in a unit.
pub(super) const MOST: u64 = 100_000;

/// What every row of a scenario is made from.
struct Parts<'p> {
    wanted: &'p Wanted,
    prices: Prices,
    low: f64,
    times: f64,
    needed: Vec<u64>,
}

/// A scenario of a demand, where one replica holds `low` requests per second.
pub(super) fn scenario(record: &Record, wanted: &Wanted, low: f64, times: f64) -> Result<Scenario, Unplannable> {
    let answer = &record.answer;
    let prices = Prices::of(answer, wanted.price, wanted.tokens)?;
    let needed = |hour: &Hour| wanted.efficiency.replicas_for(hour.peak * times, wanted.planned(low), MOST);
    let needed = wanted.demand.hours.iter().map(needed).collect::<Option<_>>().ok_or(Unplannable::TooMany(MOST))?;
    let parts = Parts { wanted, prices, low, times, needed };
    let rows: Vec<Row> = (0..parts.needed.len()).map(|at| parts.row(at)).collect();
    let bill = total(&rows, &prices);
    let monthly = sum(&bill);
    let requests: f64 = rows.iter().map(Row::requests).sum();
    let (input, output) = (requests * answer.input_tokens, requests * answer.output_tokens);
    let per = |count: f64, unit: f64| (count > 0.0 && monthly > 0.0).then(|| monthly / count * unit);
    let busiest = (0..rows.len()).max_by_key(|at| parts.needed[*at]).unwrap_or(0);
    Ok(Scenario {
        times,
        peak_per_s: wanted.demand.peak() * times,
        needed: parts.needed[busiest],
        most: rows.iter().map(|row| row.replicas).max().unwrap_or(0),
        least: rows.iter().map(|row| row.replicas).min().unwrap_or(0),
        utilisation: parts.utilisation(rows.iter().map(|row| (row.mean_per_s, row.replicas, row.month_h))),
        bill,
        monthly,
        per_million_tokens: per(input + output, 1e6),
        per_million_output: per(output, 1e6),
        per_thousand_good: per(requests * answer.good_share(), 1e3),
        one_lost: one_lost(wanted, low, rows[busiest].peak_per_s, parts.needed[busiest]),
        hours: rows,
    })
}

impl Parts<'_> {
    /// An hour. Replicas that a later hour needs in addition are begun so long before it as they take to start.
    fn row(&self, at: usize) -> Row {
        let demand = &self.wanted.demand;
        let hour = &demand.hours[at];
        let month_times = HOURS_A_MONTH / demand.lasts_h();
        let (serving, started, starting_h) = self.begun(at);
        let replicas = serving + 1;
        let (month_h, mean_per_s) = (hour.lasts_h * month_times, hour.mean * self.times);
        let mut row = Row {
            hour: hour.name.clone(),
            month_h,
            mean_per_s,
            peak_per_s: hour.peak * self.times,
            needed: self.needed[at],
            replicas,
            started,
            utilisation: self.utilisation([(mean_per_s, replicas, month_h)]),
            serving_h: replicas as f64 * month_h,
            starting_h: starting_h * month_times,
            monthly: 0.0,
        };
        row.monthly = sum(&self.prices.charges(row.serving_h, row.starting_h, row.requests()));
        row
    }

    /// Of an hour, without the one more: replicas that serve, replicas that are begun in it, and the replica-hours in
    /// which some start.
    fn begun(&self, at: usize) -> (u64, u64, f64) {
        let (hours, start_h) = (&self.wanted.demand.hours, self.wanted.start_time.as_secs_f64() / 3600.0);
        let lasts_h = hours[at].lasts_h;
        let (mut serving, mut level, mut started, mut starting_h) = (self.needed[at], self.needed[at], 0, 0.0);
        let mut begins_h = lasts_h;
        for later in (at + 1..at + hours.len()).map(|later| later % hours.len()) {
            let begun_h = begins_h - start_h;
            if begun_h >= lasts_h {
                break;
            }
            if self.needed[later] > level {
                let kept = self.before(at, -begun_h).clamp(level, self.needed[later]);
                let new = self.needed[later] - kept;
                serving += kept - level;
                started += if begun_h >= 0.0 { new } else { 0 };
                starting_h += new as f64 * (lasts_h - begun_h.max(0.0));
                level = self.needed[later];
            }
            begins_h += hours[later].lasts_h;
        }
        (serving, started, starting_h)
    }

    /// Replicas that were needed in the hours that end at most so long before an hour begins: to stop them and to start
    /// them again would take longer than to keep them.
    fn before(&self, at: usize, within_h: f64) -> u64 {
        let hours = &self.wanted.demand.hours;
        let (mut most, mut ago_h) = (0, 0.0);
        for earlier in (1..hours.len()).map(|back| (at + hours.len() - back) % hours.len()) {
            if ago_h > within_h {
                break;
            }
            most = most.max(self.needed[earlier]);
            ago_h += hours[earlier].lasts_h;
        }
        most
    }

    /// Demand over what replicas could carry, of a demand in requests per second, replicas and how long that lasts.
    fn utilisation(&self, spans: impl IntoIterator<Item = (f64, u64, f64)>) -> f64 {
        let efficiency = &self.wanted.efficiency;
        let could = |replicas: u64| replicas as f64 * self.low * efficiency.of(replicas);
        let add = |(came, most): (f64, f64), (mean, replicas, lasts): (f64, u64, f64)| {
            (came + mean * lasts, most + could(replicas) * lasts)
        };
        let (came, most) = spans.into_iter().fold((0.0, 0.0), add);
        came / most.max(f64::MIN_POSITIVE)
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
