//! Goals of windows against servers that hang: what was due is broken where it was due.

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Raw, completion, program, reply, run_json};
use crate::loads::{path, profile};

/// Answers so many requests at once, and hangs on all others until the client goes.
fn hanging_after(answers: usize) -> Raw {
    let asked = AtomicUsize::new(0);
    Raw::start(move |stream, _| {
        if asked.fetch_add(1, Ordering::SeqCst) < answers {
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
        let _ = stream.read(&mut [0]);
        false
    })
}

const CASE: &str = "[[case]]\nmessages = [{ role = \"user\", content = \"{{unique}} hi\" }]\n";

fn spans(goal: &Value, which: &str) -> Vec<(u64, u64, String)> {
    let windows = goal[which].as_array().expect("windows");
    let span = |window: &Value| {
        let number = |name: &str| window[name].as_u64().expect("seconds");
        (number("from_s"), number("until_s"), window["state"].as_str().expect("a state").to_owned())
    };
    windows.iter().map(span).collect()
}

#[test]
fn a_server_that_hangs_breaks_the_windows_in_which_it_was_asked() {
    let server = hanging_after(30);
    let goals = "goals = [\"e2e.p95 < 30s in every 1s\", \"error_rate < 1% in every 1s\", \"error_rate < 1%\"]\n";
    let load = "[load.open]\nrate = 20\nduration = \"3s\"\ngrace = \"300ms\"\n";
    let file = profile(&server, &format!("{goals}{load}{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&file)]);
    assert_eq!(code, 1, "{stderr}");
    assert_eq!((&digest["outcomes"]["ok"], &digest["classes"]["unfinished.grace"]), (&json!(30), &json!(30)));
    assert_eq!((&digest["error_rate"], &digest["requests"]["failed"]), (&json!(0.5), &json!(30)));
    for (goal, last) in digest["goals"].as_array().expect("goals").iter().zip(["unanswered", "measured"]) {
        let broken = spans(goal, "broken_in");
        let states: Vec<&str> = broken.iter().map(|(.., state)| state.as_str()).collect();
        assert_eq!(
            broken.iter().map(|(from, until, _)| (*from, *until)).collect::<Vec<_>>(),
            [(1, 2), (2, 3)],
            "{goal}"
        );
        assert_eq!(states, ["measured", last], "of an error rate that nobody answered is a figure: {goal}");
    }
    assert_eq!(digest["goals"][1]["value"], json!(1.0));
    assert_eq!(digest["goals"][2]["held"], json!(false));
}

#[test]
fn a_closed_loop_behind_a_server_that_stands_still_is_stalled() {
    let server = hanging_after(10);
    let goals = "goals = [\"e2e.p95 < 30s in every 1s\", \"error_rate < 100% in every 1s\"]\n";
    let load = "[load.closed]\nconcurrency = 2\nduration = \"4s\"\ngrace = \"300ms\"\n";
    let file = profile(&server, &format!("{goals}{load}{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&file)]);
    assert_eq!(code, 1, "{stderr}");
    let last = |goal: usize, which: &str| spans(&digest["goals"][goal], which).last().cloned();
    assert_eq!(last(0, "broken_in"), Some((3, 4, "stalled".to_owned())));
    assert_eq!(last(1, "empty_in"), Some((3, 4, "empty".to_owned())), "nothing was due, so that no share can be told");
    let text =
        program().args(["run", path(&file), "--no-preflight", "--no-out", "--quiet"]).output().expect("runs").stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("broken in what was due in "), "{text}");
}

#[test]
fn what_the_users_own_limit_cuts_is_no_error() {
    let server = hanging_after(10);
    let load = "[load.closed]\nconcurrency = 2\nduration = \"60s\"\ngrace = \"100ms\"\n";
    let file = profile(&server, &format!("{load}{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&file), "--max-time", "1s"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!((&digest["classes"]["unfinished.stopped"], &digest["requests"]["cut"]), (&json!(2), &json!(2)));
    assert_eq!((&digest["error_rate"], &digest["requests"]["good_fraction"]), (&json!(0.0), &json!(1.0)));
}

#[test]
fn a_limit_that_ends_a_load_in_its_warm_up_measures_nothing() {
    let server = hanging_after(usize::MAX);
    for load in [
        "[load.open]\nrate = 50\nduration = \"60s\"\nwarmup = \"30s\"\n",
        "[load.closed]\nconcurrency = 2\nduration = \"60s\"\nwarmup = \"30s\"\n",
    ] {
        let file = profile(&server, &format!("goals = [\"error_rate < 1%\"]\n{load}{CASE}"));
        for limit in [["--max-requests", "10"], ["--max-time", "500ms"]] {
            let (code, digest, stderr) = run_json(&[&[path(&file)][..], &limit].concat());
            assert_eq!((code, &digest["verdict"]), (3, &json!("invalid")), "{load} {limit:?} {stderr}");
            assert!(digest["reasons"][0].as_str().is_some_and(|why| why.contains("warm-up")), "{}", digest["reasons"]);
        }
    }
}

#[test]
fn shares_leave_out_what_a_limit_left_unsent() {
    let server = hanging_after(usize::MAX);
    let file = profile(&server, &format!("[load.closed]\nconcurrency = 2\ncount = 600\n{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&file), "--max-requests", "100"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!((&digest["requests"]["good_fraction"], &digest["outcomes"]["unsent"]), (&json!(1.0), &json!(500)));
}
