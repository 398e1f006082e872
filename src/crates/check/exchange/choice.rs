//! The choices of a reply and their tool calls, a stream's put together from its pieces.

use std::collections::BTreeMap;

use super::marks::carries_content;
use super::reading::{Payload, Stream};
use super::repeat::Part;
use crate::wire::content::{Audio, function_call, texts, thoughts};
use crate::wire::json::{At, Members, Value};
use crate::wire::reply::{choices, index};

/// One choice of a reply; a stream's deltas joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// Its index, 0 where none is given.
    pub index: u64,
    /// Visible text.
    pub content: String,
    /// Reasoning text.
    pub reasoning: String,
    /// Text of a refusal.
    pub refusal: String,
    /// Tool calls, in order.
    pub calls: Vec<Call>,
    /// The deprecated `function_call`.
    pub function_call: Option<Call>,
    /// A spoken answer.
    pub audio: Option<Spoken>,
    /// The last `finish_reason` given.
    pub finish: Option<String>,
}

/// A spoken answer; a stream's pieces joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoken {
    /// What is said, in writing.
    pub transcript: String,
    /// Characters of the sound in base64.
    pub data: usize,
    /// Whether the last that came of it states until when the sound is kept.
    pub expires: bool,
}

/// One tool call; a stream's fragments joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// `id`, where it is a string.
    pub id: Option<String>,
    /// `type`, where it is a string.
    pub kind: Option<String>,
    /// `function.name` or `custom.name`, where it is a string.
    pub name: Option<String>,
    /// `function.arguments` or `custom.input`, where it is a string.
    pub arguments: Option<String>,
    /// What each fragment said, in order; empty for a whole reply.
    pub fragments: Vec<Fragment>,
}

/// What one streamed piece of a tool call said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fragment {
    /// Number of the event.
    pub event: usize,
    /// Position of its choice in the chunk, and its own among the tool calls of the delta.
    pub place: [usize; 2],
    /// `index`, where it is a non-negative integer.
    pub index: Option<u64>,
    /// `id`, where it is a non-empty string.
    pub id: Option<String>,
    /// `type`, where it is a string.
    pub kind: Option<String>,
    /// `function.name` or `custom.name`, where it is a non-empty string.
    pub name: Option<String>,
}

impl Call {
    /// Whether it calls a custom tool, which takes a text and not arguments.
    pub fn is_custom(&self) -> bool {
        self.kind.as_deref() == Some("custom")
    }
}

impl Choice {
    /// Whether the cap on tokens ended it; Pulze has two names for that.
    pub fn is_cut(&self) -> bool {
        matches!(self.finish.as_deref(), Some("length" | "max_tokens"))
    }

    /// Whether it has anything that a user sees or hears, or a program uses: reasoning is not.
    pub fn delivers(&self) -> bool {
        let spoken = self.audio.as_ref().is_some_and(|audio| !audio.transcript.is_empty() || audio.data > 0);
        let told = !self.content.is_empty() || !self.refusal.is_empty();
        told || spoken || !self.calls.is_empty() || self.function_call.is_some()
    }

