//! Sessions of several turns: what was said before is said again, the endpoint's own answers included.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::harness::{Endpoint, Raw, assert_digest, completion, program, reply, settings, shared};

/// What a request said: role and text of each message.
type Said = Vec<(String, String)>;
type Log = Arc<Mutex<Vec<(Instant, Said)>>>;

/// What the body of a request said.
fn said(body: &[u8]) -> Said {
    let asked: Value = serde_json::from_slice(body).expect("JSON");
    let text = |message: &Value, name: &str| message[name].as_str().unwrap_or_default().to_owned();
    asked["messages"].as_array().into_iter().flatten().map(|m| (text(m, "role"), text(m, "content"))).collect()
}

/// A server whose answers are like no other's, and which refuses requests of so many messages.
fn server(refused: usize) -> (Raw, Log) {
    let log = Log::default();
    let noted = Arc::clone(&log);
    let server = Raw::start(move |stream, request| {
        let said = said(&request.body);
        let last = said.last().expect("a message").1.clone();
        noted.lock().expect("not poisoned").push((Instant::now(), said.clone()));
        if said.len() == refused {
            return reply(
                stream,
                "500 Internal Server Error",
                "application/json",
                b"{\"error\": {\"message\": \"no\"}}",
            );
        }
        let mut body = completion();
        body["choices"][0]["message"]["content"] = json!(answer(&last, said.len()));
        reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
    });
    (server, log)
}

fn answer(last: &str, messages: usize) -> String {
    format!("\"{last}\" is message {messages}")
}

const TURNS: &str = "turns = [\"{{unique}} Who are you?\", \"And then?\", \"Thanks.\"]\n";

/// Runs a profile with such a case, and gives its digest.
fn run(url: &str, load: &str, case: &str, files: &[(&str, &str)], more: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let file = folder.path().join("p.toml");
    let text = format!(
        "seed = 1\nsalt = 1\n[target]\nurl = \"{url}\"\ndialect = \"openai\"\nmodel = \"m\"\n\
         headers = {{ authorization = \"Bearer x\" }}\n{load}\n[[case]]\n{case}"
    );
    std::fs::write(&file, text).expect("written");
    // Not `run_json`, which runs again where the machine was busy: the log is to hold one run's requests.
    let _machine = shared();
    let always = ["--no-preflight", "--format", "json", "--no-out"];
    let output = program().arg("run").arg(&file).args(more).args(always).output().expect("runs");
    let digest = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_digest(&digest);
    digest
}

fn taken(log: &Log) -> Vec<(Instant, Said)> {
    std::mem::take(&mut *log.lock().expect("not poisoned"))
}

#[test]
fn histories_grow_by_the_endpoints_own_answers() {
    let (server, log) = server(0);
    let case = format!("messages = [{{ role = \"system\", content = \"Be brief.\" }}]\n{TURNS}");
    let digest = run(&server.url(), "[load.closed]\nconcurrency = 2\ncount = 6", &case, &[], &[]);
    let mut by_session: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    for (_, said) in taken(&log) {
        by_session.entry(said[1].1.clone()).or_default().push(said);
    }
    assert_eq!(by_session.len(), 6, "{by_session:?}");
    for requests in by_session.values() {
        let lengths: Vec<usize> = requests.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 4, 6]);
        let last = &requests[2];
        assert!(requests.iter().all(|said| *said == last[..said.len()]), "each begins as the last does");
        let roles: Vec<&str> = last.iter().map(|(role, _)| role.as_str()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user", "assistant", "user"]);
        assert_eq!((&last[2].1, &last[4].1), (&answer(&last[1].1, 2), &answer("And then?", 4)));
    }
    let sessions = &digest["sessions"];
    let counts = ["begun", "complete", "failed", "called", "cut"].map(|name| sessions[name].as_u64());
    assert_eq!(counts, [Some(6), Some(6), Some(0), Some(0), Some(0)], "{sessions}");
    assert_eq!(sessions["complete_fraction"], 1.0);
    assert_eq!((&sessions["turns"]["1"]["requests"], &sessions["turns"]["3"]["ok"]), (&json!(6), &json!(6)));
    assert_eq!(digest["requests"]["planned"], 18);
    assert!(!digest["trust"]["reasons"].to_string().contains("cache"), "{}", digest["trust"]);
}

#[test]
fn a_turn_that_fails_ends_its_session() {
    let (server, log) = server(3);
    let digest = run(&server.url(), "[load.closed]\nconcurrency = 2\ncount = 5", TURNS, &[], &["--set", "goals=[]"]);
    let lengths: Vec<usize> = taken(&log).iter().map(|(_, said)| said.len()).collect();
    assert!(lengths.len() == 10 && !lengths.contains(&5), "{lengths:?}");
    let counts = ["begun", "complete", "failed", "called", "cut"].map(|name| digest["sessions"][name].as_u64());
    assert_eq!(counts, [Some(5), Some(0), Some(5), Some(0), Some(0)]);
    assert_eq!(digest["sessions"]["complete_fraction"], 0.0);
    assert_eq!((&digest["outcomes"]["ok"], &digest["outcomes"]["server_error"]), (&json!(5), &json!(5)));
}

