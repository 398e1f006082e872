//! Prompt files: plain text, JSON lines of prompts or of OpenAI's batches, and `ShareGPT`'s conversations.

use serde::Deserialize;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use super::resolve::Resolver;
use crate::wire::request::PATH;

/// What a prompt file has, one after another.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Prompt {
    /// Messages.
    Messages(Vec<Value>),
    /// Fields of a body, of a line of a batch.
    Body(Map<String, Value>),
}

/// Faults of one file that are shown; what is wrong with a thousand lines is most likely one thing.
const SHOWN: usize = 20;

const LINE: &str =
    "a line is a JSON string, {\"prompt\": \"...\"}, {\"messages\": [...]}, or a line of a batch with a \"body\"";

impl Resolver<'_> {
    /// Hands on every prompt of a file with its line, where it has lines. A prompt that is not taken is a fault. Of a
    /// conversation of `ShareGPT`'s, that is its first human turn, or the whole of it.
    pub(super) fn prompts(
        &mut self,
        pointer: &str,
        file: &str,
        whole: bool,
        notes: &mut Vec<String>,
        mut take: impl FnMut(Prompt) -> Result<(), String>,
    ) {
        let Some(bytes) = self.file(pointer, file) else { return };
        let Ok(text) = String::from_utf8(bytes) else {
            self.fault(pointer, format!("{file:?} is not UTF-8"), "", None);
            return;
        };
        let extension = std::path::Path::new(file).extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("jsonl") => self.lines(pointer, file, &text, take),
            Some("json") => self.conversations(pointer, file, &text, whole, notes, take),
            _ if text.trim().is_empty() => self.fault(pointer, format!("{file:?} is empty"), "", None),
            _ => {
                if let Err(message) = take(Prompt::Messages(vec![user(text.trim_end())])) {
                    self.fault(pointer, format!("{file}: {message}"), "", None);
                }
            }
        }
    }

    /// Adds a fault for each of these lines of a data file, up to a bound.
    pub(super) fn line_faults(&mut self, pointer: &str, file: &str, faults: Vec<(u64, String)>) {
        let more = faults.len().saturating_sub(SHOWN);
        for (line, message) in faults.into_iter().take(SHOWN) {
            self.fault(pointer, format!("{file}:{line}: {message}"), "", None);
        }
        if more > 0 {
            self.fault(pointer, format!("{more} more lines of {file} are faulty"), "", None);
        }
    }

    fn lines(&mut self, pointer: &str, file: &str, text: &str, mut take: impl FnMut(Prompt) -> Result<(), String>) {
        let mut faults = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            if let Err(message) = prompt_of(line).and_then(&mut take) {
                faults.push((number, message));
            }
        }
        self.line_faults(pointer, file, faults);
    }

    fn conversations(
        &mut self,
        pointer: &str,
        file: &str,
        text: &str,
        whole: bool,
        notes: &mut Vec<String>,
        take: impl FnMut(Prompt) -> Result<(), String>,
    ) {
        let mut reader = Conversations { take, whole, number: 0, without: 0, faults: Vec::new() };
        let read = serde_json::Deserializer::from_str(text).deserialize_seq(&mut reader);
        let Conversations { number, without, faults, .. } = reader;
        if let Err(error) = read {
            let help = "a .json file is a list of {\"conversations\": [{\"from\": \"human\", \"value\": \"...\"}]}";
            self.fault(pointer, format!("{file}: {error}"), "", help.to_owned());
        }
        for (number, message) in faults {
            self.fault(pointer, format!("{file}, conversation {number}: {message}"), "", None);
        }
        if without > 0 {
            notes.push(format!("{file}: {without} of {number} conversations have no human turn, and are left out"));
        }
    }
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// The prompt on a line.
fn prompt_of(line: &str) -> Result<Prompt, String> {
    let mut value: Value = serde_json::from_str(line).map_err(|_| format!("no JSON; {LINE}"))?;
    if let Some(text) = value.as_str().or_else(|| value.get("prompt")?.as_str()) {
        return Ok(Prompt::Messages(vec![user(text)]));
    }
    if let Some(address) = value.get("url").and_then(Value::as_str).filter(|address| !address.ends_with(PATH)) {
        return Err(format!("a request to {address}, not to {PATH}"));
    }
    match (value.get_mut("body").map(Value::take), value.get_mut("messages").map(Value::take)) {
        (Some(Value::Object(body)), _) => Ok(Prompt::Body(body)),
        (None, Some(Value::Array(messages))) if !messages.is_empty() => Ok(Prompt::Messages(messages)),
        _ => Err(format!("no prompt; {LINE}")),
    }
}

