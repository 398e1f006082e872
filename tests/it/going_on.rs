//! A command of several runs that was interrupted or killed goes on when it is given again.

use std::path::Path;

use serde_json::Value;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, program, settings, shared};
use crate::signals::{Ended, Hanging, Running};

/// Four requests one after another, whole replies.
const FOUR: [&str; 12] = [
    "--model",
    "m",
    "--no-preflight",
    "--concurrency",
    "1",
    "--count",
    "4",
    "--set",
    "case.1.stream=false",
    "--set",
    "case.2.stream=false",
    "--exit-zero",
];

fn command<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "smoke", "--url", url], &FOUR[..], more].concat()
}

/// The same with another value of a flag.
fn with<'a>(arguments: &[&'a str], flag: &'a str, value: &'a str) -> Vec<&'a str> {
    let mut changed = arguments.to_vec();
    match arguments.iter().position(|own| *own == flag) {
        Some(place) => changed[place + 1] = value,
        None => changed.extend([flag, value]),
    }
    changed
}

fn ran(folder: &Path, arguments: &[&str]) -> Ended {
    Running::start(folder, arguments).ends()
}

/// Seed and salt of a run, where it came to its end.
fn roots(run: &Path) -> Option<(u64, u64)> {
    let summary: Value = serde_json::from_slice(&std::fs::read(run.join("summary.json")).ok()?).expect("whole JSON");
    assert_eq!(summary["ending"]["interrupted"], false);
    Some((summary["meta"]["seed"].as_u64()?, summary["meta"]["salt"].as_u64()?))
}

/// A server that comes to a stop at its seventh request, until it is released.
fn stopping_at_the_seventh() -> Hanging {
    Hanging::start(|before, _| before >= 6)
}

#[test]
fn a_sweep_that_was_killed_goes_on_without_a_seed_and_runs_no_point_twice() {
    let _machine = shared();
    let (folder, server) = (tempfile::tempdir().expect("a folder"), stopping_at_the_seventh());
    let url = server.url();
    let sweep = command(&url, &["--sweep", "case.0.max_tokens=4,5,6", "--out", "kept"]);
    let running = Running::start(folder.path(), &sweep);
    server.wait_for(1);
    running.kill();
    let point = |value: u32| folder.path().join(format!("kept/case.0.max_tokens={value}"));
    let first = roots(&point(4)).expect("the first point was finished");
    server.release();
    let before = server.requests();
    let ended = ran(folder.path(), &sweep);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(server.requests() - before, 8, "two points were left, and the second was begun anew");
    assert!(ended.err.contains("[1/3] case.0.max_tokens=4: kept from before"), "{}", ended.err);
    let as_if_never_killed = [0, 1, 2].map(|number| Some((first.0 + number, first.1)));
    assert_eq!([4, 5, 6].map(|value| roots(&point(value))), as_if_never_killed);
    let before = server.requests();
    let ended = ran(folder.path(), &sweep);
    assert_eq!((ended.code, ended.err.matches("kept from before").count()), (Some(0), 4), "{}", ended.err);
    assert_eq!(server.requests(), before, "there was nothing left to send");
}

#[test]
fn a_point_that_was_interrupted_is_kept_and_run_again() {
    let _machine = shared();
    let (folder, server) = (tempfile::tempdir().expect("a folder"), stopping_at_the_seventh());
    let url = server.url();
    let sweep = command(&url, &["--sweep", "case.0.max_tokens=4,5", "--out", "kept", "--seed", "9"]);
    let running = Running::start(folder.path(), &sweep);
    server.wait_for(1);
    running.signal("INT");
    running.says("stopping");
    running.signal("INT");
    let ended = running.ends();
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(ended.err.contains("1 of 2 runs were made"), "{}", ended.err);
    let point = folder.path().join("kept/case.0.max_tokens=5");
    let summary: Value =
        serde_json::from_slice(&std::fs::read(point.join("summary.json")).expect("kept")).expect("whole JSON");
    assert_eq!(summary["ending"]["interrupted"], true, "what was measured of it is not lost");
    server.release();
    assert_eq!(ran(folder.path(), &sweep).code, Some(0));
    assert_eq!(roots(&point).map(|(seed, _)| seed), Some(10));
}

