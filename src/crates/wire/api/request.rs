//! The request as both sides read it: the few members that change what a correct reply is.

use serde_json::Value;

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

/// A tool that the request offers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tool<'v> {
    /// Its name.
    pub name: &'v str,
    /// What it is said to do.
    pub description: Option<&'v str>,
    /// JSON Schema of a function's arguments, where given.
    pub parameters: Option<&'v Value>,
    /// Whether the arguments must match that schema exactly (`strict`, openai only).
    pub strict: bool,
    /// What a custom tool takes (openai only); a function takes arguments instead.
    pub input: Option<Input<'v>>,
}

/// What a custom tool takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'v> {
    /// Any text.
    Text,
    /// A text that a regular expression matches, in the syntax of Rust's.
    Regex(&'v str),
    /// A text of a grammar in Lark's notation, or in one that is not known.
    Grammar(&'v str),
}

/// Which tool the request wants called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolChoice<'v> {
    /// Not said, or `auto`: the model decides.
    #[default]
    Auto,
    /// None may be called.
    None,
    /// At least one must be called.
    Required,
    /// This one must be called.
    Named(&'v str),
}

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
    /// Every text of every message, in order.
    pub texts: Vec<&'v str>,
    /// Role of the last message.
    pub last_role: Option<&'v str>,
}

impl<'v> ChatRequest<'v> {
    /// Reads a body.
    pub fn of(body: &'v Value) -> Self {
        let messages = items(member(body, "messages"));
        ChatRequest {
            model: member(body, "model").and_then(Value::as_str),
            stream: flag(member(body, "stream")),
            include_usage: flag(inner(body, &["stream_options", "include_usage"])),
            n: member(body, "n").and_then(Value::as_u64).unwrap_or(1).clamp(1, MOST_CHOICES),
            cap: ["max_completion_tokens", "max_tokens"].iter().find_map(|name| member(body, name)?.as_u64()),
            temperature: member(body, "temperature").and_then(Value::as_f64),
            logprobs: member(body, "logprobs").is_some_and(|asked| *asked == Value::Bool(true) || asked.is_number()),
            tools: items(member(body, "tools")).iter().filter_map(Tool::of).collect(),
            tool_choice: tool_choice(member(body, "tool_choice")),
            texts: texts(messages),
            last_role: messages.last().and_then(|m| member(m, "role")).and_then(Value::as_str),
        }
    }
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

fn flag(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or(false)
}

impl<'v> Tool<'v> {
    /// Reads a tool; none where it has no name.
    pub fn of(tool: &'v Value) -> Option<Tool<'v>> {
        let function = member(tool, "function");
        let custom = member(tool, "custom").filter(|_| function.is_none());
        let about = function.or(custom)?;
        Some(Tool {
            name: member(about, "name")?.as_str()?,
            description: member(about, "description").and_then(Value::as_str),
            parameters: function.and_then(|function| member(function, "parameters")).filter(|p| p.is_object()),
            strict: function.is_some_and(|function| flag(member(function, "strict"))),
            input: custom.map(input),
        })
    }
}

fn input(custom: &Value) -> Input<'_> {
    let grammar = |name| inner(custom, &["format", "grammar", name]).and_then(Value::as_str);
    match (grammar("syntax"), grammar("definition")) {
        (Some("regex"), Some(pattern)) => Input::Regex(pattern),
        (_, Some(definition)) => Input::Grammar(definition),
        (_, None) => Input::Text,
    }
}

/// The name in a choice of a tool or in a list of them: that of a function, or of a custom tool.
pub fn tool_name(tool: &Value) -> Option<&str> {
    let about = member(tool, "function").or_else(|| member(tool, "custom"))?;
    member(about, "name")?.as_str()
}

fn tool_choice(choice: Option<&Value>) -> ToolChoice<'_> {
    let Some(choice) = choice else { return ToolChoice::Auto };
    match choice.as_str() {
        Some("none") => ToolChoice::None,
        Some("required") => ToolChoice::Required,
        Some(_) => ToolChoice::Auto,
        None => tool_name(choice).map_or(ToolChoice::Auto, ToolChoice::Named),
    }
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
        assert_eq!(request.tools.len(), 1);
        assert!(request.tools[0].strict && request.tools[0].input.is_none());
        assert_eq!(request.tool_choice, ToolChoice::Named("f"));
        assert_eq!((request.texts.as_slice(), request.last_role), (&["a", "b"][..], Some("user")));
    }

    #[test]
    fn reads_custom_tools() {
        let grammar = |syntax: &str| json!({"type": "grammar", "grammar": {"syntax": syntax, "definition": "a+"}});
        let inputs = [json!({"type": "text"}), json!(null), grammar("regex"), grammar("lark")].map(|format| {
            let tool = json!({"type": "custom", "custom": {"name": "c", "description": "d", "format": format}});
            let body = json!({"tools": [tool], "tool_choice": {"type": "custom", "custom": {"name": "c"}}});
            let request = ChatRequest::of(&body);
            assert_eq!(request.tool_choice, ToolChoice::Named("c"));
            let [Tool { name: "c", description: Some("d"), parameters: None, strict: false, input }] =
                request.tools[..]
            else {
                panic!("not as it was written: {:?}", request.tools)
            };
            format!("{input:?}")
        });
        assert_eq!(inputs, ["Some(Text)", "Some(Text)", "Some(Regex(\"a+\"))", "Some(Grammar(\"a+\"))"]);
    }

    #[test]
    fn reads_nonsense_as_defaults() {
        let body = json!({"stream": "yes", "n": 0, "max_tokens": -1, "tools": {}, "tool_choice": "sometimes", "messages": [3]});
        let request = ChatRequest::of(&body);
        assert_eq!((request.stream, request.n, request.cap), (false, 1, None));
        assert_eq!(request.tool_choice, ToolChoice::Auto);
        assert!(request.tools.is_empty() && request.texts.is_empty());
    }
}
