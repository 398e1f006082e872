//! Whether the measurement itself can be believed.
//!
//! Every threshold stands in this file. An invalid run never passes; a doubtful one says why on top of its report.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Summary;
use super::moments::Moments;
use super::steady::{Stand, Steady};
use crate::plan::goal::{Measure, Population, Statistic};

/// Lateness p99 above this and above this share of the smallest headline figure is doubtful.
const LATENESS_DOUBTFUL: (Duration, f64) = (Duration::from_millis(10), 0.1);
/// Lateness p99 above this and above this share of the smallest headline figure is invalid.
const LATENESS_INVALID: (Duration, f64) = (Duration::from_millis(100), 1.0);
/// Share of the asked rate that must be achieved: below the first doubtful, below the second invalid.
const ACHIEVED: (f64, f64) = (0.99, 0.95);
/// CPU time over wall time and cores: above the first doubtful, above the second invalid.
const CPU: (f64, f64) = (0.85, 0.95);
/// How often the threads that stamp arrivals wake.
pub const HEARTBEAT: Duration = Duration::from_millis(10);
/// A heartbeat may be late by this much once.
pub const HEARTBEAT_LATE: Duration = Duration::from_millis(50);
const LATE_HEARTBEATS: u64 = 1;
/// A single heartbeat is one too many that comes as late as the smallest figure of a reply is long, but not below the
/// first nor above the second of these. The stop that made it late began up to a heartbeat before.
const STALLED: [Duration; 2] = [Duration::from_millis(90), Duration::from_millis(240)];
/// A heartbeat that comes this late waited for a core, or slept too long.
pub const HEARTBEAT_SLUGGISH: Duration = Duration::from_millis(5);
/// Share of the heartbeats that may be sluggish. Beside two busy loops on two cores it is up to 10 %, without them 0.
const SLUGGISH: f64 = 0.01;
/// What the threads that stamp arrivals may wait for a core on average, each time they are to run. On a machine whose
/// cores are full but shared fairly it is some tens of microseconds.
const WAITED: Duration = Duration::from_millis(1);
/// Fewer heartbeats say nothing about shares.
const BEATS: u64 = 100;
/// Connections opened beyond the most in flight, as a share of the requests.
const REDIALS: f64 = 0.1;
/// Share of file descriptors and of ephemeral ports that must be left.
const HEADROOM: f64 = 0.1;
/// What the client counted in flight against what the instants of the exchanges say: above the first share doubtful,
/// above the second invalid. Each of the two clocks may be read a millisecond late for each request.
const LITTLE: (f64, f64) = (0.02, 0.1);
const LITTLE_EACH_US: u64 = 1_000;
/// A window with a trend in its response times is not steady: fewest rows, score of the test, least change of the
/// medians as a share and in microseconds. Where the load itself has a trend of that share, there is no verdict.
pub(super) const TREND_ROWS: usize = 20;
pub(super) const TREND_SCORE: f64 = 3.29;
pub(super) const TREND_GROWTH: f64 = 0.25;
pub(super) const TREND_LEAST_US: f64 = 1_000.0;
pub(super) const TREND_LOAD: f64 = 0.1;
/// Share of prompt tokens from a cache that goes unsaid: of prompts that repeat, and of prompts that are all distinct,
/// where the template and a short system message are still the same for all.
const CACHED: (f64, f64) = (0.01, 0.2);
/// Share of the replies with usage that may claim more tokens than their text can hold.
const IMPLAUSIBLE: f64 = 0.01;
/// Below this many requests, shares of them say nothing.
const FEW: u64 = 20;

