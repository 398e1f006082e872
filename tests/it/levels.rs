//! Rules whose level goes as far as their source does: what is lenient, or said cleanly, is no fault.

use std::time::Duration;

use proofload::check::{self, Verdict};
use proofload::exchange::Reading;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Raw, completion, program, reply, shared};
use crate::stream::exchange;

/// What became of some rules at an address, with the status of each.
fn statuses(url: &str, ids: &[&str]) -> Vec<String> {
    let _machine = shared();
    let only = ids.join(",");
    let arguments = ["check", url, "--dialect", "openai", "--model", "m", "--format", "json", "-q", "--only", &only];
    let output = program().args(arguments).output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let status = |id: &&str| report["checks"][*id]["status"].as_str().unwrap_or_default().to_owned();
    ids.iter().map(status).collect()
}

fn answers_json(status: &'static str, body: Value) -> impl Fn(&mut std::net::TcpStream) -> bool {
    move |stream| reply(stream, status, "application/json", body.to_string().as_bytes())
}

/// It is the router that answers there, and not the API.
#[test]
fn an_unknown_path_with_a_slash_behind_it_is_no_error_of_the_api() {
    let server = Raw::start(|stream, request| {
        let behind = request.head.lines().next().is_some_and(|line| line.contains("/completions/ "));
        if behind {
            return reply(stream, "404 Not Found", "text/plain", b"404 page not found");
        }
        answers_json("200 OK", completion())(stream)
    });
    let ids = ["http-trailing-slash", "err-json-body", "err-envelope"];
    assert_eq!(statuses(&server.url(), &ids), ["INFO", "SKIP", "SKIP"]);
}

#[test]
fn a_refusal_that_names_a_null_parameter_is_clean() {
    for (message, param, wanted) in [
        ("may not be null", json!("stop"), "SKIP"),
        ("parameter stop may not be null", Value::Null, "SKIP"),
        ("bad request", Value::Null, "FAIL"),
    ] {
        let error =
            json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": null}});
        let server = Raw::start(move |stream, request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let has_nulls = body.as_object().is_some_and(|body| body.get("stop") == Some(&Value::Null));
            let refused = answers_json("400 Bad Request", error.clone());
            if has_nulls { refused(stream) } else { answers_json("200 OK", completion())(stream) }
        });
        assert_eq!(statuses(&server.url(), &["req-nulls-accepted"]), [wanted], "{message}");
    }
}

#[test]
fn a_server_of_one_model_needs_none_named() {
    for (models, wanted) in [(1, "INFO"), (2, "WARN")] {
        let server = Raw::start(move |stream, request| {
            if !request.head.starts_with("GET ") {
                return answers_json("200 OK", completion())(stream);
            }
            let model = |n| json!({"id": format!("m{n}"), "object": "model", "created": 1, "owned_by": "o"});
            let list = json!({"object": "list", "data": (0..models).map(model).collect::<Vec<_>>()});
            answers_json("200 OK", list)(stream)
        });
        assert_eq!(statuses(&server.url(), &["req-model-omitted-rejected"]), [wanted], "{models} models");
    }
}

/// A long prompt takes a minute, and then thirty tokens come, one a millisecond.
#[test]
fn a_slow_first_token_is_no_buffering() {
    let chunk = |delta: Value, finish: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n").into_bytes()
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    events.extend((0..30).map(|n| chunk(json!({"content": format!("w{n} ")}), Value::Null)));
    events.extend([chunk(json!({}), json!("stop")), b"data: [DONE]\n\n".to_vec()]);
    let pieces: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    let rule = check::find("stream-incremental").expect("a rule");
    let mut slow = exchange(Dialect::OpenAi, "text/event-stream", &pieces);
    for arrival in &mut slow.body.arrivals {
        arrival.at += Duration::from_secs(60);
    }
    slow.ended += Duration::from_secs(60);
    assert_eq!(rule.judge(&Reading::of(&slow)), Verdict::Pass);
    let at_once = exchange(Dialect::OpenAi, "text/event-stream", &[&events.concat()]);
    assert!(matches!(rule.judge(&Reading::of(&at_once)), Verdict::Broken { .. }));
}
