//! Several searches at the same goals, ranked.

use serde::Serialize;

use super::record::Record;

/// A search in the ranking.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// How the user called it.
    pub name: String,
    /// The highest rate that holds.
    pub rate_per_s: Option<f64>,
    /// Its bounds.
    pub low: Option<f64>,
    /// Its bounds.
    pub high: Option<f64>,
    /// What breaks first beyond it.
    pub breaks_first: Vec<String>,
    /// Against the one behind it: better by so much, or that nobody can tell.
    pub against_next: String,
}

/// Ranks searches, the best first.
///
/// # Errors
/// If their goals differ: then there is nothing to rank by.
pub fn rank(searches: &[(String, Record)]) -> Result<Vec<Ranked>, String> {
    let Some((first, rest)) = searches.split_first() else { return Ok(Vec::new()) };
    for (name, record) in rest {
        if record.asked.all_goals() != first.1.asked.all_goals() {
            return Err(format!("{name} and {} were searched with different goals", first.0));
        }
        if record.asked.cases != first.1.asked.cases {
            return Err(format!("{name} and {} were searched with different cases", first.0));
        }
    }
    let mut ordered: Vec<&(String, Record)> = searches.iter().collect();
    let rate = |record: &Record| record.answer.rate_per_s.unwrap_or(0.0);
    ordered.sort_by(|a, b| rate(&b.1).total_cmp(&rate(&a.1)));
    let ranked = ordered.iter().enumerate().map(|(place, (name, record))| Ranked {
        name: name.clone(),
        rate_per_s: record.answer.rate_per_s,
        low: record.answer.low,
        high: record.answer.high,
        breaks_first: record.answer.breaks_first.clone(),
        against_next: ordered.get(place + 1).map_or(String::new(), |(other, next)| against(record, other, next)),
    });
    Ok(ranked.collect())
}

fn against(better: &Record, name: &str, worse: &Record) -> String {
    let (Some(low), Some(rate)) = (better.answer.low, better.answer.rate_per_s) else {
        return "neither holds the goals".to_owned();
    };
    let Some(other) = worse.answer.rate_per_s else { return format!("{name} holds the goals at no rate") };
    match worse.answer.high {
        Some(high) if low > high => format!("{:+.0} % over {name}", (rate / other - 1.0) * 100.0),
        Some(_) | None => format!("cannot tell from {name}: the intervals overlap"),
    }
}
