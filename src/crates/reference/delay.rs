//! How long things take and how long answers are: distributions, and the grammar in which they are given.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand_distr::{Distribution as _, LogNormal, Normal};
use rand_pcg::Pcg64;

/// A time that is drawn anew for each first token or token gap.
#[derive(Debug, Clone, PartialEq)]
pub enum Delay {
    /// Always the same.
    Constant(Duration),
    /// Normal, and never below zero.
    Normal {
        /// The middle.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// Lognormal: many are short, a few are long.
    Lognormal {
        /// Half of the times are longer.
        median: Duration,
        /// Standard deviation of the logarithm.
        spread: f64,
    },
    /// Times that were recorded, in turn, from the start again after the last.
    Trace(Arc<[Duration]>),
}

/// How many tokens an answer has that no cap cuts shorter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// Always as many.
    Constant(u64),
    /// Any number from the one to the other, each as likely.
    Uniform(u64, u64),
    /// Normal, by mean and standard deviation.
    Normal(f64, f64),
    /// Lognormal, by median and standard deviation of the logarithm.
    Lognormal(f64, f64),
}

/// The longest answer.
pub const LONGEST: u64 = 100_000;
/// A lognormal draw is no further from its median than this factor.
const FURTHEST: f64 = 100.0;

impl Delay {
    /// Reads `200ms` (lognormal with this spread, constant where that is 0), `constant:200ms`, `normal:200ms:20ms`,
    /// `lognormal:200ms:0.3` or `trace:FILE`, whose text `read` gives.
    ///
    /// # Errors
    /// If it is none of these, or the file cannot be used; the reason is in words.
    pub fn parse(text: &str, spread: f64, read: &dyn Fn(&str) -> Result<String, String>) -> Result<Delay, String> {
        if let Some(file) = text.strip_prefix("trace:") {
            return read(file).and_then(|text| trace(&text));
        }
        match text.split(':').collect::<Vec<_>>()[..] {
            [median] => time(median).map(|median| Delay::lognormal(median, spread)),
            ["constant", time_of_all] => time(time_of_all).map(Delay::Constant),
            ["normal", mean, deviation] => Ok(Delay::Normal { mean: time(mean)?, deviation: time(deviation)? }),
            ["lognormal", median, spread] => Ok(Delay::lognormal(time(median)?, self::spread(spread)?)),
            _ => {
                Err("write TIME, constant:TIME, normal:MEAN:DEVIATION, lognormal:MEDIAN:SPREAD or trace:FILE"
                    .to_owned())
            }
        }
    }

    fn lognormal(median: Duration, spread: f64) -> Delay {
        if spread > 0.0 { Delay::Lognormal { median, spread } } else { Delay::Constant(median) }
    }

    /// Draws a time. A trace draws nothing, but gives the time whose turn it is.
    pub(super) fn draw(&self, turn: u64, random: &mut Pcg64) -> Duration {
        match self {
            Delay::Constant(time) => *time,
            Delay::Normal { mean, deviation } => {
                let drawn = normal(mean.as_secs_f64(), deviation.as_secs_f64(), random);
                Duration::try_from_secs_f64(drawn.max(0.0)).unwrap_or(*mean)
            }
            Delay::Lognormal { median, spread } => median.mul_f64(factor(*spread, random)),
            Delay::Trace(times) => times[usize::try_from(turn % times.len() as u64).unwrap_or(0)],
        }
    }
}

impl Length {
    /// Reads `48`, `constant:48`, `uniform:10:100`, `normal:48:10` or `lognormal:48:0.5`.
    ///
    /// # Errors
    /// If it is none of these; the reason is in words.
    pub fn parse(text: &str) -> Result<Length, String> {
        match text.split(':').collect::<Vec<_>>()[..] {
            [tokens] | ["constant", tokens] => count(tokens).map(Length::Constant),
            ["uniform", least, most] => match (count(least)?, count(most)?) {
                (least, most) if least <= most => Ok(Length::Uniform(least, most)),
                (least, most) => Err(format!("{least} is more than {most}")),
            },
            ["normal", mean, deviation] => {
                let deviation =
                    deviation.parse::<f64>().ok().filter(|deviation| (0.0..=LONGEST as f64).contains(deviation));
                Ok(Length::Normal(count(mean)? as f64, deviation.ok_or("the deviation is not a number of tokens")?))
            }
            ["lognormal", median, spread] => Ok(Length::Lognormal(count(median)? as f64, self::spread(spread)?)),
            _ => Err("write N, uniform:LEAST:MOST, normal:MEAN:DEVIATION or lognormal:MEDIAN:SPREAD".to_owned()),
        }
    }

    /// Draws a number of tokens, at least one.
    pub(super) fn draw(self, random: &mut Pcg64) -> u64 {
        let drawn = match self {
            Length::Constant(tokens) => return tokens,
            Length::Uniform(least, most) => return random.random_range(least..=most),
            Length::Normal(mean, deviation) => normal(mean, deviation, random),
            Length::Lognormal(median, spread) => median * factor(spread, random),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and LONGEST")]
        let tokens = drawn.round().clamp(1.0, LONGEST as f64) as u64;
        tokens
    }
}

fn normal(mean: f64, deviation: f64, random: &mut Pcg64) -> f64 {
    Normal::new(mean, deviation).map_or(mean, |normal| normal.sample(random))
}

fn factor(spread: f64, random: &mut Pcg64) -> f64 {
    LogNormal::new(0.0, spread).map_or(1.0, |factor| factor.sample(random).clamp(1.0 / FURTHEST, FURTHEST))
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("{text:?}: {error}; write a number with a unit, such as 500ms"))?;
    if time > Duration::from_secs(3600) { Err(format!("{text} is longer than an hour")) } else { Ok(time) }
}

