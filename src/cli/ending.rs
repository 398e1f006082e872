//! What signals ask for, one after another: the first to stop, the second to cut what is in flight and to report at once,
//! the third to give up.

use std::time::Duration;

use super::signals::Signal;
use crate::run::Stage;

/// How long what is in flight may take after a signal that a kill may follow: docker and most supervisors kill ten
/// seconds after SIGTERM, and the report has to be written by then.
const BEFORE_A_KILL: Duration = Duration::from_secs(5);

/// What signals have asked for so far.
#[derive(Debug, Default)]
pub(super) struct Ending {
    stage: Stage,
    /// Signals that asked for more than those before them.
    asked: u32,
    hung_up: bool,
}

impl Ending {
    /// Takes a signal, and returns the stage that it leads to, where it leads on.
    pub(super) fn hear(&mut self, signal: Signal) -> Option<Stage> {
        // A terminal that goes sends the signal more than once, by its shell too.
        if signal == Signal::Hangup && std::mem::replace(&mut self.hung_up, true) {
            return None;
        }
        self.asked += 1;
        self.advance(match self.asked {
            1 => Stage::Stopping,
            2 => Stage::Cutting,
            _ => Stage::Gone,
        })
    }

    /// Takes that the time for what is in flight ran out, which nobody asked for: a signal that comes now is no third one.
    pub(super) fn run_out(&mut self) -> Option<Stage> {
        self.advance(Stage::Cutting)
    }

    fn advance(&mut self, stage: Stage) -> Option<Stage> {
        let further = stage > self.stage;
        self.stage = self.stage.max(stage);
        further.then_some(stage)
    }
}

/// How long what is in flight may take after a first signal; none where only its own grace period ends it.
pub(super) fn patience(first: Signal) -> Option<Duration> {
    match first {
        Signal::Interrupt => None,
        Signal::Terminate | Signal::Hangup => Some(BEFORE_A_KILL),
    }
}

#[cfg(test)]
mod tests {
    use super::Signal::{Hangup, Interrupt, Terminate};
    use super::*;

    /// The stages that signals lead to, one by one.
    fn stages(signals: &[Signal]) -> Vec<Option<Stage>> {
        let mut ending = Ending::default();
        signals.iter().map(|signal| ending.hear(*signal)).collect()
    }

    #[test]
    fn the_first_stops_the_second_cuts_and_the_third_gives_up() {
        let all = [Some(Stage::Stopping), Some(Stage::Cutting), Some(Stage::Gone)];
        for signals in [
            [Interrupt, Interrupt, Interrupt],
            [Interrupt, Terminate, Terminate],
            [Terminate, Interrupt, Hangup],
            [Interrupt, Hangup, Interrupt],
            [Hangup, Terminate, Interrupt],
        ] {
            assert_eq!(stages(&signals), all, "{signals:?}");
        }
    }

    #[test]
    fn a_terminal_that_goes_asks_once_however_often_it_says_so() {
        assert_eq!(stages(&[Hangup, Hangup, Hangup]), [Some(Stage::Stopping), None, None]);
        let one_by_one = [Some(Stage::Stopping), None, Some(Stage::Cutting), None, Some(Stage::Gone)];
        assert_eq!(stages(&[Hangup, Hangup, Interrupt, Hangup, Terminate]), one_by_one);
    }

    #[test]
    fn time_that_runs_out_cuts_and_never_gives_up() {
        let mut ending = Ending::default();
        assert_eq!(ending.hear(Terminate), Some(Stage::Stopping));
        assert_eq!(ending.run_out(), Some(Stage::Cutting));
        assert_eq!(ending.hear(Terminate), None, "the report is being written");
        assert_eq!(ending.run_out(), None);
        assert_eq!(ending.hear(Terminate), Some(Stage::Gone));
    }

    #[test]
    fn only_a_signal_that_a_kill_may_follow_bounds_the_time_in_flight() {
        assert_eq!(patience(Interrupt), None);
        assert!([Terminate, Hangup].map(patience).iter().all(|time| time.is_some_and(|time| time.as_secs() < 10)));
    }
}
