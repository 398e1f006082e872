//! What the reference endpoint does with each member of a request, and its other pages.

use std::collections::BTreeSet;
use std::time::Duration;

use proofload::reference::Rate;
use proofload::wire::schema::offline;
use serde_json::{Value, json};

use crate::ask::{Reply, body, endpoint, get, post, send, with};
use crate::dialect::Dialect;
use crate::harness::{Contract, Endpoint, program};

fn content(reply: &Reply) -> String {
    let reply = reply.json();
    reply["choices"][0]["message"]["content"].as_str().unwrap_or_else(|| panic!("no text: {reply}")).to_owned()
}

fn finish(reply: &Reply) -> Value {
    reply.json()["choices"][0]["finish_reason"].clone()
}

/// The deltas of a stream joined: text, reasoning, and the arguments of each call.
fn joined(chunks: &[Value]) -> (String, String, Vec<String>) {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for delta in chunks.iter().filter_map(|chunk| chunk.pointer("/choices/0/delta")) {
        text.push_str(delta["content"].as_str().unwrap_or_default());
        reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(call["index"].as_u64().expect("an index")).expect("small");
            calls.resize(calls.len().max(index + 1), String::new());
            calls[index].push_str(call["function"]["arguments"].as_str().expect("a piece"));
        }
    }
    (text, reasoning, calls)
}

#[test]
fn choices_differ_and_are_counted() {
    for dialect in Dialect::ALL {
        let endpoint = endpoint(dialect);
        let reply = post(&endpoint, &body("Hello", json!({"n": 3}))).json();
        let choices = reply["choices"].as_array().expect("choices");
        let texts: BTreeSet<&str> = choices.iter().filter_map(|c| c["message"]["content"].as_str()).collect();
        assert_eq!((choices.len(), texts.len()), (3, 3), "{dialect}");
        assert_eq!(reply["usage"]["completion_tokens"], 3 * 48);
        assert_eq!(post(&endpoint, &body("Hello", json!({"n": 129}))).status / 100, 4);
    }
}

#[test]
fn a_text_ends_before_the_first_stop_sequence_and_at_the_cap() {
    for dialect in Dialect::ALL {
        let endpoint = endpoint(dialect);
        let prompt = "one two three four five six";
        for (stop, expected) in [(json!("three"), "one two "), (json!(["six", " fo"]), "one two three")] {
            let stopped = post(&endpoint, &body(prompt, json!({"stop": stop})));
            assert_eq!((content(&stopped).as_str(), finish(&stopped)), (expected, json!("stop")), "{dialect}");
            let streamed = post(&endpoint, &body(prompt, json!({"stop": stop, "stream": true})));
            assert_eq!(joined(&streamed.chunks()).0, expected);
        }
        let capped = post(&endpoint, &body(prompt, json!({"max_tokens": 4})));
        assert_eq!((content(&capped).as_str(), finish(&capped)), ("one two three four", json!("length")));
        assert_eq!(capped.json()["usage"]["completion_tokens"], 4);
        assert_eq!(post(&endpoint, &body(prompt, json!({"max_tokens": 0}))).status / 100, 4);
    }
}

#[test]
fn the_same_seed_says_the_same_and_another_one_does_not() {
    let endpoint = endpoint(Dialect::OpenAi);
    let say = |seed| content(&post(&endpoint, &body("Hello", json!({"seed": seed}))));
    assert_eq!(say(1), say(1));
    assert_ne!(say(1), say(2));
    assert_ne!(say(-1), say(1));
    let reply = post(&endpoint, &body("Hello", json!({"seed": 1}))).json();
    assert!(reply["system_fingerprint"].is_string());
}

/// Tokens with their log probabilities, of a whole reply or of all chunks.
fn logprobs(replies: &[Value]) -> Vec<Value> {
    let lists = replies.iter().filter_map(|reply| reply.pointer("/choices/0/logprobs/content")?.as_array());
    lists.flatten().cloned().collect()
}

