//! The parser vectors of the conformance catalogue (section 2.4): each stream is read whole, byte by byte and cut at
//! every offset, and must give the same outcome, the same verdicts and the same text. The transport faults among them
//! are replayed over a socket.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use proofload::check::{self, Verdict};
use proofload::exchange::{
    Arrival, Asked, Body, Cut, Exchange, Form, Head, Inband, Outcome, Policies, Reading, Ticket, Wanted,
};
use proofload::wire::Dialect;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{Raw, begin, chunk, run_json};

const MS: Duration = Duration::from_millis(1);

pub(crate) fn wanted(dialect: Dialect, stream: bool) -> Wanted {
    Wanted {
        case: "c".into(),
        dialect,
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
    let dialect = exchange.asked.wanted.dialect;
    // How content is spread over arrivals is what cutting changes; everything else must stay.
    let timing = ["stream-incremental", "stream-ttft-before-end"];
    let broken = check::all(dialect)
        .filter(|check| !timing.contains(&check.id))
        .filter(|check| matches!(check.judge(&reading), Verdict::Broken { .. }))
        .map(|check| check.id.to_owned())
        .collect();
    (reading.outcome, broken, reading.choices.first().map(|choice| choice.content.clone()).unwrap_or_default())
}

/// Reads whole, byte by byte and cut in two at every offset; all must agree.
fn read(bytes: &[u8], content_type: &str) -> (Outcome, BTreeSet<String>, String) {
    let whole = judged(&exchange(Dialect::OpenAi, content_type, &[bytes]));
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(judged(&exchange(Dialect::OpenAi, content_type, &single)), whole, "byte by byte");
    for cut in 1..bytes.len() {
        assert_eq!(
            judged(&exchange(Dialect::OpenAi, content_type, &[&bytes[..cut], &bytes[cut..]])),
            whole,
            "cut at {cut}"
        );
    }
    whole
}

pub(crate) const SSE: &str = "text/event-stream";

fn assert_fine(bytes: &[u8], said: &str) {
    let (outcome, broken, text) = read(bytes, SSE);
    assert_eq!((outcome, broken, text.as_str()), (Outcome::Ok, BTreeSet::new(), said));
}

fn assert_broken(bytes: &[u8], outcome: Outcome, checks: &[&str]) {
    let (found, broken, _) = read(bytes, SSE);
    assert_eq!((found, broken), (outcome, expected(outcome, checks)));
}

/// These checks, and with them the one that a stream breaks by not being ok.
fn expected(outcome: Outcome, checks: &[&str]) -> BTreeSet<String> {
    let incomplete = (outcome != Outcome::Ok).then_some("load-all-streams-complete");
    checks.iter().copied().chain(incomplete).map(str::to_owned).collect()
}

fn usual() -> Vec<String> {
    vec![role(), text("Hel"), text("lo"), finish(), done()]
}

#[test]
fn line_endings_spacing_and_comments_change_nothing() {
    for ending in ["\n", "\r\n", "\r"] {
        assert_fine(&stream(ending, &usual()), "Hello");
    }
    let plain = String::from_utf8(stream("\n", &usual())).expect("UTF-8");
    assert_fine(plain.replace("data: ", "data:").as_bytes(), "Hello");
    assert_fine(plain.replace("data: {", "data:  {").as_bytes(), "Hello");
    assert_fine(
        format!(": keep-alive\n\n:\n{}", plain.replace("\n\n", "\n:inside\n\n: between\n\n")).as_bytes(),
        "Hello",
    );
    assert_fine(plain.replace("\n\n", "\n\n\n\n\n").as_bytes(), "Hello");
    assert_fine(plain.replace("data: {", "id: 1\nretry: 10\ndata: {").as_bytes(), "Hello");
    assert_fine([b"\xef\xbb\xbf".as_slice(), plain.as_bytes()].concat().as_slice(), "Hello");
    assert_fine(plain.replace("[DONE]", "[DONE] ").as_bytes(), "Hello");
    assert_fine(plain.replace("data: [DONE]", "data:[DONE]").as_bytes(), "Hello");
    assert_fine(plain.replace("data: {", "data\n\ndata:\n\ndata: {").as_bytes(), "Hello");
}

#[test]
fn json_split_between_data_lines_is_joined() {
    let plain = String::from_utf8(stream("\n", &usual())).expect("UTF-8");
    assert_fine(plain.replace(",\"choices\"", "\ndata: ,\"choices\"").as_bytes(), "Hello");
}

#[test]
fn mixed_line_endings_are_read_with_a_warning() {
    let bytes = [stream("\n", &usual()[..2]), stream("\r\n", &usual()[2..])].concat();
    assert_broken(&bytes, Outcome::Ok, &["stream-line-ending"]);
}

#[test]
fn a_character_cut_across_packets_is_one_character() {
    assert_fine(&stream("\n", &[role(), text("\u{1FAE0}\u{9F9C}"), finish(), done()]), "\u{1FAE0}\u{9F9C}");
}

#[test]
fn invalid_utf8_and_lone_surrogates_are_reported_and_nothing_panics() {
    let mut bytes = stream("\n", &usual());
    let at = bytes.windows(3).position(|w| w == b"Hel").expect("the text");
    bytes[at] = 0xff;
    assert_broken(&bytes, Outcome::Malformed(Form::BadEvent), &["stream-data-json", "stream-utf8-valid"]);
    let plain = String::from_utf8(stream("\n", &[role(), text("A"), text("B"), finish(), done()])).expect("UTF-8");
    let halves = plain.replace("\"A\"", "\"\\ud83e\"").replace("\"B\"", "\"\\udee0\"");
    assert_broken(halves.as_bytes(), Outcome::Malformed(Form::BadEvent), &["stream-data-json", "stream-nonempty"]);
}

#[test]
fn each_truncation_has_its_own_class_and_a_lack_of_done_is_none() {
    let all = usual();
    assert_broken(&stream("\n", &all[..4]), Outcome::Ok, &["stream-done-present"]);
    let unfinished = [&all[..3], &all[4..]].concat();
    assert_broken(&stream("\n", &unfinished), Outcome::Truncated(Cut::NoFinish), &["stream-finish-once"]);
    assert_broken(
        &stream("\n", &[]),
        Outcome::Truncated(Cut::Empty),
        &["stream-done-present", "stream-finish-once", "stream-nonempty"],
    );
    for (outcome, checks) in [
        (Outcome::Truncated(Cut::ShortBody), &["http-body-length", "stream-clean-close"][..]),
        (Outcome::Reset, &["stream-clean-close"]),
    ] {
        let bytes = stream("\n", &all[..3]);
        let cut = Exchange { outcome, ..exchange(Dialect::OpenAi, SSE, &[&bytes]) };
        let (found, broken, _) = judged(&cut);
        assert_eq!((found, broken), (outcome, expected(outcome, checks)));
    }
}

#[test]
fn an_unterminated_last_event_is_dropped_and_reported() {
    let plain = String::from_utf8(stream("\n", &usual())).expect("UTF-8");
    let broken = ["stream-done-present", "stream-final-blank-line"];
    assert_broken(plain.trim_end().as_bytes(), Outcome::Ok, &broken);
}

#[test]
fn a_chunk_after_done_is_reported() {
    let late = [usual(), vec![data(&json!({}), &Value::Null)]].concat();
    assert_broken(&stream("\n", &late), Outcome::Ok, &["stream-done-once-last"]);
    assert_broken(&stream("\n", &[usual(), vec![done()]].concat()), Outcome::Ok, &["stream-done-once-last"]);
}

#[test]
fn an_error_in_the_stream_is_one_in_whatever_shape() {
    let error = json!({"error": {"message": "boom", "type": "server_error", "param": null, "code": null}}).to_string();
    let with =
        |event: &str| [stream("\n", &usual()[..2]), event.as_bytes().to_vec(), stream("\n", &usual()[3..])].concat();
    assert_broken(
        &with(&format!("data: {error}\n\n")),
        Outcome::InbandError(Inband::Stated),
        &["stream-no-inband-error"],
    );
    assert_broken(
        &with("event: error\ndata: {\"message\": \"boom\"}\n\n"),
        Outcome::InbandError(Inband::Stated),
        &["stream-no-inband-error"],
    );
    let beside = json!({"id": "c1", "object": "chat.completion.chunk", "created": CREATED, "model": "m", "choices": [], "error": {"message": "boom"}});
    assert_broken(
        &with(&format!("data: {beside}\n\n")),
        Outcome::InbandError(Inband::Stated),
        &["stream-no-inband-error"],
    );
    let bare = error.as_bytes();
    let found = read(bare, SSE);
    assert_eq!(found.0, Outcome::InbandError(Inband::Stated));
    assert_eq!(found.1, expected(found.0, &["stream-no-inband-error", "stream-sse-wellformed"]));
}

#[test]
fn azures_first_chunk_is_a_warning_and_no_crash() {
    let first = json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]});
    assert_broken(
        &stream("\n", &[vec![first.to_string()], usual()].concat()),
        Outcome::Ok,
        &["stream-first-chunk-usable"],
    );
}

