//! The report of a run that verifies an answer.

use super::Dress;
use super::document::{Block, Document, Table};
use super::search::{head, precise};
use crate::capacity::judging::GoalAt;
use crate::capacity::record::Record;
use crate::capacity::stage::Verdict;
use crate::capacity::verification::Verification;
use crate::plan::goal::{Goal, Metric};
use crate::report::figure::{number, percent, time};

pub(super) fn document(verified: &Verification, record: &Record, dress: &Dress) -> Document {
    let mut goals = Table::new(&["goal", "measured", "held"]);
    for goal in &verified.stage.goals {
        goals.row([goal.words(), measured(goal), if goal.held { "yes" } else { "no" }.to_owned()]);
    }
    Document {
        title: dress
            .title
            .clone()
            .unwrap_or_else(|| format!("Verification of the capacity of {}", record.asked.target)),
        head: head(record, dress),
        lead: lead(verified, record),
        first: vec![Block::Table(facts(verified)), Block::Heading("Goals".to_owned()), Block::Table(goals)],
        rest: Vec::new(),
    }
}

fn lead(verified: &Verification, record: &Record) -> String {
    let load = precise(verified.stage.load);
    let load = if record.asked.concurrency { format!("concurrency {load}") } else { format!("{load} requests/s") };
    let verdict = match verified.stage.verdict {
        Verdict::Held => "HELD",
        Verdict::Broke => "BROKE",
        Verdict::Untrusted => "NOT KNOWN",
    };
    format!("{verdict}: {load}, the lower end of the answer, {}.", verified.words())
}

fn facts(verified: &Verification) -> Table {
    let stage = &verified.stage;
    let trust = [&stage.trust].into_iter().chain(&stage.distrust).cloned().collect::<Vec<_>>().join("; ");
    Table::pairs([
        (
            "achieved",
            format!("{} replies/s, {} of them good", precise(stage.achieved_per_s), precise(stage.good_per_s)),
        ),
        ("requests", stage.requests.to_string()),
        ("trust", trust),
        ("run", stage.run.clone().unwrap_or_default()),
    ])
}

fn measured(at: &GoalAt) -> String {
    match (Goal::read(&at.goal).map(|goal| goal.metric), at.value) {
        (_, None) => "infinite, or no sample".to_owned(),
        (Ok(Metric::Timing(..)), value) => time(value),
        (Ok(metric), value) if metric.is_fraction() => percent(value),
        (Ok(_) | Err(_), value) => number(value),
    }
}
