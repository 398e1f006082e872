//! What compression of replies saved, in words.

use super::figure::percent;
use crate::summary::digest::Compressed;

/// Share of the replies, and bytes before and after.
pub(super) fn words(compressed: &Compressed) -> String {
    format!(
        "{} of the replies, {} on the wire, {} decoded",
        percent(Some(compressed.share)),
        bytes(compressed.wire_bytes),
        bytes(compressed.decoded_bytes)
    )
}

fn bytes(count: u64) -> String {
    match count as f64 {
        few if few < 1e3 => format!("{count} bytes"),
        some if some < 1e6 => format!("{:.1} kB", some / 1e3),
        many => format!("{:.1} MB", many / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit() {
        let compressed = Compressed { replies: 1, share: 0.5, wire_bytes: 812, decoded_bytes: 5_340_000 };
        assert_eq!(words(&compressed), "50.0 % of the replies, 812 bytes on the wire, 5.3 MB decoded");
    }
}
