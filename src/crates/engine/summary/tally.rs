//! What is counted of one check over a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::distinct::{Repeats, Texts};
use super::evidence::Evidence;
use super::excerpt::Excerpt;
use crate::check::{Across, Check, Finding, Level, Signature, Verdict};
use crate::exchange::Reading;
use crate::wire::plain;

/// Counts of one check, with the first examples of its being broken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Exchanges for which the rule held.
    pub pass: u64,
    /// Exchanges to which it did not apply.
    pub skip: u64,
    /// Exchanges that broke it as a MUST.
    pub must: u64,
    /// Exchanges that broke it as a SHOULD.
    pub should: u64,
    /// Exchanges that broke it as a MAY.
    pub may: u64,
    /// Exchanges of the warm-up that broke it as a MUST; those are in no other count.
    pub warmup_must: u64,
    /// Exchanges that broke it only because they broke another rule, by that rule; those are in no other count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub follows: BTreeMap<String, u64>,
    /// The faults by signature, at most eight, each with its first example; those that came first stand first. Where
    /// more kinds came, the eight whose signatures have the lowest hashes are kept.
    pub examples: Vec<Example>,
    /// What was worth reporting, by its text.
    pub notes: Texts,
    /// Values that may not come twice in a run, or not often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<Repeats>,
    /// Values that may not change in a run, by what they belong to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constant: BTreeMap<String, Texts>,
    /// Values that must not all be the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub varied: Option<Texts>,
}

/// What became of the requests that a rule was judged on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fates {
    /// For which it held.
    pub pass: u64,
    /// That broke it, at whatever level.
    pub fail: u64,
    /// Of these, as a MUST.
    pub must: u64,
    /// Of these, as a SHOULD.
    pub should: u64,
    /// What spans the run, in words, where that broke it.
    pub across: Option<String>,
}

/// One kind of fault: how often it came, and the first exchange that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The kind of fault: `missing`, `repeated`, `schema-required`, `got-null`, `status-500`, ... With the place, array
    /// positions left out, it tells the fault from others of the same rule.
    #[serde(default)]
    pub fault: String,
    /// Replies with this fault, those of the warm-up left out.
    #[serde(default)]
    pub count: u64,
    /// Number of the request.
    pub seq: u64,
    /// Name of its case.
    pub case: String,
    /// Where: a JSON pointer, for a stream behind the number of the event; empty where it is no JSON value.
    pub place: String,
    /// What was expected and what came.
    pub detail: String,
    /// Further places of the same kind in the same exchange, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
    /// What shows it: the value at the place, and the event at fault with the one before, the last events, or the body.
    #[serde(default)]
    pub shows: Vec<Excerpt>,
    /// The first bytes of the body, or of the data of the event at fault.
    pub first_bytes: String,
    /// A command line that sends the same request.
    pub curl: String,
}

/// Kinds of faults that are kept of a check.
pub const KINDS: usize = 8;
/// Findings of one reply that are looked at.
const FINDINGS: usize = 64;
const MORE: usize = 4;
const KEYS: usize = 32;
/// A run shorter than this may well have the same value throughout.
const VARIED_FROM: u64 = 20;
/// Share of values that must be distinct where most are to differ.
const MOST: f64 = 0.5;

