//! Secrets in what users write wrongly, sent to other hosts, made public, or that are words of the protocol.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use crate::harness::{Raw, Served, completion, program, reply, shared};

const KEY: &str = "sk-key-0123456789abcdef";

fn carry_out(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output: Output =
        program().current_dir(folder).env("PROOFLOAD_TEST_KEY", KEY).args(arguments).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_is_written_wrongly_is_told_without_its_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let addresses = [
        "http://me:hunter22@h:99999/v1",
        "http://me:hunt/er22@h/v1",
        "me:hunter22@h/v1",
        "ftp://me:hunter22@h/v1?sig=hunter22",
    ];
    let mut commands: Vec<Vec<&str>> = Vec::new();
    for address in &addresses {
        commands.extend([
            vec!["run", "smoke", "--url", address],
            vec!["run", "smoke", "--url", "http://h/v1", "--scrape", address],
            vec!["run", "smoke", "--url", "http://h/v1", "--repeat", "2", "--against", address],
            vec!["check", "http://h/v1", "--upstream", address, "--dry-run", "--tier", "none"],
            vec!["capacity", "capacity", "--url", address],
        ]);
    }
    let set: Vec<String> = addresses.iter().map(|address| format!("target.proxy={address}")).collect();
    commands.extend(set.iter().map(|set| vec!["run", "smoke", "--url", "http://h/v1", "--set", set]));
    commands.extend([
        vec!["check", "http://me:hunter22@h:99999/v1"],
        vec!["run", "smoke", "--header", "Bearer hunter22"],
        vec!["run", "smoke", "--header", "x-api-key: hunter22"],
        vec!["run", "smoke", "--hedaer=x-api-key=hunter22"],
        vec!["run", "smoke", "--url", "http://h/v1", "--header", "x-api-key=hunter22\u{1}"],
        vec!["run", "smoke", "--url", "http://h/v1", "--set", "target.headers.cookie=hunter22\u{1}"],
        vec!["run", "http://me:hunter22@h/v1"],
        vec!["report", "http://me:hunter22@h/v1"],
    ]);
    for command in commands {
        let (code, stdout, stderr) = carry_out(folder.path(), &command);
        assert_eq!(code, Some(2), "{command:?}: {stderr}");
        for part in ["hunter22", "er22@", "hunt/"] {
            assert!(!stderr.contains(part) && !stdout.contains(part), "{command:?}: {stderr}{stdout}");
        }
    }
}

#[test]
fn the_drawing_of_a_fault_holds_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    for (profile, shown) in [
        (
            "[target]\nurl = \"ftp://me:hunter22@h/v1?api-key=hunter33\"\nproxy = \"x://me:hunter22@h\"\n\
             headers = { \"x-api-key\" = \"hunter44\", \"bad name\" = \"1\" }\n",
            "ftp://***********@h/v1?api-key=********",
        ),
        (
            "[target]\nurl = \"http://h\"\nheaders = { client_secret = \"hunter44\", = 2 }\n",
            "client_secret = \"********\"",
        ),
        (
            "[target]\nurl = \"http://h\"\nkey_env = 7\nheaders = { authorization = \"Basic hunter44\" }\nconcurrency =\n",
            "key_env = 7",
        ),
        ("[target]\nurl = \"http://h\"\n[goodput]\nfirst_token = \"5 parsecs\"\n", "first_token = \"5 parsecs\""),
    ] {
        fs::write(folder.path().join("p.toml"), profile).expect("written");
        let (code, _, stderr) = carry_out(folder.path(), &["run", "p.toml"]);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(!stderr.contains("hunter"), "{stderr}");
        assert!(stderr.contains(shown), "{shown} is not in {stderr}");
    }
}

