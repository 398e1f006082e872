//! A profile made from a production log: lengths, the mix of routes, rate and burstiness, and the demand over a day. It
//! keeps no text but the names of the routes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::fit::{self, Fit};
use crate::plan::prompt::trace::{Layout, Row, Trace};
use crate::wire::plain::line;

/// Routes that get a case of their own; the rest share one.
const MOST_ROUTES: usize = 16;
/// Weights of a case are written as shares of this many.
const WEIGHTS: u64 = 1000;
const HOUR: u64 = 3600;

/// What a log comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portrait {
    /// The profile, as TOML.
    pub profile: String,
    /// The demand over a day (UTC where the log has dates), as CSV that `capacity plan --demand` reads: hour, requests per
    /// second in its busiest minute, requests in it in the mean of the days.
    pub demand: String,
    /// How well the profile fits the log, for people.
    pub fits: String,
}

/// The layout that `--columns` names, as `azure` or `time=ts,in=prompt,out=completion,route=app`.
///
/// # Errors
/// If it names none; in words.
pub fn layout(columns: &str) -> Result<Layout, String> {
    if !columns.contains('=') {
        return Layout::named(columns, &BTreeMap::new());
    }
    let pair = |pair: &str| {
        let (what, name) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is not WHAT=COLUMN"))?;
        Ok((what.trim().to_owned(), name.trim().to_owned()))
    };
    let named = columns.split(',').map(pair).collect::<Result<BTreeMap<String, String>, String>>()?;
    match ["time", "in", "out"].iter().find(|what| !named.contains_key(**what)) {
        Some(missing) => Err(format!("no column holds {missing}; time, in and out are needed")),
        None => Layout::named("csv", &named),
    }
}

/// The portrait of a log, which has at least one row, and a name.
pub fn portrait(log: &Trace, name: &str) -> Portrait {
    let mut fits = String::new();
    let span = log.rows.last().map_or(Duration::ZERO, |row| row.at);
    let requests = log.rows.len();
    let rate = if span.is_zero() { 1.0 } else { (requests.saturating_sub(1)) as f64 / span.as_secs_f64() };
    let rate = rate.max(0.0001);
    let length = humantime::format_duration(Duration::from_secs(span.as_secs()));
    let _ = writeln!(fits, "{requests} requests over {length}, {rate:.3} per second in the mean");
    let load = load(log, rate, &mut fits);
    let mut cases = String::new();
    for (route, rows) in routes(log) {
        let weight = (rows.len() as u64 * WEIGHTS / requests as u64).max(1);
        // Rows without a length say nothing of it; where no row has one, the shortest stands in.
        let fitted = |of: fn(&Row) -> Option<u64>| {
            let known: Vec<u64> = rows.iter().filter_map(|row| of(row)).collect();
            fit::lengths(if known.is_empty() { vec![1] } else { known })
        };
        let (input, output) = (fitted(|row| row.input), fitted(|row| row.output));
        for (what, Fit { kind, distance, .. }) in [("prompts", &input), ("answers", &output)] {
            let _ = writeln!(fits, "{route}, {} requests: {what} {kind}, distance {distance:.3}", rows.len());
        }
        let _ = write!(
            cases,
            "\n[[case]]\nname          = {}\nweight        = {weight}\nstream        = true\ninput_tokens  = {}\noutput_tokens = {}\n",
            quoted(&route),
            input.written,
            output.written
        );
    }
    let profile = format!(
        "# Made from {}: {requests} requests over {length}. No text of theirs is in it.\n\
         goals = [\"error_rate < 1%\"]\n\n[target]\nurl = \"builtin\"\n\n{load}{cases}",
        quoted(&line(name))
    );
    Portrait { profile, demand: demand(log), fits }
}

/// The load, in the mean of the log.
fn load(log: &Trace, rate: f64, fits: &mut String) -> String {
    let gaps = relative_gaps(log);
    let still = gaps.iter().filter(|gap| **gap == 0.0).count();
    let arrivals = if let Some((shape, distance)) = fit::burstiness(gaps.clone()) {
        let _ = writeln!(fits, "gaps: burstiness {shape:.3} (1 is poisson, less is burstier), distance {distance:.3}");
        format!("arrivals   = \"gamma\"\nburstiness = {shape:.3}\n")
    } else {
        fits.push_str("gaps: too few or too even to tell their burstiness; poisson is written\n");
        "arrivals   = \"poisson\"\n".to_owned()
    };
    if still * 5 > gaps.len() {
        let _ = writeln!(fits, "gaps: {still} of {} are 0, so the log's clock is too coarse for them", gaps.len());
    }
    format!("[load.open]\nrate       = {rate:.4}\n{arrivals}duration   = \"1m\"\n")
}

