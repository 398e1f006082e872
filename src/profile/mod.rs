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
    /// Name of the profile; the file's name without it.
    name: Option<String>,
    /// Root of lengths, order and times; without it one is drawn and printed. The same seed repeats the plan, with other text.
    #[schemars(range(min = 0), extend("maximum" = 9_007_199_254_740_991_u64))]
    seed: Option<u64>,
    /// Root of tags and made text; without it one is drawn for each run and printed. The same seed and salt repeat every byte.
    #[schemars(range(min = 0), extend("maximum" = 9_007_199_254_740_991_u64))]
    salt: Option<u64>,
    /// What must hold for the run to pass, as in "`first_token.p95` < 500ms" or "`error_rate` < 1%".
    goals: Vec<String>,
    /// What you call this run; kept in its summary and shown in every report.
    labels: BTreeMap<String, String>,
    /// Set to true where prompts are meant to repeat: tags and made text then come from the seed alone, and the report does
    /// not warn of repeated prompts.
    reuse: bool,
    /// File that lists known violations: counted and shown, but no failure.
    baseline: Option<String>,
    /// Where requests go.
    target: TargetTable,
    /// When they go: exactly one of open and closed.
    load: Option<LoadTable>,
    /// Several loads side by side, by name, in the place of load.
    loads: BTreeMap<String, LoadTable>,
    /// Limits for a single request to count in the goodput.
    goodput: Option<GoodputTable>,
    /// What ends the run early.
    limits: LimitsTable,
    /// What is sent: one table for each kind of request.
    case: Vec<CaseTable>,
    /// How proofload capacity searches; a load run does not look at it.
    capacity: CapacityTable,
    /// What a conformance check is told of the endpoint; a load run does not look at it.
    check: CheckTable,
    /// Levels other than the catalogue's, by the id of the check.
    levels: BTreeMap<String, LevelTable>,
}

/// Where requests go.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TargetTable {
    /// "builtin" for the built-in reference endpoint, or a base address such as "<http://127.0.0.1:8000/v1>", to which
    /// /chat/completions is added; a full path is taken as it is, and a query string stays.
    url: Option<String>,
    /// What you call the endpoint; a baseline's entries may be of one endpoint only.
    name: Option<String>,
    /// Whose contract the endpoint is held to: the name of a built-in dialect, or a folder with a contract.toml of your own,
    /// such as "./ours"; pulze for "builtin", else openai.
    dialect: Option<String>,
    /// The model asked for by cases that name none. Without one, /models is asked in the openai dialect.
    model: Option<String>,
    /// Name of the environment variable that holds the API key, sent as a bearer token.
    key_env: Option<String>,
    /// Headers of every request. ${NAME} in a value stands for an environment variable and makes it a secret, as do key, token,
    /// secret, auth, password, signature, cookie and the like in the header's name.
    headers: BTreeMap<String, String>,
    /// Headers whose values may be shown and kept, though their names or values look like secrets.
    public_headers: Vec<String>,
    /// Limits on waiting.
    timeouts: TimeoutsTable,
    /// What goes out alone before a load, in no figure, so that a load that would be refused does not begin: "request" for
    /// one of the first case, which it is without this key, "models" for a question for /models, or false for nothing.
    #[schemars(with = "Option<PreflightName>")]
    preflight: Option<Value>,
    /// What the built-in endpoint is.
    builtin: BuiltinTable,
    /// Pulze-* headers, each sent as stringified JSON; in the pulze dialect only.
    pulze: PulzeTable,
    /// Folder with response.json, chunk.json or error.json: JSON Schemas that replies must satisfy beside the dialect's.
    schemas: Option<String>,
    /// The model's tokenizer: "`o200k_base`" or "`cl100k_base`", which are built in, or a tokenizer.json of Hugging Face's.
    /// Answers are counted with it beside what usage states, and made prompts have their length by it.
    tokenizer: Option<String>,
    /// What a million tokens cost, in any currency, such as { input = 2.5, output = 10.0 }; for estimates.
    price: Option<PriceTable>,
    /// PEM file of certificate authorities to trust beside the system's.
    ca: Option<String>,
    /// PEM file with a client certificate and its key.
    client_cert: Option<String>,
    /// Do not verify certificates. Anyone between you and the endpoint can then read the key.
    insecure: bool,
    /// Which HTTP to speak: auto negotiates HTTP/2 over TLS, 2 speaks it from the first byte.
    http: HttpName,
    /// Use connections again; true without it. With false, every request opens a connection of its own.
    keep_alive: Option<bool>,
    /// Proxy to go through; the environment's is not used.
    proxy: Option<String>,
    /// Ask for compressed replies.
    gzip: bool,
    /// Longest reply that is read, in bytes; 16 MiB without it.
    #[schemars(range(min = 1))]
    max_reply_bytes: Option<u64>,
    /// A page of metrics to read once a second beside the load, as Prometheus does: its address, or "auto" for /metrics
    /// of the target. What vLLM and SGLang say of running and waiting requests, KV cache, prefix cache and preemptions
    /// is put on the run's time axis.
    scrape: Option<String>,
    /// Figures to take from that page beside those that are known, or in their place: a name of yours, and the metric's,
    /// in which * stands for anything, as in queue = "`my_queue_*`".
    scrape_figures: BTreeMap<String, String>,
}

