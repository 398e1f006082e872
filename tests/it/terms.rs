//! The terms that a profile sets for a check.

use std::fs;

use serde_json::Value;

use crate::harness::{Served, program, shared};

const ID: &str = "fmt-json-schema-enum-nested";

/// What becomes of the rule on a slice of schemas, under a `[check]` table.
fn judged(url: &str, check: &str) -> Value {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("terms.toml");
    let text = format!(
        "seed = 7\n[target]\nurl = \"{url}\"\nmodel = \"gpt-4o\"\nkey_env = \"MY_KEY\"\n{check}\n\
         [load.closed]\nconcurrency = 1\ncount = 1\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n"
    );
    fs::write(&profile, text).expect("written");
    let only = ["--only", ID, "--format", "json", "--no-out", "--quiet"];
    let mut command = program();
    command.arg("check").arg(&profile).args(only).env("MY_KEY", crate::harness::MY_KEY);
    let output = command.output().expect("runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    report["checks"][ID].clone()
}

#[test]
fn the_share_of_schemas_that_answers_must_satisfy_is_the_profiles() {
    let fast = ["--dialect", "openai", "--first-token", "0ms", "--token-gap", "0ms", "--key-env", "MY_KEY"];
    let half = Served::start(&[&fast[..], &["--quirk", "json-prose", "--quirk-rate", "0.5"]].concat());
    let usual = judged(&half.url, "");
    assert_eq!(usual["status"], "WARN", "nine of ten are to be satisfied: {usual}");
    let lenient = judged(&half.url, "[check]\nschema_rate = 0.1");
    assert_eq!(lenient["status"], "INFO", "{lenient}");
    let whole = Served::start(&fast);
    assert_eq!(judged(&whole.url, "[check]\nschema_rate = 1.0")["status"], "PASS");
}
