//! From a plan to a summary: what is meant, when requests depart, the client that sends them, and what is recorded of
//! what came back.

pub mod plan;
pub mod run;
#[cfg(test)]
mod samples;
pub mod summary;

pub use proofload_check as check;
pub use proofload_check::exchange;
pub use proofload_wire as wire;