/// What goes out alone before a load.
#[derive(JsonSchema)]
#[schemars(transparent, extend("type" = ["string", "boolean"], "enum" = ["request", "models", false]))]
struct PreflightName(#[expect(dead_code, reason = "stands for its schema only")] Value);

/// What a million tokens cost.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PriceTable {
    /// Of prompts.
    #[schemars(range(min = 0.0))]
    input: f64,
    /// Of answers.
    #[schemars(range(min = 0.0))]
    output: f64,
}

/// Which HTTP.
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

/// Limits on waiting, such as "30s".
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TimeoutsTable {
    /// For opening a connection; 5s without it.
    connect: Option<String>,
    /// From sending to status and headers; as long as total without it.
    first_byte: Option<String>,
    /// From sending to the end of the reply; 2m without it.
    total: Option<String>,
}

/// Pulze-* headers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PulzeTable {
    /// Pulze-Labels: kept with the request's log and echoed in metadata.
    labels: Option<Map<String, Value>>,
    /// Pulze-Weights: cost, quality and latency, of which only the proportions matter.
    weights: Option<Map<String, Value>>,
    /// Pulze-Policies: `max_cost`, `max_same_model_retries`, `max_switch_model_retries`, `privacy_level` and others. Retries
    /// hide provider calls inside one latency sample, so a benchmark sets both to 0.
    policies: Option<Map<String, Value>>,
    /// Pulze-Feature-Flags, such as `auto_tools`.
    feature_flags: Option<Map<String, Value>>,
}

/// When requests go.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct LoadTable {
    /// Open loop: requests go at a rate, whether or not earlier ones have ended, as users arrive.
    open: Option<OpenTable>,
    /// Closed loop: each of a number of slots sends its next request when its last has ended.
    closed: Option<ClosedTable>,
    /// Names of the cases that it sends; all of them without it.
    cases: Vec<String>,
}

/// An open loop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct OpenTable {
    /// Requests per second.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    rate: Option<f64>,
    /// Rates one after another, in the place of rate, such as [{ rate = 10, duration = "1m" }, { from = 10, to = 100,
    /// duration = "2m" }].
    stages: Vec<StageTable>,
    /// Rates in steps, in the place of rate.
    steps: Option<StepsTable>,
    /// Short peaks on top of rate.
    spikes: Option<SpikesTable>,
    /// Spacing: constant, poisson for independent arrivals, gamma for bursts, or the times of a trace.
    arrivals: ArrivalsName,
    /// Shape of the gaps of gamma arrivals: 1 is poisson, the smaller, the burstier.
    #[schemars(range(min = 0.01, max = 1000.0))]
    burstiness: Option<f64>,
    /// The recording whose times arrivals = "trace" repeats.
    trace: Option<TraceTable>,
    /// For how long, such as "30s".
    duration: Option<String>,
    /// How many at most.
    #[schemars(range(min = 1))]
    count: Option<u64>,
    /// Requests due before this are warm-up: sent and judged, and in no figure.
    warmup: Option<String>,
    /// So many requests are warm-up, in the place of a time.
    warmup_count: Option<u64>,
    /// How long requests in flight may take to finish at the end; as timeouts.total without it.
    grace: Option<String>,
    /// Cap on requests in flight.
    #[schemars(range(min = 1))]
    max_in_flight: Option<u64>,
    /// What becomes of a request above the cap: queue shows its wait as queued, drop counts it as missed.
    over_cap: OverCapName,
    /// What becomes of a 429 that says when to come back: report it, or obey, so that requests wait and show as queued.
    retry_after: RetryAfterName,
}

