//! `proofload run` as a user runs it: flags, limits, protocols, files and exit codes.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, Raw, Served, completion, program, reply, run_json, settings};

fn fast(dialect: Dialect) -> Endpoint {
    Endpoint::start(settings(dialect, 5, 1, Vec::new()))
}

/// Flags for a short run against an endpoint.
fn flags<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut flags =
        vec!["smoke", "--url", url, "--model", "gpt-4o", "--header", "authorization=Bearer any", "--seed", "3"];
    flags.extend(more);
    flags
}

#[test]
fn one_line_loads_another_server_and_judges_every_reply() {
    let endpoint = fast(Dialect::OpenAi);
    let (code, digest, stderr) = run_json(&flags(&endpoint.url(), &["--concurrency", "8", "--count", "64"]));
    assert_eq!((code, digest["verdict"].as_str()), (0, Some("pass")), "{stderr}");
    assert_eq!((digest["requests"]["planned"].as_u64(), digest["requests"]["good"].as_u64()), (Some(64), Some(64)));
    assert_eq!(digest["checks"]["resp-schema"]["fail"], 0);
    assert!(digest["checks"]["stream-done-present"]["pass"].as_u64() > Some(20));
    assert!(digest["timings_us"]["first_token"]["ok"]["count"].as_u64() > Some(20));
    assert_eq!(digest["tokens"]["source"], "usage");
    assert_eq!(digest["prompts"]["distinct_share"], 1.0);
    assert_eq!((digest["dialect"].as_str(), digest["seed"].as_u64()), (Some("openai"), Some(3)));
}

#[test]
fn levels_of_ones_own_reach_verdict_and_report() {
    let folder = tempfile::tempdir().expect("a folder");
    for (quirk, id, level, code, must) in [
        ("usage-sum-off", "usage-total-is-sum", "must", 1, true),
        ("usage-sum-off", "usage-total-is-sum", "should", 0, false),
        ("usage-sum-off", "usage-total-is-sum", "may", 0, false),
        ("usage-sum-off", "usage-total-is-sum", "off", 0, false),
        ("no-usage", "usage-present", "should", 0, false),
        ("no-usage", "usage-present", "must", 1, true),
    ] {
        let quirk = proofload::reference::quirk::find(quirk).expect("a quirk");
        let endpoint = Endpoint::start(settings(Dialect::OpenAi, 1, 0, vec![quirk]));
        let profile = format!(
            "[target]\nurl = \"{}\"\nmodel = \"gpt-4o\"\nheaders = {{ authorization = \"Bearer any\" }}\n\
             [load.closed]\nconcurrency = 2\ncount = 8\n[[case]]\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} hi\" }}]\n\
             [levels]\n{id} = {{ level = \"{level}\", reason = \"ours\" }}\n",
            endpoint.url()
        );
        let file = folder.path().join("p.toml");
        fs::write(&file, profile).expect("written");
        let (exit, digest, stderr) = run_json(&[&*file.to_string_lossy()]);
        let row = &digest["checks"][id];
        assert_eq!((exit, row["must"].as_u64() > Some(0)), (code, must), "{id} {level}: {row}\n{stderr}");
        assert_eq!(row["level"].as_str(), Some(level).filter(|level| *level != "off"), "{id}: {row}");
    }
}

#[test]
fn a_single_listed_model_is_used_and_several_are_not_guessed_among() {
    let mut one = settings(Dialect::OpenAi, 1, 0, Vec::new());
    one.models = vec!["the-only-one".into()];
    let endpoint = Endpoint::start(one);
    let arguments = ["smoke", "--url", &endpoint.url(), "--header", "authorization=Bearer any", "--count", "4"];
    let (code, digest, stderr) = run_json(&arguments);
    assert_eq!((code, digest["model"].as_str()), (0, Some("the-only-one")), "{stderr}");
    assert!(stderr.contains("model: the-only-one, the only one listed"), "{stderr}");
    let endpoint = fast(Dialect::OpenAi);
    let output = program()
        .args(["run", "smoke", "--url", &endpoint.url(), "--header", "authorization=Bearer any", "--no-out"])
        .output()
        .expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("choose one with --model") && stderr.contains("gpt-4o-mini"), "{stderr}");
}

