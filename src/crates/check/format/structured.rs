//! Rules about answers in a format that was asked for.

use crate::book::{accepted, broken_at, came, each, is_refusal, refused, sent};
use crate::exchange::Reading;
use crate::exchange::words::cut;
use crate::format::probes::{
    FMT_TEXT, FMT_UNKNOWN, JSON_CUT, JSON_NAMELESS, JSON_NO_SCHEMA, JSON_OBJ, JSON_OBJ_STREAM, JSON_SCH,
    JSON_SCH_STREAM, JSON_SLICE, TOOL_JSON,
};
use crate::source::Source;
use crate::wire::json::{self, At, Value};
use crate::wire::schema::{offline_with_formats, violations};
use crate::{Book, Check, Finding, INCOMPLETE, Judge, NO_COMPLETION, Verdict, levels, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "fmt-text-accepted",
        rule: "response_format text is accepted",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("`{type:text}`"), Source::OPENAI],
        judge: Judge::Probes(&[&FMT_TEXT], |book| accepted(book.replies(&FMT_TEXT))),
        across: None,
    },
    Check {
        id: "fmt-json-object-parses",
        rule: "response_format json_object gets a JSON object and nothing around it",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_SDKS.note("supports_json"),
            Source::OPENAI,
            Source::issue("waybarrios/vllm-mlx", 538),
            Source::issue("waybarrios/vllm-mlx", 635),
        ],
        judge: Judge::Probes(&[&JSON_OBJ], |book| each(book.replies(&JSON_OBJ), an_object)),
        across: None,
    },
    Check {
        id: "fmt-json-object-stream",
        rule: "response_format json_object gets a JSON object in pieces",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[
            Source::PULZE_SDKS.note("supports_json"),
            Source::OPENAI,
            Source::issue("waybarrios/vllm-mlx", 538),
            Source::issue("waybarrios/vllm-mlx", 635),
        ],
        judge: Judge::Probes(&[&JSON_OBJ_STREAM], |book| each(book.replies(&JSON_OBJ_STREAM), an_object)),
        across: None,
    },
    Check {
        id: "fmt-json-schema-validates",
        rule: "response_format json_schema gets JSON that satisfies the schema, formats included",
        levels: levels("Y/M"),
        tier: tier("C"),
        sources: &[Source::OPENAI.note("json_schema strict")],
        judge: Judge::Probes(&[&JSON_SCH], |book| each(book.replies(&JSON_SCH), satisfies)),
        across: None,
    },
    Check {
        id: "fmt-json-schema-stream",
        rule: "response_format json_schema gets JSON in pieces that satisfies the schema, formats included",
        levels: levels("Y/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&JSON_SCH_STREAM], |book| each(book.replies(&JSON_SCH_STREAM), satisfies)),
        across: None,
    },
    Check {
        id: "fmt-json-schema-enum-nested",
        rule: "answers satisfy nine in ten, or the share you set, of forty schemas with enums, nesting, bounds, unions and recursion",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::project("guidance-ai/jsonschemabench")],
        judge: Judge::Probes(&[&JSON_SCH, &JSON_SLICE], slice),
        across: None,
    },
    Check {
        id: "fmt-json-schema-incomplete",
        rule: "a json_schema without name is refused",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("required name"), Source::project("MoonshotAI/Kimi-Vendor-Verifier")],
        judge: Judge::Probes(&[&JSON_SCH, &JSON_NAMELESS], |book| refused(book.replies(&JSON_NAMELESS))),
        across: None,
    },
    Check {
        id: "fmt-invalid-schema-rejected",
        rule: "a schema that is none is refused, and is no server error",
        levels: levels("Y/S"),
        tier: tier("F"),
        sources: &[
            Source::pull("ggml-org/llama.cpp", 17572),
            Source::issue("ggml-org/llama.cpp", 17574),
            Source::issue("vllm-project/vllm", 35438).note("500"),
        ],
        judge: Judge::Probes(&[&JSON_SCH, &JSON_NO_SCHEMA], |book| refused(book.replies(&JSON_NO_SCHEMA))),
        across: None,
    },
    Check {
        id: "fmt-type-unknown-rejected",
        rule: "a response_format that no one knows is refused",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("enum"), Source::OPENAI],
        judge: Judge::Probes(&[&FMT_UNKNOWN], |book| refused(book.replies(&FMT_UNKNOWN))),
        across: None,
    },
    Check {
        id: "fmt-truncated-declares-length",
        rule: "JSON that the cap cuts has finish_reason length",
        levels: levels("S/M"),
        tier: tier("F"),
        sources: &[Source::OPENAI],
        judge: Judge::Probes(&[&JSON_CUT], |book| each(book.replies(&JSON_CUT), declares_length)),
        across: None,
    },
    Check {
        id: "fmt-tool-choice-json-object",
        rule: "tool_choice json_object gets a JSON object, or a refusal",
        levels: levels("Y/-"),
        tier: tier("F"),
        sources: &[Source::PULZE_SDKS.note("tool_choice {type: json_object}")],
        judge: Judge::Probes(&[&TOOL_JSON], |book| each(book.replies(&TOOL_JSON), an_object_or_refused)),
        across: None,
    },
];

