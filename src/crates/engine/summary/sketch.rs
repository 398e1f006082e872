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
/// of a bucket is within 0.8 % of every time in it. Only buckets with a time in them are kept: at most 1,708 of them from
/// 0 to 1 h.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(into = "SketchFile", try_from = "SketchFile")]
#[schemars(with = "SketchFile")]
pub struct Sketch(Form);

/// How the buckets are kept, by rising index.
#[derive(Debug, Clone)]
enum Form {
    /// Index and count of each, 8 bytes.
    Open(Vec<(u16, u32)>),
    /// Most in 6 bits, once few times are to come: for each the steps from the bucket before, from -1 for the first, and
    /// its count, in Elias' gamma code: as many zero bits as the number has bits after its first, then its bits.
    Packed(Box<[u8]>),
}

/// Pairs of numbers, one after another: the steps from the bucket before (from 0 for the first) and how many times are
/// in the bucket. Bucket b < 128 holds b microseconds; bucket 128 + 64 k + m holds the times from
/// (64 + m) * 2^(k + 1) us to below (65 + m) * 2^(k + 1) us.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
struct SketchFile(Vec<u32>);

impl From<Sketch> for SketchFile {
    fn from(sketch: Sketch) -> SketchFile {
        SketchFile(steps(sketch.counts()).flatten().collect())
    }
}

/// Steps and count of each bucket.
fn steps(buckets: impl Iterator<Item = (u16, u32)>) -> impl Iterator<Item = [u32; 2]> {
    let mut before = 0;
    buckets.map(move |(index, count)| [u32::from(index - std::mem::replace(&mut before, index)), count])
}

impl TryFrom<SketchFile> for Sketch {
    type Error = String;

    fn try_from(SketchFile(numbers): SketchFile) -> Result<Sketch, String> {
        let mut buckets: Vec<(u16, u32)> = Vec::new();
        let (pairs, rest) = numbers.as_chunks::<2>();
        for [steps, count] in pairs {
            let bucket = buckets.last().map_or(0, |(index, _)| u32::from(*index)).saturating_add(*steps);
            let bucket = u16::try_from(bucket).ok().filter(|bucket| *bucket <= index(HIGHEST_US));
            let rising = buckets.is_empty() || *steps > 0;
            let bucket = bucket.filter(|_| rising && *count > 0).ok_or("a distribution is damaged")?;
            buckets.push((bucket, *count));
        }
        if rest.is_empty() { Ok(Sketch(Form::Open(buckets))) } else { Err("a distribution is cut off".to_owned()) }
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

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch(Form::Open(Vec::new()))
    }
}

impl PartialEq for Sketch {
    fn eq(&self, other: &Sketch) -> bool {
        self.counts().eq(other.counts())
    }
}

impl Eq for Sketch {}

impl Sketch {
    /// Adds a time.
    pub fn record(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        add(self.open(), index(us.min(HIGHEST_US)), 1);
    }

    /// Adds all times of another.
    pub fn merge(&mut self, other: &Sketch) {
        let buckets = self.open();
        other.counts().for_each(|(index, count)| add(buckets, index, count));
    }

    /// Packs what it holds: few times are to come.
    pub(super) fn settle(&mut self) {
        if let Form::Open(buckets) = &self.0 {
            let mut packed = Packing::default();
            let mut next = 0;
            for (index, count) in buckets {
                packed.push(u32::from(*index) + 1 - next);
                packed.push(*count);
                next = u32::from(*index) + 1;
            }
            self.0 = Form::Packed(packed.bytes.into());
        }
    }

    fn open(&mut self) -> &mut Vec<(u16, u32)> {
        if let Form::Packed(_) = self.0 {
            self.0 = Form::Open(self.counts().collect());
        }
        match &mut self.0 {
            Form::Open(buckets) => buckets,
            Form::Packed(_) => unreachable!("it was opened"),
        }
    }

