//! Rules about the members of a completion, whole or streamed.

use std::collections::BTreeSet;

use crate::exchange::{Choice, Reading};
use crate::markup::marks;
use crate::said::{says_nothing, speaks_otherwise};
use crate::source::Source;
use crate::stream::is_filter_chunk;
use crate::wire::api::error::{Place, error_in};
use crate::wire::api::reply::choices;
use crate::wire::contract::Facts;
use crate::wire::contract::facts::{Counts, CreatedUnit};
use crate::wire::json::{At, Members, Value};
use crate::{Across, Check, Fault, Finding, Judge, Level, NO_COMPLETION, Verdict, levels, shown, tier};

pub(crate) static CHECKS: &[Check] = &[
    Check {
        id: "resp-choices-nonempty",
        rule: "a completion has at least one choice",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Reply(choices_nonempty),
        across: None,
    },
    Check {
        id: "resp-index-sequence",
        rule: "choice indices are 0, 1, ... without gaps or repeats",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("required"), Source::OPENAI],
        judge: Judge::Reply(index_sequence),
        across: None,
    },
    Check {
        id: "resp-message-object",
        rule: "every choice has a message object and no delta",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI, Source::issue("microsoft/foundry-local", 383)],
        judge: Judge::Reply(message_object),
        across: None,
    },
    Check {
        id: "resp-role-assistant",
        rule: "the message's role is assistant",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("enum shows user/assistant/system"), Source::OPENAI.note("const")],
        judge: Judge::Reply(role_assistant),
        across: None,
    },
    Check {
        id: "resp-content-type-of-content",
        rule: "content is a string, or null beside tool calls, a refusal, sound, reasoning or finish length",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED.note("string"), Source::OPENAI.note("string or null")],
        judge: Judge::Reply(type_of_content),
        across: None,
    },
    Check {
        id: "resp-content-nonempty",
        rule: "a choice says something",
        levels: levels("S/S"),
        tier: tier("C*"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(content_nonempty),
        across: None,
    },
    Check {
        id: "resp-finish-reason-present",
        rule: "every choice has a finish_reason",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("default stop"), Source::OPENAI],
        judge: Judge::Reply(finish_present),
        across: None,
    },
    Check {
        id: "resp-finish-reason-known",
        rule: "finish_reason is one of the published",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_REFERENCE.note("open list"),
            Source::OPENAI.note("enum"),
            Source::pull("ml-explore/mlx-lm", 782),
            Source::issue("huggingface/text-generation-inference", 1724),
        ],
        judge: Judge::Reply(finish_known),
        across: None,
    },
    Check {
        id: "resp-object-value",
        rule: "object is a published value",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::SEED.note("text_completion"),
            Source::PULZE_SDKS.note("enum of two"),
            Source::OPENAI.note("const"),
        ],
        judge: Judge::Reply(object_value),
        across: None,
    },
    Check {
        id: "resp-object-chat",
        rule: "object is chat.completion",
        levels: levels("S/-"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS],
        judge: Judge::Reply(object_chat),
        across: None,
    },
    Check {
        id: "resp-id-present",
        rule: "a completion has a non-empty id",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Reply(id_present),
        across: None,
    },
    Check {
        id: "resp-id-unique",
        rule: "no id comes twice in a run",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_REFERENCE.note("log id"),
            Source::OPENAI,
            Source::pull("ollama/ollama", 14225),
            Source::issue("ogx-ai/ogx", 2315),
            Source::pull("InternLM/lmdeploy", 4707),
        ],
        judge: Judge::Reply(id_judged),
        across: Some(Across::Unique(Level::Must, |reading| id(reading).map(str::to_owned).into_iter().collect())),
    },
    Check {
        id: "resp-id-opaque-safe",
        rule: "an id is at most 256 printable ASCII characters",
        levels: levels("Y/Y"),
        tier: tier("C"),
        sources: &[Source::ours("good practice")],
        judge: Judge::Reply(id_opaque_safe),
        across: None,
    },
    Check {
        id: "resp-created-integer",
        rule: "created is an integer of 0 or more",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::SEED, Source::OPENAI],
        judge: Judge::Reply(created_integer),
        across: None,
    },
    Check {
        id: "resp-created-plausible",
        rule: "created is from 300 s before sending to 300 s after the end, earlier where a cache answered: in seconds, in the pulze dialect also in milliseconds",
        levels: levels("S/M"),
        tier: tier("C"),
        sources: &[
            Source::PULZE_REFERENCE.note("\"milliseconds (!)\""),
            Source::OPENAI.note("seconds"),
            Source::rfc(9111, "5.1"),
            Source::whole_rfc(9211),
            Source::pull("ollama/ollama", 15088),
        ],
        judge: Judge::Reply(created_plausible),
        across: None,
    },
    Check {
        id: "resp-model-nonempty",
        rule: "model is a non-empty string",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[Source::PULZE_SDKS.note("required"), Source::OPENAI, Source::issue("microsoft/foundry-local", 144)],
        judge: Judge::Reply(model_nonempty),
        across: None,
    },
    Check {
        id: "resp-no-error-member",
        rule: "a whole success has no top-level error",
        levels: levels("M/M"),
        tier: tier("C"),
        sources: &[
            Source::client("openai/openai-node", "takes it for a completion"),
            Source::client("openai/openai-python", "takes it for a completion"),
            Source::issue("BerriAI/litellm", 27030),
        ],
        judge: Judge::Reply(no_error_member),
        across: None,
    },
    Check {
        id: "resp-no-markup-leak",
        rule: "no control markup of the model's template is in the text or the reasoning",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::issue("inferencerlabs/inferencer-feedback", 295),
            Source::issue("vllm-project/vllm-ascend", 12398),
            Source::issue("microsoft/foundry-local", 874),
            Source::issue("vllm-project/vllm", 47903),
        ],
        judge: Judge::Reply(no_markup_leak),
        across: None,
    },
    Check {
        id: "resp-no-replacement-char",
        rule: "no U+FFFD is in the text or the reasoning unless the prompt has it",
        levels: levels("S/S"),
        tier: tier("C"),
        sources: &[
            Source::issue("ggml-org/llama.cpp", 4036),
            Source::pull("ggml-org/llama.cpp", 28926),
            Source::issue("triton-inference-server/server", 8039),
        ],
        judge: Judge::Reply(no_replacement_char),
        across: None,
    },
    Check {
        id: "resp-service-tier-known",
        rule: "service_tier is one of OpenAI's, or null",
        levels: levels("-/S"),
        tier: tier("F"),
        sources: &[
            Source::OPENAI.note("enum"),
            Source::issue("divar-ir/ai-doc-gen", 18),
            Source::issue("lofcz/LLMTornado", 65).note("Groq's on_demand; clients that refuse it"),
        ],
        judge: Judge::Reply(service_tier_known),
        across: None,
    },
    Check {
        id: "resp-integer-notation",
        rule: "integers are written without a fraction and an exponent: neither 8.0 nor 1.7e9",
        levels: levels("Y/Y"),
        tier: tier("F"),
        sources: &[
            Source::rfc(8259, "6").note("allows it"),
            Source::ours("serde, Go and .NET refuse it for an integer"),
            Source::issue("stoe/gh-report", 20),
            Source::issue("guregu/null", 8),
        ],
        judge: Judge::Reply(integer_notation),
        across: None,
    },
    Check {
        id: "resp-refusal-key",
        rule: "every message has the key refusal",
        levels: levels("-/Y"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("required key"), Source::issue("JamePeng/llama-cpp-python", 113)],
        judge: Judge::Reply(refusal_key),
        across: None,
    },
    Check {
        id: "resp-logprobs-key",
        rule: "every choice has the key logprobs",
        levels: levels("-/Y"),
        tier: tier("F"),
        sources: &[Source::OPENAI.note("required key")],
        judge: Judge::Reply(logprobs_key),
        across: None,
    },
];

