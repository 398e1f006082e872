//! Every probe, and those that some rules need.

use std::collections::BTreeSet;

use super::{Probe, Turn};
use crate::auth::probes::AUTH_INVALID;
use crate::basic::probes::{BASIC, BASIC_STREAM};
use crate::http::probes::PAGE_SLASH;
use crate::stream::probes::COUNT_STREAM;
use crate::{auth, basic, error, format, http, logprobs, metadata, negative, request, sampling, stream, tools, usage};

/// Every probe.
pub fn all() -> impl Iterator<Item = &'static Probe> {
    [
        basic::probes::PROBES,
        auth::probes::PROBES,
        request::probes::PROBES,
        sampling::probes::PROBES,
        format::probes::PROBES,
        stream::probes::PROBES,
        tools::probes::PROBES,
        logprobs::probes::PROBES,
        usage::probes::PROBES,
        metadata::probes::PROBES,
        error::probes::PROBES,
        http::probes::PROBES,
        negative::probes::PROBES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The probe of that name.
pub fn named(name: &str) -> Option<&'static Probe> {
    all().find(|probe| probe.name == name)
}

/// The plain request. If it fails, nothing else says anything.
pub fn gate() -> &'static Probe {
    &BASIC
}

/// The probes that rules on any reply are judged on, besides those that other rules need.
pub fn plain() -> [&'static Probe; 3] {
    [&BASIC, &BASIC_STREAM, &COUNT_STREAM]
}

/// The plain request with a wrong key.
pub fn wrong_key() -> &'static Probe {
    &AUTH_INVALID
}

/// The probe of a path that the API does not have, unless the endpoint ignores a slash at the end of its path.
pub fn wrong_path() -> &'static Probe {
    &PAGE_SLASH
}

/// These probes and all that they are made from, in the order in which they can be sent.
pub fn needed(probes: impl IntoIterator<Item = &'static Probe>) -> Vec<&'static Probe> {
    let mut names = BTreeSet::new();
    let mut open: Vec<&'static Probe> = probes.into_iter().collect();
    while let Some(probe) = open.pop() {
        if names.insert(probe.name) {
            open.extend(probe.after);
        }
    }
    let mut probes: Vec<&'static Probe> =
        all().filter(|probe| probe.turn == Turn::Gate || names.contains(probe.name)).collect();
    probes.sort_by_key(|probe| probe.turn);
    probes
}
