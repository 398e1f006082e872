//! What the user wrote, and how it becomes a plan.
//!
//! A profile is TOML. It is read into a tree of values with their places (`tree`), flags change the tree
//! ([`flags`]), the tree is held against the profile's own JSON Schema, which is generated from the types below
//! ([`schema`]), and what is left is resolved into a plan (`resolve`). Every step adds its faults to one list
//! ([`problem`]), so that a user sees all of them at once and nothing is sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

mod baseline;
mod bodies;
mod capacity;
pub mod contracts;
pub mod dialect;
mod effective;
pub mod files;
mod fit;
pub mod flags;
mod headers;
mod images;
mod keys;
mod kin;
mod lengths;
pub mod load;
mod loads;
mod members;
mod overlay;
pub mod portrait;
pub mod preset;
pub mod problem;
mod prompts;
pub mod record;
mod renamed;
mod resolve;
pub mod schema;
pub mod secrets;
mod terms;
mod tokenizers;
mod tree;
mod variables;
mod written;

pub use load::{Draft, load};
pub use problem::Problems;

use capacity::{BuiltinTable, CapacityTable};

/// A load test: what is sent where, when, and what must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "proofload profile")]
pub(crate) struct Profile {
    /// Name of the profile; default: the name of the file.
    name: Option<String>,
    /// Random seed of lengths, order and times; default: drawn and printed. The same seed repeats the plan with different
    /// text.
    #[schemars(range(min = 0), extend("maximum" = 9_007_199_254_740_991_u64))]
    seed: Option<u64>,
    /// Random seed of tags and generated text; default: drawn for each run and printed. The same seed and salt repeat every
    /// byte.
    #[schemars(range(min = 0), extend("maximum" = 9_007_199_254_740_991_u64))]
    salt: Option<u64>,
    /// Goals that must hold for the run to pass, such as "`first_token.p95` < 500ms" or "`error_rate` < 1%".
    goals: Vec<String>,
    /// Labels of the run, saved in its summary and shown in every report.
    labels: BTreeMap<String, String>,
    /// Repeat prompts on purpose: tags and generated text depend on the seed alone, and the report does not warn of repeated
    /// prompts.
    reuse: bool,
    /// File of known violations, which are counted and shown but do not fail.
    baseline: Option<String>,
    /// The endpoint.
    target: TargetTable,
    /// When requests are sent: exactly one of open and closed.
    load: Option<LoadTable>,
    /// Several loads in parallel, by name, instead of load.
    loads: BTreeMap<String, LoadTable>,
    /// Limits that a request must keep to count in the goodput.
    goodput: Option<GoodputTable>,
    /// Limits that end the run early.
    limits: LimitsTable,
    /// Requests to send: one table for each kind.
    case: Vec<CaseTable>,
    /// How proofload capacity searches; a load run ignores it.
    capacity: CapacityTable,
    /// Facts about the endpoint for a conformance check; a load run ignores them.
    check: CheckTable,
    /// Levels that replace those of the catalogue, by the id of the rule.
    levels: BTreeMap<String, LevelTable>,
}

