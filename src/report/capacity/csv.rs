//! Tables for spreadsheets, by RFC 4180: stages of a search, hours and bills of a plan, a ranking.

use crate::capacity::comparing::Ranked;
use crate::capacity::planning::bill::Charge;
use crate::capacity::planning::{Planned, Row, Scenario};
use crate::capacity::stage::Stage;
use crate::report::csv;

pub(super) fn stages(stages: &[Stage]) -> String {
    let head = "load,confirms,verdict,offered_per_s,achieved_per_s,good_per_s,first_token_p50_us,first_token_p95_us,\
                first_token_p99_us,token_gap_p50_us,token_gap_p95_us,token_gap_p99_us,response_time_p50_us,\
                response_time_p95_us,response_time_p99_us,error_rate,violation_rate,rate_limited,in_flight,\
                input_tokens_per_s,output_tokens_per_s,requests,measured_s,took_s,trust,reasons,run";
    table(head, stages.iter().map(stage))
}

fn stage(stage: &Stage) -> Vec<String> {
    let of = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let mut cells = vec![stage.load.to_string(), stage.confirms.to_string(), stage.verdict.name().to_owned()];
    cells.extend([stage.offered_per_s, stage.achieved_per_s, stage.good_per_s].map(|value| value.to_string()));
    for quantiles in [stage.first_token_us, stage.token_gap_us, stage.response_time_us] {
        cells.extend([quantiles.p50, quantiles.p95, quantiles.p99].map(of));
    }
    cells.extend([stage.error_rate, stage.violation_rate, Some(stage.rate_limited), stage.in_flight].map(of));
    cells.extend([stage.input_tokens_per_s, stage.output_tokens_per_s].map(|value| value.to_string()));
    cells.extend([
        stage.requests.to_string(),
        stage.measured_s.to_string(),
        stage.took_s.to_string(),
        stage.trust.clone(),
    ]);
    cells.extend([stage.reasons.join("; "), stage.run.clone().unwrap_or_default()]);
    cells
}

/// A row for each hour, for each line of the bill and for each scenario, told apart by `kind`. Over the hours, and over the
/// lines of the bill, `monthly` adds up to that of the scenario.
pub(super) fn plan(planned: &Planned) -> String {
    let head = "times,kind,name,mean_per_s,peak_per_s,needed,replicas,started,utilisation,month_h,serving_h,starting_h,\
                quantity,each,monthly,per_million_tokens,per_million_output,per_thousand_good";
    let rows = planned.scenarios.iter().flat_map(|scenario| {
        let hours = scenario.hours.iter().map(hour);
        let bill = scenario.bill.iter().map(charge);
        let rows = hours.chain(bill).chain([whole(planned, scenario)]);
        rows.map(|cells| [scenario.times.to_string()].into_iter().chain(cells).collect())
    });
    table(head, rows)
}

fn blank(cells: usize) -> impl Iterator<Item = String> {
    std::iter::repeat_n(String::new(), cells)
}

fn hour(row: &Row) -> Vec<String> {
    let counts = [row.needed, row.replicas, row.started].map(|count| count.to_string());
    let hours = [row.utilisation, row.month_h, row.serving_h, row.starting_h].map(|value| value.to_string());
    let names = ["hour".to_owned(), row.hour.clone(), row.mean_per_s.to_string(), row.peak_per_s.to_string()];
    let cells = names.into_iter().chain(counts).chain(hours).chain(blank(2));
    cells.chain([row.monthly.to_string()]).chain(blank(3)).collect()
}

fn charge(charge: &Charge) -> Vec<String> {
    let names = ["charge".to_owned(), charge.what.name().to_owned()];
    let figures = [charge.quantity, charge.each, charge.monthly].map(|value| value.to_string());
    names.into_iter().chain(blank(9)).chain(figures).chain(blank(3)).collect()
}

fn whole(planned: &Planned, scenario: &Scenario) -> Vec<String> {
    let of = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let sum = |of: fn(&Row) -> f64| scenario.hours.iter().map(of).sum::<f64>().to_string();
    let names = ["scenario".to_owned(), "total".to_owned(), String::new(), scenario.peak_per_s.to_string()];
    let replicas = [scenario.needed.to_string(), scenario.most.to_string(), String::new()];
    let hours = [scenario.utilisation.to_string(), planned.month_h.to_string()];
    let sums = [sum(|row| row.serving_h), sum(|row| row.starting_h)];
    let per = [scenario.per_million_tokens, scenario.per_million_output, scenario.per_thousand_good].map(of);
    let cells = names.into_iter().chain(replicas).chain(hours).chain(sums).chain(blank(2));
    cells.chain([scenario.monthly.to_string()]).chain(per).collect()
}

pub(super) fn ranking(ranked: &[Ranked]) -> String {
    let of = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let row = |ranked: &Ranked| {
        let figures = [ranked.rate_per_s, ranked.low, ranked.high].map(of);
        let words = [ranked.breaks_first.join("; "), ranked.against_next.clone()];
        std::iter::once(ranked.name.clone()).chain(figures).chain(words).collect()
    };
    table("search,rate_per_s,low,high,breaks_first,against_next", ranked.iter().map(row))
}

fn table(head: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| csv::row(cells) + "\r\n";
    format!("{head}\r\n") + &rows.map(line).collect::<String>()
}
