//! Axes: from where to where, on which scale, and with which labels.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{IntoLogRange as _, LogCoord};

use crate::report::figure;

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it measures, where the labels do not say.
    pub title: String,
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// Whether equal distances are equal ratios.
    pub log: bool,
    /// The values that are named, with their names.
    pub ticks: Vec<(f64, String)>,
}

/// About how many values an axis names.
const TICKS: u32 = 6;

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    /// What lies beyond the ends falls on them.
    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let value = value.clamp(self.from, self.to);
        if self.log {
            LogCoord::from(self.range().log_scale()).map(&value, limit)
        } else {
            RangedCoordf64::from(self.range()).map(&value, limit)
        }
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let bold = !hint.weight().allow_light_points();
        self.ticks.iter().filter(|_| bold).map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|(at, _)| at.total_cmp(value).is_eq()).map_or_else(String::new, |(_, name)| name.clone())
    }
}

impl Axis {
    /// A count or a rate, from 0.
    pub fn count(highest: f64) -> Axis {
        Axis::linear(0.0..1.05 * highest.max(1.0), short)
    }

    /// A share of 1, from 0 to 100 %.
    pub fn share_of_all() -> Axis {
        Axis::linear(0.0..1.0, |value| format!("{:.0} %", value * 100.0))
    }

    /// Shares from 0 to a little above the highest, at least to 1 %.
    pub fn share(highest: f64) -> Axis {
        let named = |share: f64| format!("{} %", (share * 1e5).round() / 1e3);
        Axis::linear(0.0..(1.05 * highest).clamp(0.01, 1.0), named)
    }

    /// Seconds since the start.
    pub fn seconds(from: f64, to: f64) -> Axis {
        const STEPS: [f64; 14] =
            [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
        let to = if to > from { to } else { from + 1.0 };
        let wanted = (to - from) / f64::from(TICKS);
        let step = STEPS.into_iter().find(|step| *step >= wanted).unwrap_or_else(|| (wanted / 7200.0).ceil() * 7200.0);
        let ticks = (0..=TICKS).map(|number| ((from / step).ceil() + f64::from(number)) * step);
        let ticks = ticks.take_while(|at| *at <= to).map(|at| (at, clock(at))).collect();
        Axis { title: String::new(), from, to, log: false, ticks }
    }

    /// Times in microseconds on a logarithmic scale that holds all of `lowest` to `highest`.
    pub fn times(lowest: f64, highest: f64) -> Axis {
        let (from, to) = spread(lowest.max(1.0), highest.max(1.0));
        let within: &[f64] = match (to / from).log10() {
            decades if decades > 2.5 => &[1.0],
            decades if decades > 1.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
        };
        let mut ticks = Vec::new();
        let mut power = 1.0;
        while power <= to {
            for at in within.iter().map(|digit| digit * power).filter(|at| (from..=to).contains(at)) {
                ticks.push((at, brief(at)));
            }
            power *= 10.0;
        }
        Axis { title: String::new(), from, to, log: true, ticks }
    }

    /// Percentiles of so many samples by what lies beyond them: 1 / (1 - p), so that the tail has the room.
    pub fn percentiles(samples: u64) -> Axis {
        const NAMED: [(f64, &str); 6] =
            [(2.0, "50 %"), (10.0, "90 %"), (100.0, "99 %"), (1e3, "99.9 %"), (1e4, "99.99 %"), (1e5, "99.999 %")];
        let to = (samples as f64).clamp(10.0, 1e6);
        let ticks = NAMED.into_iter().filter(|(at, _)| *at <= to).map(|(at, name)| (at, name.to_owned())).collect();
        Axis { title: "percentile".to_owned(), from: 1.0, to, log: true, ticks }
    }

    /// Changes as shares, as far to the one side of none as to the other.
    pub fn changes(largest: f64) -> Axis {
        let none = largest * 1e-6;
        // What is all but none is none: floating point leaves some behind.
        let label = |share: f64| if share.abs() < none { "0".to_owned() } else { signed_percent(share) };
        Axis::linear(-largest..largest, label)
    }

    /// Rows with a name each, the first on top.
    pub fn rows(names: impl ExactSizeIterator<Item = String>) -> Axis {
        let to = names.len() as f64;
        let tick = |(name, above): (String, u32)| (to - f64::from(above) - 0.5, name);
        Axis { title: String::new(), from: 0.0, to, log: false, ticks: names.zip(0..).map(tick).collect() }
    }

    fn linear(range: Range<f64>, name: impl Fn(f64) -> String) -> Axis {
        let Range { start: from, end: to } = range;
        let ticks = RangedCoordf64::from(range).key_points(TICKS as usize + 1);
        Axis { title: String::new(), from, to, log: false, ticks: ticks.into_iter().map(|at| (at, name(at))).collect() }
    }
}

/// Ends of a logarithmic axis: a little beyond the extremes, and at least a factor of four apart.
fn spread(lowest: f64, highest: f64) -> (f64, f64) {
    let (from, to) = (lowest / 1.1, highest.max(lowest) * 1.1);
    if to / from >= 4.0 {
        return (from, to);
    }
    let middle = (from * to).sqrt();
    (middle / 2.0, middle * 2.0)
}

/// A share with its sign, in percent with no more digits than it needs.
fn signed_percent(share: f64) -> String {
    let percent = (share * 1e5).round() / 1e3;
    format!("{percent:+} %")
}

/// A time in microseconds with few digits.
fn brief(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us}us"),
        us if us < 1e6 => format!("{}ms", us / 1e3),
        us => format!("{}s", us / 1e6),
    }
}

