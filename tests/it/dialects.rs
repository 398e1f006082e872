//! The twenty differences between Pulze and OpenAI that need a dialect switch (`schemas/README.md#differences`),
//! each shown on served endpoints of both dialects.

use proofload::reference::quirk;
use serde_json::{Value, json};

use crate::ask::{Reply, body, endpoint, get, post, post_with, with};
use crate::dialect::Dialect;
use crate::harness::{Contract, Endpoint, settings};

/// One endpoint of each dialect.
struct Both {
    pulze: Endpoint,
    openai: Endpoint,
}

impl Both {
    fn start() -> Both {
        Both { pulze: endpoint(Dialect::Pulze), openai: endpoint(Dialect::OpenAi) }
    }

    /// The same request to both.
    fn post(&self, body: &Value) -> [Reply; 2] {
        [post(&self.pulze, body), post(&self.openai, body)]
    }
}

/// A difference and the test that shows it.
type Difference = (&'static str, fn(&Both));

const DIFFERENCES: [Difference; 20] = [
    ("1 logprobs: an integer or a boolean", logprobs),
    ("2 best_of on chat", best_of),
    ("3 temperature up to 1 or 2", temperature),
    ("4 plugins", plugins),
    ("5 model optional or required", model),
    ("6 roles", roles),
    ("7 tool_choice", tool_choice),
    ("8 parameters of tools required or not", parameters),
    ("9 object", object),
    ("10 created in milliseconds or seconds", created),
    ("11 usage as numbers or integers", usage),
    ("12 metadata", metadata),
    ("13 finish_reason open or closed", finish_reason),
    ("14 refusal and logprobs of a choice", refusal),
    ("15 envelope of errors", envelope),
    ("16 members that Pulze has not", members),
    ("17 Pulze headers", headers),
    ("18 hidden retries and other models", retries),
    ("19 listing of models", listing),
    ("20 id of a stored log", log),
];

#[test]
fn every_difference_shows_on_both_sides() {
    let both = Both::start();
    for (number, (name, shows)) in DIFFERENCES.iter().enumerate() {
        assert!(name.starts_with(&format!("{} ", number + 1)), "{name} stands out of order");
        shows(&both);
    }
}

fn statuses(replies: &[Reply; 2]) -> [u16; 2] {
    [replies[0].status, replies[1].status]
}

/// The parameter that a refusal names, in the words of either envelope.
fn named(reply: &Reply) -> String {
    let body = reply.json();
    let place = body.pointer("/detail/0/loc").and_then(Value::as_array).map(|steps| {
        let steps = steps.iter().skip(1).map(|step| step.as_str().map_or(step.to_string(), str::to_owned));
        steps.collect::<Vec<_>>().join(".")
    });
    place.or_else(|| body.pointer("/error/param")?.as_str().map(str::to_owned)).unwrap_or_default()
}

fn logprobs(both: &Both) {
    let integer = both.post(&body("Hello", json!({"logprobs": 2})));
    assert_eq!(statuses(&integer), [200, 400]);
    assert!(integer[0].json().pointer("/choices/0/logprobs").is_none());
    assert_eq!(named(&integer[1]), "logprobs");
    let boolean = both.post(&body("Hello", json!({"logprobs": true, "top_logprobs": 20})));
    assert_eq!(statuses(&boolean), [422, 200]);
    assert_eq!(named(&boolean[0]), "logprobs");
    assert!(
        boolean[1].json()["choices"][0]["logprobs"]["content"][0]["top_logprobs"].as_array().expect("top").len() == 20
    );
    assert_eq!(statuses(&both.post(&body("Hello", json!({"logprobs": 6})))), [422, 400]);
    assert_eq!(post(&both.openai, &body("Hello", json!({"logprobs": true, "top_logprobs": 21}))).status, 400);
}

fn best_of(both: &Both) {
    let replies = both.post(&body("Hello", json!({"best_of": 3})));
    assert_eq!(statuses(&replies), [200, 200]);
    assert_eq!(replies[0].json()["metadata"]["extra"]["discarded_choices"], 2);
    let wrong = both.post(&body("Hello", json!({"best_of": 1, "n": 2})));
    assert_eq!((statuses(&wrong), named(&wrong[0])), ([422, 200], "best_of".to_owned()));
    let strict = endpoint(Dialect::OpenAiStrict);
    assert_eq!(named(&post(&strict, &body("Hello", json!({"best_of": 3})))), "best_of");
}

fn temperature(both: &Both) {
    assert_eq!(statuses(&both.post(&body("Hello", json!({"temperature": 1})))), [200, 200]);
    let warm = both.post(&body("Hello", json!({"temperature": 1.5})));
    assert_eq!((statuses(&warm), named(&warm[0])), ([422, 200], "temperature".to_owned()));
    assert_eq!(statuses(&both.post(&body("Hello", json!({"temperature": 2.1})))), [422, 400]);
}

fn plugins(both: &Both) {
    let replies = both.post(&body("Tell me of rivers", json!({"plugins": ["web-search", "image-generation-dalle"]})));
    assert_eq!(statuses(&replies), [200, 200]);
    let metadata = &replies[0].json()["metadata"];
    assert_eq!(metadata["search_results"]["items"].as_array().expect("items").len(), 3);
    assert_eq!(metadata["generated_artifacts"]["items"].as_array().expect("items").len(), 1);
    assert!(replies[1].json().get("metadata").is_none());
    let strict = endpoint(Dialect::OpenAiStrict);
    assert_eq!(named(&post(&strict, &body("Hello", json!({"plugins": []})))), "plugins");
    assert_eq!(post(&both.pulze, &body("Hello", json!({"plugins": null}))).status, 422);
}

fn model(both: &Both) {
    let nameless = json!({"messages": [{"role": "user", "content": "Hello"}]});
    let replies = both.post(&nameless);
    assert_eq!(statuses(&replies), [200, 400]);
    assert_eq!(replies[0].json()["model"], "openai/gpt-4o");
    assert!(replies[1].text().contains("model"));
    // A part of a name is enough for Pulze; OpenAI wants all of it.
    let part = both.post(&body("Hello", json!({"model": "llama"})));
    assert_eq!(statuses(&part), [200, 404]);
    assert_eq!(part[0].json()["model"], "meta/llama-3.1-8b");
    assert_eq!(part[1].json()["error"]["code"], "model_not_found");
    assert_eq!(statuses(&both.post(&body("Hello", json!({"model": "no-such"})))), [404, 404]);
}

fn roles(both: &Both) {
    for role in ["developer", "tool", "function"] {
        let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": role, "content": "nine degrees", "name": "f"}]});
        if role == "tool" {
            body["messages"][2]["tool_call_id"] = json!("c1");
        }
        let replies = both.post(&body);
        assert_eq!(statuses(&replies), [422, 200], "{role}: {}", replies[1].text());
        assert_eq!(named(&replies[0]), "messages.2.role");
        if role == "tool" {
            let text = replies[1].json()["choices"][0]["message"]["content"].to_string();
            assert!(text.contains("nine degrees"), "{text}");
        }
    }
}

/// Two tools, of which the second is about weather.
fn tools() -> Value {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!([{"type": "function", "function": {"name": "get_time", "description": "Local time.", "parameters": city}},
        {"type": "function", "function": {"name": "get_weather", "description": "Current weather.", "parameters": city}}])
}

fn called(reply: &Reply) -> Vec<String> {
    let body = reply.json();
    let calls = body.pointer("/choices/0/message/tool_calls").and_then(Value::as_array).cloned().unwrap_or_default();
    calls.iter().map(|call| call["function"]["name"].as_str().expect("a name").to_owned()).collect()
}

fn tool_choice(both: &Both) {
    let choose = |choice: Value| both.post(&body("Hello", json!({"tools": tools(), "tool_choice": choice})));
    let required = choose(json!("required"));
    assert_eq!((statuses(&required), named(&required[0])), ([422, 200], "tool_choice".to_owned()));
    assert_eq!(called(&required[1]).len(), 1);
    let named_one = choose(json!({"type": "function", "function": {"name": "get_weather"}}));
    assert_eq!([called(&named_one[0]), called(&named_one[1])], [["get_weather"], ["get_weather"]]);
    let json_mode = choose(json!({"type": "json_object"}));
    assert_eq!(statuses(&json_mode), [200, 400]);
    let text = json_mode[0].json()["choices"][0]["message"]["content"].as_str().expect("a text").to_owned();
    assert!(serde_json::from_str::<Value>(&text).expect("JSON").is_object());
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "get_weather"}}]}});
    let allowed = choose(allowed);
    assert_eq!((statuses(&allowed), called(&allowed[1])), ([422, 200], vec!["get_weather".to_owned()]));
    assert_eq!(statuses(&choose(json!({"type": "function", "function": {"name": "none_such"}}))), [422, 400]);
}

