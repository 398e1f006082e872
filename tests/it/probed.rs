//! The rules that take requests of their own, each on replies made by hand: one that keeps it and one that breaks it.

use std::time::Duration;

use proofload::check::{self, Book, CITY, Depth, Facts, REPEATED, Verdict};
use proofload::exchange::{Arrival, Body, Cutoff, Exchange, Head, Outcome, Policies, Reading, Ticket};
use proofload::plan::case::{Case, Setting};
use proofload::reference::quirk;
use proofload::suite::status::Status;
use proofload::suite::{Options, Row, conduct};
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, plan, settings, suite};

/// A reply to a probe.
#[derive(Clone)]
struct Reply {
    probe: &'static str,
    request: Value,
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    outcome: Option<Outcome>,
}

fn reply(probe: &'static str, status: u16, body: String) -> Reply {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    let request = json!({"model": "m", "stream": probe.ends_with("-stream"), "n": if probe == "n2-stream" { 2 } else { 1 },
        "messages": [{"role": "user", "content": "Well?"}], "tools": [tool("get_weather"), tool("get_time")]});
    Reply { probe, request, status, headers: Vec::new(), body, outcome: None }
}

/// A whole answer.
fn whole(probe: &'static str, message: &Value, finish: &str) -> Reply {
    with_metadata(probe, message, finish, &Value::Null)
}

fn with_metadata(probe: &'static str, message: &Value, finish: &str, metadata: &Value) -> Reply {
    let choice = json!({"index": 0, "message": message, "finish_reason": finish, "logprobs": null});
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10});
    let body = json!({"id": "c1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
        "choices": [choice], "usage": usage, "metadata": metadata});
    reply(probe, 200, body.to_string())
}

