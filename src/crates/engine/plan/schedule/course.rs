//! A quantity over time: requests per second of an open load, or slots of a closed one.
//!
//! It is made of straight pieces, so that its integral, and the inverse of that, are exact: the n-th request of an open
//! load is due where the integral of the rate reaches n.

use std::fmt::Write as _;
use std::time::Duration;

/// A straight piece of a course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// Value at its beginning, at least 0.
    pub from: f64,
    /// Value at its end, at least 0.
    pub to: f64,
    /// How long it lasts; the last piece of a course may last for ever.
    pub lasting: Option<Duration>,
}

/// A quantity over time, from 0 on; nothing once its last piece has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    legs: Vec<Leg>,
}

/// A piece in its place; times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Leg {
    piece: Piece,
    begins: f64,
    ends: f64,
    /// Integral up to its beginning.
    before: f64,
}

impl Leg {
    fn slope(&self) -> f64 {
        if self.ends.is_finite() { (self.piece.to - self.piece.from) / (self.ends - self.begins) } else { 0.0 }
    }

    fn at(&self, time: f64) -> f64 {
        self.piece.from + self.slope() * (time - self.begins)
    }

    fn integral(&self, time: f64) -> f64 {
        let since = time - self.begins;
        self.before + since * (self.piece.from + self.slope() * since / 2.0)
    }

    /// The time at which its integral reaches an area; solves the quadratic in the form that cancels nothing.
    fn reaches(&self, area: f64) -> f64 {
        let rest = area - self.before;
        let from = self.piece.from;
        let root = (from * from + 2.0 * self.slope() * rest).max(0.0).sqrt();
        let since = if rest <= 0.0 { 0.0 } else { 2.0 * rest / (from + root) };
        (self.begins + since).min(self.ends)
    }
}

