//! Tokens: how many were delivered, when they came, and how long each took, on hand-worked logs and against servers.

#![expect(clippy::float_cmp, reason = "figures that are worked out by hand are exact")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proofload::exchange::{Cut, Exchange, Outcome, Reading, TokenSource};
use proofload::plan::goal::{Goal, Population};
use proofload::summary::digest::Digest;
use serde_json::{Value, json};

use crate::harness::{Raw, begin, chunk as send, run_json};
use crate::loads::{path, profile};
use crate::measures::{chunk, log, usage};
use crate::reports::summary_within;

const SECOND: u64 = 1_000_000;

fn text(content: &str) -> Value {
    chunk(&json!({"content": content}), None)
}

/// Usage with the details of the completion.
fn detailed(completion: u64, total: u64, details: &Value) -> Value {
    let mut usage = usage(20, completion);
    usage["usage"]["total_tokens"] = json!(total);
    usage["usage"]["completion_tokens_details"] = details.clone();
    usage
}

/// Ten tokens, one every 10 ms from 1010 on, that end with this usage.
fn ten(usage: Value) -> Exchange {
    let tokens = (0..10).map(|n| (1010 + 10 * n, text("x")));
    let end = [(1110, chunk(&json!({}), Some("stop"))), (1120, usage)];
    log(1000, 1000, 1130, &tokens.chain(end).collect::<Vec<_>>())
}

fn delivered(exchange: &Exchange) -> (f64, Option<Duration>) {
    let reading = Reading::of(exchange);
    (reading.tokens().map_or(f64::NAN, |tokens| tokens.delivered), reading.time_per_output_token())
}

const TEN_MS: Option<Duration> = Some(Duration::from_millis(10));

#[test]
fn tokens_that_never_came_are_taken_off() {
    for (usage, delivers) in [
        (usage(20, 10), 10.0),
        (detailed(50, 70, &json!({"reasoning_tokens": 40})), 10.0),
        (detailed(10, 70, &json!({"reasoning_tokens": 40})), 10.0),
        (detailed(30, 50, &json!({"rejected_prediction_tokens": 20})), 10.0),
        (detailed(60, 80, &json!({"reasoning_tokens": 30, "rejected_prediction_tokens": 20})), 10.0),
    ] {
        assert_eq!(delivered(&ten(usage.clone())), (delivers, TEN_MS), "{usage}");
    }
    let thinking = |usage: Value| {
        let tokens = (0..5).map(|n| (1010 + 10 * n, chunk(&json!({"reasoning_content": "x"}), None)));
        let tokens = tokens.chain((5..10).map(|n| (1010 + 10 * n, text("x"))));
        let end = [(1110, chunk(&json!({}), Some("stop"))), (1120, usage)];
        log(1000, 1000, 1130, &tokens.chain(end).collect::<Vec<_>>())
    };
    let beside = thinking(detailed(5, 30, &json!({"reasoning_tokens": 5})));
    assert_eq!(
        delivered(&beside),
        (10.0, TEN_MS),
        "reasoning that is shown and billed beside the completion came, too"
    );
    assert_eq!(delivered(&thinking(detailed(10, 30, &json!({"reasoning_tokens": 5})))), (10.0, TEN_MS));
}