#[test]
fn log_probabilities_are_of_the_tokens_that_came() {
    for dialect in [Dialect::OpenAi, Dialect::OpenAiStrict] {
        let endpoint = endpoint(dialect);
        for stream in [false, true] {
            let wanted = json!({"logprobs": true, "top_logprobs": 4, "stream": stream});
            let reply = post(&endpoint, &body("Grüße an die 世界 am Fluss, über den Berg hinaus", wanted));
            let replies = if stream { reply.chunks() } else { vec![reply.json()] };
            let schema = if stream { dialect.chunk() } else { dialect.response() };
            assert!(replies.iter().all(|reply| schema.faults(reply).is_empty()), "{dialect}");
            let text = if stream { joined(&replies).0 } else { content(&reply) };
            let tokens = logprobs(&replies);
            assert_eq!(tokens.iter().filter_map(|token| token["token"].as_str()).collect::<String>(), text);
            assert_eq!(tokens.len(), 48);
            for token in tokens {
                let top = token["top_logprobs"].as_array().expect("top");
                let all: Vec<&Value> = top.iter().chain([&token]).collect();
                assert!(all.iter().all(|entry| entry["logprob"].as_f64() <= Some(0.0)), "{token}");
                assert!(
                    all.iter().all(|entry| json!(entry["token"].as_str().expect("text").as_bytes()) == entry["bytes"])
                );
                let sorted = top.windows(2).all(|pair| pair[0]["logprob"].as_f64() >= pair[1]["logprob"].as_f64());
                assert!(top.len() == 4 && sorted, "{token}");
            }
        }
    }
}

#[test]
fn a_bias_bans_or_forces_the_token_that_it_names() {
    let endpoint = endpoint(Dialect::OpenAi);
    let tokens = send(endpoint.address, "POST", "/tokenize", &[], br#"{"prompt": "Hello the river"}"#).json();
    assert_eq!(tokens["token_strs"], json!(["Hello", " the", " river"]));
    let say = |token: usize, bias: i32| {
        let id = tokens["tokens"][token].to_string();
        content(&post(&endpoint, &body("Hello", json!({"logit_bias": {id: bias}, "max_tokens": 40}))))
    };
    assert!(!say(0, -100).contains("Hello"));
    assert!((0..10).all(|_| !say(1, -100).contains(" the ")));
    assert_eq!(say(2, 100).trim(), "river ".repeat(40).trim());
    let refused =
        |bias: Value| post(&endpoint, &body("Hello", json!({"logit_bias": bias}))).json()["error"]["param"].clone();
    assert_eq!(refused(json!({"5": 101})), "logit_bias");
    assert_eq!(refused(json!({"river": 1})), "logit_bias");
}

#[test]
fn penalties_make_repeated_words_rarer() {
    let endpoint = endpoint(Dialect::OpenAi);
    let distinct = |penalty: f64| -> usize {
        let words = |seed: i32| {
            let more =
                json!({"seed": seed, "presence_penalty": penalty, "frequency_penalty": penalty, "max_tokens": 40});
            let text = content(&post(&endpoint, &body("Hello", more)));
            text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>().len()
        };
        (0..8).map(words).sum()
    };
    assert!(distinct(2.0) > distinct(0.0) + 16, "{} and {}", distinct(2.0), distinct(0.0));
    assert_eq!(post(&endpoint, &body("Hello", json!({"presence_penalty": 2.1}))).status, 400);
}

/// A weather tool whose arguments are held to their schema.
fn weather() -> (Value, Value) {
    let parameters = json!({"type": "object", "additionalProperties": false, "required": ["city", "unit", "days"],
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["fahrenheit", "celsius"]},
            "days": {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 1}}});
    let tool = json!({"type": "function", "function": {"name": "get_weather", "description": "Weather of a city.",
        "parameters": parameters}});
    (json!([tool]), parameters)
}