fn parameters(both: &Both) {
    let tools = json!([{"type": "function", "function": {"name": "ping"}}]);
    let replies = both.post(&body("Please ping", json!({"tools": tools})));
    assert_eq!((statuses(&replies), named(&replies[0])), ([422, 200], "tools.0.function.parameters".to_owned()));
    assert_eq!(replies[1].json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], "{}");
}

/// Whether a reply with this quirk still satisfies the response schema, of either dialect.
fn satisfies(name: &str) -> [bool; 2] {
    [Dialect::Pulze, Dialect::OpenAi].map(|dialect| {
        let spoilt = Endpoint::start(settings(dialect, 0, 0, vec![quirk::find(name).expect("a quirk")]));
        dialect.response().faults(&post(&spoilt, &body("Hello", json!({}))).json()).is_empty()
    })
}

fn object(both: &Both) {
    for reply in both.post(&body("Hello", json!({}))) {
        assert_eq!(reply.json()["object"], "chat.completion");
    }
    assert_eq!(satisfies("object-text-completion"), [true, false]);
}

fn created(both: &Both) {
    let [pulze, openai] = both.post(&body("Hello", json!({}))).map(|reply| reply.json()["created"].as_u64());
    let (milliseconds, seconds) = (pulze.expect("an integer"), openai.expect("an integer"));
    assert!(milliseconds > 1_600_000_000_000 && (1_600_000_000..10_000_000_000).contains(&seconds));
    assert!(seconds.abs_diff(milliseconds / 1000) <= 30);
}