/// A server that keeps the head of every request.
fn listening() -> (Raw, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&heads);
    let server = Raw::start(move |stream, request| {
        own.lock().expect("heads").push(request.head.to_lowercase());
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    (server, heads)
}

#[test]
fn no_secret_crosses_to_another_origin_by_itself() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, our_heads) = listening();
    let profile = format!(
        "[target]\nurl = \"{}\"\nmodel = \"m\"\nkey_env = \"PROOFLOAD_TEST_KEY\"\n\
         headers = {{ x-team = \"red\", x-api-key = \"literal-0123456789\", x-region = \"${{PROOFLOAD_TEST_KEY}}\" }}\n\
         [load.closed]\nconcurrency = 1\ncount = 2\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
        ours.url()
    );
    fs::write(folder.path().join("p.toml"), profile).expect("written");
    for (more, has_key) in [
        (&[][..], false),
        (&["--against-key-env", "PROOFLOAD_TEST_KEY", "--against-header", "x-api-key=its-own-key"], true),
    ] {
        let (theirs, their_heads) = listening();
        let url = theirs.url();
        let set = ["--header", "x-functions-key=f-0123456789", "--set", "target.headers.cookie=c-0123456789"];
        let arguments = [&["run", "p.toml", "--repeat", "1", "--no-out", "--against", &url][..], &set, more].concat();
        let (code, _, stderr) = carry_out(folder.path(), &arguments);
        assert!(matches!(code, Some(0..=3)), "{stderr}");
        let heads = their_heads.lock().expect("heads").join("\n");
        assert!(heads.contains("x-team: red"), "{heads}");
        for secret in ["literal-0123456789", "x-region", "f-0123456789", "c-0123456789"] {
            assert!(!heads.contains(secret), "{secret}: {heads}");
        }
        assert_eq!(heads.contains(KEY), has_key, "{heads}");
        assert_eq!(heads.contains("x-api-key: its-own-key"), has_key, "{heads}");
        assert_eq!(stderr.contains("--against-key-env"), !has_key, "{stderr}");
    }
    let heads = our_heads.lock().expect("heads").join("\n");
    for secret in [KEY, "literal-0123456789", "f-0123456789", "c-0123456789"] {
        assert!(heads.contains(secret), "{secret}");
    }
    // Of the same origin, it is the same endpoint.
    let before = our_heads.lock().expect("heads").len();
    carry_out(folder.path(), &["run", "p.toml", "--repeat", "1", "--no-out", "--against", &format!("{}/", ours.url())]);
    let heads = our_heads.lock().expect("heads")[before..].to_vec();
    assert!(!heads.is_empty() && heads.iter().all(|head| head.contains(KEY)), "{heads:?}");
}

#[test]
fn a_public_header_is_shown_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = [
        "run",
        "smoke",
        "--url",
        "http://h/v1",
        "--model",
        "m",
        "--dry-run=1",
        "--header",
        "x-cache-key=tenant-0123456789",
    ];
    let (_, hidden, _) = carry_out(folder.path(), &arguments);
    let (_, shown, _) = carry_out(folder.path(), &[&arguments[..], &["--public-header", "X-Cache-Key"]].concat());
    assert!(hidden.contains("x-cache-key: ***"), "{hidden}");
    assert!(shown.contains("x-cache-key: tenant-0123456789"), "{shown}");
}

#[test]
fn a_key_that_is_a_word_of_the_protocol_changes_no_verdict() {
    let _machine = shared();
    for key in ["function", "token", "null", "chat", "chat.completion"] {
        let folder = tempfile::tempdir().expect("a folder");
        let endpoint = Served::start(&["--dialect", "openai"]);
        let arguments =
            ["check", &endpoint.url, "--model", "gpt-4o", "--dialect", "openai", "--key-env", "THE_KEY", "--seed", "1"];
        let judged = |arguments: &[&str]| {
            let output =
                program().current_dir(folder.path()).env("THE_KEY", key).args(arguments).output().expect("runs");
            let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
            let rows = report["checks"].as_object().expect("checks").iter();
            let rows: Vec<(String, String)> = rows.map(|(id, row)| (id.clone(), row["status"].to_string())).collect();
            (rows, String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let kept = ["--format", "json", "--no-out", "--capture", "capture"];
        let (checked, stderr) = judged(&[&arguments[..], &kept].concat());
        assert!(stderr.contains("is a word of the protocol itself"), "{stderr}");
        let (replayed, _) = judged(&["replay", "capture", "--format", "json", "--no-out"]);
        let differing: Vec<_> = checked.iter().zip(&replayed).filter(|(one, other)| one != other).collect();
        // Rules on other keys ask for what only sending tells.
        assert!(differing.is_empty(), "{key}: {differing:?}");
    }
}
