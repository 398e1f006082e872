//! The rules on errors, on HTTP and on requests with one defect: a correct endpoint keeps all of them in every dialect,
//! and endpoints that are wrong in known ways break exactly those that are about it.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use proofload::check::{self, Judge, Level};
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{
    Endpoint, Raw, Request, assert_conformance, completion, program, reply, run_json, settings, shared,
};

/// Runs `check`, and takes the exit code and what became of each rule.
fn check(arguments: &[&str]) -> (i32, BTreeMap<String, Value>) {
    let _machine = shared();
    let output = program().arg("check").args(arguments).args(["--format", "json", "-q"]).output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_conformance(&report);
    let checks = report["checks"].as_object().expect("checks").clone();
    (output.status.code().expect("an exit code"), checks.into_iter().collect())
}

/// The same against an address, for some rules.
fn judged(url: &str, ids: &[&str]) -> BTreeMap<String, Value> {
    check(&[url, "--dialect", "openai", "--model", "m", "--only", &ids.join(",")]).1
}

fn status<'c>(checks: &'c BTreeMap<String, Value>, id: &str) -> &'c str {
    checks.get(id).and_then(|row| row["status"].as_str()).unwrap_or_else(|| panic!("{id} was not judged"))
}

fn assert_status(checks: &BTreeMap<String, Value>, id: &str, wanted: &str) {
    assert_eq!(status(checks, id), wanted, "{id}: {:#}", checks[id]);
}

fn json_reply(stream: &mut TcpStream, status: &str, body: &Value) -> bool {
    reply(stream, status, "application/json", body.to_string().as_bytes())
}

/// Whether a request is the plain question, or one that differs from it in HTTP only.
fn is_plain(request: &Request) -> bool {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let texts = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    body["model"] == "m" && texts.len() == 1 && texts[0]["content"].as_str().is_some_and(|text| text.contains('['))
}

/// Answers the plain question; whatever else is asked is up to the test.
fn answers(stream: &mut TcpStream, request: &Request, else_say: impl FnOnce(&mut TcpStream) -> bool) -> bool {
    if is_plain(request) { json_reply(stream, "200 OK", &completion()) } else { else_say(stream) }
}

#[test]
fn a_correct_endpoint_keeps_them_all() {
    for dialect in Dialect::ALL {
        let (code, checks) = check(&[
            "builtin",
            "--dialect",
            dialect.name(),
            "--tier",
            "intrusive",
            "--area",
            "error,http,negative",
            "--skip",
            "neg-slow-body",
            "--seed",
            "1",
        ]);
        let known = ["PASS", "INFO", "SKIP"];
        let wrong: Vec<_> = checks.iter().filter(|(id, _)| !known.contains(&status(&checks, id))).collect();
        assert!(wrong.is_empty() && code == 0, "{dialect}: {wrong:#?}");
        let of = |wanted: &str| -> Vec<&str> {
            checks.keys().map(String::as_str).filter(|id| status(&checks, id) == wanted).collect()
        };
        let mut skipped = vec![
            "err-429-envelope",
            "err-429-retry-after",
            "err-503-retry-after",
            "err-code-matches-status",
            "http-http2",
            "http-ratelimit-headers",
            "http-redirect-same-origin",
            "http-tls-valid",
            "neg-context-overflow",
        ];
        if dialect == Dialect::Pulze {
            skipped.extend(["err-error-not-string", "err-request-id"]);
            skipped.sort_unstable();
        }
        assert_eq!(of("SKIP"), skipped, "{dialect}");
        let must = check::catalogue(&dialect).filter(|check| check.id.starts_with("neg-"));
        for check in must.filter(|check| check.level(&dialect) == Some(Level::Must)) {
            assert_status(&checks, check.id, "PASS");
        }
    }
}

/// What an endpoint may make of a request with a defect that it need not refuse.
const LENIENT: [&str; 8] = [
    "neg-context-overflow",
    "neg-duplicate-keys",
    "neg-half-close",
    "neg-lone-surrogate",
    "neg-max-tokens-huge",
    "neg-nul-in-content",
    "neg-schema-mutants",
    "neg-special-tokens",
];