fn usage(both: &Both) {
    for (reply, details) in both.post(&body("Hello", json!({}))).into_iter().zip([false, true]) {
        let usage = &reply.json()["usage"];
        let count = |name: &str| usage[name].as_u64().expect("an integer");
        assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));
        assert_eq!(usage.get("prompt_tokens_details").is_some(), details);
        assert_eq!(usage.get("completion_tokens_details").is_some(), details);
    }
    assert_eq!(satisfies("usage-fraction"), [true, false]);
}

fn metadata(both: &Both) {
    let replies = both.post(&body("Hello", json!({"metadata": {"team": "search"}})));
    let pulze = replies[0].json()["metadata"].clone();
    assert_eq!((&pulze["model"]["namespace"], &pulze["status_code"]), (&json!("openai/gpt-4o"), &json!(200)));
    let cost = |group: &str, part: &str| pulze[group][part].as_f64().expect("dollars");
    let usage = &replies[0].json()["usage"];
    let expected = usage["prompt_tokens"].as_f64().expect("a count") * 2.5e-6;
    assert!((cost("costs", "prompt_tokens") - expected).abs() < 1e-12);
    assert!(cost("cost_savings", "total_tokens") > 0.0, "GPT-4 costs more");
    assert_eq!(replies[1].json()["metadata"], json!({"team": "search"}));
}

