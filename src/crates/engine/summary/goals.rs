//! Goals held against a summary.

use super::Summary;
use super::goal_parts::share;
use super::load_rules::{Figure, figure};
use super::trust::cached_share;
use crate::check;
use crate::plan::goal::{Goal, Metric, Scalar, Verdicts, with_defaults};

impl Summary {
    /// The goals of the run, the defaults behind those that the user wrote. Defaults are not kept: a run that was made
    /// before there were any is judged like all others.
    pub fn goals(&self) -> Vec<Goal> {
        // They were read once before, when the plan was made.
        let written = self.meta.goals.iter().filter_map(|text| Goal::read(text).ok()).collect();
        with_defaults(written, self.meta.can_miss || self.count(&["missed"]) > 0)
    }

    /// The value that a goal looks at: microseconds, a fraction, or a count per second. None without a sample, so
    /// that zero samples never satisfy a goal.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Timing(measure, population, statistic) => {
                self.timings.get(measure.name())?.statistic(population, statistic)
            }
            Metric::Scalar(scalar) => self.scalar(scalar),
            Metric::Check(id, verdicts) => {
                let (pass, fail) = self.verdicts(id)?;
                let applied = pass + fail;
                // Of a rule that never applied nothing is known, so that it holds no goal.
                (applied > 0).then_some(match verdicts {
                    Verdicts::Pass => pass as f64,
                    Verdicts::Fail => fail as f64,
                    Verdicts::FailFraction => fail as f64 / applied as f64,
                })
            }
        }
    }

    /// How often a rule held and how often it was broken, if only because another one was.
    fn verdicts(&self, id: &str) -> Option<(u64, u64)> {
        if let Some(Figure { pass, fail, follows, .. }) = figure(self, id) {
            return Some((pass, fail + follows.values().sum::<u64>()));
        }
        let (check, tally) = (check::find(id)?, self.checks.get(id)?);
        let fates = tally.fates(check, None);
        Some((fates.pass, fates.fail + tally.follows.values().sum::<u64>()))
    }

    /// A figure of the whole run; none where nothing was counted that it could be worked out from.
    pub fn scalar(&self, scalar: Scalar) -> Option<f64> {
        let (ok, failed) = (self.count(&["ok"]), self.failed());
        let window = self.window_s();
        let rate = |count: f64| (window > 0.0 && self.planned() > 0).then(|| count / window);
        let counts = &self.counts;
        let dollars = self.pulze.cost_nanodollars as f64 / 1e9;
        match scalar {
            Scalar::ErrorRate => share(failed, ok + failed),
            Scalar::ViolationRate => share(self.counts.violating, self.counts.status_200),
            Scalar::GoodFraction => share(self.counts.good, self.accountable()),
            Scalar::MissedFraction => share(self.count(&["missed"]), self.accountable()),
            Scalar::SessionsComplete => self.sessions.complete_fraction(),
            Scalar::Requests => rate(self.counts.completed_in_window as f64),
            Scalar::GoodRequests => rate(self.counts.good_in_window as f64),
            // What arrived may be of answers to the warm-up.
            Scalar::OutputTokens => {
                rate(tokens(counts.output_millitokens_in_window)).filter(|rate| *rate > 0.0 || counts.tell_answers())
            }
            Scalar::TotalTokens => {
                let all = counts.prompt_millitokens_in_window + counts.output_millitokens_in_window;
                rate(tokens(all)).filter(|_| counts.tell_prompts())
            }
            Scalar::PromptCount => counts.tell_prompts().then(|| tokens(counts.prompt_millitokens)),
            Scalar::CompletionCount => counts.tell_answers().then(|| tokens(counts.completion_millitokens)),
            Scalar::CachedFraction => cached_share(self),
            Scalar::Cost => (self.pulze.replies > 0).then_some(dollars),
            Scalar::CostPerRequest => (self.pulze.replies > 0).then(|| dollars / self.pulze.replies as f64),
        }
    }
}

fn tokens(millitokens: u64) -> f64 {
    millitokens as f64 / 1000.0
}
