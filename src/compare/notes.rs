//! What should be known before a comparison is believed.

use super::Basis;
use super::side::Side;
use crate::summary::Summary;
use crate::summary::digest::Digest;
use crate::summary::trust::{Belief, Trust};

/// Why a side cannot be believed: a measurement that is invalid or was cut short tells nothing of the endpoint.
pub(super) fn unbelievable(side: &Side) -> Vec<String> {
    let of_run = |(number, run): (usize, &Summary)| {
        let name = if side.runs.len() > 1 { format!("{}, run {}", side.name, number + 1) } else { side.name.clone() };
        if run.ending.interrupted {
            return vec![format!("{name}: interrupted before the end of the plan")];
        }
        if let Some(why) = run.ending.cut_off() {
            return vec![format!("{name}: {why}")];
        }
        let nothing = Digest::measured_nothing(run);
        let trust = Trust::of(run);
        let doubted = if trust.verdict == Belief::Invalid { trust.reasons } else { Vec::new() };
        nothing.into_iter().chain(doubted).map(|reason| format!("{name}: {reason}")).collect()
    };
    side.runs.iter().enumerate().flat_map(of_run).collect()
}

/// Why a side is doubtful: how many of its runs are, and the reasons of the first of them.
pub(super) fn doubts(side: &Side) -> Option<String> {
    let doubted: Vec<Trust> =
        side.runs.iter().map(Trust::of).filter(|trust| trust.verdict == Belief::Doubtful).collect();
    let reasons = doubted.first()?.reasons.join("; ");
    Some(match side.runs.len() {
        1 => format!("{}: {reasons}", side.name),
        runs => format!("{}, {} of {runs} runs: {reasons}", side.name, doubted.len()),
    })
}

/// What else should be known.
pub(super) fn notes(base: &Side, new: &Side, basis: Basis) -> Vec<String> {
    let mut notes: Vec<String> = how(basis).into_iter().map(str::to_owned).collect();
    let (was, is) = (&base.first().meta, &new.first().meta);
    if was.model != is.model {
        let shown = |model: &Option<String>| model.clone().unwrap_or_else(|| "none".to_owned());
        notes.push(format!("the models differ: {} and {}", shown(&was.model), shown(&is.model)));
    }
    let roots = |run: &Summary| (run.meta.seed, run.meta.salt);
    if was.target == is.target && base.runs.iter().any(|run| new.runs.iter().any(|n| roots(n) == roots(run))) {
        notes.push(
            "runs of both sides have the same seed and salt: they sent the same text to the same endpoint, whose cache may \
             have known it"
                .to_owned(),
        );
    }
    for side in [base, new] {
        let early = side.runs.iter().find_map(|run| run.ending.early.clone().filter(|_| !run.ending.interrupted));
        notes.extend(early.map(|limit| format!("{} ended early by {limit}", side.name)));
    }
    let (was, is) = (&base.first().proofload, &new.first().proofload);
    if was != is {
        notes.push(format!("they were made by different versions of proofload: {was} and {is}"));
    }
    notes
}

/// What the numbers of runs mean for what is said.
fn how(basis: Basis) -> Option<&'static str> {
    match basis {
        Basis::OneRunEach => Some(
            "a run cannot know how much runs vary: the intervals show how these two varied over their own time, and no \
             figure gets a verdict; make several with --repeat 5, in turn with the base with --against, or compare one run \
             with three or more of the base (--base-runs)",
        ),
        Basis::TooFew => Some("two runs against one show too little of how much runs vary; use three or more"),
        Basis::Prediction => Some(
            "one run against several: each interval is a prediction interval, widened for runs with heavy tails; more runs \
             of the base make it narrower",
        ),
        Basis::Repetitions => Some(
            "the runs of the two sides were not made in turn: what drifted between them is part of the change; run --against \
             makes them in turn",
        ),
        Basis::Pairs => None,
    }
}
