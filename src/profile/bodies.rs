//! The bodies of a case: its own fields, marks where something goes in, and what the request schema says of them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::CaseTable;
use super::kin;
use super::prompts::Prompt;
use super::resolve::Resolver;
use super::variables::Variables;
use crate::plan::case::{MESSAGES, OUTPUT, PROMPT};
use crate::plan::goal::nearest;
use crate::plan::prompt::conversation::Conversations;
use crate::plan::prompt::table::Table;
use crate::wire::Contract;
use crate::wire::api::message;
use crate::wire::api::request::{CAPS, FIRST, ask_for_usage, shorten};

/// What the bodies of a case are made from.
pub(super) struct Bodies<'b> {
    /// Number of the case.
    pub(super) number: usize,
    /// Its table.
    pub(super) table: &'b CaseTable,
    /// Whose request schema they must satisfy.
    pub(super) contract: &'b Contract,
    /// The model of the target.
    pub(super) model: Option<&'b str>,
}

/// What is sent of a case.
pub(super) struct Made {
    /// Its bodies, with marks where something goes in.
    pub(super) bodies: Vec<Value>,
    /// Conversations, from files or the case's own turns.
    pub(super) conversations: Option<Arc<Conversations>>,
    /// Variables.
    pub(super) variables: Option<Arc<Table>>,
}

/// Faults of one body that are shown; a wrong type can break many rules at once.
const SHOWN: usize = 5;

/// What is sent of a case; faults are added to the resolver's, what is worth saying to the notes.
pub(super) fn of_case(resolver: &mut Resolver<'_>, case: &Bodies<'_>, notes: &mut Vec<String>) -> Made {
    for name in case.table.body.keys() {
        case.check_field(resolver, name);
    }
    for name in case.table.extra.keys().filter(|name| case.table.body.contains_key(*name)) {
        resolver.fault(
            &case.pointer(&format!("extra/{name}")),
            format!("{name} is in the case and in extra"),
            "",
            None,
        );
    }
    let variables = resolver.variables(&case.pointer("variables"), case.table.variables.as_deref());
    let own = case.own(resolver, &variables);
    let turns = case.turns(resolver, &variables);
    let mut made = Made { bodies: Vec::new(), conversations: None, variables: variables.table.map(Arc::new) };
    if !turns.is_empty() {
        case.session(resolver, &own, &turns, &mut made, notes);
    } else if case.table.prompt_files.is_empty() {
        let body = case.body(&own, &[], &Map::new());
        case.judge(resolver, &body, notes);
        made.bodies.push(body);
    } else {
        case.prompts(resolver, &own, &mut made, notes);
    }
    made
}

impl<'b> Bodies<'b> {
    fn pointer(&self, below: &str) -> String {
        let below = if below.is_empty() { String::new() } else { format!("/{below}") };
        format!("/case/{}{below}", self.number)
    }

    /// A field of the other dialect is most likely a mistake.
    fn check_field(&self, resolver: &mut Resolver<'_>, name: &str) {
        let known: Vec<&str> = self.contract.request().properties().map(|(name, _)| name).collect();
        if self.table.unchecked || known.is_empty() || known.contains(&name) {
            return;
        }
        let near = nearest(name, &known).map_or(String::new(), |near| format!("did you mean {near}? "));
        resolver.fault(
            &self.pointer(name),
            format!("{name} is not a field of the {} dialect", self.contract),
            "",
            format!("{near}put it under extra to send it all the same"),
        );
    }

    /// The case's own fields, with variables and images in their places.
    fn own(&self, resolver: &mut Resolver<'_>, variables: &Variables) -> Map<String, Value> {
        let mut own = self.table.body.clone();
        for (name, value) in &mut own {
            resolver.fill_in(&self.pointer(name), value, variables);
        }
        if self.table.input_tokens.is_some()
            && let Some(messages) = message::all_of(&mut own)
        {
            messages.push(message::of_user(PROMPT));
        }
        self.add_images(resolver, &mut own);
        own
    }

