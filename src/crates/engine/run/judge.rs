//! The judges: plain threads that read, check and record what came back, away from the clock.
//!
//! Their backlog is capped in bytes. Beyond the cap, exchanges are recorded without their bodies, as `unjudged`, and
//! the run is invalid; senders are never delayed. So is what is left when judging has gone on for long enough after the
//! end of the run, or the user interrupts it (`closing`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Control;
use super::abort::{Abortion, Ended};
use super::checkpoint::Record;
use super::clock::micros;
use super::closing::Closing;
use super::journal::{Found, Journal};
use super::live::Live;
use super::pacer::{Answered, Event, Stop};
use crate::check::{self, Check, Level, Verdict};
use crate::exchange::{Body, Exchange, Outcome, Reading};
use crate::plan::Plan;
use crate::plan::schedule::Warmup;
use crate::summary::evidence::Evidence;
use crate::summary::{Judged, Summary};
use crate::wire::api::history;

/// Bodies that may wait to be judged.
const BACKLOG_BYTES: usize = 256 << 20;
/// Cores for each judge: one core judges some hundred thousand events a second, so few are needed.
const CORES_A_JUDGE: usize = 4;
/// A request counts as sent in time if it was sent this long after the end of the plan.
const IN_TIME: Duration = Duration::from_millis(10);

/// The judges of a run.
#[derive(Debug)]
pub(super) struct Judges {
    inboxes: Vec<Sender<Exchange>>,
    threads: Vec<JoinHandle<()>>,
    records: Vec<Record>,
    shared: Arc<Shared>,
}

/// What judges share with the line.
#[derive(Debug)]
pub(super) struct Shared {
    plan: Arc<Plan>,
    /// Whether each case has a summary of its own.
    by_case: bool,
    pub(super) live: Arc<Live>,
    pub(super) backlog: AtomicUsize,
    /// Beginning of the window in which completions count for rates, in microseconds; not known before the end of a
    /// warm-up that is a number of requests.
    window_from_us: AtomicU64,
    /// End of the window, in microseconds; lowered when the run is stopped.
    window_us: AtomicU64,
    abortion: Abortion,
    tokens: AtomicU64,
    events: Sender<Event>,
    journal: Option<Arc<Journal>>,
    closing: Arc<Closing>,
}

impl Shared {
    pub(super) fn new(plan: Arc<Plan>, by_case: bool, control: &Control) -> Shared {
        let counted = plan.loads.iter().any(|load| matches!(load.warmup, Warmup::First(_)));
        Shared {
            window_from_us: AtomicU64::new(if counted { u64::MAX } else { micros(plan.warmup()) }),
            window_us: AtomicU64::new(plan.length().map_or(u64::MAX, micros)),
            abortion: Abortion::new(&plan.aborts),
            plan,
            by_case,
            live: control.live(),
            journal: control.journal.clone(),
            closing: Arc::clone(&control.closing),
            backlog: AtomicUsize::new(0),
            tokens: AtomicU64::new(0),
            events: control.events.clone(),
        }
    }

    /// Completions after this count for no rate.
    pub(super) fn close_window(&self, at: Duration) {
        self.window_us.fetch_min(micros(at), Ordering::SeqCst);
    }

    /// Completions before this count for no rate: the last of the warm-ups that are a number of requests is over.
    pub(super) fn open_window(&self, at: Duration) {
        self.window_from_us.store(micros(at.max(self.plan.warmup())), Ordering::SeqCst);
    }

    /// The window in which completions count for rates, in microseconds.
    pub(super) fn window_us(&self) -> [u64; 2] {
        [self.window_from_us.load(Ordering::SeqCst), self.window_us.load(Ordering::SeqCst)]
    }

    fn in_window(&self, at: Duration) -> bool {
        let [from, until] = self.window_us();
        (from..until).contains(&micros(at))
    }

    /// Tells the pacer what came of a turn of a session.
    fn go_on(&self, reading: &Reading<'_>) {
        let (ticket, at) = (reading.exchange.ticket, reading.exchange.freed());
        if self.plan.cases[ticket.case].longest() > 1 {
            let _ = self.events.send(Event::Answered(Answered { ticket, at, answer: answer(reading) }));
        }
    }