fn choices_nonempty(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    Verdict::holds(!choices(completion).is_empty(), "/choices", || {
        format!("expected at least one choice, got {}", shown(completion.member("choices")))
    })
}

/// Judges every choice of a whole completion.
fn each_choice(reading: &Reading<'_>, judge: impl Fn(usize, &Value) -> Option<Finding>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let choices = choices(completion);
    if choices.is_empty() {
        return Verdict::Skip("the completion has no choice");
    }
    let findings = choices.iter().enumerate().filter_map(|(number, choice)| judge(number, choice));
    Verdict::distinct(findings.map(|finding| finding.settled(reading)))
}

fn index_sequence(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let choices = choices(completion);
    let indices: BTreeSet<u64> = choices.iter().filter_map(|choice| choice.member("index")?.as_u64()).collect();
    Verdict::holds(indices.iter().copied().eq(0..choices.len() as u64), "/choices", || {
        let said: Vec<String> = choices.iter().map(|choice| shown(choice.member("index"))).collect();
        format!("expected the indices 0 to {}, got {}", choices.len().saturating_sub(1), said.join(", "))
    })
}

fn message_object(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        if choice.member("delta").is_some() {
            let detail = "expected message and no delta in a whole reply, got a delta";
            return Some(Finding::new(format!("/choices/{number}/delta"), detail).kind(Fault::Unasked));
        }
        let message = choice.member("message");
        (!message.is_some_and(Value::is_object)).then(|| {
            Finding::new(format!("/choices/{number}/message"), format!("expected an object, got {}", shown(message)))
        })
    })
}

