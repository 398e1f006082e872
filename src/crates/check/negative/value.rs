//! Members with a value that the contract does not allow: the model, numbers and texts.

use super::{Check, Judge, Reading, Verdict, came, each, is_refusal, levels, no_server_error, refused, tier};
use crate::negative::probes::{
    NEG_BEST_OF_ZERO, NEG_MAX_TOKENS_FLOAT, NEG_MAX_TOKENS_HUGE, NEG_MAX_TOKENS_NEGATIVE, NEG_MAX_TOKENS_STRING,
    NEG_MAX_TOKENS_ZERO, NEG_MODEL_EMPTY, NEG_MODEL_NUMBER, NEG_MODEL_TRAVERSAL, NEG_N_OVER, NEG_N_STRING, NEG_N_ZERO,
    NEG_NUL_IN_CONTENT, NEG_SPECIAL_TOKENS, NEG_STOP_FIVE, NEG_STOP_NUMBER, NEG_STREAM_STRING, NEG_TEMPERATURE_STRING,
};
use crate::source::Source;

pub(crate) static VALUE: &[Check] = &[
    Check {
        id: "neg-model-number",
        rule: "a model that is a number is refused",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI.note("string")],
        judge: Judge::Defect(&NEG_MODEL_NUMBER, "model", refused),
        across: None,
    },
    Check {
        id: "neg-model-empty",
        rule: "an empty model is refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Defect(&NEG_MODEL_EMPTY, "model", refused),
        across: None,
    },
    Check {
        id: "neg-model-traversal",
        rule: "a model that is a path out of a folder is refused, and no path of the server is told",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Defect(&NEG_MODEL_TRAVERSAL, "model", kept_in),
        across: None,
    },
    Check {
        id: "neg-temperature-string",
        rule: "a temperature that is a word is refused",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("number"), Source::OPENAI],
        judge: Judge::Defect(&NEG_TEMPERATURE_STRING, "temperature", refused),
        across: None,
    },
    Check {
        id: "neg-max-tokens-string",
        rule: "a max_tokens that is a word is refused",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("integer"), Source::OPENAI.note("integer")],
        judge: Judge::Defect(&NEG_MAX_TOKENS_STRING, "max_tokens", refused),
        across: None,
    },
    Check {
        id: "neg-max-tokens-float",
        rule: "a max_tokens with a fraction is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::SEED.note("integer")],
        judge: Judge::Defect(&NEG_MAX_TOKENS_FLOAT, "max_tokens", refused),
        across: None,
    },
    Check {
        id: "neg-max-tokens-zero",
        rule: "a max_tokens of 0 is refused, or answered with nothing",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::ours("published nowhere")],
        judge: Judge::Defect(&NEG_MAX_TOKENS_ZERO, "max_tokens", refused_or_empty),
        across: None,
    },
    Check {
        id: "neg-max-tokens-negative",
        rule: "a max_tokens of -5 is refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::PULZE_REFERENCE.note("in metadata, max_tokens of -1 is the maximum of the context")],
        judge: Judge::Defect(&NEG_MAX_TOKENS_NEGATIVE, "max_tokens", refused),
        across: None,
    },
    Check {
        id: "neg-max-tokens-huge",
        rule: "a max_tokens of a billion is refused or cut down",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Defect(&NEG_MAX_TOKENS_HUGE, "max_tokens", no_server_error),
        across: None,
    },
    Check {
        id: "neg-n-zero",
        rule: "an n of 0 is refused",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("derived: min 1"), Source::OPENAI],
        judge: Judge::Defect(&NEG_N_ZERO, "n", refused),
        across: None,
    },
    Check {
        id: "neg-n-over",
        rule: "an n of 129 is refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("max 128")],
        judge: Judge::Defect(&NEG_N_OVER, "n", refused),
        across: None,
    },
    Check {
        id: "neg-n-string",
        rule: "an n that is a word is refused",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[Source::SEED, Source::OPENAI.note("integer")],
        judge: Judge::Defect(&NEG_N_STRING, "n", refused),
        across: None,
    },
    Check {
        id: "neg-best-of-zero",
        rule: "a best_of of 0 is refused",
        levels: levels("S/-"),
        tier: tier("F"),
        sources: &[Source::SEED.note("derived")],
        judge: Judge::Defect(&NEG_BEST_OF_ZERO, "best_of", refused),
        across: None,
    },
    Check {
        id: "neg-stream-string",
        rule: "a stream that is a word is refused",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[Source::SEED.note("boolean"), Source::OPENAI.note("boolean")],
        judge: Judge::Defect(&NEG_STREAM_STRING, "stream", refused),
        across: None,
    },
    Check {
        id: "neg-stop-number",
        rule: "a stop that is a number is refused",
        levels: levels("M/M"),
        tier: tier("F"),
        sources: &[Source::SEED, Source::OPENAI.note("a string or an array")],
        judge: Judge::Defect(&NEG_STOP_NUMBER, "stop", refused),
        across: None,
    },
    Check {
        id: "neg-stop-five",
        rule: "five stop sequences are refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("1..4")],
        judge: Judge::Defect(&NEG_STOP_FIVE, "stop", refused),
        across: None,
    },
    Check {
        id: "neg-nul-in-content",
        rule: "a NUL in a content is no server error",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Defect(&NEG_NUL_IN_CONTENT, "messages", no_server_error),
        across: None,
    },
    Check {
        id: "neg-special-tokens",
        rule: "a model's control tokens in a content are no server error",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Defect(&NEG_SPECIAL_TOKENS, "messages", no_server_error),
        across: None,
    },
];

/// What a request names as its model to get out of the folder of the models.
pub(super) const TRAVERSAL: &str = "../../etc/passwd";

/// The model's name may come back as it was sent, but not put together with a folder of the server's.
fn kept_in(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| {
        let text = String::from_utf8_lossy(&reading.exchange.body.bytes).replace("\\/", "/").replace(TRAVERSAL, "");
        match ["etc/passwd", "root:x:"].into_iter().find(|told| text.contains(told)) {
            Some(told) => Verdict::broken("", format!("the reply tells {told:?}, which was not sent")),
            None => refused(std::slice::from_ref(reading)),
        }
    })
}

fn refused_or_empty(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| {
        let empty = |choice: &crate::exchange::Choice| {
            choice.content.is_empty() && choice.reasoning.is_empty() && choice.calls.is_empty()
        };
        let right = is_refusal(reading) || (reading.completion().is_some() && reading.choices.iter().all(empty));
        Verdict::holds(right, "", || format!("expected 4xx or an empty answer, got {}", came(reading)))
    })
}