/// A closed loop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ClosedTable {
    /// How many requests are in flight at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    slots: Option<u64>,
    /// The slots come one after another over this time, not all at once.
    ramp: Option<String>,
    /// Numbers of slots one after another, in the place of slots, such as [{ slots = 4, duration = "1m" }, { from = 4,
    /// to = 64, duration = "2m" }].
    stages: Vec<StageTable>,
    /// How long a slot waits before its next request: "2s", "uniform:1s:3s", "exponential:2s", "lognormal:2s:0.5".
    think_time: Option<String>,
    /// For how long, such as "30s".
    duration: Option<String>,
    /// How many at most.
    #[schemars(range(min = 1))]
    count: Option<u64>,
    /// Requests due before this are warm-up: sent and judged, and in no figure.
    warmup: Option<String>,
    /// So many requests are warm-up, in the place of a time.
    warmup_count: Option<u64>,
    /// How long requests in flight may take to finish at the end; as timeouts.total without it.
    grace: Option<String>,
    /// Cap on requests in flight.
    #[schemars(range(min = 1))]
    max_in_flight: Option<u64>,
    /// What becomes of a request above the cap: queue shows its wait as queued, drop counts it as missed.
    over_cap: OverCapName,
    /// What becomes of a 429 that says when to come back: report it, or obey, so that requests wait and show as queued.
    retry_after: RetryAfterName,
}

/// A part of a load: a constant value, or a line from one to another.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct StageTable {
    /// Requests per second, all the time.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    rate: Option<f64>,
    /// Slots, all the time.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    slots: Option<f64>,
    /// Value at its beginning.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    from: Option<f64>,
    /// Value at its end.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    to: Option<f64>,
    /// How long it lasts.
    duration: Option<String>,
}

/// Rates in steps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StepsTable {
    /// The first.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    from: f64,
    /// The last.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    to: f64,
    /// From one to the next.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    by: f64,
    /// How long each lasts.
    every: String,
}

/// Peaks that come again and again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SpikesTable {
    /// Requests per second in a peak.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    rate: f64,
    /// From the beginning of one to the beginning of the next; the first comes after as long.
    every: String,
    /// How long each lasts.
    lasting: String,
}

/// A recording of arrivals.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TraceTable {
    /// Its file.
    file: String,
    /// Its layout: azure, burstgpt, mooncake, or csv with the columns named; from the file's name without it.
    layout: Option<String>,
    /// Names of the columns of a csv, by what they hold: time, in, out, route.
    columns: BTreeMap<String, String>,
    /// How many times as fast it goes; 1 without it.
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

/// What becomes of a 429 that says when to come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RetryAfterName {
    /// It is counted, and nothing else.
    #[default]
    Report,
    /// Nothing is sent before that time, at most a minute.
    Obey,
}

/// What becomes of a request above the cap.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum OverCapName {
    /// It waits.
    #[default]
    Queue,
    /// It is dropped.
    Drop,
}

/// Limits for a single request, such as "500ms".
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct GoodputTable {
    /// From due to the first token (ttft).
    first_token: Option<String>,
    /// The longest gap between tokens (itl).
    token_gap: Option<String>,
    /// Time per output token (tpot).
    time_per_output_token: Option<String>,
    /// From due to the end (e2e).
    response_time: Option<String>,
}

/// What ends the run early; the report says so.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct LimitsTable {
    /// No request is sent after this time.
    max_time: Option<String>,
    /// No more requests than this are sent.
    #[schemars(range(min = 1))]
    max_requests: Option<u64>,
    /// No request is sent once replies have cost this many tokens, prompts included.
    #[schemars(range(min = 1))]
    max_tokens: Option<u64>,
    /// What ends the run as failed, as in "`error_rate` > 20% over 5s", "`violation_rate` > 5% over 10s" or "`in_flight` > 5000".
    abort: Vec<String>,
}