/// The gaps between requests, each in parts of the mean gap of its hour: a rate that changes over the day is no burst.
fn relative_gaps(log: &Trace) -> Vec<f64> {
    let mut hours: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for pair in log.rows.windows(2) {
        hours.entry(pair[1].at.as_secs() / HOUR).or_default().push(pair[1].at.saturating_sub(pair[0].at).as_secs_f64());
    }
    let relative = hours.into_values().flat_map(|gaps| {
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        gaps.into_iter().map(move |gap| gap / mean)
    });
    relative.filter(|gap| gap.is_finite()).collect()
}

/// The rows of each route, the most frequent first; rare ones together.
fn routes(log: &Trace) -> Vec<(String, Vec<&Row>)> {
    let mut routes: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in &log.rows {
        routes.entry(line(row.route.as_deref().unwrap_or("all"))).or_default().push(row);
    }
    let mut routes: Vec<(String, Vec<&Row>)> = routes.into_iter().collect();
    routes.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    if routes.len() > MOST_ROUTES {
        let rare = routes.split_off(MOST_ROUTES - 1).into_iter().flat_map(|(_, rows)| rows).collect();
        routes.push(("the other routes".to_owned(), rare));
    }
    routes
}

/// A line for each hour of the day that the log covers.
fn demand(log: &Trace) -> String {
    let time = |row: &Row| (log.origin + row.at).as_secs();
    let (first, last) = (log.rows.first().map_or(0, time), log.rows.last().map_or(0, time));
    let mut minutes: BTreeMap<u64, u64> = BTreeMap::new();
    for row in &log.rows {
        *minutes.entry(time(row) / 60).or_default() += 1;
    }
    let mut text = String::from("hour,peak_per_s,requests\n");
    for hour in 0..24 {
        let days = (first / HOUR..=last / HOUR).filter(|at| at % 24 == hour).count();
        if days == 0 {
            continue;
        }
        let within = || minutes.iter().filter(|(minute, _)| *minute / 60 % 24 == hour).map(|(_, count)| *count);
        let mean = within().sum::<u64>() as f64 / days as f64;
        let peak = within().max().unwrap_or(0) as f64 / 60.0;
        let _ = writeln!(text, "{hour},{peak:.4},{mean:.1}");
    }
    text
}

/// A string of TOML: what JSON escapes, TOML reads the same.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(rows: &[(u64, u64, u64, &str)], origin: u64) -> Trace {
        let row = |(at, input, output, route): &(u64, u64, u64, &str)| Row {
            at: Duration::from_secs(*at),
            input: Some(*input),
            output: Some(*output),
            route: Some((*route).to_owned()),
        };
        Trace { rows: rows.iter().map(row).collect(), origin: Duration::from_secs(origin) }
    }

    #[test]
    fn the_demand_is_by_hour_of_the_day_and_the_mean_of_the_days() {
        let day = 24 * HOUR;
        let log = log(&[(0, 1, 1, "a"), (1, 1, 1, "a"), (HOUR, 1, 1, "a"), (day, 1, 1, "a")], 22 * HOUR);
        let text = demand(&log);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "hour,peak_per_s,requests");
        assert!(
            lines.contains(&"22,0.0333,1.5") && lines.contains(&"23,0.0167,1.0") && lines.contains(&"0,0.0000,0.0")
        );
    }

    #[test]
    fn columns_are_named_by_what_they_hold() {
        assert_eq!(layout("azure"), Layout::named("azure", &BTreeMap::new()));
        assert!(matches!(layout("time=t, in=i,out=o"), Ok(Layout::Columns(columns)) if columns.time == "t"));
        for columns in ["time", "time=t", "when=t,time=t,in=i,out=o", "time=t,in"] {
            assert!(layout(columns).is_err(), "{columns:?}");
        }
    }

    #[test]
    fn routes_become_cases_and_names_are_quoted() {
        let rows: Vec<(u64, u64, u64, &str)> =
            (0..90).map(|n| (n * n % 97 + n, 100, 10, if n % 3 == 0 { "a \"b\"" } else { "chat" })).collect();
        let mut log = log(&rows, 0);
        log.rows.sort_by_key(|row| row.at);
        let Portrait { profile, .. } = portrait(&log, "log.csv");
        let parsed: toml::Table = profile.parse().expect("TOML");
        let cases = parsed["case"].as_array().expect("cases");
        let names: Vec<&str> = cases.iter().filter_map(|case| case["name"].as_str()).collect();
        assert_eq!(names, ["chat", "a \"b\""]);
        assert_eq!(cases[0]["weight"].as_integer(), Some(666));
        assert_eq!(cases[0]["input_tokens"].as_integer(), Some(100));
        assert!(parsed["load"]["open"]["burstiness"].as_float().is_some_and(|shape| shape > 0.01));
    }
}
