//! Prompt files: plain text, JSON lines of prompts or of OpenAI's batches, and `ShareGPT`'s conversations.

use std::io::BufRead;

use serde::Deserialize;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::files::{self, Kind, Unread};
use super::resolve::Resolver;
use crate::wire::api::message::{self, of_user};
use crate::wire::api::request::PATH;

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
/// Most prompts of a profile: each takes some 60 bytes of memory, however short it is.
const MOST: usize = 5_000_000;
/// Most of them that are requests of batches, which are kept as they are. A batch of `OpenAI`'s has at most 50,000.
const MOST_REQUESTS: usize = 200_000;

const LINE: &str =
    "a line is a JSON string, {\"prompt\": \"...\"}, {\"messages\": [...]}, or a line of a batch with a \"body\"";

/// How many prompts of a profile were taken from files, and how many bytes those have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    bytes: u64,
    prompts: usize,
    requests: usize,
}

impl Taken {
    /// Counts a prompt.
    fn count(&mut self, prompt: &Prompt) -> Result<(), Stop> {
        self.prompts += 1;
        self.requests += usize::from(matches!(prompt, Prompt::Body(_)));
        match self {
            Taken { prompts, .. } if *prompts > MOST => Err(Stop::Full(MOST, "prompts")),
            Taken { requests, .. } if *requests > MOST_REQUESTS => {
                Err(Stop::Full(MOST_REQUESTS, "requests of batches"))
            }
            Taken { .. } => Ok(()),
        }
    }
}

/// Why a file of prompts is read no further.
enum Stop {
    Unread(Unread),
    /// The profile has as many as it may have.
    Full(usize, &'static str),
}

impl From<Unread> for Stop {
    fn from(error: Unread) -> Stop {
        Stop::Unread(error)
    }
}

impl Resolver<'_> {
    /// Hands on every prompt of a file with its line, where it has lines. A prompt that is not taken is a fault. Of a
    /// conversation of `ShareGPT`'s, that is its first human turn, or the whole of it.
    pub(super) fn prompts(
        &mut self,
        pointer: &str,
        file: &str,
        whole: bool,
        notes: &mut Vec<String>,
        take: impl FnMut(Prompt) -> Result<(), String>,
    ) {
        let extension = std::path::Path::new(file).extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("jsonl") => self.lines(pointer, file, take),
            Some("json") => self.conversations(pointer, file, whole, notes, take),
            _ => self.one_prompt(pointer, file, take),
        }
    }

    /// A file that is one prompt.
    fn one_prompt(&mut self, pointer: &str, file: &str, mut take: impl FnMut(Prompt) -> Result<(), String>) {
        let read = files::read_text(&self.folder.join(file), Kind::PROMPT);
        let Some(text) = self.unless_unread(pointer, file, read) else { return };
        if !self.spend(pointer, file, text.len() as u64) {
            return;
        }
        if text.trim().is_empty() {
            self.fault(pointer, format!("{file:?} is empty"), "", None);
        } else if let Err(message) = take(Prompt::Messages(vec![of_user(text.trim_end())])) {
            self.fault(pointer, format!("{file}: {message}"), "", None);
        }
    }

    /// Opens a file that is read piece by piece, if it does not make the prompt files larger than they may be together.
    fn opened(&mut self, pointer: &str, file: &str) -> Option<impl BufRead + use<>> {
        let opened = files::open(&self.folder.join(file), Kind::PROMPTS).and_then(|(reader, size)| {
            self.taken.bytes += size;
            let within = self.taken.bytes <= Kind::PROMPTS.most();
            if within { Ok((reader, size)) } else { Err(Unread::TooLarge { size: Some(size), kind: Kind::PROMPTS }) }
        });
        let (reader, size) = self.unless_unread(pointer, file, opened)?;
        self.spend(pointer, file, size).then_some(reader)
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

    fn lines(&mut self, pointer: &str, file: &str, mut take: impl FnMut(Prompt) -> Result<(), String>) {
        let Some(reader) = self.opened(pointer, file) else { return };
        let (mut faults, mut taken) = (Faults::default(), self.taken);
        let read = files::each_line(reader, |number, line| {
            if line.trim_ascii().is_empty() {
                return Ok(());
            }
            match prompt_of(line) {
                Ok(prompt) => {
                    taken.count(&prompt)?;
                    faults.keep(number, take(prompt));
                }
                Err(message) => faults.keep(number, Err(message)),
            }
            Ok(())
        });
        self.taken = taken;
        self.say(pointer, file, faults);
        self.stopped(pointer, file, read);
    }

    /// Says which lines of a file were not taken.
    fn say(&mut self, pointer: &str, file: &str, Faults { kept, more }: Faults) {
        self.line_faults(pointer, file, kept);
        if more > 0 {
            self.fault(pointer, format!("{more} more lines of {file} are faulty"), "", None);
        }
    }

    /// Says why a file was not read to its end, if it was not.
    fn stopped(&mut self, pointer: &str, file: &str, read: Result<(), Stop>) {
        match read {
            Ok(()) => {}
            Err(Stop::Unread(error)) => _ = self.unless_unread::<()>(pointer, file, Err(error)),
            Err(Stop::Full(most, what)) => {
                let help = "cut them down: a sample is drawn anyway".to_owned();
                self.fault(pointer, format!("the prompt files hold more than {most} {what}"), "", help);
            }
        }
    }

    fn conversations(
        &mut self,
        pointer: &str,
        file: &str,
        whole: bool,
        notes: &mut Vec<String>,
        take: impl FnMut(Prompt) -> Result<(), String>,
    ) {
        let Some(opened) = self.opened(pointer, file) else { return };
        let mut reader =
            Conversations { take, whole, number: 0, without: 0, faults: Vec::new(), taken: self.taken, full: None };
        let mut document = serde_json::Deserializer::from_reader(opened);
        let read = document.deserialize_seq(&mut reader).and_then(|()| document.end());
        let Conversations { number, without, faults, taken, full, .. } = reader;
        self.taken = taken;
        if let Some(stop) = full {
            self.stopped(pointer, file, Err(stop));
        } else if let Err(error) = read {
            let (message, half) = fault_of(&error);
            let list = "a .json file is a list of {\"conversations\": [{\"from\": \"human\", \"value\": \"...\"}]}";
            let place = format!("{file}:{}:{}", error.line(), error.column());
            self.fault(pointer, format!("{place}: {message}"), "", if half { HALF } else { list }.to_owned());
        }
        for (number, message) in faults {
            self.fault(pointer, format!("{file}, conversation {number}: {message}"), "", None);
        }
        if without > 0 {
            notes.push(format!("{file}: {without} of {number} conversations have no human turn, and are left out"));
        }
    }
}

