//! Log probabilities.

pub(crate) mod probes;
mod rules;

pub(crate) use rules::CHECKS;
