//! Every ending is an ending: whatever signals come, and in whatever order, there is a report of what was measured.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Raw, Served, assert_digest, begin, completion, program, reply, shared};

/// Far beyond what anything takes that ends by itself, and far below the grace period of the loads.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server has seen.
#[derive(Default)]
struct Seen {
    requests: u64,
    hanging: u64,
    released: bool,
}

/// A server that begins to answer some requests and does not go on until it is told.
pub(crate) struct Hanging {
    server: Raw,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Hanging {
    /// `hangs` is told how many requests came before, and the body.
    pub(crate) fn start(hangs: impl Fn(u64, &str) -> bool + Send + Sync + 'static) -> Hanging {
        let seen: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let own = Arc::clone(&seen);
        let server = Raw::start(move |stream, request| {
            let (state, changed) = &*own;
            let mut now = state.lock().expect("no panic");
            let before = now.requests;
            now.requests += 1;
            let body = completion().to_string();
            if !hangs(before, &String::from_utf8_lossy(&request.body)) {
                drop(now);
                changed.notify_all();
                return reply(stream, "200 OK", "application/json", body.as_bytes());
            }
            now.hanging += 1;
            changed.notify_all();
            // Every other one goes on for ever, so that no limit on silence would end it.
            let streams = now.hanging.is_multiple_of(2);
            begin(stream, "application/json");
            while !now.released {
                now = changed.wait_timeout(now, Duration::from_millis(20)).expect("no panic").0;
                if streams && stream.write_all(b"1\r\n \r\n").is_err() {
                    return false;
                }
            }
            drop(now);
            stream.write_all(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes()).is_ok()
        });
        Hanging { server, seen }
    }

    /// One in four hangs, so that each slot of a load comes to one.
    pub(crate) fn now_and_then() -> Hanging {
        Hanging::start(|before, _| before % 4 == 3)
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until so many hang.
    pub(crate) fn wait_for(&self, hanging: u64) {
        self.wait(|seen| seen.hanging >= hanging);
    }

    fn wait(&self, until: impl Fn(&Seen) -> bool) {
        let (state, changed) = &*self.seen;
        let waited = changed.wait_timeout_while(state.lock().expect("no panic"), PATIENCE, |seen| !until(seen));
        assert!(!waited.expect("no panic").1.timed_out(), "what was waited for did not come");
    }

    pub(crate) fn requests(&self) -> u64 {
        self.seen.0.lock().expect("no panic").requests
    }

    /// How many hung so far.
    fn hanging(&self) -> u64 {
        self.seen.0.lock().expect("no panic").hanging
    }

    /// Lets what hangs, and all that follows, be answered.
    pub(crate) fn release(&self) {
        self.seen.0.lock().expect("no panic").released = true;
        self.seen.1.notify_all();
    }
}

/// The program at work.
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: Receiver<String>,
}

/// How it ended.
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub out: String,
    /// What it said after all that was waited for.
    pub err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {:?} {}", self.out, self.err))
    }
}

impl Running {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Running {
        Running::of(program(), folder, arguments)
    }