/// How the client was while it measured. Times and counts add up; extremes keep the worse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// CPU time that the process used, where it can be read.
    pub cpu_us: Option<u64>,
    /// Wall time times cores.
    pub core_us: u64,
    /// Heartbeats, one each 10 ms, of the thread that stamps arrivals of which most were sluggish.
    pub heartbeats: u64,
    /// Heartbeats that came more than 5 ms late.
    pub sluggish_heartbeats: u64,
    /// Heartbeats that came more than 50 ms late, of the thread with the most.
    pub late_heartbeats: u64,
    /// Of these, those in which no thread waited for a core: the process was stopped, or the machine was.
    pub stops: u64,
    /// The latest of them.
    pub worst_heartbeat_us: u64,
    /// How long the threads that stamp arrivals waited for a core, where it can be read.
    pub waited_us: Option<u64>,
    /// How often they were given one.
    pub turns: Option<u64>,
    /// Periods in which the control group throttled us, where it can be read.
    pub throttled_periods: Option<u64>,
    /// Requests whose end was never reported: a fault of this program.
    pub lost: u64,
    /// CPU time of all processes of the machine, of all that its cores have, where it can be read.
    pub machine: Option<Used>,
    /// Requests that failed because this process may open no more files.
    pub out_of_descriptors: u64,
    /// Requests that failed because the system has no port left.
    pub out_of_ports: u64,
    /// Connections opened.
    pub dials: u64,
    /// Most requests in flight at once.
    pub peak_in_flight: u64,
    /// Time in flight within the window, as counted where requests are sent, where it was.
    pub in_flight_us: Option<u64>,
    /// Most file descriptors open at once, and how many may be.
    pub descriptors: Option<Used>,
    /// Ephemeral ports used up by connections, and how many there are; not counted for one HTTP/2 connection.
    pub ports: Option<Used>,
    /// How it was second by second.
    #[serde(default, skip_serializing_if = "unseen")]
    pub moments: Moments,
}

fn unseen(moments: &Moments) -> bool {
    moments.rows.is_empty()
}

/// How much of something was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// Used at most.
    pub used: u64,
    /// There are.
    pub of: u64,
}

impl Health {
    /// Adds the health of another part of the run.
    pub fn merge(&mut self, other: &Health) {
        let add = |a: Option<u64>, b: Option<u64>| a.map_or(b, |a| Some(a + b.unwrap_or(0)));
        self.cpu_us = add(self.cpu_us, other.cpu_us);
        self.core_us += other.core_us;
        self.heartbeats += other.heartbeats;
        self.sluggish_heartbeats += other.sluggish_heartbeats;
        self.late_heartbeats += other.late_heartbeats;
        self.stops += other.stops;
        self.out_of_descriptors += other.out_of_descriptors;
        self.out_of_ports += other.out_of_ports;
        self.worst_heartbeat_us = self.worst_heartbeat_us.max(other.worst_heartbeat_us);
        self.waited_us = add(self.waited_us, other.waited_us);
        self.turns = add(self.turns, other.turns);
        self.throttled_periods = add(self.throttled_periods, other.throttled_periods);
        self.lost += other.lost;
        self.dials += other.dials;
        self.peak_in_flight += other.peak_in_flight;
        self.in_flight_us = add(self.in_flight_us, other.in_flight_us);
        self.machine = both(self.machine, other.machine);
        self.descriptors = worse(self.descriptors, other.descriptors);
        self.ports = worse(self.ports, other.ports);
        self.moments.merge(other.moments.clone());
    }

    /// CPU time over wall time and cores.
    pub fn cpu_share(&self) -> Option<f64> {
        Some(self.cpu_us? as f64 / self.core_us.max(1) as f64)
    }

    /// What the threads that stamp arrivals waited for a core on average, in microseconds.
    pub fn mean_wait_us(&self) -> Option<f64> {
        Some(self.waited_us? as f64 / self.turns?.max(1) as f64)
    }
}

fn both(a: Option<Used>, b: Option<Used>) -> Option<Used> {
    [a, b].into_iter().flatten().reduce(|a, b| Used { used: a.used + b.used, of: a.of + b.of })
}

fn worse(a: Option<Used>, b: Option<Used>) -> Option<Used> {
    [a, b].into_iter().flatten().max_by(|a, b| a.share().total_cmp(&b.share()).then(a.of.cmp(&b.of)))
}

impl Used {
    fn share(self) -> f64 {
        self.used as f64 / self.of.max(1) as f64
    }
}

/// Whether a measurement can be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trust {
    /// The verdict.
    pub verdict: Belief,
    /// The same by what the client did alone, whatever the endpoint did: a goal that is broken is broken though response
    /// times rise within the window.
    pub client: Belief,
    /// Why it is not `trusted`, the worst first.
    pub reasons: Vec<String>,
}

