//! proofload

pub mod wire;
pub mod exchange;
pub mod check;
pub mod plan;
pub mod summary;
pub mod reference;