    /// What the user says in the case's own session, with variables in its places; what cannot be is a fault.
    fn turns(&self, resolver: &mut Resolver<'_>, variables: &Variables) -> Vec<Value> {
        let table = self.table;
        let faults = [
            (
                !table.turns.is_empty() && !table.prompt_files.is_empty(),
                "turns",
                "turns are either written or read from files",
            ),
            (!table.turns.is_empty() && table.input_tokens.is_some(), "turns", "prompts are either made or written"),
            (
                table.sessions && table.prompt_files.is_empty(),
                "sessions",
                "sessions needs prompt_files with conversations",
            ),
            (
                !self.has_sessions() && table.think_time.is_some(),
                "think_time",
                "only sessions have turns to think between",
            ),
            (!self.has_sessions() && table.max_turns.is_some(), "max_turns", "only sessions have turns"),
        ];
        for (_, key, title) in faults.into_iter().filter(|(is_fault, ..)| *is_fault) {
            resolver.fault(&self.pointer(key), title, "", None);
        }
        let mut turns: Vec<Value> =
            table.turns.iter().take(self.most_turns()).map(|text| message::of_user(text.as_str())).collect();
        for (index, turn) in turns.iter_mut().enumerate() {
            resolver.fill_in(&self.pointer(&format!("turns/{index}")), turn, variables);
        }
        turns
    }

    fn has_sessions(&self) -> bool {
        self.table.sessions || !self.table.turns.is_empty()
    }

    fn most_turns(&self) -> usize {
        self.table.max_turns.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
    }

    /// The case's own session.
    fn session(
        &self,
        resolver: &mut Resolver<'_>,
        own: &Map<String, Value>,
        turns: &[Value],
        made: &mut Made,
        notes: &mut Vec<String>,
    ) {
        self.judge(resolver, &self.body(own, turns, &Map::new()), notes);
        made.bodies.push(self.body(own, &[json!(MESSAGES)], &Map::new()));
        let mut conversations = Conversations::default();
        let turns: Vec<Vec<u8>> = turns.iter().map(|turn| turn.to_string().into_bytes()).collect();
        conversations.push(turns.iter().map(Vec::as_slice));
        made.conversations = Some(Arc::new(conversations));
    }

    /// The messages of a prompt as turns: all that comes before an answer, and then what comes between answers. Without
    /// sessions, all of it is one turn.
    fn split(&self, messages: Vec<Value>) -> Vec<Vec<Value>> {
        if !self.table.sessions {
            return vec![messages];
        }
        let turns = messages.split(message::is_answer).filter(|turn| turn.iter().any(message::is_of_user));
        turns.take(self.most_turns()).map(<[Value]>::to_vec).collect()
    }

    /// Puts images behind the text of the last user message.
    fn add_images(&self, resolver: &mut Resolver<'_>, own: &mut Map<String, Value>) {
        let parts: Vec<Value> = (self.table.image_files.iter().enumerate())
            .filter_map(|(index, file)| resolver.image(&self.pointer(&format!("image_files/{index}")), file))
            .collect();
        if self.table.image_files.is_empty() {
            return;
        }
        if !self.contract.facts.images {
            resolver.fault(&self.pointer("image_files"), "only the openai dialects have images", "", None);
        }
        if let Some(messages) = message::all_of(own) {
            message::add_parts(messages, parts);
        }
    }

    /// The prompts of the case's files, each judged as a part of the body that it makes. Those that bring messages only
    /// share one body.
    fn prompts(&self, resolver: &mut Resolver<'_>, own: &Map<String, Value>, made: &mut Made, notes: &mut Vec<String>) {
        let before = resolver.problems.len();
        let none = Map::new();
        // What is wrong with the case itself is no fault of every line.
        self.judge(resolver, &self.body(own, &[message::of_user("a prompt")], &none), notes);
        if resolver.problems.len() > before {
            return;
        }
        let mut rows = Conversations::default();
        for (index, file) in self.table.prompt_files.iter().enumerate() {
            let pointer = self.pointer(&format!("prompt_files/{index}"));
            resolver.prompts(&pointer, file, self.table.sessions, notes, |prompt| {
                match prompt {
                    Prompt::Messages(messages) => {
                        let turns = self.split(messages);
                        self.fits(&self.body(own, &turns.concat(), &none))?;
                        let lists: Vec<String> = turns.into_iter().map(|turn| Value::Array(turn).to_string()).collect();
                        if lists.is_empty() {
                            return Err("a conversation without a turn of the user".to_owned());
                        }
                        rows.push(lists.iter().map(|list| &list.as_bytes()[1..list.len() - 1]));
                    }
                    Prompt::Body(_) if self.table.sessions => {
                        return Err("a line of a batch is one request, and no session".to_owned());
                    }
                    Prompt::Body(fields) => {
                        let body = self.body(own, &[], &fields);
                        self.fits(&body)?;
                        made.bodies.push(body);
                    }
                }
                Ok(())
            });
        }
        if !rows.is_empty() {
            made.bodies.insert(0, self.body(own, &[json!(MESSAGES)], &none));
            made.conversations = Some(Arc::new(rows));
        } else if made.bodies.is_empty() && resolver.problems.len() == before {
            resolver.fault(&self.pointer("prompt_files"), "the prompt files hold no prompt", "", None);
        }
    }

