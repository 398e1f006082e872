//! The suite around the rules of the catalogue: what statuses and exit codes a check comes to, what a baseline does to
//! them, what is kept of it and judged again, and what its reports say.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{Raw, Served, assert_conformance, completion, program, reply, shared};

const KEY: &str = "sk-conformance-0123456789";
pub(crate) const DONE: &str = "stream-done-present";
/// Two rules on any reply and one with a probe of its own: enough to tell statuses apart.
const FEW: &str = "stream-done-present,resp-status-200,auth-valid-accepted";

/// What the program said.
pub(crate) struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        let said: Value =
            serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err));
        if said.is_object() {
            assert_conformance(&said);
        }
        said
    }

    pub(crate) fn status(&self, id: &str) -> String {
        self.json()["checks"][id]["status"].as_str().unwrap_or("absent").to_owned()
    }
}

pub(crate) fn say(folder: &Path, arguments: &[&str]) -> Said {
    let _machine = shared();
    let output = program()
        .current_dir(folder)
        .env_remove("GITHUB_ACTIONS")
        .env("PROOFLOAD_TEST_KEY", KEY)
        .args(arguments)
        .output()
        .expect("runs");
    Said {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A check of few rules, its sheet on stdout.
pub(crate) fn few(folder: &Path, url: &str, more: &[&str]) -> Said {
    let basic =
        ["check", url, "--only", FEW, "--key-env", "PROOFLOAD_TEST_KEY", "--model", "gpt-4o", "--format", "json"];
    say(folder, &[&basic[..], more].concat())
}

pub(crate) fn openai(quirks: &[&str]) -> Served {
    Served::start(&[&["--dialect", "openai", "--first-token", "1ms", "--token-gap", "1ms"], quirks].concat())
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn everything_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let below = |path: std::path::PathBuf| {
        if path.is_dir() {
            return everything_below(&path);
        }
        vec![(path.display().to_string(), fs::read(&path).expect("readable"))]
    };
    entries.flat_map(below).collect()
}

#[test]
fn statuses_decide_the_exit_code() {
    let (place, right, wrong) = (folder(), openai(&[]), openai(&["--quirk", "no-done"]));
    let said = few(place.path(), &right.url, &["--no-out"]);
    assert_eq!((said.code, said.status(DONE).as_str()), (0, "PASS"), "{}", said.out);
    let said = few(place.path(), &wrong.url, &["--no-out"]);
    assert_eq!((said.code, said.status(DONE).as_str()), (1, "FAIL"), "{}", said.out);
    assert_eq!(few(place.path(), &wrong.url, &["--no-out", "--exit-zero"]).code, 0);
    // Nothing asserted, nobody there, and a command line that is wrong.
    let nothing = ["check", &right.url, "--only", DONE, "--without", "stream", "--model", "gpt-4o", "--no-out"];
    assert_eq!(say(place.path(), &nothing).code, 3);
    assert_eq!(few(place.path(), "http://127.0.0.1:1/v1", &["--no-out"]).code, 3);
    assert_eq!(few(place.path(), &right.url, &["--only", "stream-dome"]).code, 2);
    assert_eq!(few(place.path(), &right.url, &["--report", "pdf=x"]).code, 2);
}

#[test]
fn a_baseline_lives_from_the_first_failure_to_the_last() {
    let (place, right, wrong) = (folder(), openai(&[]), openai(&["--quirk", "no-done"]));
    let baseline = place.path().join("known.toml");
    let known = ["--baseline", "known.toml", "--target-name", "staging", "--no-out"];
    let check = |url: &str, more: &[&str]| few(place.path(), url, &[&known[..], more].concat());
    assert_eq!(check(&wrong.url, &[]).code, 2, "a missing file is an error");

    let said = check(&wrong.url, &["--update-baseline"]);
    assert_eq!((said.code, said.status(DONE).as_str()), (0, "XFAIL"), "{}\n{}", said.out, said.err);
    let written = fs::read_to_string(&baseline).expect("written");
    assert!(written.contains("signature = \"") && written.contains("\"resp-status-200\""), "{written}");
    assert!(!written.contains("127.0.0.1"), "never by address: {written}");
    fs::write(&baseline, format!("# Ours.\n\n{written}")).expect("written");

    let said = check(&wrong.url, &[]);
    assert_eq!((said.code, said.status(DONE).as_str()), (0, "XFAIL"), "{}", said.out);
    let other = ["--baseline", "known.toml", "--target-name", "production", "--no-out"];
    assert_eq!(few(place.path(), &wrong.url, &other).code, 1, "known of another endpoint");

    let said = check(&right.url, &[]);
    assert_eq!((said.code, said.status(DONE).as_str()), (0, "STALE"), "{}", said.out);
    assert_eq!(check(&right.url, &["--strict"]).code, 1);
    let said = check(&right.url, &["--update-baseline", "--prune"]);
    assert_eq!((said.code, said.status(DONE).as_str()), (0, "PASS"), "{}", said.out);
    let written = fs::read_to_string(&baseline).expect("written");
    assert!(written.starts_with("# Ours.") && !written.contains("[[known]]") && written.contains(DONE), "{written}");

    let said = check(&right.url, &["--without", "stream"]);
    assert_eq!((said.code, said.status(DONE).as_str()), (1, "LOST"), "{}", said.out);
    assert_eq!(check(&wrong.url, &[]).code, 1, "what held and is broken is a new failure");
}

#[test]
fn what_is_newer_than_the_baseline_warns_and_what_expired_counts_again() {
    let (place, wrong) = (folder(), openai(&["--quirk", "no-done"]));
    let baseline = place.path().join("known.toml");
    fs::write(&baseline, "[[passed]]\nversion = \"0.0.9\"\nchecks = []\n").expect("written");
    let said = few(place.path(), &wrong.url, &["--baseline", "known.toml", "--no-out"]);
    assert_eq!((said.code, said.status(DONE).as_str()), (0, "WARN"), "{}", said.out);
    assert!(said.out.contains("new since"), "{}", said.out);
    let expired = format!("[[known]]\ncheck = \"{DONE}\"\nreason = \"old\"\nexpires = \"2020-01-01\"\n");
    fs::write(&baseline, expired).expect("written");
    let said = few(place.path(), &wrong.url, &["--baseline", "known.toml", "--no-out"]);
    assert_eq!((said.code, said.err.contains("expired on 2020-01-01")), (1, true), "{}", said.err);
}

#[test]
fn a_profile_sets_levels_and_terms() {
    let (place, wrong) = (folder(), openai(&["--quirk", "no-done"]));
    let profile = |level: &str| {
        format!(
            "[target]\nurl = \"{}\"\nmodel = \"gpt-4o\"\nkey_env = \"PROOFLOAD_TEST_KEY\"\n[load.closed]\nconcurrency = 1\ncount = 1\n\
             [[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n\
             [levels.{DONE}]\nlevel = \"{level}\"\nreason = \"the gateway strips it\"\n",
            wrong.url
        )
    };
    for (level, code, status) in [("must", 1, "FAIL"), ("should", 0, "WARN"), ("may", 0, "INFO"), ("off", 0, "absent")]
    {
        fs::write(place.path().join("p.toml"), profile(level)).expect("written");
        let said = say(place.path(), &["check", "p.toml", "--only", FEW, "--format", "json", "--no-out"]);
        assert_eq!((said.code, said.status(DONE).as_str()), (code, status), "{}\n{}", said.out, said.err);
    }
    fs::write(place.path().join("p.toml"), profile("must").replace(DONE, "stream-done-presnt")).expect("written");
    let said = say(place.path(), &["check", "p.toml"]);
    assert_eq!((said.code, said.err.contains("did you mean stream-done-present?")), (2, true), "{}", said.err);
    let terms = format!("{}[check]\nwithout = [\"stream\"]\n", profile("must"));
    fs::write(place.path().join("p.toml"), terms).expect("written");
    let said = say(place.path(), &["check", "p.toml", "--only", FEW, "--format", "json", "--no-out"]);
    assert_eq!((said.code, said.status(DONE).as_str()), (0, "SKIP"), "{}\n{}", said.out, said.err);
}

#[test]
fn schemas_of_ones_own_tighten_a_dialect() {
    let (place, right) = (folder(), openai(&[]));
    let profile = format!(
        "[target]\nurl = \"{}\"\nmodel = \"gpt-4o\"\nkey_env = \"PROOFLOAD_TEST_KEY\"\nschemas = \"ours\"\n\
         [load.closed]\nconcurrency = 1\ncount = 2\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
        right.url
    );
    fs::write(place.path().join("p.toml"), profile).expect("written");
    let check = ["check", "p.toml", "--only", "resp-schema,auth-valid-accepted", "--format", "json", "--no-out"];
    let said = say(place.path(), &check);
    assert_eq!((said.code, said.err.contains("no schema in \"ours\"")), (2, true), "{}", said.err);
    fs::create_dir(place.path().join("ours")).expect("a folder");
    for (schema, code, status) in [
        ("{\"required\": [\"choices\"]}", 0, "PASS"),
        ("{\"required\": [\"region\"]}", 1, "FAIL"),
        ("{\"type\": 7}", 2, ""),
    ] {
        fs::write(place.path().join("ours/response.json"), schema).expect("written");
        let said = say(place.path(), &check);
        assert_eq!(said.code, code, "{}\n{}", said.out, said.err);
        assert!(code == 2 || said.status("resp-schema") == status, "{}", said.out);
        assert_eq!(say(place.path(), &["run", "p.toml", "--no-out", "--quiet"]).code, code, "a load run, too");
    }
}

#[test]
fn a_capture_is_judged_again_without_the_endpoint() {
    let (place, wrong) = (folder(), openai(&["--quirk", "no-done"]));
    let url = wrong.url.clone();
    let arguments = ["check", &url, "--model", "gpt-4o", "--key-env", "PROOFLOAD_TEST_KEY", "--seed", "7"];
    let first = say(place.path(), &[&arguments[..], &["--format", "json", "--no-out", "--capture", "kept"]].concat());
    assert_eq!(first.code, 1, "{}\n{}", first.out, first.err);
    drop(wrong);
    let again = say(place.path(), &["replay", "kept", "--format", "json", "--no-out"]);
    assert_eq!(again.code, 1, "{}\n{}", again.out, again.err);
    let (first, again) = (first.json(), again.json());
    assert_eq!(first["checks"], again["checks"], "every rule comes to the same, evidence included");
    assert!(first["checks"].as_object().expect("rules").len() > 50);
    let lines = fs::read_to_string(place.path().join("kept/exchanges.jsonl")).expect("lines");
    let streamed = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    assert!(streamed.filter(|line| line["arrivals"].as_array().expect("arrivals").len() > 3).count() > 0);
    let taken = say(place.path(), &[&arguments[..], &["--capture", "kept"]].concat());
    assert_eq!(taken.code, 2, "a capture is never overwritten");
    fs::write(place.path().join("kept/exchanges.jsonl"), lines.replacen("\"seq\"", "\"sequence\"", 1))
        .expect("written");
    let broken = say(place.path(), &["replay", "kept"]);
    assert_eq!((broken.code, broken.err.contains("line 1 of exchanges.jsonl")), (2, true), "{}", broken.err);
}

#[test]
fn a_dry_run_prints_every_request_and_sends_none() {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let server = Raw::start(move |stream, _| {
        count.fetch_add(1, Ordering::Relaxed);
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    let place = folder();
    let arguments = ["check", &server.url(), "--key-env", "PROOFLOAD_TEST_KEY", "--seed", "7"];
    let dry = say(place.path(), &[&arguments[..], &["--dry-run", "--model", "m"]].concat());
    assert_eq!((dry.code, heard.load(Ordering::Relaxed)), (0, 0), "{}", dry.err);
    assert!(dry.out.contains("# basic\ncurl -sS ") && dry.out.contains("# auth-missing\ncurl "), "{}", dry.out);
    assert!(!dry.out.contains(KEY) && !place.path().join("runs").exists());
    let commands = dry.out.lines().filter(|line| line.starts_with("curl ")).count();
    let wet = say(place.path(), &[&arguments[..], &["--model", "m", "--format", "json", "--no-out"]].concat());
    assert!(heard.load(Ordering::Relaxed) > 0);
    // What is made from replies cannot be printed beforehand.
    assert!(commands > 5 && commands as u64 <= wet.json()["requests"].as_u64().expect("requests"), "{}", wet.out);
}

#[test]
fn every_report_says_the_same_and_can_be_printed_again() {
    let (place, wrong) = (folder(), openai(&["--quirk", "no-done"]));
    let reports = ["junit=a.xml", "markdown=a.md", "html=a.html", "json=a.json", "text=a.txt"];
    let mut arguments = vec!["--out", "kept", "--area", "stream,auth"];
    arguments.extend(reports.iter().flat_map(|report| ["--report", report]));
    let key = ["check", &wrong.url, "--model", "gpt-4o", "--key-env", "PROOFLOAD_TEST_KEY", "--format", "text"];
    let said = say(place.path(), &[&key[..], &arguments].concat());
    assert_eq!(said.code, 1, "{}\n{}", said.out, said.err);
    let read = |name: &str| fs::read_to_string(place.path().join(name)).expect("a report");
    assert_eq!(read("a.txt"), said.out);
    for (format, file) in [("text", "a.txt"), ("json", "a.json"), ("markdown", "a.md"), ("html", "a.html")] {
        let again = say(place.path(), &["report", "kept", "--format", format]);
        assert_eq!((again.code, again.out), (0, read(file)), "{format}");
    }
    let sheet: Value = serde_json::from_str(&read("a.json")).expect("JSON");
    let report = quick_junit::Report::deserialize_from_str(&read("a.xml")).expect("JUnit");
    let of =
        |status: &str| sheet["checks"].as_object().expect("rules").values().filter(|c| c["status"] == status).count();
    assert_eq!(report.tests, sheet["checks"].as_object().expect("rules").len());
    assert_eq!(report.failures, of("FAIL"));
    assert!(report.test_suites.iter().map(|suite| suite.name.as_str()).eq(["auth", "stream"]));
    assert!(read("a.md").contains("## FAIL") && read("a.html").contains("<!DOCTYPE html>"));
    assert!(read("a.html").contains("default-src 'none'") && !read("a.html").contains("<script"), "self-contained");
    let bug = say(place.path(), &["report", "kept", "--finding", DONE, "--format", "markdown"]);
    assert!(bug.code == 0 && bug.out.contains("**Expected:**") && bug.out.contains("```sh\ncurl "), "{}", bug.out);
    assert_eq!(say(place.path(), &["report", "kept", "--finding", "nothing"]).code, 2);
    fs::write(place.path().join("kept/conformance.json"), "{}").expect("written");
    assert_eq!(say(place.path(), &["report", "kept"]).code, 4);
}

#[test]
fn several_models_give_one_matrix() {
    let (place, right, wrong) = (folder(), openai(&[]), openai(&["--quirk", "no-done"]));
    let arguments = ["check", &right.url, &wrong.url, "--model", "gpt-4o,gpt-4o-mini", "--only", FEW, "--no-out"];
    let key = ["--key-env", "PROOFLOAD_TEST_KEY"];
    let said = say(place.path(), &[&arguments[..], &key].concat());
    assert_eq!(said.code, 1, "{}", said.err);
    let row = said.out.lines().find(|line| line.trim_start().starts_with(DONE)).expect("a row of the matrix");
    assert_eq!(row.split_whitespace().skip(1).filter(|cell| *cell == "FAIL").count(), 2, "{row}");
    let said = say(place.path(), &[&arguments[..], &key, &["--format", "json"]].concat());
    assert_eq!(said.json()["runs"].as_array().expect("runs").len(), 4);
}

#[test]
fn only_what_a_gateway_breaks_itself_fails() {
    let (place, right, wrong) = (folder(), openai(&[]), openai(&["--quirk", "no-done"]));
    for (gateway, upstream, code, origin) in [
        (&wrong, &right, 1, json!("introduced")),
        (&wrong, &wrong, 0, json!("passed through")),
        (&right, &wrong, 0, json!("repaired")),
        (&right, &right, 0, Value::Null),
    ] {
        let behind = ["--upstream", &upstream.url, "--upstream-key-env", "PROOFLOAD_TEST_KEY", "--no-out"];
        let said = few(place.path(), &gateway.url, &behind);
        assert_eq!((said.code, &said.json()["checks"][DONE]["origin"]), (code, &origin), "{}", said.out);
    }
}

#[test]
fn the_key_of_a_gateway_stays_with_it() {
    let place = folder();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let upstream = Raw::start(move |stream, request| {
        seen.lock().expect("no panic").push(request.head.clone());
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    let gateway =
        Raw::start(|stream, _| reply(stream, "200 OK", "application/json", completion().to_string().as_bytes()));
    let secret = ["--header", "x-inner=${PROOFLOAD_TEST_KEY}", "--header", "cookie=a", "--header", "x-team=blue"];
    let arguments = ["--upstream", &upstream.url(), "--no-out"];
    let said = few(place.path(), &gateway.url(), &[&arguments[..], &secret].concat());
    assert_eq!(said.json()["verdict"], "pass", "{}", said.out);
    let without = std::mem::take(&mut *heads.lock().expect("no panic"));
    assert!(!without.is_empty());
    for head in without.iter().map(|head| head.to_lowercase()) {
        assert!(!head.contains(KEY) && !head.contains("authorization") && !head.contains("cookie"), "{head}");
        assert!(head.contains("x-team: blue"), "{head}");
    }
    let own = ["--upstream-key-env", "PROOFLOAD_TEST_KEY"];
    assert_eq!(few(place.path(), &gateway.url(), &[&arguments[..], &own].concat()).code, 0);
    assert!(heads.lock().expect("no panic").iter().any(|head| head.contains(KEY)));
}

#[test]
fn a_suite_during_a_load_lists_what_breaks_under_it_only() {
    let place = folder();
    let loads = Arc::new(AtomicUsize::new(0));
    let server = Raw::start(move |stream, request| {
        // Only the load asks for 9 tokens; once it does, all else is answered wrongly.
        if String::from_utf8_lossy(&request.body).contains("\"max_tokens\":9") {
            loads.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(20));
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        let mut body = completion();
        if loads.load(Ordering::SeqCst) > 0 {
            body["choices"] = json!([]);
        }
        reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
    });
    fs::write(
        place.path().join("load.toml"),
        "[target]\nurl = \"builtin\"\n[load.closed]\nconcurrency = 2\ncount = 5\n\
         [[case]]\nmax_tokens = 9\nmessages = [{ role = \"user\", content = \"{{unique}} hi\" }]\n",
    )
    .expect("written");
    let rules = ["--only", "resp-choices-nonempty,auth-valid-accepted", "--model", "m", "--format", "json", "--no-out"];
    let rest = say(place.path(), &[&["check", &server.url()][..], &rules].concat());
    assert_eq!(rest.code, 0, "{}", rest.out);
    let url = server.url();
    let loaded = say(place.path(), &[&["check", &url, "--while", "load.toml"][..], &rules].concat());
    assert_eq!((loaded.code, loaded.status("resp-choices-nonempty").as_str()), (1, "FAIL"), "{}", loaded.err);
    assert!(loaded.out.contains("PASS at rest, broken under load"), "{}", loaded.out);
}

#[test]
fn the_first_failure_ends_a_run_that_is_to_fail_fast() {
    let (place, wrong) = (folder(), openai(&["--quirk", "no-done"]));
    let arguments = ["check", &wrong.url, "--model", "gpt-4o", "--key-env", "PROOFLOAD_TEST_KEY", "--format", "json"];
    let whole = say(place.path(), &[&arguments[..], &["--no-out"]].concat());
    let fast = say(place.path(), &[&arguments[..], &["--no-out", "--fail-fast", "--jobs", "1"]].concat());
    assert_eq!((whole.code, fast.code), (1, 1));
    let requests = |said: &Said| said.json()["requests"].as_u64().expect("requests");
    assert!(requests(&fast) < requests(&whole), "{} of {}", requests(&fast), requests(&whole));
    assert!(fast.out.contains("--fail-fast"));
}

#[test]
fn a_job_of_github_actions_gets_annotations_and_a_summary() {
    let (place, wrong) = (folder(), openai(&["--quirk", "no-done"]));
    let output = program()
        .current_dir(place.path())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", place.path().join("summary.md"))
        .env("PROOFLOAD_TEST_KEY", KEY)
        .args(["check", &wrong.url, "--key-env", "PROOFLOAD_TEST_KEY", "--only", FEW, "--model", "gpt-4o"])
        .args(["--no-out", "--quiet", "--format", "json"])
        .output()
        .expect("runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.lines().any(|line| line.starts_with("::error title=FAIL stream-done-present::")), "{err}");
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok(), "stdout is the report's");
    assert!(fs::read_to_string(place.path().join("summary.md")).expect("a summary").contains("## FAIL"));
}

/// A server that says what it was told, in every member that ends up in a report.
fn echoing() -> Raw {
    Raw::start(|stream, request| {
        let echo = json!(format!("{} {}", request.head, String::from_utf8_lossy(&request.body)));
        let body = json!({"id": echo, "object": echo, "created": 1, "model": echo, "detail": echo, "usage": echo,
            "choices": [{"index": echo, "finish_reason": echo, "message": {"role": echo, "content": echo}}]});
        reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
    })
}

const ALL_REPORTS: [&str; 10] = [
    "--report",
    "junit=a.xml",
    "--report",
    "markdown=a.md",
    "--report",
    "html=a.html",
    "--report",
    "json=a.json",
    "--report",
    "text=a.txt",
];

#[test]
fn no_artefact_holds_a_secret() {
    let (place, server) = (folder(), echoing());
    let url = server.url();
    let arguments = ["check", &url, "--model", "m", "--key-env", "PROOFLOAD_TEST_KEY", "--tier", "intrusive"];
    let said = say(place.path(), &[&arguments[..], &["--capture", "kept"], &ALL_REPORTS].concat());
    let written = everything_below(place.path());
    assert!(written.len() >= 8, "reports, the run folder and the capture: {}", written.len());
    let replayed = say(place.path(), &["replay", "kept", "--verbose", "--no-out"]);
    for (name, bytes) in written.iter().cloned().chain([
        ("out".to_owned(), said.out.into()),
        ("err".into(), said.err.into()),
        ("replay".into(), replayed.out.into()),
    ]) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(KEY), "{name}");
        if name.ends_with("exchanges.jsonl") {
            for line in text.lines() {
                let line: Value = serde_json::from_str(line).expect("JSON");
                for member in ["request", "body"] {
                    use base64::Engine as _;
                    let bytes = base64::engine::general_purpose::STANDARD.decode(line[member].as_str().expect("text"));
                    assert!(!String::from_utf8_lossy(&bytes.expect("base64")).contains(KEY), "{name}: {member}");
                }
            }
        }
    }
}

#[test]
fn no_bodies_keeps_prompts_and_replies_out_of_every_artefact() {
    let (place, server) = (folder(), echoing());
    let url = server.url();
    let arguments = ["check", &url, "--model", "m", "--key-env", "PROOFLOAD_TEST_KEY", "--no-bodies", "--verbose"];
    let said = say(place.path(), &[&arguments[..], &ALL_REPORTS].concat());
    let mut written = everything_below(place.path());
    written.push(("out".to_owned(), said.out.into_bytes()));
    assert!(written.len() >= 7);
    for (name, bytes) in written {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("Reply with the single word") && !text.contains("POST /v1"), "{name}: {text}");
    }
}

#[test]
fn no_bodies_keeps_every_word_of_a_wrong_reply_out() {
    const WORD: &str = "plumtree";
    let place = folder();
    let server = Raw::start(|stream, request| {
        let mut body = completion();
        let plain = String::from_utf8_lossy(&request.body).contains("Reply with the single word");
        body["choices"][0]["message"]["content"] = json!(format!("{WORD} <tool_call>"));
        for member in ["object", "id", "model"] {
            body[member] = json!([WORD]);
        }
        body["metadata"] = json!({(WORD): {(WORD): 3}});
        body["usage"][WORD] = json!(WORD);
        body["choices"][0]["finish_reason"] = json!(WORD);
        let refusal = json!({"error": {"message": format!("{WORD} n tools logprobs"), "param": WORD, "code": WORD}});
        let kind = format!("application/{WORD}");
        let (status, kind, body) =
            if plain { ("200 OK", "application/json", body) } else { ("418 No", &*kind, refusal) };
        reply(stream, status, kind, body.to_string().as_bytes())
    });
    let url = server.url();
    let arguments = ["check", &url, "--model", "m", "--key-env", "PROOFLOAD_TEST_KEY", "--no-bodies", "--verbose"];
    let said = say(place.path(), &[&arguments[..], &ALL_REPORTS, &["--tier", "full"]].concat());
    let mut written = everything_below(place.path());
    written.push(("out".to_owned(), said.out.into_bytes()));
    written.push(("err".to_owned(), said.err.into_bytes()));
    assert!(written.len() >= 7 && said.code == 1);
    for (name, bytes) in written {
        assert!(!String::from_utf8_lossy(&bytes).contains(WORD), "{name}: {}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn every_row_is_listed_and_explained() {
    let place = folder();
    let listed = say(place.path(), &["check", "--list", "--format", "json"]).json();
    let rows = listed.as_array().expect("rows");
    assert_eq!(rows.len(), 383);
    assert!(rows.iter().all(|row| row["implemented"] == true && row["since"].is_string()));
    assert_eq!(say(place.path(), &["check", "--list"]).out.lines().count(), 383);
    assert!(say(place.path(), &["check", "--explain", DONE]).out.contains("since   0.1.0"));
}

#[test]
fn an_interrupt_ends_a_check_with_what_has_come() {
    let (place, (came, coming)) = (folder(), std::sync::mpsc::channel());
    let seen = AtomicUsize::new(0);
    // The plain request is answered, no other ever is.
    let server = Raw::start(move |stream, _| {
        if seen.fetch_add(1, Ordering::SeqCst) == 0 {
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        let _ = came.send(());
        std::thread::park();
        false
    });
    let child = program()
        .current_dir(place.path())
        .args(["check", &server.url(), "--model", "m", "--header", "authorization=Bearer x", "--format", "json"])
        .args(["--no-out", "--quiet", "--jobs", "1"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("runs");
    coming.recv().expect("a second request");
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let sheet: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((sheet["verdict"].as_str(), sheet["requests"].as_u64()), (Some("invalid"), Some(1)), "{sheet}");
    assert_eq!(sheet["checks"]["auth-valid-accepted"]["status"], "PASS");
    assert_eq!(sheet["checks"]["auth-missing-rejected"]["status"], "SKIP");
}