fn role_assistant(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let role = choice.member("message").filter(|message| message.is_object())?.member("role");
        (role.and_then(Value::as_str) != Some("assistant")).then(|| {
            Finding::new(
                format!("/choices/{number}/message/role"),
                format!("expected \"assistant\", got {}", shown(role)),
            )
        })
    })
}

/// Null where nothing explains it is a warning only: the schema allows null (`schemas/README.md#whole-replies`).
fn type_of_content(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let mut unexplained = None;
    for (number, choice) in choices(completion).iter().enumerate() {
        let Some(message) = choice.member("message").filter(|message| message.is_object()) else { continue };
        let place = format!("/choices/{number}/message/content");
        match message.member("content") {
            None | Some(Value::Null) if explains_null(reading.choices.get(number)) => {}
            None | Some(Value::Null) => unexplained = Some(place),
            Some(content) if content.is_string() => {}
            content @ Some(_) => {
                return Verdict::broken(place, format!("expected a string or null, got {}", shown(content)));
            }
        }
    }
    match unexplained {
        Some(place) => Verdict::warning(
            place,
            "expected a string, got null or nothing without tool calls, refusal, sound, reasoning or finish_reason length",
        ),
        None => Verdict::Pass,
    }
}

fn explains_null(choice: Option<&Choice>) -> bool {
    choice.is_some_and(|choice| {
        !choice.calls.is_empty()
            || !choice.refusal.is_empty()
            || !choice.reasoning.is_empty()
            || speaks_otherwise(choice)
            || choice.is_cut()
            || choice.is_filtered()
    })
}

fn content_nonempty(reading: &Reading<'_>) -> Verdict {
    if reading.completion().is_none() {
        return Verdict::Skip(NO_COMPLETION);
    }
    match reading.choices.iter().find(|choice| says_nothing(reading, choice)) {
        Some(choice) => {
            let place = format!("/choices/{}/message/content", choice.index);
            Verdict::broken(place, "expected content, a refusal, reasoning or a tool call, got none of them")
        }
        None => Verdict::Pass,
    }
}

fn finish_present(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let reason = choice.member("finish_reason");
        (!reason.is_some_and(Value::is_string)).then(|| {
            Finding::new(
                format!("/choices/{number}/finish_reason"),
                format!("expected a string, got {}", shown(reason)),
            )
        })
    })
}

/// The contract's facts.
pub(crate) fn facts<'r>(reading: &'r Reading<'_>) -> &'r Facts {
    &reading.exchange.asked.wanted.contract.facts
}

/// A finish reason that is not published, in words.
pub(crate) fn unpublished_finish(facts: &Facts, reason: &str) -> String {
    format!("expected one of {}, got {reason:?}", facts.finish_reasons.join(", "))
}

fn finish_known(reading: &Reading<'_>) -> Verdict {
    let facts = facts(reading);
    each_choice(reading, |number, choice| {
        let reason = choice.member("finish_reason")?.as_str()?;
        (!facts.is_known_finish(reason)).then(|| {
            let detail = unpublished_finish(facts, reason);
            Finding::new(format!("/choices/{number}/finish_reason"), detail).kind(Fault::WrongValue)
        })
    })
}

