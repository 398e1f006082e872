//! Figures for people: short, with their unit.

use crate::summary::digest::Percentiles;
use crate::summary::quantile;

/// A time in microseconds, in ms or s: `0.123ms`, `45.6ms`, `12.34s`. Infinity is `inf`, none is `-`.
pub(super) fn time(us: Option<f64>) -> String {
    let Some(us) = us else { return "-".to_owned() };
    if us.is_infinite() {
        return "inf".to_owned();
    }
    let (value, unit) = if us < 1e6 { (us / 1e3, "ms") } else { (us / 1e6, "s") };
    let decimals = match value {
        value if value < 1.0 => 3,
        value if value < 10.0 => 2,
        value if value < 1000.0 => 1,
        _ => 0,
    };
    let decimals = if unit == "s" { decimals.max(2) } else { decimals };
    format!("{value:.decimals$}{unit}")
}

/// A percentile from 0 to 100 of one name's requests, as the table of the whole run has it: too few samples state none.
pub(super) fn percentile(of: &Percentiles, p: f64, us: Option<u64>) -> String {
    let least = quantile::least(p);
    match us {
        _ if of.count == 0 => "-".to_owned(),
        _ if of.count < least => format!("n<{least}"),
        us => time(Some(us.map_or(f64::INFINITY, |us| us as f64))),
    }
}

/// A fraction as a percentage; none is `-`.
pub(super) fn percent(fraction: Option<f64>) -> String {
    match fraction {
        None => "-".to_owned(),
        Some(fraction) if fraction > 0.0 && fraction < 0.001 => format!("{:.3} %", fraction * 100.0),
        Some(fraction) => format!("{:.1} %", fraction * 100.0),
    }
}

/// A rate or a count with at most one decimal; none is `-`.
pub(super) fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.fract() == 0.0 || value >= 1000.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_have_a_unit() {
        let cases = [
            (0.0, "0.000ms"),
            (123.0, "0.123ms"),
            (4_567.0, "4.57ms"),
            (45_678.0, "45.7ms"),
            (999_900.0, "999.9ms"),
            (1_234_000.0, "1.23s"),
            (61_000_000.0, "61.00s"),
            (f64::INFINITY, "inf"),
        ];
        for (us, text) in cases {
            assert_eq!(time(Some(us)), text);
        }
        assert_eq!(time(None), "-");
    }

    #[test]
    fn small_percentages_are_not_rounded_to_none() {
        assert_eq!(
            (percent(Some(0.0)), percent(Some(0.0001)), percent(Some(0.5))),
            ("0.0 %".into(), "0.010 %".into(), "50.0 %".into())
        );
    }
}
