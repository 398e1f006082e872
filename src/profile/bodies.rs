//! The bodies of a case: its fields, its prompts, and what the request schema says of them.

use serde_json::{Map, Value, json};

use super::CaseTable;
use super::resolve::Resolver;
use crate::plan::case::{OUTPUT, PROMPT};
use crate::plan::goal::nearest;
use crate::wire::Dialect;

/// What the bodies of a case are made from.
pub(super) struct Bodies<'b> {
    /// Number of the case.
    pub(super) number: usize,
    /// Its table.
    pub(super) table: &'b CaseTable,
    /// Whose request schema they must satisfy.
    pub(super) dialect: Dialect,
    /// The model of the target.
    pub(super) model: Option<&'b str>,
}

/// Fields in the order in which bodies are usually written.
const FIRST: [&str; 2] = ["model", "messages"];
/// Faults of one body that are shown; a wrong type can break many rules at once.
const SHOWN: usize = 5;

/// The bodies of a case, one for each prompt; faults are added to the resolver's.
pub(super) fn of_case(resolver: &mut Resolver<'_>, case: &Bodies<'_>) -> Vec<Value> {
    let own = case.pointer("");
    for name in case.table.body.keys() {
        case.check_field(resolver, name);
    }
    for name in case.table.extra.keys().filter(|name| case.table.body.contains_key(*name)) {
        resolver.fault(
            &case.pointer(&format!("extra/{name}")),
            format!("{name} stands in the case and in extra"),
            "",
            None,
        );
    }
    let mut prompts = Vec::new();
    for (index, file) in case.table.prompt_files.iter().enumerate() {
        let pointer = case.pointer(&format!("prompt_files/{index}"));
        prompts.extend(prompts_of(resolver, &pointer, file));
    }
    let bodies: Vec<Value> = if case.table.prompt_files.is_empty() {
        vec![case.body(None)]
    } else {
        prompts.into_iter().map(|messages| case.body(Some(messages))).collect()
    };
    if bodies.is_empty() && !case.table.prompt_files.is_empty() && resolver.problems.is_empty() {
        resolver.fault(&case.pointer("prompt_files"), "the prompt files hold no prompt", "", None);
    }
    if !case.table.unchecked {
        if let Some(body) = bodies.first() {
            case.judge(resolver, body, &own);
        }
        for body in bodies.iter().skip(1).filter(|body| !case.dialect.request().is_valid(&case.complete(body))) {
            case.judge(resolver, body, &own);
        }
    }
    bodies
}

impl Bodies<'_> {
    fn pointer(&self, below: &str) -> String {
        let below = if below.is_empty() { String::new() } else { format!("/{below}") };
        format!("/case/{}{below}", self.number)
    }

    /// A field of the other dialect is most likely a mistake.
    fn check_field(&self, resolver: &mut Resolver<'_>, name: &str) {
        let fields = self.dialect.request().document()["properties"].as_object();
        if self.table.unchecked || fields.is_none_or(|fields| fields.contains_key(name)) {
            return;
        }
        let known: Vec<&str> = fields.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let near = nearest(name, &known).map_or(String::new(), |near| format!("did you mean {near}? "));
        resolver.fault(
            &self.pointer(name),
            format!("{name} is not a field of the {} dialect", self.dialect),
            "",
            format!("{near}put it under extra to send it all the same"),
        );
    }

    /// The body without the target's model, with these messages behind the case's own.
    fn body(&self, messages: Option<Vec<Value>>) -> Value {
        let fields = &self.table.body;
        let mut body = Map::new();
        for name in FIRST {
            if let Some(value) = fields.get(name) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(messages) = messages {
            let own = body.entry("messages").or_insert_with(|| json!([]));
            if let Some(own) = own.as_array_mut() {
                own.extend(messages);
            }
        }
        if self.table.input_tokens.is_some() {
            let own = body.entry("messages").or_insert_with(|| json!([]));
            if let Some(own) = own.as_array_mut() {
                own.push(json!({"role": "user", "content": PROMPT}));
            }
        }
        let rest = fields.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
        body.extend(rest.map(|(name, value)| (name.clone(), value.clone())));
        body.extend(self.table.extra.iter().map(|(name, value)| (name.clone(), value.clone())));
        if self.table.output_tokens.is_some() {
            body.insert(self.cap_name().to_owned(), json!(OUTPUT));
            if self.table.exact {
                body.extend([("min_tokens".to_owned(), json!(OUTPUT)), ("ignore_eos".to_owned(), json!(true))]);
            }
        }
        // Without it, an OpenAI stream states no usage, and tokens could only be counted from events.
        let streams = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        if streams && self.dialect.is_openai() {
            body.entry("stream_options").or_insert_with(|| json!({"include_usage": true}));
        }
        Value::Object(body)
    }

    /// What the dialect calls the most tokens of an answer; kin know the older name best.
    fn cap_name(&self) -> &'static str {
        if self.dialect == Dialect::OpenAiStrict { "max_completion_tokens" } else { "max_tokens" }
    }

    /// The body as it will be sent; where the endpoint is to name its model, a name stands in.
    fn complete(&self, body: &Value) -> Value {
        let mut body = filled(body, 1);
        if let (Some(members), true) = (body.as_object_mut(), self.model.is_some() || self.dialect.is_openai()) {
            members.entry("model").or_insert_with(|| json!(self.model.unwrap_or("asked-of-the-endpoint")));
        }
        body
    }

    fn judge(&self, resolver: &mut Resolver<'_>, body: &Value, own: &str) {
        for violation in self.dialect.request().violations(&self.complete(body)).into_iter().take(SHOWN) {
            let in_table = format!("{own}{}", violation.pointer);
            let in_extra = format!("{own}/extra{}", violation.pointer);
            let pointer = if resolver.tree.at(&in_extra).is_some() { in_extra } else { in_table };
            let field = if violation.pointer.is_empty() { "the body" } else { &violation.pointer[1..] };
            resolver.fault(
                &pointer,
                format!("{} is not what the {} dialect asks for", field.replace('/', "."), self.dialect),
                violation.message,
                "unchecked = true in the case sends it all the same".to_owned(),
            );
        }
    }
}

