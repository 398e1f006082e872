//! What is left of a conformance run: short, without secrets, and enough to write every report from, again and again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use super::cited::Cited;
use super::failure::Failure;
use super::status::{Reason, Status, rank};
use super::{Conformance, Row, Sent, support};
use crate::check::Finding;
use crate::exchange::{Exchange, Reading};
use crate::plan::target::Target;
use crate::summary::evidence::Evidence;
use crate::summary::excerpt::Excerpt;
use crate::wire::plain::line;

/// The format of the file.
pub const FORMAT: u32 = 1;

/// A conformance run as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "proofload conformance report")]
pub struct Sheet {
    /// The version of this program.
    pub proofload: String,
    /// The format of the file.
    pub conformance: u32,
    /// `pass`, `fail` or `invalid`.
    pub verdict: String,
    /// Why it is not `pass`.
    pub reasons: Vec<String>,
    /// What the user calls the endpoint, where it has a name.
    pub name: Option<String>,
    /// Its address, without secrets.
    pub target: String,
    /// Whose contract it was held to.
    pub dialect: String,
    /// The model asked for.
    pub model: Option<String>,
    /// Root of every random choice.
    pub seed: u64,
    /// Unix time at which it began, in milliseconds; 0 where nothing was sent.
    pub started_unix_ms: u64,
    /// How many requests were sent.
    pub requests: usize,
    /// How many rules have each status, in lower case.
    pub counts: BTreeMap<String, usize>,
    /// What the endpoint makes of the parameters of a request, as far as that was seen.
    pub support: BTreeMap<String, String>,
    /// What became of each rule, by its id.
    pub checks: BTreeMap<String, Entry>,
}

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its status, as `FAIL`.
    pub status: String,
    /// How binding it is here.
    pub level: String,
    /// Whether it makes the run fail.
    pub fails: bool,
    /// The area of the catalogue.
    pub area: String,
    /// How far into the catalogue it stands.
    pub tier: String,
    /// The rule in one line.
    pub rule: String,
    /// Where the rule comes from, in words.
    pub source: String,
    /// The same, each source with its kind and its address; empty in files of earlier versions.
    #[serde(default)]
    pub sources: Vec<Cited>,
    /// The version of this program that judged it first.
    pub since: String,
    /// Why the status is as it is.
    pub reason: String,
    /// The rule that it follows from, where it is broken only because that one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub see: Option<String>,
    /// What tells its first fault from others of the same rule, as baselines hold it.
    pub signature: Option<String>,
    /// Whose fault it is, where a gateway was judged with what is behind it.
    pub origin: Option<String>,
    /// Where it is broken: each kind of fault once, at most 16.
    pub findings: Vec<Place>,
    /// What shows it.
    pub evidence: Option<Proof>,
}

/// One kind of fault, at the place where it came first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// A JSON pointer, for a stream behind the number of the event; empty for the whole reply.
    pub place: String,
    /// What was expected and what came.
    pub detail: String,
    /// The kind of fault: `missing`, `repeated`, `schema-required`, `got-null`, `status-500`, ...
    #[serde(default)]
    pub fault: String,
    /// Replies with this fault.
    #[serde(default)]
    pub count: usize,
    /// What tells it from others of the same rule, as baselines hold it.
    #[serde(default)]
    pub signature: String,
    /// The probe whose reply shows it, where one reply does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// What shows it: the value at the place, and the event at fault with the one before, the last events, or the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<Excerpt>,
    /// A command line that sends the same request, where that is not the one of the rule's first fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curl: Option<String>,
}

impl Place {
    /// The words in front of its detail: the place, and how often it came where that was more than once.
    pub fn heading(&self) -> String {
        let times = if self.count > 1 { format!("{} replies: ", self.count) } else { String::new() };
        let place = if self.place.is_empty() { String::new() } else { format!("{}: ", self.place) };
        format!("{times}{place}")
    }
}

/// What shows that a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The probe.
    pub probe: String,
    /// The first bytes of the reply, or of the data of the event at fault.
    pub first_bytes: String,
    /// A command line that sends the same request.
    pub curl: String,
}

/// What a report says of a run beside its rows.
#[derive(Debug)]
pub struct About<'a> {
    /// The endpoint.
    pub target: &'a Target,
    /// What the user calls it.
    pub name: Option<&'a str>,
    /// Root of every random choice.
    pub seed: u64,
    /// `pass`, `fail` or `invalid`.
    pub verdict: &'a str,
    /// Why it is not `pass`.
    pub reasons: &'a [Reason],
    /// Whether warnings fail.
    pub strict: bool,
    /// Whether prompts and replies may stand in it.
    pub bodies: bool,
}

/// What stands in the place of what is withheld.
const WITHHELD: &str = "withheld (--no-bodies)";

/// The JSON Schema of a report of one run; `schemas/conformance.json` is this, committed. Of several, each in the list
/// `runs` is so.
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Sheet>().to_value()
}

impl Sheet {
    /// What is left of a run.
    pub fn of(run: &Conformance, about: &About<'_>) -> Sheet {
        let writer = Writer { run, about, evidence: Evidence::of(about.target) };
        let mut counts = BTreeMap::new();
        for row in &run.rows {
            *counts.entry(row.status.name().to_lowercase()).or_default() += 1;
        }
        let started = run.exchanges.first().map_or(0, |exchange| exchange.epoch.as_millis());
        Sheet {
            proofload: env!("CARGO_PKG_VERSION").to_owned(),
            conformance: FORMAT,
            verdict: about.verdict.to_owned(),
            reasons: about.reasons.iter().map(|reason| writer.told(reason)).collect(),
            name: about.name.map(line),
            target: line(&about.target.shown()),
            dialect: line(about.target.contract.name()),
            model: about.target.model.as_deref().map(line),
            seed: about.seed,
            started_unix_ms: u64::try_from(started).unwrap_or(u64::MAX),
            requests: run.sent.len(),
            counts,
            support: support::matrix(&run.rows),
            checks: run.rows.iter().map(|row| (row.check.id.to_owned(), writer.entry(row))).collect(),
        }
    }
}

