//! Faults of the transport: each gives exactly its outcome; and when quirks act, by chance or under load.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use proofload::reference::{Settings, When, quirk};
use proofload::summary::digest::Digest;

use crate::dialect::Dialect;
use crate::harness::{Endpoint, carry_out, plan, program, settings};

/// The outcome of a whole and of a streamed reply under each fault.
const FAULTS: [(&str, &str, &str); 37] = [
    ("reset-before-head", "reset", "reset"),
    ("reset-mid-body", "reset", "reset"),
    ("half-close", "reset", "reset"),
    ("stall-before-head", "timeout", "timeout"),
    ("stall-mid-body", "timeout", "timeout"),
    ("no-terminator", "ok", "truncated.short_body"),
    ("cut-mid-stream", "ok", "truncated.short_body"),
    ("chunk-size-nonsense", "ok", "protocol"),
    ("content-length-long", "truncated.short_body", "ok"),
    ("content-length-short", "malformed.not_json", "ok"),
    ("byte-at-a-time", "ok", "ok"),
    ("header-flood", "protocol", "protocol"),
    ("huge-reply", "too_large", "too_large"),
    ("endless-stream", "ok", "too_large"),
    ("slow-handshake", "timeout", "timeout"),
    ("gzip-that-is-none", "malformed.bad_coding", "malformed.bad_coding"),
    ("coding-unknown", "malformed.bad_coding", "malformed.bad_coding"),
    ("gzip-unasked", "ok", "ok"),
    ("done-lingers", "ok", "ok"),
    ("length-and-chunked", "ok", "ok"),
    ("header-folded", "ok", "ok"),
    ("html-200", "malformed.not_json", "malformed.not_sse"),
    ("deep-nesting", "malformed.not_json", "malformed.bad_event"),
    ("invalid-utf8", "malformed.not_json", "malformed.bad_event"),
    ("error-then-done", "ok", "inband_error"),
    ("error-in-200", "inband_error", "ok"),
    ("object-error-200", "inband_error", "ok"),
    ("detail-200", "inband_error", "ok"),
    ("success-false-200", "inband_error", "ok"),
    ("error-list-200", "inband_error", "ok"),
    ("empty-error-object", "ok", "inband_error"),
    ("inband-error-code", "ok", "inband_error"),
    ("event-error-text", "ok", "inband_error"),
    ("finish-abort", "inband_error.generation_failed", "inband_error.generation_failed"),
    ("no-done", "ok", "ok"),
    ("bare-done", "ok", "ok"),
    ("named-done", "ok", "ok"),
];

/// A run of that many requests of one kind. They go out on connections of our own, or by the HTTP library, as they do
/// where the profile says something of the connection.
fn run(url: &str, library: bool, stream: bool, slots: u64, count: u64, total: &str) -> Digest {
    let connection = if library { ", connection = \"keep-alive\"" } else { "" };
    let text = format!(
        "[target]\nurl = \"{url}\"\ndialect = \"openai\"\nmodel = \"gpt-4o\"\nmax_reply_bytes = 4000000\n\
         headers = {{ authorization = \"Bearer any\"{connection} }}\n\
         timeouts = {{ first_byte = \"{total}\", total = \"{total}\" }}\n[load.closed]\nconcurrency = {slots}\ncount = {count}\n\
         [[case]]\nstream = {stream}\nmax_tokens = 12\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} go on\" }}]\n"
    );
    Digest::of(&carry_out(&Arc::new(plan(&text))))
}

fn outcomes(digest: &Digest) -> BTreeMap<String, u64> {
    let classed = |name: &str| digest.classes.keys().any(|class| class.starts_with(&format!("{name}.")));
    let plain = digest.outcomes.iter().filter(|(name, _)| !classed(name));
    plain.chain(&digest.classes).map(|(name, count)| (name.clone(), *count)).collect()
}

