//! Makes an input smaller that breaks a property.

use std::time::{Duration, Instant};

/// No longer than this.
const FOR: Duration = Duration::from_secs(5);

/// The input without whatever the property is broken without.
pub(crate) fn smaller(input: &[u8], breaks: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let (began, mut best) = (Instant::now(), input.to_vec());
    let mut length = best.len() / 2;
    while length > 0 && began.elapsed() < FOR {
        let mut at = 0;
        while at < best.len() && began.elapsed() < FOR {
            let end = (at + length).min(best.len());
            let shorter = [&best[..at], &best[end..]].concat();
            if breaks(&shorter) { best = shorter } else { at = end }
        }
        length /= 2;
    }
    best
}
