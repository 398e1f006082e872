//! What became of each check, over all replies or over the run as a whole.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Counted, counted};
use crate::check::{self, Check, Judge, Level};
use crate::summary::Summary;
use crate::summary::load_rules::{Figure, figure};
use crate::summary::tally::{Example, Tally};

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Judgement {
    /// How binding it is: `must`, `should` or `may`.
    pub level: String,
    /// The rule.
    pub rule: String,
    /// Exchanges for which it held.
    pub pass: u64,
    /// Exchanges that broke it, by themselves or among the others of the run, at whatever level.
    pub fail: u64,
    /// Of these, as a MUST.
    pub must: u64,
    /// Of these, as a SHOULD.
    pub should: u64,
    /// Exchanges that broke it only because they broke another rule, by that rule; they are in no other count.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub follows: BTreeMap<String, u64>,
    /// Exchanges to which it did not apply.
    pub skip: u64,
    /// Why its being broken is accepted, where the baseline lists it.
    pub known: Option<String>,
    /// What spans the run, in words, where that broke it.
    pub across: Option<String>,
    /// What was worth reporting, by its text.
    pub notes: Vec<Counted>,
    /// The broken exchanges with the lowest numbers.
    pub examples: Vec<Example>,
}

/// Of every check of the run's dialect that is judged in it, by id.
pub(super) fn judgements(summary: &Summary) -> BTreeMap<String, Judgement> {
    let none = Tally::default();
    check::ALL
        .iter()
        .copied()
        .flatten()
        .filter(|check| summary.meta.level(check).is_some())
        .filter_map(|check| {
            let judgement = match check.judge {
                Judge::Reply(_) => Judgement::of(check, summary.checks.get(check.id).unwrap_or(&none), summary),
                Judge::Run => Judgement::of_run(check, summary),
                Judge::Probes(..) | Judge::Defect(..) | Judge::Defects(_) => return None,
            };
            Some((check.id.to_owned(), judgement))
        })
        .collect()
}

impl Judgement {
    fn of(check: &Check, tally: &Tally, summary: &Summary) -> Judgement {
        let own = summary.meta.levels.get(check.id).and_then(|own| Level::named(own));
        let fates = tally.fates(check, own);
        Judgement {
            level: summary.meta.level(check).map_or("may", Level::name).to_owned(),
            rule: check.rule.to_owned(),
            pass: fates.pass,
            fail: fates.fail,
            must: fates.must,
            should: fates.should,
            follows: tally.follows.clone(),
            skip: tally.skip,
            known: summary.meta.known.get(check.id).cloned(),
            across: fates.across,
            notes: counted(&tally.notes),
            examples: tally.examples.clone(),
        }
    }

    /// Whether it was never broken, and held at least once.
    pub fn held(&self) -> bool {
        self.fail == 0 && self.pass > 0 && self.follows.is_empty()
    }

    /// Whether it applied to nothing.
    pub fn is_idle(&self) -> bool {
        self.fail == 0 && self.pass == 0 && self.follows.is_empty()
    }

    /// In words, which other rules it was broken with: `see stream-index-valid (12 times)`; empty where with none.
    pub fn seen_with(&self) -> String {
        let roots: Vec<String> =
            self.follows.iter().map(|(root, count)| format!("{root} ({})", super::times(*count))).collect();
        if roots.is_empty() { String::new() } else { format!("see {}", roots.join(", ")) }
    }

    /// A rule on the run as a whole.
    fn of_run(check: &Check, summary: &Summary) -> Judgement {
        let mut judgement = Judgement::of(check, &Tally::default(), summary);
        let Some(Figure { pass, fail, words, follows }) = figure(summary, check.id) else { return judgement };
        judgement.follows = follows;
        (judgement.pass, judgement.fail) = (pass, fail);
        match summary.meta.level(check) {
            Some(Level::Must) => judgement.must = fail,
            Some(Level::Should) => judgement.should = fail,
            Some(Level::May) => judgement.notes = vec![Counted { text: words.clone(), count: 1 }],
            None => {}
        }
        judgement.across = (fail > 0).then_some(words);
        judgement
    }
}