const CONTENT: &str = "/choices/0/message/content";

/// The share of the schemas answered that the answers have to satisfy, where a profile sets none.
const ENOUGH: f64 = 0.9;

/// The answer as JSON, or what there is to say of it otherwise.
fn answer(reading: &Reading<'_>) -> Result<Value, Verdict> {
    if !reading.success() {
        return Err(accepted(std::slice::from_ref(reading)));
    }
    let Some(choice) = reading.choices.first() else { return Err(Verdict::Skip(NO_COMPLETION)) };
    if !reading.complete() {
        return Err(Verdict::Skip(INCOMPLETE));
    }
    if choice.is_cut() {
        return Err(Verdict::Skip("the cap on tokens cut the answer"));
    }
    if !choice.refusal.is_empty() {
        return Err(Verdict::Skip("the model refused to answer"));
    }
    let short = || cut(&choice.content, 60);
    match json::read(choice.content.as_bytes()) {
        Ok(document) => Ok(document.value),
        Err(error) => Err(Verdict::broken(CONTENT, format!("not JSON: {error}: {:?}", short()))),
    }
}

fn an_object(reading: &Reading<'_>) -> Verdict {
    match answer(reading) {
        Ok(value) => Verdict::holds(value.is_object(), CONTENT, || format!("JSON, but no object: {value}")),
        Err(verdict) => verdict,
    }
}

fn an_object_or_refused(reading: &Reading<'_>) -> Verdict {
    if is_refusal(reading) { Verdict::Pass } else { an_object(reading) }
}

/// The schema is the one that was sent.
fn satisfies(reading: &Reading<'_>) -> Verdict {
    let value = match answer(reading) {
        Ok(value) => value,
        Err(verdict) => return verdict,
    };
    let asked = sent(reading);
    let Some(schema) = asked.at("/response_format/json_schema/schema") else {
        return Verdict::Skip("no schema was sent");
    };
    match offline_with_formats(&schema.into()) {
        Ok(schema) => Verdict::of(
            violations(&schema, &value)
                .into_iter()
                .map(|v| Finding::new(CONTENT, format!("{}: {}", v.pointer, v.message)))
                .collect(),
        ),
        Err(_) => Verdict::Skip("the schema cannot be compiled here"),
    }
}

/// A schema that is refused is not covered, and says nothing of those that are (`JSONSchemaBench` keeps the two apart).
fn slice(book: &Book<'_>) -> Verdict {
    let (mut kept, mut refused, mut unjudged, mut broken) = (0_usize, 0_usize, 0_usize, Vec::new());
    for reading in book.replies(&JSON_SLICE) {
        match satisfies(reading) {
            Verdict::Pass => kept += 1,
            Verdict::Broken { .. } if is_refusal(reading) => refused += 1,
            Verdict::Broken { findings, .. } => {
                let named = findings.into_iter().take(1).map(|finding| Finding {
                    detail: format!("schema {}: {}", schema_name(reading), finding.detail),
                    ..finding.at(reading)
                });
                broken.extend(named);
            }
            Verdict::Skip(_) | Verdict::Noted(_) => unjudged += 1,
        }
    }
    let judged = kept + broken.len();
    if judged == 0 {
        return Verdict::Skip("no answer to a schema could be judged");
    }
    let rate = format!("{kept} of {judged} satisfied, {refused} schemas refused, {unjudged} answers cut or not given");
    if (kept as f64) < book.facts.schema_rate.unwrap_or(ENOUGH) * judged as f64 {
        broken.insert(0, Finding { pointer: CONTENT.to_owned(), detail: rate, ..broken[0].clone() });
        return Verdict::of(broken);
    }
    if kept == book.replies(&JSON_SLICE).len() { Verdict::Pass } else { Verdict::Noted(rate) }
}

fn schema_name(reading: &Reading<'_>) -> String {
    let name = sent(reading).at("/response_format/json_schema/name").and_then(Value::as_str).map(str::to_owned);
    name.unwrap_or_default()
}

/// An object may fit the cap, and a model that reasons first may be refused so small a one.
fn declares_length(reading: &Reading<'_>) -> Verdict {
    if is_refusal(reading) {
        return Verdict::Skip("a cap of 3 tokens is refused");
    }
    if !reading.success() {
        return Verdict::broken("", format!("expected 2xx, got {}", came(reading)));
    }
    let Some(choice) = reading.choices.first() else { return Verdict::Skip(NO_COMPLETION) };
    if json::read(choice.content.as_bytes()).is_ok() {
        return Verdict::Skip("the answer fits the cap");
    }
    // Prose in the place of JSON is the fault of the rules on the format itself.
    if !choice.content.trim_start().starts_with('{') {
        return Verdict::Skip("the answer is no JSON");
    }
    if choice.is_cut() {
        return Verdict::Pass;
    }
    broken_at(
        reading,
        "/choices/0/finish_reason",
        format!("expected \"length\" for {:?}, got {:?}", choice.content, choice.finish.as_deref().unwrap_or("none")),
    )
}
