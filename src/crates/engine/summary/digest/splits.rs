//! Figures by case and by model, and what Pulze's metadata adds up to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Counted, counted, whole};
use crate::plan::goal::{Population, Statistic};
use crate::summary::Summary;
use crate::summary::sessions::Sessions;
use crate::summary::splits::{Split, Splits};
use crate::summary::timing::Populations;

/// Figures of the requests of one name.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// Planned, but for those that a limit left unsent.
    pub requests: u64,
    /// Ended ok.
    pub ok: u64,
    /// Ended of their own, and not ok.
    pub failed: u64,
    /// Ok, no MUST broken that is not known, and within the limits for a single request.
    pub good: u64,
    /// Ok and no MUST broken that is not known, but beyond a limit for a single request.
    pub late: u64,
    /// Completion tokens; null where none were counted.
    pub output_tokens: Option<f64>,
    /// Response times of all of them, in microseconds, as those of the whole run are worked out.
    pub response_time_us: Percentiles,
    /// First tokens.
    pub first_token_us: Percentiles,
    /// Token gaps.
    pub token_gap_us: Percentiles,
}

/// A few percentiles in the population `all`; null is infinity, or the lack of any sample where `count` is 0.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Percentiles {
    /// Number of samples.
    pub count: u64,
    /// Median.
    pub p50: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
}

/// Sessions of several turns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SessionFigures {
    /// Whose first turn was planned, those of the warm-up included.
    pub begun: u64,
    /// Whose last turn ended ok.
    pub complete: u64,
    /// That ended with a turn that failed or was missed: no further turn of them is sent.
    pub failed: u64,
    /// That ended before their last turn, since an answer calls tools.
    pub called: u64,
    /// That ended before their last turn, since an answer says nothing that could be sent back: reasoning only, or no text
    /// at all.
    pub silent: u64,
    /// That the end of the run cut.
    pub cut: u64,
    /// Complete / those that came to an end of their own; null where none did.
    pub complete_fraction: Option<f64>,
    /// Their requests by turn, from 1; the 32nd stands for all behind it, too.
    pub turns: BTreeMap<u64, Share>,
}

/// What Pulze's metadata adds up to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PulzeFigures {
    /// Replies with metadata.
    pub replies: u64,
    /// Of these, replies for which a provider was called again.
    pub retried: u64,
    /// How often providers were called again.
    pub retries: u64,
    /// What the replies cost, in billionths of a dollar.
    pub cost_nanodollars: i64,
    /// What they saved against the benchmark model, in billionths of a dollar.
    pub savings_nanodollars: i64,
    /// Warnings by their text.
    pub warnings: Vec<Counted>,
}

/// The name of what has no place of its own.
const OTHER: &str = "(other)";

pub(super) fn shares(splits: &Splits) -> BTreeMap<String, Share> {
    let other = (splits.other.requests > 0).then(|| (OTHER.to_owned(), Share::of(&splits.other)));
    splits.kept.iter().map(|(name, split)| (name.clone(), Share::of(split))).chain(other).collect()
}

/// None where there were none.
pub(super) fn sessions(sessions: &Sessions) -> Option<SessionFigures> {
    (!sessions.is_none()).then(|| SessionFigures {
        begun: sessions.begun,
        complete: sessions.complete,
        failed: sessions.failed,
        called: sessions.called,
        silent: sessions.silent,
        cut: sessions.cut(),
        complete_fraction: sessions.complete_fraction(),
        turns: sessions.turns.iter().map(|(turn, split)| (*turn, Share::of(split))).collect(),
    })
}

impl Share {
    fn of(split: &Split) -> Share {
        Share {
            requests: split.requests,
            ok: split.ok,
            failed: split.failed,
            good: split.good,
            late: split.late,
            output_tokens: Some(split.completion_millitokens as f64 / 1000.0).filter(|tokens| *tokens > 0.0),
            response_time_us: Percentiles::of(&split.response_time),
            first_token_us: Percentiles::of(&split.first_token),
            token_gap_us: Percentiles::of(&split.token_gap),
        }
    }
}

impl Percentiles {
    fn of(populations: &Populations) -> Percentiles {
        let at = |p| populations.statistic(Population::All, Statistic::Percentile(p));
        let p = |p| at(p).filter(|us| us.is_finite()).map(whole);
        Percentiles { count: populations.count(Population::All), p50: p(50.0), p95: p(95.0), p99: p(99.0) }
    }
}

impl PulzeFigures {
    /// None where no reply had metadata.
    pub(super) fn of(summary: &Summary) -> Option<PulzeFigures> {
        let pulze = &summary.pulze;
        (pulze.replies > 0).then(|| PulzeFigures {
            replies: pulze.replies,
            retried: pulze.retried,
            retries: pulze.retries,
            cost_nanodollars: pulze.cost_nanodollars,
            savings_nanodollars: pulze.savings_nanodollars,
            warnings: counted(&pulze.warnings),
        })
    }
}
