//! The catalogue as it is written down: every rule with its levels, whether it is implemented yet or not, so that a
//! rule which is not judged is never silently absent.

use super::{AREAS, Check, Level, Tier, find, levels, tier};
use crate::wire::Dialect;

/// A row of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Id of the rule.
    pub id: &'static str,
    levels: [Option<Level>; 3],
    /// Which part of the catalogue it belongs to.
    pub tier: Tier,
    /// Where the rule comes from.
    pub source: &'static str,
    /// The rule that judges it, where there is one.
    pub check: Option<&'static Check>,
}

impl Listed {
    /// How binding the rule is in a dialect.
    pub fn level(&self, dialect: Dialect) -> Option<Level> {
        match self.check {
            Some(check) => check.level(dialect),
            None => match dialect {
                Dialect::Pulze => self.levels[0],
                Dialect::OpenAi => self.levels[1],
                Dialect::OpenAiStrict => self.levels[2],
            },
        }
    }

    /// The area of the catalogue it belongs to.
    pub fn area(&self) -> &'static str {
        area(self.id)
    }
}

/// The area that an id begins with.
pub(super) fn area(id: &'static str) -> &'static str {
    let prefix = id.split('-').next().unwrap_or_default();
    AREAS.iter().find(|(known, _)| *known == prefix).map_or(prefix, |(_, area)| *area)
}

/// Every row of the catalogue, in its order: id, levels, tier and source stand in a line, behind tabs.
pub fn listed() -> impl Iterator<Item = Listed> {
    include_str!("catalogue.txt").lines().filter_map(|line| {
        let mut cells = line.split('\t');
        let (id, own, depth, source) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        Some(Listed { id, levels: levels(own), tier: tier(depth), source, check: find(id) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_in_the_catalogue_with_its_levels_and_its_tier() {
        assert_eq!(listed().count(), 372);
        for check in crate::check::ALL.iter().copied().flatten() {
            let row = listed().find(|row| row.id == check.id).unwrap_or_else(|| panic!("{} is not listed", check.id));
            assert_eq!((row.levels, row.tier), (check.levels, check.tier), "{}", check.id);
        }
    }
}
