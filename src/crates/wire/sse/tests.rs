//! No way of cutting a stream changes anything. What the decoder makes of which bytes is in `tests/vectors/events.json`.

use proptest::prelude::*;

use super::*;

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Framing) {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece, |event| events.push(event));
    }
    (events, decoder.finish())
}

#[test]
fn cr_and_lf_in_different_pieces_are_one_line_end() {
    let (events, framing) = decode([b"data: a\r".as_slice(), b"\n\r", b"\n"]);
    assert_eq!(events.len(), 1);
    assert_eq!(framing.endings, Endings { lf: 0, crlf: 2, cr: 0 });
}

#[test]
fn a_line_of_eight_mebibytes_is_one_event() {
    let mut text = b"data: ".to_vec();
    text.resize(8 << 20, b'x');
    text.extend_from_slice(b"\n\n");
    let (events, _) = decode(text.chunks(65_536));
    assert_eq!(events[0].data.len(), (8 << 20) - 6);
}

/// Streams made of the pieces that matter, and of arbitrary bytes.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"data: {\"a\":1}".to_vec()),
        Just(b"data:".to_vec()),
        Just(b":ping".to_vec()),
        Just(b"event: error".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just("\u{1F642}".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(bytes in streams(), cuts in prop::collection::vec(0_usize..300, 0..12)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        pieces.push(&bytes[from..]);
        prop_assert_eq!(decode([bytes.as_slice()]), decode(pieces));
    }
}
