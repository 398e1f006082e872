//! What was measured and could not be kept: it is said as it comes up, all else is still tried, and the exit code tells.

use super::exit::Exit;
use super::say;

/// Whether all that was to be kept was.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    failed: bool,
}

impl Keeping {
    /// Takes what came of an attempt to keep something, as `the report junit.xml`.
    pub(super) fn tried<T>(&mut self, what: &str, kept: anyhow::Result<T>) -> Option<T> {
        match kept {
            Ok(kept) => Some(kept),
            Err(error) => {
                self.lost(&format!("{what} could not be kept: {error:#}"));
                None
            }
        }
    }

    /// Says that something is not kept.
    pub(super) fn lost(&mut self, why: &str) {
        self.failed = true;
        say(&format!("error: {why}\n"));
    }

    /// What the command comes to, where this is what the measurement did.
    pub(super) fn exit(&self, measured: Exit) -> Exit {
        measured.or(if self.failed { Exit::Unkept } else { Exit::Pass })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_weighs_less_than_any_verdict_but_a_pass() {
        let (all, not_all) = (Keeping::default(), Keeping { failed: true });
        for exit in [Exit::Fail, Exit::Invalid, Exit::Mismatch, Exit::Usage, Exit::Interrupted] {
            assert_eq!((all.exit(exit), not_all.exit(exit)), (exit, exit));
        }
        assert_eq!((all.exit(Exit::Pass), not_all.exit(Exit::Pass)), (Exit::Pass, Exit::Unkept));
    }
}
