//! What a user may hand to the program that is not what it should be: slips of the hand, files that are none, files that
//! are too large, damaged ones. The cause is told first, each fault once, and nothing is sent.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proofload::profile::flags::Flags;
use proofload::profile::load;
use proofload::profile::load::World;
use serde_json::{Value, json};

use crate::harness::program;

/// Runs the program in a folder; its exit code and stderr.
fn ran(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = program().args(arguments).current_dir(folder).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    (output.status.code().expect("an exit code"), stderr)
}

/// A dry run with these flags comes to so many faults, the first of them this, and says that.
fn told(folder: &Path, arguments: &[&str], (faults, first, part): (usize, &str, &str)) {
    let (exit, stderr) = ran(folder, &[&["run"], arguments, &["--dry-run=0"]].concat());
    let plural = if faults == 1 { "" } else { "s" };
    assert_eq!(exit, 2, "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().next(), Some(format!("error: {first}").as_str()), "{arguments:?}: {stderr}");
    assert!(stderr.ends_with(&format!("error: {faults} fault{plural} in the profile; nothing was sent\n")), "{stderr}");
    assert!(stderr.contains(part), "{arguments:?}: {stderr}");
}

/// Flags, and what they are told: how many faults, the first of them, and a part of the rest.
type Mistake = (&'static [&'static str], (usize, &'static str, &'static str));

#[test]
fn a_wrong_flag_is_told_as_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let mistakes: [Mistake; 17] = [
        (&["--set", "target.http=3"], (1, "http cannot be \"3\"", "expected auto or 1.1 or 2")),
        (&["--rate", "0", "--duration", "1s"], (2, "rate is too small", "the warm-up is as long as the whole run")),
        (&["--rate", "-5"], (1, "rate is too small", "--rate -5")),
        (&["--duration", "30"], (1, "\"30\" is not a duration", "such as 500ms, 30s")),
        (&["--duration", "3s"], (1, "the warm-up is as long as the whole run", "warmup = \"0s\"")),
        (&["--duration", "9999999999d"], (1, "\"9999999999d\" is too long", "at most 10 years")),
        (&["--concurrency", "0"], (1, "concurrency is too small", "at least 1")),
        (&["--count", "0"], (1, "count is too small", "at least 1")),
        (&["--key-env", "PROOFLOAD_NO_KEY"], (1, "the environment variable PROOFLOAD_NO_KEY is not set", "export")),
        (&["--set", "load.open.rat=5"], (1, "unknown key rat", "did you mean rate?")),
        (&["--set", "load.rate=5"], (1, "unknown key rate", "did you mean open.rate?")),
        (&["--set", "rate=5"], (1, "unknown key rate", "did you mean load.open.rate?")),
        (&["--set", "case.5.max_tokens=5"], (1, "there is no case.5", "case.0 is the first and case.1 the last")),
        (&["--input-tokens", "1k"], (1, "not a number of tokens", "write 1024")),
        (&["--tokenizer", "gpt-4o"], (1, "there is no tokenizer \"gpt-4o\"", "known are o200k_base")),
        (&["--dialect", "openAI"], (1, "no dialect is called \"openAI\"", "did you mean openai?")),
        (&["--goal", "p95 < 500"], (1, "unknown metric \"p95\"", "known are response_time")),
    ];
    for (flags, expected) in mistakes {
        let target = ["chat", "--url", "http://127.0.0.1:9/v1", "--model", "m"];
        told(folder.path(), &[&target, flags].concat(), expected);
    }
    for (address, part) in
        [("localhost:8000/v1", "did you mean \"http://localhost:8000/v1\"?"), ("127.0.0.1:80", "did you mean")]
    {
        let (exit, stderr) = ran(folder.path(), &["run", "chat", "--url", address, "--dry-run=0"]);
        assert!(exit == 2 && stderr.contains(part), "{stderr}");
    }
}