#[test]
fn limits_end_a_run_early_and_say_so() {
    let endpoint = fast(Dialect::OpenAi);
    for (limit, shown) in [
        (["--max-requests", "5"], "--max-requests 5"),
        (["--max-time", "300ms"], "--max-time 300ms"),
        (["--max-tokens", "90"], "--max-tokens 90"),
    ] {
        let more = ["--rate", "20", "--duration", "10s", limit[0], limit[1]];
        let (_, digest, stderr) = run_json(&flags(&endpoint.url(), &more));
        assert_eq!(digest["ended_early"].as_str(), Some(shown), "{stderr}");
        let sent = digest["requests"]["sent"].as_u64().expect("sent");
        assert!(sent < 150 && digest["outcomes"]["unsent"].as_u64() == Some(200 - sent), "{shown}: {sent}");
    }
    let (_, digest, _) =
        run_json(&flags(&endpoint.url(), &["--rate", "20", "--duration", "1s", "--max-requests", "5"]));
    assert_eq!(digest["requests"]["sent"], 5);
}

#[test]
fn the_run_is_kept_and_its_report_printed_again_to_the_letter() {
    let endpoint = fast(Dialect::Pulze);
    let folder = tempfile::tempdir().expect("a folder");
    let run = |more: &[&str]| {
        program()
            .current_dir(folder.path())
            .args(["run", "smoke", "--url", &endpoint.url(), "--dialect", "pulze", "--model", "gpt-4o", "--count", "8"])
            .args(["--header", "authorization=Bearer any", "--label", "gpu=none"])
            .args(more)
            .output()
            .expect("runs")
    };
    let report =
        |arguments: &[&str]| program().current_dir(folder.path()).arg("report").args(arguments).output().expect("runs");
    let first = run(&[]);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let stderr = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(stderr.trim_end().lines().last().is_some_and(|line| line.starts_with("kept in runs/2")), "{stderr}");
    assert_eq!(report(&["@last"]).stdout, first.stdout);
    assert!(String::from_utf8_lossy(&first.stdout).contains("labels   gpu=none"));
    let second = run(&["--out", "mine", "--format", "json"]);
    let mine = report(&["mine", "--format", "json"]);
    assert_eq!(mine.stdout, second.stdout);
    let mut files: Vec<_> =
        fs::read_dir(folder.path().join("mine")).expect("a folder").flatten().map(|e| e.file_name()).collect();
    files.sort();
    assert_eq!(files, ["report.html", "summary.json"]);
    let again = run(&["--out", "mine"]);
    assert!(again.status.code() == Some(2) && again.stdout.is_empty(), "never overwritten, nothing sent");
    assert_eq!(run(&["--no-out", "--quiet"]).stderr, b"");
    assert_eq!(fs::read_dir(folder.path().join("runs")).expect("runs").count(), 1);
    assert_eq!(report(&["@last~1"]).status.code(), Some(2));
    assert_eq!(report(&["nowhere"]).status.code(), Some(2));
    fs::write(folder.path().join("mine/summary.json"), "{\"format\": 1, \"cut\": ").expect("written");
    assert_eq!(report(&["mine"]).status.code(), Some(4), "a damaged summary");
}

#[test]
fn a_known_violation_is_counted_and_shown_but_no_failure() {
    let quirk = proofload::reference::quirk::find("no-done").expect("a quirk");
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 1, vec![quirk]));
    let (code, digest, _) = run_json(&flags(&endpoint.url(), &["--set", "goals=[]"]));
    assert_eq!((code, digest["verdict"].as_str()), (1, Some("fail")));
    let broken = digest["checks"]["stream-done-present"].clone();
    assert!(
        broken["must"].as_u64() > Some(0)
            && broken["examples"][0]["curl"].as_str().expect("a curl").starts_with("curl -sSN '")
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("known.toml");
    let known = ["stream-done-present", "load-all-streams-complete"]
        .map(|check| format!("[[known]]\ncheck = \"{check}\"\nreason = \"ticket 7\"\n"));
    fs::write(&file, known.concat()).expect("written");
    let file = file.to_string_lossy().into_owned();
    let (code, digest, stderr) = run_json(&flags(&endpoint.url(), &["--set", "goals=[]", "--baseline", &file]));
    assert_eq!((code, digest["verdict"].as_str()), (0, Some("pass")), "{stderr}");
    assert_eq!(digest["checks"]["stream-done-present"]["known"], "ticket 7");
    assert!(digest["checks"]["stream-done-present"]["fail"].as_u64() > Some(0));
    assert!(digest["violation_rate"].as_f64() > Some(0.0));
    let missing =
        program().args(["run"]).args(flags(&endpoint.url(), &["--baseline", "/no/such/file"])).output().expect("runs");
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_goal_on_violations_says_how_much_is_tolerable() {
    let quirk = proofload::reference::quirk::find("id-empty").expect("a quirk");
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 5, 1, vec![quirk]));
    for (goal, code) in [("violation_rate < 1%", 1), ("violation_rate <= 5%", 1), ("violation_rate <= 90%", 0)] {
        let goals = format!("goals=[\"{goal}\"]");
        let (exit, digest, _) = run_json(&flags(&endpoint.url(), &["--set", &goals]));
        assert_eq!((exit, digest["goals"][0]["held"].as_bool()), (code, Some(code == 0)), "{goal}");
    }
}

