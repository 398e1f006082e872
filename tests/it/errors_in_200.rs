//! A success that is none: every shape of error in each place in which it can stand, and finish reasons that say that
//! generation failed.

use std::sync::Arc;

use proofload::exchange::{Exchange, Inband, Outcome, Reading};
use proofload::wire::api::finish;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::stream::{SSE, data, exchange, stream, wanted};

const STATED: Outcome = Outcome::InbandError(Inband::Stated);
const FAILED: Outcome = Outcome::InbandError(Inband::GenerationFailed);

/// Errors as servers write them; each says `boom`.
fn shapes() -> Vec<Value> {
    vec![
        json!({"error": {"message": "boom", "type": "server_error", "param": null, "code": null}}),
        json!({"error": "boom"}),
        json!({"error": {"code": 502, "msg": "boom"}}),
        json!({"object": "error", "message": "boom", "type": "NotFoundError", "code": 404}),
        json!({"type": "error", "code": null, "message": "boom"}),
        json!({"code": "Throttling", "message": "boom", "request_id": "r"}),
        json!({"code": 50001, "msg": "boom", "data": null}),
        json!({"detail": "boom"}),
        json!({"detail": [{"loc": ["body", "model"], "msg": "boom", "type": "missing"}]}),
        json!({"success": false, "errors": [{"code": 1, "message": "boom"}], "messages": [], "result": null}),
        json!({"success": false, "message": "boom"}),
        json!({"errors": ["boom"]}),
        json!({"status": "error", "message": "boom"}),
        json!({"id": null, "choices": null, "created": null, "error": {"message": "boom", "code": 502}}),
        json!({"choices": [{"index": 0, "finish_reason": null, "error": {"code": 502, "message": "boom"}}]}),
        json!([{"error": {"code": 400, "message": "boom", "status": "INVALID_ARGUMENT"}}]),
    ]
}

fn whole(body: &str) -> Exchange {
    let mut exchange = exchange(Dialect::OpenAi, "application/json", &[body.as_bytes()]);
    exchange.asked.wanted = Arc::new(wanted(Dialect::OpenAi, false));
    exchange
}

fn streamed(body: &[u8]) -> Exchange {
    exchange(Dialect::OpenAi, SSE, &[body])
}

fn text(text: &str) -> String {
    data(&json!({"content": text}), &Value::Null)
}

fn finish(reason: &str) -> String {
    data(&json!({}), &json!(reason))
}

fn done() -> String {
    "[DONE]".to_owned()
}

/// Every place in which an error can stand.
fn places(error: &Value) -> Vec<(&'static str, Exchange)> {
    let error = error.to_string();
    let event = |lines: String| {
        let before = stream("\n", &[text("A")]);
        let after = stream("\n", &[finish("stop"), done()]);
        streamed(&[before, lines.into_bytes(), after].concat())
    };
    vec![
        ("the whole body", whole(&error)),
        ("JSON in place of a stream", exchange(Dialect::OpenAi, "application/json", &[error.as_bytes()])),
        ("the body of a stream", streamed(error.as_bytes())),
        ("the first event", streamed(&stream("\n", std::slice::from_ref(&error)))),
        ("an event in the middle", event(format!("data: {error}\n\n"))),
        ("an event named error", event(format!("event: error\ndata: {error}\n\n"))),
        ("the last event before the end", streamed(&stream("\n", &[text("A"), error.clone(), done()]))),
    ]
}

#[test]
fn every_shape_is_an_error_in_every_place_and_what_it_says_is_quoted() {
    for shape in shapes() {
        for (place, exchange) in places(&shape) {
            let reading = Reading::of(&exchange);
            assert_eq!((reading.outcome, reading.cause().as_deref()), (STATED, Some("boom")), "{place}: {shape}");
            let slow = Reading::in_full(&exchange);
            assert_eq!((slow.outcome, slow.cause()), (STATED, reading.cause()), "{place}: {shape}");
        }
    }
}

#[test]
fn an_event_named_error_is_one_whatever_its_data_is() {
    for (lines, cause) in [
        ("event: error\ndata: upstream timed out\n\n", "upstream timed out"),
        ("event: error\ndata: {\"message\": \"boom\"}\n\n", "boom"),
        ("event: error\ndata: {\"x\": 1}\n\n", "{\"x\": 1}"),
        ("event: error\ndata:\n\n", "an event named error without data"),
    ] {
        let body = [stream("\n", &[text("A")]), lines.as_bytes().to_vec()].concat();
        let exchange = streamed(&body);
        let reading = Reading::of(&exchange);
        assert_eq!((reading.outcome, reading.cause().as_deref()), (STATED, Some(cause)), "{lines:?}");
    }
}

/// A completion, and the chunks of the same.
fn completion() -> Value {
    json!({"id": "c1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A"}}]})
}

#[test]
fn an_empty_error_beside_an_answer_is_none_in_a_body_and_is_one_in_a_stream() {
    let empty = json!({"message": "", "type": "", "param": null, "code": null});
    for (error, in_body, in_stream) in [
        (Value::Null, Outcome::Ok, Outcome::Ok),
        (json!(""), Outcome::Ok, Outcome::Ok),
        (json!({}), Outcome::Ok, STATED),
        (empty, Outcome::Ok, STATED),
        (json!({"code": 500}), STATED, STATED),
    ] {
        let mut body = completion();
        body["error"] = error.clone();
        assert_eq!(Reading::of(&whole(&body.to_string())).outcome, in_body, "{error}");
        let mut chunk: Value = serde_json::from_str(&text("A")).expect("JSON");
        chunk["error"] = error.clone();
        let exchange = streamed(&stream("\n", &[chunk.to_string(), finish("stop"), done()]));
        assert_eq!(Reading::of(&exchange).outcome, in_stream, "{error}");
    }
}

