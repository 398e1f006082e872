//! The fast way to read a stream, in which a chunk that repeats the one before with another text is not parsed, against
//! the slow one, which parses every chunk: whatever comes, both say the same.

use std::sync::LazyLock;
use std::time::Duration;

use proofload::check::{self, Check, Verdict};
use proofload::exchange::{Arrival, Body, Exchange, Head, Outcome, Reading, Ticket};
use proofload::plan::Plan;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::plan;

const MS: Duration = Duration::from_millis(1);

/// A plan that asks for streams, in each dialect.
static PLANS: LazyLock<Vec<Plan>> = LazyLock::new(|| {
    let of = |dialect: &Dialect| {
        plan(&format!(
            "[target]\nurl = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\ndialect = \"{dialect}\"\n[load.open]\nrate = 1\n\
             duration = \"1s\"\n[[case]]\nstream = true\nmessages = [{{ role = \"user\", content = \"Go on.\" }}]\n"
        ))
    };
    Dialect::ALL.iter().map(of).collect()
});

pub(crate) fn chunk(choices: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1_795_000_000, "model": "m", "choices": choices})
}

/// A chunk of the only choice.
pub(crate) fn piece(delta: &Value) -> Value {
    chunk(&json!([{"index": 0, "delta": delta, "finish_reason": null}]))
}

/// What servers send, and what no server should: each a line of data.
static EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let with = |mut value: Value, name: &str, member: Value| {
        value[name] = member;
        value
    };
    let text = |text: &str| piece(&json!({"content": text}));
    let chunks = [
        text("a"),
        text("b"),
        text("longer, with a \"quote\" and a \u{1F600}"),
        text("\u{FFFD}"),
        text(""),
        text("<|im_end|>"),
        piece(&json!({"content": null})),
        piece(&json!({"content": 7})),
        piece(&json!({"role": "assistant", "content": ""})),
        piece(&json!({"role": "assistant", "content": "a"})),
        piece(&json!({"role": "user", "content": "a"})),
        piece(&json!({"reasoning_content": "a"})),
        piece(&json!({"reasoning_content": "b"})),
        piece(&json!({"reasoning": "a", "content": null})),
        piece(&json!({"reasoning": "b", "content": null})),
        piece(&json!({"refusal": "no"})),
        piece(
            &json!({"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{"}}]}),
        ),
        piece(&json!({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]})),
        piece(&json!({})),
        chunk(&json!([{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}])),
        chunk(&json!([{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}])),
        chunk(&json!([{"index": 0, "delta": {}, "finish_reason": "length"}])),
        chunk(&json!([{"index": 1, "delta": {"content": "a"}, "finish_reason": null}])),
        chunk(&json!([{"index": 1, "delta": {"content": "b"}, "finish_reason": null}])),
        chunk(&json!([{"delta": {"content": "a"}, "logprobs": {"content": []}}])),
        chunk(&json!([{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "a"}}])),
        chunk(&json!([])),
        with(text("a"), "id", json!("other")),
        with(text("b"), "id", json!("other")),
        with(text("a"), "extra", json!({"content": "a"})),
        with(text("b"), "extra", json!({"content": "a"})),
        with(text("a"), "usage", json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})),
        with(text("b"), "usage", json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})),
        with(text("a"), "metadata", json!({"app_id": "x", "status_code": 200})),
        with(text("b"), "metadata", json!({"app_id": "x", "status_code": 200})),
        with(text("a"), "error", json!("it broke")),
        with(text("a"), "object", json!("chat.completion")),
        with(text("b"), "object", json!("chat.completion")),
    ];
    let mut events: Vec<String> = chunks.iter().map(ToString::to_string).collect();
    events.extend(
        ["[DONE]", "", "{", "7", r#"{"choices":[{"delta":{"content":"a","content":"b"}}]}"#].map(str::to_owned),
    );
    events.push(text("a").to_string().replace("\"content\"", "\"c\\u006fntent\""));
    events.push(text("a").to_string().replace("\"a\"", "\"a\\u0062\\n\""));
    events
});

fn exchange(plan: &Plan, events: &[(usize, bool)]) -> Exchange {
    let mut body = Body::default();
    for (number, (event, alone)) in events.iter().enumerate() {
        body.bytes.extend_from_slice(format!("data: {}\n\n", EVENTS[event % EVENTS.len()]).as_bytes());
        if *alone || number + 1 == events.len() {
            let at = MS * (10 * u32::try_from(number).expect("few") + 10);
            body.arrivals.push(Arrival { at, end: body.bytes.len() });
        }
    }
    replied(plan, "text/event-stream", body, MS * 2000)
}

/// An exchange of the plan's first case, whose reply has this body.
pub(crate) fn replied(plan: &Plan, kind: &str, body: Body, ended: Duration) -> Exchange {
    let ticket = Ticket::alone(0, 0, Duration::ZERO);
    Exchange {
        asked: plan.cases[0].render(&ticket, plan.seed),
        ticket,
        epoch: Duration::from_secs(1_795_000_000),
        eligible: Duration::ZERO,
        sent: Some(Duration::ZERO),
        dial: None,
        head: Some(Head {
            at: MS * 5,
            status: 200,
            version: "HTTP/1.1",
            headers: [("content-type", kind)].into_iter().collect(),
        }),
        body,
        ended,
        outcome: Outcome::Ok,
        cause: None,
        transfer: proofload::exchange::Transfer::default(),
        unjudged: false,
    }
}

/// Everything that a judge and a summary take from a reading.
fn said(plan: &Plan, reading: &Reading<'_>) -> (Vec<(&'static str, Verdict)>, String) {
    let verdicts = check::all(&plan.target.contract).map(|check: &Check| (check.id, check.judge(reading))).collect();
    let instants =
        [reading.first_token(), reading.first_visible_token(), reading.first_reasoning_token(), reading.last_token()];
    let figures = (
        (reading.outcome, &reading.choices, reading.usage, reading.cause(), reading.metadata()),
        (instants, reading.gaps(), reading.events_per_arrival(), reading.time_per_output_token(), reading.tokens()),
        (
            reading.delivered_characters(),
            reading.content_events(),
            reading.chunk_times(|content| content.is_visible() || content.is_reasoning()),
        ),
    );
    (verdicts, format!("{figures:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn the_fast_way_says_what_the_slow_way_says(
        dialect in 0..3_usize,
        events in prop::collection::vec((0..64_usize, 1..4_usize, any::<bool>()), 0..9),
    ) {
        let plan = &PLANS[dialect];
        // Texts come in runs, as they do in streams.
        let events: Vec<(usize, bool)> =
            events.into_iter().flat_map(|(event, times, alone)| vec![(event, alone); times]).collect();
        let exchange = exchange(plan, &events);
        prop_assert_eq!(said(plan, &Reading::of(&exchange)), said(plan, &Reading::in_full(&exchange)));
    }

    #[test]
    fn texts_of_every_kind_are_the_same_either_way(texts in prop::collection::vec(".{0,6}", 1..12), dialect in 0..3_usize) {
        let plan = &PLANS[dialect];
        let mut exchange = exchange(plan, &[]);
        for text in &texts {
            exchange.body.bytes.extend_from_slice(format!("data: {}\n\n", piece(&json!({"content": text}))).as_bytes());
        }
        exchange.body.arrivals = vec![Arrival { at: MS, end: exchange.body.bytes.len() }];
        prop_assert_eq!(said(plan, &Reading::of(&exchange)), said(plan, &Reading::in_full(&exchange)));
        prop_assert_eq!(&Reading::of(&exchange).choices[0].content, &texts.concat());
    }
}