#[test]
fn tools_are_called_when_asked_for_and_their_results_are_quoted() {
    for dialect in Dialect::ALL {
        let endpoint = endpoint(dialect);
        let (tools, parameters) = weather();
        let words = post(&endpoint, &body("What is 2+2?", json!({"tools": tools})));
        assert!(!content(&words).is_empty() && finish(&words) == "stop", "{dialect}");
        let request = body("Weather in Paris, New York and Oslo in celsius?", json!({"tools": tools}));
        let reply = post(&endpoint, &request).json();
        assert_eq!(reply["choices"][0]["finish_reason"], "tool_calls");
        let calls = reply["choices"][0]["message"]["tool_calls"].as_array().expect("calls").clone();
        let arguments: Vec<Value> = calls
            .iter()
            .map(|call| serde_json::from_str(call["function"]["arguments"].as_str().expect("a string")).expect("JSON"))
            .collect();
        let cities: Vec<&Value> = arguments.iter().map(|arguments| &arguments["city"]).collect();
        assert_eq!(cities, ["Paris", "New York", "Oslo"]);
        let validator = offline(&parameters).expect("a schema");
        assert!(arguments.iter().all(|arguments| validator.is_valid(arguments) && arguments["unit"] == "celsius"));
        let ids: BTreeSet<&str> = calls.iter().filter_map(|call| call["id"].as_str()).collect();
        assert_eq!(ids.len(), 3);
        let mut streamed = request.clone();
        streamed["stream"] = json!(true);
        let pieces = joined(&post(&endpoint, &streamed).chunks()).2;
        assert!(
            pieces.len() == 3
                && pieces.iter().all(|text| validator.is_valid(&serde_json::from_str(text).expect("JSON")))
        );
        if dialect.is_openai() {
            round_trip(&endpoint, request, &calls);
        }
    }
}

fn round_trip(endpoint: &Endpoint, mut request: Value, calls: &[Value]) {
    let messages = request["messages"].as_array_mut().expect("messages");
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
    for (call, result) in calls.iter().zip(["18 degrees", "9 degrees", "-3 °C"]) {
        messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": result}));
    }
    let text = content(&post(endpoint, &request));
    assert!(["18 degrees", "9 degrees", "-3 °C"].iter().all(|result| text.contains(result)), "{text}");
    request["messages"][2]["tool_call_id"] = json!("call_of_nobody");
    assert_eq!(post(endpoint, &request).json()["error"]["param"], "messages.2.tool_call_id");
}

#[test]
fn tools_whose_parameters_are_wrong_or_cannot_be_met_are_refused() {
    for dialect in Dialect::ALL {
        let endpoint = endpoint(dialect);
        for property in [json!({"type": "strin"}), json!({"type": "integer", "minimum": 5, "maximum": 4})] {
            let parameters = json!({"type": "object", "properties": {"a": property}, "required": ["a"]});
            let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": parameters}}]);
            let refused = post(&endpoint, &body("The weather?", json!({"tools": tools})));
            assert!(
                [400, 422].contains(&refused.status) && refused.text().contains("parameters"),
                "{}",
                refused.text()
            );
            assert_eq!(dialect.error().faults(&refused.json()), []);
        }
    }
}

#[test]
fn structured_answers_satisfy_their_schema_or_are_refused() {
    let endpoint = endpoint(Dialect::OpenAi);
    let formatted = |schema: &Value, stream: bool| {
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": schema}});
        post(&endpoint, &body("Hello", json!({"response_format": format, "stream": stream})))
    };
    let schema = json!({"type": "object", "required": ["name", "when", "tree"], "additionalProperties": false,
        "properties": {"name": {"type": "string", "minLength": 30}, "when": {"type": "string", "pattern": "^\\d{4}-\\d{2}$"},
            "tree": {"$ref": "#/$defs/tree"}},
        "$defs": {"tree": {"type": "object", "required": ["leaf"], "properties": {"leaf": {"type": "integer"},
            "left": {"$ref": "#/$defs/tree"}}}}});
    let validator = offline(&schema).expect("a schema");
    let whole = content(&formatted(&schema, false));
    let streamed = joined(&formatted(&schema, true).chunks()).0;
    for text in [whole, streamed] {
        assert!(validator.is_valid(&serde_json::from_str(&text).expect("JSON")), "{text}");
    }
    for wrong in [json!({"type": "nothing"}), json!({"not": {}})] {
        let refused = formatted(&wrong, false);
        assert_eq!(
            (refused.status, refused.json()["error"]["param"].as_str()),
            (400, Some("response_format.json_schema.schema"))
        );
    }
    let json_mode = post(&endpoint, &body("Hello", json!({"response_format": {"type": "json_object"}})));
    assert!(serde_json::from_str::<Value>(&content(&json_mode)).expect("JSON").is_object());
}

