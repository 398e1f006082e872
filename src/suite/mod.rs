//! The conformance suite: probes are sent, and every rule of the catalogue is judged on what comes back.
//!
//! A probe is a named group of requests; many rules look at the replies to one probe, and the rules that judge any reply
//! judge all of them. So a core run takes some eighty requests. Probes run side by side unless they would disturb one
//! another, each on its own clock.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::check::{self, Book, Check, Depth, Facts, Judge, Level, Verdict};
use crate::exchange::{Exchange, Outcome, Reading};
use crate::plan::case::Setting;
use crate::plan::order::{Order, Path};
use crate::plan::target::Target;
use crate::run::RunError;
use crate::run::probing::{Prober, is_put_off};
use crate::summary::evidence::Evidence;
use crate::summary::tally::Tally;
use crate::wire::Dialect;
use crate::wire::reply::error_text;

mod probe;
mod probes;
pub mod status;

use probe::{Asking, Capability, Probe, Turn};
use status::{Found, Status, join};

/// The rule without which nothing else can be judged.
const GATE: &str = "auth-valid-accepted";

/// The rule that says why there is no connection, so that a shut gate does not keep it from being judged.
const TLS: &str = "http-tls-valid";

/// Probes that the rules on any reply are judged on, beside those that other rules ask for.
const STAPLE: [&str; 3] = ["basic", "basic-stream", "count-stream"];

/// What is to be judged, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// How far into the catalogue to go.
    pub depth: Depth,
    /// The rules to judge, where not all.
    pub only: Option<BTreeSet<&'static str>>,
    /// Capabilities that the endpoint is declared to lack.
    pub without: BTreeSet<String>,
    /// Capabilities whose clean refusal is a failure.
    pub require: BTreeSet<String>,
    /// Levels other than the catalogue's, by rule.
    pub levels: BTreeMap<&'static str, Level>,
    /// How often all of it is done.
    pub repeat: u32,
    /// Requests at once.
    pub jobs: usize,
    /// Root of every random choice.
    pub seed: u64,
    /// Tokens that an answer may have.
    pub cap: u64,
    /// Tokens of prompt and answer together, where that is declared.
    pub context_window: Option<u64>,
}

/// What became of one rule.
#[derive(Debug, Clone)]
pub struct Row {
    /// The rule.
    pub check: &'static Check,
    /// How binding it is here.
    pub level: Level,
    /// What became of it.
    pub status: Status,
    /// Why, in words.
    pub reason: String,
    /// Where it is broken: places with what was expected and what came.
    pub findings: Vec<check::Finding>,
    /// The request at whose reply it is broken.
    pub seq: Option<u64>,
}

/// What a conformance run leaves behind.
#[derive(Debug)]
pub struct Conformance {
    /// Every rule that was to be judged, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// Every request, with the probe it belongs to.
    pub orders: Vec<(&'static str, Order)>,
    /// What came back, in the same order.
    pub exchanges: Vec<Exchange>,
}

/// The names of the capabilities that options may speak of.
pub fn capabilities() -> impl Iterator<Item = &'static str> {
    Capability::ALL.into_iter().map(|capability| capability.words().0)
}

/// Judges an endpoint. `told` hears of each request as it ends: how many have, of how many so far known.
///
/// # Errors
/// If the client cannot be made. What the endpoint does is never an error.
pub fn conduct(
    target: &Target,
    options: &Options,
    mut told: impl FnMut(usize, usize),
) -> Result<Conformance, RunError> {
    let checks: Vec<&'static Check> = selected(target, options).collect();
    let mut suite = Suite {
        target,
        options,
        prober: Prober::new(target)?,
        probes: probe::wanted(&asked_for(&checks, target.dialect)),
        orders: Vec::new(),
        exchanges: Vec::new(),
    };
    let mut tries: Vec<Vec<Found>> = vec![Vec::new(); checks.len()];
    for _ in 0..options.repeat.max(1) {
        let from = suite.exchanges.len();
        suite.send(from, &mut told);
        for (tries, found) in tries.iter_mut().zip(suite.judge(from, &checks)) {
            tries.push(found);
        }
    }
    let rows = checks.iter().zip(tries).map(|(check, tries)| {
        let found = join(tries, check.tier.by_model);
        let seq = found.findings.first().and_then(|finding| finding.seq);
        let level = suite.level(check);
        Row { check, level, status: found.status, reason: found.reason, findings: found.findings, seq }
    });
    Ok(Conformance { rows: rows.collect(), orders: suite.orders, exchanges: suite.exchanges })
}