#[test]
fn where_a_string_is_asked_for_a_number_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = ["target.http=2", "name=7", "target.model=4", "labels.build=12", "case.0.user=42", "target.http=1.1"];
    for set in set {
        let flags = ["run", "chat", "--url", "http://127.0.0.1:9/v1", "--model", "m", "--dry-run=0", "--set", set];
        let (exit, stderr) = ran(folder.path(), &flags);
        assert_eq!(exit, 0, "{set}: {stderr}");
    }
}

const CASE: &str = "[[case]]\nmessages = [{ role = \"user\", content = \"hi\" }]\n";
const OPEN: &str = "[load.open]\nrate = 5\nduration = \"1s\"\n";

#[test]
fn a_wrong_profile_is_told_as_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = "[target]\nurl = \"builtin\"\n";
    let trace = |file: &str| {
        format!(
            "{target}[load.open]\narrivals = \"trace\"\ntrace = {{ file = \"{file}\" }}\n\
             [[case]]\ninput_tokens = \"trace\"\noutput_tokens = \"trace\"\n"
        )
    };
    let prompts = |file: &str| format!("{target}{OPEN}[[case]]\nprompt_files = [\"{file}\"]\n");
    for (name, text) in [
        ("bad.csv", "time,in,out\n0,many,5\n"),
        ("half.jsonl", "{\"prompt\":\"half \\ud83d pair\"}\n"),
        ("half.json", "[{\"conversations\":[{\"from\":\"human\",\"value\":\"cut \\ud83d\"}]}]\n"),
        ("comma.jsonl", "{\"prompt\":\"hi\",}\n"),
        ("text.jsonl", "{\"text\":\"hi\"}\n"),
        ("nothing.jsonl", ""),
        ("latin.txt", "x"),
    ] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    fs::write(folder.path().join("latin.txt"), b"caf\xe9").expect("written");
    let mistakes: [(String, (usize, &str, &str)); 19] = [
        ("target:\n  url: builtin\n".into(), (1, "key with no value, expected `=`", "a profile is TOML")),
        (
            "{\"target\": {\"url\": \"builtin\"}}\n".into(),
            (1, "invalid key-value pair, expected key", "a profile is TOML"),
        ),
        (
            format!("[target]\nurl = builtin\n{OPEN}{CASE}"),
            (1, "string values must be quoted, expected literal string", "2:7"),
        ),
        (
            format!("{target}{OPEN}{}", CASE.replace("[[case]]", "[case]")),
            (1, "case is a table, not an array", "[[case]]"),
        ),
        (format!("{target}[load]\nrate = 5\n{CASE}"), (1, "unknown key rate", "did you mean open.rate?")),
        (format!("{target}{CASE}"), (1, "no load is defined", "[load.open]")),
        (format!("{target}{OPEN}"), (1, "no case is defined", "[[case]]")),
        (format!("{OPEN}{CASE}"), (1, "target.url is missing", "builtin")),
        (
            format!("{target}[load.open]\nrate = \"5/s\"\nduration = 10\n{CASE}"),
            (2, "rate is a string, not a number", "duration is an integer"),
        ),
        (format!("{target}{OPEN}[[case]]\nprompt = \"hi\"\n"), (1, "unknown key prompt", "write messages = ")),
        (
            format!("{target}{OPEN}[[case]]\nmessages = \"hi\"\n"),
            (1, "messages is not what the pulze dialect asks for", "array"),
        ),
        (trace("bad.csv"), (1, "bad.csv:2: \"many\" is not a count of tokens", "trace")),
        (trace("nope.csv"), (1, "cannot read \"nope.csv\"", "relative to the profile")),
        (prompts("nope.jsonl"), (1, "cannot read \"nope.jsonl\"", "relative to the profile")),
        (
            prompts("text.jsonl"),
            (
                1,
                "text.jsonl:1: no prompt; a line is a JSON string, {\"prompt\": \"...\"}, {\"messages\": [...]}, or a line of a batch with a \"body\"",
                "prompt_files",
            ),
        ),
        (prompts("nothing.jsonl"), (1, "the prompt files hold no prompt", "prompt_files")),
        (prompts("latin.txt"), (1, "cannot read \"latin.txt\"", "it is not UTF-8 text: byte 4 is wrong")),
        (prompts("."), (1, "cannot read \".\"", "it is a folder, not a file")),
        (format!("seed = 99999999999999999999\n{target}{OPEN}{CASE}"), (1, "the integer is out of range", "64-bit")),
    ];
    for (text, expected) in mistakes {
        fs::write(folder.path().join("p.toml"), text).expect("written");
        told(folder.path(), &["p.toml"], expected);
    }
    for (file, place) in [("half.jsonl", "half.jsonl:1: half a character"), ("half.json", "half.json:1:")] {
        fs::write(folder.path().join("p.toml"), prompts(file)).expect("written");
        let (exit, stderr) = ran(folder.path(), &["run", "p.toml", "--dry-run=0"]);
        let said = ["half a character", "cut between the two halves", place];
        assert!(exit == 2 && said.iter().all(|part| stderr.contains(part)), "{stderr}");
    }
    fs::write(folder.path().join("p.toml"), prompts("comma.jsonl")).expect("written");
    let (_, stderr) = ran(folder.path(), &["run", "p.toml", "--dry-run=0"]);
    assert!(stderr.starts_with("error: comma.jsonl:1: no JSON: trailing comma at column 16; a line is"), "{stderr}");
}

