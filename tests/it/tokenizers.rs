//! Tokenizers at hand: files of Hugging Face's against that library's own counts, and answers counted beside their usage.

use proofload::plan::prompt::tokenizer::Tokenizer;
use serde_json::{Value, json};

use crate::harness::{Raw, completion, program, reply, run_json};

/// Small tokenizers that Hugging Face's library (tokenizers 0.22) trained, with the tokens that it finds in a few texts.
const FILES: [&str; 4] = ["bytelevel", "llama", "unigram", "wordpiece"];

#[test]
fn files_of_every_kind_count_as_the_library_that_made_them() {
    let answers = std::fs::read_to_string("tests/it/tokenizers/answers.json").expect("the answers");
    let answers: Value = serde_json::from_str(&answers).expect("JSON");
    for name in FILES {
        let file = std::fs::read(format!("tests/it/tokenizers/{name}.json")).expect("a tokenizer");
        let tokenizer = Tokenizer::read(name, &file).unwrap_or_else(|error| panic!("{name}: {error}"));
        for pair in answers[name].as_array().expect("answers") {
            let (text, tokens) = (pair[0].as_str().expect("a text"), pair[1].as_array().expect("tokens"));
            assert_eq!(tokenizer.count(text), Some(tokens.len() as u64), "{name}: {text:?}");
        }
    }
}

/// A server whose answers are of four tokens, whatever its usage states.
fn server(stated: u64) -> Raw {
    Raw::start(move |stream, request| {
        let asked: Value = serde_json::from_slice(&request.body).expect("JSON");
        let words = asked.to_string().split(' ').count();
        let mut body = completion();
        body["usage"] =
            json!({"prompt_tokens": words, "completion_tokens": stated, "total_tokens": words as u64 + stated});
        reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
    })
}

fn run(url: &str, more: &[&str]) -> Value {
    let own = [
        "chat",
        "--url",
        url,
        "--dialect",
        "openai",
        "--model",
        "m",
        "--concurrency",
        "2",
        "--count",
        "30",
        "--seed",
        "4",
    ];
    let set = ["--set", "case.0.stream=false", "--set", "case.1.stream=false", "--set", "goals=[]"];
    run_json(&own.iter().chain(&set).chain(more).copied().collect::<Vec<_>>()).1
}

#[test]
fn answers_are_counted_beside_their_usage() {
    let digest = run(&server(4).url(), &["--tokenizer", "o200k_base", "--input-tokens", "50"]);
    let recount = &digest["tokens"]["recount"];
    assert_eq!((&recount["tokenizer"], &recount["replies"]), (&json!("o200k_base"), &json!(30)), "{recount}");
    assert_eq!(
        (&recount["counted"], &recount["stated"], &recount["overclaiming"]),
        (&json!(120), &json!(120.0), &json!(0))
    );
    assert_eq!(recount["difference"], 0.0);
    assert!(!digest["trust"]["reasons"].to_string().contains("claims"), "{}", digest["trust"]);
    assert_eq!(run(&server(4).url(), &[])["tokens"]["recount"], Value::Null, "only when asked");
}

#[test]
fn a_server_that_claims_a_hundred_times_what_it_sent_is_flagged() {
    let digest = run(&server(400).url(), &["--tokenizer", "tests/it/tokenizers/wordpiece.json"]);
    assert_eq!(digest["tokens"]["recount"]["overclaiming"], 30, "{}", digest["tokens"]);
    let reasons = digest["trust"]["reasons"].to_string();
    assert!(
        reasons.contains("usage claims what was not delivered: in 30 of 30 replies 12000 tokens where"),
        "{reasons}"
    );
}

#[test]
fn a_tokenizer_that_is_none_is_told_before_anything_is_sent() {
    for (name, told) in [
        ("gpt-4", "known are o200k_base, cl100k_base, or the path of a tokenizer.json"),
        ("tests/it/tokenizers/answers.json", "is not a tokenizer"),
        ("nowhere.json", "cannot read"),
    ] {
        let output = program().args(["run", "quickstart", "--no-out", "--tokenizer", name]).output().expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(told), "{name}: {stderr}");
    }
}
