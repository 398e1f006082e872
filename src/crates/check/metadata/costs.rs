//! Rules about what a reply says it cost, in dollars.

use super::super::{Across, Check, Judge, Level, Verdict, levels, shown, tier};
use super::{ABSENT, member, namespace};
use crate::exchange::Reading;
use crate::source::Source;
use crate::wire::json::{Members, Value};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "meta-costs-total-is-sum",
        rule: "costs: total is prompt plus completion, or more by one base cost per model",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("PulzeEngineTokens"), Source::ours("a base cost per model may be added")],
        judge: Judge::Reply(costs_total_is_sum),
        across: Some(Across::Constant(Level::Should, |reading| {
            let base = base_cost(reading, "costs").filter(|base| *base >= 0.0)?;
            Some((namespace(reading).unwrap_or_default().to_owned(), format!("{base:.9}")))
        })),
    },
    Check {
        id: "meta-costs-nonnegative",
        rule: "costs are 0 or more",
        levels: levels("M/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("dollars")],
        judge: Judge::Reply(costs_nonnegative),
        across: None,
    },
    Check {
        id: "meta-costs-are-dollars",
        rule: "the total cost is below a cent per token, so not a token count",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("\"Cost (in $)\"")],
        judge: Judge::Reply(costs_are_dollars),
        across: None,
    },
    Check {
        id: "meta-costs-under-max",
        rule: "no request costs more than max_cost allows",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_HEADERS.note("max_cost default 0.02")],
        judge: Judge::Reply(costs_under_max),
        across: None,
    },
    Check {
        id: "meta-savings-total-is-sum",
        rule: "cost_savings: total is prompt plus completion; negative is allowed",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS],
        judge: Judge::Reply(savings_total_is_sum),
        across: None,
    },
];

/// Total less its parts, for `costs` or `cost_savings`; rounding within 1e-9 of the total is none.
fn base_cost(reading: &Reading<'_>, name: &str) -> Option<f64> {
    let costs = member(reading, name)?;
    let amount = |part: &str| costs.get(part).and_then(Value::as_f64);
    let (total, sum) = (amount("total_tokens")?, amount("prompt_tokens")? + amount("completion_tokens")?);
    let rest = total - sum;
    Some(if rest.abs() <= 1e-9 * total.abs().max(sum.abs()) { 0.0 } else { rest })
}

fn costs_total_is_sum(reading: &Reading<'_>) -> Verdict {
    match base_cost(reading, "costs") {
        None => Verdict::Skip(ABSENT),
        Some(rest) => {
            Verdict::holds(rest >= 0.0, "/metadata/costs/total_tokens", || format!("less than its parts by {}", -rest))
        }
    }
}

fn savings_total_is_sum(reading: &Reading<'_>) -> Verdict {
    match base_cost(reading, "cost_savings") {
        None => Verdict::Skip(ABSENT),
        Some(rest) => {
            Verdict::holds(rest == 0.0, "/metadata/cost_savings/total_tokens", || format!("off its parts by {rest}"))
        }
    }
}

fn costs_nonnegative(reading: &Reading<'_>) -> Verdict {
    let Some(costs) = member(reading, "costs").and_then(Value::as_object) else { return Verdict::Skip(ABSENT) };
    let negative = costs.iter().find(|(_, amount)| amount.as_f64().is_some_and(|amount| amount < 0.0));
    match negative {
        Some((name, amount)) => Verdict::broken(
            format!("/metadata/costs/{name}"),
            format!("expected 0 or more, got {}", shown(Some(amount))),
        ),
        None => Verdict::Pass,
    }
}

const DOLLARS_PER_TOKEN: f64 = 0.01;

fn costs_are_dollars(reading: &Reading<'_>) -> Verdict {
    let cost = member(reading, "costs").and_then(|costs| costs.member("total_tokens")).and_then(Value::as_f64);
    let (Some(cost), Some(usage)) = (cost, reading.usage.filter(|usage| usage.total > 0.0)) else {
        return Verdict::Skip(ABSENT);
    };
    Verdict::holds(cost < usage.total * DOLLARS_PER_TOKEN, "/metadata/costs/total_tokens", || {
        format!("{cost} dollars for {} tokens", usage.total)
    })
}

fn costs_under_max(reading: &Reading<'_>) -> Verdict {
    let cost = member(reading, "costs").and_then(|costs| costs.member("total_tokens")).and_then(Value::as_f64);
    let Some(cost) = cost else { return Verdict::Skip(ABSENT) };
    let most = reading.exchange.asked.wanted.policies.max_cost;
    Verdict::holds(cost <= most, "/metadata/costs/total_tokens", || format!("{cost} dollars, max_cost is {most}"))
}
