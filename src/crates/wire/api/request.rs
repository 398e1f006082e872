//! The request as both sides read it: the few members that change what a correct reply is.

use serde_json::{Map, Value, json};

use super::message;
use super::tool::{Tool, ToolChoice};

/// No reply has more choices, however many are asked for: what is judged of each takes room for each.
pub const MOST_CHOICES: u64 = 1 << 16;

/// Path of the endpoint below the base address.
pub const PATH: &str = "/chat/completions";

/// Pulze's request headers, each a stringified JSON object, by the name a profile gives them
/// (`schemas/README.md#headers`).
pub const PULZE_HEADERS: [(&str, &str); 4] = [
    ("labels", "pulze-labels"),
    ("weights", "pulze-weights"),
    ("policies", "pulze-policies"),
    ("feature_flags", "pulze-feature-flags"),
];

/// Members in the order in which bodies are usually written; all others come behind them.
pub const FIRST: [&str; 2] = ["model", "messages"];

/// The names of the limit on tokens of an answer, the one that counts first.
pub const CAPS: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// A lenient view of a request body: what is absent, null or of the wrong type reads as its default.
#[derive(Debug, Clone, Default)]
pub struct ChatRequest<'v> {
    /// The model asked for.
    pub model: Option<&'v str>,
    /// Whether the reply is to be a stream.
    pub stream: bool,
    /// Whether a stream is to end in a usage chunk (`stream_options.include_usage`).
    pub include_usage: bool,
    /// How many choices (`n`), at least 1.
    pub n: u64,
    /// The most tokens to generate: `max_completion_tokens`, else `max_tokens`.
    pub cap: Option<u64>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Whether log probabilities are asked for: by OpenAI's flag, or by Pulze's number.
    pub logprobs: bool,
    /// The tools on offer.
    pub tools: Vec<Tool<'v>>,
    /// Which of them to call.
    pub tool_choice: ToolChoice<'v>,
    /// What the model is given: the messages as they are written.
    pub input: Option<&'v Value>,
    /// Every text of every message, in order.
    pub texts: Vec<&'v str>,
    /// Role of the last message.
    pub last_role: Option<&'v str>,
}

impl<'v> ChatRequest<'v> {
    /// Reads a body.
    pub fn of(body: &'v Value) -> Self {
        let input = member(body, "messages");
        let messages = items(input);
        ChatRequest {
            model: member(body, "model").and_then(Value::as_str),
            stream: flag(member(body, "stream")),
            include_usage: flag(inner(body, &["stream_options", "include_usage"])),
            n: member(body, "n").and_then(Value::as_u64).unwrap_or(1).clamp(1, MOST_CHOICES),
            cap: CAPS.iter().find_map(|name| member(body, name)?.as_u64()),
            temperature: member(body, "temperature").and_then(Value::as_f64),
            logprobs: member(body, "logprobs").is_some_and(|asked| *asked == Value::Bool(true) || asked.is_number()),
            tools: items(member(body, "tools")).iter().filter_map(Tool::of).collect(),
            tool_choice: ToolChoice::of(member(body, "tool_choice")),
            input,
            texts: texts(messages),
            last_role: messages.last().and_then(|m| member(m, "role")).and_then(Value::as_str),
        }
    }
}

/// A request for one answer to one question, of at most so many tokens.
pub fn question(model: Option<&str>, text: &str, cap: Option<u64>) -> Map<String, Value> {
    let mut body = Map::new();
    body.extend(model.map(|model| (FIRST[0].to_owned(), json!(model))));
    body.insert(FIRST[1].to_owned(), json!([message::of_user(text)]));
    body.extend(cap.map(|cap| (CAPS[1].to_owned(), json!(cap))));
    body
}

/// Makes a request one for a whole reply of one token, whatever it asked for.
pub fn shorten(body: &mut Map<String, Value>) {
    for name in ["stream", "stream_options", "min_tokens", "ignore_eos", "n"] {
        body.shift_remove(name);
    }
    let cap = if body.contains_key(CAPS[0]) { CAPS[0] } else { CAPS[1] };
    body.insert(cap.to_owned(), json!(1));
}

/// Has a stream end in a usage chunk, unless the body itself says something of it.
pub fn ask_for_usage(body: &mut Map<String, Value>) {
    body.entry("stream_options").or_insert_with(|| json!({"include_usage": true}));
}

/// A member of an object. Requests have a few members, and comparing their names costs less than hashing one.
pub fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(known, _)| *known == name).map(|(_, member)| member)
}

/// A member of members.
pub fn inner<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| member(value, name))
}

/// The items of an array; none of what is no array.
pub fn items(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn flag(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or(false)
}

/// The text of each content, or of each text part of it.
fn texts(messages: &[Value]) -> Vec<&str> {
    let mut texts = Vec::with_capacity(messages.len());
    for content in messages.iter().filter_map(|message| member(message, "content")) {
        texts.extend(content.as_str());
        texts.extend(items(Some(content)).iter().filter_map(|part| member(part, "text")?.as_str()));
    }
    texts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_is_there() {
        let body = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "n": 2,
            "max_tokens": 9, "max_completion_tokens": 5, "temperature": 0.5,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": true}}, {"type": "custom"}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "messages": [{"role": "system", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]}]});
        let request = ChatRequest::of(&body);
        assert_eq!((request.model, request.stream, request.include_usage), (Some("m"), true, true));
        assert_eq!((request.n, request.cap, request.temperature), (2, Some(5), Some(0.5)));
        assert_eq!((request.tools.len(), request.tool_choice), (1, ToolChoice::Named("f")));
        assert_eq!(request.input, body.get("messages"));
        assert_eq!((request.texts.as_slice(), request.last_role), (&["a", "b"][..], Some("user")));
    }

    #[test]
    fn reads_nonsense_as_defaults() {
        let body = json!({"stream": "yes", "n": 0, "max_tokens": -1, "tools": {}, "tool_choice": "sometimes", "messages": [3]});
        let request = ChatRequest::of(&body);
        assert_eq!((request.stream, request.n, request.cap), (false, 1, None));
        assert_eq!(request.tool_choice, ToolChoice::Auto);
        assert!(request.tools.is_empty() && request.texts.is_empty());
    }

    #[test]
    fn bodies_are_written() {
        let mut body = question(Some("m"), "hi", Some(9));
        let written = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
        assert_eq!(json!(body).to_string(), written);
        body.extend([("stream".to_owned(), json!(true)), ("n".to_owned(), json!(3))]);
        ask_for_usage(&mut body);
        let whole = Value::Object(body.clone());
        assert!(ChatRequest::of(&whole).include_usage);
        shorten(&mut body);
        let short = Value::Object(body);
        let request = ChatRequest::of(&short);
        assert_eq!((request.stream, request.n, request.cap, request.texts), (false, 1, Some(1), vec!["hi"]));
        assert_eq!(question(None, "hi", None).keys().collect::<Vec<_>>(), ["messages"]);
    }
}
