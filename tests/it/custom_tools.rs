//! Custom tools: what the endpoint makes of them, and that the rules on calls hold for them as they do for functions.

use std::sync::Arc;

use proofload::reference::quirk;
use proofload::summary::digest::Digest;
use proofload::wire::schema::offline;
use serde_json::{Value, json};

use crate::ask::{Reply, body, endpoint, post};
use crate::dialect::Dialect;
use crate::harness::{Contract, Endpoint, Raw, carry_out, completion, plan, reply, settings};

const OPENAI: [Dialect; 2] = [Dialect::OpenAi, Dialect::OpenAiStrict];

fn tool(name: &str, format: &Value) -> Value {
    json!({"type": "custom", "custom": {"name": name, "description": "Runs a query.", "format": format}})
}

fn grammar(syntax: &str, definition: &str) -> Value {
    json!({"type": "grammar", "grammar": {"syntax": syntax, "definition": definition}})
}

/// The calls of a reply to a request with these tools and that choice, each with its kind, name and input.
fn calls(reply: &Reply) -> Vec<[String; 3]> {
    let reply = reply.json();
    let calls = reply["choices"][0]["message"]["tool_calls"].as_array().unwrap_or_else(|| panic!("no call: {reply}"));
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let call = |call: &Value| {
        assert!(call["id"].as_str().is_some_and(|id| !id.is_empty()) && call.get("function").is_none(), "{call}");
        [text(&call["type"]), text(&call["custom"]["name"]), text(&call["custom"]["input"])]
    };
    calls.iter().map(call).collect()
}

#[test]
fn a_custom_tool_is_called_as_a_function_is() {
    let query = tool("sql", &json!({"type": "text"}));
    let named = json!({"type": "custom", "custom": {"name": "sql"}});
    let only = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}});
    for dialect in OPENAI {
        let endpoint = endpoint(dialect);
        let ask = |message: &str, choice: Value| {
            let function = json!({"type": "function", "function": {"name": "get_time", "description": "The time."}});
            post(&endpoint, &body(message, json!({"tools": [function, query], "tool_choice": choice})))
        };
        for choice in [named.clone(), only.clone()] {
            let reply = ask("Größe der Tabelle?", choice);
            let input = "Größe der Tabelle?".to_owned();
            assert_eq!(calls(&reply), [["custom".to_owned(), "sql".to_owned(), input]], "{dialect}");
            assert_eq!(dialect.response().faults(&reply.json()), []);
            assert_eq!(reply.json()["choices"][0]["finish_reason"], "tool_calls");
        }
        assert_eq!(calls(&ask("Please run a query of the names", json!("auto")))[0][1], "sql");
        assert_eq!(ask("What is 2+2?", json!("auto")).json()["choices"][0]["finish_reason"], "stop");
        assert_eq!(ask("Run a query", json!("none")).json()["choices"][0]["finish_reason"], "stop");
        let unknown = ask("Hello", json!({"type": "custom", "custom": {"name": "shell"}}));
        assert_eq!((unknown.status, unknown.json()["error"]["param"].as_str()), (400, Some("tool_choice")));
    }
}

#[test]
fn the_input_is_of_the_format_or_the_request_is_refused() {
    let ask = |endpoint: &Endpoint, format: &Value| {
        post(endpoint, &body("Hello", json!({"tools": [tool("sql", format)], "tool_choice": "required"})))
    };
    for dialect in OPENAI {
        let endpoint = endpoint(dialect);
        let pattern = r"(?:SELECT|DELETE) [a-z_]{3,12}(, [a-z_]{3,12})* FROM t\d{2}";
        let whole = offline(&json!({"pattern": format!("^{pattern}$")})).expect("a schema");
        let inputs: Vec<String> =
            (0..8).map(|_| calls(&ask(&endpoint, &grammar("regex", pattern))).remove(0)[2].clone()).collect();
        assert!(inputs.iter().all(|input| whole.is_valid(&json!(input))), "{inputs:?}");
        for wrong in [grammar("regex", "("), grammar("regex", r"\bword"), grammar("lark", "start: \"a\"")] {
            let refused = ask(&endpoint, &wrong);
            let param = refused.json()["error"]["param"].clone();
            assert_eq!((refused.status, param), (400, json!("tools.0.custom.format.grammar.definition")), "{wrong}");
            assert_eq!(dialect.error().faults(&refused.json()), []);
        }
    }
}

#[test]
fn streamed_input_joins_to_the_text_where_the_dialect_has_a_form_for_it() {
    let pattern = "[a-z]{4} [a-z]{4} [0-9]{2}";
    let request = |stream: bool| {
        let tools = json!([tool("sql", &grammar("regex", pattern))]);
        body("Hello", json!({"tools": tools, "tool_choice": "required", "stream": stream}))
    };
    let chunks = post(&endpoint(Dialect::OpenAi), &request(true)).chunks();
    assert!(chunks.iter().all(|chunk| Dialect::OpenAi.chunk().faults(chunk).is_empty()), "{chunks:?}");
    let pieces: Vec<&Value> =
        chunks.iter().filter_map(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0")).collect();
    assert_eq!((&pieces[0]["type"], &pieces[0]["custom"]["name"]), (&json!("custom"), &json!("sql")));
    assert!(pieces.len() > 2 && pieces[1..].iter().all(|piece| piece.get("id").is_none()));
    let input: String = pieces.iter().filter_map(|piece| piece["custom"]["input"].as_str()).collect();
    assert!(offline(&json!({"pattern": format!("^{pattern}$")})).expect("a schema").is_valid(&json!(input)), "{input}");
    // The published file has no streamed call of a custom tool.
    let refused = post(&endpoint(Dialect::OpenAiStrict), &request(true));
    assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (400, Some("stream")));
}

