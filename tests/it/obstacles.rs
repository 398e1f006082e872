//! What keeps a check from judging: an endpoint that refuses the plain request, one that never answers, one that stops
//! answering, and one to which keys mean nothing.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::conformance::{Said, folder, say};
use crate::harness::{Raw, completion, reply};

fn json_reply(stream: &mut std::net::TcpStream, status: &str, body: &Value) -> bool {
    reply(stream, status, "application/json", body.to_string().as_bytes())
}

fn check(place: &Path, url: &str, more: &[&str]) -> Said {
    say(place, &[&["check", url, "--model", "m", "--no-out", "--format", "json"][..], more].concat())
}

/// Asserts that all is blocked, and returns the reasons.
fn blocked(said: &Said) -> Vec<String> {
    let sheet = said.json();
    assert_eq!((said.code, sheet["verdict"].as_str()), (3, Some("invalid")), "{}", said.out);
    assert_eq!(said.status("auth-valid-accepted"), "BLOCKED", "{}", said.out);
    let judged = ["fail", "pass", "warn", "error"].map(|status| sheet["counts"][status].as_u64().unwrap_or(0));
    assert_eq!(judged, [0; 4], "{}", sheet["counts"]);
    sheet["reasons"].as_array().expect("reasons").iter().filter_map(|r| r.as_str().map(str::to_owned)).collect()
}

/// The list of models, or a refusal.
fn listed(head: &str, status: &'static str, message: &str) -> (&'static str, Value) {
    if head.starts_with("GET /models ") {
        return ("200 OK", json!({"data": [{"id": "small"}, {"id": "large"}]}));
    }
    (status, json!({"error": {"message": message}}))
}

/// Status and body, by the head of the request.
type Answer = fn(&str) -> (&'static str, Value);

#[test]
fn a_refusal_of_the_plain_request_blocks_everything_and_names_the_cure() {
    let place = folder();
    let refused = |more: &[&str], answer: fn(&str) -> (&'static str, Value)| {
        let posts = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&posts);
        let server = Raw::start(move |stream, request| {
            seen.fetch_add(usize::from(request.head.starts_with("POST")), Ordering::SeqCst);
            let (status, body) = answer(&request.head);
            json_reply(stream, status, &body)
        });
        let reasons = blocked(&check(place.path(), &format!("http://{}", server.address), more));
        assert_eq!((reasons.len(), posts.load(Ordering::SeqCst)), (3, 1), "{reasons:?}");
        reasons.join("\n")
    };
    let told = refused(&[], |_| ("401 Unauthorized", json!({"error": {"message": "no key"}})));
    assert!(told.contains("no key") && told.contains("--key-env"), "{told}");
    let told = refused(&["--key-env", "PROOFLOAD_TEST_KEY"], |_| ("401 Unauthorized", json!({"error": "wrong"})));
    assert!(told.contains("PROOFLOAD_TEST_KEY is not accepted"), "{told}");
    let unknown: [Answer; 2] = [
        |head| listed(head, "404 Not Found", "The model `m` does not exist."),
        |head| listed(head, "400 Bad Request", "Unknown model: m"),
    ];
    for answer in unknown {
        let told = refused(&[], answer);
        assert!(told.contains("no model \"m\"") && told.contains("--model: small, large"), "{told}");
    }
    let told = refused(&[], |head| {
        if head.starts_with("GET /v1/models ") {
            return ("200 OK", json!({"data": []}));
        }
        ("404 Not Found", json!({"detail": "Not Found"}))
    });
    assert!(told.contains("nothing at /chat/completions") && told.contains("/v1"), "{told}");
    let closed = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address");
    let told = blocked(&check(place.path(), &format!("http://{closed}/v1"), &[])).join("\n");
    assert!(told.contains("nothing listens at"), "{told}");
}

/// A profile of a server with little patience.
fn impatient(place: &Path, url: &str) -> String {
    let file = place.join("impatient.toml");
    let text = format!(
        "[target]\nurl = \"{url}\"\ntimeouts = {{ total = \"400ms\" }}\n[load.closed]\nconcurrency = 1\ncount = 1\n[[case]]\n\
         messages = [{{ role = \"user\", content = \"hi\" }}]\n"
    );
    std::fs::write(&file, text).expect("written");
    file.to_string_lossy().into_owned()
}

/// A server that answers so many requests, and how many it was sent.
fn answering(first: usize) -> (Raw, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&sent);
    let server = Raw::start(move |stream, _| {
        if seen.fetch_add(1, Ordering::SeqCst) < first {
            return json_reply(stream, "200 OK", &completion());
        }
        std::thread::park();
        false
    });
    (server, sent)
}

#[test]
fn a_server_that_never_answers_is_an_error() {
    let place = folder();
    let (server, _) = answering(0);
    let said = check(place.path(), &impatient(place.path(), &server.url()), &[]);
    assert_eq!((said.code, said.status("auth-valid-accepted").as_str()), (3, "ERROR"), "{}", said.out);
    assert_eq!(said.json()["counts"]["fail"], Value::Null, "{}", said.out);
    assert!(said.json()["reasons"].to_string().contains("no answer in time"), "{}", said.out);
}

#[test]
fn a_server_that_stops_answering_is_noticed_and_not_waited_for_by_each_probe() {
    let place = folder();
    let (server, sent) = answering(5);
    let profile = impatient(place.path(), &server.url());
    let said = check(place.path(), &profile, &["--jobs", "1", "--header", "authorization=Bearer x"]);
    let sheet = said.json();
    assert_eq!((said.code, sheet["verdict"].as_str()), (3, Some("invalid")), "{}", said.out);
    assert!(sheet["reasons"].to_string().contains("stopped answering"), "{}", sheet["reasons"]);
    // Two without an answer, and the question whether it is still there.
    assert_eq!(sent.load(Ordering::SeqCst), 5 + 3, "{}", said.err);
    let checks = sheet["checks"].as_object().expect("checks");
    let faults = checks.iter().filter(|(_, entry)| entry["status"] == "FAIL" || entry["status"] == "WARN");
    for (id, entry) in faults {
        assert!(!entry["reason"].to_string().contains("timeout"), "{id}: {}", entry["reason"]);
    }
}

#[test]
fn an_endpoint_that_takes_any_key_is_asked_about() {
    let place = folder();
    let server = Raw::start(|stream, _| json_reply(stream, "200 OK", &completion()));
    let rules = ["--only", "auth-valid-accepted,auth-missing-rejected,auth-invalid-token-rejected"];
    let keyed = [&rules[..], &["--key-env", "PROOFLOAD_TEST_KEY"]].concat();
    let said = check(place.path(), &server.url(), &keyed);
    assert_eq!((said.code, said.status("auth-missing-rejected").as_str()), (1, "FAIL"), "{}", said.out);
    assert_eq!(said.status("auth-invalid-token-rejected"), "BLOCKED", "one fault is told once: {}", said.out);
    assert!(said.err.contains("--without keys") && said.out.contains("--without keys"), "{}", said.err);

    let said = check(place.path(), &server.url(), &rules);
    let both = ["auth-missing-rejected", "auth-invalid-token-rejected"].map(|id| said.status(id));
    assert_eq!((said.code, both), (0, ["SKIP", "SKIP"].map(str::to_owned)), "{}", said.out);
    assert!(said.err.contains("note: no key was given") && said.err.contains("--without keys"), "{}", said.err);

    let declared = [&keyed[..], &["--without", "keys"]].concat();
    let said = check(place.path(), &server.url(), &declared);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(!said.err.contains("--without keys"), "{}", said.err);
}
