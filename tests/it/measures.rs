//! What is measured beside the timings: other tools' figures on hand-worked logs, tokens that cannot be, Little's law,
//! seconds, splits, and what the server says of itself.

#![expect(clippy::float_cmp, reason = "figures that are worked out by hand are exact")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proofload::exchange::{Arrival, Body, Exchange};
use proofload::report::{Format, write, write_beside};
use proofload::summary::Summary;
use proofload::summary::digest::{Digest, Statistics};
use proofload::summary::metrics_as::Tool;
use proofload::summary::trust::{Belief, Trust};
use serde_json::{Value, json};

use crate::harness::{Raw, Served, completion, program, reply, run_json};
use crate::loads::{CASE, path, profile};
use crate::reports::{POOL, summary};

/// A stream as it came: due, sent and ended, and its events with the instant each came, in milliseconds.
pub(crate) fn log(due: u64, sent: u64, ended: u64, events: &[(u64, Value)]) -> Exchange {
    let ms = Duration::from_millis;
    let streamed = POOL.iter().find(|e| e.asked.wanted.stream && e.status() == Some(200)).expect("a stream");
    let mut exchange = streamed.clone();
    let mut body = Body::default();
    for (at, data) in events.iter().cloned().chain([(ended, Value::Null)]) {
        let data = if data.is_null() { "[DONE]".to_owned() } else { data.to_string() };
        body.bytes.extend_from_slice(format!("data: {data}\n\n").as_bytes());
        match body.arrivals.last_mut() {
            Some(last) if last.at == ms(at) => last.end = body.bytes.len(),
            _ => body.arrivals.push(Arrival { at: ms(at), end: body.bytes.len() }),
        }
    }
    (exchange.ticket.due, exchange.ticket.warmup, exchange.eligible) = (ms(due), false, ms(due));
    (exchange.sent, exchange.ended, exchange.body) = (Some(ms(sent)), ms(ended), body);
    if let Some(head) = &mut exchange.head {
        head.at = ms(sent + 1);
    }
    exchange
}

pub(crate) fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

pub(crate) fn usage(prompt: u64, completion: u64) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}})
}

/// Due at 990 ms, sent at 1000: a role, then five tokens in four chunks of which the last two come together.
fn plain() -> Exchange {
    let events = [
        (1050, chunk(&json!({"role": "assistant", "content": ""}), None)),
        (1100, chunk(&json!({"content": "The "}), None)),
        (1120, chunk(&json!({"content": "river "}), None)),
        (1160, chunk(&json!({"content": "is wide"}), None)),
        (1160, chunk(&json!({"content": "."}), None)),
        (1200, chunk(&json!({}), Some("stop"))),
        (1210, usage(20, 5)),
    ];
    log(990, 1000, 1220, &events)
}

/// Due and sent at 2000 ms: a blank token, reasoning, two tokens, and a blank one with the end.
fn reasoned() -> Exchange {
    let events = [
        (2050, chunk(&json!({"content": ""}), None)),
        (2080, chunk(&json!({"reasoning_content": "hm"}), None)),
        (2100, chunk(&json!({"content": "Hi"}), None)),
        (2150, chunk(&json!({"content": "!"}), None)),
        (2160, chunk(&json!({"content": ""}), Some("stop"))),
        (2170, usage(10, 3)),
    ];
    log(2000, 2000, 2180, &events)
}

/// Count, least, mean and most, in milliseconds.
fn figures(statistics: &Statistics) -> [f64; 4] {
    let ms = |us: Option<u64>| us.expect("a sample") as f64 / 1000.0;
    [statistics.count as f64, ms(statistics.min), ms(statistics.mean), ms(statistics.max)]
}

