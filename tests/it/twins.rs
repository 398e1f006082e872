//! Replies as real servers send them, whole and streamed: what is wrong with one is as wrong with the other, and what is
//! right of either breaks nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proofload::check::{self, Verdict};
use proofload::exchange::{Exchange, Reading, Wanted};
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::matrix::TIMED;
use crate::stream::{CREATED, exchange, wanted};

const TEXT: &str = "The river runs down to the sea.";

/// A whole reply whose one choice has this message and finish reason, with other members on top.
pub(crate) fn whole(message: &Value, finish: &str, more: &Value) -> Exchange {
    let mut body = json!({"id": "c1", "object": "chat.completion", "created": CREATED, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": null, "refusal": null}, "logprobs": null,
            "finish_reason": finish}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20}});
    merge(&mut body["choices"][0]["message"], message);
    merge(&mut body, more);
    of_body(&body)
}

/// A whole reply of this body.
fn of_body(body: &Value) -> Exchange {
    let mut exchange = exchange(Dialect::OpenAi, "application/json", &[body.to_string().as_bytes()]);
    exchange.asked.wanted = Arc::new(wanted(Dialect::OpenAi, false));
    exchange
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}

/// A chunk with this delta and finish reason, and other members on top.
pub(crate) fn chunk(delta: &Value, finish: &Value, more: &Value) -> Value {
    let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
    let mut chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": CREATED, "model": "m",
        "choices": [choice]});
    merge(&mut chunk, more);
    chunk
}

fn role() -> Value {
    chunk(&json!({"role": "assistant", "content": "", "refusal": null}), &Value::Null, &json!({}))
}

fn text(text: &str) -> Value {
    chunk(&json!({"content": text}), &Value::Null, &json!({}))
}

fn usage(completion: u64, details: &Value) -> Value {
    let mut usage = json!({"prompt_tokens": 12, "completion_tokens": completion, "total_tokens": 12 + completion});
    merge(&mut usage, details);
    chunk(&json!({}), &Value::Null, &json!({"choices": [], "usage": usage}))
}

/// A stream of a role, these chunks, an end for this reason, and `[DONE]`.
pub(crate) fn streamed(chunks: &[Value], finish: &str) -> Exchange {
    let end = chunk(&json!({}), &json!(finish), &json!({}));
    in_full(&[&[role()], chunks, &[end]].concat())
}

/// A stream of these chunks and `[DONE]`.
fn in_full(chunks: &[Value]) -> Exchange {
    let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    let bytes = events.chain(["data: [DONE]\n\n".to_owned()]).collect::<Vec<_>>().concat();
    exchange(Dialect::OpenAi, "text/event-stream", &[bytes.as_bytes()])
}

/// A stream of texts, piece by piece.
fn spoken(pieces: &[&str]) -> Exchange {
    streamed(&pieces.iter().map(|piece| text(piece)).collect::<Vec<_>>(), "stop")
}

/// The same in answer to another request.
pub(crate) fn asked(mut exchange: Exchange, change: impl FnOnce(&mut Wanted)) -> Exchange {
    let mut own = wanted(Arc::clone(&exchange.asked.wanted.contract), exchange.asked.wanted.stream);
    change(&mut own);
    exchange.asked.wanted = Arc::new(own);
    exchange
}

/// The rules that a reply breaks, each with its level; how content is spread over arrivals is not what is judged here,
/// nor whose clock is right, and whether a stream is complete is the outcome's.
pub(crate) fn broken(exchange: &Exchange) -> BTreeSet<String> {
    let reading = Reading::of(exchange);
    let dialect = &*exchange.asked.wanted.contract;
    let left_out = [TIMED[0], TIMED[1], "load-all-streams-complete", "http-date-skew"];
    let judged = check::all(dialect).filter(|check| !left_out.contains(&check.id));
    judged
        .filter_map(|check| match check.judge(&reading) {
            Verdict::Broken { level, .. } => {
                let level = level.or_else(|| check.level(dialect)).expect("a level");
                Some(format!("{} {}", level.name(), check.id))
            }
            Verdict::Pass | Verdict::Noted(_) | Verdict::Skip(_) => None,
        })
        .collect()
}

#[track_caller]
pub(crate) fn breaks(exchange: &Exchange, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|entry| (*entry).to_owned()).collect();
    assert_eq!(broken(exchange), expected, "{}", String::from_utf8_lossy(&exchange.body.bytes));
}