impl Course {
    /// The pieces, one after another.
    pub fn new(pieces: &[Piece]) -> Course {
        let (mut begins, mut before) = (0.0, 0.0);
        let mut legs = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let ends = piece.lasting.map_or(f64::INFINITY, |lasting| begins + lasting.as_secs_f64());
            let leg = Leg { piece: *piece, begins, ends, before };
            (begins, before) = (ends, leg.integral(ends));
            legs.push(leg);
        }
        Course { legs }
    }

    /// The same value for ever.
    pub fn constant(value: f64) -> Course {
        Course::new(&[Piece { from: value, to: value, lasting: None }])
    }

    /// When its last piece ends; none where that lasts for ever.
    pub fn length(&self) -> Option<Duration> {
        let ends = self.legs.last().map_or(0.0, |leg| leg.ends);
        ends.is_finite().then(|| Duration::from_secs_f64(ends))
    }

    /// Its highest value.
    pub fn highest(&self) -> f64 {
        self.legs.iter().map(|leg| leg.piece.from.max(leg.piece.to)).fold(0.0, f64::max)
    }

    /// Its value where it never changes.
    pub fn steady(&self) -> Option<f64> {
        let first = self.legs.first()?.piece.from;
        let straight = |leg: &Leg| [leg.piece.from, leg.piece.to].iter().all(|value| (value - first).abs() < 1e-12);
        self.legs.iter().all(straight).then_some(first)
    }

    /// Integral from 0 to a time in seconds.
    pub(super) fn integral(&self, time: f64) -> f64 {
        let place = self.legs.partition_point(|leg| leg.begins <= time);
        let leg = place.checked_sub(1).map(|place| &self.legs[place]);
        leg.map_or(0.0, |leg| leg.integral(time.min(leg.ends)))
    }

    /// The time in seconds at which the integral reaches an area; none where it never does. Where it stays at that
    /// area for a while, the end of the while.
    pub(super) fn reaches(&self, area: f64) -> Option<f64> {
        let place = self.legs.partition_point(|leg| leg.before <= area).checked_sub(1)?;
        let leg = &self.legs[place];
        let last = leg.integral(leg.ends);
        let within = if leg.ends.is_finite() { area < last } else { leg.piece.from > 0.0 };
        within.then(|| leg.reaches(area))
    }

    /// The first time in seconds, from one on, at which the value is above a level or about to be; none where it never
    /// is.
    pub(super) fn above(&self, level: f64, from: f64) -> Option<f64> {
        self.legs.iter().filter(|leg| leg.ends > from).find_map(|leg| {
            let start = leg.begins.max(from);
            if leg.at(start) > level {
                return Some(start);
            }
            let crossing = leg.begins + (level - leg.piece.from) / leg.slope();
            (leg.slope() > 0.0 && leg.piece.to > level).then(|| crossing.max(start))
        })
    }

    /// In words, with a unit.
    pub fn describe(&self, unit: &str) -> String {
        const SHOWN: usize = 4;
        let mut text = String::new();
        for (number, Leg { piece, .. }) in self.legs.iter().take(SHOWN).enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            let level = (piece.from - piece.to).abs() < 1e-12;
            let to = if level { String::new() } else { format!(" to {}", piece.to) };
            let _ = write!(text, "{comma}{}{to}{unit}", piece.from);
            if let Some(lasting) = piece.lasting {
                let _ = write!(text, " for {}", humantime::format_duration(lasting));
            }
        }
        if self.legs.len() > SHOWN {
            let _ = write!(text, " and {} stages more", self.legs.len() - SHOWN);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(from: f64, to: f64, seconds: f64) -> Piece {
        Piece { from, to, lasting: Some(Duration::from_secs_f64(seconds)) }
    }

    #[test]
    fn a_ramp_has_the_area_of_its_triangle() {
        let ramp = Course::new(&[piece(0.0, 10.0, 4.0), piece(10.0, 10.0, 1.0)]);
        assert_eq!((ramp.integral(2.0), ramp.integral(4.0), ramp.integral(5.0)), (5.0, 20.0, 30.0));
        assert_eq!((ramp.integral(9.0), ramp.length()), (30.0, Some(Duration::from_secs(5))));
        assert_eq!((ramp.reaches(5.0), ramp.reaches(25.0), ramp.reaches(30.0)), (Some(2.0), Some(4.5), None));
    }

    #[test]
    fn what_falls_due_at_the_end_of_a_pause_waits_for_it() {
        let pause = Course::new(&[piece(10.0, 10.0, 1.0), piece(0.0, 0.0, 1.0), piece(10.0, 10.0, 1.0)]);
        assert_eq!((pause.reaches(9.0), pause.reaches(10.0)), (Some(0.9), Some(2.0)));
        assert_eq!(Course::constant(0.0).reaches(0.0), None);
    }

    #[test]
    fn a_level_is_crossed_where_the_value_rises() {
        let hill = Course::new(&[piece(0.0, 4.0, 4.0), piece(4.0, 0.0, 4.0), piece(2.0, 2.0, 1.0)]);
        assert_eq!((hill.above(0.0, 0.0), hill.above(3.0, 0.0)), (Some(0.0), Some(3.0)));
        assert_eq!((hill.above(3.0, 4.5), hill.above(3.0, 5.0)), (Some(4.5), None));
        assert_eq!((hill.above(1.0, 7.5), hill.above(1.0, 9.0)), (Some(8.0), None));
    }

    proptest! {
        #[test]
        fn the_inverse_inverts(pieces in prop::collection::vec((0.0_f64..100.0, 0.0_f64..100.0, 0.1_f64..50.0), 1..6), share in 0.0_f64..0.999) {
            let pieces: Vec<Piece> = pieces.into_iter().map(|(from, to, seconds)| piece(from, to, seconds)).collect();
            let course = Course::new(&pieces);
            let total = course.integral(f64::MAX);
            prop_assume!(total > 1.0);
            let area = share * total;
            let time = course.reaches(area).expect("below the total");
            prop_assert!((course.integral(time) - area).abs() < 1e-6 * total, "{} for {area}", course.integral(time));
        }
    }
}
