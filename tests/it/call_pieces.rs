//! Tool calls, whole and piece by piece: arguments at one level in both forms, and pieces that clients can join.

use proofload::exchange::{Exchange, OfferedTool};
use proofload::wire::schema::offline_for_replies;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::twins::{asked, breaks, broken, chunk, streamed, whole};

/// The same in answer to a request with a tool, held to its parameters or not.
fn offered(exchange: Exchange, strict: bool, dialect: Dialect) -> Exchange {
    asked(exchange, |wanted| {
        wanted.contract = dialect.contract();
        wanted.tools =
            vec![OfferedTool { name: "get_weather".into(), parameters: parameters(), strict, custom: false }];
    })
}

fn parameters() -> Option<jsonschema::Validator<proofload::wire::json::Parsed>> {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    offline_for_replies(&schema).ok()
}

/// A piece of the first call, with other members on top.
fn piece(more: &Value) -> Value {
    let mut call = json!({"index": 0});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    chunk(&json!({"tool_calls": [call]}), &Value::Null, &json!({}))
}

fn opening(arguments: &str) -> Value {
    piece(&json!({"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}))
}

fn more(arguments: &str) -> Value {
    piece(&json!({"function": {"arguments": arguments}}))
}

fn of_pieces(pieces: &[Value]) -> Exchange {
    offered(streamed(pieces, "tool_calls"), false, Dialect::OpenAi)
}

const RIGHT: &str = "{\"city\":\"Oslo\"}";

#[test]
fn arguments_are_judged_alike_in_both_forms() {
    for dialect in Dialect::ALL {
        for strict in [false, true] {
            let fits = if strict && dialect.is_openai() { "must tool-args-schema" } else { "should tool-args-schema" };
            for (arguments, in_whole, in_stream) in [
                (RIGHT, None, None),
                ("{\"city\":\"Os", Some("must tool-args-json"), Some("must tool-stream-args-join")),
                ("{\"city\":1}{\"city\":2}", Some("must tool-args-json"), Some("must tool-stream-args-join")),
                ("", Some("must tool-args-json"), Some("must tool-stream-args-join")),
                ("[\"Oslo\"]", Some(fits), Some(fits)),
                ("\"Oslo\"", Some(fits), Some(fits)),
                ("null", Some(fits), Some(fits)),
                ("{\"town\":\"Oslo\"}", Some(fits), Some(fits)),
                ("{\"city\":7}", Some(fits), Some(fits)),
            ] {
                let call = json!({"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}});
                let reply = whole(&json!({"tool_calls": [call]}), "tool_calls", &json!({}));
                let found = |exchange: Exchange| -> Vec<String> {
                    let all = broken(&offered(exchange, strict, dialect));
                    all.into_iter().filter(|entry| entry.contains("tool-args") || entry.contains("args-join")).collect()
                };
                let (start, rest) = arguments.split_at(arguments.len() / 2);
                assert_eq!(found(reply), in_whole.into_iter().collect::<Vec<_>>(), "{dialect} {arguments}");
                let stream = streamed(&[opening(start), more(rest)], "tool_calls");
                assert_eq!(found(stream), in_stream.into_iter().collect::<Vec<_>>(), "{dialect} {arguments}");
            }
        }
    }
}

#[test]
fn what_was_cut_need_not_be_read() {
    for finish in ["length", "content_filter"] {
        let stream = offered(streamed(&[opening("{\"city\":\"Os")], finish), true, Dialect::OpenAi);
        assert!(!broken(&stream).iter().any(|entry| entry.contains("args")), "{finish}: {:?}", broken(&stream));
    }
    // Only the choice that was cut is excused.
    let mut second = opening("{\"city\":");
    second["choices"][0]["index"] = json!(1);
    let mut end = chunk(&json!({}), &json!("length"), &json!({}));
    end["choices"][0]["index"] = json!(1);
    let both = |first: &str| {
        let stream = streamed(&[opening(first), second.clone(), end.clone()], "tool_calls");
        let mut exchange = offered(stream, false, Dialect::OpenAi);
        std::sync::Arc::get_mut(&mut exchange.asked.wanted).expect("one holder").n = 2;
        broken(&exchange).contains("must tool-stream-args-join")
    };
    assert!(!both(RIGHT) && both("{\"city\""));
}

#[test]
fn pieces_that_join_to_another_call_are_found() {
    let name = json!({"function": {"name": "get_weather", "arguments": RIGHT}});
    let id = json!({"id": "call_1", "function": {"arguments": RIGHT}});
    let both = json!({"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": RIGHT}});
    let untyped = json!({"type": null, "function": {"arguments": RIGHT}});
    breaks(&of_pieces(&[opening(""), more(RIGHT)]), &[]);
    breaks(&of_pieces(&[opening(""), piece(&json!({"type": "function", "function": {"arguments": RIGHT}}))]), &[]);
    for (later, expected) in [
        (&name, "must tool-stream-header-once"),
        (&both, "must tool-stream-header-once"),
        (&id, "should tool-stream-header-once"),
        (&untyped, "should tool-stream-header-once"),
        (&json!({"id": "", "function": {"arguments": RIGHT}}), "may tool-stream-header-empty"),
        (&json!({"function": {"name": "", "arguments": RIGHT}}), "may tool-stream-header-empty"),
        (&json!({"id": "call_2", "function": {"arguments": RIGHT}}), "must tool-stream-header-first"),
        (&json!({"function": {"name": "get_time", "arguments": RIGHT}}), "must tool-stream-header-first"),
    ] {
        breaks(&of_pieces(&[opening(""), piece(later)]), &[expected]);
    }
}

#[test]
fn a_call_without_a_type_is_one_fault_and_one_that_is_typed_late_is_none() {
    let bare = piece(&json!({"id": "call_1", "function": {"name": "get_weather", "arguments": ""}}));
    breaks(&of_pieces(&[bare.clone(), more(RIGHT)]), &["must tool-shape"]);
    breaks(&of_pieces(&[bare, piece(&json!({"type": "function", "function": {"arguments": RIGHT}}))]), &[]);
    let unnamed = piece(&json!({"id": "call_1", "type": "function", "function": {"arguments": ""}}));
    breaks(
        &of_pieces(&[unnamed, piece(&json!({"function": {"name": "get_weather", "arguments": RIGHT}}))]),
        &["must tool-stream-header-first"],
    );
}
