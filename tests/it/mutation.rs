//! The checks judged: correct replies of the reference endpoint, broken at every JSON node in every way, are judged as a
//! load run and the suite judge them. Whatever no MUST sees is a SHOULD of the catalogue, or is left open by the contract
//! and stands in the list of what is ([`open`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proofload::check::{self, Check, Depth, Level, Verdict};
use proofload::exchange::{Exchange, Payload, Reading, Reply};
use proofload::plan::case::Setting;
use proofload::plan::target::Target;
use proofload::suite::capture::{Line, Meta, lines};
use proofload::suite::replay::Captured;
use proofload::suite::status::Status;
use proofload::suite::{Options, conduct};
use serde_json::Value;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, plan, settings, suite};
use crate::matrix::TIMED;

mod open;
mod ways;

use ways::{Broken, broken, kind, nodes, starred};

/// The gate of the suite, without which nothing is judged.
const GATE: &str = "basic";

/// Half a second more is a plausible latency where the reply took that long, as it may on a busy machine.
const BY_CLOCK: (&str, &str) = ("/metadata/latency", "fraction");
/// Over a run it asks for one unit of latency, which for replies within microseconds is a matter of who looks first.
const UNIT_BY_CLOCK: &str = "meta-latency-plausible";

/// The whole suite against the correct endpoint of a dialect, as a capture.
struct Suite {
    dialect: Dialect,
    target: Target,
    options: Options,
    captured: Captured,
}

impl Suite {
    fn of(dialect: Dialect) -> Suite {
        let endpoint = Endpoint::start(settings(dialect, 0, 0, Vec::new()));
        let text = format!(
            "[target]\nurl = \"{}\"\ndialect = \"{dialect}\"\nmodel = \"gpt-4o\"\nheaders = {{ authorization = \"Bearer k\" }}\n\
             [load.closed]\nconcurrency = 1\ncount = 1\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
            endpoint.url()
        );
        let target = plan(&text).target;
        let options = Options { seed: 7, ..suite(Depth::Full) };
        let run = conduct(&target, &options, &proofload::run::Halt::default(), |_, _| {}).expect("the client");
        let lines = lines(&run, &target.redactor()).collect();
        let captured = Captured { meta: Meta::of(&target, &options), lines };
        Suite { dialect, target, options, captured }
    }

    fn exchange(&self, line: &Line) -> Exchange {
        line.exchange(&Setting::of(&self.target, self.options.seed)).expect("an exchange")
    }

    /// Replies that between them show every member of every kind, with the documents in which a member is shown first.
    fn sources(&self) -> Vec<Source<'_>> {
        let mut shown: BTreeSet<(&str, String, &str)> = BTreeSet::new();
        let mut sources = Vec::new();
        for line in self.captured.lines.iter().filter(|line| !line.beside) {
            for (contract, event, document) in documents(&self.exchange(line)) {
                let places = nodes(&document);
                let mut is_new = false;
                for place in &places {
                    let value = document.pointer(place).expect("a node");
                    is_new |= shown.insert((contract, starred(place), kind(value)));
                }
                if is_new {
                    sources.push(Source { suite: self, line, contract, event, document });
                }
            }
        }
        sources
    }
}

/// The JSON documents of a reply: by which contract, the number of the event in a stream, and the document.
fn documents(exchange: &Exchange) -> Vec<(&'static str, Option<usize>, Value)> {
    let reading = Reading::in_full(exchange);
    let success = reading.success();
    match &reading.reply {
        Reply::Whole(whole) => {
            let contract = if success { "response" } else { "error" };
            whole.json.iter().map(|document| (contract, None, (&document.value).into())).collect()
        }
        Reply::Stream(stream) => {
            let events = stream.events.iter().enumerate();
            let chunk = |(number, event): (usize, &proofload::exchange::Seen)| match &event.payload {
                Payload::Chunk(document) => Some(("chunk", Some(number), (&document.value).into())),
                Payload::Repeat(_)
                | Payload::Done
                | Payload::Empty
                | Payload::Error(_)
                | Payload::ErrorText
                | Payload::Broken(_) => None,
            };
            events.filter_map(chunk).collect()
        }
        Reply::Nothing => Vec::new(),
    }
}

/// A document of a correct reply, to be broken.
struct Source<'s> {
    suite: &'s Suite,
    line: &'s Line,
    contract: &'static str,
    event: Option<usize>,
    document: Value,
}

/// What the checks say of a broken reply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// A MUST is broken.
    Must,
    /// No more than a warning, by these rules.
    Should(BTreeSet<&'static str>),
    Nothing,
}