/// The endpoint.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TargetTable {
    /// "builtin" for the built-in reference endpoint, or a base URL such as "<http://127.0.0.1:8000/v1>", to which
    /// /chat/completions is appended. A full URL is used unchanged; a query string is kept.
    url: Option<String>,
    /// Name of the endpoint, for baseline entries that apply to it alone.
    name: Option<String>,
    /// Whose contract the endpoint is held to: the name of a built-in dialect, or a folder with a contract.toml of your own,
    /// such as "./ours"; pulze for "builtin", else openai.
    dialect: Option<String>,
    /// Model of cases that name none; default in the openai dialects: taken from /models.
    model: Option<String>,
    /// Environment variable with the API key, which is sent as a bearer token.
    key_env: Option<String>,
    /// Headers of every request. ${NAME} in a value is replaced by an environment variable and makes the header a secret, as
    /// do key, token, secret, auth, password, signature, cookie and the like in its name.
    headers: BTreeMap<String, String>,
    /// Headers whose values are shown and saved although their names or values look like secrets.
    public_headers: Vec<String>,
    /// Timeouts.
    timeouts: TimeoutsTable,
    /// Request sent alone before a load, so that no load starts that would be refused; not part of any figure. "request"
    /// (default) sends one of the first case, "models" asks for /models, false sends nothing.
    #[schemars(with = "Option<PreflightName>")]
    preflight: Option<Value>,
    /// Settings of the built-in endpoint.
    builtin: BuiltinTable,
    /// Pulze-* headers, each sent as JSON text; in the pulze dialect only.
    pulze: PulzeTable,
    /// Folder with response.json, chunk.json or error.json: JSON Schemas that replies must satisfy in addition to those of
    /// the dialect.
    schemas: Option<String>,
    /// Tokenizer of the model: "`o200k_base`" or "`cl100k_base`", which are built in, or a tokenizer.json of Hugging Face. It
    /// counts answers, in addition to usage, and the length of generated prompts.
    tokenizer: Option<String>,
    /// Price of a million tokens in any currency, such as { input = 2.5, output = 10.0 }, for estimates.
    price: Option<PriceTable>,
    /// PEM file of certificate authorities to trust in addition to those of the system.
    ca: Option<String>,
    /// PEM file with a client certificate and its key.
    client_cert: Option<String>,
    /// Do not verify certificates. Anyone on the network path can then read the key.
    insecure: bool,
    /// HTTP version: auto negotiates HTTP/2 over TLS, 2 uses it from the first byte.
    http: HttpName,
    /// Reuse connections; default: true. With false, each request opens its own connection.
    keep_alive: Option<bool>,
    /// Proxy to use; proxy variables of the environment are ignored.
    proxy: Option<String>,
    /// Ask for compressed replies.
    gzip: bool,
    /// Maximum length of a reply in bytes; default: 16 MiB.
    #[schemars(range(min = 1))]
    max_reply_bytes: Option<u64>,
    /// Metrics page to scrape once a second during the load: its URL, or "auto" for /metrics of the target. The figures of
    /// vLLM and SGLang on running and waiting requests, KV cache, prefix cache and preemptions are put on the run's time
    /// axis.
    scrape: Option<String>,
    /// Figures to read from that page, in addition to the known ones or instead of them: your name, and that of the metric,
    /// in which * matches anything, such as queue = "`my_queue_*`".
    scrape_figures: BTreeMap<String, String>,
}

/// Request sent alone before a load.
#[derive(JsonSchema)]
#[schemars(transparent, extend("type" = ["string", "boolean"], "enum" = ["request", "models", false]))]
struct PreflightName(#[expect(dead_code, reason = "stands for its schema only")] Value);

/// Price of a million tokens.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PriceTable {
    /// Price of a million prompt tokens.
    #[schemars(range(min = 0.0))]
    input: f64,
    /// Price of a million completion tokens.
    #[schemars(range(min = 0.0))]
    output: f64,
}

/// HTTP version.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
enum HttpName {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// HTTP/1.1 only.
    #[serde(rename = "1.1")]
    One,
    /// HTTP/2 without negotiation.
    #[serde(rename = "2")]
    Two,
}

/// Timeouts, such as "30s".
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TimeoutsTable {
    /// Time to open a connection; default: 5s.
    connect: Option<String>,
    /// Time from sending to status and headers; default: that of total.
    first_byte: Option<String>,
    /// Time from sending to the end of the reply; default: 2m.
    total: Option<String>,
}