#[test]
fn a_byte_order_mark_before_prompts_is_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let chats = "\u{feff}[{\"conversations\":[{\"from\":\"human\",\"value\":\"from the chats\"}]}]";
    for (name, text) in [("a.txt", "\u{feff}hi"), ("b.jsonl", "\u{feff}\"hi\"\n"), ("c.json", chats)] {
        fs::write(folder.path().join(name), text).expect("written");
        let profile = format!("[target]\nurl = \"builtin\"\n{OPEN}[[case]]\nprompt_files = [\"{name}\"]\n");
        fs::write(folder.path().join("p.toml"), profile).expect("written");
        let output =
            program().args(["run", "p.toml", "--dry-run=1"]).current_dir(folder.path()).output().expect("runs");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.contains("\"content\"") && !stdout.contains('\u{feff}'), "{name}: {stdout}");
    }
}

/// Runs the program with no more than 3 GiB of addresses.
fn bounded(folder: &Path, arguments: &str) -> (i32, String) {
    let command = format!("ulimit -v 3145728; exec '{}' {arguments}", program().get_program().to_string_lossy());
    let output = std::process::Command::new("sh").args(["-c", &command]).current_dir(folder).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), stderr)
}

#[test]
fn what_is_too_large_or_no_file_is_refused_before_it_fills_the_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let sparse = |name: &str, size: u64| {
        fs::File::create(folder.path().join(name)).and_then(|file| file.set_len(size)).expect("a sparse file");
    };
    sparse("big.txt", 1 << 30);
    sparse("big.jsonl", 1 << 30);
    sparse("big.json", 1 << 30);
    sparse("huge.jsonl", (1 << 30) + 1);
    sparse("summary.json", 1 << 30);
    sparse("capacity.json", 1 << 30);
    sparse("conformance.json", 1 << 30);
    sparse("capture.json", 1 << 30);
    sparse("p.toml", 1 << 30);
    sparse("tokenizer.json", 1 << 30);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().expect("runs");
    assert!(made.success());
    for (file, part) in [
        ("big.txt", "it has 1 GiB, and a prompt may have at most 16 MiB"),
        ("big.jsonl", "and a line may have at most 32 MiB"),
        ("big.json", "big.json:1:"),
        ("huge.jsonl", "and the prompt files of a profile together may have at most 1 GiB"),
        ("/dev/zero", "it is a device, not a file"),
        ("pipe", "it is a named pipe, not a file"),
        (".", "it is a folder, not a file"),
    ] {
        let profile = format!("[target]\nurl = \"builtin\"\n{OPEN}[[case]]\nprompt_files = [\"{file}\"]\n");
        fs::write(folder.path().join("prompts.toml"), profile).expect("written");
        let (exit, stderr) = bounded(folder.path(), "profile check prompts.toml");
        assert!(exit == 2 && stderr.contains(part) && stderr.contains("help: "), "{file}: {stderr}");
    }
    for (arguments, part) in [
        ("profile check /dev/zero", "it is a device, not a file"),
        ("profile check p.toml", "a profile may have at most 32 MiB"),
        ("profile check pipe", "it is a named pipe, not a file"),
        ("run quickstart --dry-run=0 --baseline /dev/zero", "it is a device, not a file"),
        ("run quickstart --dry-run=0 --tokenizer tokenizer.json", "a tokenizer may have at most 256 MiB"),
        ("report summary.json", "a summary may have at most 512 MiB; name the folder of a run"),
        ("report conformance.json", "a check may have at most 512 MiB"),
        ("compare /dev/zero summary.json", "it is a device, not a file"),
        ("capacity report capacity.json", "a search may have at most 512 MiB"),
        ("capacity plan capacity.json --demand /dev/zero", "a search may have at most 512 MiB"),
        ("replay .", "a capture may have at most 1 MiB"),
        ("profile new new.toml --from /dev/zero", "it is a device, not a file"),
        ("serve --token-gap trace:/dev/zero", "it is a device, not a file"),
    ] {
        let (exit, stderr) = bounded(folder.path(), arguments);
        assert!(exit == 2 && stderr.contains(part), "{arguments}: {exit} {stderr}");
    }
}

