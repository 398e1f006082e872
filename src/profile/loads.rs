//! The loads of a profile: from its tables to due times, with every fault that the schema cannot see.

use std::collections::BTreeMap;
use std::time::Duration;

use super::files::Kind;
use super::resolve::{Resolver, SLACK, case_name, listed};
use super::{
    ArrivalsName, CaseTable, ClosedTable, LoadTable, OpenTable, OverCapName, RetryAfterName, SpikesTable, StageTable,
    StepsTable, TraceTable,
};
use crate::plan::prompt::trace::{Layout, LineFault, Trace, read};
use crate::plan::schedule::course::{Course, Piece};
use crate::plan::schedule::think::Think;
use crate::plan::schedule::{Arrivals, Cap, Load, OverCap, Spacing, Warmup};
use crate::wire::json::pointer_token;
use crate::wire::plain::line;

/// Most pieces that a course may have: more are most likely a mistake in a unit.
const MOST_PIECES: usize = 100_000;
/// What stages that last nothing or for ever are told.
const NEEDS_END: &str = "add duration = \"30s\" or count = 1000";

/// Most loads side by side: each knows all of its cases, and is paced by itself.
const MOST_LOADS: usize = 100;

/// The names of the cases, in their order and by name; of two of one name, the first counts.
struct Names<'n> {
    in_order: Vec<&'n str>,
    places: BTreeMap<&'n str, usize>,
}

impl<'n> Names<'n> {
    fn of(names: &'n [String]) -> Names<'n> {
        let in_order: Vec<&str> = names.iter().map(String::as_str).collect();
        let places = in_order.iter().enumerate().rev().map(|(place, name)| (*name, place)).collect();
        Names { in_order, places }
    }
}

/// What open and closed loads have in common.
struct Common<'t> {
    duration: Option<&'t String>,
    count: Option<u64>,
    warmup: Option<&'t String>,
    warmup_count: Option<u64>,
    grace: Option<&'t String>,
    max_in_flight: Option<u64>,
    over_cap: OverCapName,
    retry_after: RetryAfterName,
}

/// The keys that a table of either kind has.
macro_rules! common {
    ($table:expr) => {
        Common {
            duration: $table.duration.as_ref(),
            count: $table.count,
            warmup: $table.warmup.as_ref(),
            warmup_count: $table.warmup_count,
            grace: $table.grace.as_ref(),
            max_in_flight: $table.max_in_flight,
            over_cap: $table.over_cap,
            retry_after: $table.retry_after,
        }
    };
}

