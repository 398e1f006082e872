//! What is left of a run or a check whose process is killed: all that came until some seconds before.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use proofload::report::{Format, write};
use proofload::run::{Control, run};
use proofload::summary::Summary;
use proofload::summary::server::Server;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::conformance::{folder, say};
use crate::dialect::Dialect;
use crate::harness::{Endpoint, Raw, Served, completion, plan, program, reply, settings, shared};

/// Processes that are killed, how long after their first request at most, and how many of them as soon as they start.
const KILLED: usize = 50;
const AFTER: Duration = Duration::from_secs(25);
const AT_ONCE: usize = 6;
/// What may be missing from a summary and from a journal.
const OF_SUMMARY: Duration = Duration::from_secs(10);
const OF_JOURNAL: Duration = Duration::from_secs(5);

/// When the server had written each reply, by the number of the process that asked.
type Log = Arc<Mutex<BTreeMap<usize, Vec<SystemTime>>>>;

/// A server whose base address `/N/v1` is for process N.
fn logging(log: &Log) -> Raw {
    let log = Arc::clone(log);
    Raw::start(move |stream, request| {
        let of = request.head.split('/').nth(1).and_then(|number| number.parse().ok()).expect("a number in the path");
        let written = reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        log.lock().expect("no panic").entry(of).or_default().push(SystemTime::now());
        written
    })
}

const PROFILE: &str = "[target]\ndialect = \"openai\"\nmodel = \"m\"\npreflight = false\n[load.open]\nrate = 3\nduration = \"10m\"\n\
                       [[case]]\nmessages = [{ role = \"user\", content = \"{{unique}}\" }]\n";

