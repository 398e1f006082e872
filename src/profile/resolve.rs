//! From the tables of a profile to the parts of a plan. Each part adds its faults to the list and goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::baseline::read_baseline;
use super::bodies::{self, Bodies, Made};
use super::effective::effective;
use super::files::{self, Kind, Unread};
use super::headers::common_secrets;
use super::lengths::Recording;
use super::load::{Draft, DraftCase, World};
use super::problem::{Problem, Source};
use super::prompts::Taken;
use super::tree::Node;
use super::{CaseTable, GoodputTable, HttpName, LimitsTable, PriceTable, Profile, TargetTable};
use crate::plan::abort::Abort;
use crate::plan::goal::{Goal, Part, nearest};
use crate::plan::prompt::synthetic::Manner;
use crate::plan::prompt::tokenizer::Tokenizer;
use crate::plan::prompt::trace::Trace;
use crate::plan::schedule::{Load, Shard};
use crate::plan::scrape::{Figure, Kind as FigureKind, Scrape};
use crate::plan::secret::Secret;
use crate::plan::target::{HttpVersion, Preflight, Target, Timeouts, Tls};
use crate::plan::{Goodput, Limits, Price};
use crate::wire::Contract;
use crate::wire::plain::line;

/// What a default stands for where the profile is silent.
const CONNECT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_secs(120);
/// No duration is longer, so that any two of them can be added.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
/// Beyond the total timeout, so that a request sent last ends by its own timeout and not by the grace period.
pub(super) const SLACK: Duration = Duration::from_secs(1);
const MAX_REPLY: u64 = 16 << 20;
const BUILTIN: &str = "builtin";
/// What `target.scrape` says for the target's own page.
const AUTO: &str = "auto";
/// So many faults get a guess at what was meant.
pub(super) const GUESSED: usize = 1_000;
/// Names that are listed where one of them was to be written.
const LISTED: usize = 40;

/// A profile as it was written, and what of it is faulty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'w> {
    pub(super) tree: &'w Node,
    pub(super) faulty: &'w Faulty,
}

/// What was found to be faulty before anything was looked up.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    /// Whether the text is no TOML somewhere, so that anything may lack.
    pub(super) syntax: bool,
    /// Pointers to what broke the schema.
    pub(super) pointers: BTreeSet<String>,
}

impl Faulty {
    /// Whether something is at this pointer, or below.
    pub(super) fn is(&self, pointer: &str) -> bool {
        let below = format!("{pointer}/");
        let next = self.pointers.range(below.clone()..).next();
        self.syntax || self.pointers.contains(pointer) || next.is_some_and(|found| found.starts_with(&below))
    }
}

/// Gathers faults while it looks values up.
pub(super) struct Resolver<'r> {
    pub(super) tree: &'r Node,
    pub(super) folder: &'r Path,
    pub(super) world: &'r World<'r>,
    pub(super) problems: &'r mut Vec<Problem>,
    /// What of the profile is faulty already, so that what lacks because of it is no fault of its own.
    pub(super) faulty: &'r Faulty,
    /// Tokenizers that were read, and those that could not be, by the names that profiles give them.
    pub(super) tokenizers: BTreeMap<String, Option<Arc<Tokenizer>>>,
    /// How prompts are made for each of them.
    pub(super) manners: BTreeMap<String, Manner>,
    /// Bytes of files that were read so far.
    pub(super) read: u64,
    /// How many prompts were taken from files so far.
    pub(super) taken: Taken,
    /// Values of variables that are secrets.
    pub(super) secrets: Vec<Secret>,
}

