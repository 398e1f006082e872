//! A measurement that goes wrong for a reason of ours, for real: each reason must be called by its name.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{Raw, alone, completion, program, reply};
use crate::loads::{CASE, path, profile};

/// A server that answers well at once, and how many requests it got.
fn server() -> (Raw, Arc<AtomicUsize>) {
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    let server = Raw::start(move |stream, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    (server, came)
}

/// A run of whole replies against a server.
fn arguments(server: &Raw, load: &str) -> (tempfile::NamedTempFile, Vec<String>) {
    let file = profile(server, &format!("{load}\n{CASE}"));
    let own =
        ["run", path(&file), "--no-preflight", "--format", "json", "--no-out", "--quiet"].map(str::to_owned).to_vec();
    (file, own)
}

/// The digest of a run that a shell command begins, as in `ulimit -n 60; exec "$@"`.
fn within(shell: &str, arguments: &[String]) -> (Option<i32>, Value) {
    let output = Command::new("sh")
        .args(["-c", shell, "sh", env!("CARGO_BIN_EXE_proofload")])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("runs");
    (output.status.code(), serde_json::from_slice(&output.stdout).expect("a digest"))
}

#[track_caller]
fn assert_named(digest: &Value, name: &str) {
    let trust = &digest["trust"];
    assert!(trust["verdict"] != "trusted" && trust["reasons"].to_string().contains(name), "{name}: {trust}");
}

#[test]
fn a_client_that_was_stopped() {
    let _machine = alone();
    let (server, came) = server();
    let (_file, arguments) = arguments(&server, "[load.open]\nrate = 50\nduration = \"3s\"");
    let child = program().args(arguments).stdout(Stdio::piped()).spawn().expect("starts");
    while came.load(Ordering::SeqCst) < 20 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).expect("stopped");
    std::thread::sleep(Duration::from_secs(1));
    kill_process(pid, Signal::CONT).expect("continued");
    let output = child.wait_with_output().expect("ends");
    let digest: Value = serde_json::from_slice(&output.stdout).expect("a digest");
    assert_named(&digest, "the client was stopped, or the machine was");
    assert_eq!(
        (output.status.code(), digest["trust"]["verdict"].as_str()),
        (Some(3), Some("invalid")),
        "it was late, too"
    );
    let waited = digest["timings_us"]["response_time"]["all"]["max"].as_u64().expect("a time");
    assert!(waited >= 900_000, "who was due while we were stopped waited for it: {waited} us");
}

/// It falls where no request is due, so that none goes out late; whatever had come meanwhile would have waited.
#[test]
fn a_client_that_was_stopped_for_a_quarter_of_a_second_between_two_requests() {
    let _machine = alone();
    let (server, came) = server();
    let (_file, arguments) = arguments(&server, "[load.open]\nrate = 1\nduration = \"4s\"");
    let child = program().args(arguments).stdout(Stdio::piped()).spawn().expect("starts");
    while came.load(Ordering::SeqCst) < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).expect("stopped");
    std::thread::sleep(Duration::from_millis(235));
    kill_process(pid, Signal::CONT).expect("continued");
    let output = child.wait_with_output().expect("ends");
    let digest: Value = serde_json::from_slice(&output.stdout).expect("a digest");
    assert_named(&digest, "the client was stopped, or the machine was");
}

#[test]
fn a_machine_that_is_busy_with_other_things() {
    let _machine = alone();
    let (server, _) = server();
    let over = Arc::new(AtomicBool::new(false));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let spin = || {
        let over = Arc::clone(&over);
        std::thread::spawn(move || while !over.load(Ordering::Relaxed) {})
    };
    let spinning: Vec<_> = (0..4 * cores).map(|_| spin()).collect();
    let (_, digest) = within("exec \"$@\"", &arguments(&server, "[load.open]\nrate = 50\nduration = \"4s\"").1);
    over.store(true, Ordering::Relaxed);
    for thread in spinning {
        thread.join().expect("ends");
    }
    assert_named(&digest, "the machine was busy");
}