#[test]
fn a_usage_chunk_with_empty_choices_is_read() {
    let mut usage: Value = serde_json::from_str(&role()).expect("JSON");
    usage["choices"] = json!([]);
    usage["usage"] = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    let payloads = [&usual()[..4], &[usage.to_string(), done()]].concat();
    assert_fine(&stream("\n", &payloads), "Hello");
    let bytes = stream("\n", &payloads);
    let exchange = exchange(Dialect::OpenAi, SSE, &[&bytes]);
    assert_eq!(Reading::of(&exchange).usage.map(|usage| usage.total), Some(5.0));
}

#[test]
fn json_in_place_of_a_stream_is_not_a_stream() {
    let body = json!({"id": "c1", "object": "chat.completion", "created": CREATED, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}]})
    .to_string();
    let (outcome, broken, _) = judged(&exchange(Dialect::OpenAi, "application/json", &[body.as_bytes()]));
    assert_eq!(
        (outcome, broken),
        (Outcome::Malformed(Form::NotSse), BTreeSet::from(["stream-content-type".to_owned()]))
    );
    let (outcome, ..) = judged(&exchange(Dialect::OpenAi, SSE, &[b"<html>busy</html>"]));
    assert_eq!(outcome, Outcome::Malformed(Form::NotSse));
}