#[test]
fn right_replies_break_nothing() {
    breaks(&whole(&json!({"content": TEXT}), "stop", &json!({})), &[]);
    breaks(&spoken(&["The river ", "runs down ", "to the sea."]), &[]);
    breaks(&whole(&json!({"refusal": "I can't help with that."}), "stop", &json!({})), &[]);
}

#[test]
fn an_empty_answer_is_a_warning_and_none_where_something_explains_it() {
    let hidden = json!({"completion_tokens_details": {"reasoning_tokens": 8}});
    let silent = |finish: &str, details: Option<&Value>| {
        let stated = details.map(|details| usage(8, details));
        let more = stated.as_ref().map_or(json!({}), |chunk| json!({"usage": chunk["usage"]}));
        let reply = whole(&json!({"content": ""}), finish, &more);
        let mut body: Value = serde_json::from_slice(&reply.body.bytes).expect("JSON");
        if stated.is_none() {
            body.as_object_mut().expect("an object").remove("usage");
        }
        let closing: Vec<Value> = stated.into_iter().collect();
        let end = chunk(&json!({}), &json!(finish), &json!({}));
        [of_body(&body), in_full(&[&[role(), end], closing.as_slice()].concat())]
    };
    let none = json!({});
    for (finish, details, warned) in [
        ("stop", None, true),
        ("stop", Some(&none), true),
        ("length", None, false),
        ("length", Some(&hidden), false),
        ("length", Some(&none), true),
        ("content_filter", None, false),
    ] {
        let [whole, stream] = silent(finish, details);
        let found = |exchange: &Exchange, id: &str| broken(exchange).contains(&format!("should {id}"));
        assert_eq!(found(&whole, "resp-content-nonempty"), warned, "{finish} {details:?}");
        assert_eq!(found(&stream, "stream-nonempty"), warned, "{finish} {details:?}");
        for exchange in [whole, stream] {
            assert!(broken(&exchange).iter().all(|entry| !entry.starts_with("must")), "{:?}", broken(&exchange));
        }
    }
}

#[test]
fn sound_and_calls_of_the_old_form_are_something_said() {
    let sound = json!({"id": "audio_1", "data": "CAAI", "transcript": "The river.", "expires_at": CREATED + 3600});
    breaks(&whole(&json!({"audio": sound}), "stop", &json!({})), &[]);
    let call = json!({"name": "get_weather", "arguments": "{}"});
    breaks(&whole(&json!({"function_call": call}), "function_call", &json!({})), &[]);
    breaks(&streamed(&[chunk(&json!({"function_call": call}), &Value::Null, &json!({}))], "function_call"), &[]);
    let piece = |audio: Value| chunk(&json!({"audio": audio}), &Value::Null, &json!({}));
    let mut last = piece(json!({"expires_at": CREATED + 3600}));
    last["choices"][0].as_object_mut().expect("a choice").remove("finish_reason");
    let chunks = [
        role(),
        piece(json!({"id": "audio_1", "transcript": "The river"})),
        piece(json!({"transcript": " runs."})),
        piece(json!({"data": "CAAI"})),
        last,
    ];
    for dialect in [Dialect::OpenAi, Dialect::OpenAiStrict] {
        let own = |exchange: Exchange| asked(exchange, |wanted| wanted.contract = dialect.contract());
        breaks(&own(in_full(&chunks)), &[]);
        // What is written has to end for a reason.
        breaks(&own(in_full(&[role(), text("The river.")])), &["must stream-finish-once"]);
    }
    let twice = chunk(&json!({}), &json!("stop"), &json!({}));
    let ended = [&chunks[..], &[twice.clone(), twice]].concat();
    assert!(broken(&in_full(&ended)).contains("must stream-finish-once"));
}

