//! Keys: who is let in, and what a stranger is told.

pub(crate) mod probes;
mod rules;

pub(crate) use rules::CHECKS;
pub(crate) use rules::WRONG_KEY;
