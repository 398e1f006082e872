//! Published replies of servers whose dialect is data alone: each is judged by the rules on any reply, and breaks no more
//! than what a person has found to be a fault of the server.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proofload::check::{self, Level, Verdict};
use proofload::exchange::{Asked, Exchange, Reading};
use proofload::profile::contracts;
use proofload::wire::Contract;
use serde_json::{Value, json};

/// Rules on time, of which a recording says nothing: it has no instants, and its clock is long past.
const TIMED: [&str; 5] = [
    "resp-created-plausible",
    "stream-incremental",
    "stream-ttft-before-end",
    "load-latency-plausible",
    "http-date-skew",
];

/// The request of a capture, or one that its reply can answer.
fn request(capture: &Value, kind: &str) -> Value {
    if !capture["request"].is_null() {
        return capture["request"].clone();
    }
    let stream = kind.starts_with("text/event-stream");
    let usage = capture["body"].as_str().is_some_and(|body| body.contains("\"usage\":{"));
    json!({"messages": [{"role": "user", "content": "Hi"}], "stream": stream,
        "stream_options": {"include_usage": usage}})
}

/// The rules that a capture breaks in a contract, except those that are reported only, and those on time.
fn broken(capture: &Value, contract: &std::sync::Arc<Contract>) -> BTreeSet<String> {
    let headers = capture["headers"].as_object().expect("headers");
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    let headers: Vec<(String, String)> = headers.collect();
    let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type")).map_or("", |(_, kind)| kind);
    let asked = Asked::of(contract, request(capture, kind).to_string().into_bytes());
    let status = capture["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
    let body = capture["body"].as_str().expect("a body");
    let exchange = Exchange::received(asked, status, headers, body);
    let reading = Reading::of(&exchange);
    check::judge(&reading)
        .filter(|(check, verdict)| match verdict {
            Verdict::Broken { level, .. } => level.or(check.level(contract)) != Some(Level::May),
            Verdict::Pass | Verdict::Skip(_) | Verdict::Noted(_) => false,
        })
        .map(|(check, _)| check.id.to_owned())
        .filter(|id| !TIMED.contains(&id.as_str()))
        .collect()
}

#[test]
fn published_replies_break_only_what_was_found_to_be_a_fault() {
    let mut wrong = Vec::new();
    for dialect in ["vllm", "azure"] {
        let contract = contracts::find(dialect).expect("it is built in");
        let folder = Path::new("tests/it/dialects").join(dialect);
        let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        for file in files {
            let capture: Value = serde_json::from_str(&fs::read_to_string(&file).expect("readable")).expect("JSON");
            let expected: BTreeSet<String> = capture["faults"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            let found = broken(&capture, &contract);
            if found != expected {
                wrong.push(format!("{}: breaks {found:?}, expected {expected:?}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
