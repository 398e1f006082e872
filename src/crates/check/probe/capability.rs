//! What an endpoint may be unable to do.

/// Something that an endpoint may be unable to do, by the names that profiles and flags have for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Streams.
    Stream,
    /// Usage at the end of a stream.
    StreamUsage,
    /// Tools.
    Tools,
    /// `tool_choice`.
    ToolChoice,
    /// `parallel_tool_calls`.
    ParallelTools,
    /// JSON objects as a format.
    Json,
    /// JSON of a schema as a format.
    JsonSchema,
    /// Several choices.
    N,
    /// `best_of`.
    BestOf,
    /// Log probabilities.
    Logprobs,
    /// Penalties on presence and frequency.
    Penalties,
    /// Content in parts.
    Parts,
    /// A seed.
    Seed,
    /// `logit_bias`.
    LogitBias,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// A request without a model is refused.
    ModelRequired,
    /// Keys.
    Keys,
    /// The name of the model decides which one answers, so that one of no model is refused.
    ModelChoice,
    /// It speaks HTTP without TLS, as requests on a socket of their own do.
    PlainHttp,
}

impl Capability {
    /// Every one.
    pub const ALL: [Capability; 19] = [
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
    pub fn words(self) -> (&'static str, &'static [&'static str]) {
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
