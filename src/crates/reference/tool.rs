//! Tool calls of the reference endpoint, with arguments that satisfy the tool's own parameters, and with input of the
//! format that a custom tool asks for.
//!
//! Left to itself (`auto`) the endpoint calls a tool when the last message of the user shares a word with the tool's
//! name or description, of two tools the one that shares more; words of fewer than three letters and a few that stand in
//! every sentence do not count. "What is 2+2?" is answered in words beside a weather tool, "Weather in Paris?" by a call.
//! Names of places and people that follow a preposition ("in Paris, Oslo and New York") become arguments: a call each
//! where parallel calls are allowed, otherwise one call with the first.
//!
//! A custom tool is called once. Its input is the opening words of the message, or a text that the regular expression
//! of its format matches as a whole; look-around and boundaries of words are not understood. Nothing is made from a
//! grammar in Lark's notation: a request that such a tool is to answer is refused. OpenAI's file has no streamed form
//! of a call of a custom tool. The tolerant dialect streams what OpenAI's servers are reported to send
//! (openai/openai-openapi #576, openai/openai-python #2530); the strict one, which keeps to the file, refuses.

use rand::RngExt as _;
use rand_pcg::Pcg64;
use serde_json::{Map, Value};

use super::ask::Ask;
use super::example::{Example, exactly};
use super::refuse::Refusal;
use super::say::opening;
use crate::wire::Contract;
use crate::wire::api::tool::{Input, Tool, ToolChoice};

/// Most calls made at once.
const MOST_CALLS: usize = 8;

/// Words that say nothing of what is wanted.
const FILLERS: [&str; 40] = [
    "the", "and", "for", "get", "set", "what", "who", "how", "are", "was", "with", "from", "this", "that", "tell",
    "about", "you", "your", "can", "please", "use", "tool", "function", "call", "given", "all", "any", "its", "into",
    "out", "one", "returns", "return", "gets", "name", "will", "not", "has", "have", "right",
];

/// Words that a name follows.
const BEFORE_NAMES: [&str; 10] = ["in", "for", "at", "of", "to", "from", "near", "between", "and", "or"];

/// A call of a tool.
#[derive(Debug, Clone)]
pub(super) struct Call<'r> {
    pub(super) id: String,
    pub(super) name: &'r str,
    /// The arguments of a function, or the input of a custom tool.
    pub(super) arguments: String,
    pub(super) custom: bool,
}

impl Call<'_> {
    /// What replies name its kind.
    pub(super) fn kind(&self) -> &'static str {
        if self.custom { "custom" } else { "function" }
    }

    /// What they name that which it is called with.
    pub(super) fn input_name(&self) -> &'static str {
        if self.custom { "input" } else { "arguments" }
    }
}

/// Which tool is called, and for which names.
#[derive(Debug)]
pub(super) struct Calling<'r> {
    contract: &'r Contract,
    place: usize,
    tool: Tool<'r>,
    parameters: Option<Example<'r>>,
    asked: &'r str,
    names: Vec<String>,
}

impl<'r> Calling<'r> {
    /// What the request calls for; none where it is to be answered in words.
    ///
    /// # Errors
    /// If the parameters of any tool on offer are no schema.
    pub(super) fn of(ask: &Ask<'r>) -> Result<Option<Calling<'r>>, Refusal> {
        let mut compiled = Vec::with_capacity(ask.offers.len());
        for (place, tool) in &ask.offers {
            let parameters = tool.parameters.map(Example::new).transpose();
            compiled.push(parameters.map_err(|error| refusal(ask.contract, *place, &error))?);
        }
        let most = (0..ask.offers.len()).max_by_key(|offer| (shared(ask, *offer), std::cmp::Reverse(*offer)));
        let chosen = match ask.choice {
            ToolChoice::None => None,
            ToolChoice::Named(name) => ask.offers.iter().position(|(_, tool)| tool.name == name),
            ToolChoice::Required => most,
            ToolChoice::Auto if ask.request.last_role == Some("tool") => None,
            ToolChoice::Auto => most.filter(|offer| shared(ask, *offer) > 0),
        };
        let Some(chosen) = chosen else { return Ok(None) };
        let (place, tool) = ask.offers[chosen];
        if tool.input.is_some() && ask.request.stream && !ask.contract.facts.custom_tool_streams {
            let message = "the published chunk has no calls of custom tools; they are made in whole replies";
            return Err(Refusal::parameter(ask.contract, "/stream", message));
        }
        let mut names = names(ask.asked);
        names.truncate(if ask.parallel { MOST_CALLS } else { 1 });
        let parameters = compiled.swap_remove(chosen);
        Ok(Some(Calling { contract: ask.contract, place, tool, parameters, asked: ask.asked, names }))
    }

    /// The calls, one for each name that the arguments have room for.
    pub(super) fn calls(&self, random: &mut Pcg64) -> Result<Vec<Call<'r>>, Refusal> {
        if let Some(input) = self.tool.input {
            return Ok(vec![self.call_with(self.input(input, random)?, random)]);
        }
        let property = self.named_property();
        let names: Vec<Option<&str>> = match property {
            Some(_) if !self.names.is_empty() => self.names.iter().map(|name| Some(name.as_str())).collect(),
            Some(_) | None => vec![None],
        };
        names.into_iter().map(|name| self.call(property.zip(name), random)).collect()
    }

