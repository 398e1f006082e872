//! `proofload run --sweep`: a run for each combination, one table, and a folder that one can go on with.

use std::process::Output;

use serde_json::Value;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, program, settings, shared};

fn sweep(endpoint: &Endpoint, more: &[&str]) -> Output {
    let url = endpoint.url();
    let own =
        ["run", "smoke", "--url", &url, "--model", "gpt-4o", "--header", "authorization=Bearer any", "--seed", "3"];
    program().args(own).args(["--set", "goals=[]"]).args(more).output().expect("runs")
}

fn endpoint() -> Endpoint {
    Endpoint::start(settings(Dialect::OpenAi, 5, 1, Vec::new()))
}

#[test]
fn every_combination_is_run_and_kept_and_a_sweep_goes_on_where_it_ended() {
    let _machine = shared();
    let endpoint = endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("UTF-8");
    let values = ["--count", "12", "--sweep", "concurrency=1,2,4", "--sweep", "case.0.max_tokens=4,16", "--out", out];
    let output = sweep(&endpoint, &values);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stderr.contains("sweep: 6 runs, as long as their requests take, 72 requests\n"), "{stderr}");
    let table: Vec<Vec<&str>> = stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(table[0][..3], ["concurrency", "case.0.max_tokens", "requests/s"]);
    let swept: Vec<[&str; 2]> = table[1..].iter().map(|row| [row[0], row[1]]).collect();
    assert_eq!(swept, [["1", "4"], ["1", "16"], ["2", "4"], ["2", "16"], ["4", "4"], ["4", "16"]]);
    let csv = std::fs::read_to_string(folder.path().join("sweep.csv")).expect("written");
    assert_eq!((csv.lines().count(), csv.lines().next().map(|line| line.split(',').count())), (7, Some(13)));
    assert!(std::fs::read_to_string(folder.path().join("sweep.md")).expect("written").contains("| 4           | 16"));

    std::fs::remove_dir_all(folder.path().join("concurrency=2,case.0.max_tokens=16")).expect("removed");
    let again = sweep(&endpoint, &[&values[..], &["--format", "json"]].concat());
    let stderr = String::from_utf8_lossy(&again.stderr);
    assert_eq!((again.status.code(), stderr.matches(": kept from before").count()), (Some(0), 5), "{stderr}");
    let table: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(table["runs"].as_array().map(Vec::len), Some(6));
    assert_eq!(table.pointer("/runs/3/sweep/concurrency"), Some(&Value::from("2")));
    assert!(table.pointer("/runs/3/figures/ttft p95").is_some_and(Value::is_number), "{table}");

    let other = sweep(
        &endpoint,
        &["--count", "13", "--sweep", "concurrency=1,2,4", "--sweep", "case.0.max_tokens=4,16", "--out", out],
    );
    assert_eq!(other.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&other.stderr);
    assert!(stderr.contains("holds runs of another plan: load.closed.count was 12 there and is 13 now"), "{stderr}");
}

#[test]
fn a_value_that_is_wrong_is_found_before_anything_is_sent() {
    let endpoint = endpoint();
    let output = sweep(&endpoint, &["--no-out", "--sweep", "concurrency=1,2,none"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.starts_with("at concurrency=none:\nerror: unknown key concurrency"), "{stderr}");
    for (value, said) in [("concurrency=", "has no values"), ("rate", "expected NAME=VALUE")] {
        let output = sweep(&endpoint, &["--no-out", "--sweep", value]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(said), "{stderr}");
    }
}