impl Tally {
    /// Counts a verdict; where the rule is broken because another one is, `root` is that one.
    pub fn record(
        &mut self,
        check: &Check,
        verdict: &Verdict,
        root: Option<&'static str>,
        reading: &Reading<'_>,
        warmup: bool,
        evidence: &Evidence<'_>,
    ) {
        let seq = reading.exchange.ticket.seq;
        match verdict {
            Verdict::Pass => self.pass += u64::from(!warmup),
            Verdict::Skip(_) => self.skip += u64::from(!warmup),
            Verdict::Noted(text) => {
                self.pass += u64::from(!warmup);
                self.notes.add(&evidence.clean(text), seq);
            }
            Verdict::Broken { .. } if root.is_some() => {
                if let Some(root) = root.filter(|_| !warmup) {
                    *self.follows.entry(root.to_owned()).or_default() += 1;
                }
            }
            Verdict::Broken { level: own, findings } => {
                let level = || check.level(&reading.exchange.asked.wanted.contract);
                match own.or_else(level).unwrap_or(Level::May) {
                    Level::Must if warmup => self.warmup_must += 1,
                    Level::Must => self.must += 1,
                    Level::Should => self.should += u64::from(!warmup),
                    Level::May => self.may += u64::from(!warmup),
                }
                self.record_faults(findings, reading, warmup, evidence);
            }
        }
        if !matches!(verdict, Verdict::Skip(_)) {
            self.remember(check, reading, evidence);
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: Tally) {
        self.pass += other.pass;
        self.skip += other.skip;
        self.must += other.must;
        self.should += other.should;
        self.may += other.may;
        self.warmup_must += other.warmup_must;
        for (root, count) in &other.follows {
            *self.follows.entry(root.clone()).or_default() += count;
        }
        self.notes.merge(&other.notes);
        other.examples.into_iter().for_each(|example| self.add(example));
        self.bound_kinds();
        if let Some(theirs) = &other.unique {
            self.unique.get_or_insert_default().merge(theirs);
        }
        for (key, values) in &other.constant {
            self.constant.entry(key.clone()).or_default().merge(values);
        }
        self.bound_keys();
        if let Some(theirs) = &other.varied {
            self.varied.get_or_insert_default().merge(theirs);
        }
    }

    /// What became of the requests that the rule was judged on. One that broke the rule by itself as well as among the others
    /// is still one request.
    pub fn fates(&self, check: &Check, own: Option<Level>) -> Fates {
        let alone = self.must + self.should + self.may;
        let judged = self.pass + alone;
        let mut fates = Fates { pass: self.pass, fail: alone, must: self.must, should: self.should, across: None };
        if let Some((level, count, words)) = self.across(check) {
            let level = own.map_or(level, |own| own.max(level));
            // Where all that was judged was warm-up, it is the run that broke the rule.
            let broken = |alone: u64| (alone + count).min(judged.max(1));
            fates.fail = broken(alone);
            fates.pass = judged.saturating_sub(fates.fail);
            match level {
                Level::Must => fates.must = broken(self.must),
                Level::Should => fates.should = broken(self.should),
                Level::May => {}
            }
            fates.across = Some(words);
        }
        fates
    }

    /// How often the rule was broken over the run as a whole, at which level, and in words.
    pub fn across(&self, check: &Check) -> Option<(Level, u64, String)> {
        match check.across? {
            Across::Unique(level, _) => {
                let (repeats, pair) = self.unique.as_ref()?.repeated();
                let (first, second) = pair?;
                Some((level, repeats, format!("the same value in requests {first} and {second}")))
            }
            Across::Distinct(level, _) => {
                let values = self.unique.as_ref().filter(|values| values.total() >= VARIED_FROM)?;
                let (share, (repeats, pair)) = (values.distinct_share(), values.repeated());
                let (first, second) = pair.filter(|_| share < MOST)?;
                let percent = share * 100.0;
                Some((level, repeats, format!("{percent:.0} % are distinct; requests {first} and {second} share one")))
            }
            Across::Constant(level, _) => {
                let changed: Vec<(&String, &Texts)> =
                    self.constant.iter().filter(|(_, values)| values.kept.len() > 1).collect();
                let (key, values) = changed.first()?;
                let ranked = values.ranked();
                let most = |values: &Texts| values.ranked().first().map_or(0, |(_, sighting)| sighting.count);
                let minority = |values: &Texts| values.total.saturating_sub(most(values));
                let detail = format!(
                    "{key}: {} in request {}, {} in request {}",
                    ranked[0].0, ranked[0].1.first, ranked[1].0, ranked[1].1.first
                );
                Some((level, changed.iter().map(|(_, values)| minority(values)).sum(), detail))
            }
            Across::Varied(level, _) => {
                let values = self.varied.as_ref()?;
                let same = values.total >= VARIED_FROM && values.kept.len() == 1 && values.other() == 0;
                same.then(|| (level, values.total, format!("always {}", values.ranked()[0].0)))
            }
        }
    }

    fn remember(&mut self, check: &Check, reading: &Reading<'_>, evidence: &Evidence<'_>) {
        let seq = reading.exchange.ticket.seq;
        match check.across {
            None => {}
            Some(Across::Unique(_, values)) => {
                let unique = self.unique.get_or_insert_default();
                for value in values(reading) {
                    unique.add(&value, seq);
                }
            }
            Some(Across::Distinct(_, value)) => {
                if let Some(value) = value(reading) {
                    self.unique.get_or_insert_default().add(&value, seq);
                }
            }
            Some(Across::Constant(_, value)) => {
                if let Some((key, value)) = value(reading) {
                    self.constant.entry(evidence.clean(&key)).or_default().add(&evidence.clean(&value), seq);
                    self.bound_keys();
                }
            }
            Some(Across::Varied(_, value)) => {
                if let Some(value) = value(reading) {
                    self.varied.get_or_insert_default().add(&value, seq);
                }
            }
        }
    }

    /// Keys beyond the bound are forgotten, the alphabetically last first, whatever the order they came in.
    fn bound_keys(&mut self) {
        while self.constant.len() > KEYS {
            self.constant.pop_last();
        }
    }

    /// Counts each kind of fault of a reply once. An example is made only where it is kept.
    fn record_faults(&mut self, findings: &[Finding], reading: &Reading<'_>, warmup: bool, evidence: &Evidence<'_>) {
        let seq = reading.exchange.ticket.seq;
        if let [finding] = findings
            && let Some(place) = self.known(finding, reading)
        {
            self.examples[place].count += u64::from(!warmup);
            return;
        }
        for (signature, same) in by_signature(findings, reading, evidence) {
            let known = self.examples.iter().position(|example| example.is(&signature));
            let count = u64::from(!warmup);
            match known {
                Some(place) if self.examples[place].seq <= seq => self.examples[place].count += count,
                None if self.would_forget(&signature) => {}
                Some(_) | None => self.add(Example { count, ..Example::new(reading, &same, evidence) }),
            }
        }
        self.bound_kinds();
    }

    /// The earlier example of the same kind of fault: most replies that break a rule break it as one before did, and then
    /// nothing is made that would be kept.
    fn known(&self, finding: &Finding, reading: &Reading<'_>) -> Option<usize> {
        let (fault, place) = (finding.fault_in(reading).to_string(), finding.place());
        let is_it = |example: &Example| example.fault == fault && Signature::is_alike(&example.place, &place);
        self.examples.iter().position(|example| example.seq <= reading.exchange.ticket.seq && is_it(example))
    }

    /// Adds the count of a kind of fault; the example with the lowest number stays.
    fn add(&mut self, mut example: Example) {
        let signature = example.signature();
        if let Some(place) = self.examples.iter().position(|known| known.is(&signature)) {
            let known = self.examples.remove(place);
            let count = known.count + example.count;
            let first = if known.seq <= example.seq { known } else { example };
            example = Example { count, ..first };
        }
        let key = |example: &Example| (example.seq, example.signature());
        let at = self.examples.partition_point(|known| key(known) <= key(&example));
        self.examples.insert(at, example);
    }

    /// Kinds beyond the bound are forgotten, those with the highest hashes, whatever the order they came in: one that
    /// is kept in the end was never forgotten, so its count is exact.
    fn bound_kinds(&mut self) {
        while self.examples.len() > KINDS {
            let last = (0..self.examples.len()).max_by_key(|place| hash(&self.examples[*place].signature()));
            last.map(|place| self.examples.remove(place));
        }
    }

    /// Whether an example of this kind would be forgotten as soon as it is added.
    fn would_forget(&self, signature: &Signature) -> bool {
        let own = hash(signature);
        self.examples.len() >= KINDS && self.examples.iter().all(|example| hash(&example.signature()) < own)
    }
}

fn hash(signature: &Signature) -> u64 {
    xxh3_64(signature.to_string().as_bytes())
}

/// The findings of a reply by what tells them apart, in their order.
fn by_signature(
    findings: &[Finding],
    reading: &Reading<'_>,
    evidence: &Evidence<'_>,
) -> Vec<(Signature, Vec<Finding>)> {
    let mut kinds: Vec<(Signature, Vec<Finding>)> = Vec::new();
    for finding in findings.iter().take(FINDINGS) {
        let finding = finding.clone().settled(reading);
        // As it is kept, so that it is found again.
        let own = finding.signature();
        let signature = Signature { place: Signature::general(&evidence.clean(&own.place)), ..own };
        match kinds.iter_mut().find(|(known, _)| *known == signature) {
            Some((_, same)) => same.push(finding),
            None => kinds.push((signature, vec![finding])),
        }
    }
    kinds
}

impl Example {
    /// What tells it from other faults of the check.
    pub fn signature(&self) -> Signature {
        Signature { place: Signature::general(&self.place), fault: self.fault.clone() }
    }

