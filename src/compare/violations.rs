//! Rules that one side breaks and the other does not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::side::Side;
use crate::check::{self, Level};
use crate::summary::tally::Tally;

/// A rule that was broken on one side only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// Id of the check.
    pub check: String,
    /// How binding it is: `must` or `should`.
    pub level: String,
    /// The rule.
    pub rule: String,
    /// Exchanges that broke it, in all runs of the side that did.
    pub count: u64,
    /// How one of them broke it; empty where it was the run as a whole.
    pub example: String,
}

/// What is broken in the second and not in the first, the binding ones first. A rule that the first side never had
/// occasion to keep or to break is no news: nothing is known of it.
pub fn broken_only_in(side: &Side, other: &Side) -> Vec<Violation> {
    let (ours, theirs) = (tallies(side), tallies(other));
    let mut found: Vec<(Level, Violation)> = ours
        .iter()
        .filter(|(id, tally)| tally.broken() > 0 && theirs.get(*id).is_some_and(|t| t.broken() == 0 && t.pass > 0))
        .filter_map(|(id, tally)| {
            let check = check::find(id)?;
            let level = tally.level()?;
            let violation = Violation {
                check: (*id).to_owned(),
                level: level.name().to_owned(),
                rule: check.rule.to_owned(),
                count: tally.broken(),
                example: tally.example.clone(),
            };
            Some((level, violation))
        })
        .collect();
    found.sort_by_key(|(level, _)| *level);
    found.into_iter().map(|(_, violation)| violation).collect()
}

/// What became of a check in all runs of a side.
#[derive(Debug, Default)]
struct Kept {
    pass: u64,
    must: u64,
    should: u64,
    example: String,
}

impl Kept {
    fn add(&mut self, id: &str, tally: &Tally) {
        self.pass += tally.pass;
        self.must += tally.must;
        self.should += tally.should;
        if let Some(example) = tally.examples.first().filter(|_| self.example.is_empty()) {
            format!("{} {}", example.place, example.detail).trim().clone_into(&mut self.example);
        }
        if let Some((level, count, detail)) = check::find(id).and_then(|check| tally.across(check)) {
            match level {
                Level::Must => self.must += count,
                Level::Should => self.should += count,
                Level::May => return,
            }
            if self.example.is_empty() {
                self.example = detail;
            }
        }
    }

    fn broken(&self) -> u64 {
        self.must + self.should
    }

    /// The gravest level at which it was broken.
    fn level(&self) -> Option<Level> {
        let counts = [(Level::Must, self.must), (Level::Should, self.should)];
        counts.into_iter().find(|(_, count)| *count > 0).map(|(level, _)| level)
    }
}

fn tallies(side: &Side) -> BTreeMap<&str, Kept> {
    let mut all: BTreeMap<&str, Kept> = BTreeMap::new();
    for (id, tally) in side.runs.iter().flat_map(|run| &run.checks) {
        all.entry(id).or_default().add(id, tally);
    }
    all
}