#[test]
fn tool_fragments_are_put_together_and_faults_flagged() {
    let piece = |index: Value, id: Value, name: Value, arguments: &str| {
        let mut call = json!({"function": {"arguments": arguments}});
        if !index.is_null() {
            call["index"] = index;
        }
        if !id.is_null() {
            call["id"] = id;
            call["type"] = json!("function");
            call["function"]["name"] = name;
        }
        data(&json!({"tool_calls": [call]}), &Value::Null)
    };
    let end = data(&json!({}), &json!("tool_calls"));
    let stream_of = |pieces: &[String]| stream("\n", &[&[role()][..], pieces, &[end.clone(), done()]].concat());
    let calls = |bytes: &[u8]| {
        let exchange = exchange(Dialect::OpenAi, SSE, &[bytes]);
        let choice = Reading::of(&exchange).choices[0].clone();
        choice
            .calls
            .into_iter()
            .map(|c| (c.id.unwrap_or_default(), c.name.unwrap_or_default(), c.arguments.unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    let both = vec![
        ("a".to_owned(), "f".to_owned(), "{\"x\":1}".to_owned()),
        ("b".to_owned(), "g".to_owned(), "{}".to_owned()),
    ];
    let letters: Vec<String> =
        "{\"x\":1}".chars().map(|c| piece(json!(0), Value::Null, Value::Null, &c.to_string())).collect();
    let mut interleaved =
        vec![piece(json!(0), json!("a"), json!("f"), ""), piece(json!(1), json!("b"), json!("g"), "")];
    for (number, letter) in letters.iter().enumerate() {
        interleaved.push(letter.clone());
        if number < 2 {
            interleaved.push(piece(json!(1), Value::Null, Value::Null, ["{", "}"][number]));
        }
    }
    let bytes = stream_of(&interleaved);
    assert_eq!(calls(&bytes), both);
    // No tool was offered, so the names are undeclared; the shape is right.
    assert_broken(&bytes, Outcome::Ok, &["tool-name-declared"]);
    let unnumbered = stream_of(&[
        piece(Value::Null, json!("a"), json!("f"), "{\"x\""),
        piece(Value::Null, Value::Null, Value::Null, ":1}"),
        piece(Value::Null, json!("b"), json!("g"), "{}"),
    ]);
    assert_eq!(calls(&unnumbered), both, "without an index, a new id opens the next call");
    assert_broken(&unnumbered, Outcome::Ok, &["stream-chunk-schema", "tool-name-declared", "tool-stream-index"]);
    let repeated = stream_of(&[
        piece(json!(0), json!("a"), json!("f"), "{\"x\":1}"),
        piece(json!(0), json!("b"), json!("g"), "{}"),
    ]);
    assert_eq!(calls(&repeated), both, "one index with two ids is two calls");
    assert_broken(&repeated, Outcome::Ok, &["tool-name-declared", "tool-stream-index"]);
}

#[test]
fn events_in_one_packet_share_its_instant_and_make_no_gaps() {
    let words: Vec<String> = (0..10_000).map(|n| text(&format!("w{n} "))).collect();
    let bytes = stream("\n", &[&[role()][..], &words, &[finish(), done()]].concat());
    let exchange = exchange(Dialect::OpenAi, SSE, &[&bytes]);
    let reading = Reading::of(&exchange);
    assert_eq!((reading.outcome, reading.gaps().len(), reading.events_per_arrival()), (Outcome::Ok, 0, vec![10_000]));
    assert_eq!((reading.first_token(), reading.time_per_output_token()), (Some(MS * 10), None));
    let broken: Vec<&str> = check::all(Dialect::OpenAi)
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
    let mut arguments =
        vec!["smoke", "--url", &url, "--model", "m", "--slots", "1", "--count", "2", "--set", "case.0.stream=true"];
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