    /// Index and count of each bucket, by rising index.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u16, u32)> {
        let (open, packed): (&[_], &[_]) = match &self.0 {
            Form::Open(buckets) => (buckets, &[]),
            Form::Packed(bytes) => (&[], bytes),
        };
        open.iter().copied().chain(Unpacking { bytes: packed, bit: 0, next: 0 })
    }

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.counts().map(|(_, count)| u64::from(count)).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.counts().next().is_none()
    }

    /// The middles of its buckets, in microseconds and rising, with how many times are in each.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u32)> {
        self.counts().map(|(index, count)| (middle(index), count))
    }

    /// A percentile by nearest rank, in microseconds to two digits; none without a time.
    pub fn percentile(&self, p: f64) -> Option<f64> {
        self.percentile_among(p, 0)
    }

    /// The same among these times and so many infinite ones; infinite where it falls among those.
    pub fn percentile_among(&self, p: f64, infinite: u64) -> Option<f64> {
        let counts = self.counts().map(|(index, count)| (index, u64::from(count)));
        ranked(counts, self.count() + infinite, p)
    }

    /// The counts of all buckets up to the last that holds a time.
    pub fn dense(&self) -> Vec<u64> {
        let mut counts = Vec::new();
        for (index, count) in self.counts() {
            counts.resize(usize::from(index), 0);
            counts.push(u64::from(count));
        }
        counts
    }
}

fn add(buckets: &mut Vec<(u16, u32)>, index: u16, count: u32) {
    match buckets.binary_search_by_key(&index, |(own, _)| *own) {
        Ok(at) => buckets[at].1 = buckets[at].1.saturating_add(count),
        Err(at) => buckets.insert(at, (index, count)),
    }
}

/// Numbers above 0, written bit by bit.
#[derive(Default)]
struct Packing {
    bytes: Vec<u8>,
    /// How many are written.
    bits: usize,
}

impl Packing {
    fn push(&mut self, number: u32) {
        // With zeros before it to twice the length, less the first bit.
        for place in (0..=2 * number.ilog2()).rev() {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if u64::from(number) >> place & 1 == 1 {
                self.bytes[self.bits / 8] |= 0x80 >> (self.bits % 8);
            }
            self.bits += 1;
        }
    }
}

/// The buckets of a packed sketch.
struct Unpacking<'s> {
    bytes: &'s [u8],
    /// The next to read.
    bit: usize,
    /// Index after that of the bucket before.
    next: u16,
}

impl Unpacking<'_> {
    /// The next number; none after the last, behind which there are only zeros.
    fn number(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.read()? == 0 {
            zeros += 1;
        }
        (0..zeros).try_fold(1, |number, _| Some(number << 1 | self.read()?))
    }

    fn read(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.bit / 8)?;
        let bit = byte >> (7 - self.bit % 8) & 1;
        self.bit += 1;
        Some(u32::from(bit))
    }
}

impl Iterator for Unpacking<'_> {
    type Item = (u16, u32);

    fn next(&mut self) -> Option<(u16, u32)> {
        self.next += u16::try_from(self.number()?).ok()?;
        Some((self.next - 1, self.number()?))
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
        fn packed_numbers_are_read_again(numbers in prop::collection::vec(1_u32.., 0..20)) {
            let mut packed = Packing::default();
            for number in &numbers {
                packed.push(*number);
            }
            let mut unpacking = Unpacking { bytes: &packed.bytes, bit: 0, next: 0 };
            prop_assert_eq!(std::iter::from_fn(|| unpacking.number()).collect::<Vec<_>>(), numbers);
        }

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
            let mut packed = sketch(&a);
            packed.settle();
            prop_assert_eq!(&packed, &sketch(&a));
            for us in &b {
                packed.record(Duration::from_micros(*us));
            }
            prop_assert_eq!((&packed, packed.dense()), (&ab, ab.dense()));
            packed.settle();
            prop_assert_eq!((&packed, packed.dense()), (&ab, ab.dense()));
            prop_assert!(matches!(packed.0, Form::Packed(_)));
            let text = serde_json::to_string(&ab).expect("writes");
            prop_assert_eq!(&ab, &serde_json::from_str::<Sketch>(&text).expect("reads"));
        }
    }
}
