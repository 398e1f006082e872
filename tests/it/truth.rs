//! Truth: an endpoint in another process whose delays are known, against what is reported. The bounds compare two
//! clocks and leave room for a slow machine: a wrong clock is off by far more.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proofload::reference::capacity::{Capacity, Work};
use serde_json::Value;

use crate::harness::{self, Served, alone, assert_digest, program};
use crate::serve::{lines, terminate};

const FIRST_TOKEN_MS: f64 = 200.0;
const GAP_MS: f64 = 20.0;
const TOKENS: f64 = 16.0;
/// A median may be above the truth by this ratio (timers wake late, machines are shared), and below it by rounding.
const RATIO: f64 = 1.4;

fn profile(stream: bool) -> tempfile::TempDir {
    profile_of("", stream)
}

/// The same with something more about its target.
fn profile_of(target: &str, stream: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "[target]\nurl = \"builtin\"\nmodel = \"gpt-4o\"\nheaders = {{ authorization = \"Bearer x\" }}\n{target}[load.closed]\nconcurrency = 4\ncount = 16\n\
         [[case]]\nstream = {stream}\nmax_tokens = 16\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} tell me about the river\" }}]\n"
    );
    std::fs::write(folder.path().join("p.toml"), text).expect("written");
    folder
}

fn measure(quirks: &str, stream: bool) -> Value {
    measure_of(&profile(stream), quirks)
}

fn measure_of(folder: &tempfile::TempDir, quirks: &str) -> Value {
    let mut arguments = vec!["--dialect", "openai", "--spread", "0", "--first-token", "200ms", "--token-gap", "20ms"];
    if !quirks.is_empty() {
        arguments.extend(["--quirk", quirks]);
    }
    let served = Served::start(&arguments);
    let file = folder.path().join("p.toml").to_string_lossy().into_owned();
    let (code, digest, stderr) = harness::measure(&[&file, "--url", &served.url, "--dialect", "openai"]);
    assert_eq!(code, 0, "{stderr}");
    digest
}

fn assert_median(digest: &Value, measure: &str, truth_ms: f64) {
    let median = digest["timings_us"][measure]["ok"]["p50"].as_f64().expect("a median") / 1000.0;
    assert!(
        (truth_ms * 0.98..truth_ms * RATIO).contains(&median),
        "{measure}: {median} ms, the truth is {truth_ms} ms"
    );
}

#[test]
fn a_compressed_stream_keeps_the_times_of_its_events() {
    let _machine = alone();
    let digest = measure_of(&profile_of("gzip = true\n", true), "");
    assert_median(&digest, "first_token", FIRST_TOKEN_MS);
    assert_median(&digest, "token_gap", GAP_MS);
    assert_median(&digest, "response_time", FIRST_TOKEN_MS + (TOKENS - 1.0) * GAP_MS);
}

#[test]
fn medians_of_a_stream_are_right() {
    let _machine = alone();
    let digest = measure("", true);
    assert_median(&digest, "first_token", FIRST_TOKEN_MS);
    assert_median(&digest, "token_gap", GAP_MS);
    assert_median(&digest, "time_per_output_token", GAP_MS);
    assert_median(&digest, "response_time", FIRST_TOKEN_MS + (TOKENS - 1.0) * GAP_MS);
    assert_median(&digest, "service_time", FIRST_TOKEN_MS + (TOKENS - 1.0) * GAP_MS);
    // On a busy machine tokens arrive together; each arrival but the first of a stream ends one gap all the same.
    let arrivals = digest["events_per_arrival"]["count"].as_u64().expect("a count");
    assert!((129..=16 * 16).contains(&arrivals), "{arrivals} arrivals of 256 tokens");
    assert_eq!(digest["timings_us"]["token_gap"]["ok"]["count"].as_u64(), Some(arrivals - 16));
}

#[test]
fn the_median_of_a_whole_reply_is_right_and_it_has_no_first_token() {
    let _machine = alone();
    let digest = measure("", false);
    assert_median(&digest, "response_time", FIRST_TOKEN_MS + (TOKENS - 1.0) * GAP_MS);
    assert_eq!(digest["timings_us"]["first_token"]["all"]["count"], 0);
}