impl Source<'_> {
    /// The line with another document in the place of this one, and a length that fits.
    fn line_with(&self, document: &Value) -> Line {
        let before = BASE64.decode(&self.line.body).expect("base64");
        let text = document.to_string();
        let (start, end) = match self.event {
            None => (0, before.len()),
            Some(number) => self.span(number, &before),
        };
        let body = [&before[..start], text.as_bytes(), &before[end..]].concat();
        let moved = |at: usize| if at >= end { at - (end - start) + text.len() } else { at.min(start) };
        let mut line = self.line.clone();
        line.arrivals = line.arrivals.iter().map(|(at, offset)| (*at, moved(*offset))).collect();
        let head = line.head.as_mut().expect("a head");
        for (_, value) in head.headers.iter_mut().filter(|(name, _)| name == "content-length") {
            *value = body.len().to_string();
        }
        line.body = BASE64.encode(body);
        line
    }

    /// Where the data of an event stands in the body: each stands on one line, in order.
    fn span(&self, number: usize, body: &[u8]) -> (usize, usize) {
        let exchange = self.suite.exchange(self.line);
        let reading = Reading::of(&exchange);
        let mut span = (0, 0);
        for event in &reading.stream().expect("a stream").events[..=number] {
            let (data, from) = (event.data.as_bytes(), span.1);
            let at = body[from..].windows(data.len()).position(|bytes| bytes == data).expect("data on one line");
            span = (from + at, from + at + data.len());
        }
        span
    }

    /// The rules on any reply that a line breaks, with the level at which it does.
    fn by_reply(&self, line: &Line) -> BTreeSet<(Level, &'static str)> {
        let exchange = self.suite.exchange(line);
        let reading = Reading::of(&exchange);
        let dialect = self.suite.dialect;
        let broken = |check: &'static Check| match check.judge(&reading) {
            Verdict::Broken { level, .. } => Some((level.or(check.level(&dialect)).expect("a level"), check.id)),
            Verdict::Pass | Verdict::Noted(_) | Verdict::Skip(_) => None,
        };
        check::all(&dialect).filter_map(broken).collect()
    }

    /// The same for the rules on the replies to the line's probe, and to others.
    fn by_suite(&self, jury: &Jury, line: &Line) -> BTreeSet<(Level, &'static str)> {
        let of_ours = |other: &Line| if other.seq == line.seq { line } else { other }.clone();
        let captured =
            Captured { meta: self.suite.captured.meta.clone(), lines: jury.lines.iter().map(of_ours).collect() };
        let run = captured.judge(&self.suite.target, &jury.options).expect("a capture");
        let broken = |row: &proofload::suite::Row| match row.status {
            Status::Fail | Status::Error => Some((Level::Must, row.check.id)),
            Status::Warn => Some((Level::Should, row.check.id)),
            Status::Follows(_) => Some((row.level, row.check.id)),
            Status::Pass
            | Status::Info
            | Status::Skip
            | Status::Blocked(_)
            | Status::Known
            | Status::Stale
            | Status::Lost
            | Status::Flaky => None,
        };
        run.rows.iter().filter_map(broken).collect()
    }

    /// The rules of the suite that look at the line's probe, with all the lines that they look at.
    fn jury(&self) -> Jury {
        let dialect = self.suite.dialect;
        let asks = |check: &&Check| check.probes(&dialect).iter().any(|probe| probe.name == self.line.probe);
        let spans = |check: &&Check| check.across.is_some() && check.id != UNIT_BY_CLOCK;
        let rules: Vec<&Check> = check::catalogue(&dialect).filter(|check| asks(check) || spans(check)).collect();
        let mut probes: BTreeSet<&str> =
            rules.iter().flat_map(|check| check.probes(&dialect)).map(|probe| probe.name).collect();
        probes.insert(GATE);
        let seen = |line: &&Line| probes.contains(line.probe.as_str());
        let lines = self.suite.captured.lines.iter().filter(seen).cloned().collect();
        let only = Some(rules.iter().map(|check| check.id).collect());
        Jury { lines, options: Options { only, ..self.suite.options.clone() } }
    }

    /// What the checks say of this document broken in every way.
    fn judged(&self) -> Vec<(String, &'static str, Said)> {
        let jury = self.jury();
        let correct: BTreeSet<_> =
            self.by_reply(self.line).into_iter().chain(self.by_suite(&jury, self.line)).collect();
        let judge = |mutant: Broken| {
            let line = self.line_with(&mutant.document);
            let mut found = self.by_reply(&line);
            if !found.iter().any(|(level, _)| *level == Level::Must) {
                found.extend(self.by_suite(&jury, &line));
            }
            let new: Vec<_> = found.difference(&correct).filter(|(_, id)| !TIMED.contains(id)).collect();
            let warnings: BTreeSet<_> = new.iter().filter(|(l, _)| *l == Level::Should).map(|(_, id)| *id).collect();
            let said = match new.first() {
                Some((Level::Must, _)) => Said::Must,
                _ if !warnings.is_empty() => Said::Should(warnings),
                _ => Said::Nothing,
            };
            (mutant.place, mutant.way, said)
        };
        let decided = |mutant: &Broken| (mutant.place.as_str(), mutant.way) != BY_CLOCK;
        broken(&self.document).into_iter().filter(decided).map(judge).collect()
    }
}

