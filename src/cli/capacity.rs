//! `proofload capacity`: search for the highest load that holds the goals.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::capacity_args::{CapacityArgs, CapacityCommand, SearchArgs};
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::progress::Progress;
use super::run::{control_of, fresh_seed, preflight};
use super::run_handle::RunHandle;
use super::serve::{Builtin, builtin_settings};
use super::{capacity_plan, capacity_verify, check_profile, folder, print, say};
use crate::capacity::answer::Limit;
use crate::capacity::backlog::Backlog;
use crate::capacity::estimate::{Request, estimate};
use crate::capacity::record::{Asked, Record};
use crate::capacity::search::{Ask, Ending, Search, Step, Terms};
use crate::capacity::stage::{Carried, Goals, Growth, OfCase, Stage};
use crate::capacity::verification::Verification;
use crate::plan::goal::{Goal, Measure, Population, Statistic, with_defaults};
use crate::plan::schedule::course::Course;
use crate::plan::schedule::think::Think;
use crate::plan::schedule::{Arrivals, Warmup};
use crate::plan::{Limits, Plan};
use crate::profile::Draft;
use crate::profile::flags::Flags;
use crate::report::capacity::{Kind, write};
use crate::run::{Control, Parts, Sampler, run, run_by_case};
use crate::summary::Summary;
use crate::wire::api::request::ChatRequest;
use crate::wire::plain;

pub(super) fn capacity(args: &CapacityArgs) -> anyhow::Result<Exit> {
    match (&args.command, &args.search.profile) {
        (Some(CapacityCommand::Verify(args)), _) => capacity_verify::verify(args),
        (Some(CapacityCommand::Plan(args)), _) => capacity_plan::plan(args),
        (Some(CapacityCommand::Report(args)), _) => capacity_plan::report(args),
        (Some(CapacityCommand::Compare(args)), _) => capacity_plan::compare(args),
        (None, Some(profile)) => search(profile, &args.search),
        (None, None) => bail!("name a profile, as in proofload capacity chat"),
    }
}

fn search(profile: &str, args: &SearchArgs) -> anyhow::Result<Exit> {
    if let Some(out) = &args.out {
        folder::check_free(out)?;
    }
    let tell = |text: &str| {
        if !args.quiet {
            say(&format!("{text}\n"));
        }
    };
    let before = args.resume.as_deref().map(folder::read_search).transpose()?;
    let known = before.as_ref().map(|record| record.asked.seed);
    let (mut places, mut folder) = (Places::default(), PathBuf::new());
    let mut place = |draft: &Draft| {
        let named = args.resume.as_deref().or(args.out.as_deref());
        folder = places.run_folder(named, &format!("capacity-{}", draft.name))?;
        Ok(())
    };
    let handle = RunHandle::listen()?;
    let flags = args.flags();
    let Ready { draft, seed, builtin } = match prepare(&handle, profile, &flags, known, args.wait, &tell, &mut place)? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let mut hunt = Hunt::new(handle, profile, args, draft, seed, folder)?;
    if let Some(before) = before {
        hunt.go_on_from(before)?;
    }
    tell(&hunt.introduction());
    let record = hunt.carry_out(&tell)?;
    drop(builtin);
    let dress = args.output.dress();
    let page = write(&record, Kind::Html, &dress);
    hunt.tried("the page of the search", folder::keep_page(&hunt.folder, &page));
    hunt.tried("the report on stdout", print(&write(&record, args.output.format.into(), &dress)));
    tell(&format!("kept in {}", hunt.folder.display()));
    Ok(hunt.kept(exit_of(&record, hunt.is_stopped())))
}

/// A profile and its endpoint before the first request of a search.
pub(super) struct Ready {
    pub(super) draft: Draft,
    pub(super) seed: u64,
    pub(super) builtin: Option<Builtin>,
}

