//! Whether the lower end of an answer holds for longer than a stage lasts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::Record;
use super::stage::{Growth, Stage, Verdict};
use crate::plan::goal::{Goal, Part};
use crate::summary::Summary;

/// A run at the lower end of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    /// Length of its measured part as asked for, in seconds.
    pub duration_s: f64,
    /// Unix time of its start, in milliseconds.
    pub started_unix_ms: u64,
    /// When the first part of it began that broke a goal, in seconds from the beginning of its measured part; null where
    /// all goals held, or where what broke is not known by time.
    pub broke_after_s: Option<f64>,
    /// What it left behind.
    pub stage: Stage,
}

/// Parts of a run in which it is looked for when a goal broke, and their length in seconds at the least and at the most.
const PARTS: u64 = 30;
const SHORTEST_S: u64 = 1;
const LONGEST_S: u64 = 60;

impl Verification {
    /// What a run left behind whose measured part was to last so many seconds.
    pub fn of(stage: Stage, duration_s: f64, started_unix_ms: u64, goals: &[Goal], summary: &Summary) -> Verification {
        let broken = || broke_after_s(&stage, duration_s, goals, summary);
        let broke_after_s = if stage.verdict == Verdict::Broke { broken() } else { None };
        Verification { duration_s, started_unix_ms, broke_after_s, stage }
    }

    /// In words, without the load.
    pub fn words(&self) -> String {
        let lasts = span(self.duration_s);
        match (self.stage.verdict, self.broke_after_s) {
            (Verdict::Held, _) => format!("held over {lasts}"),
            (Verdict::Broke, Some(after)) => {
                format!("broke after {} of {lasts}: {}", span(after), self.stage.reasons.join("; "))
            }
            (Verdict::Broke, None) => format!("broke within {lasts}: {}", self.stage.reasons.join("; ")),
            (Verdict::Untrusted, _) => format!("not known over {lasts}: {}", self.stage.reasons.join("; ")),
        }
    }
}

/// When the first part of a run began that broke a goal which the run as a whole broke.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration in seconds")]
fn broke_after_s(stage: &Stage, duration_s: f64, goals: &[Goal], summary: &Summary) -> Option<f64> {
    let length_s = (duration_s as u64 / PARTS).clamp(SHORTEST_S, LONGEST_S);
    let from_s = summary.ending.window_from_us as f64 / 1e6;
    let is_broken = |goal: &&Goal| stage.goals.iter().any(|at| at.case.is_none() && at.goal == goal.text && !at.held);
    let first = |goal: &Goal| {
        let part = if goal.part == Part::Whole { Part::Every(length_s) } else { goal.part.clone() };
        let windows = summary.evaluate(&Goal { part, ..goal.clone() }).broken;
        windows.first().map(|window| (window.from_s as f64 - from_s).max(0.0))
    };
    // A run whose backlog grew beyond all chance was ended there.
    let cut = (stage.backlog == Growth::Cut).then(|| summary.window_s());
    goals.iter().filter(is_broken).filter_map(first).chain(cut).min_by(f64::total_cmp)
}

/// A length of time in words, to whole seconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration in seconds")]
fn span(seconds: f64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds.round() as u64)).to_string()
}

/// Whether the lower end of the answer was verified, in words.
pub fn words(record: &Record) -> String {
    let Some(load) = record.answer.low_load() else { return "nothing holds, so there is nothing to verify".to_owned() };
    let load = if record.answer.concurrency.is_some() {
        format!("concurrency {load}")
    } else {
        format!("{load:.2} requests/s")
    };
    let longest = record.stages.iter().filter(|stage| stage.verdict == Verdict::Held).map(|stage| stage.measured_s);
    match record.verified() {
        Some(verified) => format!("{load} {}", verified.words()),
        None => format!(
            "{load} is not verified over a time longer than a stage (at most {}): proofload capacity verify does that",
            span(longest.fold(0.0, f64::max))
        ),
    }
}

impl Record {
    /// The verification of the answer's lower end that says most: one that broke, else the longest that held. One that was
    /// made before the answer changed is of another load.
    pub fn verified(&self) -> Option<&Verification> {
        let load = self.answer.low_load()?;
        let same = |verified: &&Verification| (verified.stage.load - load).abs() <= 1e-9 * load;
        let weight = |verified: &Verification| match verified.stage.verdict {
            Verdict::Broke => 2,
            Verdict::Held => 1,
            Verdict::Untrusted => 0,
        };
        let says_more = |a: &&Verification, b: &&Verification| {
            weight(a).cmp(&weight(b)).then(a.duration_s.total_cmp(&b.duration_s))
        };
        self.verifications.iter().filter(same).max_by(says_more)
    }
}