    fn call(&self, given: Option<(&str, &str)>, random: &mut Pcg64) -> Result<Call<'r>, Refusal> {
        let arguments = match &self.parameters {
            None => Value::Object(Map::new()),
            Some(parameters) => {
                let unsatisfied = "no arguments that satisfy the parameters were found";
                let made = parameters.value(random);
                let made = made.ok_or_else(|| refusal(self.contract, self.place, unsatisfied))?;
                self.fitted(parameters, made, given)
            }
        };
        Ok(self.call_with(arguments.to_string(), random))
    }

    fn call_with(&self, arguments: String, random: &mut Pcg64) -> Call<'r> {
        let id: u64 = random.random();
        let custom = self.tool.input.is_some();
        Call { id: format!("call_{id:016x}"), name: self.tool.name, arguments, custom }
    }

    /// The input of a custom tool.
    fn input(&self, input: Input<'_>, random: &mut Pcg64) -> Result<String, Refusal> {
        let made = match input {
            Input::Text => Ok(opening(self.asked).to_owned()),
            Input::Regex(pattern) => exactly(pattern, random),
            Input::Grammar(_) => Err("input is made from regular expressions here, not from this syntax".to_owned()),
        };
        let place = format!("/tools/{}/custom/format/grammar/definition", self.place);
        made.map_err(|error| Refusal::parameter(self.contract, &place, &error))
    }

    /// The arguments with what the message says in its place, as far as the parameters allow that.
    fn fitted(&self, parameters: &Example<'_>, made: Value, given: Option<(&str, &str)>) -> Value {
        let words = words(self.asked);
        let mentioned = |values: &Value| {
            let values = values.as_array()?.iter().filter_map(Value::as_str);
            values.into_iter().find(|value| words.contains(&value.to_lowercase())).map(str::to_owned)
        };
        let properties = self.properties().into_iter().flatten();
        let said = properties.filter_map(|(name, schema)| Some((name.as_str(), mentioned(schema.get("enum")?)?)));
        let said = said.chain(given.map(|(name, value)| (name, value.to_owned())));
        let mut fitted = made;
        if !fitted.is_object() {
            return fitted;
        }
        for (name, value) in said.collect::<Vec<_>>() {
            let mut changed = fitted.clone();
            changed[name] = Value::from(value);
            if parameters.accepts(&changed) {
                fitted = changed;
            }
        }
        fitted
    }

    /// The property that takes a name: the first string, of the required ones if there are any.
    fn named_property(&self) -> Option<&'r str> {
        let free = |schema: &Value| {
            schema.get("type").and_then(Value::as_str) == Some("string")
                && ["enum", "const", "format", "pattern"].iter().all(|keyword| schema.get(keyword).is_none())
        };
        let required = self.tool.parameters?.get("required").and_then(Value::as_array);
        let needed = |name: &String| required.is_none_or(|required| required.iter().any(|r| r == name.as_str()));
        let mut free = self.properties()?.iter().filter(|(_, schema)| free(schema)).map(|(name, _)| name);
        free.clone().find(|name| needed(name)).or_else(|| free.next()).map(String::as_str)
    }

    fn properties(&self) -> Option<&'r Map<String, Value>> {
        self.tool.parameters?.get("properties")?.as_object()
    }
}