    /// The same by a shell that ignores a signal, as nohup does.
    fn deaf_to(signal: &str, folder: &Path, arguments: &[&str]) -> Running {
        let mut shell = Command::new("sh");
        let script = format!("trap '' {signal}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_proofload")]).stdin(Stdio::null());
        Running::of(shell, folder, arguments)
    }

    fn of(mut program: Command, folder: &Path, arguments: &[&str]) -> Running {
        let out = folder.join("stdout");
        let stdout = std::fs::File::create(&out).expect("created");
        program.current_dir(folder).args(arguments).stdout(stdout).stderr(Stdio::piped());
        let mut child = program.spawn().expect("starts");
        let stderr = std::io::BufReader::new(child.stderr.take().expect("stderr"));
        let (said, err) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        Running { child, out, err }
    }

    /// Waits until it says a line that has this in it, and returns the line.
    pub(crate) fn says(&self, part: &str) -> String {
        let mut before = Vec::new();
        while let Ok(line) = self.err.recv_timeout(PATIENCE) {
            if line.contains(part) {
                return line;
            }
            before.push(line);
        }
        panic!("it does not say {part:?}, but {before:?}");
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("asks").is_none()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Waits for its end.
    pub(crate) fn ends(mut self) -> Ended {
        let began = Instant::now();
        while self.is_running() {
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it does not end: {:?}", self.err.try_iter().collect::<Vec<_>>());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let code = self.child.wait().expect("ended").code();
        let err = self.err.iter().collect::<Vec<_>>().join("\n");
        assert!(!err.contains("panicked"), "{err}");
        Ended { code, out: std::fs::read_to_string(&self.out).expect("UTF-8"), err }
    }
}

/// What stops a load of four slots that would go on for ten minutes, and then wait for ten more.
const LOAD: [&str; 20] = [
    "--model",
    "m",
    "--no-preflight",
    "--concurrency",
    "4",
    "--duration",
    "10m",
    "--seed",
    "3",
    "--set",
    "load.closed.grace=\"10m\"",
    "--set",
    "target.timeouts.total=\"10m\"",
    "--set",
    "case.1.stream=false",
    "--set",
    "case.2.stream=false",
    "--set",
    "limits.abort=[]",
    "--quiet",
];

fn run<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "smoke", "--url", url], &LOAD[..], more].concat()
}

/// Sends signals one by one, each once what the one before led to was said.
fn send(running: &Running, signals: &[&str]) {
    for (signal, answer) in signals.iter().zip(["stopping: ", "cancelling "]) {
        running.signal(signal);
        running.says(answer);
    }
}

fn summary(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("summary.json")).expect("a summary")).expect("whole JSON")
}

/// A report of a run that was interrupted while four requests hung, against what the server saw.
fn assert_cut(ended: &Ended, server: &Hanging, folder: &Path) {
    let digest = ended.json();
    assert_digest(&digest);
    assert_eq!((ended.code, digest["verdict"].as_str()), (Some(130), Some("interrupted")), "{}", ended.err);
    let count = |name: &str| digest["requests"][name].as_u64().expect("a count");
    assert_eq!(count("sent"), server.requests(), "every request that the server saw is in the report");
    assert_eq!((count("cut"), count("ok")), (4, count("sent") - 4), "{}", digest["requests"]);
    assert_eq!(digest["classes"]["unfinished.stopped"], 4, "{}", digest["classes"]);
    let outcomes = digest["outcomes"].as_object().expect("outcomes").values().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!(count("planned"), outcomes);
    let kept = summary(folder);
    assert_eq!((&kept["ending"]["interrupted"], &kept["outcomes"]), (&Value::Bool(true), &digest["outcomes"]));
    assert!(folder.join("report.html").exists());
}

#[test]
fn one_interrupt_waits_for_what_is_in_flight() {
    let _machine = shared();
    let (folder, server) = (tempfile::tempdir().expect("a folder"), Hanging::now_and_then());
    let running = Running::start(folder.path(), &run(&server.url(), &["--out", "kept", "--format", "json"]));
    server.wait_for(4);
    running.signal("INT");
    let said = running.says("stopping");
    assert_eq!(said, "stopping: up to 10m for 4 requests in flight; interrupt again to report at once");
    server.release();
    let ended = running.ends();
    let digest = ended.json();
    assert_eq!((ended.code, digest["verdict"].as_str()), (Some(130), Some("interrupted")));
    assert_eq!(digest["requests"]["ok"].as_u64(), Some(server.requests()), "{}", digest["requests"]);
    assert_eq!(summary(&folder.path().join("kept"))["ending"]["interrupted"], true);
}

#[test]
fn a_second_signal_of_any_kind_cuts_what_is_in_flight_and_reports() {
    let _machine = shared();
    for signals in [["INT", "INT"], ["INT", "TERM"], ["TERM", "INT"], ["INT", "HUP"], ["HUP", "TERM"]] {
        let (folder, server) = (tempfile::tempdir().expect("a folder"), Hanging::now_and_then());
        let reports = ["--out", "kept", "--format", "json", "--report", "junit=junit.xml", "--journal"];
        let running = Running::start(folder.path(), &run(&server.url(), &reports));
        server.wait_for(4);
        send(&running, &signals);
        assert_cut(&running.ends(), &server, &folder.path().join("kept"));
        assert!(std::fs::read_to_string(folder.path().join("junit.xml")).expect("kept").contains("</testsuites>"));
    }
}

