//! What a plan would send, without sending it: its first requests as command lines, and what it comes to.

use std::fmt::Write as _;
use std::time::Duration;

use super::figure::{number, percent};
use crate::exchange::Ticket;
use crate::plan::Plan;
use crate::plan::schedule::{Load, Schedule};

/// The plan in words, and its first requests as curl.
pub fn preview(plan: &Plan, shown: usize) -> String {
    let mut text = format!("{}: {}\n", plan.profile, plan.describe());
    let _ = writeln!(text, "target    {} ({} dialect)", plan.target.shown(), plan.target.contract);
    for load in &plan.loads {
        let _ = writeln!(text, "requests  {}", requests(load));
    }
    let _ = writeln!(text, "cases     {}", cases(plan));
    let _ = writeln!(text, "tokens    {}", tokens(plan));
    if let Some(price) = plan.price {
        let cost = totals(plan).map(|(input, output)| (input * price.input + output * price.output) / 1e6);
        let _ = writeln!(text, "cost      {}", cost.map_or("not known".to_owned(), |cost| format!("about {cost:.2}")));
    }
    let redactor = plan.target.redactor();
    for ticket in first(plan, shown) {
        let asked = plan.cases[ticket.case].render(&ticket, plan.seed);
        let warmup = if ticket.warmup { ", warm-up" } else { "" };
        let curl = redactor.clean(&plan.target.curl(&asked.body, asked.wanted.stream));
        let name = &plan.cases[ticket.case].name;
        let _ =
            writeln!(text, "\n# request {} at {:.3} s, {name}{warmup}\n{curl}", ticket.seq, ticket.due.as_secs_f64());
    }
    text
}

fn requests(load: &Load) -> String {
    let name = load.name.as_ref().map_or(String::new(), |name| format!("{name}: "));
    let length = load.expected_end().map(|end| format!(" over {}", humantime::format_duration(whole_ms(end))));
    let rate = load.rate().map(|rate| format!(", {}/s on average", number(Some(rate))));
    match load.expected_count() {
        Some(count) if load.is_open() => {
            format!("{name}about {count}{}{}", length.unwrap_or_default(), rate.unwrap_or_default())
        }
        Some(count) => format!("{name}{count}, as fast as the endpoint answers"),
        None => format!("{name}as many as the endpoint answers{}", length.unwrap_or_default()),
    }
}

fn whole_ms(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// A case's share of the requests of the loads that send it.
fn cases(plan: &Plan) -> String {
    let share = |load: &Load, case: usize| {
        let weight = |case: &usize| f64::from(plan.cases[*case].weight);
        load.cases.contains(&case).then(|| weight(&case) / load.cases.iter().map(weight).sum::<f64>())
    };
    let one = |(number, case): (usize, &crate::plan::case::Case)| {
        let shares: Vec<String> =
            plan.loads.iter().filter_map(|load| Some(percent(Some(share(load, number)?)))).collect();
        format!("{} {}", case.name, shares.join(" and "))
    };
    plan.cases.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}

/// Tokens of a request on average, of the prompt and of the answer, as far as the plan says.
fn lengths(plan: &Plan, load: &Load) -> (Option<f64>, Option<f64>) {
    let total: f64 = load.cases.iter().map(|case| f64::from(plan.cases[*case].weight)).sum();
    let share = |case: &usize| f64::from(plan.cases[*case].weight) / total;
    let lengths: Vec<_> = load.cases.iter().map(|case| (share(case), plan.cases[*case].expected_lengths())).collect();
    let input = lengths.iter().map(|(share, (input, _))| Some(share * (*input)?)).sum();
    let output = lengths.iter().map(|(share, (_, output))| Some(share * (*output)?)).sum();
    (input, output)
}

/// Tokens in and out of the whole plan; none where the plan does not say.
fn totals(plan: &Plan) -> Option<(f64, f64)> {
    let mut sums = (0.0, 0.0);
    for load in &plan.loads {
        let count = load.expected_count()? as f64;
        let (input, output) = lengths(plan, load);
        sums = (sums.0 + input? * count, sums.1 + output? * count);
    }
    Some(sums)
}

fn tokens(plan: &Plan) -> String {
    let each = |load: &Load| {
        let (input, output) = lengths(plan, load);
        let input =
            input.map_or("prompts as written".to_owned(), |tokens| format!("prompts of {}", number(Some(tokens))));
        let output = output.map_or("answers of any length".to_owned(), |tokens| {
            format!("answers of at most {}", number(Some(tokens)))
        });
        format!("{input}, {output}")
    };
    let all = totals(plan).map(|(input, output)| {
        format!("; {} in and {} out in all", number(Some(input.round())), number(Some(output.round())))
    });
    format!("{}{}", plan.loads.iter().map(each).collect::<Vec<_>>().join("; "), all.unwrap_or_default())
}

/// The tickets that come first.
fn first(plan: &Plan, count: usize) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    for (number, load) in plan.loads.iter().enumerate() {
        let mut schedule = Schedule::new(load, plan.seed_of(number), plan.shard);
        let issues = std::iter::from_fn(|| schedule.take()).take(count);
        tickets.extend(issues.map(|issue| plan.ticket(number, issue)));
    }
    tickets.sort_by_key(|ticket| (ticket.due, ticket.seq));
    tickets.truncate(count);
    tickets
}
