//! The contract on the wire, and nothing of ours: what a chat-completions request and reply are made of.
//!
//! Both sides of the line stand on this module (the harness and the reference endpoint), so it holds facts of the
//! protocol only: no timing, no judgement, no I/O.

pub mod api;
pub mod contract;
pub mod exposition;
mod names;
pub mod plain;
pub mod schema;
pub mod sse;

pub use contract::Contract;
pub use proofload_json as json;
