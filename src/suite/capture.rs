//! Exchanges as they are kept in a file, byte for byte with the instants at which the bytes came, so that they can be
//! judged again without the endpoint.
//!
//! A capture is a folder. `capture.json` ([`Meta`]) says what the endpoint was held to; `exchanges.jsonl` has one
//! request on each line ([`Line`]), in the order in which they were made, or, of a check that was killed, in that in which
//! they ended. Bytes stand in base64, times in microseconds
//! from the start of the run. Where a reply echoes a secret of ours, as many `*` stand in its place, so that offsets
//! stay what they were. Where that changes what a rule says of the reply, the line says so, and [`super::replay`] leaves
//! it out.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::masking::{is_judged_alike, masked, masked_header};
use super::{Conformance, Options, Sent};
use crate::check::Depth;
use crate::exchange::{
    Arrival, Asked, Body, Dial, Exchange, Head, Lengths, Outcome, Policies, Ticket, Transfer, Wanted,
};
use crate::plan::case::{Case, Setting};
use crate::plan::secret::Redactor;
use crate::plan::target::Target;
use crate::run::micros;
use crate::wire::api::request::MOST_CHOICES;

/// The format of the files.
pub const FORMAT: u32 = 1;

/// What is the same for all exchanges of a capture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// The format of the files.
    pub capture: u32,
    /// The version of this program.
    pub proofload: String,
    /// The address of the endpoint, without secrets.
    pub target: String,
    /// Whose contract it was held to.
    pub dialect: String,
    /// What that contract inherits from, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// The model asked for.
    pub model: Option<String>,
    /// Root of every random choice.
    pub seed: u64,
    /// How far into the catalogue the run went.
    pub tier: String,
    /// Tokens that an answer might have.
    pub cap: u64,
    /// Tokens that prompt and answer may have together, where that was declared.
    pub context_window: Option<u64>,
    /// Capabilities that the endpoint was declared to lack.
    pub without: Vec<String>,
    /// The probes that are being sent, while the check goes on; absent once it has ended. All before them were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sending: Option<Vec<Sending>>,
}

/// A probe that is being sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    /// Which of several tries.
    pub round: u32,
    /// Its name.
    pub probe: String,
    /// How many requests it makes.
    pub requests: usize,
}

/// One request and all that came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Number of the request.
    pub seq: u64,
    /// The probe it belongs to.
    pub probe: String,
    /// Which of several tries.
    pub round: u32,
    /// Whether a reply that says to come back later, or none at all, is a result.
    pub provoked: bool,
    /// Whether it went to a neighbour of the endpoint.
    pub beside: bool,
    /// A command line that sends the same, without secrets.
    pub curl: String,
    /// The body of the request, in base64.
    pub request: String,
    /// What a right reply to it is, as far as its body does not say.
    pub wanted: WantedLine,
    /// Unix time of the start of the run.
    pub epoch_us: u64,
    /// When it was due.
    pub due_us: u64,
    /// When it was handed to the client.
    pub sent_us: Option<u64>,
    /// When the connection was opened and ready, where one was.
    pub dial_us: Option<(u64, u64)>,
    /// Status and headers, once they came.
    pub head: Option<HeadLine>,
    /// The body of the reply without its framing and its content coding, in base64.
    pub body: String,
    /// How it came: when, and the offset behind the last byte that had come.
    pub arrivals: Vec<(u64, usize)>,
    /// End of the body, or the instant of the outcome.
    pub ended_us: u64,
    /// How it ended as far as HTTP goes, as `truncated(short_body)`.
    pub outcome: String,
    /// What went wrong, where something did.
    pub cause: Option<String>,
    /// How the reply was transferred.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub transfer: Transfer,
    /// Whether a secret had to be masked where that changes what a rule says, so that it cannot be judged again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub masked: bool,
}

fn is_usual(transfer: &Transfer) -> bool {
    *transfer == Transfer::default()
}

/// Status and headers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadLine {
    /// When they came.
    pub at_us: u64,
    /// HTTP status code.
    pub status: u16,
    /// HTTP version.
    pub version: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
}