/// How far a measurement can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Belief {
    /// Nothing speaks against it.
    Trusted,
    /// Something may have distorted it.
    Doubtful,
    /// It measures something else than the endpoint.
    Invalid,
}

impl Belief {
    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Belief::Trusted => "trusted",
            Belief::Doubtful => "doubtful",
            Belief::Invalid => "invalid",
        }
    }
}

impl Trust {
    /// Weighs a run.
    pub fn of(summary: &Summary) -> Trust {
        let ours: Vec<(Belief, String)> = [
            cut_off(summary),
            lateness(summary),
            achieved(summary),
            cpu(summary),
            heartbeats(summary),
            busy(summary),
            throttled(summary),
            redials(summary),
        ]
        .into_iter()
        .chain([
            headroom("file descriptors", summary.health.descriptors),
            headroom("ephemeral ports", summary.health.ports),
            exhausted("file descriptors: raise the limit (ulimit -n)", summary.health.out_of_descriptors),
            exhausted("ports: use fewer connections, or more addresses", summary.health.out_of_ports),
        ])
        .chain([lost(summary), unjudged(summary), little(summary)])
        .flatten()
        .collect();
        let client = ours.iter().map(|(belief, _)| *belief).max().unwrap_or(Belief::Trusted);
        let theirs = [steady(summary), claims(summary), cached(summary)];
        let mut reasons: Vec<(Belief, String)> = ours.into_iter().chain(theirs.into_iter().flatten()).collect();
        reasons.sort_by_key(|(belief, _)| std::cmp::Reverse(*belief));
        let verdict = reasons.first().map_or(Belief::Trusted, |(belief, _)| *belief);
        Trust { verdict, client, reasons: reasons.into_iter().map(|(_, reason)| reason).collect() }
    }
}

type Reason = Option<(Belief, String)>;

/// What came of the load behind the last checkpoint is not known.
fn cut_off(summary: &Summary) -> Reason {
    Some((Belief::Invalid, summary.ending.cut_off()?))
}

fn percentile(summary: &Summary, measure: Measure, population: Population, p: f64) -> Option<f64> {
    summary.timings.get(measure.name())?.statistic(population, Statistic::Percentile(p))
}

/// Medians of what a report states of a reply and what our own delay can spoil, in microseconds from when it was sent.
fn headlines(summary: &Summary, measures: &[Measure]) -> Option<f64> {
    let medians = measures.iter().filter_map(|measure| percentile(summary, *measure, Population::Ok, 50.0));
    medians.min_by(f64::total_cmp)
}

/// What goes out late makes first tokens late where there are streams, and whole replies.
fn lateness(summary: &Summary) -> Reason {
    let late = percentile(summary, Measure::Lateness, Population::All, 99.0)?;
    let smallest = headlines(summary, &[Measure::FirstTokenFromSent, Measure::ServiceTime]).unwrap_or(0.0);
    let above = |(least, share): (Duration, f64)| late > (least.as_secs_f64() * 1e6).max(share * smallest);
    let belief = if above(LATENESS_INVALID) {
        Belief::Invalid
    } else if above(LATENESS_DOUBTFUL) {
        Belief::Doubtful
    } else {
        return None;
    };
    Some((belief, format!("requests were sent late by the client: lateness p99 is {:.1} ms", late / 1000.0)))
}

/// A cap on requests in flight that was reached is a reason of its own, shown as `queued` or `missed`.
fn achieved(summary: &Summary) -> Reason {
    let asked = summary.planned() - summary.count(&["unsent", "missed"]);
    if summary.meta.rate_per_s.is_none() || summary.meta.capped || asked < FEW {
        return None;
    }
    let share = summary.counts.sent_in_time as f64 / asked as f64;
    let belief = if share < ACHIEVED.1 {
        Belief::Invalid
    } else if share < ACHIEVED.0 {
        Belief::Doubtful
    } else {
        return None;
    };
    Some((belief, format!("the client reached {:.1} % of the asked rate", share * 100.0)))
}

fn cpu(summary: &Summary) -> Reason {
    let share = summary.health.cpu_share()?;
    let belief = if share > CPU.1 {
        Belief::Invalid
    } else if share > CPU.0 {
        Belief::Doubtful
    } else {
        return None;
    };
    let whose = if summary.meta.builtin { "client and built-in endpoint" } else { "client" };
    Some((belief, format!("the {whose} used {:.0} % of the machine's cores", share * 100.0)))
}

