//! The conformance suite: probes are sent, and every rule of the catalogue is judged on what comes back.
//!
//! A probe is a named group of requests; many rules look at the replies to one probe, and the rules that judge any reply
//! judge all of them. So a core run takes some eighty requests. Probes run side by side unless they would disturb one
//! another, each on its own clock.
//!
//! Sending ([`conduct`]) and judging (`judging`) are apart, so that what was captured is judged again in the same way
//! ([`replay`]). What is left of a run is a [`sheet::Sheet`], from which every report is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::check::probe::{self, Capability, Path, Probe, ProbeContext, Request, Turn};
use crate::check::{self, Check, Depth, Judge, Level};
use crate::exchange::Exchange;
use crate::plan::case::Setting;
use crate::plan::order::Order;
use crate::plan::target::Target;
use crate::run::preflight::Refusal;
use crate::run::probing::Prober;
use crate::run::{Halt, RunError};
use crate::wire::Contract;

pub mod capture;
pub mod cited;
pub mod failure;
pub mod gateway;
mod judging;
mod masking;
pub mod obstacle;
mod order;
pub mod recall;
pub mod replay;
mod roots;
pub mod sheet;
pub mod shown;
pub mod status;
pub mod support;
pub mod verdict;

use failure::Failure;
use judging::{Court, Extent, Gate};
use obstacle::{Obstacle, Patience};
use order::order;
use status::{Found, Reason, Status, join};

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
    /// Levels other than the catalogue's, by rule; none where a rule is off.
    pub levels: BTreeMap<&'static str, Option<Level>>,
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
    /// Share of the schemas of a slice that answers have to satisfy, where it is not the usual one.
    pub schema_rate: Option<f64>,
    /// Whether the first failure ends the run, except that of a rule in `forgiven`.
    pub fail_fast: bool,
    /// Rules whose failure is known.
    pub forgiven: BTreeSet<&'static str>,
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
    /// Why.
    pub reason: Reason,
    /// How it is broken: each kind of fault once, the first finding first.
    pub failures: Vec<Failure>,
    /// The request at whose reply it is broken.
    pub seq: Option<u64>,
    /// Where a gateway is judged with what is behind it: whose fault it is.
    pub origin: Option<gateway::Origin>,
}

/// A request as it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The probe it belongs to.
    pub probe: &'static Probe,
    /// Which of several tries.
    pub round: u32,
    /// Whether a reply that says to come back later, or none at all, is a result.
    pub provoked: bool,
    /// Whether it went to a neighbour of the endpoint, of which the contract of replies says nothing.
    pub beside: bool,
    /// A command line that sends the same, with secrets left as variables or stars.
    pub curl: String,
}

/// What a conformance run leaves behind.
#[derive(Debug)]
pub struct Conformance {
    /// Every rule that was to be judged, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// Every request.
    pub sent: Vec<Sent>,
    /// What came back, in the same order.
    pub exchanges: Vec<Exchange>,
    /// Whether it was told to end before all was sent.
    pub interrupted: bool,
    /// What kept the endpoint from being judged.
    pub obstacle: Option<Obstacle>,
}

/// The names of the capabilities that options may speak of.
pub fn capabilities() -> impl Iterator<Item = &'static str> {
    Capability::ALL.into_iter().map(|capability| capability.words().0)
}

/// Judges an endpoint. `told` hears of each request as it ends: how many have, of how many so far known. When `halt`
/// says to stop, nothing more is sent, and what has come is judged.
///
/// # Errors
/// If the client cannot be made. What the endpoint does is never an error.
pub fn conduct(
    target: &Target,
    options: &Options,
    halt: &Halt,
    told: impl FnMut(usize, usize),
) -> Result<Conformance, RunError> {
    conduct_with(target, options, halt, &mut Counts(told))
}