#[test]
fn other_tools_figures_are_those_worked_out_by_hand() {
    let summary = summary([&plain(), &reasoned()]);
    let digest = Digest::of(&summary);
    let vllm = &digest.metrics_as["vllm"];
    // Tokens to vLLM: 1100 1120 1160 1160 (a role chunk is none), and 2050 2100 2150 2160 (a blank content without a
    // role is one, reasoning_content is not).
    assert_eq!(figures(&vllm.first_token.us), [2.0, 50.0, 75.0, 100.0], "TTFT 100 and 50");
    assert_eq!(figures(&vllm.latency.us), [2.0, 160.0, 160.0, 160.0], "E2EL 160 and 160");
    assert_eq!(figures(&vllm.per_token.us), [2.0, 15.0, 35.0, 55.0], "TPOT 60 / 4 and 110 / 2");
    assert_eq!(figures(&vllm.gap.us), [6.0, 0.0, 28.333, 50.0], "ITL 20 40 0 and 50 50 10");
    // From the first sent, 1000, to the last end, 2180.
    assert_eq!(vllm.requests_per_s, Some(2.0 / 1.18));
    assert_eq!((vllm.output_tokens_per_s, vllm.total_tokens_per_s), (Some(8.0 / 1.18), Some(38.0 / 1.18)));
    let aiperf = &digest.metrics_as["aiperf"];
    // Tokens to AIPerf: 1100 1120 1160 1160, and 2080 2100 2150.
    assert_eq!(figures(&aiperf.first_token.us), [2.0, 80.0, 90.0, 100.0], "TTFT 100 and 80");
    assert_eq!(figures(&aiperf.latency.us), [2.0, 150.0, 155.0, 160.0], "request latency 160 and 150");
    assert_eq!(figures(&aiperf.per_token.us), [2.0, 15.0, 25.0, 35.0], "ITL 60 / 4 and 70 / 2");
    assert_eq!(figures(&aiperf.gap.us), [5.0, 0.0, 26.0, 50.0], "ICL 20 40 0 and 20 50");
    assert_eq!(aiperf.requests_per_s, Some(2.0 / 1.15), "1000 to 2150");
    // Ours: from due, and what comes together is one arrival.
    let ours = |measure: &str| figures(&digest.timings_us[measure].ok);
    assert_eq!(ours("first_token"), [2.0, 80.0, 95.0, 110.0]);
    assert_eq!(ours("first_visible_token"), [2.0, 100.0, 105.0, 110.0]);
    assert_eq!(ours("first_reasoning_token"), [1.0, 80.0, 80.0, 80.0]);
    assert_eq!(ours("token_gap"), [4.0, 20.0, 32.5, 50.0]);
    assert_eq!(ours("response_time"), [2.0, 180.0, 205.0, 230.0]);
}

#[test]
fn figures_stand_side_by_side_with_their_formulas() {
    let text = write_beside(&summary([&plain(), &reasoned()]), Format::Text, &Tool::ALL);
    let beside = text.split_once(" as measured by").expect("the table").1;
    insta::assert_snapshot!("beside", format!(" as measured by{beside}"));
    assert!(text.lines().all(|line| line.chars().count() <= 100 || line.contains("curl ")));
}

fn reasons(summary: &Summary) -> String {
    Trust::of(summary).reasons.join("\n")
}

#[test]
fn a_server_that_claims_a_hundred_times_what_it_sent_is_flagged() {
    let claiming = |tokens: u64| {
        let events =
            [(1100, chunk(&json!({"content": "The river is wide."}), Some("stop"))), (1110, usage(20, tokens))];
        summary(std::iter::repeat_n(&log(1000, 1000, 1120, &events), 30))
    };
    assert!(!reasons(&claiming(5)).contains("usage claims"));
    let said = reasons(&claiming(500));
    assert!(said.contains("in 30 of 30 replies 15000 tokens for 540 characters, 28 for each"), "{said}");
    assert_eq!(Digest::of(&claiming(500)).tokens.implausible, 30);
}

#[test]
fn reasoning_that_is_stated_and_kept_back_is_no_false_claim() {
    let mut usage = usage(20, 505);
    usage["usage"]["completion_tokens_details"] = json!({"reasoning_tokens": 500});
    let events = [(1100, chunk(&json!({"content": "The river is wide."}), Some("stop"))), (1110, usage)];
    let digest = Digest::of(&summary([&log(1000, 1000, 1120, &events)]));
    assert_eq!((digest.tokens.implausible, digest.tokens.reasoning), (0, Some(500.0)));
    assert_eq!((digest.tokens.events, digest.tokens.per_event), (1, Some(5.0)));
}

