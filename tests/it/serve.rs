//! `proofload serve` as its users meet it: protocols, compression, capacity, records, flags and how it stops.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use proofload::reference::delay::Length;
use reqwest::{Client, ClientBuilder, Response, Version};
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, Served, program, settings};
use crate::tls::Authority;

/// A request for so many tokens.
fn body(tokens: u64, stream: bool) -> Value {
    json!({"model": "gpt-4o", "stream": stream, "max_tokens": tokens,
        "messages": [{"role": "user", "content": "tell me about the river"}]})
}

fn client() -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

async fn ask(client: &Client, url: &str, body: &Value) -> Response {
    client
        .post(format!("{url}/chat/completions"))
        .bearer_auth("sk-very-secret")
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .expect("an answer")
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}

/// Sends SIGTERM and waits for the end.
pub(crate) fn terminate(served: &mut Served) -> ExitStatus {
    signal(served);
    served.child.wait().expect("ends")
}

/// Sends SIGTERM.
fn signal(served: &Served) {
    let killed = Command::new("kill").args(["-TERM", &served.child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
}

/// The lines of a file, as JSON.
pub(crate) fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn http_2_is_spoken_by_prior_knowledge_many_streams_at_once() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 1, Vec::new()));
    let client = client().http2_prior_knowledge().build().expect("a client");
    block_on(async {
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..300 {
            let (client, url) = (client.clone(), endpoint.url());
            asked.spawn(async move {
                let response = ask(&client, &url, &body(4, true)).await;
                let version = response.version();
                (version, response.text().await.expect("a whole stream"))
            });
        }
        while let Some(answer) = asked.join_next().await {
            let (version, text) = answer.expect("no panic");
            assert_eq!(version, Version::HTTP_2);
            assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        }
    });
}

#[test]
fn tls_is_spoken_with_the_given_certificate_in_both_versions_of_http() {
    let authority = Authority::new();
    let (cert, key) = authority.server_files();
    let served = Served::start(&["--dialect", "openai", "--cert", &cert, "--key", &key]);
    let url = served.url.replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://"), "{url}");
    let ca = reqwest::Certificate::from_pem(&std::fs::read(authority.path("ca.pem")).expect("read")).expect("a CA");
    let builder = || client().tls_certs_only([ca.clone()]);
    for (client, version) in [(builder(), Version::HTTP_2), (builder().http1_only(), Version::HTTP_11)] {
        let client = client.build().expect("a client");
        block_on(async {
            let response = ask(&client, &url, &body(3, true)).await;
            assert_eq!((response.version(), response.status().as_u16()), (version, 200));
            assert!(response.text().await.expect("whole").ends_with("data: [DONE]\n\n"));
        });
    }
    let stranger = client().tls_certs_only([]).build().expect("a client");
    assert!(block_on(stranger.get(format!("{url}/models")).send()).is_err(), "an unknown authority");
}