#[test]
fn an_endpoint_that_takes_everything_is_told() {
    let server = Raw::start(|stream, _| json_reply(stream, "200 OK", &completion()));
    let url = server.url();
    let (code, checks) = check(&[
        &url,
        "--dialect",
        "openai",
        "--model",
        "m",
        "--tier",
        "intrusive",
        "--area",
        "error,http,negative",
        "--skip",
        "neg-slow-body",
    ]);
    assert_eq!(code, 1);
    let defects = check::catalogue(&Dialect::OpenAi).filter(|check| matches!(check.judge, Judge::Defect(..)));
    for check in defects.filter(|check| check.id != "neg-slow-body") {
        let wanted = match check.level(&Dialect::OpenAi) {
            _ if LENIENT.contains(&check.id) => continue,
            // Whatever model is asked for is answered, which is told once.
            _ if ["neg-model-empty", "neg-model-traversal"].contains(&check.id) => "BLOCKED",
            Some(Level::Must) => "FAIL",
            Some(Level::Should) => "WARN",
            Some(Level::May) | None => "INFO",
        };
        assert_status(&checks, check.id, wanted);
    }
    for (id, wanted) in [
        ("err-unknown-model", "FAIL"),
        ("err-no-5xx-on-client-error", "PASS"),
        ("neg-survives", "PASS"),
        ("neg-header-injection", "WARN"),
        ("neg-duplicate-keys", "INFO"),
        ("neg-schema-mutants", "INFO"),
        ("http-get-not-allowed", "WARN"),
        ("http-put-delete-patch", "WARN"),
        ("http-unknown-method", "INFO"),
        ("http-head", "INFO"),
        ("http-unknown-path-404", "WARN"),
        ("http-double-prefix-404", "INFO"),
        ("http-content-type-wrong", "WARN"),
        ("http-models-list", "WARN"),
        ("http-duplicate-header", "SKIP"),
        ("http-content-type-charset", "PASS"),
        ("http-gzip-response", "PASS"),
        ("http-keepalive", "PASS"),
        // What it says to a request with a defect is no completion that the other rules would judge.
        ("http-body-length", "PASS"),
    ] {
        assert_status(&checks, id, wanted);
    }
}

#[test]
fn an_endpoint_that_breaks_is_told() {
    let error = json!({"error": {"message": "KeyError: 'content'"}});
    let server = Raw::start(move |stream, request| {
        answers(stream, request, |stream| json_reply(stream, "500 Internal Server Error", &error))
    });
    let ids = ["neg-role-number", "neg-nul-in-content", "neg-schema-mutants", "err-no-5xx-on-client-error"];
    let checks = judged(&server.url(), &ids);
    for (id, wanted) in ids.into_iter().zip(["BLOCKED", "BLOCKED", "BLOCKED", "FAIL"]) {
        assert_status(&checks, id, wanted);
    }
}

#[test]
fn a_lost_connection_is_what_a_defect_leads_to_but_a_503_says_nothing() {
    let server = Raw::start(|stream, request| answers(stream, request, |_| false));
    let checks = judged(&server.url(), &["neg-bad-json"]);
    assert_status(&checks, "neg-bad-json", "FAIL");
    let busy = json!({"error": {"message": "busy"}});
    let server = Raw::start(move |stream, request| {
        answers(stream, request, |stream| json_reply(stream, "503 Service Unavailable", &busy))
    });
    let checks = judged(&server.url(), &["neg-bad-json"]);
    assert_status(&checks, "neg-bad-json", "ERROR");
}

#[test]
fn what_an_error_names_is_looked_at() {
    // It always blames the temperature, says 400 and 401 in turn, and its code is the number of another status.
    let turn = AtomicUsize::new(0);
    let error = json!({"error": {"message": "wrong", "param": "temperature", "code": 418}});
    let server = Raw::start(move |stream, request| {
        answers(stream, request, |stream| {
            let status = ["400 Bad Request", "401 Unauthorized"];
            json_reply(stream, status[turn.fetch_add(1, Ordering::Relaxed) % 2], &error)
        })
    });
    let ids = [
        "err-param-names-field",
        "err-deterministic",
        "err-code-string",
        "err-code-matches-status",
        "err-unknown-model-message",
        "neg-n-zero",
    ];
    let checks = judged(&server.url(), &ids);
    for (id, wanted) in ids.into_iter().zip(["INFO", "WARN", "WARN", "WARN", "WARN", "PASS"]) {
        assert_status(&checks, id, wanted);
    }
    let detail = json!({"detail": [{"loc": ["body", "temperature"], "msg": "wrong", "type": "value_error"}]});
    let server = Raw::start(move |stream, request| {
        answers(stream, request, |stream| json_reply(stream, "422 Unprocessable Entity", &detail))
    });
    let (_, checks) =
        check(&[&server.url(), "--dialect", "pulze", "--model", "m", "--only", "err-detail-loc-names-field"]);
    assert_status(&checks, "err-detail-loc-names-field", "WARN");
    let findings = checks["err-detail-loc-names-field"]["findings"].as_array().expect("findings");
    assert!(findings.iter().any(|finding| finding["detail"].as_str().is_some_and(|text| text.contains("messages"))));
    assert!(!findings.iter().any(|finding| finding["detail"].as_str().is_some_and(|text| text.contains("names temp"))));
}