    /// Whether it is a spoken answer that came to its end: OpenAI ends one with an update of `audio` that says when it
    /// expires, and gives no finish reason (openai/openai-node #1206). As in OpenAI's client (openai/openai-node
    /// PR#1991), there must be sound or a transcript before it, and nothing behind it.
    pub fn is_spoken(&self) -> bool {
        self.audio.as_ref().is_some_and(|audio| audio.expires && (!audio.transcript.is_empty() || audio.data > 0))
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// The tool calls of a message or delta, a single object read as a list of one (a fault that a check reports).
pub(super) fn calls_of(message: &Value) -> &[Value] {
    match message.member("tool_calls") {
        Some(calls @ Value::Object(_)) => std::slice::from_ref(calls),
        Some(calls) => calls.as_array().map_or(&[], Vec::as_slice),
        None => &[],
    }
}

/// A choice of a whole reply.
pub(super) fn whole_choice(choice: &Value) -> Choice {
    let null = Value::Null;
    let message = choice.member("message").unwrap_or(&null);
    Choice {
        index: index(choice),
        content: texts(message).collect(),
        reasoning: thoughts(message).collect(),
        refusal: text(message.member("refusal")).unwrap_or_default().to_owned(),
        calls: calls_of(message).iter().map(whole_call).collect(),
        function_call: function_call(message).map(|[name, arguments]| Call {
            name: name.map(str::to_owned),
            arguments: arguments.map(str::to_owned),
            ..Call::default()
        }),
        audio: Audio::of(message).map(|audio| Spoken {
            transcript: audio.transcript.to_owned(),
            data: audio.data.len(),
            expires: audio.expires,
        }),
        finish: text(choice.member("finish_reason")).map(str::to_owned),
    }
}

fn whole_call(call: &Value) -> Call {
    let [name, arguments] = called(call);
    Call {
        id: text(call.member("id")).map(str::to_owned),
        kind: text(call.member("type")).map(str::to_owned),
        name: text(name).map(str::to_owned),
        arguments: text(arguments).map(str::to_owned),
        fragments: Vec::new(),
    }
}

/// What a call or a piece of one calls, and with what: a function and its arguments, or a custom tool and its input.
pub(super) fn called(call: &Value) -> [Option<&Value>; 2] {
    let custom = call.member("custom").filter(|_| call.member("function").is_none());
    match custom {
        Some(custom) => [custom.member("name"), custom.member("input")],
        None => [call.at("/function/name"), call.at("/function/arguments")],
    }
}

/// The choices of a stream, by index.
pub(super) fn joined_choices(stream: &Stream) -> Vec<Choice> {
    let mut joined = Joined::default();
    for (number, event) in stream.events.iter().enumerate() {
        match &event.payload {
            Payload::Chunk(document) => join(&mut joined, &document.value, number),
            Payload::Repeat(repeat) => {
                let index = stream.chunk(repeat.of).and_then(|chunk| choices(chunk).first()).map_or(0, index);
                if let Some(Joining { choice, .. }) = joined.get_mut(index) {
                    let text = match repeat.part {
                        Part::Content => &mut choice.content,
                        Part::Reasoning => &mut choice.reasoning,
                    };
                    text.push_str(repeat.text());
                }
            }
            Payload::Done | Payload::Empty | Payload::Error(_) | Payload::ErrorText | Payload::Broken(_) => {}
        }
    }
    let mut choices: Vec<Choice> = joined.all.into_iter().map(|joining| joining.choice).collect();
    choices.sort_by_key(|choice| choice.index);
    choices
}

/// The choices on their way, in the order in which they came. They are large, so that a map holds their places only.
#[derive(Default)]
struct Joined {
    all: Vec<Joining>,
    places: BTreeMap<u64, usize>,
}

impl Joined {
    fn get_mut(&mut self, index: u64) -> Option<&mut Joining> {
        self.all.get_mut(*self.places.get(&index)?)
    }

    /// The choice of an index, a new one where there is none yet.
    fn entry(&mut self, index: u64) -> &mut Joining {
        let place = *self.places.entry(index).or_insert(self.all.len());
        if place == self.all.len() {
            self.all.push(Joining::default());
        }
        &mut self.all[place]
    }
}

/// A choice on its way. However many pieces it has, each finds its call at once.
#[derive(Default)]
struct Joining {
    choice: Choice,
    /// The newest call of each index.
    by_index: BTreeMap<u64, usize>,
    /// Which fragment of each call first had an id.
    named: Vec<Option<usize>>,
}

fn join(joined: &mut Joined, chunk: &Value, number: usize) {
    for (position, piece) in choices(chunk).iter().enumerate() {
        let index = index(piece);
        let joining = joined.entry(index);
        joining.choice.index = index;
        if let Some(reason) = text(piece.member("finish_reason")) {
            joining.choice.finish = Some(reason.to_owned());
        }
        if let Some(delta) = piece.member("delta") {
            joining.append(delta, number, position);
        }
    }
}

/// What comes behind the end of a spoken answer takes that end back.
fn append_audio(spoken: &mut Option<Spoken>, delta: &Value) {
    let Some(audio) = Audio::of(delta) else {
        if let Some(spoken) = spoken.as_mut().filter(|_| carries_content(delta)) {
            spoken.expires = false;
        }
        return;
    };
    let spoken = spoken.get_or_insert_default();
    spoken.transcript.push_str(audio.transcript);
    spoken.data += audio.data.len();
    spoken.expires = audio.expires && !carries_content(delta);
}

impl Joining {
    fn append(&mut self, delta: &Value, event: usize, choice_at: usize) {
        let choice = &mut self.choice;
        choice.content.extend(texts(delta));
        choice.reasoning.extend(thoughts(delta));
        choice.refusal.push_str(text(delta.member("refusal")).unwrap_or_default());
        if let Some([name, arguments]) = function_call(delta) {
            let call = choice.function_call.get_or_insert_default();
            call.name = call.name.take().or_else(|| name.map(str::to_owned));
            call.arguments.get_or_insert_default().push_str(arguments.unwrap_or_default());
        }
        append_audio(&mut choice.audio, delta);
        for (number, piece) in calls_of(delta).iter().enumerate() {
            self.append_call(piece, event, [choice_at, number]);
        }
    }

    fn append_call(&mut self, piece: &Value, event: usize, place: [usize; 2]) {
        let filled = |value: Option<&Value>| text(value).filter(|t| !t.is_empty()).map(str::to_owned);
        let [name, arguments] = called(piece);
        let fragment = Fragment {
            event,
            place,
            index: piece.member("index").and_then(Value::as_u64),
            id: filled(piece.member("id")),
            kind: filled(piece.member("type")),
            name: filled(name),
        };
        let position = self.position(&fragment);
        if position == self.choice.calls.len() {
            self.choice.calls.push(Call::default());
            self.named.push(None);
            fragment.index.and_then(|index| self.by_index.insert(index, position));
        }
        let call = &mut self.choice.calls[position];
        call.id = call.id.take().or_else(|| text(piece.member("id")).map(str::to_owned));
        call.kind = call.kind.take().or_else(|| fragment.kind.clone());
        call.name = call.name.take().or_else(|| fragment.name.clone());
        if let Some(arguments) = text(arguments) {
            call.arguments.get_or_insert_default().push_str(arguments);
        }
        if fragment.id.is_some() {
            self.named[position].get_or_insert(call.fragments.len());
        }
        call.fragments.push(fragment);
    }

    /// Which call a fragment belongs to: that of its index, unless it opens another under the same index with a new id
    /// (Ollama, ollama/ollama#15457); without an index, the last one, unless it brings a new id.
    fn position(&self, fragment: &Fragment) -> usize {
        let calls = &self.choice.calls;
        let candidate = match fragment.index {
            Some(index) => self.by_index.get(&index).copied(),
            None => calls.len().checked_sub(1),
        };
        let opens_another = |position: usize| {
            let known = self.named[position].and_then(|named| calls[position].fragments[named].id.as_ref());
            fragment.id.is_some() && fragment.name.is_some() && known.is_some() && known != fragment.id.as_ref()
        };
        candidate.filter(|position| !opens_another(*position)).unwrap_or(calls.len())
    }
}