#[test]
fn reasoning_comes_first_and_is_counted() {
    for (dialect, shown) in [(Dialect::OpenAi, true), (Dialect::OpenAiStrict, false)] {
        let endpoint = endpoint(dialect);
        let think = |more: Value| post(&endpoint, &body("Hello", more));
        let reply = think(json!({"reasoning_effort": "low"})).json();
        assert_eq!(reply["usage"]["completion_tokens_details"]["reasoning_tokens"], 8, "{dialect}");
        assert_eq!(reply["usage"]["completion_tokens"], 48 + 8);
        assert_eq!(reply["choices"][0]["message"]["reasoning_content"].is_string(), shown);
        let chunks = think(json!({"reasoning_effort": "low", "stream": true})).chunks();
        let (text, reasoning, _) = joined(&chunks);
        assert!(!text.is_empty() && reasoning.is_empty() != shown);
        let cut = think(json!({"reasoning_effort": "high", "max_completion_tokens": 5})).json();
        assert_eq!(
            (&cut["choices"][0]["finish_reason"], &cut["usage"]["completion_tokens"]),
            (&json!("length"), &json!(5))
        );
        let none = think(json!({"reasoning_effort": "none"})).json();
        assert_eq!(none["usage"]["completion_tokens_details"]["reasoning_tokens"], 0);
    }
}

#[test]
fn usage_of_a_stream_comes_where_the_request_wants_it_and_agrees_with_the_whole_reply() {
    let endpoint = endpoint(Dialect::OpenAi);
    let request = |stream: bool, usage: bool| {
        let more = json!({"seed": 4, "stream": stream, "stream_options": {"include_usage": usage}});
        post(&endpoint, &body("How long is the river?", if stream { more } else { json!({"seed": 4}) }))
    };
    let chunks = request(true, true).chunks();
    let (last, others) = chunks.split_last().expect("chunks");
    assert_eq!((&last["choices"], last["usage"]["completion_tokens"].as_u64()), (&json!([]), Some(48)));
    assert!(others.iter().all(|chunk| chunk.get("usage").is_some_and(Value::is_null)));
    assert!(request(true, false).chunks().iter().all(|chunk| chunk.get("usage").is_none()));
    // "How long is the river?" has six tokens, its message three more, the reply three.
    assert_eq!(last["usage"]["prompt_tokens"], 13);
    assert_eq!(request(false, false).json()["usage"]["prompt_tokens"], 13);
}

#[test]
fn repeated_prompts_are_cached_in_blocks() {
    let endpoint = endpoint(Dialect::OpenAi);
    let cached = |prompt: &str| {
        let reply = post(&endpoint, &body(prompt, json!({}))).json();
        reply["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().expect("a count")
    };
    let prompt = "a word ".repeat(20);
    assert_eq!((cached(&prompt), cached(&prompt), cached("another one")), (0, 32, 0));
    assert_eq!(cached(&format!("other {prompt}")), 0);
}

#[test]
fn unicode_goes_both_ways() {
    for dialect in Dialect::ALL {
        let endpoint = endpoint(dialect);
        let text = "Zażółć, 世界 🌍👩‍👩‍👧 \u{202e}abc\u{0} \"\\\n\t e\u{301}";
        let message = format!("Repeat exactly: {text}");
        assert_eq!(content(&post(&endpoint, &body(&message, json!({})))), text, "{dialect}");
        assert_eq!(joined(&post(&endpoint, &body(&message, json!({"stream": true}))).chunks()).0, text);
        assert!(content(&post(&endpoint, &body("one two three four five six seven 世界", json!({})))).contains("世界"));
    }
}

/// A status, and method, path, headers and body of a request that gets it.
type Case<'c> = (u16, &'c str, &'c str, Vec<(&'c str, &'c str)>, &'c str);

