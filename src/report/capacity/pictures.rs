//! The pictures of a search and of a plan. A load that was tried several times is drawn as its last, longest stage.

use super::search::precise;
use crate::capacity::judging::GoalAt;
use crate::capacity::planning::Scenario;
use crate::capacity::record::Record;
use crate::capacity::stage::{Quantiles, Stage, Verdict};
use crate::plan::goal::{Goal, Metric};
use crate::report::chart::axis::Axis;
use crate::report::chart::mark::{Area, BAD, COLOURS, GOOD, Mark, OVER, PALE, THROUGHOUT};
use crate::report::chart::{Chart, HEIGHT, Table};
use crate::report::figure::{number, percent, time};

pub(super) fn of_search(record: &Record) -> Vec<Chart> {
    let mut stages: Vec<&Stage> = Vec::new();
    for stage in record.stages.iter().filter(|stage| stage.verdict != Verdict::Untrusted) {
        stages.retain(|other| other.load.total_cmp(&stage.load).is_ne());
        stages.push(stage);
    }
    stages.sort_by(|a, b| a.load.total_cmp(&b.load));
    if stages.is_empty() {
        return Vec::new();
    }
    let load = if record.asked.concurrency { "concurrency" } else { "offered, requests/s" };
    let pictures =
        [latency(&stages), Some(throughput(&stages)), Some(goodput(&stages, load)), Some(wrong(&stages, load))];
    pictures.into_iter().flatten().collect()
}

/// A curve: what to call it, its values at the stages, and its limit where it is a goal's.
struct Curve {
    label: String,
    values: Vec<f64>,
    limit: Option<f64>,
}

impl Curve {
    /// The goals on times; where there are none, the percentiles that are looked at first.
    fn of(stages: &[&Stage]) -> Vec<Curve> {
        let goals = stages.first().map_or(&[][..], |stage| &stage.goals);
        let goals = goals.iter().enumerate().filter(|(_, goal)| is_time(goal)).map(|(place, goal)| Curve {
            label: goal.words(),
            values: stages.iter().map(|stage| at(stage.goals.get(place))).collect(),
            limit: Some(goal.wanted),
        });
        let goals: Vec<Curve> = goals.collect();
        if !goals.is_empty() {
            return goals;
        }
        let plain = |label: &str, of: fn(&Stage) -> Quantiles| Curve {
            label: label.to_owned(),
            values: stages.iter().map(|stage| of(stage).p95.unwrap_or(f64::NAN)).collect(),
            limit: None,
        };
        vec![
            plain("first token p95", |stage| stage.first_token_us),
            plain("token gap p95", |stage| stage.token_gap_us),
            plain("response time p95", |stage| stage.response_time_us),
        ]
    }
}

fn is_time(goal: &GoalAt) -> bool {
    Goal::read(&goal.goal).is_ok_and(|goal| matches!(goal.metric, Metric::Timing(..)))
}

/// Of a goal what was measured, in microseconds; not a number where it was infinite or nothing.
fn at(goal: Option<&GoalAt>) -> f64 {
    goal.and_then(|goal| goal.value).unwrap_or(f64::NAN)
}