#[test]
fn a_measurement_that_contradicts_littles_law_is_not_believed() {
    let mut run = summary(POOL.iter());
    run.ending.window_us = 1_200_000;
    let within = run.flow.within_us;
    assert!(within > 1_000_000, "{within}");
    for (counted, belief) in [(within, Belief::Trusted), (within / 2, Belief::Invalid)] {
        run.health.in_flight_us = Some(counted);
        let trust = Trust::of(&run);
        assert_eq!(trust.verdict, belief, "{counted} of {within}: {:?}", trust.reasons);
    }
    assert!(reasons(&run).contains("Little's law"));
    let little = Digest::of(&run).littles_law.expect("a law");
    assert!((little.product + little.edges - little.mean_in_flight).abs() < 1e-9, "{little:?}");
}

#[test]
fn seconds_and_splits_add_up_to_the_run() {
    let summary = summary(POOL.iter());
    let digest = Digest::of(&summary);
    let series = &digest.seconds;
    assert_eq!(series.due.iter().sum::<u64>(), POOL.len() as u64, "warm-up included");
    assert_eq!(series.warmup, [true, false], "the first second holds the warm-up");
    let cases: Vec<(&str, u64)> = digest.cases.iter().map(|(name, share)| (name.as_str(), share.requests)).collect();
    assert_eq!(cases.iter().map(|(_, requests)| requests).sum::<u64>(), summary.planned());
    assert_eq!(cases.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["streamed", "whole"]);
    let ok: u64 = digest.cases.values().map(|share| share.ok).sum();
    assert_eq!(ok, digest.requests.ok);
}

#[test]
fn a_percentile_of_too_few_samples_is_none_for_people_and_marked_for_scripts() {
    let mut run = summary(POOL.iter());
    run.meta.goals = vec!["e2e.ok.p99 < 1s".into(), "e2e.ok.p50 < 1s".into()];
    let digest = Digest::of(&run);
    let ok = &digest.timings_us["response_time"].ok;
    assert_eq!(ok.too_small, ["p99", "p99.9"]);
    assert!(ok.p99.is_some(), "the figure stays");
    assert!(ok.ci.is_empty(), "{:?}", ok.ci);
    assert!(ok.ci_note.as_ref().is_some_and(|why| why.contains("too few seconds")), "{:?}", ok.ci_note);
    let written: Vec<_> = digest.goals.iter().filter(|goal| !goal.default).collect();
    let notes: Vec<Option<&str>> = written.iter().map(|goal| goal.note.as_deref()).collect();
    assert_eq!(notes, [Some("n<100"), None]);
    assert_eq!(digest.goals[0].samples, Some(43));
    assert!(written.iter().all(|goal| goal.held), "a goal has a verdict all the same");
    assert!(write(&run, Format::Text).contains("n<100"));
}

#[test]
fn pulzes_hidden_retries_money_and_models_are_counted() {
    let served = Served::start(&["--provider-failures", "0.5", "--first-token", "1ms", "--token-gap", "1ms"]);
    let (_, digest, stderr) = run_json(&[
        "quickstart",
        "--url",
        &served.url,
        "--dialect",
        "pulze",
        "--concurrency",
        "8",
        "--count",
        "200",
        "--header",
        BEARER,
    ]);
    let pulze = &digest["pulze"];
    let count = |name: &str| pulze[name].as_u64().unwrap_or_else(|| panic!("{name} in {pulze}; {stderr}"));
    assert!(count("replies") > 0 && count("cost_nanodollars") > 0, "{pulze}");
    assert!(count("retried") > 0 && count("retries") >= count("retried"), "{pulze}");
    let models = digest["models"].as_object().expect("models");
    let named: u64 = models.values().filter_map(|share| share["requests"].as_u64()).sum();
    assert_eq!(named, count("replies"), "{models:?}");
}

const BEARER: &str = "authorization=Bearer any";
const SHORT: &str = "[load.open]\nrate = 20\nduration = \"2500ms\"";

