//! proofload

pub mod wire;
pub mod exchange;
pub mod check;
pub mod plan;
pub mod summary;
pub mod reference;
pub mod run;
pub mod profile;
pub mod report;
pub mod cli;