/// A request like those of a case, with a prompt of so many words, for one whole reply of one token.
pub(super) fn question(body: &Value, words: u64) -> Value {
    let mut asked = filled(body, words);
    if let Some(members) = asked.as_object_mut() {
        for name in ["stream", "stream_options", "min_tokens", "ignore_eos", "n"] {
            members.shift_remove(name);
        }
        let cap = if members.contains_key("max_completion_tokens") { "max_completion_tokens" } else { "max_tokens" };
        members.insert(cap.to_owned(), json!(1));
    }
    asked
}

/// A body with its gaps filled: a prompt of so many words, and an answer of one token.
fn filled(body: &Value, words: u64) -> Value {
    match body {
        Value::String(text) if text == PROMPT => {
            json!((0..words).map(|word| WORDS[usize::try_from(word % 3).unwrap_or(0)]).collect::<Vec<_>>().join(" "))
        }
        Value::String(text) if text == OUTPUT => json!(1),
        Value::Array(items) => items.iter().map(|item| filled(item, words)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), filled(value, words))).collect::<Map<_, _>>().into()
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => body.clone(),
    }
}

/// Words of a question.
const WORDS: [&str; 3] = ["list", "great", "home"];

/// The messages of each prompt in a file.
fn prompts_of(resolver: &mut Resolver<'_>, pointer: &str, file: &str) -> Vec<Vec<Value>> {
    let Some(bytes) = resolver.file(pointer, file) else { return Vec::new() };
    let Ok(text) = String::from_utf8(bytes) else {
        resolver.fault(pointer, format!("{file:?} is not UTF-8"), "", None);
        return Vec::new();
    };
    let is_lines =
        std::path::Path::new(file).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
    if !is_lines {
        if text.trim().is_empty() {
            resolver.fault(pointer, format!("{file:?} is empty"), "", None);
            return Vec::new();
        }
        return vec![vec![json!({"role": "user", "content": text.trim_end()})]];
    }
    let mut prompts = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match prompt_of(line) {
            Some(messages) => prompts.push(messages),
            None => resolver.fault(
                pointer,
                format!("{file}:{} is no prompt", number + 1),
                "",
                "a line is a JSON string, {\"prompt\": \"...\"} or {\"messages\": [...]}".to_owned(),
            ),
        }
    }
    prompts
}

fn prompt_of(line: &str) -> Option<Vec<Value>> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = value.as_str().or_else(|| value.get("prompt")?.as_str());
    match text {
        Some(text) => Some(vec![json!({"role": "user", "content": text})]),
        None => value.get("messages")?.as_array().filter(|messages| !messages.is_empty()).cloned(),
    }
}