#[test]
fn each_fault_gives_exactly_its_outcome() {
    std::thread::scope(|scope| {
        for (name, whole, streamed) in FAULTS {
            scope.spawn(move || {
                let quirk = quirk::find(name).unwrap_or_else(|| panic!("no quirk is called {name}"));
                let stalls = whole == "timeout" || streamed == "timeout";
                let limit = if stalls { "1s" } else { "20s" };
                for library in [true, false] {
                    for (stream, outcome) in [(false, whole), (true, streamed)] {
                        let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 2, vec![quirk]));
                        let found = outcomes(&run(&endpoint.url(), library, stream, 3, 3, limit));
                        let expected = BTreeMap::from([(outcome.to_owned(), 3)]);
                        assert_eq!(found, expected, "{name}, library = {library}, stream = {stream}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_stream_without_a_done_that_clients_see_is_measured_and_is_not_good() {
    for name in ["no-done", "no-final-blank-line", "bare-done", "named-done"] {
        let quirk = quirk::find(name).unwrap_or_else(|| panic!("no quirk is called {name}"));
        let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 2, vec![quirk]));
        let digest = run(&endpoint.url(), false, true, 3, 3, "20s");
        for measure in ["response_time", "first_token", "time_per_output_token"] {
            let [ok, all] =
                [&digest.timings_us[measure].ok, &digest.timings_us[measure].all].map(|of| of.p95.is_some());
            assert_eq!((digest.timings_us[measure].ok.count, ok, all), (3, true, true), "{name}: {measure}");
        }
        let broken = digest.checks["stream-done-present"].must;
        assert_eq!(
            (digest.requests.ok, digest.requests.good, broken, digest.error_rate),
            (3, 0, 3, Some(0.0)),
            "{name}"
        );
    }
}

/// The most memory that a process has held so far, in kB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()
}

#[test]
fn a_reply_without_end_is_not_held_in_memory() {
    for name in ["endless-stream", "huge-reply", "header-flood"] {
        let quirk = quirk::find(name).expect("a quirk");
        let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 2, vec![quirk]));
        let mut child = program()
            .args([
                "run",
                "smoke",
                "--url",
                &endpoint.url(),
                "--model",
                "gpt-4o",
                "--header",
                "authorization=Bearer any",
            ])
            .args(["--concurrency", "2", "--count", "12", "--no-out"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut peak = 0;
        while child.try_wait().expect("asks").is_none() {
            peak = peak.max(peak_memory(child.id()).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(2));
        }
        // Two replies of the default limit of 16 MiB in growing buffers, and all that a run holds besides.
        assert!((1..250_000).contains(&peak), "{name}: {peak} kB");
    }
}

/// An endpoint that breaks its streams under those circumstances.
fn breaking(when: When) -> Endpoint {
    let quirks = vec![quirk::find("cut-mid-stream").expect("a quirk")];
    Endpoint::start(Settings { when, ..settings(Dialect::OpenAi, 5, 2, quirks) })
}

#[test]
fn a_share_of_the_replies_is_spoilt_and_the_seed_says_which() {
    let spoilt = || {
        let endpoint = breaking(When { rate: 0.25, ..When::default() });
        let digest = run(&endpoint.url(), false, true, 1, 120, "20s");
        assert_eq!(digest.requests.ok + digest.requests.failed, 120);
        digest.requests.failed
    };
    let first = spoilt();
    assert!((15..=45).contains(&first), "{first} of 120 at 25 %");
    assert_eq!(spoilt(), first, "the same numbers are spoilt again");
}

#[test]
fn right_when_idle_and_wrong_under_load() {
    let endpoint = breaking(When { above_in_flight: 4, ..When::default() });
    assert_eq!(run(&endpoint.url(), false, true, 4, 16, "20s").requests.ok, 16, "four at a time are served");
    let loaded = run(&endpoint.url(), false, true, 16, 64, "20s").requests;
    assert!(loaded.failed > 16 && loaded.ok >= 4, "{loaded:?}");
    assert_eq!(run(&endpoint.url(), false, true, 4, 16, "20s").requests.ok, 16, "and again once the load is gone");
}
