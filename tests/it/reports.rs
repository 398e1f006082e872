//! Reports: what people read is a snapshot, what scripts read has a schema, and summaries merge in any order and
//! survive their file.

use std::sync::LazyLock;
use std::time::Duration;

use proofload::check::{self, Check, Verdict};
use proofload::exchange::{Arrival, Body, Dial, Exchange, Head, Outcome, Reading, Ticket};
use proofload::plan::Plan;
use proofload::plan::baseline::Known;
use proofload::report::{Format, write};
use proofload::summary::evidence::Evidence;
use proofload::summary::trust::{Belief, Trust, Used};
use proofload::summary::{Judged, Summary, digest, schema};
use proofload::wire::schema::{offline, violations};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{assert_digest, plan};
use crate::profiles::committed;

#[test]
fn the_committed_schemas_are_the_generated_ones() {
    committed("digest.json", &digest::schema());
    committed("summary.json", &schema());
    committed("conformance.json", &proofload::suite::sheet::schema());
}

const MS: Duration = Duration::from_millis(1);
const STARTED: u64 = 1_795_000_000;
const TEXT: &str = r#"
name = "hand-built"
goals = ["first_token.p50 < 500ms", "error_rate < 1%", "e2e.ok.p99 < 1s"]
labels = { gpu = "none", engine = "by hand" }
[target]
url = "https://example.com/v1?api-key=query-secret"
model = "m"
headers = { "x-api-key" = "header-secret", "x-team" = "it's ours" }
[load.open]
rate = 50
duration = "1200ms"
warmup = "200ms"
[goodput]
first_token = "60ms"
[[case]]
name = "streamed"
stream = true
max_tokens = 8
messages = [{ role = "user", content = "{{unique}} Tell me about the river." }]
[[case]]
name = "whole"
messages = [{ role = "user", content = "Tell me about the mill." }]
"#;

pub(crate) static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let mut plan = plan(TEXT);
    plan.baseline = vec![Known {
        check: "usage-total-is-sum",
        reason: "ticket 7".into(),
        ticket: None,
        signature: None,
        target: None,
        expires: None,
    }];
    plan
});

/// As the profile says.
const WARMUP: Duration = Duration::from_millis(200);

/// An exchange that ended well, but for its reply: sent 1 ms late, the head 20 ms later, then pieces 10 ms apart.
pub(crate) fn exchange(seq: u64, status: u16, content_type: &str, pieces: &[String]) -> Exchange {
    let due = MS * 20 * u32::try_from(seq).expect("few");
    let ticket = Ticket { warmup: seq < 10, ..Ticket::alone(seq, PLAN.case_of(0, seq), due) };
    let mut body = Body::default();
    for (number, piece) in pieces.iter().enumerate() {
        body.bytes.extend_from_slice(piece.as_bytes());
        let at = due + MS * (30 + 10 * u32::try_from(number).expect("few"));
        body.arrivals.push(Arrival { at, end: body.bytes.len() });
    }
    let ended = body.arrivals.last().map_or(due + MS * 30, |last| last.at + MS);
    Exchange {
        asked: PLAN.cases[ticket.case].render(&ticket, PLAN.seed),
        ticket,
        epoch: Duration::from_secs(STARTED),
        eligible: due,
        sent: Some(due + MS),
        dial: seq.is_multiple_of(20).then(|| Dial { began: due + MS, ended: due + MS * 4 }),
        head: Some(Head {
            at: due + MS * 21,
            status,
            version: "HTTP/1.1",
            headers: [("content-type", content_type), ("x-request-id", &format!("r{seq}"))].into_iter().collect(),
        }),
        body,
        ended,
        outcome: Outcome::of_status(status),
        cause: None,
        transfer: proofload::exchange::Transfer::default(),
        unjudged: false,
    }
}

