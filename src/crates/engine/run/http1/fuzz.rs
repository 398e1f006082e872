//! The reader against bytes that are mostly replies: any cut of them gives the same, nothing is handed out that did not come, and
//! it always ends.

use super::{Expects, LONGEST_EXTRAS, LONGEST_HEAD, Piece, Reader};
use std::time::Duration;

#[path = "../../../../../tests/fuzz/driver/mod.rs"]
mod driver;

#[test]
fn fuzz_http1() {
    let words = &[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 101 x\r\n",
        "HTTP/1.1 204\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\n",
        "Connection: close\r\n",
        "\r\n",
        "\r\n\r\n",
        "0\r\n\r\n",
        "5\r\nhello\r\n",
        "a: b\r\n c\r\n",
        "FFFFFFFFFFFFFFFF",
        ";x=\"y\"",
        "trailer: x\r\n",
    ];
    driver::fuzz("http1", driver::Way::Bytes(words), run);
}

/// What came of a reply, in whatever pieces.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    heads: Vec<(u16, String)>,
    body: Vec<u8>,
    fault: Option<String>,
    over: bool,
    reusable: bool,
}

fn run(input: &[u8]) -> bool {
    let whole = read([input]);
    assert!(whole.body.len() <= input.len() && whole.heads.len() <= 1, "{whole:?}");
    assert!(!whole.reusable || whole.over, "{whole:?}");
    let within = |part: &[u8]| part.is_empty() || input.windows(part.len()).any(|bytes| bytes == part);
    assert!(whole.body.chunks(1).all(within));
    assert_eq!(whole, read(input.chunks(1)), "byte by byte");
    for cut in [2, 3, 5, 16, input.len() / 2 + 1, input.len().saturating_sub(1).max(1)] {
        assert_eq!(whole, read(input.chunks(cut)), "in pieces of {cut}");
        let (head, tail) = input.split_at(cut.min(input.len()));
        assert_eq!(whole, read([head, tail]), "cut at {cut}");
    }
    whole.fault.is_none()
}

fn read<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Seen {
    let (mut seen, mut reader) = (Seen::default(), Reader::default());
    let mut taken = pieces.into_iter().try_for_each(|bytes| {
        let taken = reader.push(Duration::ZERO, bytes, |piece| match piece {
            Piece::Head(head, lines) => seen.heads.push((head.status, format!("{lines:?} {:?}", head.headers))),
            Piece::Body(bytes) => seen.body.extend_from_slice(bytes),
        });
        let held = match &reader.expects {
            Expects::Head(begun) => begun.len(),
            Expects::Chunks(chunks) => chunks.trailers.len(),
            Expects::Counted(_) | Expects::Close | Expects::Nothing => 0,
        };
        assert!(held <= LONGEST_HEAD.max(LONGEST_EXTRAS), "{held} bytes are held");
        taken
    });
    seen.over = reader.is_over();
    seen.reusable = reader.is_reusable();
    if taken.is_ok() {
        taken = reader.end();
    }
    if let Err(malformed) = taken {
        seen.fault = Some(malformed.to_string());
        // Of what comes with the fault in one piece, it is handed out as much as there was.
        (seen.over, seen.reusable) = (false, false);
    }
    seen
}