fn start(place: &Path, server: &Raw, number: usize) -> Child {
    let url = format!("http://{}/{number}/v1", server.address);
    program()
        .current_dir(place)
        .args(["run", "p.toml", "--quiet", "--journal", "--url", &url, "--out", &format!("out-{number}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts")
}

/// By how much this machine is late at most when a thread is to wake, measured until it is asked.
struct Lateness {
    worst_us: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Lateness {
    fn watch() -> Lateness {
        let (worst_us, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (worst, stop) = (Arc::clone(&worst_us), Arc::clone(&over));
        std::thread::spawn(move || {
            let nap = Duration::from_millis(10);
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(nap);
                let late = began.elapsed().saturating_sub(nap);
                worst.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Lateness { worst_us, over }
    }

    /// What a process with several threads in turn may be late.
    fn allowed(&self) -> Duration {
        Duration::from_secs(1) + 10 * Duration::from_micros(self.worst_us.load(Ordering::Relaxed))
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Kills each process at an instant of its own, and returns those instants.
fn kill_all(mut children: Vec<Child>, log: &Log) -> Vec<SystemTime> {
    let mut random = Pcg64::seed_from_u64(20);
    let began = Instant::now();
    let after: Vec<Duration> = (0..children.len())
        .map(|number| {
            let most = if number < AT_ONCE { Duration::from_secs(1) } else { AFTER };
            most.mul_f64(random.random::<f64>())
        })
        .collect();
    let mut killed: Vec<Option<SystemTime>> = vec![None; children.len()];
    while killed.iter().any(Option::is_none) {
        for ((number, child), killed) in children.iter_mut().enumerate().zip(&mut killed) {
            if killed.is_some() {
                continue;
            }
            let first = log.lock().expect("no panic").get(&number).and_then(|replies| replies.first().copied());
            let is_due = match first {
                _ if number < AT_ONCE => began.elapsed() >= after[number],
                Some(first) => first.elapsed().is_ok_and(|since| since >= after[number]),
                None => false,
            };
            if is_due {
                *killed = Some(SystemTime::now());
                child.kill().expect("killed");
                child.wait().expect("ends");
            }
        }
        assert!(children.iter_mut().all(is_on), "a process ended of its own");
        std::thread::sleep(Duration::from_millis(2));
    }
    killed.into_iter().flatten().collect()
}

/// Whether a process goes on, or was killed.
fn is_on(child: &mut Child) -> bool {
    let ended = child.try_wait().expect("asks");
    ended.is_none_or(|status| status.code().is_none())
}

/// Exchanges in the whole frames of a journal that was cut off anywhere.
fn journaled(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap_or_default();
    let mut rest = bytes.as_slice();
    let mut lines = 0;
    while !rest.is_empty() {
        let Ok(mut frame) = ruzstd::decoding::StreamingDecoder::new(&mut rest) else { break };
        let mut text = String::new();
        if frame.read_to_string(&mut text).is_err() {
            break;
        }
        lines += text.lines().count();
    }
    lines
}

#[test]
fn of_a_run_that_is_killed_no_more_than_ten_seconds_are_missing() {
    let _machine = shared();
    let (place, log) = (folder(), Log::default());
    fs::write(place.path().join("p.toml"), PROFILE).expect("written");
    let server = logging(&log);
    let lateness = Lateness::watch();
    let children: Vec<Child> = (0..KILLED).map(|number| start(place.path(), &server, number)).collect();
    let killed = kill_all(children, &log);
    let late = lateness.allowed();
    let log = log.lock().expect("no panic").clone();
    let mut with_figures = 0;
    for (number, at) in killed.into_iter().enumerate() {
        let out = place.path().join(format!("out-{number}"));
        // What the server had answered so long before the process was killed.
        let answered = |before: Duration| {
            let replies = log.get(&number).map_or(&[][..], Vec::as_slice);
            replies.iter().filter(|reply| at.duration_since(**reply).is_ok_and(|since| since > before)).count()
        };
        let (due, due_in_journal) = (answered(OF_SUMMARY + late), answered(OF_JOURNAL + late));
        let lines = journaled(&out.join("exchanges.jsonl.zst"));
        assert!(lines >= due_in_journal, "run {number}: {lines} of {due_in_journal} are in the journal");
        let report = program().args(["report", "--format", "json"]).arg(&out).output().expect("runs");
        let err = String::from_utf8_lossy(&report.stderr);
        let Ok(text) = fs::read_to_string(out.join("summary.json")) else {
            assert!(answered(late) == 0, "run {number} was killed after {} replies, and is not known", answered(late));
            assert!([Some(2), Some(4)].contains(&report.status.code()), "{err}");
            continue;
        };
        let summary: Summary = serde_json::from_str(&text).expect("a whole summary");
        assert!(!summary.ending.is_whole(), "run {number}");
        assert!(summary.planned() >= due as u64, "run {number}: {} of {due} are in the summary", summary.planned());
        with_figures += usize::from(due > 0);
        let since = Duration::from_micros(summary.ending.cut_off_us.expect("cut off"));
        let checkpoint = SystemTime::UNIX_EPOCH + Duration::from_millis(summary.meta.started_unix_ms) + since;
        let lost = at.duration_since(checkpoint).unwrap_or_default();
        assert!(lost <= OF_SUMMARY + late, "run {number}: the last checkpoint was {lost:?} before the end");
        assert_eq!(report.status.code(), Some(4), "{err}");
        assert!(err.contains("is incomplete: cut off at 00:00:") && err.contains(", killed"), "{err}");
        let digest: serde_json::Value = serde_json::from_slice(&report.stdout).expect("a digest");
        crate::harness::assert_digest(&digest);
        assert_eq!(digest["verdict"], "invalid");
        let hidden = fs::read_dir(&out).expect("a folder").flatten().map(|entry| entry.file_name());
        let hidden: Vec<_> = hidden.filter(|name| name.to_string_lossy().starts_with('.')).collect();
        assert!(hidden.is_empty() || hidden == [".summary.json"], "run {number}: {hidden:?}");
    }
    assert!(with_figures > 0, "no run was killed late enough to tell");
}

/// A run of some seconds, and what it handed over while it went on.
fn checkpoints() -> (Vec<Summary>, Summary) {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 2, 1, vec![]));
    let text = format!(
        "goals = [\"ttft.p95 < 10s\"]\n[target]\nurl = \"{}\"\ndialect = \"openai\"\nmodel = \"gpt-4o\"\n\
         headers = {{ authorization = \"Bearer x\" }}\n[load.closed]\nconcurrency = 2\nduration = \"20s\"\n\
         [[case]]\nname = \"a\"\nstream = true\nmax_tokens = 4\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}}\" }}]\n",
        endpoint.url()
    );
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let (kept, two) = std::sync::mpsc::channel();
    let control = Control::new().with_checkpoints(move |summary: &Summary| {
        keep.lock().expect("no panic").push(summary.clone());
        let _ = kept.send(());
    });
    let (control, plan) = (Arc::new(control), Arc::new(plan(&text)));
    let running = Arc::clone(&control);
    let whole = std::thread::spawn(move || run(&plan, &running).expect("the run"));
    // The first comes at once, and the second seconds later; the run goes on no longer than that.
    for _ in 0..2 {
        two.recv_timeout(Duration::from_secs(120)).expect("a checkpoint");
    }
    control.give_up();
    let whole = whole.join().expect("no panic");
    let seen = seen.lock().expect("no panic").clone();
    (seen, whole)
}

#[test]
fn a_run_that_is_cut_off_is_invalid_in_every_report_and_one_that_ends_is_not_cut_off() {
    let _machine = shared();
    let (seen, whole) = checkpoints();
    assert!(whole.ending.is_whole() && whole.planned() >= seen[1].planned());
    assert_eq!((seen[0].planned(), seen[0].ending.is_whole()), (0, false), "the first is of a run that begins");
    let cut = &seen[1];
    assert!(cut.planned() > 0 && cut.ending.cut_off_us > Some(8_000_000), "{:?}", cut.ending);
    assert_eq!(cut.ending.window_us, cut.ending.cut_off_us.expect("cut off"), "rates are of the time until then");
    assert!(cut.health.in_flight_us.is_none() && cut.server == Server::default(), "only the end tells");
    let mark = cut.ending.cut_off().expect("cut off");
    assert!(mark.starts_with("cut off at 00:00:") && mark.ends_with(", killed"), "{mark}");
    for summary in [&seen[0], cut] {
        let mark = summary.ending.cut_off().expect("cut off");
        for format in Format::ALL {
            let text = write(summary, format);
            match format.name() {
                // Rows and nothing else.
                "csv" => {}
                "totals" => assert!(text.contains(",invalid,invalid,"), "{text}"),
                "openmetrics" => {
                    assert!(
                        text.contains("proofload_passed 0") && text.contains("proofload_cut_off_seconds"),
                        "{text}"
                    );
                }
                _ => assert!(text.contains(&mark), "{}: {text}", format.name()),
            }
        }
    }
    let text = write(cut, Format::Text);
    assert!(text.starts_with("INVALID  ") && text.lines().nth(1).is_some_and(|line| line.contains(&mark)), "{text}");
    assert!(text.contains("  invalid  ttft.p95 < 10s (measured "), "{text}");
    let junit = write(cut, Format::Junit);
    assert!(junit.contains("the measurement is invalid; measured "), "{junit}");
    let digest: serde_json::Value = serde_json::from_str(&write(cut, Format::Json)).expect("JSON");
    crate::harness::assert_digest(&digest);
    assert_eq!((&digest["reasons"][0], &digest["goals"][0]["held"]), (&mark.into(), &false.into()));

    let place = folder();
    for name in ["runs/a", "runs/b"] {
        fs::create_dir_all(place.path().join(name)).expect("made");
    }
    let mut part = cut.clone();
    part.meta.shard = Some("1/2".to_owned());
    for (name, summary) in [("runs/a/summary.json", &part), ("runs/b/summary.json", &whole)] {
        fs::write(place.path().join(name), serde_json::to_string(summary).expect("JSON")).expect("written");
    }
    let merged = say(place.path(), &["merge", "runs/a", "runs/b", "--no-out"]);
    assert_eq!((merged.code, merged.err.contains("is incomplete: cut off at ")), (4, true), "{}", merged.err);
    let compared = say(place.path(), &["compare", "runs/b", "runs/a"]);
    assert!(
        compared.out.contains("INVALID") && compared.out.contains("cut off at "),
        "{}{}",
        compared.out,
        compared.err
    );
    let listed = say(place.path(), &["history"]);
    assert!(listed.out.contains("invalid, cut off at "), "{}", listed.out);
}

#[test]
fn of_a_check_that_is_killed_a_replay_judges_what_came() {
    // So slow that it is killed long before it ends.
    let wrong = Served::start(&["--dialect", "openai", "--quirk", "no-done"]);
    let mut random = Pcg64::seed_from_u64(8);
    let check =
        ["check", &wrong.url, "--model", "gpt-4o", "--key-env", "PROOFLOAD_TEST_KEY", "--seed", "7", "--no-out"];
    let whole = say(folder().path(), &[&check[..], &["--format", "json"]].concat()).json()["checks"].clone();
    for most in [1, 8, 24, 48] {
        let place = folder();
        let lines = || fs::read(place.path().join("kept/exchanges.jsonl")).unwrap_or_default();
        let wanted = 1 + random.random_range(0..most);
        let mut child = program()
            .current_dir(place.path())
            .env("PROOFLOAD_TEST_KEY", "sk-conformance-0123456789")
            .args(check)
            .args(["--quiet", "--jobs", "1", "--capture", "kept"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let ended = loop {
            if let Some(ended) = child.try_wait().expect("asks") {
                break Some(ended);
            }
            if lines().split(|byte| *byte == b'\n').count() > wanted {
                break None;
            }
            std::thread::yield_now();
        };
        child.kill().expect("killed");
        child.wait().expect("ends");
        assert!(ended.is_none(), "{wanted} exchanges are fewer than a check makes");
        let kept = lines();
        // As it is, with its last line cut in two, and with none.
        for length in [kept.len(), kept.len() - 10, 0] {
            fs::write(place.path().join("kept/exchanges.jsonl"), &kept[..length]).expect("written");
            let replayed = say(place.path(), &["replay", "kept", "--format", "json", "--no-out"]);
            assert_eq!(replayed.code, 3, "{}", replayed.err);
            assert!(
                replayed.err.contains("did not come to its end") && !replayed.err.contains("panicked"),
                "{}",
                replayed.err
            );
            assert_eq!(replayed.err.contains("cut in two"), length + 10 == kept.len(), "{}", replayed.err);
            let rows = replayed.json()["checks"].as_object().expect("rows").clone();
            let of = |status: &str| -> Vec<&String> {
                rows.iter().filter(|(_, row)| row["status"] == status).map(|(id, _)| id).collect()
            };
            assert!(of("FAIL").iter().all(|id| whole[id.as_str()]["status"] == "FAIL"), "{wanted}: {:?}", of("FAIL"));
            assert!(length > 0 || of("PASS").is_empty(), "nothing came");
        }
    }
}