#[test]
fn replies_are_compressed_when_asked_and_streams_event_by_event() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 1, 0, Vec::new()));
    let raw = |stream: bool, accept: &str| {
        let body = body(16, stream).to_string();
        let mut socket = TcpStream::connect(endpoint.address).expect("connects");
        write!(
            socket,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer k\r\nconnection: close\r\n\
             accept-encoding: {accept}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("sent");
        let mut reply = Vec::new();
        socket.read_to_end(&mut reply).expect("an end");
        let head = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
        (String::from_utf8_lossy(&reply[..head]).to_lowercase(), reply.split_off(head))
    };
    let (head, packed) = raw(false, "br, gzip");
    assert!(head.contains("content-encoding: gzip\r\n") && head.contains("vary: accept-encoding\r\n"), "{head}");
    assert!(head.contains(&format!("content-length: {}\r\n", packed.len())), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("gzip");
    let completion: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(completion["usage"]["completion_tokens"], 16);
    assert!(packed.len() < text.len());
    let (head, plain) = raw(false, "gzip;q=0");
    assert!(!head.contains("content-encoding"), "{head}");
    assert!(serde_json::from_slice::<Value>(&plain).is_ok());
    let (head, stream) = raw(true, "gzip");
    assert!(head.contains("content-encoding: gzip\r\n") && head.contains("transfer-encoding: chunked"), "{head}");
    assert!(!String::from_utf8_lossy(&stream).contains("data: "));
    block_on(async {
        let mut response =
            client().gzip(true).build().expect("a client").post(format!("{}/chat/completions", endpoint.url()));
        response = response.header("authorization", "Bearer k").body(body(16, true).to_string());
        let text = response.send().await.expect("an answer").text().await.expect("gzip");
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    });
}

#[test]
fn each_choice_takes_a_slot_of_its_own() {
    let mut limited = settings(Dialect::OpenAi, 0, 0, Vec::new());
    limited.capacity = Some("concurrency=3,step=40ms".parse().expect("a capacity"));
    let endpoint = Endpoint::start(limited);
    let client = client().build().expect("a client");
    let choices = |n: u64| {
        let mut body = body(5, true);
        body["n"] = json!(n);
        body
    };
    block_on(async {
        let began = Instant::now();
        // The head of a stream comes at once, so the first is in the house before the second.
        let first = ask(&client, &endpoint.url(), &choices(3)).await;
        let second = ask(&client, &endpoint.url(), &choices(1)).await;
        for (stream, finished) in [(first, 3), (second, 1)] {
            let text = stream.text().await.expect("whole");
            assert_eq!(text.matches("\"finish_reason\":\"length\"").count(), finished, "{text}");
        }
        assert!(began.elapsed() >= Duration::from_millis(400), "three choices leave no slot for a fourth");
        let wide = ask(&client, &endpoint.url(), &choices(4)).await;
        assert_eq!(wide.status(), 400, "there are never four slots");
    });
}

#[test]
fn choices_that_are_discarded_take_slots_too() {
    let mut limited = settings(Dialect::Pulze, 0, 0, Vec::new());
    limited.capacity = Some("concurrency=3,step=40ms".parse().expect("a capacity"));
    let endpoint = Endpoint::start(limited);
    let client = client().build().expect("a client");
    let best_of = |made: u64| {
        let mut body = body(5, true);
        body["best_of"] = json!(made);
        body
    };
    block_on(async {
        let began = Instant::now();
        // The head of a stream comes at once, so the first is in the house before the second.
        let first = ask(&client, &endpoint.url(), &best_of(3)).await;
        let second = ask(&client, &endpoint.url(), &best_of(1)).await;
        for (stream, discarded) in [(first, Some(2)), (second, None)] {
            let text = stream.text().await.expect("whole");
            assert_eq!(text.matches("\"finish_reason\":\"length\"").count(), 1, "{text}");
            let last = text.rsplit("data: ").nth(1).expect("a chunk before the end");
            let last: Value = serde_json::from_str(last).expect("JSON");
            assert_eq!(last["metadata"]["extra"]["discarded_choices"].as_u64(), discarded);
            assert_eq!(last["usage"]["completion_tokens"], 5, "what is discarded is not counted");
        }
        assert!(began.elapsed() >= Duration::from_millis(400), "two that are discarded leave no slot for another");
        let wide = ask(&client, &endpoint.url(), &best_of(4)).await;
        assert_eq!(wide.status(), 400, "there are never four slots");
    });
}

#[test]
fn a_server_with_limits_makes_requests_wait_and_turns_away_what_has_no_room() {
    for (dialect, pointer) in [(Dialect::OpenAi, "/error/message"), (Dialect::Pulze, "/detail")] {
        let mut limited = settings(dialect, 0, 0, Vec::new());
        limited.capacity = Some("concurrency=1,step=40ms,queue=1,kv=100".parse().expect("a capacity"));
        let endpoint = Endpoint::start(limited);
        let client = client().build().expect("a client");
        block_on(async {
            let (url, five, one) = (endpoint.url(), body(5, true), body(1, false));
            let began = Instant::now();
            // The head of a stream comes at once, so they are in the house in this order.
            let first = ask(&client, &url, &five).await;
            let second = ask(&client, &url, &five).await;
            let third = ask(&client, &url, &one).await;
            assert_eq!(third.status(), 429);
            let wait = third.headers()["retry-after"].to_str().expect("text").parse::<u64>().expect("whole seconds");
            assert_eq!(wait, 1);
            let refused: Value = serde_json::from_slice(&third.bytes().await.expect("whole")).expect("JSON");
            assert!(refused.pointer(pointer).is_some_and(Value::is_string), "{refused}");
            assert!(first.text().await.expect("whole").contains("[DONE]"));
            assert!(second.text().await.expect("whole").contains("[DONE]"));
            assert!(began.elapsed() >= Duration::from_millis(400), "two requests of five steps share one slot");
            let mut long = body(5, false);
            long["messages"][0]["content"] = json!("word ".repeat(120));
            assert_eq!(ask(&client, &url, &long).await.status(), 400, "it would never fit");
        });
    }
}

#[test]
fn a_client_that_leaves_makes_room_for_the_next() {
    let mut limited = settings(Dialect::OpenAi, 0, 0, Vec::new());
    limited.capacity = Some("concurrency=1,step=10ms".parse().expect("a capacity"));
    limited.tokens = Length::Constant(12_000);
    let endpoint = Endpoint::start(limited);
    block_on(async {
        // The answer would take two minutes.
        let left = ask(&client().build().expect("a client"), &endpoint.url(), &body(12_000, true)).await;
        drop(left);
        let impatient = client().timeout(Duration::from_secs(60)).build().expect("a client");
        assert_eq!(ask(&impatient, &endpoint.url(), &body(2, false)).await.status(), 200);
    });
}

#[test]
fn stopping_loses_no_open_stream_and_no_line_of_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let [truth, log] = ["truth.jsonl", "access.jsonl"].map(|name| folder.path().join(name));
    let arguments = ["--dialect", "openai", "--first-token", "constant:10ms", "--token-gap", "constant:40ms"];
    let mut arguments = arguments.to_vec();
    arguments.extend(["--truth", truth.to_str().expect("UTF-8"), "--access-log", log.to_str().expect("UTF-8")]);
    let mut served = Served::start(&arguments);
    let address = served.url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let socket = TcpStream::connect(&address).expect("connects");
    let body = body(16, true).to_string();
    write!(
        &socket,
        "POST /v1/chat/completions?key=sk-query HTTP/1.1\r\nhost: h\r\nauthorization: Bearer sk-very-secret\r\n\
         x-request-id: mine-1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sent");
    let mut reply = BufReader::new(&socket);
    let mut text = String::new();
    while !text.contains("data: ") {
        reply.read_line(&mut text).expect("a line");
    }
    let ended = terminate(&mut served);
    reply.read_to_string(&mut text).expect("the rest");
    assert_eq!(ended.code(), Some(0));
    assert!(text.contains("data: [DONE]"), "{text}");
    assert!(TcpStream::connect(&address).is_err(), "nobody listens any more");
    let told = lines(&truth);
    assert!(told[0]["started_unix_us"].as_u64().is_some_and(|since| since > 1_700_000_000_000_000), "{}", told[0]);
    assert_eq!(told.len(), 2);
    let line = &told[1];
    assert_eq!((&line["request"], &line["id"], &line["status"]), (&json!(0), &json!("mine-1"), &json!(200)));
    assert_eq!(line["outcome"], "complete");
    let written: Vec<u64> = serde_json::from_value(line["written_us"].clone()).expect("instants");
    assert_eq!(written.len(), text.matches("data: ").count(), "an instant for each event");
    let [head, read, ended] = ["head_us", "read_us", "ended_us"].map(|name| line[name].as_u64().expect("an instant"));
    assert!(head <= read && read + 10_000 <= written[0] && *written.last().expect("some") <= ended, "{line}");
    assert!(written.is_sorted() && ended - read >= 10_000 + 15 * 40_000, "{line}");
    let logged = std::fs::read_to_string(&log).expect("a log");
    assert!(!logged.contains("sk-"), "no key: {logged}");
    let logged = lines(&log);
    assert_eq!(logged.len(), 1);
    assert_eq!((&logged[0]["path"], &logged[0]["status"]), (&json!("/v1/chat/completions"), &json!(200)));
}