/// The rules that are to be judged.
pub fn selected<'o>(target: &Target, options: &'o Options) -> impl Iterator<Item = &'static Check> + use<'o> {
    check::catalogue(target.dialect)
        .filter(|check| check.tier.depth <= options.depth && check.tier.depth != Depth::Load)
        .filter(|check| options.only.as_ref().is_none_or(|only| only.contains(check.id)))
}

/// The probes that some rules ask for.
fn asked_for(checks: &[&'static Check], dialect: Dialect) -> BTreeSet<&'static str> {
    let mut names: BTreeSet<&str> = checks.iter().flat_map(|check| check.probes(dialect)).collect();
    if checks.iter().any(|check| matches!(check.judge, Judge::Reply(_))) {
        names.extend(STAPLE);
    }
    names
}

struct Suite<'s> {
    target: &'s Target,
    options: &'s Options,
    prober: Prober,
    probes: Vec<&'static Probe>,
    orders: Vec<(&'static str, Order)>,
    exchanges: Vec<Exchange>,
}

impl Suite<'_> {
    /// Sends every probe once: the gate, then those that may go side by side, then the others one by one.
    fn send(&mut self, from: usize, told: &mut impl FnMut(usize, usize)) {
        let mut sent: BTreeSet<&str> = BTreeSet::new();
        let mut left: Vec<&'static Probe> =
            self.probes.iter().copied().filter(|probe| self.lacks(probe).is_none()).collect();
        while !left.is_empty() {
            let ready = |probe: &&'static Probe| probe.after.iter().all(|name| sent.contains(name));
            let Some(turn) = left.iter().filter(|probe| ready(probe)).map(|probe| probe.turn).min() else { return };
            let at_once = if turn == Turn::Any { left.len() } else { 1 };
            let batch: Vec<&'static Probe> =
                left.iter().copied().filter(|probe| ready(probe) && probe.turn == turn).take(at_once).collect();
            self.send_batch(from, &batch, told);
            if turn == Turn::Gate && self.shut_out(from).is_some() {
                return;
            }
            sent.extend(batch.iter().map(|probe| probe.name));
            left.retain(|probe| !sent.contains(probe.name));
        }
    }

    fn send_batch(&mut self, from: usize, probes: &[&'static Probe], told: &mut impl FnMut(usize, usize)) {
        let book = self.book(from);
        let key = self.key();
        let asking = Asking {
            dialect: self.target.dialect,
            model: self.target.model.as_deref().unwrap_or_default(),
            key: key.as_deref(),
            cap: self.options.cap,
            depth: self.options.depth,
            context_window: self.options.context_window,
            seed: self.options.seed,
            book: &book,
        };
        let setting = Setting::of(self.target, self.options.seed);
        let requests = probes.iter().flat_map(|probe| (probe.requests)(&asking).into_iter().map(|r| (probe.name, r)));
        let first = self.orders.len() as u64;
        let orders: Vec<(&'static str, Order)> =
            requests.zip(first..).map(|((name, request), seq)| (name, request.order(name, seq, &setting))).collect();
        drop(book);
        let (mut ended, all) = (self.exchanges.len(), self.orders.len() + orders.len());
        let sending = orders.iter().map(|(_, order)| order.clone()).collect();
        let exchanges = self.prober.carry_out(sending, self.options.jobs, |_| {
            ended += 1;
            told(ended, all);
        });
        self.orders.extend(orders);
        self.exchanges.extend(exchanges);
    }

    /// The bearer, for probes that show it in another guise.
    fn key(&self) -> Option<String> {
        let header = self.target.headers.iter().find(|header| header.name == "authorization")?;
        header.value.expose().split_once(' ').map(|(_, key)| key.to_owned())
    }

    fn level(&self, check: &Check) -> Level {
        let own = self.options.levels.get(check.id).copied();
        own.or_else(|| check.level(self.target.dialect)).unwrap_or(Level::May)
    }

    /// The replies of one try, by probe.
    fn book(&self, from: usize) -> Book<'_> {
        let mut probes: BTreeMap<&'static str, Vec<Reading<'_>>> = BTreeMap::new();
        for ((name, _), exchange) in self.orders.iter().zip(&self.exchanges).skip(from) {
            probes.entry(name).or_default().push(Reading::of(exchange));
        }
        let facts = Facts {
            dialect: self.target.dialect,
            model: self.target.model.clone().unwrap_or_default(),
            context_window: self.options.context_window,
            keep_alive: self.target.keep_alive,
            insecure: self.target.tls.insecure,
        };
        Book::new(facts, probes)
    }

    /// Why a probe is not sent: the endpoint is declared to lack what it needs, or it is one for a plain socket.
    fn lacks(&self, probe: &Probe) -> Option<String> {
        if probe.needs.contains(&Capability::PlainHttp) && self.target.url.scheme() == "https" {
            return Some("it takes a socket of its own, which speaks no TLS".to_owned());
        }
        let mut names = probe.needs.iter().map(|capability| capability.words().0);
        let name = names.find(|name| self.options.without.contains(*name))?;
        Some(format!("declared: without {name}"))
    }

    /// Why the gate is shut, where it is.
    fn shut_out(&self, from: usize) -> Option<String> {
        let book = self.book(from);
        let reading = book.reply("basic")?;
        (!reading.success()).then(|| reading.cause().unwrap_or_else(|| reading.outcome.to_string()))
    }

    fn judge(&self, from: usize, checks: &[&'static Check]) -> Vec<Found> {
        let book = self.book(from);
        let shut = self.shut_out(from).is_some();
        checks
            .iter()
            .map(|check| match check.judge {
                _ if shut && ![GATE, TLS].contains(&check.id) => {
                    Found::new(Status::Blocked(GATE), format!("{GATE} failed"))
                }
                Judge::Reply(_) => self.judge_replies(check, &book),
                Judge::Probes(..) | Judge::Defect(..) => {
                    let names = check.probes(self.target.dialect);
                    self.obstacle(&names, &book)
                        .unwrap_or_else(|| Found::of(check.judge_book(&book), self.level(check)))
                }
                // What keeps one request with a defect from being answered says nothing of the others.
                Judge::Defects(_) => Found::of(check.judge_book(&book), self.level(check)),
                Judge::Run => Found::new(Status::Skip, "judged on a load run only"),
            })
            .collect()
    }

    /// A rule on any reply, judged on all of them. Replies that put us off say nothing of the contract.
    fn judge_replies(&self, check: &'static Check, book: &Book<'_>) -> Found {
        let evidence = Evidence::of(self.target);
        let mut tally = Tally::default();
        let mut worst: Option<Found> = None;
        for reading in book.all().filter(|reading| self.is_under_contract(reading)) {
            let verdict = check.judge(reading);
            tally.record(check, &verdict, reading, false, &evidence);
            let mut found = Found::of(verdict, self.level(check));
            found.findings.iter_mut().for_each(|finding| finding.seq = Some(reading.exchange.ticket.seq));
            if worst.as_ref().is_none_or(|before| weight(&found.status) > weight(&before.status)) {
                worst = Some(found);
            }
        }
        let across = tally.across(check).map(|(level, _, detail)| {
            Found::of(Verdict::Broken { level: Some(level), findings: Vec::new() }, self.level(check)).because(detail)
        });
        across.or(worst).unwrap_or_else(|| Found::new(Status::Skip, "no reply to judge"))
    }

    /// Whether the contract says anything of a reply: it is the endpoint's, not that of a neighbour, it does not put
    /// us off, and its body is in no coding that the client left as it is.
    fn is_under_contract(&self, reading: &Reading<'_>) -> bool {
        let beside = self.orders.iter().any(|(_, order)| {
            let elsewhere = order.method != "POST" || matches!(order.path, Path::Beside(_));
            elsewhere && order.ticket.seq == reading.exchange.ticket.seq
        });
        let coding = reading.exchange.head.as_ref().and_then(|head| head.header("content-encoding"));
        !beside && !is_put_off(reading.exchange) && coding.is_none_or(|coding| coding == "identity")
    }

    /// What keeps a rule from being judged: a probe that was not sent, was put off, or was cleanly refused.
    fn obstacle(&self, names: &[&'static str], book: &Book<'_>) -> Option<Found> {
        names.iter().find_map(|name| {
            let Some(probe) = self.probes.iter().find(|probe| probe.name == *name) else {
                return Some(Found::new(Status::Error, format!("there is no probe {name}")));
            };
            if let Some(why) = self.lacks(probe) {
                return Some(Found::new(Status::Skip, why));
            }
            self.obstacle_of(probe, book.replies(name))
        })
    }

    fn obstacle_of(&self, probe: &Probe, replies: &[Reading<'_>]) -> Option<Found> {
        let provoked = |reading: &Reading<'_>| {
            self.orders.iter().any(|(_, order)| order.provoked && order.ticket.seq == reading.exchange.ticket.seq)
        };
        for reading in replies {
            if is_put_off(reading.exchange) && !provoked(reading) && !is_result(probe, reading) {
                let why = reading.cause().unwrap_or_else(|| reading.outcome.to_string());
                return Some(Found::new(Status::Error, format!("probe {}: {}: {why}", probe.name, reading.outcome)));
            }
            let needs = if probe.is_negative() { &[] } else { probe.needs };
            if let Some(capability) = needs.iter().find(|capability| refuses(reading, **capability)) {
                let said = reading.json().and_then(|document| error_text(&document.value)).unwrap_or_default();
                let name = capability.words().0;
                let required = self.options.require.contains(name);
                let status = if required { Status::Fail } else { Status::Skip };
                return Some(Found::new(status, format!("{name} is refused: {said}")));
            }
        }
        None
    }
}

/// Whether it is a result that no answer came, at any try: there is no TLS, or a request with a defect brings the
/// connection down. A status by which the endpoint puts off what it is asked is none.
fn is_result(probe: &Probe, reading: &Reading<'_>) -> bool {
    let lost = reading.exchange.head.is_none();
    lost && (probe.is_negative() || reading.exchange.outcome == Outcome::Tls)
}

/// Which of several replies decides about a rule: one that breaks it, else one for which it holds, however many there
/// are to which it does not apply.
fn weight(status: &Status) -> u8 {
    match status {
        Status::Fail => 4,
        Status::Warn => 3,
        Status::Info => 2,
        Status::Pass => 1,
        Status::Skip
        | Status::Blocked(_)
        | Status::Known
        | Status::Stale
        | Status::Lost
        | Status::Flaky
        | Status::Error => 0,
    }
}

impl Found {
    fn because(self, reason: String) -> Found {
        Found { reason, ..self }
    }
}

/// How grave a status is: 0 is the gravest.
pub fn rank(status: &Status) -> usize {
    Status::NAMES.iter().position(|name| *name == status.name()).unwrap_or(usize::MAX)
}

/// Whether a reply is a clean refusal that names what a capability's parameters are called: a complete 4xx that is
/// about neither the key nor the rate.
fn refuses(reading: &Reading<'_>, capability: Capability) -> bool {
    let Some(400 | 404 | 405 | 415 | 422 | 501) = reading.exchange.status() else { return false };
    let Some(document) = reading.json() else { return false };
    let named = |word: &str| mentions(&document.value, word);
    capability.words().1.iter().any(|word| named(word))
}

/// Whether an error names a parameter: as `param`, in `loc`, or as a word of its message.
fn mentions(body: &Value, parameter: &str) -> bool {
    let param = body.pointer("/error/param").and_then(Value::as_str).is_some_and(|param| param.starts_with(parameter));
    let details = body.get("detail").and_then(Value::as_array).into_iter().flatten();
    let in_loc = |detail: &Value| {
        detail.get("loc").and_then(Value::as_array).is_some_and(|loc| loc.iter().any(|step| step == parameter))
    };
    let word = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == parameter);
    param || details.clone().any(in_loc) || error_text(body).is_some_and(word)
}