impl Sheet {
    /// What tells it from the others of a report: the name of the endpoint or its address, and the model.
    pub fn label(&self) -> String {
        let endpoint = self.name.as_ref().unwrap_or(&self.target);
        self.model.as_ref().map_or_else(|| endpoint.clone(), |model| format!("{model} at {endpoint}"))
    }

    /// The rules by how grave their status is, those that fail first.
    pub fn gravest_first(&self) -> Vec<(&str, &Entry)> {
        let mut rows: Vec<(&str, &Entry)> = self.checks.iter().map(|(id, entry)| (id.as_str(), entry)).collect();
        rows.sort_by_key(|(_, entry)| (!entry.fails, rank(&entry.status)));
        rows
    }

    /// How many rules have each status, in words, the gravest first.
    pub fn counted(&self) -> String {
        let of =
            |name: &&str| self.counts.get(&name.to_lowercase()).map(|count| format!("{count} {}", name.to_lowercase()));
        Status::NAMES.iter().filter_map(of).collect::<Vec<_>>().join(", ")
    }
}

impl Entry {
    /// Whether a report that is not to be long shows it.
    pub fn is_worth_showing(&self) -> bool {
        !matches!(self.status.as_str(), "PASS" | "SKIP" | "BLOCKED" | "INFO")
    }

    /// Whether a short report names it in a line: it is broken with another rule.
    pub fn is_worth_a_line(&self) -> bool {
        self.see.is_some()
    }
}

struct Writer<'w> {
    run: &'w Conformance,
    about: &'w About<'w>,
    evidence: Evidence<'w>,
}

impl Writer<'_> {
    fn entry(&self, row: &Row) -> Entry {
        let broken = row.is_broken() || row.status == Status::Known;
        Entry {
            status: row.status.name().to_owned(),
            level: row.level.name().to_owned(),
            fails: row.fails(self.about.strict),
            area: row.check.area().to_owned(),
            tier: row.check.tier.depth.name().to_owned(),
            rule: row.check.rule.to_owned(),
            source: row.check.source(),
            sources: Cited::all(row.check),
            since: row.check.since().to_owned(),
            reason: self.told(&row.reason),
            see: row.status.root().map(str::to_owned),
            signature: broken.then(|| line(&row.signatures()[0])),
            origin: row.origin.map(|origin| origin.name().to_owned()),
            findings: row.failures.iter().map(|failure| self.place(row, failure)).collect(),
            evidence: self.proof(row),
        }
    }

    /// Where replies are withheld, a pointer keeps the names that the contract has; others are the endpoint's.
    fn place(&self, row: &Row, failure: &Failure) -> Place {
        let finding = &failure.finding;
        let at = self.exchange(finding.seq);
        let told = Place {
            place: self.evidence.clean(&finding.place()),
            detail: self.evidence.clean(&finding.detail),
            fault: failure.signature().fault,
            count: failure.count,
            signature: line(&row.signature_of(failure)),
            probe: at.map(|(sent, _)| sent.probe.name.to_owned()),
            shows: Vec::new(),
            curl: None,
        };
        if self.about.bodies {
            let shows = at.map(|(_, exchange)| self.evidence.excerpts(&Reading::of(exchange), finding));
            let other = at.filter(|_| finding.seq != row.seq).map(|(sent, _)| self.evidence.clean(&sent.curl));
            return Place { shows: shows.unwrap_or_default(), curl: other, ..told };
        }
        let is_ours = |step: &&str| {
            step.bytes().all(|byte| byte.is_ascii_digit()) || self.about.target.contract.names_member(step)
        };
        let steps = finding.pointer.split('/').map(|step| Some(step).filter(is_ours).unwrap_or("*"));
        let pointer = steps.collect::<Vec<_>>().join("/");
        let place = Finding { pointer, ..finding.clone() }.place();
        Place { place, detail: WITHHELD.to_owned(), ..told }
    }

    /// A request by its number, and what came back.
    fn exchange(&self, seq: Option<u64>) -> Option<(&Sent, &Exchange)> {
        let at = self.run.exchanges.iter().position(|exchange| Some(exchange.ticket.seq) == seq)?;
        Some((&self.run.sent[at], &self.run.exchanges[at]))
    }

    /// A reason, without what may be the endpoint's words where replies are withheld.
    fn told(&self, reason: &Reason) -> String {
        let withheld = !self.about.bodies && !reason.quoted.is_empty();
        let quoted = if withheld { WITHHELD.to_owned() } else { reason.quoted.clone() };
        self.evidence.clean(&Reason { quoted, ours: reason.ours.clone() }.to_string())
    }

    fn proof(&self, row: &Row) -> Option<Proof> {
        let (sent, exchange) = self.exchange(row.seq)?;
        if !self.about.bodies {
            let (first_bytes, curl) = (WITHHELD.to_owned(), WITHHELD.to_owned());
            return Some(Proof { probe: sent.probe.name.to_owned(), first_bytes, curl });
        }
        // What follows from another rule is shown by what shows that one.
        let shown = row.status.root().and_then(|root| self.run.rows.iter().find(|row| row.check.id == root));
        let event = shown.unwrap_or(row).failures.first().and_then(|failure| failure.finding.event);
        Some(Proof {
            probe: sent.probe.name.to_owned(),
            first_bytes: self.evidence.first_bytes(&Reading::of(exchange), event),
            curl: self.evidence.clean(&sent.curl),
        })
    }
}
