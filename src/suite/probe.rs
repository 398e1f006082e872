//! Probes: the requests that the rules of the catalogue need, each named, each sent once for all rules that look at it.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::check::{Book, Depth};
use crate::exchange::{Asked, Ticket};
use crate::plan::case::{Case, Setting};
use crate::plan::order::{HeaderChange, Order, Path, Way};
use crate::wire::Dialect;

/// A named group of requests.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Its name, by which rules ask for it.
    pub(crate) name: &'static str,
    /// What the endpoint must be able to do for it; where it says it cannot, the rules that need the probe are skipped.
    pub(crate) needs: &'static [Capability],
    /// Probes whose replies it is made from.
    pub(crate) after: &'static [&'static str],
    /// When it is sent.
    pub(crate) turn: Turn,
    /// The requests.
    pub(crate) requests: fn(&Asking<'_>) -> Vec<Request>,
}

impl Probe {
    /// Whether its requests have a defect, or ask what such requests have left of the endpoint. A refusal of them is no
    /// sign of a lacking capability, and where the connection is lost at every try, that is what they lead to.
    pub(crate) fn is_negative(&self) -> bool {
        self.name.starts_with("neg-")
    }
}

/// When a probe is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Before all others: if it fails, nothing else says anything.
    Gate,
    /// Beside the others.
    Any,
    /// By itself, since it would disturb the others or they it.
    Alone,
    /// By itself, when all others are over.
    Last,
}

/// Something that an endpoint may be unable to do, by the names that profiles and flags have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Capability {
    Stream,
    StreamUsage,
    Tools,
    ToolChoice,
    ParallelTools,
    Json,
    JsonSchema,
    N,
    BestOf,
    Logprobs,
    Penalties,
    Parts,
    Seed,
    LogitBias,
    MaxCompletionTokens,
    ModelRequired,
    Keys,
    /// The name of the model decides which one answers, so that one of no model is refused.
    ModelChoice,
    /// It speaks HTTP without TLS, as requests on a socket of their own do.
    PlainHttp,
}

impl Capability {
    pub(crate) const ALL: [Capability; 19] = [
        Capability::Stream,
        Capability::StreamUsage,
        Capability::Tools,
        Capability::ToolChoice,
        Capability::ParallelTools,
        Capability::Json,
        Capability::JsonSchema,
        Capability::N,
        Capability::BestOf,
        Capability::Logprobs,
        Capability::Penalties,
        Capability::Parts,
        Capability::Seed,
        Capability::LogitBias,
        Capability::MaxCompletionTokens,
        Capability::ModelRequired,
        Capability::Keys,
        Capability::ModelChoice,
        Capability::PlainHttp,
    ];

    /// Its name, and the parameters by which a clean refusal names it; none for what no parameter asks for.
    pub(crate) fn words(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Capability::Stream => ("stream", &["stream"]),
            Capability::StreamUsage => ("stream_usage", &["stream_options"]),
            Capability::Tools => ("tools", &["tools"]),
            Capability::ToolChoice => ("tool_choice", &["tool_choice"]),
            Capability::ParallelTools => ("parallel_tools", &["parallel_tool_calls"]),
            Capability::Json => ("json", &["response_format"]),
            Capability::JsonSchema => ("json_schema", &["response_format", "json_schema"]),
            Capability::N => ("n", &["n"]),
            Capability::BestOf => ("best_of", &["best_of"]),
            Capability::Logprobs => ("logprobs", &["logprobs", "top_logprobs"]),
            Capability::Penalties => ("penalties", &["presence_penalty", "frequency_penalty"]),
            Capability::Parts => ("parts", &["content", "messages"]),
            Capability::Seed => ("seed", &["seed"]),
            Capability::LogitBias => ("logit_bias", &["logit_bias"]),
            Capability::MaxCompletionTokens => ("max_completion_tokens", &["max_completion_tokens"]),
            // A server of one model may take any name, or none: it is then declared to lack this.
            Capability::ModelRequired => ("model_required", &[]),
            Capability::Keys => ("keys", &[]),
            Capability::ModelChoice => ("model_choice", &[]),
            Capability::PlainHttp => ("plain_http", &[]),
        }
    }
}

/// What requests are made from. It holds the key, so it has no `Debug`.
pub(crate) struct Asking<'a> {
    /// Whose contract the endpoint is held to.
    pub(crate) dialect: Dialect,
    /// The model to ask for.
    pub(crate) model: &'a str,
    /// The key, where one is given.
    pub(crate) key: Option<&'a str>,
    /// Tokens that an answer may have; more where the model reasons first.
    pub(crate) cap: u64,
    /// How far into the catalogue the run goes.
    pub(crate) depth: Depth,
    /// Tokens of prompt and answer together, where that is declared.
    pub(crate) context_window: Option<u64>,
    /// Root of every random choice.
    pub(crate) seed: u64,
    /// The replies so far.
    pub(crate) book: &'a Book<'a>,
}