/// Reads a profile and makes its endpoint ready; an exit where that cannot be. `known` is the seed of an earlier search, and
/// `place` makes the places for what is kept, before anything is sent.
pub(super) fn prepare(
    handle: &RunHandle,
    profile: &str,
    flags: &Flags,
    known: Option<u64>,
    wait: Option<Duration>,
    tell: &impl Fn(&str),
    place: &mut dyn FnMut(&Draft) -> anyhow::Result<()>,
) -> anyhow::Result<Result<Ready, Exit>> {
    let mut draft = match check_profile::read(profile, flags) {
        Ok(draft) => draft,
        Err(problems) => return Ok(Err(check_profile::draw(&problems))),
    };
    draft.notes.iter().for_each(|note| tell(&format!("note: {note}")));
    place(&draft)?;
    let seed = draft.seed.or(known).unwrap_or_else(fresh_seed);
    let settings = builtin_settings(&draft.builtin, &draft.target.contract, seed)?;
    let builtin = draft.target.builtin.then(|| Builtin::start(settings)).transpose()?;
    if let Some(builtin) = &builtin {
        draft.connect(&builtin.url, &builtin.key);
    }
    Ok(match preflight(handle, wait, &mut draft, seed, tell)? {
        Some(exit) => Err(exit),
        None => Ok(Ready { draft, seed, builtin }),
    })
}

fn exit_of(record: &Record, interrupted: bool) -> Exit {
    if interrupted {
        Exit::Interrupted
    } else if record.answer.holds {
        Exit::Pass
    } else if record.answer.limit == Limit::Client || record.answer.breaks_first.is_empty() {
        // Nothing is known of the endpoint where the client was the limit from the first stage on, or a bound was
        // reached before it.
        Exit::Invalid
    } else {
        Exit::Fail
    }
}

/// A search at work.
pub(super) struct Hunt {
    draft: Draft,
    seed: u64,
    /// Requests that have gone out alone, until a run says so.
    preflight: Cell<u64>,
    pub(super) goals: Goals,
    pub(super) search: Search,
    asked: Asked,
    /// Runs of an earlier answer that lasted longer than a stage.
    verifications: Vec<Verification>,
    pub(super) folder: PathBuf,
    keeping: RefCell<Keeping>,
    handle: Arc<RunHandle>,
}

/// What the grace period of a stage is cut to: an endpoint that is flooded need not finish it all.
const GRACE: Duration = Duration::from_secs(30);
/// How long an endpoint may take to come to rest before the search goes on all the same.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How often the requests in flight are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Characters of English to a token, for estimates.
const CHARACTERS: f64 = 4.0;
/// Tokens of an answer that nothing caps, for estimates.
const UNCAPPED: f64 = 256.0;

impl Hunt {
    pub(super) fn new(
        handle: Arc<RunHandle>,
        profile: &str,
        args: &SearchArgs,
        draft: Draft,
        seed: u64,
        folder: PathBuf,
    ) -> anyhow::Result<Hunt> {
        let plan = draft.plan(seed);
        let [load] = plan.loads.as_slice() else {
            bail!("the profile has several loads side by side; a search needs one, in [load]")
        };
        let (first, slots) = match &load.arrivals {
            Arrivals::Open { rate, .. } => (rate.steady(), false),
            Arrivals::Closed { slots, .. } => (slots.steady(), true),
            Arrivals::Trace { .. } => (None, false),
        };
        let first = first.context("a search needs a constant load to begin with: rate or concurrency")?;
        let warmup = match load.warmup {
            Warmup::Until(time) if !time.is_zero() => time,
            Warmup::Until(_) | Warmup::First(_) => draft.search.stage / 5,
        };
        let goals = goals_of(&draft, &plan)?;
        let terms = Terms::new(&draft.search, &goals, first, slots, warmup);
        let asked = asked(&draft, &plan, &goals, &terms, profile, args);
        Ok(Hunt {
            preflight: Cell::new(draft.preflight),
            draft,
            seed,
            goals,
            search: Search::new(terms),
            asked,
            verifications: Vec::new(),
            folder,
            keeping: RefCell::default(),
            handle,
        })
    }

