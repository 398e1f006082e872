//! Numbers, each with another, in order and in 16 bytes a pair, which a tree takes 25 for.

use std::collections::BTreeMap;

/// Pairs by their first numbers, of which none comes twice: a long run of them, and a short one for those that came
/// last, which is joined to it whenever it is full, so that few pairs move for a new one.
#[derive(Debug, Clone, Default)]
pub(super) struct Sorted {
    long: Vec<(u64, u64)>,
    short: Vec<(u64, u64)>,
}

/// Most pairs of the short run.
const SHORT: usize = 128;

/// For so many the long run takes room at once, when its first pairs come: the memory of a run does not grow by later ones.
pub(super) const ROOM: usize = 16_384;

impl Sorted {
    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.long.len() + self.short.len()
    }

    /// The greatest first number.
    pub(super) fn last(&self) -> Option<u64> {
        [&self.long, &self.short].into_iter().filter_map(|run| run.last()).map(|(key, _)| *key).max()
    }

    /// All pairs, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.long.iter().chain(&self.short).copied()
    }

    /// Adds a pair whose first number is new.
    pub(super) fn insert(&mut self, key: u64, value: u64) {
        let at = place(&self.short, key).unwrap_or_else(|at| at);
        self.short.insert(at, (key, value));
        if self.short.len() == SHORT {
            self.join();
        }
    }

    /// Takes a pair out; its second number.
    pub(super) fn remove(&mut self, key: u64) -> Option<u64> {
        let mut found = [&mut self.short, &mut self.long].into_iter().filter_map(|run| {
            let at = place(run, key).ok()?;
            Some(run.remove(at).1)
        });
        found.next()
    }

    /// Moves the pairs of the short run to their places in the long one, the greatest first.
    fn join(&mut self) {
        let mut left = self.long.len();
        self.long.reserve_exact(ROOM.saturating_sub(left));
        self.long.resize(left + self.short.len(), (0, 0));
        while let Some(pair) = self.short.pop() {
            let below = place(&self.long[..left], pair.0).unwrap_or_else(|at| at);
            let waiting = self.short.len() + 1;
            self.long.copy_within(below..left, below + waiting);
            self.long[below + waiting - 1] = pair;
            left = below;
        }
    }
}

fn place(run: &[(u64, u64)], key: u64) -> Result<usize, usize> {
    run.binary_search_by_key(&key, |(own, _)| *own)
}

impl PartialEq for Sorted {
    fn eq(&self, other: &Sorted) -> bool {
        self.iter().collect::<BTreeMap<_, _>>() == other.iter().collect()
    }
}

impl Eq for Sorted {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_holds(keys in prop::collection::vec(0_u64..600, 0..1500)) {
            let (mut sorted, mut tree) = (Sorted::default(), BTreeMap::new());
            for (value, key) in (0..).zip(keys) {
                let known = tree.remove(&key);
                prop_assert_eq!(sorted.remove(key), known);
                if known.is_none() {
                    sorted.insert(key, value);
                    tree.insert(key, value);
                }
                prop_assert_eq!((sorted.len(), sorted.last()), (tree.len(), tree.keys().last().copied()));
            }
            prop_assert_eq!(sorted.iter().collect::<BTreeMap<_, _>>(), tree);
            prop_assert!(sorted.long.is_sorted() && sorted.short.is_sorted());
        }
    }
}
