//! Bodies that are no JSON object, or JSON that RFC 8259 does not allow.

use super::{Check, Judge, Reading, Verdict, each, levels, no_server_error, refused, tier};
use crate::negative::probes::{
    NEG_ARRAY_ROOT, NEG_BAD_JSON, NEG_CONTROL_CHARS_RAW, NEG_DEEP_NESTING, NEG_DUPLICATE_KEYS, NEG_EMPTY_BODY,
    NEG_INVALID_UTF8, NEG_LONE_SURROGATE, NEG_NAN_LITERAL, NEG_NUMBER_OVERFLOW, NEG_SCALAR_ROOT, NEG_TRAILING_GARBAGE,
    NEG_UTF16_BODY,
};
use crate::source::Source;

pub(crate) static SYNTAX: &[Check] = &[
    Check {
        id: "neg-bad-json",
        rule: "a body that breaks off is refused",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::whole_rfc(8259), Source::PULZE_OPENAPI, Source::pull("ggml-org/llama.cpp", 5961)],
        judge: Judge::Defect(&NEG_BAD_JSON, "", refused),
        across: None,
    },
    Check {
        id: "neg-empty-body",
        rule: "an empty body is refused",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_OPENAPI, Source::OPENAI],
        judge: Judge::Defect(&NEG_EMPTY_BODY, "", refused),
        across: None,
    },
    Check {
        id: "neg-array-root",
        rule: "a body that is an array is refused",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::OPENAI.note("an object"),
            Source::project("vllm-project/vllm").note("test_non_object_body_validation"),
        ],
        judge: Judge::Defect(&NEG_ARRAY_ROOT, "", refused),
        across: None,
    },
    Check {
        id: "neg-scalar-root",
        rule: "a body that is null, a string or a number is refused",
        levels: levels("M/M"),
        tier: tier("F"),
        sources: &[
            Source::OPENAI.note("an object"),
            Source::project("vllm-project/vllm").note("test_non_object_body_validation"),
        ],
        judge: Judge::Defect(&NEG_SCALAR_ROOT, "", refused),
        across: None,
    },
    Check {
        id: "neg-trailing-garbage",
        rule: "a body with something behind its object is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(8259, "2")],
        judge: Judge::Defect(&NEG_TRAILING_GARBAGE, "", refused),
        across: None,
    },
    Check {
        id: "neg-invalid-utf8",
        rule: "a body that is no UTF-8 is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(8259, "8.1")],
        judge: Judge::Defect(&NEG_INVALID_UTF8, "", refused),
        across: None,
    },
    Check {
        id: "neg-utf16-body",
        rule: "a body in UTF-16 is refused",
        levels: levels("Y/Y"),
        tier: tier("X"),
        sources: &[Source::rfc(8259, "8.1")],
        judge: Judge::Defect(&NEG_UTF16_BODY, "", refused),
        across: None,
    },
    Check {
        id: "neg-nan-literal",
        rule: "a body with the literal NaN is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(8259, "6")],
        judge: Judge::Defect(&NEG_NAN_LITERAL, "", refused),
        across: None,
    },
    Check {
        id: "neg-duplicate-keys",
        rule: "a body with a name twice is answered or refused",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[Source::rfc(8259, "4")],
        judge: Judge::Defect(&NEG_DUPLICATE_KEYS, "", which_won),
        across: None,
    },
    Check {
        id: "neg-number-overflow",
        rule: "numbers beyond all bounds are refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(8259, "6")],
        judge: Judge::Defect(&NEG_NUMBER_OVERFLOW, "", refused),
        across: None,
    },
    Check {
        id: "neg-deep-nesting",
        rule: "a body nested 100,000 deep is refused",
        levels: levels("S/S"),
        tier: tier("X"),
        sources: &[Source::rfc(8259, "9")],
        judge: Judge::Defect(&NEG_DEEP_NESTING, "", refused),
        across: None,
    },
    Check {
        id: "neg-lone-surrogate",
        rule: "half a surrogate pair in a string is no server error",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(8259, "8.2")],
        judge: Judge::Defect(&NEG_LONE_SURROGATE, "", no_server_error),
        across: None,
    },
    Check {
        id: "neg-control-chars-raw",
        rule: "a body with a raw control character in a string is refused",
        levels: levels("S/S"),
        tier: tier("F"),
        sources: &[Source::rfc(8259, "7")],
        judge: Judge::Defect(&NEG_CONTROL_CHARS_RAW, "", refused),
        across: None,
    },
];

/// One choice is what a server gives that takes the first `n`, and what one gives that takes none.
const ONE_CHOICE: &str = "n stood twice, as 1 and 2: one choice came, so the first one counted or n is ignored";

/// The probe sends `n` as 1 and then as 2, so that the choices tell which one counted.
fn which_won(replies: &[Reading<'_>]) -> Verdict {
    each(replies, |reading| match (reading.success(), reading.choices.len()) {
        (true, 1) => Verdict::Noted(ONE_CHOICE.to_owned()),
        (true, 2) => Verdict::Noted("n stood twice: the last one counted".to_owned()),
        (true, count) => Verdict::Noted(format!("n stood twice, as 1 and 2: {count} choices came")),
        (false, _) => no_server_error(std::slice::from_ref(reading)),
    })
}
