//! HTTP/2 as servers and gateways get it wrong, frame by frame: each way gives exactly its outcome, and every request is counted.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use proofload::summary::digest::Digest;

use crate::harness::{carry_out, completion, plan};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// A frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that is written out (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).expect("a short text");
    [&[0, length(name)][..], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

/// Status 200 and the type of a whole reply.
fn block() -> Vec<u8> {
    [&[0x88][..], &field("content-type", "application/json")].concat()
}

fn body() -> Vec<u8> {
    completion().to_string().into_bytes()
}

fn head(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &block())
}

fn rest(stream: u32) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, &body())
}

fn whole(stream: u32) -> Vec<u8> {
    [head(stream), rest(stream)].concat()
}

fn half(stream: u32) -> Vec<u8> {
    [head(stream), frame(DATA, 0, stream, &body()[..20])].concat()
}

fn reset(stream: u32, code: u8) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, code])
}

fn goaway(last: u32, code: u8) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[&last.to_be_bytes()[..], &[0, 0, 0, code]].concat())
}

/// What follows the frames of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// More requests.
    Goes,
    /// The connection is closed.
    Closes,
}
use Then::{Closes, Goes};

/// A way of answering: its name, the frames for a request on this stream, what follows, and the outcome. Of a connection that is
/// closed, it depends on what the client was about to say whether it sees an end or a reset.
type Way = (&'static str, fn(u32) -> Vec<u8>, Then, &'static str);

const WAYS: [Way; 36] = [
    ("whole", whole, Goes, "ok"),
    (
        "a byte a frame",
        |s| {
            [head(s), body().iter().flat_map(|b| frame(DATA, 0, s, &[*b])).collect(), frame(DATA, END_STREAM, s, b"")]
                .concat()
        },
        Goes,
        "ok",
    ),
    ("empty frames", |s| [head(s), frame(DATA, 0, s, b"").repeat(20), rest(s)].concat(), Goes, "ok"),
    (
        "padding",
        |s| [head(s), frame(DATA, PADDED | END_STREAM, s, &[&[3][..], &body()[..], &[0; 3]].concat())].concat(),
        Goes,
        "ok",
    ),
    (
        "head in pieces",
        |s| {
            let block = block();
            let (first, second) = block.split_at(4);
            [frame(HEADERS, 0, s, first), frame(CONTINUATION, END_HEADERS, s, second), rest(s)].concat()
        },
        Goes,
        "ok",
    ),
    (
        "trailers",
        |s| {
            [head(s), frame(DATA, 0, s, &body()), frame(HEADERS, END_HEADERS | END_STREAM, s, &field("x-took", "1"))]
                .concat()
        },
        Goes,
        "ok",
    ),
    ("early hints", |s| [frame(HEADERS, END_HEADERS, s, &[0x08, 3, b'1', b'0', b'3']), whole(s)].concat(), Goes, "ok"),
    ("ping", |s| [frame(PING, 0, 0, &[7; 8]), whole(s)].concat(), Goes, "ok"),
    ("settings again", |s| [head(s), frame(SETTINGS, 0, 0, b""), rest(s)].concat(), Goes, "ok"),
    ("window update", |s| [frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0]), whole(s)].concat(), Goes, "ok"),
    ("priority", |s| [frame(PRIORITY, 0, s, &[0, 0, 0, 0, 9]), whole(s)].concat(), Goes, "ok"),
    ("unknown frame", |s| [frame(0xEE, 0, s, b"whatever"), whole(s)].concat(), Goes, "ok"),
    ("goaway behind the reply", |s| [whole(s), goaway(s, 0)].concat(), Closes, "ok"),
    ("goaway before the reply", |s| [goaway(s, 0), whole(s)].concat(), Closes, "ok"),
    (
        "goaway within the reply",
        |s| [half(s), goaway(s, 0), frame(DATA, END_STREAM, s, &body()[20..])].concat(),
        Closes,
        "ok",
    ),
    ("goaway with an error", |_| goaway(0, 2), Closes, "protocol or reset"),
    ("reset before the head", |s| reset(s, 2), Goes, "protocol"),
    ("reset in the body", |s| [half(s), reset(s, 8)].concat(), Goes, "protocol"),
    ("reset without an error", |s| [half(s), reset(s, 0)].concat(), Goes, "malformed"),
    ("told to be calm", |s| reset(s, 11), Goes, "protocol"),
    ("closed before the head", |_| Vec::new(), Closes, "protocol or reset"),
    ("closed behind the head", head, Closes, "protocol or reset"),
    ("closed in the body", half, Closes, "protocol or reset"),
    ("body without a head", rest, Goes, "protocol"),
    ("data of no stream", |s| [head(s), frame(DATA, 0, 0, b"x")].concat(), Goes, "protocol"),
    ("data of another stream", |s| [head(s), frame(DATA, 0, s + 100, b"x")].concat(), Goes, "protocol"),
    (
        "capitals in a name",
        |s| [frame(HEADERS, END_HEADERS, s, &[block(), field("X-Big", "1")].concat()), rest(s)].concat(),
        Goes,
        "protocol",
    ),
    (
        "no status",
        |s| [frame(HEADERS, END_HEADERS, s, &field("content-type", "application/json")), rest(s)].concat(),
        Goes,
        "protocol",
    ),
    ("head that is none", |s| [frame(HEADERS, END_HEADERS, s, &[0xFF; 9]), rest(s)].concat(), Goes, "protocol"),
    ("continuation of nothing", |s| frame(CONTINUATION, END_HEADERS, s, &block()), Goes, "protocol"),
    ("a frame too large", |s| [head(s), frame(DATA, END_STREAM, s, &[b' '; 20_000])].concat(), Goes, "protocol"),
    (
        "a promise nobody wants",
        |s| [frame(PUSH_PROMISE, END_HEADERS, s, &[&[0, 0, 0, 2][..], &block()[..]].concat()), whole(s)].concat(),
        Goes,
        "protocol",
    ),
    (
        "settings out of bounds",
        |s| [frame(SETTINGS, 0, 0, &[0, 4, 0xFF, 0xFF, 0xFF, 0xFF]), whole(s)].concat(),
        Goes,
        "protocol",
    ),
    ("an older protocol", |_| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec(), Closes, "protocol or reset"),
    ("silence before the head", |_| Vec::new(), Goes, "timeout"),
    ("silence in the body", half, Goes, "timeout"),
];

