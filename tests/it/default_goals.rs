//! What a run may pass without a goal of the user's: few failures, and a load that was sent.

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Raw, assert_digest, completion, program, reply, run_json, shared};
use crate::loads::{path, profile};

const FAILURES: &str = "error_rate <= 1%";
const MISSED: &str = "missed_fraction <= 1%";
const LOAD: &str = "[load.closed]\nconcurrency = 4\ncount = 60\n";
const CASE: &str = "[[case]]\nname = \"only\"\nmessages = [{ role = \"user\", content = \"{{unique}} hi\" }]\n";

/// Answers one request of twenty, and refuses the others.
fn overloaded() -> Raw {
    let asked = AtomicUsize::new(0);
    Raw::start(move |stream, _| {
        if asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(20) {
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        let body = br#"{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}"#;
        reply(stream, "503 Service Unavailable", "application/json", body)
    })
}

/// Answers late.
fn slow() -> Raw {
    Raw::start(|stream, _| {
        std::thread::sleep(Duration::from_millis(100));
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    })
}

/// The goals of a digest, with whether each is a default and held.
fn goals(digest: &Value) -> Vec<(&str, bool, bool)> {
    let goals = digest["goals"].as_array().expect("goals");
    let told = |goal: &'_ Value, name: &str| goal[name].as_bool().expect("told");
    goals
        .iter()
        .map(|goal| (goal["goal"].as_str().expect("a text"), told(goal, "default"), told(goal, "held")))
        .collect()
}

/// Runs the program, its report as text.
fn ran(arguments: &[&str]) -> (Option<i32>, String, String) {
    let _machine = shared();
    let Output { status, stdout, stderr } = program().args(arguments).output().expect("runs");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_run_in_which_most_requests_failed_does_not_pass() {
    let server = overloaded();
    let file = profile(&server, &format!("{LOAD}{CASE}"));
    for own in [&[][..], &["violation_rate < 50%"], &["error_rate < 99% for only"], &["e2e.ok.p95 < 1m"]] {
        let flags: Vec<&str> = own.iter().flat_map(|goal| ["--goal", *goal]).collect();
        let (code, digest, stderr) = run_json(&[&[path(&file)][..], &flags].concat());
        assert_eq!((code, goals(&digest).last()), (1, Some(&(FAILURES, true, false))), "{own:?} {stderr}");
        let reason = json!(format!("goal broken: {FAILURES} (default)"));
        assert!(digest["reasons"].as_array().is_some_and(|reasons| reasons.contains(&reason)), "{}", digest["reasons"]);
        assert_eq!(digest["goals"].as_array().map(Vec::len), Some(own.len() + 1), "and none on what cannot be missed");
    }
    for own in ["error_rate < 96%", "error_rate < 100% in every 1m", "good_fraction > 1%"] {
        let (code, digest, stderr) = run_json(&[path(&file), "--goal", own]);
        assert_eq!((code, goals(&digest)), (0, vec![(own, false, true)]), "{stderr}");
    }
}

#[test]
fn a_goal_of_the_command_line_keeps_the_error_goal_of_a_preset() {
    let server = overloaded();
    let url = server.url();
    let own = ["smoke", "--url", &url, "--model", "m", "--set", "case.1.stream=false", "--set", "case.2.stream=false"];
    let (code, digest, stderr) = run_json(&[&own[..], &["--goal", "e2e.ok.p95 < 1m"]].concat());
    let kept = [("e2e.ok.p95 < 1m", false, true), ("error_rate <= 0%", false, false)];
    assert_eq!((code, goals(&digest)), (1, kept.to_vec()), "{stderr}");
    let (code, digest, stderr) = run_json(&[&own[..], &["--goal", "error_rate < 99%"]].concat());
    assert_eq!((code, goals(&digest)), (0, vec![("error_rate < 99%", false, true)]), "{stderr}");
}

#[test]
fn every_report_marks_a_default_and_a_run_of_before_is_judged_by_it() {
    let server = overloaded();
    let file = profile(&server, &format!("{LOAD}{CASE}"));
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let out = out.to_str().expect("UTF-8");
    let (code, text, _) = ran(&["run", path(&file), "--out", out, "--quiet"]);
    assert_eq!(code, Some(1), "{text}");
    for (format, marked) in [
        ("text", "broken  error_rate <= 1% (default) (measured 95.0 %)"),
        ("text", "- goal broken: error_rate <= 1% (default)"),
        ("markdown", "error_rate &lt;= 1% (default) | 95.0 % |"),
        ("html", "<code>error_rate &lt;= 1%</code> (default)"),
        ("junit", "error_rate &lt;= 1% (default)\" classname=\"proofload.goals\""),
        ("openmetrics", "proofload_goal_held{goal=\"error_rate <= 1%\",default=\"true\"} 0"),
    ] {
        let (_, report, _) = ran(&["report", out, "--format", format]);
        assert!(report.replace('\\', "").contains(marked), "{format}: {marked}\n{report}");
    }
    // A goal that is refused today was taken then, and still says what it said.
    let summary = Path::new(out).join("summary.json");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&summary).expect("kept")).expect("JSON");
    kept["meta"]["goals"] = json!(["violation_rate <= 100%", "error_rate < 1"]);
    std::fs::write(&summary, kept.to_string()).expect("written");
    let (_, report, stderr) = ran(&["report", out, "--format", "json"]);
    let digest: Value = serde_json::from_str(&report).expect(&stderr);
    assert_digest(&digest);
    assert_eq!(goals(&digest), [("violation_rate <= 100%", false, true), ("error_rate < 1", false, true)]);
    assert_eq!(digest["verdict"], "pass");
}