    /// Whether an exchange ends the run by a rule of the plan.
    fn heed_aborts(&self, reading: &Reading<'_>, violating: bool) {
        if !reading.outcome.counts() {
            return;
        }
        let ended = Ended { at: reading.exchange.ended, failed: reading.outcome != Outcome::Ok, violating };
        if let Some(rule) = self.abortion.judged(ended) {
            let _ = self.events.send(Event::Stop(Stop::Abort(rule)));
        }
    }
}

impl Judges {
    pub(super) fn start(shared: &Arc<Shared>, epoch: Duration) -> std::io::Result<Judges> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let plan = &shared.plan;
        let empty = Summary::new(plan, u64::try_from(epoch.as_millis()).unwrap_or(u64::MAX));
        let parts = if shared.by_case { plan.cases.len() } else { 1 };
        let shared = Arc::clone(shared);
        let mut judges = Judges { inboxes: Vec::new(), threads: Vec::new(), records: Vec::new(), shared };
        for number in 0..cores.div_ceil(CORES_A_JUDGE) {
            let (inbox, exchanges) = channel();
            let record: Record = Arc::new(Mutex::new(vec![empty.clone(); parts]));
            let (shared, own) = (Arc::clone(&judges.shared), Arc::clone(&record));
            let judge = move || judge(&shared, &exchanges, &own);
            judges.threads.push(std::thread::Builder::new().name(format!("judge-{number}")).spawn(judge)?);
            judges.inboxes.push(inbox);
            judges.records.push(record);
        }
        Ok(judges)
    }

    /// What each judge has recorded, to be looked at while it goes on.
    pub(super) fn records(&self) -> Vec<Record> {
        self.records.clone()
    }

    /// Hands an exchange over. Never waits.
    pub(super) fn hand_over(&self, mut exchange: Exchange) {
        let bytes = exchange.body.bytes.len();
        if self.shared.backlog.load(Ordering::Relaxed) + bytes > BACKLOG_BYTES {
            exchange = unread(exchange);
        }
        self.shared.backlog.fetch_add(exchange.body.bytes.len(), Ordering::Relaxed);
        let inbox = usize::try_from(exchange.ticket.seq).unwrap_or(0) % self.inboxes.len();
        let _ = self.inboxes[inbox].send(exchange);
    }

    /// Waits until all is judged, and hands over what each judge recorded: a summary of all, or one for each case.
    pub(super) fn finish(self) -> Vec<std::thread::Result<Record>> {
        drop(self.inboxes);
        let ended = self.threads.into_iter().map(JoinHandle::join);
        ended.zip(self.records).map(|(ended, record)| ended.map(|()| record)).collect()
    }
}

fn judge(shared: &Shared, exchanges: &Receiver<Exchange>, record: &Mutex<Vec<Summary>>) {
    let plan = &shared.plan;
    let evidence = Evidence::of(&plan.target);
    let rules = rules(plan);
    // The next turn of a session waits for what is read here.
    let nap = if plan.cases.iter().any(|case| case.longest() > 1) { Duration::ZERO } else { NAP };
    for exchange in in_batches(exchanges, nap) {
        let waited = exchange.body.bytes.len();
        let mut exchange = if shared.closing.is_over() { unread(exchange) } else { exchange };
        let broken;
        // A fault of ours in one reply must not cost what was measured of all the others.
        if catch_unwind(AssertUnwindSafe(|| exchange.decode(plan.target.max_reply))).is_err() {
            (exchange.body, exchange.unjudged) = (Body::default(), true);
        }
        let (reading, verdicts) = if let Ok(read) = catch_unwind(AssertUnwindSafe(|| read(plan, &rules, &exchange))) {
            read
        } else {
            broken = unread(exchange.clone());
            read(plan, &[], &broken)
        };
        let judged = Judged {
            reading: &reading,
            verdicts: &verdicts,
            in_window: reading.outcome.counts() && shared.in_window(exchange.ended),
            in_time: is_in_time(plan, &exchange),
            window_us: shared.window_us(),
            turns: turns(plan, &exchange),
        };
        shared.go_on(&reading);
        let part = if shared.by_case { exchange.ticket.case } else { 0 };
        record.lock().unwrap_or_else(PoisonError::into_inner)[part].record(&judged, plan.goodput, &evidence);
        let violating = is_violating(plan, &verdicts);
        shared.live.judged(&reading, violating);
        shared.heed_aborts(&reading, violating);
        shared.count_tokens(&reading);
        shared.backlog.fetch_sub(waited, Ordering::Relaxed);
        if let Some(journal) = &shared.journal {
            let found = Found::of(&reading, &verdicts);
            drop((reading, verdicts));
            journal.offer(exchange, found);
        }
    }
}