fn finish_reason(both: &Both) {
    for reply in both.post(&body("Hello", json!({"max_tokens": 3}))) {
        assert_eq!(reply.json()["choices"][0]["finish_reason"], "length");
    }
    assert_eq!(satisfies("finish-eos-token"), [true, false]);
}

fn refusal(both: &Both) {
    let [pulze, openai] = both.post(&body("Hello", json!({}))).map(|reply| reply.json()["choices"][0].clone());
    assert!(pulze["message"].get("refusal").is_none() && pulze.get("logprobs").is_none());
    assert!(openai["message"].get("refusal").is_some_and(Value::is_null));
    assert!(openai.get("logprobs").is_some_and(Value::is_null));
}

fn envelope(both: &Both) {
    let replies = both.post(&body("Hello", json!({"n": 0})));
    assert_eq!(statuses(&replies), [422, 400]);
    let detail = &replies[0].json()["detail"][0];
    assert_eq!(detail["loc"], json!(["body", "n"]));
    assert!(detail["msg"].is_string() && detail["type"].is_string());
    let error = &replies[1].json()["error"];
    assert_eq!((&error["param"], &error["type"]), (&json!("n"), &json!("invalid_request_error")));
    for (reply, dialect) in replies.iter().zip([Dialect::Pulze, Dialect::OpenAi]) {
        assert_eq!(dialect.error().faults(&reply.json()), [], "{dialect}");
    }
}

fn members(both: &Both) {
    let seeded = both.post(&body("Hello", json!({"seed": 7, "temperature": 1})));
    let again = both.post(&body("Hello", json!({"seed": 7, "temperature": 1})));
    let text = |reply: &Reply| reply.json()["choices"][0]["message"]["content"].clone();
    assert_ne!(text(&seeded[0]), text(&again[0]));
    assert_eq!(text(&seeded[1]), text(&again[1]));
    let capped = both
        .post(&body("Hello", json!({"max_completion_tokens": 2})))
        .map(|r| r.json()["usage"]["completion_tokens"].as_u64());
    assert_eq!(capped, [Some(48), Some(2)]);
    let streams = both.post(&body("Hello", json!({"stream": true, "stream_options": {"include_usage": true}})));
    let [pulze, openai] = streams.map(|reply| reply.chunks().pop().expect("a chunk"));
    assert!(pulze["choices"][0]["finish_reason"].is_string() && pulze["metadata"].is_object());
    assert_eq!(openai["choices"], json!([]));
    let cities = json!({"tools": tools(), "parallel_tool_calls": false});
    let calls = both.post(&body("Weather in Paris and Oslo?", cities)).map(|reply| called(&reply).len());
    assert_eq!(calls, [2, 1]);
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}});
    let formatted = both.post(&body("Hello", json!({"response_format": format})));
    assert_eq!((statuses(&formatted), named(&formatted[0])), ([422, 200], "response_format.type".to_owned()));
}