/// A stream of four words, which ends as it should or without finish reason and `[DONE]`.
pub(crate) fn stream(seq: u64, ends: bool) -> Exchange {
    let chunk = |delta: Value, finish: Value, usage: Value| {
        let choices =
            if usage.is_null() { json!([{"index": 0, "delta": delta, "finish_reason": finish}]) } else { json!([]) };
        let chunk = json!({"id": format!("chatcmpl-{seq}"), "object": "chat.completion.chunk", "created": STARTED, "model": "m",
            "choices": choices, "usage": usage});
        format!("data: {chunk}\n\n")
    };
    let mut pieces = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null, Value::Null)];
    pieces.extend(
        ["The ", "river ", "is ", "wide."].map(|word| chunk(json!({"content": word}), Value::Null, Value::Null)),
    );
    pieces.push(chunk(json!({}), if ends { json!("stop") } else { Value::Null }, Value::Null));
    pieces.push(chunk(
        Value::Null,
        Value::Null,
        json!({"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24}),
    ));
    pieces.extend(ends.then(|| "data: [DONE]\n\n".to_owned()));
    exchange(seq, 200, "text/event-stream", &pieces)
}

pub(crate) fn whole(seq: u64, total: u64) -> Exchange {
    let body = json!({"id": format!("chatcmpl-{seq}"), "object": "chat.completion", "created": STARTED, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "The mill stands still."}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": total}});
    exchange(seq, 200, "application/json", &[body.to_string()])
}

/// Sixty exchanges of every kind; the first ten are warm-up.
pub(crate) static POOL: LazyLock<Vec<Exchange>> = LazyLock::new(|| {
    (0..60)
        .map(|seq| {
            let streams = PLAN.cases[PLAN.case_of(0, seq)].name == "streamed";
            let failed = |outcome, cause: &str| Exchange {
                head: None,
                outcome,
                cause: Some(cause.into()),
                ..exchange(seq, 200, "", &[])
            };
            match seq {
                13 | 14 => exchange(
                    seq,
                    500,
                    "application/json",
                    &[json!({"error": {"message": "no \u{1b}[31m header-secret \u{202e}here", "type": "server_error"}})
                        .to_string()],
                ),
                33 => failed(Outcome::Connect, "connection refused"),
                34 => failed(Outcome::Timeout, "no end within 2m"),
                42 => {
                    let missed = exchange(seq, 200, "", &[]);
                    Exchange::never_sent(missed.ticket, missed.asked, missed.ticket.due, Outcome::Missed)
                }
                seq if streams => stream(seq, seq % 7 != 0),
                seq => whole(seq, if seq % 5 == 0 { 15 } else { 14 }),
            }
        })
        .collect()
});

pub(crate) fn summary<'e>(exchanges: impl IntoIterator<Item = &'e Exchange>) -> Summary {
    summary_within([200_000, 1_200_000], exchanges)
}

/// The same of a run with that window, in microseconds.
pub(crate) fn summary_within<'e>(window_us: [u64; 2], exchanges: impl IntoIterator<Item = &'e Exchange>) -> Summary {
    let mut summary = Summary::new(&PLAN, STARTED * 1000);
    let evidence = Evidence::of(&PLAN.target);
    for exchange in exchanges {
        let reading = Reading::of(exchange);
        let verdicts: Vec<(&'static Check, Verdict)> =
            check::all(&PLAN.target.contract).map(|check| (check, check.judge(&reading))).collect();
        let judged = Judged {
            reading: &reading,
            verdicts: &verdicts,
            in_window: exchange.ended >= WARMUP,
            in_time: exchange.sent.is_some(),
            window_us,
            turns: None,
        };
        summary.record(&judged, PLAN.goodput, &evidence);
    }
    [summary.ending.window_from_us, summary.ending.window_us] = window_us;
    summary
}

/// The whole pool, with what a run adds at its end.
fn whole_run() -> Summary {
    let mut summary = summary(POOL.iter());
    summary.outcomes.insert("unsent".into(), 5);
    summary.ending.early = Some("--max-requests 60".into());
    summary.ending.window_from_us = 200_000;
    summary.ending.window_us = 1_200_000;
    summary.health.cpu_us = Some(900_000);
    summary.health.core_us = 1_000_000;
    summary
}

#[test]
fn the_text_report_is_as_reviewed() {
    let text = write(&whole_run(), Format::Text);
    insta::assert_snapshot!("text", text);
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100 && !line.contains("curl ")).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn failures_that_no_goal_of_the_users_bounds_break_the_default() {
    let mut summary = whole_run();
    let broken = |summary: &Summary| write(summary, Format::Text).contains("goal broken: error_rate <= 1% (default)");
    assert!(!broken(&summary));
    summary.meta.goals = vec!["first_token.p50 < 500ms".into()];
    assert!(broken(&summary));
    summary.meta.goals = vec!["good_fraction > 10%".into()];
    assert!(!broken(&summary));
}

#[test]
fn the_digest_is_as_reviewed_and_fits_its_schema() {
    let digest: Value = serde_json::from_str(&write(&whole_run(), Format::Json)).expect("JSON");
    assert_digest(&digest);
    let checks = digest["checks"].as_object().expect("checks").clone();
    let mut short = digest;
    short["checks"] =
        checks.into_iter().filter(|(_, check)| check["fail"] != 0).collect::<serde_json::Map<_, _>>().into();
    insta::assert_json_snapshot!("digest", short);
}

#[test]
fn a_job_of_github_is_told_what_failed_and_what_is_doubtful() {
    insta::assert_snapshot!("github_annotations", proofload::report::github::annotations(&whole_run()));
    let summary = proofload::report::github::job_summary(&whole_run());
    assert!(summary.starts_with("## FAIL: hand-built\n\n```text\nFAIL"), "{summary}");
    assert!(summary.ends_with("```\n"), "{summary}");
}

#[test]
fn a_run_without_a_sample_has_a_report_too() {
    let text = write(&Summary::new(&PLAN, STARTED * 1000), Format::Text);
    insta::assert_snapshot!("empty", text);
    assert_digest(&serde_json::from_str(&write(&Summary::new(&PLAN, 0), Format::Json)).expect("JSON"));
}

#[test]
fn a_summary_fits_its_schema_and_survives_its_file() {
    let validator = offline(&schema()).expect("a schema");
    for summary in [whole_run(), Summary::new(&PLAN, 0)] {
        let written = serde_json::to_value(&summary).expect("JSON");
        let faults = violations(&validator, &written);
        assert!(faults.is_empty(), "{faults:?}");
        let read: Summary = serde_json::from_str(&written.to_string()).expect("reads");
        assert_eq!(read, summary);
        assert_eq!(write(&read, Format::Text), write(&summary, Format::Text));
    }
}

#[test]
fn parts_of_different_runs_do_not_merge() {
    let mut other = whole_run();
    other.meta.seed += 1;
    let error = whole_run().merge(other).expect_err("another seed");
    assert!(error.to_string().contains("the seed is 7 in one and 8 in the other"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn merging_is_commutative_and_associative(parts in prop::collection::vec(0_usize..3, 60)) {
        let part = |number: usize| summary(POOL.iter().zip(&parts).filter(|(_, own)| **own == number).map(|(exchange, _)| exchange));
        let merged = |order: [usize; 3]| {
            let mut all = part(order[0]);
            all.merge(part(order[1])).expect("one run");
            all.merge(part(order[2])).expect("one run");
            all
        };
        let grouped = || {
            let mut right = part(1);
            right.merge(part(2)).expect("one run");
            let mut all = part(0);
            all.merge(right).expect("one run");
            all
        };
        let whole = summary(POOL.iter());
        prop_assert_eq!(&merged([0, 1, 2]), &whole);
        prop_assert_eq!(&merged([2, 0, 1]), &whole);
        prop_assert_eq!(&grouped(), &whole);
    }
}

/// A run that nothing speaks against, changed.
fn trust(change: impl FnOnce(&mut Summary)) -> (Belief, String) {
    let mut summary = summary(POOL.iter());
    summary.health.core_us = 1_000_000;
    summary.health.cpu_us = Some(100_000);
    summary.health.peak_in_flight = 10;
    change(&mut summary);
    let trust = Trust::of(&summary);
    (trust.verdict, trust.reasons.join("; "))
}

#[test]
fn every_reason_for_doubt_is_weighed() {
    type Change = fn(&mut Summary);
    let cases: [(Change, Belief, &str); 29] = [
        (|_| {}, Belief::Trusted, ""),
        (|s| s.health.cpu_us = Some(900_000), Belief::Doubtful, "the client used 90 % of the machine's cores"),
        (|s| s.health.cpu_us = Some(960_000), Belief::Invalid, "96 %"),
        (|s| s.health.late_heartbeats = 1, Belief::Trusted, ""),
        (|s| s.health.late_heartbeats = 2, Belief::Doubtful, "not scheduled, 2 times"),
        (|s| stall(s, 80), Belief::Trusted, ""),
        (|s| stall(s, 235), Belief::Doubtful, "the client was stopped, or the machine was, once, for up to 235 ms"),
        (|s| slow(s, 3000, |s| stall(s, 235)), Belief::Trusted, ""),
        (|s| stall(s, 1000), Belief::Doubtful, "the client was stopped, or the machine was, once, for up to 1000 ms"),
        (|s| sluggish(s, 3), Belief::Trusted, ""),
        (|s| sluggish(s, 9), Belief::Doubtful, "other processes used 30 % of its cores, 2.2 % of heartbeats"),
        (|s| full(s, 80), Belief::Trusted, ""),
        (|s| full(s, 98), Belief::Trusted, ""),
        (|s| waited(s, 200), Belief::Trusted, ""),
        (
            |s| waited(s, 3_000),
            Belief::Doubtful,
            "other processes used 78 % of its cores, 0.0 % of heartbeats came over 5 ms late, and threads waited 3.0 ms for a core each time",
        ),
        (|s| s.health.out_of_ports = 1, Belief::Invalid, "the client ran out of ports"),
        (|s| s.health.throttled_periods = Some(3), Belief::Doubtful, "throttled the client's CPU in 3 periods"),
        (|s| s.health.dials = 30, Belief::Doubtful, "30 connections were opened where 10 would do"),
        (
            |s| s.health.descriptors = Some(Used { used: 950, of: 1000 }),
            Belief::Doubtful,
            "950 of 1000 file descriptors",
        ),
        (|s| s.health.ports = Some(Used { used: 27_000, of: 28_000 }), Belief::Doubtful, "ephemeral ports"),
        (|s| s.health.lost = 1, Belief::Invalid, "1 requests were lost inside proofload"),
        (|s| s.counts.unjudged = 1, Belief::Invalid, "1 replies went unjudged"),
        (|s| s.counts.sent_in_time -= 1, Belief::Doubtful, "98.0 % of the asked rate"),
        (|s| s.counts.sent_in_time -= 5, Belief::Invalid, "89.8 % of the asked rate"),
        (
            |s| s.counts.cached_millitokens = s.counts.prompt_millitokens / 50,
            Belief::Doubtful,
            "2.0 % of prompt tokens",
        ),
        (|s| lateness(s, 12), Belief::Doubtful, "lateness p99 is 12.0 ms"),
        (|s| lateness(s, 150), Belief::Invalid, "lateness p99 is 150.0 ms"),
        // Long replies do not hide that their first tokens were spoilt.
        (|s| first_tokens(s, 3000, |s| lateness(s, 150)), Belief::Invalid, "lateness p99 is 150.0 ms"),
        (|s| slow(s, 3000, |s| lateness(s, 150)), Belief::Trusted, ""),
    ];
    for (number, (change, belief, reason)) in cases.into_iter().enumerate() {
        let (found, reasons) = trust(change);
        assert!(found == belief && reasons.contains(reason), "case {number}: {found:?}, {reasons:?}");
    }
}

/// The process did not run for so long, once.
fn stall(summary: &mut Summary, ms: u64) {
    (summary.health.late_heartbeats, summary.health.stops) = (1, 1);
    summary.health.worst_heartbeat_us = ms * 1000;
}

/// So many of four hundred heartbeats were a little late on a busy machine.
fn sluggish(summary: &mut Summary, late: u64) {
    (summary.health.heartbeats, summary.health.sluggish_heartbeats) = (400, late);
    summary.health.machine = Some(Used { used: 400_000, of: 1_000_000 });
}

/// So many percent of the machine's cores were in use, and twenty by us.
fn full(summary: &mut Summary, percent: u64) {
    sluggish(summary, 0);
    summary.health.cpu_us = Some(200_000);
    summary.health.machine = Some(Used { used: percent * 10_000, of: 1_000_000 });
}

/// Cores are full, and threads waited for one for so many microseconds each time.
fn waited(summary: &mut Summary, us: u64) {
    full(summary, 98);
    (summary.health.waited_us, summary.health.turns) = (Some(400 * us), Some(400));
}

/// A run of whole replies that take so long, changed.
fn slow(summary: &mut Summary, ms: u32, change: impl FnOnce(&mut Summary)) {
    for name in ["first_token_from_sent", "token_gap", "service_time"] {
        summary.timings.remove(name);
    }
    let populations = summary.timings.entry("service_time".to_owned()).or_default();
    (0..40).for_each(|_| populations.ok.record(MS * ms));
    change(summary);
}

/// A run of streams whose first tokens come after 50 ms, and which take so long.
fn first_tokens(summary: &mut Summary, ms: u32, change: impl FnOnce(&mut Summary)) {
    slow(summary, ms, |summary| {
        let populations = summary.timings.entry("first_token_from_sent".to_owned()).or_default();
        (0..40).for_each(|_| populations.ok.record(MS * 50));
        change(summary);
    });
}

/// Ten requests more that were late by so much.
fn lateness(summary: &mut Summary, ms: u32) {
    let populations = summary.timings.get_mut("lateness").expect("samples");
    (0..10).for_each(|_| populations.ok.record(MS * ms));
}

/// The verdict of one rule on one exchange.
fn verdict(id: &str, exchange: &Exchange) -> Verdict {
    check::find(id).expect("a check").judge(&Reading::of(exchange))
}

/// No endpoint can break the rules about our own figures, so exchanges made by hand do.
#[test]
fn figures_of_ours_that_cannot_be_are_found() {
    let seq = POOL.iter().position(|e| e.asked.wanted.stream && e.dial.is_none()).expect("a stream") as u64;
    assert_eq!(verdict("load-latency-order", &stream(seq, true)), Verdict::Pass);
    assert_eq!(verdict("load-latency-plausible", &stream(seq, true)), Verdict::Pass);
    let changes: [fn(&mut Exchange); 6] = [
        |e| e.ticket.due += Duration::from_secs(1),
        |e| e.eligible += Duration::from_secs(1),
        |e| e.sent = Some(e.ended),
        |e| e.head.as_mut().expect("a head").at = e.ended.saturating_sub(MS),
        |e| e.body.arrivals[1].at = e.ended + MS,
        |e| e.ended = e.ticket.due,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut exchange = stream(seq, true);
        change(&mut exchange);
        let found = verdict("load-latency-order", &exchange);
        assert!(matches!(found, Verdict::Broken { .. }), "change {number}: {found:?}");
    }
    let mut late_dial = stream(seq, true);
    let head = late_dial.head.as_ref().expect("a head").at;
    late_dial.dial = Some(Dial { began: head.saturating_sub(MS * 25), ended: head });
    assert!(matches!(verdict("load-latency-plausible", &late_dial), Verdict::Broken { .. }));
    let mut impossible = whole(seq, 14);
    impossible.ended = impossible.sent.expect("sent") + Duration::from_micros(100);
    assert!(matches!(verdict("load-latency-plausible", &impossible), Verdict::Broken { .. }));
}

#[test]
fn times_that_are_all_the_same_are_found_over_the_run() {
    let judgement = |exchanges: &[Exchange]| {
        let digest: Value = serde_json::from_str(&write(&summary(exchanges), Format::Json)).expect("JSON");
        digest["checks"]["load-latency-plausible"].clone()
    };
    let mut same: Vec<Exchange> = (10..40).map(|seq| whole(seq, 14)).collect();
    for exchange in same.iter_mut().filter(|exchange| exchange.asked.wanted.stream) {
        exchange.asked = POOL.iter().find(|e| !e.asked.wanted.stream).expect("a whole one").asked.clone();
    }
    let found = judgement(&same);
    assert_eq!((found["should"].as_u64(), found["across"].as_str()), (Some(30), Some("always 30000")), "{found}");
    same[3].ended += MS;
    assert_eq!(judgement(&same)["should"], 0);
}
