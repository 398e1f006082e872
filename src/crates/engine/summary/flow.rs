//! Little's law: over any time, the mean number of requests in flight is their rate times the mean time they take.
//!
//! In a window that begins and ends with requests in flight, the times of those that ended within it are not the time
//! spent in it: what lies before the window is too much, what is spent by those that end later is missing. Both are
//! kept, so that with them the law holds to the microsecond, however short the window and however long the streams
//! (J. D. C. Little and S. C. Graves, "Little's Law", 2008, on finite windows). Each request's instants say one thing;
//! the client's own count of what is in flight says the same by another way, and [`trust`](super::trust) compares them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Time that requests spent in flight, sent to ended, in microseconds; warm-up requests are in it, as far as they lie in
/// the window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Requests that were in flight within the window.
    pub requests: u64,
    /// Requests that ended within the window.
    pub ended: u64,
    /// Their times in full.
    pub ended_us: u64,
    /// Of these, what lies before the window.
    pub before_us: u64,
    /// What requests that ended later spent within the window.
    pub after_us: u64,
    /// What all requests spent within the window.
    pub within_us: u64,
}

/// Little's law in a window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Little {
    /// Mean number of requests in flight, from their instants.
    pub mean_in_flight: f64,
    /// Requests that ended per second.
    pub ended_per_s: f64,
    /// Mean of their service times, in seconds.
    pub mean_service_time_s: f64,
    /// The product of the two.
    pub product: f64,
    /// What the ends of the window add to the product: requests in flight at its end less those at its beginning.
    pub edges: f64,
    /// Mean number of requests in flight as the client counted them as it sent; null where it did not.
    pub counted_in_flight: Option<f64>,
}

impl Flow {
    /// Adds a request that was in flight from one instant to another, seen from a window; all in microseconds.
    pub(super) fn record(&mut self, sent: u64, ended: u64, [from, until]: [u64; 2]) {
        if (from..until).contains(&ended) {
            self.ended += 1;
            self.ended_us += ended - sent.min(ended);
            self.before_us += from.min(ended).saturating_sub(sent);
        } else if ended >= until {
            self.after_us += overlap([sent, until], [from, until]);
        }
        let within = overlap([sent, ended], [from, until]);
        self.requests += u64::from(within > 0);
        self.within_us += within;
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: &Flow) {
        self.requests += other.requests;
        self.ended += other.ended;
        self.ended_us += other.ended_us;
        self.before_us += other.before_us;
        self.after_us += other.after_us;
        self.within_us += other.within_us;
    }

    /// The law in a window of that length; none where nothing ended in it.
    pub(super) fn little(&self, window_s: f64, counted_us: Option<u64>) -> Option<Little> {
        let mean = |us: u64| us as f64 / 1e6 / window_s;
        (window_s > 0.0 && self.ended > 0).then(|| Little {
            mean_in_flight: mean(self.within_us),
            ended_per_s: self.ended as f64 / window_s,
            mean_service_time_s: self.ended_us as f64 / 1e6 / self.ended as f64,
            product: mean(self.ended_us),
            edges: mean(self.after_us) - mean(self.before_us),
            counted_in_flight: counted_us.map(mean),
        })
    }
}

/// How much of a time lies in a window.
pub fn overlap([sent, ended]: [u64; 2], [from, until]: [u64; 2]) -> u64 {
    ended.min(until).saturating_sub(sent.max(from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stream_longer_than_the_window_is_all_edge() {
        let mut flow = Flow::default();
        flow.record(0, 10_000_000, [2_000_000, 4_000_000]);
        assert_eq!(flow, Flow { requests: 1, after_us: 2_000_000, within_us: 2_000_000, ..Flow::default() });
    }

    #[test]
    fn four_slots_of_half_a_second_are_eight_a_second() {
        let mut flow = Flow::default();
        for slot in 0..4_u64 {
            for turn in 0..20_u64 {
                let sent = slot * 100_000 + turn * 500_000;
                flow.record(sent, sent + 500_000, [1_000_000, 9_000_000]);
            }
        }
        let little = flow.little(8.0, None).expect("a law");
        assert!((little.mean_in_flight - 4.0).abs() < 1e-9, "{little:?}");
        assert!((little.ended_per_s * little.mean_service_time_s - little.product).abs() < 1e-9, "{little:?}");
        assert!((little.product + little.edges - little.mean_in_flight).abs() < 1e-9, "{little:?}");
    }

    proptest! {
        #[test]
        fn with_its_edges_the_law_holds_to_the_microsecond(spans in prop::collection::vec((0_u64..9_000, 0_u64..9_000), 0..60), from in 0_u64..5_000, length in 0_u64..9_000) {
            let mut flow = Flow::default();
            for (sent, took) in spans {
                flow.record(sent, sent + took, [from, from + length]);
            }
            prop_assert_eq!(flow.within_us + flow.before_us, flow.ended_us + flow.after_us);
        }
    }
}