/// What a right reply is. A probe that is no JSON on purpose wants nothing, whatever its bytes look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a request, not states")]
pub struct WantedLine {
    /// The model asked for.
    pub model: Option<String>,
    /// Whether the reply is to be a stream.
    pub stream: bool,
    /// Whether a stream was asked to state its usage.
    pub include_usage: bool,
    /// How many choices.
    pub n: u64,
    /// The most tokens to generate for each.
    pub cap: Option<u64>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Whether log probabilities were asked for.
    pub logprobs: bool,
    /// Whether the tools of the body were on offer.
    pub tools: bool,
    /// Whether one of them was asked for by name.
    pub named_tool: bool,
    /// Whether Pulze was told to keep no log.
    pub private: bool,
    /// How many calls of a provider might fail behind the request.
    pub retries: u64,
    /// The most dollars that the request was to cost.
    pub max_cost: f64,
    /// Every text of the prompt, before tags are filled in.
    pub prompt: String,
    /// Key of the run's tags, where the prompt carries one.
    pub tag_key: Option<u64>,
    /// Hash of the prompt as sent.
    pub prompt_hash: u64,
}

/// A capture that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A line is no JSON of the right shape.
    #[error("line {line} of exchanges.jsonl: {error}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        error: String,
    },
    /// The files speak of what this program does not know.
    #[error("capture.json: {0}")]
    Meta(String),
}

impl Meta {
    /// What is the same for all exchanges of a run.
    pub fn of(target: &Target, options: &Options) -> Meta {
        Meta {
            capture: FORMAT,
            proofload: env!("CARGO_PKG_VERSION").to_owned(),
            target: target.shown(),
            dialect: target.contract.name().to_owned(),
            parents: target.contract.parents().map(|parent| parent.name().to_owned()).collect(),
            model: target.model.clone(),
            seed: options.seed,
            tier: options.depth.name().to_owned(),
            cap: options.cap,
            context_window: options.context_window,
            without: options.without.iter().cloned().collect(),
            sending: None,
        }
    }

    /// How far into the catalogue the run went.
    pub fn depth(&self) -> Depth {
        let depths = [Depth::Core, Depth::Full, Depth::Intrusive];
        depths.into_iter().find(|depth| depth.name() == self.tier).unwrap_or(Depth::Core)
    }
}

/// Every exchange of a run as a line, without the secrets that the redactor knows.
pub fn lines<'r>(run: &'r Conformance, redactor: &'r Redactor) -> impl Iterator<Item = Line> + 'r {
    run.sent.iter().zip(&run.exchanges).map(|(sent, exchange)| line(sent, exchange, redactor))
}

/// An exchange as a line, without the secrets that the redactor knows.
pub fn line(sent: &Sent, exchange: &Exchange, redactor: &Redactor) -> Line {
    let head = exchange.head.as_ref().map(|head| HeadLine {
        at_us: micros(head.at),
        status: head.status,
        version: head.version.to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_owned(), masked_header(name, value, redactor)))
            .collect(),
    });
    let masked = masked(exchange, redactor);
    let kept = masked.as_ref().unwrap_or(exchange);
    Line {
        seq: exchange.ticket.seq,
        probe: sent.probe.name.to_owned(),
        round: sent.round,
        provoked: sent.provoked,
        beside: sent.beside,
        curl: redactor.clean(&sent.curl),
        request: BASE64.encode(&kept.asked.body),
        wanted: wanted_line(&exchange.asked, redactor),
        epoch_us: micros(exchange.epoch),
        due_us: micros(exchange.ticket.due),
        sent_us: exchange.sent.map(micros),
        dial_us: exchange.dial.map(|dial| (micros(dial.began), micros(dial.ended))),
        head,
        body: BASE64.encode(&kept.body.bytes),
        arrivals: exchange.body.arrivals.iter().map(|arrival| (micros(arrival.at), arrival.end)).collect(),
        ended_us: micros(exchange.ended),
        outcome: exchange.outcome.to_string(),
        cause: exchange.cause.as_ref().map(|cause| redactor.clean(cause)),
        transfer: exchange.transfer.clone(),
        masked: masked.as_ref().is_some_and(|masked| !is_judged_alike(exchange, masked)),
    }
}