    /// Goes on from a record whose answer is verified. One that was made before any goal on failures held by itself is
    /// verified with those of today.
    pub(super) fn look_up(&mut self, mut before: Record) -> anyhow::Result<()> {
        let asked = &mut before.asked;
        if asked.default_goals.is_empty() {
            asked.default_goals.clone_from(&self.asked.default_goals);
        }
        let guards = |goal: &String| Goal::read(goal).is_ok_and(|goal| goal.guards().is_some());
        let known = asked.goals.clone();
        let lacking = self.asked.goals.iter().filter(|goal| !known.contains(goal) && guards(goal));
        asked.goals.extend(lacking.cloned());
        self.go_on_from(before)
    }

    /// Takes the stages of an interrupted search over.
    pub(super) fn go_on_from(&mut self, before: Record) -> anyhow::Result<()> {
        if let Some(what) = before.asked.differs(&self.asked) {
            bail!("{} holds a search that differs in {what}; it cannot be continued", self.folder.display());
        }
        self.asked.started_unix_ms = before.asked.started_unix_ms;
        self.verifications = before.verifications;
        // A stage that was interrupted says nothing, and is carried out again.
        let whole = |stage: &Stage| !stage.reasons.iter().any(|reason| reason == "interrupted");
        before.stages.into_iter().filter(whole).for_each(|stage| self.search.record(stage));
        Ok(())
    }

    fn introduction(&self) -> String {
        let terms = self.search.terms();
        let goals = self.asked.all_goals().join(", ");
        let from = in_words(terms.from, terms.slots);
        let search = format!("{}: searching from {from} for the highest load that holds {goals}", self.asked.profile);
        let estimates = [1.0, 10.0, 100.0].map(|factor| self.estimated((terms.from * factor).min(terms.to)));
        let done = match self.search.stages().len() {
            0 => "stages:".to_owned(),
            done => format!("continuing after {done} stages"),
        };
        [search].into_iter().chain(estimates).chain([done]).collect::<Vec<_>>().join("\n")
    }

    /// What the search takes if the answer is this, in words.
    fn estimated(&self, answer: f64) -> String {
        let terms = self.search.terms();
        let estimate = estimate(terms, answer, self.request());
        let spent = estimate.spent;
        let cost = terms.price.of(spent.input_tokens, spent.output_tokens);
        let cost = if cost > 0.0 { format!(", cost {cost:.2}") } else { String::new() };
        format!(
            "  if that is about {}: {} stages, {}, {:.0} requests, {:.0} tokens{cost}",
            in_words(answer, terms.slots),
            estimate.stages,
            humantime::format_duration(Duration::from_secs(spent.time.as_secs())),
            spent.requests,
            spent.input_tokens + spent.output_tokens
        )
    }

    /// What a request is, as far as its body tells.
    fn request(&self) -> Request {
        let cases = self.draft.bodies();
        let weight: f64 = cases.iter().map(|(weight, _)| f64::from(*weight)).sum();
        let mean = |of: &dyn Fn(&serde_json::Value) -> f64| {
            cases.iter().map(|(weight, body)| f64::from(*weight) * of(body)).sum::<f64>() / weight.max(1.0)
        };
        let cap = |body: &serde_json::Value| ChatRequest::of(body).cap.map_or(UNCAPPED, |cap| cap as f64);
        let characters = |body: &serde_json::Value| ChatRequest::of(body).input.map_or(0, |i| i.to_string().len());
        let input = mean(&|body| characters(body) as f64 / CHARACTERS);
        Request { input, output: mean(&cap), takes_s: 1.0 }
    }