#[test]
fn the_first_token_is_timed_right_however_it_arrives() {
    let _machine = alone();
    for quirk in ["glued", "pings", "byte-by-byte", "reasoning", "early-role"] {
        let digest = measure(quirk, true);
        assert_median(&digest, "first_token", FIRST_TOKEN_MS);
        assert_median(&digest, "token_gap", GAP_MS);
    }
}

/// What one percentile of times is, by nearest rank.
fn percentile(times: &mut [u64], share: f64) -> f64 {
    times.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the length")]
    let rank = (times.len() as f64 * share).ceil() as usize;
    times[rank.max(1) - 1] as f64 / 1000.0
}

#[test]
fn figures_of_a_run_are_those_that_the_server_recorded_itself() {
    let _machine = alone();
    let folder = profile(true);
    let truth = folder.path().join("truth.jsonl");
    let delays = ["--first-token", "lognormal:150ms:0.4", "--token-gap", "normal:25ms:8ms"];
    let mut arguments = vec!["--dialect", "openai", "--truth", truth.to_str().expect("UTF-8")];
    arguments.extend(delays);
    let mut served = Served::start(&arguments);
    let file = folder.path().join("p.toml").to_string_lossy().into_owned();
    let arguments = [&file, "--url", &served.url.clone(), "--dialect", "openai", "--count", "60", "--concurrency", "6"];
    // Not `measure`, which runs again where the machine was busy: the record has one run's lines.
    let always = ["--no-preflight", "--format", "json", "--no-out"];
    let output = program().arg("run").args(arguments).args(always).output().expect("runs");
    let digest: Value = serde_json::from_slice(&output.stdout).expect("a digest");
    assert_eq!(terminate(&mut served).code(), Some(0));
    let lines = lines(&truth);
    let requests: Vec<&Value> = lines.iter().filter(|line| line["outcome"] == "complete").collect();
    assert_eq!((requests.len() as u64, lines.len()), (digest["requests"]["ok"].as_u64().expect("ok"), 61));
    let at = |line: &Value, name: &str| line[name].as_u64().expect("an instant");
    let written: Vec<Vec<u64>> =
        requests.iter().map(|line| serde_json::from_value(line["written_us"].clone()).expect("instants")).collect();
    let mut first: Vec<u64> =
        requests.iter().zip(&written).map(|(line, at_us)| at_us[1] - at(line, "head_us")).collect();
    let mut whole: Vec<u64> = requests.iter().map(|line| at(line, "ended_us") - at(line, "head_us")).collect();
    // Of an answer's events the first is its role, and the last three its finish, its usage and [DONE].
    let tokens = |at_us: &Vec<u64>| at_us[1..at_us.len() - 3].windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut gaps: Vec<u64> = written.iter().flat_map(|at_us| -> Vec<u64> { tokens(at_us) }).collect();
    for (measure, times) in [("service_time", &mut whole), ("first_token", &mut first), ("token_gap", &mut gaps)] {
        for (name, share) in [("p50", 0.5), ("p90", 0.9)] {
            let (truth, told) = (percentile(times, share), digest["timings_us"][measure]["ok"][name].as_f64());
            let told = told.expect("a figure") / 1000.0;
            assert!(
                (truth * 0.95 - 1.0..truth * RATIO).contains(&told),
                "{measure} {name}: told {told} ms, the server says {truth} ms"
            );
        }
    }
}

#[test]
fn a_run_finds_the_knee_where_the_parameters_put_it() {
    let _machine = alone();
    // 4 slots, 16 tokens of 10 ms each: 25 requests a second.
    let limits = "concurrency=4,step=9ms+0.25ms";
    let work = Work { prompt: 20, output: 16 };
    let capacity: Capacity = limits.parse().expect("a capacity");
    let knee = capacity.most_per_s(work);
    assert!((knee - 25.0).abs() < 1e-6, "{knee}");
    let served = Served::start(&["--dialect", "openai", "--capacity", limits]);
    let folder = profile(true);
    let file = folder.path().join("p.toml").to_string_lossy().into_owned();
    let run = |load: &[&str]| {
        let mut arguments = vec![file.as_str(), "--url", &served.url, "--dialect", "openai"];
        arguments.extend(load);
        harness::measure(&arguments).1
    };
    let saturated = run(&["--concurrency", "12", "--count", "120"]);
    let rate = saturated["rates_per_s"]["requests"].as_f64().expect("a rate");
    // The model allows no more than the knee, save that the run's last batch is cut from its middle.
    assert!((knee * 0.75..knee * 1.04).contains(&rate), "{rate} requests a second, the knee is {knee}");
    // Of twelve in the house eight wait, which takes two batches of 160 ms.
    let waited = saturated["timings_us"]["first_token"]["ok"]["p50"].as_f64().expect("a median") / 1000.0;
    assert!((280.0..480.0 * RATIO).contains(&waited), "first token after {waited} ms");
    let alone = run(&["--concurrency", "1", "--count", "8"]);
    // One by itself: steps of 9.25 ms.
    assert_median(&alone, "response_time", 16.0 * 9.25);
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().expect("kill runs").success());
}

