//! Names and times that a reply carries.

use std::time::SystemTime;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use crate::wire::Contract;
use crate::wire::contract::facts::{CreatedUnit, Ids};

/// The id of a completion. Pulze's is the UUID of the stored log.
pub(super) fn completion(contract: &Contract, number: u64, salt: u64) -> String {
    let mut random = Pcg64::seed_from_u64(xxh3_64_with_seed(&number.to_le_bytes(), salt));
    match contract.facts.ids {
        Ids::Uuid => uuid(&mut random),
        Ids::Chatcmpl => {
            let [a, b]: [u64; 2] = [random.random(), random.random()];
            hex("chatcmpl-", &(u128::from(a) << 64 | u128::from(b)).to_be_bytes()[..12])
        }
    }
}

/// The id of a request, which every openai reply names in a header.
pub(super) fn request(number: u64, salt: u64) -> String {
    hex("req_", &xxh3_128_with_seed(&number.to_le_bytes(), salt).to_be_bytes())
}

/// The id of a tool call, from what was drawn for it.
pub(super) fn call(drawn: &str, salt: u64) -> String {
    hex("call_", &xxh3_64_with_seed(drawn.as_bytes(), salt).to_be_bytes())
}

/// A prefix and bytes in hexadecimal, without the formatter: every reply has two of these.
fn hex(prefix: &str, bytes: &[u8]) -> String {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half & 0xf)];
    let mut id = Vec::with_capacity(prefix.len() + 2 * bytes.len());
    id.extend_from_slice(prefix.as_bytes());
    id.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
    String::from_utf8(id).unwrap_or_default()
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

/// Milliseconds in the pulze dialect, seconds in the openai dialect (`schemas/README.md#difference-10`).
pub(super) fn created(contract: &Contract) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match contract.facts.created_unit {
        CreatedUnit::Milliseconds => u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        CreatedUnit::Seconds => now.as_secs(),
    }
}