/// A stop makes what arrives meanwhile late: a gap between tokens as well as a first token.
fn heartbeats(summary: &Summary) -> Reason {
    let health = &summary.health;
    let smallest = [Measure::FirstTokenFromSent, Measure::TokenGap, Measure::ServiceTime];
    let [least, most] = STALLED.map(|limit| limit.as_secs_f64() * 1e6);
    let stalled = health.worst_heartbeat_us as f64 >= headlines(summary, &smallest).unwrap_or(least).clamp(least, most);
    (health.late_heartbeats > LATE_HEARTBEATS || stalled).then(|| {
        let what = if health.stops > 0 { "stopped, or the machine was" } else { "not scheduled" };
        let times =
            if health.late_heartbeats == 1 { "once".to_owned() } else { format!("{} times", health.late_heartbeats) };
        let worst = health.worst_heartbeat_us / 1000;
        (Belief::Doubtful, format!("the client was {what}, {times}, for up to {worst} ms"))
    })
}

/// Others had the cores: the client's threads wait, and its clocks with them. An endpoint on the same machine is one of
/// the others, and may fill every core as long as our threads get one when they need it.
fn busy(summary: &Summary) -> Reason {
    let health = &summary.health;
    let sluggish = health.sluggish_heartbeats as f64 / health.heartbeats.max(1) as f64;
    let waited = health.mean_wait_us().filter(|mean| *mean > WAITED.as_secs_f64() * 1e6);
    (health.heartbeats >= BEATS && (sluggish > SLUGGISH || waited.is_some())).then(|| {
        let others = health
            .machine
            .map(|machine| machine.share() - health.cpu_us.unwrap_or(0) as f64 / machine.of.max(1) as f64)
            .map_or(String::new(), |share| format!("other processes used {:.0} % of its cores, ", share * 100.0));
        let waited =
            waited.map_or(String::new(), |us| format!(", and threads waited {:.1} ms for a core each time", us / 1e3));
        let (late, sluggish) = (HEARTBEAT_SLUGGISH.as_millis(), sluggish * 100.0);
        (
            Belief::Doubtful,
            format!("the machine was busy: {others}{sluggish:.1} % of heartbeats came over {late} ms late{waited}"),
        )
    })
}

/// What we have too little of is never the endpoint's fault.
fn exhausted(what: &str, failed: u64) -> Reason {
    (failed > 0).then(|| (Belief::Invalid, format!("{failed} requests failed because the client ran out of {what}")))
}

fn throttled(summary: &Summary) -> Reason {
    let periods = summary.health.throttled_periods.filter(|periods| *periods > 0)?;
    Some((Belief::Doubtful, format!("the control group throttled the client's CPU in {periods} periods")))
}

/// One connection for each request in flight is enough where connections are kept alive, and one more for each that the
/// client closed because a stream did not end.
fn redials(summary: &Summary) -> Reason {
    let health = &summary.health;
    let sent = summary.planned() - summary.count(&["unsent", "missed"]);
    let beyond = health.dials.saturating_sub(health.peak_in_flight + summary.counts.lingering);
    (summary.meta.keep_alive && sent >= FEW && beyond as f64 > REDIALS * sent as f64).then(|| {
        (
            Belief::Doubtful,
            format!(
                "{} connections were opened where {} would do: they are not kept alive",
                health.dials, health.peak_in_flight
            ),
        )
    })
}

fn headroom(what: &str, used: Option<Used>) -> Reason {
    let used = used.filter(|used| used.share() > 1.0 - HEADROOM)?;
    Some((Belief::Doubtful, format!("{} of {} {what} were in use", used.used, used.of)))
}

fn lost(summary: &Summary) -> Reason {
    let count = summary.health.lost;
    (count > 0).then(|| (Belief::Invalid, format!("{count} requests were lost inside proofload; please report this")))
}

fn unjudged(summary: &Summary) -> Reason {
    let count = summary.counts.unjudged;
    (count > 0).then(|| {
        (
            Belief::Invalid,
            format!("{count} replies went unjudged: the judges could not keep up, or broke on them (stderr says so)"),
        )
    })
}