/// Pulze-* headers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PulzeTable {
    /// Pulze-Labels: stored with the log of the request and echoed in metadata.
    labels: Option<Map<String, Value>>,
    /// Pulze-Weights: cost, quality and latency; only their proportions matter.
    weights: Option<Map<String, Value>>,
    /// Pulze-Policies: `max_cost`, `max_same_model_retries`, `max_switch_model_retries`, `privacy_level` and others. Retries
    /// hide provider calls inside one latency sample, so a benchmark sets both to 0.
    policies: Option<Map<String, Value>>,
    /// Pulze-Feature-Flags, such as `auto_tools`.
    feature_flags: Option<Map<String, Value>>,
}

/// When requests are sent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct LoadTable {
    /// Open loop: requests are sent at a rate, whether or not earlier ones have ended.
    open: Option<OpenTable>,
    /// Closed loop: a fixed number of requests is in flight; the next is sent when one has ended.
    closed: Option<ClosedTable>,
    /// Names of the cases to send; default: all.
    cases: Vec<String>,
}

/// An open loop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct OpenTable {
    /// Requests per second.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    rate: Option<f64>,
    /// Rate in stages, instead of rate, such as [{ rate = 10, duration = "1m" }, { from = 10, to = 100,
    /// duration = "2m" }].
    stages: Vec<StageTable>,
    /// Rate in steps, instead of rate.
    steps: Option<StepsTable>,
    /// Short peaks in addition to rate.
    spikes: Option<SpikesTable>,
    /// Spacing: constant, poisson for independent arrivals, gamma for bursts, or the times of a trace.
    arrivals: ArrivalsName,
    /// Shape parameter of gamma arrivals: 1 is poisson, smaller values are burstier.
    #[schemars(range(min = 0.01, max = 1000.0))]
    burstiness: Option<f64>,
    /// Recording that arrivals = "trace" replays.
    trace: Option<TraceTable>,
    /// Length of the load, such as "30s".
    duration: Option<String>,
    /// Maximum number of requests.
    #[schemars(range(min = 1))]
    count: Option<u64>,
    /// Requests due before this are warm-up: they are sent and judged, but not part of any figure.
    warmup: Option<String>,
    /// Number of warm-up requests, instead of a time.
    warmup_count: Option<u64>,
    /// Time for requests in flight to finish at the end; default: that of timeouts.total.
    grace: Option<String>,
    /// Maximum number of requests in flight.
    #[schemars(range(min = 1))]
    max_in_flight: Option<u64>,
    /// Handling of a request above that maximum: queue delays it and reports the delay, drop counts it as missed.
    over_cap: OverCapName,
    /// Handling of a 429 with Retry-After: report counts it, obey also delays requests and reports the delay.
    retry_after: RetryAfterName,
}

/// A closed loop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ClosedTable {
    /// How many requests are in flight at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    concurrency: Option<u64>,
    /// Concurrency grows to its value over this time, instead of starting there.
    ramp: Option<String>,
    /// Concurrency in stages, instead of concurrency, such as [{ concurrency = 4, duration = "1m" }, { from = 4, to = 64,
    /// duration = "2m" }].
    stages: Vec<StageTable>,
    /// Pause between the end of a request and the next one: "2s", "uniform:1s:3s", "exponential:2s", "lognormal:2s:0.5".
    think_time: Option<String>,
    /// Length of the load, such as "30s".
    duration: Option<String>,
    /// Maximum number of requests.
    #[schemars(range(min = 1))]
    count: Option<u64>,
    /// Requests due before this are warm-up: they are sent and judged, but not part of any figure.
    warmup: Option<String>,
    /// Number of warm-up requests, instead of a time.
    warmup_count: Option<u64>,
    /// Time for requests in flight to finish at the end; default: that of timeouts.total.
    grace: Option<String>,
    /// Maximum number of requests in flight.
    #[schemars(range(min = 1))]
    max_in_flight: Option<u64>,
    /// Handling of a request above that maximum: queue delays it and reports the delay, drop counts it as missed.
    over_cap: OverCapName,
    /// Handling of a 429 with Retry-After: report counts it, obey also delays requests and reports the delay.
    retry_after: RetryAfterName,
}