    fn carry_out(&mut self, tell: &impl Fn(&str)) -> anyhow::Result<Record> {
        // Killed before its first stage has ended, it goes on all the same.
        self.keep(None);
        let record = self.search_on(tell)?;
        if self.is_stopped() {
            say(&format!("interrupted: continue the search with --resume {}\n", self.folder.display()));
        }
        Ok(record)
    }

    /// Carries out stage after stage until the search is over, or the user asks to stop.
    fn search_on(&mut self, tell: &impl Fn(&str)) -> anyhow::Result<Record> {
        loop {
            let ending = match self.search.next() {
                Step::Stage(ask) if !self.is_stopped() => {
                    let stage = self.stage(&ask)?;
                    tell(&line(&stage, self.search.terms().slots));
                    self.search.record(stage);
                    None
                }
                Step::Stage(_) => return Ok(self.keep(None)),
                Step::Done(ending) => Some(ending),
            };
            let record = self.keep(ending.as_ref());
            if ending.is_some() {
                return Ok(record);
            }
        }
    }

    /// Whether the user has asked to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.handle.is_stopped()
    }

    fn keep(&self, ending: Option<&Ending>) -> Record {
        let verifications = self.verifications.clone();
        let record = Record { verifications, ..Record::of(self.asked.clone(), &self.search, ending) };
        self.tried("the record of the search", folder::keep_search(&self.folder, &record));
        record
    }

    /// Takes what came of an attempt to keep something; the search goes on without it.
    pub(super) fn tried(&self, what: &str, kept: anyhow::Result<()>) {
        self.keeping.borrow_mut().tried(what, kept);
    }

    /// What the search comes to, where this is what it measured.
    pub(super) fn kept(&self, measured: Exit) -> Exit {
        self.keeping.borrow().exit(measured)
    }

    /// Carries a stage out, and keeps its run.
    fn stage(&self, ask: &Ask) -> anyhow::Result<Stage> {
        let run = format!("stages/{:02}-{}{}", ask.number + 1, ask.load, if ask.confirms { "-confirm" } else { "" });
        let (parts, carried) = self.run(ask, self.left(), &run)?;
        let (pause, probes) = self.cool_down(&parts)?;
        let carried = Carried { took_s: carried.took_s + pause.as_secs_f64(), probes, ..carried };
        Ok(Stage { run: Some(run), ..Stage::of(carried, &self.goals, &parts) })
    }

    /// Sends a load within limits, and keeps the run in a folder of the search.
    pub(super) fn run(&self, ask: &Ask, limits: Limits, folder: &str) -> anyhow::Result<(Parts, Carried)> {
        let plan = Arc::new(self.plan(ask, limits));
        let folder = self.folder.join(folder);
        let control = self.under(control_of(&folder), &plan);
        let slots = self.search.terms().slots;
        let watch = watch(ask, slots, &control)?;
        let progress = Progress::start(control.live(), plan.length());
        let parts = run_by_case(&plan, &control)?;
        drop(progress);
        let (seen, took) = watch.finish();
        let seen = seen.context("the thread that watches the stage died")?;
        self.tried(&format!("the run {}", folder.display()), folder::keep(&parts.whole, &folder));
        let carried = Carried {
            load: ask.load,
            confirms: ask.confirms,
            in_flight: seen.backlog.mean(),
            backlog: growth(&seen, ask, slots),
            took_s: took.as_secs_f64(),
            probes: 0,
        };
        Ok((parts, carried))
    }

    /// Lets the endpoint come to rest: for as long as the terms say and, where it may still be at work on requests that
    /// nobody waits for any more, until one that is alone is answered as fast as at the lowest load that held. Returns
    /// how long that took, and the requests that it took.
    fn cool_down(&self, parts: &Parts) -> anyhow::Result<(Duration, u64)> {
        let pause = self.search.terms().cooldown;
        let within = self.search.at_rest_within().filter(|_| leaves_work(&parts.whole));
        let (mut waited, mut probes) = (Duration::ZERO, 0);
        loop {
            self.handle.pause(pause)?;
            waited += pause;
            let Some(within) = within else { return Ok((waited, probes)) };
            if self.is_stopped() || waited >= LONGEST_REST {
                return Ok((waited, probes));
            }
            probes += 1;
            let answered = self.answered_alone(probes)?;
            waited += answered.unwrap_or(GRACE);
            if answered.is_some_and(|took| took <= within) {
                return Ok((waited, probes));
            }
        }
    }

    /// How long a request takes that is alone, the nth behind its stage; none where it does not end well.
    fn answered_alone(&self, nth: u64) -> anyhow::Result<Option<Duration>> {
        let before: u64 = self.search.stages().iter().map(|stage| stage.probes).sum();
        // Prompts are not those of any stage, whose seeds go up.
        let mut plan = self.draft.plan(self.seed.wrapping_sub(before + nth));
        for load in &mut plan.loads {
            load.arrivals = Arrivals::Closed { slots: Course::constant(1.0), think: Think::default() };
            (load.count, load.duration, load.warmup) = (Some(1), None, Warmup::Until(Duration::ZERO));
            load.grace = load.grace.min(GRACE);
        }
        let control = self.under(Control::new(), &plan);
        let summary = run(&Arc::new(plan), &control)?;
        let times = summary.timings.get(Measure::ResponseTime.name());
        let time = times.and_then(|times| times.statistic(Population::Ok, Statistic::Max));
        Ok(time.map(|us| Duration::from_secs_f64(us / 1e6)))
    }

    /// Control over what is sent next, which the user holds too.
    fn under(&self, control: Control, plan: &Plan) -> Arc<Control> {
        let control = Arc::new(control);
        self.handle.hold(&control, plan);
        control
    }

    /// What the bounds of the search leave for a stage.
    fn left(&self) -> Limits {
        let spent = self.search.spent();
        let limits = &self.search.terms().limits;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts that are not negative")]
        let left = |limit: u64, spent: f64| limit.saturating_sub(spent as u64).max(1);
        Limits {
            time: None,
            requests: limits.requests.map(|limit| left(limit, spent.requests)),
            tokens: limits.tokens.map(|limit| left(limit, spent.input_tokens + spent.output_tokens)),
        }
    }

    /// The profile's plan with another load. Each stage has a seed of its own, so that no prompt comes twice.
    fn plan(&self, ask: &Ask, limits: Limits) -> Plan {
        let mut plan = self.draft.plan(self.seed.wrapping_add(1 + ask.number as u64));
        plan.limits = limits;
        plan.preflight = self.preflight.take();
        for load in &mut plan.loads {
            match &mut load.arrivals {
                Arrivals::Open { rate, .. } => *rate = Course::constant(ask.load),
                Arrivals::Closed { slots, .. } => *slots = Course::constant(ask.load),
                Arrivals::Trace { .. } => {}
            }
            load.duration = Some(ask.length());
            load.count = None;
            load.warmup = Warmup::Until(ask.warmup);
            load.grace = load.grace.min(GRACE);
        }
        plan
    }
}