#[test]
fn exit_zero_turns_only_one_into_zero() {
    let endpoint = fast(Dialect::OpenAi);
    let broken = ["--set", "goals=[\"e2e.p50 < 1us\"]"];
    assert_eq!(run_json(&flags(&endpoint.url(), &broken)).0, 1);
    assert_eq!(run_json(&flags(&endpoint.url(), &[broken[0], broken[1], "--exit-zero"])).0, 0);
    assert_eq!(
        run_json(&["smoke", "--url", "http://127.0.0.1:1/v1", "--model", "m", "--count", "3", "--exit-zero"]).0,
        3
    );
    let usage = program().args(["run", "smoke", "--exit-zero", "--no-such-flag"]).output().expect("runs");
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn a_goal_without_a_sample_never_holds() {
    let endpoint = fast(Dialect::OpenAi);
    let text = "goals = [\"ttft.p50 < 1h\"]\n[target]\nurl = \"builtin\"\n[load.closed]\nconcurrency = 1\ncount = 2\n[[case]]\nmessages = [{ role = \"user\", content = \"{{unique}}\" }]\n";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("whole.toml");
    fs::write(&file, text).expect("written");
    let (code, digest, _) = run_json(&[
        &file.to_string_lossy(),
        "--url",
        &endpoint.url(),
        "--model",
        "gpt-4o",
        "--header",
        "authorization=Bearer any",
    ]);
    assert_eq!(
        (code, digest["goals"][0]["held"].as_bool(), digest["goals"][0]["value"].is_null()),
        (1, Some(false), true)
    );
}

#[test]
fn http_2_is_spoken_from_the_first_byte_when_asked() {
    let endpoint = fast(Dialect::OpenAi);
    let (code, digest, stderr) =
        run_json(&flags(&endpoint.url(), &["--set", "target.http=\"2\"", "--concurrency", "8", "--count", "32"]));
    assert_eq!((code, digest["outcomes"]["ok"].as_u64()), (0, Some(32)), "{stderr}");
}

#[test]
fn a_query_string_and_a_full_path_are_taken_as_they_are() {
    let seen = Arc::new(Mutex::new(String::new()));
    let heads = Arc::clone(&seen);
    let server = Raw::start(move |stream, request| {
        heads.lock().expect("no panic").push_str(&request.head.to_lowercase());
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    let url = format!("http://{}/openai/deployments/d/chat/completions?api-version=2026-01-01", server.address);
    let arguments = [
        "smoke",
        "--url",
        &url,
        "--model",
        "m",
        "--concurrency",
        "1",
        "--count",
        "2",
        "--set",
        "case.1.stream=false",
        "--set",
        "case.2.stream=false",
    ];
    let (code, _, stderr) = run_json(&arguments);
    assert_eq!(code, 0, "{stderr}");
    let seen = seen.lock().expect("no panic").clone();
    assert!(seen.starts_with("post /openai/deployments/d/chat/completions?api-version=2026-01-01 http/1.1"), "{seen}");
    for absent in ["accept-encoding", "proxy", "authorization"] {
        assert!(!seen.contains(absent), "{absent} in {seen}");
    }
}

#[test]
fn connections_are_reused() {
    let endpoint = fast(Dialect::OpenAi);
    let (_, digest, _) = run_json(&flags(&endpoint.url(), &["--concurrency", "2", "--count", "40"]));
    assert!(digest["timings_us"]["connect"]["all"]["count"].as_u64() <= Some(6), "{}", digest["timings_us"]["connect"]);
}

#[test]
fn wait_polls_until_the_endpoint_is_ready() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let server = Raw::start(move |stream, _| {
        if counted.fetch_add(1, Ordering::SeqCst) < 3 {
            return reply(
                stream,
                "503 Service Unavailable",
                "application/json",
                b"{\"error\":{\"message\":\"Loading model\"}}",
            );
        }
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    });
    let whole = ["--set", "case.1.stream=false", "--set", "case.2.stream=false"];
    let mut arguments = vec!["smoke", "--url"];
    let url = server.url();
    arguments.extend([url.as_str(), "--model", "m", "--count", "4", "--wait", "1m"]);
    arguments.extend(whole);
    let (code, digest, stderr) = run_json(&arguments);
    assert_eq!((code, digest["requests"]["planned"].as_u64()), (0, Some(4)), "{stderr}");
    assert!(stderr.contains("Loading model"), "{stderr}");
    assert_eq!(tries.load(Ordering::SeqCst), 3 + 1 + 4, "the tries are outside the figures");
    let output = program()
        .args(["run", "smoke", "--url", "http://127.0.0.1:1/v1", "--model", "m", "--wait", "300ms", "--no-out"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("was not ready within 300ms"));
}

/// A server that takes the same time for each reply, however many there are at once.
fn slow(ms: u64) -> Raw {
    Raw::start(move |stream, _| {
        std::thread::sleep(Duration::from_millis(ms));
        reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
    })
}

#[test]
fn a_cap_queues_or_drops_and_both_are_shown() {
    let server = slow(200);
    let folder = tempfile::tempdir().expect("a folder");
    let profile = |policy: &str| {
        let file = folder.path().join(format!("{policy}.toml"));
        let text = format!(
            "[target]\nurl = \"{}\"\nmodel = \"m\"\n[load.open]\nrate = 50\nduration = \"400ms\"\nmax_in_flight = 2\nover_cap = \"{policy}\"\n\
             [[case]]\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}} hi\" }}]\n",
            server.url()
        );
        fs::write(&file, text).expect("written");
        run_json(&[&file.to_string_lossy()]).1
    };
    let queued = profile("queue");
    assert_eq!(queued["outcomes"]["ok"], 20);
    // Twenty requests, two at a time, 200 ms each: the last pair waits 1.8 s less the 0.4 s over which they are due.
    let longest = queued["timings_us"]["queued"]["ok"]["max"].as_u64().expect("a time");
    assert!(longest > 1_200_000, "{longest}");
    assert!(queued["timings_us"]["lateness"]["ok"]["p50"].as_u64() < Some(100_000), "the wait is no lateness of ours");
    let dropped = profile("drop");
    let missed = dropped["outcomes"]["missed"].as_u64().expect("missed");
    assert!(missed >= 14, "{missed}");
    assert_eq!(dropped["outcomes"]["ok"].as_u64(), Some(20 - missed));
    assert!(dropped["timings_us"]["response_time"]["all"]["p99"].is_null(), "a missed request is infinitely slow");
    assert_eq!(dropped["error_rate"], 0.0, "and no error of the endpoint");
}

#[test]
fn warm_up_is_sent_and_judged_and_in_no_figure() {
    let endpoint = fast(Dialect::OpenAi);
    let (_, digest, _) =
        run_json(&flags(&endpoint.url(), &["--rate", "50", "--duration", "1s", "--set", "load.open.warmup=\"400ms\""]));
    assert_eq!((digest["warmup"]["planned"].as_u64(), digest["requests"]["planned"].as_u64()), (Some(20), Some(30)));
    assert_eq!(digest["timings_us"]["response_time"]["all"]["count"], 30);
    assert!((digest["duration_s"].as_f64().expect("a length") - 0.6).abs() < 1e-6);
}

#[test]
fn prompts_that_repeat_are_named_on_top() {
    let endpoint = fast(Dialect::OpenAi);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("same.toml");
    let text = |reuse: &str| {
        format!(
            "{reuse}[target]\nurl = \"{}\"\nmodel = \"gpt-4o\"\nheaders = {{ authorization = \"Bearer x\" }}\n[load.closed]\nconcurrency = 2\ncount = 10\n\
                 [[case]]\nmessages = [{{ role = \"user\", content = \"the same\" }}]\n",
            endpoint.url()
        )
    };
    let report = |reuse: &str| {
        fs::write(&file, text(reuse)).expect("written");
        let output = program().args(["run", &file.to_string_lossy(), "--no-out"]).output().expect("runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let warned = report("");
    assert!(warned.lines().take(5).any(|line| line.contains("only 10.0 % of the prompts are distinct")), "{warned}");
    assert!(!report("reuse = true\n").contains("of the prompts are distinct"));
}

#[test]
fn a_seed_repeats_lengths_and_order_and_with_its_salt_every_byte() {
    let bodies = |seed: &str, salt: &str| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let server = Raw::start(move |stream, request| {
            kept.lock().expect("no panic").push(request.body.clone());
            reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
        });
        let url = server.url();
        run_json(&[
            "smoke",
            "--url",
            &url,
            "--model",
            "m",
            "--concurrency",
            "1",
            "--count",
            "12",
            "--seed",
            seed,
            "--salt",
            salt,
        ]);
        let seen = seen.lock().expect("no panic").clone();
        assert_eq!(seen.len(), 12);
        seen
    };
    let first = bodies("5", "1");
    assert_eq!(first, bodies("5", "1"));
    let salted = bodies("5", "2");
    let lengths = |bodies: &[Vec<u8>]| bodies.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(&first), lengths(&salted));
    assert!(first.iter().all(|body| !salted.contains(body)), "no prompt comes twice");
    assert_ne!(first, bodies("6", "1"));
}

#[test]
fn serve_keeps_its_key_and_its_dialect() {
    let mut command = program();
    let served = {
        use std::io::BufRead as _;
        command.env("PROOFLOAD_TEST_KEY", "k-12345").args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--dialect",
            "openai",
            "--key-env",
            "PROOFLOAD_TEST_KEY",
        ]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("starts");
        let mut lines = std::io::BufReader::new(child.stdout.take().expect("stdout")).lines();
        let greeting = lines.next().expect("a line").expect("text");
        let curl = lines.next().expect("a line").expect("text");
        assert!(
            greeting.contains("openai dialect") && curl.contains("$PROOFLOAD_TEST_KEY") && !curl.contains("k-12345"),
            "{curl}"
        );
        let url = greeting.split_whitespace().nth(2).expect("an address").to_owned();
        Served { child, url, greeting }
    };
    let arguments = |key: &str| {
        vec![
            "smoke".to_owned(),
            "--url".into(),
            served.url.clone(),
            "--model".into(),
            "gpt-4o".into(),
            "--count".into(),
            "4".into(),
            "--header".into(),
            format!("authorization=Bearer {key}"),
        ]
    };
    let run = |key: &str| run_json(&arguments(key).iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run("k-12345").0, 0);
    let (code, digest, _) = run("wrong");
    assert_eq!((code, digest["statuses"]["401"].as_u64()), (1, Some(4)));
    for wrong in [
        &["serve", "--dialect", "none"][..],
        &["serve", "--quirk", "no-dne"],
        &["serve", "--quirk", "no-done", "--quirk-rate", "1.5"],
        &["serve", "--quirk-rate", "0.5"],
        &["serve", "--quirk-above-in-flight", "8"],
        &["serve", "--key-env", "PROOFLOAD_NO_KEY"],
        &["serve", "--listen", "nowhere"],
    ] {
        let output = program().args(wrong).output().expect("runs");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}");
    }
    let quirks = program().args(["serve", "--list-quirks"]).output().expect("runs");
    let quirks = String::from_utf8_lossy(&quirks.stdout).into_owned();
    assert!(quirks.lines().count() > 150 && quirks.lines().all(|line| line.ends_with(')')), "{quirks}");
}

#[test]
fn a_run_of_many_short_requests_loses_none() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 0, 0, Vec::new()));
    let began = Instant::now();
    let (_, digest, stderr) =
        run_json(&flags(&endpoint.url(), &["--concurrency", "32", "--count", "4000", "--set", "case.0.max_tokens=2"]));
    assert_eq!(digest["outcomes"]["ok"], 4000, "{stderr} after {:?}", began.elapsed());
}
