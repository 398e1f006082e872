//! How replies are transferred: content codings, streams that stay open behind `[DONE]`, folded header lines, two
//! framings at once; and what a proxy does to a request.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proofload::reference::quirk;
use proofload::reference::{Settings, tls};
use proofload::summary::digest::Digest;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, Raw, Request, carry_out, chunk, completion, plan, program, run_json, settings};
use crate::tls::Authority;

/// A run of three requests for one of our own servers, whole or streamed, with more keys of the target.
fn run(url: &str, stream: bool, target: &str) -> Digest {
    run_of("m", url, stream, target)
}

/// The same for a model.
fn run_of(model: &str, url: &str, stream: bool, target: &str) -> Digest {
    let text = format!(
        "[target]\nurl = \"{url}\"\ndialect = \"openai\"\nmodel = \"{model}\"\n\
         headers = {{ authorization = \"Bearer any\" }}\n{target}\n[load.closed]\nconcurrency = 1\ncount = 3\n\
         [[case]]\nstream = {stream}\nmax_tokens = 12\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} go on\" }}]\n"
    );
    Digest::of(&carry_out(&Arc::new(plan(&text))))
}

fn ok(digest: &Digest) -> Option<u64> {
    digest.outcomes.get("ok").copied()
}

fn must(digest: &Digest) -> Vec<(&str, u64)> {
    digest.checks.iter().filter(|(_, check)| check.must > 0).map(|(id, check)| (id.as_str(), check.must)).collect()
}

/// What a rule notes.
fn notes(digest: &Digest, id: &str) -> String {
    digest.checks[id].notes.iter().map(|note| note.text.clone()).collect::<Vec<_>>().join(" | ")
}

fn quirky(name: &str) -> Endpoint {
    let quirk = quirk::find(name).unwrap_or_else(|| panic!("no quirk is called {name}"));
    Endpoint::start(settings(Dialect::OpenAi, 5, 2, vec![quirk]))
}

/// The reply is complete at `[DONE]`, and its connection is not used again.
fn assert_lingers(digest: &Digest) {
    assert_eq!((ok(digest), must(digest)), (Some(3), vec![("stream-clean-close", 3)]), "{:?}", digest.failures);
    let longest = digest.timings_us["response_time"].all.max.expect("a time");
    assert!(longest < 1_000_000, "it ended at [DONE], and not {longest} us later");
    assert_eq!(digest.requests.good, 0);
}

#[test]
fn a_stream_that_stays_open_behind_done_ended_there() {
    let endpoint = quirky("done-lingers");
    assert_lingers(&run_of("gpt-4o", &endpoint.url(), true, ""));
    // A limit of ours that passes while its end is waited for takes nothing from it.
    assert_lingers(&run_of("gpt-4o", &endpoint.url(), true, "timeouts = { total = \"600ms\" }"));
    // In a coding the client does not see `[DONE]`.
    assert_lingers(&run(&packed_and_open().url(), true, "timeouts = { total = \"600ms\" }"));
}

#[test]
fn so_has_one_that_the_http_library_reads() {
    let authority = Authority::new();
    let (certificate, key) = authority.server_files();
    let read = |file: &str| std::fs::read(file).expect("read");
    let quirk = quirk::find("done-lingers").expect("a quirk");
    let tls = tls::config(&read(&certificate), &read(&key)).expect("TLS");
    let endpoint = Endpoint::start(Settings { tls: Some(tls), ..settings(Dialect::OpenAi, 5, 2, vec![quirk]) });
    let url = format!("https://localhost:{}/v1", endpoint.address.port());
    let target = format!("ca = \"{}\"\nhttp = \"1.1\"", authority.path("ca.pem"));
    assert_lingers(&run_of("gpt-4o", &url, true, &target));
}

/// A server that compresses a whole stream and leaves it open.
fn packed_and_open() -> Raw {
    Raw::start(|stream, request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for event in events(&body) {
            encoder.write_all(event.as_bytes()).expect("memory takes it");
        }
        encoder.flush().expect("memory takes it");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        chunk(stream, encoder.get_ref());
        std::thread::sleep(Duration::from_secs(3));
        false
    })
}

/// A stream of the openai dialect.
fn events(asked: &Value) -> Vec<String> {
    let mut whole = completion();
    whole["object"] = json!("chat.completion.chunk");
    let end = whole.as_object_mut().expect("an object");
    end.remove("usage");
    let piece = |delta: Value, finish: Value| {
        let mut piece = whole.clone();
        piece["choices"] = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        format!("data: {piece}\n\n")
    };
    assert_eq!(asked["stream"], true);
    vec![
        piece(json!({"role": "assistant", "content": ""}), Value::Null),
        piece(json!({"content": "all is well here"}), Value::Null),
        piece(json!({}), json!("stop")),
        "data: [DONE]\n\n".to_owned(),
    ]
}