/// Answers every request, but calls a tool where it is asked for the second time in a conversation.
fn calling() -> Raw {
    Raw::start(|stream, request| {
        let asked: Value = serde_json::from_slice(&request.body).expect("JSON");
        let mut body = completion();
        if asked["messages"].as_array().is_some_and(|said| said.len() == 3) {
            let call = json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
            body["choices"][0]["message"] = json!({"role": "assistant", "content": null, "tool_calls": [call]});
            body["choices"][0]["finish_reason"] = json!("tool_calls");
        }
        reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
    })
}

#[test]
fn sessions_that_do_not_complete_do_not_pass_in_silence() {
    let server = calling();
    let load = "[load.closed]\nconcurrency = 2\ncount = 5";
    let digest = run(&server.url(), load, TURNS, &[], &["--goal", "violation_rate < 100%"]);
    let counts = ["begun", "complete", "failed", "called", "cut"].map(|name| digest["sessions"][name].as_u64());
    assert_eq!(counts, [Some(5), Some(0), Some(0), Some(5), Some(0)]);
    assert_eq!(digest["verdict"], "pass", "{}", digest["reasons"]);
    let said = "0.0 % of 5 sessions were complete: 0 ended by a turn that failed, 5 by an answer that calls \
                tools, 0 by one that says nothing; a goal on sessions_complete says how many must be";
    assert_eq!(digest["reasons"], json!([said]));
    let strict = run(
        &server.url(),
        load,
        TURNS,
        &[],
        &["--goal", "violation_rate < 100%", "--goal", "sessions_complete >= 99%"],
    );
    assert_eq!(
        (&strict["verdict"], &strict["reasons"]),
        (&json!("fail"), &json!(["goal broken: sessions_complete >= 99%"]))
    );
    let own = ["--goal", "violation_rate < 100%", "--goal", "sessions_complete < 50%"];
    let lax = run(&server.url(), load, TURNS, &[], &own);
    assert_eq!((&lax["verdict"], &lax["reasons"]), (&json!("pass"), &json!([])));
}

#[test]
fn an_arrival_begins_a_session_and_its_user_thinks_between_turns() {
    let (server, log) = server(0);
    let case = format!("{TURNS}think_time = \"constant:60ms\"\n");
    let digest = run(&server.url(), "[load.open]\nrate = 40\ncount = 8", &case, &[], &[]);
    assert_eq!((&digest["sessions"]["complete"], &digest["requests"]["planned"]), (&json!(8), &json!(24)));
    let mut by_session: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    for (at, said) in taken(&log) {
        by_session.entry(said[0].1.clone()).or_default().push(at);
    }
    for times in by_session.values() {
        assert_eq!(times.len(), 3);
        // The server notes a request before it answers, so that more than the time of thinking lies between two.
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(60)), "{times:?}");
    }
    assert!(
        digest["load"].as_str().is_some_and(|load| load.contains("session of up to 3 turns")),
        "{}",
        digest["load"]
    );
}

#[test]
fn the_end_of_the_load_cuts_sessions() {
    let (server, log) = server(0);
    let case = format!("{TURNS}think_time = \"constant:1h\"\n");
    let digest = run(&server.url(), "[load.open]\nrate = 20\nduration = \"300ms\"", &case, &[], &[]);
    assert_eq!(
        (taken(&log).len(), &digest["sessions"]["begun"], &digest["sessions"]["cut"]),
        (6, &json!(6), &json!(6))
    );
}

#[test]
fn conversations_of_files_are_sent_turn_by_turn() {
    let (server, log) = server(0);
    let share = json!([{"conversations": [{"from": "human", "value": "one"}, {"from": "gpt", "value": "no"}, {"from": "human", "value": "two"}, {"from": "gpt", "value": "no"}, {"from": "human", "value": "three"}]}]);
    let lines = json!({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "four"},
        {"role": "assistant", "content": "no"}, {"role": "user", "content": "five"}]});
    let case = "prompt_files = [\"a.json\", \"b.jsonl\"]\nsessions = true\nmax_turns = 2\n";
    let files = [("a.json", share.to_string()), ("b.jsonl", lines.to_string())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let digest = run(&server.url(), "[load.closed]\nconcurrency = 1\ncount = 12", case, &files, &[]);
    assert_eq!((&digest["sessions"]["complete"], &digest["requests"]["planned"]), (&json!(12), &json!(24)));
    let texts = |said: &Said| said.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>().join("|");
    let sent: BTreeSet<String> = taken(&log).iter().map(|(_, said)| texts(said)).collect();
    let (one, four) = (answer("one", 1), answer("four", 2));
    let wanted = ["one".to_owned(), format!("one|{one}|two"), "S|four".to_owned(), format!("S|four|{four}|five")];
    assert_eq!(sent, BTreeSet::from(wanted));
}