/// A count with few digits.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", value / 1e6),
        value if value >= 1e4 => format!("{}k", value / 1e3),
        value => figure::number(Some(value)),
    }
}

/// A time since the start: `0s`, `45s`, `2m`, `1m30s`, `1h`.
fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds since the start")]
    let seconds = seconds as u64;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, 'h'), (minutes, 'm'), (rest, 's')];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.concat() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn labels_are_round_and_few() {
        assert_eq!(labels(&Axis::count(47.0)), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(&Axis::count(0.0)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Axis::seconds(0.0, 95.0)), ["0s", "30s", "1m", "1m30s"]);
        assert_eq!(labels(&Axis::seconds(7.0, 9000.0)), ["30m", "1h", "1h30m", "2h", "2h30m"]);
        assert_eq!(labels(&Axis::times(8_000.0, 90_000.0)), ["10ms", "20ms", "50ms"]);
        assert_eq!(labels(&Axis::times(500_000.0, 600_000.0)), ["300ms", "400ms", "500ms", "700ms", "1s"]);
        assert_eq!(labels(&Axis::times(300.0, 2_000_000.0)), ["1ms", "10ms", "100ms", "1s"]);
        assert_eq!(labels(&Axis::percentiles(500)), ["50 %", "90 %", "99 %"]);
        assert_eq!(labels(&Axis::share(0.0)), ["0 %", "0.2 %", "0.4 %", "0.6 %", "0.8 %", "1 %"]);
        assert_eq!(labels(&Axis::changes(0.13)), ["-10 %", "-5 %", "0", "+5 %", "+10 %"]);
        assert_eq!(labels(&Axis::changes(0.004)), ["-0.4 %", "-0.2 %", "0", "+0.2 %", "+0.4 %"]);
    }

    #[test]
    fn a_percentile_has_the_room_of_its_tail() {
        let axis = Axis::percentiles(10_000);
        assert_eq!([1.0, 10.0, 100.0, 1e4, 1e9].map(|at| axis.map(&at, (0, 400))), [0, 100, 200, 400, 400]);
    }

    proptest! {
        #[test]
        fn every_value_falls_on_its_axis(a in 0.0_f64..1e10, b in 0.0_f64..1e10) {
            let (low, high) = (a.min(b), a.max(b));
            for axis in [Axis::count(high), Axis::seconds(low, high), Axis::times(low, high)] {
                let (from, to) = (axis.map(&low, (0, 1000)), axis.map(&high, (0, 1000)));
                prop_assert!((0..=1000).contains(&from) && (from..=1000).contains(&to), "{axis:?}");
                prop_assert!(axis.ticks.len() < 20, "{axis:?}");
            }
        }
    }
}
