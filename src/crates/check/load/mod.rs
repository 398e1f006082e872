//! What only a load shows.

mod rules;

pub(crate) use rules::CHECKS;
