use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const EVENTS: [&str; 3] = [
    "data: one and one and one and the river runs by the river\n\n",
    "data: two and one and the river runs by the other river\n\n",
    "data: [DONE]\n\n",
];

/// The events as Node.js compresses them, flushed behind each, and the end.
const BROTLI: [&str; 4] = [
    "0b1d001014a1d2530144071c72c0fea0ad2d09b192586b870c2835d8fbfdd025996e996518",
    "c00180c5486d7537675249477657686fb001275a8092ac7c3190b1a65f213100",
    "6800805f5261ab2b09504493404965f83100",
    "03",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("a byte")).collect()
}

/// Pieces that come a second apart.
fn body(pieces: &[Vec<u8>]) -> Body {
    let mut body = Body::default();
    for (number, piece) in (1..).zip(pieces) {
        body.bytes.extend_from_slice(piece);
        body.arrivals.push(Arrival { at: Duration::from_secs(number), end: body.bytes.len() });
    }
    body
}

/// What an encoder makes of each event, flushed, and the rest at its end.
fn flushed<W: std::io::Write>(
    mut encoder: W,
    take: impl Fn(&mut W) -> Vec<u8>,
    finish: impl FnOnce(W) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for event in EVENTS {
        encoder.write_all(event.as_bytes()).and_then(|()| encoder.flush()).expect("memory takes it");
        pieces.push(take(&mut encoder));
    }
    pieces.push(finish(encoder));
    pieces
}

/// The events in every coding that is known, by its name.
fn coded() -> Vec<(&'static [&'static str], Vec<Vec<u8>>)> {
    let level = Compression::best();
    let gzip = flushed(
        GzEncoder::new(Vec::new(), level),
        |encoder| std::mem::take(encoder.get_mut()),
        |encoder| encoder.finish().expect("an end"),
    );
    let zlib = flushed(
        ZlibEncoder::new(Vec::new(), level),
        |encoder| std::mem::take(encoder.get_mut()),
        |encoder| encoder.finish().expect("an end"),
    );
    let bare = flushed(
        DeflateEncoder::new(Vec::new(), level),
        |encoder| std::mem::take(encoder.get_mut()),
        |encoder| encoder.finish().expect("an end"),
    );
    let zstd = flushed(
        zstd::stream::write::Encoder::new(Vec::new(), 3).expect("an encoder"),
        |encoder| std::mem::take(encoder.get_mut()),
        |encoder| encoder.finish().expect("an end"),
    );
    let zipped = |piece: &Vec<u8>| {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(piece).expect("memory takes it");
        encoder.finish().expect("an end")
    };
    let twice = zstd.iter().map(zipped).collect();
    vec![
        (&["gzip"], gzip.clone()),
        (&["X-GZIP"], gzip),
        (&["deflate"], zlib),
        (&["deflate"], bare),
        (&["br"], BROTLI.map(bytes).to_vec()),
        (&["zstd"], zstd),
        (&["zstd", "gzip"], twice),
    ]
}

#[test]
fn each_event_has_the_instant_of_its_bytes() {
    for (codings, pieces) in coded() {
        let found = decoded(&body(&pieces), stages(codings).expect("known"), 1000);
        assert!(found.fault.is_none() && found.whole, "{codings:?}: {:?}", found.fault);
        let events = EVENTS.map(|event| event.as_bytes().to_vec());
        let wanted = body(&events);
        assert_eq!(found.body.bytes, wanted.bytes, "{codings:?}");
        assert_eq!(found.body.arrivals[..3], wanted.arrivals, "{codings:?}");
    }
}

#[test]
fn a_body_may_be_cut_anywhere() {
    let wanted = EVENTS.concat().into_bytes();
    for (codings, pieces) in coded() {
        let bytes: Vec<Vec<u8>> = pieces.concat().into_iter().map(|byte| vec![byte]).collect();
        let found = decoded(&body(&bytes), stages(codings).expect("known"), 1000);
        assert!(found.fault.is_none() && found.whole && found.body.bytes == wanted, "{codings:?}: {:?}", found.fault);
    }
}

#[test]
fn what_ends_early_is_not_whole_and_what_is_broken_says_why() {
    for (codings, pieces) in coded() {
        let mut all = pieces.concat();
        let whole = all.clone();
        all.truncate(all.len() - 1);
        let found = decoded(&body(&[all]), stages(codings).expect("known"), 1000);
        assert!(found.fault.is_none() && !found.whole, "{codings:?}: {:?}", found.fault);
        let mut wrong = whole;
        let middle = wrong.len() / 2;
        wrong[4..middle].fill(0xff);
        let found = decoded(&body(&[wrong]), stages(codings).expect("known"), 1000);
        assert!(found.fault.is_some() || !found.whole || found.body.bytes != EVENTS.concat().as_bytes(), "{codings:?}");
    }
    let found = decoded(&body(&[b"{\"id\":1}".to_vec()]), stages(&["gzip"]).expect("known"), 1000);
    assert!(matches!(found.fault, Some(Fault::Broken(why)) if why == "it has no gzip header"));
}

#[test]
fn of_a_body_that_grows_beyond_all_bounds_no_more_is_kept_than_a_reply_may_have() {
    const LONGEST: usize = 1 << 20;
    let zeros = vec![0; 64 << 20];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&zeros).expect("memory takes it");
    let gzip = encoder.finish().expect("an end");
    let zstd = zstd::encode_all(&zeros[..], 1).expect("an end");
    let twice = zstd::encode_all(&gzip[..], 1).expect("an end");
    for (codings, bytes) in [(&["gzip"][..], gzip), (&["zstd"], zstd), (&["gzip", "zstd"], twice)] {
        let found = decoded(&body(&[bytes]), stages(codings).expect("known"), LONGEST);
        assert!(matches!(found.fault, Some(Fault::TooLong)), "{codings:?}");
        assert_eq!((found.body.bytes.len(), found.body.bytes.capacity() <= 2 * LONGEST), (LONGEST, true));
    }
}

#[test]
fn codings_that_nobody_knows_or_too_many_are_none() {
    assert!(stages(&["gzip", "compress"]).is_none() && stages(&["gzip"; 5]).is_none());
    let headers = [("content-encoding", "identity, gzip"), ("x", "br"), ("Content-Encoding", " br ,, ")];
    let head = Head { at: Duration::ZERO, status: 200, version: "HTTP/1.1", headers: headers.into_iter().collect() };
    assert_eq!(codings(&head), ["gzip", "br"]);
}