impl Resolver<'_> {
    /// Adds a fault at the value of a JSON pointer, or the nearest above it that was written.
    pub(super) fn fault(
        &mut self,
        pointer: &str,
        title: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        let place = self.tree.nearest(pointer).place.clone();
        self.problems.push(Problem { title: title.into(), place: Some(place), label: label.into(), help: help.into() });
    }

    /// Whether none of these keys was written, rightly or wrongly.
    pub(super) fn lacks(&self, pointers: &[&str]) -> bool {
        pointers.iter().all(|pointer| self.tree.at(pointer).is_none())
    }

    pub(super) fn duration(&mut self, pointer: &str, text: Option<&String>) -> Option<Duration> {
        let text = text?;
        match humantime::parse_duration(text) {
            Ok(duration) if duration <= LONGEST => Some(duration),
            Ok(_) => {
                self.fault(pointer, format!("{text:?} is too long"), "at most 10 years can be", None);
                None
            }
            Err(error) => {
                let help = "write a number with a unit, such as 500ms, 30s, 1m 30s or 2h".to_owned();
                self.fault(pointer, format!("{text:?} is not a duration"), error.to_string(), help);
                None
            }
        }
    }

    /// Reads a file that the profile names, relative to the profile.
    pub(super) fn file(&mut self, pointer: &str, name: &str, kind: Kind) -> Option<Vec<u8>> {
        let read = files::read(&self.folder.join(name), kind);
        let bytes = self.unless_unread(pointer, name, read)?;
        self.spend(pointer, name, bytes.len() as u64).then_some(bytes)
    }

    /// The same as text: what is no UTF-8 in it is replaced, and a byte order mark left out.
    pub(super) fn text(&mut self, pointer: &str, name: &str, kind: Kind) -> Option<String> {
        let bytes = self.file(pointer, name, kind)?;
        let text = String::from_utf8_lossy(&bytes);
        Some(text.strip_prefix(files::MARK).unwrap_or(&text).to_owned())
    }

    /// Counts the bytes of a file; with more than a profile may name, that is a fault.
    pub(super) fn spend(&mut self, pointer: &str, name: &str, size: u64) -> bool {
        self.read += size;
        let within = self.read <= Kind::ALL.most();
        if !within {
            let error = Unread::TooLarge { size: Some(size), kind: Kind::ALL };
            self.unless_unread::<()>(pointer, name, Err(error));
        }
        within
    }

    /// What was read; a fault where it could not be.
    pub(super) fn unless_unread<T>(&mut self, pointer: &str, name: &str, read: Result<T, Unread>) -> Option<T> {
        let error = match read {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let path = self.folder.join(name);
        let looked = || format!("looked for it at {}; paths are relative to the profile", path.display());
        let help = error.cure().map_or_else(looked, str::to_owned);
        self.fault(pointer, format!("cannot read {name:?}"), error.to_string(), help);
        None
    }

    /// The known name that was most likely meant. With a thousand faults, nobody reads guesses any more.
    pub(super) fn guess<'k>(&self, written: &str, known: &[&'k str]) -> Option<&'k str> {
        if self.problems.len() > GUESSED { None } else { nearest(written, known) }
    }
}