#[test]
fn a_repetition_that_was_interrupted_is_left_out_of_comparisons_until_it_is_made() {
    let _machine = shared();
    let (folder, server) = (tempfile::tempdir().expect("a folder"), stopping_at_the_seventh());
    let url = server.url();
    let twice = command(&url, &["--repeat", "2", "--out", "kept"]);
    let running = Running::start(folder.path(), &twice);
    server.wait_for(1);
    running.signal("INT");
    running.says("stopping");
    running.signal("INT");
    let ended = running.ends();
    assert_eq!(ended.code, Some(130), "{}", ended.err);
    assert!(ended.err.contains("1 of 2 runs were made"), "{}", ended.err);
    assert_eq!(ran(folder.path(), &["report", "kept"]).out, ended.out, "the folder has the same table");
    server.release();
    assert!(ran(folder.path(), &command(&url, &["--out", "other"])).code == Some(0));
    let note = "note: kept: runs that were cut short are left out: 1";
    assert!(ran(folder.path(), &["compare", "other", "kept"]).err.contains(note));
    assert_eq!(ran(folder.path(), &twice).code, Some(0));
    assert!(!ran(folder.path(), &["compare", "other", "kept"]).err.contains("left out"));
}

#[test]
fn repetitions_against_another_endpoint_go_on_with_the_same_seeds_and_salts() {
    let _machine = shared();
    let (folder, base) = (tempfile::tempdir().expect("a folder"), Hanging::start(|_, _| false));
    // The third run of all is the second of the new endpoint.
    let new = Hanging::start(|before, _| before >= 6);
    let (url, against) = (new.url(), base.url());
    let turns = |times: &'static str, out: &'static str| {
        command(&url, &["--against", &against, "--repeat", times, "--out", out])
    };
    let twice = turns("2", "kept");
    let running = Running::start(folder.path(), &twice);
    new.wait_for(1);
    running.kill();
    new.release();
    let (before_base, before_new) = (base.requests(), new.requests());
    let ended = ran(folder.path(), &twice);
    assert_eq!(ended.err.matches("kept from before").count(), 2, "{}", ended.err);
    let at = |part: &str| ended.err.find(part).unwrap_or_else(|| panic!("{part}: {}", ended.err));
    assert!(at("[2/2] new") < at("[2/2] base"), "the order stays: {}", ended.err);
    assert_eq!((base.requests() - before_base, new.requests() - before_new), (4, 4));

    // One more, and the same in a folder of its own, never killed.
    let ended = ran(folder.path(), &turns("3", "kept"));
    assert_eq!(ended.err.matches("kept from before").count(), 4, "{}", ended.err);
    let all = |out: &str| {
        let of_side = |side: &'static str| (1..=3).map(move |number| format!("{side}/run-{number}"));
        let runs = of_side("base").chain(of_side("new"));
        runs.map(|run| roots(&folder.path().join(out).join(&run)).expect(&run)).collect::<Vec<_>>()
    };
    let kept = all("kept");
    let (seed, salt) = (kept[0].0.to_string(), kept[0].1.to_string());
    let never_killed = [&turns("3", "whole")[..], &["--seed", &seed, "--salt", &salt]].concat();
    ran(folder.path(), &never_killed);
    assert_eq!(kept, all("whole"));

    let ended = ran(folder.path(), &twice);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("holds more runs than --repeat 2 makes"), "{}", ended.err);
}