fn object_value(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let object = completion.member("object");
    let objects = &facts(reading).objects;
    let right = object.and_then(Value::as_str).is_some_and(|object| objects.iter().any(|known| known == object));
    Verdict::holds(right, "/object", || {
        let expected: Vec<String> = objects.iter().map(|known| format!("{known:?}")).collect();
        format!("expected {}, got {}", expected.join(" or "), shown(object))
    })
}

fn object_chat(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let object = completion.member("object");
    Verdict::holds(object.and_then(Value::as_str) == Some("chat.completion"), "/object", || {
        format!("expected \"chat.completion\", got {}", shown(object))
    })
}

/// The id of a completion, or of the first chunk that has one.
fn id<'r>(reading: &'r Reading<'_>) -> Option<&'r str> {
    reading.bodies().find_map(|body| body.member("id")?.as_str().filter(|id| !id.is_empty()))
}

fn id_present(reading: &Reading<'_>) -> Verdict {
    let Some(completion) = reading.completion() else { return Verdict::Skip(NO_COMPLETION) };
    let said = completion.member("id");
    if reading.exchange.asked.wanted.policies.private && said.is_none_or(Value::is_null) {
        return Verdict::Skip("privacy level 3 keeps no log");
    }
    Verdict::holds(said.and_then(Value::as_str).is_some_and(|id| !id.is_empty()), "/id", || {
        format!("expected a non-empty string, got {}", shown(said))
    })
}

fn id_judged(reading: &Reading<'_>) -> Verdict {
    if id(reading).is_some() { Verdict::Pass } else { Verdict::Skip("the reply has no id") }
}

fn id_opaque_safe(reading: &Reading<'_>) -> Verdict {
    let Some(id) = id(reading) else { return Verdict::Skip("the reply has no id") };
    let safe = id.len() <= 256 && id.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    Verdict::holds(safe, "/id", || {
        format!(
            "expected at most 256 printable ASCII characters, got {} bytes: {}",
            id.len(),
            shown(Some(&Value::from(id)))
        )
    })
}

/// The body whose `created` is judged: the completion, or the first chunk that has a choice.
fn stamped<'r>(reading: &'r Reading<'_>) -> Option<&'r Value> {
    reading.completion().or_else(|| reading.bodies().find(|body| !choices(body).is_empty() && !is_filter_chunk(body)))
}

fn created_integer(reading: &Reading<'_>) -> Verdict {
    let Some(body) = stamped(reading) else { return Verdict::Skip("no completion to judge") };
    let created = body.member("created");
    if facts(reading).created_optional && created.is_none_or(Value::is_null) {
        return Verdict::Skip("created is optional");
    }
    let integer = created.and_then(Value::as_f64).is_some_and(|number| number >= 0.0 && number.fract() == 0.0);
    Verdict::holds(integer, "/created", || format!("expected an integer of 0 or more, got {}", shown(created)))
}

/// Above this, a unix time is in milliseconds: 100 gigaseconds are the year 5138, in milliseconds 1973.
const MILLISECONDS_FROM: f64 = 1e11;
/// What two clocks may differ by.
const PLAUSIBLE_S: f64 = 300.0;

