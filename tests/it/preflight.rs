//! The first request of a load goes out alone: what it is told decides whether the load begins, and it is in no figure.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, Raw, Request, begin, chunk, completion, program, reply, settings, shared};

/// What the program said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn digest(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

fn say(arguments: &[&str]) -> Said {
    let _machine = shared();
    let output = program().args(arguments).env("A_KEY", "sk-of-mine-0123").output().expect("runs");
    Said {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// First line and body of each request.
type Log = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A server with its requests in order.
struct Logged {
    server: Raw,
    log: Log,
}

impl Logged {
    fn start(answer: impl Fn(&mut TcpStream, &Request, usize) -> bool + Send + Sync + 'static) -> Logged {
        let log = Log::default();
        let kept = Arc::clone(&log);
        let server = Raw::start(move |stream, request| {
            let line = request.head.lines().next().unwrap_or_default().to_owned();
            let nth = {
                let mut log = kept.lock().expect("not poisoned");
                log.push((line, request.body.clone()));
                log.iter().filter(|(line, _)| line.starts_with("POST")).count()
            };
            answer(stream, request, nth)
        });
        Logged { server, log }
    }

    /// The bodies of the completions that were asked for.
    fn posts(&self) -> Vec<Vec<u8>> {
        let log = self.log.lock().expect("not poisoned");
        log.iter().filter(|(line, _)| line.starts_with("POST")).map(|(_, body)| body.clone()).collect()
    }
}

fn json_reply(stream: &mut TcpStream, status: &str, body: &Value) -> bool {
    reply(stream, status, "application/json", body.to_string().as_bytes())
}

fn good(stream: &mut TcpStream, request: &Request) -> bool {
    let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if asked["stream"] != true {
        return json_reply(stream, "200 OK", &completion());
    }
    begin(stream, "text/event-stream");
    let one = |delta: Value, finish: Value| {
        let mut event = completion();
        event["object"] = json!("chat.completion.chunk");
        event["id"] = json!(format!("chatcmpl-{stream:p}"));
        event["choices"] = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        event.as_object_mut().expect("an object").remove("usage");
        format!("data: {event}\n\n")
    };
    let events = [
        one(json!({"role": "assistant", "content": "all is well"}), Value::Null),
        one(json!({}), json!("stop")),
        "data: [DONE]\n\n".to_owned(),
    ];
    for event in events {
        chunk(stream, event.as_bytes());
    }
    chunk(stream, b"");
    true
}

const SMOKE: [&str; 7] = ["smoke", "--model", "m", "--count", "12", "--seed", "1"];

fn run(url: &str, more: &[&str]) -> Said {
    let always = ["--no-out", "--format", "json", "--url", url];
    say(&[&["run"][..], &SMOKE, &always, more].concat())
}

/// The three lines of a refusal, with the address of the server named by a word.
fn three_lines(said: &Said, address: std::net::SocketAddr) -> String {
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{}", said.err);
    let text = said.err.replace(&address.to_string(), "SERVER");
    assert_eq!(text.lines().count(), 3, "{text}");
    text
}

#[test]
fn a_refusal_ends_the_command_in_three_lines_and_no_load_is_sent() {
    let mut told = Vec::new();
    let mut refused = |name: &str, more: &[&str], answer: fn(&mut TcpStream, &Request) -> bool| {
        let logged = Logged::start(move |stream, request, _| answer(stream, request));
        let said = run(&format!("http://{}", logged.server.address), more);
        told.push(format!("{name}\n{}", three_lines(&said, logged.server.address)));
        assert_eq!(logged.posts().len(), 1, "{name}: no load is sent");
    };
    refused("no key", &[], |stream, _| {
        json_reply(stream, "401 Unauthorized", &json!({"error": {"message": "You didn't provide an API key."}}))
    });
    refused("a wrong key, which is not shown", &["--key-env", "A_KEY"], |stream, _| {
        let said = "Incorrect API key provided: sk-of-mine-0123.";
        json_reply(stream, "401 Unauthorized", &json!({"error": {"message": said}}))
    });
    refused("a key without the right", &["--key-env", "A_KEY"], |stream, _| {
        json_reply(stream, "403 Forbidden", &json!({"detail": "not for you"}))
    });
    refused("a model that there is not", &["--key-env", "A_KEY"], |stream, request| {
        if request.head.starts_with("GET /models ") {
            return json_reply(
                stream,
                "200 OK",
                &json!({"object": "list", "data": [{"id": "small"}, {"id": "large"}]}),
            );
        }
        json_reply(stream, "404 Not Found", &json!({"error": {"message": "The model `m` does not exist."}}))
    });
    refused("a base address without /v1", &[], |stream, request| {
        if request.head.starts_with("GET /v1/models ") {
            return json_reply(stream, "200 OK", &json!({"object": "list", "data": []}));
        }
        json_reply(stream, "404 Not Found", &json!({"detail": "Not Found"}))
    });
    refused("a web site", &[], |stream, _| {
        reply(stream, "200 OK", "text/html", b"<!doctype html><html><title>Welcome</title></html>")
    });
    refused("another address", &[], |stream, _| {
        let head = "HTTP/1.1 301 Moved Permanently\r\nlocation: https://elsewhere.invalid/v1/chat/completions\r\n";
        stream.write_all(format!("{head}content-length: 0\r\n\r\n").as_bytes()).is_ok()
    });
    let closed = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    told.push(format!("nobody\n{}", three_lines(&run(&format!("http://{closed}/v1"), &[]), closed)));
    let plain = Endpoint::start(settings(Dialect::OpenAi, 1, 0, Vec::new()));
    let said = run(&format!("https://{}/v1", plain.address), &[]);
    told.push(format!("https to a server without TLS\n{}", three_lines(&said, plain.address)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_server_has_one_request_more_than_the_figures_and_it_is_told_apart() {
    let logged = Logged::start(|stream, request, _| good(stream, request));
    let said = run(&logged.server.url(), &[]);
    let digest = said.digest();
    crate::harness::assert_digest(&digest);
    let requests = &digest["requests"];
    assert_eq!((&requests["preflight"], &requests["planned"], &requests["sent"]), (&json!(1), &json!(12), &json!(12)));
    assert_eq!(logged.posts().len(), 13, "{}", said.err);
    assert!(said.err.contains("first request alone: "), "{}", said.err);
    // Its text is in no other request, from the tag on.
    let texts: Vec<String> = logged.posts().iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect();
    let tag = |text: &str| text.split("content\":\"").nth(1).map(|content| content[..12].to_owned());
    let first = tag(&texts[0]);
    assert!(first.is_some() && texts[1..].iter().all(|text| tag(text) != first), "{texts:?}");

    let said = run(&logged.server.url(), &["--no-preflight"]);
    assert_eq!((said.digest()["requests"]["preflight"].as_u64(), logged.posts().len()), (Some(0), 25));
    assert!(!said.err.contains("alone"), "{}", said.err);
}

#[test]
fn a_stream_is_left_behind_its_first_content() {
    // The first stream never ends: a run that waited for its end would not begin.
    let left = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&left);
    let logged = Logged::start(move |stream, request, nth| {
        if nth > 1 {
            return good(stream, request);
        }
        begin(stream, "text/event-stream");
        let piece = json!({"choices": [{"index": 0, "delta": {"content": "x"}}]});
        while stream.write_all(b"").is_ok() {
            let event = format!("data: {piece}\n\n");
            let framed = format!("{:x}\r\n{event}\r\n", event.len());
            if stream.write_all(framed.as_bytes()).is_err() {
                break;
            }
        }
        seen.fetch_add(1, Ordering::SeqCst);
        false
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("streams.toml");
    let text = format!(
        "[target]\nurl = \"{}\"\nmodel = \"m\"\n[load.closed]\nconcurrency = 1\ncount = 2\n[[case]]\nstream = true\n\
         messages = [{{ role = \"user\", content = \"{{{{unique}}}} hi\" }}]\n",
        logged.server.url()
    );
    std::fs::write(&file, text).expect("written");
    let said = say(&["run", &file.to_string_lossy(), "--no-out", "--format", "json"]);
    assert_eq!(said.digest()["requests"]["ok"], 2, "{}", said.out);
    assert!(said.err.contains("to the first token"), "{}", said.err);
    assert_eq!(left.load(Ordering::SeqCst), 1, "the connection was closed");
}

#[test]
fn what_need_not_come_again_is_said_and_the_load_goes_on() {
    for status in ["400 Bad Request", "429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"] {
        let logged = Logged::start(move |stream, request, nth| {
            if nth > 1 {
                return good(stream, request);
            }
            json_reply(stream, status, &json!({"error": {"message": "not now"}}))
        });
        let said = run(&logged.server.url(), &[]);
        let digest = said.digest();
        assert_eq!((digest["requests"]["ok"].as_u64(), logged.posts().len()), (Some(12), 13), "{}", said.err);
        let told = format!("warning: first request alone: status {}: not now, after ", &status[..3]);
        assert!(said.err.contains(&told) && said.err.contains("the load goes on"), "{}", said.err);
    }
}

#[test]
fn it_goes_out_once_for_each_target_of_a_command() {
    let started = || Logged::start(|stream, request, _| good(stream, request));
    let one = started();
    let url = one.server.url();
    let text = ["run", "smoke", "--model", "m", "--count", "4", "--no-out", "--url", &url];
    let swept = say(&[&text[..], &["--sweep", "concurrency=1,2,3"]].concat());
    assert_eq!(one.posts().len(), 13, "{}", swept.err);
    let repeated = say(&[&text[..], &["--repeat", "3"]].concat());
    assert_eq!(one.posts().len(), 26, "{}", repeated.err);
    let base = started();
    say(&[&text[..], &["--repeat", "2", "--against", &base.server.url()]].concat());
    assert_eq!((one.posts().len(), base.posts().len()), (35, 9));
}

#[test]
fn a_search_of_a_dead_port_ends_before_it_begins() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("search");
    let said = say(&[
        "capacity",
        "chat",
        "--url",
        &format!("http://{closed}/v1"),
        "--model",
        "m",
        "--out",
        &kept.to_string_lossy(),
    ]);
    assert!(three_lines(&said, closed).contains("nothing listens at SERVER") && !kept.exists());
}

#[test]
fn a_profile_says_what_goes_out() {
    let logged = Logged::start(|stream, request, _| {
        if request.head.starts_with("GET ") {
            return json_reply(stream, "200 OK", &json!({"object": "list", "data": [{"id": "m"}]}));
        }
        good(stream, request)
    });
    let said = run(&logged.server.url(), &["--set", "target.preflight=models"]);
    assert_eq!((said.digest()["requests"]["preflight"].as_u64(), logged.posts().len()), (Some(0), 12));
    assert!(said.err.contains("list of models: "), "{}", said.err);
    let said = run(&logged.server.url(), &["--set", "target.preflight=false"]);
    assert_eq!((said.digest()["requests"]["preflight"].as_u64(), logged.posts().len()), (Some(0), 24));
    let said = run(&logged.server.url(), &["--set", "target.preflight=perhaps"]);
    assert_eq!((said.code, logged.posts().len()), (2, 24));
    assert!(
        said.err.contains("preflight") && said.err.contains("\"models\"") && said.err.contains('^'),
        "{}",
        said.err
    );
}

#[test]
fn a_closed_load_pauses_after_refused_connections_and_says_so() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    let load = ["--no-preflight", "--set", "load.closed.duration=2s", "--set", "load.closed.concurrency=1"];
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("closed.toml");
    let text = format!(
        "[target]\nurl = \"http://{closed}/v1\"\nmodel = \"m\"\n[load.closed]\nconcurrency = 1\nduration = \"2s\"\n\
         [[case]]\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} hi\" }}]\n"
    );
    std::fs::write(&file, text).expect("written");
    let at = file.to_string_lossy();
    let digest = say(&[&["run", &at, "--no-out", "--format", "json"][..], &load].concat()).digest();
    let planned = digest["requests"]["planned"].as_u64().expect("a count");
    // 10 ms doubled to 640 ms, then what is left of the two seconds.
    assert!((2..=12).contains(&planned), "{planned} attempts in two seconds");
    let (paused, longest) = (&digest["paused_s"], &digest["timings_us"]["response_time"]["failed"]["max"]);
    assert!(paused.as_f64().expect("seconds") > 0.5, "{paused}");
    assert!(longest.as_u64().expect("microseconds") > 200_000, "a pause is a part of the response time: {longest}");
    let said = say(&[&["run", &at, "--no-out"][..], &load].concat());
    assert!(said.out.contains("paused ") && said.out.contains("after refused connections"), "{}", said.out);
}
