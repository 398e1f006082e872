//! Names and times that a reply carries.

use std::time::SystemTime;

use rand::RngExt as _;
use rand_pcg::Pcg64;

use crate::wire::Dialect;

/// The id of a completion. Pulze's is the UUID of the stored log.
pub(super) fn completion(dialect: Dialect, random: &mut Pcg64) -> String {
    match dialect {
        Dialect::Pulze => uuid(random),
        Dialect::OpenAi | Dialect::OpenAiStrict => {
            let [a, b]: [u64; 2] = [random.random(), random.random()];
            format!("chatcmpl-{a:016x}{:08x}", b >> 32)
        }
    }
}

/// A UUID of version 4 (RFC 9562, section 5.4).
pub(super) fn uuid(random: &mut Pcg64) -> String {
    let [a, b]: [u64; 2] = [random.random(), random.random()];
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}

/// Milliseconds in the pulze dialect, seconds in the openai dialect (spec, section 7, difference 10).
pub(super) fn created(dialect: Dialect) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match dialect {
        Dialect::Pulze => u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        Dialect::OpenAi | Dialect::OpenAiStrict => now.as_secs(),
    }
}