/// A server whose whole replies are coded so.
fn coded(coding: &'static str, encode: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Raw {
    Raw::start(move |stream, _| {
        let body = encode(completion().to_string().as_bytes());
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_ok()
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("an end")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("an end")
}

fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("an end")
}

/// Brotli without compression (RFC 7932, section 9.2): a window of 16 bits, a block as it is, and an empty last one.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len() - 1).expect("few bytes");
    // WBITS 0, ISLAST 0, MNIBBLES 00, MLEN - 1 in 16 bits, ISUNCOMPRESSED 1.
    let header = (length << 4) | (1 << 20);
    [&header.to_le_bytes()[..3], bytes, &[3]].concat()
}

/// Zstandard without compression (RFC 8878, section 3.1.1): a frame with one raw block.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let header = (u32::try_from(bytes.len()).expect("few bytes") << 3) | 1;
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x50], &header.to_le_bytes()[..3], bytes].concat()
}

#[test]
fn a_reply_in_any_coding_is_judged_as_what_it_is_asked_for_or_not() {
    type Encode = fn(&[u8]) -> Vec<u8>;
    let codings: [(&str, Encode); 8] = [
        ("gzip", gzip),
        ("x-gzip", gzip),
        ("deflate", zlib),
        ("deflate", bare),
        ("br", brotli),
        ("zstd", zstd),
        ("identity, br, gzip", |bytes| gzip(&brotli(bytes))),
        ("identity", <[u8]>::to_vec),
    ];
    for (coding, encode) in codings {
        let server = coded(coding, encode);
        let digest = run(&server.url(), false, "");
        assert_eq!(
            (ok(&digest), digest.requests.good),
            (Some(3), 3),
            "{coding}: {:?} {:?}",
            digest.failures,
            must(&digest)
        );
        assert_eq!(must(&digest), [], "{coding}");
        if coding == "identity" {
            assert_eq!(digest.compressed, None);
            continue;
        }
        assert_eq!(notes(&digest, "http-content-coding"), format!("{coding}, for which the request did not ask"));
        let compressed = digest.compressed.expect("compressed replies");
        let decoded = compressed.decoded_bytes as f64 / 3.0;
        assert_eq!((compressed.replies, compressed.share.to_bits()), (3, 1.0_f64.to_bits()));
        assert!((200.0..300.0).contains(&decoded) && compressed.wire_bytes > 0, "{compressed:?}");
    }
}

#[test]
fn compression_may_be_asked_for_on_both_ways_of_sending() {
    let authority = Authority::new();
    let (certificate, key) = authority.server_files();
    let read = |file: &str| std::fs::read(file).expect("read");
    let tls = tls::config(&read(&certificate), &read(&key)).expect("TLS");
    let plain = Endpoint::start(settings(Dialect::OpenAi, 5, 2, Vec::new()));
    let secure = Endpoint::start(Settings { tls: Some(tls), ..settings(Dialect::OpenAi, 5, 2, Vec::new()) });
    let secure_url = format!("https://localhost:{}/v1", secure.address.port());
    let ca = authority.path("ca.pem");
    for (url, more) in [(plain.url(), String::new()), (secure_url, format!("target.ca={ca}"))] {
        for asks in ["accept-encoding=gzip", ""] {
            let mut arguments = vec!["smoke", "--url", &url, "--model", "gpt-4o", "--concurrency", "2", "--count", "6"];
            arguments.extend(["--header", "authorization=Bearer any"]);
            arguments.extend(if asks.is_empty() { ["--set", "target.gzip=true"] } else { ["--header", asks] });
            arguments.extend(["--set", &more].iter().filter(|_| !more.is_empty()));
            let (code, digest, stderr) = run_json(&arguments);
            assert_eq!((code, &digest["outcomes"]), (0, &json!({"ok": 6})), "{asks} {stderr}");
            assert_eq!(digest["compressed"]["share"], 1.0, "{}", digest["compressed"]);
            assert_eq!(digest["checks"]["http-content-coding"]["pass"], 6);
        }
    }
}

#[test]
fn what_cannot_be_decoded_is_malformed_in_words() {
    let unknown = run(&coded("x-packed", <[u8]>::to_vec).url(), false, "");
    let broken = run(&coded("gzip", <[u8]>::to_vec).url(), false, "");
    let short = |bytes: &[u8]| gzip(bytes)[..60].to_vec();
    let short = run(&coded("gzip", short).url(), false, "");
    for (digest, words) in [
        (unknown, "the body says content-encoding: x-packed, which cannot be decoded"),
        (broken, "the body says content-encoding: gzip, which it is not: it has no gzip header"),
        (short, "the body says content-encoding: gzip, which it is not: it ends in the middle"),
    ] {
        assert_eq!(digest.classes["malformed.bad_coding"], 3);
        let said: Vec<&str> = digest.failures.iter().map(|failure| failure.text.as_str()).collect();
        assert_eq!(said, [format!("malformed(bad_coding): {words}")]);
        assert_eq!(must(&digest), [("http-content-coding", 3)]);
    }
}

