//! The parser vectors of the conformance catalogue (section 2.4) that concern framing, each read whole, byte by byte
//! and cut at every offset; and the property that no way of cutting changes anything.

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

/// Decodes whole, byte by byte and cut in two at every offset; all must agree.
fn read(bytes: &[u8]) -> (Vec<Event>, Framing) {
    let whole = decode([bytes]);
    assert_eq!(whole, decode(bytes.chunks(1)), "byte by byte");
    for cut in 0..=bytes.len() {
        assert_eq!(whole, decode([&bytes[..cut], &bytes[cut..]]), "cut at {cut}");
    }
    whole
}

fn data(bytes: &[u8]) -> Vec<String> {
    read(bytes).0.into_iter().map(|e| String::from_utf8_lossy(&e.data).into_owned()).collect()
}

#[test]
fn all_three_line_endings_give_the_same_events() {
    for ending in ["\n", "\r\n", "\r"] {
        let text = ["data: a", "", "data: b", "", ""].join(ending);
        assert_eq!(data(text.as_bytes()), ["a", "b"], "{ending:?}");
    }
}

#[test]
fn cr_and_lf_in_different_pieces_are_one_line_end() {
    let (events, framing) = decode([b"data: a\r".as_slice(), b"\n\r", b"\n"]);
    assert_eq!(events.len(), 1);
    assert_eq!(framing.endings, Endings { lf: 0, crlf: 2, cr: 0 });
}

#[test]
fn mixed_endings_are_read_and_noted() {
    let (events, framing) = read(b"data: a\r\n\r\ndata: b\n\n");
    assert_eq!(events.len(), 2);
    assert!(framing.endings.mixed());
    assert!(!read(b"data: a\n\n").1.endings.mixed());
}

#[test]
fn exactly_one_space_is_removed_after_the_colon() {
    assert_eq!(data(b"data:{}\n\ndata: {}\n\ndata:  {}\n\n"), ["{}", "{}", " {}"]);
}

#[test]
fn comments_are_ignored_and_counted() {
    let (events, framing) = read(b": keep-alive\n\ndata: a\n:\n:x\ndata: b\n\n:end\n");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].data, b"a\nb");
    assert_eq!((framing.comments, framing.first_comment.as_deref()), (4, Some(b" keep-alive".as_slice())));
}

#[test]
fn several_data_lines_are_joined_with_lf() {
    let (events, framing) = read(b"data: {\"a\":\ndata: 1}\n\n");
    assert_eq!((events[0].data.as_slice(), events[0].lines, framing.multiline), (b"{\"a\":\n1}".as_slice(), 2, 1));
}

#[test]
fn a_bare_data_line_is_an_empty_event() {
    assert_eq!(data(b"data\n\ndata:\n\ndata: \n\n"), ["", "", ""]);
}

#[test]
fn blank_runs_and_fields_without_data_are_no_events() {
    assert_eq!(data(b"\n\n\ndata: a\n\n\n\n\nevent: ping\n\nid: 3\n\ndata: b\n\n\n"), ["a", "b"]);
}

#[test]
fn event_id_and_retry_are_read() {
    let (events, framing) = read(b"event: error\nid: 1\nretry: 10\ndata: x\n\ndata: y\n\n");
    assert_eq!(events.iter().map(|e| e.name.as_slice()).collect::<Vec<_>>(), [b"error".as_slice(), b""]);
    assert_eq!(framing.unknown_fields, 0);
}

#[test]
fn a_leading_byte_order_mark_is_ignored_and_noted() {
    let (events, framing) = read(b"\xef\xbb\xbfdata: a\n\n");
    assert_eq!((events.len(), framing.bom), (1, true));
    assert!(read(b"\xef\xbb\xbf").1.bom);
    assert!(!read(b"data: a\n\n\xef\xbb\xbfdata: b\n\n").1.bom);
}

#[test]
fn a_character_cut_across_pieces_stays_one_character() {
    let text = "data: \u{1FAE0}\u{9F9C}\n\n";
    assert_eq!(data(text.as_bytes()), ["\u{1FAE0}\u{9F9C}"]);
}

#[test]
fn an_unterminated_last_event_is_dropped_and_noted() {
    for (text, left) in [
        (&b"data: a\n\ndata: [DONE]"[..], &b"data: [DONE]"[..]),
        (b"data: a\n\ndata: [DONE]\n", b"[DONE]"),
        (b"data: a\n\ndata: x\ndata: y\n", b"x\ny"),
    ] {
        let (events, framing) = read(text);
        assert_eq!((events.len(), framing.unterminated.as_deref()), (1, Some(left)));
    }
    assert_eq!(read(b"data: a\n\n").1.unterminated, None);
}

#[test]
fn what_is_no_field_is_noted() {
    let (events, framing) = read(b"{\"error\": 1}\n<html>\ndata: a\n\n");
    assert_eq!(events.len(), 1);
    assert_eq!((framing.unknown_fields, framing.first_unknown.as_deref()), (2, Some(b"{\"error\": 1}".as_slice())));
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