/// A reply that takes so many seconds, created so many after it was sent, by an endpoint whose clock is ahead of ours.
fn created(took: u64, offset: i64, ahead: i64, stream: bool) -> Exchange {
    let stamp = json!({"created": CREATED.saturating_add_signed(offset + ahead)});
    let mut exchange = if stream {
        in_full(&[
            chunk(&json!({"role": "assistant", "content": TEXT}), &Value::Null, &stamp),
            chunk(&json!({}), &json!("stop"), &stamp),
        ])
    } else {
        whole(&json!({"content": TEXT}), "stop", &stamp)
    };
    exchange.ended += Duration::from_secs(took);
    exchange.body.arrivals.iter_mut().for_each(|arrival| arrival.at += Duration::from_secs(took));
    let head = exchange.head.as_mut().expect("a head");
    let date = match ahead {
        0 => "Tue, 14 Nov 2023 22:13:20 GMT",
        86_400 => "Wed, 15 Nov 2023 22:13:20 GMT",
        -86_400 => "Mon, 13 Nov 2023 22:13:20 GMT",
        _ => unreachable!("no other clock"),
    };
    let headers: Vec<(String, String)> = head.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let all = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("date", date)]);
    head.headers = all.collect();
    exchange
}

#[test]
fn created_is_within_the_exchange_however_long_it_takes_and_whatever_our_clock_says() {
    let fails = "must resp-created-plausible";
    for stream in [false, true] {
        for ahead in [0, 86_400, -86_400] {
            for (took, offset) in
                [(1, 0), (1, -295), (1, 299), (312, 0), (312, 312), (312, 600), (3600, -290), (3600, 1800)]
            {
                breaks(&created(took, offset, ahead, stream), &[]);
            }
            for (took, offset) in [(1, -310), (312, 620), (312, -310)] {
                breaks(&created(took, offset, ahead, stream), &[fails]);
            }
        }
    }
    let pulze = asked(created(312, 0, 0, false), |wanted| wanted.contract = Dialect::Pulze.contract());
    assert!(!broken(&pulze).iter().any(|entry| entry.ends_with("resp-created-plausible")));
}

#[test]
fn a_cache_that_says_so_may_answer_with_what_was_created_long_ago() {
    let fails = "must resp-created-plausible";
    let with = |name: &str, value: &str, offset: i64| {
        let mut exchange = created(1, offset, 0, false);
        let head = exchange.head.as_mut().expect("a head");
        head.headers = [("content-type", "application/json"), (name, value)].into_iter().collect();
        broken(&exchange).contains(fails)
    };
    for (name, value) in [
        ("cf-aig-cache-status", "HIT"),
        ("x-portkey-cache-status", "SEMANTIC HIT"),
        ("cache-status", "gateway; hit; ttl=30"),
        ("x-cache", "Hit from cloudfront"),
        ("x-litellm-cache-key", "586bf3f3"),
        ("age", "4000"),
    ] {
        assert!(!with(name, value, -4000), "{name}");
        assert!(with(name, value, 4000), "{name}: no cache keeps what is to come");
    }
    for (name, value) in [("x-cache", "MISS"), ("age", "60"), ("cache-control", "no-cache"), ("x-hit", "HIT")] {
        assert!(with(name, value, -4000), "{name}");
    }
}

#[test]
fn markup_is_found_in_text_and_reasoning_unless_it_was_asked_for() {
    for mark in [
        "</s>",
        "<|user|>",
        "<|endoftext|>",
        "<end_of_turn>",
        "<think>",
        "<|channel|>",
        "<\u{FF5C}tool\u{2581}calls\u{2581}begin\u{FF5C}>",
    ] {
        let leaking = format!("{TEXT}{mark}");
        let fails = ["should resp-no-markup-leak"];
        breaks(&whole(&json!({"content": leaking}), "stop", &json!({})), &fails);
        breaks(&spoken(&[TEXT, mark]), &fails);
        breaks(&spoken(&[TEXT, &mark[..1], &mark[1..]]), &fails);
        breaks(&whole(&json!({"content": TEXT, "reasoning_content": leaking}), "stop", &json!({})), &fails);
        let reason = chunk(&json!({"reasoning_content": leaking}), &Value::Null, &json!({}));
        breaks(&streamed(&[reason, text(TEXT)], "stop"), &fails);
        let quoted = asked(spoken(&[TEXT, mark]), |wanted| wanted.prompt = format!("what is {mark}?"));
        breaks(&quoted, &[]);
    }
    for fine in ["<s>old</s> new", "use `<|im_end|>` there", "a < b, x |> f <| y", "<b>bold</b>"] {
        breaks(&whole(&json!({"content": format!("{TEXT} {fine}")}), "stop", &json!({})), &[]);
    }
}