#[test]
fn a_small_body_that_becomes_a_very_long_one_is_too_large() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 400_000);
    let digest = run(&coded("gzip", move |_| bomb.clone()).url(), false, "max_reply_bytes = 1000000");
    assert_eq!(digest.outcomes["too_large"], 3, "{:?}", digest.outcomes);
    assert!(
        digest.failures[0].text.contains("the decoded reply is longer than 1000000 bytes"),
        "{:?}",
        digest.failures
    );
}

/// A reply with these header lines before the ones that it needs.
fn with_head(lines: &'static str) -> Raw {
    Raw::start(move |stream: &mut TcpStream, _: &Request| {
        let body = completion().to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\n{lines}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).is_ok()
    })
}

#[test]
fn a_folded_header_is_read_as_one_line_and_noted() {
    let server = with_head("x-request-id: one\r\n two\r\n");
    let digest = run(&server.url(), false, "");
    assert_eq!((ok(&digest), must(&digest)), (Some(3), Vec::new()), "{:?}", digest.failures);
    assert_eq!(notes(&digest, "http-header-folded"), "a header goes on in the next line");
    let plain = run(&with_head("x-request-id: one\r\n").url(), false, "");
    assert_eq!(notes(&plain, "http-header-folded"), "");
}

#[test]
fn a_length_beside_chunks_is_told_and_the_chunks_are_read() {
    let server = Raw::start(|stream, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        chunk(stream, completion().to_string().as_bytes());
        chunk(stream, b"");
        true
    });
    let digest = run(&server.url(), false, "");
    assert_eq!((ok(&digest), must(&digest)), (Some(3), vec![("http-one-framing", 3)]), "{:?}", digest.failures);
}

/// The report of a run through a proxy, and of a check: what is said, and whether a rule is broken.
fn through(proxy: &str, url: &str) -> (Value, Value) {
    let set = format!("target.proxy={proxy}");
    let (_, digest, _) =
        run_json(&["smoke", "--url", url, "--model", "m", "--concurrency", "1", "--count", "3", "--set", &set]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("check.toml");
    let text = format!(
        "[target]\nurl = \"{url}\"\nmodel = \"m\"\ndialect = \"openai\"\nproxy = \"{proxy}\"\n[load.closed]\nconcurrency = 1\ncount = 1\n\
         [[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n"
    );
    std::fs::write(&file, text).expect("written");
    let arguments = ["--only", "auth-valid-accepted,http-date-skew,err-json-body", "--format", "json", "-q"];
    let output = program().arg("check").arg(&file).args(arguments).output().expect("runs");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (digest, report)
}

#[test]
fn a_proxy_that_is_dead_or_wants_credentials_is_told_as_such() {
    let asks = Raw::start(|stream, _| {
        let page = "<html>who are you?</html>";
        let head = format!(
            "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"x\"\r\n\
             content-type: text/html\r\ncontent-length: {}\r\n\r\n{page}",
            page.len()
        );
        stream.write_all(head.as_bytes()).is_ok()
    });
    let asking = format!("http://user:secret@{}", asks.address);
    let shown = format!("the proxy http://***@{}/ asks for credentials (407), of scheme Basic", asks.address);
    for url in ["http://endpoint.invalid/v1", "https://endpoint.invalid/v1"] {
        let dead = "no way through the proxy http://127.0.0.1:1/: ".to_owned();
        for (proxy, words) in [("http://127.0.0.1:1", &dead), (asking.as_str(), &shown)] {
            let (digest, report) = through(proxy, url);
            assert_eq!(digest["outcomes"], json!({"connect": 3}), "{proxy}");
            let said = digest["failures"][0]["text"].as_str().expect("words");
            if url.starts_with("http:") || proxy.ends_with(":1") {
                assert!(said.starts_with(&format!("connect: {words}")), "{said}");
            } else {
                assert!(said.contains("the proxy http://***@"), "{said}");
            }
            assert!(!digest.to_string().contains("secret"), "{said}");
            let checks = digest["checks"].as_object().expect("checks");
            assert!(checks.values().all(|check| check["fail"] == 0), "{proxy}");
            let rows = report["checks"].as_object().expect("checks");
            for (id, row) in rows {
                let status = row["status"].as_str().expect("a status");
                assert!(["ERROR", "BLOCKED"].contains(&status), "{id}: {row:#}");
            }
        }
    }
}
