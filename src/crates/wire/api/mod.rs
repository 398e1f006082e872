//! What is chat completions and nothing else.

pub mod content;
pub mod error;
pub mod finish;
pub mod reply;
pub mod request;
