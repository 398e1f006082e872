//! Replies made to be slow to judge: however many of something there are in one, judging takes in proportion.

use std::fmt::Write as _;
use std::time::Duration;

use proofload::check::{self, Verdict};
use proofload::exchange::{Arrival, Body, Exchange, Reading};
use proofload::plan::Plan;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::plan;
use crate::oracle::{chunk, piece, replied};

const MS: Duration = Duration::from_millis(1);

/// So many at first, and then so many times that.
const FEW: usize = 2_000;
const TIMES: usize = 12;

/// A reply with so many of something.
type Reply = fn(usize) -> String;

const WHOLE: [(&str, Reply); 8] = [
    ("choices", |n| whole(&each(n, |i| json!({"index": i, "message": said(i), "finish_reason": "stop"})))),
    ("calls", |n| message(&json!({"role": "assistant", "content": null, "tool_calls": each(n, call)}))),
    ("members", |n| Value::Object((0..n).map(|i| (format!("k{i}"), json!(i))).collect()).to_string()),
    ("tokens", |n| {
        let token = |i| json!({"token": format!("t{i}"), "logprob": -0.5, "bytes": null, "top_logprobs": []});
        whole(
            &json!([{"index": 0, "message": said(0), "finish_reason": "stop", "logprobs": {"content": each(n, token)}}]),
        )
    }),
    ("alternatives", |n| {
        let token = |i: usize| json!({"token": format!("t{i}"), "logprob": -0.5, "bytes": null});
        let only = json!({"token": "a", "logprob": -0.1, "bytes": null, "top_logprobs": each(n, token)});
        whole(&json!([{"index": 0, "message": said(0), "finish_reason": "stop", "logprobs": {"content": [only]}}]))
    }),
    ("annotations", |n| {
        message(&json!({"role": "assistant", "content": "x", "annotations": each(n, |i| json!({"type": "t", "n": i}))}))
    }),
    ("words", |n| message(&json!({"role": "assistant", "content": "<|im_end|> [proofload 1 2] word ".repeat(n)}))),
    ("levels", |n| format!("{}{}", "[".repeat(n), "]".repeat(n))),
];

const STREAMED: [(&str, Reply); 12] = [
    ("choices", |n| events(n, |i| chunk(&json!([{"index": i, "delta": said(i), "finish_reason": null}])))),
    ("finished choices", |n| events(n, |i| chunk(&json!([{"index": i, "delta": said(i), "finish_reason": "stop"}])))),
    ("choices at once", |n| events(1, |_| chunk(&each(n, |i| json!({"index": i, "delta": said(i)}))))),
    ("calls", |n| events(n, |i| piece(&json!({"tool_calls": [call(i)]})))),
    ("calls at once", |n| events(1, |_| piece(&json!({"tool_calls": each(n, call)})))),
    ("calls of one index", |n| {
        let call = |i| json!({"index": 0, "id": format!("c{i}"), "function": {"name": "f", "arguments": ""}});
        events(n, |i| piece(&json!({"tool_calls": [call(i)]})))
    }),
    ("pieces of a call", |n| {
        let fragment = |i: usize| json!({"index": 0, "function": {"arguments": i.to_string()}});
        events(n, |i| piece(&json!({"tool_calls": [fragment(i)]})))
    }),
    ("pieces with an id late", |n| {
        let fragment = |i| if i < n / 2 { json!({"index": 0}) } else { call(0) };
        events(n, |i| piece(&json!({"tool_calls": [fragment(i)]})))
    }),
    ("texts", |n| events(n, |i| piece(&json!({"content": i.to_string()})))),
    ("ids", |n| {
        events(n, |i| json!({"id": format!("c{i}"), "object": "chat.completion.chunk", "created": i, "choices": []}))
    }),
    ("members", |n| events(n, |i| json!({"choices": [], format!("k{i}"): i}))),
    ("names", |n| {
        (0..n).fold(String::new(), |mut text, i| {
            let _ = write!(text, "event: e{i}\nid: {i}\n: c\ndata: {i}\n\n");
            text
        })
    }),
];

fn each(n: usize, make: impl Fn(usize) -> Value) -> Value {
    (0..n).map(make).collect()
}

fn said(number: usize) -> Value {
    json!({"role": "assistant", "content": format!("text {number}")})
}

fn call(number: usize) -> Value {
    json!({"index": number, "id": format!("c{number}"), "type": "function", "function": {"name": "f", "arguments": "{}"}})
}

fn whole(choices: &Value) -> String {
    json!({"id": "c", "object": "chat.completion", "created": 1_795_000_000, "model": "m", "choices": choices})
        .to_string()
}

fn message(message: &Value) -> String {
    whole(&json!([{"index": 0, "message": message, "finish_reason": "stop"}]))
}

fn events(n: usize, make: impl Fn(usize) -> Value) -> String {
    let events = (0..n).map(|i| format!("data: {}\n\n", make(i)));
    events.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn asking(dialect: Dialect, stream: bool) -> Plan {
    plan(&format!(
        "[target]\nurl = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\ndialect = \"{dialect}\"\n[load.open]\nrate = 1\n\
         duration = \"1s\"\n[[case]]\nstream = {stream}\nmessages = [{{ role = \"user\", content = \"{{{{unique}}}}\" }}]\n\
         tools = [{{ type = \"function\", function = {{ name = \"f\", parameters = {{ type = \"object\", properties = {{}} }} }} }}]\n"
    ))
}

fn exchange(plan: &Plan, kind: &str, text: String) -> Exchange {
    // An arrival for every kilobyte.
    let ends = (1..=text.len().div_ceil(1000)).map(|number| (number * 1000).min(text.len()));
    let arrivals = (10..).zip(ends).map(|(number, end)| Arrival { at: MS * number, end }).collect::<Vec<_>>();
    let ended = arrivals.last().map_or(MS, |last| last.at);
    replied(plan, kind, Body { bytes: text.into_bytes(), arrivals }, ended)
}

/// Processor time of reading and judging, so that it does not matter how busy the machine is.
fn cost(plan: &Plan, exchange: &Exchange) -> Duration {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a time");
    let began = now();
    let reading = Reading::of(exchange);
    let broken = check::all(&plan.target.contract)
        .filter(|check| matches!(check.judge(&reading), Verdict::Broken { .. }))
        .count();
    std::hint::black_box((broken, reading.gaps(), reading.delivered_characters()));
    now().saturating_sub(began)
}

#[test]
fn judging_takes_in_proportion_to_the_reply() {
    for dialect in Dialect::ALL {
        for (stream, kind, replies) in
            [(false, "application/json", &WHOLE[..]), (true, "text/event-stream", &STREAMED[..])]
        {
            let plan = asking(dialect, stream);
            for (name, reply) in replies {
                let least = |n| {
                    let exchange = exchange(&plan, kind, reply(n));
                    [(); 2].map(|()| cost(&plan, &exchange)).into_iter().min().expect("two")
                };
                let (few, many) = (least(FEW), least(FEW * TIMES));
                // In proportion it is 12 times, and somewhat more as caches get too small; with the square it is 144.
                assert!(many < few * 48, "{dialect} {name}, stream = {stream}: {few:?} and {many:?}");
            }
        }
    }
}
