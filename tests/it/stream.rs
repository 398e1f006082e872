//! Vectors of streams (`tests/vectors/streams.json`): each is read whole, byte by byte and cut at every offset, and must
//! give the same outcome, the same verdicts and the same text. Faults of transport are replayed over a socket.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use proofload::check::{self, Verdict};
use proofload::exchange::{Arrival, Asked, Body, Exchange, Head, Outcome, Policies, Reading, Ticket, Wanted};
use proofload::wire::Contract;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Raw, begin, chunk, run_json};
use crate::vectors::{bytes, vectors};

const MS: Duration = Duration::from_millis(1);

pub(crate) fn wanted(contract: impl Into<Arc<Contract>>, stream: bool) -> Wanted {
    Wanted {
        case: "c".into(),
        contract: contract.into(),
        origin: "http://h".into(),
        model: Some("m".into()),
        stream,
        include_usage: true,
        n: 1,
        temperature: None,
        logprobs: false,
        tools: Vec::new(),
        named_tool: false,
        policies: Policies::default(),
        prompt: "hi".into(),
        tag_key: None,
    }
}

/// A complete exchange whose body came in these pieces, a millisecond apart.
pub(crate) fn exchange(dialect: Dialect, content_type: &str, pieces: &[&[u8]]) -> Exchange {
    let mut body = Body::default();
    for (number, piece) in pieces.iter().enumerate() {
        body.bytes.extend_from_slice(piece);
        body.arrivals.push(Arrival { at: MS * (10 + u32::try_from(number).expect("few")), end: body.bytes.len() });
    }
    let last = body.arrivals.last().map_or(MS * 10, |arrival| arrival.at);
    Exchange {
        ticket: Ticket::alone(0, 0, Duration::ZERO),
        asked: Asked {
            wanted: Arc::new(wanted(dialect, true)),
            body: bytes::Bytes::default(),
            prompt_hash: 0,
            cap: None,
            lengths: proofload::exchange::Lengths::default(),
        },
        epoch: Duration::from_secs(CREATED),
        eligible: Duration::ZERO,
        sent: Some(MS),
        dial: None,
        head: Some(Head {
            at: MS * 9,
            status: 200,
            version: "HTTP/1.1",
            headers: [("content-type", content_type)].into_iter().collect(),
        }),
        body,
        ended: last + MS,
        outcome: Outcome::Ok,
        cause: None,
        transfer: proofload::exchange::Transfer::default(),
        unjudged: false,
    }
}

pub(crate) const CREATED: u64 = 1_700_000_000;

pub(crate) fn data(delta: &Value, finish: &Value) -> String {
    let chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": CREATED, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    chunk.to_string()
}

fn role() -> String {
    data(&json!({"role": "assistant", "content": ""}), &Value::Null)
}

fn text(text: &str) -> String {
    data(&json!({"content": text}), &Value::Null)
}

fn finish() -> String {
    data(&json!({}), &json!("stop"))
}

/// Events with this line ending.
pub(crate) fn stream(ending: &str, payloads: &[String]) -> Vec<u8> {
    let events = payloads.iter().map(|payload| format!("data: {payload}{ending}{ending}"));
    events.collect::<Vec<_>>().concat().into_bytes()
}

fn done() -> String {
    "[DONE]".into()
}

/// What a reading comes to: outcome, broken checks by level, and the text of the first choice.
fn judged(exchange: &Exchange) -> (Outcome, BTreeSet<String>, String) {
    let reading = Reading::of(exchange);
    let dialect = &*exchange.asked.wanted.contract;
    // How content is spread over arrivals is what cutting changes; everything else must stay.
    let timing = ["stream-incremental", "stream-ttft-before-end"];
    let broken = check::all(dialect)
        .filter(|check| !timing.contains(&check.id))
        .filter(|check| matches!(check.judge(&reading), Verdict::Broken { .. }))
        .map(|check| check.id.to_owned())
        .collect();
    (reading.outcome, broken, reading.choices.first().map(|choice| choice.content.clone()).unwrap_or_default())
}

