//! What of a request decides the answer, and what is refused although the schema allows it: the schema publishes no
//! such rule, but servers keep it (`schemas/README.md#ruling-9`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::language::Sampling;
use super::refuse::Refusal;
use crate::wire::Contract;
use crate::wire::api::request::{ChatRequest, inner, items, member};
use crate::wire::api::tool::{Tool, ToolChoice, tool_name};
use crate::wire::contract::facts::Reasoning;

/// Most choices that one request gets: what `OpenAI` publishes; Pulze publishes no maximum.
const MOST_CHOICES: u64 = 128;

/// Tokens of reasoning by `reasoning_effort`.
const EFFORTS: [(&str, usize); 6] =
    [("minimal", 4), ("low", 8), ("medium", 16), ("high", 32), ("xhigh", 48), ("max", 64)];

/// A request as the endpoint understands it.
#[derive(Debug)]
pub(super) struct Ask<'r> {
    pub(super) contract: &'r Contract,
    /// The body as it came.
    pub(super) body: &'r Value,
    pub(super) request: ChatRequest<'r>,
    /// The most tokens of a choice, reasoning included.
    pub(super) cap: Option<usize>,
    /// Sequences that end the text and are not in it.
    pub(super) stops: Vec<&'r str>,
    /// How words are drawn.
    pub(super) sampling: Sampling,
    /// Whether log probabilities are reported, and how many alternatives for each token.
    pub(super) logprobs: Option<usize>,
    /// How many choices are made, of which the best `n` are returned.
    pub(super) best_of: u64,
    pub(super) format: Format<'r>,
    /// The root of this request's randomness, where it gives one.
    pub(super) seed: Option<i64>,
    /// How many tokens of reasoning come first.
    pub(super) reasoning: usize,
    pub(super) plugins: Vec<&'r str>,
    /// The tools that may be called, with their places in the request.
    pub(super) offers: Vec<(usize, Tool<'r>)>,
    pub(super) choice: ToolChoice<'r>,
    /// Whether several calls may be made at once.
    pub(super) parallel: bool,
    /// Text of the first message of the user.
    pub(super) opened: &'r str,
    /// Text of the last message of the user.
    pub(super) asked: &'r str,
    /// Texts of the tool messages at the end.
    pub(super) results: Vec<&'r str>,
}

/// What the text has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Format<'r> {
    Text,
    JsonObject,
    Schema(&'r Value),
}

