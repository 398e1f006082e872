//! What the contract leaves open: every way to break a correct reply that no rule sees, with the reason. What a rule of a
//! lower level sees does not stand here; the catalogue says that it is a SHOULD.
//!
//! Sources are named as in `schemas/README.md#sources`, rulings by their anchors on that page; kin are servers that
//! speak a dialect not their own.

use crate::dialect::Dialect;

/// Ways of breaking that no rule sees at certain places, and why none should.
#[derive(Debug)]
pub(super) struct Open {
    pub dialects: &'static [Dialect],
    pub contracts: &'static [&'static str],
    /// Places; `*` stands for a position, `{}` for a name of the server's own.
    pub places: &'static [&'static str],
    pub ways: &'static [&'static str],
    pub why: &'static str,
}

impl Open {
    pub(super) fn is_of(&self, dialect: Dialect, contract: &str) -> bool {
        self.dialects.contains(&dialect) && self.contracts.contains(&contract)
    }
}

/// Whether a place is one of those that a pattern means.
pub(super) fn fits(pattern: &str, place: &str) -> bool {
    let (mut pattern, mut place) = (pattern.split('/'), place.split('/'));
    loop {
        match (pattern.next(), place.next()) {
            (None, None) => return true,
            (Some("{}"), Some(_)) => {}
            (Some(wanted), Some(step)) if wanted == step => {}
            _ => return false,
        }
    }
}

const PULZE: &[Dialect] = &[Dialect::Pulze];
const TOLERANT: &[Dialect] = &[Dialect::OpenAi];
const OPENAI: &[Dialect] = &[Dialect::OpenAi, Dialect::OpenAiStrict];
const ALL: &[Dialect] = &Dialect::ALL;

const RESPONSE: &[&str] = &["response"];
const CHUNK: &[&str] = &["chunk"];
const BOTH: &[&str] = &["response", "chunk"];
const ERROR: &[&str] = &["error"];

const DETAILS: &[&str] = &[
    "/usage/prompt_tokens_details",
    "/usage/prompt_tokens_details/{}",
    "/usage/completion_tokens_details",
    "/usage/completion_tokens_details/{}",
];

