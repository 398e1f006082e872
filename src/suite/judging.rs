//! Judges the replies of one round: every rule on the replies to the probes it names, or on any reply.

use std::sync::Arc;

use super::obstacle::SILENT;
use super::roots::Roots;
use super::status::{Found, Reason, Status};
use super::{Options, Sent, level};
use crate::check::book::names_parameter;
use crate::check::probe::{self, Capability, Kind as ProbeKind, Probe};
use crate::check::{self, Book, Check, Facts, Judge, Level, Verdict};
use crate::exchange::{Exchange, Outcome, Reading, TlsFault};
use crate::plan::target::Target;
use crate::run::preflight::{Kind, Refusal, Surroundings};
use crate::run::probing::is_put_off;
use crate::summary::evidence::Evidence;
use crate::summary::tally::Tally;
use crate::wire::api::error::error_text;

/// The rule without which nothing else can be judged.
const GATE: &str = "auth-valid-accepted";

/// The rule that says why there is no connection, so that a shut gate does not keep it from being judged.
const TLS: &str = "http-tls-valid";

/// The rule on the one parameter of the plain request that an endpoint may refuse.
const TEMPERATURE: &str = "sampling-temperature-zero";

/// Why a rule was not judged whose probe would have come after the end of the run.
pub(super) const CUT_SHORT: &str = "not sent: the run had ended before (--fail-fast, or an interrupt)";

/// Why a rule of a capture was not judged.
const NOT_CAPTURED: &str = "not captured: no recorded reply for the probes this rule needs";

/// What came of the plain request, without which nothing else can be judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gate<'c> {
    /// It was let in, or not sent.
    Open,
    /// It was refused for a reason for which every other would be.
    Refused(Kind, &'c Exchange),
    /// It was not let in.
    Shut,
}

/// How much of what the rules ask for was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// The endpoint had stopped answering before.
    FellSilent,
    /// The round ended before.
    CutShort,
    /// What an earlier run had asked for, which may have been less.
    Captured,
}

/// The replies of one round, and all that judging them takes.
pub(super) struct Court<'c> {
    pub(super) target: &'c Target,
    pub(super) options: &'c Options,
    pub(super) sent: &'c [Sent],
    pub(super) exchanges: &'c [Exchange],
    pub(super) extent: Extent,
}