fn headers(both: &Both) {
    let sent = [
        ("pulze-labels", r#"{"Team": "Search", "n": 3, "ok": true}"#),
        ("pulze-weights", r#"{"cost": 1, "quality": 0, "latency": 0}"#),
        ("pulze-policies", r#"{"max_same_model_retries": 0, "privacy_level": 1}"#),
    ];
    let routed = body("Hello", json!({"model": "pulze"}));
    let reply = post_with(&both.pulze, &routed, &sent).json();
    let labels = json!({"max_same_model_retries": "0", "n": "3", "ok": "true", "privacy_level": "1", "team": "search",
        "weights_cost": "1", "weights_latency": "0", "weights_quality": "0"});
    assert_eq!(reply["metadata"]["labels"], labels);
    assert_eq!(reply["model"], "meta/llama-3.1-8b", "the cheapest");
    assert_eq!(post(&both.pulze, &routed).json()["model"], "openai/gpt-4o", "the best");
    for (name, value) in [
        ("pulze-labels", "{"),
        ("pulze-labels", "[]"),
        ("pulze-weights", r#"{"cost": -1}"#),
        ("pulze-policies", r#"{"max_same_model_retries": 4}"#),
        ("pulze-policies", r#"{"max_switch_model_retries": 6}"#),
        ("pulze-policies", r#"{"privacy_level": 0}"#),
        ("pulze-policies", r#"{"max_cost": 0}"#),
    ] {
        let refused = post_with(&both.pulze, &routed, &[(name, value)]);
        assert_eq!((refused.status, &refused.json()["detail"][0]["loc"][1]), (422, &json!(name)), "{value}");
        assert_eq!(Dialect::Pulze.error().faults(&refused.json()), []);
        assert_eq!(post_with(&both.openai, &body("Hello", json!({})), &[(name, value)]).status, 200, "{value}");
    }
}

fn retries(_: &Both) {
    let flaky = |dialect| with(dialect, |settings| settings.provider_failures = 0.5);
    let pulze = flaky(Dialect::Pulze);
    let routed = body("Hello", json!({"model": "pulze"}));
    let patient = [("pulze-policies", r#"{"max_same_model_retries": 3, "max_switch_model_retries": 5}"#)];
    let replies: Vec<Value> = (0..40).map(|_| post_with(&pulze, &routed, &patient).json()).collect();
    let retried = replies.iter().filter(|reply| reply["metadata"]["retries"].as_u64() > Some(0)).count();
    assert!((8..=32).contains(&retried), "{retried} of 40 with one in two calls failing");
    let switched = replies.iter().any(|reply| reply["model"] != "openai/gpt-4o");
    assert!(switched, "one in 16 requests fails four times with the first model");
    let none = [("pulze-policies", r#"{"max_same_model_retries": 0, "max_switch_model_retries": 0}"#)];
    let refused = (0..40).filter(|_| post_with(&pulze, &routed, &none).status == 503).count();
    assert!((8..=32).contains(&refused), "{refused}");
    let openai = flaky(Dialect::OpenAi);
    let refused = (0..40).filter(|_| post(&openai, &body("Hello", json!({}))).status == 503).count();
    assert!((8..=32).contains(&refused), "{refused}");
}

fn listing(both: &Both) {
    let active = get(&both.pulze, "/v1/models/active");
    assert_eq!(active.json()[0]["namespace"], "openai/gpt-4o");
    assert_eq!(get(&both.pulze, "/v1/models").status, 404);
    let list = get(&both.openai, "/v1/models").json();
    assert_eq!((&list["object"], &list["data"][1]["id"]), (&json!("list"), &json!("gpt-4o")));
    assert_eq!(get(&both.openai, "/v1/models/gpt-4o").json()["object"], "model");
    assert_eq!(get(&both.openai, "/v1/models/active").status, 404);
}

fn log(both: &Both) {
    for stream in [false, true] {
        let request = body("Hello", json!({"stream": stream}));
        let reply = post(&both.pulze, &request);
        let id = if stream { reply.chunks()[0]["id"].clone() } else { reply.json()["id"].clone() };
        let id = id.as_str().expect("an id");
        assert_eq!((id.len(), id.matches('-').count()), (36, 4), "a UUID");
        let stored = get(&both.pulze, &format!("/v1/logs/{id}")).json();
        assert_eq!(stored["request"], request);
        assert_eq!(stored["response"]["id"], id);
        assert_eq!(Dialect::Pulze.response().faults(&stored["response"]), []);
        if !stream {
            assert_eq!(stored["response"], reply.json());
        }
    }
    let private = [("pulze-policies", r#"{"privacy_level": 3}"#)];
    assert!(post_with(&both.pulze, &body("Hello", json!({})), &private).json()["id"].is_null());
    assert_eq!(get(&both.pulze, "/v1/logs/00000000-0000-4000-8000-000000000000").status, 404);
    let reply = post(&both.openai, &body("Hello", json!({}))).json();
    let id = reply["id"].as_str().expect("an id");
    assert!(id.starts_with("chatcmpl-"));
    assert_eq!(get(&both.openai, &format!("/v1/logs/{id}")).status, 404);
}