/// A kind of request. Every body field of the contract stands here under its own name.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct CaseTable {
    /// Its name; its number without one.
    name: Option<String>,
    /// Its share of the requests, relative to the other cases.
    #[schemars(range(min = 1, max = 1_000_000))]
    weight: Option<u32>,
    /// Send the body even if the request schema of the dialect refuses it.
    unchecked: bool,
    /// Files with prompts, one drawn for each request. A .jsonl file has one on each line: a string, an object with
    /// "prompt" or "messages", or a line of an `OpenAI` batch, whose body's fields take the place of the case's. A .json
    /// file has `ShareGPT`'s conversations, of which the first human turn is sent. Any other file is one prompt. Prompts
    /// come after the messages of the case. All prompt files together may have 1 GiB.
    prompt_files: Vec<String>,
    /// What the user says, turn by turn, in a session: each turn is sent behind all that was said before, the endpoint's own
    /// answers included. The session begins with the messages of the case. An arrival of the load begins a session, and its
    /// count counts them; a session ends early with a turn that fails, and with the load's duration.
    turns: Vec<String>,
    /// Send the conversations of the prompt files as such sessions: what their user says, turn by turn. What was answered
    /// when they were recorded is not sent.
    sessions: bool,
    /// So many turns of each session at most.
    #[schemars(range(min = 1))]
    max_turns: Option<u64>,
    /// How long the user of a session thinks between an answer and the next turn, as `think_time` of a closed load.
    think_time: Option<String>,
    /// CSV file with variables for {{row.COLUMN}} in the fields of the case; its rows are taken in turn. {{env.NAME}} is
    /// an environment variable, which reports show as they show any text that is sent: no place for a secret.
    variables: Option<String>,
    /// Images that every request has behind its text, PNG, JPEG, GIF or WebP of at most 1 MiB; in the openai dialects.
    image_files: Vec<String>,
    /// Make the prompt, of so many tokens: 1024, "uniform:100:2000", "normal:1024:200", "lognormal:500:0.8",
    /// "quantiles:1,80,500" (evenly spaced, from the least to the most), "trace" for the lengths of
    /// the load's trace, or "file:" and the name of a file with a number on each line.
    #[schemars(with = "Option<TokensName>")]
    input_tokens: Option<Value>,
    /// Ask for answers of so many tokens, written as `input_tokens` is.
    #[schemars(with = "Option<TokensName>")]
    output_tokens: Option<Value>,
    /// Have answers end at no other length, by `min_tokens` and `ignore_eos`, which vLLM and its kin take.
    exact: bool,
    /// A beginning that made prompts share; it is a part of their length.
    prefix: Option<PrefixTable>,
    /// How tokens of made prompts are counted: words takes each word for one token, endpoint asks the endpoint first;
    /// else the name of a tokenizer, as in target.tokenizer. Without it that one counts, and words where there is none.
    /// What a chat template adds is in the count of endpoint only.
    tokenizer: Option<String>,
    /// Any other members of the body, sent as they are.
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

/// A beginning that prompts share.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PrefixTable {
    /// How many different ones there are; 1 without it.
    #[schemars(range(min = 1, max = 1_000_000))]
    groups: Option<u64>,
    /// How long each is, in tokens.
    #[schemars(range(min = 1, max = 10_000_000))]
    tokens: u64,
    /// Exponent of their popularity: 0 for all alike, which it is without it, 1 for Zipf's law.
    #[schemars(range(min = 0.0, max = 10.0))]
    zipf: Option<f64>,
}

/// What a conformance check is told of the endpoint.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct CheckTable {
    /// What the endpoint is declared to lack; what needs it is skipped.
    without: Vec<String>,
    /// What the endpoint must have; a clean refusal of it is a failure.
    require: Vec<String>,
    /// Tokens that prompt and answer may have together.
    #[schemars(range(min = 1))]
    context_window: Option<u64>,
    /// Share of the schemas of fmt-json-schema-enum-nested that answers have to satisfy; 0.9 without it.
    #[schemars(range(min = 0.0, max = 1.0))]
    schema_rate: Option<f64>,
    /// The model reasons before it answers, so answers need more tokens.
    reasoning: bool,
}

/// A level of your own for one check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LevelTable {
    /// How binding it is here.
    level: LevelName,
    /// Why it is not the catalogue's level.
    reason: String,
}

/// How binding.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum LevelName {
    /// Broken means the check fails.
    Must,
    /// Broken is a warning.
    Should,
    /// Reported, never a fault.
    May,
    /// Not judged.
    Off,
}