fn count(text: &str) -> Result<u64, String> {
    let count = text.parse::<u64>().ok().filter(|count| (1..=LONGEST).contains(count));
    count.ok_or_else(|| format!("{text:?} is not a number of tokens from 1 to {LONGEST}"))
}

fn spread(text: &str) -> Result<f64, String> {
    let spread = text.parse::<f64>().ok().filter(|spread| (0.0..=3.0).contains(spread));
    spread.ok_or_else(|| format!("{text:?} is not a spread from 0 to 3"))
}

/// One time a line; empty lines and those that begin with `#` are passed over.
fn trace(text: &str) -> Result<Delay, String> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let times: Result<Arc<[Duration]>, String> =
        lines.map(|(number, line)| time(line).map_err(|error| format!("line {}: {error}", number + 1))).collect();
    match times? {
        times if times.is_empty() => Err("the trace has no times".to_owned()),
        times => Ok(Delay::Trace(times)),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn file(name: &str) -> Result<String, String> {
        std::fs::read_to_string(name).map_err(|error| error.to_string())
    }

    fn drawn(delay: &str, seed: u64) -> Vec<f64> {
        let delay = Delay::parse(delay, 0.3, &file).expect(delay);
        let mut random = Pcg64::seed_from_u64(seed);
        let mut drawn: Vec<f64> = (0..20_000).map(|turn| delay.draw(turn, &mut random).as_secs_f64() * 1e3).collect();
        drawn.sort_by(f64::total_cmp);
        drawn
    }

    fn at(drawn: &[f64], share: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
        let index = (drawn.len() as f64 * share) as usize;
        drawn[index]
    }

    #[test]
    fn delays_are_distributed_as_they_say_and_repeat_with_their_seed() {
        // The quantile of one standard deviation is at 84.13 %.
        let normal = drawn("normal:200ms:20ms", 1);
        assert!((at(&normal, 0.5) - 200.0).abs() < 1.0 && (at(&normal, 0.8413) - 220.0).abs() < 1.5);
        let lognormal = drawn("lognormal:200ms:0.5", 1);
        assert!((at(&lognormal, 0.5) / 200.0 - 1.0).abs() < 0.02);
        assert!((at(&lognormal, 0.8413) / (200.0 * 0.5_f64.exp()) - 1.0).abs() < 0.03);
        let clamped = drawn("normal:1ms:100ms", 1);
        assert!(clamped[0] == 0.0 && at(&clamped, 0.48) == 0.0 && at(&clamped, 0.52) > 0.0);
        assert_eq!(Delay::parse("200ms", 0.0, &file), Ok(Delay::Constant(Duration::from_millis(200))));
        assert_eq!(Delay::parse("200ms", 0.5, &file), Delay::parse("lognormal:200ms:0.5", 0.0, &file));
        assert_eq!(normal, drawn("normal:200ms:20ms", 1));
        assert_ne!(normal, drawn("normal:200ms:20ms", 2));
    }

    #[test]
    fn a_trace_is_taken_in_turn_from_where_its_request_stands() {
        let trace = trace("# recorded\n10ms\n\n20ms\n30ms\n").expect("a trace");
        let mut random = Pcg64::seed_from_u64(1);
        let times: Vec<u128> = (2..7).map(|turn| trace.draw(turn, &mut random).as_millis()).collect();
        assert_eq!(times, [30, 10, 20, 30, 10]);
        assert_eq!(super::trace("1ms\nfast\n").expect_err("a fault").split(':').next(), Some("line 2"));
        assert!(super::trace("# nothing\n").is_err());
    }

    #[test]
    fn lengths_are_distributed_as_they_say() {
        let mut random = Pcg64::seed_from_u64(3);
        let mut draw = |text: &str| {
            let length = Length::parse(text).expect(text);
            (0..20_000).map(|_| length.draw(&mut random)).collect::<Vec<u64>>()
        };
        let mean = |drawn: &[u64]| drawn.iter().sum::<u64>() as f64 / drawn.len() as f64;
        assert!(draw("7").iter().all(|tokens| *tokens == 7));
        let uniform = draw("uniform:10:20");
        assert!(
            (mean(&uniform) - 15.0).abs() < 0.1
                && uniform.iter().min() == Some(&10)
                && uniform.iter().max() == Some(&20)
        );
        assert!((mean(&draw("normal:100:10")) - 100.0).abs() < 0.5);
        assert!((mean(&draw("lognormal:100:0.5")) / (100.0 * 0.125_f64.exp()) - 1.0).abs() < 0.03);
        assert!(draw("normal:2:50").iter().all(|tokens| (1..=LONGEST).contains(tokens)));
    }

    #[test]
    fn what_is_no_distribution_is_refused_with_the_reason() {
        for (text, said) in [
            ("fast", "unit"),
            ("normal:1ms", "write TIME"),
            ("lognormal:1ms:9", "not a spread"),
            ("trace:/nowhere/at/all", "No such file"),
            ("2h", "longer than an hour"),
        ] {
            let error = Delay::parse(text, 0.0, &file).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
        for text in ["0", "-1", "uniform:9:3", "normal:5", "lognormal:5:x", "100001"] {
            assert!(Length::parse(text).is_err(), "{text}");
        }
    }
}
