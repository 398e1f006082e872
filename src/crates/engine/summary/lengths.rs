//! How long prompts and replies were, in tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::timing::Timing;
use crate::exchange::{Outcome, Reading, TokenSource};

/// Lengths of exchanges that ended ok, in tokens: counts in the place of microseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Of prompts, where the reply states them.
    pub prompt: Timing,
    /// Of replies, from usage or else from events with content.
    pub completion: Timing,
}

impl Lengths {
    /// Adds an exchange of the measured part.
    pub(super) fn record(&mut self, reading: &Reading<'_>) {
        let (Some(tokens), Outcome::Ok) = (reading.tokens(), reading.outcome) else { return };
        if tokens.source == TokenSource::Usage {
            self.prompt.record_count(tokens.prompt);
        }
        self.completion.record_count(tokens.completion);
    }

    /// Adds another part of the run.
    pub(super) fn merge(&mut self, other: &Lengths) {
        self.prompt.merge(&other.prompt);
        self.completion.merge(&other.completion);
    }
}