/// The names that are known, in words; of very many the first.
pub(super) fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// Resolves a profile. Returns `None` after recording at least one problem.
pub(super) fn resolve(
    profile: Profile,
    file_name: String,
    folder: &Path,
    Written { tree, faulty }: Written<'_>,
    world: &World<'_>,
    sources: &mut Vec<Source>,
    problems: &mut Vec<Problem>,
) -> Option<Draft> {
    let mut resolver = Resolver {
        tree,
        folder,
        world,
        problems,
        faulty,
        tokenizers: BTreeMap::new(),
        manners: BTreeMap::new(),
        read: 0,
        taken: Taken::default(),
        secrets: Vec::new(),
    };
    let builtin = profile.target.url.as_deref() == Some(BUILTIN);
    let contract = resolver.contract(&profile.target, builtin, sources);
    let contract = resolver.tightened(contract, profile.target.schemas.as_deref());
    let target = resolver.target(&profile.target, &contract);
    let timeouts = target.as_ref().map_or(TOTAL, |target| target.timeouts.total);
    let loads = resolver.loads(profile.load.as_ref(), &profile.loads, &profile.case, timeouts);
    let goals = resolver.goals(&profile.case);
    let goodput = profile.goodput.as_ref().map(|table| resolver.goodput(table));
    let limits = resolver.limits(&profile.limits);
    let search = resolver.search(&profile.capacity, &profile.case, limits);
    let builtin = resolver.builtin(&profile.target.builtin, builtin);
    let aborts = resolver.aborts(&profile.limits.abort);
    let mut notes = Vec::new();
    let baseline = profile
        .baseline
        .as_deref()
        .map(|file| read_baseline(&mut resolver, file, sources, &mut notes))
        .unwrap_or_default();
    let terms = resolver.terms(&profile.check, &profile.levels);
    let named = target.as_ref().and_then(|target| target.model.clone());
    let tokenizer = resolver.target_tokenizer(profile.target.tokenizer.as_deref());
    let (loads, traces) = loads.unzip();
    let recordings = recordings(loads.as_deref().zip(traces.as_deref()), profile.case.len());
    let sent = Sent { recordings, tokenizer: tokenizer.as_deref() };
    let cases = resolver.cases(&profile.case, &contract, named.as_deref(), &sent, &mut notes);
    let target = Target { secrets: resolver.secrets, ..target? };
    let warnings = common_secrets(&target);
    Some(Draft {
        effective: effective(tree, &target),
        name: line(&profile.name.unwrap_or(file_name)),
        seed: profile.seed,
        salt: profile.salt,
        fresh_salt: world.salt,
        target,
        notes,
        warnings,
        labels: profile.labels.iter().map(|(name, value)| (line(name), line(value))).collect(),
        loads: loads?,
        aborts,
        tokenizer,
        price: profile.target.price.map(|PriceTable { input, output }| Price { input, output }),
        cases,
        goals,
        goodput,
        reuse: profile.reuse,
        limits,
        shard: Shard::WHOLE,
        search,
        builtin,
        preflight: 0,
        target_name: profile.target.name,
        terms,
        baseline,
        keys: BTreeMap::new(),
    })
}

/// The recording that each case is sent by, and the target's tokenizer.
struct Sent<'s> {
    recordings: Vec<Recording<'s>>,
    tokenizer: Option<&'s Tokenizer>,
}

/// For each case the recording of the first load that sends it and has one.
fn recordings<'t>(loads: Option<(&[Load], &'t [Option<Trace>])>, cases: usize) -> Vec<Recording<'t>> {
    let Some((loads, traces)) = loads else { return vec![Recording::Unknown; cases] };
    let mut of_cases = vec![Recording::None; cases];
    let recorded = loads.iter().zip(traces).filter_map(|(load, trace)| Some((load, trace.as_ref()?)));
    for (load, trace) in recorded.rev() {
        for case in &load.cases {
            of_cases[*case] = Recording::Of(trace);
        }
    }
    of_cases
}

