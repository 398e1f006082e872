//! Tables for spreadsheets, by RFC 4180: stages of a search, hours of a plan, a ranking.

use crate::capacity::comparing::Ranked;
use crate::capacity::planning::Planned;
use crate::capacity::record::Record;
use crate::capacity::stage::Stage;

pub(super) fn stages(record: &Record) -> String {
    let head = "load,confirms,verdict,offered_per_s,achieved_per_s,good_per_s,first_token_p50_us,first_token_p95_us,\
                first_token_p99_us,token_gap_p50_us,token_gap_p95_us,token_gap_p99_us,response_time_p50_us,\
                response_time_p95_us,response_time_p99_us,error_rate,violation_rate,rate_limited,in_flight,\
                input_tokens_per_s,output_tokens_per_s,requests,took_s,trust,reasons,run";
    table(head, record.stages.iter().map(stage))
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
    cells.extend([stage.requests.to_string(), stage.took_s.to_string(), stage.trust.clone()]);
    cells.extend([stage.reasons.join("; "), stage.run.clone().unwrap_or_default()]);
    cells
}

pub(super) fn hours(planned: &Planned) -> String {
    let head = "times,hour,mean_per_s,peak_per_s,needed,replicas,started,utilisation,cost";
    let rows = planned.scenarios.iter().flat_map(|scenario| {
        scenario.hours.iter().map(|row| {
            vec![
                scenario.times.to_string(),
                row.hour.clone(),
                row.mean_per_s.to_string(),
                row.peak_per_s.to_string(),
                row.needed.to_string(),
                row.replicas.to_string(),
                row.started.to_string(),
                row.utilisation.to_string(),
                row.cost.to_string(),
            ]
        })
    });
    table(head, rows)
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
    let line = |cells: Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r\n";
    format!("{head}\r\n") + &rows.map(line).collect::<String>()
}

/// A cell; what a spreadsheet would take for a formula is made text.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '@']) || (cell.starts_with('-') && cell.parse::<f64>().is_err());
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}
