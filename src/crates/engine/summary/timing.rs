//! A mergeable distribution of times, and the three populations of a measure.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::goal::{Population, Statistic};

const LOWEST_US: u64 = 1;
const HIGHEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 3;
/// Bytes of the longest histogram in a file: up to 9 for each of its 23 thousand buckets.
const LONGEST_FILE: u32 = 1 << 18;

/// A distribution of times: an HDR histogram in microseconds, from 1 us to 1 h with 3 significant digits, with exact
/// count, sum and extremes beside it. Longer times count as 1 h and as saturated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "TimingFile", try_from = "TimingFile")]
#[schemars(with = "TimingFile")]
pub struct Timing {
    histogram: Option<Box<Histogram<u64>>>,
    sum_us: u64,
    min_us: u64,
    max_us: u64,
    saturated: u64,
}

/// A distribution of times as it stands in files.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TimingFile {
    /// Number of samples.
    count: u64,
    /// Their sum, in microseconds.
    sum_us: u64,
    /// The smallest, in microseconds.
    min_us: u64,
    /// The largest, in microseconds.
    max_us: u64,
    /// Samples above one hour, recorded as one hour.
    saturated: u64,
    /// HdrHistogram V2, deflated, in base 64; absent where there is no sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hdr: Option<String>,
}

impl From<Timing> for TimingFile {
    fn from(timing: Timing) -> TimingFile {
        let hdr = timing.histogram.as_deref().map(|histogram| {
            let mut bytes = Vec::new();
            V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("writing to memory succeeds");
            STANDARD.encode(bytes)
        });
        TimingFile {
            count: timing.count(),
            sum_us: timing.sum_us,
            min_us: timing.min_us,
            max_us: timing.max_us,
            saturated: timing.saturated,
            hdr,
        }
    }
}

impl TryFrom<TimingFile> for Timing {
    type Error = String;

    fn try_from(file: TimingFile) -> Result<Timing, String> {
        let histogram = match &file.hdr {
            None => None,
            Some(text) => {
                let bytes = STANDARD.decode(text).map_err(|error| format!("histogram is not base 64: {error}"))?;
                is_ours(&bytes)?;
                let read: Histogram<u64> = Deserializer::new()
                    .deserialize(&mut bytes.as_slice())
                    .map_err(|error| format!("histogram: {error}"))?;
                let mut own = empty();
                own.add(&read).map_err(|error| format!("histogram: {error}"))?;
                Some(Box::new(own))
            }
        };
        let count = histogram.as_ref().map_or(0, |h| h.len());
        if count != file.count {
            return Err(format!("histogram has {count} samples where {} are stated", file.count));
        }
        if file.min_us > file.max_us {
            return Err(format!("its smallest time, {} us, is above its largest, {} us", file.min_us, file.max_us));
        }
        if file.saturated > count {
            return Err(format!("{} of {count} samples are said to be too long", file.saturated));
        }
        Ok(Timing {
            histogram,
            sum_us: file.sum_us,
            min_us: file.min_us,
            max_us: file.max_us,
            saturated: file.saturated,
        })
    }
}

/// Whether a histogram has the digits that are written here, and is no longer than one can be: the library takes the
/// room that a file asks for before it looks at what is there.
fn is_ours(deflated: &[u8]) -> Result<(), String> {
    // Of the compressed form a cookie and its length; then cookie, length, offset and digits, each in 4 bytes.
    let mut head = [0; 16];
    let inner = deflated.get(8..).unwrap_or_default();
    ZlibDecoder::new(inner).read_exact(&mut head).map_err(|_| "histogram is cut off".to_owned())?;
    let (words, _) = head.as_chunks::<4>();
    let [length, digits] = [1, 3].map(|word| u32::from_be_bytes(words[word]));
    if length > LONGEST_FILE || digits > u32::from(DIGITS) {
        return Err("histogram is not of this program's".to_owned());
    }
    Ok(())
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS).expect("the bounds are valid")
}

impl Timing {
    /// Adds a sample.
    pub fn record(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(HIGHEST_US);
        self.saturated += u64::from(time.as_micros() > u128::from(HIGHEST_US));
        self.min_us = if self.count() == 0 { us } else { self.min_us.min(us) };
        self.max_us = self.max_us.max(us);
        self.sum_us = self.sum_us.saturating_add(us);
        self.histogram.get_or_insert_with(|| Box::new(empty())).saturating_record(us);
    }