impl Resolver<'_> {
    fn target(&mut self, table: &TargetTable, contract: &Arc<Contract>) -> Option<Target> {
        let builtin = table.url.as_deref() == Some(BUILTIN);
        let url = self.url(table);
        let total = self.duration("/target/timeouts/total", table.timeouts.total.as_ref()).unwrap_or(TOTAL);
        let timeouts = Timeouts {
            connect: self.duration("/target/timeouts/connect", table.timeouts.connect.as_ref()).unwrap_or(CONNECT),
            first_byte: self
                .duration("/target/timeouts/first_byte", table.timeouts.first_byte.as_ref())
                .unwrap_or(total),
            total,
        };
        let headers = self.headers(table, contract, url.as_ref());
        let tls = self.tls(table);
        let proxy = self.proxy(table);
        let scrape = self.scrape(table);
        let default_model = builtin.then(|| if contract.facts.router { "pulze" } else { "gpt-4o" }.to_owned());
        Some(Target {
            url: url?,
            builtin,
            contract: Arc::clone(contract),
            model: table.model.clone().or(default_model),
            headers,
            timeouts,
            preflight: match table.preflight.as_ref().map(Value::as_str) {
                Some(Some("models")) => Preflight::Models,
                // The schema leaves nothing but false.
                Some(None) => Preflight::Off,
                Some(Some(_)) | None => Preflight::Request,
            },
            tls,
            http: match table.http {
                HttpName::Auto => HttpVersion::Auto,
                HttpName::One => HttpVersion::One,
                HttpName::Two => HttpVersion::Two,
            },
            keep_alive: table.keep_alive.unwrap_or(true),
            proxy,
            gzip: table.gzip,
            scrape,
            secrets: Vec::new(),
            max_reply: usize::try_from(table.max_reply_bytes.unwrap_or(MAX_REPLY)).unwrap_or(usize::MAX),
        })
    }

    fn url(&mut self, table: &TargetTable) -> Option<Url> {
        let help = "write \"builtin\", or a base address such as \"http://127.0.0.1:8000/v1\"".to_owned();
        let Some(text) = &table.url else {
            if self.faulty.is("/target/url") {
                return None;
            }
            self.fault("/target/url", "target.url is missing", "", help);
            return None;
        };
        let text = if text == BUILTIN { "http://builtin.invalid/v1" } else { text };
        let help = if text.contains("://") { help } else { format!("did you mean \"http://{text}\"? {help}") };
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(Target::endpoint(&url)),
            Ok(_) => {
                self.fault("/target/url", "target.url is not an http or https URL", "", help);
                None
            }
            Err(error) => {
                self.fault("/target/url", "target.url is not an address", error.to_string(), help);
                None
            }
        }
    }

    fn tls(&mut self, table: &TargetTable) -> Tls {
        let ca = table.ca.as_ref().and_then(|file| self.file("/target/ca", file, Kind::PEM));
        let identity = table.client_cert.as_ref().and_then(|file| self.file("/target/client_cert", file, Kind::PEM));
        for (pointer, pem) in [("/target/ca", &ca), ("/target/client_cert", &identity)] {
            if pem.as_ref().is_some_and(|pem| !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----")) {
                self.fault(pointer, "the file holds no certificate", "expected PEM", None);
            }
        }
        let identity = identity.map(|pem| Secret::new(String::from_utf8_lossy(&pem).into_owned()));
        Tls { ca, identity, insecure: table.insecure }
    }

    fn scrape(&mut self, table: &TargetTable) -> Option<Scrape> {
        let Some(page) = table.scrape.as_deref() else {
            if !table.scrape_figures.is_empty() {
                let help = "write target.scrape = \"auto\" for /metrics of the target".to_owned();
                self.fault("/target/scrape_figures", "target.scrape_figures without target.scrape", "", help);
            }
            return None;
        };
        let url = (page != AUTO).then(|| Url::parse(page));
        if !matches!(&url, None | Some(Ok(_))) || url.iter().flatten().any(|url| !url.scheme().starts_with("http")) {
            let help = "write \"auto\", or an address such as \"http://127.0.0.1:8000/metrics\"".to_owned();
            self.fault("/target/scrape", "target.scrape is not an http or https URL", "", help);
            return None;
        }
        let named = |(name, metric): (&String, &String)| Figure {
            name: line(name),
            kind: FigureKind::Level,
            metrics: vec![metric.clone()],
        };
        let known = Figure::known().into_iter().filter(|figure| !table.scrape_figures.contains_key(&figure.name));
        let figures = table.scrape_figures.iter().map(named).chain(known).collect();
        Some(Scrape { url: url.and_then(Result::ok), figures })
    }

    fn proxy(&mut self, table: &TargetTable) -> Option<Url> {
        match Url::parse(table.proxy.as_deref()?) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
            Ok(_) | Err(_) => {
                self.fault("/target/proxy", "target.proxy is not an http or https URL", "", None);
                None
            }
        }
    }

    /// Goals are taken from the tree as it was written, so that each fault points at its own entry.
    fn goals(&mut self, cases: &[CaseTable]) -> Vec<Goal> {
        let names: Vec<String> = cases.iter().enumerate().map(|(number, table)| case_name(number, table)).collect();
        let are: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let written = self.tree.at("/goals").map(Node::value).unwrap_or_default();
        let mut goals = Vec::new();
        for (index, text) in written.as_array().into_iter().flatten().enumerate() {
            let Some(text) = text.as_str() else { continue };
            match Goal::parse(&line(text)) {
                Ok(Goal { part: Part::Case(name), .. }) if !are.contains(name.as_str()) => {
                    let known: Vec<&str> = names.iter().map(String::as_str).collect();
                    let help = match self.guess(&name, &known) {
                        Some(near) => format!("did you mean {near}?"),
                        None => format!("the cases are {}", listed(&known)),
                    };
                    self.fault(&format!("/goals/{index}"), format!("there is no case {name:?}"), "", help);
                }
                Ok(goal) => goals.push(goal),
                Err(error) => self.fault(&format!("/goals/{index}"), error.message, "", error.help),
            }
        }
        goals
    }

    fn goodput(&mut self, table: &GoodputTable) -> Goodput {
        Goodput {
            first_token: self.duration("/goodput/first_token", table.first_token.as_ref()),
            token_gap: self.duration("/goodput/token_gap", table.token_gap.as_ref()),
            time_per_output_token: self
                .duration("/goodput/time_per_output_token", table.time_per_output_token.as_ref()),
            response_time: self.duration("/goodput/response_time", table.response_time.as_ref()),
        }
    }

    fn limits(&mut self, table: &LimitsTable) -> Limits {
        Limits {
            time: self.positive("/limits/max_time", table.max_time.as_ref()),
            requests: table.max_requests,
            tokens: table.max_tokens,
        }
    }

    fn aborts(&mut self, texts: &[String]) -> Vec<Abort> {
        let mut aborts = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match text.parse() {
                Ok(abort) => aborts.push(abort),
                Err(error) => self.fault(
                    &format!("/limits/abort/{index}"),
                    format!("{text:?} is not a rule to abort by"),
                    error,
                    "write error_rate > 20% over 5s, violation_rate > 5% over 10s or in_flight > 5000".to_owned(),
                ),
            }
        }
        aborts
    }

    fn cases(
        &mut self,
        tables: &[CaseTable],
        contract: &Contract,
        model: Option<&str>,
        sent: &Sent<'_>,
        notes: &mut Vec<String>,
    ) -> Vec<DraftCase> {
        if tables.is_empty() && !self.faulty.is("/case") {
            let help =
                "add a [[case]] with messages = [{ role = \"user\", content = \"{{unique}} Hello\" }]".to_owned();
            self.fault("/case", "no case is defined", "", help);
        }
        let (mut cases, mut names) = (Vec::new(), BTreeSet::new());
        for (number, table) in tables.iter().enumerate() {
            let name = case_name(number, table);
            if !names.insert(name.clone()) {
                self.fault(&format!("/case/{number}/name"), format!("two cases are called {name:?}"), "", None);
            }
            let Made { bodies, conversations, variables } =
                bodies::of_case(self, &Bodies { number, table, contract, model }, notes);
            let (at, recording) = (format!("/case/{number}"), sent.recordings[number]);
            let (manner, asked) = self.manner(&at, table, sent.tokenizer);
            let synthetic = self.synthetic(&at, table, manner, recording);
            let output = self.output(&at, table, recording);
            let calibrated = synthetic.is_some() && asked;
            let weight = table.weight.unwrap_or(1);
            let think = self.think(&format!("{at}/think_time"), table.think_time.as_ref());
            cases.push(DraftCase {
                name,
                weight,
                bodies,
                conversations,
                think,
                variables,
                synthetic,
                output,
                calibrated,
            });
        }
        cases
    }
}

/// The name of a case: its own, or its number.
pub(super) fn case_name(number: usize, table: &CaseTable) -> String {
    table.name.as_deref().map_or_else(|| format!("case-{number}"), line)
}