/// A conversation of `ShareGPT`'s; some copies call the turns messages, with role and content.
#[derive(Debug, Deserialize)]
struct Conversation {
    #[serde(alias = "messages", default)]
    conversations: Vec<Turn>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    #[serde(alias = "role")]
    from: String,
    #[serde(alias = "content")]
    value: String,
}

impl Turn {
    fn is_human(&self) -> bool {
        matches!(self.from.as_str(), "human" | "user")
    }

    fn message(&self) -> Value {
        let role = match self.from.as_str() {
            "human" | "user" => "user",
            "system" => "system",
            _ => "assistant",
        };
        json!({"role": role, "content": self.value})
    }
}

/// Reads one conversation at a time, since such files are large.
struct Conversations<T> {
    take: T,
    /// Whether all turns are taken, and not the first of the human's alone.
    whole: bool,
    number: u64,
    without: u64,
    faults: Vec<(u64, String)>,
}

impl<'de, T: FnMut(Prompt) -> Result<(), String>> Visitor<'de> for &mut Conversations<T> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(conversation) = list.next_element::<Conversation>()? {
            self.number += 1;
            let turns = conversation.conversations.iter();
            let first = turns.clone().find(|turn| turn.is_human()).filter(|turn| !turn.value.trim().is_empty());
            let Some(turn) = first else {
                self.without += 1;
                continue;
            };
            let messages = if self.whole { turns.map(Turn::message).collect() } else { vec![user(&turn.value)] };
            if let Err(message) = (self.take)(Prompt::Messages(messages))
                && self.faults.len() < SHOWN
            {
                self.faults.push((self.number, message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_prompt_in_one_of_four_forms() {
        let messages = |text| Ok(Prompt::Messages(vec![user(text)]));
        assert_eq!(prompt_of("\"hi\""), messages("hi"));
        assert_eq!(prompt_of("{\"prompt\": \"hi\"}"), messages("hi"));
        assert_eq!(prompt_of("{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}"), messages("hi"));
        let batch = r#"{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"max_tokens": 5}}"#;
        assert!(matches!(prompt_of(batch), Ok(Prompt::Body(body)) if body["max_tokens"] == 5));
        for (line, part) in [
            ("nonsense", "no JSON"),
            ("{}", "no prompt"),
            ("{\"messages\": []}", "no prompt"),
            ("{\"body\": 1}", "no prompt"),
            (r#"{"url": "/v1/embeddings", "body": {}}"#, "a request to /v1/embeddings"),
        ] {
            let error = prompt_of(line).expect_err(line);
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn conversations_are_read_one_by_one() {
        let text = r#"[{"id": "a", "conversations": [{"from": "gpt", "value": "x"}, {"from": "human", "value": "hi"}]},
            {"conversations": []}, {"messages": [{"role": "user", "content": "you"}]}]"#;
        let mut taken = Vec::new();
        let take = |prompt| {
            taken.push(prompt);
            Ok(())
        };
        let mut reader = Conversations { take, whole: false, number: 0, without: 0, faults: Vec::new() };
        serde_json::Deserializer::from_str(text).deserialize_seq(&mut reader).expect("a list");
        assert_eq!((reader.number, reader.without), (3, 1));
        assert_eq!(taken, [Prompt::Messages(vec![user("hi")]), Prompt::Messages(vec![user("you")])]);
    }
}
