//! The requests split by a name: their case, or the model that answered.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::milli;
use super::seconds::Found;
use super::timing::Populations;
use crate::exchange::{Outcome, Reading};
use crate::plan::goal::Measure;

/// The most names that are kept: those with the lowest hashes, so that parts of a run merge in any order.
const NAMES: usize = 32;

/// Requests of the measured part by name; those of other names together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Splits {
    /// At most 32 names.
    pub kept: BTreeMap<String, Split>,
    /// All other names together.
    pub other: Split,
}

/// Requests of one name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Planned, but for those that a limit left unsent.
    pub requests: u64,
    /// Ended ok.
    pub ok: u64,
    /// Ended of their own, and not ok.
    pub failed: u64,
    /// Ok with no MUST broken that is not known, and within the limits for a single request.
    pub good: u64,
    /// Ok with no MUST broken that is not known, but beyond a limit for a single request.
    pub late: u64,
    /// Completion tokens, in thousandths.
    pub completion_millitokens: u64,
    /// Response times.
    pub response_time: Populations,
    /// First tokens.
    pub first_token: Populations,
    /// Token gaps.
    pub token_gap: Populations,
}

impl Splits {
    /// Adds an exchange of the measured part.
    pub(super) fn record(&mut self, name: &str, reading: &Reading<'_>, found: Found) {
        if !self.kept.contains_key(name) {
            self.kept.insert(name.to_owned(), Split::default());
        }
        if let Some(split) = self.kept.get_mut(name) {
            split.record(reading, found);
        }
        self.shrink();
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: Splits) {
        for (name, split) in other.kept {
            self.kept.entry(name).or_default().merge(&split);
        }
        self.other.merge(&other.other);
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.kept.len() > NAMES {
            let last = self.kept.keys().max_by_key(|name| xxh3_64(name.as_bytes())).cloned();
            if let Some(split) = last.and_then(|name| self.kept.remove(&name)) {
                self.other.merge(&split);
            }
        }
    }
}

impl Split {
    /// The populations of a measure, where splits keep it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "few of the measures are kept so")]
    pub fn times(&self, measure: Measure) -> Option<&Populations> {
        match measure {
            Measure::ResponseTime => Some(&self.response_time),
            Measure::FirstToken => Some(&self.first_token),
            Measure::TokenGap => Some(&self.token_gap),
            _ => None,
        }
    }

    pub(super) fn record(&mut self, reading: &Reading<'_>, found: Found) {
        self.requests += 1;
        self.ok += u64::from(reading.outcome == Outcome::Ok);
        self.failed += u64::from(reading.outcome.failed());
        self.good += u64::from(found.good);
        self.late += u64::from(found.kept && !found.good);
        self.completion_millitokens += reading.tokens().map_or(0, |tokens| milli(tokens.completion));
        self.response_time.record(Measure::ResponseTime, reading);
        self.first_token.record(Measure::FirstToken, reading);
        self.token_gap.record(Measure::TokenGap, reading);
    }

    pub(super) fn merge(&mut self, other: &Split) {
        self.requests += other.requests;
        self.ok += other.ok;
        self.failed += other.failed;
        self.good += other.good;
        self.late += other.late;
        self.completion_millitokens += other.completion_millitokens;
        self.response_time.merge(&other.response_time);
        self.first_token.merge(&other.first_token);
        self.token_gap.merge(&other.token_gap);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn splits(names: &[u8]) -> Splits {
        let mut splits = Splits::default();
        for name in names {
            let one = Split { requests: 1, ..Split::default() };
            splits.merge(Splits { kept: BTreeMap::from([(name.to_string(), one)]), other: Split::default() });
        }
        splits
    }

    proptest! {
        #[test]
        fn however_many_names_parts_merge_in_any_order(a in prop::collection::vec(any::<u8>(), 0..200), b in prop::collection::vec(any::<u8>(), 0..200)) {
            let (mut ab, mut ba) = (splits(&a), splits(&b));
            ab.merge(splits(&b));
            ba.merge(splits(&a));
            let all: Vec<u8> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(&ab, &splits(&all));
            prop_assert_eq!(&ab, &ba);
            prop_assert!(ab.kept.len() <= NAMES);
            prop_assert_eq!(ab.kept.values().map(|s| s.requests).sum::<u64>() + ab.other.requests, all.len() as u64);
        }
    }
}
