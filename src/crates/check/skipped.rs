//! Why a rule says nothing of a reply that is of another kind.

use crate::error;

/// Whether a rule was skipped since the reply is of a kind that it says nothing of. Where another reply is of that kind, the
/// reason for skipping that one says more.
pub fn is_of_another_kind(skipped: &str) -> bool {
    [error::NO_ERROR, NO_COMPLETION, NO_STREAM].contains(&skipped)
}

pub(crate) const NO_COMPLETION: &str = "no whole completion to judge";
pub(crate) const NO_STREAM: &str = "no stream to judge";
pub(crate) const INCOMPLETE: &str = "the transfer did not complete";
