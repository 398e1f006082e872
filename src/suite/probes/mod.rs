//! The tables of probes, one file an area of the catalogue.

use super::probe::Probe;

mod auth;
mod basic;

/// Every probe.
pub(crate) fn all() -> impl Iterator<Item = &'static Probe> {
    [basic::PROBES, auth::PROBES].into_iter().flatten()
}
