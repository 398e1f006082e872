//! The shape of a whole reply, and answers in a format that was asked for.

pub(crate) mod probes;
pub(crate) mod response;
mod rules;
mod schemas;
pub(crate) mod structured;

pub(crate) use rules::CHECKS;
