//! How binding a rule is.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How binding a rule is. The level decides what a broken rule means, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Broken means the run fails.
    Must,
    /// Broken is a warning.
    Should,
    /// Reported, never a fault.
    May,
}

impl Level {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "must",
            Level::Should => "should",
            Level::May => "may",
        }
    }

    /// The level of that name.
    pub fn named(name: &str) -> Option<Level> {
        [Level::Must, Level::Should, Level::May].into_iter().find(|level| level.name() == name)
    }
}

/// Levels by the id of the rule; none for a rule that is off.
pub type Levels = BTreeMap<String, Option<Level>>;

/// A level as a contract's file spells it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Spelt {
    Must,
    Should,
    May,
    Off,
}

impl Spelt {
    pub(super) fn level(self) -> Option<Level> {
        match self {
            Spelt::Must => Some(Level::Must),
            Spelt::Should => Some(Level::Should),
            Spelt::May => Some(Level::May),
            Spelt::Off => None,
        }
    }
}