impl Asking<'_> {
    /// The base body: one short question with a tag that makes it differ from all others.
    pub(crate) fn base(&self) -> Value {
        self.ask("Reply with the single word: ok. [{{unique}}]")
    }

    /// The base body with another question; `{{unique}}` in it becomes a tag.
    pub(crate) fn ask(&self, question: &str) -> Value {
        json!({"model": self.model, "messages": [{"role": "user", "content": question}], "max_tokens": self.cap, "temperature": 0})
    }

    /// The base body with members added or replaced; a null takes one out.
    pub(crate) fn with(&self, members: Value) -> Value {
        with(self.base(), members)
    }
}

/// A body with members added or replaced; a null takes one out.
pub(crate) fn with(body: Value, members: Value) -> Value {
    let (Value::Object(mut body), Value::Object(members)) = (body, members) else { return Value::Null };
    for (name, value) in members {
        if value.is_null() {
            body.shift_remove(&name);
        } else {
            body.insert(name, value);
        }
    }
    Value::Object(body)
}

/// One request of a probe.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: &'static str,
    path: Path,
    headers: Vec<HeaderChange>,
    body: Content,
    way: Way,
    provoked: bool,
}

#[derive(Debug, Clone)]
enum Content {
    Json(Value),
    Bytes(Bytes),
}

impl Request {
    /// A POST of a JSON body to the endpoint.
    pub(crate) fn new(body: Value) -> Request {
        Request {
            method: "POST",
            path: Path::Endpoint,
            headers: Vec::new(),
            body: Content::Json(body),
            way: Way::Usual,
            provoked: false,
        }
    }

    /// A POST of any bytes to the endpoint.
    pub(crate) fn bytes(body: impl Into<Bytes>) -> Request {
        Request { body: Content::Bytes(body.into()), ..Request::new(Value::Null) }
    }

    /// Steps on a connection of its own; the body only says which reply would be right.
    pub(crate) fn raw(way: Way, body: Value) -> Request {
        Request { way, provoked: true, ..Request::new(body) }
    }

    pub(crate) fn method(self, method: &'static str) -> Request {
        Request { method, ..self }
    }

    pub(crate) fn path(self, path: Path) -> Request {
        Request { path, ..self }
    }

    pub(crate) fn header(mut self, change: HeaderChange) -> Request {
        self.headers.push(change);
        self
    }

    pub(crate) fn way(self, way: Way) -> Request {
        Request { way, ..self }
    }

    /// What comes back is a result, even if it is no answer, and is not asked for again.
    pub(crate) fn provoked(self) -> Request {
        Request { provoked: true, ..self }
    }

    /// As it goes on the wire, under this number.
    pub(crate) fn order(self, name: &str, seq: u64, setting: &Setting) -> Order {
        let ticket = Ticket::alone(seq, 0, std::time::Duration::ZERO);
        let (json, bytes) = match self.body {
            Content::Json(body) => (body, None),
            Content::Bytes(bytes) => (Value::Object(Map::new()), Some(bytes)),
        };
        let own = self.headers.iter().find_map(HeaderChange::policies);
        let setting = Setting { policies: own.unwrap_or(setting.policies), ..setting.clone() };
        let rendered = Case::plain(name, &json, &setting).render(&ticket, setting.seed);
        let asked = match bytes {
            Some(body) => Asked { body, ..rendered },
            None => rendered,
        };
        Order {
            ticket,
            method: self.method,
            path: self.path,
            headers: self.headers,
            asked,
            way: self.way,
            provoked: self.provoked,
        }
    }
}

/// The probes of some names and all that they are made from, in the order in which they can be sent.
pub(crate) fn wanted(names: &BTreeSet<&str>) -> Vec<&'static Probe> {
    let mut wanted: BTreeSet<&str> = names.clone();
    loop {
        let more: Vec<&str> = super::probes::all()
            .filter(|probe| wanted.contains(probe.name))
            .flat_map(|probe| probe.after.iter().copied())
            .filter(|name| !wanted.contains(name))
            .collect();
        if more.is_empty() {
            break;
        }
        wanted.extend(more);
    }
    let mut probes: Vec<&'static Probe> =
        super::probes::all().filter(|probe| probe.turn == Turn::Gate || wanted.contains(probe.name)).collect();
    probes.sort_by_key(|probe| probe.turn);
    probes
}
