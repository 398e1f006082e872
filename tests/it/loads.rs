//! Loads of every shape, as they reach a server: what is sent, when, and what ends it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Raw, Request, alone, completion, measure, reply, run_json};

pub(crate) const CASE: &str = "[[case]]\nmessages = [{ role = \"user\", content = \"{{unique}} hello\" }]\n";

/// Bodies of requests, with the instants at which they came.
type Log = Arc<Mutex<Vec<(Instant, String)>>>;

/// A server that notes what comes and when, and then answers.
fn noting(answer: impl Fn(&mut std::net::TcpStream, usize) -> bool + Send + Sync + 'static) -> (Raw, Log) {
    let log = Log::default();
    let noted = Arc::clone(&log);
    let server = Raw::start(move |stream, request: &Request| {
        let number = {
            let mut log = noted.lock().expect("not poisoned");
            log.push((Instant::now(), String::from_utf8_lossy(&request.body).into_owned()));
            log.len() - 1
        };
        answer(stream, number)
    });
    (server, log)
}

fn well(stream: &mut std::net::TcpStream) -> bool {
    reply(stream, "200 OK", "application/json", completion().to_string().as_bytes())
}

/// A profile for a server, with its load and cases.
pub(crate) fn profile(server: &Raw, text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
    let whole = format!("seed = 1\n{text}\n[target]\nurl = \"{}\"\nmodel = \"m\"\n", server.url());
    std::fs::write(file.path(), whole).expect("written");
    file
}

pub(crate) fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().expect("UTF-8")
}

fn count(digest: &Value, pointer: &str) -> u64 {
    digest.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

#[test]
fn several_loads_go_side_by_side_each_with_its_own_cases() {
    let (server, log) = noting(|stream, _| well(stream));
    let file = profile(
        &server,
        "[loads.users]\ncases = [\"chat\"]\n[loads.users.open]\nrate = 40\nduration = \"1s\"\narrivals = \"poisson\"\n\
         [loads.batch]\ncases = [\"batch\", \"bulk\"]\n[loads.batch.closed]\nconcurrency = 2\ncount = 30\nthink_time = \"10ms\"\n\
         [[case]]\nname = \"chat\"\nmessages = [{ role = \"user\", content = \"chat {{unique}}\" }]\n\
         [[case]]\nname = \"batch\"\nmessages = [{ role = \"user\", content = \"batch {{unique}}\" }]\n\
         [[case]]\nname = \"bulk\"\nmessages = [{ role = \"user\", content = \"bulk {{unique}}\" }]\n",
    );
    let (code, digest, stderr) = run_json(&[path(&file)]);
    assert_eq!(code, 0, "{stderr}");
    let log = log.lock().expect("not poisoned");
    let of = |word: &str| log.iter().filter(|(_, body)| body.contains(word)).count() as u64;
    assert_eq!(of("\"batch ") + of("\"bulk "), 30, "a closed load ends with its count");
    assert!(of("\"batch ") > 5 && of("\"bulk ") > 5);
    assert_eq!(of("\"chat "), count(&digest, "/requests/planned") - 30);
    assert!((15..80).contains(&of("\"chat ")), "forty are expected, the standard deviation is 6");
    let load = digest["load"].as_str().expect("a text");
    assert!(
        load.starts_with("batch: closed loop, concurrency 2, think time 10ms") && load.contains("; users: open loop")
    );
    assert_eq!(digest["prompts"]["distinct_share"], 1.0, "tickets of the two loads have numbers of their own");
}

#[test]
fn a_user_thinks_before_the_next_request() {
    let (server, log) = noting(|stream, _| well(stream));
    let file = profile(&server, &format!("[load.closed]\nconcurrency = 1\ncount = 5\nthink_time = \"100ms\"\n{CASE}"));
    assert_eq!(run_json(&[path(&file)]).0, 0);
    let log = log.lock().expect("not poisoned");
    let gaps = log.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0));
    assert!(log.len() == 5 && gaps.min() >= Some(Duration::from_millis(100)));
}

