//! How the client was while it measured, on the time axis of the run.

use super::lines::Lines;
use super::over_time::Run;
use crate::report::chart::Chart;
use crate::report::columns::Column;
use crate::summary::Summary;
use crate::summary::axis::Sum as _;
use crate::summary::moments::{Moment, Moments};

const MEGABYTE: f64 = 1e6;

/// What is read of a moment.
type Of = fn(&Moment) -> f64;

/// The figures of each picture, by the name of the picture.
const FIGURES: [(Lines<'static>, &[(&str, Of)]); 3] = [
    (
        Lines {
            name: "client-cpu",
            title: "CPU, share of all cores",
            of: "CPU time over that of all cores",
            shares: true,
        },
        &[
            ("this process", |m| share(m.cpu_us, m.core_us)),
            ("the whole machine", |m| share(m.machine_us, m.machine_core_us)),
        ],
    ),
    (
        Lines {
            name: "client-heartbeat",
            title: "How late its heartbeat came, in ms",
            of: "The threads that read replies are to wake every 10 ms; by how many ms the latest was late",
            shares: false,
        },
        &[("heartbeat", |m| m.late_us as f64 / 1e3)],
    ),
    (
        Lines {
            name: "client-memory",
            title: "Its memory, in MB",
            of: "Memory of the process, and replies that waited to be judged, in MB",
            shares: false,
        },
        &[("memory", |m| m.memory_bytes as f64 / MEGABYTE), ("to be judged", |m| m.backlog_bytes as f64 / MEGABYTE)],
    ),
];

fn share(used_us: u64, of_us: u64) -> f64 {
    used_us as f64 / of_us as f64
}

impl Run {
    /// CPU, heartbeat and memory of the client; nothing of a run that was kept without them.
    pub(super) fn client(&self, summary: &Summary) -> Vec<Chart> {
        let moments = &summary.health.moments;
        let drawn = FIGURES.iter().filter(|_| !moments.rows.is_empty()).filter_map(|(called, figures)| {
            let names: Vec<&str> = figures.iter().map(|(name, _)| *name).collect();
            self.lines(called, &names, |name, column| {
                let of = figures.iter().find(|(figure, _)| *figure == name).map(|(_, of)| of);
                of.zip(within(moments, column)).map_or(f64::NAN, |(of, moment)| of(&moment))
            })
        });
        drawn.collect()
    }
}

/// What was seen in a column's time, if anything was.
fn within(moments: &Moments, column: &Column) -> Option<Moment> {
    let begin = |number: u64| (number * moments.width_s) as f64;
    let within = moments.rows.iter().filter(|(number, _)| (column.from..column.to).contains(&begin(**number)));
    within.map(|(_, moment)| moment.clone()).reduce(|mut sum, moment| {
        sum.add(&moment);
        sum
    })
}