fn wanted_line(asked: &Asked, redactor: &Redactor) -> WantedLine {
    let wanted = &asked.wanted;
    WantedLine {
        model: wanted.model.clone(),
        stream: wanted.stream,
        include_usage: wanted.include_usage,
        n: wanted.n,
        cap: asked.cap,
        temperature: wanted.temperature,
        logprobs: wanted.logprobs,
        tools: !wanted.tools.is_empty(),
        named_tool: wanted.named_tool,
        private: wanted.policies.private,
        retries: wanted.policies.retries,
        max_cost: wanted.policies.max_cost,
        prompt: redactor.mask(&wanted.prompt),
        tag_key: wanted.tag_key,
        prompt_hash: asked.prompt_hash,
    }
}

impl Line {
    /// A line of the file.
    ///
    /// # Errors
    /// If it is no such line.
    pub fn read(number: usize, text: &[u8]) -> Result<Line, CaptureError> {
        serde_json::from_slice(text).map_err(|error| CaptureError::Line { line: number, error: error.to_string() })
    }

    /// The exchange that it is.
    ///
    /// # Errors
    /// What in it is not as it should be, in words.
    pub fn exchange(&self, setting: &Setting) -> Result<Exchange, String> {
        let bytes = |text: &str| BASE64.decode(text).map_err(|error| error.to_string());
        let body = bytes(&self.body)?;
        let outcome = Outcome::named(&self.outcome).ok_or_else(|| format!("no outcome is {:?}", self.outcome))?;
        let mut end = 0;
        let in_order = |(_, next): &(u64, usize)| std::mem::replace(&mut end, *next) <= *next && *next <= body.len();
        if !self.arrivals.iter().all(in_order) {
            return Err("the arrivals are not in order, or behind the end of the body".to_owned());
        }
        let at = Duration::from_micros;
        let ticket = Ticket::alone(self.seq, 0, at(self.due_us));
        Ok(Exchange {
            ticket,
            asked: self.asked(bytes(&self.request)?.into(), setting),
            epoch: at(self.epoch_us),
            eligible: ticket.due,
            sent: self.sent_us.map(at),
            dial: self.dial_us.map(|(began, ended)| Dial { began: at(began), ended: at(ended) }),
            head: self.head.as_ref().map(HeadLine::head).transpose()?,
            body: Body {
                bytes: body,
                arrivals: self.arrivals.iter().map(|(us, end)| Arrival { at: at(*us), end: *end }).collect(),
            },
            ended: at(self.ended_us),
            outcome,
            cause: self.cause.clone(),
            transfer: self.transfer.clone(),
            unjudged: false,
        })
    }

    fn asked(&self, body: Bytes, setting: &Setting) -> Asked {
        let json = serde_json::from_slice(&body).ok().filter(Value::is_object).unwrap_or(Value::Object(Map::new()));
        let ticket = Ticket::alone(self.seq, 0, Duration::ZERO);
        let read = Case::plain(&self.probe, &json, setting).render(&ticket, setting.seed).wanted;
        let tools = Arc::into_inner(read).filter(|_| self.wanted.tools).map(|read| read.tools).unwrap_or_default();
        let ours = &self.wanted;
        let wanted = Wanted {
            case: self.probe.clone(),
            contract: Arc::clone(&setting.contract),
            origin: setting.origin.clone(),
            model: ours.model.clone(),
            stream: ours.stream,
            include_usage: ours.include_usage,
            n: ours.n.clamp(1, MOST_CHOICES),
            temperature: ours.temperature,
            logprobs: ours.logprobs,
            tools,
            named_tool: ours.named_tool,
            policies: Policies { private: ours.private, retries: ours.retries, max_cost: ours.max_cost },
            prompt: ours.prompt.clone(),
            tag_key: ours.tag_key,
        };
        let lengths = Lengths::default();
        Asked { wanted: Arc::new(wanted), body, prompt_hash: ours.prompt_hash, cap: ours.cap, lengths }
    }
}

impl HeadLine {
    fn head(&self) -> Result<Head, String> {
        let versions = ["HTTP/0.9", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0"];
        let version = versions.into_iter().find(|version| *version == self.version);
        let version = version.ok_or_else(|| format!("no HTTP version is {:?}", self.version))?;
        let at = Duration::from_micros(self.at_us);
        Ok(Head {
            at,
            status: self.status,
            version,
            headers: self.headers.iter().map(|(name, value)| (name, value)).collect(),
        })
    }
}
