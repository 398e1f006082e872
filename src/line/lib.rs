//! The line from a plan to a summary, as the package `proofload` tells it: what a request passes through, for which this
//! crate is built with more speed than those around it.

pub mod check;
pub mod exchange;
pub mod plan;
pub mod run;
pub mod summary;

pub use proofload_wire as wire;