#[test]
fn errors_have_their_status_and_the_dialects_envelope() {
    for dialect in Dialect::ALL {
        let endpoint = with(dialect, |settings| settings.forbidden = vec!["gpt-4o-mini".to_owned()]);
        let invalid = if dialect.is_openai() { 400 } else { 422 };
        let key = ("authorization", "Bearer any");
        let json_type = ("content-type", "application/json");
        let good = body("Hello", json!({})).to_string();
        let forbidden = body("Hello", json!({"model": "gpt-4o-mini"})).to_string();
        let unknown = body("Hello", json!({"model": "nobody"})).to_string();
        let long = format!("\"{}\"", "x".repeat(33 << 20));
        let path = "/v1/chat/completions";
        let cases: [Case<'_>; 10] = [
            (401, "POST", path, vec![json_type], &good),
            (401, "POST", path, vec![json_type, ("authorization", "Basic eDp5")], &good),
            (403, "POST", path, vec![json_type, key], &forbidden),
            (404, "POST", path, vec![json_type, key], &unknown),
            (404, "GET", "/v2/nothing", vec![key], ""),
            (405, "DELETE", path, vec![key], ""),
            (413, "POST", path, vec![json_type, key], &long),
            (415, "POST", path, vec![("content-type", "text/plain"), key], &good),
            (invalid, "POST", path, vec![json_type, key], "{\"model\": NaN}"),
            (invalid, "POST", path, vec![json_type, key], "[]"),
        ];
        for (status, method, path, headers, text) in cases {
            let reply = send(endpoint.address, method, path, &headers, text.as_bytes());
            assert_eq!(reply.status, status, "{dialect} {method} {path}: {}", reply.text());
            assert_eq!(dialect.error().faults(&reply.json()), [], "{dialect} {status}");
            assert_eq!(reply.header("allow").is_some(), status == 405);
            assert_eq!(reply.header("x-request-id").is_some(), dialect.is_openai());
        }
    }
}

#[test]
fn beyond_the_rate_the_answer_is_to_wait() {
    for dialect in Dialect::ALL {
        let rate = Rate { requests: 2, per: Duration::from_secs(3600) };
        let endpoint = with(dialect, |settings| settings.rate = Some(rate));
        let replies = [(); 3].map(|()| post(&endpoint, &body("Hello", json!({}))));
        assert_eq!([replies[0].status, replies[1].status, replies[2].status], [200, 200, 429], "{dialect}");
        let wait: u64 = replies[2].header("retry-after").and_then(|wait| wait.parse().ok()).expect("whole seconds");
        assert!((1..=1800).contains(&wait), "{wait}");
        assert_eq!(dialect.error().faults(&replies[2].json()), []);
        let left = |reply: &Reply| reply.header("x-ratelimit-remaining-requests").map(str::to_owned);
        let expected = if dialect.is_openai() { [Some("1".to_owned()), Some("0".to_owned())] } else { [None, None] };
        assert_eq!([left(&replies[0]), left(&replies[1])], expected);
    }
}

#[test]
fn pages_answer_get_head_and_options() {
    for dialect in Dialect::ALL {
        let endpoint = endpoint(dialect);
        for path in ["/health", "/metrics", "/openapi.json"] {
            assert_eq!(get(&endpoint, path).status, 200, "{path}");
            let head = send(endpoint.address, "HEAD", path, &[], b"");
            assert!(head.status == 200 && head.body.is_empty() && head.header("content-length") != Some("0"), "{path}");
            let options = send(endpoint.address, "OPTIONS", path, &[], b"");
            assert_eq!((options.status, options.header("allow")), (200, Some("GET, HEAD, OPTIONS")));
        }
        let options = send(endpoint.address, "OPTIONS", "/v1/chat/completions", &[], b"");
        assert_eq!((options.status, options.header("allow")), (200, Some("POST, OPTIONS")));
        let document = get(&endpoint, "/openapi.json").json();
        let operation = &document["paths"]["/v1/chat/completions"]["post"];
        let schema =
            operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().expect("a reference");
        let schema = document.pointer(schema.trim_start_matches('#')).expect("what is referred to");
        assert!(offline(schema).expect("a schema").is_valid(&body("Hello", json!({}))));
    }
}