#[test]
fn what_does_not_end_within_the_grace_period_is_given_up_and_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let truth = folder.path().join("truth.jsonl");
    let mut served = Served::start(&[
        "--dialect",
        "openai",
        "--token-gap",
        "constant:30m",
        "--grace",
        "100ms",
        "--truth",
        truth.to_str().expect("UTF-8"),
    ]);
    let url = served.url.clone();
    block_on(async {
        let mut response = ask(&client().build().expect("a client"), &url, &body(4, true)).await;
        assert!(response.chunk().await.expect("a chunk").is_some());
        assert_eq!(terminate(&mut served).code(), Some(0));
        assert!(response.text().await.is_err(), "the stream was cut");
    });
    let told = lines(&truth);
    assert_eq!((told.len(), &told[1]["outcome"]), (2, &json!("left")));
}

#[test]
fn a_second_signal_does_not_wait_for_what_is_open() {
    let grace = Duration::from_secs(300);
    let mut served = Served::start(&["--dialect", "openai", "--token-gap", "constant:30m", "--grace", "300s"]);
    let url = served.url.clone();
    let address = url.trim_start_matches("http://").trim_end_matches("/v1");
    block_on(async {
        let mut response = ask(&client().build().expect("a client"), &url, &body(4, true)).await;
        assert!(response.chunk().await.expect("a chunk").is_some());
        let began = Instant::now();
        signal(&served);
        // The first signal has come when nobody listens any more.
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        assert_eq!(terminate(&mut served).code(), Some(0));
        assert!(began.elapsed() < grace);
        assert!(response.text().await.is_err(), "the stream was cut");
    });
}

