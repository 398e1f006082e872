//! Watches the rules that end a run early ([`crate::plan::abort`]) as exchanges are judged.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::plan::abort::{Abort, FEW, Rule, Share};

/// Width of a row: shares are over times that are rounded to it.
const ROW: Duration = Duration::from_millis(100);

/// What ended lately, and the rules that look at it.
#[derive(Debug)]
pub(super) struct Abortion {
    /// Rules on shares, with their places in the plan.
    rules: Vec<(usize, Share, f64, Duration)>,
    rows: Mutex<VecDeque<Row>>,
}

/// What ended within 100 ms.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    number: u64,
    ended: u64,
    errors: u64,
    violations: u64,
}

/// An exchange that ended of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// When.
    pub(super) at: Duration,
    /// Whether it was not ok.
    pub(super) failed: bool,
    /// Whether it broke a MUST.
    pub(super) violating: bool,
}

impl Abortion {
    pub(super) fn new(rules: &[Abort]) -> Abortion {
        let share = |(place, abort): (usize, &Abort)| match abort.rule {
            Rule::Share { of, above, over } => Some((place, of, above, over)),
            Rule::InFlight(_) => None,
        };
        Abortion { rules: rules.iter().enumerate().filter_map(share).collect(), rows: Mutex::default() }
    }

    /// Adds an exchange; the place of a rule that now ends the run, if one does.
    pub(super) fn judged(&self, ended: Ended) -> Option<usize> {
        let longest = self.rules.iter().map(|rule| rule.3).max()?;
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let number = row_of(ended.at);
        let place = rows.partition_point(|row| row.number < number);
        if rows.get(place).is_none_or(|row| row.number != number) {
            rows.insert(place, Row { number, ..Row::default() });
        }
        let row = &mut rows[place];
        row.ended += 1;
        row.errors += u64::from(ended.failed);
        row.violations += u64::from(ended.violating);
        let last = rows.back().map_or(number, |row| row.number);
        while rows.front().is_some_and(|row| row.number + row_of(longest) < last) {
            rows.pop_front();
        }
        self.rules.iter().find(|(_, of, above, over)| exceeds(&rows, last, *of, *above, *over)).map(|rule| rule.0)
    }
}

fn exceeds(rows: &VecDeque<Row>, last: u64, of: Share, above: f64, over: Duration) -> bool {
    let Some(begin) = (last + 1).checked_sub(row_of(over).max(1)) else { return false };
    let (mut ended, mut counted) = (0, 0);
    for row in rows.iter().filter(|row| row.number >= begin) {
        ended += row.ended;
        counted += if of == Share::Errors { row.errors } else { row.violations };
    }
    ended >= FEW && counted as f64 > above * ended as f64
}

fn row_of(at: Duration) -> u64 {
    u64::try_from(at.as_millis() / ROW.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(rule: &str) -> Abortion {
        Abortion::new(&["in_flight > 5".parse().expect("a rule"), rule.parse().expect("a rule")])
    }

    fn ended(ms: u64, failed: bool) -> Ended {
        Ended { at: Duration::from_millis(ms), failed, violating: !failed }
    }

    #[test]
    fn a_share_over_its_time_ends_the_run_and_an_old_one_does_not() {
        let watched = watch("error_rate > 50% over 1s");
        let mut stopped = (0..10).map(|n| watched.judged(ended(n * 90, true)));
        assert!(stopped.all(|rule| rule.is_none()), "less than a second has passed");
        assert_eq!(watched.judged(ended(990, true)), Some(1));
        let watched = watch("error_rate > 50% over 1s");
        assert!((0..4).all(|n| watched.judged(ended(n * 100, true)).is_none()));
        assert!((0..40).all(|n| watched.judged(ended(1500 + n * 100, n % 2 == 1)).is_none()));
    }

    #[test]
    fn violations_are_watched_and_few_say_nothing() {
        let watched = watch("violation_rate > 0% over 200ms");
        assert!((0..4).all(|n| watched.judged(ended(1000 + n, false)).is_none()));
        assert_eq!(watched.judged(ended(1004, false)), Some(1));
    }
}
