//! Names that try to drive a terminal or the log of a CI job, and whatever can bring them in: a profile, a server, and files that
//! somebody else wrote.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Raw, completion, reply};

/// Line ends, a command of GitHub's log in two forms, colours, marks that turn text around, and what is not seen at all.
pub(super) const HOSTILE: &str =
    "a\n::error::gone\r\n\u{1b}[31m\u{9b}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}\u{61c}##[error]b";

/// A server that answers with such names everywhere; below `/refused` nobody is let in, below `/several` it lists two models.
pub(super) fn server() -> Raw {
    Raw::start(|stream, request| {
        let (line, body) = (request.head.lines().next().unwrap_or_default(), String::from_utf8_lossy(&request.body));
        if line.contains("/refused") {
            let body = json!({"error": {"message": HOSTILE, "type": HOSTILE, "code": HOSTILE}});
            return reply(stream, "401 Unauthorized", "application/json", body.to_string().as_bytes());
        }
        if line.contains("/models") {
            let second = line.contains("/several").then(|| format!("{HOSTILE}2"));
            let models =
                [Some(HOSTILE.to_owned()), second].into_iter().flatten().map(|id| json!({"id": id, "object": "model"}));
            let body = json!({"object": "list", "data": models.collect::<Vec<_>>()});
            return reply(stream, "200 OK", "application/json", body.to_string().as_bytes());
        }
        let mut whole = completion();
        whole["model"] = json!(HOSTILE);
        whole[HOSTILE] = json!(HOSTILE);
        if !body.contains("\"stream\":true") {
            return reply(stream, "200 OK", "application/json", whole.to_string().as_bytes());
        }
        whole["object"] = json!(HOSTILE);
        whole["choices"] = json!([{"index": 0, "delta": {"content": HOSTILE}, "finish_reason": HOSTILE}]);
        let events = format!("event: \u{202e}::error::gone\ndata: {whole}\n\ndata: [DONE]\n\n");
        reply(stream, "200 OK", "text/event-stream", events.as_bytes())
    })
}

/// A profile in which everything is called so.
pub(super) fn profile(url: &str) -> String {
    let (name, other) = names();
    with(
        url,
        &format!("[loads.{name}]\ncases = [{name}, {other}]\n[loads.{name}.closed]\nconcurrency = 2\ncount = 4\n"),
    )
}

/// The same with a load that can be searched.
pub(super) fn searched(url: &str) -> String {
    with(url, "[load.open]\nrate = 2\nduration = \"1s\"\n")
}

fn with(url: &str, load: &str) -> String {
    let (name, other) = names();
    format!(
        "name = {name}\nlabels = {{ {name} = {name} }}\ngoals = [\"error_rate < 99%\"]\n\
         [target]\nurl = \"{url}\"\ndialect = \"openai\"\nmodel = {name}\nname = {name}\n{load}\
         [[case]]\nname = {name}\nmessages = [{{ role = \"user\", content = {name} }}]\n\
         [[case]]\nname = {other}\nstream = true\nmessages = [{{ role = \"user\", content = {name} }}]\n"
    )
}

/// Two names as strings of TOML.
fn names() -> (String, String) {
    (toml_string(HOSTILE), toml_string(&format!("{HOSTILE}2")))
}

/// A string of TOML, which escapes as JSON does.
fn toml_string(text: &str) -> String {
    let escaped =
        |c: char| if c.is_ascii_graphic() || c == ' ' { c.to_string() } else { format!("\\U{:08X}", u32::from(c)) };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

/// What a file of ours names by a word of ours: another is refused, or leads elsewhere.
const WORDS: [&str; 20] = [
    "proofload",
    "dialect",
    "hdr",
    "verdict",
    "trust",
    "level",
    "levels",
    "tier",
    "status",
    "area",
    "since",
    "kind",
    "goals",
    "default_goals",
    "goal",
    "loads",
    "shard",
    "rule",
    "bounds",
    "plan",
];

/// A document in which every other text is called so.
pub(super) fn document(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{HOSTILE}{text}")),
        Value::Array(items) => items.iter().map(document).collect(),
        Value::Object(members) => {
            let changed = |(name, value): (&String, &Value)| {
                let ours = WORDS.contains(&name.as_str());
                (name.clone(), if ours { value.clone() } else { document(value) })
            };
            Value::Object(members.iter().map(changed).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Writes the hostile form of a file that was kept.
pub(super) fn spoil(from: &Path, to: &Path) {
    let kept: Value = serde_json::from_slice(&fs::read(from).expect("a file that is kept")).expect("JSON");
    fs::create_dir_all(to.parent().expect("a folder")).expect("made");
    fs::write(to, document(&kept).to_string()).expect("written");
}
