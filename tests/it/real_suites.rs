//! Conformance runs on servers that others wrote, kept by `check --capture` and judged again without them: llama.cpp's
//! own server on a tiny random model, the LiteLLM proxy with a mock model, llm-katan and mock-ai-api. What is broken in
//! each is a snapshot. The failures of llama.cpp and LiteLLM were held against the bytes, and are the servers' or the
//! tiny model's; of the other two only the surprising ones were.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::program;

const SERVERS: [&str; 4] = ["litellm", "llamacpp", "llm-katan", "mock-ai-api"];

/// Every rule that did not simply hold or not apply.
fn found(server: &str) -> Vec<String> {
    let folder = format!("tests/it/captures/suites/{server}");
    let output = program().args(["replay", &folder, "--format", "json", "--no-out", "--quiet"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(1), "{server}: {}", String::from_utf8_lossy(&output.stderr));
    let sheet: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let checks = sheet["checks"].as_object().expect("checks");
    assert!(checks.len() > 140, "{server}: {} checks", checks.len());
    let text = |check: &Value, member: &str| check[member].as_str().unwrap_or_default().to_owned();
    checks
        .iter()
        .map(|(id, check)| (text(check, "status"), id, text(check, "reason")))
        .filter(|(status, ..)| !["PASS", "SKIP"].contains(&status.as_str()))
        .map(|(status, id, reason)| format!("{status} {id}: {}", reason.chars().take(160).collect::<String>()))
        .collect()
}

#[test]
fn what_is_broken_on_real_servers_is_found_and_nothing_else() {
    let mut text = String::new();
    for server in SERVERS {
        let mut rows = found(server);
        rows.sort();
        writeln!(text, "{server}\n  {}", rows.join("\n  ")).expect("memory");
    }
    insta::assert_snapshot!(text);
}