#[test]
fn time_per_output_token_takes_a_span_and_leaves_the_first_arrival_out() {
    let arrivals = |tokens: &[(u64, usize)], completion: u64| {
        let events = tokens.iter().map(|(at, length)| (*at, text(&"x".repeat(*length))));
        let end = [(1600, chunk(&json!({}), Some("stop"))), (1600, usage(20, completion))];
        log(1000, 1000, 1610, &events.chain(end).collect::<Vec<_>>())
    };
    let ms = |ms| Some(Duration::from_millis(ms));
    let took = |exchange: &Exchange| Reading::of(exchange).time_per_output_token();
    assert_eq!(took(&arrivals(&[(1100, 40)], 40)), None, "one arrival has no span");
    assert_eq!(took(&arrivals(&[(1100, 10), (1100, 20), (1100, 10)], 40)), None, "three events of one arrival");
    assert_eq!(took(&arrivals(&[(1100, 39), (1140, 1)], 40)), ms(40), "one token came after the first arrival");
    assert_eq!(took(&arrivals(&[(1100, 400), (1140, 1)], 40)), ms(40), "at least one did");
    assert_eq!(took(&arrivals(&[(1100, 30), (1150, 5), (1200, 5)], 40)), ms(10));
    let goal = Goal::parse("tpot.p95 < 5ms").expect("a goal");
    let one = summary_within([0, 2 * SECOND], [&arrivals(&[(1100, 40)], 40)]);
    assert!(!one.evaluate(&goal).held, "a goal on a measure without a sample is not met");
}