/// A server that answers every request in one way.
fn start(answer: fn(u32) -> Vec<u8>, then: Then) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || _ = serve(stream, answer, then));
        }
    });
    address
}

fn serve(mut stream: TcpStream, answer: fn(u32) -> Vec<u8>, then: Then) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 24])?;
    stream.write_all(&frame(SETTINGS, 0, 0, b""))?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize])?;
        let (kind, flags, id) = (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        if kind == SETTINGS && flags == 0 {
            stream.write_all(&frame(SETTINGS, 1, 0, b""))?;
        }
        // A request is over.
        if matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
            stream.write_all(&answer(id))?;
            if then == Closes {
                // What the client still says is read, or the system would throw away what it has not read yet.
                stream.shutdown(Shutdown::Write)?;
                while stream.read(&mut [0; 4096])? > 0 {}
                return Ok(());
            }
        }
    }
}

#[test]
fn each_way_of_http_2_gives_exactly_its_outcome() {
    let found: BTreeMap<&str, BTreeMap<String, u64>> = std::thread::scope(|scope| {
        let runs = WAYS.map(|(name, answer, then, outcome)| {
            let limit = if outcome == "timeout" { "1s" } else { "30s" };
            (name, scope.spawn(move || outcomes(start(answer, then), limit)))
        });
        runs.into_iter().map(|(name, run)| (name, run.join().expect("no panic"))).collect()
    });
    for (name, _, _, outcome) in WAYS {
        let outcomes = &found[name];
        let expected = |name: &String| outcome.split(" or ").any(|one| one == name);
        assert!(outcomes.keys().all(expected) && outcomes.values().sum::<u64>() == 3, "{name}: {found:#?}");
    }
}

/// What comes of three requests, each within a time.
fn outcomes(address: SocketAddr, limit: &str) -> BTreeMap<String, u64> {
    let text = format!(
        "[target]\nurl = \"http://{address}/v1\"\ndialect = \"openai\"\nmodel = \"m\"\nhttp = \"2\"\n\
         timeouts = {{ first_byte = \"{limit}\", total = \"{limit}\" }}\n[load.closed]\nconcurrency = 1\ncount = 3\n\
         [[case]]\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} go on\" }}]\n"
    );
    let digest = Digest::of(&carry_out(&Arc::new(plan(&text))));
    digest.outcomes.into_iter().filter(|(_, count)| *count > 0).collect()
}