/// Whether requests were given up that the endpoint may still be at work on.
fn leaves_work(summary: &Summary) -> bool {
    let given_up =
        |outcomes: &BTreeMap<String, u64>| ["unfinished", "timeout"].iter().any(|name| outcomes.contains_key(*name));
    given_up(&summary.outcomes) || given_up(&summary.warmup)
}

/// The load of a stage in words.
pub(super) fn in_words(value: impl fmt::Display, slots: bool) -> String {
    if slots { format!("concurrency {value}") } else { format!("{value}/s") }
}

fn line(stage: &Stage, slots: bool) -> String {
    let kind = if stage.confirms { "confirm " } else { "" };
    let reasons = if stage.reasons.is_empty() { String::new() } else { format!(": {}", stage.reasons.join("; ")) };
    format!("  {kind}{} {}{reasons}", in_words(stage.load, slots), stage.verdict.name())
}

fn goals_of(draft: &Draft, plan: &Plan) -> anyhow::Result<Goals> {
    let (mut whole, mut cases) = (Vec::new(), draft.search.goals.clone());
    for goal in with_defaults(plan.goals.clone(), plan.can_miss()) {
        match goal.apart() {
            (Some(case), goal) => cases.entry(case).or_default().push(goal),
            (None, goal) => whole.push(goal),
        }
    }
    let sent = || plan.loads.iter().flat_map(|load| &load.cases);
    let weight = |place: usize| f64::from(plan.cases[place].weight);
    let all: f64 = sent().map(|place| weight(*place)).sum();
    let of_case = |(name, goals): (String, Vec<Goal>)| {
        let place = sent().copied().find(|place| plan.cases[*place].name == name)?;
        Some(OfCase { place, name, share: weight(place) / all, goals })
    };
    let cases = cases.into_iter().map(of_case).collect::<Option<_>>();
    Ok(Goals { whole, cases: cases.context("a goal is for a case that the load does not send")? })
}

