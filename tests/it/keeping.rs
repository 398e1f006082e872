//! Where a command keeps what it measured: places that cannot be written to are found before anything is sent, and what can
//! no longer be kept at the end costs nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::conformance::{folder, openai, say};
use crate::harness::{Raw, completion, program, reply, shared};

/// A profile of one case, by whole replies.
const PROFILE: &str = "goals = [\"error_rate <= 50%\"]\n[target]\ndialect = \"openai\"\n[load.closed]\nconcurrency = 1\ncount = 4\n\
                       [[case]]\nmessages = [{ role = \"user\", content = \"{{unique}}\" }]\n";

/// What a command said, run in a folder that holds the profile `p.toml`.
fn said(place: &Path, arguments: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = program();
    command.current_dir(place).env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    said_by(command.args(arguments).envs(env.iter().copied()))
}

fn said_by(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code().expect("an exit code"), text(&stdout), text(&stderr))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A server that counts requests and answers each with that status.
fn counting(status: &'static str) -> (Raw, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let heard = Arc::clone(&count);
    let server = Raw::start(move |stream, _| {
        heard.fetch_add(1, Ordering::SeqCst);
        reply(stream, status, "application/json", completion().to_string().as_bytes())
    });
    (server, count)
}

/// A command, what it is given further, its environment, and what it is to say.
type Refused<'c> = (&'c [&'c str], &'c [&'c str], &'c [(&'c str, &'c str)], &'c str);

#[test]
fn a_place_that_cannot_be_written_to_is_found_before_anything_is_sent() {
    let _machine = shared();
    let (server, count) = counting("200 OK");
    let url = server.url();
    let place = folder();
    let file = |name: &str, text: &str| fs::write(place.path().join(name), text).expect("written");
    file("p.toml", PROFILE);
    file("file", "");
    fs::create_dir(place.path().join("folder")).expect("made");
    let before = names(place.path());
    let job = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "/dev/full")];
    let none: &[(&str, &str)] = &[];
    // No model is named: the endpoint would be asked for it first.
    let run = ["run", "p.toml", "--url", &url];
    let check = ["check", &url];
    let cases: [Refused<'_>; 17] = [
        (&run, &["--out", "/proc/nope"], none, "/proc/nope"),
        (&run, &["--out", "file"], none, "file"),
        (&run, &["--out", "file/below"], none, "file/below"),
        (&run, &["--report", "junit=/dev/full"], none, "/dev/full"),
        (&run, &["--report", "json=made.json", "--report", "html=none/x.html"], none, "mkdir -p none"),
        (&run, &["--report", "html=folder"], none, "name a file in it"),
        (&run, &["--journal", "--out", "/proc/nope"], none, "/proc/nope"),
        (&run, &["--no-out"], &job, "/dev/full"),
        (&run, &["--sweep", "concurrency=1,2", "--out", "/proc/nope"], none, "/proc/nope"),
        (&run, &["--repeat", "2", "--out", "/proc/nope"], none, "/proc/nope"),
        (&check, &["--capture", "/proc/nope"], none, "/proc/nope"),
        (&check, &["--capture", "made", "--out", "file"], none, "file"),
        (&check, &["--report", "junit=/dev/full"], none, "/dev/full"),
        (&check, &["--baseline", "none/known.toml", "--update-baseline"], none, "mkdir -p none"),
        (&check, &["--no-out"], &job, "/dev/full"),
        (&["capacity", "p.toml", "--url", &url], &["--out", "/proc/nope"], none, "/proc/nope"),
        (&["capacity", "p.toml", "--url", &url], &["--out", "file"], none, "file"),
    ];
    for (command, more, env, tells) in cases {
        let (code, out, err) = said(place.path(), &[command, more].concat(), env);
        assert_eq!((code, out.as_str()), (2, ""), "{command:?} {more:?}: {err}");
        assert!(err.contains("error: cannot ") && err.contains(tells), "{command:?} {more:?}: {err}");
        assert_eq!(names(place.path()), before, "{command:?} {more:?} leaves nothing behind");
    }
    // The folder of runs, which nobody names.
    file("runs", "");
    for command in [&run[..], &check, &["capacity", "p.toml", "--url", &url]] {
        let (code, out, err) = said(place.path(), command, none);
        assert_eq!((code, out.as_str()), (2, ""), "{command:?}: {err}");
        assert!(err.contains("runs") && err.contains("a file is in the way"), "{command:?}: {err}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "nothing was sent");
}

#[test]
fn a_command_that_ends_before_it_has_anything_to_keep_leaves_no_folder() {
    let _machine = shared();
    let (server, count) = counting("401 Unauthorized");
    let url = server.url();
    let place = folder();
    fs::write(place.path().join("p.toml"), PROFILE).expect("written");
    for more in [&[][..], &["--out", "a/b"], &["--repeat", "2"], &["--sweep", "concurrency=1,2"]] {
        let arguments = [&["run", "p.toml", "--url", &url, "--model", "m"], more].concat();
        let (code, _, err) = said(place.path(), &arguments, &[]);
        assert_eq!(code, 3, "{more:?}: {err}");
        assert_eq!(names(place.path()), ["p.toml"], "{more:?}");
    }
    assert!(count.load(Ordering::SeqCst) > 0);
}

#[test]
fn what_can_no_longer_be_kept_costs_nothing_else() {
    let _machine = shared();
    // A run that says of itself that it cannot be believed, since the machine was too busy, is made again.
    for last in [false, false, true] {
        let place = folder();
        fs::write(place.path().join("p.toml"), PROFILE).expect("written");
        fs::create_dir(place.path().join("gone")).expect("made");
        let (out, gone) = (place.path().join("out"), place.path().join("gone"));
        let server = Raw::start(move |stream, _| {
            // A file takes the place of the folder, which a checkpoint may be about to make again.
            while !out.is_file() && fs::write(&out, "").is_err() {
                let _ = fs::remove_dir_all(&out);
            }
            let _ = fs::remove_dir(&gone);
            reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
        });
        let url = server.url();
        let run = ["run", "p.toml", "--url", &url, "--model", "m", "--no-preflight", "--format", "json"];
        let keep = ["--out", "out", "--report", "json=gone/a.json", "--report", "junit=b.xml"];
        let (code, out, err) = said(place.path(), &[&run[..], &keep].concat(), &[]);
        let digest: serde_json::Value = serde_json::from_str(&out).expect("the report is on stdout all the same");
        assert_eq!(digest["requests"]["planned"], 4);
        let junit = fs::read_to_string(place.path().join("b.xml")).expect("the other report is written");
        assert!(junit.trim_end().ends_with("</testsuites>"), "{junit}");
        assert!(err.contains("error: the run could not be kept"), "{err}");
        assert!(err.contains("error: the report gone/a.json could not be kept"), "{err}");
        assert_eq!(names(place.path()), ["b.xml", "out", "p.toml"]);
        if digest["trust"]["verdict"] == "invalid" && !last {
            continue;
        }
        assert_eq!((code, &digest["verdict"]), (5, &json!("pass")), "{err}");
        return;
    }
}

#[test]
fn a_report_that_nobody_can_read_from_stdout_is_not_kept_either() {
    let _machine = shared();
    let (server, _) = counting("200 OK");
    let url = server.url();
    let place = folder();
    fs::write(place.path().join("p.toml"), PROFILE).expect("written");
    let mut command = program();
    command.current_dir(place.path()).args(["run", "p.toml", "--url", &url, "--model", "m", "--no-preflight"]);
    command.args(["--report", "json=a.json", "--out", "out"]);
    let output = command.stdout(fs::File::create("/dev/full").expect("opens")).output().expect("runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("error: the report on stdout could not be kept: No space left on device"), "{err}");
    let text = fs::read_to_string(place.path().join("a.json")).expect("written");
    let digest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let expected = if digest["verdict"] == "pass" { 5 } else { 3 };
    assert_eq!(output.status.code(), Some(expected), "{err}");
    assert_eq!(names(&place.path().join("out")), ["report.html", "summary.json"]);
}

#[test]
fn what_was_found_of_one_endpoint_is_not_lost_when_the_next_cannot_be_asked() {
    let right = openai(&[]);
    let unclear = Raw::start(|stream, _| {
        let models =
            json!({"object": "list", "data": [{"id": "a", "object": "model"}, {"id": "b", "object": "model"}]});
        reply(stream, "200 OK", "application/json", models.to_string().as_bytes())
    });
    let place = folder();
    let profile = format!(
        "[target]\nurl = \"{}\"\nmodel = \"gpt-4o\"\nkey_env = \"PROOFLOAD_TEST_KEY\"\n[load.closed]\nconcurrency = 1\ncount = 1\n\
         [[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
        right.url
    );
    fs::write(place.path().join("p.toml"), profile).expect("written");
    let check = ["check", "p.toml", &unclear.url(), "--only", "resp-status-200", "--format", "json", "--out", "out"];
    let said = say(place.path(), &check);
    assert_eq!((said.code, said.err.contains("choose one with --model: a, b")), (2, true), "{}", said.err);
    assert_eq!(said.status("resp-status-200"), "PASS", "{}", said.out);
    assert!(place.path().join("out/conformance.json").exists());
}

/// A disk of so many kilobytes, in a mount of its own that ends with its shell; where this user may make one.
fn on_a_small_disk(folder: &Path, kilobytes: u32, script: &str) -> Option<(i32, String, String)> {
    let mount = format!("mount -t tmpfs -o size={kilobytes}k none disk && {{ {script}\n}}");
    let may = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|done| done.status.success());
    may.then(|| said_by(Command::new("unshare").args(["-rm", "sh", "-c", &mount]).current_dir(folder)))
}

#[test]
fn a_full_disk_is_found_before_or_told_after() {
    let _machine = shared();
    let (server, count) = counting("200 OK");
    let place = folder();
    fs::write(place.path().join("p.toml"), PROFILE).expect("written");
    fs::create_dir(place.path().join("disk")).expect("made");
    let run = format!(
        "{} run p.toml --url {} --model m --no-preflight --format json --out disk/out",
        env!("CARGO_BIN_EXE_proofload"),
        server.url()
    );
    let full = format!("head -c 1m /dev/zero > disk/ballast; {run}");
    let Some((code, out, err)) = on_a_small_disk(place.path(), 64, &full) else { return };
    assert_eq!((code, out.as_str(), count.load(Ordering::SeqCst)), (2, "", 0), "{err}");
    assert!(err.contains("No space left on device") && err.contains("free some space"), "{err}");
    // Room for what is tried before, and not for what is kept.
    let script = format!("{run} && exit 99; code=$?; find disk -name '.*' >&2; exit $code");
    let (code, out, err) = on_a_small_disk(place.path(), 12, &script).expect("a disk");
    let digest: serde_json::Value = serde_json::from_str(&out).expect("the report is on stdout all the same");
    assert_eq!(digest["requests"]["planned"], 4);
    assert!(err.contains("could not be kept") && !err.contains("disk/out/."), "{err}");
    assert!([3, 5].contains(&code) && (code == 5) == (digest["verdict"] == "pass"), "{code}: {err}");
}

#[test]
fn files_of_another_format_are_refused_by_the_version_that_wrote_them() {
    let _machine = shared();
    let place = folder();
    fs::write(place.path().join("p.toml"), PROFILE).expect("written");
    // Each has members that are not known here, and lacks those that are.
    let files = [
        ("summary.json", json!({"format": 99, "proofload": "9.9.9", "news": true})),
        ("other.json", json!({"format": 99, "proofload": "9.9.9", "news": true})),
        ("conformance.json", json!({"conformance": 99, "proofload": "9.9.9", "news": true})),
        ("several/conformance.json", json!({"runs": [{"conformance": 99, "proofload": "9.9.9", "news": true}]})),
        ("capacity.json", json!({"capacity": 99, "proofload": "9.9.9", "news": true})),
        ("capture.json", json!({"capture": 99, "proofload": "9.9.9", "news": true})),
        ("exchanges.jsonl", json!({"news": true})),
    ];
    fs::create_dir(place.path().join("several")).expect("made");
    for (name, document) in files {
        fs::write(place.path().join(name), document.to_string()).expect("written");
    }
    let commands: [&[&str]; 9] = [
        &["report", "summary.json"],
        &["merge", "summary.json", "summary.json", "--no-out"],
        &["compare", "summary.json", "other.json"],
        &["report", "conformance.json"],
        &["report", "several"],
        &["capacity", "report", "capacity.json"],
        &["capacity", "plan", ".", "--demand", "10", "--price", "1"],
        &["capacity", "p.toml", "--url", "http://127.0.0.1:9/v1", "--resume", "."],
        &["replay", "."],
    ];
    for command in commands {
        let (code, out, err) = said(place.path(), command, &[]);
        assert_eq!((code, out.as_str()), (4, ""), "{command:?}: {err}");
        assert!(err.contains("was written by proofload 9.9.9 in format 99; this program is "), "{command:?}: {err}");
        assert!(err.contains("use proofload 9.9.9 to read it"), "{command:?}: {err}");
    }
    fs::create_dir(place.path().join("runs")).expect("made");
    fs::rename(place.path().join("summary.json"), place.path().join("runs/summary.json")).expect("moved");
    let (code, out, err) = said(place.path(), &["history"], &[]);
    assert_eq!((code, out.as_str()), (0, "no runs\n"));
    assert!(err.contains("was written by proofload 9.9.9 in format 99"), "{err}");
}
