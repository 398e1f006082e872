//! Finds the rules that are broken only where another one is: one fault is told once.

use std::collections::BTreeMap;

use super::judging::Court;
use super::status::{Found, Status, rank};
use crate::check::follows::{Spot, root_of, roots_of};
use crate::check::probe::{self, Probe};
use crate::check::{Book, Check, Finding, Judge};
use crate::exchange::{Exchange, Reading};

/// Where a rule is broken: its findings by the number of the request.
type Places = BTreeMap<u64, Vec<Finding>>;

/// What the rules of one round came to, to be held against one another.
pub(super) struct Roots<'r, 'c> {
    pub(super) court: &'r Court<'c>,
    pub(super) book: &'r Book<'c>,
    pub(super) checks: &'r [&'static Check],
}

/// A broken rule.
struct Broken {
    check: &'static Check,
    /// How grave it is.
    rank: usize,
    places: Places,
}

impl Roots<'_, '_> {
    /// Marks each rule that follows from another one. A rule that is broken on any reply on which no root of its is
    /// keeps its status, and shows that reply.
    pub(super) fn settle(&self, all: &mut [Found]) {
        let broken: Vec<Broken> =
            self.checks.iter().zip(&*all).filter_map(|(c, found)| self.broken(c, found)).collect();
        for (check, found) in self.checks.iter().zip(all.iter_mut()) {
            if found.counts() && (roots_of(check.id).next().is_some() || can_crash(check)) {
                self.settle_one(check, found, &broken);
            }
        }
        let roots: BTreeMap<&str, &'static str> =
            self.checks.iter().zip(&*all).filter_map(|(check, found)| Some((check.id, found.status.root()?))).collect();
        for found in all {
            let further = |root: &&'static str| roots.get(*root).copied();
            let first = found.status.root().and_then(|root| std::iter::successors(Some(root), further).last());
            if let Some(first) = first {
                found.see(first);
            }
        }
    }

    /// Every place at which a rule is broken, where others may follow from it.
    fn broken(&self, check: &'static Check, found: &Found) -> Option<Broken> {
        if !found.counts() {
            return None;
        }
        let mut places = Places::new();
        match check.judge {
            Judge::Reply(_) => {
                for (reading, found) in self.court.broken_at(check, self.book) {
                    places.insert(reading.exchange.ticket.seq, findings(&found));
                }
            }
            Judge::Probes(..) | Judge::Defect(..) => {
                let mut next = found.clone();
                while next.counts() && add(&mut places, &findings(&next)) {
                    next = self.again(check, |seq| places.contains_key(&seq));
                }
            }
            Judge::Defects(_) => {
                add(&mut places, &findings(found));
            }
            Judge::Run => {}
        }
        Some(Broken { check, rank: rank(found.status.name()), places })
    }

    fn settle_one(&self, check: &'static Check, found: &mut Found, broken: &[Broken]) {
        let own = rank(found.status.name());
        let mut explained: BTreeMap<u64, &'static str> = BTreeMap::new();
        let root = |seq: u64, findings: &[Finding]| {
            let reading = self.court.reading(seq)?;
            root_at(check, own, findings, &reading, broken)
        };
        if let Judge::Reply(_) = check.judge {
            // What spans the run stands for itself.
            if found.failures.iter().any(|failure| failure.finding.seq.is_none()) {
                return;
            }
            let (mut alone, mut first) = (None::<Found>, None);
            for (reading, at) in self.court.broken_at(check, self.book) {
                match root(reading.exchange.ticket.seq, &findings(&at)) {
                    Some(root) => first = first.or(Some((root, at))),
                    // Something less grave stands for itself only where nothing graver does.
                    None if rank(at.status.name()) > own => {}
                    None => alone = Some(if let Some(before) = alone { before.with(at) } else { at }),
                }
            }
            match (alone, first) {
                (Some(alone), _) => *found = alone,
                (None, Some((root, at))) => *found = at.following(root),
                (None, None) => {}
            }
            return;
        }
        let mut next = found.clone();
        while next.counts() && rank(next.status.name()) <= own {
            let mut places = Places::new();
            let told = add(&mut places, &findings(&next));
            let roots: Option<Vec<(u64, &'static str)>> =
                places.iter().map(|(seq, findings)| Some((*seq, root(*seq, findings)?))).collect();
            let Some(roots) = roots.filter(|_| told) else {
                *found = next;
                return;
            };
            let before = explained.len();
            explained.extend(roots);
            if explained.len() == before {
                *found = next;
                return;
            }
            next = self.again(check, |seq| explained.contains_key(&seq));
        }
        if let Some(root) = explained.into_values().next() {
            *found = found.clone().following(root);
        }
    }

    /// Judges a rule on requests of its own again, without some of the replies.
    fn again(&self, check: &'static Check, without: impl Fn(u64) -> bool) -> Found {
        let probes = check.probes(&self.court.target.contract);
        let wanted = |probe: &'static Probe, exchange: &Exchange| {
            (probes.contains(&probe) || probe == probe::gate()) && !without(exchange.ticket.seq)
        };
        self.court.judge_book(check, &self.court.book_of(wanted))
    }
}

/// The root of a rule that is broken at one reply.
fn root_at(
    check: &'static Check,
    own: usize,
    findings: &[Finding],
    reading: &Reading<'_>,
    broken: &[Broken],
) -> Option<&'static str> {
    let seq = reading.exchange.ticket.seq;
    let grave = |broken: &&Broken| broken.rank <= own;
    let known = |root: &'static str| {
        let Some(broken) = broken.iter().filter(grave).find(|broken| broken.check.id == root) else {
            return Spot::Nowhere;
        };
        broken.places.get(&seq).map_or(Spot::Elsewhere, |findings| Spot::Here(findings))
    };
    let failed = reading.exchange.status().is_some_and(|status| status >= 500);
    root_of(check.id, findings, reading, &known).or_else(|| {
        // Of several rules that wanted something else than a server error, the first of the gravest tells of it.
        let wanted_another = |other: &&Broken| asks(other.check) && other.places.contains_key(&seq);
        let first = broken.iter().filter(grave).filter(wanted_another).min_by_key(|other| other.rank);
        let first = first.filter(|first| failed && can_crash(check) && first.check.id != check.id)?;
        let root = root_of(first.check.id, &first.places[&seq], reading, &known).unwrap_or(first.check.id);
        (root != check.id).then_some(root)
    })
}

/// Whether it is judged on a reply of which it asks that it be no server error.
fn asks(check: &Check) -> bool {
    matches!(check.judge, Judge::Probes(..) | Judge::Defect(..))
}

/// Whether it may be broken only because a server error came.
fn can_crash(check: &Check) -> bool {
    asks(check) || ["err-json-body", "err-envelope", "err-message-nonempty"].contains(&check.id)
}

/// Where and how a rule is broken.
fn findings(found: &Found) -> Vec<Finding> {
    found.failures.iter().map(|failure| failure.finding.clone()).collect()
}

/// Adds findings by the requests at whose replies they are; whether each names one, and one of them is new.
fn add(places: &mut Places, findings: &[Finding]) -> bool {
    let before = places.len();
    for finding in findings {
        let Some(seq) = finding.seq else { return false };
        places.entry(seq).or_default().push(finding.clone());
    }
    places.len() > before
}

impl Status {
    /// The rule that it follows from.
    pub fn root(&self) -> Option<&'static str> {
        if let Status::Follows(root) = self { Some(root) } else { None }
    }
}
