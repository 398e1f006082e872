//! How a run ends when the endpoint, or the user, does not do what was hoped: each case gives a clear report and the
//! documented exit code, never 0, never a panic.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use proofload::summary::digest::Digest;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, Raw, begin, carry_out, chunk, completion, plan, program, reply, run_json, settings};

/// A short run against a base address, and what its digest says.
fn against(url: &str, more: &[&str]) -> (i32, serde_json::Value, String) {
    // Of so few, a case could be missing by chance.
    let mut arguments = vec!["smoke", "--url", url, "--concurrency", "4", "--count", "8", "--seed", "3"];
    arguments.extend(more);
    let (code, digest, stderr) = run_json(&arguments);
    assert!(!stderr.contains("panicked"), "{stderr}");
    (code, digest, stderr)
}

fn assert_only(digest: &serde_json::Value, outcome: &str) {
    let names: Vec<&String> = digest["outcomes"].as_object().expect("outcomes").keys().collect();
    assert_eq!(names, [outcome], "{}", digest["failures"]);
}

fn failure(digest: &serde_json::Value) -> String {
    digest["failures"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn nobody_listening() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    let (code, digest, stderr) = against(&format!("http://{closed}/v1"), &[]);
    assert_eq!((code, digest["verdict"].as_str()), (3, Some("invalid")));
    assert_only(&digest, "connect");
    assert!(failure(&digest).contains("refused"), "{}", digest["failures"]);
    assert_eq!(digest["reasons"][0], "no request got an HTTP answer");
    assert!(stderr.contains("requests go without one"), "{stderr}");
}

/// Three requests for a server that answers and reads no more than the beginning of each.
fn unread(answer: impl Fn(TcpStream) -> Option<TcpStream> + Send + 'static) -> Digest {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1000]);
            open.push(answer(stream));
        }
    });
    // More than the system takes in for a server that does not read.
    let prompt = "go on ".repeat(4_000_000);
    let text = format!(
        "[target]\nurl = \"{url}\"\ndialect = \"openai\"\nmodel = \"m\"\n[load.closed]\nconcurrency = 1\ncount = 3\n\
         [[case]]\nmessages = [{{ role = \"user\", content = \"{prompt}\" }}]\n"
    );
    Digest::of(&carry_out(&Arc::new(plan(&text))))
}

#[test]
fn an_answer_before_the_request_has_gone_out() {
    let digest = unread(|mut stream| {
        reply(&mut stream, "413 Content Too Large", "application/json", b"{}");
        Some(stream)
    });
    assert_eq!(digest.statuses, BTreeMap::from([("413".to_owned(), 3)]), "{:?}", digest.failures);
}

#[test]
fn an_answer_that_may_have_been_cut_off_is_none() {
    // Its end is the end of the connection, which is reset, since not all was read.
    let digest = unread(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 413 Content Too Large\r\n\r\n{}");
        None
    });
    assert_eq!(digest.outcomes, BTreeMap::from([("reset".to_owned(), 3)]), "{:?}", digest.failures);
}

/// Why the second request on each connection fails, and after how many microseconds, of a server that works so long on it.
fn second_on_a_connection(work: Duration) -> (String, u64) {
    thread_local!(static BEFORE: Cell<bool> = const { Cell::new(false) });
    let server = Raw::start(move |stream, _| {
        let first = !BEFORE.replace(true);
        if first {
            reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        } else {
            std::thread::sleep(work);
        }
        first
    });
    let text = format!(
        "[target]\nurl = \"{}\"\ndialect = \"openai\"\nmodel = \"m\"\n[load.closed]\nconcurrency = 1\ncount = 2\n\
         [[case]]\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}}\" }}]\n",
        server.url()
    );
    let digest = Digest::of(&carry_out(&Arc::new(plan(&text))));
    assert_eq!(digest.outcomes.get("reset"), Some(&1), "{:?} {:?}", digest.outcomes, digest.failures);
    let took = digest.timings_us["service_time"].failed.max.expect("one failed");
    (digest.failures[0].text.clone(), took)
}