#[test]
fn slots_come_one_after_another_over_a_ramp() {
    let (server, log) = noting(|stream, _| {
        std::thread::sleep(Duration::from_millis(1500));
        well(stream)
    });
    let file =
        profile(&server, &format!("[load.closed]\nconcurrency = 4\nramp = \"800ms\"\nduration = \"1s\"\n{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&file)]);
    assert_eq!((code, count(&digest, "/requests/planned")), (0, 4), "{stderr}");
    let log = log.lock().expect("not poisoned");
    let first = log[0].0;
    // The last is due 600 ms after the first: a late first one takes from that, a late last one adds to it.
    assert!(log[3].0.duration_since(first) >= Duration::from_millis(300), "{log:?}");
}

#[test]
fn a_number_of_requests_can_be_the_warm_up() {
    let (server, _) = noting(|stream, _| well(stream));
    let open = format!("[load.open]\nrate = 50\ncount = 40\nwarmup_count = 15\n{CASE}");
    let closed = format!("[load.closed]\nconcurrency = 3\ncount = 40\nwarmup_count = 15\n{CASE}");
    for text in [open, closed] {
        let (code, digest, stderr) = run_json(&[path(&profile(&server, &text))]);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!((count(&digest, "/warmup/planned"), count(&digest, "/requests/planned")), (15, 25));
        let (rate, window) = (digest["rates_per_s"]["requests"].as_f64(), digest["duration_s"].as_f64());
        let completed = rate.zip(window).map(|(rate, window)| rate * window).expect("rates");
        // Requests of the warm-up that were in flight at its end complete within the window.
        assert!((24.9..=28.1).contains(&completed), "{completed} completions in the window");
    }
}

#[test]
fn a_run_that_goes_wrong_is_given_up_and_fails() {
    let (server, log) = noting(|stream, number| match number {
        0..20 => well(stream),
        _ => reply(
            stream,
            "500 Internal Server Error",
            "application/json",
            b"{\"error\":{\"message\":\"no\",\"type\":\"x\",\"code\":null,\"param\":null}}",
        ),
    });
    let text = format!(
        "[limits]\nabort = [\"in_flight > 5000\", \"error_rate > 50% over 500ms\"]\n[load.open]\nrate = 50\nduration = \"20s\"\n{CASE}"
    );
    let (code, digest, stderr) = run_json(&[path(&profile(&server, &text))]);
    assert_eq!((code, digest["ended_early"].as_str()), (1, Some("abort: error_rate > 50% over 500ms")), "{stderr}");
    assert!(digest["reasons"].to_string().contains("ended early: abort"), "{}", digest["reasons"]);
    assert!(log.lock().expect("not poisoned").len() < 500, "the plan has a thousand");
    assert_eq!(count(&digest, "/requests/planned"), 1000, "what was not sent is counted");
}

#[test]
fn too_many_in_flight_end_a_run() {
    let (server, _) = noting(|stream, _| {
        std::thread::sleep(Duration::from_millis(1500));
        well(stream)
    });
    let text = format!("[limits]\nabort = [\"in_flight > 20\"]\n[load.open]\nrate = 100\nduration = \"20s\"\n{CASE}");
    let (code, digest, stderr) = run_json(&[path(&profile(&server, &text))]);
    assert_eq!((code, digest["ended_early"].as_str()), (1, Some("abort: in_flight > 20")), "{stderr}");
    assert_eq!(count(&digest, "/requests/sent"), 21);
}

/// A server that turns its third request away for a second, and notes what comes in that second.
fn turning_away(retry_after: &str) -> (Value, usize) {
    let (server, log) = noting(|stream, number| {
        use std::io::Write as _;
        if number != 2 {
            return well(stream);
        }
        let body = b"{\"error\":{\"message\":\"wait\",\"type\":\"rate_limit_error\",\"code\":null,\"param\":null}}";
        let head = format!(
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_ok()
    });
    let text = format!("[load.open]\nrate = 10\ncount = 20\nretry_after = \"{retry_after}\"\n{CASE}");
    let (_, digest, _) = measure(&[path(&profile(&server, &text))]);
    let log = log.lock().expect("not poisoned");
    let away = log[2].0;
    // Less than a second, for the time that the refusal takes on its way.
    let within = |at: &Instant| *at > away + Duration::from_millis(300) && *at < away + Duration::from_millis(950);
    (digest, log.iter().filter(|(at, _)| within(at)).count())
}

#[test]
fn a_request_to_come_back_later_is_reported_or_obeyed() {
    let _machine = alone();
    let (digest, came) = turning_away("report");
    assert!(came > 2 && count(&digest, "/timings_us/queued/all/max") < 500_000, "{came} came at once");
    let (digest, came) = turning_away("obey");
    assert_eq!((came, count(&digest, "/requests/sent"), count(&digest, "/outcomes/rate_limited")), (0, 20, 1));
    assert!(count(&digest, "/timings_us/queued/all/max") > 500_000, "who waited shows as queued");
    assert_ne!(digest["trust"]["verdict"], "invalid", "it was not the client that was late: {}", digest["trust"]);
}
