//! How the client was, second by second.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::{Axis, Sum};

/// How the client was, on the run's time axis.
pub type Moments = Axis<Moment>;

/// How the client was in a row's time; of several machines that shared the run, the largest where it does not add up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// CPU time that the process used.
    pub cpu_us: u64,
    /// Wall time times cores.
    pub core_us: u64,
    /// CPU time of all processes of the machine; 0 where it cannot be read.
    pub machine_us: u64,
    /// CPU time that all cores of the machine had.
    pub machine_core_us: u64,
    /// The most by which a heartbeat came late.
    pub late_us: u64,
    /// The most memory that the process held; 0 where it cannot be read.
    pub memory_bytes: u64,
    /// The most that waited for the judges.
    pub backlog_bytes: u64,
}

impl Sum for Moment {
    fn add(&mut self, other: &Moment) {
        self.cpu_us += other.cpu_us;
        self.core_us += other.core_us;
        self.machine_us += other.machine_us;
        self.machine_core_us += other.machine_core_us;
        self.late_us = self.late_us.max(other.late_us);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.backlog_bytes = self.backlog_bytes.max(other.backlog_bytes);
    }
}

impl Moments {
    /// Adds what was seen between two instants, in microseconds since the start of the run.
    pub fn record(&mut self, from: u64, until: u64, seen: &Moment) {
        let part = |whole: u64, us: u64| {
            let part = u128::from(whole) * u128::from(us) / u128::from(until - from);
            u64::try_from(part).unwrap_or(u64::MAX)
        };
        self.spread(from, until, |row, us| {
            let sums = [seen.cpu_us, seen.core_us, seen.machine_us, seen.machine_core_us];
            let [cpu_us, core_us, machine_us, machine_core_us] = sums.map(|whole| part(whole, us));
            row.add(&Moment { cpu_us, core_us, machine_us, machine_core_us, ..seen.clone() });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_adds_up_is_spread_and_the_worst_is_kept() {
        let mut moments = Moments::default();
        let seen = |cpu_us, late_us| Moment { cpu_us, core_us: 2_000_000, late_us, ..Moment::default() };
        moments.record(500_000, 1_500_000, &seen(800_000, 70));
        moments.record(1_500_000, 2_000_000, &seen(100_000, 9));
        let rows: Vec<_> = moments.rows.values().map(|row| (row.cpu_us, row.core_us, row.late_us)).collect();
        assert_eq!(rows, [(400_000, 1_000_000, 70), (500_000, 3_000_000, 70)]);
    }
}