/// A reply with headers of its own.
fn with_headers(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) -> bool {
    use std::io::Write as _;
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_ok()
}

#[test]
fn headers_are_looked_at() {
    let headers = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nage: 5\r\nx-request-id: 1\r\n\
                   x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 11\r\n";
    let server = Raw::start(move |stream, request| {
        let status = if request.head.starts_with("GET") { "405 Method Not Allowed" } else { "200 OK" };
        with_headers(stream, status, headers, completion().to_string().as_bytes())
    });
    let ids = [
        "http-date-skew",
        "http-not-cacheable",
        "http-ratelimit-headers",
        "err-request-id",
        "http-405-allow",
        "http-get-not-allowed",
    ];
    let checks = judged(&server.url(), &ids);
    for (id, wanted) in ids.into_iter().zip(["INFO", "WARN", "INFO", "PASS", "WARN", "PASS"]) {
        assert_status(&checks, id, wanted);
    }
}

#[test]
fn a_body_that_is_called_gzip_must_be_it() {
    let server = Raw::start(|stream, request| {
        let packed = request.head.to_lowercase().contains("accept-encoding: gzip");
        let headers = if packed { "content-encoding: gzip\r\n" } else { "" };
        with_headers(stream, "200 OK", headers, completion().to_string().as_bytes())
    });
    let checks = judged(&server.url(), &["http-gzip-response", "resp-json-parses"]);
    assert_status(&checks, "http-gzip-response", "FAIL");
    assert_status(&checks, "resp-json-parses", "PASS");
}

#[test]
fn a_connection_for_each_request_is_told_unless_it_is_announced() {
    // It closes after each reply, at once and without a word.
    let server = Raw::start(|stream, _| {
        json_reply(stream, "200 OK", &completion());
        false
    });
    assert_status(&judged(&server.url(), &["http-keepalive"]), "http-keepalive", "WARN");
    let server = Raw::start(|stream, _| {
        with_headers(stream, "200 OK", "connection: close\r\n", completion().to_string().as_bytes());
        false
    });
    assert_status(&judged(&server.url(), &["http-keepalive"]), "http-keepalive", "SKIP");
}

#[test]
fn without_tls_nothing_but_that_is_judged() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 1, 0, Vec::new()));
    let url = endpoint.url().replace("http:", "https:");
    let ids = "http-tls-valid,neg-half-close,neg-bad-json";
    let (code, checks) = check(&[&url, "--dialect", "openai", "--model", "m", "--only", ids]);
    assert_eq!(code, 3);
    assert_status(&checks, "http-tls-valid", "FAIL");
    assert_status(&checks, "neg-bad-json", "BLOCKED");
}

#[test]
fn what_puts_off_under_load_has_a_shape_and_a_time() {
    let server = Raw::start(|stream, _| {
        with_headers(stream, "429 Too Many Requests", "retry-after: soon\r\n", b"{\"error\": \"slow down\"}")
    });
    let (_, digest, _) = run_json(&["smoke", "--url", &server.url(), "--concurrency", "2", "--count", "4"]);
    for id in ["err-error-not-string", "err-429-retry-after"] {
        assert_eq!(digest["checks"][id]["fail"], 4, "{id}: {}", digest["checks"][id]);
    }
    // That the error is a string is told once.
    for id in ["err-429-envelope", "err-envelope"] {
        assert_eq!(digest["checks"][id]["skip"], 4, "{id}: {}", digest["checks"][id]);
    }
    let server = Raw::start(|stream, _| with_headers(stream, "429 Too Many Requests", "", b"{}"));
    let (_, digest, _) = run_json(&["smoke", "--url", &server.url(), "--concurrency", "2", "--count", "4"]);
    assert_eq!(digest["checks"]["err-429-envelope"]["follows"]["err-envelope"], 4);
    let server = Raw::start(|stream, _| with_headers(stream, "503 Service Unavailable", "", b"{}"));
    let (_, digest, _) = run_json(&["smoke", "--url", &server.url(), "--concurrency", "2", "--count", "4"]);
    assert_eq!(digest["checks"]["err-503-retry-after"]["fail"], 4);
}
