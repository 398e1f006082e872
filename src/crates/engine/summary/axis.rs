//! The run's time axis, in rows: at most 3,600, and only those in which something happened.
//!
//! Where a run is longer than an hour, a row spans 2, 4, 8 or more seconds. The width follows from the last instant
//! alone, so that parts of a run merge in any order.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The most rows.
const ROWS: u64 = 3_600;
const SECOND_US: u64 = 1_000_000;

/// What a row holds: something that adds up.
pub trait Sum: Default {
    /// Adds what another holds.
    fn add(&mut self, other: &Self);

    /// Gives back room that it does not need as long as nothing is added.
    fn settle(&mut self) {}
}

/// So many rows behind the newest, little is added any more.
const SETTLED: u64 = 30;

/// A run in rows of a second, or of 2, 4, 8 and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axis<R> {
    /// Seconds that a row spans: a power of two.
    #[schemars(range(min = 1))]
    #[serde(deserialize_with = "width")]
    pub width_s: u64,
    /// The rows by number; row n begins n times the width after the start of the run.
    #[serde(deserialize_with = "rows", bound(deserialize = "R: Deserialize<'de>"))]
    pub rows: BTreeMap<u64, R>,
}

/// No row of a file spans more: a run of a century would have rows as wide.
const WIDEST_S: u64 = 1 << 20;

/// A width from a file: of no other one do rows have a place.
fn width<'de, D: Deserializer<'de>>(file: D) -> Result<u64, D::Error> {
    let width = u64::deserialize(file)?;
    if width.is_power_of_two() && width <= WIDEST_S {
        return Ok(width);
    }
    Err(D::Error::custom(format!("rows of {width} s: they span a power of two, and at most {WIDEST_S}")))
}

/// Rows from a file, with numbers that they can have.
fn rows<'de, D: Deserializer<'de>, R: Deserialize<'de>>(file: D) -> Result<BTreeMap<u64, R>, D::Error> {
    let rows = BTreeMap::<u64, R>::deserialize(file)?;
    match rows.keys().next_back() {
        Some(last) if *last >= ROWS => Err(D::Error::custom(format!("row {last} is behind the last there can be"))),
        Some(_) | None => Ok(rows),
    }
}

impl<R> Default for Axis<R> {
    fn default() -> Self {
        Axis { width_s: 1, rows: BTreeMap::new() }
    }
}

impl<R> Axis<R> {
    /// Length of a row in microseconds.
    pub fn width_us(&self) -> u64 {
        self.width_s.saturating_mul(SECOND_US)
    }

    /// Where the last row ends, in microseconds from the start of the run; 0 where there is none.
    pub fn end_us(&self) -> u64 {
        self.rows.keys().next_back().map_or(0, |last| (last + 1).saturating_mul(self.width_us()))
    }

    /// The rows that lie wholly within a time, in order; rows in which nothing happened are left out.
    pub fn within(&self, from_us: u64, until_us: u64) -> impl Iterator<Item = (u64, &R)> {
        let width = self.width_us();
        let inside = move |number: u64| {
            let begin = number.saturating_mul(width);
            begin >= from_us && begin.saturating_add(width) <= until_us
        };
        self.rows.iter().map(|(number, row)| (*number, row)).filter(move |(number, _)| inside(*number))
    }
}

impl<R: Sum> Axis<R> {
    /// The row of an instant, in microseconds from the start of the run.
    pub fn at(&mut self, us: u64) -> &mut R {
        self.widen_for(us);
        self.row(us / self.width_us())
    }

    /// Each row that a span of time lies in, with how much of it does, in microseconds.
    pub fn spread(&mut self, mut from: u64, until: u64, mut add: impl FnMut(&mut R, u64)) {
        self.widen_for(until);
        while from < until {
            let row = from / self.width_us();
            let end = ((row + 1) * self.width_us()).min(until);
            add(self.row(row), end - from);
            from = end;
        }
    }

    /// A row by its number; with a new one, old ones settle.
    fn row(&mut self, number: u64) -> &mut R {
        if !self.rows.contains_key(&number) {
            // All of them: the end of a long stream adds to old ones.
            self.rows.range_mut(..number.saturating_sub(SETTLED)).for_each(|(_, row)| row.settle());
        }
        self.rows.entry(number).or_default()
    }

    /// The same with rows of that width at least.
    #[must_use]
    pub fn widened(&self, width_s: u64) -> Axis<R>
    where
        R: Clone,
    {
        let mut wide = self.clone();
        while wide.width_s < width_s {
            wide.double();
        }
        wide
    }

