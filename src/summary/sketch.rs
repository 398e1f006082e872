//! A small distribution of times, to two significant digits: what a second of a run, or a part of it, can afford.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::timing::nearest_rank;

/// Longer times count as one hour.
const HIGHEST_US: u64 = 3_600_000_000;
/// Times below this have a bucket for each microsecond.
const EXACT: u64 = 128;
/// Buckets for each doubling above.
const STEPS: u64 = 64;

/// A distribution of times: below 128 us a bucket for each microsecond, above 64 for each doubling, so that the middle
/// of a bucket is within 0.8 % of every time in it. Only buckets with a time in them are kept: 6 bytes each, and at
/// most 1,708 of them from 0 to 1 h.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "SketchFile", try_from = "SketchFile")]
#[schemars(with = "SketchFile")]
pub struct Sketch {
    /// The buckets, by rising index.
    buckets: Vec<Bucket>,
}

/// Index and count of a bucket, the count in two halves, so that it takes no more room than it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    index: u16,
    high: u16,
    low: u16,
}

impl Bucket {
    fn new(index: u16, count: u32) -> Bucket {
        let [a, b, c, d] = count.to_be_bytes();
        Bucket { index, high: u16::from_be_bytes([a, b]), low: u16::from_be_bytes([c, d]) }
    }

    fn count(self) -> u32 {
        u32::from(self.high) << 16 | u32::from(self.low)
    }
}

/// Pairs of numbers, one after another: the steps from the bucket before (from 0 for the first) and how many times are
/// in the bucket. Bucket b < 128 holds b microseconds; bucket 128 + 64 k + m holds the times from
/// (64 + m) * 2^(k + 1) us to below (65 + m) * 2^(k + 1) us.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
struct SketchFile(Vec<u32>);

impl From<Sketch> for SketchFile {
    fn from(sketch: Sketch) -> SketchFile {
        let mut before = 0;
        SketchFile(
            sketch
                .buckets
                .into_iter()
                .flat_map(|bucket| {
                    let steps = bucket.index - std::mem::replace(&mut before, bucket.index);
                    [u32::from(steps), bucket.count()]
                })
                .collect(),
        )
    }
}

impl TryFrom<SketchFile> for Sketch {
    type Error = String;

    fn try_from(SketchFile(numbers): SketchFile) -> Result<Sketch, String> {
        let mut buckets: Vec<Bucket> = Vec::new();
        let (pairs, rest) = numbers.as_chunks::<2>();
        for [steps, count] in pairs {
            let bucket = buckets.last().map_or(0, |bucket| u32::from(bucket.index)).saturating_add(*steps);
            let bucket = u16::try_from(bucket).ok().filter(|bucket| *bucket <= index(HIGHEST_US));
            let rising = buckets.is_empty() || *steps > 0;
            let bucket = bucket.filter(|_| rising && *count > 0).ok_or("a distribution is damaged")?;
            buckets.push(Bucket::new(bucket, *count));
        }
        if rest.is_empty() { Ok(Sketch { buckets }) } else { Err("a distribution is cut off".to_owned()) }
    }
}

/// The bucket of a time of at most an hour.
fn index(us: u64) -> u16 {
    let bucket = match us.checked_ilog2() {
        Some(log) if us >= EXACT => {
            let octave = u64::from(log) - 6;
            EXACT + (octave - 1) * STEPS + (us >> octave) - STEPS
        }
        _ => us,
    };
    u16::try_from(bucket).unwrap_or(u16::MAX)
}

/// The middle of a bucket, in microseconds.
fn middle(bucket: u16) -> f64 {
    let bucket = u64::from(bucket);
    match bucket.checked_sub(EXACT) {
        None => bucket as f64,
        Some(above) => {
            let octave = above / STEPS + 1;
            (((STEPS + above % STEPS) << octave) + (1 << octave) / 2) as f64
        }
    }
}

impl Sketch {
    /// Adds a time.
    pub fn record(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.add(index(us.min(HIGHEST_US)), 1);
    }

    /// Adds all times of another.
    pub fn merge(&mut self, other: &Sketch) {
        for bucket in &other.buckets {
            self.add(bucket.index, bucket.count());
        }
    }

    fn add(&mut self, index: u16, count: u32) {
        match self.buckets.binary_search_by_key(&index, |bucket| bucket.index) {
            Ok(at) => self.buckets[at] = Bucket::new(index, self.buckets[at].count().saturating_add(count)),
            Err(at) => self.buckets.insert(at, Bucket::new(index, count)),
        }
    }

