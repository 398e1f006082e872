//! The tables of probes, one file an area of the catalogue.

use super::probe::Probe;

mod auth;
mod basic;
mod error;
mod http;
mod mutants;
mod negative;

/// Every probe.
pub(crate) fn all() -> impl Iterator<Item = &'static Probe> {
    [basic::PROBES, auth::PROBES, error::PROBES, http::PROBES, negative::PROBES].into_iter().flatten()
}