/// Times against throughput, with the goals as level lines; none where no time is finite.
fn latency(stages: &[&Stage]) -> Option<Chart> {
    let curves = Curve::of(stages);
    let all = curves.iter().flat_map(|curve| curve.values.iter().copied().chain(curve.limit));
    let finite: Vec<f64> = all.filter(|us| us.is_finite() && *us > 0.0).collect();
    let (lowest, highest) = ends(&finite)?;
    let rates: Vec<f64> = stages.iter().map(|stage| stage.achieved_per_s).collect();
    let x = named("answered, requests/s", Axis::count(most(&rates)));
    let mut marks = Vec::new();
    for (curve, colour) in curves.iter().zip(COLOURS.into_iter().cycle()) {
        let points = rates.iter().copied().zip(curve.values.iter().copied()).collect();
        let level = curve
            .limit
            .map(|limit| Mark { strength: 0.45, ..Mark::line(colour, "", vec![(x.from, limit), (x.to, limit)]) });
        marks.extend(level.into_iter().chain([Mark::line(colour, &curve.label, points)]));
    }
    let row = |(place, stage): (usize, &&Stage)| {
        let values = curves.iter().map(|curve| time(Some(curve.values[place]).filter(|us| us.is_finite())));
        [precise(stage.achieved_per_s)].into_iter().chain(values).collect()
    };
    let head = ["answered/s".to_owned()].into_iter().chain(curves.iter().map(|curve| curve.label.clone())).collect();
    let limits =
        if curves.iter().any(|curve| curve.limit.is_some()) { " Level lines are the goals' limits." } else { "" };
    Some(Chart {
        name: "latency".to_owned(),
        title: "Times against throughput".to_owned(),
        words: format!("Beyond what it can take, times grow and throughput does not.{limits}"),
        x,
        y: Axis::times(lowest, highest),
        height: HEIGHT,
        marks,
        table: Table { head, rows: stages.iter().enumerate().map(row).collect(), places: Vec::new() },
    })
}