#[test]
fn the_same_seed_and_answers_make_the_same_requests_and_shards_share_the_sessions() {
    let (server, log) = server(0);
    let load = "[load.closed]\nconcurrency = 2\ncount = 6";
    let all = |more: &[&str]| -> BTreeSet<Said> {
        run(&server.url(), load, TURNS, &[], more);
        taken(&log).into_iter().map(|(_, said)| said).collect()
    };
    let whole = all(&[]);
    assert_eq!((whole.len(), &whole), (18, &all(&[])));
    let (first, second) = (all(&["--shard", "1/2"]), all(&["--shard", "2/2"]));
    assert_eq!((first.len(), second.len()), (9, 9), "sessions stay whole");
    assert_eq!(first.union(&second).cloned().collect::<BTreeSet<_>>(), whole);
}

#[test]
fn the_reference_endpoint_takes_sessions() {
    let endpoint = Endpoint::start(settings(Dialect::OpenAi, 2, 0, Vec::new()));
    let case = format!("{TURNS}stream = true\nmax_tokens = 12\nmodel = \"gpt-4o\"\n");
    let digest = run(&endpoint.url(), "[load.closed]\nconcurrency = 3\ncount = 9", &case, &[], &[]);
    assert_eq!(digest["sessions"]["complete"], 9, "{}", digest["reasons"]);
    assert_eq!(digest["sessions"]["turns"]["3"]["first_token_us"]["count"], 9);
}

/// A server whose answers have such a message, and which notes what was asked.
fn telling(message: fn(usize) -> Value) -> (Raw, Log) {
    let log = Log::default();
    let noted = Arc::clone(&log);
    let server = Raw::start(move |stream, request| {
        let said = said(&request.body);
        let count = said.len();
        noted.lock().expect("not poisoned").push((Instant::now(), said));
        let mut body = completion();
        body["choices"][0]["message"] = message(count);
        reply(stream, "200 OK", "application/json", body.to_string().as_bytes())
    });
    (server, log)
}

#[test]
fn an_answer_that_nobody_can_say_again_ends_its_session_and_blames_nobody() {
    let reasoning: fn(usize) -> Value =
        |_| json!({"role": "assistant", "content": null, "reasoning_content": "Let me think."});
    let hidden: fn(usize) -> Value = |_| json!({"role": "assistant", "content": ""});
    let blank: fn(usize) -> Value = |_| json!({"role": "assistant", "content": " \n"});
    let calls: fn(usize) -> Value = |_| {
        json!({"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function",
            "function": {"name": "f", "arguments": "{}"}}]})
    };
    let legacy: fn(usize) -> Value =
        |_| json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}});
    for (message, why) in
        [(reasoning, "silent"), (hidden, "silent"), (blank, "silent"), (calls, "called"), (legacy, "called")]
    {
        let (server, log) = telling(message);
        let digest =
            run(&server.url(), "[load.closed]\nconcurrency = 1\ncount = 3", TURNS, &[], &["--set", "goals=[]"]);
        let lengths: Vec<usize> = taken(&log).iter().map(|(_, said)| said.len()).collect();
        assert_eq!(lengths, [1, 1, 1], "{}", message(0));
        let counts = ["begun", "complete", "failed", "cut", why].map(|name| digest["sessions"][name].as_u64());
        assert_eq!(counts, [Some(3), Some(0), Some(0), Some(0), Some(3)], "{}", message(0));
        assert_eq!((&digest["outcomes"], &digest["error_rate"]), (&json!({"ok": 3}), &json!(0.0)), "{}", message(0));
    }
}

#[test]
fn a_refusal_or_a_transcript_is_said_again_and_a_silent_last_answer_completes() {
    let last_is_silent: fn(usize) -> Value = |messages| match messages {
        1 => json!({"role": "assistant", "content": null, "refusal": "I will not."}),
        3 => json!({"role": "assistant", "content": null,
            "audio": {"id": "a", "data": "AA==", "transcript": "The river.", "expires_at": 1}}),
        _ => json!({"role": "assistant", "content": "", "reasoning_content": "Hm."}),
    };
    let (server, log) = telling(last_is_silent);
    let digest = run(&server.url(), "[load.closed]\nconcurrency = 1\ncount = 1", TURNS, &[], &["--set", "goals=[]"]);
    let said = taken(&log);
    let answers: Vec<&str> =
        said[2].1.iter().filter(|(role, _)| role == "assistant").map(|(_, text)| &**text).collect();
    assert_eq!(answers, ["I will not.", "The river."]);
    let counts = ["begun", "complete", "silent"].map(|name| digest["sessions"][name].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(0)]);
}
