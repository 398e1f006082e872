//! proofload

pub mod check;
pub mod cli;
pub mod exchange;
pub mod plan;
pub mod profile;
pub mod reference;
pub mod report;
pub mod run;
pub mod summary;
pub mod wire;