#[test]
fn a_kept_alive_connection_that_ends_without_a_word_is_told_from_work_that_fails() {
    for work in [Duration::ZERO, Duration::from_millis(1_200)] {
        let (cause, took) = second_on_a_connection(work);
        assert!(took >= u64::try_from(work.as_micros()).expect("short"));
        assert!(cause.contains("closed"), "{cause}");
        assert_eq!(cause.contains("on a connection kept alive"), took < 1_000_000, "{cause}");
    }
}

#[test]
fn no_such_name() {
    let (code, digest, _) = against("http://no-such-host.invalid/v1", &["--model", "m"]);
    assert_eq!(code, 3);
    assert_only(&digest, "connect");
    assert!(failure(&digest).contains("no-such-host.invalid"), "{}", digest["failures"]);
}

#[test]
fn no_tls_where_it_is_wanted() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 1, 0, Vec::new()));
    let (code, digest, _) = against(&endpoint.url().replace("http:", "https:"), &["--model", "m"]);
    assert_eq!(code, 3);
    assert_only(&digest, "tls");
}

#[test]
fn a_wrong_key() {
    let endpoint = Endpoint::start(proofload::reference::Settings {
        key: Some("right".into()),
        ..settings(Dialect::OpenAi, 1, 0, Vec::new())
    });
    let (code, digest, _) = against(&endpoint.url(), &["--header", "authorization=Bearer wrong"]);
    assert_eq!((code, digest["verdict"].as_str()), (1, Some("fail")));
    assert_only(&digest, "refused");
    assert!(digest["statuses"]["401"] == 8, "{}", digest["failures"]);
    assert!(failure(&digest).contains("the bearer token is not valid"));
}

#[test]
fn a_server_that_answers_html() {
    let server = Raw::start(|stream, _| reply(stream, "200 OK", "text/html", b"<html><body>Welcome</body></html>"));
    let (code, digest, _) = against(&server.url(), &[]);
    assert_eq!((code, digest["verdict"].as_str()), (1, Some("fail")));
    assert_only(&digest, "malformed");
    assert!(digest["checks"]["resp-content-type-json"]["must"].as_u64() > Some(0));
    assert!(digest["checks"]["stream-content-type"]["must"].as_u64() > Some(0));
}

#[test]
fn a_server_that_closes_mid_stream() {
    let server = Raw::start(|stream, _| {
        begin(stream, "text/event-stream");
        chunk(stream, b"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n");
        let _ = stream.write_all(b"40\r\ndata: {\"half");
        std::thread::sleep(Duration::from_millis(20));
        false
    });
    let (code, digest, _) = against(&server.url(), &["--model", "m"]);
    assert_eq!(code, 1);
    assert_only(&digest, "truncated");
    assert!(digest["classes"]["truncated.short_body"] == 8, "{}", digest["failures"]);
    assert_eq!(digest["checks"]["http-body-length"]["must"], 8);
    assert!(digest["timings_us"]["first_token"]["all"]["p50"].is_null(), "a failed stream is infinitely slow");
    assert!(digest["timings_us"]["first_token"]["failed"]["p50"].is_u64(), "and its own time is kept apart");
}

#[test]
fn a_server_that_hangs_up_without_a_word() {
    let server = Raw::start(|_, _| false);
    let (code, digest, _) = against(&server.url(), &["--model", "m"]);
    assert_eq!(code, 3);
    assert_only(&digest, "reset");
}

