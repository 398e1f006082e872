//! What a contract says that no schema can say, each fact with a name that a user can write.

use serde::Deserialize;

/// The envelope of an error body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorEnvelope {
    /// `{"detail": ..}`, as FastAPI has it; a body that is refused gets 422.
    Detail,
    /// `{"error": {"message": .., "type": .., "param": .., "code": ..}}`; a body that is refused gets 400.
    Error,
}

/// The unit of `created`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CreatedUnit {
    /// Seconds only.
    Seconds,
    /// Milliseconds; seconds are accepted as well.
    Milliseconds,
}

/// The form of a completion's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ids {
    /// A UUID.
    Uuid,
    /// `chatcmpl-` and 24 hexadecimal digits.
    Chatcmpl,
}

/// The page that lists the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelsPage {
    /// `/models`, an object with the models in `data`.
    List,
    /// `/models/active`, an array; it may be missing.
    Active,
}

/// What a count of tokens is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counts {
    /// An integer that is always there.
    Integer,
    /// A number of any kind, which may be left out.
    Number,
}

/// What becomes of a model's reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reasoning {
    /// There is none to ask for.
    None,
    /// It is counted, not shown.
    Hidden,
    /// It is counted, and shown as `reasoning_content`.
    Shown,
}

/// What becomes of a member of the body that the request schema does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownMembers {
    /// It is ignored.
    Ignored,
    /// The request is refused.
    Refused,
}

macro_rules! facts {
    ($($(#[$about:meta])* $name:ident: $kind:ty,)*) => {
        /// The facts of a contract.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Facts {
            $($(#[$about])* pub $name: $kind,)*
        }

        /// Facts as a contract's file has them: what is left out comes from the parent.
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct Changes {
            $($name: Option<$kind>,)*
        }

        impl Changes {
            /// The parent's facts with these changes; without a parent, the name of a fact that is missing is an error.
            pub(super) fn over(self, parent: Option<&Facts>) -> Result<Facts, &'static str> {
                Ok(Facts {
                    $($name: match (self.$name, parent) {
                        (Some(own), _) => own,
                        (None, Some(parent)) => parent.$name.clone(),
                        (None, None) => return Err(stringify!($name)),
                    },)*
                })
            }
        }
    };
}

facts! {
    /// The request names a model. Without this, a request without one is answered.
    model_required: bool,
    /// A router picks the model: `pulze` and names that begin with `pulze-v0` leave the choice open, and part of a name is
    /// enough.
    router: bool,
    /// Messages may not be an empty list.
    messages_required: bool,
    /// Names of the cap on tokens that a request may use; the first that is there counts.
    caps: Vec<String>,
    /// The name of the cap that this program writes.
    cap: String,
    /// A cap of -1 means no cap.
    unlimited_cap: bool,
    /// The highest temperature that is published.
    max_temperature: f64,
    /// `best_of` is a parameter.
    best_of: bool,
    /// `plugins` is a parameter.
    plugins: bool,
    /// `seed` is a parameter.
    seed: bool,
    /// `parallel_tool_calls` is a parameter.
    parallel_tool_calls: bool,
    /// `stream_options` is a parameter: a last chunk states the usage where it asks for that. Without this, the last chunk of
    /// a choice states it.
    stream_options: bool,
    /// `logprobs` asks for the log probability of every token.
    logprobs: bool,
    /// `response_format` may be a JSON Schema.
    json_schema: bool,
    /// A message may have images.
    images: bool,
    /// Messages of the role `tool` are published.
    tool_results: bool,
    /// Function names have at most 64 of the characters A-Z, a-z, 0-9, `_` and `-`.
    tool_names_checked: bool,
    /// Arguments of a tool that is `strict` match its schema, as a MUST.
    strict_tools: bool,
    /// Calls of custom tools may be streamed.
    custom_tool_streams: bool,
    /// Values that are not published are sent all the same where another server of the kind takes them.
    open_values: bool,
    /// What becomes of a member of the body that the request schema does not name.
    unknown_members: UnknownMembers,
    /// The `Pulze-*` headers of a request are read.
    pulze_headers: bool,
    /// Each parameter of the seed page's example is tried alone where all together were refused.
    seed_page: bool,
    /// The envelope of an error body.
    error_envelope: ErrorEnvelope,
    /// The form of a completion's id.
    ids: Ids,
    /// Requests and replies are stored under the completion's id, for `/logs/{id}`.
    stored_logs: bool,
    /// The unit of `created`.
    created_unit: CreatedUnit,
    /// `created` may be left out.
    created_optional: bool,
    /// A chunk may leave its `model` out.
    chunk_model_optional: bool,
    /// Values of `object` of a whole reply.
    objects: Vec<String>,
    /// Finish reasons that are published.
    finish_reasons: Vec<String>,
    /// Finish reasons of a choice with tool calls.
    call_finish_reasons: Vec<String>,
    /// Finish reasons of a choice that reached its cap.
    cap_finish_reasons: Vec<String>,
    /// A call may leave its `type` out, which then is `function`.
    call_type_optional: bool,
    /// A message without calls says `tool_calls: null`.
    null_tool_calls: bool,
    /// A message has the key `refusal`.
    refusal: bool,
    /// A reply has `service_tier` and `system_fingerprint`.
    service_tier: bool,
    /// A reply has the metadata block of Pulze. Without this, `metadata` repeats that of the request.
    metadata_block: bool,
    /// What becomes of a model's reasoning.
    reasoning: Reasoning,
    /// What a count of tokens is.
    usage_counts: Counts,
    /// Usage says how many tokens were cached and how many were reasoning.
    usage_details: bool,
    /// A stream has at least one choice, as a MUST.
    choices_required: bool,
    /// A stream may begin with a chunk without choices, and have chunks of a content filter; no rule on members judges them.
    filter_chunks: bool,
    /// The page that lists the models.
    models_page: ModelsPage,
    /// Replies have the headers `x-request-id`, `openai-processing-ms` and `x-ratelimit-*`.
    service_headers: bool,
}

impl Facts {
    /// Whether a finish reason is published.
    pub fn is_known_finish(&self, reason: &str) -> bool {
        self.finish_reasons.iter().any(|known| known == reason)
    }
}