pub(super) const OPEN: &[Open] = &[
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &[
            "/metadata/app_id",
            "/metadata/costs",
            "/metadata/costs/{}",
            "/metadata/cost_savings",
            "/metadata/cost_savings/{}",
            "/metadata/generated_artifacts",
            "/metadata/generated_artifacts/items",
            "/metadata/search_results",
            "/metadata/search_results/items",
            "/metadata/latency",
            "/metadata/labels",
            "/metadata/score",
            "/metadata/scores",
            "/metadata/scores/best_models",
            "/metadata/scores/candidates",
            "/metadata/temperature",
            "/metadata/max_tokens",
            "/metadata/status_code",
            "/metadata/retries",
            "/metadata/extra",
            "/metadata/model/owner",
            "/metadata/model/provider",
        ],
        ways: &["null", "removed"],
        why: "every member of metadata is optional and nullable (schemas/README.md#ruling-4)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/metadata/error", "/metadata/warning", "/metadata/model/at"],
        ways: &["removed"],
        why: "optional (schemas/README.md#ruling-4); null before",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &[
            "/metadata/costs",
            "/metadata/cost_savings",
            "/metadata/generated_artifacts",
            "/metadata/search_results",
            "/metadata/scores",
            "/metadata/scores/best_models",
            "/metadata/scores/best_models/*",
            "/metadata/scores/candidates",
            "/metadata/scores/candidates/*",
        ],
        ways: &["empty"],
        why: "all inside is optional (schemas/README.md#ruling-4; the seed page shows both lists all but empty)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &[
            "/metadata/scores/best_models",
            "/metadata/scores/best_models/*",
            "/metadata/scores/best_models/*/{}",
            "/metadata/scores/candidates",
            "/metadata/scores/candidates/*",
            "/metadata/scores/candidates/*/{}",
        ],
        ways: &["removed", "repeated"],
        why: "which models are scored is the router's own",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/metadata/score", "/metadata/scores/best_models/*/{}", "/metadata/scores/candidates/*/{}"],
        ways: &["fraction", "negative", "huge", "huge negative"],
        why: "a score is a number, without bounds (SDKs)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/metadata/max_tokens", "/metadata/retries"],
        ways: &["huge"],
        why: "integers with a least value and no greatest (seed page, derived; SDKs)",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/metadata/temperature"],
        ways: &["number"],
        why: "where no temperature was asked for, the one used is the router's own (OpenAPI excerpt: \"allow Pulze to guess it\")",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/metadata/model/model", "/metadata/model/owner", "/metadata/model/provider"],
        ways: &["unknown"],
        why: "names without a published list (seed page)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/metadata/model/owner", "/metadata/model/provider"],
        ways: &["empty"],
        why: "optional strings without a least length (seed page; SDKs)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/metadata/model/at", "/metadata/warning"],
        ways: &["string"],
        why: "free text (seed page)",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/metadata/labels"],
        ways: &["empty"],
        why: "optional; that the request's labels come back is a rule on the probe that sends them",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/metadata/labels/{}"],
        ways: &["empty", "removed", "unknown"],
        why: "labels are free; that the request's come back is a rule on the probe that sends them",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/metadata/extra"],
        ways: &["empty"],
        why: "an open object (seed page)",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/metadata/extra/{}"],
        ways: &[
            "array",
            "boolean",
            "fraction",
            "negative",
            "huge",
            "huge negative",
            "null",
            "object",
            "removed",
            "string",
        ],
        why: "an open object (seed page)",
    },
    Open {
        dialects: PULZE,
        contracts: CHUNK,
        places: &["/metadata", "/usage", "/choices/*/delta"],
        ways: &["null", "removed"],
        why: "optional and nullable in a chunk (schemas/README.md#ruling-5)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/usage/prompt_tokens", "/usage/completion_tokens", "/usage/total_tokens"],
        ways: &["null", "removed"],
        why: "each optional, default 0 (SDKs)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/usage"],
        ways: &["empty"],
        why: "each count optional, default 0 (SDKs)",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/created"],
        ways: &["null", "removed"],
        why: "optional and nullable (SDKs; schemas/README.md#whole-replies)",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/choices/*/message/content", "/choices/*/message/tool_calls"],
        ways: &["removed"],
        why: "optional (SDKs): content beside tool calls, tool_calls where there are none",
    },
    Open {
        dialects: PULZE,
        contracts: RESPONSE,
        places: &["/choices/*/message/tool_calls"],
        ways: &["array"],
        why: "null, absent and [] all mean none (schemas/README.md#whole-replies)",
    },
    Open {
        dialects: PULZE,
        contracts: BOTH,
        places: &["/choices/*/message/tool_calls/*/type", "/choices/*/delta/tool_calls/*/type"],
        ways: &["removed", "null", "empty"],
        why: "it has a default (schemas/README.md#ruling-6); a piece of a stream need not say it",
    },
    Open {
        dialects: PULZE,
        contracts: CHUNK,
        places: &["/choices/*/finish_reason"],
        ways: &["removed"],
        why: "optional where it is null (schemas/README.md#ruling-5)",
    },
    Open {
        dialects: ALL,
        contracts: RESPONSE,
        places: &["/choices/*/message/content"],
        ways: &["string"],
        why: "text beside tool calls is legal (OpenAI)",
    },
    Open {
        dialects: ALL,
        contracts: BOTH,
        places: &["/choices/*/message/tool_calls/*/id", "/choices/*/delta/tool_calls/*/id"],
        ways: &["unknown"],
        why: "ids are opaque",
    },
    Open {
        dialects: ALL,
        contracts: RESPONSE,
        places: &["/id"],
        ways: &["unknown"],
        why: "ids are opaque; no prefix is prescribed",
    },
    Open {
        dialects: ALL,
        contracts: CHUNK,
        places: &["/choices/*/delta/content"],
        ways: &["null", "removed", "unknown"],
        why: "free text; a delta need not have any",
    },
    Open {
        dialects: ALL,
        contracts: CHUNK,
        places: &["/choices/*/delta/tool_calls/*/function/arguments"],
        ways: &["removed"],
        why: "the piece that opens a call need not bring arguments",
    },
    Open {
        dialects: &[Dialect::Pulze, Dialect::OpenAi],
        contracts: CHUNK,
        places: &["/choices/*/delta/tool_calls/*/function/arguments"],
        ways: &["null"],
        why: "the piece that opens a call need not bring arguments, and kin say so with null",
    },
    Open {
        dialects: ALL,
        contracts: CHUNK,
        places: &["/choices/*/delta/tool_calls"],
        ways: &["repeated"],
        why: "the piece that opens a call says the same twice, under the same index",
    },
    Open {
        dialects: ALL,
        contracts: CHUNK,
        places: &["/choices"],
        ways: &["repeated"],
        why: "a piece that comes twice is other text, under the same index",
    },
    Open {
        dialects: OPENAI,
        contracts: CHUNK,
        places: &["/choices"],
        ways: &["empty"],
        why: "a chunk without choices is legal (OpenAI; tests/vectors/documents.json, C4); what it had carried was text",
    },
    Open {
        dialects: OPENAI,
        contracts: CHUNK,
        places: &["/choices/*"],
        ways: &["removed"],
        why: "a chunk without choices is legal (OpenAI; tests/vectors/documents.json, C4); what it had carried was text",
    },
    Open {
        dialects: OPENAI,
        contracts: CHUNK,
        places: &["/usage"],
        ways: &["removed"],
        why: "null or absent where no usage was asked for, and before the last chunk (OpenAI)",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/service_tier"],
        ways: &["null", "removed"],
        why: "optional and nullable (OpenAI)",
    },
    Open {
        dialects: TOLERANT,
        contracts: BOTH,
        places: &["/service_tier"],
        ways: &["empty", "unknown"],
        why: "kin have tiers of their own (Groq: on_demand, performance)",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/system_fingerprint"],
        ways: &["empty", "removed", "unknown"],
        why: "optional and opaque (OpenAI)",
    },
    Open {
        dialects: TOLERANT,
        contracts: BOTH,
        places: &["/system_fingerprint"],
        ways: &["null"],
        why: "nullable for kin (schemas/README.md#ruling-3)",
    },
    Open { dialects: OPENAI, contracts: BOTH, places: DETAILS, ways: &["removed"], why: "optional (OpenAI)" },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/usage/prompt_tokens_details", "/usage/completion_tokens_details"],
        ways: &["empty"],
        why: "each detail is optional (OpenAI)",
    },
    Open {
        dialects: TOLERANT,
        contracts: BOTH,
        places: DETAILS,
        ways: &["null"],
        why: "nullable for kin (schemas/README.md#ruling-3)",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &[
            "/usage/prompt_tokens_details/audio_tokens",
            "/usage/completion_tokens_details/audio_tokens",
            "/usage/completion_tokens_details/accepted_prediction_tokens",
            "/usage/completion_tokens_details/rejected_prediction_tokens",
        ],
        ways: &["huge"],
        why: "the catalogue bounds cached and reasoning tokens from above, and no other detail",
    },
    Open {
        dialects: TOLERANT,
        contracts: RESPONSE,
        places: &["/choices/*/logprobs", "/choices/*/message/refusal"],
        ways: &["removed"],
        why: "keys that kin leave out (schemas/README.md#ruling-3); null before",
    },
    Open {
        dialects: OPENAI,
        contracts: RESPONSE,
        places: &["/choices/*/message/refusal"],
        ways: &["string"],
        why: "a refusal is free text (OpenAI)",
    },
    Open {
        dialects: OPENAI,
        contracts: CHUNK,
        places: &["/choices/*/logprobs"],
        ways: &["removed"],
        why: "optional in a chunk (OpenAI)",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/refusal"],
        ways: &["array"],
        why: "a list of the refusal's tokens, of which there are none (OpenAI)",
    },
    Open {
        dialects: TOLERANT,
        contracts: BOTH,
        places: &["/choices/*/logprobs/refusal"],
        ways: &["removed"],
        why: "a key that kin leave out (schemas/README.md#ruling-3; tests/vectors/documents.json, R12)",
    },
    Open {
        dialects: OPENAI,
        contracts: RESPONSE,
        places: &["/choices/*/logprobs/content"],
        ways: &["repeated"],
        why: "one entry more than the text may be that of the token that ends it",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/bytes", "/choices/*/logprobs/content/*/top_logprobs/*/bytes"],
        ways: &["null"],
        why: "nullable (OpenAI)",
    },
    Open {
        dialects: TOLERANT,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/bytes", "/choices/*/logprobs/content/*/top_logprobs/*/bytes"],
        ways: &["removed"],
        why: "keys that kin leave out (schemas/README.md#ruling-3)",
    },
    Open {
        dialects: OPENAI,
        contracts: RESPONSE,
        places: &["/choices/*/logprobs/content/*/bytes"],
        ways: &["repeated"],
        why: "then the bytes are no UTF-8, as those of a part of a character are not",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/top_logprobs/*/bytes"],
        ways: &["empty", "repeated"],
        why: "whether the bytes of an alternative are those of its token, no rule asks",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/top_logprobs/*/bytes/*"],
        ways: &["removed"],
        why: "whether the bytes of an alternative are those of its token, no rule asks",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/logprob", "/choices/*/logprobs/content/*/top_logprobs/*/logprob"],
        ways: &["negative", "huge negative", "fraction"],
        why: "a finite number of at most 0; half more may still be that",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/top_logprobs"],
        ways: &["empty"],
        why: "at most as many alternatives as were asked for (OpenAI)",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/top_logprobs/*"],
        ways: &["removed"],
        why: "at most as many alternatives as were asked for (OpenAI)",
    },
    Open {
        dialects: OPENAI,
        contracts: CHUNK,
        places: &["/choices/*/logprobs/content/*/top_logprobs"],
        ways: &["repeated"],
        why: "the catalogue counts the alternatives of a whole reply only",
    },
    Open {
        dialects: OPENAI,
        contracts: BOTH,
        places: &["/choices/*/logprobs/content/*/token", "/choices/*/logprobs/content/*/top_logprobs/*/token"],
        ways: &["empty", "unknown"],
        why: "free text; that the tokens join to the text is a SHOULD, judged by their bytes",
    },
    Open {
        dialects: PULZE,
        contracts: ERROR,
        places: &["/detail"],
        ways: &["string", "unknown", "repeated"],
        why: "FastAPI says a text or a list of faults (schemas/README.md#errors)",
    },
    Open {
        dialects: PULZE,
        contracts: ERROR,
        places: &["/detail/*/loc", "/detail/*/loc/*", "/detail/*/type"],
        ways: &["empty", "repeated", "removed", "unknown", "string", "number", "negative", "huge", "huge negative"],
        why: "texts and integers, without a published list; a path of any length (OpenAPI excerpt)",
    },
    Open { dialects: PULZE, contracts: ERROR, places: &["/detail/*/msg"], ways: &["unknown"], why: "free text" },
    Open {
        dialects: OPENAI,
        contracts: ERROR,
        places: &["/error/message", "/error/type", "/error/param", "/error/code"],
        ways: &["unknown", "empty", "string"],
        why: "texts without a published list (OpenAI)",
    },
    Open {
        dialects: OPENAI,
        contracts: ERROR,
        places: &["/error/code", "/error/param"],
        ways: &["null"],
        why: "nullable (OpenAI)",
    },
    Open {
        dialects: TOLERANT,
        contracts: ERROR,
        places: &["/error/type", "/error/param", "/error/code"],
        ways: &["removed", "null"],
        why: "keys that kin leave out (schemas/README.md#ruling-3)",
    },
];