#[test]
fn a_server_that_does_not_speak_http() {
    let server = Raw::start(|stream, _| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").is_err());
    let (code, digest, _) = against(&server.url(), &["--model", "m"]);
    assert_eq!(code, 3);
    assert_only(&digest, "protocol");
}

#[test]
fn a_server_that_goes_over_to_another_protocol() {
    let server = Raw::start(|stream, _| stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").is_err());
    let (code, digest, _) = against(&server.url(), &["--model", "m"]);
    assert_eq!(code, 1);
    assert_only(&digest, "protocol");
    assert!(failure(&digest).contains("another protocol"), "{}", digest["failures"]);
}

#[test]
fn a_server_that_never_answers() {
    let server = Raw::start(|_, _| {
        std::thread::sleep(Duration::from_secs(600));
        false
    });
    let (code, digest, _) = against(&server.url(), &["--model", "m", "--set", "target.timeouts.first_byte=\"300ms\""]);
    assert_eq!(code, 3);
    assert_only(&digest, "timeout");
    assert!(failure(&digest).contains("no status within 300ms"), "{}", digest["failures"]);
}

#[test]
fn a_server_that_stalls_in_the_middle() {
    let server = Raw::start(|stream, _| {
        begin(stream, "text/event-stream");
        chunk(stream, b": thinking\n\n");
        std::thread::sleep(Duration::from_secs(600));
        false
    });
    let (code, digest, _) = against(&server.url(), &["--model", "m", "--set", "target.timeouts.total=\"400ms\""]);
    assert_eq!(code, 1);
    assert_only(&digest, "timeout");
    assert!(failure(&digest).contains("no end within 400ms"), "{}", digest["failures"]);
}

#[test]
fn a_reply_of_a_hundred_megabytes() {
    let server = Raw::start(|stream, _| {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", 100 << 20);
        let block = vec![b'x'; 1 << 20];
        stream.write_all(head.as_bytes()).is_ok() && (0..100).all(|_| stream.write_all(&block).is_ok())
    });
    let (code, digest, _) = against(&server.url(), &["--model", "m"]);
    assert_eq!(code, 1);
    assert_only(&digest, "too_large");
    assert!(failure(&digest).contains("longer than 16777216 bytes"), "{}", digest["failures"]);
}

#[test]
fn a_redirect_is_not_followed() {
    let server = Raw::start(|stream, _| {
        let head = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /v2/chat/completions\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(head.as_bytes()).is_ok()
    });
    let (code, digest, _) = against(&server.url(), &["--model", "m"]);
    assert_eq!(code, 1);
    assert_only(&digest, "redirect");
    assert!(digest["statuses"]["307"] == 8, "{}", digest["failures"]);
    assert_eq!(digest["checks"]["http-redirect-same-origin"]["pass"], 8);
}

#[test]
fn refusals_and_server_errors_have_their_own_outcomes() {
    for (status, outcome) in [
        ("429 Too Many Requests", "rate_limited"),
        ("404 Not Found", "refused"),
        ("500 Internal Server Error", "server_error"),
    ] {
        let server = Raw::start(move |stream, _| {
            reply(stream, status, "application/json", b"{\"error\":{\"message\":\"not now\"}}")
        });
        let (code, digest, _) = against(&server.url(), &["--model", "m"]);
        assert_eq!(code, 1);
        assert_only(&digest, outcome);
        assert!(failure(&digest) == format!("{outcome}: not now"), "{}", digest["failures"]);
        assert_eq!((digest["error_rate"].as_f64(), digest["violation_rate"].is_null()), (Some(1.0), true));
    }
}

#[test]
fn hostile_text_reaches_neither_terminal_nor_table() {
    let server = Raw::start(|stream, _| {
        let body = "{\"error\":{\"message\":\"\\u001b[2J\\u0007 clear \\u202e drow\\u009b31m\"}}";
        reply(stream, "500 Internal Server Error", "application/json", body.as_bytes())
    });
    let url = server.url();
    let output = program()
        .args(["run", "smoke", "--url", &url, "--model", "m", "--count", "4", "--no-out"])
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("clear"), "{text}");
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{text:?}");
}

/// A server that answers after a while, and how many requests it has read.
fn counting(answers_after: Duration) -> (Raw, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&count);
    let server = Raw::start(move |stream, _| {
        seen.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(answers_after);
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    (server, count)
}

/// A run of a minute, once its first requests have been read.
fn long_run(url: &str, count: &AtomicU64) -> Child {
    let whole = ["--set", "case.1.stream=false", "--set", "case.2.stream=false"];
    let child = program()
        .args(["run", "smoke", "--url", url, "--model", "m", "--format", "json", "--no-out"])
        .args(["--no-preflight", "--rate", "20", "--duration", "1m", "--set", "load.open.grace=\"30s\""])
        .args(whole)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let began = Instant::now();
    while count.load(Ordering::SeqCst) < 5 {
        assert!(began.elapsed() < Duration::from_secs(60), "no request was sent");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn interrupt(child: &Child) {
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
}

#[test]
fn an_interrupt_ends_with_a_full_report_and_130() {
    let (server, count) = counting(Duration::from_millis(100));
    let child = long_run(&server.url(), &count);
    interrupt(&child);
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130));
    let digest: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a digest");
    crate::harness::assert_digest(&digest);
    assert_eq!(digest["verdict"], "interrupted");
    let count = |name: &str| digest["requests"][name].as_u64().expect("a count");
    assert!(count("ok") > 0 && count("ok") == count("sent"), "what was in flight could finish: {}", digest["requests"]);
    assert_eq!(digest["outcomes"]["unsent"].as_u64(), Some(1200 - count("sent")));
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let (server, count) = counting(Duration::from_secs(600));
    let mut child = long_run(&server.url(), &count);
    interrupt(&child);
    let stderr = std::io::BufReader::new(child.stderr.take().expect("stderr"));
    let told = stderr.lines().map_while(Result::ok).any(|line| line.starts_with("stopping"));
    assert!(told && child.try_wait().expect("asks").is_none(), "the first one waits for what is in flight");
    interrupt(&child);
    let began = Instant::now();
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(20), "the grace period is not waited for");
}

/// What comes of a load on a server that never answers, where requests have a grace period of 200 ms.
fn without_an_answer(load: [&str; 2], grace: &str) -> (i32, serde_json::Value) {
    let server = Raw::start(|_, _| {
        std::thread::sleep(Duration::from_secs(600));
        false
    });
    let url = server.url();
    let mut arguments = vec!["smoke", "--url", &url, "--model", "m", "--duration", "1s", "--set", grace];
    arguments.extend(load);
    let (code, digest, _) = run_json(&arguments);
    (code, digest)
}

#[test]
fn what_is_in_flight_at_the_end_of_the_grace_period_is_unfinished() {
    let (code, digest) = without_an_answer(["--rate", "10"], "load.open.grace=\"200ms\"");
    assert_eq!(code, 3);
    assert_eq!(digest["outcomes"]["unfinished"], 10);
    assert_eq!(digest["error_rate"], 1.0, "no answer is an error");
    assert!(digest["timings_us"]["response_time"]["all"]["p50"].is_null());
}

#[test]
fn slots_whose_requests_do_not_end_do_not_hold_up_the_end_of_their_load() {
    let (code, digest) = without_an_answer(["--concurrency", "3"], "load.closed.grace=\"200ms\"");
    assert_eq!((code, &digest["outcomes"]), (3, &serde_json::json!({"unfinished": 3})));
}

/// A stream of two megabytes, in which no event is the one before with another text.
fn long_stream() -> String {
    let event = |number: usize| {
        let mut event = completion();
        event["object"] = serde_json::json!("chat.completion.chunk");
        event["choices"] = serde_json::json!([{"index": 0, "delta": {"content": "word "}, "finish_reason": null}]);
        event["number"] = serde_json::json!(number);
        format!("data: {event}\n\n")
    };
    (0..8000).map(event).collect()
}

#[test]
fn an_interrupt_ends_the_judging_of_what_has_come() {
    const REQUESTS: usize = 16;
    let (body, all_sent) = (long_stream(), std::sync::Barrier::new(REQUESTS));
    let server = Raw::start(move |stream, _| {
        begin(stream, "text/event-stream");
        chunk(stream, body.as_bytes());
        // They end together, so that most have to wait for a judge.
        all_sent.wait();
        chunk(stream, b"");
        true
    });
    let text = format!(
        "[target]\nurl = \"{}\"\ndialect = \"openai\"\nmodel = \"m\"\n[load.closed]\nconcurrency = {REQUESTS}\ncount = {REQUESTS}\n\
         [[case]]\nstream = true\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}}\" }}]\n",
        server.url()
    );
    let plan = Arc::new(plan(&text));
    let control = Arc::new(proofload::run::Control::new());
    let (live, running) = (control.live(), Arc::clone(&control));
    let run = std::thread::spawn(move || proofload::run::run(&plan, &running).expect("the run"));
    while live.snapshot().sent < REQUESTS as u64 || live.in_flight() > 0 {
        std::thread::yield_now();
    }
    // When the judging begins is not to be seen from here; an interrupt before stops only what is sent.
    while !run.is_finished() {
        control.stop();
        std::thread::sleep(Duration::from_millis(1));
    }
    let summary = run.join().expect("no panic");
    assert_eq!(summary.planned(), REQUESTS as u64);
    assert!(summary.counts.unjudged > 0 && summary.ending.interrupted, "{:?}", summary.counts);
}