#[test]
fn deltas_that_repeat_what_came_are_found_and_chance_is_not() {
    let fails = ["must stream-delta-not-cumulative"];
    let found = |exchange: &Exchange| broken(exchange).contains(fails[0]);
    let (a, b, c) = ("The river ", "The river runs down ", TEXT);
    assert!(found(&spoken(&[a, b, c])));
    assert!(found(&spoken(&[a, b, b, c])));
    assert!(found(&spoken(&[
        "The river ",
        "runs down ",
        "to the sea, and on.",
        "The river runs down to the sea, and on."
    ])));
    let reason = |text: &str| chunk(&json!({"reasoning_content": text}), &Value::Null, &json!({}));
    assert!(found(&streamed(&[reason(a), reason(b), reason(c), text("Yes.")], "stop")));
    let other = |index: u64, text: &str| {
        let mut piece = chunk(&json!({"content": text}), &Value::Null, &json!({}));
        piece["choices"][0]["index"] = json!(index);
        piece
    };
    let mixed = [other(0, "One "), other(1, a), other(0, "two "), other(1, b), other(0, "three."), other(1, c)];
    assert!(found(&asked(streamed(&mixed, "stop"), |wanted| wanted.n = 2)));
    for fine in [
        &["ha", "haha", "hahaha"][..],
        &["The ", "The ", "The river runs down to the sea."],
        &["The river runs down to the sea.", "The river runs down to the sea."],
        &["\n", "\n\n", "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"],
        &["1", "12", "123"],
        &["The river ", "The river runs down ", "to the sea."],
    ] {
        assert!(!found(&spoken(fine)), "{fine:?}");
    }
}

#[test]
fn log_probabilities_that_were_asked_for_and_never_came_are_missed_whole_and_streamed() {
    let fails = ["must logprobs-not-ignored"];
    let flagged = |exchange: Exchange| asked(exchange, |wanted| wanted.logprobs = true);
    let entry = json!({"token": "The", "logprob": -0.1, "bytes": null, "top_logprobs": []});
    let choice = |logprobs: &Value| {
        json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": null},
            "logprobs": logprobs, "finish_reason": "stop"}]})
    };
    let given = json!({"content": [entry], "refusal": null});
    breaks(&flagged(whole(&json!({}), "stop", &choice(&given))), &[]);
    for lacking in [Value::Null, json!({"content": null}), json!({"content": []}), json!({"tokens": ["The"]})] {
        assert!(broken(&flagged(whole(&json!({}), "stop", &choice(&lacking)))).contains(fails[0]), "{lacking}");
    }
    breaks(&flagged(spoken(&[TEXT])), &fails);
    let mut piece = text(TEXT);
    piece["choices"][0]["logprobs"] = given;
    breaks(&flagged(streamed(&[piece], "stop")), &[]);
    // Neither a refusal nor an answer without text has any.
    breaks(&flagged(whole(&json!({"refusal": "No."}), "stop", &json!({}))), &[]);
    let mut refused = flagged(of_body(
        &json!({"error": {"message": "logprobs are not supported", "type": "x", "param": "logprobs", "code": null}}),
    ));
    refused.head.as_mut().expect("a head").status = 400;
    refused.outcome = proofload::exchange::Outcome::Refused;
    assert!(!broken(&refused).contains(fails[0]));
}