#[test]
fn what_the_shell_hands_on_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("p.toml"), format!("[target]\nurl = \"builtin\"\n{OPEN}{CASE}")).expect("written");
    let command = format!("cat p.toml | '{}' profile check /dev/stdin", program().get_program().to_string_lossy());
    let output =
        std::process::Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The least time of three that it takes to find the faults of a profile, and how many there are.
fn time_of(text: &str) -> (Duration, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("p.toml");
    fs::write(&path, text).expect("written");
    let world = World { env: &|_| None, today: "2026-11-22".to_owned(), salt: 1 };
    let timed = (0..3).map(|_| {
        let begun = Instant::now();
        let faults = match load(&path.to_string_lossy(), &Flags::default(), &world) {
            Ok(_) => 0,
            Err(problems) => {
                assert!(problems.draw(false).len() < 1 << 20, "however many there are, not all are drawn");
                problems.count()
            }
        };
        (begun.elapsed(), faults)
    });
    timed.min().expect("three times")
}

/// A profile with so many of something.
type Made<'m> = &'m dyn Fn(usize) -> String;

#[test]
fn ten_times_as_much_takes_about_ten_times_as_long_to_check() {
    let head = format!("[target]\nurl = \"builtin\"\n{OPEN}");
    let of = |line: &dyn Fn(usize) -> String, count: usize| (0..count).map(line).collect::<String>();
    let case = |number: usize| {
        format!("[[case]]\nname = \"c{number}\"\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n")
    };
    let key = |number: usize| format!("key{number} = 1\n");
    let wrong = |_: usize| "[[case]]\nweight = 0\nmessages = [{ role = \"user\", content = \"hi\" }]\n".to_owned();
    let profiles: [(&str, usize, Made); 3] = [
        ("cases", 1_000, &|count| format!("{head}{}", of(&case, count))),
        ("unknown keys", 3_000, &|count| format!("{head}{CASE}[limits]\n{}", of(&key, count))),
        ("wrong cases", 1_000, &|count| format!("{head}{}", of(&wrong, count))),
    ];
    for (what, few, profile) in profiles {
        let (first, second) = (time_of(&profile(few)).0, time_of(&profile(10 * few)).0);
        // What grows with the square takes a hundred times as long.
        assert!(second < 40 * first, "{what}: {first:?} for {few}, {second:?} for ten times as many");
    }
    assert_eq!(time_of(&profiles[1].2(3_000)).1, 21, "twenty by name, and one for the rest");
}

/// Puts a value in a place of a document.
fn put(document: &Value, pointer: &str, value: &Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.clone();
    changed
}