impl<'r> Ask<'r> {
    /// Reads a body that satisfies the request schema.
    pub(super) fn of(body: &'r Value, contract: &'r Contract) -> Result<Ask<'r>, Refusal> {
        let request = ChatRequest::of(body);
        let facts = &contract.facts;
        let wrong = |pointer: &str, message: &str| Err(Refusal::parameter(contract, pointer, message));
        let messages = items(request.input);
        if facts.messages_required && messages.is_empty() {
            return wrong("/messages", "at least one message is needed");
        }
        let best_of = member(body, "best_of").filter(|_| facts.best_of).and_then(Value::as_u64).unwrap_or(request.n);
        if request.n > MOST_CHOICES || best_of > MOST_CHOICES {
            let name = if request.n > MOST_CHOICES { "/n" } else { "/best_of" };
            return wrong(name, "more than 128 choices are not made here");
        }
        if best_of < request.n {
            return wrong("/best_of", "it must not be less than n");
        }
        let mut of_user = messages.iter().filter(|message| role(message) == Some("user"));
        let opened = of_user.clone().next();
        let asked = of_user.next_back();
        let results = messages.iter().rev().take_while(|message| role(message) == Some("tool"));
        let mut results: Vec<&str> = results.filter_map(text).collect();
        results.reverse();
        let ask = Ask {
            contract,
            body,
            cap: cap(body, contract)?,
            stops: stops(body),
            sampling: sampling(body, contract)?,
            logprobs: logprobs(body, contract)?,
            best_of,
            format: format(body, contract)?,
            seed: member(body, "seed").filter(|_| facts.seed).and_then(Value::as_i64),
            reasoning: reasoning(body, contract),
            plugins: strings(member(body, "plugins").filter(|_| facts.plugins)),
            offers: offers(body, contract)?,
            choice: request.tool_choice,
            parallel: member(body, "parallel_tool_calls").filter(|_| facts.parallel_tool_calls)
                != Some(&Value::Bool(false)),
            opened: opened.and_then(text).unwrap_or_default(),
            asked: asked.and_then(text).unwrap_or_default(),
            results,
            request,
        };
        answered(messages, contract)?;
        ask.chosen()
    }

    /// Applies `tool_choice`, which may name what is not there.
    fn chosen(mut self) -> Result<Ask<'r>, Refusal> {
        let wrong = |message: &str| Err(Refusal::parameter(self.contract, "/tool_choice", message));
        let choice = member(self.body, "tool_choice").unwrap_or(&Value::Null);
        match member(choice, "type").and_then(Value::as_str) {
            Some("json_object") => {
                (self.format, self.choice) = (Format::JsonObject, ToolChoice::None);
            }
            Some("allowed_tools") => {
                let allowed = items(inner(choice, &["allowed_tools", "tools"])).iter();
                let allowed: Vec<&str> = allowed.filter_map(tool_name).collect();
                self.offers.retain(|(_, tool)| allowed.contains(&tool.name));
                let required = inner(choice, &["allowed_tools", "mode"]).and_then(Value::as_str) == Some("required");
                self.choice = if required { ToolChoice::Required } else { ToolChoice::Auto };
            }
            Some(_) | None => {}
        }
        match self.choice {
            ToolChoice::Named(name) if self.offers.iter().all(|(_, tool)| tool.name != name) => {
                wrong(&format!("no tool is called {name:?}"))
            }
            ToolChoice::Required if self.offers.is_empty() => wrong("there is no tool to call"),
            ToolChoice::Auto | ToolChoice::None | ToolChoice::Required | ToolChoice::Named(_) => Ok(self),
        }
    }
}

pub(super) fn role(message: &Value) -> Option<&str> {
    member(message, "role")?.as_str()
}

/// The text of a message, or the first text part of it.
fn text(message: &Value) -> Option<&str> {
    let content = member(message, "content")?;
    content.as_str().or_else(|| items(Some(content)).iter().find_map(|part| member(part, "text")?.as_str()))
}

fn strings(list: Option<&Value>) -> Vec<&str> {
    items(list).iter().filter_map(Value::as_str).collect()
}

/// The cap of a choice. In Pulze's words -1 is the model's own limit (`schemas/README.md#metadata`), and there is
/// one name only.
fn cap(body: &Value, contract: &Contract) -> Result<Option<usize>, Refusal> {
    let names = &contract.facts.caps;
    let found = names.iter().find_map(|name| Some((name, member(body, name).filter(|cap| !cap.is_null())?)));
    let Some((name, cap)) = found else { return Ok(None) };
    match cap.as_f64() {
        Some(-1.0) if contract.facts.unlimited_cap => Ok(None),
        Some(number) if number < 1.0 => Err(Refusal::parameter(contract, &format!("/{name}"), "it must be at least 1")),
        Some(_) | None => Ok(Some(cap.as_u64().and_then(|cap| usize::try_from(cap).ok()).unwrap_or(usize::MAX))),
    }
}

fn stops(body: &Value) -> Vec<&str> {
    let stops = match member(body, "stop") {
        Some(Value::String(stop)) => vec![stop.as_str()],
        list => strings(list),
    };
    stops.into_iter().filter(|stop| !stop.is_empty()).collect()
}

