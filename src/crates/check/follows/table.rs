//! The roots, and the rules that follow from them.

use super::link::{Link, When};
use super::shown;

/// Rules of which each says on its own request, which has a defect, that it is to be refused.
const DEFECTS: &[&str] = &[
    "req-model-omitted-rejected",
    "req-best-of-lt-n",
    "sampling-temperature-over-max",
    "sampling-temperature-negative",
    "sampling-top-p-range",
    "sampling-penalties-range",
    "sampling-logit-bias-range",
    "fmt-json-schema-incomplete",
    "fmt-invalid-schema-rejected",
    "fmt-type-unknown-rejected",
    "stream-prestart-error-status",
    "tool-named-unknown-rejected",
    "tool-choice-invalid-rejected",
    "tool-required-without-tools",
    "tool-name-invalid",
    "logprobs-top-requires-flag",
    "logprobs-top-range",
    "logprobs-pulze-bool-rejected",
    "logprobs-pulze-range",
    "meta-bad-header-4xx",
    "neg-bad-json",
    "neg-empty-body",
    "neg-array-root",
    "neg-scalar-root",
    "neg-trailing-garbage",
    "neg-invalid-utf8",
    "neg-nan-literal",
    "neg-number-overflow",
    "neg-deep-nesting",
    "neg-lone-surrogate",
    "neg-control-chars-raw",
    "neg-messages-missing",
    "neg-messages-empty",
    "neg-messages-string",
    "neg-messages-null",
    "neg-message-not-object",
    "neg-role-missing",
    "neg-role-unknown",
    "neg-role-number",
    "neg-content-number",
    "neg-content-object",
    "neg-logit-bias-array",
    "neg-tools-object",
    "neg-tool-no-function",
    "neg-tool-no-name",
    "neg-tool-parameters-string",
    "neg-tool-call-id-orphan",
    "neg-response-format-string",
    "neg-plugins-string",
    "neg-model-number",
    "neg-model-empty",
    "neg-model-traversal",
    "neg-temperature-string",
    "neg-max-tokens-string",
    "neg-max-tokens-float",
    "neg-max-tokens-zero",
    "neg-max-tokens-negative",
    "neg-max-tokens-huge",
    "neg-n-zero",
    "neg-n-over",
    "neg-n-string",
    "neg-best-of-zero",
    "neg-stream-string",
    "neg-stop-number",
    "neg-stop-five",
    "neg-nul-in-content",
    "neg-special-tokens",
    "neg-schema-mutants",
    "neg-oversized-body",
    "neg-long-header",
];

/// Rules on requests of their own that need an answer which can be read.
const UNREAD: &[&str] = &[
    "req-nulls-accepted",
    "req-stream-default-json",
    "req-n-count",
    "http-content-type-missing",
    "http-gzip-response",
    "neg-max-tokens-huge",
    "neg-nul-in-content",
    "neg-special-tokens",
    "neg-schema-mutants",
];

/// Rules that look for something in a stream that an error, or a broken event, has ended.
const IN_STREAM: &[&str] =
    &["load-all-streams-complete", "stream-finish-once", "stream-nonempty", "tool-stream-args-join"];

macro_rules! links {
    ($($root:literal => $rules:expr, $when:expr;)*) => { &[$(Link { root: $root, rules: $rules, when: $when }),*] };
}

