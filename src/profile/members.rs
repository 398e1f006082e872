//! The members of a table, in the order in which they were written, and found by name however many there are.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Node;

/// Members of a table; of two with one name, the first is found.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    list: Vec<(String, Node)>,
    places: BTreeMap<String, usize>,
}

impl Members {
    /// The member of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.places.get(name).map(|place| &self.list[*place].1)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.places.get(name).map(|place| &mut self.list[*place].1)
    }

    /// The member of that name, added at the end where there is none.
    pub(super) fn entry(&mut self, name: &str, new: impl FnOnce() -> Node) -> &mut Node {
        let place = *self.places.entry(name.to_owned()).or_insert(self.list.len());
        if place == self.list.len() {
            self.list.push((name.to_owned(), new()));
        }
        &mut self.list[place].1
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, name: &str) -> Option<Node> {
        let place = self.places.remove(name)?;
        let (_, node) = self.list.remove(place);
        self.places.values_mut().filter(|other| **other > place).for_each(|other| *other -= 1);
        Some(node)
    }

    /// Gives a member another name, in its place. Where one has that name already, it is taken out and returned.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Option<Node> {
        if self.places.contains_key(to) {
            return self.remove(from);
        }
        if let Some(place) = self.places.remove(from) {
            to.clone_into(&mut self.list[place].0);
            self.places.insert(to.to_owned(), place);
        }
        None
    }

    /// Takes many members out at once.
    pub(super) fn remove_all(&mut self, names: &BTreeSet<String>) {
        let kept = std::mem::take(&mut self.list).into_iter().filter(|(name, _)| !names.contains(name));
        *self = kept.collect();
    }

    /// All of them, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.list.iter().map(|(name, node)| (name.as_str(), node))
    }

    /// The same, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.list.iter_mut().map(|(_, node)| node)
    }
}

impl FromIterator<(String, Node)> for Members {
    fn from_iter<I: IntoIterator<Item = (String, Node)>>(members: I) -> Members {
        let list: Vec<(String, Node)> = members.into_iter().collect();
        let places = list.iter().enumerate().rev().map(|(place, (name, _))| (name.clone(), place)).collect();
        Members { list, places }
    }
}

impl IntoIterator for Members {
    type Item = (String, Node);
    type IntoIter = std::vec::IntoIter<(String, Node)>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}