#[test]
fn usage_comes_once_at_the_end_and_a_preview_is_no_end() {
    let end = || chunk(&json!({}), &json!("stop"), &json!({}));
    let closing = || usage(8, &json!({}));
    let of = |before: &[Value], after: &[Value]| in_full(&[before, &[role(), text(TEXT), end()], after].concat());
    let fails = "must stream-usage-once";
    breaks(&of(&[], &[closing()]), &[]);
    assert!(broken(&of(&[], &[closing(), closing()])).contains(fails));
    assert!(broken(&of(&[], &[usage(7, &json!({})), closing()])).contains(fails));
    assert!(!broken(&of(&[usage(1, &json!({}))], &[closing()])).contains(fails));
    let counting = chunk(
        &json!({"content": "The "}),
        &Value::Null,
        &json!({"usage": {"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 13}}),
    );
    assert!(!broken(&of(&[counting], &[closing()])).contains(fails));
}

#[test]
fn integers_with_a_fraction_or_an_exponent_are_a_note() {
    let plain = whole(&json!({"content": TEXT}), "stop", &json!({})).body.bytes;
    let plain = String::from_utf8(plain).expect("UTF-8");
    for (from, to) in [
        ("1700000000", "1.7e9"),
        ("1700000000", "1700000000.0"),
        ("\"completion_tokens\":8", "\"completion_tokens\":8.0"),
        ("\"index\":0", "\"index\":0.0"),
    ] {
        let mut other = of_body(&Value::Null);
        other.body.bytes = plain.replace(from, to).into_bytes();
        assert_ne!(other.body.bytes, plain.as_bytes());
        breaks(&other, &["may resp-integer-notation"]);
    }
    let priced = json!({"usage": {"prompt_tokens": 12, "completion_tokens": 8, "total_tokens": 20, "cost": 1.0}});
    breaks(&whole(&json!({"content": TEXT}), "stop", &priced), &[]);
}

#[test]
fn an_event_of_another_name_without_a_message_is_one_warning() {
    let right = String::from_utf8(spoken(&[TEXT]).body.bytes).expect("UTF-8");
    let fails = ["should stream-event-field"];
    for ping in
        ["event: ping\ndata: {\"type\": \"ping\"}\n\n", "event: ping\ndata: now\n\n", "event: heartbeat\ndata: [1]\n\n"]
    {
        for stream in [format!("{ping}{right}"), right.replacen("\n\n", &format!("\n\n{ping}"), 1)] {
            breaks(&exchange(Dialect::OpenAi, "text/event-stream", &[stream.as_bytes()]), &fails);
        }
    }
    let named = right.replace("data: {", "event: completion\ndata: {");
    breaks(&exchange(Dialect::OpenAi, "text/event-stream", &[named.as_bytes()]), &fails);
    // An error is one under whatever name.
    let failed = format!("event: upstream\ndata: {{\"error\": {{\"message\": \"boom\"}}}}\n\n{right}");
    let failed = exchange(Dialect::OpenAi, "text/event-stream", &[failed.as_bytes()]);
    assert!(broken(&failed).contains("must stream-no-inband-error"));
}

#[test]
fn a_tier_of_kin_is_a_warning_and_to_the_letter_a_fault() {
    let tier = |name: &Value| whole(&json!({"content": TEXT}), "stop", &json!({"service_tier": name}));
    let strict = |exchange: Exchange| asked(exchange, |wanted| wanted.contract = Dialect::OpenAiStrict.contract());
    for known in [json!("default"), json!("priority"), Value::Null] {
        breaks(&tier(&known), &[]);
        breaks(&strict(tier(&known)), &[]);
    }
    for other in ["on_demand", "performance", "standard"] {
        breaks(&tier(&json!(other)), &["should resp-service-tier-known"]);
        breaks(&strict(tier(&json!(other))), &["must resp-schema"]);
    }
}

#[test]
fn chunks_of_a_content_filter_are_one_warning_wherever_they_come() {
    let choice = json!({"index": 0, "finish_reason": null, "content_filter_results": {"hate": {"filtered": false}},
        "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 198}});
    let filter = |choices: &Value| json!({"id": "", "object": "", "created": 0, "model": "", "choices": choices});
    let leading = filter(&json!([]));
    let later = filter(&json!([choice]));
    let end = chunk(&json!({}), &json!("stop"), &json!({}));
    let (first, closing) = ("should stream-first-chunk-usable", "should stream-filter-chunk-usable");
    breaks(&in_full(&[leading.clone(), role(), text(TEXT), end.clone()]), &[first]);
    breaks(&in_full(&[role(), text(TEXT), end.clone(), later.clone()]), &[closing]);
    breaks(&in_full(&[role(), later.clone(), text(TEXT), later.clone(), end.clone()]), &[closing]);
    breaks(&in_full(&[leading, role(), text(TEXT), end.clone(), later.clone()]), &[first, closing]);
    breaks(&in_full(&[later, role(), text(TEXT), end]), &[first, closing]);
}

#[test]
fn another_success_than_200_is_as_bad_streamed_as_whole() {
    let with = |mut exchange: Exchange| {
        exchange.head.as_mut().expect("a head").status = 201;
        exchange
    };
    breaks(&with(whole(&json!({"content": TEXT}), "stop", &json!({}))), &["should resp-status-200"]);
    breaks(&with(spoken(&[TEXT])), &["should stream-status-200"]);
}
