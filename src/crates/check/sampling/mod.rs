//! How tokens are drawn: temperature, penalties, seeds, biases.

pub(crate) mod probes;
mod rules;

pub(crate) use rules::CHECKS;