/// The exchange without its body, which nobody reads.
fn unread(exchange: Exchange) -> Exchange {
    Exchange { body: Body::default(), unjudged: true, ..exchange }
}

/// How long a judge that was woken lets exchanges come in before it looks at them: so it is woken once for all of them,
/// and not by each, which would cost more than judging does.
const NAP: Duration = Duration::from_millis(1);

/// Every exchange, until the last sender is gone.
fn in_batches(exchanges: &Receiver<Exchange>, nap: Duration) -> impl Iterator<Item = Exchange> {
    std::iter::from_fn(move || {
        exchanges.try_recv().ok().or_else(|| {
            let first = exchanges.recv().ok();
            std::thread::sleep(nap);
            first
        })
    })
}

/// Turns of the session that an exchange is one of, where its case has any.
fn turns(plan: &Plan, exchange: &Exchange) -> Option<u64> {
    let case = &plan.cases[exchange.ticket.case];
    (case.longest() > 1).then(|| case.turns(&exchange.ticket, plan.seed))
}

/// The answer as a message of the history; none where its session ends with it.
fn answer(reading: &Reading<'_>) -> Option<Vec<u8>> {
    Some(history::message(reading.as_history().ok()?).to_string().into_bytes())
}

type Verdicts = Vec<(&'static Check, Verdict)>;

/// A rule that is judged, with its levels.
struct Rule {
    check: &'static Check,
    /// Its level in the contract.
    level: Level,
    /// Its level in the profile, where that has one.
    own: Option<Level>,
}

/// The rules that a plan has judged, by id, their levels found once for all replies.
fn rules(plan: &Plan) -> Vec<Rule> {
    let contract = &plan.target.contract;
    let rule = |check: &'static Check| {
        let own = plan.levels.get(check.id);
        (own != Some(&None)).then_some(Rule { check, level: check.level(contract)?, own: own.copied().flatten() })
    };
    let mut rules: Vec<Rule> = check::all(contract).filter_map(rule).collect();
    rules.sort_unstable_by_key(|rule| rule.check.id);
    rules
}

fn read<'e>(plan: &Plan, rules: &[Rule], exchange: &'e Exchange) -> (Reading<'e>, Verdicts) {
    let mut reading = Reading::of(exchange);
    if let Some(tokenizer) = plan.tokenizer.as_deref() {
        // A fault in the tokenizer is not the reply's.
        let count = |text: &str| catch_unwind(AssertUnwindSafe(|| tokenizer.count(text))).ok().flatten();
        reading.count_with(count);
    }
    let judge = |rule: &Rule| {
        let verdict = rule.check.judge(&reading);
        match rule.own {
            Some(own) => verdict.at(own),
            None => verdict.or_at(rule.level),
        }
    };
    let verdicts = rules.iter().map(|rule| (rule.check, judge(rule))).collect();
    (reading, verdicts)
}

impl Shared {
    fn count_tokens(&self, reading: &Reading<'_>) {
        let Some(limit) = self.plan.limits.tokens else { return };
        let Some(tokens) = reading.tokens() else { return };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a range that fits")]
        let cost = (tokens.prompt + tokens.completion).clamp(0.0, 1e15) as u64;
        if self.tokens.fetch_add(cost, Ordering::Relaxed) + cost >= self.plan.share(limit) {
            let _ = self.events.send(Event::Stop(Stop::Tokens));
        }
    }
}

fn is_violating(plan: &Plan, verdicts: &[(&'static Check, Verdict)]) -> bool {
    let contract = &plan.target.contract;
    verdicts.iter().any(|(check, verdict)| verdict.breaks_must(check, contract))
}

/// Whether a request was sent by the end of the plan, but for what the cap held it back.
fn is_in_time(plan: &Plan, exchange: &Exchange) -> bool {
    let (Some(sent), true) = (exchange.sent, exchange.outcome != Outcome::Missed) else { return false };
    let Some(end) = plan.expected_end() else { return true };
    sent.saturating_sub(exchange.queued()) <= end.max(exchange.ticket.due) + IN_TIME
}
