//! Compression where the client asks for it (RFC 9110, section 12.5.3).
//!
//! A compressor holds bytes back until it has enough of them, so it is flushed behind every event of a stream, as good
//! middleware does: each event can be read when it is due, and the token gaps are those of the uncompressed stream.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

use super::transcript::{Header, Transcript, Write};

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

/// Compresses a reply, a stream event by event. One that a quirk has given a length or a coding of its own stays as it is.
pub(super) fn pack(transcript: &mut Transcript) {
    let own = |(name, _): &Header| ["content-length", "content-encoding"].contains(name);
    if transcript.writes.is_empty() || transcript.headers.iter().any(own) {
        return;
    }
    if let Some(packed) = pieces(&transcript.writes) {
        for (write, bytes) in transcript.writes.iter_mut().zip(packed) {
            write.bytes = bytes;
        }
        transcript.headers.push(("content-encoding", "gzip".into()));
        transcript.headers.push(("vary", "accept-encoding".into()));
    }
}

/// One compressed body in as many pieces, of which each can be read when it is there.
fn pieces(writes: &[Write]) -> Option<Vec<Vec<u8>>> {
    let (last, before) = writes.split_last()?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut pieces = Vec::with_capacity(writes.len());
    for write in before {
        encoder.write_all(&write.bytes).and_then(|()| encoder.flush()).ok()?;
        pieces.push(std::mem::take(encoder.get_mut()));
    }
    encoder.write_all(&last.bytes).ok()?;
    pieces.push(encoder.finish().ok()?);
    Some(pieces)
}

/// Compressed bytes; memory takes what is written to it.
pub(super) fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flate2::write::GzDecoder;

    use super::*;

    #[test]
    fn each_event_can_be_read_when_it_is_there() {
        let texts = ["data: one\n\n", "data: two\n\n", "data: [DONE]\n\n"];
        let writes = texts.map(|text| Write { at: Duration::ZERO, bytes: text.into() });
        let mut decoder = GzDecoder::new(Vec::new());
        for (piece, text) in pieces(&writes).expect("packed").iter().zip(texts) {
            decoder.write_all(piece).and_then(|()| decoder.flush()).expect("gzip");
            assert_eq!(std::mem::take(decoder.get_mut()), text.as_bytes());
        }
        decoder.finish().expect("a whole body");
    }

    #[test]
    fn gzip_is_taken_only_where_it_is_named_and_not_refused() {
        let accepts =
            |value: &'static str| accepted(&HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().expect("a value"))]));
        assert!(accepts("gzip") && accepts("br, GZIP;q=0.5") && accepts("deflate,x-gzip"));
        assert!(!accepts("identity") && !accepts("gzip;q=0") && !accepts("br, gzip; q=0.0") && !accepts(""));
        assert!(!accepted(&HeaderMap::new()));
    }
}