fn throughput(stages: &[&Stage]) -> Chart {
    let mut points: Vec<(f64, f64)> =
        stages.iter().filter_map(|stage| Some((stage.in_flight?, stage.achieved_per_s))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let of = |axis: fn(&(f64, f64)) -> f64| most(&points.iter().map(axis).collect::<Vec<_>>());
    Chart {
        name: "throughput".to_owned(),
        title: "Throughput against concurrency".to_owned(),
        words: "Where the line is flat, more requests at once only wait for one another.".to_owned(),
        x: named("in flight, requests", Axis::count(of(|point| point.0))),
        y: Axis::count(of(|point| point.1)),
        height: HEIGHT,
        table: Table {
            head: ["in flight", "answered/s"].map(str::to_owned).to_vec(),
            rows: points.iter().map(|(n, rate)| vec![number(Some(*n)), precise(*rate)]).collect(),
            places: Vec::new(),
        },
        marks: vec![Mark::line(COLOURS[0], "answered, requests/s", points)],
    }
}

fn goodput(stages: &[&Stage], load: &str) -> Chart {
    let line = |of: fn(&Stage) -> f64| stages.iter().map(|stage| (stage.load, of(stage))).collect::<Vec<_>>();
    let loads: Vec<f64> = stages.iter().map(|stage| stage.load).collect();
    Chart {
        name: "goodput".to_owned(),
        title: "Goodput against the load".to_owned(),
        words: "Good are replies that ended ok, broke no MUST, and kept the limits for a single request.".to_owned(),
        x: named(load, Axis::count(most(&loads))),
        y: Axis::count(most(
            &stages.iter().map(|stage| stage.achieved_per_s.max(stage.offered_per_s)).collect::<Vec<_>>(),
        )),
        height: HEIGHT,
        marks: vec![
            Mark::line(PALE, "offered, requests/s", line(|stage| stage.offered_per_s)),
            Mark::line(COLOURS[0], "answered", line(|stage| stage.achieved_per_s)),
            Mark::line(GOOD, "good", line(|stage| stage.good_per_s)),
        ],
        table: Table {
            head: ["load", "offered/s", "answered/s", "good/s"].map(str::to_owned).to_vec(),
            rows: stages
                .iter()
                .map(|stage| {
                    [stage.load, stage.offered_per_s, stage.achieved_per_s, stage.good_per_s].map(precise).to_vec()
                })
                .collect(),
            places: Vec::new(),
        },
    }
}

fn wrong(stages: &[&Stage], load: &str) -> Chart {
    let line = |of: fn(&Stage) -> Option<f64>| {
        stages.iter().map(|stage| (stage.load, of(stage).unwrap_or(f64::NAN))).collect::<Vec<_>>()
    };
    let shares = stages.iter().flat_map(|stage| [stage.violation_rate, stage.error_rate]).flatten();
    let loads: Vec<f64> = stages.iter().map(|stage| stage.load).collect();
    Chart {
        name: "violations".to_owned(),
        title: "Violations against the load".to_owned(),
        words: "Of the replies with status 200 those that break a MUST; of all requests those that failed.".to_owned(),
        x: named(load, Axis::count(most(&loads))),
        y: Axis::share(most(&shares.collect::<Vec<_>>())),
        height: HEIGHT,
        marks: vec![
            Mark::line(PALE, "failed", line(|stage| stage.error_rate)),
            Mark::line(BAD, "break the contract", line(|stage| stage.violation_rate)),
        ],
        table: Table {
            head: ["load", "failed", "break the contract"].map(str::to_owned).to_vec(),
            rows: stages
                .iter()
                .map(|stage| vec![precise(stage.load), percent(stage.error_rate), percent(stage.violation_rate)])
                .collect(),
            places: Vec::new(),
        },
    }
}

/// Replicas over the hours of a plan, those that are needed and the one more, with the demand that they are for.
pub(super) fn day(scenario: &Scenario) -> Chart {
    let hours = || (0_u32..).map(f64::from).zip(&scenario.hours);
    let most = most(&scenario.hours.iter().map(|row| row.replicas as f64).collect::<Vec<_>>());
    let boxes = |of: fn(u64, u64) -> (u64, u64)| {
        hours().map(move |(at, row)| {
            let (from, to) = of(row.needed, row.replicas);
            Area { x: (at + 0.08, at + 0.92), y: (from as f64, to as f64) }
        })
    };
    // The demand has no axis of its own: its peak is as high as the replicas that it needs.
    let scale = scenario.needed as f64 / scenario.peak_per_s.max(f64::MIN_POSITIVE);
    let demand = hours().flat_map(|(at, row)| [at, at + 1.0].map(|at| (at, row.peak_per_s * scale)));
    let row = |(_, row): (f64, &crate::capacity::planning::Row)| {
        vec![row.hour.clone(), precise(row.peak_per_s), row.needed.to_string(), row.replicas.to_string()]
    };
    Chart {
        name: "replicas".to_owned(),
        title: "Replicas over the day".to_owned(),
        words: format!(
            "The line is the demand at each hour's peak, {} requests/s at the highest.",
            precise(scenario.peak_per_s)
        ),
        x: hour_axis(scenario),
        y: Axis::count(most),
        height: HEIGHT,
        marks: vec![
            Mark::boxes(COLOURS[0], "needed", boxes(|needed, _| (0, needed)).collect()),
            Mark {
                strength: 0.5,
                ..Mark::boxes(PALE, "run beside them", boxes(|needed, all| (needed, all)).collect())
            },
            Mark::line(OVER, "demand", demand.collect()),
        ],
        table: Table {
            head: ["hour", "peak/s", "needed", "replicas"].map(str::to_owned).to_vec(),
            rows: hours().map(row).collect(),
            places: hours().map(|(at, _)| Area { x: (at, at + 1.0), y: THROUGHOUT }).collect(),
        },
    }
}

/// Every so many hours by its name.
fn hour_axis(scenario: &Scenario) -> Axis {
    let apart = scenario.hours.len().div_ceil(8);
    let ticks = (0_u32..).map(f64::from).zip(&scenario.hours).step_by(apart);
    Axis {
        title: String::new(),
        from: 0.0,
        to: scenario.hours.len() as f64,
        log: false,
        ticks: ticks.map(|(at, row)| (at, row.hour.clone())).collect(),
    }
}

fn named(title: &str, axis: Axis) -> Axis {
    Axis { title: title.to_owned(), ..axis }
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

fn ends(values: &[f64]) -> Option<(f64, f64)> {
    let lowest = values.iter().copied().min_by(f64::total_cmp)?;
    Some((lowest, most(values)))
}