#[test]
fn usage_that_is_given_piece_by_piece_is_added_up_and_a_contradiction_is_withheld() {
    let stating = |counts: &[u64]| {
        let stated = |(n, count): (usize, &u64)| {
            let mut chunk = text("x");
            chunk["usage"] = usage(20, *count)["usage"].clone();
            (1010 + 10 * n as u64, chunk)
        };
        let end = [(1110, chunk(&json!({}), Some("stop")))];
        log(1000, 1000, 1130, &counts.iter().enumerate().map(stated).chain(end).collect::<Vec<_>>())
    };
    assert_eq!(delivered(&stating(&[1; 10])), (10.0, TEN_MS), "what each chunk adds");
    assert_eq!(delivered(&stating(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), (10.0, TEN_MS), "the count so far");
    assert_eq!(delivered(&stating(&[2, 1, 1, 1, 1, 1, 1, 1, 1, 2])).0, 12.0, "it falls");
    let nonsense = stating(&[900, 1, 700, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!((Reading::of(&nonsense).tokens(), delivered(&nonsense).1), (None, None));
    let digest = Digest::of(&summary_within([0, 2 * SECOND], [&nonsense]));
    assert_eq!((digest.tokens.withheld, digest.tokens.source.as_str(), digest.tokens.completion), (1, "none", None));
    assert_eq!(digest.rates_per_s.output_tokens, None, "unknown is not 0");
}

#[test]
fn tokens_belong_to_the_second_in_which_they_arrived() {
    // Eight streams of 20 tokens a second from 1 to 6 s.
    let tokens = (0..100).map(|n| (1000 + 50 * n, text("x")));
    let end = [(6000, chunk(&json!({}), Some("stop"))), (6000, usage(20, 100))];
    let stream = log(950, 950, 6010, &tokens.chain(end).collect::<Vec<_>>());
    let run = summary_within([2 * SECOND, 5 * SECOND], [&stream; 8]);
    let digest = Digest::of(&run);
    let by_second: Vec<(u64, f64)> =
        digest.seconds.begin_s.iter().copied().zip(digest.seconds.output_tokens.iter().copied()).collect();
    assert_eq!(by_second, [(0, 0.0), (1, 160.0), (2, 160.0), (3, 160.0), (4, 160.0), (5, 160.0), (6, 0.0)]);
    assert_eq!(digest.rates_per_s.output_tokens, Some(160.0), "what arrived within the window, over its length");
    assert_eq!((digest.rates_per_s.in_flight_at_begin, digest.rates_per_s.in_flight_at_end), (8, 8));
    let goal = Goal::parse("output_tokens_per_s > 150 in every 1s").expect("a goal");
    assert!(run.evaluate(&goal).held, "{:?}", run.evaluate(&goal));
}

#[test]
fn a_tokens_sum_is_kept_however_it_is_spread() {
    let events = [(1010, text("abc")), (1020, text("de")), (1030, text("f")), (1040, chunk(&json!({}), Some("stop")))];
    let stream = log(1000, 1000, 1060, &[&events[..], &[(1050, usage(20, 7))]].concat());
    let deliveries = Reading::of(&stream).deliveries();
    assert_eq!(deliveries.iter().map(|(_, tokens)| tokens).sum::<u64>(), 7000);
    assert_eq!(deliveries.iter().map(|(_, tokens)| *tokens).collect::<Vec<_>>(), [3500, 2333, 1167]);
}

#[test]
fn gaps_of_a_stream_that_failed_count_and_its_end_is_infinite() {
    let failed = |at| Exchange {
        outcome: Outcome::Truncated(Cut::ShortBody),
        ..log(1000, 1000, at + 30, &[(1010, text("a")), (1020, text("b")), (at, text("c"))])
    };
    let run = summary_within([0, 2 * SECOND], [&failed(1050), &ten(usage(20, 10))]);
    let gaps = &run.timings["token_gap"];
    assert_eq!((gaps.ok.count(), gaps.failed.count(), gaps.infinite), (9, 2, 1));
    assert_eq!(gaps.count(Population::All), 12, "finite ones count, the end that never came is one more");
}

#[test]
fn a_stream_without_a_sample_of_a_limited_measure_is_late_and_not_good() {
    let asked = AtomicU64::new(0);
    let server = Raw::start(move |stream, _| {
        begin(stream, "text/event-stream");
        let id = format!("chatcmpl-{}", asked.fetch_add(1, Ordering::Relaxed));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let events =
            [chunk(&json!({"role": "assistant", "content": ""}), None), chunk(&json!({}), Some("stop")), usage(20, 1)];
        for mut event in events {
            (event["id"], event["created"]) = (json!(id), json!(now));
            send(stream, format!("data: {event}\n\n").as_bytes());
        }
        send(stream, b"data: [DONE]\n\n");
        send(stream, b"");
        true
    });
    // That it says nothing is another rule's business.
    let text = |limit: &str| {
        format!(
            "[goodput]\n{limit} = \"1m\"\n[levels]\nstream-nonempty = {{ level = \"off\", reason = \"not now\" }}\n\
             [load.closed]\nconcurrency = 1\ncount = 3\n[[case]]\nstream = true\n\
             messages = [{{ role = \"user\", content = \"hi\" }}]\n"
        )
    };
    for (limit, good) in [("first_token", 0), ("token_gap", 0), ("time_per_output_token", 0), ("response_time", 3)] {
        let file = profile(&server, &text(limit));
        let (_, digest, stderr) = run_json(&[path(&file)]);
        let requests = &digest["requests"];
        assert_eq!(
            (&requests["ok"], &requests["good"], &requests["late"]),
            (&json!(3), &json!(good), &json!(3 - good)),
            "{limit}: {stderr}"
        );
        assert_eq!(requests["good_fraction"], json!(f64::from(good) / 3.0));
    }
}

#[test]
fn a_tokenizer_counts_where_usage_is_silent() {
    // "river" is one token of o200k_base with its space, so that four of them are four tokens.
    let tokens = (0..10).map(|n| (1010 + 10 * n, text(" river river river river")));
    let stream = log(1000, 1000, 1130, &tokens.chain([(1110, chunk(&json!({}), Some("stop")))]).collect::<Vec<_>>());
    let mut reading = Reading::of(&stream);
    assert_eq!(reading.tokens().map(|tokens| (tokens.completion, tokens.source)), Some((10.0, TokenSource::Events)));
    let tokenizer = proofload::plan::prompt::tokenizer::Tokenizer::built_in("o200k_base").expect("a tokenizer");
    reading.count_with(|text| tokenizer.count(text));
    assert_eq!(reading.tokens().map(|tokens| (tokens.completion, tokens.source)), Some((40.0, TokenSource::Tokenizer)));
    assert_eq!(reading.time_per_output_token(), Some(Duration::from_micros(2500)), "90 ms over 36 tokens");
}
