//! An answer as the next turn of its session repeats it.

use super::{Outcome, Reading};
use crate::wire::api::history::{self, NotSent};

/// Why an answer cannot be sent back, so that its session ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHistory {
    /// It failed, or was not read.
    Failed,
    /// It is nothing that can be sent back.
    NotSent(NotSent),
}

impl Reading<'_> {
    /// The text of the answer as the assistant's message of the history. Never empty.
    ///
    /// # Errors
    /// Why there is none.
    pub fn as_history(&self) -> Result<&str, NoHistory> {
        if self.outcome != Outcome::Ok {
            return Err(NoHistory::Failed);
        }
        history::text(&self.choices).map_err(NoHistory::NotSent)
    }
}