#[test]
fn what_a_right_answer_has_beside_its_choices_is_no_error() {
    for (name, value) in [
        ("code", json!(3)),
        ("message", json!("served by a gateway")),
        ("detail", json!("low")),
        ("errors", json!([{"message": "a plugin failed"}])),
        ("success", json!(false)),
        ("status", json!("error")),
    ] {
        let mut body = completion();
        body[name] = value.clone();
        assert_eq!(Reading::of(&whole(&body.to_string())).outcome, Outcome::Ok, "{name}");
        let mut chunk: Value = serde_json::from_str(&text("A")).expect("JSON");
        chunk[name] = value;
        let exchange = streamed(&stream("\n", &[chunk.to_string(), finish("stop"), done()]));
        assert_eq!(Reading::of(&exchange).outcome, Outcome::Ok, "{name}");
    }
    // Of another protocol on the same stream, which clients of this one pass over.
    let aside =
        "event: progress\ndata: {\"code\": \"warming\", \"message\": \"loading weights\"}\n\n".as_bytes().to_vec();
    let exchange = streamed(&[aside, stream("\n", &[text("A"), finish("stop"), done()])].concat());
    assert_eq!(Reading::of(&exchange).outcome, Outcome::Ok);
}

#[test]
fn a_finish_reason_that_says_that_generation_failed_is_an_error_and_an_unknown_one_is_not() {
    let judged = |reason: &str| {
        let mut body = completion();
        body["choices"][0]["finish_reason"] = json!(reason);
        let whole = whole(&body.to_string());
        let streamed = streamed(&stream("\n", &[text("A"), finish(reason), done()]));
        [whole, streamed].map(|exchange| {
            let reading = Reading::of(&exchange);
            (reading.outcome, reading.cause())
        })
    };
    for (reason, source) in finish::failures() {
        let cause = Some(format!("the finish reason is {reason:?}"));
        assert_eq!(judged(reason), [(FAILED, cause.clone()), (FAILED, cause)], "{source}");
    }
    for reason in ["stop", "length", "sensitive", "eos_token", "made_up", ""] {
        assert_eq!(judged(reason), [(Outcome::Ok, None), (Outcome::Ok, None)], "{reason}");
    }
}

#[test]
fn of_a_failure_and_an_error_that_explains_it_the_first_decides_and_the_words_are_told() {
    let error = json!({"error": {"message": "boom"}}).to_string();
    let exchange = streamed(&stream("\n", &[text("A"), finish("error"), error, done()]));
    let reading = Reading::of(&exchange);
    assert_eq!((reading.outcome, reading.cause().as_deref()), (FAILED, Some("boom")));
}

#[test]
fn what_a_cut_stream_has_outside_of_its_events_is_told() {
    let body = [stream("\n", &[text("A")]), b"upstream error: read ECONNRESET\n".to_vec()].concat();
    let exchange = streamed(&body);
    let cause = Reading::of(&exchange).cause();
    assert_eq!(cause.as_deref(), Some("not in any event: upstream error: read ECONNRESET"));
}

#[test]
fn a_done_counts_where_a_client_reads_it() {
    let named = |name: &str, payloads: &[String]| {
        let events = payloads.iter().map(|payload| format!("event: {name}\ndata: {payload}\n\n"));
        events.collect::<String>().into_bytes()
    };
    let body = [text("A"), finish("stop")];
    let all = [&body[..], &[done()]].concat();
    for (bytes, is_read) in [
        (stream("\n", &all), true),
        (stream("\n", &body), false),
        (named("completion", &all), true),
        (named("message", &all), true),
        ([stream("\n", &body), named("message", &[done()])].concat(), true),
        ([stream("\n", &body), named("done", &[done()])].concat(), false),
        ([stream("\n", &body), b"[DONE]\n\n".to_vec()].concat(), false),
        ([stream("\n", &body), b"data: [DONE]\n".to_vec()].concat(), false),
    ] {
        let exchange = streamed(&bytes);
        let reading = Reading::of(&exchange);
        let is_done = reading.stream().is_some_and(|stream| stream.done().is_some());
        assert_eq!((reading.outcome, is_done), (Outcome::Ok, is_read), "{}", String::from_utf8_lossy(&bytes));
        assert!(reading.first_token().is_some());
    }
}

#[test]
fn more_choices_than_one_are_judged_each() {
    let mut asked = wanted(Dialect::OpenAi, true);
    asked.n = 2;
    let asked = Arc::new(asked);
    let chunk = |index: u64, delta: Value, finish: Value| {
        json!({"id": "c1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
            "choices": [{"index": index, "delta": delta, "finish_reason": finish}]})
        .to_string()
    };
    for (second, outcome) in [("stop", Outcome::Ok), ("abort", FAILED)] {
        let payloads = [
            chunk(0, json!({"content": "A"}), Value::Null),
            chunk(1, json!({"content": "B"}), Value::Null),
            chunk(0, json!({}), json!("stop")),
            chunk(1, json!({}), json!(second)),
            done(),
        ];
        let mut exchange = streamed(&stream("\n", &payloads));
        exchange.asked.wanted = Arc::clone(&asked);
        assert_eq!(Reading::of(&exchange).outcome, outcome, "{second}");
    }
}
