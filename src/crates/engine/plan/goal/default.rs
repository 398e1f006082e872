//! Goals that hold where the user wrote none of their kind: a run does not pass in which most requests failed, or in
//! which many were never sent.

use super::{Goal, Metric, Part, Scalar};

/// What a run is guarded against unless the user says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Requests that fail.
    Failures,
    /// Requests that a cap on those in flight kept from being sent.
    Missed,
}

impl Guard {
    /// The goal that holds by default.
    fn text(self) -> &'static str {
        match self {
            Guard::Failures => "error_rate <= 1%",
            Guard::Missed => "missed_fraction <= 1%",
        }
    }
}

impl Goal {
    /// What the goal guards the whole run against, as one or in each of its windows. None of a goal for one case, which says
    /// nothing of the others, and of other figures: a reply that breaks the contract is no failure.
    pub fn guards(&self) -> Option<Guard> {
        match (&self.part, self.metric) {
            (Part::Whole | Part::Every(_), Metric::Scalar(Scalar::ErrorRate | Scalar::GoodFraction)) => {
                Some(Guard::Failures)
            }
            (Part::Whole | Part::Every(_), Metric::Scalar(Scalar::MissedFraction)) => Some(Guard::Missed),
            (Part::Whole | Part::Every(_) | Part::Case(_), _) => None,
        }
    }

    /// The goal as reports print it: a default is marked as one.
    pub fn words(&self) -> String {
        words(&self.text, self.default)
    }
}

/// A goal as reports print it.
pub fn words(text: &str, default: bool) -> String {
    if default { format!("{text} (default)") } else { text.to_owned() }
}

/// The user's goals, and behind them the default of each kind of which the user has none. `can_miss` says whether requests
/// can be missed at all, since a goal that cannot fail says nothing.
pub fn with_defaults(written: Vec<Goal>, can_miss: bool) -> Vec<Goal> {
    let wanted = [Some(Guard::Failures), can_miss.then_some(Guard::Missed)];
    let lacking =
        wanted.into_iter().flatten().filter(|guard| !written.iter().any(|goal| goal.guards() == Some(*guard)));
    let defaults: Vec<Goal> = lacking.filter_map(|guard| Goal::read(guard.text()).ok()).collect();
    written.into_iter().chain(defaults.into_iter().map(|goal| Goal { default: true, ..goal })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults beside these goals.
    fn defaults(written: &[&str], can_miss: bool) -> Vec<String> {
        let written = written.iter().map(|text| Goal::parse(text).expect(text)).collect();
        let all = with_defaults(written, can_miss);
        all.into_iter().filter(|goal| goal.default).map(|goal| goal.text).collect()
    }

    #[test]
    fn a_default_holds_unless_the_user_has_a_goal_of_its_kind_over_the_whole_run() {
        let [failures, missed] = ["error_rate <= 1%", "missed_fraction <= 1%"];
        for other in [
            &[][..],
            &["e2e.ok.p95 < 5s"],
            &["violation_rate < 5%"],
            &["error_rate < 50% for streamed"],
            &["requests_per_s > 1", "sessions_complete > 50%"],
        ] {
            assert_eq!(defaults(other, true), [failures, missed], "{other:?}");
            assert_eq!(defaults(other, false), [failures], "{other:?}");
        }
        for own in ["error_rate < 50%", "error_rate < 50% in every 5s", "good_fraction >= 10%", "error_rate > 90%"] {
            assert_eq!(defaults(&[own], true), [missed], "{own}");
        }
        for own in ["missed_fraction < 50%", "missed_fraction < 50% in every 5s"] {
            assert_eq!(defaults(&[own], true), [failures], "{own}");
        }
        assert_eq!(defaults(&["missed_fraction < 50%", "good_fraction > 50%"], true), Vec::<String>::new());
    }

    #[test]
    fn a_default_is_marked_where_it_is_printed() {
        let all = with_defaults(vec![Goal::parse("e2e.p95 < 5s").expect("a goal")], false);
        assert_eq!(all.iter().map(Goal::words).collect::<Vec<_>>(), ["e2e.p95 < 5s", "error_rate <= 1% (default)"]);
    }
}