pub(super) static LINKS: &[Link] = links! {
    // Who is let in.
    "sampling-temperature-zero" => &["auth-valid-accepted"], When::Same;
    "auth-missing-rejected" => &["auth-missing-status-401"], When::Same;
    "auth-missing-rejected" => &[
        "auth-invalid-token-rejected", "auth-empty-token-rejected", "auth-wrong-scheme-rejected",
        "auth-query-token-ignored", "auth-stream-error-not-sse",
    ], When::Shown(shown::served);
    "auth-invalid-token-rejected" => &[
        "auth-empty-token-rejected", "auth-wrong-scheme-rejected", "auth-stream-error-not-sse",
    ], When::Shown(shown::served);

    // A server error at a request with a defect, and the error page that came with it.
    "err-no-5xx-on-client-error" => DEFECTS, When::Shown(shown::crashes);
    "err-no-5xx-on-client-error" => &["err-json-body", "err-envelope", "err-message-nonempty"], When::SameIf(shown::crashes);
    "err-json-body" => &[
        "auth-error-envelope", "auth-stream-error-not-sse", "stream-prestart-error-status", "err-429-envelope",
    ], When::SameIf(shown::is_refused);
    "err-envelope" => &["auth-error-envelope", "err-429-envelope", "err-message-nonempty"], When::Same;
    "err-no-success-status" => &["resp-no-error-member"], When::Same;

    // Parameters that are ignored, or refused: what is known of one request holds of the others with it.
    "req-n-count" => &["req-n-indices", "usage-n-sums", "usage-cap-hit-length"], When::Same;
    "req-n-count" => &[
        "stream-index-valid", "stream-finish-once", "stream-n2-both-finish",
        "neg-n-zero", "neg-n-over", "neg-n-string", "neg-number-overflow",
    ], When::Shown(shown::ignores_n);
    "req-stop-string" => &["req-stop-excluded", "req-stop-reason"], When::Same;
    "req-stop-string" => &["req-stop-array", "req-stop-stream"], When::Shown(shown::goes_on_after_stop);
    "req-stop-string" => &["req-stop-array", "req-stop-stream"], When::Shown(shown::refuses_stop);
    "req-stop-string" => &["neg-stop-number", "neg-stop-five"], When::Shown(shown::serves_stop);
    "req-stop-excluded" => &["req-stop-stream"], When::Shown(shown::shows_stop);
    "req-max-tokens-honoured" => &["req-max-tokens-length-reason"], When::Same;
    "req-max-tokens-honoured" => &[
        "req-max-tokens-one", "req-max-tokens-length-reason-stream", "usage-within-cap", "usage-length-cap-hit",
        "usage-cap-hit-length",
    ], When::Shown(shown::exceeds_cap);
    "req-max-tokens-honoured" => &["neg-max-tokens-string", "neg-max-tokens-float"], When::Shown(shown::ignores_max_tokens);
    "req-max-completion-tokens" => &["usage-within-cap", "usage-length-cap-hit", "usage-cap-hit-length"], When::SameIf(shown::exceeds_cap);
    "req-max-tokens-length-reason" => &["req-max-tokens-length-reason-stream"], When::Shown(shown::hides_the_cap_in_stream);
    "req-max-tokens-length-reason" => &[
        "fmt-truncated-declares-length", "tool-args-json", "tool-stream-args-join", "tool-truncated-length",
        "usage-length-cap-hit",
    ], When::Shown(shown::hides_the_cap);
    "req-stream-flag-honoured" => &["stream-content-type", "logprobs-stream", "neg-stream-string"], When::Shown(shown::ignores_stream);
    "req-stream-default-json" => &[
        "req-nulls-accepted", "req-n-count", "resp-content-type-json", "resp-json-parses", "http-gzip-response",
        "neg-stream-string",
    ], When::Shown(shown::streams_unasked);
    "fmt-json-object-parses" => &[
        "fmt-json-object-stream", "fmt-json-schema-validates", "fmt-json-schema-stream", "fmt-json-schema-enum-nested",
        "fmt-json-schema-incomplete", "fmt-invalid-schema-rejected", "fmt-type-unknown-rejected",
        "neg-response-format-string",
    ], When::Shown(shown::answers_in_prose);
    "fmt-json-object-parses" => &["fmt-json-object-stream"], When::Shown(shown::refuses_format);
    "fmt-json-schema-validates" => &["fmt-json-schema-stream"], When::Shown(shown::refuses_format);
    "tool-accepted" => &["tool-auto-calls", "tool-required-calls", "tool-named-calls-that", "tool-roundtrip"], When::Shown(shown::refuses_tools);
    "tool-none-no-calls" => &["tool-none-has-content"], When::Same;
    "tool-required-calls" => &[
        "tool-named-unknown-rejected", "tool-choice-invalid-rejected", "tool-required-without-tools",
    ], When::Shown(shown::serves_tool_choice);
    "logprobs-present" => &["logprobs-stream"], When::Shown(shown::refuses_logprobs);
    "err-unknown-model" => &["neg-model-empty", "neg-model-traversal"], When::Shown(shown::served);

    // A body that cannot be read is no answer to whatever was asked.
    "http-content-coding" => UNREAD, When::Same;
    "logprobs-nonpositive-finite" => &["logprobs-stream"], When::Same;
    "logprobs-entry-shape" => &["logprobs-stream"], When::Same;
    "logprobs-present" => &["logprobs-stream"], When::Same;

    // Streams.
    "stream-prestart-error-status" => &["auth-stream-error-not-sse"], When::Shown(shown::tells_error_in_stream);
    "stream-prestart-error-status" => &["stream-no-inband-error"], When::Same;
    "auth-stream-error-not-sse" => &["stream-no-inband-error"], When::SameIf(shown::tells_error_in_stream);
    "stream-no-inband-error" => IN_STREAM, When::Same;
    "stream-no-inband-error" => &["stream-done-present"], When::Same;
    "stream-no-inband-error" => &["stream-index-valid"], When::SameIf(shown::has_no_stray_choice);
    "stream-utf8-valid" => &["stream-data-json", "resp-utf8-valid"], When::Same;
    "stream-data-json" => IN_STREAM, When::Same;
    "stream-content-type" => &["load-all-streams-complete"], When::Same;
    "http-body-length" => &["stream-clean-close", "load-all-streams-complete"], When::Same;
    "stream-clean-close" => &["load-all-streams-complete"], When::Same;
    "stream-done-present" => &["load-all-streams-complete"], When::Same;
    "stream-final-blank-line" => &["stream-done-present"], When::Same;
    "stream-index-valid" => &[
        "stream-finish-once", "stream-n2-both-finish", "stream-nonempty", "stream-role-first", "req-n-default-one",
        "load-all-streams-complete",
    ], When::SameIf(shown::has_stray_choice);
    "stream-index-valid" => &[
        "stream-finish-once", "stream-n2-both-finish", "load-all-streams-complete", "usage-cap-hit-length",
    ], When::SameIf(shown::ends_each_once);
    "stream-finish-once" => &["stream-n2-both-finish", "load-all-streams-complete"], When::Same;
    "stream-finish-once" => &[
        "stream-done-present", "stream-nonempty", "tool-stream-args-join", "tool-stream-header-first",
    ], When::SameIf(shown::breaks_off);
    "tool-stream-not-dropped" => &[
        "stream-nonempty", "tool-auto-calls", "tool-required-calls", "tool-named-calls-that",
        "tool-finish-implies-call",
    ], When::Shown(shown::drops_call);
    "stream-content-delta-type" => &["stream-nonempty"], When::Same;
    "stream-nonempty" => &["tool-finish-implies-call", "tool-none-has-content"], When::Same;
    "stream-incremental" => &["stream-ttft-before-end"], When::Same;
    "resp-id-present" => &["stream-first-chunk-usable"], When::SameIf(shown::begins_with_choice);
    "resp-model-nonempty" => &["stream-first-chunk-usable"], When::SameIf(shown::begins_with_choice);

    // Whole replies.
    "resp-utf8-valid" => &["resp-json-parses"], When::Same;
    "resp-json-finite" => &["resp-json-parses"], When::Same;
    "resp-content-type-json" => &["resp-json-parses"], When::SameIf(shown::is_page_or_stream);
    "resp-choices-nonempty" => &["req-n-default-one"], When::Same;
    "resp-index-sequence" => &["req-n-default-one", "req-n-indices"], When::Same;
    "resp-content-type-of-content" => &["resp-content-nonempty", "tool-content-null-ok"], When::Same;
    "resp-created-integer" => &["resp-created-plausible"], When::Same;
    "resp-content-nonempty" => &["tool-none-has-content"], When::Same;
    "resp-finish-reason-known" => &["tool-finish-reason"], When::Same;
    "resp-finish-reason-known" => &[
        "req-max-tokens-length-reason", "req-stop-reason", "fmt-truncated-declares-length", "tool-args-json",
        "tool-truncated-length", "usage-length-cap-hit",
    ], When::SameIf(shown::ends_unknown);
    "stream-finish-known" => &["tool-finish-reason"], When::Same;
    "stream-finish-known" => &[
        "req-max-tokens-length-reason-stream", "tool-stream-args-join", "tool-truncated-length", "usage-length-cap-hit",
    ], When::SameIf(shown::ends_unknown);

    // Tools and usage.
    "tool-finish-implies-call" => &[
        "req-max-tokens-length-reason", "req-max-tokens-length-reason-stream", "req-stop-reason",
        "fmt-truncated-declares-length", "usage-length-cap-hit",
    ], When::Same;
    "tool-args-json" => &["tool-parallel-two", "tool-noarg", "tool-args-schema"], When::Same;
    "tool-id-unique" => &["tool-parallel-two", "tool-parallel-off", "tool-stream-equals-nonstream"], When::Same;
    "tool-name-declared" => &["tool-named-calls-that"], When::Same;
    "tool-finish-reason" => &["tool-stream-equals-nonstream"], When::Same;
    "tool-args-schema" => &["tool-enum-respected"], When::Same;
    "tool-id-nonempty" => &["tool-stream-header-first"], When::SameIf(shown::lacks_call_id_only);
    "tool-stream-index" => &["tool-id-unique"], When::Same;
    "usage-numbers" => &[
        "usage-details-bounds", "usage-prompt-positive", "usage-within-cap", "usage-cap-hit-length", "usage-total-is-sum",
    ], When::Same;
    "usage-within-cap" => &["usage-cap-hit-length", "usage-plausible-size", "usage-length-cap-hit"], When::Same;
    "usage-completion-positive" => &["usage-cap-hit-length", "usage-plausible-size"], When::Same;
    "usage-n-sums" => &["usage-cap-hit-length"], When::Same;
    "usage-prompt-positive" => &["usage-prompt-monotone"], When::Shown(shown::counts_no_prompt);

    // Schemas, where every place at which one is broken is that of a rule on one member.
    "resp-model-nonempty" => &["resp-schema", "stream-chunk-schema", "stream-reassembles"], When::SamePlaces;
    "resp-index-sequence" => &["resp-schema"], When::SamePlaces;
    "resp-role-assistant" => &["resp-schema"], When::SamePlaces;
    "resp-content-type-of-content" => &["resp-schema"], When::SamePlaces;
    "resp-finish-reason-present" => &["resp-schema"], When::SamePlaces;
    "resp-finish-reason-known" => &["resp-schema"], When::SamePlaces;
    "resp-object-value" => &["resp-schema"], When::SamePlaces;
    "resp-id-present" => &["resp-schema", "stream-chunk-schema", "stream-reassembles"], When::SamePlaces;
    "resp-created-integer" => &["resp-schema", "stream-chunk-schema", "stream-reassembles"], When::SamePlaces;
    "tool-shape" => &["resp-schema"], When::SamePlaces;
    "tool-calls-array" => &["resp-schema", "stream-chunk-schema"], When::SamePlaces;
    "tool-args-string" => &["resp-schema", "stream-chunk-schema"], When::SamePlaces;
    "tool-type-function" => &["resp-schema", "stream-chunk-schema"], When::SamePlaces;
    "tool-id-nonempty" => &["resp-schema", "tool-shape"], When::SamePlaces;
    "usage-numbers" => &["resp-schema", "stream-chunk-schema", "stream-reassembles"], When::SamePlaces;
    "meta-labels-string-map" => &["resp-schema", "stream-chunk-schema", "meta-schema", "stream-reassembles"], When::SamePlaces;
    "meta-openai-string-map" => &["resp-schema", "stream-chunk-schema"], When::SamePlaces;
    "stream-object-value" => &["stream-chunk-schema"], When::SamePlaces;
    "stream-content-delta-type" => &["stream-chunk-schema"], When::SamePlaces;
    "stream-finish-known" => &["stream-chunk-schema", "stream-reassembles"], When::SamePlaces;
    "tool-stream-index" => &["stream-chunk-schema"], When::SamePlaces;
};
