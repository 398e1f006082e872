//! How a rule follows from another, and the search for the root of a broken rule.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::{Check, Finding, Level, Verdict};
use super::table::LINKS;
use crate::exchange::Reading;

/// Rules that follow from one root, and when.
pub(super) struct Link {
    /// The rule whose fault it is.
    pub(super) root: &'static str,
    /// The rules that follow from it.
    pub(super) rules: &'static [&'static str],
    /// Which exchanges show that they do.
    pub(super) when: When,
}

/// Which exchanges show that a rule follows from its root.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// Those on which the root is broken, too.
    Same,
    /// Of these, the ones of which this is true.
    SameIf(fn(&Reading<'_>) -> bool),
    /// Those of which this is true, where the root is broken on any exchange of the run: they show the root's fault,
    /// but the root is not judged on them.
    Shown(fn(&Reading<'_>) -> bool),
    /// Those on which the root is broken at every place at which the rule is.
    SamePlaces,
}

/// What is known of a root.
#[derive(Debug, Clone, Copy)]
pub enum Spot<'f> {
    /// It is not broken, or less bindingly than the rule that may follow from it.
    Nowhere,
    /// It is broken, but not on this exchange.
    Elsewhere,
    /// It is broken on this exchange, at these places.
    Here(&'f [Finding]),
}

/// Where other rules are broken, as seen from one exchange.
pub type Known<'k> = &'k dyn Fn(&'static str) -> Spot<'k>;

/// The links of each rule, in the order of the table.
static BY_RULE: LazyLock<BTreeMap<&'static str, Vec<&'static Link>>> = LazyLock::new(|| {
    let mut by_rule: BTreeMap<&'static str, Vec<&'static Link>> = BTreeMap::new();
    for link in LINKS {
        for rule in link.rules {
            by_rule.entry(*rule).or_default().push(link);
        }
    }
    by_rule
});

fn links_of(rule: &str) -> &'static [&'static Link] {
    BY_RULE.get(rule).map_or(&[], Vec::as_slice)
}

/// The rules that a rule may follow from.
pub fn roots_of(rule: &str) -> impl Iterator<Item = &'static str> {
    links_of(rule).iter().map(|link| link.root)
}

/// The rule that a broken one follows from on an exchange, itself never the consequence of another; none where it is a
/// fault of its own.
pub fn root_of(
    rule: &'static str,
    findings: &[Finding],
    reading: &Reading<'_>,
    known: Known<'_>,
) -> Option<&'static str> {
    let link = links_of(rule).iter().find(|link| match (link.when, known(link.root)) {
        (When::Same, Spot::Here(_)) => true,
        (When::SameIf(holds), Spot::Here(_)) => holds(reading),
        (When::Shown(shows), Spot::Here(_) | Spot::Elsewhere) => shows(reading),
        (When::SamePlaces, Spot::Here(_)) => places_covered(rule, findings, known),
        (When::Same | When::SameIf(_) | When::SamePlaces, Spot::Elsewhere) | (_, Spot::Nowhere) => false,
    })?;
    let further = match known(link.root) {
        Spot::Here(findings) => root_of(link.root, findings, reading, known),
        Spot::Elsewhere | Spot::Nowhere => None,
    };
    Some(further.unwrap_or(link.root))
}

/// Whether every place at which a rule is broken is one at which a root is, of those that cover places.
fn places_covered(rule: &str, findings: &[Finding], known: Known<'_>) -> bool {
    let mut told = Vec::new();
    for link in links_of(rule).iter().filter(|link| matches!(link.when, When::SamePlaces)) {
        if let Spot::Here(findings) = known(link.root) {
            told.extend(findings.iter().map(|finding| steps(&finding.pointer)));
        }
    }
    let covers = |finding: &Finding| told.iter().any(|told| is_told(finding, told));
    !told.is_empty() && findings.iter().all(covers)
}

/// A pointer by its steps, whatever the positions in arrays.
fn steps(pointer: &str) -> Vec<String> {
    let step = |step: &str| if step.parse::<u64>().is_ok() { "*".to_owned() } else { step.to_owned() };
    pointer.split('/').skip(1).map(step).collect()
}

/// Whether a place is the one that was told: the same, or the object that lacks the member told, which its message
/// then names.
fn is_told(finding: &Finding, told: &[String]) -> bool {
    let own = steps(&finding.pointer);
    match told.strip_prefix(own.as_slice()) {
        Some([]) => !own.is_empty(),
        Some([member]) => finding.detail.contains(&format!("\"{member}\"")),
        Some(_) | None => false,
    }
}

/// The rules that follow from others on one exchange, each with its root.
pub fn consequences(
    verdicts: &[(&'static Check, Verdict)],
    reading: &Reading<'_>,
) -> Vec<(&'static str, &'static str)> {
    let contract = &reading.exchange.asked.wanted.contract;
    let level = |check: &Check, own: Option<Level>| own.or_else(|| check.level(contract)).unwrap_or(Level::May);
    let broken: Vec<(&'static str, Level, &[Finding])> = verdicts
        .iter()
        .filter_map(|(check, verdict)| match verdict {
            Verdict::Broken { level: own, findings } => Some((check.id, level(check, *own), findings.as_slice())),
            Verdict::Pass | Verdict::Noted(_) | Verdict::Skip(_) => None,
        })
        .collect();
    let found = |(rule, level, findings): &(&'static str, Level, &[Finding])| {
        let known = |root: &'static str| match broken.iter().find(|(other, ..)| *other == root) {
            Some((_, of_root, findings)) if of_root <= level => Spot::Here(findings),
            Some(_) | None => Spot::Nowhere,
        };
        root_of(rule, findings, reading, &known).map(|root| (*rule, root))
    };
    broken.iter().filter_map(found).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::find;

    #[test]
    fn every_rule_of_the_table_is_in_the_catalogue() {
        for link in LINKS {
            for id in link.rules.iter().chain([&link.root]) {
                assert!(find(id).is_some(), "{id}");
            }
        }
    }

    #[test]
    fn no_rule_follows_from_itself() {
        for rule in LINKS.iter().flat_map(|link| link.rules) {
            let mut above: BTreeSet<&str> = BTreeSet::new();
            let mut open: Vec<&str> = roots_of(rule).collect();
            while let Some(root) = open.pop() {
                assert_ne!(root, *rule);
                if above.insert(root) {
                    open.extend(roots_of(root));
                }
            }
        }
    }

    #[test]
    fn a_place_is_told_by_the_same_place_and_by_the_member_that_it_lacks() {
        let told = |pointer: &str, detail: &str, root: &str| is_told(&Finding::new(pointer, detail), &steps(root));
        assert!(told("/choices/0/finish_reason", "", "/choices/3/finish_reason"));
        assert!(told("/choices/0", "\"index\" is a required property", "/choices/0/index"));
        assert!(!told("/choices/0", "\"message\" is a required property", "/choices/0/index"));
        assert!(!told("/choices/0/message", "", "/choices/0"));
        assert!(!told("", "anything", ""));
    }
}