impl<'c> Court<'c> {
    /// The replies by probe.
    pub(super) fn book(&self) -> Book<'c> {
        self.book_of(|_, _| true)
    }

    /// The same without the requests that had no answer in time, of which nothing is known.
    fn answered_book(&self) -> Book<'c> {
        self.book_of(|_, exchange| exchange.outcome != Outcome::Timeout)
    }

    /// Some of the replies by probe: by the name of the probe, and what came back.
    pub(super) fn book_of(&self, wanted: impl Fn(&'static Probe, &Exchange) -> bool) -> Book<'c> {
        let all = self.sent.iter().zip(self.exchanges);
        let some = all.filter(|(sent, exchange)| wanted(sent.probe, exchange));
        let facts = Facts {
            contract: Arc::clone(&self.target.contract),
            model: self.target.model.clone().unwrap_or_default(),
            context_window: self.options.context_window,
            schema_rate: self.options.schema_rate,
            keep_alive: self.target.keep_alive,
            insecure: self.target.tls.insecure,
        };
        Book::new(facts, some.map(|(sent, exchange)| (sent.probe, Reading::of(exchange))))
    }

    /// Why a probe is not sent: the endpoint is declared to lack what it needs, or it is one for a plain socket.
    pub(super) fn lacks(&self, probe: &Probe) -> Option<String> {
        if probe.needs.contains(&Capability::PlainHttp) && self.target.url.scheme() == "https" {
            return Some("it needs a raw socket, without TLS".to_owned());
        }
        let mut names = probe.needs.iter().map(|capability| capability.words().0);
        let name = names.find(|name| self.options.without.contains(*name))?;
        if name == "keys" && self.target.authorization().is_none() {
            return Some("without keys: none was given, or the endpoint is declared to take any".to_owned());
        }
        Some(format!("declared: without {name}"))
    }

    /// What came of the plain request.
    pub(super) fn gate(&self) -> Gate<'c> {
        let Some(at) = self.sent.iter().position(|sent| sent.probe == probe::gate()) else { return Gate::Open };
        let exchange = &self.exchanges[at];
        match Kind::of_plain(exchange, self.target) {
            Some(kind) => Gate::Refused(kind, exchange),
            None if Reading::of(exchange).success() && exchange.outcome != Outcome::Timeout => Gate::Open,
            None => Gate::Shut,
        }
    }

    /// What a rule comes to whose request was not let in.
    fn shut_out(&self, check: &Check, gate: Gate<'_>) -> Found {
        match gate {
            Gate::Refused(kind, exchange) if check.id == GATE => {
                let Refusal { came, means, cure } = Refusal::new(kind, exchange, self.target, &Surroundings::default());
                let reason = Reason { ours: format!("{means}; {cure}"), quoted: came };
                Found { reason, ..Found::new(Status::Blocked(GATE), "") }
            }
            Gate::Refused(..) => {
                Found::new(Status::Blocked(GATE), format!("the plain request was refused: see {GATE}"))
            }
            Gate::Open | Gate::Shut => Found::new(Status::Blocked(GATE), format!("{GATE} failed")),
        }
    }

    /// Whether the gate is shut because of what the rule is about: the plain request asks for temperature 0, and an
    /// endpoint that refuses that by name is told so, and not only that it lets nobody in.
    fn shuts(&self, check: &Check) -> bool {
        let at = self.sent.iter().position(|sent| sent.probe == probe::gate());
        let names = |at: usize| {
            let reading = Reading::of(&self.exchanges[at]);
            reading.json().is_some_and(|document| names_parameter(&document.value, "temperature"))
        };
        check.id == TEMPERATURE && at.is_some_and(names)
    }

    /// What the rules come to, in their order.
    pub(super) fn judge(&self, checks: &[&'static Check]) -> Vec<Found> {
        let (book, answered) = (self.book(), self.answered_book());
        let gate = self.gate();
        let is_shut = |check: &Check| match gate {
            Gate::Open => false,
            Gate::Shut => ![GATE, TLS].contains(&check.id) && !self.shuts(check),
            // Only where there is no TLS session does that rule say why.
            Gate::Refused(Kind::Tls | Kind::PlainServer, _) => check.id != TLS,
            Gate::Refused(..) => true,
        };
        let mut found: Vec<Found> = checks
            .iter()
            .map(|check| match check.judge {
                _ if is_shut(check) => self.shut_out(check, gate),
                Judge::Reply(_) => self.judge_replies(check, &book),
                Judge::Probes(..) | Judge::Defect(..) => {
                    let probes = check.probes(&self.target.contract);
                    self.obstacle(&probes, &book).unwrap_or_else(|| self.judge_book(check, &book))
                }
                // What keeps one request with a defect from being answered says nothing of the others.
                Judge::Defects(_) => {
                    let unsent = |probe: &&Probe| book.replies(probe).is_empty();
                    match self.extent {
                        Extent::Captured if check.probes(&self.target.contract).iter().all(unsent) => {
                            Found::new(Status::Skip, NOT_CAPTURED)
                        }
                        Extent::Whole | Extent::FellSilent | Extent::CutShort | Extent::Captured => {
                            self.judge_book(check, &answered)
                        }
                    }
                }
                Judge::Run => Found::new(Status::Skip, "judged on a load run only"),
            })
            .collect();
        Roots { court: self, book: &book, checks }.settle(&mut found);
        found
    }

    pub(super) fn judge_book(&self, check: &Check, book: &Book<'_>) -> Found {
        Found::of(check.judge_book(book), level(self.target, self.options, check))
    }

    /// A rule on any reply, judged on all of them: the gravest verdict decides, with the faults of every reply that it is
    /// the verdict on.
    fn judge_replies(&self, check: &'static Check, book: &Book<'_>) -> Found {
        let evidence = Evidence::of(self.target);
        let mut tally = Tally::default();
        let level = level(self.target, self.options, check);
        let mut worst: Option<Found> = None;
        for reading in self.under_contract(book) {
            let verdict = check.judge(reading);
            tally.record(check, &verdict, None, reading, false, &evidence);
            let found = found_at(reading, verdict, level);
            worst = Some(if let Some(before) = worst { graver(before, found) } else { found });
        }
        let across = tally.across(check).map(|(own, _, detail)| Found::of(Verdict::across(check, own, detail), level));
        let found = match across {
            Some(across) => Some(graver(across, worst.unwrap_or_else(|| Found::new(Status::Skip, "")))),
            None => worst,
        };
        found.unwrap_or_else(|| Found::new(Status::Skip, "no reply to judge"))
    }

    /// What each reply says of a rule on any reply, where it breaks it for all to count.
    pub(super) fn broken_at<'b>(
        &'b self,
        check: &'static Check,
        book: &'b Book<'c>,
    ) -> impl Iterator<Item = (&'b Reading<'c>, Found)> {
        let level = level(self.target, self.options, check);
        let found = move |reading: &'b Reading<'c>| (reading, found_at(reading, check.judge(reading), level));
        self.under_contract(book).map(found).filter(|(_, found)| found.counts())
    }

    /// The replies that the rules on any reply are judged on. Those that put us off say nothing of the contract.
    fn under_contract<'b>(&'b self, book: &'b Book<'c>) -> impl Iterator<Item = &'b Reading<'c>> {
        book.all().filter(|reading| self.is_under_contract(reading))
    }

    /// Whether the contract says anything of a reply: it is the endpoint's, not that of a neighbour, it does not put
    /// us off, and its body is in no coding that was left as it is.
    fn is_under_contract(&self, reading: &Reading<'_>) -> bool {
        let no_path = matches!(reading.exchange.status(), Some(404 | 405));
        let beside =
            self.sent_for(reading).is_some_and(|sent| sent.beside || sent.probe == probe::wrong_path() && no_path);
        !beside && !is_put_off(reading.exchange) && !reading.exchange.is_coded()
    }

    /// The reply to a request.
    pub(super) fn reading(&self, seq: u64) -> Option<Reading<'c>> {
        let at = self.exchanges.binary_search_by_key(&seq, |exchange| exchange.ticket.seq).ok()?;
        Some(Reading::of(&self.exchanges[at]))
    }

    /// The request that a reply answers; exchanges stand in the order of their numbers.
    fn sent_for(&self, reading: &Reading<'_>) -> Option<&'c Sent> {
        let seq = reading.exchange.ticket.seq;
        let at = self.exchanges.binary_search_by_key(&seq, |exchange| exchange.ticket.seq).ok()?;
        self.sent.get(at)
    }

    /// What keeps a rule from being judged: a probe that was not sent, was put off, or was cleanly refused.
    fn obstacle(&self, probes: &[&'static Probe], book: &Book<'_>) -> Option<Found> {
        probes.iter().find_map(|probe| {
            if let Some(why) = self.lacks(probe) {
                return Some(Found::new(Status::Skip, why));
            }
            let replies = book.replies(probe);
            if let Some(why) = self.unsent(probe, book).filter(|_| replies.is_empty()) {
                return Some(Found::new(Status::Skip, why));
            }
            self.obstacle_of(probe, replies)
        })
    }

    /// Why there may be no reply to a probe. One that is made from replies may have had nothing to ask, as the rules
    /// that look at it know; so it has been captured where those were.
    fn unsent(&self, probe: &Probe, book: &Book<'_>) -> Option<&'static str> {
        let had_nothing_to_ask = || !probe.after.is_empty() && probe.after.iter().all(|p| !book.replies(p).is_empty());
        match self.extent {
            Extent::Whole => None,
            Extent::FellSilent => Some(SILENT),
            Extent::CutShort => Some(CUT_SHORT),
            Extent::Captured => (!had_nothing_to_ask()).then_some(NOT_CAPTURED),
        }
    }

    fn obstacle_of(&self, probe: &Probe, replies: &[Reading<'_>]) -> Option<Found> {
        for reading in replies {
            // Nobody knows what would have come.
            if reading.exchange.outcome == Outcome::Timeout {
                let quoted = reading.cause().unwrap_or_default();
                let reason = Reason { ours: format!("probe {}: no answer in time", probe.name), quoted };
                return Some(Found { reason, ..Found::new(Status::Error, "") });
            }
            let provoked = self.sent_for(reading).is_some_and(|sent| sent.provoked);
            if is_put_off(reading.exchange) && !provoked && !is_result(probe, reading) {
                let why = reading.cause().unwrap_or_else(|| reading.outcome.to_string());
                let ours = format!("probe {}: {}", probe.name, reading.outcome);
                return Some(Found { reason: Reason { ours, quoted: why }, ..Found::new(Status::Error, "") });
            }
            let needs = if probe.kind == ProbeKind::Defect { &[] } else { probe.needs };
            if let Some(capability) = needs.iter().find(|capability| refuses(reading, **capability)) {
                let said = reading.json().and_then(|document| error_text(&document.value)).unwrap_or_default();
                let name = capability.words().0;
                let required = self.options.require.contains(name);
                let status = if required { Status::Fail } else { Status::Skip };
                let reason = Reason { ours: format!("{name} is refused"), quoted: said.to_owned() };
                return Some(Found { reason, ..Found::new(status, "") });
            }
        }
        None
    }
}

/// A verdict on one reply at the level that the rule has here.
fn found_at(reading: &Reading<'_>, verdict: Verdict, level: Level) -> Found {
    Found::of(verdict.found_at(reading), level)
}

/// Whether it is a result that no answer came, at any try: there is no TLS, by no fault of the profile, or a request with
/// a defect brings the connection down. A status by which the endpoint puts off what it is asked is none.
fn is_result(probe: &Probe, reading: &Reading<'_>) -> bool {
    let exchange = reading.exchange;
    let ours = exchange.transfer.tls.is_some_and(TlsFault::is_ours);
    exchange.head.is_none() && (probe.kind == ProbeKind::Defect || (exchange.outcome == Outcome::Tls && !ours))
}

/// Whether one of several replies decides about a rule rather than another. Where the rule applies to none of them, the one
/// is told that is of the right kind: "no error reply" is said only where there was none.
fn decides_over(found: &Found, before: &Found) -> bool {
    let is_skipped = |found: &Found| found.status == Status::Skip;
    let is_of_another_kind = |found: &Found| is_skipped(found) && check::is_of_another_kind(&found.reason.ours);
    weight(&found.status) > weight(&before.status)
        || is_of_another_kind(before) && is_skipped(found) && !is_of_another_kind(found)
}

/// The graver of two, the first where neither is; of two that are alike, with the faults of both.
fn graver(first: Found, next: Found) -> Found {
    if decides_over(&next, &first) { next } else { first.with(next) }
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
        | Status::Follows(_)
        | Status::Known
        | Status::Stale
        | Status::Lost
        | Status::Flaky
        | Status::Error => 0,
    }
}

/// Whether a reply is a clean refusal that names what a capability's parameters are called: a complete 4xx that is
/// about neither the key nor the rate.
fn refuses(reading: &Reading<'_>, capability: Capability) -> bool {
    let Some(400 | 404 | 405 | 415 | 422 | 501) = reading.exchange.status() else { return false };
    let Some(document) = reading.json() else { return false };
    let named = |word: &str| names_parameter(&document.value, word);
    capability.words().1.iter().any(|word| named(word))
}