#[test]
fn a_damaged_summary_is_refused_and_never_ends_in_a_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = ["run", "chat", "--url", "builtin", "--concurrency", "2", "--count", "6", "--out", "run", "--quiet"];
    // How fast the machine was is of no matter.
    assert_ne!(ran(folder.path(), &run).0, 2);
    let path = folder.path().join("run/summary.json");
    let whole: Value = serde_json::from_slice(&fs::read(&path).expect("a summary")).expect("JSON");
    fs::create_dir(folder.path().join("base")).expect("a folder");
    fs::copy(&path, folder.path().join("base/summary.json")).expect("copied");
    let damaged = [
        ("/timings/response_time/ok/max_us", json!(0), "is above its largest"),
        ("/timings/response_time/ok/min_us", json!(u64::MAX >> 12), "is above its largest"),
        ("/timings/response_time/ok/saturated", json!(7), "are said to be too long"),
        ("/timings/response_time/ok/count", json!(5), "samples where 5 are stated"),
        ("/timings/response_time/ok/hdr", json!("AAAA"), "histogram is cut off"),
        ("/outcomes/ok", json!(u64::MAX), "the number 18446744073709551615 is too large"),
        ("/outcomes/ok", json!(-1), "is damaged"),
        ("/seconds/width_s", json!(0), "they span a power of two"),
        ("/seconds/rows", json!({"99999999": {}}), "behind the last"),
        ("/counts/good", json!(1e300), "is damaged"),
    ];
    for (pointer, value, part) in damaged {
        fs::write(&path, put(&whole, pointer, &value).to_string()).expect("written");
        for command in [&["report", "run"][..], &["compare", "base", "run"], &["merge", "run", "--no-out"]] {
            let (exit, stderr) = ran(folder.path(), command);
            assert!(exit == 4 && stderr.contains(part), "{pointer} = {value}: {exit} {stderr}");
        }
        ran(folder.path(), &["history", "."]);
    }
    // What is within bounds and contradicts itself is reported as it is.
    let odd = [
        ("/outcomes/ok", json!(0)),
        ("/counts/good", json!(1_u64 << 53)),
        ("/prompts/total", json!(0)),
        ("/ending/window_us", json!(0)),
    ];
    for (pointer, value) in odd {
        fs::write(&path, put(&whole, pointer, &value).to_string()).expect("written");
        for format in ["text", "json", "html", "junit", "markdown", "csv", "totals", "openmetrics", "vllm", "hlog"] {
            let (exit, stderr) = ran(folder.path(), &["report", "run", "--format", format]);
            assert!(exit == 0, "{pointer} = {value}, {format}: {exit} {stderr}");
        }
    }
    for text in ["", "[]", "{}", "{\"format\": 2}", &"[".repeat(10_000), &whole.to_string()[..2_000]] {
        fs::write(&path, text).expect("written");
        let (exit, stderr) = ran(folder.path(), &["report", "run"]);
        assert_eq!(exit, 4, "{text:.40}: {stderr}");
    }
}

#[test]
fn a_damaged_tokenizer_is_refused_and_never_ends_in_a_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, part) in [
        (r#"{"model":{"type":"BPE","vocab":{},"merges":[]}}"#, "its vocabulary is empty"),
        (r#"{"model":{"type":"Unigram","vocab":[]}}"#, "is not a tokenizer"),
        (&"[".repeat(10_000), "is not a tokenizer"),
    ] {
        fs::write(folder.path().join("t.json"), text).expect("written");
        let (exit, stderr) = ran(folder.path(), &["run", "chat", "--tokenizer", "./t.json", "--dry-run=0"]);
        assert!(exit == 2 && stderr.contains(part), "{exit} {stderr}");
    }
}

#[test]
fn a_demand_that_is_cut_off_is_told_by_its_line() {
    let error = proofload::capacity::planning::demand::Demand::read("hour,rate\n08:30,5\nrate\n").expect_err("a line");
    assert_eq!(error, "line 3: \"rate\" is not a time of day and a rate, as in 08:30,120");
}
