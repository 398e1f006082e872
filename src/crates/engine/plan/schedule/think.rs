//! How long a user thinks before the next request.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Exp1, StandardNormal};
use rand_pcg::Pcg64;

/// A time drawn for each request from its number, so that it does not depend on which request ends first.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Think {
    /// Not at all.
    #[default]
    None,
    /// Always as long.
    Constant(Duration),
    /// Evenly between two times.
    Uniform(Duration, Duration),
    /// Exponential with this mean.
    Exponential(Duration),
    /// Lognormal with this median and standard deviation of the logarithm.
    Lognormal(Duration, f64),
}

/// The longest: what nobody waits for is a mistake.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Think {
    /// The time of a request, from its number and what it is drawn for.
    pub(in crate::plan) fn draw(self, seed: u64, number: u64, purpose: &str) -> Duration {
        let mut random = Pcg64::seed_from_u64(crate::plan::case::draw(seed, number, purpose));
        let seconds = match self {
            Think::None => return Duration::ZERO,
            Think::Constant(time) => return time,
            Think::Uniform(least, most) => {
                let share: f64 = random.random();
                least.as_secs_f64() + share * (most.as_secs_f64() - least.as_secs_f64())
            }
            Think::Exponential(mean) => {
                let drawn: f64 = Exp1.sample(&mut random);
                drawn * mean.as_secs_f64()
            }
            Think::Lognormal(median, spread) => {
                let drawn: f64 = StandardNormal.sample(&mut random);
                median.as_secs_f64() * (spread * drawn).exp()
            }
        };
        Duration::from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64()))
    }

    /// Whether nobody thinks.
    pub fn is_none(self) -> bool {
        self == Think::None
    }
}

impl fmt::Display for Think {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = humantime::format_duration;
        match self {
            Think::None => f.write_str("none"),
            Think::Constant(length) => write!(f, "{}", time(*length)),
            Think::Uniform(least, most) => write!(f, "{} to {}", time(*least), time(*most)),
            Think::Exponential(mean) => write!(f, "exponential with mean {}", time(*mean)),
            Think::Lognormal(median, spread) => write!(f, "lognormal around {} (spread {spread})", time(*median)),
        }
    }
}

impl FromStr for Think {
    type Err = String;

    fn from_str(text: &str) -> Result<Think, String> {
        let time = |text: &str| match humantime::parse_duration(text) {
            Ok(time) if time <= LONGEST => Ok(time),
            Ok(_) => Err("nobody thinks longer than a day".to_owned()),
            Err(error) => Err(format!("{text:?} is not a duration: {error}")),
        };
        match text.split(':').map(str::trim).collect::<Vec<_>>().as_slice() {
            [length] | ["constant", length] => Ok(Think::Constant(time(length)?)),
            ["uniform", least, most] => {
                let (least, most) = (time(least)?, time(most)?);
                if least > most {
                    Err("the shorter time comes first".to_owned())
                } else {
                    Ok(Think::Uniform(least, most))
                }
            }
            ["exponential", mean] => Ok(Think::Exponential(time(mean)?)),
            ["lognormal", median, spread] => match spread.parse::<f64>() {
                Ok(spread) if (0.0..=3.0).contains(&spread) => Ok(Think::Lognormal(time(median)?, spread)),
                Ok(_) | Err(_) => Err(format!("{spread:?} is not a spread from 0 to 3")),
            },
            _ => Err("write 2s, uniform:1s:3s, exponential:2s or lognormal:2s:0.5".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_about() {
        assert_eq!("2s".parse(), Ok(Think::Constant(Duration::from_secs(2))));
        assert_eq!("uniform:1s:3s".parse(), Ok(Think::Uniform(Duration::from_secs(1), Duration::from_secs(3))));
        assert_eq!("lognormal:2s:0.5".parse(), Ok(Think::Lognormal(Duration::from_secs(2), 0.5)));
        for wrong in ["", "2", "uniform:3s:1s", "gauss:1s", "lognormal:2s:9", "exponential:9y"] {
            assert!(wrong.parse::<Think>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn draws_have_the_mean_and_depend_on_the_number_alone() {
        let second = Duration::from_secs(1);
        for think in [Think::Exponential(second), Think::Uniform(Duration::ZERO, 2 * second)] {
            let sum: f64 = (0..20_000).map(|nth| think.draw(3, nth, "think").as_secs_f64()).sum();
            // The standard deviation of the mean is at most 0.7 %: six of them.
            assert!((sum / 20_000.0 - 1.0).abs() < 0.045, "{think}: {}", sum / 20_000.0);
            assert_eq!(think.draw(3, 7, "think"), think.draw(3, 7, "think"));
        }
    }
}