    /// Adds the rows of another part of the run.
    pub fn merge(&mut self, mut other: Axis<R>) {
        while self.width_s < other.width_s {
            self.double();
        }
        while other.width_s < self.width_s {
            other.double();
        }
        for (number, row) in other.rows {
            self.rows.entry(number).or_default().add(&row);
        }
    }

    fn widen_for(&mut self, us: u64) {
        while us / self.width_us() >= ROWS {
            self.double();
        }
    }

    fn double(&mut self) {
        self.width_s *= 2;
        for (number, row) in std::mem::take(&mut self.rows) {
            self.rows.entry(number / 2).or_default().add(&row);
        }
        self.rows.values_mut().for_each(Sum::settle);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
    struct Count {
        began: u64,
        spent_us: u64,
    }

    impl Sum for Count {
        fn add(&mut self, other: &Count) {
            self.began += other.began;
            self.spent_us += other.spent_us;
        }
    }

    /// Things that begin at one instant and last for some time, in milliseconds.
    fn axis(spans: &[(u64, u64)]) -> Axis<Count> {
        let mut axis = Axis::<Count>::default();
        for (from, length) in spans {
            axis.at(from * 1000).began += 1;
            axis.spread(from * 1000, (from + length) * 1000, |row, us| row.spent_us += us);
        }
        axis
    }

    #[test]
    fn rows_of_a_file_have_a_place() {
        let read = |text: &str| serde_json::from_str::<Axis<Count>>(text);
        assert!(read(r#"{"width_s": 4, "rows": {"3599": {"began": 1, "spent_us": 2}}}"#).is_ok());
        for (text, part) in [
            (r#"{"width_s": 0, "rows": {}}"#, "a power of two"),
            (r#"{"width_s": 3, "rows": {}}"#, "a power of two"),
            (r#"{"width_s": 9223372036854775808, "rows": {}}"#, "a power of two"),
            (r#"{"width_s": 1, "rows": {"3600": {"began": 1, "spent_us": 2}}}"#, "row 3600 is behind the last"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn time_is_spread_over_its_rows() {
        let spent: Vec<u64> = axis(&[(500, 2_000)]).rows.values().map(|row| row.spent_us).collect();
        assert_eq!(spent, [500_000, 1_000_000, 500_000]);
    }

    #[test]
    fn a_long_run_has_wider_rows_and_loses_nothing() {
        let day = axis(&[(0, 1_000), (86_399_000, 1_000)]);
        assert_eq!(day.width_s, 32);
        assert_eq!(day.rows.values().map(|row| row.began).sum::<u64>(), 2);
        assert_eq!(day.rows.values().map(|row| row.spent_us).sum::<u64>(), 2_000_000);
    }

    #[test]
    fn only_whole_rows_are_within() {
        let run = axis(&[(0, 10), (1_000, 10), (2_000, 10), (3_000, 10)]);
        let numbers: Vec<u64> = run.within(500_000, 3_500_000).map(|(number, _)| number).collect();
        assert_eq!(numbers, [1, 2]);
    }

    #[derive(Debug, Default, PartialEq)]
    enum Room {
        #[default]
        Taken,
        GivenBack,
    }

    impl Sum for Room {
        fn add(&mut self, _: &Room) {
            *self = Room::Taken;
        }

        fn settle(&mut self) {
            *self = Room::GivenBack;
        }
    }

    #[test]
    fn old_rows_give_room_back_however_a_new_one_comes() {
        type Make = fn(&mut Axis<Room>, u64);
        let at: Make = |axis, us| *axis.at(us) = Room::Taken;
        let spread: Make = |axis, us| axis.spread(us, us + 1, |row, _| *row = Room::Taken);
        for make in [at, spread] {
            let mut axis = Axis::default();
            (0..100).for_each(|second| make(&mut axis, second * SECOND_US));
            let taken = axis.rows.values().filter(|row| **row == Room::Taken).count();
            assert_eq!(taken as u64, SETTLED + 1);
        }
    }

    proptest! {
        #[test]
        fn parts_merge_in_any_order_to_the_whole(a in prop::collection::vec((0_u64..20_000_000, 0_u64..100_000), 0..20), b in prop::collection::vec((0_u64..10_000, 0_u64..9_000), 0..20)) {
            let whole = axis(&a.iter().chain(&b).copied().collect::<Vec<_>>());
            let (mut ab, mut ba) = (axis(&a), axis(&b));
            ab.merge(axis(&b));
            ba.merge(axis(&a));
            prop_assert_eq!(&ab, &whole);
            prop_assert_eq!(&ba, &whole);
            prop_assert!(whole.rows.keys().all(|number| *number < ROWS));
            let text = serde_json::to_string(&whole).expect("writes");
            prop_assert_eq!(&whole, &serde_json::from_str::<Axis<Count>>(&text).expect("reads"));
        }
    }
}