/// `created` is when the work began, when the answer was ready, or anything between (OpenAI: "when the chat completion
/// was created"); a reply that takes long may have been created long before its end. Where our own clock is wrong, the
/// endpoint's `Date` tells what it is there.
fn created_plausible(reading: &Reading<'_>) -> Verdict {
    let Some(created) = stamped(reading).and_then(|body| body.member("created")?.as_f64()) else {
        return Verdict::Skip("no created");
    };
    if created >= MILLISECONDS_FROM && facts(reading).created_unit == CreatedUnit::Seconds {
        return Verdict::broken("/created", format!("{created} is in milliseconds, expected seconds"));
    }
    let seconds = if created >= MILLISECONDS_FROM { created / 1000.0 } else { created };
    let exchange = reading.exchange;
    let [sent, ended] = [exchange.sent.unwrap_or(exchange.eligible), exchange.ended]
        .map(|instant| (exchange.epoch + instant).as_secs_f64());
    let date = exchange.head.as_ref().and_then(|head| {
        let theirs = head.header("date").and_then(unix_seconds)?;
        Some(theirs - (exchange.epoch + head.at).as_secs_f64())
    });
    let kept = kept_for(reading);
    // How far it is outside of the exchange, by a clock that is so far from ours.
    let off = |ahead: f64| (sent + ahead - kept - seconds).max(seconds - ended - ahead);
    let nearest = date.map_or(off(0.0), |ahead| off(0.0).min(off(ahead)));
    Verdict::holds(nearest <= PLAUSIBLE_S, "/created", || {
        let side = if seconds > ended { "after the end" } else { "before the request was sent" };
        format!("{created} is {nearest:.0} s {side}")
    })
}

/// For how many seconds a cache may have kept the reply before it was asked for: as long as `Age` says (RFC 9111,
/// section 5.1), and any time where a header on the cache says that it was a hit (`Cache-Status`, RFC 9211; Cloudflare,
/// Portkey and Helicone have their own), or where `LiteLLM` names the entry. A reply whose `created` is old and that
/// does not say so cannot be told from one with a wrong clock, so it breaks the rule.
fn kept_for(reading: &Reading<'_>) -> f64 {
    let Some(head) = &reading.exchange.head else { return 0.0 };
    let says_hit =
        |value: &str| value.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case("hit"));
    let is_hit =
        |(name, value): (&str, &str)| name == "x-litellm-cache-key" || (name.contains("cache") && says_hit(value));
    if head.headers.iter().any(is_hit) {
        return f64::INFINITY;
    }
    let age = head.header("age").and_then(|age| age.trim().parse::<u32>().ok());
    age.map_or(0.0, f64::from)
}

/// Seconds since 1970 of an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
pub(crate) fn unix_seconds(date: &str) -> Option<f64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs_f64())
}

fn model_nonempty(reading: &Reading<'_>) -> Verdict {
    if let Some(completion) = reading.completion() {
        let model = completion.member("model");
        return Verdict::holds(model.and_then(Value::as_str).is_some_and(|m| !m.is_empty()), "/model", || {
            format!("expected a non-empty string, got {}", shown(model))
        });
    }
    let Some(stream) = reading.stream() else { return Verdict::Skip("no completion to judge") };
    let optional = facts(reading).chunk_model_optional;
    let nameless = stream.distinct().filter(|(_, chunk)| {
        let model = chunk.member("model");
        let absent = model.is_none_or(Value::is_null);
        let excused = choices(chunk).is_empty() || is_filter_chunk(chunk) || (absent && optional);
        !excused && model.and_then(Value::as_str).is_none_or(str::is_empty)
    });
    Verdict::distinct(nameless.map(|(event, chunk)| {
        let model = chunk.member("model");
        let detail = format!("expected a non-empty string, got {}", shown(model));
        Finding::in_event(event, "/model", detail).kind(Fault::came(model))
    }))
}

fn no_error_member(reading: &Reading<'_>) -> Verdict {
    if !reading.success() || reading.exchange.asked.wanted.stream {
        return Verdict::Skip("not a whole success");
    }
    match reading.json() {
        Some(document) => {
            let error = error_in(&document.value, Place::Body).filter(|error| error.pointer == "/error");
            Verdict::holds(error.is_none(), "/error", || {
                format!("expected no error in a success, got {}", shown(document.value.member("error")))
            })
        }
        None => Verdict::Skip("no JSON to judge"),
    }
}

fn refusal_key(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let message = choice.member("message").filter(|message| message.is_object())?;
        message.member("refusal").is_none().then(|| {
            let detail = "expected the key refusal, null where there is none, got no such key";
            Finding::new(format!("/choices/{number}/message/refusal"), detail)
        })
    })
}

fn logprobs_key(reading: &Reading<'_>) -> Verdict {
    each_choice(reading, |number, choice| {
        let lacks = choice.is_object() && choice.member("logprobs").is_none();
        lacks.then(|| {
            let detail = "expected the key logprobs, null where none were asked for, got no such key";
            Finding::new(format!("/choices/{number}/logprobs"), detail)
        })
    })
}