    /// What shows it; of a summary that an earlier version wrote, the first bytes.
    pub fn shown(&self) -> Vec<Excerpt> {
        if self.shows.is_empty() && !self.first_bytes.is_empty() {
            return vec![Excerpt { what: "first bytes".to_owned(), text: self.first_bytes.clone() }];
        }
        self.shows.clone()
    }

    fn is(&self, signature: &Signature) -> bool {
        self.fault == signature.fault && Signature::general(&self.place) == signature.place
    }

    /// An example of findings that have one signature.
    fn new(reading: &Reading<'_>, findings: &[Finding], evidence: &Evidence<'_>) -> Example {
        let (first, rest) = findings.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
        let said = |finding: &Finding| evidence.clean(format!("{} {}", finding.place(), finding.detail).trim());
        Example {
            fault: first.map(|finding| finding.signature().fault).unwrap_or_default(),
            count: 0,
            seq: reading.exchange.ticket.seq,
            case: plain::line(&reading.exchange.asked.wanted.case),
            place: first.map(|finding| evidence.clean(&finding.place())).unwrap_or_default(),
            detail: first.map(|finding| evidence.clean(&finding.detail)).unwrap_or_default(),
            more: rest.iter().take(MORE).map(said).collect(),
            shows: first.map(|finding| evidence.excerpts(reading, finding)).unwrap_or_default(),
            first_bytes: evidence.first_bytes(reading, first.and_then(|finding| finding.event)),
            curl: evidence.curl(reading.exchange),
        }
    }
}
