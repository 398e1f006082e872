//! What is sent: a case is a recipe that gives each ticket its body.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::prompt::length::Length;
use super::prompt::synthetic::Synthetic;
use super::target::Target;
use crate::exchange::nonce::{self, PLACEHOLDER};
use crate::exchange::policies::POLICIES;
use crate::exchange::{Asked, Lengths, OfferedTool, Policies, Ticket, Wanted};
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
    /// How its prompts are made, where they are not written.
    synthetic: Option<Synthetic>,
    /// How long its answers are to be, where that differs by request.
    output: Option<Length>,
    /// Its bodies, one for each prompt; never empty.
    templates: Vec<Template>,
}

/// What a case is made from.
#[derive(Debug)]
pub struct Recipe<'r> {
    /// Its name.
    pub name: &'r str,
    /// Its share of the requests.
    pub weight: u32,
    /// Its bodies; never empty. [`PROMPT`] stands where a made prompt goes, [`OUTPUT`] for a number of tokens.
    pub bodies: &'r [Value],
    /// How its prompts are made.
    pub synthetic: Option<Synthetic>,
    /// How long its answers are to be.
    pub output: Option<Length>,
}

/// Stands in a text where a made prompt goes. No one writes characters that are for private use.
pub const PROMPT: &str = "\u{f8ff}prompt";
/// Stands, as a string, for the number of tokens that an answer is to have.
pub const OUTPUT: &str = "\u{f8ff}output";

/// A body, serialised once, with gaps.
#[derive(Debug)]
struct Template {
    wanted: Arc<Wanted>,
    pieces: Vec<Piece>,
    prompt_hash: u64,
    tagged_prompt: bool,
    cap: Option<u64>,
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    /// Where the ticket's tag goes.
    Tag,
    /// Where its prompt goes.
    Prompt,
    /// Where the length of its answer goes.
    Output,
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
    /// The case of a recipe.
    ///
    /// # Panics
    /// If there is no body.
    pub fn new(recipe: Recipe<'_>, setting: &Setting) -> Case {
        assert!(!recipe.bodies.is_empty(), "a case has at least one body");
        let templates = recipe.bodies.iter().map(|body| Template::new(recipe.name, body, setting)).collect();
        let Recipe { name, weight, synthetic, output, .. } = recipe;
        Case { name: name.to_owned(), weight, synthetic, output, templates }
    }

    /// A case that sends this body as it is.
    pub fn plain(name: &str, body: &Value, setting: &Setting) -> Case {
        let bodies = std::slice::from_ref(body);
        Case::new(Recipe { name, weight: 1, bodies, synthetic: None, output: None }, setting)
    }

    /// Whether the prompts of all its tickets differ.
    pub fn is_unique(&self) -> bool {
        self.synthetic.is_some() || self.templates.iter().all(|template| template.tagged_prompt)
    }

    /// Whether prompts share a beginning that is declared.
    pub fn shares_prefixes(&self) -> bool {
        self.synthetic.as_ref().is_some_and(|synthetic| synthetic.prefix.is_some())
    }

    /// Tokens of a prompt and of an answer on average, where the plan says; of an answer at most.
    pub fn expected_lengths(&self) -> (Option<f64>, Option<f64>) {
        let input = self.synthetic.as_ref().map(|synthetic| synthetic.length.mean());
        let caps = self.templates.iter().map(|template| template.cap.map(|cap| cap as f64));
        let caps: Option<Vec<f64>> = caps.collect();
        let most = caps.map(|caps| caps.iter().sum::<f64>() / caps.len() as f64);
        (input, self.output.as_ref().map(Length::mean).or(most))
    }

    /// The request of a ticket: a pure function of seed and ticket.
    pub fn render(&self, ticket: &Ticket, seed: u64) -> Asked {
        let pick = draw(seed, ticket.seq, "prompt") % self.templates.len() as u64;
        let template = &self.templates[usize::try_from(pick).unwrap_or(0)];
        let tag = nonce::tag(nonce::key(seed), ticket.seq);
        let made = self.synthetic.as_ref().map(|synthetic| synthetic.prompt(seed, ticket.seq, ticket.nth));
        let output = self.output.as_ref().map(|length| length.draw(seed, ticket.seq, ticket.nth, "output"));
        let (prompt, input) = made.unzip();
        let prompt = prompt.unwrap_or_default();
        let mut prompt_hash = template.prompt_hash;
        for (part, differs) in [(&tag, template.tagged_prompt), (&prompt, input.is_some())] {
            if differs {
                prompt_hash = xxh3_64_with_seed(part.as_bytes(), prompt_hash);
            }
        }
        Asked {
            wanted: Arc::clone(&template.wanted),
            body: template.body(&tag, &prompt, output),
            prompt_hash,
            cap: output.or(template.cap),
            lengths: Lengths { input, output },
        }
    }
}