#[test]
fn the_access_log_goes_to_standard_error_where_its_file_is_a_dash() {
    let mut served = Served::start_with(&["--dialect", "openai", "--access-log", "-"], Stdio::piped());
    let url = served.url.clone();
    block_on(async {
        ask(&client().build().expect("a client"), &url, &body(2, false)).await.text().await.expect("a reply");
    });
    assert_eq!(terminate(&mut served).code(), Some(0));
    let mut logged = String::new();
    served.child.stderr.take().expect("piped").read_to_string(&mut logged).expect("UTF-8");
    let line: Value = serde_json::from_str(&logged).expect(&logged);
    assert_eq!((&line["status"], &line["outcome"]), (&json!(200), &json!("complete")));
}

#[test]
fn the_greeting_says_what_is_wrong_on_purpose_and_when() {
    for (flags, said) in [
        (&[][..], "(openai dialect)"),
        (&["--quirk", "no-done"], "(openai dialect, wrong on purpose: no-done)"),
        (
            &["--quirk", "no-done,id-repeated", "--quirk-rate", "0.05", "--quirk-above-in-flight", "64"],
            "(openai dialect, wrong on purpose at rate 0.05 above 64 in flight: no-done, id-repeated)",
        ),
    ] {
        let served = Served::start(&[&["--dialect", "openai"], flags].concat());
        assert!(served.greeting.trim_end().ends_with(said), "{}", served.greeting);
    }
}

#[test]
fn bad_flags_are_refused_with_the_reason() {
    for (flags, said) in [
        (&["--first-token", "fast"][..], "--first-token: \"fast\""),
        (&["--token-gap", "trace:/nowhere/at/all"], "--token-gap: /nowhere/at/all: No such file"),
        (&["--tokens", "uniform:9:3"], "--tokens: 9 is more than 3"),
        (&["--capacity", "concurrency=0,step=1ms"], "whole number from 1"),
        (&["--capacity", "concurrency=1,step=1ms", "--token-gap", "1ms"], "cannot be used with"),
        (&["--cert", "/nowhere/at/all"], "--key"),
        (&["--cert", "Cargo.toml", "--key", "Cargo.toml"], "has no certificate"),
        (&["--truth", "/nowhere/at/all"], "cannot write /nowhere/at/all"),
        (&["--grace", "soon"], "write a number with a unit"),
    ] {
        let output = program().arg("serve").args(["--listen", "127.0.0.1:0"]).args(flags).output().expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{flags:?}: {stderr}");
        assert!(stderr.contains(said), "{flags:?}: {stderr}");
    }
}

/// Status line of the reply to a request with these lines.
fn status_of(address: std::net::SocketAddr, lines: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("connects");
    write!(socket, "{lines}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).expect("an end");
    String::from_utf8_lossy(&reply).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_request_has_one_host() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 1, 0, Vec::new()));
    for (lines, status) in [
        ("GET /health HTTP/1.1\r\nhost: h", "HTTP/1.1 200"),
        ("GET /health HTTP/1.1\r\nx: y", "HTTP/1.1 400"),
        ("GET /health HTTP/1.1\r\nhost: h\r\nhost: h", "HTTP/1.1 400"),
        ("GET /health HTTP/1.0\r\nx: y", "HTTP/1.0 200"),
        ("GET /health HTTP/1.0\r\nhost: h\r\nhost: i", "HTTP/1.0 400"),
    ] {
        let said = status_of(endpoint.address, lines);
        assert!(said.starts_with(status), "{lines:?}: {said}");
    }
}

#[test]
fn an_endpoint_that_is_started_again_gives_other_ids_unless_it_has_a_seed() {
    let ids = |seed: &[&str]| {
        let arguments = ["--dialect", "openai", "--first-token", "1ms", "--token-gap", "0ms", "--spread", "0"];
        let served = Served::start(&[&arguments[..], seed].concat());
        block_on(async {
            let request = client().build().expect("a client").post(format!("{}/chat/completions", served.url));
            let request = request.header("authorization", "Bearer k").body(body(4, false).to_string());
            let response = request.header("content-type", "application/json").send().await.expect("an answer");
            let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
            let completion: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
            let text = completion["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
            (id, completion["id"].as_str().expect("an id").to_owned(), text)
        })
    };
    let ((one, first, text), (other, second, again)) = (ids(&[]), ids(&[]));
    assert!(one != other && first != second && text == again, "{one} {other} {first} {second}");
    assert_eq!(ids(&["--seed", "5"]), ids(&["--seed", "5"]));
}
