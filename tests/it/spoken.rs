//! What answers say in other ways than a text: audio, the deprecated function call, and content as a list of parts. All
//! of it is content: it makes first tokens and gaps.

use std::sync::Arc;
use std::time::Duration;

use proofload::exchange::{Cut, Exchange, Outcome, Reading};
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::stream::{SSE, data, exchange, stream, wanted};

/// A stream whose events came one by one, a millisecond apart.
fn streamed(payloads: &[String]) -> Exchange {
    let events: Vec<Vec<u8>> = payloads.iter().map(|payload| stream("\n", std::slice::from_ref(payload))).collect();
    let pieces: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
    exchange(Dialect::OpenAi, SSE, &pieces)
}

fn piece(delta: &Value) -> String {
    data(delta, &Value::Null)
}

/// The event at which the first token came, and how many gaps lie between tokens.
fn tokens(exchange: &Exchange) -> (Option<usize>, usize) {
    let reading = Reading::of(exchange);
    let first = reading.first_visible_token();
    let event = exchange.body.arrivals.iter().position(|arrival| Some(arrival.at) == first);
    (event, reading.token_gaps().count())
}

#[test]
fn every_kind_of_content_makes_tokens_and_none_of_it_makes_none() {
    let role = piece(&json!({"role": "assistant", "content": null}));
    for (deltas, expected) in [
        (
            vec![json!({"audio": {"id": "a", "transcript": "The "}}), json!({"audio": {"transcript": "river"}})],
            (Some(1), 1),
        ),
        (vec![json!({"audio": {"id": "a", "transcript": ""}}), json!({"audio": {"data": "AAAA"}})], (Some(2), 0)),
        (vec![json!({"audio": {"id": "a"}}), json!({"audio": {"expires_at": 1}})], (None, 0)),
        (
            vec![
                json!({"function_call": {"name": "f", "arguments": ""}}),
                json!({"function_call": {"arguments": "{}"}}),
            ],
            (Some(1), 1),
        ),
        (
            vec![
                json!({"content": [{"type": "text", "text": "A"}]}),
                json!({"content": [{"type": "text", "text": "B"}]}),
            ],
            (Some(1), 1),
        ),
        (vec![json!({"content": []}), json!({"content": [{"type": "text", "text": "B"}]})], (Some(2), 0)),
        (vec![json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]})], (None, 0)),
    ] {
        let payloads: Vec<String> = std::iter::once(role.clone()).chain(deltas.iter().map(piece)).collect();
        assert_eq!(tokens(&streamed(&payloads)), expected, "{deltas:?}");
    }
}

#[test]
fn thinking_parts_are_reasoning() {
    let payloads = [
        piece(&json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]})),
        piece(&json!({"content": [{"type": "text", "text": "Okay"}]})),
    ];
    let exchange = streamed(&payloads);
    let reading = Reading::of(&exchange);
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!((reading.first_reasoning_token(), reading.first_visible_token()), (ms(10), ms(11)));
    let choice = &reading.choices[0];
    assert_eq!((choice.reasoning.as_str(), choice.content.as_str()), ("Hm.", "Okay"));
}

#[test]
fn a_spoken_answer_ends_with_the_time_at_which_its_sound_expires() {
    let end = |delta: Value| {
        let mut chunk: Value = serde_json::from_str(&piece(&delta)).expect("JSON");
        chunk["choices"][0].as_object_mut().expect("an object").remove("finish_reason");
        chunk.to_string()
    };
    let said = piece(&json!({"audio": {"id": "a", "transcript": "The river"}}));
    let sound = piece(&json!({"audio": {"data": "AAAA"}}));
    let over = end(json!({"audio": {"expires_at": 1_700_003_600}}));
    let cut = Outcome::Truncated(Cut::NoFinish);
    for (payloads, outcome) in [
        (vec![said.clone(), sound.clone(), over.clone()], Outcome::Ok),
        (vec![sound.clone(), over.clone()], Outcome::Ok),
        (vec![said.clone(), sound.clone()], cut),
        (vec![over.clone()], cut),
        (vec![said.clone(), over.clone(), sound.clone()], cut),
        (vec![said.clone(), over.clone(), piece(&json!({"content": "and"}))], cut),
        (vec![piece(&json!({"content": "The river"})), over], cut),
        (vec![said, data(&json!({}), &json!("stop"))], Outcome::Ok),
    ] {
        let exchange = streamed(&[payloads.clone(), vec!["[DONE]".to_owned()]].concat());
        assert_eq!(Reading::of(&exchange).outcome, outcome, "{payloads:#?}");
    }
    let spoken = Reading::of(&streamed(&[sound])).choices[0].audio.clone();
    assert_eq!(spoken.map(|audio| (audio.data, audio.expires)), Some((4, false)));
}

#[test]
fn a_whole_reply_is_read_alike() {
    let message = json!({"role": "assistant", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}],
        "audio": {"id": "a", "data": "AAAA", "transcript": "C", "expires_at": 1}, "function_call": {"name": "f", "arguments": "{}"}});
    let body = json!({"id": "c1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}]});
    let mut exchange = exchange(Dialect::OpenAi, "application/json", &[body.to_string().as_bytes()]);
    exchange.asked.wanted = Arc::new(wanted(Dialect::OpenAi, false));
    let reading = Reading::of(&exchange);
    assert_eq!(reading.delivered_texts().collect::<String>(), "ABCf{}");
    assert!(reading.choices[0].delivers());
    assert_eq!(reading.outcome, Outcome::Ok);
}
