//! The targets, a file each.

mod capacity;
mod capture;
mod conformance;
mod json;
mod kept;
mod profile;
mod sse;
mod summary;