/// The document's list is closed, and clients that take it at its word refuse any other tier, although nothing follows
/// from one: kin have tiers of their own, as Groq's `on_demand`, so it is a warning. In the strict dialect the schema
/// has the list.
fn service_tier_known(reading: &Reading<'_>) -> Verdict {
    const TIERS: [&str; 6] = ["auto", "default", "flex", "scale", "priority", "fast"];
    if !reading.says_something() {
        return Verdict::Skip("no completion to judge");
    }
    let tiers = reading.bodies().filter_map(|body| body.member("service_tier").filter(|tier| !tier.is_null()));
    let other = tiers.into_iter().find(|tier| tier.as_str().is_none_or(|tier| !TIERS.contains(&tier)));
    Verdict::holds(other.is_none(), "/service_tier", || {
        format!("expected one of {}, got {}", TIERS.join(", "), shown(other))
    })
}

/// Members that are integers in the document, as clients with static types read them.
fn integer_notation(reading: &Reading<'_>) -> Verdict {
    if !reading.says_something() {
        return Verdict::Skip("no completion to judge");
    }
    let usage_counts = facts(reading).usage_counts == Counts::Integer;
    match reading.bodies().find_map(|body| odd_integer(body, usage_counts)) {
        Some((pointer, value)) => Verdict::broken(pointer, format!("the integer is written as {value}")),
        None => Verdict::Pass,
    }
}

/// An integer of a body that is written with a fraction or an exponent; Pulze's counts are numbers of any kind.
fn odd_integer(body: &Value, usage_counts: bool) -> Option<(String, &Value)> {
    let odd = |value: &&Value| value.is_whole_float();
    if let Some(created) = body.member("created").filter(odd) {
        return Some(("/created".to_owned(), created));
    }
    for (number, choice) in choices(body).iter().enumerate() {
        if let Some(index) = choice.member("index").filter(odd) {
            return Some((format!("/choices/{number}/index"), index));
        }
        let pieces = choice.at("/delta/tool_calls").and_then(Value::as_array).into_iter().flatten().enumerate();
        for (place, piece) in pieces {
            if let Some(index) = piece.member("index").filter(odd) {
                return Some((format!("/choices/{number}/delta/tool_calls/{place}/index"), index));
            }
        }
    }
    let counts = body.member("usage").filter(|_| usage_counts).and_then(Value::as_object);
    counts.into_iter().flatten().find_map(|(name, value)| {
        let inner = value.as_object().into_iter().flatten().find(|(_, count)| count.is_whole_float());
        match inner {
            // Money and times may be any number; what is named after tokens is counted.
            Some((detail, count)) if detail.ends_with("tokens") => Some((format!("/usage/{name}/{detail}"), count)),
            _ => (name.ends_with("tokens") && value.is_whole_float()).then(|| (format!("/usage/{name}"), value)),
        }
    })
}

/// Marks that the request has in it may be the model's answer; and who asks for special tokens gets them.
fn no_markup_leak(reading: &Reading<'_>) -> Verdict {
    let asked = &reading.exchange.asked;
    not_in_texts(reading, |text| {
        marks(text).find(|mark| !asked.says(mark)).filter(|_| !asked.says("skip_special_tokens"))
    })
}

fn no_replacement_char(reading: &Reading<'_>) -> Verdict {
    let asked = &reading.exchange.asked;
    not_in_texts(reading, |text| text.contains('\u{FFFD}').then_some("\u{FFFD}").filter(|text| !asked.says(text)))
}

/// Nothing unwanted is in what a choice says or reasons.
fn not_in_texts(reading: &Reading<'_>, unwanted: impl Fn(&str) -> Option<&str>) -> Verdict {
    if !reading.says_something() {
        return Verdict::Skip("no completion to judge");
    }
    for choice in &reading.choices {
        for (what, text) in [("text", &choice.content), ("reasoning", &choice.reasoning)] {
            if let Some(found) = unwanted(text) {
                return Verdict::broken(format!("/choices/{}", choice.index), format!("the {what} contains {found}"));
            }
        }
    }
    Verdict::Pass
}