    /// Adds a sample, where there is one.
    pub(super) fn record_some(&mut self, time: Option<Duration>) {
        if let Some(time) = time {
            self.record(time);
        }
    }

    /// Adds a count where times stand elsewhere; nonsense counts as none.
    pub fn record_count(&mut self, count: f64) {
        if count.is_finite() {
            self.record(Duration::from_micros(super::milli(count) / 1000));
        }
    }

    /// Adds all samples of another.
    pub fn merge(&mut self, other: &Timing) {
        let Some(theirs) = &other.histogram else { return };
        self.min_us = if self.count() == 0 { other.min_us } else { self.min_us.min(other.min_us) };
        self.max_us = self.max_us.max(other.max_us);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.saturated += other.saturated;
        let ours = self.histogram.get_or_insert_with(|| Box::new(empty()));
        // Both have the same bounds, which a file's histogram is brought to when it is read.
        let added = ours.add(&**theirs);
        debug_assert!(added.is_ok(), "{added:?}");
    }

    /// Number of samples.
    pub fn count(&self) -> u64 {
        self.histogram.as_ref().map_or(0, |histogram| histogram.len())
    }

    /// Samples above one hour.
    pub fn saturated(&self) -> u64 {
        self.saturated
    }

    /// Standard deviation of the population, in microseconds to 3 digits; none without a sample.
    pub fn deviation_us(&self) -> Option<f64> {
        self.histogram.as_ref().filter(|histogram| !histogram.is_empty()).map(|histogram| histogram.stdev())
    }

    /// The sample of that rank, from 1, in microseconds to 3 digits; none beyond the last.
    fn at_rank(&self, rank: u64) -> Option<u64> {
        let histogram = self.histogram.as_ref()?;
        let mut seen = 0;
        for step in histogram.iter_recorded() {
            seen += step.count_since_last_iteration();
            if seen >= rank {
                return Some(step.value_iterated_to().clamp(self.min_us, self.max_us));
            }
        }
        None
    }

    fn mean_us(&self) -> f64 {
        self.sum_us as f64 / self.count() as f64
    }
}

/// A measure in its three populations. `all` is worked out: what is ok, and an infinite sample for what is not (`sample.rs`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Populations {
    /// Samples of exchanges that ended ok.
    pub ok: Timing,
    /// Samples of exchanges that failed.
    pub failed: Timing,
    /// Exchanges that count as infinite in `all`: failed, missed, left unfinished.
    pub infinite: u64,
    /// Whether the samples of failed exchanges are in `all`, too: of a measure of the client itself, and of token gaps.
    pub failed_in_all: bool,
}

impl Populations {
    /// Adds all samples of another.
    pub fn merge(&mut self, other: &Populations) {
        self.ok.merge(&other.ok);
        self.failed.merge(&other.failed);
        self.infinite += other.infinite;
        self.failed_in_all |= other.failed_in_all;
    }

    /// Number of samples of a population, infinite ones included.
    pub fn count(&self, population: Population) -> u64 {
        match population {
            Population::Ok => self.ok.count(),
            Population::Failed => self.failed.count(),
            Population::All => self.finite().count() + self.infinite,
        }
    }

    /// A statistic of a population in microseconds, by nearest rank: infinity where an infinite sample is hit, none
    /// without a sample.
    pub fn statistic(&self, population: Population, statistic: Statistic) -> Option<f64> {
        let (timing, infinite) = match population {
            Population::Ok => (std::borrow::Cow::Borrowed(&self.ok), 0),
            Population::Failed => (std::borrow::Cow::Borrowed(&self.failed), 0),
            Population::All => (self.finite(), self.infinite),
        };
        let count = timing.count() + infinite;
        if count == 0 {
            return None;
        }
        Some(match statistic {
            Statistic::Min if timing.count() > 0 => timing.min_us as f64,
            Statistic::Max if infinite == 0 => timing.max_us as f64,
            Statistic::Mean if infinite == 0 => timing.mean_us(),
            Statistic::Percentile(p) => timing.at_rank(nearest_rank(p, count)).map_or(f64::INFINITY, |us| us as f64),
            Statistic::Min | Statistic::Max | Statistic::Mean => f64::INFINITY,
        })
    }

