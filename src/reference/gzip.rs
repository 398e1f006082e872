//! Compression where the client asks for it (RFC 9110, section 12.5.3).
//!
//! Whole replies only. A compressor holds bytes back until it has enough of them, or must be flushed for each event,
//! which makes a stream longer instead of shorter; and what is compressed is not handed over when it is said, so the
//! token gaps would be the compressor's. Model servers do not compress streams either.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

use super::wire::{Header, Kind, Transcript};

/// Whether the client takes gzip.
pub(super) fn accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            part.strip_prefix("q=").is_some_and(|weight| weight.trim().parse::<f64>().is_ok_and(|weight| weight <= 0.0))
        });
        (name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")) && !refused
    })
}

/// Compresses a whole reply. One that a quirk has given a length or a coding of its own stays as it is.
pub(super) fn pack(transcript: &mut Transcript) {
    let own = |(name, _): &Header| ["content-length", "content-encoding"].contains(name);
    if transcript.kind == Kind::Stream || transcript.headers.iter().any(own) {
        return;
    }
    let [write] = transcript.writes.as_mut_slice() else { return };
    if let Some(packed) = packed(&write.bytes) {
        write.bytes = packed;
        transcript.headers.push(("content-encoding", "gzip".into()));
        transcript.headers.push(("vary", "accept-encoding".into()));
    }
}

/// Compressed bytes; memory takes what is written to it.
pub(super) fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_only_where_it_is_named_and_not_refused() {
        let accepts =
            |value: &'static str| accepted(&HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().expect("a value"))]));
        assert!(accepts("gzip") && accepts("br, GZIP;q=0.5") && accepts("deflate,x-gzip"));
        assert!(!accepts("identity") && !accepts("gzip;q=0") && !accepts("br, gzip; q=0.0") && !accepts(""));
        assert!(!accepted(&HeaderMap::new()));
    }
}