/// Hears of a run as it goes on.
pub trait Hears {
    /// Probes are about to be sent, each with the number of its requests.
    fn begins(&mut self, round: u32, probes: &[(&'static str, usize)]);

    /// A request has ended: how many have, of how many so far known, what was sent, and what came.
    fn ended(&mut self, ended: usize, known: usize, sent: &Sent, exchange: &Exchange);
}

/// Who hears of numbers only.
struct Counts<T>(T);

impl<T: FnMut(usize, usize)> Hears for Counts<T> {
    fn begins(&mut self, _: u32, _: &[(&'static str, usize)]) {}

    fn ended(&mut self, ended: usize, known: usize, _: &Sent, _: &Exchange) {
        self.0(ended, known);
    }
}

/// The same, of which more is heard.
///
/// # Errors
/// As [`conduct`].
pub fn conduct_with(
    target: &Target,
    options: &Options,
    halt: &Halt,
    hears: &mut dyn Hears,
) -> Result<Conformance, RunError> {
    let checks: Vec<&'static Check> = selected(target, options).collect();
    let mut tries = Tries::of(&checks);
    let mut suite = Suite {
        target,
        options,
        checks: &checks,
        prober: Prober::new(target)?,
        halt,
        probes: probe::needed(asked_for(&checks, &target.contract)),
        sent: Vec::new(),
        exchanges: Vec::new(),
        from: 0,
        round: 0,
        cut_short: false,
        patience: Patience::default(),
        silent: false,
    };
    for round in 0..options.repeat.max(1) {
        suite.round = round;
        suite.from = suite.exchanges.len();
        suite.send(hears);
        tries.judge(&suite.court());
        if suite.cut_short {
            break;
        }
    }
    let rows = tries.rows(target, options);
    let interrupted = halt.is_stopping();
    let obstacle = suite.obstacle();
    Ok(Conformance { rows, sent: suite.sent, exchanges: suite.exchanges, interrupted, obstacle })
}

/// Every request that a run would send, as a command line behind the name of its probe; requests that are made from
/// replies are not known yet.
pub fn rehearse(target: &Target, options: &Options) -> Vec<(&'static str, Vec<String>)> {
    let checks: Vec<&'static Check> = selected(target, options).collect();
    let probes = probe::needed(asked_for(&checks, &target.contract));
    let court = Court { target, options, sent: &[], exchanges: &[], extent: Extent::Whole };
    let book = court.book();
    let key = bearer(target);
    let context = context(target, options, &book, key.as_deref());
    let setting = Setting::of(target, options.seed);
    let mut seq = 0;
    let wanted = probes.iter().filter(|probe| court.lacks(probe).is_none());
    wanted
        .map(|probe| {
            let requests = if probe.after.is_empty() { (probe.requests)(&context) } else { Vec::new() };
            let lines = requests.into_iter().map(|request| {
                seq += 1;
                order(request, probe.name, seq - 1, &setting).curl(target)
            });
            (probe.name, lines.collect())
        })
        .collect()
}

/// The rules that are to be judged.
pub fn selected<'o>(target: &'o Target, options: &'o Options) -> impl Iterator<Item = &'static Check> + use<'o> {
    check::catalogue(&target.contract)
        .filter(|check| check.tier.depth <= options.depth && check.tier.depth != Depth::Load)
        .filter(|check| options.only.as_ref().is_none_or(|only| only.contains(check.id)))
        .filter(|check| options.levels.get(check.id) != Some(&None))
}

/// What each of several rounds came to, rule by rule.
struct Tries<'c> {
    checks: &'c [&'static Check],
    found: Vec<Vec<Found>>,
}

impl<'c> Tries<'c> {
    fn of(checks: &'c [&'static Check]) -> Tries<'c> {
        Tries { checks, found: vec![Vec::new(); checks.len()] }
    }

    /// Judges one more round.
    fn judge(&mut self, court: &Court<'_>) {
        for (tries, found) in self.found.iter_mut().zip(court.judge(self.checks)) {
            tries.push(found);
        }
    }

    /// Joins the rounds.
    fn rows(self, target: &Target, options: &Options) -> Vec<Row> {
        let row = |(check, tries): (&&'static Check, Vec<Found>)| {
            let found = join(tries, check.tier.by_model);
            let seq = found.failures.first().and_then(|failure| failure.finding.seq);
            let level = level(target, options, check);
            let Found { status, reason, failures } = found;
            Row { check, level, status, reason, failures, seq, origin: None }
        };
        let mut rows: Vec<Row> = self.checks.iter().zip(self.found).map(row).collect();
        let seqs: BTreeMap<&str, Option<u64>> = rows.iter().map(|row| (row.check.id, row.seq)).collect();
        // What follows from another rule is shown by the request that shows that one.
        for row in &mut rows {
            row.seq = row.status.root().and_then(|root| *seqs.get(root)?).or(row.seq);
        }
        rows
    }
}

fn level(target: &Target, options: &Options, check: &Check) -> Level {
    let own = options.levels.get(check.id).copied().flatten();
    own.or_else(|| check.level(&target.contract)).unwrap_or(Level::May)
}

/// The probes that some rules ask for.
fn asked_for(checks: &[&'static Check], contract: &Contract) -> Vec<&'static Probe> {
    let mut probes: Vec<&'static Probe> = checks.iter().flat_map(|check| check.probes(contract)).collect();
    if checks.iter().any(|check| matches!(check.judge, Judge::Reply(_))) {
        probes.extend(probe::plain());
    }
    probes
}

/// The bearer, for probes that show it in another guise.
fn bearer(target: &Target) -> Option<String> {
    let header = target.authorization()?;
    header.value.expose().split_once(' ').map(|(_, key)| key.to_owned())
}

fn context<'a>(
    target: &'a Target,
    options: &Options,
    book: &'a check::Book<'a>,
    key: Option<&'a str>,
) -> ProbeContext<'a> {
    ProbeContext {
        contract: &target.contract,
        model: target.model.as_deref().unwrap_or_default(),
        key,
        cap: options.cap,
        depth: options.depth,
        context_window: options.context_window,
        seed: options.seed,
        book,
    }
}

/// Where the run was told to end, only probes all of whose requests have been answered: half of one could be misjudged.
fn whole_probes(sent: &[Sent], exchanges: Vec<Exchange>, first: u64) -> (Vec<Sent>, Vec<Exchange>) {
    let mut ended: BTreeMap<u64, Exchange> = exchanges.into_iter().map(|e| (e.ticket.seq, e)).collect();
    let numbered = || sent.iter().zip(first..);
    let torn: BTreeSet<&str> =
        numbered().filter(|(_, seq)| !ended.contains_key(seq)).map(|(sent, _)| sent.probe.name).collect();
    let whole = numbered().filter(|(sent, _)| !torn.contains(sent.probe.name));
    whole.filter_map(|(sent, seq)| Some((sent.clone(), ended.remove(&seq)?))).unzip()
}

struct Suite<'s> {
    target: &'s Target,
    options: &'s Options,
    checks: &'s [&'static Check],
    prober: Prober,
    halt: &'s Halt,
    probes: Vec<&'static Probe>,
    sent: Vec<Sent>,
    exchanges: Vec<Exchange>,
    /// Where the present round begins.
    from: usize,
    round: u32,
    cut_short: bool,
    patience: Patience,
    /// Whether the endpoint stopped answering.
    silent: bool,
}

