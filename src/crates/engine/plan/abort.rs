//! Rules that end a run early because it goes wrong, as in `error_rate > 20% over 5s` or `in_flight > 5000`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When to give up.
#[derive(Debug, Clone, PartialEq)]
pub struct Abort {
    /// As the user wrote it.
    pub text: String,
    /// What is watched.
    pub rule: Rule,
}

/// What ends a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// More requests in flight than this.
    InFlight(u64),
    /// More than this share of what ended within the time.
    Share {
        /// Of what.
        of: Share,
        /// From 0 to below 1.
        above: f64,
        /// Over the last so much time, once as much has passed and at least [`FEW`] requests ended in it.
        over: Duration,
    },
}

/// Shares that are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Failed / ended of their own.
    Errors,
    /// Replies with a broken MUST / ended of their own.
    Violations,
}

/// Fewer requests than this say nothing about a share.
pub const FEW: u64 = 5;
/// The longest time that is looked back on.
pub const LONGEST: Duration = Duration::from_secs(600);

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Abort {
    type Err = String;

    fn from_str(text: &str) -> Result<Abort, String> {
        let (metric, rest) = text.split_once('>').ok_or("a rule is METRIC > VALUE")?;
        let (value, over) = match rest.split_once(" over ") {
            Some((value, over)) => (value.trim(), Some(over.trim())),
            None => (rest.trim(), None),
        };
        let rule = match metric.trim() {
            "in_flight" if over.is_none() => {
                match value.parse().map_err(|_| format!("{value:?} is not a number of requests"))? {
                    0 => return Err("the first request would end every run".to_owned()),
                    most => Rule::InFlight(most),
                }
            }
            "in_flight" => return Err("in_flight is watched at every moment; leave out the time".to_owned()),
            "error_rate" => share(Share::Errors, value, over)?,
            "violation_rate" => share(Share::Violations, value, over)?,
            metric => {
                return Err(format!("{metric:?} is not watched; known are error_rate, violation_rate, in_flight"));
            }
        };
        Ok(Abort { text: text.trim().to_owned(), rule })
    }
}

fn share(of: Share, value: &str, over: Option<&str>) -> Result<Rule, String> {
    let number = match value.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => value.parse::<f64>(),
    };
    let number = number.ok();
    let above = number.filter(|share| (0.0..1.0).contains(share)).ok_or_else(|| {
        let percent = number.filter(|number| !value.ends_with('%') && (1.0..100.0).contains(number));
        let meant = percent.map_or(String::new(), |number| format!("; did you mean {number}%?"));
        format!("{value:?} is not a share from 0% to below 100%{meant}")
    })?;
    let over = over.ok_or("a rate needs a time, as in error_rate > 20% over 5s")?;
    match humantime::parse_duration(over) {
        Ok(over) if !over.is_zero() && over <= LONGEST => Ok(Rule::Share { of, above, over }),
        Ok(_) => Err("the time is between 1ms and 10m".to_owned()),
        Err(error) => Err(format!("{over:?} is not a duration: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rules() {
        let rule = |text: &str| text.parse::<Abort>().map(|abort| abort.rule);
        let over = Duration::from_secs(5);
        assert_eq!(rule("error_rate > 20% over 5s"), Ok(Rule::Share { of: Share::Errors, above: 0.2, over }));
        assert_eq!(rule("violation_rate>0.5 over 5s"), Ok(Rule::Share { of: Share::Violations, above: 0.5, over }));
        assert_eq!(rule("in_flight > 5000"), Ok(Rule::InFlight(5000)));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("error_rate", "METRIC > VALUE"),
            ("error_rate > 20%", "needs a time"),
            ("error_rate > 120% over 5s", "not a share"),
            ("error_rate > 20% over 5", "not a duration"),
            ("error_rate > 5 over 5s", "not a share from 0% to below 100%; did you mean 5%?"),
            ("violation_rate > 1 over 5s", "did you mean 1%?"),
            ("error_rate > 100% over 5s", "not a share from 0% to below 100%"),
            ("in_flight > 0", "would end every run"),
            ("in_flight > many", "not a number"),
            ("in_flight > 5 over 5s", "leave out the time"),
            ("latency > 5s", "known are"),
        ] {
            let error = text.parse::<Abort>().expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