#[test]
fn a_folder_of_another_plan_is_refused_by_the_first_key_that_differs_and_nothing_is_sent() {
    let _machine = shared();
    let (folder, server) = (tempfile::tempdir().expect("a folder"), Hanging::start(|_, _| false));
    let (url, other) = (server.url(), format!("{}/", server.url().replace("127.0.0.1", "localhost")));
    let sweep = ["--sweep", "concurrency=1,2", "--out", "sweep", "--seed", "5", "--salt", "6"];
    let twice = ["--repeat", "2", "--out", "twice", "--seed", "5", "--salt", "6"];
    assert_eq!(ran(folder.path(), &command(&url, &sweep)).code, Some(0));
    assert_eq!(ran(folder.path(), &command(&url, &twice)).code, Some(0));
    let before = server.requests();
    for (own, flag, value, said) in [
        (&sweep, "--seed", "7", "seed was 5 there and is 7 now"),
        (&twice, "--seed", "7", "seed was 5 there and is 7 now"),
        (&twice, "--salt", "8", "salt was 6 there and is 8 now"),
        (&sweep, "--sweep", "concurrency=1,3", "--sweep concurrency was 1,2 there and is 1,3 now"),
        (&sweep, "--sweep", "count=4", "--sweep concurrency was 1,2 there and is not set now"),
        (&twice, "--count", "5", "load.closed.count was 4 there and is 5 now"),
        (&sweep, "--count", "5", "load.closed.count was 4 there and is 5 now"),
        (&twice, "--output-tokens", "9", "case.0.max_tokens was 32 there and is not set now"),
        (&sweep, "--model", "another", "target.model was m there and is another now"),
        (&twice, "--against", "http://127.0.0.1:9/v1", "--against was not set there and is http://127.0.0.1:9/v1"),
    ] {
        let arguments = with(&command(&url, own), flag, value);
        let ended = ran(folder.path(), &arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?} {}", ended.err);
        assert!(ended.err.contains("holds runs of another plan: "), "{arguments:?} {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?} {}", ended.err);
        assert_eq!(server.requests(), before, "{arguments:?}");
    }
    let ended = ran(folder.path(), &command(&other, &sweep));
    assert!(ended.code == Some(2) && ended.err.contains("target.url was http://127.0.0.1:"), "{}", ended.err);
    std::fs::create_dir(folder.path().join("taken")).expect("made");
    std::fs::write(folder.path().join("taken/notes.txt"), "mine").expect("written");
    for own in [&sweep, &twice] {
        let ended = ran(folder.path(), &with(&command(&url, own), "--out", "taken"));
        assert!(ended.code == Some(2) && ended.err.contains("taken is not empty"), "{}", ended.err);
    }
    std::fs::write(folder.path().join("twice/series.json"), "{\"series\": 99}").expect("written");
    let ended = ran(folder.path(), &command(&url, &twice));
    assert!(ended.code == Some(2) && ended.err.contains("has format 99, this program reads 1"), "{}", ended.err);
    assert_eq!(server.requests(), before);
}

#[test]
fn the_built_in_endpoint_is_gone_on_with_though_its_address_is_another() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    for kept in [0, 2] {
        let arguments = ["run", "smoke", "--count", "4", "--repeat", "2", "--out", "kept", "--exit-zero"];
        let ended = ran(folder.path(), &arguments);
        assert_eq!((ended.code, ended.err.matches("kept from before").count()), (Some(0), kept), "{}", ended.err);
    }
}

#[test]
fn a_secret_that_is_swept_is_neither_kept_nor_printed() {
    let _machine = shared();
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 1, Vec::new()));
    let folder = tempfile::tempdir().expect("a folder");
    let url = endpoint.url();
    let key = ["--header", "authorization=Bearer any"];
    let own = ["run", "smoke", "--url", &url, "--model", "gpt-4o", "--count", "4", "--out", "kept"];
    let keys = "target.headers.x-api-key=alphasecret,betasecret";
    let output =
        program().current_dir(folder.path()).args(own).args(key).args(["--sweep", keys]).output().expect("runs");
    let mut seen = vec![output.stdout, output.stderr];
    let mut folders = vec![folder.path().to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").map(|entry| entry.expect("an entry")) {
            seen.push(entry.file_name().as_encoded_bytes().to_vec());
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => seen.push(std::fs::read(path).expect("readable")),
            }
        }
    }
    assert!(seen.len() > 10, "the folder, two points, their files");
    for text in seen.iter().map(|bytes| String::from_utf8_lossy(bytes)) {
        assert!(!text.contains("alphasecret") && !text.contains("betasecret"), "{text}");
    }
    assert!(seen.iter().any(|bytes| bytes == b"target.headers.x-api-key=-2"), "points are numbered");
}
