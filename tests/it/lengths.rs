//! Prompts and answers of wanted lengths, recordings, and what a plan would send.

use std::time::Duration;

use serde_json::Value;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, Raw, completion, program, reply, run_json, settings, shared};

fn endpoint() -> Endpoint {
    Endpoint::start(settings(Dialect::OpenAi, 2, 0, Vec::new()))
}

fn flags<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let own = ["smoke", "--url", url, "--model", "gpt-4o", "--header", "authorization=Bearer any", "--seed", "3"];
    own.iter().chain(["--set", "goals=[]", "--concurrency", "4", "--count", "40"].iter()).chain(more).copied().collect()
}

fn average(digest: &Value, what: &str, which: &str) -> f64 {
    digest["tokens"][what][which].as_f64().unwrap_or(f64::NAN)
}

fn is(figure: f64, expected: f64) -> bool {
    (figure - expected).abs() < 1e-6
}

#[test]
fn what_was_asked_for_stands_beside_what_the_endpoint_counts() {
    let endpoint = endpoint();
    let (code, digest, stderr) =
        run_json(&flags(&endpoint.url(), &["--input-tokens", "300", "--output-tokens", "uniform:5:30"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(is(average(&digest, "asked_prompts", "asked"), 300.0), "{}", digest["tokens"]);
    // The endpoint counts a token a word, and three for the template of the message.
    let stated = average(&digest, "asked_prompts", "stated");
    assert!((300.0..310.0).contains(&stated), "{stated}");
    let (asked, stated) = (average(&digest, "asked_answers", "asked"), average(&digest, "asked_answers", "stated"));
    assert!((10.0..25.0).contains(&asked) && is(asked, stated), "{asked} asked, {stated} stated");
    assert_eq!(digest["prompts"]["distinct_share"], 1.0);
}

#[test]
fn an_endpoint_that_counts_otherwise_is_asked_first() {
    let endpoint = endpoint();
    let more = [
        "--input-tokens",
        "300",
        "--set",
        "case.0.tokenizer=endpoint",
        "--set",
        "case.1.tokenizer=endpoint",
        "--set",
        "case.2.tokenizer=endpoint",
    ];
    let (code, digest, stderr) = run_json(&flags(&endpoint.url(), &more));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("tokens: the endpoint counts") && stderr.contains("1.000 for each word"), "{stderr}");
    assert!(is(average(&digest, "asked_prompts", "stated"), 300.0), "to the token: {}", digest["tokens"]);
    let deaf = Raw::start(|stream, _| reply(stream, "200 OK", "application/json", b"{}"));
    let (url, output) = (deaf.url(), ["run", "--no-out"]);
    let output = program().args(output).args(flags(&url, &more)).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("did not say how it counts tokens: its reply states no usage"), "{stderr}");
}

#[test]
fn a_declared_prefix_is_found_in_the_cache_and_no_reason_for_doubt() {
    let endpoint = endpoint();
    let prefix = "case.0.prefix={ groups = 2, tokens = 250 }";
    let more = ["--input-tokens", "300", "--set", prefix, "--set", "case.1.prefix={ groups = 2, tokens = 250 }"];
    let (code, digest, stderr) = run_json(&flags(&endpoint.url(), &more));
    assert_eq!(code, 0, "{stderr}");
    assert!(digest["tokens"]["cached_share"].as_f64() > Some(0.5), "{}", digest["tokens"]);
    assert!(!digest["trust"]["reasons"].to_string().contains("cache"), "{}", digest["trust"]);
    let fresh = self::endpoint();
    let (_, digest, _) = run_json(&flags(&fresh.url(), &["--input-tokens", "300"]));
    assert_eq!(digest["tokens"]["cached_share"], 0.0, "made prompts have nothing in common");
}

/// The bodies that a server gets from a profile.
fn bodies(text: &str, files: &[(&str, &str)]) -> (Vec<(Duration, Value)>, Value) {
    let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&log);
    let began = std::time::Instant::now();
    let server = Raw::start(move |stream, request| {
        let body = serde_json::from_slice(&request.body).expect("JSON");
        noted.lock().expect("not poisoned").push((began.elapsed(), body));
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("written");
    }
    let file = folder.path().join("p.toml");
    let text = format!("seed = 1\n[target]\nurl = \"{}\"\nmodel = \"m\"\n{text}", server.url());
    std::fs::write(&file, text).expect("written");
    let (_, digest, stderr) = run_json(&[file.to_str().expect("UTF-8")]);
    let log = log.lock().expect("not poisoned").clone();
    assert!(!log.is_empty(), "{stderr}");
    (log, digest)
}

fn words(body: &Value) -> usize {
    body.pointer("/messages/0/content").and_then(Value::as_str).map_or(0, |text| text.split(' ').count())
}

#[test]
fn a_recording_is_replayed_with_its_times_and_lengths() {
    let text = "[load.open]\narrivals = \"trace\"\ntrace = { file = \"azure.csv\", speed = 2.0 }\n\
        [[case]]\ninput_tokens = \"trace\"\noutput_tokens = \"trace\"\n";
    let azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.0,37,44\n2023-11-16 18:15:46.5,9,1\n2023-11-16 18:15:48.0,120,7\n";
    let (mut log, digest) = bodies(text, &[("azure.csv", azure)]);
    log.sort_by_key(|(at, _)| *at);
    let sent: Vec<(usize, u64)> =
        log.iter().map(|(_, body)| (words(body), body["max_tokens"].as_u64().unwrap_or(0))).collect();
    assert_eq!(sent, [(37, 44), (9, 1), (120, 7)]);
    let last = log[2].0.saturating_sub(log[0].0);
    // A late first one takes from the second that lies between them.
    assert!(last >= Duration::from_millis(700), "{last:?}");
    assert_eq!(digest["load"], "open loop, a trace of 3 requests");
}

#[test]
fn an_exact_length_is_asked_for_in_the_servers_own_words() {
    let text = "[load.closed]\nconcurrency = 1\ncount = 6\n[[case]]\ninput_tokens = \"file:in.txt\"\noutput_tokens = 12\nexact = true\n";
    let (log, _) = bodies(text, &[("in.txt", "5\n\n50\n")]);
    for (_, body) in &log {
        assert!([5, 50].contains(&words(body)), "{body}");
        assert_eq!(
            (&body["max_tokens"], &body["min_tokens"], &body["ignore_eos"]),
            (&12.into(), &12.into(), &true.into())
        );
    }
    assert!([5, 50].iter().all(|length| log.iter().any(|(_, body)| words(body) == *length)), "both are drawn");
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let _machine = shared();
    let server = Raw::start(|_, _| panic!("nothing is to be sent"));
    let url = server.url();
    let arguments = ["run", "quickstart", "--url", &url, "--model", "m", "--key-env", "MY_KEY", "--seed", "3"];
    let price =
        ["--set", "target.price={ input = 2.5, output = 10.0 }", "--input-tokens", "100", "--dry-run=2", "--salt", "3"];
    let output = program().args(arguments).args(price).env("MY_KEY", crate::harness::MY_KEY).output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).replace(&url, "http://server/v1");
    assert!(!text.contains(crate::harness::MY_KEY));
    insta::assert_snapshot!("dry_run", text);
}