/// Reads whole, byte by byte and cut in two at every offset; all must agree. HTTP says that the body ended so.
fn read(bytes: &[u8], content_type: &str, transfer: Outcome) -> (Outcome, BTreeSet<String>, String) {
    let of =
        |pieces: &[&[u8]]| judged(&Exchange { outcome: transfer, ..exchange(Dialect::OpenAi, content_type, pieces) });
    let whole = of(&[bytes]);
    assert_eq!(of(&bytes.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
    for cut in 1..bytes.len() {
        assert_eq!(of(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
    }
    whole
}

pub(crate) const SSE: &str = "text/event-stream";

fn usual() -> Vec<String> {
    vec![role(), text("Hel"), text("lo"), finish(), done()]
}

/// The calls of the first choice: id, name and arguments.
fn calls(exchange: &Exchange) -> Value {
    let choices = Reading::of(exchange).choices;
    let calls = choices.first().into_iter().flat_map(|choice| &choice.calls);
    calls.map(|call| json!([call.id, call.name, call.arguments])).collect()
}

#[test]
fn every_vector_has_its_outcome_its_verdicts_and_its_text() {
    let vectors = vectors("streams.json");
    assert!(vectors.len() > 30, "only {} vectors", vectors.len());
    for vector in vectors {
        let bytes = bytes(&vector["bytes"]);
        let content_type = vector["content_type"].as_str().unwrap_or(SSE);
        let transfer = Outcome::named(vector["transfer"].as_str().unwrap_or("ok")).expect("an outcome");
        let (outcome, broken, text) = read(&bytes, content_type, transfer);
        let found = json!({"outcome": outcome.to_string(), "broken": broken, "text": text});
        let expected = json!({"outcome": vector["outcome"], "broken": vector["broken"], "text": vector["text"]});
        assert_eq!(found, expected, "{}", vector["id"]);
        let whole = exchange(Dialect::OpenAi, content_type, &[&bytes]);
        if vector.get("calls").is_some() {
            assert_eq!(calls(&whole), vector["calls"], "{}", vector["id"]);
        }
        if let Some(total) = vector["total_tokens"].as_f64() {
            assert_eq!(Reading::of(&whole).usage.map(|usage| usage.total), Some(total), "{}", vector["id"]);
        }
    }
}

#[test]
fn events_in_one_packet_share_its_instant_and_make_no_gaps() {
    let words: Vec<String> = (0..10_000).map(|n| text(&format!("w{n} "))).collect();
    let bytes = stream("\n", &[&[role()][..], &words, &[finish(), done()]].concat());
    let exchange = exchange(Dialect::OpenAi, SSE, &[&bytes]);
    let reading = Reading::of(&exchange);
    assert_eq!((reading.outcome, reading.gaps().len(), reading.events_per_arrival()), (Outcome::Ok, 0, vec![10_000]));
    assert_eq!((reading.first_token(), reading.time_per_output_token()), (Some(MS * 10), None));
    let broken: Vec<&str> = check::all(&Dialect::OpenAi)
        .filter(|check| matches!(check.judge(&reading), Verdict::Broken { .. }))
        .map(|check| check.id)
        .collect();
    assert_eq!(broken, ["stream-incremental", "stream-ttft-before-end"], "buffering is flagged");
}

#[test]
fn tokens_are_timed_by_the_arrival_that_completes_them() {
    let events: Vec<Vec<u8>> = [role(), text("a"), text("b"), text("c"), finish(), done()]
        .iter()
        .map(|e| stream("\n", std::slice::from_ref(e)))
        .collect();
    let at = |pieces: &[&[u8]]| {
        let exchange = exchange(Dialect::OpenAi, SSE, pieces);
        let reading = Reading::of(&exchange);
        (reading.first_token(), reading.token_gaps().collect::<Vec<_>>(), reading.time_per_output_token())
    };
    // The role alone is no token; then one a millisecond.
    let apart: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    assert_eq!(at(&apart), (Some(MS * 11), vec![MS, MS], Some(MS)));
    // Glued to the role, the first token has the role's arrival.
    let glued = [events[0].clone(), events[1].clone()].concat();
    assert_eq!(at(&[&glued, &events[2], &events[3], &events[4], &events[5]]).0, Some(MS * 10));
    // Pings before it are no token.
    assert_eq!(
        at(&[b": ping\n\n", b": ping\n\n", &glued, &events[2], &events[3], &events[4], &events[5]]).0,
        Some(MS * 12)
    );
    // Cut in the middle, it comes with its end.
    let (head, tail) = events[1].split_at(20);
    assert_eq!(at(&[&events[0], head, tail, &events[2], &events[3], &events[4], &events[5]]).0, Some(MS * 12));
    // Reasoning is a token as much as text is.
    let reasoning = stream("\n", &[data(&json!({"reasoning_content": "hm"}), &Value::Null)]);
    assert_eq!(at(&[&events[0], &reasoning, &events[1], &events[2], &events[4], &events[5]]).0, Some(MS * 11));
}

proptest! {
    #[test]
    fn any_split_gives_the_same_reading(cuts in prop::collection::vec(1_usize..900, 0..20), ending in 0_usize..3) {
        let bytes = stream(["\n", "\r\n", "\r"][ending], &[role(), text("\u{1F642} na\u{ef}ve"), text(" w\u{f8}rds"), finish(), done()]);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let pieces: Vec<&[u8]> = std::iter::once(0).chain(cuts.iter().copied()).zip(ends).map(|(from, to)| &bytes[from..to]).collect();
        let split = exchange(Dialect::OpenAi, SSE, &pieces);
        let whole = exchange(Dialect::OpenAi, SSE, &[&bytes]);
        prop_assert_eq!(judged(&split), judged(&whole));
    }
}

/// One streamed request to a server that writes these bytes in its own way.
fn over_the_wire(
    write: impl Fn(&mut std::net::TcpStream) -> bool + Send + Sync + 'static,
    more: &[&str],
) -> (i32, Value) {
    let server = Raw::start(move |stream, _| write(stream));
    let url = server.url();
    let mut arguments = vec![
        "smoke",
        "--url",
        &url,
        "--model",
        "m",
        "--concurrency",
        "1",
        "--count",
        "2",
        "--set",
        "case.0.stream=true",
    ];
    arguments.extend(more);
    let (code, digest, _) = run_json(&arguments);
    (code, digest["outcomes"].clone())
}

fn now_stream() -> Vec<u8> {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let text = String::from_utf8(stream("\n", &usual())).expect("UTF-8");
    text.replace(&CREATED.to_string(), &now.to_string()).replace("\"c1\"", &format!("\"c-{number}\"")).into_bytes()
}

#[test]
fn one_byte_packets_give_the_same_result() {
    let (code, outcomes) = over_the_wire(
        |stream| {
            begin(stream, SSE);
            now_stream().chunks(1).for_each(|byte| chunk(stream, byte));
            chunk(stream, b"");
            true
        },
        &[],
    );
    assert_eq!((code, outcomes), (0, json!({"ok": 2})));
}

#[test]
fn a_compressed_stream_is_read_whether_it_was_asked_for_or_not() {
    let compressed = |stream: &mut std::net::TcpStream| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        for event in now_stream().split_inclusive(|byte| *byte == b'\n') {
            encoder.write_all(event).and_then(|()| encoder.flush()).expect("memory");
            let bytes = std::mem::take(encoder.get_mut());
            if !bytes.is_empty() {
                chunk(stream, &bytes);
            }
        }
        chunk(stream, &encoder.finish().expect("memory"));
        chunk(stream, b"");
        true
    };
    let (code, outcomes) = over_the_wire(compressed, &["--set", "target.gzip=true"]);
    assert_eq!((code, outcomes), (0, json!({"ok": 2})));
    let (code, outcomes) = over_the_wire(compressed, &[]);
    assert_eq!((code, outcomes), (0, json!({"ok": 2})), "any coding is acceptable where none was asked for");
}

#[test]
fn a_huge_line_is_read_up_to_the_limit() {
    let huge = |stream: &mut std::net::TcpStream| {
        begin(stream, SSE);
        let text =
            String::from_utf8(now_stream()).expect("UTF-8").replace("\"Hel\"", &format!("\"{}\"", "x".repeat(8 << 20)));
        text.as_bytes().chunks(1 << 16).for_each(|piece| chunk(stream, piece));
        chunk(stream, b"");
        true
    };
    assert_eq!(over_the_wire(huge, &[]).1, json!({"ok": 2}));
    assert_eq!(over_the_wire(huge, &["--set", "target.max_reply_bytes=1000000"]).1, json!({"too_large": 2}));
}

#[test]
fn a_reset_in_the_middle_is_a_class_of_its_own() {
    let (code, outcomes) = over_the_wire(
        |stream| {
            begin(stream, SSE);
            chunk(stream, &now_stream()[..100]);
            std::thread::sleep(Duration::from_millis(50));
            // Closing with unread bytes, or with no time to linger, resets the connection.
            let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
            false
        },
        &[],
    );
    assert_eq!((code, outcomes), (1, json!({"reset": 2})));
}