/// A number that depends on nothing but the seed, the ticket and what it is drawn for.
pub(crate) fn draw(seed: u64, seq: u64, purpose: &str) -> u64 {
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
        let wanted = Wanted {
            case: case.to_owned(),
            dialect: setting.dialect,
            origin: setting.origin.clone(),
            model: request.model.map(str::to_owned),
            stream: request.stream,
            include_usage: request.include_usage,
            n: request.n,
            temperature: request.temperature,
            logprobs: request.logprobs,
            tools: request.tools.iter().map(offered).collect(),
            named_tool: matches!(request.tool_choice, ToolChoice::Named(_)),
            policies: setting.policies,
            tag_key: tagged_prompt.then(|| nonce::key(setting.seed)),
            prompt: prompt.replace(PROMPT, ""),
        };
        Template {
            wanted: Arc::new(wanted),
            pieces: pieces(&body.to_string()),
            prompt_hash: xxh3_64(messages.as_bytes()),
            tagged_prompt,
            cap: request.cap,
        }
    }

    fn body(&self, tag: &str, prompt: &str, output: Option<u64>) -> Bytes {
        let output = output.map(|tokens| tokens.to_string()).unwrap_or_default();
        let parts: Vec<&[u8]> = self.pieces.iter().map(|piece| piece.filled(tag, prompt, &output)).collect();
        Bytes::from(parts.concat())
    }
}

impl Piece {
    fn filled<'p>(&'p self, tag: &'p str, prompt: &'p str, output: &'p str) -> &'p [u8] {
        match self {
            Piece::Text(text) => text,
            Piece::Tag => tag.as_bytes(),
            Piece::Prompt => prompt.as_bytes(),
            Piece::Output => output.as_bytes(),
        }
    }
}

/// A body in parts, split where something goes in.
fn pieces(text: &str) -> Vec<Piece> {
    let output = format!("\"{OUTPUT}\"");
    let gaps = [(PLACEHOLDER, Piece::Tag), (PROMPT, Piece::Prompt), (output.as_str(), Piece::Output)];
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        let next = gaps.iter().filter_map(|(mark, gap)| Some((rest.find(mark)?, mark.len(), gap)));
        let Some((at, length, gap)) = next.min_by_key(|(at, ..)| *at) else { break };
        pieces.extend([Piece::Text(rest.as_bytes()[..at].to_vec()), gap.clone()]);
        rest = &rest[at + length..];
    }
    pieces.push(Piece::Text(rest.as_bytes().to_vec()));
    pieces
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
    use crate::plan::prompt::synthetic::Scale;

    fn case(content: &str) -> Case {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": content}], "stream": true});
        let setting =
            Setting { dialect: Dialect::OpenAi, origin: "http://h".into(), policies: Policies::default(), seed: 7 };
        Case::plain("c", &body, &setting)
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
    fn a_made_prompt_and_its_lengths_stand_in_the_body() {
        let body = json!({"model": "m", "max_tokens": OUTPUT, "messages": [{"role": "user", "content": PROMPT}]});
        let setting =
            Setting { dialect: Dialect::OpenAi, origin: "http://h".into(), policies: Policies::default(), seed: 7 };
        let synthetic = Synthetic { length: Length::Constant(40), prefix: None, scale: Scale::WORDS };
        let output = Some(Length::Uniform(5, 9));
        let recipe = Recipe { name: "c", weight: 1, bodies: &[body], synthetic: Some(synthetic), output };
        let case = Case::new(recipe, &setting);
        let (a, b) = (render(&case, 1), render(&case, 2));
        let sent: Value = serde_json::from_slice(&a.body).expect("JSON");
        let text = sent.pointer("/messages/0/content").and_then(Value::as_str).expect("a text");
        assert_eq!((text.split(' ').count(), a.lengths.input), (40, Some(40)));
        assert_eq!((sent["max_tokens"].as_u64(), a.lengths.output), (a.cap, a.cap));
        assert!((5..=9).contains(&a.cap.expect("a cap")) && case.is_unique() && a.prompt_hash != b.prompt_hash);
        assert_eq!(a.body, render(&case, 1).body);
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