/// Stage of a load: a constant value, or a ramp.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct StageTable {
    /// Requests per second, constant.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    rate: Option<f64>,
    /// Concurrency, constant.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    concurrency: Option<f64>,
    /// Value at the start of the stage.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    from: Option<f64>,
    /// Value at the end of the stage.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    to: Option<f64>,
    /// Length of the stage.
    duration: Option<String>,
}

/// Rate in steps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StepsTable {
    /// First rate.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    from: f64,
    /// Last rate.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    to: f64,
    /// Increase from one step to the next.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    by: f64,
    /// Length of each step.
    every: String,
}

/// Recurring peaks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SpikesTable {
    /// Requests per second during a peak.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    rate: f64,
    /// Time from the start of one peak to the start of the next; the first starts after this time.
    every: String,
    /// Length of each peak.
    lasting: String,
}

/// A recording of arrivals.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TraceTable {
    /// File of the recording.
    file: String,
    /// Format: azure, burstgpt, mooncake, or csv with named columns; default: by the name of the file.
    layout: Option<String>,
    /// Columns of a csv: the names of time, in, out and route.
    columns: BTreeMap<String, String>,
    /// Speed factor; default: 1.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    speed: Option<f64>,
}

/// Spacing of an open loop.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ArrivalsName {
    /// Evenly spaced.
    #[default]
    Constant,
    /// Independent, with exponential gaps.
    Poisson,
    /// In bursts, with gamma gaps.
    Gamma,
    /// At the times of a recording.
    Trace,
}

/// Handling of a 429 with Retry-After.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RetryAfterName {
    /// Only counted.
    #[default]
    Report,
    /// Nothing is sent before that time, but for no longer than a minute.
    Obey,
}

/// Handling of a request above the maximum in flight.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum OverCapName {
    /// The request waits.
    #[default]
    Queue,
    /// The request is dropped.
    Drop,
}

/// Limits for a single request, such as "500ms".
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct GoodputTable {
    /// Time from due to the first token (ttft).
    first_token: Option<String>,
    /// Longest gap between tokens (itl).
    token_gap: Option<String>,
    /// Time per output token (tpot).
    time_per_output_token: Option<String>,
    /// Time from due to the end of the reply (e2e).
    response_time: Option<String>,
}

/// Limits that end the run early, which the report shows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct LimitsTable {
    /// Stop sending after this time.
    max_time: Option<String>,
    /// Maximum number of requests.
    #[schemars(range(min = 1))]
    max_requests: Option<u64>,
    /// Stop sending after this many tokens, prompts included.
    #[schemars(range(min = 1))]
    max_tokens: Option<u64>,
    /// Conditions that abort the run as failed, such as "`error_rate` > 20% over 5s", "`violation_rate` > 5% over 10s" or
    /// "`in_flight` > 5000".
    abort: Vec<String>,
}

