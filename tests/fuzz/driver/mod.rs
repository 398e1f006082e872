//! Makes inputs for a target from its corpus, for a while, and keeps one that breaks its property. It needs no compiler of its own, so
//! that it runs wherever the tests do.

mod bytes;
mod corpus;
mod json;
mod random;
mod smaller;
mod watch;

pub(crate) use watch::{Way, fuzz};