#[test]
fn metrics_count_what_went_out() {
    let endpoint = endpoint(Dialect::OpenAi);
    let reply = post(&endpoint, &body("Hello", json!({})));
    post(&endpoint, &body("Hello", json!({"stream": true})));
    post(&endpoint, &body("Hello", json!({"n": 0})));
    let page = get(&endpoint, "/metrics");
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = page.text();
    let value = |line: &str| page.lines().find_map(|l| l.strip_prefix(line)?.trim().parse::<f64>().ok());
    assert_eq!(value("proofload_requests_total{status=\"200\"} "), Some(2.0), "{page}");
    assert_eq!(value("proofload_requests_total{status=\"400\"} "), Some(1.0));
    assert_eq!(value("proofload_requests_in_flight "), Some(0.0));
    assert_eq!(value("proofload_completion_tokens_total "), Some(96.0));
    assert_eq!(value("proofload_request_duration_seconds_count "), Some(3.0));
    assert_eq!(value("proofload_request_duration_seconds_bucket{le=\"+Inf\"} "), Some(3.0));
    let prompt = reply.json()["usage"]["prompt_tokens"].as_f64().expect("a count");
    assert_eq!(value("proofload_prompt_tokens_total "), Some(2.0 * prompt));
    let counts: Vec<f64> =
        page.lines().filter(|l| l.contains("_bucket{")).filter_map(|l| l.rsplit(' ').next()?.parse().ok()).collect();
    assert!(counts.len() > 10 && counts.windows(2).all(|pair| pair[0] <= pair[1]), "buckets are cumulative");
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let family = line.split(['{', ' ']).next().expect("a name");
        let family =
            ["_bucket", "_sum", "_count"].iter().fold(family, |name, end| name.strip_suffix(end).unwrap_or(name));
        assert!(page.contains(&format!("# TYPE {family} ")), "{line} has no type");
    }
}

#[test]
fn bad_flags_are_refused_with_the_reason() {
    for (flags, reason) in [
        (["--rate-limit", "0/s"], "such as 10/s"),
        (["--rate-limit", "10"], "such as 10/s"),
        (["--provider-failures", "2"], "from 0 to 1"),
        (["--forbid-models", "nobody"], "no model is called \"nobody\""),
    ] {
        let output = program().arg("serve").args(["--listen", "127.0.0.1:0"]).args(flags).output().expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(reason), "{flags:?}: {stderr}");
    }
}

#[test]
fn hostile_schemas_are_answered() {
    let endpoint = endpoint(Dialect::OpenAi);
    for parameters in [
        json!({"type": "array", "properties": {"a": {"enum": ["weather"]}}}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"pattern": "((a+)+)+", "type": "string", "minLength": 9999}),
        json!({"type": "integer", "multipleOf": 1e-300, "minimum": 1e300}),
        json!({"type": "object", "minProperties": 1_000_000_000}),
    ] {
        let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": parameters}}]);
        let status = post(&endpoint, &body("weather", json!({"tools": tools}))).status;
        assert!([200, 400].contains(&status), "{status} {parameters}");
    }
}

#[test]
fn every_reply_satisfies_its_schema() {
    for dialect in Dialect::ALL {
        let endpoint = endpoint(dialect);
        let (tools, _) = weather();
        for more in [json!({}), json!({"n": 2, "max_tokens": 3}), json!({"tools": tools}), json!({"stop": "a"})] {
            let mut request = body("Weather in Oslo?", more);
            let whole = post(&endpoint, &request);
            assert_eq!(dialect.response().faults(&whole.json()), [], "{dialect} {request}");
            request["stream"] = json!(true);
            for chunk in post(&endpoint, &request).chunks() {
                assert_eq!(dialect.chunk().faults(&chunk), [], "{dialect} {request}");
            }
        }
    }
}