/// A kind of request. Body fields of the contract have their own names here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct CaseTable {
    /// Name of the case; default: its number.
    name: Option<String>,
    /// Share of the requests, relative to the other cases.
    #[schemars(range(min = 1, max = 1_000_000))]
    weight: Option<u32>,
    /// Send the body even if it violates the request schema of the dialect.
    unchecked: bool,
    /// Files with prompts, one of which is drawn for each request. A .jsonl file has one on each line: a string, an object
    /// with "prompt" or "messages", or a line of an `OpenAI` batch, whose body fields replace those of the case. A .json
    /// file has `ShareGPT` conversations, of which the first human turn is sent. Any other file is one prompt. Prompts
    /// follow the messages of the case. All prompt files together have at most 1 GiB.
    prompt_files: Vec<String>,
    /// User messages of a session, one a turn. Each turn is sent after the whole conversation so far, including the answers
    /// of the endpoint. A session starts with the messages of the case. Each arrival of the load starts a session, and count
    /// counts sessions. A session ends early when a turn fails or the duration of the load is over.
    turns: Vec<String>,
    /// Send the conversations of the prompt files as sessions: the messages of their user, one a turn. Recorded answers are
    /// not sent.
    sessions: bool,
    /// Maximum number of turns of a session.
    #[schemars(range(min = 1))]
    max_turns: Option<u64>,
    /// Pause between an answer and the next turn of a session, written as `think_time` of a closed load.
    think_time: Option<String>,
    /// CSV file with variables for {{row.COLUMN}} in the fields of the case; rows are used in turn. {{env.NAME}} is an
    /// environment variable, which reports show like any text that is sent, so it must not be a secret.
    variables: Option<String>,
    /// Images appended to the text of every request: PNG, JPEG, GIF or WebP of at most 1 MiB; in the openai dialects.
    image_files: Vec<String>,
    /// Generate a prompt of this many tokens: 1024, "uniform:100:2000", "normal:1024:200", "lognormal:500:0.8",
    /// "quantiles:1,80,500" (evenly spaced, from minimum to maximum), "trace" for the lengths of the load's trace, or
    /// "file:" and the name of a file with a number on each line.
    #[schemars(with = "Option<TokensName>")]
    input_tokens: Option<Value>,
    /// Ask for answers of this many tokens, written as `input_tokens`.
    #[schemars(with = "Option<TokensName>")]
    output_tokens: Option<Value>,
    /// Enforce the length of answers with `min_tokens` and `ignore_eos`, which vLLM and similar servers accept.
    exact: bool,
    /// Prefix that generated prompts share; part of their length.
    prefix: Option<PrefixTable>,
    /// How tokens of generated prompts are counted: words counts each word as one token, endpoint asks the endpoint first,
    /// any other value is a tokenizer as in target.tokenizer. Default: target.tokenizer, or else words. Only endpoint
    /// includes tokens that a chat template adds.
    tokenizer: Option<String>,
    /// Any other members of the body, sent unchanged.
    extra: Map<String, Value>,
    /// The body fields.
    #[serde(flatten)]
    #[schemars(skip)]
    body: Map<String, Value>,
}

/// A number of tokens, or how it is drawn.
#[derive(JsonSchema)]
#[schemars(transparent, extend("type" = ["integer", "string"]))]
struct TokensName(#[expect(dead_code, reason = "stands for its schema only")] Value);

/// Prefix that prompts share.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PrefixTable {
    /// Number of different prefixes; default: 1.
    #[schemars(range(min = 1, max = 1_000_000))]
    groups: Option<u64>,
    /// Length of each prefix in tokens.
    #[schemars(range(min = 1, max = 10_000_000))]
    tokens: u64,
    /// Exponent of their popularity: 0 (default) for equal, 1 for Zipf's law.
    #[schemars(range(min = 0.0, max = 10.0))]
    zipf: Option<f64>,
}

/// Facts about the endpoint for a conformance check.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct CheckTable {
    /// Features that the endpoint lacks; rules that need them are skipped.
    without: Vec<String>,
    /// Features that the endpoint must have; a clean refusal is then a failure.
    require: Vec<String>,
    /// Context window: tokens of prompt and answer together.
    #[schemars(range(min = 1))]
    context_window: Option<u64>,
    /// Share of the schemas of fmt-json-schema-enum-nested that answers must satisfy; default: 0.9.
    #[schemars(range(min = 0.0, max = 1.0))]
    schema_rate: Option<f64>,
    /// The model reasons before it answers, so answers need more tokens.
    reasoning: bool,
}

/// A level that replaces that of the catalogue for one rule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LevelTable {
    /// The level.
    level: LevelName,
    /// Why it differs from the catalogue.
    reason: String,
}

/// Level of a rule.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum LevelName {
    /// A violation fails the check.
    Must,
    /// A violation is a warning.
    Should,
    /// A violation is only reported.
    May,
    /// Not judged.
    Off,
}
