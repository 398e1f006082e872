//! The plain question, whole and streamed, which most rules look at.

pub(crate) mod probes;