    /// The body without the target's model: the case's own fields, these messages behind its own, and these fields in
    /// the place of its own.
    fn body(&self, own: &Map<String, Value>, messages: &[Value], instead: &Map<String, Value>) -> Value {
        let mut body = Map::new();
        for name in FIRST {
            if let Some(value) = instead.get(name).or(own.get(name)) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        if !messages.is_empty()
            && let Some(own) = message::all_of(&mut body)
        {
            own.extend_from_slice(messages);
        }
        for fields in [own, &self.table.extra, instead] {
            let rest = fields.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
            body.extend(rest.map(|(name, value)| (name.clone(), value.clone())));
        }
        if self.table.output_tokens.is_some() {
            let name = CAPS.into_iter().find(|name| body.contains_key(*name)).unwrap_or(self.cap_name());
            body.insert(name.to_owned(), json!(OUTPUT));
            if self.table.exact {
                body.extend([("min_tokens".to_owned(), json!(OUTPUT)), ("ignore_eos".to_owned(), json!(true))]);
            }
        }
        // Without it, an OpenAI stream states no usage, and tokens could only be counted from events.
        let streams = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        if streams && self.contract.facts.stream_options {
            ask_for_usage(&mut body);
        }
        Value::Object(body)
    }

    /// What the dialect calls the most tokens of an answer; kin know the older name best.
    fn cap_name(&self) -> &'b str {
        &self.contract.facts.cap
    }

    /// The body as it will be sent; where the endpoint is to name its model, a name stands in.
    fn complete(&self, body: &Value) -> Value {
        let mut body = filled(body, 1);
        if let (Some(members), true) =
            (body.as_object_mut(), self.model.is_some() || self.contract.facts.model_required)
        {
            members.entry("model").or_insert_with(|| json!(self.model.unwrap_or("asked-of-the-endpoint")));
        }
        body
    }

    /// What the request schema has against a body from a file.
    fn fits(&self, body: &Value) -> Result<(), String> {
        let body = self.complete(body);
        let schema = self.contract.request();
        if self.table.unchecked || schema.is_valid(&body) {
            return Ok(());
        }
        let violations = schema.violations(&body);
        let refused = violations.iter().find(|violation| !kin::may_take(self.contract, &body, violation));
        if refused.is_none() {
            return Ok(());
        }
        let first = refused.map(|violation| format!("{}: {}", violation.pointer, violation.message));
        Err(format!("not what the {} dialect asks for: {}", self.contract, first.unwrap_or_default()))
    }

    /// What the request schema has against a body: a fault, unless servers that follow the API are known to take it.
    fn judge(&self, resolver: &mut Resolver<'_>, body: &Value, notes: &mut Vec<String>) {
        if self.table.unchecked {
            return;
        }
        let own = self.pointer("");
        let body = self.complete(body);
        let violations = self.contract.request().violations(&body);
        // What the body as a whole lacks may be what an unknown key was to be.
        let unknown = resolver.faulty.is(&own);
        let (of_kin, faults): (Vec<_>, Vec<_>) = violations
            .into_iter()
            .filter(|violation| !(unknown && violation.pointer.is_empty()))
            .partition(|violation| kin::may_take(self.contract, &body, violation));
        notes.extend(of_kin.iter().map(|violation| kin::note(&own, self.contract, violation)));
        for violation in faults.into_iter().take(SHOWN) {
            let in_table = format!("{own}{}", violation.pointer);
            let in_extra = format!("{own}/extra{}", violation.pointer);
            let pointer = if resolver.tree.at(&in_extra).is_some() { in_extra } else { in_table };
            let field = if violation.pointer.is_empty() { "the body" } else { &violation.pointer[1..] };
            resolver.fault(
                &pointer,
                format!("{} is not what the {} dialect asks for", field.replace('/', "."), self.contract),
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
        shorten(members);
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