/// How long the plain request of an endpoint that may have stopped answering is waited for.
const STILL_THERE: Duration = Duration::from_secs(10);

impl Suite<'_> {
    /// Sends every probe once: the gate, then those that may go side by side, then the others one by one.
    fn send(&mut self, hears: &mut dyn Hears) {
        let mut sent: BTreeSet<&'static str> = BTreeSet::new();
        let court = self.court();
        let mut left: Vec<&'static Probe> =
            self.probes.iter().copied().filter(|probe| court.lacks(probe).is_none()).collect();
        while !left.is_empty() {
            let ready = |probe: &&'static Probe| probe.after.iter().all(|before| sent.contains(before.name));
            let Some(turn) = left.iter().filter(|probe| ready(probe)).map(|probe| probe.turn).min() else { return };
            let at_once = match turn {
                Turn::Any if self.options.fail_fast => self.options.jobs.max(1),
                Turn::Any => left.len(),
                Turn::Gate | Turn::Alone | Turn::Last => 1,
            };
            let batch: Vec<&'static Probe> =
                left.iter().copied().filter(|probe| ready(probe) && probe.turn == turn).take(at_once).collect();
            self.send_batch(&batch, hears);
            if self.halt.is_stopping() || self.silent {
                self.cut_short = true;
                return;
            }
            if turn == Turn::Gate && !matches!(self.court().gate(), Gate::Open) {
                return;
            }
            sent.extend(batch.iter().map(|probe| probe.name));
            left.retain(|probe| !sent.contains(probe.name));
            if self.options.fail_fast && !left.is_empty() && self.has_failed(&sent) {
                self.cut_short = true;
                return;
            }
        }
    }

    /// Whether a rule for which all has been sent fails, and is not known to.
    fn has_failed(&self, sent: &BTreeSet<&'static str>) -> bool {
        let complete = |check: &&&'static Check| match check.judge {
            Judge::Probes(..) | Judge::Defect(..) | Judge::Defects(_) => {
                check.probes(&self.target.contract).iter().all(|probe| sent.contains(probe.name))
            }
            Judge::Reply(_) => true,
            Judge::Run => false,
        };
        let forgiven = |check: &&&'static Check| self.options.forgiven.contains(check.id);
        let checks: Vec<&'static Check> = self.checks.iter().filter(complete).copied().collect();
        // Rules that follow from one that is known are known with it.
        let found = self.court().judge(&checks);
        checks.iter().zip(found).any(|(check, found)| !forgiven(&check) && found.status == Status::Fail)
    }

    fn send_batch(&mut self, probes: &[&'static Probe], hears: &mut dyn Hears) {
        let court = self.court();
        let book = court.book();
        let key = bearer(self.target);
        let context = context(self.target, self.options, &book, key.as_deref());
        let setting = Setting::of(self.target, self.options.seed);
        let requests = probes.iter().flat_map(|probe| (probe.requests)(&context).into_iter().map(|r| (*probe, r)));
        let first = self.exchanges.len() as u64;
        let (mut orders, mut sent) = (Vec::new(), Vec::new());
        for ((probe, request), seq) in requests.zip(first..) {
            let order = order(request, probe.name, seq, &setting);
            let curl = order.curl(self.target);
            let beside = order.method != "POST" || matches!(order.path, Path::Beside(_));
            sent.push(Sent { probe, round: self.round, provoked: order.provoked, beside, curl });
            orders.push(order);
        }
        drop(book);
        let (mut ended, all) = (self.exchanges.len(), self.exchanges.len() + orders.len());
        let counts: Vec<(&'static str, usize)> = sent
            .chunk_by(|one, next| one.probe == next.probe)
            .map(|chunk| (chunk[0].probe.name, chunk.len()))
            .collect();
        hears.begins(self.round, &counts);
        let mut exchanges = self.carry_out(orders, |exchange| {
            ended += 1;
            let place = usize::try_from(exchange.ticket.seq - first).ok();
            if let Some(sent) = place.and_then(|place| sent.get(place)) {
                hears.ended(ended, all, sent, exchange);
            }
        });
        if exchanges.len() < sent.len() {
            (sent, exchanges) = whole_probes(&sent, exchanges, first);
        }
        self.sent.extend(sent);
        self.exchanges.extend(exchanges);
    }

    /// Sends orders until the endpoint stops answering. Two requests in a row without an answer need not mean that: each
    /// may be one that it cannot answer. So it is asked the plain question once more.
    fn carry_out(&mut self, mut left: Vec<Order>, mut ended: impl FnMut(&Exchange)) -> Vec<Exchange> {
        let mut exchanges = Vec::new();
        loop {
            let (jobs, patience) = (self.options.jobs, &mut self.patience);
            exchanges.extend(self.prober.carry_out(left.clone(), jobs, self.halt, |exchange| {
                ended(exchange);
                patience.sees(exchange)
            }));
            let came: BTreeSet<u64> = exchanges.iter().map(|exchange| exchange.ticket.seq).collect();
            left.retain(|order| !came.contains(&order.ticket.seq));
            if self.patience.is_over() {
                self.patience = Patience::default();
                self.silent = !self.is_still_there() && !self.halt.is_stopping();
            }
            if left.is_empty() || self.silent || self.halt.is_stopping() {
                exchanges.sort_by_key(|exchange| exchange.ticket.seq);
                return exchanges;
            }
        }
    }

    /// Whether the endpoint answers the plain question.
    fn is_still_there(&self) -> bool {
        let court = self.court();
        let book = court.book();
        let key = bearer(self.target);
        let context = context(self.target, self.options, &book, key.as_deref());
        let setting = Setting::of(self.target, self.options.seed);
        let plain = order(Request::new(context.base()), probe::gate().name, u64::MAX, &setting);
        self.prober.is_answered(plain, STILL_THERE.min(self.target.timeouts.total), self.halt)
    }

    /// What keeps the endpoint from being judged.
    fn obstacle(&self) -> Option<Obstacle> {
        if self.silent {
            return Some(Obstacle::FellSilent);
        }
        let Gate::Refused(kind, exchange) = self.court().gate() else { return None };
        Some(Obstacle::Refused(Refusal::new(kind, exchange, self.target, &self.prober.look_around(kind, self.halt))))
    }

    /// What judges the present round.
    fn court(&self) -> Court<'_> {
        Court {
            target: self.target,
            options: self.options,
            sent: &self.sent[self.from..],
            exchanges: &self.exchanges[self.from..],
            extent: match (self.silent, self.cut_short) {
                (true, _) => Extent::FellSilent,
                (false, true) => Extent::CutShort,
                (false, false) => Extent::Whole,
            },
        }
    }
}