/// A fresh control group with a tenth of a core, as the file that takes processes in; why not, where it cannot be had.
fn tenth_of_a_core() -> Result<std::path::PathBuf, String> {
    let name = format!("proofload-test-{}", std::process::id());
    let make = |root: &str, quota: &[(&str, &str)]| {
        let group = std::path::Path::new(root).join(&name);
        std::fs::create_dir(&group).map_err(|error| format!("{root}: {error}"))?;
        for (file, text) in quota {
            if let Err(error) = std::fs::write(group.join(file), text) {
                let _ = std::fs::remove_dir(&group);
                return Err(format!("{root}/{file}: {error}"));
            }
        }
        Ok(group)
    };
    let first = make("/sys/fs/cgroup/cpu", &[("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "10000")]);
    first.or_else(|why| {
        make("/sys/fs/cgroup", &[("cpu.max", "10000 100000")]).map_err(|error| format!("{why}; {error}"))
    })
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
fn a_control_group_that_allows_too_little() {
    let _machine = alone();
    let group = match tenth_of_a_core() {
        Ok(group) => group,
        Err(why) => return eprintln!("skipped: no control group can be made here ({why})"),
    };
    let (server, _) = server();
    let join = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", group.display());
    let (_, digest) = within(&join, &arguments(&server, "[load.open]\nrate = 1000\nduration = \"3s\"").1);
    let _ = std::fs::remove_dir(group);
    assert_named(&digest, "the control group throttled the client's CPU");
}

#[test]
fn too_few_file_descriptors() {
    let _machine = alone();
    let server = Raw::start(|stream, _| {
        std::thread::sleep(Duration::from_millis(200));
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    let (code, digest) =
        within("ulimit -n 60; exec \"$@\"", &arguments(&server, "[load.closed]\nconcurrency = 100\ncount = 300").1);
    assert_named(&digest, "the client ran out of file descriptors");
    assert_eq!((code, digest["verdict"].as_str()), (Some(3), Some("invalid")), "{}", digest["outcomes"]);
}

#[test]
fn a_soft_limit_on_file_descriptors_is_raised() {
    let _machine = alone();
    let (server, _) = server();
    let (code, digest) =
        within("ulimit -S -n 60; exec \"$@\"", &arguments(&server, "[load.closed]\nconcurrency = 100\ncount = 300").1);
    assert_eq!((code, digest["outcomes"]["ok"].as_u64()), (Some(0), Some(300)), "{}", digest["trust"]);
}

#[test]
fn a_rate_that_cannot_be_reached() {
    let _machine = alone();
    let (server, _) = server();
    let (code, digest) = within("exec \"$@\"", &arguments(&server, "[load.open]\nrate = 1000000\ncount = 4000").1);
    assert_named(&digest, "of the asked rate");
    assert_eq!((code, digest["verdict"].as_str()), (Some(3), Some("invalid")));
}

/// Two replicas that answer for the page of metrics in turn, and a share in percent.
#[test]
fn a_page_behind_a_balancer_invents_no_figures() {
    let _machine = alone();
    let read = Arc::new(AtomicUsize::new(0));
    let times = Arc::clone(&read);
    let server = Raw::start(move |stream, request| {
        if request.head.starts_with("POST") {
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        let nth = times.fetch_add(1, Ordering::SeqCst);
        let hits = if nth.is_multiple_of(2) { 9_000 + nth } else { 8_400 + nth };
        let page = format!(
            "# TYPE vllm:prefix_cache_hits_total counter\nvllm:prefix_cache_hits_total {hits}\n\
             # TYPE vllm:prefix_cache_queries_total counter\nvllm:prefix_cache_queries_total {}\n\
             # TYPE sglang:cache_hit_rate gauge\nsglang:cache_hit_rate 73.5\n",
            10_000 + nth
        );
        reply(stream, "200 OK", "text/plain", page.as_bytes())
    });
    let (_file, mut arguments) = arguments(&server, "[load.open]\nrate = 20\nduration = \"3s\"");
    arguments.push("--scrape".to_owned());
    let (_, digest) = within("exec \"$@\"", &arguments);
    let said = &digest["server"];
    assert!(read.load(Ordering::SeqCst) >= 3, "{said}");
    let (hits, rate) = (&said["figures"]["prefix_hits"], &said["figures"]["prefix_hit_rate"]);
    assert!(hits["increase"].is_null() && rate["mean"].is_null() && rate["max"].is_null(), "{said}");
    assert!(said["figures"]["prefix_queries"]["increase"].as_f64() >= Some(2.0), "{said}");
    assert!(said["prefix_hit_share"].is_null(), "{said}");
    let why = said["left_out"].to_string();
    assert!(why.contains("prefix hits: ") && why.contains("replicas answer in turn"), "{why}");
    assert!(why.contains("the page says 73.5, which is not a fraction"), "{why}");
    let arguments = arguments.into_iter().map(|word| if word == "json" { "text".to_owned() } else { word });
    let output = program().args(arguments).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("left out: prefix hits: ") && !text.contains("7350"), "{text}");
}