/// Lines that were not taken, as many as are told, and how many more there are.
#[derive(Default)]
struct Faults {
    kept: Vec<(u64, String)>,
    more: u64,
}

impl Faults {
    fn keep(&mut self, line: usize, taken: Result<(), String>) {
        match taken {
            Err(message) if self.kept.len() < SHOWN => self.kept.push((line as u64, message)),
            Err(_) => self.more += 1,
            Ok(()) => {}
        }
    }
}

/// What to do about half a character.
const HALF: &str = "a text was cut between the two halves of an emoji or the like: take the \\uD... at its end out";

/// What is wrong with a JSON text, without the place, and whether it is half a character: a surrogate without its pair
/// (RFC 8259, section 8.2).
fn fault_of(error: &serde_json::Error) -> (String, bool) {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    if message.contains("surrogate") || message.contains("end of hex escape") {
        return ("half a character, a \\uD... escape without the other half".to_owned(), true);
    }
    (message.to_owned(), false)
}

/// The prompt on a line.
fn prompt_of(line: &[u8]) -> Result<Prompt, String> {
    let mut value: Value = serde_json::from_slice(line).map_err(|error| {
        let (message, half) = fault_of(&error);
        let column = error.column();
        if half {
            format!("{message}, at column {column}; {HALF}")
        } else {
            format!("no JSON: {message} at column {column}; {LINE}")
        }
    })?;
    if let Some(text) = value.as_str().or_else(|| value.get("prompt")?.as_str()) {
        return Ok(Prompt::Messages(vec![of_user(text)]));
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
        message::of(role, &self.value)
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
    taken: Taken,
    /// Why it was read no further.
    full: Option<Stop>,
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
            if turns.clone().any(|turn| turn.value.len() as u64 > Kind::PROMPT.most()) {
                self.full = Some(Stop::Unread(Unread::TooLarge { size: None, kind: Kind::PROMPT }));
                return Err(serde::de::Error::custom("a prompt is too long"));
            }
            let messages =
                if self.whole { turns.map(Turn::message).collect() } else { vec![of_user(turn.value.as_str())] };
            let prompt = Prompt::Messages(messages);
            if let Err(stop) = self.taken.count(&prompt) {
                self.full = Some(stop);
                return Err(serde::de::Error::custom("too many prompts"));
            }
            if let Err(message) = (self.take)(prompt)
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
        let messages = |text| Ok(Prompt::Messages(vec![of_user(text)]));
        assert_eq!(prompt_of(b"\"hi\""), messages("hi"));
        assert_eq!(prompt_of(b"{\"prompt\": \"hi\"}"), messages("hi"));
        assert_eq!(prompt_of(b"{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}"), messages("hi"));
        let batch = r#"{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"max_tokens": 5}}"#;
        assert!(matches!(prompt_of(batch.as_bytes()), Ok(Prompt::Body(body)) if body["max_tokens"] == 5));
        for (line, part) in [
            ("nonsense", "no JSON: expected ident at column 2"),
            (r#"{"prompt": "half \ud83d pair"}"#, "half a character"),
            (r#"{"prompt": "half \ud83d"}"#, "half a character"),
            (r#""half \ude00 pair""#, "half a character"),
            ("{}", "no prompt"),
            ("{\"messages\": []}", "no prompt"),
            ("{\"body\": 1}", "no prompt"),
            (r#"{"url": "/v1/embeddings", "body": {}}"#, "a request to /v1/embeddings"),
        ] {
            let error = prompt_of(line.as_bytes()).expect_err(line);
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
        let mut reader = Conversations {
            take,
            whole: false,
            number: 0,
            without: 0,
            faults: Vec::new(),
            taken: Taken::default(),
            full: None,
        };
        serde_json::Deserializer::from_str(text).deserialize_seq(&mut reader).expect("a list");
        assert_eq!((reader.number, reader.without), (3, 1));
        assert_eq!(taken, [Prompt::Messages(vec![of_user("hi")]), Prompt::Messages(vec![of_user("you")])]);
    }
}