fn sampling(body: &Value, contract: &Contract) -> Result<Sampling, Refusal> {
    let number = |name: &str, default: f64| member(body, name).and_then(Value::as_f64).unwrap_or(default);
    let top_p = number("top_p", 1.0);
    if !(0.0..=1.0).contains(&top_p) {
        return Err(Refusal::parameter(contract, "/top_p", "it must be between 0 and 1"));
    }
    let mut bias = BTreeMap::new();
    for (token, value) in member(body, "logit_bias").and_then(Value::as_object).into_iter().flatten() {
        let id = token.parse::<u64>();
        let amount = value.as_f64().filter(|amount| (-100.0..=100.0).contains(amount));
        let (Ok(id), Some(amount)) = (id, amount) else {
            let message = format!("{token:?}: {value} is not a token id with a bias from -100 to 100");
            return Err(Refusal::parameter(contract, "/logit_bias", &message));
        };
        bias.insert(id, amount);
    }
    Ok(Sampling {
        temperature: number("temperature", 1.0),
        top_p,
        bias,
        presence: number("presence_penalty", 0.0),
        frequency: number("frequency_penalty", 0.0),
    })
}

/// Pulze's integer has no effect that the seed page shows, so none is reported there.
fn logprobs(body: &Value, contract: &Contract) -> Result<Option<usize>, Refusal> {
    if !contract.facts.logprobs {
        return Ok(None);
    }
    let wanted = member(body, "logprobs") == Some(&Value::Bool(true));
    let top = member(body, "top_logprobs").and_then(Value::as_u64);
    match (wanted, top) {
        (false, Some(_)) => Err(Refusal::parameter(contract, "/top_logprobs", "it needs logprobs: true")),
        (false, None) => Ok(None),
        (true, top) => Ok(Some(top.and_then(|top| usize::try_from(top).ok()).unwrap_or(0))),
    }
}

/// `json_schema` is not in the stored part of Pulze's pages (`schemas/README.md#difference-16`), so it is refused
/// there.
fn format<'r>(body: &'r Value, contract: &Contract) -> Result<Format<'r>, Refusal> {
    let kind = inner(body, &["response_format", "type"]).and_then(Value::as_str).unwrap_or("text");
    match kind {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::JsonObject),
        "json_schema" if contract.facts.json_schema => {
            let schema = inner(body, &["response_format", "json_schema", "schema"]);
            Ok(schema.map_or(Format::JsonObject, Format::Schema))
        }
        other => {
            let message = format!("{other:?} is not supported");
            Err(Refusal::parameter(contract, "/response_format/type", &message))
        }
    }
}

fn reasoning(body: &Value, contract: &Contract) -> usize {
    let effort = member(body, "reasoning_effort")
        .filter(|_| contract.facts.reasoning != Reasoning::None)
        .and_then(Value::as_str);
    EFFORTS.iter().find(|(name, _)| Some(*name) == effort).map_or(0, |(_, tokens)| *tokens)
}

/// The tools; what `OpenAI` demands of the names of functions is prose (`schemas/README.md#ruling-9`).
fn offers<'r>(body: &'r Value, contract: &Contract) -> Result<Vec<(usize, Tool<'r>)>, Refusal> {
    let tools = items(member(body, "tools")).iter().enumerate();
    let offers: Vec<(usize, Tool<'r>)> = tools.filter_map(|(place, tool)| Some((place, Tool::of(tool)?))).collect();
    let fits = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let wrong = |tool: &Tool<'_>| contract.facts.tool_names_checked && tool.input.is_none() && !fits(tool.name);
    match offers.iter().find(|(_, tool)| wrong(tool)) {
        Some((place, _)) => Err(Refusal::parameter(
            contract,
            &format!("/tools/{place}/function/name"),
            "it must be 1 to 64 of the characters A-Z, a-z, 0-9, _ and -",
        )),
        None => Ok(offers),
    }
}

/// A tool message answers a call that was made before it.
fn answered(messages: &[Value], contract: &Contract) -> Result<(), Refusal> {
    let mut made: Vec<&str> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let calls = items(member(message, "tool_calls")).iter();
        made.extend(calls.filter_map(|call| member(call, "id")?.as_str()));
        let id = || member(message, "tool_call_id").and_then(Value::as_str);
        if role(message) == Some("tool") && !id().is_some_and(|id| made.contains(&id)) {
            let pointer = format!("/messages/{place}/tool_call_id");
            return Err(Refusal::parameter(contract, &pointer, "it must be the id of a tool call made before"));
        }
    }
    Ok(())
}
