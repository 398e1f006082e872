//! What a run remembers of many values in bounded space, so that summaries merge in any order.
//!
//! Both structures keep the values whose hashes are lowest. A value among the lowest of the whole run is among the
//! lowest of every part of it, so its count is exact however the run is cut, and what is kept is a fair sample.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::sorted::{ROOM, Sorted};

/// How often a value came, and in which requests first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// How often.
    pub count: u64,
    /// Lowest number of a request it came in.
    pub first: u64,
    /// The next lowest, where it came twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<u64>,
}

impl Sighting {
    fn once(seq: u64) -> Sighting {
        Sighting { count: 1, first: seq, second: None }
    }

    fn merge(&mut self, other: Sighting) {
        let later = self.first.max(other.first);
        let second = [self.second, other.second].into_iter().flatten().fold(later, u64::min);
        *self = Sighting {
            count: self.count.saturating_add(other.count),
            first: self.first.min(other.first),
            second: Some(second),
        };
    }
}

/// Counts of short texts: at most 32 of them, the others counted together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// How many texts came.
    pub total: u64,
    /// Those that are kept, with their counts.
    pub kept: BTreeMap<String, Sighting>,
}

const TEXTS: usize = 32;
const TEXT_CHARS: usize = 200;

impl Texts {
    /// Counts a text, cut to 200 characters.
    pub fn add(&mut self, text: &str, seq: u64) {
        self.total += 1;
        // As many bytes are no more characters, and are not counted.
        let long = Some(text).filter(|text| text.len() > TEXT_CHARS);
        let cut = long.and_then(|text| Some(&text[..text.char_indices().nth(TEXT_CHARS)?.0]));
        let text = cut.unwrap_or(text);
        match self.kept.get_mut(text) {
            Some(known) => known.merge(Sighting::once(seq)),
            None => self.keep(text.to_owned(), Sighting::once(seq)),
        }
    }

    /// Adds all texts of another.
    pub fn merge(&mut self, other: &Texts) {
        self.total = self.total.saturating_add(other.total);
        for (text, sighting) in &other.kept {
            self.keep(text.clone(), *sighting);
        }
    }

    /// Texts that came but are not kept by name.
    pub fn other(&self) -> u64 {
        let named = self.kept.values().fold(0, |sum: u64, sighting| sum.saturating_add(sighting.count));
        self.total.saturating_sub(named)
    }

    /// The texts by falling count.
    pub fn ranked(&self) -> Vec<(&str, Sighting)> {
        let mut ranked: Vec<(&str, Sighting)> =
            self.kept.iter().map(|(text, sighting)| (text.as_str(), *sighting)).collect();
        ranked.sort_by_key(|(text, sighting)| (std::cmp::Reverse(sighting.count), *text));
        ranked
    }

    fn keep(&mut self, text: String, sighting: Sighting) {
        self.kept.entry(text).and_modify(|known| known.merge(sighting)).or_insert(sighting);
        if self.kept.len() > TEXTS {
            let last = self.kept.keys().max_by_key(|text| xxh3_64(text.as_bytes())).cloned();
            last.and_then(|text| self.kept.remove(&text));
        }
    }
}

/// Which of many values came more than once: exact up to 16,384 distinct values, beyond that a sample of as many.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written", into = "Written")]
pub struct Repeats {
    total: u64,
    /// Of the values that are kept, by hash, those that came once, with the number of the request: nearly all, and of
    /// many rules, so that they take as little room as can be.
    once: Sorted,
    /// Those that came again.
    again: BTreeMap<u64, Sighting>,
}

/// The form of files.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Repeats")]
struct Written {
    /// How many values came.
    total: u64,
    /// The values that are kept, by hash.
    kept: BTreeMap<u64, Sighting>,
}

const SAMPLE: usize = ROOM;

impl Repeats {
    /// Counts a value by its text.
    pub fn add(&mut self, value: &str, seq: u64) {
        self.add_hash(xxh3_64(value.as_bytes()), seq);
    }

    /// Counts a value by its hash, which must be spread evenly.
    pub fn add_hash(&mut self, hash: u64, seq: u64) {
        self.total += 1;
        self.keep(hash, Sighting::once(seq));
    }

    /// Adds all values of another.
    pub fn merge(&mut self, other: &Repeats) {
        self.total = self.total.saturating_add(other.total);
        other.kept().for_each(|(hash, sighting)| self.keep(hash, sighting));
    }