impl Resolver<'_> {
    /// The loads; none where one of them cannot be read, which is a fault.
    pub(super) fn loads(
        &mut self,
        one: Option<&LoadTable>,
        several: &BTreeMap<String, LoadTable>,
        cases: &[CaseTable],
        total: Duration,
    ) -> Option<(Vec<Load>, Vec<Option<Trace>>)> {
        let names: Vec<String> = cases.iter().enumerate().map(|(number, case)| case_name(number, case)).collect();
        let names = Names::of(&names);
        match one {
            Some(_) if !several.is_empty() => {
                self.fault("/loads", "both [load] and [loads]", "", "keep one of them".to_owned());
                None
            }
            None if several.len() > MOST_LOADS => {
                let help = "a load can send several cases, by their weights".to_owned();
                self.fault("/loads", format!("{} loads, and at most {MOST_LOADS} can be", several.len()), "", help);
                None
            }
            None if !several.is_empty() => {
                let loads = several.iter().map(|(name, table)| {
                    let (load, trace) = self.load(&format!("/loads/{}", pointer_token(name)), table, &names, total)?;
                    Some((Load { name: Some(line(name)), ..load }, trace))
                });
                // Every load is looked at before one that is wrong ends it, so that all faults are shown.
                let loads: Vec<Option<(Load, Option<Trace>)>> = loads.collect();
                loads.into_iter().collect::<Option<Vec<_>>>().map(|loads| loads.into_iter().unzip())
            }
            one => {
                let (load, trace) = self.load("/load", one.unwrap_or(&LoadTable::default()), &names, total)?;
                Some((vec![load], vec![trace]))
            }
        }
    }

    fn load(
        &mut self,
        at: &str,
        table: &LoadTable,
        names: &Names<'_>,
        total: Duration,
    ) -> Option<(Load, Option<Trace>)> {
        let cases = self.cases_of(at, &table.cases, names);
        let load = match (&table.open, &table.closed) {
            (Some(open), None) => self.open(&format!("{at}/open"), open, total),
            (None, Some(closed)) => self.closed(&format!("{at}/closed"), closed, total).map(|load| (load, None)),
            (Some(_), Some(_)) => {
                self.fault(
                    &format!("{at}/closed"),
                    "both an open and a closed load",
                    "",
                    "keep one of them".to_owned(),
                );
                None
            }
            (None, None) if self.faulty.is(at) => None,
            (None, None) => {
                let help =
                    "add [load.open] with rate and duration, or [load.closed] with concurrency and duration or count";
                self.fault(at, "no load is defined", "", help.to_owned());
                None
            }
        };
        let (load, trace) = load?;
        Some((Load { cases, ..load }, trace))
    }

    /// The cases that a load names; all of them where it names none.
    fn cases_of(&mut self, at: &str, wanted: &[String], names: &Names<'_>) -> Vec<usize> {
        if wanted.is_empty() {
            return (0..names.in_order.len()).collect();
        }
        let mut cases = Vec::new();
        for (index, name) in wanted.iter().enumerate() {
            match names.places.get(line(name).as_str()) {
                Some(case) => cases.push(*case),
                None => self.fault(
                    &format!("{at}/cases/{index}"),
                    format!("there is no case {name:?}"),
                    "",
                    format!("known are {}", listed(&names.in_order)),
                ),
            }
        }
        cases
    }

    fn open(&mut self, at: &str, table: &OpenTable, total: Duration) -> Option<(Load, Option<Trace>)> {
        let (arrivals, trace) = match table.arrivals {
            ArrivalsName::Trace => self.trace(at, table).unzip(),
            ArrivalsName::Constant | ArrivalsName::Poisson | ArrivalsName::Gamma => (self.drawn(at, table), None),
        };
        Some((self.finish(at, arrivals, &common!(table), total)?, trace))
    }

    fn closed(&mut self, at: &str, table: &ClosedTable, total: Duration) -> Option<Load> {
        let think = self.think(&format!("{at}/think_time"), table.think_time.as_ref());
        if matches!(table.over_cap, OverCapName::Drop) && think.is_none() {
            let help = "a dropped request would be sent again at once; add think_time, or let it queue";
            self.fault(&format!("{at}/over_cap"), "drop needs a think_time in a closed load", "", help.to_owned());
        }
        let slots = self.concurrency(at, table);
        let arrivals = slots.map(|slots| Arrivals::Closed { slots, think });
        self.finish(at, arrivals, &common!(table), total)
    }

    /// How long a user thinks; not at all where nothing is written.
    pub(super) fn think(&mut self, pointer: &str, text: Option<&String>) -> Think {
        match text.map(|text| text.parse::<Think>()) {
            None => Think::None,
            Some(Ok(think)) => think,
            Some(Err(error)) => {
                let help = "write 2s, uniform:1s:3s, exponential:2s or lognormal:2s:0.5".to_owned();
                self.fault(pointer, "think_time is not a time", error, help);
                Think::None
            }
        }
    }

    /// The load, once it is known what makes its requests due.
    fn finish(&mut self, at: &str, arrivals: Option<Arrivals>, common: &Common<'_>, total: Duration) -> Option<Load> {
        let duration = self.positive(&format!("{at}/duration"), common.duration);
        let grace = self.duration(&format!("{at}/grace"), common.grace).unwrap_or(total + SLACK);
        let policy = match common.over_cap {
            OverCapName::Queue => OverCap::Queue,
            OverCapName::Drop => OverCap::Drop,
        };
        let cap =
            common.max_in_flight.and_then(|cap| usize::try_from(cap).ok()).map(|in_flight| Cap { in_flight, policy });
        let mut load = Load {
            name: None,
            arrivals: arrivals.clone().unwrap_or(Arrivals::Trace { times: [].into() }),
            duration,
            count: common.count,
            warmup: Warmup::Until(Duration::ZERO),
            grace,
            cap,
            obeys_retry_after: common.retry_after == RetryAfterName::Obey,
            cases: Vec::new(),
        };
        // Without arrivals, which are a fault already, no more is known of how long it lasts.
        let length = if arrivals.is_some() { load.length() } else { duration };
        load.warmup = self.warmup(at, common, length);
        let ends = self.lacks(&[&format!("{at}/duration"), &format!("{at}/count")]);
        if ends && arrivals.is_some() && load.length().is_none() {
            self.fault(at, format!("{} needs an end", table_name(at)), "", NEEDS_END.to_owned());
        }
        arrivals.map(|_| load)
    }

    /// The warm-up of a load, which must leave something to measure.
    fn warmup(&mut self, at: &str, common: &Common<'_>, length: Option<Duration>) -> Warmup {
        let pointer = format!("{at}/warmup");
        let time = self.duration(&pointer, common.warmup).unwrap_or_default();
        let whole = "the warm-up is as long as the whole run";
        if length.is_some_and(|length| time >= length) && !time.is_zero() {
            let help = "a shorter warm-up, or none, as with warmup = \"0s\", leaves something to measure".to_owned();
            self.fault(&pointer, whole, "nothing would be measured", help);
        }
        let Some(count) = common.warmup_count else { return Warmup::Until(time) };
        let pointer = format!("{at}/warmup_count");
        if common.warmup.is_some() {
            self.fault(&pointer, "both warmup and warmup_count are given", "", "keep one of them".to_owned());
        }
        if common.count.is_some_and(|all| count >= all) {
            self.fault(&pointer, whole, "nothing would be measured", None);
        }
        Warmup::First(count)
    }

    /// Arrivals at a rate.
    fn drawn(&mut self, at: &str, table: &OpenTable) -> Option<Arrivals> {
        if table.trace.is_some() {
            self.fault(&format!("{at}/trace"), "a trace without arrivals = \"trace\"", "", None);
        }
        let spacing = match (table.arrivals, table.burstiness) {
            (ArrivalsName::Gamma, Some(shape)) => Spacing::Gamma { shape },
            (ArrivalsName::Gamma, None) => {
                let help = "add burstiness = 0.5: 1 is poisson, the smaller, the burstier".to_owned();
                self.fault(&format!("{at}/arrivals"), "gamma arrivals need a burstiness", "", help);
                Spacing::Poisson
            }
            (other, burstiness) => {
                if burstiness.is_some() {
                    let help = "set arrivals = \"gamma\"".to_owned();
                    self.fault(&format!("{at}/burstiness"), "only gamma arrivals have a burstiness", "", help);
                }
                if matches!(other, ArrivalsName::Poisson) { Spacing::Poisson } else { Spacing::Even }
            }
        };
        let given = [table.rate.is_some(), !table.stages.is_empty(), table.steps.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            let help = "one of rate = 10 (requests per second), stages and steps".to_owned();
            let known = ["rate", "stages", "steps"].map(|key| format!("{at}/{key}"));
            let several = !self.lacks(&known.each_ref().map(String::as_str));
            let title = if several { "more than one rate" } else { "no rate" };
            // A rate of the wrong type is a fault already.
            if given.contains(&true) || !several {
                self.fault(at, format!("{title} in {}", table_name(at)), "", help);
            }
            return None;
        }
        let rate = match (table.rate, &table.steps) {
            (Some(rate), _) => match &table.spikes {
                None => Some(Course::constant(rate)),
                Some(spikes) => self.spikes(at, rate, spikes, table.duration.as_ref()),
            },
            (None, Some(steps)) => self.steps(at, steps),
            (None, None) => self.stages(at, &table.stages, "rate", |stage| stage.rate),
        };
        if table.rate.is_none() && table.spikes.is_some() {
            self.fault(&format!("{at}/spikes"), "spikes come on top of rate", "", None);
        }
        Some(Arrivals::Open { rate: rate?, spacing })
    }

    fn concurrency(&mut self, at: &str, table: &ClosedTable) -> Option<Course> {
        let ramp = self.positive(&format!("{at}/ramp"), table.ramp.as_ref());
        match (table.concurrency, table.stages.is_empty()) {
            (Some(slots), true) => {
                let slots = slots as f64;
                let up = ramp.map(|ramp| Piece { from: 0.0, to: slots, lasting: Some(ramp) });
                let then = Piece { from: slots, to: slots, lasting: None };
                Some(Course::new(&up.into_iter().chain([then]).collect::<Vec<_>>()))
            }
            (None, false) => {
                if ramp.is_some() {
                    self.fault(&format!("{at}/ramp"), "stages have ramps of their own", "use from and to", None);
                }
                self.stages(at, &table.stages, "concurrency", |stage| stage.concurrency)
            }
            (Some(_), false) => {
                self.fault(
                    &format!("{at}/stages"),
                    "both concurrency and stages are given",
                    "",
                    "keep one of them".to_owned(),
                );
                None
            }
            (None, true) => {
                if self.lacks(&[&format!("{at}/concurrency"), &format!("{at}/stages")]) {
                    let help = "add concurrency = 16, the number of requests in flight".to_owned();
                    self.fault(at, format!("{} needs concurrency", table_name(at)), "", help);
                }
                None
            }
        }
    }

    fn stages(
        &mut self,
        at: &str,
        stages: &[StageTable],
        key: &str,
        steady: impl Fn(&StageTable) -> Option<f64>,
    ) -> Option<Course> {
        let mut pieces = Vec::new();
        for (number, stage) in stages.iter().enumerate() {
            let own = format!("{at}/stages/{number}");
            let foreign = if key == "rate" { stage.concurrency } else { stage.rate };
            let ends = match (steady(stage), stage.from, stage.to) {
                (Some(value), None, None) if foreign.is_none() => Some((value, value)),
                (None, Some(from), Some(to)) if foreign.is_none() => Some((from, to)),
                _ => {
                    let help =
                        format!("{{ {key} = 10, duration = \"30s\" }} or {{ from = 10, to = 50, duration = \"1m\" }}");
                    self.fault(&own, format!("a stage has either {key} or from and to"), "", help);
                    None
                }
            };
            if stage.duration.is_none() && self.lacks(&[&format!("{own}/duration")]) {
                self.fault(&own, "a stage needs a duration", "", None);
            }
            let lasting = self.positive(&format!("{own}/duration"), stage.duration.as_ref());
            pieces.extend(ends.zip(lasting).map(|((from, to), lasting)| Piece { from, to, lasting: Some(lasting) }));
        }
        let course = (pieces.len() == stages.len()).then(|| Course::new(&pieces))?;
        if course.highest() <= 0.0 {
            self.fault(&format!("{at}/stages"), "no stage is above 0", "nothing would be sent", None);
        }
        Some(course)
    }

    fn steps(&mut self, at: &str, steps: &StepsTable) -> Option<Course> {
        let own = format!("{at}/steps");
        let every = self.positive(&format!("{own}/every"), Some(&steps.every))?;
        let count = (steps.to - steps.from).abs() / steps.by;
        if count >= MOST_PIECES as f64 {
            self.fault(&own, format!("more than {MOST_PIECES} steps"), "", None);
            return None;
        }
        let by = steps.by * (steps.to - steps.from).signum();
        // The tolerance keeps the last step where binary fractions fall a little short of it.
        let pieces = (0..).map(|step| steps.from + by * f64::from(step));
        let pieces = pieces.take_while(|rate| (rate - steps.from).abs() <= (steps.to - steps.from).abs() + 1e-9);
        let piece = |rate| Piece { from: rate, to: rate, lasting: Some(every) };
        Some(Course::new(&pieces.take(MOST_PIECES).map(piece).collect::<Vec<_>>()))
    }

    fn spikes(&mut self, at: &str, rate: f64, spikes: &SpikesTable, duration: Option<&String>) -> Option<Course> {
        let own = format!("{at}/spikes");
        let every = self.positive(&format!("{own}/every"), Some(&spikes.every));
        let lasting = self.positive(&format!("{own}/lasting"), Some(&spikes.lasting));
        // What is wrong with it is a fault of its own.
        let length = duration.and_then(|text| humantime::parse_duration(text).ok());
        let Some(length) = length else {
            self.fault(&own, "spikes need a duration", "", "add duration = \"5m\"".to_owned());
            return None;
        };
        let (every, lasting) = (every?, lasting?);
        if lasting >= every {
            self.fault(&format!("{own}/lasting"), "a spike lasts longer than it is to the next", "", None);
            return None;
        }
        if length.as_secs_f64() / every.as_secs_f64() >= MOST_PIECES as f64 {
            self.fault(&own, format!("more than {MOST_PIECES} spikes"), "", None);
            return None;
        }
        let flat = |rate, lasting| Piece { from: rate, to: rate, lasting: Some(lasting) };
        let mut pieces = vec![flat(rate, every)];
        let mut covered = every;
        while covered < length {
            pieces.extend([flat(spikes.rate, lasting), flat(rate, every.saturating_sub(lasting))]);
            covered += every;
        }
        Some(Course::new(&pieces))
    }

    pub(super) fn positive(&mut self, pointer: &str, text: Option<&String>) -> Option<Duration> {
        let duration = self.duration(pointer, text)?;
        if duration.is_zero() {
            self.fault(pointer, "the duration is 0", "expected more than 0", None);
            return None;
        }
        Some(duration)
    }
}