fn refusal(contract: &Contract, place: usize, message: &str) -> Refusal {
    Refusal::parameter(contract, &format!("/tools/{place}/function/parameters"), message)
}

/// How many words of the message are in the tool's name or description.
fn shared(ask: &Ask<'_>, offer: usize) -> usize {
    let (_, tool) = ask.offers[offer];
    let mut known = words(&tool.name.replace(['_', '-'], " "));
    known.extend(words(tool.description.unwrap_or_default()));
    words(ask.asked).iter().filter(|word| known.contains(word)).count()
}

/// The telling words of a text, in lower case and each once.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2) {
        let word = word.to_lowercase();
        if !FILLERS.contains(&word.as_str()) && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Capitalised words behind a preposition, and those that a list goes on with; letters without case count as capitals.
fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let (mut expected, mut going_on) = (false, false);
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let capital = bare.chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase());
        let ends = word.ends_with(|c: char| !c.is_alphanumeric());
        match names.last_mut() {
            Some(last) if capital && going_on => {
                last.push(' ');
                last.push_str(bare);
            }
            Some(_) | None if capital && expected => names.push(bare.to_owned()),
            Some(_) | None => {}
        }
        let took = capital && (expected || going_on);
        going_on = took && !ends;
        expected = BEFORE_NAMES.contains(&bare.to_lowercase().as_str()) || (took && word.ends_with(','));
    }
    names
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use serde_json::json;

    use super::*;

    fn weather(message: &str, more: &Value) -> Vec<Value> {
        let parameters = json!({"type": "object", "additionalProperties": false, "required": ["city", "unit"],
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["fahrenheit", "celsius"]}}});
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": message}], "tools": [
            {"type": "function", "function": {"name": "get_time", "description": "Local time of a city.", "parameters": {"type": "object"}}},
            {"type": "function", "function": {"name": "get_weather", "description": "Current weather for a city.", "parameters": parameters}}]});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let contract = crate::samples::openai();
        let ask = Ask::of(&body, &contract).expect("a good request");
        let calling = Calling::of(&ask).expect("good tools");
        let calls = calling.map(|calling| calling.calls(&mut Pcg64::seed_from_u64(1)).expect("arguments"));
        let arguments =
            |call: &Call<'_>| json!([call.name, serde_json::from_str::<Value>(&call.arguments).expect("JSON")]);
        calls.into_iter().flatten().map(|call| arguments(&call)).collect()
    }

    #[test]
    fn a_tool_is_called_when_the_message_speaks_of_it() {
        assert!(weather("What is 2+2?", &json!({})).is_empty());
        assert!(weather("Tell me about the river", &json!({})).is_empty());
        let paris = json!(["get_weather", {"city": "Paris", "unit": "celsius"}]);
        assert_eq!(weather("Weather in Paris in celsius?", &json!({})), [paris]);
        assert_eq!(weather("x7 What time is it in Lima?", &json!({}))[0][0], "get_time");
    }

    #[test]
    fn several_names_are_several_calls_unless_one_is_wanted() {
        let cities = |more| -> Vec<Value> {
            let calls = weather("Compare the weather in Paris, New York and Oslo, please.", &more);
            calls.iter().map(|call| call[1]["city"].clone()).collect()
        };
        assert_eq!(cities(json!({})), ["Paris", "New York", "Oslo"]);
        assert_eq!(cities(json!({"parallel_tool_calls": false})), ["Paris"]);
    }

    #[test]
    fn the_choice_stands_over_the_message() {
        let choose = |choice: Value| weather("What is 2+2?", &json!({"tool_choice": choice}));
        assert_eq!(choose(json!("required")).len(), 1);
        assert_eq!(choose(json!({"type": "function", "function": {"name": "get_weather"}}))[0][0], "get_weather");
        let only = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
            {"type": "function", "function": {"name": "get_weather"}}]}});
        assert_eq!(choose(only)[0][0], "get_weather");
        assert!(weather("Weather in Paris?", &json!({"tool_choice": "none"})).is_empty());
    }
}
