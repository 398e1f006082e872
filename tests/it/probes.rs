//! Quirks that deny what a request asks for: the request that shows each, answered rightly without it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use proofload::reference::quirk::{self, Quirk};
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, settings};

/// What makes an answer wrong, given its status and its body.
type Wrong = fn(u16, &str) -> bool;

/// A quirk, members of the request beside model and messages, and how its answer is wrong.
fn probes() -> Vec<(&'static str, Value, Wrong)> {
    let tools =
        json!([{"type": "function", "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}}}]);
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "ping", "arguments": "{}"}});
    let returned = json!([{"role": "user", "content": "go"}, {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "pong"}]);
    let ping = json!([{"role": "user", "content": "Please ping."}]);
    let long = json!([{"role": "user", "content": "word ".repeat(3000)}]);
    let with_usage = json!({"stream": true, "stream_options": {"include_usage": true}});
    vec![
        ("stop-ignored", json!({"stop": "STOP"}), |_, text| text.contains("STOP")),
        ("stop-left-in", json!({"stop": ["STOP"]}), |_, text| text.contains("STOP")),
        ("max-completion-ignored", json!({"max_completion_tokens": 3}), |_, text| finish(text) == "stop"),
        ("length-as-stop", json!({"max_tokens": 3}), |_, text| finish(text) == "stop"),
        ("tool-choice-ignored", json!({"tools": tools, "tool_choice": "none", "messages": ping}), |_, text| {
            finish(text) == "tool_calls"
        }),
        ("required-ignored", json!({"tools": tools, "tool_choice": "required"}), |_, text| {
            finish(text) != "tool_calls"
        }),
        ("none-says-nothing", json!({"tools": tools, "tool_choice": "none"}), |_, text| {
            text.contains(r#""content":null"#)
        }),
        ("json-prose", json!({"response_format": {"type": "json_object"}}), |_, text| {
            let content = at(text, "/choices/0/message/content");
            serde_json::from_str::<Value>(content.as_str().unwrap_or_default()).is_err()
        }),
        ("own-tool-id-refused", json!({"messages": returned}), |status, _| status == 400),
        ("usage-not-included", with_usage.clone(), |_, text| !text.contains("completion_tokens")),
        ("usage-chunk-choice", with_usage, |_, text| !text.contains(r#""choices":[]"#)),
        ("usage-unasked", json!({"stream": true}), |_, text| text.contains("completion_tokens")),
        ("prompt-truncated", json!({"messages": long}), |_, text| {
            at(text, "/usage/prompt_tokens").as_u64().is_some_and(|tokens| tokens < 2000)
        }),
        ("unknown-model-answered", json!({"model": "no-such"}), |status, text| {
            status == 200 && at(text, "/model") == "no-such"
        }),
        ("logprobs-500", json!({"logprobs": true}), |status, _| status == 500),
        ("logprobs-old-shape", json!({"logprobs": true}), |_, text| text.contains("token_logprobs")),
        ("error-code-number", json!({"messages": 3}), |_, text| at(text, "/error/code").is_number()),
        ("bad-input-500", json!({"messages": 3}), |status, _| status == 500),
        ("error-as-stream", json!({"messages": 3, "stream": true}), |status, text| {
            status == 200 && text.contains("data:")
        }),
    ]
}

fn at(text: &str, pointer: &str) -> Value {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    body.pointer(pointer).cloned().unwrap_or_default()
}

fn finish(text: &str) -> String {
    at(text, "/choices/0/finish_reason").as_str().unwrap_or_default().to_owned()
}

/// Status and body of the answer to a request, the bytes of a chunked one as they come.
fn ask(address: SocketAddr, authorization: &str, more: &Value) -> (u16, String) {
    let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "one two STOP three"}]});
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).expect("connects");
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{authorization}\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

fn endpoint(quirks: Vec<&'static Quirk>) -> Endpoint {
    Endpoint::start(settings(Dialect::OpenAi, 1, 0, quirks))
}

const BEARER: &str = "authorization: Bearer any\r\n";

#[test]
fn what_a_quirk_denies_is_granted_without_it() {
    let right = endpoint(Vec::new());
    for (name, request, wrong) in probes() {
        let spoilt = endpoint(vec![quirk::find(name).unwrap_or_else(|| panic!("no quirk is called {name}"))]);
        let (status, text) = ask(right.address, BEARER, &request);
        assert!(!wrong(status, &text), "{name}, without it: {status} {text}");
        let (status, text) = ask(spoilt.address, BEARER, &request);
        assert!(wrong(status, &text), "{name}: {status} {text}");
    }
}

#[test]
fn a_missing_bearer_is_401_and_403_on_request() {
    let spoilt = endpoint(vec![quirk::find("missing-bearer-403").expect("a quirk")]);
    assert_eq!(ask(endpoint(Vec::new()).address, "", &json!({})).0, 401);
    assert_eq!(ask(spoilt.address, "", &json!({})).0, 403);
}

#[test]
fn a_known_model_is_answered_under_its_name_all_the_same() {
    let spoilt = vec![quirk::find("unknown-model-answered").expect("a quirk")];
    for (dialect, asked, answered) in [
        (Dialect::OpenAi, "gpt-4o-mini", "gpt-4o-mini"),
        (Dialect::Pulze, "gpt-4o-mini", "openai/gpt-4o-mini"),
        (Dialect::Pulze, "pulze", "openai/gpt-4o"),
        (Dialect::Pulze, "no-such", "no-such"),
    ] {
        let endpoint = Endpoint::start(settings(dialect, 1, 0, spoilt.clone()));
        let (_, text) = ask(endpoint.address, BEARER, &json!({"model": asked}));
        assert_eq!(at(&text, "/model"), answered, "{dialect} {asked}: {text}");
    }
}