/// A load's table as it is written.
fn table_name(pointer: &str) -> String {
    format!("[{}]", pointer.trim_start_matches('/').replace('/', "."))
}

impl Resolver<'_> {
    /// Arrivals at the times of a recording, and the recording.
    fn trace(&mut self, at: &str, table: &OpenTable) -> Option<(Arrivals, Trace)> {
        for (key, set) in [
            ("rate", table.rate.is_some()),
            ("stages", !table.stages.is_empty()),
            ("steps", table.steps.is_some()),
            ("spikes", table.spikes.is_some()),
            ("burstiness", table.burstiness.is_some()),
        ] {
            if set {
                self.fault(
                    &format!("{at}/{key}"),
                    format!("a trace has its own times, so {key} does not apply"),
                    "",
                    None,
                );
            }
        }
        let Some(written) = &table.trace else {
            let help = "add trace = { file = \"requests.csv\" }".to_owned();
            self.fault(&format!("{at}/arrivals"), "arrivals of a trace need one", "", help);
            return None;
        };
        let trace = self.recording(&format!("{at}/trace"), written)?;
        let speed = written.speed.unwrap_or(1.0);
        let times = trace.rows.iter().map(|row| row.at.div_f64(speed)).collect();
        Some((Arrivals::Trace { times }, trace))
    }

    fn recording(&mut self, at: &str, written: &TraceTable) -> Option<Trace> {
        let file = format!("{at}/file");
        let text = self.text(&file, &written.file, Kind::TRACE)?;
        let layout = match &written.layout {
            None if written.columns.is_empty() => Ok(Layout::guessed(&text)),
            name => Layout::named(name.as_deref().unwrap_or("csv"), &written.columns),
        };
        let layout = match layout {
            Ok(layout) => layout,
            Err(error) => {
                self.fault(at, "the layout of the trace is not known", error, None);
                return None;
            }
        };
        match read(&text, &layout) {
            Ok(trace) if trace.rows.is_empty() => {
                self.fault(&file, format!("{:?} holds no request", written.file), "", None);
                None
            }
            Ok(trace) => Some(trace),
            Err(faults) => {
                for LineFault { line, message } in faults {
                    self.fault(&file, format!("{}:{line}: {message}", written.file), "", None);
                }
                None
            }
        }
    }
}