#[test]
fn a_default_marks_the_points_of_a_sweep_and_decides_repetitions_and_parts() {
    let server = overloaded();
    let file = profile(&server, &format!("{LOAD}{CASE}"));
    let sweep = ["run", path(&file), "--no-out", "--sweep", "concurrency=1,2"];
    let (code, table, stderr) = ran(&sweep);
    assert_eq!((code, table.matches("fail (default), ").count()), (Some(0), 2), "{table}{stderr}");
    assert!(stderr.contains("2 of 2 runs break a default goal only"), "{stderr}");
    let (code, table, _) = ran(&[&sweep[..], &["--goal", "error_rate < 1%"]].concat());
    assert_eq!((code, table.matches("fail, ").count()), (Some(1), 2), "{table}");
    let (code, table, _) = ran(&["run", path(&file), "--no-out", "--repeat", "2", "--quiet"]);
    assert_eq!((code, table.matches("fail (default), ").count()), (Some(1), 2), "{table}");
    let folder = tempfile::tempdir().expect("a folder");
    let parts = ["1", "2"].map(|part| folder.path().join(part).to_str().expect("UTF-8").to_owned());
    for (number, part) in parts.iter().enumerate() {
        let shard = format!("{}/2", number + 1);
        let own = ["run", path(&file), "--seed", "5", "--salt", "9", "--shard", &shard, "--out", part, "--quiet"];
        assert_eq!(ran(&own).0, Some(1));
    }
    let (code, text, _) = ran(&["merge", &parts[0], &parts[1], "--no-out"]);
    assert!(code == Some(1) && text.contains("goal broken: error_rate <= 1% (default)"), "{text}");
}

#[test]
fn a_load_that_was_not_sent_does_not_pass() {
    let server = slow();
    let load = "[load.open]\nrate = 50\nduration = \"400ms\"\nmax_in_flight = 1\nover_cap = ";
    let dropped = profile(&server, &format!("{load}\"drop\"\n{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&dropped)]);
    assert_eq!((code, goals(&digest)), (1, vec![(FAILURES, true, true), (MISSED, true, false)]), "{stderr}");
    let missed = digest["outcomes"]["missed"].as_f64().expect("missed");
    assert_eq!(digest["missed_fraction"].as_f64(), Some(missed / 20.0));
    let own = "missed_fraction < 99% in every 1s";
    for own in ["missed_fraction < 99%", own] {
        let (code, digest, stderr) = run_json(&[path(&dropped), "--goal", own]);
        assert_eq!((code, goals(&digest)), (0, vec![(own, false, true), (FAILURES, true, true)]), "{stderr}");
    }
    let queued = profile(&server, &format!("{load}\"queue\"\n{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&queued)]);
    assert_eq!((code, goals(&digest)), (0, vec![(FAILURES, true, true)]), "what waits is not missed {stderr}");
}

#[test]
fn a_search_holds_the_default_and_says_so() {
    let server = overloaded();
    let load = "[load.open]\nrate = 100\nduration = \"1s\"\nwarmup = \"100ms\"\n[capacity]\nstage = \"500ms\"\nconfirm = \"500ms\"\ncooldown = \"1ms\"\nto = 100\n";
    let file = profile(&server, &format!("{load}{CASE}"));
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("search");
    let own =
        ["capacity", path(&file), "--max-requests", "400", "--max-time", "20s", "--out", out.to_str().expect("UTF-8")];
    let (_, text, stderr) = ran(&own);
    assert!(stderr.contains("highest load that holds error_rate <= 1% (default)"), "{stderr}");
    assert!(text.contains("error_rate <= 1% (default)"), "{text}");
    let record: Value = serde_json::from_slice(&std::fs::read(out.join("capacity.json")).expect("kept")).expect("JSON");
    assert_eq!((&record["asked"]["goals"], &record["asked"]["default_goals"]), (&json!([]), &json!([FAILURES])));
    let first = &record["stages"][0]["goals"][0];
    assert_eq!((&first["goal"], &first["default"], &first["held"]), (&json!(FAILURES), &json!(true), &json!(false)));
}

#[test]
fn unknown_tokens_are_not_none() {
    let server = Raw::start(|stream, _| {
        let mut body = completion();
        body.as_object_mut().expect("an object").remove("usage");
        reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
    });
    let file = profile(&server, &format!("{LOAD}{CASE}"));
    let (_, digest, stderr) = run_json(&[path(&file)]);
    for name in ["prompt", "completion", "reasoning"] {
        assert!(digest["tokens"][name].is_null(), "{name}: {} {stderr}", digest["tokens"]);
    }
    let rates = &digest["rates_per_s"];
    assert!(rates["output_tokens"].is_null() && rates["total_tokens"].is_null(), "{rates}");
    let (_, text, _) = ran(&["run", path(&file), "--no-out", "--quiet"]);
    assert!(text.contains("tokens: - prompt, - completion (from none)"), "{text}");
    let (code, digest, _) = run_json(&[path(&file), "--goal", "prompt_tokens < 1000"]);
    assert_eq!((code, goals(&digest)[0]), (1, ("prompt_tokens < 1000", false, false)), "nothing is known of it");
}