fn text(probe: &'static str, content: &str) -> Reply {
    whole(probe, &json!({"role": "assistant", "content": content}), "stop")
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// A whole answer with calls.
fn calls(probe: &'static str, calls: &[Value], finish: &str) -> Reply {
    whole(probe, &json!({"role": "assistant", "content": null, "tool_calls": calls}), finish)
}

fn event(document: &Value) -> String {
    format!("data: {document}\n\n")
}

/// A streamed answer: pieces of one choice or several, and what else stands in chunks, up to `[DONE]`.
fn streamed(probe: &'static str, chunks: &[Value]) -> Reply {
    let mut body = String::new();
    for chunk in chunks {
        let mut whole = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"});
        for (name, value) in chunk.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        body.push_str(&event(&whole));
    }
    reply(probe, 200, body + "data: [DONE]\n\n")
}

fn piece(index: u64, delta: &Value, finish: Option<&str>) -> Value {
    json!({"choices": [{"index": index, "delta": delta, "finish_reason": finish}]})
}

/// A streamed answer of one choice.
fn said(probe: &'static str, content: &str, finish: &str) -> Reply {
    let first = piece(0, &json!({"role": "assistant", "content": content}), None);
    streamed(probe, &[first, piece(0, &json!({}), Some(finish))])
}

fn streamed_call(probe: &'static str, name: &str, arguments: &str, finish: &str) -> Reply {
    let mut call = call("call_1", name, arguments);
    call["index"] = json!(0);
    let first = piece(0, &json!({"role": "assistant", "tool_calls": [call]}), None);
    streamed(probe, &[first, piece(0, &json!({}), Some(finish))])
}

fn refusal(probe: &'static str) -> Reply {
    reply(probe, 400, json!({"error": {"message": "no", "type": "t", "param": null, "code": null}}).to_string())
}

const MS: Duration = Duration::from_millis(1);

fn exchange(dialect: Dialect, seq: u64, reply: &Reply) -> Exchange {
    let setting =
        Setting { contract: dialect.contract(), origin: "http://h".into(), policies: Policies::default(), seed: 1 };
    let ticket = Ticket::alone(seq, 0, Duration::ZERO);
    let kind = if reply.body.starts_with("data:") { "text/event-stream" } else { "application/json" };
    let mut headers = vec![("content-type".to_owned(), kind.to_owned())];
    headers.extend(reply.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let bytes = reply.body.clone().into_bytes();
    Exchange {
        ticket,
        asked: Case::plain("c", &reply.request, &setting).render(&ticket, 1),
        epoch: Duration::from_secs(1_700_000_000),
        eligible: Duration::ZERO,
        sent: Some(MS),
        dial: None,
        head: Some(Head {
            at: MS * 5,
            status: reply.status,
            version: "HTTP/1.1",
            headers: headers.into_iter().collect(),
        }),
        body: Body { arrivals: vec![Arrival { at: MS * 6, end: bytes.len() }], bytes },
        ended: MS * 7,
        outcome: reply.outcome.unwrap_or(Outcome::of_status(reply.status)),
        cause: None,
        transfer: proofload::exchange::Transfer::default(),
        unjudged: false,
    }
}

/// What a rule says of these replies.
fn verdict(id: &str, dialect: Dialect, replies: &[Reply]) -> Verdict {
    let exchanges: Vec<Exchange> = (0..).zip(replies).map(|(seq, reply)| exchange(dialect, seq, reply)).collect();
    let probe = |name| check::probe::named(name).unwrap_or_else(|| panic!("no probe {name}"));
    let replies = replies.iter().zip(&exchanges).map(|(reply, exchange)| (probe(reply.probe), Reading::of(exchange)));
    let book = Book::new(
        Facts {
            contract: dialect.contract(),
            model: "m".into(),
            context_window: None,
            schema_rate: None,
            insecure: false,
            keep_alive: true,
        },
        replies,
    );
    check::find(id).unwrap_or_else(|| panic!("no rule {id}")).judge_book(&book)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Noted(_) => "noted",
        Verdict::Skip(_) => "skip",
        Verdict::Broken { .. } => "broken",
    }
}

/// Judges every row of a table, and lists all that came out otherwise.
fn all(dialect: Dialect, table: &[(&str, &str, Vec<Reply>)]) {
    let wrong: Vec<String> = table
        .iter()
        .enumerate()
        .map(|(row, (id, expected, replies))| (row, id, expected, verdict(id, dialect, replies)))
        .filter(|(_, _, expected, verdict)| word(verdict) != **expected)
        .map(|(row, id, expected, verdict)| format!("row {row}: {id}: expected {expected}, got {verdict:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn streams_that_take_requests_of_their_own() {
    let choice = |index, finish| {
        [piece(index, &json!({"role": "assistant", "content": "a"}), None), piece(index, &json!({}), finish)]
    };
    let two = |second| streamed("n2-stream", &[choice(0, Some("stop")), choice(1, second)].concat());
    let usage = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
    let ends = [piece(0, &json!({"role": "assistant", "content": "a"}), None), piece(0, &json!({}), Some("stop"))];
    let with = |more: &[Value]| streamed("usage-stream", &[&ends[..], more].concat());
    let closing = json!({"choices": [], "usage": usage});
    let in_last = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": null}], "usage": usage});
    let mut early = with(&[]);
    early.body.push_str(&event(&json!({"id": "c1", "choices": [], "usage": usage})));
    let error = reply("wrong-stream", 200, "data: {\"error\": {\"message\": \"no\"}}\n\n".to_owned());
    let mut text_refusal = refusal("wrong-stream");
    text_refusal.body = "no".to_owned();
    let mut gzip = said("gzip-stream", "a", "stop");
    gzip.headers.push(("content-encoding", "gzip"));
    let mut left = said("abort", "a", "stop");
    left.outcome = Some(Outcome::Unfinished(Cutoff::Stopped));
    let mut cached = said("basic-stream", "a", "stop");
    cached.headers.push(("cache-control", "no-cache"));
    let bad_id = streamed("basic-stream", &[json!({"id": 3, "choices": ends[0]["choices"]}), ends[1].clone()]);
    all(
        Dialect::OpenAi,
        &[
            ("stream-n2-both-finish", "pass", vec![two(Some("stop"))]),
            ("stream-n2-both-finish", "broken", vec![two(None)]),
            ("stream-n2-both-finish", "broken", vec![streamed("n2-stream", &choice(0, Some("stop")))]),
            ("stream-reassembles", "pass", vec![said("basic-stream", "a", "stop")]),
            ("stream-reassembles", "pass", vec![streamed_call("basic-stream", "f", "{}", "tool_calls")]),
            ("stream-reassembles", "broken", vec![bad_id]),
            ("stream-matches-nonstream", "pass", vec![text("basic", "a"), said("basic-stream", "b", "stop")]),
            ("stream-matches-nonstream", "skip", vec![text("basic", "a"), said("basic-stream", "b", "length")]),
            (
                "stream-matches-nonstream",
                "broken",
                vec![text("basic", "a"), said("basic-stream", "b", "content_filter")],
            ),
            ("stream-usage-chunk", "pass", vec![with(std::slice::from_ref(&closing))]),
            ("stream-usage-chunk", "broken", vec![with(&[])]),
            ("stream-usage-chunk", "broken", vec![with(&[closing.clone(), closing.clone()])]),
            ("stream-usage-chunk", "broken", vec![early]),
            ("stream-usage-empty-choices", "pass", vec![with(std::slice::from_ref(&closing))]),
            ("stream-usage-empty-choices", "broken", vec![with(std::slice::from_ref(&in_last))]),
            ("stream-usage-null-before", "pass", vec![with(std::slice::from_ref(&closing))]),
            ("stream-usage-null-before", "broken", vec![with(&[in_last, closing])]),
            ("stream-prestart-error-status", "pass", vec![refusal("wrong-stream")]),
            ("stream-prestart-error-status", "broken", vec![refusal("wrong-stream"), error]),
            ("stream-prestart-error-status", "broken", vec![text_refusal]),
            ("stream-prestart-error-status", "skip", vec![said("wrong-stream", "a", "stop")]),
            ("stream-no-u-fffd", "pass", vec![said("utf8-stream", REPEATED, "stop")]),
            ("stream-no-u-fffd", "skip", vec![said("utf8-stream", "Sure!", "stop")]),
            ("stream-no-u-fffd", "broken", vec![said("utf8-stream", "na\u{FFFD}ve", "stop")]),
            (
                "stream-no-json-in-content",
                "pass",
                vec![streamed_call("tool-auto-stream", "get_time", "{}", "tool_calls")],
            ),
            ("stream-no-json-in-content", "skip", vec![said("tool-auto-stream", "{\"a\": 1}", "stop")]),
            (
                "stream-no-json-in-content",
                "broken",
                vec![said("tool-auto-stream", r#"{"name": "get_time", "arguments": {"city": "Paris"}}"#, "stop")],
            ),
            ("stream-cache-control", "pass", vec![cached]),
            ("stream-cache-control", "noted", vec![said("basic-stream", "a", "stop")]),
            ("stream-compressed-flush", "broken", vec![gzip]),
            ("stream-compressed-flush", "skip", vec![said("gzip-stream", "a", "stop")]),
            ("stream-abort-harmless", "pass", vec![text("basic", "a"), left.clone(), text("after-abort", "a")]),
            (
                "stream-abort-harmless",
                "broken",
                vec![text("basic", "a"), left, reply("after-abort", 500, String::new())],
            ),
        ],
    );
}

#[test]
fn an_endpoint_that_does_not_survive_is_told() {
    let (before, after) = (text("basic", "a"), |status| reply("neg-survives", status, String::new()));
    all(
        Dialect::OpenAi,
        &[
            ("neg-survives", "pass", vec![before.clone(), text("neg-survives", "a")]),
            ("neg-survives", "broken", vec![before.clone(), after(500)]),
            ("neg-survives", "broken", vec![before, refusal("neg-survives")]),
        ],
    );
}

#[test]
fn a_slow_request_must_not_hold_up_the_others() {
    let slow = || text("neg-slow-body", "a");
    let row = |expected, replies| ("neg-slow-body", expected, replies);
    let failed = || reply("neg-slow-body", 503, String::new());
    let rows = [
        row("pass", vec![slow(), text("neg-slow-body", "b")]),
        row("pass", vec![slow()]),
        row("broken", vec![slow(), failed()]),
        row("broken", vec![failed(), slow()]),
    ];
    all(Dialect::OpenAi, &rows);
}

#[test]
fn a_model_with_a_tag_in_its_name_is_the_one_that_was_sent() {
    let mut tagged = text("basic", "a");
    tagged.request["model"] = json!("no-such-{{unique}}");
    let said = |reply: &Reply| {
        let exchange = exchange(Dialect::OpenAi, 1, reply);
        check::find("req-pinned-model").expect("a rule").judge(&Reading::of(&exchange))
    };
    let Verdict::Broken { findings, .. } = said(&tagged) else { panic!("another model answered") };
    assert!(findings[0].detail.contains("no-such-") && !findings[0].detail.contains("unique"), "{findings:?}");
    let sent: Value = serde_json::from_slice(&exchange(Dialect::OpenAi, 1, &tagged).asked.body).expect("JSON");
    let mut body: Value = serde_json::from_str(&tagged.body).expect("JSON");
    body["model"] = sent["model"].clone();
    tagged.body = body.to_string();
    assert_eq!(said(&tagged), Verdict::Pass);
}

#[test]
fn who_decides_whether_a_tool_is_called() {
    let weather = |probe| calls(probe, &[call("call_1", "get_weather", "{}")], "tool_calls");
    let time = |probe| calls(probe, &[call("call_1", "get_time", "{}")], "tool_calls");
    let short = |probe| whole(probe, &json!({"role": "assistant", "content": "He"}), "length");
    all(
        Dialect::OpenAi,
        &[
            ("tool-accepted", "pass", vec![text("tool-auto", "a")]),
            ("tool-accepted", "broken", vec![refusal("tool-auto")]),
            ("tool-auto-calls", "pass", vec![weather("tool-auto"), refusal("tool-auto-stream")]),
            ("tool-auto-calls", "broken", vec![weather("tool-auto"), said("tool-auto-stream", "a", "stop")]),
            ("tool-auto-calls", "skip", vec![short("tool-auto")]),
            ("tool-none-no-calls", "pass", vec![text("tool-none", "a"), said("tool-none-stream", "a", "stop")]),
            (
                "tool-none-no-calls",
                "broken",
                vec![text("tool-none", "a"), streamed_call("tool-none-stream", "f", "{}", "stop")],
            ),
            ("tool-none-has-content", "pass", vec![text("tool-none", "a")]),
            ("tool-none-has-content", "broken", vec![text("tool-none", "")]),
            (
                "tool-required-calls",
                "pass",
                vec![weather("tool-req"), streamed_call("tool-req-stream", "get_weather", "{}", "tool_calls")],
            ),
            ("tool-required-calls", "broken", vec![weather("tool-req"), said("tool-req-stream", "Hello!", "stop")]),
            ("tool-required-calls", "broken", vec![reply("tool-req", 500, String::new())]),
            ("tool-required-terminates", "pass", vec![weather("tool-req")]),
            ("tool-required-terminates", "broken", vec![short("tool-req")]),
            ("tool-named-calls-that", "pass", vec![time("tool-named")]),
            ("tool-named-calls-that", "broken", vec![weather("tool-named")]),
            ("tool-named-calls-that", "broken", vec![time("tool-named"), said("tool-named-stream", "a", "stop")]),
            ("tool-named-unknown-rejected", "pass", vec![refusal("tool-unknown")]),
            ("tool-named-unknown-rejected", "broken", vec![text("tool-unknown", "a")]),
            ("tool-choice-invalid-rejected", "pass", vec![refusal("tool-sometimes")]),
            ("tool-choice-invalid-rejected", "broken", vec![text("tool-sometimes", "a")]),
            ("tool-required-without-tools", "pass", vec![refusal("tool-req-without")]),
            ("tool-required-without-tools", "broken", vec![text("tool-req-without", "a")]),
        ],
    );
}

#[test]
fn what_is_called_and_what_comes_of_it() {
    let in_city = |id: &str, city: &str| call(id, "get_weather", &json!({"city": city, "unit": "celsius"}).to_string());
    let one = |probe, call: Value| calls(probe, &[call], "tool_calls");
    let two = |ids: [&str; 2], cities: [&str; 2]| {
        calls("tool-par", &[in_city(ids[0], cities[0]), in_city(ids[1], cities[1])], "tool_calls")
    };
    let ping = |arguments: &str| one("tool-noarg", call("call_1", "ping", arguments));
    let cut = |arguments: &str, finish| calls("tool-cut", &[call("call_1", "get_time", arguments)], finish);
    let named = one("tool-named", call("call_1", "get_time", r#"{"city": "Paris"}"#));
    let named_stream = |arguments, finish| streamed_call("tool-named-stream", "get_time", arguments, finish);
    let latin = "\u{c3}\u{85}lesund";
    all(
        Dialect::OpenAi,
        &[
            ("tool-parallel-two", "pass", vec![two(["a", "b"], ["Paris", "Tokyo"])]),
            ("tool-parallel-two", "noted", vec![one("tool-par", in_city("a", "Paris"))]),
            ("tool-parallel-two", "broken", vec![two(["a", "a"], ["Paris", "Tokyo"])]),
            ("tool-parallel-two", "broken", vec![two(["a", "b"], ["Paris", "Paris"])]),
            ("tool-parallel-off", "pass", vec![one("tool-par-off", in_city("a", "Paris"))]),
            (
                "tool-parallel-off",
                "broken",
                vec![calls("tool-par-off", &[in_city("a", "Paris"), in_city("b", "Tokyo")], "tool_calls")],
            ),
            ("tool-irrelevant-not-called", "pass", vec![text("tool-irr", "4")]),
            ("tool-irrelevant-not-called", "broken", vec![one("tool-irr", in_city("a", "Paris"))]),
            ("tool-enum-respected", "pass", vec![one("tool-auto", in_city("a", "Paris"))]),
            (
                "tool-enum-respected",
                "broken",
                vec![one("tool-auto", call("a", "get_weather", r#"{"unit": "kelvin"}"#))],
            ),
            ("tool-noarg", "pass", vec![ping("{}")]),
            ("tool-noarg", "broken", vec![ping("")]),
            ("tool-noarg", "broken", vec![ping(r#"{"x": 1}"#)]),
            ("tool-noarg", "skip", vec![text("tool-noarg", "a")]),
            ("tool-unicode-args", "pass", vec![one("tool-unicode", in_city("a", CITY))]),
            ("tool-unicode-args", "skip", vec![one("tool-unicode", in_city("a", "Oslo"))]),
            ("tool-unicode-args", "broken", vec![one("tool-unicode", in_city("a", latin))]),
            ("tool-truncated-length", "pass", vec![cut("{\"ci", "length")]),
            ("tool-truncated-length", "skip", vec![cut("{}", "tool_calls")]),
            ("tool-truncated-length", "broken", vec![cut("{\"ci", "tool_calls")]),
            ("tool-stream-not-dropped", "pass", vec![named.clone(), named_stream("{}", "tool_calls")]),
            ("tool-stream-not-dropped", "broken", vec![named.clone(), said("tool-named-stream", "a", "stop")]),
            (
                "tool-stream-equals-nonstream",
                "pass",
                vec![named.clone(), named_stream(r#"{"city": "Lima"}"#, "tool_calls")],
            ),
            (
                "tool-stream-equals-nonstream",
                "broken",
                vec![named.clone(), named_stream(r#"{"city": "Paris"}"#, "stop")],
            ),
            ("tool-stream-equals-nonstream", "broken", vec![named, named_stream("{}", "tool_calls")]),
            ("tool-parameters-missing", "noted", vec![refusal("tool-bare")]),
            ("tool-parameters-missing", "broken", vec![reply("tool-bare", 500, String::new())]),
            ("tool-name-invalid", "pass", vec![refusal("tool-bad-name")]),
            ("tool-name-invalid", "broken", vec![text("tool-bad-name", "a")]),
            ("tool-empty-array", "noted", vec![text("tool-empty", "a")]),
            ("tool-empty-array", "broken", vec![reply("tool-empty", 502, String::new())]),
            ("tool-roundtrip", "pass", vec![text("tool-rt", "It is 17 degrees.")]),
            ("tool-roundtrip", "noted", vec![text("tool-rt", "It is warm.")]),
            ("tool-roundtrip", "broken", vec![refusal("tool-rt")]),
            ("tool-roundtrip-own-id", "pass", vec![text("tool-rt-own", "It is warm.")]),
            ("tool-roundtrip-own-id", "broken", vec![refusal("tool-rt-own")]),
            ("tool-roundtrip-own-id", "skip", vec![]),
        ],
    );
    all(
        Dialect::Pulze,
        &[
            ("tool-roundtrip", "noted", vec![refusal("tool-rt")]),
            ("tool-roundtrip", "broken", vec![reply("tool-rt", 500, String::new())]),
            ("tool-auto-tools-flag", "noted", vec![text("pz-flags", "a")]),
            ("tool-auto-tools-flag", "broken", vec![refusal("pz-flags")]),
        ],
    );
}

#[test]
fn what_pulze_says_of_requests() {
    let answer =
        |probe, metadata: Value| with_metadata(probe, &json!({"role": "assistant", "content": "a"}), "stop", &metadata);
    let of_model = |probe, namespace: &str| answer(probe, json!({"model": {"model": "m", "namespace": namespace}}));
    let labels = |probe, labels: Value| answer(probe, json!({"labels": labels}));
    let cost = |probe, completion: f64| {
        let costs = json!({"total_tokens": 0.5, "prompt_tokens": 0.0, "completion_tokens": completion});
        answer(probe, json!({"model": {"model": "m", "namespace": "o/m"}, "costs": costs}))
    };
    let price = |per_token: f64| {
        let entry = json!({"namespace": "o/m", "prompt_token_cost": per_token, "completion_token_cost": per_token, "base_cost": 0.0});
        reply("pz-prices", 200, json!({"items": [entry]}).to_string())
    };
    let mut short = cost("cap5", 0.1);
    short.body = short.body.replace("\"completion_tokens\":5", "\"completion_tokens\":2");
    let rank = |namespace: &str| reply("pz-rank", 200, json!({"models": [{"namespace": namespace}]}).to_string());
    let log =
        |content: &str| reply("pz-log", 200, json!({"request": {"messages": [{"content": content}]}}).to_string());
    let missing = |probe| reply(probe, 404, json!({"detail": "no"}).to_string());
    all(
        Dialect::Pulze,
        &[
            ("meta-router-resolves", "pass", vec![of_model("pz-router", "o/m")]),
            ("meta-router-resolves", "broken", vec![of_model("pz-router", "o/m"), of_model("pz-router", "pulze")]),
            ("meta-retries-policy-zero", "pass", vec![answer("pz-nort", json!({"retries": 0}))]),
            ("meta-retries-policy-zero", "broken", vec![answer("pz-nort", json!({"retries": 1}))]),
            ("meta-retries-policy-zero", "skip", vec![refusal("pz-nort")]),
            ("meta-labels-echo", "pass", vec![labels("pz-labels", json!({"suite": "conf", "N": "3", "b": "True"}))]),
            ("meta-labels-echo", "broken", vec![labels("pz-labels", json!({"suite": "conf", "n": 3, "b": "true"}))]),
            ("meta-labels-echo", "broken", vec![labels("pz-labels", json!({}))]),
            ("meta-weights-accepted", "pass", vec![labels("pz-weights", json!({"weights_cost": "0.2"}))]),
            ("meta-weights-accepted", "broken", vec![labels("pz-weights", json!({}))]),
            ("meta-weights-accepted", "broken", vec![refusal("pz-weights")]),
            ("meta-bad-header-4xx", "pass", vec![refusal("pz-bad-labels"), text("pz-long-labels", "a")]),
            ("meta-bad-header-4xx", "broken", vec![text("pz-bad-labels", "a"), text("pz-long-labels", "a")]),
            (
                "meta-bad-header-4xx",
                "broken",
                vec![refusal("pz-bad-labels"), reply("pz-long-labels", 500, String::new())],
            ),
            ("meta-plugins-accepted", "noted", vec![answer("pz-plugins", json!({"search_results": {"items": [{}]}}))]),
            ("meta-plugins-accepted", "broken", vec![reply("pz-plugins", 500, String::new())]),
            ("meta-costs-match-price", "pass", vec![cost("pz-nort", 0.5), price(0.05)]),
            ("meta-costs-match-price", "broken", vec![cost("pz-nort", 0.5), price(0.06)]),
            ("meta-costs-match-price", "skip", vec![cost("pz-nort", 0.5), missing("pz-prices")]),
            ("meta-costs-scale", "pass", vec![cost("basic", 0.2), short.clone()]),
            ("meta-costs-scale", "broken", vec![cost("basic", 0.1), short.clone()]),
            ("meta-costs-scale", "skip", vec![cost("basic", 0.1), cost("cap5", 0.1)]),
            ("meta-rank-oracle", "pass", vec![of_model("pz-router", "o/m"), rank("o/m")]),
            ("meta-rank-oracle", "broken", vec![of_model("pz-router", "o/m"), rank("o/other")]),
            ("meta-rank-oracle", "skip", vec![of_model("pz-router", "o/m"), missing("pz-rank")]),
            ("meta-id-is-log", "pass", vec![text("basic", "a"), log("Well?")]),
            ("meta-id-is-log", "broken", vec![text("basic", "a"), log("Something else")]),
            ("meta-id-is-log", "skip", vec![text("basic", "a"), missing("pz-log")]),
            ("meta-privacy-no-log", "pass", vec![text("pz-priv3", "a"), missing("pz-priv3-log")]),
            ("meta-privacy-no-log", "broken", vec![text("pz-priv3", "a"), reply("pz-priv3-log", 200, "{}".to_owned())]),
        ],
    );
}

/// The areas whose rules are tried here on an endpoint.
const AREAS: [&str; 3] = ["stream", "tools", "metadata"];

/// What becomes of every rule of these areas on the reference endpoint.
fn rows(dialect: Dialect, quirk: Option<&str>) -> Vec<Row> {
    let quirks = quirk.map(|name| quirk::find(name).unwrap_or_else(|| panic!("no quirk {name}")));
    let endpoint = Endpoint::start(settings(dialect, 20, 5, quirks.into_iter().collect()));
    let model = if dialect == Dialect::Pulze { "gpt-4o" } else { "gpt-4o-mini" };
    let target = plan(&format!(
        "[target]\nurl = \"{}\"\ndialect = \"{dialect}\"\nmodel = \"{model}\"\nheaders = {{ authorization = \"Bearer k\" }}\n\
         [load.closed]\nconcurrency = 1\ncount = 1\n[[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
        endpoint.url()
    ))
    .target;
    let of_areas = |check: &&'static check::Check| AREAS.contains(&check.area());
    let options = Options {
        only: Some(check::catalogue(&dialect).filter(of_areas).map(|check| check.id).collect()),
        ..suite(Depth::Intrusive)
    };
    conduct(&target, &options, &proofload::run::Halt::default(), |_, _| {}).expect("a client").rows
}

#[test]
fn a_correct_endpoint_keeps_every_rule_of_these_areas() {
    for dialect in Dialect::ALL {
        let rows = rows(dialect, None);
        let wrong: Vec<String> = rows
            .iter()
            .filter(|row| !matches!(row.status, Status::Pass | Status::Info | Status::Skip))
            .map(|row| format!("{} {}: {}", row.status, row.check.id, row.reason))
            .collect();
        assert!(wrong.is_empty(), "{dialect}:\n{}", wrong.join("\n"));
        let skipped: Vec<&str> = rows.iter().filter(|row| row.status == Status::Skip).map(|row| row.check.id).collect();
        let expected: &[&str] = match dialect {
            Dialect::Pulze => SKIPPED_PULZE,
            Dialect::OpenAi | Dialect::OpenAiStrict => SKIPPED_OPENAI,
        };
        assert_eq!(skipped, expected, "{dialect}");
    }
}

/// What the endpoint does not do, so that the rule does not apply to it.
const SKIPPED_PULZE: &[&str] =
    &["tool-required-calls", "meta-warning-reported", "meta-costs-match-price", "meta-rank-oracle"];
const SKIPPED_OPENAI: &[&str] = &["meta-openai-string-map"];

#[test]
fn quirks_that_only_a_request_of_its_own_shows_are_found() {
    for (quirk, id) in [
        ("tool-choice-ignored", "tool-none-no-calls"),
        ("required-ignored", "tool-required-calls"),
        ("none-says-nothing", "tool-none-has-content"),
        ("usage-not-included", "stream-usage-chunk"),
        ("usage-chunk-choice", "stream-usage-empty-choices"),
        ("own-tool-id-refused", "tool-roundtrip-own-id"),
        ("error-as-stream", "stream-prestart-error-status"),
        ("tool-stream-dropped", "tool-stream-not-dropped"),
        ("tool-stream-finish-stop", "tool-stream-equals-nonstream"),
        ("tool-call-as-text", "stream-no-json-in-content"),
        ("finish-last-choice-only", "stream-n2-both-finish"),
    ] {
        let rows = rows(Dialect::OpenAi, Some(quirk));
        let row = rows.iter().find(|row| row.check.id == id).unwrap_or_else(|| panic!("no row {id}"));
        let is_broken = matches!(row.status, Status::Fail | Status::Warn | Status::Follows(_));
        assert!(is_broken, "{quirk}: {id} is {}: {}", row.status, row.reason);
    }
}