/// Little's law: see [`flow`](super::flow).
fn little(summary: &Summary) -> Reason {
    let (counted, flow) = (summary.health.in_flight_us?, &summary.flow);
    let apart = counted.abs_diff(flow.within_us).saturating_sub(flow.requests * LITTLE_EACH_US);
    let share = apart as f64 / counted.max(flow.within_us).max(1) as f64;
    let belief = if share > LITTLE.1 {
        Belief::Invalid
    } else if share > LITTLE.0 {
        Belief::Doubtful
    } else {
        return None;
    };
    let mean = |us: u64| us as f64 / 1e6 / summary.window_s().max(f64::MIN_POSITIVE);
    let [counted, told] = apart_in_words(mean(counted), mean(flow.within_us));
    Some((
        belief,
        format!(
            "the measurement contradicts itself: {counted} in flight were counted, \
             but rate times service time is {told} (Little's law)"
        ),
    ))
}

/// Two numbers with a digit behind the point, or with so many more that they are seen to differ.
fn apart_in_words(one: f64, other: f64) -> [String; 2] {
    let mut words = (1..=6).map(|digits| [one, other].map(|number| format!("{number:.digits$}")));
    let told = words.find(|[one, other]| one != other);
    told.unwrap_or_else(|| [one, other].map(|number| format!("{number:.6}")))
}

fn steady(summary: &Summary) -> Reason {
    let steady = Steady::of(summary);
    let (begin, end) = steady.begin_us.zip(steady.end_us).filter(|_| steady.verdict == Stand::NotSteady)?;
    let moved = if end > begin { "rose" } else { "fell" };
    let (begin, end) = (begin / 1000.0, end / 1000.0);
    Some((
        Belief::Doubtful,
        format!("not steady: the median response time {moved} from {begin:.0} ms to {end:.0} ms within the window"),
    ))
}

/// Token rates are no better than the usage they come from.
fn claims(summary: &Summary) -> Reason {
    let (delivered, recount) = (&summary.delivered, &summary.delivered.recount);
    if recount.overclaiming_share() > IMPLAUSIBLE {
        let (claimed, counted) = (recount.overclaimed_millitokens / 1000, recount.overclaiming_tokens);
        let tokenizer = summary.meta.tokenizer.as_deref().unwrap_or("a tokenizer");
        let text = format!(
            "usage claims what was not delivered: in {} of {} replies {claimed} tokens where {tokenizer} counts {counted} \
             (or reasoning is kept back without being stated)",
            recount.overclaiming, recount.replies
        );
        return Some((Belief::Doubtful, text));
    }
    (delivered.implausible_share() > IMPLAUSIBLE).then(|| {
        let (claimed, characters) = (delivered.claimed_millitokens / 1000, delivered.claimed_characters);
        let each = claimed as f64 / characters.max(1) as f64;
        (
            Belief::Doubtful,
            format!(
                "usage claims what was not delivered: in {} of {} replies {claimed} tokens for {characters} characters, \
                 {each:.0} for each (or reasoning is kept back without being stated)",
                delivered.implausible, delivered.claims
            ),
        )
    })
}

fn cached(summary: &Summary) -> Reason {
    let (cached, prompt) = (summary.counts.cached_millitokens / 1000, summary.counts.prompt_millitokens / 1000);
    if cached > prompt {
        let text = format!("usage calls {cached} prompt tokens cached and counts {prompt} in all: no share is stated");
        return Some((Belief::Doubtful, text));
    }
    let share = cached_share(summary)?;
    let limit = if summary.prompts.distinct_share() < 1.0 { CACHED.0 } else { CACHED.1 };
    (!summary.meta.reuse && share > limit).then(|| {
        (
            Belief::Doubtful,
            format!("{:.1} % of prompt tokens came from a cache, and reuse = true is not set", share * 100.0),
        )
    })
}

/// Share of prompt tokens that usage calls cached; none where it calls more of them cached than there are.
pub fn cached_share(summary: &Summary) -> Option<f64> {
    let (cached, prompt) = (summary.counts.cached_millitokens, summary.counts.prompt_millitokens);
    (prompt > 0 && cached <= prompt).then(|| cached as f64 / prompt as f64)
}