    /// The sample of that rank in a population, from 1, in microseconds: infinity among the infinite ones, none beyond.
    pub fn at_rank(&self, population: Population, rank: u64) -> Option<f64> {
        match population {
            Population::Ok => self.ok.at_rank(rank).map(|us| us as f64),
            Population::Failed => self.failed.at_rank(rank).map(|us| us as f64),
            Population::All if rank > self.count(population) => None,
            Population::All => Some(self.finite().at_rank(rank).map_or(f64::INFINITY, |us| us as f64)),
        }
    }

    /// The finite samples of `all`.
    fn finite(&self) -> std::borrow::Cow<'_, Timing> {
        if !self.failed_in_all || self.failed.count() == 0 {
            return std::borrow::Cow::Borrowed(&self.ok);
        }
        let mut both = self.ok.clone();
        both.merge(&self.failed);
        std::borrow::Cow::Owned(both)
    }
}

/// The smallest rank, from 1, such that at least p percent of the samples have it or a lower one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the count")]
pub(super) fn nearest_rank(p: f64, count: u64) -> u64 {
    // 99.9 % of 1000 is 999, though 0.999 * 1000 is a little more in binary.
    let exact = p * count as f64 / 100.0;
    let rank = (exact - 1e-9 * exact.max(1.0)).ceil() as u64;
    rank.clamp(1, count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timing(samples: &[u64]) -> Timing {
        let mut timing = Timing::default();
        for us in samples {
            timing.record(Duration::from_micros(*us));
        }
        timing
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        for (p, count, rank) in
            [(50.0, 2, 1), (50.0, 3, 2), (99.9, 1000, 999), (99.0, 100, 99), (0.0, 5, 1), (100.0, 5, 5)]
        {
            assert_eq!(nearest_rank(p, count), rank, "p{p} of {count}");
        }
    }

    #[test]
    fn a_failure_is_infinite_in_all_and_finite_in_failed() {
        let populations =
            Populations { ok: timing(&[100; 9]), failed: timing(&[50]), infinite: 1, failed_in_all: false };
        let all = |p| populations.statistic(Population::All, Statistic::Percentile(p));
        assert_eq!((all(90.0), all(91.0)), (Some(100.0), Some(f64::INFINITY)));
        assert_eq!(populations.statistic(Population::All, Statistic::Mean), Some(f64::INFINITY));
        assert_eq!(populations.statistic(Population::Failed, Statistic::Max), Some(50.0));
        assert_eq!(populations.count(Population::All), 10);
        assert_eq!(Populations::default().statistic(Population::All, Statistic::Mean), None);
    }

    #[test]
    fn extremes_and_mean_are_exact() {
        let one = Populations { ok: timing(&[123_457, 1_000_001]), ..Populations::default() };
        assert_eq!(one.statistic(Population::Ok, Statistic::Min), Some(123_457.0));
        assert_eq!(one.statistic(Population::Ok, Statistic::Max), Some(1_000_001.0));
        assert_eq!(one.statistic(Population::Ok, Statistic::Mean), Some(561_729.0));
    }

    #[test]
    fn more_than_an_hour_saturates_and_is_counted() {
        let mut timing = Timing::default();
        timing.record(Duration::from_secs(7200));
        assert_eq!((timing.saturated(), timing.at_rank(1)), (1, Some(HIGHEST_US)));
    }

    proptest! {
        #[test]
        fn percentiles_agree_with_sorting(mut samples in prop::collection::vec(1_u64..10_000_000, 1..200), p in 0.0_f64..100.0) {
            let populations = Populations { ok: timing(&samples), ..Populations::default() };
            samples.sort_unstable();
            let exact = samples[usize::try_from(nearest_rank(p, samples.len() as u64)).expect("fits") - 1] as f64;
            let got = populations.statistic(Population::Ok, Statistic::Percentile(p)).expect("samples");
            prop_assert!((got - exact).abs() <= exact / 1000.0 + 1.0, "{got} for {exact}");
        }

        #[test]
        fn merging_equals_recording_in_one_go_and_survives_a_file(a in prop::collection::vec(1_u64..5_000_000_000, 0..60), b in prop::collection::vec(1_u64..10_000, 0..60)) {
            let mut ab = timing(&a);
            ab.merge(&timing(&b));
            let mut ba = timing(&b);
            ba.merge(&timing(&a));
            let all: Vec<u64> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(&ab, &timing(&all));
            prop_assert_eq!(&ab, &ba);
            let text = serde_json::to_string(&ab).expect("writes");
            prop_assert_eq!(&ab, &serde_json::from_str::<Timing>(&text).expect("reads"));
        }
    }
}
