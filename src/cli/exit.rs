//! Exit codes. Where several apply, the precedence is 130, 2, 4, 3, 1, 5, 0.

use std::process::ExitCode;

use super::folder::Unusable;
use super::run_handle::Interrupted;
use crate::run::RunError;
use crate::summary::Summary;
use crate::summary::digest::{Digest, Outcome};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Everything held.
    Pass = 0,
    /// A MUST or a goal is broken, or no exchange was ok.
    Fail = 1,
    /// The command line or the profile is wrong, or a place cannot be written to; nothing was sent.
    Usage = 2,
    /// No HTTP answer at all, nothing asserted, or a measurement that cannot be believed.
    Invalid = 3,
    /// A summary is incomplete or does not belong to the others.
    Mismatch = 4,
    /// Everything held, but not all that was measured could be kept.
    Unkept = 5,
    /// Interrupted; the report was written.
    Interrupted = 130,
}

impl Exit {
    /// What a run comes to.
    pub(super) fn of_run(summary: &Summary) -> Exit {
        Exit::of_verdict(Digest::of(summary).verdict)
    }

    /// What a point of a sweep comes to. A sweep is there to show where an endpoint fails, so that only goals of the user's
    /// decide.
    pub(super) fn of_point(summary: &Summary) -> Exit {
        Exit::of_verdict(Digest::of(summary).verdict_by_written(summary))
    }

    fn of_verdict(verdict: Outcome) -> Exit {
        match verdict {
            Outcome::Pass => Exit::Pass,
            Outcome::Fail => Exit::Fail,
            Outcome::Invalid => Exit::Invalid,
            Outcome::Interrupted => Exit::Interrupted,
        }
    }

    /// What an error comes to: a client that the profile made impossible is the profile's fault, a system that
    /// refused us is a measurement that did not happen.
    pub(super) fn of_error(error: &anyhow::Error) -> Exit {
        if error.is::<Interrupted>() {
            return Exit::Interrupted;
        }
        if error.is::<Unusable>() {
            return Exit::Mismatch;
        }
        match error.downcast_ref::<RunError>() {
            Some(RunError::Thread(_) | RunError::Used | RunError::Died(_)) => Exit::Invalid,
            Some(RunError::Client(_)) | None => Exit::Usage,
        }
    }
}

impl Exit {
    /// The weightier of two.
    pub(super) fn or(self, other: Exit) -> Exit {
        if other.weight() > self.weight() { other } else { self }
    }

    /// Its place in the precedence, the weightiest highest.
    pub(super) fn weight(self) -> usize {
        const ORDER: [Exit; 7] =
            [Exit::Pass, Exit::Unkept, Exit::Fail, Exit::Invalid, Exit::Mismatch, Exit::Usage, Exit::Interrupted];
        ORDER.iter().position(|exit| *exit == self).unwrap_or(0)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
