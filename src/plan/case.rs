//! What is sent: a case is a recipe that gives each ticket its body.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::target::Target;
use crate::exchange::nonce::{self, PLACEHOLDER};
use crate::exchange::policies::POLICIES;
use crate::exchange::{Asked, OfferedTool, Policies, Ticket, Wanted};
use crate::wire::Dialect;
use crate::wire::dialect::offline;
use crate::wire::request::{ChatRequest, ToolChoice};

/// A kind of request.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Its share of the requests, relative to the other cases.
    pub weight: u32,
    /// Its bodies, one for each prompt; never empty.
    templates: Vec<Template>,
}

/// A body, serialised once, with gaps where tags go.
#[derive(Debug)]
struct Template {
    wanted: Arc<Wanted>,
    pieces: Vec<Vec<u8>>,
    prompt_hash: u64,
    tagged_prompt: bool,
}

/// What every body of a case shares beside its JSON.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whose contract the reply is held to.
    pub dialect: Dialect,
    /// Scheme, host and port that requests go to.
    pub origin: String,
    /// Pulze's policies, as sent or by default.
    pub policies: Policies,
    /// Seed of the run.
    pub seed: u64,
}

impl Setting {
    /// The setting of requests to a target.
    pub fn of(target: &Target, seed: u64) -> Setting {
        let header = target.headers.iter().find(|header| header.name.eq_ignore_ascii_case(POLICIES));
        Setting {
            dialect: target.dialect,
            origin: target.origin(),
            policies: header.map_or_else(Policies::default, |header| Policies::in_header(header.value.expose())),
            seed,
        }
    }
}

impl Case {
    /// A case that sends these bodies.
    ///
    /// # Panics
    /// If there is no body.
    pub fn new(name: &str, weight: u32, bodies: &[Value], setting: &Setting) -> Case {
        assert!(!bodies.is_empty(), "a case has at least one body");
        let templates = bodies.iter().map(|body| Template::new(name, body, setting)).collect();
        Case { name: name.to_owned(), weight, templates }
    }

    /// Whether the prompts of all its tickets differ.
    pub fn is_unique(&self) -> bool {
        self.templates.iter().all(|template| template.tagged_prompt)
    }

    /// The request of a ticket: a pure function of seed and ticket.
    pub fn render(&self, ticket: &Ticket, seed: u64) -> Asked {
        let pick = draw(seed, ticket.seq, "prompt") % self.templates.len() as u64;
        let template = &self.templates[usize::try_from(pick).unwrap_or(0)];
        let tag = nonce::tag(nonce::key(seed), ticket.seq);
        let body = Bytes::from(template.pieces.join(tag.as_bytes()));
        let prompt_hash = if template.tagged_prompt {
            xxh3_64_with_seed(tag.as_bytes(), template.prompt_hash)
        } else {
            template.prompt_hash
        };
        Asked { wanted: Arc::clone(&template.wanted), body, prompt_hash }
    }
}

/// A number that depends on nothing but the seed, the ticket and what it is drawn for.
pub(super) fn draw(seed: u64, seq: u64, purpose: &str) -> u64 {
    let mut bytes = seq.to_le_bytes().to_vec();
    bytes.extend_from_slice(purpose.as_bytes());
    xxh3_64_with_seed(&bytes, seed)
}

impl Template {
    fn new(case: &str, body: &Value, setting: &Setting) -> Template {
        let request = ChatRequest::of(body);
        let prompt = request.texts.join("\n");
        let tagged_prompt = prompt.contains(PLACEHOLDER);
        let messages = body.get("messages").map(Value::to_string).unwrap_or_default();
        let text = body.to_string();
        let pieces = text.split(PLACEHOLDER).map(|piece| piece.as_bytes().to_vec()).collect();
        let wanted = Wanted {
            case: case.to_owned(),
            dialect: setting.dialect,
            origin: setting.origin.clone(),
            model: request.model.map(str::to_owned),
            stream: request.stream,
            include_usage: request.include_usage,
            n: request.n,
            cap: request.cap,
            temperature: request.temperature,
            logprobs: request.logprobs,
            tools: request.tools.iter().map(offered).collect(),
            named_tool: matches!(request.tool_choice, ToolChoice::Named(_)),
            policies: setting.policies,
            tag_key: tagged_prompt.then(|| nonce::key(setting.seed)),
            prompt,
        };
        Template { wanted: Arc::new(wanted), pieces, prompt_hash: xxh3_64(messages.as_bytes()), tagged_prompt }
    }
}

/// A tool with its parameters compiled; a schema that does not compile judges nothing.
fn offered(tool: &crate::wire::request::Tool<'_>) -> OfferedTool {
    let parameters = tool.parameters.and_then(|schema| offline(schema).ok());
    OfferedTool { name: tool.name.to_owned(), parameters, strict: tool.strict }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn case(content: &str) -> Case {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": content}], "stream": true});
        let setting =
            Setting { dialect: Dialect::OpenAi, origin: "http://h".into(), policies: Policies::default(), seed: 7 };
        Case::new("c", 1, &[body], &setting)
    }

    fn render(case: &Case, seq: u64) -> Asked {
        case.render(&Ticket::alone(seq, 0, Duration::ZERO), 7)
    }

    #[test]
    fn a_tag_makes_every_prompt_differ_and_the_same_seed_makes_it_the_same() {
        let case = case("{{unique}} hello");
        let (a, b) = (render(&case, 1), render(&case, 2));
        assert_ne!(a.prompt_hash, b.prompt_hash);
        assert_ne!(a.body, b.body);
        assert_eq!(a.body, render(&case, 1).body);
        let text = String::from_utf8(a.body.to_vec()).expect("UTF-8");
        assert_eq!(nonce::found(nonce::key(7), &text), [1]);
        assert!(a.wanted.stream && case.is_unique());
    }

    #[test]
    fn a_users_own_text_is_not_altered() {
        let case = case("hello");
        let asked = render(&case, 1);
        assert_eq!(asked.body, render(&case, 2).body);
        assert_eq!(asked.prompt_hash, render(&case, 2).prompt_hash);
        assert!(asked.wanted.tag_key.is_none() && !case.is_unique());
    }
}