#[test]
fn the_built_in_endpoints_own_figures_are_read() {
    let served =
        Served::start(&["--dialect", "openai", "--first-token", "400ms", "--token-gap", "1ms", "--spread", "0"]);
    let arguments = ["quickstart", "--url", &served.url, "--dialect", "openai", "--rate", "20", "--duration", "3s"];
    let (_, digest, stderr) =
        run_json(&[&arguments[..], &["--model", "gpt-4o", "--header", BEARER, "--scrape"]].concat());
    let running = &digest["server"]["figures"]["running"];
    // Twenty a second that take 400 ms and more are eight and more in flight.
    assert!(running["max"].as_f64() > Some(3.0), "{}; {stderr}", digest["server"]);
    assert_eq!(running["is"], "level");
    assert!(digest["server"]["read"].as_u64() >= Some(3), "{}", digest["server"]);
}

/// A server whose page of metrics is as vLLM writes it, and the heads of the requests for the page.
fn vllm() -> (Raw, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let server = Raw::start(move |stream, request| {
        if request.head.starts_with("POST") {
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        let mut heads = kept.lock().expect("the heads");
        heads.push(request.head.clone());
        let times = heads.len();
        let page = format!(
            "# HELP vllm:num_requests_running Number of requests in model execution batches.\n\
             # TYPE vllm:num_requests_running gauge\n\
             vllm:num_requests_running{{engine=\"0\",model_name=\"m\"}} 3.0\n\
             # TYPE vllm:num_requests_waiting gauge\n\
             vllm:num_requests_waiting{{engine=\"0\",model_name=\"m\"}} 2.0\n\
             # TYPE vllm:kv_cache_usage_perc gauge\n\
             vllm:kv_cache_usage_perc{{engine=\"0\",model_name=\"m\"}} 0.25\n\
             # TYPE vllm:prefix_cache_queries_total counter\n\
             vllm:prefix_cache_queries_total{{engine=\"0\",model_name=\"m\"}} {}\n\
             # TYPE vllm:prefix_cache_hits_total counter\n\
             vllm:prefix_cache_hits_total{{engine=\"0\",model_name=\"m\"}} {}\n\
             # TYPE vllm:num_preemptions_total counter\n\
             vllm:num_preemptions_total{{engine=\"0\",model_name=\"m\"}} 7\n\
             # TYPE my_depth gauge\nmy_depth 11\n",
            100 * times,
            25 * times
        );
        reply(stream, "200 OK", "text/plain; version=0.0.4", page.as_bytes())
    });
    (server, heads)
}

#[test]
fn what_vllm_says_of_itself_is_on_the_runs_time_axis() {
    let (server, _) = vllm();
    let file = profile(&server, &format!("{SHORT}\n{CASE}"));
    let (code, digest, stderr) = run_json(&[path(&file), "--scrape", "--set", "target.scrape_figures.depth=my_*"]);
    assert_eq!(code, 0, "{stderr}");
    let said = &digest["server"];
    let figures = &said["figures"];
    for (name, member, value) in [
        ("running", "mean", 3.0),
        ("waiting", "max", 2.0),
        ("kv_use", "mean", 0.25),
        ("preemptions", "increase", 0.0),
        ("depth", "mean", 11.0),
    ] {
        assert_eq!(figures[name][member].as_f64(), Some(value), "{name}: {said}");
    }
    assert_eq!(said["prefix_hit_share"].as_f64(), Some(0.25), "{said}");
    assert!(figures["prefix_queries"]["increase"].as_f64() >= Some(200.0), "{said}");
    assert_eq!(said["failures"], json!([]));
}

#[test]
fn the_key_is_not_shown_to_another_host() {
    let (page, heads) = vllm();
    let (server, own) = vllm();
    for scrape in [format!("http://{}/metrics", page.address), "auto".to_owned()] {
        let file = profile(&server, &format!("[load.closed]\nconcurrency = 1\ncount = 3\n{CASE}"));
        let (code, _, stderr) = run_json(&[path(&file), "--scrape", &scrape, "--header", "authorization=Bearer x"]);
        assert_eq!(code, 0, "{stderr}");
    }
    let shown = |heads: &Mutex<Vec<String>>| {
        let heads = heads.lock().expect("the heads");
        assert!(!heads.is_empty());
        heads.iter().filter(|head| head.to_lowercase().contains("authorization")).count()
    };
    assert_eq!(shown(&heads), 0);
    assert!(shown(&own) > 0, "the target's own page may need it");
}

#[test]
fn a_page_that_cannot_be_read_is_a_warning() {
    let (server, _) = vllm();
    let file = profile(&server, &format!("[load.closed]\nconcurrency = 1\ncount = 5\n{CASE}"));
    let scrape = ["--scrape", "http://127.0.0.1:1/metrics", "--no-out", "--quiet"];
    let output = program().args(["run", path(&file)]).args(scrape).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("warning: http://127.0.0.1:1/metrics could not be read"), "{text}");
}

