use std::error::Error;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::super::failure::{Stage, causes, classify_chain};
use super::*;
use crate::exchange::Outcome;

/// Status and body that came, and how it ended.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    status: Option<u16>,
    body: Vec<u8>,
    outcome: Option<Outcome>,
}

impl Seen {
    fn failed(&mut self, error: &(dyn Error + 'static)) {
        let stage = if self.status.is_some() { Stage::Body } else { Stage::Head };
        self.outcome = Some(classify_chain(&causes(error), stage, false, false).unwrap_or(Outcome::Protocol));
        // Of what comes with the fault in one piece, each hands out what it likes.
        self.body.clear();
    }
}

/// What a reader sees of bytes that come in pieces, until the connection is closed.
fn by_us<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (Seen, bool) {
    let (mut seen, mut reader) = (Seen::default(), Reader::default());
    let mut taken = pieces.into_iter().try_for_each(|piece| {
        reader.push(Duration::ZERO, piece, |piece| match piece {
            Piece::Head(head, _) => seen.status = Some(head.status),
            Piece::Body(bytes) => seen.body.extend_from_slice(bytes),
        })
    });
    let reusable = reader.is_reusable();
    if taken.is_ok() {
        taken = reader.end();
    }
    if let Err(malformed) = taken {
        seen.failed(&malformed);
    }
    (seen, reusable)
}

/// What hyper's client sees of the same.
async fn by_hyper(bytes: Vec<u8>) -> Seen {
    let (client, mut server) = duplex(1 << 20);
    let serve = tokio::spawn(async move {
        let mut asked = [0; 1000];
        let _ = server.read(&mut asked).await;
        let _ = server.write_all(&bytes).await;
    });
    let (mut sender, connection) = Builder::new()
        .allow_obsolete_multiline_headers_in_responses(true)
        .handshake(TokioIo::new(client))
        .await
        .expect("nothing is sent yet");
    let driver = tokio::spawn(connection);
    let mut seen = Seen::default();
    match sender.send_request(hyper::Request::new(Empty::<Bytes>::new())).await {
        Err(error) => seen.failed(&error),
        Ok(mut response) => {
            seen.status = Some(response.status().as_u16());
            while let Some(frame) = response.body_mut().frame().await {
                match frame.map(hyper::body::Frame::into_data) {
                    Ok(data) => seen.body.extend_from_slice(&data.unwrap_or_default()),
                    Err(error) => {
                        seen.failed(&error);
                        break;
                    }
                }
            }
        }
    }
    driver.abort();
    let _ = serve.await;
    seen
}

/// Replies that are mostly right.
fn replies() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 429 Too Many Requests",
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 304 Not Modified",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 500 no",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 20 OK",
        "ICY 200 OK",
    ]);
    let header = prop::sample::select(vec![
        "Content-Length: 5",
        "Content-Length: 5",
        "content-length: 0",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: 5x",
        "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: chunked",
        "transfer-encoding: Chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Connection: close",
        "Connection: Keep-Alive, x",
        "X-Odd: \t a b \u{e9}",
        "no colon",
        "sp ace: 1",
        "Folded: a\r\n b",
    ]);
    let body = prop::sample::select(vec![
        "hello",
        "hello world",
        "hell",
        "",
        "5\r\nhello\r\n0\r\n\r\n",
        "5;name=value\r\nhello\r\n3 \t\r\nabc\r\n000\r\n\r\n",
        "5\r\nhello\r\nA\r\n0123456789\r\n0\r\ntrailer: x\r\nother: y\r\n\r\n",
        "5\r\nhello\r\n",
        "5\r\nhel",
        "5\r\nhello!\r\n0\r\n\r\n",
        "zz\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "11111111111111111\r\nhello\r\n0\r\n\r\n",
        "0\r\n\r\n",
        "0\r\nHTTP/1.1 200 OK\r\n\r\n",
    ]);
    // Of what is no ASCII, or a line within a trailer, hyper has views of its own.
    let byte = (0_u8..128).prop_filter("a line of its own", |byte| *byte != b'\n');
    let place = (any::<prop::sample::Index>(), byte);
    (line, prop::collection::vec(header, 0..3), body, place, 0..6).prop_map(
        |(line, headers, body, (place, byte), change)| {
            let headers = headers.iter().flat_map(|header| [header, "\r\n"]).collect::<String>();
            let mut bytes = format!("{line}\r\n{headers}\r\n{body}").into_bytes();
            let place = place.index(bytes.len());
            match change {
                0 => bytes.truncate(place),
                1 => bytes[place] = byte,
                _ => {}
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn sees_what_hyper_sees(bytes in replies()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let theirs = runtime.block_on(by_hyper(bytes.clone()));
        prop_assert_eq!(by_us([bytes.as_slice()]).0, theirs, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_cut_of_the_bytes_gives_the_same(bytes in replies(), size in 1_usize..9) {
        prop_assert_eq!(by_us(bytes.chunks(size)), by_us([bytes.as_slice()]));
    }
}

#[test]
fn what_may_follow_on_the_connection_is_known() {
    for (reply, reusable) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nab", false),
        ("HTTP/1.1 200 OK\r\n\r\nab", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab", true),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false),
    ] {
        assert_eq!(by_us([reply.as_bytes()]).1, reusable, "{reply}");
    }
}

#[test]
fn nothing_is_kept_without_bound() {
    let flood = |line: &str, times: usize| {
        let lines = [line].into_iter().cycle().take(times).map(str::as_bytes);
        by_us(std::iter::once(b"HTTP/1.1 200 OK\r\n".as_slice()).chain(lines)).0.outcome
    };
    // A line ends with the next: it may be folded.
    assert_eq!(flood("a: b\r\n", MOST_HEADERS + 2), Some(Outcome::Protocol));
    assert_eq!(flood(&"a".repeat(1000), 1 + LONGEST_HEAD / 1000), Some(Outcome::Protocol));
    let extras = |before: &str, line: &str| {
        let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{before}");
        let lines = [line].into_iter().cycle().take(2 + LONGEST_EXTRAS / line.len()).map(str::as_bytes);
        by_us(std::iter::once(head.as_bytes()).chain(lines)).0.outcome
    };
    assert_eq!(extras("5;", "name=value;"), Some(Outcome::Protocol));
    assert_eq!(extras("", "0"), Some(Outcome::Protocol));
    assert_eq!(extras("5", " "), Some(Outcome::Protocol));
    assert_eq!(extras("0\r\n", "trailer: value\r\n"), Some(Outcome::Protocol));
}

#[test]
fn what_is_no_http_is_told_before_the_connection_ends() {
    let mut reader = Reader::default();
    assert!(reader.push(Duration::ZERO, b"\x05\x00binary", |_| {}).is_err());
}

#[test]
fn empty_lines_before_a_reply_are_passed_over_and_not_kept() {
    let mut reader = Reader::default();
    for byte in b"\r\n\n\r\n".iter().cycle().take(10_000) {
        reader.push(Duration::ZERO, &[*byte], |_| {}).expect("empty lines");
        assert!(matches!(&reader.expects, Expects::Head(begun) if begun.len() < 2));
    }
    let seen = by_us([b"\r\n\n".as_slice(), b"HTTP/1.1 204 no\r\n\r\n"]).0;
    assert_eq!(seen.status, Some(204));
}
