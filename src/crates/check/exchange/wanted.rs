//! What was asked for, as far as it decides which reply is right.

use std::sync::Arc;

use serde_json::Value;

use super::Policies;
use crate::wire::Contract;
use crate::wire::api::request::ChatRequest;
use crate::wire::api::tool::{Tool, ToolChoice};

use crate::wire::json::Parsed;
use crate::wire::schema::offline_for_replies;

/// What was asked for, as far as it decides which reply is right. One per case, shared by its exchanges.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a request, not states")]
pub struct Wanted {
    /// Name of the case.
    pub case: String,
    /// Whose contract the reply is held to.
    pub contract: Arc<Contract>,
    /// Scheme, host and port that requests go to, as in `http://127.0.0.1:8000`.
    pub origin: String,
    /// The model asked for, where one is.
    pub model: Option<String>,
    /// Whether the reply is to be a stream.
    pub stream: bool,
    /// Whether a stream was asked to state its usage.
    pub include_usage: bool,
    /// How many choices.
    pub n: u64,
    /// Sampling temperature, where one was asked for.
    pub temperature: Option<f64>,
    /// Whether log probabilities were asked for.
    pub logprobs: bool,
    /// The tools on offer.
    pub tools: Vec<OfferedTool>,
    /// Whether one tool was asked for by name.
    pub named_tool: bool,
    /// Pulze's policies, as sent or by default.
    pub policies: Policies,
    /// Every text of the prompt, joined by line feeds, before tags are filled in.
    pub prompt: String,
    /// Key of the run's tags (see [`super::nonce`]), where the prompt carries one.
    pub tag_key: Option<u64>,
}

/// A tool that was offered, with its argument schema compiled.
#[derive(Debug)]
pub struct OfferedTool {
    /// Its name.
    pub name: String,
    /// The schema of a function's arguments, where it has one that compiles.
    pub parameters: Option<jsonschema::Validator<Parsed>>,
    /// Whether the arguments must match exactly (`strict`).
    pub strict: bool,
    /// Whether it is a custom tool.
    pub custom: bool,
}

impl Wanted {
    /// What a request body asks for, by a lenient reading of it: whatever is absent or of the wrong type counts as not
    /// asked for. The origin is empty, the policies are the published defaults, and the prompt has no tag.
    pub fn of(contract: &Arc<Contract>, body: &Value) -> Wanted {
        let request = ChatRequest::of(body);
        Wanted {
            case: String::new(),
            contract: Arc::clone(contract),
            origin: String::new(),
            model: request.model.map(str::to_owned),
            stream: request.stream,
            include_usage: request.include_usage,
            n: request.n,
            temperature: request.temperature,
            logprobs: request.logprobs,
            tools: request.tools.iter().map(OfferedTool::of).collect(),
            named_tool: matches!(request.tool_choice, ToolChoice::Named(_)),
            policies: Policies::default(),
            prompt: request.texts.join("\n"),
            tag_key: None,
        }
    }
}

impl OfferedTool {
    /// A tool with its parameters compiled. A schema that does not compile judges nothing.
    fn of(tool: &Tool<'_>) -> OfferedTool {
        let parameters = tool.parameters.and_then(|schema| offline_for_replies(schema).ok());
        OfferedTool { name: tool.name.to_owned(), parameters, strict: tool.strict, custom: tool.input.is_some() }
    }
}