/// A server with this page of metrics.
fn with_page(page: &'static str) -> Raw {
    Raw::start(move |stream, request| {
        if request.head.starts_with("POST") {
            return reply(stream, "200 OK", "application/json", completion().to_string().as_bytes());
        }
        reply(stream, "200 OK", "text/plain; version=0.0.4", page.as_bytes())
    })
}

#[test]
fn what_was_looked_for_in_vain_is_told() {
    let server = with_page("# TYPE other_depth gauge\nother_depth 3\n");
    let file = profile(&server, &format!("[load.closed]\nconcurrency = 1\ncount = 5\n{CASE}"));
    let output = program().args(["run", path(&file), "--scrape", "--no-out", "--quiet"]).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    let names = ["vllm:num_requests_running", "tgi_queue_size", "llamacpp:requests_deferred", "my_*"];
    assert!(text.contains("had none of the figures"), "{text}");
    for name in &names[..3] {
        assert!(text.contains(name), "{name}: {text}");
    }
    let own = ["--set", "target.scrape_figures.depth=my_*"];
    let (_, digest, _) = run_json(&[&[path(&file), "--scrape"][..], &own].concat());
    let looked_for: Vec<&str> =
        digest["server"]["looked_for"].as_array().expect("names").iter().filter_map(|name| name.as_str()).collect();
    assert!(looked_for.contains(&names[3]), "{looked_for:?}");
}

#[test]
fn figures_of_other_servers_are_known() {
    for (page, running, waiting) in [
        (
            "# TYPE dynamo_frontend_inflight_requests gauge\ndynamo_frontend_inflight_requests{model=\"m\"} 3\n\
          # TYPE dynamo_frontend_queued_requests gauge\ndynamo_frontend_queued_requests{model=\"m\"} 1\n",
            3.0,
            1.0,
        ),
        (
            "# TYPE tgi_batch_current_size gauge\ntgi_batch_current_size 4\n# TYPE tgi_queue_size gauge\ntgi_queue_size 7\n",
            4.0,
            7.0,
        ),
        (
            "# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing 2\n\
          # TYPE llamacpp:requests_deferred gauge\nllamacpp:requests_deferred 46\n",
            2.0,
            46.0,
        ),
    ] {
        let server = with_page(page);
        let file = profile(&server, &format!("{SHORT}\n{CASE}"));
        let (_, digest, stderr) = run_json(&[path(&file), "--scrape"]);
        let figures = &digest["server"]["figures"];
        assert_eq!(figures["running"]["max"].as_f64(), Some(running), "{stderr}");
        assert_eq!(figures["waiting"]["max"].as_f64(), Some(waiting), "{stderr}");
    }
}

#[test]
fn a_run_too_short_to_read_the_page_twice_says_so() {
    let server = with_page("# TYPE tgi_batch_current_size gauge\ntgi_batch_current_size 0\n");
    let file = profile(&server, &format!("[load.closed]\nconcurrency = 1\ncount = 2\n{CASE}"));
    let (_, digest, _) = run_json(&[path(&file), "--scrape"]);
    let said = &digest["server"];
    assert!(said["figures"]["running"]["mean"].is_null() && said["figures"]["running"]["max"].is_null(), "{said}");
    assert!(said["left_out"].to_string().contains("times within the window of"), "{said}");
}