    /// How many values came.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Values among those kept that had come before, and the lowest pair of requests that shared one.
    pub fn repeated(&self) -> (u64, Option<(u64, u64)>) {
        let repeats = self.again.values().map(|sighting| sighting.count.saturating_sub(1)).fold(0, u64::saturating_add);
        let pair = self.again.values().filter_map(|sighting| Some((sighting.first, sighting.second?))).min();
        (repeats, pair)
    }

    /// Share of the values that are distinct; 1 where none came.
    pub fn distinct_share(&self) -> f64 {
        let seen = self.seen();
        if seen == 0 { 1.0 } else { self.distinct() as f64 / seen as f64 }
    }

    /// Whether more values came than are kept.
    pub fn is_sample(&self) -> bool {
        self.seen() < self.total
    }

    /// How often the values that are kept came.
    fn seen(&self) -> u64 {
        self.again.values().fold(self.once.len() as u64, |sum, sighting| sum.saturating_add(sighting.count))
    }

    /// How many values are kept.
    fn distinct(&self) -> usize {
        self.once.len() + self.again.len()
    }

    fn kept(&self) -> impl Iterator<Item = (u64, Sighting)> {
        let once = self.once.iter().map(|(hash, seq)| (hash, Sighting::once(seq)));
        once.chain(self.again.iter().map(|(hash, sighting)| (*hash, *sighting)))
    }

    fn last(&self) -> Option<u64> {
        self.once.last().max(self.again.last_key_value().map(|(hash, _)| *hash))
    }

    fn keep(&mut self, hash: u64, sighting: Sighting) {
        let last = self.last().filter(|_| self.distinct() == SAMPLE);
        if last.is_some_and(|last| hash > last) {
            return;
        }
        if let Some(known) = self.again.get_mut(&hash) {
            return known.merge(sighting);
        }
        if let Some(first) = self.once.remove(hash) {
            let mut known = Sighting::once(first);
            known.merge(sighting);
            self.again.insert(hash, known);
            return;
        }
        if let Some(last) = last {
            self.once.remove(last);
            self.again.remove(&last);
        }
        if sighting.count == 1 {
            self.once.insert(hash, sighting.first);
        } else {
            self.again.insert(hash, sighting);
        }
    }
}

impl From<Repeats> for Written {
    fn from(repeats: Repeats) -> Written {
        Written { total: repeats.total, kept: repeats.kept().collect() }
    }
}

impl From<Written> for Repeats {
    fn from(written: Written) -> Repeats {
        let mut repeats = Repeats { total: written.total, ..Repeats::default() };
        written.kept.into_iter().for_each(|(hash, sighting)| repeats.keep(hash, sighting));
        repeats
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_that_comes_twice_is_found_with_both_requests() {
        let mut repeats = Repeats::default();
        for (value, seq) in [("a", 9), ("b", 2), ("a", 4), ("a", 7)] {
            repeats.add(value, seq);
        }
        assert_eq!(repeats.repeated(), (2, Some((4, 7))));
        assert!((repeats.distinct_share() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn beyond_its_size_it_is_a_fair_sample() {
        let mut repeats = Repeats::default();
        for seq in 0..100_000_u64 {
            repeats.add(&format!("id-{}", seq / 2), seq);
        }
        assert!(repeats.is_sample() && repeats.distinct() == SAMPLE);
        assert!((repeats.distinct_share() - 0.5).abs() < 1e-9, "every kept value came twice");
        assert_eq!(repeats.repeated().0, SAMPLE as u64);
    }

    #[test]
    fn many_texts_stay_bounded_and_add_up() {
        let mut texts = Texts::default();
        (0..1000).for_each(|seq| texts.add(&format!("warning {}", seq % 100), seq));
        assert_eq!((texts.kept.len(), texts.total), (TEXTS, 1000));
        assert_eq!(texts.other(), 1000 - 10 * TEXTS as u64);
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_matter(values in prop::collection::vec((0_u64..60, 0_u64..1000), 0..200), cut in 0_usize..200) {
            let fill = |values: &[(u64, u64)]| {
                let (mut texts, mut repeats) = (Texts::default(), Repeats::default());
                for (value, seq) in values {
                    texts.add(&value.to_string(), *seq);
                    repeats.add(&value.to_string(), *seq);
                }
                (texts, repeats)
            };
            let whole = fill(&values);
            let (left, right) = values.split_at(cut.min(values.len()));
            let (mut texts, mut repeats) = fill(right);
            let (other_texts, other_repeats) = fill(left);
            texts.merge(&other_texts);
            repeats.merge(&other_repeats);
            let written: Repeats = serde_json::from_str(&serde_json::to_string(&repeats).expect("JSON")).expect("as it was");
            prop_assert_eq!(&written, &repeats);
            prop_assert_eq!((texts, repeats), whole);
        }
    }
}
