//! What a goal came to, in words.

use super::figure::{number, percent, time};
use crate::plan::goal::{Goal, Metric, Part};
use crate::summary::digest::{Digest, GoalResult, GoalWindow, WindowState};

/// Windows that are named, of those that broke a goal or say nothing.
const SHOWN: usize = 8;

/// What became of a goal, in a word; that of a run that was cut off is not decided.
pub(super) fn fate(digest: &Digest, goal: &GoalResult) -> &'static str {
    match (&digest.cut_off, goal.held) {
        (Some(_), _) => "invalid",
        (None, true) => "held",
        (None, false) => "broken",
    }
}

/// What was measured for a goal, with the samples that it rests on and what speaks against it.
pub fn measured(goal: &GoalResult) -> String {
    let of_windows = Goal::read(&goal.goal).is_ok_and(|goal| matches!(goal.part, Part::Every(_)));
    let each = if of_windows { " in a window, or more" } else { "" };
    let samples = goal.samples.filter(|samples| *samples > 0).map(|samples| format!("{samples} samples{each}"));
    let parts = [Some(value(goal, goal.value)), goal.note.clone(), samples];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A value with its unit, as the goal has it.
fn value(goal: &GoalResult, value: Option<f64>) -> String {
    let samples = goal.samples;
    let Ok(goal) = Goal::read(&goal.goal) else { return "-".to_owned() };
    match (goal.metric, value) {
        (Metric::Timing(..), Some(us)) => time(Some(us)),
        (Metric::Timing(..), None) if samples == Some(0) => "no sample".to_owned(),
        (Metric::Timing(..), None) => "infinite".to_owned(),
        (metric, value) if metric.is_fraction() => percent(value),
        (metric, Some(dollars)) if metric.is_money() => format!("${dollars:.6}"),
        (Metric::Scalar(_) | Metric::Check(..), value) => number(value),
    }
}

/// The windows that broke a goal and those in which there was nothing to look at; a line each.
pub(super) fn windows(goal: &GoalResult) -> Vec<String> {
    let broken = |window: &GoalWindow| format!("{} ({})", named(window), found(goal, window));
    let lines = [
        (format!("broken {}", goal.by()), listed(&goal.broken_in, broken)),
        ("nothing to look at in".to_owned(), listed(&goal.empty_in, span)),
    ];
    lines.into_iter().filter(|(_, list)| !list.is_empty()).map(|(words, list)| format!("{words} {list}")).collect()
}

fn listed(windows: &[GoalWindow], shown: impl Fn(&GoalWindow) -> String) -> String {
    let mut words: Vec<String> = windows.iter().take(SHOWN).map(shown).collect();
    if windows.len() > SHOWN {
        words.push(format!("and {} more", windows.len() - SHOWN));
    }
    words.join(", ")
}

fn span(window: &GoalWindow) -> String {
    format!("{}-{}s", window.from_s, window.until_s)
}

/// A window by the run's seconds and by the clock, as the server's log has it.
fn named(window: &GoalWindow) -> String {
    let clock = window.from.split_once('T').map_or(window.from.as_str(), |(_, clock)| clock);
    format!("{} from {clock}", span(window))
}

fn found(goal: &GoalResult, window: &GoalWindow) -> String {
    match window.state {
        WindowState::Measured => value(goal, window.value),
        WindowState::Unanswered => "no answer".to_owned(),
        WindowState::NoneOk => "none ok".to_owned(),
        WindowState::Stalled => "stalled: requests in flight, and nothing came".to_owned(),
        WindowState::Empty => "nothing".to_owned(),
    }
}