/// Rules of the suite, with all the lines that they look at.
struct Jury {
    lines: Vec<Line>,
    options: Options,
}

/// By dialect, contract and place: what was said of it broken in each way, in every reply that shows it.
type Found = BTreeMap<(Dialect, &'static str, String), BTreeMap<&'static str, BTreeSet<Said>>>;

fn everything(suites: &[Suite]) -> Found {
    let sources: Vec<Source<'_>> = suites.iter().flat_map(Suite::sources).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Found::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let judged = source.judged();
                    let mut found = found.lock().expect("no panic");
                    for (place, way, said) in judged {
                        let ways = found.entry((source.suite.dialect, source.contract, place)).or_default();
                        ways.entry(way).or_default().insert(said);
                    }
                }
            });
        }
    });
    found.into_inner().expect("no panic")
}

#[test]
fn no_broken_must_survives() {
    let suites = Dialect::ALL.map(Suite::of);
    let found = everything(&suites);
    let (mut unseen, mut used) = (Vec::new(), BTreeSet::new());
    for ((dialect, contract, place), ways) in &found {
        for (way, said) in ways.iter().filter(|(_, said)| **said != BTreeSet::from([Said::Must])) {
            let excuses: Vec<(usize, &str)> = excuses(*dialect, contract, place, way).collect();
            if excuses.is_empty() && said.contains(&Said::Nothing) {
                unseen.push(format!("{dialect} {contract} {place} {way}"));
            }
            used.extend(excuses.iter().flat_map(|(number, place)| [(*number, *place), (*number, *way)]));
        }
    }
    assert!(unseen.is_empty(), "no rule sees, and the contract does not leave open:\n{}", unseen.join("\n"));
    let named = open::OPEN
        .iter()
        .enumerate()
        .flat_map(|(number, open)| open.places.iter().chain(open.ways).map(move |name| (number, *name)));
    let stale: Vec<(&str, &str)> =
        named.filter(|name| !used.contains(name)).map(|(number, name)| (open::OPEN[number].why, name)).collect();
    assert!(stale.is_empty(), "a MUST sees every one of these, so it is not open: {stale:#?}");
    insta::assert_snapshot!("warned", warned(&found));
    let broken: usize = found.values().map(BTreeMap::len).sum();
    assert!(broken > 2_500, "only {broken} places were broken in some way");
}

/// What excuses that no rule sees it: the numbers of the entries, with the pattern that fits.
fn excuses<'w>(
    dialect: Dialect,
    contract: &'w str,
    place: &'w str,
    way: &'w str,
) -> impl Iterator<Item = (usize, &'static str)> + use<'w> {
    let of_ours = move |(_, open): &(usize, &open::Open)| open.is_of(dialect, contract) && open.ways.contains(&way);
    let fitting = move |(number, open): (usize, &'static open::Open)| {
        open.places.iter().filter(move |pattern| open::fits(pattern, place)).map(move |pattern| (number, *pattern))
    };
    open::OPEN.iter().enumerate().filter(of_ours).flat_map(fitting)
}

/// What no MUST sees in some reply, but rules that are a SHOULD there do.
fn warned(found: &Found) -> String {
    let mut text = String::new();
    for ((dialect, contract, place), ways) in found {
        let mut by_rules: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (way, said) in ways {
            for said in said {
                if let Said::Should(rules) = said {
                    by_rules.entry(rules.iter().copied().collect::<Vec<_>>().join(", ")).or_default().push(way);
                }
            }
        }
        for (rules, ways) in by_rules {
            let _ = writeln!(text, "{dialect} {contract} {place} {}: {rules}", ways.join(", "));
        }
    }
    text
}
