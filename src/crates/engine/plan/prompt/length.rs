//! How many tokens a prompt or an answer is to have.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64;

/// A number of tokens, drawn for each request from its number.
#[derive(Debug, Clone, PartialEq)]
pub enum Length {
    /// Always as many.
    Constant(u64),
    /// Evenly between two numbers, both included.
    Uniform(u64, u64),
    /// Normal with this mean and standard deviation, never below 1.
    Normal(f64, f64),
    /// Lognormal with this median and standard deviation of the logarithm.
    Lognormal(f64, f64),
    /// One of these, each as likely.
    Empirical(Arc<[u64]>),
    /// Between the quantiles of a distribution, evenly spaced from the least to the most, at least two: a share is drawn,
    /// and the length read off the straight line between its neighbours.
    Quantiles(Arc<[u64]>),
    /// These one after another, the n-th for the n-th request of its load.
    Recorded(Arc<[u64]>),
}

/// Longer prompts are a mistake.
pub const LONGEST: u64 = 10_000_000;

impl Length {
    /// The length for request `nth` of its load, with the number `seq` in the plan.
    pub fn draw(&self, seed: u64, seq: u64, nth: u64, purpose: &str) -> u64 {
        let mut random = Pcg64::seed_from_u64(crate::plan::case::draw(seed, seq, purpose));
        let normal = |random: &mut Pcg64| -> f64 { StandardNormal.sample(random) };
        let drawn = match self {
            Length::Constant(length) => return *length,
            Length::Uniform(least, most) => return random.random_range(*least..=*most),
            Length::Normal(mean, deviation) => mean + deviation * normal(&mut random),
            Length::Lognormal(median, spread) => median * (spread * normal(&mut random)).exp(),
            Length::Empirical(lengths) => return lengths[random.random_range(0..lengths.len())],
            Length::Quantiles(quantiles) => between(quantiles, random.random()),
            Length::Recorded(lengths) => return lengths[usize::try_from(nth).unwrap_or(0) % lengths.len()],
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let whole = drawn.round().clamp(1.0, LONGEST as f64) as u64;
        whole
    }

    /// What it is on average, for estimates.
    pub fn mean(&self) -> f64 {
        match self {
            Length::Constant(length) => *length as f64,
            Length::Uniform(least, most) => f64::midpoint(*least as f64, *most as f64),
            Length::Normal(mean, _) => *mean,
            Length::Lognormal(median, spread) => median * (spread * spread / 2.0).exp(),
            Length::Quantiles(quantiles) => {
                let pieces = quantiles.windows(2).map(|pair| f64::midpoint(pair[0] as f64, pair[1] as f64));
                pieces.sum::<f64>() / (quantiles.len() - 1) as f64
            }
            Length::Empirical(lengths) | Length::Recorded(lengths) => {
                lengths.iter().map(|length| *length as f64).sum::<f64>() / lengths.len().max(1) as f64
            }
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Length::Constant(length) => write!(f, "{length}"),
            Length::Uniform(least, most) => write!(f, "{least} to {most}"),
            Length::Normal(mean, deviation) => write!(f, "normal around {mean} (deviation {deviation})"),
            Length::Lognormal(median, spread) => write!(f, "lognormal around {median} (spread {spread})"),
            Length::Empirical(lengths) => write!(f, "drawn from {} lengths", lengths.len()),
            Length::Quantiles(quantiles) => write!(f, "drawn by {} quantiles", quantiles.len()),
            Length::Recorded(lengths) => write!(f, "{} recorded lengths", lengths.len()),
        }
    }
}

/// What stands at a share of the way through evenly spaced quantiles.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the quantiles")]
fn between(quantiles: &[u64], share: f64) -> f64 {
    let place = share * (quantiles.len() - 1) as f64;
    let below = place as usize;
    let (low, high) = (quantiles[below] as f64, quantiles[(below + 1).min(quantiles.len() - 1)] as f64);
    low + (high - low) * place.fract()
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Length, String> {
        let whole = |text: &str| match text.parse::<u64>() {
            Ok(length) if (1..=LONGEST).contains(&length) => Ok(length),
            Ok(_) | Err(_) => Err(format!("{text:?} is not a number of tokens from 1 to {LONGEST}")),
        };
        let number = |text: &str, most: f64| match text.parse::<f64>() {
            Ok(number) if (0.0..=most).contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(format!("{text:?} is not a number from 0 to {most}")),
        };
        match text.split(':').map(str::trim).collect::<Vec<_>>().as_slice() {
            [length] | ["constant", length] => Ok(Length::Constant(whole(length)?)),
            ["uniform", least, most] => {
                let (least, most) = (whole(least)?, whole(most)?);
                if least > most {
                    Err("the smaller number comes first".to_owned())
                } else {
                    Ok(Length::Uniform(least, most))
                }
            }
            ["normal", mean, deviation] => Ok(Length::Normal(whole(mean)? as f64, number(deviation, LONGEST as f64)?)),
            ["lognormal", median, spread] => Ok(Length::Lognormal(whole(median)? as f64, number(spread, 3.0)?)),
            ["quantiles", list] => {
                let quantiles = list.split(',').map(|text| whole(text.trim())).collect::<Result<Arc<[u64]>, _>>()?;
                if quantiles.len() < 2 || !quantiles.is_sorted() {
                    return Err("quantiles are at least two numbers, none below the one before".to_owned());
                }
                Ok(Length::Quantiles(quantiles))
            }
            _ => Err("write 1024, uniform:100:2000, normal:1024:200, lognormal:500:0.8 or file:lengths.txt".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lengths_and_says_what_is_none() {
        assert_eq!("1024".parse(), Ok(Length::Constant(1024)));
        assert_eq!("uniform:10:20".parse(), Ok(Length::Uniform(10, 20)));
        assert_eq!("lognormal:500:0.8".parse(), Ok(Length::Lognormal(500.0, 0.8)));
        assert_eq!("quantiles:1,5,9".parse(), Ok(Length::Quantiles([1, 5, 9].into())));
        for wrong in [
            "",
            "quantiles:1",
            "quantiles:5,1",
            "0",
            "many",
            "uniform:20:10",
            "lognormal:500:9",
            "normal:5",
            "99999999999",
        ] {
            assert!(wrong.parse::<Length>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn draws_depend_on_the_number_alone_and_have_the_mean_that_is_stated() {
        let recorded = Length::Recorded([5, 6, 7].into());
        assert_eq!([0, 1, 2, 3].map(|nth| recorded.draw(1, 99, nth, "in")), [5, 6, 7, 5]);
        for text in ["quantiles:100,120,500", "uniform:100:300", "normal:200:30", "lognormal:150:0.5"] {
            let length: Length = text.parse().expect("a length");
            let draws = (0..20_000).map(|seq| length.draw(4, seq, seq, "in") as f64);
            let mean = draws.sum::<f64>() / 20_000.0;
            assert!((mean / length.mean() - 1.0).abs() < 0.03, "{text}: {mean} for {}", length.mean());
            assert_eq!(length.draw(4, 7, 7, "in"), length.draw(4, 7, 7, "in"));
        }
    }
}