fn asked(draft: &Draft, plan: &Plan, goals: &Goals, terms: &Terms, reference: &str, args: &SearchArgs) -> Asked {
    let texts = |goals: &[Goal], default: bool| {
        goals.iter().filter(|goal| goal.default == default).map(|goal| goal.text.clone()).collect()
    };
    Asked {
        profile: plan.profile.clone(),
        reference: plain::line(reference),
        flags: args.words(&plan.target.shown()).iter().map(|word| plain::line(word)).collect(),
        terms: args.terms().iter().map(|word| plain::line(word)).collect(),
        target: plain::line(&plan.target.shown()),
        builtin: plan.target.builtin.then(|| format!("{:?}", draft.builtin)),
        dialect: plan.target.contract.name().to_owned(),
        model: plan.target.model.as_deref().map(plain::line),
        labels: plan.labels.clone(),
        goals: texts(&goals.whole, false),
        default_goals: texts(&goals.whole, true),
        case_goals: goals.cases.iter().map(|case| (case.name.clone(), texts(&case.goals, false))).collect(),
        cases: plan.cases.iter().map(|case| (case.name.clone(), case.weight)).collect(),
        concurrency: terms.slots,
        load: plan.describe(),
        from: terms.from,
        to: terms.to,
        precision: terms.precision,
        stage_s: terms.lasting[0].as_secs_f64(),
        confirm_s: terms.lasting[1].as_secs_f64(),
        seed: plan.seed,
        started_unix_ms: crate::run::unix_ms(),
    }
}

/// The requests in flight over a stage, and whether they made it end early.
struct Seen {
    backlog: Backlog,
    cut: bool,
}

/// Looks at the requests in flight, and gives the stage up once there is nothing more to learn.
fn watch(ask: &Ask, slots: bool, control: &Arc<Control>) -> anyhow::Result<Sampler<Seen>> {
    let own = *ask;
    let nothing = Seen { backlog: Backlog::new(ask.load, ask.warmup.as_secs_f64()), cut: false };
    let see = move |seen: &mut Seen, at: Duration, in_flight: usize| {
        if at > own.length() || seen.cut {
            return false;
        }
        seen.backlog.see(at.as_secs_f64(), in_flight as f64);
        seen.cut = !slots && own.settled && seen.backlog.overflows();
        seen.cut
    };
    Sampler::start(control, LOOK, nothing, see).context("starting a thread")
}

/// Whether what was seen within the window grew.
fn growth(seen: &Seen, ask: &Ask, slots: bool) -> Growth {
    if seen.cut {
        Growth::Cut
    } else if !slots && ask.settled && seen.backlog.grew() {
        Growth::Grew
    } else {
        Growth::Steady
    }
}

/// The folder of a search by its name.
pub(super) fn read(reference: &str) -> anyhow::Result<Record> {
    folder::read_search(Path::new(&folder::meant(reference)?))
}