    /// Gives back the room that more buckets would take: few are to come.
    pub(super) fn settle(&mut self) {
        self.buckets.shrink_to_fit();
    }

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| u64::from(bucket.count())).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The middles of its buckets, in microseconds and rising, with how many times are in each.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u32)> {
        self.buckets.iter().map(|bucket| (middle(bucket.index), bucket.count()))
    }

    /// A percentile by nearest rank, in microseconds to two digits; none without a time.
    pub fn percentile(&self, p: f64) -> Option<f64> {
        self.percentile_among(p, 0)
    }

    /// The same among these times and so many infinite ones; infinite where it falls among those.
    pub fn percentile_among(&self, p: f64, infinite: u64) -> Option<f64> {
        let counts = self.buckets.iter().map(|bucket| (bucket.index, u64::from(bucket.count())));
        ranked(counts, self.count() + infinite, p)
    }

    /// The counts of all buckets up to the last that holds a time.
    pub fn dense(&self) -> Vec<u64> {
        let length = self.buckets.last().map_or(0, |last| usize::from(last.index) + 1);
        let mut counts = vec![0; length];
        self.buckets.iter().for_each(|bucket| counts[usize::from(bucket.index)] = u64::from(bucket.count()));
        counts
    }
}

/// The percentile of a distribution as [`Sketch::dense`] gives it, among its times and so many infinite ones.
pub fn percentile_of(dense: &[u64], p: f64, infinite: u64) -> Option<f64> {
    let counts = (0..).zip(dense).map(|(bucket, count)| (bucket, *count));
    ranked(counts, dense.iter().sum::<u64>() + infinite, p)
}

/// The middle of the bucket in which a percentile of so many samples lies; infinite beyond the last.
fn ranked(counts: impl Iterator<Item = (u16, u64)>, samples: u64, p: f64) -> Option<f64> {
    let rank = (samples > 0).then(|| nearest_rank(p, samples))?;
    let mut seen = 0;
    let mut reached = counts.filter(|(_, count)| {
        seen += count;
        seen >= rank
    });
    Some(reached.next().map_or(f64::INFINITY, |(bucket, _)| middle(bucket)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(samples: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        for us in samples {
            sketch.record(Duration::from_micros(*us));
        }
        sketch
    }

    #[test]
    fn buckets_join_without_a_gap() {
        for us in [1, 127, 128, 129, 130, 255, 256, 259, 260, 1_000_000] {
            assert!(index(us) - index(us - 1) <= 1, "{us}");
        }
        assert_eq!((index(127), index(128), index(HIGHEST_US)), (127, 128, 1707));
    }

    #[test]
    fn a_damaged_file_is_refused() {
        for numbers in ["[1]", "[70000,1]", "[3,1,0,1]", "[3,0]"] {
            assert!(serde_json::from_str::<Sketch>(numbers).is_err(), "{numbers}");
        }
    }

    proptest! {
        #[test]
        fn dense_counts_and_infinite_times_give_the_same_percentiles(samples in prop::collection::vec(1_u64..3_600_000_000, 1..50), infinite in 0_u64..20, p in 0.0_f64..100.0) {
            let sketch = sketch(&samples);
            let among = sketch.percentile_among(p, infinite);
            prop_assert_eq!(among, percentile_of(&sketch.dense(), p, infinite));
            let finite = nearest_rank(p, samples.len() as u64 + infinite) <= samples.len() as u64;
            prop_assert_eq!(among.is_some_and(f64::is_finite), finite);
        }

        #[test]
        fn percentiles_are_within_a_hundredth(mut samples in prop::collection::vec(1_u64..3_600_000_000, 1..200), p in 0.0_f64..100.0) {
            let got = sketch(&samples).percentile(p).expect("samples");
            samples.sort_unstable();
            let exact = samples[usize::try_from(nearest_rank(p, samples.len() as u64)).expect("fits") - 1] as f64;
            prop_assert!((got - exact).abs() <= exact / 100.0, "{got} for {exact}");
        }

        #[test]
        fn merging_equals_recording_in_one_go_and_survives_a_file(a in prop::collection::vec(0_u64..5_000_000_000, 0..60), b in prop::collection::vec(0_u64..300, 0..60)) {
            let mut ab = sketch(&a);
            ab.merge(&sketch(&b));
            let mut ba = sketch(&b);
            ba.merge(&sketch(&a));
            let all: Vec<u64> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(&ab, &sketch(&all));
            prop_assert_eq!(&ab, &ba);
            let text = serde_json::to_string(&ab).expect("writes");
            prop_assert_eq!(&ab, &serde_json::from_str::<Sketch>(&text).expect("reads"));
        }
    }
}
