//! The tables of probes, one file an area of the catalogue.

use super::probe::Probe;

mod auth;
mod basic;
mod metadata;
mod stream;
mod tools;

/// Every probe.
pub(crate) fn all() -> impl Iterator<Item = &'static Probe> {
    [basic::PROBES, auth::PROBES, stream::PROBES, tools::PROBES, metadata::PROBES].into_iter().flatten()
}