/// Stops a process for some time, and says for how long it was.
fn freeze(pid: u32, length: Duration) -> Duration {
    signal("-STOP", pid);
    let began = Instant::now();
    std::thread::sleep(length);
    signal("-CONT", pid);
    began.elapsed()
}

fn open_load(url: &str, rate: &str, duration: &str) -> std::process::Child {
    let child = program()
        .args([
            "run",
            "smoke",
            "--url",
            url,
            "--model",
            "gpt-4o",
            "--header",
            "authorization=Bearer x",
            "--no-preflight",
            "--format",
            "json",
            "--no-out",
        ])
        .args([
            "--rate",
            rate,
            "--duration",
            duration,
            "--quiet",
            "--set",
            "case.1.stream=false",
            "--set",
            "case.2.stream=false",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    std::thread::sleep(Duration::from_secs(2));
    child
}

fn finish(child: std::process::Child) -> (Option<i32>, Value) {
    let output = child.wait_with_output().expect("ends");
    let digest: Value = serde_json::from_slice(&output.stdout).expect("a digest");
    assert_digest(&digest);
    (output.status.code(), digest)
}

fn seconds(value: &Value) -> f64 {
    value.as_f64().expect("a time") / 1e6
}

#[test]
fn a_frozen_server_shows_in_the_response_time() {
    let _machine = alone();
    let served = Served::start(&["--dialect", "openai", "--spread", "0", "--first-token", "4ms", "--token-gap", "0ms"]);
    let child = open_load(&served.url, "50", "12s");
    let frozen = freeze(served.child.id(), Duration::from_secs(2)).as_secs_f64();
    let (_, digest) = finish(child);
    // Of 600 requests, 50 a second are due during the freeze and wait for the rest of it: one in ten of all waits
    // longer than w, where (frozen - w) / 12 s is a tenth.
    let expected = frozen - 1.2;
    let p90 = seconds(&digest["timings_us"]["response_time"]["all"]["p90"]);
    assert!((expected - 0.4..expected + 0.4).contains(&p90), "p90 is {p90} s, expected {expected} s");
    assert!(seconds(&digest["timings_us"]["response_time"]["all"]["p50"]) < 0.3);
    assert_eq!(digest["outcomes"]["ok"], 600);
}

#[test]
fn a_stopped_client_shows_in_lateness_and_response_time_and_not_in_the_service_time() {
    let _machine = alone();
    let served = Served::start(&["--dialect", "openai", "--spread", "0", "--first-token", "4ms", "--token-gap", "0ms"]);
    let child = open_load(&served.url, "100", "6s");
    let stopped = freeze(child.id(), Duration::from_secs(1)).as_secs_f64();
    let (code, digest) = finish(child);
    let timings = &digest["timings_us"];
    // A hundred of 600 requests are late, evenly from none to the whole stop; one in a hundred of all waits longer
    // than w, where (stopped - w) / 6 s is a hundredth.
    let expected = stopped - 0.06;
    for measure in ["lateness", "response_time"] {
        let p99 = seconds(&timings[measure]["all"]["p99"]);
        assert!((expected - 0.3..expected + 0.5).contains(&p99), "{measure} p99 is {p99} s, expected {expected} s");
    }
    let service = seconds(&timings["service_time"]["all"]["p90"]);
    assert!(service < 0.3, "service time p90 is {service} s");
    assert_eq!((code, digest["trust"]["verdict"].as_str()), (Some(3), Some("invalid")), "{}", digest["trust"]);
    assert!(digest["trust"]["reasons"][0].as_str().expect("a reason").contains("sent late"), "{}", digest["trust"]);
}