#[test]
fn results_of_custom_tools_are_quoted() {
    for dialect in OPENAI {
        let endpoint = endpoint(dialect);
        let mut request =
            body("Hello", json!({"tools": [tool("sql", &json!({"type": "text"}))], "tool_choice": "required"}));
        let mut message = post(&endpoint, &request).json()["choices"][0]["message"].take();
        let id = message["tool_calls"][0]["id"].clone();
        message.as_object_mut().expect("a message").retain(|_, member| !member.is_null());
        let messages = request["messages"].as_array_mut().expect("messages");
        messages.extend([message, json!({"role": "tool", "tool_call_id": id, "content": "42 rows"})]);
        request["tool_choice"] = json!("auto");
        let answer = post(&endpoint, &request).json();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
        assert!(text.contains("42 rows"), "{answer}");
    }
}

/// What a run of whole and streamed requests that call for a custom tool finds of the rules on calls.
fn judged(url: &str, dialect: Dialect) -> Digest {
    let streamed = |stream: bool| {
        format!(
            r#"
[[case]]
name = "{}"
stream = {stream}
messages = [{{ role = "user", content = "{{{{unique}}}} run a query" }}]
tool_choice = "required"
[[case.tools]]
type = "custom"
custom = {{ name = "sql", format = {{ type = "text" }} }}
"#,
            if stream { "streamed" } else { "whole" }
        )
    };
    let cases = if dialect == Dialect::OpenAi { streamed(false) + &streamed(true) } else { streamed(false) };
    let head = format!(
        "[target]\nurl = \"{url}\"\ndialect = \"{dialect}\"\nmodel = \"gpt-4o\"\n\
         headers = {{ authorization = \"Bearer k\" }}\n[load.closed]\nconcurrency = 2\ncount = 12\n"
    );
    Digest::of(&carry_out(&Arc::new(plan(&(head + &cases)))))
}

fn verdict<'d>(digest: &'d Digest, id: &str) -> (&'d str, u64) {
    let found = &digest.checks[id];
    (if found.fail > 0 { "broken" } else { "held" }, found.pass)
}

#[test]
fn the_rules_on_calls_accept_calls_of_custom_tools() {
    for dialect in OPENAI {
        let endpoint = Endpoint::start(settings(dialect, 0, 0, Vec::new()));
        let digest = judged(&endpoint.url(), dialect);
        for id in ["tool-shape", "tool-args-string", "tool-name-declared", "tool-type-function", "tool-finish-reason"] {
            let (said, pass) = verdict(&digest, id);
            assert!(said == "held" && pass > 0, "{dialect} {id}: {said}, {pass} times");
        }
        let broken: Vec<&String> = digest.checks.iter().filter(|(_, c)| c.must > 0).map(|(id, _)| id).collect();
        assert!(broken.is_empty(), "{dialect}: {broken:?}");
    }
}

#[test]
fn the_rules_on_calls_find_what_is_wrong_with_calls_of_custom_tools() {
    for (call, id) in [
        (json!({"id": "c1", "type": "custom", "custom": {"name": "sql"}}), "tool-shape"),
        (json!({"id": "c1", "type": "custom", "custom": {"name": "sql", "input": {"a": 1}}}), "tool-args-string"),
        (json!({"id": "c1", "type": "custom", "custom": {"name": "shell", "input": "x"}}), "tool-name-declared"),
        (json!({"id": "c1", "type": "function", "function": {"name": "sql", "arguments": "{}"}}), "tool-type-function"),
    ] {
        let server = Raw::start(move |stream, _| {
            let mut body = completion();
            let choice = &mut body["choices"][0];
            choice["finish_reason"] = json!("tool_calls");
            choice["message"] = json!({"role": "assistant", "content": null, "tool_calls": [call]});
            reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
        });
        // The published cases of the strict dialect are whole.
        assert_eq!(verdict(&judged(&server.url(), Dialect::OpenAiStrict), id).0, "broken", "{id}");
    }
}

#[test]
fn quirks_leave_calls_that_they_do_not_know_as_they_are_or_break_them_without_dying() {
    for quirk in quirk::all().filter(|quirk| quirk.name.starts_with("tool-")) {
        let endpoint = Endpoint::start(settings(Dialect::OpenAi, 0, 0, vec![quirk]));
        for stream in [false, true] {
            let tools = json!([tool("sql", &json!({"type": "text"}))]);
            let request = body("Run a query", json!({"tools": tools, "tool_choice": "required", "stream": stream}));
            assert_eq!(post(&endpoint, &request).status, 200, "{}", quirk.name);
        }
    }
}