#[test]
fn after_a_signal_that_a_kill_may_follow_what_is_in_flight_is_cut_unasked() {
    let _machine = shared();
    let scenes = ["TERM", "HUP"].map(|signal| {
        let (folder, server) = (tempfile::tempdir().expect("a folder"), Hanging::now_and_then());
        let running = Running::start(folder.path(), &run(&server.url(), &["--out", "kept", "--format", "json"]));
        server.wait_for(4);
        running.signal(signal);
        assert!(running.says("stopping").starts_with("stopping: up to 5s for 4 requests in flight"));
        (folder, server, running)
    });
    for (folder, server, running) in scenes {
        running.says("cancelling 4 requests in flight");
        assert_cut(&running.ends(), &server, &folder.path().join("kept"));
    }
}

/// A pipe that nobody reads and that takes no more.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut filling = writer.try_clone().expect("another end");
    std::thread::spawn(move || while filling.write_all(&[b'x'; 4096]).is_ok() {});
    (reader, writer)
}

#[test]
fn only_a_third_interrupt_gives_up_and_what_is_kept_by_then_is_whole() {
    let _machine = shared();
    let (folder, server) = (tempfile::tempdir().expect("a folder"), Hanging::now_and_then());
    let mut running = {
        // The report is never taken off its hands, so that there is a time at which it can be given up.
        let mut program = program();
        program.current_dir(folder.path()).args(run(&server.url(), &["--out", "kept", "--format", "json"]));
        let (reader, writer) = full_pipe();
        let mut child = program.stdout(writer).stderr(Stdio::piped()).spawn().expect("starts");
        let stderr = std::io::BufReader::new(child.stderr.take().expect("stderr"));
        let (said, err) = channel();
        std::thread::spawn(move || {
            // The pipe lives for as long as the program.
            let _reader = reader;
            stderr.lines().map_while(Result::ok).try_for_each(|line| said.send(line))
        });
        Running { child, out: "/dev/null".into(), err }
    };
    server.wait_for(4);
    send(&running, &["INT", "INT"]);
    let (page, began) = (folder.path().join("kept/report.html"), Instant::now());
    while !page.exists() {
        assert!(began.elapsed() < PATIENCE && running.is_running(), "the run is kept before it is printed");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal("INT");
    running.says("gave up");
    assert_eq!(running.ends().code, Some(130));
    assert_eq!(summary(&folder.path().join("kept"))["ending"]["interrupted"], true);
}

#[test]
fn a_signal_that_is_ignored_at_the_start_stays_ignored() {
    let _machine = shared();
    for (ignored, heard) in [("HUP", "INT"), ("INT", "TERM")] {
        let (folder, server) = (tempfile::tempdir().expect("a folder"), Hanging::start(|_, _| false));
        let url = server.url();
        let arguments = run(&url, &["--out", "kept", "--format", "json"]);
        let running = Running::deaf_to(ignored, folder.path(), &arguments);
        server.wait(|seen| seen.requests > 20);
        running.signal(ignored);
        let before = server.requests();
        server.wait(|seen| seen.requests > before + 20);
        running.signal(heard);
        // It is the first that is heard.
        assert!(running.says("ing").starts_with("stopping"));
        let ended = running.ends();
        assert_eq!((ended.code, ended.json()["verdict"].as_str()), (Some(130), Some("interrupted")), "{}", ended.err);
    }
}

#[test]
fn a_run_whose_terminal_is_gone_is_kept() {
    let _machine = shared();
    let (folder, server) = (tempfile::tempdir().expect("a folder"), Hanging::now_and_then());
    let mut program = program();
    program.current_dir(folder.path()).args(run(&server.url(), &["--out", "kept"]));
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    server.wait_for(4);
    drop((child.stdout.take(), child.stderr.take()));
    for _ in 0..3 {
        let sent = Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    let kept = summary(&folder.path().join("kept"));
    assert_eq!((&kept["ending"]["interrupted"], &kept["outcomes"]["unfinished"]), (&Value::Bool(true), &4.into()));
}

#[test]
fn a_signal_before_anything_is_measured_says_so() {
    let _machine = shared();
    let all = Hanging::start(|_, _| true);
    let url = all.url();
    let commands: [&[&str]; 6] = [
        &["run", "smoke", "--url", &url, "--model", "m", "--out", "kept"],
        &["run", "smoke", "--url", &url, "--model", "m", "--out", "kept", "--repeat", "2"],
        &["run", "smoke", "--url", &url, "--model", "m", "--out", "kept", "--sweep", "concurrency=1,2"],
        &["run", "smoke", "--url", &url, "--model", "m", "--wait", "10m"],
        &["capacity", "smoke", "--url", &url, "--model", "m"],
        &["check", &url, "--model", "m", "--wait", "10m"],
    ];
    for (number, command) in (1..).zip(commands) {
        for (nth, signal) in (1..).zip(["INT", "TERM", "HUP"]) {
            let folder = tempfile::tempdir().expect("a folder");
            let running = Running::start(folder.path(), command);
            all.wait_for((number - 1) * 3 + nth);
            running.signal(signal);
            let ended = running.ends();
            assert_eq!((ended.code, ended.out.as_str()), (Some(130), ""), "{command:?} {}", ended.err);
            assert!(ended.err.ends_with("\ninterrupted: nothing was measured"), "{command:?} {:?}", ended.err);
        }
    }
}

/// What each command comes to that is interrupted twice, or told to end, while requests hang.
fn in_every_way(
    server: impl Fn() -> Hanging,
    hanging: u64,
    command: impl Fn(&str) -> Vec<String>,
    see: impl Fn(&Ended),
) {
    for signals in [&["INT", "INT"][..], &["TERM"]] {
        let (folder, server) = (tempfile::tempdir().expect("a folder"), server());
        let command = command(&server.url());
        let running = Running::start(folder.path(), &command.iter().map(String::as_str).collect::<Vec<_>>());
        server.wait_for(hanging);
        send(&running, signals);
        let ended = running.ends();
        assert_eq!(ended.code, Some(130), "{signals:?} {command:?} {}", ended.err);
        see(&ended);
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_repetition_that_is_cut_is_reported() {
    let _machine = shared();
    let command = |url: &str| owned(&run(url, &["--repeat", "2", "--out", "kept", "--format", "json"]));
    in_every_way(Hanging::now_and_then, 4, command, |ended| {
        let runs = ended.json()["runs"].as_array().map(Vec::len);
        assert_eq!(runs, Some(1), "{}", ended.out);
        assert!(ended.err.contains("0 of 2 runs were made"), "{}", ended.err);
    });
}

#[test]
fn a_sweep_that_is_cut_is_reported() {
    let _machine = shared();
    let command = |url: &str| owned(&run(url, &["--sweep", "seed=3,4", "--out", "kept", "--format", "json"]));
    in_every_way(Hanging::now_and_then, 4, command, |ended| {
        let runs = ended.json()["runs"].as_array().map(Vec::len);
        assert_eq!(runs, Some(1), "{}", ended.out);
        assert!(ended.err.contains("0 of 2 runs were made"), "{}", ended.err);
    });
}

#[test]
fn a_stage_of_a_search_that_is_cut_is_reported() {
    let _machine = shared();
    let command = |url: &str| {
        let own = ["capacity", "smoke", "--url", url, "--model", "m", "--stage", "10m", "--out", "kept"];
        let whole = ["--set", "case.1.stream=false", "--set", "case.2.stream=false", "--set", "limits.abort=[]"];
        let rest = ["--set", "target.timeouts.total=\"10m\"", "--set", "target.preflight=false", "--format", "json"];
        owned(&[&own[..], &whole, &rest].concat())
    };
    in_every_way(Hanging::now_and_then, 4, command, |ended| {
        assert_eq!(ended.json()["stages"][0]["reasons"][0], "interrupted", "{}", ended.out);
        assert!(ended.err.contains("continue the search with --resume kept"), "{}", ended.err);
    });
}

#[test]
fn a_verification_that_is_cut_is_reported_and_the_record_stays() {
    let _machine = shared();
    let (folder, hangs) = (tempfile::tempdir().expect("a folder"), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&hangs);
    let server = Hanging::start(move |_, _| told.load(Ordering::SeqCst));
    let url = server.url();
    let whole = ["--set", "case.1.stream=false", "--set", "case.2.stream=false", "--set", "target.preflight=false"];
    let own = ["capacity", "smoke", "--url", &url, "--model", "m", "--rate", "4", "--to", "8", "--out", "kept"];
    let quick = ["--stage", "1s", "--confirm", "1s", "--set", "capacity.cooldown=0s", "--goal", "error_rate < 99%"];
    let found = Running::start(folder.path(), &[&own[..], &whole, &quick].concat()).ends();
    assert_eq!(found.code, Some(0), "{} {}", found.err, found.out);
    let record = || std::fs::read(folder.path().join("kept/capacity.json")).expect("the record");
    let before = record();
    hangs.store(true, Ordering::SeqCst);
    for (nth, signals) in (1..).zip([&["INT", "INT"][..], &["TERM"]]) {
        let hanging = server.hanging();
        let verify = ["capacity", "verify", "kept", "--duration", "10m", "--format", "json"];
        let running = Running::start(folder.path(), &verify);
        server.wait_for(hanging + 1);
        send(&running, signals);
        let ended = running.ends();
        assert_eq!(ended.code, Some(130), "{}", ended.err);
        assert_eq!(ended.json()["stage"]["reasons"][0], "interrupted", "{}", ended.out);
        assert!(folder.path().join(format!("kept/verify/{nth:02}/summary.json")).exists());
        assert!(record() == before);
    }
}

#[test]
fn a_served_endpoint_ends_with_its_terminal() {
    let mut served = Served::start(&[]);
    let sent = Command::new("kill").args(["-HUP", &served.child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    assert_eq!(served.child.wait().expect("ends").code(), Some(0));
}

#[test]
fn a_check_that_is_cut_judges_what_has_come() {
    let _machine = shared();
    let command = |url: &str| {
        let own = ["check", url, "--model", "m", "--header", "authorization=Bearer x", "--format", "json"];
        owned(&[&own[..], &["--out", "kept", "--quiet", "--jobs", "1"]].concat())
    };
    // The plain request is answered, no other ever is.
    in_every_way(
        || Hanging::start(|before, _| before > 0),
        1,
        command,
        |ended| {
            let sheet = ended.json();
            assert_eq!((sheet["verdict"].as_str(), sheet["requests"].as_u64()), (Some("invalid"), Some(1)), "{sheet}");
            assert_eq!(sheet["checks"]["auth-valid-accepted"]["status"], "PASS");
        },
    );
}

#[test]
fn a_check_under_load_that_is_cut_judges_what_has_come() {
    let _machine = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("load.toml");
    let text = "[target]\nurl = \"http://127.0.0.1:9/v1\"\npreflight = false\ntimeouts = { total = \"10m\" }\n\
                [load.closed]\nconcurrency = 2\nduration = \"1m\"\n\
                [[case]]\nmessages = [{ role = \"user\", content = \"LOAD {{unique}}\" }]\n";
    std::fs::write(&profile, text).expect("written");
    let command = |url: &str| {
        let own = ["check", url, "--model", "m", "--header", "authorization=Bearer x", "--format", "json", "--quiet"];
        let loaded = ["--only", "auth-valid-accepted", "--while"];
        owned(&[&own[..], &loaded, &[&profile.to_string_lossy()]].concat())
    };
    in_every_way(
        || Hanging::start(|_, body| body.contains("LOAD")),
        2,
        command,
        |ended| {
            assert_eq!(ended.json()["checks"]["auth-valid-accepted"]["status"], "PASS", "{}", ended.out);
        },
    );
}
